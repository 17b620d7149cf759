"""The text around quotes in EPUBs and in snapshots of web pages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from ankiforge.errors import ItemError
from ankiforge.extract.files import block_at, blocks_of, open_regular, read_file
from ankiforge.extract.pdf.coverage import around
from ankiforge.extract.pdf.messages import (
    REPAIR,
    Contexts,
    Failed,
    QuoteContext,
    QuotedWords,
)
from ankiforge.model import Span
from ankiforge.text.fold import for_comparing, locate, same
from ankiforge.text.passages import paragraphs_around

LARGEST = 50_000_000
"""Bytes of all pages of a book, above which it is not read."""
_LARGEST_LIST = 4_000_000
"""Bytes of the list of a book's files, above which it is not read."""
PAGES = (".xhtml", ".html", ".htm")
_CONTAINER = "META-INF/container.xml"
_UNREADABLE = (
    ItemError,
    OSError,
    BadZipFile,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
)


def find_in_pages(path: Path, quotes: Iterable[QuotedWords]) -> Contexts | Failed:
    """Find the context of quotes in an EPUB or a web page.

    Never raises for bad content.
    """
    try:
        if path.suffix.lower() in PAGES:
            raw, _ = read_file(path, LARGEST)
            pages = [_BookPage(path.name, raw)]
        else:
            with open(path, "rb", opener=open_regular) as opened, ZipFile(opened) as book:
                pages = pages_of(book)
    except _UNREADABLE as error:
        return Failed(f"it cannot be read: {error}", REPAIR)
    passages = []
    for quote in quotes:
        located = _find(pages, quote)
        if located is None:
            passages.append(QuoteContext())
            continue
        text, span = located
        prefix, suffix, sentence = around(text, span)
        passage = QuoteContext(
            prefix=prefix,
            suffix=suffix,
            sentence="" if same(sentence, quote.words) else sentence,
            nearby=paragraphs_around(text, *span, asks=quote.asks),
        )
        passages.append(passage)
    return Contexts(tuple(passages))


class _BookPage:
    """One page of a book: an XHTML file in it."""

    def __init__(self, name: str, raw: bytes) -> None:
        self.name = name
        self.html = raw.decode("utf-8", "replace")

    @cached_property
    def blocks(self) -> list[str]:
        """The words of each block; "" for those without."""
        return [words for _, words in blocks_of(self.html)]

    @cached_property
    def text(self) -> str:
        """The words, one line for each block."""
        return "\n".join(words for words in self.blocks if words)

    @cached_property
    def canonical(self) -> str:
        """The words as they are compared, to know quickly whether a quote may be here."""
        return for_comparing(self.text)


# --- the pages of a book ----------------------------------------------------------------


def pages_of(book: ZipFile) -> list[_BookPage]:
    """Return the pages of a book in reading order: those that it lists, then the others.

    Raises:
        ValueError: they are too large.
    """
    sizes = {file.filename: file.file_size for file in book.infolist()}
    listed: list[str] = []
    with suppress(ElementTree.ParseError, KeyError, ValueError):
        listed = list(_listed_pages(book, sizes))
    ordered = dict.fromkeys(name for name in listed if name in sizes)
    for name in sizes:
        if name.lower().endswith(PAGES):
            ordered[name] = None
    if sum(sizes[name] for name in ordered) > LARGEST:
        raise ValueError("it is too large")
    return [_BookPage(name, book.read(name)) for name in ordered]


def _listed_pages(book: ZipFile, sizes: dict[str, int]) -> Iterator[str]:
    """Yield the pages in the order of the book's spine.

    Raises:
        ParseError, KeyError, ValueError: the lists are not there, or damaged.
    """

    def parsed(name: str) -> ElementTree.Element:
        if sizes[name] > _LARGEST_LIST:
            raise ValueError("the list of its files is too large")
        return ElementTree.fromstring(book.read(name))

    root_file = parsed(_CONTAINER).find(".//{*}rootfile")
    if root_file is None:
        return
    package_name = root_file.get("full-path", "")
    package = parsed(package_name)
    folder = posixpath.dirname(package_name)
    names: dict[str, str] = {}
    for item in package.iterfind("{*}manifest/{*}item"):
        path = posixpath.join(folder, unquote(item.get("href", "")))
        names[item.get("id", "")] = posixpath.normpath(path)
    for reference in package.iterfind("{*}spine/{*}itemref"):
        name = names.get(reference.get("idref", ""))
        if name:
            yield name


# --- quotes -----------------------------------------------------------------------------


def _find(pages: list[_BookPage], quote: QuotedWords) -> tuple[str, Span] | None:
    """Return the text that contains a quote, and where in it.

    None if it is found nowhere, or at several places among which its own place does not decide: a
    sentence that the person did not mark would be worse than no sentence.
    """
    words = for_comparing(quote.words)
    if not words:
        return None

    # on the page on which it should be, or anywhere, if it is there once
    page = _page_of(quote, pages)
    if page and words in page.canonical:
        return _on_page(quote, page, page.canonical.count(words))
    containing = [page for page in pages if words in page.canonical]
    if len(containing) > 1 or any(page.canonical.count(words) > 1 for page in containing):
        return None
    if containing:
        return _located(quote, containing[0].text)
    # a mark may go on in the next file
    for page, following in pairwise(pages):
        if words in f"{page.canonical} {following.canonical}":
            return _located(quote, f"{page.text}\n{following.text}")
    return None


def _page_of(quote: QuotedWords, pages: Sequence[_BookPage]) -> _BookPage | None:
    """Return the page on which a quote should be; None if it does not say."""
    if quote.file:
        for page in pages:
            if page.name == quote.file or page.name.endswith(f"/{quote.file}"):
                return page
    return pages[quote.page] if 0 <= quote.page < len(pages) else None


def _on_page(quote: QuotedWords, page: _BookPage, count: int) -> tuple[str, Span] | None:
    """Return where a quote is on its page, which has its words `count` times."""
    if count == 1:
        return _located(quote, page.text)
    block = block_at(page.html, quote.steps) if quote.steps else None
    if block is None:
        return None
    before = [len(text) + 1 for text in page.blocks[:block] if text]
    return _located(quote, page.text, sum(before) + quote.offset)


def _located(quote: QuotedWords, text: str, near: int = 0) -> tuple[str, Span] | None:
    span = locate(quote.words, text, near)
    return (text, span) if span else None
