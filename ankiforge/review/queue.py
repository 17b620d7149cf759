"""The queue: everything that waits in all documents, in the order in which the user decides on it.

First comes what only the user can settle, then what the user wrote, then what a chat or model
wrote, and last the suggestions. Within the drafts and the suggestions, documents take turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from ankiforge.ledger.pending_items import (
    PassageLocation,
    PendingItems,
    split_suggestions,
)


def list_queue(pending: PendingItems) -> list[str]:
    """Return the ids of all items that wait, the first to decide on first."""
    hand_written = [each for each in pending.drafts if each.is_hand_written]
    drafted = [each for each in pending.drafts if not each.is_hand_written]
    suggestions = split_suggestions(pending.without_card).certain
    by_confidence = sorted(suggestions, key=lambda each: -each.usefulness)
    ids = [*pending.changed_cards, *pending.questions]
    for locations in (hand_written, drafted, by_confidence):
        ids += [each.id for each in take_turns(locations)]
    return ids


def keep_new_cards_of(pending: PendingItems, documents: Collection[int]) -> PendingItems:
    """Return only the new cards that wait in some documents."""
    return replace(
        pending,
        drafts=[each for each in pending.drafts if each.document in documents],
        conflicts=[],
        revisions=[],
        questions=[],
        without_card=[
            each for each in pending.without_card if each.document in documents
        ],
    )


def take_turns(locations: Iterable[PassageLocation]) -> Sequence[PassageLocation]:
    """Sort locations so that documents take turns: the first of each document, then the second.

    Within a turn, and within a document, the order stays as it is.
    """
    counts = Counter[int]()
    turns: list[tuple[int, PassageLocation]] = []
    for location in locations:
        turns.append((counts[location.document], location))
        counts[location.document] += 1
    turns.sort(key=lambda turn: turn[0])
    return [location for _, location in turns]
