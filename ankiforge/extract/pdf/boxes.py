"""Boxes on a page of a PDF, in points, in the coordinate space of /Rect. The y axis points up."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

Box = tuple[float, float, float, float]
"""(left, bottom, right, top)"""


def is_finite_box(box: Box) -> bool:
    """Return whether all edges are finite numbers."""
    return all(map(isfinite, box))


def is_point_in_box(x: float, y: float, box: Box) -> bool:
    """Return whether a point is inside a box or on its border."""
    left, bottom, right, top = box
    return left <= x <= right and bottom <= y <= top


def grow_box(box: Box, margin: float) -> Box:
    """Return a box with a margin around it."""
    left, bottom, right, top = box
    return (left - margin, bottom - margin, right + margin, top + margin)


def join_boxes(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that contains all of the given boxes."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return (min(lefts), min(bottoms), max(rights), max(tops))
