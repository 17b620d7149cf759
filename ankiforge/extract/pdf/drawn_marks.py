"""Marks that are drawn into a page instead of being annotations, as “Print to PDF” draws them."""

from __future__ import annotations

from colorsys import rgb_to_hsv
from ctypes import byref, c_float, c_int, c_uint
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

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
    left = c_float()
    bottom = c_float()
    right = c_float()
    top = c_float()
    edges = (left, bottom, right, top)
    count = min(pdfium_c.FPDFPage_CountObjects(page), _MOST_OBJECTS)
    for index in range(count):
        drawn = pdfium_c.FPDFPage_GetObject(page, index)
        is_marker = _is_marker(drawn)
        # how most programs flatten an annotation
        if pdfium_c.FPDFPageObj_GetType(drawn) == pdfium_c.FPDF_PAGEOBJ_FORM:
            parts = min(pdfium_c.FPDFFormObj_CountObjects(drawn), _MOST_OBJECTS)
            is_marker = 0 < parts <= 3 and all(
                _is_marker(pdfium_c.FPDFFormObj_GetObject(drawn, part), drawn)
                for part in range(parts)
            )
        if not is_marker:
            continue
        if not pdfium_c.FPDFPageObj_GetBounds(drawn, *map(byref, edges)):
            continue
        is_as_high_as_a_line = 0 < top.value - bottom.value <= _HIGHEST
        if not is_as_high_as_a_line or right.value - left.value < _NARROWEST:
            continue
        letters = pdfium_c.FPDFText_GetBoundedText(
            text, left.value, top.value, right.value, bottom.value, None, 0
        )
        if letters >= _LEAST_LETTERS:
            return True
    return False


def _is_marker(drawn: Any, around: Any = None) -> bool:
    """Return whether a shape is filled in the colour of a marker: yellow, or transparent."""
    if pdfium_c.FPDFPageObj_GetType(drawn) != pdfium_c.FPDF_PAGEOBJ_PATH:
        return False
    fill = c_int()
    stroke = c_int()
    pdfium_c.FPDFPath_GetDrawMode(drawn, byref(fill), byref(stroke))
    red = c_uint()
    green = c_uint()
    blue = c_uint()
    alpha = c_uint()
    colour = (red, green, blue, alpha)
    has_colour = pdfium_c.FPDFPageObj_GetFillColor(drawn, *map(byref, colour))
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
