"""What the last run drew, whatever became of it since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ankiforge.review.page.shown.items import Item
from ankiforge.review.page.views.pending import card_item
from ankiforge.review.service import Service


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest cards and the newest corrections."""

    name: str = "run"
    title: str = "This run"
    about: str = (
        "What the last run drafted or revised, whatever was decided since; what it could make no"
        " card of stands in the view of passages without one."
    )
    empty: str = "No run has drawn a card yet."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids; of a choice the first card's."""
        return desk.ledger.queries.of_last_run()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card as it stands."""
        card = desk.card(identity)
        return card_item(desk, card) if card else None
