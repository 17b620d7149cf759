"""Labels of several lines: pieces of text that go on below one another.

The shapes of the figure help: a rule between two lines divides them, and so do the samples
before the entries of a legend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ankiforge.extract.figures.captions import FRACTION, number_of
from ankiforge.extract.figures.pieces import Drawing, Piece

HYPHENS = "-\u2010\u00ad"

SAME_SIZE = 1.15
"""Lines of one label differ in size by this factor, at most."""
LINE_STEP = 1.38
"""From line to line of a label, at most, in sizes."""
EDGE = 0.4
"""Edges or middles of the lines of one label agree up to so many sizes."""


def joined(pieces: Sequence[Piece], drawing: Drawing) -> list[list[Piece]]:
    """Return the labels: pieces of one line, or of several that go on below one another."""
    by_angle: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_angle[piece.angle].append(piece)
    labels = []
    for lines in by_angle.values():
        lines.sort(key=lambda piece: (-piece.at.base, piece.at.start))
        # in which other line each goes on, by their numbers from the top
        below = {}
        for number, line in enumerate(lines):
            for other_number in range(number + 1, len(lines)):
                other = lines[other_number]
                if line.at.base - other.at.base > LINE_STEP * line.at.size:
                    break
                if _goes_on(line, other, drawing):
                    below[number] = other_number
                    break
        # chains of lines, each of which goes on in the next
        continues = set(below.values())
        taken: set[int] = set()
        for number in range(len(lines)):
            if number in continues:
                continue
            following: int | None = number
            chain = []
            while following is not None and following not in taken:
                taken.add(following)
                chain.append(lines[following])
                following = below.get(following)
            labels.append(chain)
    return labels


def _is_aligned(one: Piece, other: Piece) -> bool:
    """Return whether two pieces have an edge or their middles in one line."""
    starts_apart = one.at.start - other.at.start
    ends_apart = one.at.end - other.at.end
    middles_apart = (starts_apart + ends_apart) / 2
    slack = EDGE * min(one.at.size, other.at.size)
    return min(abs(starts_apart), abs(ends_apart), abs(middles_apart)) < slack


def _goes_on(upper: Piece, lower: Piece, drawing: Drawing) -> bool:
    """Return whether a line may go on in one below it."""
    size = min(upper.at.size, lower.at.size)
    larger_size = max(upper.at.size, lower.at.size)
    step = upper.at.base - lower.at.base
    if larger_size > SAME_SIZE * size or not 0.5 * size <= step <= LINE_STEP * size:
        return False
    if drawing.has_sign_beside(upper) and drawing.has_sign_beside(lower):
        return False  # two entries of a legend
    if not _is_aligned(upper, lower):
        return False
    if upper.angle == 0 and drawing.is_divided(upper.box, lower.box):
        return False
    return not (_is_number(upper) or _is_number(lower))


def _is_number(piece: Piece) -> bool:
    return number_of(piece.text) is not None or FRACTION.fullmatch(piece.text) is not None
