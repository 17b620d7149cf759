"""Labels of several lines: pieces of text that go on below one another.

What the figure draws helps: a rule between two lines divides them, and so do the samples
before the entries of a legend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ankiforge.extract.figures.left_out import FRACTION, number_of
from ankiforge.extract.figures.values import Drawing, Piece

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
        for chain in _chains(below, len(lines)):
            labels.append([lines[number] for number in chain])
    return labels


def _is_aligned(one: Piece, other: Piece) -> bool:
    """Return whether two pieces have an edge or their middles in one line."""
    slack = EDGE * min(one.at.size, other.at.size)
    if (
        abs(one.at.start - other.at.start) < slack
        or abs(one.at.end - other.at.end) < slack
    ):
        return True
    return abs((one.at.start + one.at.end) - (other.at.start + other.at.end)) / 2 < slack


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
