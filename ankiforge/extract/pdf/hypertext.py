"""The text around quotes in EPUBs and in snapshots of web pages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ankiforge.errors import ItemError
from ankiforge.extract.files import blocks_of, open_regular, read_file
from ankiforge.extract.pdf.messages import REPAIR, Failed, Passage, Quote, Surroundings
from ankiforge.extract.pdf.passages import around
from ankiforge.text.fold import locate, same
from ankiforge.text.passages import paragraphs_around

LARGEST = 50_000_000
"""Bytes of all pages of a book, above which it is not read."""
PAGES = (".xhtml", ".html", ".htm")
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
    texts = [_text(page) for page in pages]
    return Surroundings(tuple(_passage(texts, quote) for quote in quotes))


def _pages(path: Path) -> list[bytes]:
    """Return the HTML of each page of a book, or of the one page."""
    if path.suffix.lower() in PAGES:
        page, _ = read_file(path, LARGEST)
        return [page]
    with open(path, "rb", opener=open_regular) as opened, ZipFile(opened) as book:
        files = book.infolist()
        pages = [file for file in files if file.filename.lower().endswith(PAGES)]
        if sum(page.file_size for page in pages) > LARGEST:
            raise ValueError("it is too large")
        return [book.read(page) for page in pages]


def _text(page: bytes) -> str:
    """Return the words of a page, one line for each block."""
    blocks = blocks_of(page.decode("utf-8", "replace"))
    return "\n".join(words for _, words in blocks if words)


def _passage(texts: list[str], quote: Quote) -> Passage:
    """Return the context of a quote on the first page that contains it."""
    for text in texts:
        span = locate(quote.words, text)
        if span:
            prefix, suffix, sentence = around(text, span)
            return Passage(
                prefix=prefix,
                suffix=suffix,
                sentence="" if same(sentence, quote.words) else sentence,
                nearby=paragraphs_around(text, *span, asks=quote.asks),
            )
    return Passage()
