"""Nested lists: what the items above an item say."""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.extract.obsidian.block import Block, Part

_LONGEST = 160
"""Characters of what is told of one item."""


class Lists:
    """The lists of a note."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._words: dict[tuple[tuple[int, int], ...], str] = {}
        self._intros: dict[int, str] = {}
        for at, block in enumerate(blocks):
            if not block.path:
                continue
            self._intros.setdefault(block.path[0][0], self._intro(at))
            if block.part is Part.ITEM:
                self._words.setdefault(block.path, _shortened(block.plain))

    def above(self, at: int) -> tuple[str, ...]:
        """What stands above a block in its lists, outermost first; how the list is introduced."""
        block = self._blocks[at]
        if not block.path:
            return ()
        depth = len(block.path) - (block.part is Part.ITEM)
        words = (self._words.get(block.path[:length], "") for length in range(1, depth + 1))
        return tuple(filter(None, (self._intros[block.path[0][0]], *words)))

    def _intro(self, at: int) -> str:
        """The paragraph right above a list, if it leads to it by a colon."""
        before = self._blocks[at - 1] if at else None
        leads = before is not None and before.part is Part.TEXT and not before.path
        same_quote = leads and before.quotes == self._blocks[at].quotes  # type: ignore[union-attr]
        words = before.plain if before is not None and same_quote else ""
        return _shortened(words) if words.endswith((":", "：")) else ""


def _shortened(text: str) -> str:
    """A long text without its end, cut between words."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(' ')[0] or text[:_LONGEST]}…"
