"""Conflicts with Anki: fields that both a person there and the source here have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ankiforge import sync
from ankiforge.anki.cards import card_ordinals, sides
from ankiforge.anki.merge import Conflict
from ankiforge.anki.unrender import unrender
from ankiforge.model import Card, Guid, Seen
from ankiforge.review.page.shown.differences import runs
from ankiforge.review.page.shown.faces import faces_of
from ankiforge.review.page.shown.items import Act, Face, Item, Slot, stamp_of, title_of
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Row, Side, as_it_is, beside, sides_html
from ankiforge.review.service import Service


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Cards whose words in Anki and in the source differ, both from what was shipped."""

    name: str = "conflicts"
    title: str = "Conflicts"
    about: str = (
        "Fields that you changed in Anki and the source changed as well: whose words stand?"
    )
    empty: str = "Anki and your sources agree."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids."""
        return desk.ledger.queries.conflicts()

    def item(self, desk: Service, identity: str) -> Item | None:
        """All sides of each field."""
        found = conflicts_of(desk, identity)
        seen = desk.ledger.views.seen(Guid(identity))
        if not found or seen is None:
            return None
        return _item(desk, desk.ledger.cards.get(identity), seen, found)


def conflicts_of(desk: Service, guid: str) -> tuple[Conflict, ...]:
    """The conflicts of a card as they stand now; that there are some is noted with the card."""
    card = desk.card(guid)
    return sync.conflicts_of(desk.ledger, card, desk.decks) if card else ()


def _item(desk: Service, card: Card, seen: Seen, found: tuple[Conflict, ...]) -> Item:
    named = ", ".join(one.field for one in found)
    return Item(
        card.guid,
        f"Conflict in {named} of a card from {title_of(card)}",
        stamp_of(card, found, seen.fields),
        source=source_html(card.highlight, card.leading.draft.quote),
        slots=_slots(desk, card, seen),
        body=sides_html(_row(one) for one in found),
        acts=tuple(_acts(found)),
        group=card.highlight.key,
        compared=True,
    )


def _slots(desk: Service, card: Card, seen: Seen) -> tuple[Slot, ...]:
    ours, pictures = faces_of(desk, card)
    return (
        Slot(f"{card.guid}.anki", "yours, in Anki", faces_in_anki(card, seen)),
        Slot(card.leading.id, "from the source", ours, pictures=pictures),
    )


def faces_in_anki(card: Card, seen: Seen) -> tuple[Face, ...]:
    """The cards of a note as they stand in Anki; what its fields hold is foreign."""
    ordinals = card_ordinals(card.family, seen.fields)
    return tuple(sides(card.family, seen.fields, ordinal) for ordinal in ordinals)


def _row(conflict: Conflict) -> Row:
    """What was shipped, if it is known, and what either side made of it; as text."""
    base, mine, source = map(unrender, (conflict.base, conflict.theirs, conflict.ours))
    if not base:
        return beside(conflict.field, ("Yours, in Anki", mine), ("From the source", source))
    return Row(
        conflict.field,
        (
            as_it_is("Before", base),
            Side("Yours, in Anki", runs(base, mine)),
            Side("From the source", runs(base, source)),
        ),
    )


def _acts(found: tuple[Conflict, ...]) -> Iterator[Act]:
    """For all fields; if there are several, for each of them as well."""
    every = " in all fields" if len(found) > 1 else ""
    yield Act("m", f"Keep mine{every}", "mine")
    yield Act("o", f"Take the source's{every}", "source")
    for at, one in enumerate(found if every else ()):
        this = (("field", one.field),)
        yield Act(str(2 * at + 1), f"{one.field}: mine", "mine", this)
        yield Act(str(2 * at + 2), f"{one.field}: the source's", "source", this)
