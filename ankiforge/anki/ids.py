"""Ids without clashes: pure functions of the guids, whatever the order in which notes come."""

from __future__ import annotations

Move = tuple[int, int]
"""(old id, new id) of a row."""


class Ids:
    """Gives out ids: of two names that want the same one, the larger adds 1.

    The order of arrival does not matter (an ordered hash table: Amble and Knuth 1974).
    """

    def __init__(self) -> None:
        self._holders: dict[int, str] = {}

    def place(self, name: str, wanted: int) -> tuple[int, list[Move]]:
        """The id of `name`, and who has to move for it, in an order in which each can."""
        steps: list[Move] = []
        at = origin = wanted
        while (holder := self._holders.get(at)) is not None:
            if name < holder:
                self._holders[at] = name
                steps.append((origin, at))
                name, origin = holder, at
            at += 1
        self._holders[at] = name
        steps.append((origin, at))
        return steps[0][1], steps[:0:-1]
