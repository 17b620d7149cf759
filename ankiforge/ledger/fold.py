"""The fold: cards are computed from events alone.

    events of one passage ──fold──▶ Passage(cards, facts, rejected, skipped, texts, questions)

`fold` is pure: it reads no table, no clock, no source and no view of Anki. Two machines
that have the same events have the same cards, in whatever order the events arrived.

What must stay true:

- `_apply` changes the passage it is given and nothing else. The card that an event names
  may not be there: its `accept` is perhaps in a file that has not arrived.
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
    Event,
    FactDecision,
    Passage,
    State,
    Text,
    Wording,
    digest_of,
)
from ankiforge.ledger.facts import decided_of, sentences
from ankiforge.model import Adopted, MappedType, Shipped, Strings, Texts, Verdict

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
    facts = {event.body["of"]: event for event, _ in ordered if event.what == "fact"}
    dropped = set()
    refused = []
    for event, stands in ordered:
        if event.what in ("reject", "retire") and not _is_evidence(event):
            dropped.add(event.body.get("guid"))
        if event.what == "revise" and not stands:
            refused.append(event.body)

    answered = set()
    for event, stands in ordered:
        # that a note has the tag of dropped cards counts only where no decision is known
        if _is_evidence(event) and event.body["guid"] in dropped:
            continue
        # a change by the source that two machines recorded was taken back if either was
        is_change_by_source = event.what == "revise" and event.by == SOURCE
        if is_change_by_source:
            stands = event.body not in refused
        if stands:
            _apply(passage, event)
            _decide_on_facts(passage, event, facts.get(event.id))
            if event.what in ("same", "different"):
                answered.add(event.body["old"])
        elif is_change_by_source:  # its sentences are decided: the card keeps its words
            _pin(passage, event)
            _decide_on_facts(passage, event, facts.get(event.id))
        elif event.what == "accept":
            _take_back(passage, event)
        elif event.what == "retire":
            _want_again(passage.cards.get(event.body["guid"]))
    for key, old in list(passage.asked.items()):
        if old in answered:
            del passage.asked[key]

    # If a passage had two keys with cards under each, those of the oldest key stand. A card
    # that a person accepted prevails over older ones that were only dropped, and so does the
    # one that was kept of two equal cards.
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
    return passage


def _decide_on_facts(passage: Passage, event: Event, fact: Event | None) -> None:
    """Note the facts that a decision decided; one that names none closes its passage."""
    if fact is not None:
        decision = msgspec.convert(fact.body, FactDecision)
        dropped = event.what == "reject" and bool(event.body["content"])
        passage.facts.append(replace(decision, dropped=dropped))
    elif event.what in ("accept", "adopt", "reject", "skip"):
        passage.closed = True
        if "draft" in event.body:  # its card asks for new words all the same
            wording = _wording_in(event)
            decided = decided_of(sentences(wording.quote), wording.drafter)
            passage.facts.append(FactDecision(sentences=decided, guid=event.body["guid"]))


def _is_evidence(event: Event) -> bool:
    """Return whether an event only says that a note has the tag of dropped cards."""
    return event.what == "retire" and event.body.get("why") == RETIRED_BEFORE


# --- what each kind of event does -------------------------------------------------------


def _apply(passage: Passage, event: Event) -> None:
    """Apply an event that stands to its passage and to the card that it names.

    `undo` and `same` take effect in `in_order` and `classes`; `SUBJECTS` are no passages.
    """
    body = event.body
    match event.what:
        # which passage it is
        case "key" | "text":
            passage.texts.insert(0, msgspec.convert(body, Text))
        case "ask":
            # it may be another one: a person is to say whether it is
            passage.asked[event.key] = body["old"]
            if body.get("beside"):
                passage.beside.add(event.key)
        case "different":
            passage.apart.add(body["old"])

        # what is wanted of it
        case "skip":
            passage.skipped = True
            passage.why_skipped = body.get("why", "")
        case "reject":
            # of a proposal no content is rejected: the person's own form may have the same words
            if body["content"]:
                passage.rejected.add(body["content"])
            if body.get("slot"):
                passage.rejected_slots.add(body["slot"])
        case "accept":
            _accept(passage, event)
        case "adopt" if "draft" in body:
            _accept(passage, event)
    card = passage.cards.get(body.get("guid", ""))
    if card:
        _apply_to_card(card, event)


def _apply_to_card(card: State, event: Event) -> None:
    """Apply an event that stands to the card that it names."""
    body = event.body
    match event.what:
        case "adopt":
            # a person took over another tool's note, or its schedule for a card of ours
            card.schedule = tuple(map(tuple, body.get("schedule", ())))
            if body.get("note"):
                # packages before that were merged with other words than those of the adoption
                card.shipped = tuple(replace(sent, hashes={}) for sent in card.shipped)
                note = {**body["note"], "words": card.wording.fields}
                card.adopted = msgspec.convert(note, Adopted)

        # its words
        case "revise":
            wording = _wording_in(event)
            card.typed = ()
            if event.by == PERSON:
                card.wording = wording
                card.pinned = ()
                card.offered = {}
            else:  # the source offers it
                _offer(card, wording)
            _remember_given(card, event.machine, wording)
        case "edit":
            # a person typed these fields: they stay when the source changes
            fields: Texts = body["fields"]
            _pin_fields(card, fields)
            words = _not_empty({**card.wording.fields, **fields})
            kind = body.get("kind", card.wording.kind)
            card.wording = replace(card.wording, fields=words, kind=kind)
            for name in fields:
                card.offered.pop(name, None)
            for name, (theirs, _) in body.get("over", {}).items():
                # our words are to replace those in Anki, as if that had been asked
                card.resolved = {**card.resolved, name: ("source", theirs, "")}
        case "resolve":
            # a person chose whose text a field has
            name = body["field"]
            choice = (body["choice"], body["theirs"], body["ours"])
            card.resolved = {**card.resolved, name: choice}
            offered = card.offered.pop(name, None)
            if offered is not None and body["choice"] == "source":
                words = {**card.wording.fields, name: offered}
                card.wording = replace(card.wording, fields=words)
                card.pinned = tuple(pinned for pinned in card.pinned if pinned != name)

        # its deck and tags
        case "placed":
            if "deck" in body:
                card.deck = body["deck"]
                card.own_deck = True
            added = body.get("added", ())
            removed = body.get("removed", ())
            card.added = (*_without(card.added, removed), *added)
            card.removed = (*_without(card.removed, added), *removed)

        # its end
        case "reject":
            _end(card, event, Verdict.REJECTED)
        case "retire":
            _end(card, event, Verdict.RETIRED)

        # its note in Anki
        case "shipped":
            shipped = Shipped(
                mod=body["mod"],
                tags=tuple(body.get("tags", ())),
                digest=body["digest"],
                hashes=body.get("hashes", {}),
            )
            is_first = not card.shipped
            if is_first and "type" in body:  # the first package fixes the note type
                card.mapped = msgspec.convert(body["type"], MappedType)
            card.shipped = (*card.shipped, shipped)
            card.words = digest_of(card.wording.fields)
            card.numbers = {**card.numbers, **body.get("numbers", {})}
        case "pictures":
            card.pictures = {**card.pictures, **body["names"]}
        case "seen":
            card.seen_by = tuple(sorted({*card.seen_by, event.machine}))
        case "unseen":
            # it is absent by accident, so it is shipped again
            card.seen_by = ()
            _want_again(card)
        case "keep":
            # a person keeps it although its note has the tag of dropped cards
            _judge(card, Verdict.LIVE, PERSON)


def _accept(passage: Passage, event: Event) -> None:
    """Add a card; one that is known lives again, and these words are offered to it."""
    body = event.body
    wording = _wording_in(event)
    is_by_person = event.by == PERSON
    card = passage.cards.get(body["guid"])
    if card and FOUND in body:
        return  # the decisions themselves are known
    if card is None:
        card = State(
            guid=body["guid"],
            key=event.key,
            wording=wording,
            place=body.get("slot") or wording.place,
            deck=body.get("deck", ""),
            by=event.by,
            at=event.at,
            typed=tuple(body.get("typed", ())),
        )
        if not is_by_person and passage.refuses(wording):
            _judge(card, Verdict.REJECTED, PERSON)
        passage.cards[card.guid] = card
    else:
        if is_by_person:
            _judge(card, Verdict.LIVE, PERSON)
            card.at = event.at
        _offer(card, wording)
    card.forced = body.get("forced", card.forced)
    _remember_given(card, event.machine, wording)
    if is_by_person:
        passage.rejected.discard(wording.content)
    replaced = passage.cards.get(body.get("instead", ""))
    if replaced:
        _judge(replaced, Verdict.RETIRED, event.by, "replaced by another card")


def _take_back(passage: Passage, event: Event) -> None:
    """Apply an accept that was undone.

    The draft waits again, and policy leaves it to the person.
    """
    card = passage.cards.get(event.body["guid"])
    if card is not None and card.by == PERSON:
        return
    _accept(passage, replace(event, body={**event.body, "instead": ""}))
    card = passage.cards[event.body["guid"]]
    _judge(card, Verdict.TAKEN_BACK, PERSON, "its acceptance was undone")


def _pin(passage: Passage, event: Event) -> None:
    """A person undid a change by the source: the text before it is theirs from now on."""
    card = passage.cards.get(event.body["guid"])
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


# --- what changes a card ----------------------------------------------------------------


def _wording_in(event: Event) -> Wording:
    return msgspec.convert(event.body["draft"], Wording)


def _judge(card: State, verdict: Verdict, by: str, why: str = "") -> None:
    card.verdict = verdict
    card.by = by
    card.why = why


def _end(card: State, event: Event, verdict: Verdict) -> None:
    """End a card, unless a person decided on it, and policy or the source ends it."""
    if event.by == PERSON or card.by != PERSON:
        _judge(card, verdict, event.by, event.body.get("why", ""))


def _want_again(card: State | None) -> None:
    """Make another tool's note again, if it is gone: a deletion in Anki was undone."""
    if card and card.adopted:
        card.adopted = replace(card.adopted, again=True)


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


def _without(tags: Iterable[str], others: Iterable[str]) -> Strings:
    """Return tags without others, which may be spelt in another case."""
    dropped = {tag.casefold() for tag in others}
    return tuple(tag for tag in tags if tag.casefold() not in dropped)


def _not_empty(fields: Texts) -> Texts:
    return {name: text for name, text in fields.items() if text}


def _remember_given(card: State, machine: str, wording: Wording) -> None:
    """Remember the words that the source or drafter gave last, and which machine read them."""
    card.given = wording.fields
    card.texts = (*card.texts, (machine, digest_of(wording.fields)))


def _pin_fields(card: State, names: Iterable[str]) -> None:
    """Make the text of some fields a person's."""
    card.pinned = tuple(dict.fromkeys((*card.pinned, *names)))
