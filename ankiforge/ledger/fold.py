"""The fold: cards are computed from events alone.

    events of one passage ──fold──▶ Passage(cards, facts, rejected, skipped, texts, questions)

`fold` is pure: it reads no table, no clock, no source and no view of Anki. Two machines
that have the same events have the same cards, in whatever order the events arrived.

What must stay true:

- `_apply` changes the passage it is given and nothing else; a card is a value, and
  `_applied` returns it as it is after an event. The card that an event names may not be
  there: its `accept` is perhaps in a file that has not arrived.
- What a person decided prevails over policy and source, even if theirs comes later in
  the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.events import (
    FOUND,
    MERGED,
    PERSON,
    PROPOSAL,
    RETIRED_BEFORE,
    SOURCE,
    Event,
    FactDecision,
    Passage,
    RepairNote,
    Text,
    Wording,
    card_made,
    content,
    decides_own,
    digest_of,
    digest_of_words,
    number_in,
    worded,
    words_of_wording,
)
from ankiforge.ledger.facts import about_of, decided_of, sentences
from ankiforge.model import (
    Adopted,
    Card,
    CardKind,
    Edits,
    Fields,
    Json,
    MappedType,
    NoteHistory,
    Shipped,
    Strings,
    Texts,
    Verdict,
)
from ankiforge.text.cloze import cloze_answers

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
            _change(passage, event, _pinned)
            _decide_on_facts(passage, event, facts.get(event.id))
        elif event.what == "accept":
            _take_back(passage, event)
        elif event.what == "repair" and {"guid", "draft", "note"} <= event.body.keys():
            _repair(passage, event, stands=False)
        elif event.what == "retire":
            _change(passage, event, _wanted_again)
    for key, old in list(passage.asked.items()):
        if old in answered:
            del passage.asked[key]

    _supersede(passage)
    return passage


def _supersede(passage: Passage) -> None:
    """Supersede cards of later keys that ask the same as a card of the oldest key.

    A card that a person accepted prevails over older ones that were only dropped, and so does
    the one that was kept of two equal cards.
    """
    by_key: dict[str, list[Card]] = defaultdict(list)
    for card in passage.cards.values():
        by_key[card.key].append(card)
    by_age = []
    for key in passage.keys:
        if not all(card.why.startswith(MERGED) for card in by_key[key]):
            by_age.append(by_key[key])
    for cards in by_age[1:]:
        oldest_stand = any(card.live for card in by_age[0])
        for card in cards:
            if not card.live or (card.by == PERSON and not oldest_stand):
                continue
            if _asks_the_same(passage, card, by_age[0]):
                why = "the same passage has an older card"
                passage.cards[card.guid] = _judged(card, Verdict.SUPERSEDED, card.by, why)


def _asks_the_same(passage: Passage, card: Card, others: Sequence[Card]) -> bool:
    """Return whether a card is about a sentence, or in the slot, of one of other cards.

    Of cards whose sentences no decision names, this is not known: they count as such.
    """
    about: dict[str, set[str]] = defaultdict(set)
    for decision in passage.decisions:
        about[decision.guid].update(decision.sentences)
    mine = about[card.guid]
    for other in others:
        theirs = about[other.guid]
        same_slot = card.in_slot and card.number == other.number
        if same_slot or mine & theirs or not (mine and theirs):
            return True
    return False


def _decide_on_facts(passage: Passage, event: Event, fact: Event | None) -> None:
    """Note the facts that a decision decided; one that names none closes its passage."""
    if fact is not None:
        passage.decisions.append(decision_of(event, fact.body))
    elif event.what in ("accept", "adopt", "reject"):
        passage.closed = True
        if "draft" in event.body:  # its card asks for new words all the same
            words = _words_in(event)
            decided = decided_of(sentences(words.quote), words.drafter)
            about = about_of(decided, _answer_in(words))
            guid = event.body["guid"]
            passage.decisions.append(FactDecision("", decided, guid, about=about))


def decision_of(event: Event, fact: Json) -> FactDecision:
    """Return the decision on facts that an event is; `fact`: the body of the one behind it."""
    decision = msgspec.convert(fact, FactDecision)
    rejected = event.what == "reject" and bool(event.body["content"])
    answer = _answer_in(_words_in(event)) if "draft" in event.body else ""
    return replace(
        decision,
        dropped=rejected or event.what == "skip",
        of_proposal=bool(event.body.get(PROPOSAL)),
        n=event.n,
        machine=event.machine,
        own=decides_own(event),
        revises=event.what == "revise",
        about=about_of(decision.sentences, answer),
    )


def _answer_in(words: Wording) -> str:
    """Return the answer of the words of a card."""
    return words.fields.get("Back") or cloze_answers(words.fields.get("Text", ""))


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
            text = msgspec.convert(body, Text)
            read = replace(text, n=event.n, machine=event.machine)
            passage.texts.insert(0, read)
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
            passage.closed = True
            passage.why_skipped = body.get("why", "")
        case "reject":
            # of a proposal no content is rejected: the person's own form may have the same words
            if body["content"]:
                passage.rejected.add(body["content"])
            number = number_in(body.get("slot", ""))
            if number is not None:
                passage.rejected_numbers.add(number)
        case "accept":
            _accept(passage, event)
        case "adopt" if "draft" in body:
            _accept(passage, event)
        case "repair" if {"guid", "draft", "note"} <= body.keys():
            _repair(passage, event, stands=True)
    _change(passage, event, _applied)


def _change(
    passage: Passage, event: Event, changed: Callable[[Card, Event], Card]
) -> None:
    """Change the card that an event names, if it is there."""
    card = passage.cards.get(event.body.get("guid", ""))
    if card:
        passage.cards[card.guid] = changed(card, event)


def _applied(card: Card, event: Event) -> Card:
    """Return a card as it is after an event that stands and names it."""
    change = _CHANGES.get(event.what)
    return change(card, event) if change else card


def _adopted(card: Card, event: Event) -> Card:
    """Take over another tool's note, or its schedule for a card of ours."""
    body = event.body
    history = replace(card.note, schedule=tuple(map(tuple, body.get("schedule", ()))))
    if body.get("note"):
        note = {**body["note"], "words": dict(card.fields)}
        adopted = msgspec.convert(note, Adopted)
        history = replace(history, shipped=_unmerged(card), adopted=adopted)
    return replace(card, note=history)


def _unmerged(card: Card) -> tuple[Shipped, ...]:
    """Return the packages of a card whose note is adopted now, without the hashes of its fields.

    These hash other words than those of the adopted note.
    """
    return tuple(replace(sent, hashes={}) for sent in card.note.shipped)


def _revised(card: Card, event: Event) -> Card:
    """Give a card the new words of a person, or offer it the new words of its source."""
    words = _words_in(event)
    if event.by == PERSON:
        edits = replace(card.edits, typed=(), pinned=(), offered={})
        card = replace(worded(card, words), edits=edits)
    else:
        card = replace(card, edits=replace(card.edits, typed=()))
        card = _offered(card, words)
    return _given(card, event.machine, words)


def _edited(card: Card, event: Event) -> Card:
    """Give fields the words that a person typed: they stay when the source changes.

    After an answer that was taken back, the source's words are offered again.
    """
    typed: Texts = event.body["fields"]
    edits = card.edits
    resolved = dict(edits.resolved)
    for name, (theirs, _) in event.body.get("over", {}).items():
        # our words are to replace those in Anki, as if that had been asked
        resolved[name] = ("source", theirs, "")
    return replace(
        card,
        kind=CardKind(event.body.get("kind", card.kind)),
        fields=_filled({**dict(card.fields), **typed}),
        edits=replace(
            edits,
            pinned=_with(edits.pinned, typed),
            offered={**_less(edits.offered, typed), **event.body.get("offered", {})},
            resolved=resolved,
        ),
    )


def _resolved(card: Card, event: Event) -> Card:
    """Note whose text a field has, as a person chose."""
    body = event.body
    name = body["field"]
    choice = (body["choice"], body["theirs"], body["ours"])
    offered = card.edits.offered.get(name)
    edits = replace(
        card.edits,
        resolved={**card.edits.resolved, name: choice},
        offered=_less(card.edits.offered, [name]),
    )
    if offered is None or body["choice"] != "source":
        return replace(card, edits=edits)
    fields = tuple({**dict(card.fields), name: offered}.items())
    pinned = tuple(pinned for pinned in edits.pinned if pinned != name)
    return replace(card, fields=fields, edits=replace(edits, pinned=pinned))


def _placed(card: Card, event: Event) -> Card:
    """Change its deck and tags as a person did."""
    if "deck" in event.body:
        card = replace(card, deck=event.body["deck"], own_deck=True)
    added = event.body.get("added", ())
    removed = event.body.get("removed", ())
    return replace(
        card,
        added=(*_without(card.added, removed), *added),
        removed=(*_without(card.removed, added), *removed),
    )


def _ended(card: Card, event: Event) -> Card:
    """End it, unless a person decided on it, and policy or the source ends it."""
    if event.by != PERSON and card.by == PERSON:
        return card
    verdict = Verdict.REJECTED if event.what == "reject" else Verdict.RETIRED
    return _judged(card, verdict, event.by, event.body.get("why", ""))


def _shipped(card: Card, event: Event) -> Card:
    """Note the package that has its note; the first one fixes the note type."""
    body = event.body
    shipped_now = Shipped(
        mod=body["mod"],
        tags=tuple(body.get("tags", ())),
        digest=body["digest"],
        hashes=body.get("hashes", {}),
    )
    history = card.note
    if not history.shipped and "type" in body:
        history = replace(history, mapped=msgspec.convert(body["type"], MappedType))
    history = replace(
        history,
        shipped=(*history.shipped, shipped_now),
        words=digest_of_words(card),
        numbers={**history.numbers, **body.get("numbers", {})},
        repaired=False,
    )
    return replace(card, note=history)


def _with_pictures(card: Card, event: Event) -> Card:
    """Note the names under which the card's pictures were shipped."""
    pictures = {**card.note.pictures, **event.body["names"]}
    return replace(card, note=replace(card.note, pictures=pictures))


def _seen(card: Card, event: Event) -> Card:
    """Note that a machine saw the card's note in Anki."""
    seen_by = tuple(sorted({*card.note.seen_by, event.machine}))
    return replace(card, note=replace(card.note, seen_by=seen_by))


def _unseen(card: Card, event: Event) -> Card:
    """Ship the card's note again, which is absent in Anki by accident."""
    card = replace(card, note=replace(card.note, seen_by=()))
    return _wanted_again(card, event)


def _accept(passage: Passage, event: Event) -> None:
    """Add a card; one that is known lives again, and these words are offered to it."""
    body = event.body
    words = _words_in(event)
    is_by_person = event.by == PERSON
    card = passage.cards.get(body["guid"])
    if card and FOUND in body:
        return  # the decisions themselves are known
    made = words_of_wording(words, event.key)
    if card is None:
        card = replace(
            card_made(event, body["guid"], made, body.get("slot", "")),
            edits=Edits(typed=tuple(body.get("typed", ()))),
            note=NoteHistory(found=FOUND in body),
        )
        if not is_by_person and passage.refuses(made):
            card = _judged(card, Verdict.REJECTED, PERSON)
    else:
        if is_by_person:
            card = replace(_judged(card, Verdict.LIVE, PERSON), at=event.at)
        card = _offered(card, words)
    passage.cards[card.guid] = _given(card, event.machine, words)
    if is_by_person:
        passage.rejected.discard(content(made))
    replaced = passage.cards.get(body.get("instead", ""))
    if replaced:
        why = "replaced by another card"
        passage.cards[replaced.guid] = _judged(replaced, Verdict.RETIRED, event.by, why)


def _repair(passage: Passage, event: Event, *, stands: bool) -> None:
    """Give a note that is not ours the words of a repair; an undone one gives back the old ones.

    The base of the merge is the note as it was seen then. Notes that the repair added are
    dropped with it.
    """
    body = event.body
    note = msgspec.convert(body["note"], Adopted)
    words = _words_in(event)
    card = passage.cards.get(body["guid"])
    if card is None:
        made = words_of_wording(words, event.key)
        card = card_made(event, body["guid"], made, "0")
    history = replace(card.note, shipped=_unmerged(card), adopted=note)
    passage.cards[card.guid] = replace(
        _judged(card, Verdict.LIVE, PERSON),
        fields=_filled(words.fields if stands else note.words),
        deck=body.get("deck", ""),
        at=event.at,
        note=history,
    )
    new = body.get("new", ()) if "type" in body else ()
    for added in msgspec.convert(new, tuple[RepairNote, ...]):
        made = words_of_wording(added.draft, event.key)
        made_card = passage.cards.get(added.guid) or replace(
            card_made(event, added.guid, made),
            note=NoteHistory(mapped=msgspec.convert(body["type"], MappedType)),
        )
        verdict = Verdict.LIVE if stands else Verdict.RETIRED
        why = "" if stands else "its repair was undone"
        passage.cards[made_card.guid] = _judged(made_card, verdict, PERSON, why)


def _take_back(passage: Passage, event: Event) -> None:
    """Apply an accept that was undone.

    The draft waits again, and policy leaves it to the person.
    """
    card = passage.cards.get(event.body["guid"])
    if card is not None and card.by == PERSON:
        return
    _accept(passage, replace(event, body={**event.body, "instead": ""}))
    card = passage.cards[event.body["guid"]]
    why = "its acceptance was undone"
    passage.cards[card.guid] = _judged(card, Verdict.TAKEN_BACK, PERSON, why)


# --- what changes a card ----------------------------------------------------------------


def _words_in(event: Event) -> Wording:
    return msgspec.convert(event.body["draft"], Wording)


def _judged(card: Card, verdict: Verdict, by: str, why: str = "") -> Card:
    return replace(card, verdict=verdict, by=by, why=why)


def _wanted_again(card: Card, event: Event) -> Card:
    """Make another tool's note again, if it is gone: a deletion in Anki was undone."""
    adopted = card.note.adopted
    if adopted is None:
        return card
    return replace(card, note=replace(card.note, adopted=replace(adopted, again=True)))


def _pinned(card: Card, event: Event) -> Card:
    """A person undid a change by the source: the text before it is theirs from now on."""
    words = _words_in(event)
    before = dict(card.fields)
    names = []
    for name in sorted({*before, *words.fields}):
        if before.get(name, "") != words.fields.get(name, ""):
            names.append(name)
    edits = replace(card.edits, pinned=_with(card.edits.pinned, names))
    card = replace(card, edits=edits)
    return _given(card, event.machine, words)


def _offered(card: Card, words: Wording) -> Card:
    """Take the source's new text, except for the fields that are a person's.

    Such a field is a conflict if the source says something in it, and something new.
    """
    edits = card.edits
    kept = {name: card.field(name) for name in edits.pinned}
    offered = dict(edits.offered)
    for name in edits.pinned:
        text = words.fields.get(name, "")
        if not text or text == kept[name]:
            offered.pop(name, None)
        elif text != edits.given.get(name, ""):
            offered[name] = text
    fields = _filled({**words.fields, **kept})
    edits = replace(edits, offered=offered)
    return replace(worded(card, words), fields=fields, edits=edits)


def _given(card: Card, machine: str, words: Wording) -> Card:
    """Remember the words that the source or drafter gave last, and which machine read them."""
    texts = (*card.edits.texts, (machine, digest_of(words.fields)))
    return replace(card, edits=replace(card.edits, given=words.fields, texts=texts))


def _without(tags: Iterable[str], others: Iterable[str]) -> Strings:
    """Return tags without others, which may be spelt in another case."""
    dropped = {tag.casefold() for tag in others}
    return tuple(tag for tag in tags if tag.casefold() not in dropped)


def _with(pinned: Strings, names: Iterable[str]) -> Strings:
    """Return the fields whose text is a person's, with others."""
    return tuple(dict.fromkeys((*pinned, *names)))


def _less(offered: Texts, names: Iterable[str]) -> Texts:
    """Return the fields that the source gives, without some."""
    gone = set(names)
    return {name: text for name, text in offered.items() if name not in gone}


def _filled(fields: Texts) -> Fields:
    return tuple((name, text) for name, text in fields.items() if text)


_CHANGES: Mapping[str, Callable[[Card, Event], Card]] = {
    # its words
    "adopt": _adopted,
    "revise": _revised,
    "edit": _edited,
    "resolve": _resolved,
    # its deck and tags
    "placed": _placed,
    # its end
    "reject": _ended,
    "retire": _ended,
    # its note in Anki
    "repair": lambda card, event: replace(card, note=replace(card.note, repaired=True)),
    "shipped": _shipped,
    "pictures": _with_pictures,
    "seen": _seen,
    "unseen": _unseen,
}
"""By kind of event: the card as it is after an event that stands and names it."""
