"""Labels of several lines: pieces of text that go on below one another.

What the figure draws helps: words in one box belong together, a rule between two lines
divides them. Cells of a table stand below one another, too, and are labels of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ankiforge.extract.figures.left_out import FRACTION, number_in
from ankiforge.extract.figures.values import WIDEST_STEP, Drawing, Piece
from ankiforge.text import regex

HYPHENS = "-\u2010\u00ad"

SAME_SIZE = 1.15
"""Lines of one label differ in size by this factor, at most."""
LINE_STEP = 1.38
"""From line to line of a label, at most, in sizes; in a box of its own, `WIDEST_STEP`."""
EDGE = 0.4
"""Edges or middles of the lines of one label agree up to so many sizes."""
INDENT = 1.6
"""How far a line in a box may be indented, in sizes."""
APART = 1.5
"""Two rows of a table are one if those above and below are this many times as far."""


_ITEM = regex(r"(?:\d{1,2}[.)]|[•●▪–-]) ?\w")
"""How an item of a list begins: its further lines are indented."""

LEAST_RULES = 4
"""Rules of a table with one between all rows; above, below and under the head are three."""


class _Line(NamedTuple):
    """A piece with what is drawn around it, and its row."""

    piece: Piece
    box: int
    """The number of the smallest box around it, -1 = none."""
    signed: bool
    """Whether a small shape stands beside it, as in a legend."""


def joined(pieces: Sequence[Piece], drawing: Drawing) -> list[list[Piece]]:
    """Return the labels: pieces of one line, or of several that go on below one another."""
    by_angle: dict[int, list[_Line]] = defaultdict(list)
    for piece in pieces:
        by_angle[piece.angle].append(_line(piece, drawing))
    labels = []
    for lines in by_angle.values():
        lines.sort(key=lambda line: (-line.piece.at.base, line.piece.at.start))
        below = _lines_below(lines, drawing)
        for chain in _chains(below, len(lines)):
            labels.append([lines[number].piece for number in chain])
    return labels


def _lines_below(lines: Sequence[_Line], drawing: Drawing) -> dict[int, int]:
    """Return of each line in which other one it goes on, by their numbers from the top."""
    rows = _Rows(lines, drawing)
    below = {}
    for number, line in enumerate(lines):
        nearest: tuple[float, int] | None = None
        for other_number in range(number + 1, len(lines)):
            other = lines[other_number]
            step = line.piece.at.base - other.piece.at.base
            if step > WIDEST_STEP * line.piece.at.size:
                break
            if not _goes_on(line, other, step, drawing):
                continue
            in_own_box = line.box >= 0
            if (
                not in_own_box
                and rows.divide(number, other_number)
                and (not _continues(line.piece.text, other.piece.text))
            ):
                continue
            if nearest is None or (step, other_number) < nearest:
                nearest = (step, other_number)
        if nearest is not None:
            below[number] = nearest[1]
    return below


def _continues(upper: str, lower: str) -> bool:
    """Return whether words go on in a cell, by how its lines end and begin."""
    if lower[:1] in "([" or upper[-1:] in HYPHENS:
        return True
    return lower[:1].islower() and upper[-1:] not in ".:;"


def _line(piece: Piece, drawing: Drawing) -> _Line:
    box = drawing.box_around_line(piece.box, piece.at.size)
    return _Line(piece, box, drawing.has_sign_beside(piece))


class _Rows:
    """The rows in which the lines of a figure stand: those of a table do not go on below."""

    def __init__(self, lines: Sequence[_Line], drawing: Drawing) -> None:
        """`lines` are sorted from the top."""
        self._lines = lines
        self._drawing = drawing
        self._row_of: list[int] = []
        self._rows: list[list[int]] = []
        for number, line in enumerate(lines):
            at = line.piece.at
            last = lines[self._rows[-1][0]].piece.at if self._rows else None
            if last is None or last.base - at.base > 0.3 * at.size:
                self._rows.append([])
            self._rows[-1].append(number)
            self._row_of.append(len(self._rows) - 1)

    def divide(self, upper: int, lower: int) -> bool:
        """Return whether two lines are cells of a table, in rows of their own."""
        beside_upper = self._beside(upper)
        beside_lower = self._beside(lower)
        has_columns = False
        for one in beside_upper:
            for other in beside_lower:
                has_columns = has_columns or self._is_aligned(one, other)
        if not has_columns:
            return False
        if len(beside_lower) < len(beside_upper):  # only some cells of the row go on
            return False
        step = self._step(upper, lower)
        above = self._next_in_column(upper, -1)
        below = self._next_in_column(lower, 1)
        if self._has_ruled_rows(above, upper, lower, below):
            return False
        steps = []
        if above is not None:
            steps.append(self._step(above, upper))
        if below is not None:
            steps.append(self._step(lower, below))
        return bool(steps) and min(steps) < APART * step

    def _has_ruled_rows(
        self, above: int | None, upper: int, lower: int, below: int | None
    ) -> bool:
        """Return whether a table draws a rule between its rows, and none between two lines."""
        pairs = [(upper, lower)]
        if above is not None:
            pairs.append((above, upper))
        if below is not None:
            pairs.append((lower, below))
        is_divided = []
        for first, second in pairs:
            boxes = (self._lines[first].piece.box, self._lines[second].piece.box)
            is_divided.append(self._drawing.is_divided(*boxes))
        if is_divided[0] or not all(is_divided[1:]):
            return False
        left, _, right, _ = self._lines[upper].piece.box
        rules = [
            rule for rule in self._drawing.rules if rule[0] < right and rule[2] > left
        ]
        return len(rules) >= LEAST_RULES

    def _beside(self, number: int) -> list[int]:
        return [other for other in self._rows[self._row_of[number]] if other != number]

    def _is_aligned(self, one: int, other: int) -> bool:
        return _is_aligned(self._lines[one].piece, self._lines[other].piece)

    def _step(self, upper: int, lower: int) -> float:
        return self._lines[upper].piece.at.base - self._lines[lower].piece.at.base

    def _next_in_column(self, number: int, way: int) -> int | None:
        """Return the nearest line above (-1) or below (1) in the same column."""
        row = self._row_of[number] + way
        while 0 <= row < len(self._rows):
            for other in self._rows[row]:
                if self._is_aligned(number, other):
                    return other
            row += way
        return None


def _is_aligned(one: Piece, other: Piece) -> bool:
    """Return whether two pieces have an edge or their middles in one line."""
    slack = EDGE * min(one.at.size, other.at.size)
    if (
        abs(one.at.start - other.at.start) < slack
        or abs(one.at.end - other.at.end) < slack
    ):
        return True
    return abs((one.at.start + one.at.end) - (other.at.start + other.at.end)) / 2 < slack


def _goes_on(upper: _Line, lower: _Line, step: float, drawing: Drawing) -> bool:
    """Return whether a line may go on in one below it."""
    one = upper.piece
    other = lower.piece
    size = min(one.at.size, other.at.size)
    larger_size = max(one.at.size, other.at.size)
    if larger_size > SAME_SIZE * size or step < 0.5 * size:
        return False
    begin_two_entries = upper.signed and lower.signed
    if upper.box != lower.box or begin_two_entries:
        return False
    in_box = upper.box >= 0
    most_step = WIDEST_STEP if in_box else LINE_STEP
    if step > most_step * size:
        return False
    indent = other.at.start - one.at.start
    is_small_indent = abs(indent) < INDENT * size
    # the second line of an item is set under its words
    goes_on_in_item = (
        indent > 0
        and _ITEM.match(one.text) is not None
        and _ITEM.match(other.text) is None
    )
    is_indented = is_small_indent and (in_box or goes_on_in_item)
    if not is_indented and not _is_aligned(one, other):
        return False
    if not _overlap_by_half(one, other):
        return False
    if one.angle == 0 and drawing.is_divided(one.box, other.box):
        return False
    if not in_box and _begin_alike(one.text, other.text):
        return False
    if in_box:
        return not (_is_number(one) and _is_number(other))
    return not (_is_number(one) or _is_number(other))


def _begin_alike(upper: str, lower: str) -> bool:
    """Return whether two lines begin with the same capitalised word, as two entries do."""
    [first_of_upper, *_] = upper.split()
    [first_of_lower, *_] = lower.split()
    is_same = first_of_upper == first_of_lower
    return is_same and len(first_of_upper) > 2 and first_of_upper[0].isupper()


def _overlap_by_half(one: Piece, other: Piece) -> bool:
    """Return whether two lines have half of the shorter one in common along the line."""
    common = min(one.at.end, other.at.end) - max(one.at.start, other.at.start)
    length = one.at.end - one.at.start
    other_length = other.at.end - other.at.start
    return common >= 0.5 * min(length, other_length)


def _is_number(piece: Piece) -> bool:
    return number_in(piece) is not None or FRACTION.fullmatch(piece.text) is not None


def _chains(below: dict[int, int], count: int) -> list[list[int]]:
    """Return the chains of lines, each of which goes on in the next."""
    taken: set[int] = set()
    chains: list[list[int]] = []
    continues = set(below.values())
    for number in range(count):
        if number in continues:
            continue
        chain = []
        following: int | None = number
        while following is not None and following not in taken:
            taken.add(following)
            chain.append(following)
            following = below.get(following)
        chains.append(chain)
    return chains
