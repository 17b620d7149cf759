"""Saved web pages, in which passages may be chosen: programs that show them keep no marks there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import PurePosixPath
from typing import Any

from ankiforge.extract.base import NOT_MINE, Candidate, Recognition
from ankiforge.extract.files import blocks_of, read_file, title_in_name
from ankiforge.extract.folder import File, FileSource, PictureAt
from ankiforge.model import (
    Document,
    DocumentKey,
    Paragraph,
    Sighting,
    WholeText,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.decoding import text_of
from ankiforge.text.private import has_tag

LARGEST = 50_000_000
"""Bytes of a page."""
_TITLE = regex(r"(?is)<title[^>]*>([^<]{1,300})</title>")
_HEADING = regex(r"(?i)<h([1-6])\b")
# What surrounds the text of a page: menus, adverts, forms.
_AROUND = regex(
    r"(?is)<(nav|aside|footer|form|button|noscript)\b(?:(?!<\1\b).)*?</\1\s*>|<head\b.*?</head\s*>"
)
_DEEPEST = 6
"""How many of these may be in one another."""


class Web(FileSource):
    """The web pages of a folder that were saved as HTML."""

    kind = "web"
    endings = (".html", ".htm", ".xhtml")

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return `NOT_MINE`: a page has no marks, and is read only if a person names it."""
        return NOT_MINE

    def contents(self, file: File, reader: Any, picture: PictureAt) -> Iterator[Sighting]:
        """Yield nothing: there is no mark."""
        yield from ()

    def whole(self, file: File, reader: Any) -> WholeText:
        """Return the text of a page without its menus."""
        raw, _ = read_file(file.place, LARGEST)
        html = text_of(raw, repairs=True)
        named = _TITLE.search(html)
        title = " ".join(unescape(named[1]).split()) if named else ""
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=title or title_in_name(PurePosixPath(file.path).stem),
            path=file.path,
        )
        return text_of_pages(document, self.folder.namespace, [html])


def text_of_pages(
    document: Document, namespace: str, sources: Iterable[str]
) -> WholeText:
    """Return the text of a web page or a book, without its menus.

    A paragraph with the tag `#no-llm`, and all text below a heading with it, is private.

    Args:
        document: the page or book.
        namespace: of the keys of its highlights.
        sources: the HTML of each page.
    """
    pages = []
    paragraphs: list[Paragraph] = []
    headings: dict[int, str] = {}  # those that are open, by level
    for page, source in enumerate(sources):
        lines: list[str] = []
        start = 0
        for tag, words in blocks_of(_without_surroundings(source)):
            if not words:
                continue
            heading = _HEADING.match(tag)
            level = int(heading[1]) if heading else 0
            if level:
                headings = {each: name for each, name in headings.items() if each < level}
                headings[level] = words
            above = " › ".join(headings.values())
            end = start + len(words)
            paragraph = Paragraph(
                page,
                start,
                end,
                above,
                level,
                private=has_tag(words) or has_tag(above),
                block=str(page),
            )
            paragraphs.append(paragraph)
            lines.append(words)
            start = end + 1
        pages.append("\n".join(lines))
    return WholeText(document, tuple(pages), tuple(paragraphs), namespace)


def _without_surroundings(html: str) -> str:
    """Return a page without its menus; all of it if nothing else would be left."""
    shorter = html
    for _ in range(_DEEPEST):  # one in another
        before, shorter = shorter, _AROUND.sub(" ", shorter)
        if before == shorter:
            break
    return shorter if any(words for _, words in blocks_of(shorter)) else html
