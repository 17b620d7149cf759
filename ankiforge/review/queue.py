"""The queue: everything that waits in all documents, in the order in which the user decides on it.

First comes what only the user can settle, then what the user wrote, then what a chat or model
wrote, and last the suggestions. Within the drafts and the suggestions, documents take turns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from operator import attrgetter

from msgspec.structs import replace

from ankiforge.ledger.pending_items import (
    PassageLocation,
    PendingItems,
    split_suggestions,
)


def list_queue(pending: PendingItems) -> list[str]:
    """Return the ids of all items that wait, the first to decide on first."""
    hand_written: list[PassageLocation] = []
    drafted: list[PassageLocation] = []
    for draft in pending.drafts:
        if draft.is_hand_written:
            hand_written.append(draft)
        else:
            drafted.append(draft)
    suggestions = list(split_suggestions(pending.without_card).certain)
    suggestions.sort(key=attrgetter("usefulness"), reverse=True)
    ids = [*pending.changed_cards, *pending.questions]
    for locations in (hand_written, drafted, suggestions):
        ids += map(attrgetter("id"), take_turns(locations))
    return ids


def keep_new_cards_of(pending: PendingItems, documents: Collection[int]) -> PendingItems:
    """Return only the new cards that wait in some documents."""

    def is_wanted(location: PassageLocation) -> bool:
        return location.document in documents

    return replace(
        pending,
        drafts=list(filter(is_wanted, pending.drafts)),
        conflicts=[],
        revisions=[],
        questions=[],
        without_card=list(filter(is_wanted, pending.without_card)),
    )


def take_turns(locations: Iterable[PassageLocation]) -> Sequence[PassageLocation]:
    """Sort locations so that documents take turns: the first of each document, then the second.

    Within a turn, and within a document, the order stays as it is.
    """
    counts = Counter[int]()
    turns: dict[int, list[PassageLocation]] = defaultdict(list)
    for location in locations:
        turn = counts[location.document]
        turns[turn].append(location)
        counts[location.document] += 1
    return list(chain.from_iterable(turns.values()))
