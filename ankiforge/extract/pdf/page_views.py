"""A picture of a whole page, with the places of its words, and of the marked ones.

The page is shown upright, without anybody's marks: the caller draws those that it is
about. Words are found as they are read (`text`); a mark without words, as on a scan, is its
box.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing, suppress
from statistics import median_high

from pypdfium2 import PdfDocument, PdfPage  # type: ignore[import-untyped]

from ankiforge.extract.figures.pieces import union
from ankiforge.extract.pdf.chars import FAULTS, Char, page_chars, upright_text
from ankiforge.extract.pdf.cleaning import Spelling, one_line
from ankiforge.extract.pdf.drawing import (
    Cutout,
    hide_marks,
    pixel_box,
    pixels,
    png,
)
from ankiforge.extract.pdf.messages import (
    Box,
    Marked,
    Measured,
    Place,
    Searched,
    View,
    Viewed,
)
from ankiforge.extract.pdf.text import Line, PageText
from ankiforge.model import Span
from ankiforge.text.fold import letters_with_origins, locate

LETTER = (612.0, 792.0)
"""The size of a page that cannot be opened."""
LARGEST = 9_000_000
"""Pixels of a picture, at most."""
MOST_BYTES = 4_000_000
"""A larger picture is drawn again with fewer pixels."""
FEWER = 0.7
QUICK = 2
"""The level of compression: the picture only goes to a browser on this machine."""
LEAST_LETTERS = 12
"""Letters of a part of a mark that must be on the page together, if not all of it is."""
HIGHER = 1.3
"""Fonts of signs may have boxes that reach into other lines: times the usual height."""


def measured(document: PdfDocument) -> Measured:
    """Return the sizes and printed numbers of all pages."""
    pages = []
    for number in range(len(document)):
        width, height = LETTER
        label = ""
        with suppress(*FAULTS):
            label = one_line(document.get_page_label(number))
            width, height = document.get_page_size(number)
        if not (width > 0 and height > 0):
            width, height = LETTER
        pages.append((width, height, label or str(number + 1)))
    return Measured(tuple(pages))


def texts_of(document: PdfDocument) -> Searched:
    """Return the text of each page."""
    texts = []
    for number in range(len(document)):
        try:
            with closing(document[number]) as page, closing(page.get_textpage()) as text:
                texts.append(one_line(text.get_text_range()))
        except FAULTS:
            texts.append("")
    return Searched(tuple(texts))


def view_page(document: PdfDocument, view: View) -> Viewed:
    """Draw a page, and find its words and the marks on it."""
    if not 0 <= view.page < len(document):
        return Viewed()
    try:
        with closing(document[view.page]) as page:
            with closing(upright_text(page)) as text_page:  # this turns the page upright
                chars = page_chars(text_page)
            text = PageText(chars, Spelling([]))
            hide_marks(page)
            return _drawn(page, text, view)
    except FAULTS:
        return Viewed()


def _drawn(page: PdfPage, text: PageText, view: View) -> Viewed:
    """Return the picture of a page, with its words and marks."""
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return Viewed()
    scale = min(view.width / width, (LARGEST / (width * height)) ** 0.5)
    while True:
        page_width = max(1, round(width * scale))
        page_height = max(1, round(height * scale))
        whole = Cutout(page_width, page_height, 0, 0, page_width, page_height)
        drawn = pixels(page, whole)
        # most pages have no colour, and are then a third as large
        red = drawn[::3]
        if red == drawn[1::3] == drawn[2::3]:
            picture = png(page_width, page_height, red, grey=True, level=QUICK)
        else:
            picture = png(page_width, page_height, drawn, level=QUICK)
        if len(picture) <= MOST_BYTES:
            break
        scale *= FEWER

    def place(box: Box) -> Place:
        left, top, right, bottom = pixel_box(page, page_width, page_height, box)
        return (
            left / page_width,
            top / page_height,
            right / page_width,
            bottom / page_height,
        )

    marks = [tuple(map(place, _marked_boxes(text, mark))) for mark in view.marks]
    lines = []
    for line in text.lines:
        words = [(one_line(word), place(box)) for word, box in _words_of(text, line)]
        lines.append(tuple(words))
    return Viewed(picture, page_width, page_height, tuple(marks), tuple(lines))


# --- the words --------------------------------------------------------------------------


def _words_of(text: PageText, line: Line) -> list[tuple[str, Box]]:
    """Return the words of a printed line with their boxes."""
    words: list[tuple[str, list[Char]]] = []
    end_before = -1
    for place in range(line.start, line.end):
        start, end = text.span(place, place)
        if start != end_before:
            words.append(("", []))
        word, chars = words[-1]
        words[-1] = (word + text.text[start:end], [*chars, text.chars[place]])
        end_before = end
    return [(word, _box_of(chars)) for word, chars in words if word]


def _marked_boxes(text: PageText, mark: Marked) -> list[Box]:
    """Return a box for each line of the marked words; without words, the box of the mark."""
    boxes = []
    for start, end in _spans(text, mark):
        # the places of each printed line
        first = text.place(start)
        last = text.place(max(end - 1, start))
        lines = [[first]]
        for place in range(first + 1, last + 1):
            if text.line_ends(place - 1, place):
                lines.append([])
            lines[-1].append(place)
        boxes += [_box_of([text.chars[place] for place in line]) for line in lines]
    return boxes or ([mark.box] if mark.box else [])


def _spans(text: PageText, mark: Marked) -> list[Span]:
    """Return where the words of a mark stand in the text of a page.

    They are found by their letters: hyphens at line ends are spelt as in the whole document,
    which is not read here, and PDFium cuts in two what is beyond 16 bits. Of several places it
    is the one in the box. There are parts if other text is between; of words that go on on
    the next page, the beginning is enough.
    """
    words = "".join(char for char in mark.words if char <= "\uffff")
    rest, origins_in_words = letters_with_origins(words)
    if not rest:
        sign = locate(words, text.text)
        return [sign] if sign else []
    letters, origins = letters_with_origins(text.text)
    box = mark.box

    def is_in_box(number: int) -> bool:
        char = text.chars[text.place(origins[number])]
        return bool(box and box[0] <= char.x <= box[2] and box[1] <= char.y <= box[3])

    spans: list[Span] = []
    near = 0
    least = min(LEAST_LETTERS, len(rest))
    while rest:
        # the longest part from its beginning that is on the page
        length = bisect_left(
            range(len(rest)), True, key=lambda last: rest[: last + 1] not in letters
        )
        if length < least:
            break
        starts = [match.start() for match in re.finditer(f"(?={rest[:length]})", letters)]
        start = max(
            starts,
            key=lambda at: (
                is_in_box(at) + is_in_box(at + length - 1),
                -abs(at - near),
            ),
        )
        near = start + length
        spans.append((origins[start], origins[near - 1] + 1))
        rest = rest[length:]

    # the signs before the first letter and after the last one
    if spans:
        start, end = spans[0]
        before = words[: origins_in_words[0]]
        start -= len(before) if text.text[:start].endswith(before) else 0
        spans[0] = (start, end)
        start, end = spans[-1]
        after = words[origins_in_words[-1] + 1 :]
        end += len(after) if text.text[end:].startswith(after) else 0
        spans[-1] = (start, end)
    return spans


def _box_of(chars: Sequence[Char]) -> Box:
    """Return the box of characters beside each other; signs with a much higher box are cut."""
    usual = median_high([char.height for char in chars])
    low = [char for char in chars if char.height <= HIGHER * usual]
    _, bottom, _, top = union(
        (char.left, char.bottom, char.right, char.top) for char in low
    )
    return (
        min(char.left for char in chars),
        bottom,
        max(char.right for char in chars),
        top,
    )
