"""The printed lines of a page, and the headings above a mark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import create_string_buffer
from functools import cached_property
from itertools import islice
from math import hypot
from typing import NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfDest, PdfDocument, PdfTextPage

from ankiforge.extract.pdf.file import FAULTS
from ankiforge.extract.pdf.text import one_line
from ankiforge.text.fold import fold

# --- lines ----------------------------------------------------------------------------------

_BOLD = re.compile(rb"bold|medi|cmbx|black|heavy", re.IGNORECASE)


class PrintedLine(NamedTuple):
    """A line of a page, its size and weight."""

    start: int
    """The index of its first character in PDFium's list."""
    text: str
    size: float
    """In points."""
    bold: bool
    top: float


def printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page; `text` is PDFium's text of the page."""

    def units(words: str) -> int:
        return len(words.encode("utf-16-le", "surrogatepass")) // 2

    lines = []
    at = 0
    raw = page.raw
    for line in text.split("\n"):
        if words := one_line(line):
            indent = line[: len(line) - len(line.lstrip())]
            index = pdfium_c.FPDFText_GetCharIndexFromTextIndex(raw, at + units(indent))
            index = max(index, 0)
            matrix, box = pdfium_c.FS_MATRIX(), pdfium_c.FS_RECTF()
            pdfium_c.FPDFText_GetMatrix(raw, index, matrix)
            pdfium_c.FPDFText_GetLooseCharBox(raw, index, box)
            font = create_string_buffer(128)
            pdfium_c.FPDFText_GetFontInfo(raw, index, font, len(font), None)
            scale = hypot(matrix.c, matrix.d) or 1.0
            size = round(pdfium_c.FPDFText_GetFontSize(raw, index) * scale, 2)
            lines.append(PrintedLine(index, words, size, bool(_BOLD.search(font.value)), box.top))
        at += units(line) + 1
    return lines


# --- headings -------------------------------------------------------------------------------

LARGER = 1.12
"""Minimum size of a heading, relative to the body text."""
LOOK_BACK = 12
"""Pages searched backwards for the heading above a mark."""
MOST_LINES = 3
"""Lines of a heading, at most."""
MOST_ENTRIES = 5000
"""Outline entries read, at most."""
DEEPEST = 12
_WORDED = re.compile(r"[^\W\d_]{3}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}")
"""A large line without a word, or with an equals sign, is a formula."""
_NUMBERED = re.compile(r"(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.?\s+\S")


class Entry(NamedTuple):
    """One entry of the outline."""

    page: int
    top: float
    level: int
    title: str


class Headings:
    """Finds the headings above a place, in the outline or else by font size."""

    def __init__(
        self,
        document: PdfDocument,
        lines: Callable[[int], list[PrintedLine]],
        pages: int,
        title: str,
    ) -> None:
        """Read the outline.

        Args:
            document: the file, for its outline.
            lines: returns the lines of a page.
            pages: the number of pages.
            title: the title of the work, which is not a heading.
        """
        self._lines = lines
        self._pages = pages
        self._title = fold(title)
        self._outline = list(_outline(document))

    def above(self, page: int, index: int, top: float) -> str:
        """Return the headings above the character with this index, joined by ` › `."""
        if self._outline:
            path: list[Entry] = []
            for entry in self._outline:
                before = entry.page == page and self._is_before(entry, index, top)
                if entry.page < page or before:
                    path = [one for one in path if one.level < entry.level] + [entry]
            return " › ".join(entry.title for entry in path)
        for number in range(page, max(page - LOOK_BACK, -1), -1):
            found = [line for line in self._large(number) if number < page or line.start <= index]
            if found:
                return self._whole(self._lines(number), found[-1])
        return ""

    def _whole(self, lines: list[PrintedLine], line: PrintedLine) -> str:
        """Return a heading with the lines before and after that belong to it."""
        first = last = lines.index(line)
        while first and self._continues(lines[first - 1], lines[first]):
            first -= 1
        while last + 1 < len(lines) and self._continues(lines[last], lines[last + 1]):
            last += 1
        whole = " ".join(one.text for one in lines[first : last + 1])
        return whole if last - first < MOST_LINES else line.text

    def _continues(self, line: PrintedLine, after: PrintedLine) -> bool:
        """Return whether the line after a large one belongs to the same heading."""
        alike = (line.size, line.bold) == (after.size, after.bold)
        large = alike and line.size >= LARGER * self._body
        return (
            large and 0 < line.top - after.top < 2 * line.size and not _NUMBERED.match(after.text)
        )

    def _is_before(self, entry: Entry, index: int, top: float) -> bool:
        """Return whether an entry precedes a place on its page.

        The text decides if it contains the entry: columns make heights useless.
        """
        title = fold(entry.title)
        for line in self._lines(entry.page):
            if fold(line.text).endswith(title):
                return line.start <= index
        return entry.top >= top

    def _large(self, page: int) -> list[PrintedLine]:
        """Return the lines of a page that look like headings.

        On the first page, only lines below the title and authors count.
        """
        lines, start = self._lines(page), 0
        if page == 0:
            is_text = (
                self._body / LARGER < line.size < self._body * LARGER and len(line.text) > 40
                for line in lines
            )
            start = next((at for at, found in enumerate(is_text) if found), len(lines)) - 1
        return [line for line in lines[max(start, 0) :] if self._is_heading(line)]

    def _is_heading(self, line: PrintedLine) -> bool:
        large = line.size >= LARGER * self._body
        return (
            (large or (line.bold and line.size >= 0.98 * self._body))
            and len(line.text) <= 90
            and line.text[-1] not in ".,;:-"
            and _WORDED.search(line.text) is not None
            and "=" not in line.text
            and len(line.text.split()) <= 12
            and bool(large or _NUMBERED.match(line.text))
            and fold(line.text) not in self._title
        )

    @cached_property
    def _body(self) -> float:
        """The size of most letters on the first pages."""
        sizes: Counter[float] = Counter()
        for page in range(min(self._pages, LOOK_BACK)):
            for line in self._lines(page):
                sizes[round(line.size, 1)] += len(line.text)
        return max(sizes, key=lambda size: (sizes[size], size)) if sizes else 0.0


def _outline(document: PdfDocument) -> Iterator[Entry]:
    with suppress(*FAULTS):
        for item in islice(document.get_toc(DEEPEST), MOST_ENTRIES):
            target = item.get_dest()
            page = target.get_index() if target else None
            title = one_line(item.get_title())[:200]
            if page is not None and page >= 0 and title:
                yield Entry(page, _top(target), item.level, title)


def _top(target: PdfDest) -> float:
    """Return the height on its page to which an outline entry leads, infinite if unknown."""
    mode, places = target.get_view()
    at = {
        pdfium_c.PDFDEST_VIEW_XYZ: 1,
        pdfium_c.PDFDEST_VIEW_FITH: 0,
        pdfium_c.PDFDEST_VIEW_FITBH: 0,
        pdfium_c.PDFDEST_VIEW_FITR: 3,
    }.get(mode, len(places))
    return float(places[at]) if at < len(places) else float("inf")
