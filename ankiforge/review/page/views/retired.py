"""Retired but still in Anki, and the other way round: cards whose passage is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ankiforge.anki.notes import RETIRED
from ankiforge.ledger.cards import letter_of
from ankiforge.model import Card, Seen, Standing, Verdict, note_id
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, Slot, stamp_of, title_of
from ankiforge.review.page.shown.known import many, studied
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, sides_html
from ankiforge.review.page.views.conflicts import faces_in_anki
from ankiforge.review.service import Service

_WHY = {
    "skip": "its passage was marked to be skipped",
    "gone": "its passage is no longer in the source",
    "rewritten": "it was rewritten in its source as another kind of card",
    "redrafted": "another card was drawn in its place",
}


@dataclass(frozen=True, slots=True)
class Retired:
    """What Anki asks though it is no card here; what is a card here though no source says it."""

    name: str = "retired"
    title: str = "Retired"
    about: str = "Cards that Anki still asks and that are none here, or whose passage is gone."
    empty: str = "All that Anki asks is a card here, and has its passage."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids, those whose passage is gone last."""
        queries = desk.ledger.queries
        return (*queries.left_in_anki(), *queries.without_source())

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card, why it is here, and what can be done about it."""
        queries, card = desk.ledger.queries, desk.card(identity)
        if card is None:
            return None
        if card.standing is Standing.LIVE and card.verdict is Verdict.ACCEPTED:
            return _without_source(desk, card) if identity in queries.without_source() else None
        seen = desk.ledger.views.seen(card.guid) if card.anki.there else None
        return _left(desk, card, seen) if seen else None


# --- none here, but in Anki -----------------------------------------------------------------


def _left(desk: Service, card: Card, seen: Seen) -> Item:
    return Item(
        card.guid,
        f"Still in Anki: a {card.kind} card from {title_of(card)}",
        stamp_of(card, seen.tags, [one.queue for one in seen.cards]),
        source=source_html(card.highlight, card.leading.draft.quote),
        slots=(Slot(f"{card.guid}.anki", "in Anki", faces_in_anki(card, seen)),),
        body=sides_html(facts=_facts(desk, card, seen)),
        acts=(_back(card),),
        group=card.highlight.key,
    )


def _facts(desk: Service, card: Card, seen: Seen) -> Iterator[Fact]:
    yield ("Why it is none here", _why(card))
    yield ("In Anki", studied(desk, card))
    yield ("To find it in Anki", f"nid:{note_id(card.guid)}")
    yield ("To find all of them", f"tag:{RETIRED}")
    yield ("To stop it", f"No import of a file deletes a note, or suspends it; {_way_out(seen)}")


def _way_out(seen: Seen) -> str:
    """What can be done where an import cannot."""
    cards = many(sum(not one.suspended for one in seen.cards), "card")
    way = f"ankiforge push --suspend-retired suspends its {cards}; or delete it there"
    return way if RETIRED in seen.tags else f"the next package tags it {RETIRED}, then {way}"


def _why(card: Card) -> str:
    if card.verdict is Verdict.REJECTED:
        return "you rejected it" + (f": {card.reason}" if card.reason else "")
    if card.standing is Standing.SUPERSEDED:
        return f"{card.standing_why} stands in its place"
    if card.standing is Standing.RETIRED:
        return _WHY.get(card.standing_why, card.standing_why)
    return "it waits for your word again"


def _back(card: Card) -> Act:
    waits = card.verdict is Verdict.PENDING and card.standing is Standing.LIVE
    if not waits:
        return Act("b", "Bring it back", "restore")
    return Act("a", "Accept", "accept", (("slot", card.leading.id),))


# --- a card here, but in no source ----------------------------------------------------------


def _without_source(desk: Service, card: Card) -> Item:
    lead = card.leading
    return Item(
        card.guid,
        f"Its passage is gone: a {card.kind} card from {title_of(card)}",
        stamp_of(card),
        source=source_html(card.highlight, lead.draft.quote),
        slots=(slot_of(desk, card, lead, ""),),
        body=sides_html(facts=_gone_facts(desk, card)),
        acts=(
            Act("a", "Keep it", "keep", (("slot", f"{card.guid}.{letter_of(lead)}"),)),
            Act("x", "Reject it: no card any more", "reject", (("slot", card.guid),)),
            Act("e", "Edit", ":edit"),
        ),
        group=card.highlight.key,
    )


def _gone_facts(desk: Service, card: Card) -> Iterator[Fact]:
    yield ("Its passage", "is no longer in the source; beside the card stands what it was")
    yield ("In Anki", studied(desk, card))
    yield ("If you keep it", "it stays as it is, and you are asked again only if that happens anew")
