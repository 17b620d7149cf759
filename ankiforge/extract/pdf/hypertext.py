"""The text around quotes in EPUBs and in snapshots of web pages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from ankiforge.errors import ItemError
from ankiforge.extract.files import block_at, blocks_of, open_regular, read_file
from ankiforge.extract.pdf.messages import REPAIR, Failed, Passage, Quote, Surroundings
from ankiforge.extract.pdf.passages import around
from ankiforge.model import Span
from ankiforge.text.fold import for_comparing, locate, same
from ankiforge.text.passages import paragraphs_around

LARGEST = 50_000_000
"""Bytes of all pages of a book, above which it is not read."""
LARGEST_LIST = 4_000_000
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


def find_in_pages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in an EPUB or a web page.

    Never raises for bad content.
    """
    try:
        pages = _pages(path)
    except _UNREADABLE as error:
        return Failed(f"it cannot be read: {error}", REPAIR)
    return Surroundings(tuple(_passage(pages, quote) for quote in quotes))


class _Page:
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

    def offset_of(self, quote: Quote) -> int | None:
        """Return about where in the text a quote begins; None if its place is not known."""
        block = block_at(self.html, quote.steps) if quote.steps else None
        if block is None:
            return None
        length_before = 0
        for words in self.blocks[:block]:
            if words:
                length_before += len(words) + 1
        return length_before + quote.offset


# --- the pages of a book ----------------------------------------------------------------


def _pages(path: Path) -> list[_Page]:
    """Return the pages of a book in the order in which it is read, or the one page."""
    if path.suffix.lower() in PAGES:
        raw, _ = read_file(path, LARGEST)
        return [_Page(path.name, raw)]
    with open(path, "rb", opener=open_regular) as opened, ZipFile(opened) as book:
        sizes = {file.filename: file.file_size for file in book.infolist()}
        names = _in_reading_order(book, sizes)
        if sum(sizes[name] for name in names) > LARGEST:
            raise ValueError("it is too large")
        return [_Page(name, book.read(name)) for name in names]


def _in_reading_order(book: ZipFile, sizes: dict[str, int]) -> list[str]:
    """Return the names of the pages: those that the book lists, then the others."""
    listed: list[str] = []
    with suppress(ElementTree.ParseError, KeyError, ValueError):
        listed = list(_listed_pages(book, sizes))
    ordered = dict.fromkeys(name for name in listed if name in sizes)
    for name in sizes:
        if name.lower().endswith(PAGES):
            ordered[name] = None
    return list(ordered)


def _listed_pages(book: ZipFile, sizes: dict[str, int]) -> Iterator[str]:
    """Yield the pages in the order of the book's spine.

    Raises:
        ParseError, KeyError, ValueError: the lists are not there, or damaged.
    """

    def parsed(name: str) -> ElementTree.Element:
        if sizes[name] > LARGEST_LIST:
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


def _passage(pages: list[_Page], quote: Quote) -> Passage:
    """Return the context of a quote; none if it is found nowhere, or at several places alike."""
    located = _find(pages, quote)
    if located is None:
        return Passage()
    text, span = located
    prefix, suffix, sentence = around(text, span)
    return Passage(
        prefix=prefix,
        suffix=suffix,
        sentence="" if same(sentence, quote.words) else sentence,
        nearby=paragraphs_around(text, *span, asks=quote.asks),
    )


def _find(pages: list[_Page], quote: Quote) -> tuple[str, Span] | None:
    """Return the text that contains a quote, and where in it.

    None if it is found nowhere, or at several places among which its own place does not decide: a
    sentence that the person did not mark would be worse than no sentence.
    """
    words = for_comparing(quote.words)
    if not words:
        return None
    hinted = _hinted(pages, quote)
    if hinted is not None:
        count = hinted.canonical.count(words)
        near = hinted.offset_of(quote) if count > 1 else 0
        if count and near is not None:
            return _located(quote, hinted.text, near)
        if count:
            return None
    containing = [page for page in pages if words in page.canonical]
    if containing:
        is_only_place = sum(page.canonical.count(words) for page in containing) == 1
        return _located(quote, containing[0].text) if is_only_place else None
    for page, following in pairwise(pages):  # a mark may go on in the next file
        if words in f"{page.canonical} {following.canonical}":
            return _located(quote, f"{page.text}\n{following.text}")
    return None


def _located(quote: Quote, text: str, near: int = 0) -> tuple[str, Span] | None:
    span = locate(quote.words, text, near)
    return (text, span) if span else None


def _hinted(pages: list[_Page], quote: Quote) -> _Page | None:
    """Return the page on which a quote should be, None if it is not known."""
    if quote.file:
        for page in pages:
            if page.name == quote.file or page.name.endswith(f"/{quote.file}"):
                return page
    if not 0 <= quote.page < len(pages):
        return None
    return pages[quote.page]
