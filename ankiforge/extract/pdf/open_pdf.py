"""Read the text of an open PDF, page by page, with its headings, page labels and spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from msgspec import structs

from ankiforge.extract.cleaning import clean_text, to_one_line
from ankiforge.extract.passage_context import (
    PassageContext,
    StructuredText,
    find_passage_context,
)
from ankiforge.extract.pdf.chars import Char
from ankiforge.extract.pdf.cleaning import CLUSTER_LETTER, Spelling
from ankiforge.extract.pdf.letters import CharReader, load_upright_text, read_chars
from ankiforge.extract.pdf.margins import RunningHeaders
from ankiforge.extract.pdf.mark_text import MarkTextFinder
from ankiforge.extract.pdf.messages import ReadPagesReply
from ankiforge.extract.pdf.metadata import (
    compute_document_id,
    format_headings,
    is_printed_on,
    read_outline,
    read_work,
)
from ankiforge.extract.pdf.page_text import PDF_ERRORS, PageText
from ankiforge.extract.pdf.titles import PrintedLine, read_printed_lines
from ankiforge.model import Document, DocumentKey, Span, hash16
from ankiforge.text import format_truncated_list, regex
from ankiforge.text.normalize import normalize_for_lookup

UNRELIABLE_TEXT = "its text layer differs from what the page shows"
"""Why no card is made of text whose letters seem to be stored wrongly."""
_MAX_OPEN_PAGES = 64
"""The maximum number of pages that PDFium keeps in memory at once."""
_MAX_PAGES_WITH_CHARS = 4
"""The maximum number of pages whose characters are kept in memory at once."""
# Matches the text of a cover page that a publisher put before a paper.
_PUBLISHER_COVER = regex(
    r"We are IntechOpen|Elsevier has created a COVID-19 resource centre"
)


class FilePages:
    """The pages of an open PDF, each of which is opened when it is needed."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self.document = document
        self.damaged: list[int] = []
        """The numbers of the unreadable pages found so far."""
        # a page is closed when it is evicted from the cache, or when the document is closed
        keep_open = lru_cache(maxsize=_MAX_OPEN_PAGES)
        self._open_page = keep_open(document.__getitem__)
        self.load_text_page = keep_open(self._load_text_page)

    def _load_text_page(self, number: int) -> pdfium.PdfTextPage:
        """Return the text page of a page, by number, after rotating the page upright.

        Raises one of the `PDF_ERRORS` if the page is damaged. To be called as `load_text_page`.
        """
        return load_upright_text(self._open_page(number))

    def __len__(self) -> int:
        return len(self.document)

    def iter_pages(self) -> Iterator[pdfium.PdfPage | None]:
        """Yield the pages in order, with None for pages that can't be opened."""
        for number in range(len(self)):
            yield self.read_or_default(number, self._open_page, None)

    def read_or_default(
        self,
        number: int,
        read: Callable[[int], Any],
        default: Any,
    ) -> Any:
        """Return `read(number)`. If the page is damaged, record this and return `default`."""
        try:
            return read(number)
        except PDF_ERRORS:
            if number not in self.damaged:
                self.damaged.append(number)
            return default

    def format_page_label(self, number: int) -> str:
        """Return the page label stored in the PDF or, if there is none, the page number from 1."""
        return to_one_line(self.document.get_page_label(number)) or str(number + 1)


# --- one page ---------------------------------------------------------------------------


FindHeadings = Callable[[int, int, float], str]
"""Function that takes a page number from 0, the index of a character in PDFium's list and its
vertical position, and returns the headings above the character.
"""


def _find_no_headings(_page: int, _char_index: int, _top: float) -> str:
    return ""


class PdfPage(StructuredText):
    """The text of a page of a PDF, with the characters that it is made of."""

    def __init__(
        self,
        number: int,
        layout: PageText,
        body: Span,
        find_headings: FindHeadings = _find_no_headings,
    ) -> None:
        super().__init__(layout.text, body)
        self.body: Span = body
        self.number = number
        """The number of the page, from 0."""
        self.layout = layout
        self.text_finder = MarkTextFinder(layout)
        self._find_headings = find_headings

    def crosses_table(self, start: int, end: int) -> bool:
        """Return whether the text between two offsets spans several cells of a table."""
        return self.layout.crosses_table(start, end)

    def find_heading(self, offset: int) -> str:
        """Return the headings above an offset, from the outline of the PDF."""
        if not self.layout.chars:
            return ""
        char = self.layout.find_char_at(offset)
        return self._find_headings(self.number, char.char_index, char.top)


def find_context_in_pdf(
    page: StructuredText, span: Span, passage: str, *, for_question: bool
) -> PassageContext:
    """Find the text around a passage, as `find_passage_context` does, in clean paragraphs."""
    context = find_passage_context(page, span, passage, for_question=for_question)
    paragraphs = map(to_one_line, context.surrounding_text.split("\n"))
    return structs.replace(context, surrounding_text=join_lines(*paragraphs))


def join_lines(*lines: str) -> str:
    """Join the lines that aren't empty."""
    return "\n".join(filter(None, lines))


# --- all pages --------------------------------------------------------------------------


class OpenPdf:
    """An open PDF, whose text has been read without the positions of its letters."""

    def __init__(self, pages: FilePages, name: str) -> None:
        """Read the text of all pages.

        `name` is the file name without its suffix.
        """
        self._pages = pages
        self._page_cache: dict[int, PdfPage] = {}
        """The most recently used pages by number, starting with the least recently used one."""
        self._lines_by_page: dict[int, list[PrintedLine]] = {}
        self._texts = [
            pages.read_or_default(number, self._read_text, "")
            for number in range(len(pages))
        ]
        self.spelling = Spelling(self._texts)
        self._running_lines = RunningHeaders(self._texts)
        first = self._find_first_page()
        self.work = read_work(
            pages.document, self._texts[first], self._get_lines(first), name
        )
        """The title, creators and identifiers of the work, without a key."""
        self._outline = [
            entry
            for entry in read_outline(pages.document)
            if is_printed_on(entry.title, self.folded_texts[entry.page])
        ]

    def _find_first_page(self) -> int:
        """Return the number of the first page of the work, which may follow a publisher's cover."""
        if len(self) > 1 and _PUBLISHER_COVER.search(self._texts[0]):
            return 1
        return 0

    def close(self) -> None:
        """Break the cached pages' reference cycles, which would otherwise keep them in memory."""
        for page in self._page_cache.values():
            page.layout.close()

    def __len__(self) -> int:
        """Return the number of pages."""
        return len(self._texts)

    @cached_property
    def folded_texts(self) -> list[str]:
        """The normalized text of each page."""
        return [normalize_for_lookup(text) for text in self._texts]

    def _read_text(self, number: int) -> str:
        text: str = self._pages.load_text_page(number).get_text_range()
        return text

    def _read_lines(self, number: int) -> list[PrintedLine]:
        text_page = self._pages.load_text_page(number)
        return read_printed_lines(text_page, self._texts[number])

    def _get_lines(self, number: int) -> list[PrintedLine]:
        """Return the lines of a page, which are only read once."""
        if number not in self._lines_by_page:
            lines = self._pages.read_or_default(number, self._read_lines, [])
            self._lines_by_page[number] = lines
        return self._lines_by_page[number]

    def get_page(self, number: int) -> PdfPage:
        """Return a page, which must not be used after some other pages have been returned."""
        page = self._page_cache.pop(number, None) or self._read_page(number)
        self._page_cache[number] = page
        if len(self._page_cache) > _MAX_PAGES_WITH_CHARS:
            oldest_number = next(iter(self._page_cache))
            self._page_cache.pop(oldest_number).layout.close()
        return page

    def _read_page(self, number: int) -> PdfPage:
        chars = self._pages.read_or_default(number, self._read_chars, [])
        if chars:
            letters = CharReader(self._pages.load_text_page(number))
            layout = PageText(chars, self.spelling, letters.get_font)
        else:
            layout = PageText([], self.spelling)
        body = self._running_lines.find_body_span(number, layout.text)
        return PdfPage(number, layout, body, self.find_headings)

    def _read_chars(self, number: int) -> list[Char]:
        return read_chars(self._pages.load_text_page(number))

    def find_headings(self, page: int, char_index: int, top: float) -> str:
        """Return the headings above a place on a page, outermost first, or "" without an outline.

        Args:
            page: The page number, from 0.
            char_index: The index of a character in PDFium's list.
            top: The vertical position of the character.
        """
        if not self._outline:
            return ""
        return format_headings(
            self._outline, self._get_lines(page), page, char_index, top
        )

    @property
    def damaged_pages(self) -> list[int]:
        """The numbers of the unreadable pages found so far."""
        return self._pages.damaged

    def format_page_label(self, page: int) -> str:
        """Return the label of a page that is stored in the PDF, or else its number from 1."""
        return self._pages.format_page_label(page)

    def format_page_list(self, page_numbers: Iterable[int]) -> str:
        """Return the labels of pages as text, such as `pages 3, 4`."""
        labels = list(map(self.format_page_label, page_numbers))
        noun = "page" if len(labels) == 1 else "pages"
        return f"{noun} {format_truncated_list(labels)}"

    def build_document(self) -> Document:
        """Return the work, with a key that is built from the text of all pages."""
        id = compute_document_id(self.folded_texts, self._pages.iter_pages())
        return structs.replace(self.work, key=DocumentKey(f"pdf:{id}"))

    def fingerprint_pages(self) -> tuple[tuple[str, int], ...]:
        """Return the hash and the length of the normalized text of each page."""
        return tuple(
            (hash16(page_text), len(page_text)) for page_text in self.folded_texts
        )

    # --- whole pages

    def read_pages(self, first: int, count: int) -> ReadPagesReply:
        """Return the lines of `count` pages from index `first`, without headers and footers.

        If the document ends earlier, only its remaining pages are returned.
        """
        page_numbers = range(first, min(first + count, len(self)))
        return ReadPagesReply(
            paragraphs=tuple(tuple(self._iter_lines(number)) for number in page_numbers),
            labels=tuple(map(self.format_page_label, page_numbers)),
            document=self.build_document(),
            prints=self.fingerprint_pages(),
        )

    def _iter_lines(self, page_number: int) -> Iterator[tuple[str, str, str | None]]:
        """Yield the lines of a page, each with its headings and the reason to skip it, if any."""
        page = self.get_page(page_number)
        line_start, body_end = page.body
        lines = page.text[line_start:body_end].split("\n")
        is_misread = page.layout.has_misread_lines(line_start, lines)
        for line in lines:
            skip_reason = None
            if is_misread and CLUSTER_LETTER.search(line):
                skip_reason = UNRELIABLE_TEXT
            yield clean_text(line), page.find_heading(line_start), skip_reason
            line_start += len(line) + 1
