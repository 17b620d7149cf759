"""Missing in Anki: cards that were there and are not now, and nobody knows that they were deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ankiforge.model import AnkiState, Card
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, stamp_of, title_of
from ankiforge.review.page.shown.known import seen_last, when
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, sides_html
from ankiforge.review.service import Service


@dataclass(frozen=True, slots=True)
class Missing:
    """What a look at Anki did not find any more, without evidence of a deletion."""

    name: str = "missing"
    title: str = "Missing"
    about: str = (
        "Cards that were in Anki and are not there now: deleted on purpose, or by accident?"
    )
    empty: str = "Nothing is missing in Anki."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids."""
        return desk.ledger.queries.missing()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card, and what is known of its time in Anki."""
        card = desk.card(identity)
        if card is None or card.anki is not AnkiState.MISSING:
            return None
        count = len(self.ids(desk))
        return Item(
            card.guid,
            f"Missing in Anki: a {card.kind} card from {title_of(card)}",
            stamp_of(card, count),
            source=source_html(card.highlight, card.leading.draft.quote),
            slots=(slot_of(desk, card, card.leading, "as it was"),),
            body=sides_html(facts=_facts(desk, card)),
            acts=(*_ONE, *(_all(count) if count > 1 else ())),
            group=card.highlight.key,
        )


def _facts(desk: Service, card: Card) -> Iterator[Fact]:
    seen = desk.ledger.views.seen(card.guid)
    reviews = desk.ledger.views.reviews_of(card.guid)
    yield ("Missing since", when(card.anki_why))
    yield seen_last(seen)
    yield ("Deck", seen.deck if seen else "")
    yield ("Answers given there", f"{reviews}; when it was due is lost with it" if reviews else "0")
    yield ("If you bring it back", "the next package holds it, and Anki begins with it anew")
    yield ("If it was deleted", "it is not shipped again, not even when its source changes")


_ONE = (
    Act("b", "Bring it back", "restore"),
    Act("d", "It was deleted on purpose", "deleted"),
)


def _all(count: int) -> tuple[Act, ...]:
    asks = f"{count} cards are missing. Type {count} if you mean all of them."
    return (
        Act("B", f"Bring all {count} back", "all restore", asks=asks, needs=True),
        Act("D", f"All {count} were deleted on purpose", "all deleted", asks=asks, needs=True),
    )
