"""The labels in a figure, from the pieces of text on and around it.

    pieces of lines ─▶ without captions, ticks … ─▶ labels of several lines

Left out is what names nothing in the figure: its caption, running text, numbers along an
axis, letters of panels, signs. Leader lines are no text.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.extract.figures.left_out import (
    is_too_wordy,
    lines_of_paragraphs,
    panels,
    says_something,
    ticks,
    without_captions,
)
from ankiforge.extract.figures.lines import HYPHENS, joined
from ankiforge.extract.figures.values import (
    ACROSS,
    Box,
    Drawing,
    FoundLabel,
    Piece,
    place_of,
    union,
)
from ankiforge.text import regex

MOST_LABELS = 200
"""Labels of one figure. With some of them hidden and others not, it would tell the answers."""
MOST_PIECES = 400
"""Pieces of text in a frame; one with more is no figure, but a page."""
MOST_ON_CURVE = 2
"""Slanted letters, at most, that are read of a word along a curve; they are no label."""
MOST_WORDS = 20
"""More words than this are a sentence, no label; of a script without blanks, letters / 3."""
MOST_WORDS_IN_BOX = 40
"""The same if they have a box of their own, as the steps of a flow chart."""
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
    pieces = without_captions(pieces)
    left_out = lines_of_paragraphs(pieces, drawing)
    pieces = [piece for piece in pieces if piece.inside >= 0.5]
    left_out |= ticks(pieces, drawing) | panels(pieces)
    named = []
    for piece in pieces:
        if id(piece) in left_out or not says_something(piece.text):
            continue
        is_on_curve = piece.angle not in ACROSS and len(piece.text) <= MOST_ON_CURVE
        if not is_on_curve:
            named.append(piece)
    if len(named) > MOST_PIECES:
        return ()
    labels = []
    for lines in joined(named, drawing):
        text = _words_of(lines)
        words = len(text.split())
        if CJK.search(text):
            words = max(words, len(text) // 3)
        if drawing.has_box_of_its_own(lines[0]):
            is_label = words <= MOST_WORDS_IN_BOX
        else:
            is_label = words <= MOST_WORDS and not is_too_wordy(lines)
        if is_label:
            labels.append(_label(text, lines, frame))
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


def _label(text: str, lines: Sequence[Piece], frame: Box) -> FoundLabel:
    """Return a label that covers its lines, a little larger than their letters."""
    size = lines[0].at.size
    above = ABOVE * size
    beside = BESIDE * size
    angle = lines[0].angle
    if angle in ACROSS:
        left, bottom, right, top = union(line.box for line in lines)
        box = (left - beside, bottom - above, right + beside, top + above)
        return FoundLabel(text, _within(box, frame))
    start = min(line.at.start for line in lines) - beside
    end = max(line.at.end for line in lines) + beside
    low = min(line.at.low for line in lines) - above
    high = max(line.at.high for line in lines) + above
    corners = (
        place_of(start, low, angle),
        place_of(end, low, angle),
        place_of(end, high, angle),
        place_of(start, high, angle),
    )
    box = union((x, y, x, y) for x, y in corners)
    return FoundLabel(text, _within(box, frame), corners)


def _within(box: Box, frame: Box) -> Box:
    """Return the part of a box that is inside the frame."""
    left, bottom, right, top = box
    return (
        max(left, frame[0]),
        max(bottom, frame[1]),
        min(right, frame[2]),
        min(top, frame[3]),
    )
