"""What the links in a passage point to: the passage shows their words alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ankiforge.extract.obsidian.block import Block
from ankiforge.extract.obsidian.cites import opens


class Targets:
    """The links of a note, by their place in its plain text."""

    def __init__(self, blocks: Sequence[Block], note: str) -> None:
        """Of the note whose address is `note`."""
        self._places: list[tuple[int, int, str]] = []
        start = 0
        for block in blocks:
            for (first, last), target in block.inline.targets() if block.inline else ():
                self._places.append((start + first, start + last, opens(target, note)))
            start += len(block.plain) + 1
        self._places.sort()

    def within(self, start: int, end: int) -> tuple[str, ...]:
        """Where a person can go from a stretch of the note, in order, each once."""
        low = bisect_left(self._places, (start, start, ""))
        high = bisect_left(self._places, (end, end, ""))
        found = (to for _, last, to in self._places[low:high] if last <= end)
        return tuple(dict.fromkeys(filter(None, found)))
