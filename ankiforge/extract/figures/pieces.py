"""Pieces of text and shapes of a figure, as they pass from their reader to labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ankiforge.model import Value

Box = tuple[float, float, float, float]
"""left, bottom, right, top; the vertical axis points upwards."""


class Placed(NamedTuple):
    """A letter or piece in the direction in which it is read."""

    start: float
    """Along the line."""
    end: float
    low: float
    """Across the line, upwards."""
    high: float
    base: float
    """The line on which its letters stand."""
    size: float
    """That of the font: the unit of all distances here."""


class Piece(Value):
    """Words on one line that belong together."""

    text: str
    at: Placed
    angle: int
    """0, 90, 180 or 270."""
    inside: float
    """The part of its letters that is inside the frame."""
    margin: float = 0.0
    """How far its letters surely reach beyond `at`."""

    @property
    def box(self) -> Box:
        """The box around it, in user space."""
        start = self.at.start - self.margin
        end = self.at.end + self.margin
        low = self.at.low - self.margin
        high = self.at.high + self.margin
        if self.angle == 0:
            return (start, low, end, high)
        if self.angle == 90:
            return (-high, start, -low, end)
        if self.angle == 180:
            return (-end, -high, -start, -low)
        return (low, -end, high, -start)


SIGN_LENGTH = 8.0
"""A shape before an entry of a legend is no longer, in sizes of the font."""
SIGN_HEIGHT = 2.0
"""It is lower than this."""
SIGN_GAP = 2.5
"""How far it is from the words, at most."""


class Drawing(Value):
    """The shapes of a figure that tell which words belong together."""

    rules: tuple[Box, ...] = ()
    """Thin level lines."""
    signs: tuple[Box, ...] = ()
    """Small shapes, such as those of a legend."""

    def is_divided(self, upper: Box, lower: Box) -> bool:
        """Return whether a rule runs between two lines of text."""
        left = max(upper[0], lower[0])
        right = min(upper[2], lower[2])
        top = (upper[1] + upper[3]) / 2
        bottom = (lower[1] + lower[3]) / 2
        for rule in self.rules:
            is_between = bottom < (rule[1] + rule[3]) / 2 < top
            if is_between and rule[0] < right and rule[2] > left:
                return True
        return False

    def has_sign_beside(self, piece: Piece) -> bool:
        """Return whether a small shape stands before or behind a piece, as in a legend."""
        # which numbers of a box are along the line of the piece, and which across
        is_level = piece.angle in (0, 180)
        along, across = (0, 1) if is_level else (1, 0)
        start = piece.box[along]
        end = piece.box[along + 2]
        low = piece.box[across]
        high = piece.box[across + 2]
        size = piece.at.size
        for sign in (*self.signs, *self.rules):
            sign_start = sign[along]
            sign_end = sign[along + 2]
            gap = max(start - sign_end, sign_start - end)
            is_near = 0 < gap < SIGN_GAP * size
            middle_along = (sign_start + sign_end) / 2
            is_beyond = middle_along < start or middle_along > end

            sign_low = sign[across]
            sign_high = sign[across + 2]
            middle_across = (sign_low + sign_high) / 2
            is_level_with = low < middle_across < high

            is_short = sign_end - sign_start < SIGN_LENGTH * size
            is_low = sign_high - sign_low < SIGN_HEIGHT * size
            if is_near and is_beyond and is_level_with and is_short and is_low:
                return True
        return False


class FoundLabel(Value):
    """A label with its box."""

    text: str
    box: Box


ACROSS = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}
"""The directions in which text is read; slanted words are no labels."""


def span(box: Box, direction: tuple[float, float]) -> tuple[float, float]:
    """Return where a box begins and ends in a direction."""
    left, bottom, right, top = box
    x, y = direction
    places = (
        x * left + y * bottom,
        x * right + y * bottom,
        x * left + y * top,
        x * right + y * top,
    )
    return min(places), max(places)


def union(boxes: Iterable[Box]) -> Box:
    """Return the box around boxes."""
    every = list(boxes)
    return (
        min(box[0] for box in every),
        min(box[1] for box in every),
        max(box[2] for box in every),
        max(box[3] for box in every),
    )
