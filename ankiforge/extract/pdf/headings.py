"""Under which heading a mark lies: by the outline, else by the size of letters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from ctypes import create_string_buffer
from functools import cached_property
from math import hypot
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdf import PdfReader
from pypdf.generic import Destination
from pypdfium2 import PdfTextPage

from ankiforge.extract.pdf.faults import FAULTS
from ankiforge.extract.pdf.spelling import one_line
from ankiforge.text.fold import fold

LARGER = 1.12
"""Letters of a heading are so many times as large as those of the text."""
LOOK_BACK = 12
"""Pages that are searched for the heading above a mark."""
MOST_ENTRIES = 5000
"""Entries of an outline that are looked at."""
DEEPEST = 12

_WORDED = re.compile(r"[^\W\d_]{3}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}")
"""A large line without a word, or with a sum in it, is a formula."""
_NUMBERED = re.compile(r"(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.?\s+\S")
_BOLD = re.compile(rb"bold|medi|cmbx|black|heavy", re.IGNORECASE)


class PrintedLine(NamedTuple):
    """A line of a page and how it looks."""

    start: int
    """The index of its first character in PDFium's list."""
    text: str
    size: float
    """In points."""
    bold: bool
    top: float


def printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """The lines of a page; `text` is the page's text as PDFium gives it."""
    lines = []
    at = 0
    for raw in text.split("\n"):
        words = one_line(raw)
        if words:
            indent = len(raw) - len(raw.lstrip())
            index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(page.raw, at + _units(raw[:indent]))
            lines.append(_printed(page.raw, max(index, 0), words))
        at += _units(raw) + 1
    return lines


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _printed(page: Any, index: int, words: str) -> PrintedLine:
    matrix, box = pdfium_c.FS_MATRIX(), pdfium_c.FS_RECTF()
    pdfium_c.FPDFText_GetMatrix(page, index, matrix)
    pdfium_c.FPDFText_GetLooseCharBox(page, index, box)
    name = create_string_buffer(128)
    pdfium_c.FPDFText_GetFontInfo(page, index, name, len(name), None)
    size = pdfium_c.FPDFText_GetFontSize(page, index) * (hypot(matrix.c, matrix.d) or 1.0)
    return PrintedLine(index, words, round(size, 2), bool(_BOLD.search(name.value)), box.top)


class Entry(NamedTuple):
    """One heading of the outline."""

    page: int
    top: float
    level: int
    title: str


class Headings:
    """Answers which headings stand above a place."""

    def __init__(
        self, reader: PdfReader, lines: Callable[[int], list[PrintedLine]], pages: int, title: str
    ) -> None:
        """Prepare to answer.

        Args:
            reader: the file, for its outline.
            lines: gives the lines of a page.
            pages: how many there are.
            title: the title of the work, which heads nothing.
        """
        self._lines = lines
        self._pages = pages
        self._title = fold(title)
        self._outline = list(_outline(reader))

    def above(self, page: int, index: int, top: float) -> str:
        """The headings above the character with this index of a page, joined by ` › `."""
        if self._outline:
            return self._by_outline(page, index, top)
        for number in range(page, max(page - LOOK_BACK, -1), -1):
            found = [line for line in self._large(number) if number < page or line.start <= index]
            if found:
                return found[-1].text
        return ""

    def _by_outline(self, page: int, index: int, top: float) -> str:
        path: list[Entry] = []
        for entry in self._outline:
            if entry.page < page or (entry.page == page and self._before(entry, index, top)):
                path = [one for one in path if one.level < entry.level] + [entry]
        return " › ".join(entry.title for entry in path)

    def _before(self, entry: Entry, index: int, top: float) -> bool:
        """On one page the text tells, as columns make heights useless; else the height."""
        title = fold(entry.title)
        for line in self._lines(entry.page):
            if fold(line.text).endswith(title):
                return line.start <= index
        return entry.top >= top

    def _large(self, page: int) -> list[PrintedLine]:
        lines = self._lines(page)
        start = self._text_begins(lines) - 1 if page == 0 else 0
        return [line for line in lines[max(start, 0) :] if self._is_heading(line)]

    def _text_begins(self, lines: list[PrintedLine]) -> int:
        """Where the running text of the first page begins, below title and authors."""
        return next(
            (at for at, line in enumerate(lines) if self._is_body(line) and len(line.text) > 40),
            len(lines),
        )

    def _is_body(self, line: PrintedLine) -> bool:
        return self._body / LARGER < line.size < self._body * LARGER

    def _is_heading(self, line: PrintedLine) -> bool:
        large = line.size >= LARGER * self._body
        if not (large or (line.bold and line.size >= 0.98 * self._body)):
            return False
        shape = len(line.text) <= 90 and line.text[-1] not in ".,;:-"
        worded = _WORDED.search(line.text) is not None and "=" not in line.text
        ours = shape and worded and len(line.text.split()) <= 12
        return (
            ours
            and bool(large or _NUMBERED.match(line.text))
            and fold(line.text) not in self._title
        )

    @cached_property
    def _body(self) -> float:
        """The size most letters have, on the first pages."""
        sizes: Counter[float] = Counter()
        for page in range(min(self._pages, LOOK_BACK)):
            for line in self._lines(page):
                sizes[round(line.size, 1)] += len(line.text)
        return max(sizes, key=lambda size: (sizes[size], size)) if sizes else 0.0


def _outline(reader: PdfReader) -> Iterator[Entry]:
    try:
        items = reader.outline
    except FAULTS:
        return
    found = 0
    for level, item in _flat(items, 0):
        found += 1
        if found > MOST_ENTRIES:
            return
        try:
            page = reader.get_destination_page_number(item)
        except FAULTS:
            continue
        top = float(item.top) if isinstance(item.top, int | float) else float("inf")
        title = one_line(str(item.title))[:200]
        if page is not None and page >= 0 and title:
            yield Entry(page, top, level, title)


def _flat(items: Any, level: int) -> Iterator[tuple[int, Destination]]:
    for item in items if level < DEEPEST else ():
        if isinstance(item, list):
            yield from _flat(item, level + 1)
        elif isinstance(item, Destination):
            yield level, item
