"""Find the context of quotes in EPUBs and saved web pages.

Zotero can also annotate these files, but doesn't store the text around an annotation. The worker
calls `find_quote_contexts` for a `FindContexts` request about such a file. A web page is treated
as a book with a single page.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract.epub import PAGE_SUFFIXES, Epub, Page, read_web_page
from ankiforge.extract.html_text import remove_asides
from ankiforge.extract.pdf.mark_text import get_passage_context
from ankiforge.extract.pdf.messages import (
    Failure,
    FindContextsReply,
    QuoteContext,
    StoredQuote,
)
from ankiforge.model import Span
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import (
    is_same_text,
    normalize_for_comparison,
    normalize_typography,
)
from ankiforge.text.passages import get_paragraphs_around


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
    passages = []
    for quote in quotes:
        located = _find_quote(pages, quote)
        if located is None:
            passages.append(QuoteContext())
            continue
        page_text, (start, end) = located
        parts = (page_text[:start], page_text[start:end], page_text[end:])
        before, shown, after = map(remove_asides, parts)
        text, span = before + shown + after, (len(before), len(before) + len(shown))
        prefix, suffix, sentence = get_passage_context(text, span)
        shown_words, quoted_words = (
            normalize_typography(each).split() for each in (shown, quote.text)
        )
        passage = QuoteContext(
            prefix=prefix,
            suffix=suffix,
            sentence="" if is_same_text(sentence, shown) else sentence,
            surrounding_text=get_paragraphs_around(text, *span, for_question=quote.asks),
            displayed_text="" if shown_words == quoted_words else shown,
        )
        passages.append(passage)
    return FindContextsReply(tuple(passages))


# --- quotes -----------------------------------------------------------------------------


def _find_quote(pages: list[Page], quote: StoredQuote) -> tuple[str, Span] | None:
    """Find a quote, and return (page text, span of the quote in that text), or None.

    Returns None also if the quote occurs several times on its page or, if its page is unknown, in
    the file, because a wrong sentence would be worse than none.
    """
    folded_quote = normalize_for_comparison(quote.text)
    if not folded_quote:
        return None

    # search the expected page, then all pages, where the quote must occur only once
    expected_page = pages[quote.page] if 0 <= quote.page < len(pages) else None
    for page in pages if quote.file else ():
        if page.name == quote.file or page.name.endswith(f"/{quote.file}"):
            expected_page = page
            break
    if expected_page and folded_quote in expected_page.normalized_text:
        pages = [expected_page]
    pages_with_quote = [page for page in pages if folded_quote in page.normalized_text]
    if sum(page.normalized_text.count(folded_quote) for page in pages_with_quote) > 1:
        return None
    if pages_with_quote:
        return _locate_quote(quote, pages_with_quote[0].text)
    # a mark may continue on the next page
    for page, next_page in pairwise(pages):
        if folded_quote in f"{page.normalized_text} {next_page.normalized_text}":
            return _locate_quote(quote, f"{page.text}\n{next_page.text}")
    return None


def _locate_quote(quote: StoredQuote, text: str) -> tuple[str, Span] | None:
    span = locate_text(quote.text, text)
    return (text, span) if span else None
