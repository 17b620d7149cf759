"""Sources for saved web pages and EPUBs, which have no highlights of their own.

Passages in them are chosen by the user or a chat.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from html import unescape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.books.documents import Book, create_document
from ankiforge.extract.epub import Epub, Page, read_web_page
from ankiforge.extract.file_source import File, FileSource, FindPicture
from ankiforge.extract.files import title_from_file_name
from ankiforge.extract.html_text import (
    is_in_footnotes,
    iter_html_blocks,
    parse_page,
    remove_asides,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Paragraph,
    Sighting,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.identifiers import parse_isbns
from ankiforge.text.private import contains_private_tag

if TYPE_CHECKING:  # loaded when a page is read
    from bs4 import BeautifulSoup, Tag

_EPUB_REJECTION_REASON = (
    "highlights inside a book are not read; give what its reader keeps them in:"
    " KOReader's .sdr folder, KoboReader.sqlite, calibre's library, or Apple Books' folder"
)
_TITLE = regex(r"(?is)<title[^>]*>([^<]{1,300})</title>")
# If one block in such an element is private, everything in the element is.
_PRIVACY_SCOPES = ("li", "tr", "dt", "details")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Soft hyphen, zero-width space, word joiner and byte order mark. The zero-width joiners stay,
# because some languages spell with them.
_INVISIBLE = dict.fromkeys(map(ord, "\xad\u200b\u2060\ufeff"))
# Elements around the main text of a page, such as menus, adverts and forms.
_PAGE_SURROUNDINGS = ("nav", "aside", "footer", "form", "button", "noscript")
# Elements that don't occur inside the rows of a data table.
_LAYOUT_ELEMENTS = ["tr", "li", "pre", *_HEADINGS, *_PAGE_SURROUNDINGS]
_MAX_CELL_CHARS = 300
_MAX_SPAN = 50


class UnmarkedSource(FileSource):
    """Base class of sources for files without highlights, read only if the user names them."""

    has_marks = False

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Return `Confidence.NO`, so that files are only read if the user names them."""
        return Confidence.NO

    def extract_file(
        self, file: File, reader: Any, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield nothing, because the files have no highlights."""
        yield from ()


class HtmlSource(UnmarkedSource):
    """Base class of sources for files that consist of HTML pages."""

    def read_whole_text(self, file: File, reader: Any) -> DocumentText:
        """Return the text of a file, without menus and the like."""
        document, pages = self.read_pages(file)
        sources = [page.html for page in pages]
        return build_whole_text(document, self.listing.namespace, sources)

    @abstractmethod
    def read_pages(self, file: File) -> tuple[Document, list[Page]]:
        """Return the document for a file, and its pages.

        Raises:
            ItemError: The file can't be read.
        """


class SavedWebPages(HtmlSource):
    """Reads web pages saved as HTML."""

    kind = "web"
    suffixes = (".html", ".htm", ".xhtml")

    def read_pages(self, file: File) -> tuple[Document, list[Page]]:
        """Return the document for a web page, whose key is a hash of its path."""
        page = read_web_page(file.disk_path)
        title: str | None = None
        title_match = _TITLE.search(page.html)
        if title_match:
            title = " ".join(unescape(title_match[1]).split())
        document = Document(
            DocumentKey(f"{self.listing.namespace}/{hash16(file.path)}"),
            self.listing.name,
            title=title or title_from_file_name(PurePosixPath(file.path).stem),
            path=file.path,
        )
        return document, [page]


class EpubBooks(HtmlSource):
    """Reads EPUBs without DRM. Highlights that a reading app stored in the file are ignored."""

    kind = "epub"
    suffixes = (".epub",)

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Explain where the highlights of a book are stored, since the EPUB doesn't have them."""
        return _EPUB_REJECTION_REASON

    def read_pages(self, file: File) -> tuple[Document, list[Page]]:
        """Return the document for a book, and one page for each file in the EPUB."""
        epub = Epub(file.disk_path)
        metadata = epub.metadata
        book = Book(
            title=(metadata.get("title") or [""])[0],
            authors=tuple(filter(None, metadata.get("creator", ()))),
            identifiers=parse_isbns(metadata.get("identifier", ()))[:1],
            file=file.path,
            path=file.path,
            subjects=tuple(metadata.get("subject", ())),
        )
        document = create_document(book, self.listing.namespace, self.listing.name)
        return document, epub.pages


def build_whole_text(
    document: Document, namespace: str, page_sources: Iterable[str]
) -> DocumentText:
    """Build the text of a web page or book, without menus and the like.

    The tag `#no-llm` makes its paragraph private. In a heading, the tag also makes everything below
    the heading private. In a list item, table row, definition or `details` element, it makes the
    whole element private.

    Args:
        document: The web page or book.
        namespace: The namespace for the keys of its highlights.
        page_sources: The HTML of each page.
    """
    pages = []
    paragraphs: list[Paragraph] = []
    headings = _HeadingPath()
    for page, source in enumerate(page_sources):
        lines: list[str] = []
        start = 0
        for block in _iter_text_blocks(source):
            if block.level > 0:
                headings.add(block.text, block.level)
            end = start + len(block.text)
            paragraph = Paragraph(
                page,
                start,
                end,
                headings.text,
                block.level,
                is_private=block.is_private or contains_private_tag(headings.text),
                is_note=block.is_note,
                block_id=str(page),
            )
            paragraphs.append(paragraph)
            lines.append(block.text)
            start = end + 1
        pages.append("\n".join(lines))
    return DocumentText(document, tuple(pages), tuple(paragraphs), namespace)


class _HeadingPath:
    """The headings above the current block, the outermost first."""

    def __init__(self) -> None:
        self._text_by_level: dict[int, str] = {}

    def add(self, text: str, level: int) -> None:
        """Add a heading, which ends the sections of the same and of deeper levels."""
        for other_level in [*self._text_by_level]:
            if other_level >= level:
                del self._text_by_level[other_level]
        self._text_by_level[level] = text

    @property
    def text(self) -> str:
        return " › ".join(self._text_by_level.values())


class _TextBlock(NamedTuple):
    text: str
    level: int
    """The level of a heading, or 0 for other text."""
    is_private: bool
    is_note: bool
    """Whether it is a footnote."""


def _iter_text_blocks(html: str) -> Iterator[_TextBlock]:
    """Yield the blocks of a page. Text after the end of an element belongs to that element."""
    blocks = _read_blocks(html)
    private_elements = _find_private_elements(blocks)
    note_results: dict[int, bool] = {}  # for `is_in_footnotes`
    # these two are about the last element
    is_note = False
    is_in_private = False
    for element, text in blocks:
        level = 0
        if element:
            is_note = is_in_footnotes(element, note_results)
            note_results[id(element)] = is_note
            is_in_private = _is_below_any(element, private_elements)
            if element.name in _HEADINGS:
                level = int(element.name[1])
        is_private = is_in_private or contains_private_tag(text)
        yield _TextBlock(text, level, is_private, is_note)


def _is_below_any(element: Tag, ids: Set[int]) -> bool:
    """Return whether an element is, or is inside, one of the elements with these `id()`."""
    if not ids:
        return False
    return any(id(ancestor) in ids for ancestor in (element, *element.parents))


def _find_private_elements(blocks: Iterable[tuple[Tag | None, str]]) -> set[int]:
    """Return the `id()` of each element that is private because a block in it has `#no-llm`."""
    private_elements: set[int] = set()
    for element, text in blocks:
        if element is None or not contains_private_tag(text):
            continue
        scope = _find_privacy_scope(element)
        if scope is None:
            continue
        private_elements.add(id(scope))
        if scope.name == "dt":
            private_elements.update(map(id, _iter_definitions(scope)))
    return private_elements


def _find_privacy_scope(element: Tag) -> Tag | None:
    """Return the innermost element that is private as a whole if `element` has the tag, or None."""
    for ancestor in (element, *element.parents):
        if ancestor.name in _PRIVACY_SCOPES:
            return ancestor
    return None


def _iter_definitions(term: Tag) -> Iterator[Tag]:
    """Yield the `dd` elements between a `dt` and the next one."""
    for sibling in term.find_next_siblings(["dt", "dd"]):
        if sibling.name == "dt":
            break
        yield sibling


def _read_blocks(html: str) -> list[tuple[Tag | None, str]]:
    """Return (element, text) for each block with text. See `iter_html_blocks`.

    Menus and other navigation are skipped, unless the page has no other text.
    """
    page = parse_page(html)
    _join_table_rows(page)
    content = _read_visible_blocks(page, left_out=_PAGE_SURROUNDINGS)
    return content or _read_visible_blocks(page, left_out=())


def _read_visible_blocks(
    page: BeautifulSoup, left_out: Collection[str]
) -> list[tuple[Tag | None, str]]:
    blocks: list[tuple[Tag | None, str]] = []
    for element, marked_text in iter_html_blocks(page, left_out, keeps_code_lines=True):
        text = remove_asides(marked_text).translate(_INVISIBLE)
        if "\n" not in text:  # it isn't code
            text = " ".join(text.split())
        if text:
            blocks.append((element, text))
    return blocks


def _join_table_rows(page: BeautifulSoup) -> None:
    """Replace the content of each table row with one line, in which a dash marks an empty cell.

    A cell that spans several rows is repeated in each of them. A row is left unchanged if it
    seems to belong to a layout table, because it has text in only one cell, or contains long
    texts, lists or other tables.
    """
    spanning = _SpanningCells()
    for row in page.find_all("tr"):
        if row.find_previous_sibling("tr") is None:
            spanning = _SpanningCells()
        texts = _read_cells(row, spanning)
        if _is_data_row(row, texts):
            row.string = " | ".join([text or "–" for text in texts])


class _SpanningCells:
    """The cells of a table that continue in the rows below."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        """By column, the text of a cell, once for each row that follows."""

    def add(self, column: int, text: str, row_count: int) -> None:
        """Add a cell that continues in the next `row_count` rows."""
        self._texts[column] = [text] * row_count

    def take_cells(self, column: int) -> Iterator[str]:
        """Remove and yield the text for the next row in a column, and in those right of it.

        This ends at the first column without a cell that continues.
        """
        while self._texts.get(column):
            yield self._texts[column].pop()
            column += 1


def _read_cells(row: Tag, spanning: _SpanningCells) -> list[str]:
    """Return the text of each column in a row, which is "" for an empty cell.

    This takes the cells that continue in this row from `spanning`, and adds those of its own.
    """
    texts: list[str] = []
    for cell in row.find_all(["td", "th"], recursive=False):
        texts += spanning.take_cells(len(texts))
        text = " ".join([text for _, text in iter_html_blocks(cell) if text])
        spanning.add(len(texts), text, _parse_span(cell, "rowspan") - 1)
        texts.append(text)
        texts += [""] * (_parse_span(cell, "colspan") - 1)
    texts += spanning.take_cells(len(texts))
    return texts


def _is_data_row(row: Tag, texts: Sequence[str]) -> bool:
    """Return whether a row has short texts in several columns, and isn't there for the layout."""
    texts_in_cells = list(filter(None, texts))
    if len(texts_in_cells) < 2:
        return False
    if max(map(len, texts_in_cells)) > _MAX_CELL_CHARS:
        return False
    return row.find(_LAYOUT_ELEMENTS) is None


def _parse_span(cell: Tag, name: str) -> int:
    """Return the number of rows or columns that a cell spans."""
    value = cell.get(name)
    if not isinstance(value, str) or not value.isdecimal():
        return 1
    return min(int(value), _MAX_SPAN)
