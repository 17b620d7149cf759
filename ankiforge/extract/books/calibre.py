"""Highlights made in calibre's viewer, read from a library or from the books themselves.

    sources:
      - calibre: {path: ~/Calibre Library}
      - epub: {path: ~/Books}

A library has its highlights in `metadata.db`, and the books as well. An EPUB has them in
`META-INF/calibre_bookmarks.txt`. Other EPUB readers store highlights elsewhere.
"""

from __future__ import annotations

import binascii
import sqlite3
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import (
    Candidate,
    Confidence,
    Recognition,
    SourceSettings,
)
from ankiforge.extract.books import (
    Book,
    BookFileSource,
    BookHighlight,
    build_sightings,
    create_document,
    parse_cfi,
    parse_isbns,
    sort_by_position,
)
from ankiforge.extract.books.databases import DatabaseSource, HighlightInBook, get_text
from ankiforge.extract.file_source import File, FindPicture, normalize_time
from ankiforge.extract.files import (
    build_read_error,
    decode_export,
    open_regular_file,
)
from ankiforge.extract.sqlite import DatabaseOwner
from ankiforge.model import (
    HighlightKind,
    Json,
    Problem,
    Sighting,
    Strings,
    Value,
    WholeText,
)

if TYPE_CHECKING:
    from ankiforge.extract.pdf.worker import PdfWorker


_KINDS = {"wavy": "underline", "strikeout": "strike", "underline": "underline"}
_MARKS_QUERY = """
SELECT annotations.book, annotations.format, annot_data, title, path, name
FROM annotations
LEFT JOIN books ON books.id = annotations.book
LEFT JOIN data ON data.book = annotations.book AND data.format = annotations.format
WHERE annot_type = 'highlight'
ORDER BY annotations.book, annotations.id
"""
_AUTHORS_QUERY = """
SELECT name FROM books_authors_link JOIN authors ON authors.id = author
WHERE book = ? ORDER BY books_authors_link.id
"""
_TAGS_QUERY = """
SELECT name FROM books_tags_link JOIN tags ON tags.id = tag WHERE book = ?
"""
_ISBN_QUERY = "SELECT val FROM identifiers WHERE book = ? AND type = 'isbn'"


class CalibreHighlight(Value):
    """A highlight in calibre's JSON, with only the fields we use.

    The format is the same in a library and in an EPUB.
    """

    uuid: str = ""
    type: str = "highlight"
    highlighted_text: str | None = ""
    notes: str | None = ""
    start_cfi: str | None = ""
    spine_index: int | None = -1
    spine_name: str | None = ""
    toc_family_titles: tuple[str | None, ...] | None = ()
    style: Json | None = None
    timestamp: str | None = ""
    removed: bool | None = False


class Calibre(DatabaseSource):
    """Highlights by all users of a calibre library. The `me` setting is ignored."""

    kind = "calibre"
    endings = (".db",)
    example = "- calibre: {path: ~/Calibre Library}         # highlights of its viewer"
    wrong_file_message = "it contains no highlights of calibre"
    export_hint = "give calibre's library, the folder with metadata.db"
    owner = DatabaseOwner(
        name="calibre",
        location_hint=export_hint,
        choose_hint=export_hint,
        shrink_hint="in calibre, run Library maintenance, Check library",
    )
    tables = (
        "annotations",
        "books",
        "data",
        "authors",
        "books_authors_link",
        "tags",
        "books_tags_link",
        "identifiers",
    )

    def read_highlights(
        self, connection: sqlite3.Connection, file: File
    ) -> Iterator[HighlightInBook]:
        """Yield the highlights in a library as (book, highlight) pairs, book by book."""
        books: dict[Any, Book] = {}
        marks_by_book: dict[Any, list[BookHighlight]] = {}
        for row in connection.execute(_MARKS_QUERY):
            try:
                mark = convert_highlight(parse_highlight(get_text(row, "annot_data")))
            except ItemError:
                continue  # calibre skips invalid JSON as well
            if mark is None:
                continue
            book_and_format = row["book"], get_text(row, "format")
            if book_and_format not in books:
                books[book_and_format] = _create_book(connection, row)
                marks_by_book[book_and_format] = []
            marks_by_book[book_and_format].append(mark)
        for book_and_format, book in books.items():
            for mark in sort_by_position(marks_by_book[book_and_format]):
                yield book, mark


# --- a highlight, in the library or in a book -------------------------------------------


def parse_highlights(
    raw_highlights: Iterable[msgspec.Raw], path: str
) -> Iterator[BookHighlight | Problem]:
    """Parse a list of highlights, yielding a problem for each one that can't be read.

    `path` is the file they come from, as shown in problems.
    """
    for number, raw in enumerate(raw_highlights, start=1):
        try:
            highlight = parse_highlight(raw)
        except ItemError as error:
            yield Problem(f"{path}: highlight {number}", error.message, error.hint)
            continue
        mark = convert_highlight(highlight)
        if mark is not None:
            yield mark


def parse_highlight(raw: msgspec.Raw | str | bytes) -> CalibreHighlight:
    """Parse a highlight from JSON.

    Raises:
        ItemError: the JSON isn't a valid highlight.
    """
    highlight: CalibreHighlight = decode_export(
        raw, CalibreHighlight, "it cannot be read"
    )
    return highlight


def convert_highlight(highlight: CalibreHighlight) -> BookHighlight | None:
    """Convert a highlight, or return None for a bookmark or a removed or blank highlight."""
    text = highlight.highlighted_text or ""
    comment = highlight.notes or ""
    if (
        highlight.removed
        or highlight.type != "highlight"
        or not (text or comment).strip()
    ):
        return None
    # the path begins at the document, of which the root is the only element
    element, offset = parse_cfi((highlight.start_cfi or "").removeprefix("/2"))
    style = highlight.style or {}
    colour = str(style.get("background-color", ""))
    if style.get("type") == "builtin" and style.get("kind") == "color":
        colour = str(style.get("which", ""))
    titles = [title for title in highlight.toc_family_titles or () if title]
    return BookHighlight(
        text=text,
        id=highlight.uuid,
        comment=comment,
        kind=HighlightKind(_KINDS.get(str(style.get("which", "")), "highlight")),
        page=-1 if highlight.spine_index is None else highlight.spine_index,
        file=highlight.spine_name or "",
        element=element,
        offset=offset,
        heading=" › ".join(titles),
        colour=colour,
        created=normalize_time(highlight.timestamp or ""),
    )


def _create_book(connection: sqlite3.Connection, row: sqlite3.Row) -> Book:
    authors = []
    for author in connection.execute(_AUTHORS_QUERY, (row["book"],)):
        # calibre stores a comma in a name as `|`
        authors.append(get_text(author, "name").replace("|", ","))
    isbns = [
        get_text(isbn_row, "val")
        for isbn_row in connection.execute(_ISBN_QUERY, (row["book"],))
    ]
    file_name = f"{get_text(row, 'name')}.{get_text(row, 'format').lower()}"
    return Book(
        get_text(row, "title"),
        tuple(authors),
        parse_isbns(isbns)[:1],
        f"{get_text(row, 'path')}/{file_name}",
        subjects=tuple(
            get_text(tag, "name")
            for tag in connection.execute(_TAGS_QUERY, (row["book"],))
        ),
    )


# --- highlights in an EPUB ------------------------------------------------------------

_HIGHLIGHTS_FILE = "META-INF/calibre_bookmarks.txt"
_HIGHLIGHTS_PREFIX = b"encoding=json+base64:"
MAX_HIGHLIGHTS_BYTES = 16_000_000
"""The maximum size of a book's list of highlights."""
_ZIP_ERRORS = (
    BadZipFile,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
)


class EpubSettings(SourceSettings, kw_only=True):
    """The settings of an `epub:` source."""

    include: Strings = ("**/*.epub",)
    exclude: Strings = ()


@dataclass(frozen=True)
class Epub(BookFileSource):
    """EPUB files with embedded highlights, as saved by calibre's viewer.

    The `me` setting is ignored.
    """

    kind = "epub"
    Settings = EpubSettings
    endings = (".epub",)

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Recognise a book with embedded highlights, or explain where else they may be."""
        with (
            suppress(OSError, *_ZIP_ERRORS),
            open(candidate.path, "rb", opener=open_regular_file) as file,
            ZipFile(file) as book,
        ):
            if _HIGHLIGHTS_FILE in book.namelist():
                return Recognition(Confidence.CONTENT)
        rejection_reason = (
            "the book has no highlights inside; give what its reader keeps them in:"
            " KOReader's .sdr folder, KoboReader.sqlite, calibre's library, or Apple Books' folder"
        )
        return Recognition(Confidence.NO, rejection_reason)

    def extract_file(
        self, file: File, reader: PdfWorker, picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield a book with its highlights, and a problem for each one that can't be read."""
        raw = b""
        book = Book("")
        with _open_book(file) as zip:
            if _HIGHLIGHTS_FILE in zip.namelist():
                if zip.getinfo(_HIGHLIGHTS_FILE).file_size > MAX_HIGHLIGHTS_BYTES:
                    raise ValueError("its list of highlights is too large")
                raw = zip.read(_HIGHLIGHTS_FILE)
                book = _read_metadata(zip, file.path)

        # parse the list of highlights; calibre's older format only has bookmarks
        raw_highlights: tuple[msgspec.Raw, ...] = ()
        if raw.startswith(_HIGHLIGHTS_PREFIX):
            encoded = raw.removeprefix(_HIGHLIGHTS_PREFIX).translate(None, b"\r\n ")
            try:
                decoded_list = b64decode(encoded, validate=True)
                raw_highlights = msgspec.json.decode(
                    decoded_list, type=tuple[msgspec.Raw, ...]
                )
            except (binascii.Error, ValueError, RecursionError) as error:
                message = f"the highlights in the book cannot be read: {error}"
                raise ItemError(
                    message, hint="open it in calibre's viewer, which writes them again"
                ) from error
        marks: list[BookHighlight] = []
        for mark_or_problem in parse_highlights(raw_highlights, file.path):
            if isinstance(mark_or_problem, Problem):
                yield mark_or_problem
            else:
                marks.append(mark_or_problem)
        folder = self.folder
        document = create_document(book, folder.namespace, folder.name)
        sorted_marks = sort_by_position(marks)
        yield from build_sightings(document, folder, sorted_marks, file.as_path, reader)

    def read_whole_text(self, file: File, reader: PdfWorker) -> WholeText:
        """Return the complete text of a book, with one page per file in the EPUB."""
        from ankiforge.extract.pdf.hypertext import read_pages
        from ankiforge.extract.web import build_whole_text

        with _open_book(file) as zip:
            book = _read_metadata(zip, file.path)
            sources = [page.html for page in read_pages(zip)]
        document = create_document(book, self.folder.namespace, self.folder.name)
        return build_whole_text(document, self.folder.namespace, sources)


@contextmanager
def _open_book(file: File) -> Iterator[ZipFile]:
    try:
        with (
            open(file.disk_path, "rb", opener=open_regular_file) as file_object,
            ZipFile(file_object) as book,
        ):
            yield book
    except OSError as error:
        raise build_read_error(error) from error
    except _ZIP_ERRORS as error:
        hint = "open it in calibre's editor and save it"
        raise ItemError(f"the book cannot be read: {error}", hint=hint) from error


def _read_metadata(book: ZipFile, path: str) -> Book:
    from ankiforge.extract.pdf.hypertext import read_package

    try:
        _, package = read_package(book)
    except (ElementTree.ParseError, KeyError):
        return Book("", file=path, path=path)
    metadata = package.find("{*}metadata")
    values_by_tag: dict[str, list[str]] = {}
    if metadata is not None:
        for element in metadata:
            text = " ".join((element.text or "").split())
            tag = str(element.tag).rpartition("}")[2]
            values_by_tag.setdefault(tag, []).append(text)
    titles = values_by_tag.get("title") or [""]
    isbns = parse_isbns(values_by_tag.get("identifier", ()))
    return Book(
        title=titles[0],
        authors=tuple(filter(None, values_by_tag.get("creator", ()))),
        identifiers=isbns[:1],
        file=path,
        path=path,
        subjects=tuple(values_by_tag.get("subject", ())),
    )
