"""What changes by a decision on a passage: its event, the facts, and the drafts that wait.

Each function is handed the passage as it is here, and returns a `Decided`, which `desk.decide`
writes. `settled_again` says what becomes of drafts when their sentences were decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import facts
from ankiforge.ledger.drafts import is_new
from ankiforge.ledger.events import (
    PERSON,
    PROPOSAL,
    Event,
    Wording,
    card_of_words,
    content,
    guid_of,
    wording_of,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.fold import decision_of
from ankiforge.ledger.here import Asks, PassageHere, settled
from ankiforge.model import Card, Json, Strings, Value


class Decided(Value):
    """What changes by a decision on a passage."""

    here: PassageHere
    """The passage before it."""
    event: Event
    """The decision; it is not recorded yet."""
    fact: Json
    """What it decides, as the event behind it carries that, but for `of`."""
    sentences: Strings
    """Those that it decides. What waits about them elsewhere is settled, too."""
    gone: Strings = ()
    """The ids of the drafts that it takes away."""
    asks: tuple[Asks, ...] = ()
    lacks_drafts: bool = False
    """Whether a fact is offered now that has no draft."""


# --- decisions of a person, or of policy ------------------------------------------------


def accepted(
    here: PassageHere, draft: Card, by: str = PERSON, *, forced: bool = False
) -> Decided:
    """Return what changes if a draft becomes a card.

    Args:
        here: its passage.
        draft: the words of the card; it has no id if a person wrote them.
        by: who accepts it.
        forced: whether a check blocks it that the person overruled.
    """
    key = here.passage.key
    body: Json = {"guid": guid_of(key, draft), "draft": body_of_words(draft)}
    if draft.deck:
        body["deck"] = draft.deck
    if forced:
        body["forced"] = True
    for waiting in here.waiting:
        if waiting.id == draft.id and waiting.replaces:
            body["instead"] = waiting.replaces
    event = new_event("accept", key, by, body)
    return decided(here, event, facts.decided_by(draft, here.text), draft.id)


def reworded(here: PassageHere, draft: Card, card: Card, key: str) -> Decided:
    """Return what changes if a card gets the words of a draft.

    Args:
        here: the passage of the draft.
        draft: the draft; the source's own has all fields of the card.
        card: the card.
        key: of the passage that has the card.
    """
    sentences = facts.decided_by(draft, here.text)
    if not draft.slot:
        fields = {**dict(card.fields), **dict(draft.fields)}
        draft = replace(draft, fields=tuple(fields.items()))
    body = {"guid": card.id, "draft": body_of_words(draft)}
    event = new_event("revise", key, PERSON, body)
    return decided(here, event, sentences, draft.id)


def rejected(here: PassageHere, card: Card, why: str = "") -> Decided:
    """Return what changes if a person rejects a card, or the fact that a draft is about.

    A card about which the draft asks stays as it is.
    """
    guid: str = card.id
    sentences = () if card.waits else sentences_of_card(here, card)
    if card.waits:
        sentences = facts.decided_by(card, here.text)
        # a card that was accepted from a proposal and taken back is not rejected
        is_new_card = not card.proposed and not card.revises
        guid = guid_of(here.passage.key, card) if is_new_card else ""
    body: Json = {
        "guid": guid,
        # the person's own form may say what was proposed
        "content": "" if (card.waits and card.proposed) else content(card),
        "slot": card.slot if guid and card.in_slot else "",
        "fields": wording_of(card).fields,
    }
    if why:
        body["why"] = why
    event = new_event("reject", here.passage.key, PERSON, body)
    return decided(here, event, sentences, card.id if card.waits else "")


def proposal_rejected(here: PassageHere, proposal: Card, why: str = "") -> Decided:
    """Return what changes if a person rejects a proposal.

    Its sentence is not proposed again; a model may still ask about it.
    """
    body: Json = {
        "guid": "",
        "content": "",
        "slot": "",
        "fields": wording_of(proposal).fields,
        PROPOSAL: True,
    }
    if why:
        body["why"] = why
    event = new_event("reject", here.passage.key, PERSON, body)
    return decided(here, event, facts.decided_by(proposal, here.text))


def skipped(here: PassageHere, why: str = "") -> Decided:
    """Return what changes if nothing more of a passage is to be offered.

    Its cards stay, and go on asking for new words.
    """
    event = new_event("skip", here.passage.key, PERSON, {"why": why} if why else {})
    asked = {fact.sentence for fact in here.facts_now() if fact.card}
    sentences = tuple(each for each in here.sentences if each not in asked)
    gone = tuple(each.id for each in here.waiting if each.slot or not each.revises)
    return Decided(here, event, fact_of(here, event, sentences), sentences, gone)


def new_event(what: str, key: str, by: str, body: Json) -> Event:
    """Return an event that is not recorded yet: `Store.add` gives it a number."""
    return Event(n=0, machine="", at="", by=by, what=what, key=key, body=body)


def body_of_words(card: Card) -> Json:
    """Return the words of a card as the body of an event has them."""
    words: Json = msgspec.to_builtins(wording_of(card))
    return words


# --- what a decision decides ------------------------------------------------------------


def decided(
    here: PassageHere, event: Event, sentences: Strings, draft_id: str = ""
) -> Decided:
    """Return which facts a decision decides, and which drafts it takes away.

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

    decisions = [*here.passage.facts, decision_of(event, {"of": "new", **fact})]
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
    passed: Iterable[Card] = (),
) -> Json:
    """Return which sentences a decision decides, of all that its passage has."""
    fact: Json = {
        "sentences": sentences,
        "passage": [facts.name_of(sentence) for sentence in here.sentences],
    }
    if event.body.get("guid"):
        fact["guid"] = event.body["guid"]
    if passed:
        fact["passed"] = [content(draft) for draft in passed]
    return fact


def sentences_of_card(here: PassageHere, card: Card) -> Strings:
    """Return the sentences on which a decision on a card decides."""
    last = facts.of_cards(here.passage.facts).get(card.id)
    if last is not None:
        return last.sentences
    quoted = facts.covered(here.text, card.quote) or facts.sentences(card.quote)
    return facts.decided_of(quoted, card.origin.drafter)


def passed_over(here: PassageHere, draft_id: str, decided: Collection[str]) -> list[Card]:
    """Return the person's own forms that a decision on a draft beside them passes over.

    All of their facts are decided.
    """
    accepted = [each for each in here.waiting if each.id == draft_id and not each.slot]
    offers = [draft.offer for draft in accepted]
    own = [draft for draft in here.waiting if draft.slot and draft.offer in offers]
    return [draft for draft in own if set(decided).issuperset(draft.about)]


class SettledAgain(Value):
    """What becomes of the drafts of a passage after decisions that were made elsewhere."""

    here: PassageHere
    gone: Strings
    asks: tuple[Asks, ...] = ()
    lacks_drafts: bool = False
    """Whether a fact is offered now that has no draft."""


def settled_again(here: PassageHere, machine: str) -> SettledAgain:
    """Return which drafts of a passage wait no longer, as its decisions are now.

    Args:
        here: the passage.
        machine: the one that reads it.
    """
    gone = []
    for draft in here.waiting:
        if draft.slot and not draft.revises:
            if not is_new(here.passage, draft, machine):
                gone.append(draft.id)
        if draft.about and not draft.slot and not here.text:  # it may come back
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


def lacks_drafts(waiting: Iterable[Card], shown: Iterable[Fact]) -> bool:
    """Return whether a fact is offered that has no draft."""
    drafted = {name for draft in waiting for name in draft.about}
    return not drafted.issuperset(facts.offered(shown))


def _with_made(here: PassageHere, event: Event) -> PassageHere:
    """Return a passage that knows the card which a decision makes: drafts may ask about it."""
    guid = event.body.get("guid", "")
    if guid in here.passage.cards or "draft" not in event.body:
        return here
    words = msgspec.convert(event.body["draft"], Wording)
    live = {**here.elsewhere.live, guid: replace(card_of_words(words), id=guid)}
    return replace(here, elsewhere=replace(here.elsewhere, live=live))
