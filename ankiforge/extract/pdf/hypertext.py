"""Find the context of quotes in EPUBs and saved web pages.

Zotero can also annotate these files, but doesn't store the text around an annotation. The worker
calls `find_quote_contexts` for a `FindContexts` request about such a file. A web page is treated
as a book with a single page.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.epub import PAGE_SUFFIXES, Epub, Page, read_web_page
from ankiforge.extract.html_text import remove_asides
from ankiforge.extract.passage_context import (
    PassageContext,
    StructuredText,
    find_passage_context,
)
from ankiforge.extract.pdf.messages import (
    Failure,
    FindContextsReply,
    StoredQuote,
)
from ankiforge.model import Span
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import (
    normalize_for_comparison,
    normalize_typography,
)


def find_quote_contexts(
    path: Path, quotes: Iterable[StoredQuote]
) -> FindContextsReply | Failure:
    """Find the context of each quote in an EPUB or web page.

    A quote that isn't found gets an empty context. If the file can't be read, a `Failure` is
    returned. No exception is raised, even if the file is malformed.
    """
    try:
        if path.suffix.lower() in PAGE_SUFFIXES:
            pages = [read_web_page(path)]
        else:
            pages = Epub(path).pages
    except ItemError as error:
        return Failure(error.message, error.hint)
    return FindContextsReply(tuple(_find_context(pages, quote) for quote in quotes))


def _find_context(pages: list[Page], quote: StoredQuote) -> PassageContext:
    """Find the context of a quote, which is empty if the quote isn't found."""
    located = _find_quote(pages, quote)
    if located is None:
        return PassageContext()
    page_text, (start, end) = located
    before = remove_asides(page_text[:start])
    shown = remove_asides(page_text[start:end])
    after = remove_asides(page_text[end:])
    text = StructuredText(before + shown + after)
    span = (len(before), len(before) + len(shown))
    context = find_passage_context(text, span, shown, for_question=quote.asks)
    if _has_same_words(shown, quote.text):
        return context
    return replace(context, displayed_text=shown)


def _has_same_words(shown: str, quoted: str) -> bool:
    return normalize_typography(shown).split() == normalize_typography(quoted).split()


# --- quotes -----------------------------------------------------------------------------


def _find_quote(pages: list[Page], quote: StoredQuote) -> tuple[str, Span] | None:
    """Find a quote, and return (page text, span of the quote in that text), or None.

    Returns None also if the quote occurs several times on its page or, if its page is unknown, in
    the file, because a wrong sentence would be worse than none.
    """
    folded_quote = normalize_for_comparison(quote.text)
    if not folded_quote:
        return None
    expected_page = _find_expected_page(pages, quote)
    if expected_page is not None and folded_quote in expected_page.normalized_text:
        pages = [expected_page]
    counts = [page.normalized_text.count(folded_quote) for page in pages]
    if sum(counts) > 1:
        return None
    if sum(counts) == 1:
        return _locate_quote(quote, pages[counts.index(1)].text)
    # a mark may continue on the next page
    for page, next_page in pairwise(pages):
        if folded_quote in f"{page.normalized_text} {next_page.normalized_text}":
            return _locate_quote(quote, f"{page.text}\n{next_page.text}")
    return None


def _find_expected_page(pages: list[Page], quote: StoredQuote) -> Page | None:
    """Return the page that a quote names by its file or else its number, or None."""
    if quote.file:
        for page in pages:
            if page.name == quote.file or page.name.endswith(f"/{quote.file}"):
                return page
    return pages[quote.page] if 0 <= quote.page < len(pages) else None


def _locate_quote(quote: StoredQuote, text: str) -> tuple[str, Span] | None:
    span = locate_text(quote.text, text)
    return None if span is None else (text, span)
