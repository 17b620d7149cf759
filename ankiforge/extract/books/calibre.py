"""The highlights of calibre's viewer: in a library, in exports, and in the books themselves.

    sources:
      - calibre: {path: ~/Calibre Library}
      - epub: {path: ~/Books}

A library keeps them in `metadata.db`, and has the books, too. An export
(`.calibre_annotation_collection`, `.calibre_highlights`) is JSON, and names its book by a
number or not at all. In an EPUB they are in the book's `META-INF/calibre_bookmarks.txt`.
The other programs that show EPUBs keep their marks elsewhere.
"""

from __future__ import annotations

import binascii
import posixpath
import sqlite3
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import (
    NOT_MINE,
    Candidate,
    Confidence,
    Recognition,
    SourceSettings,
)
from ankiforge.extract.books import (
    Book,
    BookFileSource,
    BookMark,
    cfi_steps,
    document_of,
    extracted,
    in_reading_order,
    isbns_of,
)
from ankiforge.extract.books.databases import DatabaseSource, Marked, text_of
from ankiforge.extract.exports import LARGEST_EXPORT
from ankiforge.extract.files import decoded, open_regular, unreadable
from ankiforge.extract.folder import File, PictureAt, iso_time
from ankiforge.extract.sqlite import Owner
from ankiforge.model import (
    HighlightKind,
    Json,
    Problem,
    Sighting,
    Strings,
    Value,
    WholeText,
)
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.pdf.worker import PdfWorker


_EXPORTS = (".calibre_annotation_collection", ".calibre_highlights", ".json")
_HIGHLIGHT = regex(r'"highlighted_text"\s*:')
_KINDS = {"wavy": "underline", "strikeout": "strike", "underline": "underline"}
_MARKS = """
SELECT annotations.book, annotations.format, annot_data, title, path, name
FROM annotations
LEFT JOIN books ON books.id = annotations.book
LEFT JOIN data ON data.book = annotations.book AND data.format = annotations.format
WHERE annot_type = 'highlight'
ORDER BY annotations.book, annotations.id
"""
_AUTHORS = """
SELECT name FROM books_authors_link JOIN authors ON authors.id = author
WHERE book = ? ORDER BY books_authors_link.id
"""
_TAGS = """
SELECT name FROM books_tags_link JOIN tags ON tags.id = tag WHERE book = ?
"""
_ISBN = "SELECT val FROM identifiers WHERE book = ? AND type = 'isbn'"


class CalibreHighlight(Value):
    """The fields of a highlight that are used, in the database and everywhere else."""

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
    book_id: int | None = None
    format: str | None = ""


class _CalibreExport(Value):
    annotations: tuple[msgspec.Raw, ...] = ()
    highlights: tuple[msgspec.Raw, ...] = ()


class Calibre(DatabaseSource):
    """The highlights of all users of a library. `me` does not matter."""

    kind = "calibre"
    endings = (".db", *_EXPORTS)
    example = "- calibre: {path: ~/Calibre Library}         # highlights of its viewer"
    not_an_export = "it holds no highlights of calibre"
    hint = "give calibre's library, the folder with metadata.db, or export highlights in its viewer"
    owner = Owner(
        name="calibre",
        where=hint,
        give=hint,
        shrink="in calibre, run Library maintenance, Check library",
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

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file is a library, or an export with highlights."""
        if candidate.ending not in _EXPORTS:
            return super().recognise(candidate)
        if _HIGHLIGHT.search(candidate.head):
            return Recognition(Confidence.CONTENT)
        return NOT_MINE

    def read(self, file: File) -> Iterator[Marked | Problem]:
        """Yield the highlights of a library, or of an export."""
        if PurePosixPath(file.path).suffix.casefold() not in _EXPORTS:
            yield from super().read(file)
            return
        text = file.text(LARGEST_EXPORT)
        export: _CalibreExport = decoded(text, _CalibreExport, "not JSON of calibre")
        books: dict[Book, list[BookMark]] = {}
        for listed in listed_marks((*export.annotations, *export.highlights), file.path):
            if isinstance(listed, Problem):
                yield listed
                continue
            highlight, mark = listed
            title = PurePosixPath(file.path).stem
            if highlight.book_id is not None:
                title = f"calibre book {highlight.book_id}"
            books.setdefault(Book(title), []).append(mark)
        for book, marks in books.items():
            for mark in in_reading_order(marks):
                yield book, mark

    def marked(self, connection: sqlite3.Connection, file: File) -> Iterator[Marked]:
        """Yield the highlights of a library, book by book."""
        books: dict[Any, Book] = {}
        marks: dict[Any, list[BookMark]] = {}
        for row in connection.execute(_MARKS):
            try:
                mark = mark_of(highlight_of(text_of(row, "annot_data")))
            except ItemError:
                continue  # calibre leaves out what is not JSON, too
            if mark is None:
                continue
            key = row["book"], text_of(row, "format")
            if key not in books:
                books[key] = _book(connection, row)
                marks[key] = []
            marks[key].append(mark)
        for key, book in books.items():
            for mark in in_reading_order(marks[key]):
                yield book, mark


# --- a highlight, wherever calibre has put it -------------------------------------------


def listed_marks(
    raws: Iterable[msgspec.Raw], path: str
) -> Iterator[tuple[CalibreHighlight, BookMark] | Problem]:
    """Yield the highlights of a list that are marks, and a problem for each that is broken.

    `path` is the file that has the list.
    """
    for number, raw in enumerate(raws, start=1):
        try:
            highlight = highlight_of(raw)
        except ItemError as error:
            yield Problem(f"{path}: highlight {number}", error.message, error.hint)
            continue
        mark = mark_of(highlight)
        if mark is not None:
            yield highlight, mark


def highlight_of(raw: msgspec.Raw | str | bytes) -> CalibreHighlight:
    """Return a highlight by its JSON.

    Raises:
        ItemError: it is none.
    """
    highlight: CalibreHighlight = decoded(raw, CalibreHighlight, "it cannot be read")
    return highlight


def mark_of(highlight: CalibreHighlight) -> BookMark | None:
    """Return the mark of a highlight; None for one that was removed, or is a bookmark."""
    words = highlight.highlighted_text or ""
    comment = highlight.notes or ""
    if (
        highlight.removed
        or highlight.type != "highlight"
        or not (words or comment).strip()
    ):
        return None
    # the path begins at the document, whose only element is the root
    steps, offset = cfi_steps((highlight.start_cfi or "").removeprefix("/2"))
    style = highlight.style or {}
    colour = str(style.get("background-color", ""))
    if style.get("type") == "builtin" and style.get("kind") == "color":
        colour = str(style.get("which", ""))
    titles = [title for title in highlight.toc_family_titles or () if title]
    return BookMark(
        text=words,
        own=highlight.uuid,
        comment=comment,
        kind=HighlightKind(_KINDS.get(str(style.get("which", "")), "highlight")),
        page=-1 if highlight.spine_index is None else highlight.spine_index,
        file=highlight.spine_name or "",
        steps=steps,
        offset=offset,
        heading=" › ".join(titles),
        colour=colour,
        created=iso_time(highlight.timestamp or ""),
    )


def _book(connection: sqlite3.Connection, row: sqlite3.Row) -> Book:
    """Return the book of a row of highlights, with its authors and its ISBN."""
    authors = []
    for author in connection.execute(_AUTHORS, (row["book"],)):
        # calibre stores a comma within a name as |
        authors.append(text_of(author, "name").replace("|", ","))
    isbns = [
        text_of(number, "val") for number in connection.execute(_ISBN, (row["book"],))
    ]
    file_name = f"{text_of(row, 'name')}.{text_of(row, 'format').lower()}"
    return Book(
        text_of(row, "title"),
        tuple(authors),
        isbns_of(isbns)[:1],
        f"{text_of(row, 'path')}/{file_name}",
        subjects=tuple(
            text_of(tag, "name") for tag in connection.execute(_TAGS, (row["book"],))
        ),
    )


# --- highlights in an EPUB ------------------------------------------------------------

_ANNOTATIONS = "META-INF/calibre_bookmarks.txt"
_CONTAINER = "META-INF/container.xml"
_MAGIC = b"encoding=json+base64:"
LARGEST = 16_000_000
"""The maximum size in bytes of a file in a book that is read here."""
_UNREADABLE = (
    BadZipFile,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
)


class EpubSettings(SourceSettings, kw_only=True):
    """The keys of an `epub:` source."""

    include: Strings = ("**/*.epub",)
    exclude: Strings = ()


@dataclass(frozen=True)
class Epub(BookFileSource):
    """The books of a folder with highlights inside. `me` does not matter."""

    kind = "epub"
    Settings = EpubSettings
    endings = (".epub",)

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a book has highlights inside; else where they may be."""
        with (
            suppress(OSError, *_UNREADABLE),
            open(candidate.path, "rb", opener=open_regular) as file,
            ZipFile(file) as book,
        ):
            if _ANNOTATIONS in book.namelist():
                return Recognition(Confidence.CONTENT)
        why_not = (
            "the book has no highlights inside; give what its reader keeps them in:"
            " KOReader's .sdr folder, KoboReader.sqlite, calibre's library, or Apple Books' folder"
        )
        return Recognition(Confidence.NO, why_not)

    def contents(
        self, file: File, reader: PdfWorker, picture: PictureAt
    ) -> Iterator[Sighting]:
        """Yield a book with the highlights inside, and a problem for each that cannot be read."""
        raw = b""
        book = Book("")
        with _opened(file) as zip:
            if _ANNOTATIONS in zip.namelist():
                raw = _member(zip, _ANNOTATIONS)
                book = _read_metadata(zip, file.path)

        # the list of its highlights; calibre's older form has bookmarks alone
        listed: tuple[msgspec.Raw, ...] = ()
        if raw.startswith(_MAGIC):
            encoded = raw.removeprefix(_MAGIC).translate(None, b"\r\n ")
            try:
                decoded = b64decode(encoded, validate=True)
                listed = msgspec.json.decode(decoded, type=tuple[msgspec.Raw, ...])
            except (binascii.Error, ValueError, RecursionError) as error:
                message = f"the highlights in the book cannot be read: {error}"
                raise ItemError(
                    message, hint="open it in calibre's viewer, which writes them again"
                ) from error
        marks: list[BookMark] = []
        for found in listed_marks(listed, file.path):
            if isinstance(found, Problem):
                yield found
            else:
                _, mark = found
                marks.append(mark)
        folder = self.folder
        document = document_of(book, folder.namespace, folder.name)
        ordered = in_reading_order(marks)
        yield from extracted(document, folder, ordered, file.at, reader)

    def whole(self, file: File, reader: PdfWorker) -> WholeText:
        """Return the text of a book, a page for each of its files."""
        from ankiforge.extract.pdf.hypertext import pages_of
        from ankiforge.extract.web import text_of_pages

        with _opened(file) as zip:
            book = _read_metadata(zip, file.path)
            sources = [page.html for page in pages_of(zip)]
        document = document_of(book, self.folder.namespace, self.folder.name)
        return text_of_pages(document, self.folder.namespace, sources)


@contextmanager
def _opened(file: File) -> Iterator[ZipFile]:
    """Open a book.

    Raises:
        ItemError: it cannot be read.
    """
    try:
        with (
            open(file.place, "rb", opener=open_regular) as opened,
            ZipFile(opened) as book,
        ):
            yield book
    except OSError as error:
        raise unreadable(error) from error
    except _UNREADABLE as error:
        hint = "open it in calibre's editor and save it"
        raise ItemError(f"the book cannot be read: {error}", hint=hint) from error


def _member(book: ZipFile, name: str) -> bytes:
    """Return a file in a book.

    Raises:
        ValueError: it is too large.
    """
    if book.getinfo(name).file_size > LARGEST:
        raise ValueError(f"{name} is larger than {LARGEST // 1_000_000} MB")
    return book.read(name)


def _read_metadata(book: ZipFile, path: str) -> Book:
    """Return the book with title, authors and ISBN of its metadata; without, if it has none."""
    try:
        container = ElementTree.fromstring(_member(book, _CONTAINER))
        root_file = container.find(".//{*}rootfile")
        name = "" if root_file is None else root_file.get("full-path", "")
        package = ElementTree.fromstring(_member(book, posixpath.normpath(name)))
    except (ElementTree.ParseError, KeyError):
        return Book("", file=path, path=path)
    metadata = package.find("{*}metadata")
    entries: dict[str, list[str]] = {}
    if metadata is not None:
        for element in metadata:
            words = " ".join((element.text or "").split())
            tag = str(element.tag).rpartition("}")[2]
            entries.setdefault(tag, []).append(words)
    titles = entries.get("title") or [""]
    isbns = isbns_of(entries.get("identifier", ()))
    return Book(
        title=titles[0],
        authors=tuple(filter(None, entries.get("creator", ()))),
        identifiers=isbns[:1],
        file=path,
        path=path,
        subjects=tuple(entries.get("subject", ())),
    )
