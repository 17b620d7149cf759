"""The ending of a sitting: what was decided, the cards that were made, and what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ankiforge.ledger import Ledger
from ankiforge.model import Json
from ankiforge.review.batches import DocumentItems
from ankiforge.review.decisions import DecisionResult
from ankiforge.review.items import iter_changed_cards
from ankiforge.review.sitting import Sitting
from ankiforge.text import format_count
from ankiforge.web.card_view import FindPicture, render_card


def render_changed_cards(
    ledger: Ledger, sitting: Sitting, find_picture: FindPicture
) -> list[Json]:
    """Render the cards that a sitting has created or changed, the oldest change first."""
    cards: list[Json] = []
    for card in iter_changed_cards(ledger, sitting.actions):
        view = render_card(card, find_picture)
        if "figure" in view:
            view["cards"] = format_count(_count_cards(view), "card")
        view["key"] = card.highlight.key
        view["page"] = card.highlight.page_label
        cards.append(view)
    return cards


def _count_cards(view: Json) -> int:
    """Count the cards of a note, of which a figure has one for each mask."""
    if "figure" not in view:
        return 1
    return sum(mask["on"] for mask in view["figure"]["masks"])


def describe_outcome(sitting: Sitting, cards: Iterable[Json]) -> str:
    """Describe how many cards a sitting has made, or else how many items were decided."""
    card_count = sum(map(_count_cards, cards))
    if not card_count:
        return describe_decisions(sitting)
    parts = [format_count(card_count, "card")]
    rejected_count = sitting.results.count(DecisionResult.NONE)
    if sitting.document and rejected_count:
        parts.append(f"{rejected_count} rejected")
    return ", ".join([*parts, *_list_postponed(sitting)])


def describe_decisions(sitting: Sitting) -> str:
    """Describe how many items of a sitting were decided. Deferring isn't deciding."""
    parts = []
    decided_count = len(sitting.results) - sitting.results.count(DecisionResult.LATER)
    if decided_count:
        parts.append(f"{decided_count} decided")
    return ", ".join([*parts, *_list_postponed(sitting)])


def _list_postponed(sitting: Sitting) -> Sequence[str]:
    later_count = sitting.results.count(DecisionResult.LATER)
    return [f"{later_count} later"] if later_count else []


def describe_left_items(document_items: DocumentItems) -> str | None:
    """Describe what still waits in a document, or return None if nothing does."""
    parts = []
    if document_items.waiting_count:
        parts.append(f"{document_items.waiting_count:,} waiting")
    if document_items.more:
        parts.append(f"{len(document_items.more):,} more")
    return ", ".join(parts) or None


def format_heading(sitting: Sitting, outcome: str, left: str | None) -> str:
    """Format the heading of an ending.

    Args:
        sitting: the sitting that has ended.
        outcome: what was decided.
        left: what is left in the document or list, or None for nothing.
    """
    if left and not sitting.results:
        return "Everything was kept for later."
    if left:
        return f"{outcome}. Here: {left}."
    # beside a list, its last document may still have pending items
    nothing_left = "Nothing more is in this list."
    if sitting.document:
        nothing_left = "Nothing waits here."
    if not sitting.results:
        return nothing_left
    return f"{outcome}. {nothing_left}"
