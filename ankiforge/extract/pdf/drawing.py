"""Pictures of pages: of a figure or drawing that is cut out, and of a whole page with its words.

A picture is upright as the page is read, whatever its /Rotate, CropBox or UserUnit. It
shows what is printed and what people drew, pasted or typed on the page. Frames and
colours that only mark something, and the icons of comments, are left out: the caller draws
the marks that it is about. Words are found as they are read (`text`); a mark without words,
as on a scan, is its box.
"""

from __future__ import annotations

import re
import struct
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing, suppress
from ctypes import byref, c_int
from itertools import groupby
from operator import attrgetter
from statistics import median, median_high

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfBitmap, PdfDocument, PdfPage

from ankiforge.extract.pdf.annotations import annotation_at
from ankiforge.extract.pdf.chars import Line, PrintedChar
from ankiforge.extract.pdf.cleaning import Spelling, one_line, unswapped
from ankiforge.extract.pdf.labels import union
from ankiforge.extract.pdf.lettering import find_labels
from ankiforge.extract.pdf.messages import (
    Area,
    Box,
    CutOut,
    DrawnPage,
    DrawPage,
    Marked,
    Measured,
    Place,
)
from ankiforge.extract.pdf.metadata import document_id
from ankiforge.extract.pdf.page_text import FAULTS, PageText, page_chars, upright_text
from ankiforge.model import Label, Span, Value, h16
from ankiforge.text.fold import for_finding, letters_with_origins, locate

_RESOLUTION = 200 / 72
"""Pixels per point."""
LONGEST = 1600
"""Pixels of the longer side, at most."""
_MOST_BYTES = 1_500_000
"""A larger picture is rendered again with fewer pixels."""
_FEWER = 0.7
SMALLEST = 2.0
"""Points; a lower or narrower area shows nothing."""
_FARTHEST = 100_000.0
"""Points from the origin; no useful page reaches so far."""
FINE = 2.0**20
"""Pixels of the longer side of a page on which places are computed."""
LARGEST = 2**24
"""Pixels of the longer side of the whole page, of which only a part is rendered."""

_SHOWN = ("FREETEXT", "INK", "LINE", "POLYLINE", "STAMP")
CONTENT = frozenset(getattr(pdfium_c, f"FPDF_ANNOT_{kind}") for kind in _SHOWN)
"""Annotations that show something themselves; all others only refer to the page."""


def cut_out(document: PdfDocument, area: Area) -> CutOut:
    """Cut an area from its page, with its labels.

    It has no data if it cannot be drawn or shows nothing.
    """
    try:
        with closing(document[area.page]) as page:
            hide_marks(page)
            data = _drawn(page, area.box)
            if not data:
                return CutOut(b"")
            # its page and its frame show whether a figure has changed
            with closing(page.get_textpage()) as text_page:
                text = for_finding(unswapped(text_page.get_text_range()))
            edges = [str(round(10 * edge)) for edge in area.box]
            figure = h16(document_id([text], [page]), *edges)
            return CutOut(data, figure, _labels_of(page, area.box))
    except FAULTS:
        return CutOut(b"")


def _labels_of(page: PdfPage, box: Box) -> tuple[Label, ...]:
    """Return the labels in a part of a page, as its picture shows them, from the top."""
    resolution = FINE / max(page.get_size())
    cutout = _cutout(page, box, resolution)
    labels = []
    for found in find_labels(page, box):
        part = _cutout(page, found.box, resolution)
        left = (part.left - cutout.left) / cutout.width
        top = (part.top - cutout.top) / cutout.height
        width = part.width / cutout.width
        height = part.height / cutout.height
        label = Label(
            found.text,
            left=round(left, 4),
            top=round(top, 4),
            width=round(width, 4),
            height=round(height, 4),
        )
        if label.width and label.height:
            labels.append(label)
    return tuple(sorted(labels, key=lambda label: (round(label.top, 2), label.left)))


def hide_marks(page: PdfPage) -> None:
    """Hide annotations that only mark something, in memory."""
    for number in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with annotation_at(page, number) as annotation:
            if annotation and pdfium_c.FPDFAnnot_GetSubtype(annotation) not in CONTENT:
                flags = pdfium_c.FPDFAnnot_GetFlags(annotation)
                flags |= pdfium_c.FPDF_ANNOT_FLAG_HIDDEN
                pdfium_c.FPDFAnnot_SetFlags(annotation, flags)


# --- drawing ----------------------------------------------------------------------------


class Cutout(Value):
    """A part of a page that is drawn in a certain size; all numbers are pixels."""

    page_width: int
    page_height: int
    left: int
    top: int
    width: int
    height: int

    @property
    def longest(self) -> int:
        """The longer side."""
        return max(self.width, self.height)


def _drawn(page: PdfPage, box: Box) -> bytes:
    """Return the picture, with fewer pixels if it would be too large.

    Return b"" if nothing is visible.
    """
    resolution = min(_RESOLUTION, LARGEST / max(page.get_size()))
    while True:
        cutout = _cutout(page, box, resolution)
        if min(cutout.width, cutout.height) < max(1.0, SMALLEST * resolution - 1):
            return b""
        if cutout.longest > LONGEST:
            resolution *= (LONGEST - 1) / cutout.longest
            continue
        drawn = pixels(page, cutout)
        if drawn == b"\xff" * len(drawn):
            return b""
        picture = png(cutout.width, cutout.height, drawn)
        if len(picture) <= _MOST_BYTES:
            return picture
        resolution *= _FEWER


def _cutout(page: PdfPage, box: Box, resolution: float) -> Cutout:
    """Return the visible part of a box on the upright page, in pixels."""
    width, height = page.get_size()
    page_width = max(1, round(width * resolution))
    page_height = max(1, round(height * resolution))
    near_box = [min(max(edge, -_FARTHEST), _FARTHEST) for edge in box]
    left, top, right, bottom = pixel_box(page, page_width, page_height, near_box)
    return Cutout(
        page_width=page_width,
        page_height=page_height,
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
    )


def pixel_box(
    page: PdfPage, page_width: int, page_height: int, box: Sequence[float]
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box in a picture of its page."""
    left, bottom, right, top = box
    x = c_int()
    y = c_int()
    xs = []
    ys = []
    for corner in ((left, bottom), (right, top)):
        pdfium_c.FPDF_PageToDevice(
            page, 0, 0, page_width, page_height, 0, *corner, byref(x), byref(y)
        )
        xs.append(min(max(x.value, 0), page_width))
        ys.append(min(max(y.value, 0), page_height))
    return (min(xs), min(ys), max(xs), max(ys))


def pixels(page: PdfPage, cutout: Cutout) -> bytes:
    """Draw a part of a page, and return the RGB bytes of its pixels."""
    bitmap = PdfBitmap.new_native(
        cutout.width, cutout.height, pdfium_c.FPDFBitmap_BGR, rev_byteorder=True
    )
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, cutout.width, cutout.height)
    flags = pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmap(
        bitmap,
        page,
        -cutout.left,
        -cutout.top,
        cutout.page_width,
        cutout.page_height,
        0,
        flags,
    )
    with closing(bitmap):
        return bytes(bitmap.buffer)


# --- the file format --------------------------------------------------------------------


def png(
    width: int, height: int, pixels: bytes, *, grey: bool = False, level: int = 6
) -> bytes:
    """Return a PNG made from RGB bytes, or from grey ones."""
    row_length = width if grey else 3 * width
    rows = []
    for start in range(0, len(pixels), row_length):
        rows.append(b"\0")  # no filter
        rows.append(pixels[start : start + row_length])
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows), level)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", body),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG: its length, name, data, and the checksum of both."""
    length = struct.pack(">I", len(data))
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return length + name + data + checksum


# --- whole pages ----------------------------------------------------------------------

_LETTER = (612.0, 792.0)
"""The size of a page that cannot be opened."""
_PAGE_LARGEST = 9_000_000
"""Pixels of a picture, at most."""
_PAGE_MOST_BYTES = 4_000_000
"""A larger picture is drawn again with fewer pixels."""
_PAGE_FEWER = 0.7
_QUICK = 2
"""The level of compression: the picture only goes to a browser on this machine."""
LEAST_LETTERS = 12
"""Letters of a part of a mark that must be on the page together, if not all of it is."""
_HIGHER = 1.3
"""Fonts of signs may have boxes that reach into other lines: times the usual height."""


def measured(document: PdfDocument) -> Measured:
    """Return the sizes and printed numbers of all pages."""
    pages = []
    for number in range(len(document)):
        width, height = _LETTER
        label = ""
        with suppress(*FAULTS):
            label = one_line(document.get_page_label(number))
            width, height = document.get_page_size(number)
        if not (width > 0 and height > 0):
            width, height = _LETTER
        pages.append((width, height, label or str(number + 1)))
    return Measured(tuple(pages))


_SAMPLED = 3 * 997
"""The bytes from one sample of the green of a page to the next."""
_DARK = 100


def view_page(document: PdfDocument, view: DrawPage) -> DrawnPage:
    """Draw a page, and find its words and the marks on it."""
    if not 0 <= view.page < len(document):
        return DrawnPage()
    try:
        with closing(document[view.page]) as page:
            with closing(upright_text(page)) as text_page:  # this turns the page upright
                chars = page_chars(text_page)
            hide_marks(page)
            with closing(PageText(chars, Spelling([]))) as text:
                return _drawn_page(page, text, view)
    except FAULTS:
        return DrawnPage()


def _drawn_page(page: PdfPage, text: PageText, view: DrawPage) -> DrawnPage:
    """Return the picture of a page, with its words and marks."""
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return DrawnPage()
    scale = min(view.width / width, (_PAGE_LARGEST / (width * height)) ** 0.5)
    while True:
        page_width = max(1, round(width * scale))
        page_height = max(1, round(height * scale))
        whole = Cutout(page_width, page_height, 0, 0, page_width, page_height)
        drawn = pixels(page, whole)
        # most pages have no colour, and are then a third as large
        red = drawn[::3]
        if red == drawn[1::3] == drawn[2::3]:
            picture = png(page_width, page_height, red, grey=True, level=_QUICK)
        else:
            picture = png(page_width, page_height, drawn, level=_QUICK)
        if len(picture) <= _PAGE_MOST_BYTES:
            break
        scale *= _PAGE_FEWER

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
        words = [(one_line(word), place(box)) for word, box in _boxed_words(text, line)]
        lines.append(tuple(words))
    return DrawnPage(
        picture,
        page_width,
        page_height,
        tuple(marks),
        tuple(lines),
        is_dark=median(drawn[1::_SAMPLED]) < _DARK,
    )


# --- the words --------------------------------------------------------------------------


def _boxed_words(text: PageText, line: Line) -> list[tuple[str, Box]]:
    """Return the words of a printed line with their boxes."""
    words: list[tuple[str, list[PrintedChar]]] = []
    end_before = -1
    for char in line.chars:
        start, end = text.span(char, char)
        if start != end_before:
            words.append(("", []))
        word, chars = words[-1]
        words[-1] = (word + text.text[start:end], [*chars, char])
        end_before = end
    return [(word, _box_of(chars)) for word, chars in words if word]


def _marked_boxes(text: PageText, mark: Marked) -> list[Box]:
    """Return a box for each line of the marked words; without words, the box of the mark."""
    boxes = []
    for start, end in _spans(text, mark):
        first = text.char_at(start)
        last = text.char_at(max(end - 1, start))
        marked = text.chars[first.place : last.place + 1]
        for _, of_line in groupby(marked, attrgetter("line")):
            boxes.append(_box_of(list(of_line)))
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
        char = text.char_at(origins[number])
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


def _box_of(chars: Sequence[PrintedChar]) -> Box:
    """Return the box of characters beside each other; signs with a much higher box are cut."""
    usual = median_high([char.height for char in chars])
    low = [char for char in chars if char.height <= _HIGHER * usual]
    _, bottom, _, top = union(
        (char.left, char.bottom, char.right, char.top) for char in low
    )
    return (
        min(char.left for char in chars),
        bottom,
        max(char.right for char in chars),
        top,
    )
