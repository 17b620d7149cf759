"""Which characters a mark covers, and in which order they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import atan2, hypot, isfinite
from statistics import median
from typing import NamedTuple

from ankiforge.extract.pdf.chars import Char, is_rtl
from ankiforge.extract.pdf.pagetext import PageText, usual_step

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""left, bottom, right, top in points"""

ROW = 16.0
"""Height of the strips by which characters are looked up, in points."""
THIN = 0.45
"""A quad lower than so many letters is a stroke under or through them."""
PARTLY = 0.25
"""From here (up to a half) the first or last letter of a word counts as covered."""
MOST_QUADS = 2000


class Quad(NamedTuple):
    """A convex quadrilateral, corners by angle."""

    corners: tuple[Point, ...]
    box: Box
    upright: bool
    """Whether its sides are parallel to those of the page."""

    def holds(self, x: float, y: float) -> bool:
        """Whether a point within its box lies inside or on the edge."""
        sides = pairwise([*self.corners, self.corners[0]])
        turns = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in sides]
        return min(turns) >= 0 or max(turns) <= 0

    def cover(self, char: Char) -> float:
        """How much of the character's width lies between its left and right, 0 to 1."""
        shared = min(char.right, self.box[2]) - max(char.left, self.box[0])
        return max(0.0, shared / char.width)


def quads(points: Sequence[float], rectangle: Box | None) -> list[Quad]:
    """The quads of an annotation; its rectangle only where it has none.

    Whatever order a program wrote the corners in, sorting them by angle makes it one.
    """
    groups = [points[at : at + 8] for at in range(0, len(points) - 7, 8)][:MOST_QUADS]
    usable = [group for group in groups if all(isfinite(value) for value in group)]
    found = [_quad([(g[0], g[1]), (g[2], g[3]), (g[4], g[5]), (g[6], g[7])]) for g in usable]
    if not found and rectangle:
        left, bottom, right, top = rectangle
        found = [_quad([(left, bottom), (right, bottom), (right, top), (left, top)])]
    return found


def _quad(corners: list[Point]) -> Quad:
    x, y = sum(c[0] for c in corners) / 4, sum(c[1] for c in corners) / 4
    ordered = tuple(sorted(corners, key=lambda c: atan2(c[1] - y, c[0] - x)))
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    sides = pairwise([*ordered, ordered[0]])
    upright = all(abs(a[0] - b[0]) < 0.01 or abs(a[1] - b[1]) < 0.01 for a, b in sides)
    return Quad(ordered, (min(xs), min(ys), max(xs), max(ys)), upright)


class Passages:
    """Finds the text under marks on one page."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: dict[int, list[int]] = defaultdict(list)
        for at, char in enumerate(page.seen):
            self._rows[int(char.y // ROW)].append(at)

    def under(self, marked: list[Quad]) -> list[list[int]]:
        """The places a mark covers: one list per printed line, in reading order."""
        owner = self._inside(marked) or self._above(marked)
        owner |= self._partly(owner, marked)
        return _in_order(self._page.seen, self._segments(owner), owner)

    def nearest(self, x: float, y: float) -> int | None:
        """The place closest to a point; None on a page without text."""
        seen = self._page.seen
        if not seen:
            return None
        return min(range(len(seen)), key=lambda at: hypot(seen[at].x - x, 3 * (seen[at].y - y)))

    def _near(self, bottom: float, top: float) -> Iterator[int]:
        first, last = int(bottom // ROW), int(top // ROW)
        rows = range(first, last + 1) if last - first <= len(self._rows) else sorted(self._rows)
        for row in rows:
            yield from self._rows.get(row, ())

    def _inside(self, marked: list[Quad]) -> dict[int, int]:
        """Place → quad, for characters whose centre lies in a quad: no slack, or lines leak."""
        owner: dict[int, int] = {}
        for number, quad in enumerate(marked):
            left, bottom, right, top = quad.box
            for at in self._near(bottom, top):
                char = self._page.seen[at]
                inside = left <= char.x <= right and bottom <= char.y <= top
                if inside and (quad.upright or quad.holds(char.x, char.y)):
                    owner.setdefault(at, number)
        return owner

    def _above(self, marked: list[Quad]) -> dict[int, int]:
        """The same for quads that are but strokes below or through the letters."""
        owner: dict[int, int] = {}
        for number, quad in enumerate(marked):
            left, bottom, right, top = quad.box
            middle = (bottom + top) / 2
            for at in self._near(bottom, top + 3 * ROW):
                char = self._page.seen[at]
                thin = right > left and top - bottom < THIN * char.height
                standing = char.bottom - 0.2 * char.height <= middle <= char.y
                if thin and standing and left <= char.x <= right:
                    owner.setdefault(at, number)
        return owner

    def _partly(self, owner: dict[int, int], marked: list[Quad]) -> dict[int, int]:
        """First and last letters of words that a mark covers by a quarter or more."""
        return {
            at + step: number
            for at, number in owner.items()
            for step in (-1, 1)
            if marked[number].upright
            and at - step in owner
            and at + step not in owner
            and self._outermost(at, step)
            and PARTLY <= marked[number].cover(self._page.seen[at + step]) < 0.5
        }

    def _outermost(self, at: int, step: int) -> bool:
        """Whether the neighbour of a place is the last letter of its word in that direction."""
        seen, beside = self._page.seen, at + step
        if not 0 <= beside < len(seen) or seen[beside].place != seen[at].place + step:
            return False
        char, beyond = seen[beside], beside + step
        level = abs(char.y - seen[at].y) < 0.5 * char.height
        if not (char.text.isalnum() and level):
            return False
        return not (
            0 <= beyond < len(seen)
            and seen[beyond].place == char.place + step
            and seen[beyond].text.isalnum()
        )

    def _segments(self, owner: dict[int, int]) -> list[list[int]]:
        """Runs of covered places on one line and in one quad."""
        segments: list[list[int]] = []
        for at in sorted(owner):
            last = segments[-1][-1] if segments else -1
            if segments and owner[last] == owner[at] and self._continues(last, at):
                segments[-1].append(at)
            else:
                segments.append([at])
        return segments

    def _continues(self, at: int, then: int) -> bool:
        seen = self._page.seen
        near = then == at + 1 or seen[then].place - seen[at].place <= 3
        return near and not self._page.line_ends(at, then)


# --- reading order --------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a segment lies, along the line and down the page."""

    start: float
    end: float
    depth: float
    height: float


def _in_order(
    seen: list[Char], segments: list[list[int]], owner: dict[int, int]
) -> list[list[int]]:
    """The order of the page's text, that of the quads if it is plainly better, or by sight."""
    if len(segments) < 2:
        return segments
    places = _places(seen, segments)
    numbers = list(range(len(segments)))
    by_quad = sorted(numbers, key=lambda n: (owner[segments[n][0]], n))
    costs = _cost(numbers, places), _cost(by_quad, places)
    order = by_quad if costs[1] < costs[0] else numbers
    if min(costs) >= max(1.0, len(segments) / 3):
        order = sorted(numbers, key=lambda n: _row(places[n]))
    return [segments[number] for number in order]


def _row(place: Place) -> tuple[int, float]:
    return (round(place.depth / (0.6 * place.height)), place.start)


def _places(seen: list[Char], segments: list[list[int]]) -> list[Place]:
    across, along = usual_step(pairwise([seen[at] for at in max(segments, key=len)]))
    rtl = is_rtl("".join(seen[at].text for segment in segments for at in segment))
    down = -1.0 if rtl else 1.0
    return [_place([seen[at] for at in segment], across, along, down) for segment in segments]


def _place(chars: list[Char], across: float, along: float, down: float) -> Place:
    steps = [char.x * across + char.y * along for char in chars]
    depth = median(down * (char.x * along - char.y * across) for char in chars)
    return Place(min(steps), max(steps), depth, max(1.0, *(char.height for char in chars)))


def _cost(order: list[int], places: list[Place]) -> float:
    return sum(_step(places[one], places[two]) for one, two in pairwise(order))


def _step(one: Place, two: Place) -> float:
    """How odd it is to read `two` after `one`; 0 = not at all."""
    down, height = two.depth - one.depth, min(one.height, two.height)
    if abs(down) < 0.4 * height:
        return 1.0 if two.start < one.start else 0.0
    if down < 0:
        return 1.0 if two.start < one.end - 0.5 * height else 0.5
    return 0.75 if down > 2.5 * height and two.end <= one.start else 0.0
