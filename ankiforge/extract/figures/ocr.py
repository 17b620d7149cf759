"""Labels in pictures without a text layer: scans, photos. Needs the extra `ocr`.

`rapidocr` brings its models in its wheel, so nothing is fetched, and it depends on OpenCV,
which finds the lines drawn. Both are imported only when a picture is read; without them, a
person draws the masks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ankiforge.extract.figures.labels import Drawing, Piece, Placed, labels_of
from ankiforge.model import Label
from ankiforge.text import on_one_line

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_CERTAIN = 0.6
"""What is read with less certainty is no label."""
MARGIN = 0.16
"""Lines are found so much larger than most of their letters, on each side, in parts of their
height."""
MASK_MARGIN = 0.05
"""So much of that is surely empty: a high or low letter is larger than most."""
INK = 1.2
"""The size of a font, in heights of what is black of a line."""
ALIKE = 1.45
"""Lines whose heights differ by less may be of one size."""
DESCENDING = frozenset("gjpqyQ,;()[]{}|ç\u0440\u0443\u0444\u0446\u0449\u0434")
"""Letters that reach below the line on which they stand, Latin and Cyrillic."""
DESCENT = 0.2
"""How far they do, in sizes."""
BULLETS = "•·●■▪◦ "
MOST_SHAPES = 1000
"""Lines in a picture that are compared with its words."""
UPRIGHT = 2.0
"""A line this many times as high as wide runs upwards."""


def labels_in(picture: Path) -> tuple[Label, ...]:
    """Return the labels in a picture, from the top; () if it cannot be read."""
    import PIL.Image

    try:
        with PIL.Image.open(picture) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return ()
    width, height = image.size
    result = _engine()(image)
    if result.boxes is None or not result.txts:
        return ()
    pieces = []
    for corners, text, certainty in zip(
        result.boxes, result.txts, result.scores, strict=True
    ):
        words = on_one_line(text).lstrip(BULLETS)
        if certainty >= LEAST_CERTAIN and words:
            pieces.append(_piece(words, corners, height))
    labels = []
    pieces = _of_common_size(pieces)
    drawing = _drawing(image)
    for found in labels_of(pieces, (0.0, 0.0, float(width), float(height)), drawing):
        left, bottom, right, top = found.box
        label = Label(
            found.text,
            left=round(left / width, 4),
            top=round(1 - top / height, 4),
            width=round((right - left) / width, 4),
            height=round((top - bottom) / height, 4),
        )
        labels.append(label)
    return tuple(sorted(labels, key=lambda label: (round(label.top, 2), label.left)))


def _piece(text: str, corners: Sequence[Any], height: int) -> Piece:
    """Return a line by the corners around it, in pixels from the top."""
    xs = [float(corner[0]) for corner in corners]
    ys = [height - float(corner[1]) for corner in corners]
    left, right = min(xs), max(xs)
    bottom, top = min(ys), max(ys)
    is_upright = top - bottom > UPRIGHT * (right - left) and len(text) > 1
    if is_upright:  # in the direction of reading: along the line, and across it
        angle = 90
        start, end, low, high = bottom, top, -right, -left
    else:
        angle = 0
        start, end, low, high = left, right, bottom, top
    margin = MARGIN * (high - low)
    low += margin
    high -= margin
    at = Placed(start + margin, end - margin, low, high, base=low, size=high - low)
    beyond = (MARGIN - MASK_MARGIN) / MARGIN * margin
    return Piece(text, at, angle, inside=1.0, margin=beyond)


# --- what is drawn ----------------------------------------------------------------------

DARK = 190
"""A darker pixel is one of a line or letter, of 255."""
SHORTEST_RULE = 0.04
"""A level line that is shorter is a part of a letter, in parts of the width."""
THICKEST_RULE = 0.012
"""A thicker one is a shape, in parts of the height."""


def _drawing(image: Image) -> Drawing:
    """Return the level lines of a picture."""
    import cv2
    import numpy

    grey = numpy.asarray(image.convert("L"))
    height, width = grey.shape
    dark = (grey < DARK).astype(numpy.uint8)

    # rules: what is left where all that is short from left to right is wiped out
    shortest = max(3, round(SHORTEST_RULE * width))
    level = numpy.ones((1, shortest), numpy.uint8)
    lines = cv2.morphologyEx(dark, cv2.MORPH_OPEN, level)
    _, _, places, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    thickest = max(3, THICKEST_RULE * height)
    rules = []
    for left, top, rule_width, rule_height, _ in places[1:].tolist():
        if rule_height <= thickest:  # an axis that points upwards
            bottom = float(height - top - rule_height)
            right = float(left + rule_width)
            rules.append((float(left), bottom, right, float(height - top)))
    return Drawing(tuple(rules[:MOST_SHAPES]))


def _of_common_size(pieces: Sequence[Piece]) -> list[Piece]:
    """Give lines of about one height one size: `cava` is as large as `Left`, but lower.

    What is black of a line begins below it, where a letter descends.
    """
    sized = []
    for piece in pieces:
        height = piece.at.high - piece.at.low
        alike = []
        for other in pieces:
            other_height = other.at.high - other.at.low
            if height / ALIKE < other_height < height * ALIKE:
                alike.append(other_height)
        size = INK * median(alike)
        below = DESCENT * size if DESCENDING & set(piece.text) else 0.0
        at = piece.at._replace(size=size, base=piece.at.low + below)
        sized.append(replace(piece, at=at))
    return sized


@cache
def _engine() -> Any:
    """Return the reader, which takes a second to load; and logs errors only."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR(params={"Global.log_level": "error"})
