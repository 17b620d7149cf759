"""A picture of a whole page, and the places of marked words on it.

The page is shown upright, without anybody's marks: the caller draws the one that it is
about. Words are found as they are read (`text`); a mark without words, as on a scan, is its
box.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from msgspec.structs import replace
from pypdfium2 import PdfDocument, PdfPage  # type: ignore[import-untyped]

from ankiforge.extract.figures.pieces import union
from ankiforge.extract.pdf.chars import FAULTS, Char, page_chars, upright_text
from ankiforge.extract.pdf.coverage import Passages
from ankiforge.extract.pdf.drawing import (
    Cutout,
    hide_marks,
    pixel_box,
    pixels,
    png,
)
from ankiforge.extract.pdf.messages import Box, Place, View, Viewed
from ankiforge.extract.pdf.spelling import Spelling
from ankiforge.extract.pdf.text import PageText
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
            with closing(upright_text(page)) as text_page:  # this turns the page upright
                chars = page_chars(text_page)
            text = PageText(chars, Spelling([]))
            boxes = _marked_boxes(text, view)
            hide_marks(page)
            return _drawn(page, boxes, _column(text, boxes))
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
        whole = Cutout(page_width, page_height, 0, 0, page_width, page_height)
        picture = png(page_width, page_height, pixels(page, whole))
        if len(picture) <= MOST_BYTES:
            break
        longest *= FEWER

    def place(box: Box) -> Place:
        left, top, right, bottom = pixel_box(page, page_width, page_height, box)
        return (
            left / page_width,
            top / page_height,
            right / page_width,
            bottom / page_height,
        )

    viewed = Viewed(picture, page_width, page_height, tuple(map(place, boxes)))
    if column is None:
        return viewed
    return replace(viewed, column=place(column))


# --- the words --------------------------------------------------------------------------


def _marked_boxes(text: PageText, view: View) -> list[Box]:
    """Return a box for each line of the marked words; without words, the box of the mark.

    Of several places it is the one next to the box. Of words that go on on the next page,
    the beginning is enough.
    """
    mark = [view.box] if view.box else []
    if not text.chars:
        return mark
    near = 0
    if view.box:
        left, bottom, _, top = view.box
        middle_of_first_line = top - min(5.0, (top - bottom) / 2)
        nearest = Passages(text).nearest(left, middle_of_first_line)
        near, _ = text.span(nearest, nearest)
    words = view.words
    span = locate(words, text.text, near) if words else None
    while span is None:
        words = words[: len(words) * 2 // 3]
        if len(words) < LEAST_WORDS:
            return mark
        span = locate(words, text.text, near)

    # the places of each printed line
    start, end = span
    first = text.place(start)
    last = text.place(max(end - 1, start))
    lines = [[first]]
    for place in range(first + 1, last + 1):
        if text.line_ends(place - 1, place):
            lines.append([])
        lines[-1].append(place)
    return [_box_of([text.chars[place] for place in line]) for line in lines]


def _column(text: PageText, marked: list[Box]) -> Box | None:
    """Return the box of the lines above and below a mark, and of the mark itself."""
    if not marked:
        return None
    mark = union(marked)
    left, bottom, right, top = mark
    beside = [mark]
    for line in text.lines:
        box = _box_of(text.chars[line.start : line.end])
        line_left, line_bottom, line_right, line_top = box
        is_near = line_bottom < top + NEAR and line_top > bottom - NEAR
        is_in_column = line_left < right and line_right > left
        if is_near and is_in_column:
            beside.append(box)
    return union(beside)


def _box_of(chars: Sequence[Char]) -> Box:
    return union((char.left, char.bottom, char.right, char.top) for char in chars)
