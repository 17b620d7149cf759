"""Sources that read another program's SQLite database of marks, and their common base.

Apple Books: highlights and notes in its databases on a Mac.

    sources:
      - apple-books: {path: ~/Library/Containers/com.apple.iBooksX/Data/Documents}

`AEAnnotation/AEAnnotation….sqlite` has the marks; the titles of the books are in
`BKLibrary/BKLibrary….sqlite` beside that folder. Apple documents neither: the columns are
those that many programs read (checked against their queries and published rows).

Kobo: the marks and notes in `KoboReader.sqlite`, on the device or copied from it.

    sources:
      - kobo: {path: /media/me/KOBOeReader, books: [~/Books]}

The database is in the device's hidden folder `.kobo`. Its table `Bookmark` has the marks,
`content` the books and their chapters. A mark that was deleted stays in the table until the
next sync, with `Hidden`. A page that is only marked as read (`dogear`), or drawn on
(`markup`), has no words.
"""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from ankiforge.errors import ItemError
from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.books import (
    ENDINGS,
    Book,
    BookMark,
    BookSettings,
    BookSource,
    cfi_steps,
    document_of,
    extracted,
    in_reading_order,
    isbns_of,
)
from ankiforge.extract.exports import ExportSource, Named
from ankiforge.extract.files import Step, open_regular
from ankiforge.extract.folder import File, iso_time
from ankiforge.extract.sqlite import HEAD, LARGEST, Owner, opened_copy, tables_of
from ankiforge.model import DocumentKey, HighlightKind, Problem, Strings
from ankiforge.text import regex

Row = sqlite3.Row
Marked = tuple[Book, BookMark]
"""A mark, and the book in which it is."""


@dataclass(frozen=True)
class DatabaseSource(BookSource, ExportSource):
    """The marks in the databases of one program. A subclass defines its queries.

    Each database is copied, and SQLite opens only the copy. So the original is never written
    to, and the program may be running.
    """

    Settings = BookSettings
    uses = ENDINGS
    is_whole = True
    largest = LARGEST
    rest = "cannot be read"
    owner: ClassVar[Owner]
    tables: ClassVar[Strings]
    """The tables by which its databases are recognised."""

    @abstractmethod
    def marked(self, connection: sqlite3.Connection, file: File) -> Iterator[Marked]:
        """Yield the marks of a database in reading order, each with its book."""

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file is a database with the tables of this program.

        Nothing is locked or written.
        """
        path = candidate.path
        try:
            with open(path, "rb", opener=open_regular) as file:
                if file.read(len(HEAD)) != HEAD:
                    return NOT_MINE
            address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True)) as connection:
                if set(cls.tables) <= tables_of(connection):
                    return Recognition(Confidence.CONTENT)
        except (OSError, ValueError, sqlite3.Error):
            pass
        return NOT_MINE

    def read(self, file: File) -> Iterator[Marked | Problem]:
        """Yield the marks of a database in reading order, each with its book.

        Raises:
            ItemError: it cannot be read.
        """
        with opened_copy(file.at, self.owner, self.tables) as connection:
            yield from self.marked(connection, file)

    def documents(self, items: list[Marked]) -> Iterator[Named]:
        """Yield the books, in the order of their first marks, with the marks of each."""
        from ankiforge.extract.pdf.worker import PdfWorker

        folder = self.folder
        books: dict[DocumentKey, Book] = {}
        marks_of: dict[DocumentKey, dict[object, BookMark]] = {}
        for book, mark in items:
            key = document_of(book, folder.namespace, folder.name).key
            books.setdefault(key, book)
            marks = marks_of.setdefault(key, {})
            # two copies of a database say the same twice; the newer one was read last
            marks[mark.own or mark] = mark
        with PdfWorker(memory=self.memory) as worker:
            for key, book in books.items():
                document = document_of(book, folder.namespace, folder.name)
                path = self.shelf.find(book.file) if book.file else None
                marks_of_book = marks_of[key].values()
                sightings = extracted(document, folder, marks_of_book, path, worker)
                yield book.name, sightings
            worker.store(complete=folder.end().complete)


def text_of(row: Row, column: str) -> str:
    """Return a text of a row; "" for none, or if the table has no such column."""
    if column not in row.keys():  # noqa: SIM118 - a row is not a dictionary
        return ""
    value = row[column]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


# --- Apple Books ----------------------------------------------------------------------

_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_KINDS = {"1": HighlightKind.UNDERLINE}
_COLOURS = {"1": "green", "2": "blue", "3": "yellow", "4": "pink", "5": "purple"}
_CFI = regex(r"epubcfi\(/6/(?P<file>\d+)(?:\[[^\]]*\])?!(?P<range>.*)\)")
_MARKS = """
SELECT * FROM ZAEANNOTATION
WHERE ifnull(ZANNOTATIONDELETED, 0) = 0
ORDER BY ZANNOTATIONASSETID, Z_PK
"""


class AppleBooks(DatabaseSource):
    """The marks of one reader. `me` does not matter."""

    kind = "apple-books"
    endings = (".sqlite",)
    not_an_export = "not a database of Apple Books with annotations"
    hint = "it is in ~/Library/Containers/com.apple.iBooksX/Data/Documents/AEAnnotation"
    owner = Owner(
        name="Apple Books",
        where=hint,
        give="give the folder Documents of Apple Books, or AEAnnotation….sqlite in it",
        shrink="copy it from another Mac",
    )
    tables = ("ZAEANNOTATION",)

    def marked(self, connection: sqlite3.Connection, file: File) -> Iterator[Marked]:
        """Yield the marks of all books, each book's in reading order."""
        by_asset: dict[str, list[BookMark]] = {}
        for row in connection.execute(_MARKS):
            mark = _mark(row)
            if mark.text.strip() or mark.comment.strip():
                by_asset.setdefault(text_of(row, "ZANNOTATIONASSETID"), []).append(mark)
        library = _library(file.at, self.owner)
        for asset, marks in by_asset.items():
            book = library.get(asset, Book(asset))
            for mark in in_reading_order(marks):
                yield book, mark


def _mark(row: Row) -> BookMark:
    """Return the mark of a row. A bookmark has neither words nor a note."""
    place = _CFI.search(text_of(row, "ZANNOTATIONLOCATION"))
    page = -1
    if place:
        page = int(place["file"][:9]) // 2 - 1
    # a range: what both ends have in common, then its start and its end
    common, _, ends = (place["range"] if place else "").partition(",")
    steps, offset = cfi_steps(common + ends.partition(",")[0])
    return BookMark(
        text=text_of(row, "ZANNOTATIONSELECTEDTEXT"),
        own=text_of(row, "ZANNOTATIONUUID"),
        comment=text_of(row, "ZANNOTATIONNOTE"),
        kind=_KINDS.get(text_of(row, "ZANNOTATIONISUNDERLINE"), HighlightKind.HIGHLIGHT),
        page=page,
        steps=steps,
        offset=offset,
        heading=text_of(row, "ZFUTUREPROOFING5"),
        colour=_COLOURS.get(text_of(row, "ZANNOTATIONSTYLE"), ""),
        created=_moment(text_of(row, "ZANNOTATIONCREATIONDATE")),
        modified=_moment(text_of(row, "ZANNOTATIONMODIFICATIONDATE")),
    )


def _library(database: Path, owner: Owner) -> dict[str, Book]:
    """Return the books by their ids, from the database of the library; {} if it is not there."""
    books: dict[str, Book] = {}
    for folder in (database.parent, database.parent.parent / "BKLibrary"):
        for path in sorted(folder.glob("BKLibrary*.sqlite")):
            with (
                suppress(ItemError),
                opened_copy(path, owner, ("ZBKLIBRARYASSET",)) as library,
            ):
                for row in library.execute("SELECT * FROM ZBKLIBRARYASSET"):
                    authors = text_of(row, "ZAUTHOR").split(" & ")
                    books[text_of(row, "ZASSETID")] = Book(
                        text_of(row, "ZTITLE"),
                        tuple(filter(None, authors)),
                        file=text_of(row, "ZPATH"),
                    )
    return books


def _moment(seconds: str) -> str:
    """Return a time in ISO 8601; Apple counts seconds from 2001. "" if it is none."""
    try:
        return (_EPOCH + timedelta(seconds=round(float(seconds)))).isoformat()
    except (ValueError, OverflowError):
        return ""


# --- Kobo -----------------------------------------------------------------------------

_SPAN = regex(r"#(kobo(?:\\?\.\d+)+)")
_ON_DEVICE = regex(r"(?:file://)?/mnt/(?:onboard|sd)/")
_COLOUR_NAMES = {"0": "yellow", "1": "red", "2": "blue", "3": "green"}
_BOOKMARKS = """
SELECT * FROM Bookmark
WHERE lower(CAST(ifnull(Hidden, '') AS TEXT)) NOT IN ('true', '1')
ORDER BY VolumeID, DateCreated, BookmarkID
"""
_BOOKS = "SELECT * FROM content WHERE ContentID = ?"
_CHAPTERS = """
SELECT * FROM content WHERE BookID = ? ORDER BY VolumeIndex
"""


class Kobo(DatabaseSource):
    """The marks of one reader. `me` does not matter."""

    kind = "kobo"
    endings = (".sqlite",)
    not_an_export = "not a Kobo database"
    hint = "KoboReader.sqlite is on the device, in the hidden folder .kobo"
    owner = Owner(
        name="Kobo",
        where=hint,
        give="give KoboReader.sqlite of the device, or the device",
        shrink="repair your account on the device: Settings, Device information",
    )
    tables = ("Bookmark", "content")

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file is a database of a Kobo; by its name if it is damaged."""
        recognition = super().recognise(candidate)
        if not recognition.confidence and "koboreader" in candidate.path.name.casefold():
            return Recognition(Confidence.CONTENT)
        return recognition

    def marked(self, connection: sqlite3.Connection, file: File) -> Iterator[Marked]:
        """Yield the marks of all books, each book's in reading order."""
        rows_by_volume: dict[str, list[Row]] = {}
        for row in connection.execute(_BOOKMARKS):
            words = text_of(row, "Text").strip()
            note = text_of(row, "Annotation").strip()
            if words or note:
                volume = text_of(row, "VolumeID")
                rows_by_volume.setdefault(volume, []).append(row)
        for volume, rows in rows_by_volume.items():
            book = _book(volume, connection.execute(_BOOKS, (volume,)).fetchone())
            # the title of the chapter in each file; a file is listed as itself, and again
            # (type 899) as a chapter
            chapters: dict[str, str] = {}
            for row in connection.execute(_CHAPTERS, (volume,)):
                name = _file_of(text_of(row, "ContentID"))
                title = text_of(row, "Title")
                if title and not title.endswith((".xhtml", ".html", ".htm")) and name:
                    chapters.setdefault(name, title)
            placed_marks = [_bookmark(row, chapters) for row in rows]
            placed_marks.sort(key=itemgetter(0))
            for _, mark in placed_marks:
                yield book, mark


def _book(volume: str, row: Row | None) -> Book:
    """Return the book with this id; of a file on the device, that is its path."""
    path = unquote(volume) if _ON_DEVICE.match(volume) else ""
    file = _ON_DEVICE.sub("", path)
    if row is None:  # removed from the device
        return Book(title="" if file else volume, file=file)
    title = text_of(row, "Title")
    authors = [name.strip() for name in text_of(row, "Attribution").split(",")]
    isbns = isbns_of((text_of(row, "ISBN"),))
    return Book(title, tuple(filter(None, authors)), isbns, file)


def _file_of(content: str) -> str:
    """Return the name of the file in the book, of the id of a chapter.

    It is `<book>#(4)OEBPS/ch.xhtml#anchor`, `<book>!OEBPS!Text/ch.xhtml#anchor` or
    `<book>!!OEBPS/ch.xhtml-3`.
    """
    for sign in ("!!", "!", "#("):
        before, separator, rest = content.partition(sign)
        if separator and before:
            name = rest.partition(")")[2] if sign == "#(" else rest
            path = name.rpartition("!")[2].partition("#")[0]
            return regex(r"(\.x?html?)-\d+$").sub(r"\1", path)
    return ""


def _bookmark(
    row: Row, chapters: dict[str, str]
) -> tuple[tuple[str, float, str], BookMark]:
    """Return the position of a mark in its book, for sorting, and the mark.

    `chapters` are the titles of the chapters by their files.
    """
    content = text_of(row, "ContentID")
    file = _file_of(content)
    heading = chapters.get(file, "")

    # its place: a path in its file, or one of the numbered spans
    steps: tuple[Step, ...] = ()
    offset = 0
    container, _, point = text_of(row, "StartContainerPath").partition("#point(")
    span = _SPAN.search(container)
    if point:
        file = container
        steps, offset = cfi_steps(point.removeprefix("/1"))
    elif span:
        span_id = span[1].replace("\\", "")
        steps = ((f"#{span_id}", 0),)
        start = text_of(row, "StartOffset")
        if start.isdigit() and len(start) < 10:
            offset = int(start)
    else:
        file = ""
    progress = 0.0
    with suppress(ValueError):
        progress = float(text_of(row, "ChapterProgress"))
    mark = BookMark(
        text=text_of(row, "Text"),
        own=text_of(row, "BookmarkID"),
        comment=text_of(row, "Annotation"),
        file=file,
        steps=steps,
        offset=offset,
        heading=heading,
        colour=_COLOUR_NAMES.get(text_of(row, "Color"), ""),
        created=iso_time(text_of(row, "DateCreated")),
        modified=iso_time(text_of(row, "DateModified")),
    )
    return (content, progress, mark.created), mark
