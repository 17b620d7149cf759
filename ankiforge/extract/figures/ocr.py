"""Labels in pictures without a text layer: scans, photos. Needs the extra `ocr`.

`rapidocr` brings its models in its wheel, so nothing is fetched. It is imported only when
a picture is read; without it, a person draws the masks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from msgspec.structs import replace

from ankiforge.extract.figures.labels import labels_of
from ankiforge.extract.figures.values import Drawing, Piece, Placed
from ankiforge.model import Label
from ankiforge.text import on_one_line

LEAST_CERTAIN = 0.6
"""What is read with less certainty is no label."""
MARGIN = 0.16
"""Lines are found so much larger than their letters, on each side, in parts of their height."""
INK = 1.2
"""The size of a font, in heights of what is black of a line."""
ALIKE = 1.45
"""Lines whose heights differ by less may be of one size."""
DESCENDING = frozenset("gjpqyQ,;()[]{}|ç\u0440\u0443\u0444\u0446\u0449\u0434")
"""Letters that reach below the line on which they stand, Latin and Cyrillic."""
DESCENT = 0.2
"""How far they do, in sizes."""
BULLETS = "•·●■▪◦ "
UPRIGHT = 2.0
"""A line this many times as high as wide runs upwards."""


def is_installed() -> bool:
    """Return whether labels can be read from pictures."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def labels_in(picture: Path) -> tuple[Label, ...]:
    """Return the labels in a picture, from the top; () if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(picture) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
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
    for found in labels_of(pieces, (0.0, 0.0, float(width), float(height)), Drawing()):
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
    across = max(xs) - min(xs)
    along = max(ys) - min(ys)
    is_upright = along > UPRIGHT * across and len(text) > 1
    margin = MARGIN * (across if is_upright else along)
    left = min(xs) + margin
    right = max(xs) - margin
    bottom = min(ys) + margin
    top = max(ys) - margin
    if is_upright:
        at = Placed(bottom, top, -right, -left, -right, right - left)
    else:
        at = Placed(left, right, bottom, top, bottom, top - bottom)
    return Piece(
        text, at, 90 if is_upright else 0, (left, bottom, right, top), inside=1.0
    )


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
    """Return the reader, which takes a second to load; it says nothing of what it does."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR(params={"Global.log_level": "error"})
