"""The identity of a document, see docs/reference/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice

import pypdfium2 as pdfium  # type: ignore[import-untyped]

from ankiforge.model import h16

LITTLE_TEXT = 200
"""Folded characters; a document with fewer is identified by what its pages draw, too."""
DEEPEST = 4
"""Levels of nested forms that are searched for pictures."""
MOST_DRAWN = 1000
"""Objects of a page that are examined, at most."""


def document_id(folds: Sequence[str], pages: Iterable[pdfium.PdfPage | None]) -> str:
    """Return 16 hex digits made from the folded texts of the pages and their drawings."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    # kind and place (in points) of each thing drawn, and digests of pictures
    drawn: list[str] = []
    for page in pages:
        if not page:
            continue
        for drawing in islice(page.get_objects(max_depth=DEEPEST), MOST_DRAWN):
            edges = map(round, drawing.get_bounds())
            drawn.append(" ".join(map(str, (drawing.type, *edges))))
            if isinstance(drawing, pdfium.PdfImage):
                drawn.append(sha256(drawing.get_data(decode_simple=True)).hexdigest())
    return h16(*folds, *drawn)
