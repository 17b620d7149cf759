"""The fold: cards are computed from events alone.

    events of one passage ──fold──▶ Passage(cards, rejected, skipped, texts, questions)

`fold` is pure: it reads no table, no clock, no source and no view of Anki. Two machines
that have the same events have the same cards, in whatever order the events arrived.

What must stay true:

- A function of `_APPLY` changes the passage it is given and nothing else. The card that
  an event names may not be there: its `accept` is perhaps in a file that has not arrived.
- What a person decided prevails over policy and source, even if theirs comes later in
  the order.

`tests/ledger/test_fold.py` shuffles events; `test_decisions.py` beside it and the
golden histories show the effect of each kind, `tests/anki/test_adopt.py` what notes of
other tools need.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.events import (
    FOUND,
    MERGED,
    PERSON,
    RETIRED_BEFORE,
    SOURCE,
    SUBJECTS,
    Event,
    Passage,
    State,
    Text,
    Wording,
    digest_of,
)
from ankiforge.model import Adopted, Json, MappedType, Shipped, Strings, Texts, Verdict

# --- which events stand, and which keys are one passage ---------------------------------


def in_order(events: Iterable[Event]) -> list[tuple[Event, bool]]:
    """Return the events in the order of all machines, each with whether it stands.

    An event does not stand if it was undone. An undo can be undone.
    """
    ordered = sorted(events, key=lambda event: event.order)
    undone = set()
    for event in reversed(ordered):
        if event.what == "undo" and event.id not in undone:
            undone.add(event.body["event"])
    # ids are hashes, and most passages have nothing undone
    return [(event, not undone or event.id not in undone) for event in ordered]


def classes(links: Iterable[Event]) -> dict[str, Strings]:
    """Return for each key that `same` links all keys of its passage, the oldest first.

    Args:
        links: the `same` and `undo` events, and the `key` events of the keys they name.
    """
    age: dict[str, int] = {}
    keys_of_passage: dict[str, set[str]] = {}
    standing = [event for event, stands in in_order(links) if stands]
    for position, event in enumerate(standing):
        if event.what == "key":
            age.setdefault(event.key, position)
        elif event.what == "same":
            old_key = event.body["old"]
            keys = keys_of_passage.get(event.key, {event.key})
            old_keys = keys_of_passage.get(old_key, {old_key})
            united = keys | old_keys
            for key in united:
                keys_of_passage[key] = united

    def by_age(key: str) -> tuple[int, str]:
        return age.get(key, len(age)), key

    oldest_first = {}
    for key, keys in keys_of_passage.items():
        oldest_first[key] = tuple(sorted(keys, key=by_age))
    return oldest_first


# --- the fold ---------------------------------------------------------------------------


def fold(keys: Sequence[str], events: Iterable[Event]) -> Passage:
    """Return the state of the passage with these keys.

    `events` are all events of these keys.
    """
    passage = Passage(tuple(keys))
    ordered = in_order(events)
    dropped = {event.body.get("guid") for event, _ in ordered if _is_dropping(event)}
    refused = _refused_changes(ordered)
    answered = set()
    for event, stands in ordered:
        if _is_evidence(event) and event.body["guid"] in dropped:
            continue  # the decision itself is known
        is_refused = _is_change_by_source(event) and event.body in refused
        if not stands or is_refused:
            _apply_undone(passage, event)
            continue
        _APPLY[event.what](passage, event)
        if event.what in ("same", "different"):
            answered.add(event.body["old"])
    for key, old in list(passage.asked.items()):
        if old in answered:
            del passage.asked[key]
    _supersede_later_keys(passage)
    return passage


def _refused_changes(ordered: Iterable[tuple[Event, bool]]) -> list[Json]:
    """Return the bodies of the changes of cards that a person took back.

    A change by the source that two machines recorded was taken back if either was.
    """
    undone = [event for event, stands in ordered if not stands]
    return [event.body for event in undone if event.what == "revise"]


def _is_change_by_source(event: Event) -> bool:
    return event.what == "revise" and event.by == SOURCE


def _is_evidence(event: Event) -> bool:
    """Return whether an event only says that a note has the tag of dropped cards."""
    return event.what == "retire" and event.body.get("why") == RETIRED_BEFORE


def _is_dropping(event: Event) -> bool:
    """Return whether an event is a decision to drop a card."""
    return event.what in ("reject", "retire") and not _is_evidence(event)


def _apply_undone(passage: Passage, event: Event) -> None:
    """Apply what is left of an event that was undone."""
    if _is_change_by_source(event):
        _pin(passage, event)
    elif event.what == "accept":
        _take_back(passage, event)
    elif event.what == "retire":
        _want_again(passage, event)


def _supersede_later_keys(passage: Passage) -> None:
    """If a passage had two keys with cards under each, let those of the oldest key stand.

    A card that a person accepted prevails over older ones that were only dropped, and so
    does the one that was kept of two equal cards.
    """
    cards_of = defaultdict(list)
    for card in passage.cards.values():
        cards_of[card.key].append(card)
    by_age = []
    for key in passage.keys:
        cards = cards_of.get(key, [])
        if any(not card.why.startswith(MERGED) for card in cards):
            by_age.append(cards)
    for cards in by_age[1:]:
        oldest_stand = any(card.live for card in by_age[0])
        for card in cards:
            if card.live and (oldest_stand or card.by != PERSON):
                card.verdict = Verdict.SUPERSEDED
                card.why = "the same passage has an older card"


# --- what helps to apply events ---------------------------------------------------------


def _card_of(passage: Passage, event: Event) -> State | None:
    """Return the card that an event names; None if its `accept` has not arrived."""
    return passage.cards.get(event.body.get("guid", ""))


def _wording_in(event: Event) -> Wording:
    return msgspec.convert(event.body["draft"], Wording)


def _judge(card: State, verdict: Verdict, by: str, why: str = "") -> None:
    card.verdict = verdict
    card.by = by
    card.why = why


def _offer(card: State, wording: Wording) -> None:
    """Take the source's new text, except for the fields that are a person's.

    Such a field is a conflict if the source says something in it, and something new.
    """
    kept = {name: card.wording.fields.get(name, "") for name in card.pinned}
    merged = {**wording.fields, **kept}
    card.wording = replace(wording, fields=_not_empty(merged))
    for name in card.pinned:
        offered = wording.fields.get(name, "")
        is_agreed = offered == kept[name]
        if not offered or is_agreed:
            card.offered.pop(name, None)
        elif offered != card.given.get(name, ""):
            card.offered[name] = offered


def _not_empty(fields: Texts) -> Texts:
    return {name: text for name, text in fields.items() if text}


def _remember_given(card: State, machine: str, wording: Wording) -> None:
    """Remember what the source or drafter gave last, and which machine read it."""
    card.source = wording.content
    card.given = wording.fields
    card.texts = (*card.texts, (machine, digest_of(wording.fields)))


def _pin_fields(card: State, names: Iterable[str]) -> None:
    """Make the text of some fields a person's."""
    card.pinned = tuple(dict.fromkeys((*card.pinned, *names)))


# --- events about a passage -------------------------------------------------------------


def _key(passage: Passage, event: Event) -> None:
    body = dict(event.body)
    like = body.pop("like", "")
    if like:
        passage.asked[event.key] = like
    passage.texts.insert(0, msgspec.convert(body, Text))


def _text(passage: Passage, event: Event) -> None:
    passage.texts.insert(0, msgspec.convert(event.body, Text))


def _ask(passage: Passage, event: Event) -> None:
    """A passage may be another one: a person is to say whether it is."""
    passage.asked[event.key] = event.body["old"]
    if event.body.get("beside"):
        passage.beside.add(event.key)


def _skip(passage: Passage, event: Event) -> None:
    passage.skipped = True
    passage.why_skipped = event.body.get("why", "")


def _different(passage: Passage, event: Event) -> None:
    passage.apart.add(event.body["old"])


def _nothing(passage: Passage, event: Event) -> None:
    """`undo` and `same` take effect in `in_order` and `classes`; `SUBJECTS` are no passages."""


# --- events that make cards, and take them back -----------------------------------------


def _accept(passage: Passage, event: Event) -> None:
    """Add a card; one that is known lives again, and these words are offered to it."""
    body = event.body
    wording = _wording_in(event)
    is_by_person = event.by == PERSON
    card = _card_of(passage, event)
    if card and FOUND in body:
        return  # the decisions themselves are known
    if card is None:
        card = _new_card(event, wording)
        if not is_by_person and passage.refuses(wording):
            _judge(card, Verdict.REJECTED, PERSON)
        passage.cards[card.guid] = card
    else:
        if is_by_person:
            _judge(card, Verdict.LIVE, PERSON)
        _offer(card, wording)
    card.forced = body.get("forced", card.forced)
    _remember_given(card, event.machine, wording)
    passage.passed.update(body.get("passed", ()))
    if is_by_person:
        passage.rejected.discard(wording.content)
    replaced = passage.cards.get(body.get("instead", ""))
    if replaced:
        _judge(replaced, Verdict.RETIRED, event.by, "replaced by another card")


def _new_card(event: Event, wording: Wording) -> State:
    """Return the card that an `accept` makes."""
    body = event.body
    return State(
        guid=body["guid"],
        key=event.key,
        wording=wording,
        place=body.get("slot") or wording.place,
        source=wording.content,
        deck=body.get("deck", ""),
        tags=tuple(body.get("tags", ())),
        by=event.by,
        typed=tuple(body.get("typed", ())),
    )


def _adopt(passage: Passage, event: Event) -> None:
    """A person took over another tool's note, or its schedule for a card of ours."""
    if "draft" in event.body:
        _accept(passage, event)
    card = _card_of(passage, event)
    if card is None:
        return
    card.schedule = tuple(map(tuple, event.body.get("schedule", ())))
    note = event.body.get("note")
    if note:
        # packages before that were merged with other words than those of the adoption
        card.shipped = tuple(replace(sent, hashes={}) for sent in card.shipped)
        card.adopted = msgspec.convert({**note, "words": card.wording.fields}, Adopted)


def _take_back(passage: Passage, event: Event) -> None:
    """Apply an accept that was undone.

    The draft waits again, and policy leaves it to the person.
    """
    card = _card_of(passage, event)
    if card is not None and card.by == PERSON:
        return
    _accept(passage, replace(event, body={**event.body, "instead": ""}))
    passage.passed -= set(event.body.get("passed", ()))
    card = passage.cards[event.body["guid"]]
    _judge(card, Verdict.TAKEN_BACK, PERSON, "its acceptance was undone")


# --- events that change the words of a card ---------------------------------------------


def _revise(passage: Passage, event: Event) -> None:
    """Give a card new words: at once by a person, else as an offer of the source."""
    card = _card_of(passage, event)
    if card is None:
        return
    wording = _wording_in(event)
    card.typed = ()
    if event.by == PERSON:
        card.wording = wording
        card.pinned = ()
        card.offered = {}
    else:
        _offer(card, wording)
    _remember_given(card, event.machine, wording)


def _pin(passage: Passage, event: Event) -> None:
    """A person undid a change by the source: the text before it is theirs from now on."""
    card = _card_of(passage, event)
    if card is None:
        return
    wording = _wording_in(event)
    before = card.wording.fields
    after = wording.fields
    names = sorted({*before, *after})
    _pin_fields(
        card,
        [name for name in names if before.get(name, "") != after.get(name, "")],
    )
    _remember_given(card, event.machine, wording)


def _edit(passage: Passage, event: Event) -> None:
    """Set the fields that a person typed; they stay when the source changes."""
    card = _card_of(passage, event)
    if card is None:
        return
    fields: Texts = event.body["fields"]
    _pin_fields(card, fields)
    card.wording = replace(
        card.wording,
        fields=_not_empty({**card.wording.fields, **fields}),
        kind=event.body.get("kind", card.wording.kind),
    )
    for name in fields:
        card.offered.pop(name, None)
    for name, (theirs, _) in event.body.get("over", {}).items():
        # Our words are to replace those in Anki, as if that had been asked.
        card.resolved = {**card.resolved, name: ("source", theirs, "")}


def _resolve(passage: Passage, event: Event) -> None:
    """A person chose whose text a field has: their own, or the source's."""
    card = _card_of(passage, event)
    if card is None:
        return
    body = event.body
    name = body["field"]
    choice = body["choice"]
    card.resolved = {**card.resolved, name: (choice, body["theirs"], body["ours"])}
    if name not in card.offered:
        return
    offered = card.offered.pop(name)
    if choice == "source":
        card.wording = replace(
            card.wording,
            fields={**card.wording.fields, name: offered},
        )
        card.pinned = tuple(pinned for pinned in card.pinned if pinned != name)


# --- events that end a card -------------------------------------------------------------


def _reject(passage: Passage, event: Event) -> None:
    """Remember words that shall not be proposed again, and end their card."""
    if event.body.get("passed"):
        _reject_proposal(passage, event)
        return
    passage.rejected.add(event.body["content"])
    if event.body.get("slot"):
        passage.rejected_slots.add(event.body["slot"])
    _end(passage, event, Verdict.REJECTED)


def _reject_proposal(passage: Passage, event: Event) -> None:
    """A person wants no proposals here; a model and the person's own form may still draft."""
    passage.passed.update(event.body["passed"])
    passage.no_proposals = True


def _retire(passage: Passage, event: Event) -> None:
    _end(passage, event, Verdict.RETIRED)


def _end(passage: Passage, event: Event, verdict: Verdict) -> None:
    card = _card_of(passage, event)
    may_judge = event.by == PERSON or (card is not None and card.by != PERSON)
    if card and may_judge:
        _judge(card, verdict, event.by, event.body.get("why", ""))


# --- events about the note in Anki ------------------------------------------------------


def _shipped(passage: Passage, event: Event) -> None:
    """Remember what of a card was written into a package."""
    card = _card_of(passage, event)
    if card is None:
        return
    body = event.body
    shipped = Shipped(
        mod=body["mod"],
        tags=tuple(body.get("tags", ())),
        deck=body.get("deck", ""),
        digest=body["digest"],
        hashes=body.get("hashes", {}),
    )
    if "type" in body and not card.shipped:  # the first package fixes the note type
        card.mapped = msgspec.convert(body["type"], MappedType)
    card.shipped = (*card.shipped, shipped)
    card.words = digest_of(card.wording.fields)
    card.numbers = {**card.numbers, **body.get("numbers", {})}


def _pictures(passage: Passage, event: Event) -> None:
    """Remember under which names the pictures of a card were shipped."""
    card = _card_of(passage, event)
    if card:
        card.pictures = {**card.pictures, **event.body["names"]}


def _seen(passage: Passage, event: Event) -> None:
    card = _card_of(passage, event)
    if card:
        card.seen_by = tuple(sorted({*card.seen_by, event.machine}))


def _unseen(passage: Passage, event: Event) -> None:
    """A person said that the note is absent by accident: it is shipped again."""
    card = _card_of(passage, event)
    if card:
        card.seen_by = ()
        _want_again(passage, event)


def _keep(passage: Passage, event: Event) -> None:
    """A person keeps a card whose note has the tag of dropped cards."""
    card = _card_of(passage, event)
    if card:
        _judge(card, Verdict.LIVE, PERSON)


def _want_again(passage: Passage, event: Event) -> None:
    """A deletion in Anki was undone: another tool's note is made again, if it is gone."""
    card = _card_of(passage, event)
    if card and card.adopted:
        card.adopted = replace(card.adopted, again=True)


_APPLY = {
    "key": _key,
    "text": _text,
    "ask": _ask,
    "accept": _accept,
    "adopt": _adopt,
    "revise": _revise,
    "edit": _edit,
    "reject": _reject,
    "retire": _retire,
    "skip": _skip,
    **dict.fromkeys(SUBJECTS, _nothing),
    "undo": _nothing,
    "same": _nothing,
    "different": _different,
    "resolve": _resolve,
    "shipped": _shipped,
    "pictures": _pictures,
    "seen": _seen,
    "unseen": _unseen,
    "keep": _keep,
}
KINDS = frozenset(_APPLY)
"""The kinds of events. Those of other kinds are of a newer version, and have no effect."""
