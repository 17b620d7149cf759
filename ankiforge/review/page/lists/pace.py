"""How fast a person decides, and so how many minutes are left."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from statistics import median
from typing import Any

USUAL_SECONDS = 6.0
"""A decision, before any was seen."""
LONGEST_SECONDS = 60.0
"""Whoever takes longer was away."""
LAST = 50
"""Decisions that tell the pace."""


class Pace:
    """Counts the decisions made on the page since it was opened."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._took: deque[float] = deque(maxlen=LAST)
        self._before: float | None = None
        self._made: list[tuple[str, int]] = []
        """What stands of it, each with the number of its cards."""

    def decided(self, what: str, count: int = 1) -> None:
        """One more decision, about so many cards."""
        with self._lock:
            self._tick()
            self._made.append((what, count))

    def undone(self) -> None:
        """The last decision was taken back; one of an earlier visit, if there is none of this."""
        with self._lock:
            self._tick()
            if any(what != "undo" for what, _ in self._made):
                self._made.pop()
            else:
                self._made.append(("undo", 1))

    def _tick(self) -> None:
        now = self._clock()
        if self._before is not None:
            self._took.append(min(now - self._before, LONGEST_SECONDS))
        self._before = now

    def told(self, left: int) -> dict[str, Any]:
        """What was decided here and stands, by name, and the minutes that `left` more will take."""
        with self._lock:
            seconds = median(self._took) if self._took else USUAL_SECONDS
            made: Counter[str] = Counter()
            for what, count in self._made:
                made[what] += count
            return {"made": dict(made), "minutes": round(left * seconds / 60, 1)}
