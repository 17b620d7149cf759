"""The progress line while a model drafts: how far, how fast, what was sent, what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ankiforge.text import cost_text, counted

if TYPE_CHECKING:
    from ankiforge.pipeline.result import ByModel, Progress

WIDTH = 10
"""The characters of the bar."""
EVERY_S = 30.0
"""The seconds between two lines where there is no terminal."""


class ModelLine:
    """The line about a model that drafts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Say nothing yet. `clock` returns seconds."""
        self._clock = clock
        self._newest: ByModel | None = None
        # when the first and the newest step came, and when a line was said last
        self._begun = 0.0
        self._at = 0.0
        self._said = 0.0

    def take(self, step: Progress) -> None:
        """Take a step of a run."""
        if step.by_model is None:
            return
        self._at = self._clock()
        if self._newest is None:
            self._begun = self._at
            self._said = self._at
        self._newest = step.by_model

    @property
    def text(self) -> str:
        """The line; "" if no model drafts."""
        newest = self._newest
        if newest is None:
            return ""
        filled = WIDTH * newest.done // max(1, newest.total)
        bar = "█" * filled + "░" * (WIDTH - filled)
        parts = [f"{bar} {newest.done:,} of {newest.total:,}"]
        if newest.done:
            seconds_a_card = (self._at - self._begun) / newest.done
            waited = self._clock() - self._at
            cards_left = newest.total - newest.done
            seconds_left = max(0.0, seconds_a_card * cards_left - waited)
            hours, minutes = divmod(round(seconds_left / 60), 60)
            left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
            if seconds_left < 60:
                left = f"{seconds_left:.0f} s"
            parts.append(f"{seconds_a_card:.1f} s a card")
            parts.append(f"{left} left")
        usage = newest.usage
        characters = counted(usage.characters, "character")
        cost = cost_text(usage.cost_usd, local=usage.local)
        parts.append(f"{characters} sent")
        parts.append(cost)
        return " · ".join(parts)

    def due(self) -> str:
        """Return the line if none was said for 30 seconds; else ""."""
        if self._newest is None:
            return ""
        if self._clock() - self._said < EVERY_S:
            return ""
        self._said = self._clock()
        return self.text
