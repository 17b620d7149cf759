"""A picture of a whole page, and the places of marked words on it.

The page is shown upright, without anybody's marks: the caller draws the one that it is
about. Words are found as they are read (`text`); a mark without words, as on a scan, is its
box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from ctypes import byref, c_int

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDocument, PdfPage

from ankiforge.extract.pdf.chars import FAULTS, page_chars, upright_text
from ankiforge.extract.pdf.messages import Box, Place, View, Viewed
from ankiforge.extract.pdf.passages import Passages
from ankiforge.extract.pdf.pictures import Cutout, hide_marks, pixels, png
from ankiforge.extract.pdf.spelling import Spelling
from ankiforge.extract.pdf.text import PageText
from ankiforge.model import Span
from ankiforge.text.fold import locate

LONGEST = 1500
"""Pixels of the longer side of a page."""
MOST_BYTES = 2_000_000
"""A larger picture is drawn again with fewer pixels."""
FEWER = 0.7
NEAR = 40.0
"""Points above and below a mark, whose lines belong to its column."""
LEAST_WORDS = 24
"""Characters of the part of a mark that must be on the page, if not all of it is."""


def view_page(document: PdfDocument, view: View) -> Viewed:
    """Draw a page, and find the words of a mark on it."""
    if not 0 <= view.page < len(document):
        return Viewed()
    try:
        with closing(document[view.page]) as page:
            text = _text_of(page)
            boxes = _marked_boxes(text, view)
            column = _column(text, boxes)
            hide_marks(page)
            return _drawn(page, boxes, column)
    except FAULTS:
        return Viewed()


def _drawn(page: PdfPage, boxes: list[Box], column: Box | None) -> Viewed:
    """Return the picture of a page with the places of some boxes on it."""
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return Viewed()
    longest = float(LONGEST)
    while True:
        scale = longest / max(width, height)
        page_width = max(1, round(width * scale))
        page_height = max(1, round(height * scale))
        whole = Cutout(
            page_width=page_width,
            page_height=page_height,
            left=0,
            top=0,
            width=page_width,
            height=page_height,
        )
        picture = png(page_width, page_height, pixels(page, whole))
        if len(picture) <= MOST_BYTES:
            break
        longest *= FEWER
    places = [_place(page, whole, box) for box in boxes]
    if column is None:
        return Viewed(picture, page_width, page_height, tuple(places))
    return Viewed(
        picture,
        page_width,
        page_height,
        tuple(places),
        _place(page, whole, column),
    )


def _place(page: PdfPage, picture: Cutout, box: Box) -> Place:
    """Return where a box of the page is in its picture."""
    left, bottom, right, top = box
    x = c_int()
    y = c_int()
    xs = []
    ys = []
    width = picture.page_width
    height = picture.page_height
    for corner in ((left, bottom), (right, top)):
        pdfium_c.FPDF_PageToDevice(
            page,
            0,
            0,
            width,
            height,
            0,
            *corner,
            byref(x),
            byref(y),
        )
        xs.append(min(max(x.value, 0), width) / width)
        ys.append(min(max(y.value, 0), height) / height)
    return (min(xs), min(ys), max(xs), max(ys))


# --- the words --------------------------------------------------------------------------


def _text_of(page: PdfPage) -> PageText:
    """Return the text of a page; this turns the page upright."""
    with closing(upright_text(page)) as text_page:
        chars = page_chars(text_page)
    return PageText(chars, Spelling([]))


def _marked_boxes(text: PageText, view: View) -> list[Box]:
    """Return a box for each line of the marked words; without words, the box of the mark."""
    span = _found(text, view) if text.chars else None
    if span is not None:
        start, end = span
        first_place = text.place(start)
        last_place = text.place(max(end - 1, start))
        places = range(first_place, last_place + 1)
        return list(_lines(text, places))
    return [view.box] if view.box else []


def _found(text: PageText, view: View) -> Span | None:
    """Return where the words are in the text of the page.

    Of several places it is the one next to the box. Of words that go on on the next page,
    the beginning is enough.
    """
    near = 0
    if view.box:
        left, bottom, _, top = view.box
        middle_of_first_line = top - min(5.0, (top - bottom) / 2)
        place = Passages(text).nearest(left, middle_of_first_line)
        near, _ = text.span(place, place)
    words = view.words
    while words:
        span = locate(words, text.text, near)
        if span is not None:
            return span
        words = words[: len(words) * 2 // 3]
        if len(words) < LEAST_WORDS:
            break
    return None


def _lines(text: PageText, places: Iterable[int]) -> Iterator[Box]:
    """Yield the box of each printed line of some characters."""
    line: list[Box] = []
    last = -1
    for place in places:
        char = text.chars[place]
        if line and text.line_ends(last, place):
            yield _union(line)
            line = []
        line.append((char.left, char.bottom, char.right, char.top))
        last = place
    if line:
        yield _union(line)


def _column(text: PageText, marked: list[Box]) -> Box | None:
    """Return the box of the lines above and below a mark, and of the mark itself."""
    if not marked:
        return None
    mark = _union(marked)
    left, bottom, right, top = mark
    beside = [mark]
    for line in text.lines:
        box = _union(
            (char.left, char.bottom, char.right, char.top)
            for char in text.chars[line.start : line.end]
        )
        line_left, line_bottom, line_right, line_top = box
        is_near = line_bottom < top + NEAR and line_top > bottom - NEAR
        is_in_column = line_left < right and line_right > left
        if is_near and is_in_column:
            beside.append(box)
    return _union(beside)


def _union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds some boxes, at least one."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return (min(lefts), min(bottoms), max(rights), max(tops))
