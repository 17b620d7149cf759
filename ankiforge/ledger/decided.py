"""The changes by a decision: its event, the facts of its passage, and the drafts that wait.

A function is handed the passage as it is here, and returns a `Decided`, which `settling.write`
writes; or, where no fact is decided, the event alone, which `settling.record_event` records.
`settled_again` says what becomes of drafts when their sentences were decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import facts
from ankiforge.ledger.drafts import is_new
from ankiforge.ledger.events import (
    PERSON,
    PROPOSAL,
    Event,
    Wording,
    card_made,
    content,
    guid_of,
    wording_of,
    words_of_wording,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.fold import decision_of
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.here import Asks, PassageHere, settled
from ankiforge.model import (
    Adopted,
    Card,
    CardKind,
    Guid,
    HighlightKey,
    Json,
    MappedType,
    Pair,
    Proposal,
    StoredDraft,
    Strings,
    Texts,
    Value,
    Words,
    guid_for,
    is_card_id,
)


class TakenOver(Value):
    """A card or schedule of another tool for one passage."""

    id: str
    """The draft, or the guid of a card that exists."""
    note: Adopted | None = None
    text: str = ""
    """The note's text with clozes in Markdown: the card keeps its numbers."""
    deck: str = ""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `NoteHistory`."""


class NoteRepair(Value):
    """A note that is not ours, as a repair leaves it."""

    note: Adopted
    """The note as it was seen, and the HTML of its new fields."""
    card: Words
    """The card in its new words."""
    new: tuple[Words, ...] = ()
    """Cards of notes that it adds."""
    type: MappedType | None = None
    """The note type of these."""


class Decided(Value):
    """The changes to record for a decision on a passage."""

    here: PassageHere
    """The passage before the decision."""
    event: Event
    """The decision; it is not recorded yet."""
    fact: Json
    """The body of the `fact` event that follows the decision, without `of`."""
    sentences: Strings
    """The sentences that it decides. Drafts about them in other passages are settled, too."""
    gone: Strings = ()
    """The ids of the drafts that wait no longer."""
    asks: tuple[Asks, ...] = ()
    lacks_drafts: bool = False
    """Whether a fact is offered now that has no draft."""


# --- decisions of a person, or of policy ------------------------------------------------


def accepted(
    here: PassageHere, words: Words, by: str = PERSON, *, forced: bool = False
) -> Decided:
    """Return the changes by which a draft, or words of a person, become a card.

    Args:
        here: its passage.
        words: a draft, or words of a person.
        by: who accepts it.
        forced: whether a check blocks it that the person overruled.
    """
    key = here.passage.key
    body: Json = {"guid": guid_of(key, words), "draft": body_of_words(words)}
    if words.deck:
        body["deck"] = words.deck
    if forced:
        body["forced"] = True
    draft_id = ""
    if isinstance(words, StoredDraft):
        draft_id = words.id
        if words.replaces:
            body["instead"] = words.replaces
    event = new_event("accept", key, by, body)
    return decided(here, event, facts.decided_by(words, here.text), draft_id)


def reworded(here: PassageHere, draft: StoredDraft, card: Card, key: str) -> Decided:
    """Return the changes by which a card gets the words of a draft.

    Args:
        here: the passage of the draft.
        draft: the draft; the source's own has all fields of the card.
        card: the card.
        key: of the passage that has the card.
    """
    sentences = facts.decided_by(draft, here.text)
    if not draft.in_slot:
        fields = {**dict(card.fields), **dict(draft.fields)}
        draft = replace(draft, fields=tuple(fields.items()))
    event = revised(key, card.guid, draft, PERSON)
    return decided(here, event, sentences, draft.id)


def rejected(
    here: PassageHere, line: StoredDraft | Card | Proposal, why: str = ""
) -> Decided:
    """Return the changes by which a person rejects a card, or the fact of a draft.

    A card about which the draft asks stays as it is. The sentence of a proposal is not proposed
    again; a model may still ask about it.
    """
    guid, draft_id, words = "", "", content(line)
    if isinstance(line, Card):
        guid = line.guid
        sentences = sentences_of_card(here, guid, line)
    else:
        sentences = facts.decided_by(line, here.text)
        if isinstance(line, StoredDraft):
            draft_id = line.id
        # a card that was accepted from a proposal and taken back is not rejected
        if line.proposed:  # the person's own form may say what was proposed
            words = ""
        elif isinstance(line, StoredDraft) and not line.revises:
            guid = guid_of(here.passage.key, line)
    body: Json = {
        "guid": guid,
        "content": words,
        "slot": line.slot if guid else "",
        "fields": wording_of(line).fields,
    }
    if isinstance(line, Proposal):
        body[PROPOSAL] = True
    if why:
        body["why"] = why
    event = new_event("reject", here.passage.key, PERSON, body)
    return decided(here, event, sentences, draft_id)


def skipped(here: PassageHere, why: str = "") -> Decided:
    """Return the changes after which a passage is no longer offered.

    Its cards stay, and go on asking for new words.
    """
    event = new_event("skip", here.passage.key, PERSON, {"why": why} if why else {})
    asked = {fact.sentence for fact in here.facts_now() if fact.card}
    sentences = tuple(each for each in here.sentences if each not in asked)
    gone = tuple(each.id for each in here.waiting if each.in_slot or not each.revises)
    return Decided(here, event, fact_of(here, event, sentences), sentences, gone)


def adopted(here: PassageHere, line: StoredDraft | Card, taken: TakenOver) -> Decided:
    """Return the changes by which a card takes over the note or schedule of another tool.

    The words of a card stay as they are; a draft becomes one.
    """
    key = here.passage.key
    if isinstance(line, Card):
        body: Json = {"guid": line.guid, "schedule": taken.schedule}
        event = new_event("adopt", key, PERSON, body)
        return decided(here, event, sentences_of_card(here, line.guid, line))
    draft = line
    if taken.text:
        text = keep_numbers(taken.text, draft.field("Text"))
        fields = {**dict(draft.fields), "Text": text}
        draft = replace(draft, fields=tuple(fields.items()))
    body = {"guid": guid_of(key, draft), "draft": body_of_words(draft)}
    if taken.deck:
        body["deck"] = taken.deck
    if taken.note:
        body["note"] = msgspec.to_builtins(taken.note)
    if taken.schedule:
        body["schedule"] = taken.schedule
    event = new_event("adopt", key, PERSON, body)
    return decided(here, event, facts.covered(here.text, draft.quote), draft.id)


# --- what decides no fact ---------------------------------------------------------------


def revised(key: str, guid: Guid, words: Words, by: str) -> Event:
    """Return the event that gives a card, of the passage with this key, other words."""
    return new_event("revise", key, by, {"guid": guid, "draft": body_of_words(words)})


def edited(
    key: str, guid: str, words: Words, fields: Texts, over: Mapping[str, Pair]
) -> Event | None:
    """Return the event of a person's words in fields of a card; None if it has them.

    Args:
        key: of its passage.
        guid: the card.
        words: as it has them.
        fields: the Markdown by name.
        over: as for `decide.edit`.
    """
    changed = {}
    for name, text in fields.items():
        if name in over or text != words.field(name):
            changed[name] = text
    if not changed:
        return None
    body: Json = {"guid": guid, "fields": changed}
    if over:
        body["over"] = over
    if words.kind is not CardKind.CLOZE and "Reverse" in fields:
        body["kind"] = "two-way" if fields["Reverse"] else "basic"
    return new_event("edit", key, PERSON, body)


def placed(
    key: str, guid: str, deck: str, added: Sequence[str], removed: Sequence[str]
) -> Event:
    """Return the event that puts a card into a deck ("" = it stays), and changes its tags."""
    changed = {"deck": deck, "added": added, "removed": removed}
    given = {name: value for name, value in changed.items() if value}
    return new_event("placed", key, PERSON, {"guid": guid, **given})


def told_apart(key: str, other_key: str) -> Event:
    """Return the event by which a person says that two passages are different."""
    return new_event("different", key, PERSON, {"old": other_key})


def repair_of(
    key: str, name: str, nid: int, guid: str, change: NoteRepair | None
) -> Event:
    """Return the event of a repair of a note in Anki.

    Args:
        key: of the passage of a card of ours; of another note, its own.
        name: of the repair.
        nid: the id of the note in Anki.
        guid: the card of ours; of another note, its guid there.
        change: the new words of a note that is not ours; None = its words stay.
    """
    body: Json = {"name": name, "nid": nid}
    if is_card_id(guid):
        body["guid"] = guid
    elif change is not None:
        body["guid"] = guid_for(HighlightKey(key), change.card.family, "0")
        body["draft"] = body_of_words(change.card)
        body["note"] = msgspec.to_builtins(change.note)
        body["deck"] = change.card.deck
        if change.new:
            body["new"] = [
                {"guid": guid_of(key, card), "draft": body_of_words(card)}
                for card in change.new
            ]
            body["type"] = msgspec.to_builtins(change.type)
    return new_event("repair", key, PERSON, body)


def new_event(what: str, key: str, by: str, body: Json) -> Event:
    """Return an event that is not recorded yet: `Store.add` gives it a number."""
    return Event(n=0, machine="", at="", by=by, what=what, key=key, body=body)


def body_of_words(words: Words) -> Json:
    """Return the words of a draft or card as the body of an event has them."""
    body: Json = msgspec.to_builtins(wording_of(words))
    return body


# --- what a decision decides ------------------------------------------------------------


def decided(
    here: PassageHere, event: Event, sentences: Strings, draft_id: str = ""
) -> Decided:
    """Return the changes by a decision: the facts that it decides, the drafts that go.

    Args:
        here: its passage before it.
        event: the decision, with the card that it makes, rewords or ends, if any.
        sentences: the sentences that it decides.
        draft_id: the draft that it is on; "" = a card, or words of the person.
    """
    before = here.facts_now()
    now_decided = set(map(facts.name_of, sentences))
    decided_before = {facts.name_of(fact.sentence) for fact in before if fact.decided}
    passed = passed_over(here, draft_id, now_decided | decided_before)
    fact = fact_of(here, event, sentences, passed)
    gone = list(dict.fromkeys(filter(None, (draft_id, *[each.id for each in passed]))))
    left = tuple(draft for draft in here.waiting if draft.id not in gone)
    if not left and len(here.sentences) <= len(now_decided):
        return Decided(here, event, fact, sentences, tuple(gone))

    decisions = [*here.passage.decisions, decision_of(event, {"of": "new", **fact})]
    guid = event.body.get("guid", "")
    live, ended = ("", guid) if event.what == "reject" else (guid, "")
    after_it = _with_made(replace(here, waiting=left), event)
    shown = after_it.facts_now(decisions, live=live, ended=ended)
    there = settled(after_it, left, shown, now_decided)
    return Decided(
        here,
        event,
        fact,
        sentences,
        (*gone, *there.gone),
        there.asks,
        lacks_drafts(left, shown),
    )


def fact_of(
    here: PassageHere,
    event: Event,
    sentences: Strings,
    passed: Iterable[StoredDraft] = (),
) -> Json:
    """Return the body of the `fact` event: the sentences decided, of all of the passage."""
    fact: Json = {
        "sentences": sentences,
        "passage": [facts.name_of(sentence) for sentence in here.sentences],
    }
    if event.body.get("guid"):
        fact["guid"] = event.body["guid"]
    if passed:
        fact["passed"] = [content(draft) for draft in passed]
    return fact


def sentences_of_card(here: PassageHere, guid: str, words: Words) -> Strings:
    """Return the sentences on which a decision on the card of these words decides."""
    last = facts.of_cards(here.passage.decisions).get(guid)
    if last is not None:
        return last.sentences
    quoted = facts.covered(here.text, words.quote) or facts.sentences(words.quote)
    return facts.decided_of(quoted, words.origin.drafter)


def passed_over(
    here: PassageHere, draft_id: str, decided: Collection[str]
) -> list[StoredDraft]:
    """Return the person's own forms that a decision on a draft beside them passes over.

    All of their facts are decided.
    """
    accepted = [each for each in here.waiting if each.id == draft_id and not each.in_slot]
    offers = [draft.offer for draft in accepted]
    own = [draft for draft in here.waiting if draft.in_slot and draft.offer in offers]
    return [draft for draft in own if set(decided).issuperset(draft.about)]


class SettledAgain(Value):
    """The drafts of a passage that go or change after decisions on other passages."""

    here: PassageHere
    gone: Strings
    asks: tuple[Asks, ...] = ()
    lacks_drafts: bool = False
    """Whether a fact is offered now that has no draft."""


def settled_again(here: PassageHere, machine: str) -> SettledAgain:
    """Return the drafts of a passage that go or change, as its decisions are now.

    Args:
        here: the passage.
        machine: the one that reads it.
    """
    gone = []
    for draft in here.waiting:
        if draft.in_slot and not draft.revises:
            if not is_new(here.passage, draft, machine):
                gone.append(draft.id)
        if draft.about and not draft.in_slot and not here.text:  # it may come back
            if here.names_of_decided().issuperset(draft.about):
                gone.append(draft.id)
    if not here.text:
        return SettledAgain(here, tuple(gone))
    shown = here.facts_now()
    decided_now = {facts.name_of(fact.sentence) for fact in shown if fact.decided}
    there = settled(here, here.waiting, shown, decided_now)
    return SettledAgain(
        here,
        (*gone, *there.gone),
        there.asks,
        lacks_drafts(here.waiting, shown),
    )


def lacks_drafts(waiting: Iterable[StoredDraft], shown: Iterable[Fact]) -> bool:
    """Return whether a fact is offered that has no draft."""
    drafted = {name for draft in waiting for name in draft.about}
    return not drafted.issuperset(facts.offered(shown))


def _with_made(here: PassageHere, event: Event) -> PassageHere:
    """Return a passage that knows the card which a decision makes: drafts may ask about it."""
    guid = event.body.get("guid", "")
    if guid in here.passage.cards or "draft" not in event.body:
        return here
    words = words_of_wording(msgspec.convert(event.body["draft"], Wording), event.key)
    live = {**here.elsewhere.live, guid: card_made(event, guid, words)}
    return replace(here, elsewhere=replace(here.elsewhere, live=live))
