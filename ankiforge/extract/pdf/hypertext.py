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


def _pages(path: Path) -> list[bytes]:
    if path.suffix.lower() in PAGES:
        return [read_file(path, LARGEST)[0]]
    with open(path, "rb", opener=open_regular) as file, ZipFile(file) as book:
        pages = [one for one in book.infolist() if one.filename.lower().endswith(PAGES)]
        if sum(one.file_size for one in pages) > LARGEST:
            raise ValueError("it is too large")
        return [book.read(one) for one in pages]


def find_in_pages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in an EPUB or a web page; never raises for bad content."""
    try:
        pages = [blocks_of(page.decode("utf-8", "replace")) for page in _pages(path)]
    except (
        ItemError,
        OSError,
        BadZipFile,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ) as error:
        return Failed(f"it cannot be read: {error}", REPAIR)
    texts = ["\n".join(words for _, words in page if words) for page in pages]
    return Surroundings(tuple(_passage(texts, quote) for quote in quotes))


def _passage(texts: list[str], quote: Quote) -> Passage:
    for text in texts:
        if span := locate(quote.words, text):
            prefix, suffix, sentence = around(text, span)
            sentence = "" if same(sentence, quote.words) else sentence
            near = paragraphs_around(text, *span, asks=quote.asks)
            return Passage(prefix, suffix, sentence, nearby=near)
    return Passage()
