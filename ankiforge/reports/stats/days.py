"""Days as Anki counts them: they begin at the collection's hour, local time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from ankiforge.model import Calendar, SeenCard

_SECONDS_FROM = 1_000_000_000
"""A `due` from here on is a time in seconds, a smaller one a number of days."""
_SLICE = 900
"""No clock on Earth changes its day within a quarter of an hour."""
_NEW, _BURIED = 0, (-2, -3)


@dataclass(frozen=True)
class Days:
    """The days of one collection, and which of them is today."""

    calendar: Calendar
    now: float
    """Seconds since 1970."""
    known: dict[int, date] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        """The day that has begun last."""
        return self.of(self.now)

    def of(self, seconds: float) -> date:
        """The day of a moment, seconds since 1970."""
        part = int(seconds) // _SLICE
        if part not in self.known:
            local = datetime.fromtimestamp(_sane(part * _SLICE))
            early = local.hour < self.calendar.rollover
            self.known[part] = local.date() - timedelta(days=early)
        return self.known[part]

    def begin(self, day: date) -> float:
        """The moment at which a day begins, seconds since 1970."""
        return datetime(day.year, day.month, day.day, self.calendar.rollover).timestamp()

    def end(self, day: date) -> int:
        """The moment at which a day is over, in whole seconds; 0 of one that no calendar has."""
        known = 1970 < day.year < 2999
        return int(self.begin(day + timedelta(days=1))) if known else 0

    def due(self, card: SeenCard) -> int | None:
        """In how many days a card comes, negative if it is overdue; None if it does not come.

        New and suspended cards do not come; one that is buried today comes when it is dug out.
        """
        if card.queue == _NEW or card.suspended:
            return None
        ahead = (self._day_of(card.due) - self.today).days
        return None if card.queue in _BURIED and ahead <= 0 else ahead

    def _day_of(self, due: int) -> date:
        if due >= _SECONDS_FROM:
            return self.of(due)
        return self._first + timedelta(days=max(-_MOST, min(due, _MOST)))

    @cached_property
    def _first(self) -> date:
        """The day on which the collection was made, where it was made."""
        created, west = _sane(self.calendar.created), self.calendar.west
        if west is None:
            return datetime.fromtimestamp(created).date()
        return (datetime.fromtimestamp(created, UTC) - timedelta(minutes=west)).date()


_MOST = 100_000
"""Days ahead or ago that anybody plans."""
_LATEST = 32_503_680_000
"""The year 3000: a damaged collection may name a time that no calendar has."""


def _sane(seconds: float) -> float:
    return max(0.0, min(seconds, _LATEST))
