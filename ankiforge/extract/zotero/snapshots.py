"""The text around quotes in EPUBs and snapshots of web pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ankiforge.extract.pdf.passages import around
from ankiforge.extract.pdf.worker import REPAIR, Failed, Passage, Quote, Surroundings
from ankiforge.text.fold import locate, same
from ankiforge.text.passages import paragraphs_around

LARGEST = 50_000_000
"""Bytes of one page, at most, and of all pages of a book that are read."""
PAGES = (".xhtml", ".html", ".htm")
_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|br|d[dlt]|div|fig.*|footer|h[1-6r]|header|li|main|nav|[ou]l"
    "|p|pre|section|table|t[dhr]"
)
_HIDDEN = frozenset(("head", "script", "style", "template"))


class _Text(HTMLParser):
    """Collects what a page shows, a block a line."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, _: object) -> None:
        """Begin a block, or what is not shown."""
        self._hidden = self._hidden or (tag if tag in _HIDDEN else "")
        self.parts += ["\n"] if _BLOCKS.fullmatch(tag) else []

    def handle_endtag(self, tag: str) -> None:
        """End a block, or what is not shown."""
        self._hidden = "" if tag == self._hidden else self._hidden
        self.parts += ["\n"] if _BLOCKS.fullmatch(tag) else []

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        self.parts += [] if self._hidden else [data.replace("\n", " ")]


def _pages(path: Path) -> Iterator[bytes]:
    if path.suffix.lower() in PAGES:
        with path.open("rb") as file:
            yield file.read(LARGEST)
        return
    left = LARGEST
    with ZipFile(path) as book:
        for one in book.infolist():
            if one.filename.lower().endswith(PAGES) and one.file_size <= left:
                left -= one.file_size
                yield book.read(one)


def find_in_pages(path: Path, quotes: Iterable[Quote]) -> Surroundings | Failed:
    """Find the context of quotes in an EPUB or a web page; never raises for bad content."""
    texts = []
    try:
        for page in _pages(path):
            reader = _Text()
            reader.feed(page.decode("utf-8", "replace"))
            lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
            texts.append("\n".join(filter(None, lines)))
    except (OSError, BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        return Failed(f"it cannot be read: {error}", REPAIR)
    return Surroundings(tuple(_passage(texts, quote) for quote in quotes))


def _passage(texts: list[str], quote: Quote) -> Passage:
    for text in texts:
        if span := locate(quote.words, text):
            prefix, suffix, sentence = around(text, span)
            return Passage(
                prefix,
                suffix,
                "" if same(sentence, quote.words) else sentence,
                nearby=paragraphs_around(text, *span, asks=quote.asks),
            )
    return Passage()
