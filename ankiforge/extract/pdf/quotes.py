"""Find the context of quotes in a PDF, whose highlights Zotero or a reading app stores."""

from __future__ import annotations

from msgspec import structs

from ankiforge.extract.passage_context import PassageContext, StructuredText
from ankiforge.extract.pdf.boxes import Box
from ankiforge.extract.pdf.messages import StoredQuote
from ankiforge.extract.pdf.open_pdf import OpenPdf, PdfPage, find_context_in_pdf
from ankiforge.model import Span
from ankiforge.text.located import locate_text
from ankiforge.text.raised_figures import copy_raised_figures

QUOTE_SEARCH_CHARS = 200
"""The number of characters, in addition to twice the length of a quote, to search after the start
of the quote's box.
"""
_HYPHEN = "-"


class _TwoPages(StructuredText):
    """The text of a page, joined with that of the next page.

    The tables and headings are those of the first page.
    """

    def __init__(self, first: PdfPage, second: PdfPage) -> None:
        if first.text.endswith(_HYPHEN):
            text = first.text.removesuffix(_HYPHEN) + second.text
        else:
            text = f"{first.text} {second.text}"
        super().__init__(text)
        self._first = first

    def crosses_table(self, start: int, end: int) -> bool:
        return self._first.crosses_table(start, end)

    def find_heading(self, offset: int) -> str:
        return self._first.find_heading(offset)


def find_quote_context(pdf: OpenPdf, quote: StoredQuote) -> PassageContext:
    """Find the context of a quote near its box or, failing that, anywhere on its page.

    If the page doesn't contain the whole quote, it may continue on the next page. If it isn't
    found, the context is empty.
    """
    located = _locate_quote(pdf, quote)
    if located is None:
        return PassageContext()
    page, span = located
    context = find_context_in_pdf(page, span, quote.text, for_question=quote.asks)
    displayed_text = copy_raised_figures(quote.text, page.text[slice(*span)])
    if displayed_text == quote.text:
        return context
    return structs.replace(context, displayed_text=displayed_text)


def _locate_quote(pdf: OpenPdf, quote: StoredQuote) -> tuple[StructuredText, Span] | None:
    """Locate a quote, and return the text in which it is and its span, or None."""
    if not 0 <= quote.page < len(pdf):
        return None
    page = pdf.get_page(quote.page)
    span = _locate_in_box(page, quote) or locate_text(quote.text, page.text)
    if span is not None:
        return page, span
    if quote.page + 1 == len(pdf):
        return None
    two_pages = _TwoPages(page, pdf.get_page(quote.page + 1))
    span = locate_text(quote.text, two_pages.text)
    if span is None:
        return None
    start, _ = span
    begins_on_next_page = start >= len(page.text)
    return None if begins_on_next_page else (two_pages, span)


def _locate_in_box(page: PdfPage, quote: StoredQuote) -> Span | None:
    """Locate a quote in the text after the start of its box, or of the page if it has no box."""
    first = 0
    if quote.box is not None:
        first = _find_box_start(page, quote.box)
    last = first + 2 * len(quote.text) + QUOTE_SEARCH_CHARS
    span = locate_text(quote.text, page.text[first:last])
    if span is None:
        return None
    start, end = span
    return first + start, first + end


def _find_box_start(page: PdfPage, box: Box) -> int:
    """Return the offset of the character before the start of the first line in a box."""
    left, bottom, _, top = box
    nearest = page.text_finder.find_nearest_char(left, (bottom + top) / 2)
    if nearest is None or nearest.previous is None:
        return 0
    return nearest.previous.text_offset
