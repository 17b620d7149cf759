"""Cards of which a check has said something that a person should read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ankiforge.model import Card, Standing, Verdict
from ankiforge.review.page.shown.items import Item
from ankiforge.review.page.views.pending import card_item
from ankiforge.review.service import Service


@dataclass(frozen=True, slots=True)
class Findings:
    """Live cards, accepted ones too, that are warned of or forbidden."""

    name: str = "findings"
    title: str = "Findings"
    about: str = "Cards of which a check warns, or which it forbids: mend them, or decide."
    empty: str = "No check warns of any card."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids; of a choice the first card's."""
        return desk.ledger.queries.with_findings()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card with what may be done about it."""
        card = desk.card(identity)
        return card_item(desk, card) if card and _is_doubted(card) else None


def _is_doubted(card: Card) -> bool:
    stands = card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
    shown = (card.leading, *card.open, *card.beside)
    return stands and not all(one.clean for one in shown)
