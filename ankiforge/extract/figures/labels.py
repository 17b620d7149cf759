"""The labels in a figure, from the pieces of text on and around it.

    pieces of lines ─▶ without captions, ticks … ─▶ labels of several lines

Left out is text that names nothing in the figure: its caption, running text, numbers along an
axis, letters of panels, signs. Leader lines are no text.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.extract.figures.captions import (
    panels,
    says_something,
    ticks,
    without_captions,
)
from ankiforge.extract.figures.lines import HYPHENS, joined
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
