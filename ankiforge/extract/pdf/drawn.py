"""Marks that are drawn into a page instead of being annotations, as “Print to PDF” draws them."""

from __future__ import annotations

from collections.abc import Iterator
from colorsys import rgb_to_hsv
from ctypes import byref, c_float, c_int, c_uint
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.messages import Box

DRAWN_INTO = (
    "it is part of the page and no annotation, as “Print to PDF” makes it: save or export the file"
    " with its annotations instead"
)
"""Why such a mark is not read."""
MOST_PAGES = 50
"""The pages of a file that are looked at."""
_MOST_OBJECTS = 5_000
# In points: a line of text is no higher, and a mark no narrower.
_HIGHEST = 40.0
_NARROWEST = 8.0
# Letters under a mark, at least.
_LEAST_LETTERS = 2
# Hues of yellow, in parts of the circle of colours.
_YELLOW = (0.11, 0.19)
_LEAST_SATURATION = 0.25
_LEAST_VALUE = 0.8


def has_drawn_marks(page: PdfPage, text: PdfTextPage) -> bool:
    """Return whether a page has a filled box in the colour of a marker on a line of its text."""
    for left, bottom, right, top in _marker_boxes(page):
        letters = pdfium_c.FPDFText_GetBoundedText(
            text, left, top, right, bottom, None, 0
        )
        if letters >= _LEAST_LETTERS:
            return True
    return False


def _marker_boxes(page: PdfPage) -> Iterator[Box]:
    """Yield the filled boxes of a page that are as high as a line, in the colour of a marker."""
    count = min(pdfium_c.FPDFPage_CountObjects(page), _MOST_OBJECTS)
    for index in range(count):
        drawn = pdfium_c.FPDFPage_GetObject(page, index)
        kind = pdfium_c.FPDFPageObj_GetType(drawn)
        is_marker = kind == pdfium_c.FPDF_PAGEOBJ_PATH and _is_marker(drawn)
        if kind == pdfium_c.FPDF_PAGEOBJ_FORM:  # how most programs flatten an annotation
            parts = min(pdfium_c.FPDFFormObj_CountObjects(drawn), _MOST_OBJECTS)
            is_marker = 0 < parts <= 3 and all(
                _is_marker(pdfium_c.FPDFFormObj_GetObject(drawn, part), drawn)
                for part in range(parts)
            )
        box = _box(drawn) if is_marker else None
        if box is not None:
            yield box


def _is_marker(drawn: Any, around: Any = None) -> bool:
    """Return whether a shape is filled in the colour of a marker: yellow, or transparent."""
    if pdfium_c.FPDFPageObj_GetType(drawn) != pdfium_c.FPDF_PAGEOBJ_PATH:
        return False
    fill = c_int()
    stroke = c_int()
    pdfium_c.FPDFPath_GetDrawMode(drawn, byref(fill), byref(stroke))
    red, green, blue, alpha = c_uint(), c_uint(), c_uint(), c_uint()
    has_colour = pdfium_c.FPDFPageObj_GetFillColor(
        drawn, byref(red), byref(green), byref(blue), byref(alpha)
    )
    if not (fill.value and has_colour):
        return False
    hue, saturation, value = rgb_to_hsv(
        red.value / 255, green.value / 255, blue.value / 255
    )
    first, last = _YELLOW
    is_transparent = pdfium_c.FPDFPageObj_HasTransparency(around or drawn)
    is_marker_hue = first <= hue <= last or is_transparent
    is_bright = saturation >= _LEAST_SATURATION and value >= _LEAST_VALUE
    return bool(is_bright and is_marker_hue)


def _box(drawn: Any) -> Box | None:
    """Return the box of a shape on its page, None if it is not as high as a line of text."""
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    if not pdfium_c.FPDFPageObj_GetBounds(
        drawn, byref(left), byref(bottom), byref(right), byref(top)
    ):
        return None
    box = (left.value, bottom.value, right.value, top.value)
    is_line = 0 < box[3] - box[1] <= _HIGHEST and box[2] - box[0] >= _NARROWEST
    return box if is_line else None
