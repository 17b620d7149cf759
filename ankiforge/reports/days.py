"""Days as Anki counts them: each begins at an hour that the collection sets, in local time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from ankiforge.model import Calendar, SeenCard

_SECONDS_FROM = 1_000_000_000
"""From this value on, a `due` is a time in seconds; a smaller one is a number of days."""
_SLICE = 900
"""All times within a quarter of an hour are on the same day in every time zone."""
_NEW, _BURIED = 0, (-2, -3)
_MOST_DAYS = 100_000
_LATEST = 32_503_680_000
"""The year 3000. A damaged collection may contain times out of the range of `datetime`."""


@dataclass(frozen=True)
class Days:
    """The days of one collection."""

    calendar: Calendar
    now: float
    """Seconds since 1970."""
    known: dict[int, date] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        """The current day."""
        return self.of(self.now)

    def of(self, seconds: float) -> date:
        """Return the day that contains a time, given in seconds since 1970."""
        part = int(seconds) // _SLICE
        if part not in self.known:
            local = datetime.fromtimestamp(_bounded(part * _SLICE))
            early = local.hour < self.calendar.rollover
            self.known[part] = local.date() - timedelta(days=early)
        return self.known[part]

    def begin(self, day: date) -> float:
        """Return the time at which a day begins, in seconds since 1970."""
        return datetime(day.year, day.month, day.day, self.calendar.rollover).timestamp()

    def end(self, day: date) -> int:
        """Return the time at which a day ends, in whole seconds since 1970; 0 if out of range."""
        return int(self.begin(day + timedelta(days=1))) if 1970 < day.year < 2999 else 0

    def due(self, card: SeenCard) -> int | None:
        """Return the number of days until a card is due, negative if it is overdue.

        None for new and suspended cards, and for cards buried today.
        """
        if card.queue == _NEW or card.suspended:
            return None
        if card.due >= _SECONDS_FROM:
            day = self.of(card.due)
        else:
            day = self._first + timedelta(days=max(-_MOST_DAYS, min(card.due, _MOST_DAYS)))
        ahead = (day - self.today).days
        return None if card.queue in _BURIED and ahead <= 0 else ahead

    @cached_property
    def _first(self) -> date:
        """The day on which the collection was created, in its time zone."""
        created, west = _bounded(self.calendar.created), self.calendar.west
        if west is None:
            return datetime.fromtimestamp(created).date()
        return (datetime.fromtimestamp(created, UTC) - timedelta(minutes=west)).date()


def _bounded(seconds: float) -> float:
    return max(0.0, min(seconds, _LATEST))
