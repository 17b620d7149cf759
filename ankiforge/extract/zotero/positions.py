"""Where on a page a mark is: what Zotero keeps as JSON, whatever is wrong with it."""

from __future__ import annotations

from itertools import chain
from math import isfinite
from typing import TypeVar

import msgspec

from ankiforge.extract.pdf.worker import Area

Box = tuple[float, float, float, float]
"""left, bottom, right, top in points."""


class _Page(msgspec.Struct, frozen=True):
    """Absent in EPUBs and snapshots."""

    pageIndex: int | None = None


class _Place(msgspec.Struct, frozen=True):
    """Where on the page, line by line."""

    rects: tuple[Box, ...] = ()


class _Drawing(msgspec.Struct, frozen=True):
    """What a pen drew: x, y, x, y … of each stroke."""

    paths: tuple[tuple[float, ...], ...] = ()
    width: float = 1.0


_Part = TypeVar("_Part", _Page, _Place, _Drawing)


def page_index(position: str) -> int | None:
    """The page of a mark from 0, None if it has none."""
    found = _decoded(position, _Page).pageIndex
    return found if found is not None and found >= 0 else None


def first_box(position: str) -> Box | None:
    """The box of a mark's first line, None if it has none."""
    return next(iter(_decoded(position, _Place).rects), None)


def area_of(position: str, colour: str) -> Area | None:
    """What a figure or drawing covers, None if that cannot be told."""
    page = page_index(position)
    drawing = _decoded(position, _Drawing)
    strokes = tuple(stroke for stroke in drawing.paths if len(stroke) > 1 and _finite(stroke))
    box = first_box(position) or _around(strokes, drawing.width)
    if page is None or box is None or not _finite(box):
        return None
    return Area(page, box, strokes, drawing.width, colour) if strokes else Area(page, box)


def _around(strokes: tuple[tuple[float, ...], ...], width: float) -> Box | None:
    """The box around a drawing, a little air included."""
    across = list(chain.from_iterable(stroke[::2] for stroke in strokes))
    upward = list(chain.from_iterable(stroke[1::2] for stroke in strokes))
    if not across or not isfinite(width):
        return None
    air = abs(width) + 2
    return (min(across) - air, min(upward) - air, max(across) + air, max(upward) + air)


def _finite(numbers: tuple[float, ...]) -> bool:
    return all(map(isfinite, numbers))


def _decoded(position: str, part: type[_Part]) -> _Part:
    try:
        return msgspec.json.decode(position, type=part)
    except (msgspec.MsgspecError, RecursionError):
        return part()
