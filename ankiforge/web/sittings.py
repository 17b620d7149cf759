"""The sittings of a review session, by the number under which the page knows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ankiforge.model import Json
from ankiforge.review.sitting import Sitting, SittingKind


class Sittings:
    """Every sitting so far, and which of them are unfinished.

    A sitting is unfinished while some of its items are decided and others remain. Only sittings of
    documents and queues can be continued, and each of them has at most one.
    """

    def __init__(self) -> None:
        """Create an empty collection."""
        self._by_number: dict[int, Sitting] = {}
        self._unfinished_numbers: dict[str, int] = {}
        """The number of the unfinished sitting of each document or queue, most recent last."""

    def find(self, number: int) -> Sitting | None:
        """Return the sitting with a number, or None if there is none."""
        return self._by_number.get(number)

    def start(self, kind: SittingKind, target: str, items: Sequence[Json]) -> Json:
        """Start a sitting with the given items, and render it as `store` does."""
        number = len(self._by_number) + 1
        return self.store(number, Sitting(kind, target, _list_ids(items)), items)

    def store(self, number: int, sitting: Sitting, items: Sequence[Json]) -> Json:
        """Store a sitting and render it as JSON.

        `items` are the items that the page doesn't have yet.
        """
        self._by_number[number] = sitting
        if sitting.kind is not SittingKind.LIST:
            self._unfinished_numbers.pop(sitting.target, None)
            if sitting.ids and sitting.results:
                self._unfinished_numbers[sitting.target] = number
        return {
            "number": number,
            "ids": sitting.ids,
            "results": sitting.results,
            "items": items,
        }

    # --- unfinished sittings --------------------------------------------------------------

    def find_unfinished(self, target: str) -> Sitting | None:
        """Return the unfinished sitting of a document or queue, or None."""
        if target not in self._unfinished_numbers:
            return None
        return self._by_number[self._unfinished_numbers[target]]

    def resume(self, sitting: Sitting, items: Sequence[Json]) -> Json:
        """Render an unfinished sitting, of which only `items` still wait."""
        number = self._unfinished_numbers[sitting.target]
        return self.store(number, replace(sitting, ids=_list_ids(items)), items)

    def iter_unfinished_targets(self) -> Iterator[str]:
        """Yield the documents and queues with an unfinished sitting, the latest first."""
        yield from reversed(self._unfinished_numbers)

    def format_position(self, target: str) -> str:
        """Format the position in an unfinished sitting, or return "" if there is none."""
        sitting = self.find_unfinished(target)
        return sitting.position if sitting else ""

    def forget_unfinished(self) -> None:
        """Begin each document anew when it is opened next."""
        self._unfinished_numbers.clear()


def _list_ids(items: Sequence[Json]) -> tuple[str, ...]:
    return tuple(item_json["id"] for item_json in items)
