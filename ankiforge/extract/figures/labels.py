"""The labels in a figure, from the pieces of text on and around it.

    pieces of lines ─▶ without captions, ticks … ─▶ labels of several lines

Left out is text that names nothing in the figure: its caption, running text, numbers along an
axis, letters of panels, signs. Leader lines are no text.

The shapes of the figure help: a rule between two lines divides them, and so do the samples
before the entries of a legend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ankiforge.extract.figures.captions import (
    FRACTION,
    number_of,
    panels,
    says_something,
    ticks,
    without_captions,
)
from ankiforge.extract.figures.pieces import (
    Box,
    Drawing,
    FoundLabel,
    Piece,
    union,
)
from ankiforge.text import regex

MOST_LABELS = 200
"""Labels of one figure. With some of them hidden and others not, it would tell the answers."""
MOST_PIECES = 400
"""Pieces of text in a frame; one with more is no figure, but a page."""
MOST_WORDS = 20
"""More words than this are a sentence, no label; of a script without blanks, letters / 3."""
ABOVE = 0.04
"""How much larger a mask is than its letters, above and below, in sizes of the font."""
BESIDE = 0.05
"""The same to the left and right, where a letter may be wider than its font says."""
CJK = regex("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
"""Text in this script is joined across lines without a blank."""


def labels_of(
    pieces: list[Piece], frame: Box, drawing: Drawing
) -> tuple[FoundLabel, ...]:
    """Return the labels inside a frame, in no particular order.

    Args:
        pieces: the text in and around the frame.
        frame: what a person framed.
        drawing: the shapes inside.
    """
    pieces = [piece for piece in without_captions(pieces) if piece.inside >= 0.5]
    left_out = ticks(pieces) | panels(pieces)
    named = []
    for piece in pieces:
        if id(piece) not in left_out and says_something(piece.text):
            named.append(piece)
    if len(named) > MOST_PIECES:
        return ()
    labels = []
    for lines in joined(named, drawing):
        text = _words_of(lines)
        words = len(text.split())
        if CJK.search(text):
            words = max(words, len(text) // 3)
        if words > MOST_WORDS:
            continue
        # A mask is a little larger than its letters, and ends where the frame does.
        size = lines[0].at.size
        left, bottom, right, top = union(line.box for line in lines)
        box = (
            max(left - BESIDE * size, frame[0]),
            max(bottom - ABOVE * size, frame[1]),
            min(right + BESIDE * size, frame[2]),
            min(top + ABOVE * size, frame[3]),
        )
        labels.append(FoundLabel(text, box))
    return tuple(labels) if len(labels) <= MOST_LABELS else ()


def _words_of(lines: Sequence[Piece]) -> str:
    """Return the text of the lines of a label; a word divided between two is whole again."""
    text = lines[0].text
    for line in lines[1:]:
        begins = line.text[:1]
        if text[-1:] in HYPHENS and begins.islower():
            text = text[:-1] + line.text
        elif text[-1:] in HYPHENS or (CJK.match(text[-1:]) and CJK.match(begins)):
            text += line.text
        else:
            text = f"{text} {line.text}"
    return text


# --- labels of several lines ----------------------------------------------------------


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
