"""The exports of a running Anki, seen as one."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from operator import attrgetter

from ankiforge.anki.views.reading import DatabaseView
from ankiforge.model import Calendar, SeenNote, SeenReview, SeenType, ViewKind


@dataclass(frozen=True, slots=True)
class UnionView:
    """All parts together, each note, review and note type once."""

    path: str
    profile: str
    complete: bool
    parts: tuple[DatabaseView, ...]

    @property
    def kind(self) -> ViewKind:
        """Always of a running Anki."""
        return ViewKind.CONNECT

    @property
    def taken_at(self) -> float:
        """The first export's time: a later one may lack what came meanwhile; now without any."""
        return min((part.taken_at for part in self.parts), default=time.time())

    @property
    def created(self) -> int:
        """Anki writes its collection's into every export; 0 if they differ."""
        found = {part.database.created for part in self.parts}
        return found.pop() if len(found) == 1 else 0

    @property
    def calendar(self) -> Calendar:
        """Of any: all are of one collection."""
        return next((part.calendar for part in self.parts), Calendar(0))

    @property
    def newest_review(self) -> int:
        """Of the exported decks."""
        return max((part.newest_review for part in self.parts), default=0)

    @property
    def types(self) -> tuple[SeenType, ...]:
        """By id."""
        found = {kind.id: kind for part in self.parts for kind in part.types}
        return tuple(found[number] for number in sorted(found))

    def notes(self) -> Iterator[SeenNote]:
        """A note with cards in several decks may be in several exports."""
        merged = heapq.merge(*(part.notes() for part in self.parts), key=attrgetter("guid", "id"))
        for _, same in groupby(merged, key=attrgetter("guid")):
            yield reduce(_joined, same)

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """In the order of the log."""
        merged = heapq.merge(*(part.reviews(after) for part in self.parts), key=attrgetter("id"))
        for _, same in groupby(merged, key=attrgetter("id")):
            yield next(same)

    def review_ids(self, until: int) -> Iterator[int]:
        """Of all parts."""
        for part in self.parts:
            yield from part.review_ids(until)

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """Exports hold no answers to cards that are no more."""
        return iter(())

    def graves(self) -> frozenset[int]:
        """Exports hold none as of 2026; what there is, is taken."""
        return frozenset().union(*(part.graves() for part in self.parts))

    def note_ids(self) -> frozenset[int] | None:
        """Only decks with notes of ours are exported."""
        return None

    def foreign(self, known: Mapping[int, int]) -> None:
        """Only decks with notes of ours are exported."""

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """In any of them."""
        wanted = tuple(cards)
        return frozenset().union(*(part.reviewed(wanted) for part in self.parts))


def _joined(one: SeenNote, other: SeenNote) -> SeenNote:
    """The first, with the cards of both if they are the same note."""
    if one.id != other.id:
        return one
    cards = {card.id: card for card in (*one.cards, *other.cards)}
    ordered = sorted(cards.values(), key=attrgetter("ordinal", "id"))
    return replace(one, cards=tuple(ordered))
