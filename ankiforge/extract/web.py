"""Source for saved web pages, which have no marks but in which passages can be chosen.

`build_whole_text`, which returns the text to choose from, is also used for EPUBs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ankiforge.extract.base import NOT_MINE, Candidate, Recognition
from ankiforge.extract.file_source import File, FileSource, FindPicture
from ankiforge.extract.files import read_file, title_from_file_name
from ankiforge.extract.html_text import (
    decode_html,
    is_in_notes,
    iter_html_blocks,
    parse_page,
    remove_asides,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    Paragraph,
    Sighting,
    WholeText,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.private import contains_private_tag

if TYPE_CHECKING:  # loaded when a page is read
    from bs4 import Tag

MAX_PAGE_BYTES = 50_000_000
"""The maximum size of a page, in bytes."""
_TITLE = regex(r"(?is)<title[^>]*>([^<]{1,300})</title>")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Soft hyphen, zero-width space, word joiner and byte order mark. The zero-width joiners stay,
# because some languages spell with them.
_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\u2060\ufeff"))
# What surrounds the text of a page, such as menus, adverts and forms.
_PAGE_SURROUNDINGS = ("nav", "aside", "footer", "form", "button", "noscript")


class SavedWebPages(FileSource):
    """Reads web pages saved as HTML."""

    kind = "web"
    endings = (".html", ".htm", ".xhtml")

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return `NOT_MINE`, because web pages are only read if the user names them."""
        return NOT_MINE

    def extract_file(
        self, file: File, reader: Any, picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield nothing, because web pages have no highlights."""
        yield from ()

    def read_whole_text(self, file: File, reader: Any) -> WholeText:
        """Return the text of a page, without menus and the like."""
        raw, _ = read_file(file.disk_path, MAX_PAGE_BYTES)
        html = decode_html(raw)
        title_match = _TITLE.search(html)
        title = " ".join(unescape(title_match[1]).split()) if title_match else ""
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{hash16(file.path)}"),
            self.folder.name,
            title=title or title_from_file_name(PurePosixPath(file.path).stem),
            path=file.path,
        )
        return build_whole_text(document, self.folder.namespace, [html])


def build_whole_text(
    document: Document, namespace: str, page_sources: Iterable[str]
) -> WholeText:
    """Build the text of a web page or book, without menus and the like.

    A paragraph tagged `#no-llm` is private, and so is everything below a heading with that
    tag.

    Args:
        document: The web page or book.
        namespace: The namespace for the keys of its highlights.
        page_sources: The HTML of each page.
    """
    pages = []
    paragraphs: list[Paragraph] = []
    headings: dict[int, str] = {}  # the headings above the current block, by level
    for page, source in enumerate(page_sources):
        lines: list[str] = []
        start = 0
        is_note = False
        for element, text in _read_blocks(source):
            if element:  # text after the end of a block belongs to the block before
                is_note = is_in_notes(element)
            level = int(element.name[1]) if element and element.name in _HEADINGS else 0
            if level:
                headings = {
                    outer_level: name
                    for outer_level, name in headings.items()
                    if outer_level < level
                }
                headings[level] = text
            heading_path = " › ".join(headings.values())
            end = start + len(text)
            paragraph = Paragraph(
                page,
                start,
                end,
                heading_path,
                level,
                private=contains_private_tag(text) or contains_private_tag(heading_path),
                is_note=is_note,
                block=str(page),
            )
            paragraphs.append(paragraph)
            lines.append(text)
            start = end + 1
        pages.append("\n".join(lines))
    return WholeText(document, tuple(pages), tuple(paragraphs), namespace)


def _read_blocks(html: str) -> list[tuple[Tag | None, str]]:
    """Return (element, text) for each block with text.

    Menus and the like are left out, unless there's nothing else on the page.
    """
    page = parse_page(html)
    blocks: list[tuple[Tag | None, str]] = []
    for left_out in (_PAGE_SURROUNDINGS, ()):
        for element, marked_text in iter_html_blocks(page, left_out):
            visible_text = remove_asides(marked_text).translate(_INVISIBLE)
            if text := " ".join(visible_text.split()):
                blocks.append((element, text))
        if blocks:
            break
    return blocks
