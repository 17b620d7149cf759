"""Find the context of quotes in EPUBs and saved web pages.

Zotero can also annotate these files, but doesn't store the text around an annotation. The worker
calls `find_quote_contexts` for a `FindContexts` question about such a file. A web page is treated
as a book with a single page.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from ankiforge.errors import ItemError
from ankiforge.extract.files import open_regular_file, read_file
from ankiforge.extract.html_text import (
    decode_html,
    iter_html_blocks,
    parse_page,
    remove_asides,
)
from ankiforge.extract.pdf.mark_text import get_passage_context
from ankiforge.extract.pdf.messages import (
    REPAIR_HINT,
    ExternalQuote,
    Failure,
    FindContextsReply,
    QuoteContext,
)
from ankiforge.model import Span
from ankiforge.text.elements import BLOCK_ELEMENTS
from ankiforge.text.normalize import (
    is_same_text,
    locate,
    normalize_for_comparison,
    normalize_typography,
)
from ankiforge.text.passages import get_paragraphs_around

if TYPE_CHECKING:  # imported when a quote occurs several times
    from bs4 import BeautifulSoup

MAX_BOOK_BYTES = 50_000_000
"""The maximum total size of a book's pages, in bytes."""
_MAX_LIST_BYTES = 4_000_000
"""The maximum size of a book's package file, in bytes."""
PAGE_SUFFIXES = (".xhtml", ".html", ".htm")
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PROTECTED_HINT = (
    "give a copy without protection, or the highlights that its reading app exports"
)
_READ_ERRORS = (
    OSError,
    BadZipFile,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
)


def find_quote_contexts(
    path: Path, quotes: Iterable[ExternalQuote]
) -> FindContextsReply | Failure:
    """Find the context of each quote in an EPUB or web page.

    Quotes that aren't found get an empty context. If the file can't be read, a `Failure` is
    returned. No file content, however malformed, makes this raise an exception.
    """
    try:
        if path.suffix.lower() in PAGE_SUFFIXES:
            raw, _ = read_file(path, MAX_BOOK_BYTES)
            pages = [_BookPage(path.name, raw)]
        else:
            with (
                open(path, "rb", opener=open_regular_file) as opened,
                ZipFile(opened) as book,
            ):
                pages = read_pages(book)
    except ItemError as error:
        return Failure(error.message, error.hint)
    except _READ_ERRORS as error:
        return Failure(f"it cannot be read: {error}", REPAIR_HINT)
    passages = []
    for quote in quotes:
        located = _find_quote(pages, quote)
        if located is None:
            passages.append(QuoteContext())
            continue
        text, span = _remove_asides(*located)
        prefix, suffix, sentence = get_passage_context(text, span)
        shown = text[slice(*span)]
        is_equal = (
            normalize_typography(shown).split()
            == normalize_typography(quote.words).split()
        )
        passage = QuoteContext(
            prefix=prefix,
            suffix=suffix,
            sentence="" if is_same_text(sentence, shown) else sentence,
            nearby=get_paragraphs_around(text, *span, asks=quote.asks),
            words="" if is_equal else shown,
        )
        passages.append(passage)
    return FindContextsReply(tuple(passages))


class _BookPage:
    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        try:
            self.html = decode_html(raw)
        except ItemError:
            self.html = raw.decode("utf-8", "replace")

    @cached_property
    def text(self) -> str:
        """The text of the page, with one block per line.

        Asides are included, because quotes made by other programs contain them.
        """
        return "\n".join(text for _, text in iter_html_blocks(self.soup) if text)

    @cached_property
    def normalized_text(self) -> str:
        """The text to search for quotes, normalized for comparison."""
        return normalize_for_comparison(self.text)

    @cached_property
    def soup(self) -> BeautifulSoup:
        return parse_page(self.html)

    def find_block_start(self, selector: str) -> int:
        """Return the offset in `text` of the block that contains an element, or -1.

        `selector` is the element's CSS selector.
        """
        from soupsieve import SelectorSyntaxError

        element = None
        with suppress(SelectorSyntaxError, RecursionError):
            element = self.soup.select_one(selector)
        while element is not None and element.name not in BLOCK_ELEMENTS:
            element = element.parent
        block_text = " ".join(element.get_text().split()) if element else ""
        return self.text.find(block_text) if block_text else -1


# --- the pages of a book ----------------------------------------------------------------


def read_pages(book: ZipFile) -> list[_BookPage]:
    """Read the pages of an EPUB in spine order, followed by any pages not in the spine.

    Raises:
        ValueError: The pages are too large.
        ItemError: A page is encrypted (DRM).
    """
    sizes = {file.filename: file.file_size for file in book.infolist()}
    spine: list[str] = []
    with suppress(ElementTree.ParseError, KeyError, ValueError):
        spine = list(_iter_spine(book))
    if not _read_encrypted_names(book).isdisjoint(spine):
        raise ItemError(
            "the book is protected (DRM), so its text cannot be read",
            hint=_PROTECTED_HINT,
        )
    names = dict.fromkeys(name for name in spine if name in sizes)
    for name in sizes:
        if name.lower().endswith(PAGE_SUFFIXES):
            names[name] = None
    if sum(sizes[name] for name in names) > MAX_BOOK_BYTES:
        raise ValueError("it is too large")
    return [_BookPage(name, book.read(name)) for name in names]


def read_package(book: ZipFile) -> tuple[str, ElementTree.Element]:
    """Parse an EPUB's package file, which holds its metadata, manifest and spine.

    Returns:
        (name of the package file, its root element)

    Raises:
        ParseError, KeyError, ValueError: The package file is missing, damaged or too large.
    """

    def parse(name: str) -> ElementTree.Element:
        if book.getinfo(name).file_size > _MAX_LIST_BYTES:
            raise ValueError("the list of its files is too large")
        return ElementTree.fromstring(book.read(name))

    root_file = parse(_CONTAINER).find(".//{*}rootfile")
    name = "" if root_file is None else root_file.get("full-path", "")
    return name, parse(posixpath.normpath(name))


def _read_encrypted_names(book: ZipFile) -> set[str]:
    with suppress(ElementTree.ParseError, KeyError):
        root = ElementTree.fromstring(book.read(_ENCRYPTION))
        references = root.iterfind(".//{*}CipherReference")
        return {unquote(reference.get("URI", "")) for reference in references}
    return set()


def _iter_spine(book: ZipFile) -> Iterator[str]:
    package_name, package = read_package(book)
    directory = posixpath.dirname(package_name)
    names: dict[str, str] = {}
    for item in package.iterfind("{*}manifest/{*}item"):
        path = posixpath.join(directory, unquote(item.get("href", "")))
        if not item.get("media-type", "").startswith("image/"):
            names[item.get("id", "")] = posixpath.normpath(path)
    for item_reference in package.iterfind("{*}spine/{*}itemref"):
        name = names.get(item_reference.get("idref", ""))
        if name:
            yield name


# --- quotes -----------------------------------------------------------------------------


def _remove_asides(text: str, span: Span) -> tuple[str, Span]:
    """Remove asides from a text, returning it with the updated span of the quote."""
    start, end = span
    before, quote, after = map(remove_asides, (text[:start], text[start:end], text[end:]))
    return before + quote + after, (len(before), len(before) + len(quote))


def _find_quote(pages: list[_BookPage], quote: ExternalQuote) -> tuple[str, Span] | None:
    """Find a quote and return (text, span of the quote in it), or None.

    If the quote occurs several times and its stored position doesn't tell which one is
    meant, we return None, because a wrong sentence would be worse than none.
    """
    folded_quote = normalize_for_comparison(quote.words)
    if not folded_quote:
        return None

    # search the expected page, then all pages, where the quote must occur only once
    expected_page = _find_expected_page(quote, pages)
    if expected_page and folded_quote in expected_page.normalized_text:
        return _locate_on_page(
            quote, expected_page, expected_page.normalized_text.count(folded_quote)
        )
    pages_with_quote = [page for page in pages if folded_quote in page.normalized_text]
    if len(pages_with_quote) > 1 or any(
        page.normalized_text.count(folded_quote) > 1 for page in pages_with_quote
    ):
        return None
    if pages_with_quote:
        return _locate_quote(quote, pages_with_quote[0].text)
    # a mark may continue on the next page
    for page, next_page in pairwise(pages):
        if folded_quote in f"{page.normalized_text} {next_page.normalized_text}":
            return _locate_quote(quote, f"{page.text}\n{next_page.text}")
    return None


def _find_expected_page(
    quote: ExternalQuote, pages: Sequence[_BookPage]
) -> _BookPage | None:
    if quote.file:
        for page in pages:
            if page.name == quote.file or page.name.endswith(f"/{quote.file}"):
                return page
    return pages[quote.page] if 0 <= quote.page < len(pages) else None


def _locate_on_page(
    quote: ExternalQuote, page: _BookPage, count: int
) -> tuple[str, Span] | None:
    """Locate a quote that occurs `count` times on a page.

    If there are several occurrences, the stored element and offset tell which one is meant.
    Without them, None is returned.
    """
    if count == 1:
        return _locate_quote(quote, page.text)
    start = page.find_block_start(quote.element) if quote.element else -1
    return None if start < 0 else _locate_quote(quote, page.text, start + quote.offset)


def _locate_quote(
    quote: ExternalQuote, text: str, search_from: int = 0
) -> tuple[str, Span] | None:
    span = locate(quote.words, text, search_from)
    return (text, span) if span else None
