"""Recognise the cells of tables by the gaps between words.

All lengths are relative to the height of the letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ankiforge.extract.pdf.chars import NO_GAP, PrintedChar

_MAX_ROW_OFFSET = 0.25
"""The maximum vertical distance between two words of a row."""
_MIN_CELL_GAP = 1.2
"""The minimum distance between two table cells."""
_MIN_GAP_SPREAD = 0.5
"""The minimum difference between the widest and narrowest gap in a row of cells."""
_MIN_CELL_GAPS = 2
"""The minimum number of cell gaps in a passage that crosses a table. A single gap may be a tab or
follow a label.
"""


def crosses_table(chars: Sequence[PrintedChar]) -> bool:
    """Return whether consecutive characters span several cells of a table.

    Gaps between cells are wider than gaps between words. In a justified line, gaps may be
    just as wide, but then they all have about the same width.
    """
    cell_gaps = 0
    for gap_widths in _iter_rows(chars):
        if max(gap_widths) - min(gap_widths) >= _MIN_GAP_SPREAD:
            cell_gaps += sum(width > _MIN_CELL_GAP for width in gap_widths)
    return cell_gaps >= _MIN_CELL_GAPS


def _iter_rows(chars: Iterable[PrintedChar]) -> Iterator[list[float]]:
    """Yield the widths of the gaps between words in each row that has any."""
    gap_widths: list[float] = []
    previous: PrintedChar | None = None
    for char in chars:
        if previous and char.gap is not NO_GAP:
            width = _measure_gap(previous, char)
            if width is not None:
                gap_widths.append(width)
            else:  # the next row begins
                if gap_widths:
                    yield gap_widths
                gap_widths = []
        previous = char
    if gap_widths:
        yield gap_widths


def _measure_gap(left: PrintedChar, right: PrintedChar) -> float | None:
    """Return the width of the gap between two words, or None if they aren't in one row."""
    height = max(left.height, right.height)
    if abs(left.y - right.y) > _MAX_ROW_OFFSET * height or right.left < left.right:
        return None
    return (right.left - left.right) / height
