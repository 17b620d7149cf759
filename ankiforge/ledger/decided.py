"""What a decision on a passage decides, and what becomes of the drafts that wait. No database.

`decided` is handed the passage as it is here, and an event that is not recorded yet; it returns the
facts that the event decides, and which drafts go, or ask about another card. `desk.decide` writes
that, and settles the passages that have the same sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import facts
from ankiforge.ledger.events import (
    Event,
    Wording,
    card_of_words,
    content,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.fold import decision_of
from ankiforge.ledger.here import Asks, PassageHere, settled
from ankiforge.model import Card, Json, Strings, Value


class Decided(Value):
    """What changes by a decision on a passage."""

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


def new_event(what: str, key: str, by: str, body: Json) -> Event:
    """Return an event that is not recorded yet: `Store.add` gives it a number."""
    return Event(n=0, machine="", at="", by=by, what=what, key=key, body=body)


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
        return Decided(event, fact, sentences, tuple(gone))

    decisions = [*here.passage.facts, decision_of(event, {"of": "new", **fact})]
    guid = event.body.get("guid", "")
    live, ended = ("", guid) if event.what == "reject" else (guid, "")
    after_it = _with_made(replace(here, waiting=left), event)
    shown = after_it.facts_now(decisions, live=live, ended=ended)
    there = settled(after_it, left, shown, now_decided)
    return Decided(
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
