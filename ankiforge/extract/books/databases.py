"""Sources that read highlights from another program's SQLite database.

    sources:
      - apple-books: {path: ~/Library/Containers/com.apple.iBooksX/Data/Documents}
      - kobo: {path: /media/me/KOBOeReader, books: [~/Books]}
      - words: {path: /media/me/Kindle}

On a Mac, Apple Books stores highlights in `AEAnnotation/AEAnnotation….sqlite` and titles in
`BKLibrary/BKLibrary….sqlite`. Apple documents neither, so the columns were checked against the
queries and published rows of many other programs. A Kobo has `KoboReader.sqlite` in the hidden
directory `.kobo`. Words that were looked up in a dictionary are in Kindle's `vocab.db`, whose
columns were checked against three published files, and in KOReader's
`vocabulary_builder.sqlite3`, checked against a published file and `vocabbuilder.koplugin/db.lua`.
"""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.books.directories import BOOK_SUFFIXES, BookSettings, BookSource
from ankiforge.extract.books.documents import (
    Book,
    BookHighlight,
    build_book_results,
    create_document,
    parse_position,
    sort_by_position,
)
from ankiforge.extract.epub import PAGE_SUFFIXES
from ankiforge.extract.exports import ExportSource, NamedSightings
from ankiforge.extract.file_source import File, normalize_time
from ankiforge.extract.files import open_regular_file
from ankiforge.extract.sqlite import (
    SQLITE_HEADER,
    DatabaseOwner,
    list_tables,
    open_database_copy,
)
from ankiforge.model import (
    LOOKED_UP_WORD,
    DocumentKey,
    HighlightKind,
    Problem,
    Strings,
)
from ankiforge.text import regex
from ankiforge.text.identifiers import parse_isbns
from ankiforge.text.sentences import find_sentence_around

Row = sqlite3.Row
HighlightInBook = tuple[Book, BookHighlight]
"""A highlight with its book."""


class DatabaseSource(BookSource, ExportSource):
    """Base class of sources that read highlights from another program's SQLite database.

    Subclasses implement the queries. Only a copy of the database is opened, so nothing is
    written to the original, and the program may be running.
    """

    Settings = BookSettings
    used_suffixes = BOOK_SUFFIXES
    has_complete_files = True
    owner: ClassVar[DatabaseOwner]
    tables: ClassVar[Strings]
    """The tables by which the program's databases are recognised."""

    @abstractmethod
    def read_highlights(
        self, connection: sqlite3.Connection, file: File
    ) -> Iterator[HighlightInBook]:
        """Yield (book, highlight) pairs from a database, in reading order."""

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise a database by its tables, without locking it or writing to it."""
        if set(cls.tables) <= _list_tables_in_place(candidate.path):
            return Confidence.CONTENT
        return Confidence.NO

    def read_items(self, file: File) -> Iterator[HighlightInBook | Problem]:
        """Yield (book, highlight) pairs from a copy of a database, in reading order.

        Raises:
            ItemError: The database can't be read.
        """
        with open_database_copy(file.as_path, self.owner, self.tables) as connection:
            yield from self.read_highlights(connection, file)

    def build_documents(self, items: list[HighlightInBook]) -> Iterator[NamedSightings]:
        """Build a document for each book, in the order in which the books first occur."""
        from ankiforge.extract.pdf.worker import PdfWorkerPool

        listing = self.listing
        books: dict[DocumentKey, Book] = {}
        marks_by_book: dict[DocumentKey, dict[object, BookHighlight]] = {}
        for book, mark in items:
            key = create_document(book, listing.namespace, listing.name).key
            books.setdefault(key, book)
            marks = marks_by_book.setdefault(key, {})
            # Copies of a database contain the same highlights; keep those of the newest copy, which
            # is read last. Without an id, only equal highlights are the same.
            identity = mark.id or mark
            marks[identity] = mark
        with PdfWorkerPool(cache=self.opening.cache) as worker:
            for key, book in books.items():
                document = create_document(book, listing.namespace, listing.name)
                path = self.books.find_book(book.file) if book.file else None
                marks_of_book = marks_by_book[key].values()
                sightings = build_book_results(
                    document, listing, marks_of_book, path, worker
                )
                yield book.display_name, sightings
            worker.save_cache(complete=listing.build_scan_end().complete)


def _list_tables_in_place(path: Path) -> set[str]:
    """Return the names of the tables in a database, or an empty set if the file isn't one."""
    with (
        suppress(OSError, ValueError, sqlite3.Error),
        open(path, "rb", opener=open_regular_file) as file,
    ):
        if file.read(len(SQLITE_HEADER)) == SQLITE_HEADER:
            uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return list_tables(connection)
    return set()


def get_column_text(row: Row, column: str) -> str:
    """Return the value of a column as text, or "" if it is null or there is no such column."""
    if column not in row.keys():  # noqa: SIM118 - a row is not a dictionary
        return ""
    value = row[column]
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


# --- Apple Books ----------------------------------------------------------------------

_APPLE_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_APPLE_KINDS = {"1": HighlightKind.UNDERLINE}
_APPLE_COLOURS = {"1": "green", "2": "blue", "3": "yellow", "4": "pink", "5": "purple"}
_CFI = regex(r"epubcfi\(/6/(?P<file>\d+)(?:\[[^\]]*\])?!(?P<range>.*)\)")
_MAX_STEP_DIGITS = 9
"""The maximum number of digits of a number in a CFI, so that a damaged one can't become huge."""
_MARKS_QUERY = """
SELECT * FROM ZAEANNOTATION
WHERE ifnull(ZANNOTATIONDELETED, 0) = 0
ORDER BY ZANNOTATIONASSETID, Z_PK
"""


class AppleBooks(DatabaseSource):
    """Reads highlights made in Apple Books.

    The `me` setting is ignored, since there is only one reader.
    """

    kind = "apple-books"
    suffixes = (".sqlite",)
    wrong_file_message = "not an Apple Books database with annotations"
    export_hint = (
        "it is in ~/Library/Containers/com.apple.iBooksX/Data/Documents/AEAnnotation"
    )
    owner = DatabaseOwner(
        name="Apple Books",
        location_hint=export_hint,
        choose_hint="give Apple Books' Documents folder, or the AEAnnotation….sqlite in it",
    )
    tables = ("ZAEANNOTATION",)

    def read_highlights(
        self, connection: sqlite3.Connection, file: File
    ) -> Iterator[HighlightInBook]:
        """Yield (book, highlight) pairs, in reading order within each book."""
        by_asset = defaultdict[str, list[BookHighlight]](list)
        for row in connection.execute(_MARKS_QUERY):
            mark = _parse_apple_highlight(row)
            if mark.text.strip() or mark.comment.strip():
                by_asset[get_column_text(row, "ZANNOTATIONASSETID")].append(mark)
        library = _read_apple_library(file.as_path, self.owner)
        for asset, marks in by_asset.items():
            book = library.get(asset, Book(asset))
            for mark in sort_by_position(marks):
                yield book, mark


def _parse_apple_highlight(row: Row) -> BookHighlight:
    """Convert a row to a highlight. If it is a bookmark, its text and comment are empty."""
    page, position = _parse_apple_location(get_column_text(row, "ZANNOTATIONLOCATION"))
    return BookHighlight(
        text=get_column_text(row, "ZANNOTATIONSELECTEDTEXT"),
        id=get_column_text(row, "ZANNOTATIONUUID"),
        comment=get_column_text(row, "ZANNOTATIONNOTE"),
        kind=_APPLE_KINDS.get(
            get_column_text(row, "ZANNOTATIONISUNDERLINE"), HighlightKind.HIGHLIGHT
        ),
        page=page,
        position=position,
        heading=get_column_text(row, "ZFUTUREPROOFING5"),
        colour=_APPLE_COLOURS.get(get_column_text(row, "ZANNOTATIONSTYLE"), ""),
        created=_parse_apple_time(get_column_text(row, "ZANNOTATIONCREATIONDATE")),
        modified=_parse_apple_time(get_column_text(row, "ZANNOTATIONMODIFICATIONDATE")),
    )


def _parse_apple_location(location: str) -> tuple[int, tuple[int, ...]]:
    """Return the index of the file in the book, or -1 if unknown, and the position in it.

    The location is a CFI range such as `epubcfi(/6/14[c3]!/4/2,/1:0,/1:9)`: the file, the common
    part of both ends, the start, and the end. In CFIs, the number of an element is twice its
    number from 1, so this file is the one with index 6.
    """
    cfi = _CFI.search(location)
    if cfi is None:
        return -1, ()
    common, _, ends = cfi["range"].partition(",")
    start, _, _ = ends.partition(",")
    file_step = int(cfi["file"][:_MAX_STEP_DIGITS])
    return file_step // 2 - 1, parse_position(common + start)


def _read_apple_library(database: Path, owner: DatabaseOwner) -> dict[str, Book]:
    """Return the books in the library that belongs to a database of annotations, by asset id.

    The library is beside the database in a copy, and in the folder `BKLibrary` on a Mac. One that
    can't be read is skipped, because its books then only lack a title.
    """
    paths: list[Path] = []
    for folder in (database.parent, database.parent.parent / "BKLibrary"):
        paths += sorted(folder.glob("BKLibrary*.sqlite"))
    books: dict[str, Book] = {}
    for path in paths:
        with suppress(ItemError):
            for asset_id, book in _iter_apple_books(path, owner):
                books[asset_id] = book
    return books


def _iter_apple_books(path: Path, owner: DatabaseOwner) -> Iterator[tuple[str, Book]]:
    """Yield the asset id and the book of each row of a library database."""
    with open_database_copy(path, owner, ("ZBKLIBRARYASSET",)) as library:
        for row in library.execute("SELECT * FROM ZBKLIBRARYASSET"):
            authors = get_column_text(row, "ZAUTHOR").split(" & ")
            book = Book(
                get_column_text(row, "ZTITLE"),
                tuple(filter(None, authors)),
                file=get_column_text(row, "ZPATH"),
            )
            yield get_column_text(row, "ZASSETID"), book


def _parse_apple_time(seconds: str) -> str:
    """Convert a number of seconds since 2001 to ISO 8601, or return "" if it is invalid."""
    try:
        return (_APPLE_EPOCH + timedelta(seconds=round(float(seconds)))).isoformat()
    except (ValueError, OverflowError):
        return ""


# --- Kobo -----------------------------------------------------------------------------

_DEVICE_PREFIX = regex(r"(?:file://)?/mnt/(?:onboard|sd)/")
_KOBO_COLOURS = {"0": "yellow", "1": "red", "2": "blue", "3": "green"}
_BOOKMARKS_QUERY = """
SELECT * FROM Bookmark
WHERE lower(CAST(ifnull(Hidden, '') AS TEXT)) NOT IN ('true', '1')
ORDER BY VolumeID, DateCreated, BookmarkID
"""
_BOOK_QUERY = "SELECT * FROM content WHERE ContentID = ?"
_CHAPTERS_QUERY = """
SELECT * FROM content WHERE BookID = ? ORDER BY VolumeIndex
"""


class Kobo(DatabaseSource):
    """Reads highlights made on a Kobo e-reader.

    The `me` setting is ignored, since there is only one reader. Highlights are in the
    `Bookmark` table, books and chapters in `content`. Deleted highlights stay in the table,
    flagged as `Hidden`, until the next sync. Dog-eared pages (`dogear`) and drawings
    (`markup`) have no text.
    """

    kind = "kobo"
    suffixes = (".sqlite",)
    wrong_file_message = "not a Kobo database"
    export_hint = "KoboReader.sqlite is on the device, in the hidden folder .kobo"
    owner = DatabaseOwner(
        name="Kobo",
        location_hint=export_hint,
        choose_hint="give KoboReader.sqlite of the device, or the device",
    )
    tables = ("Bookmark", "content")

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise a Kobo database by its tables or, if it is damaged, by its name."""
        if "koboreader" in candidate.path.name.casefold():
            return Confidence.CONTENT
        return super().recognise(candidate)

    def read_highlights(
        self, connection: sqlite3.Connection, file: File
    ) -> Iterator[HighlightInBook]:
        """Yield (book, highlight) pairs, in reading order within each book."""
        rows_by_volume = defaultdict[str, list[Row]](list)
        for row in connection.execute(_BOOKMARKS_QUERY):
            text = get_column_text(row, "Text") + get_column_text(row, "Annotation")
            if text.strip():
                rows_by_volume[get_column_text(row, "VolumeID")].append(row)
        for book_id, rows in rows_by_volume.items():
            book_row = connection.execute(_BOOK_QUERY, (book_id,)).fetchone()
            book = _create_kobo_book(book_id, book_row)
            chapters = _read_kobo_chapters(connection, book_id)
            rows.sort(key=_get_kobo_position)
            for row in rows:
                yield book, _parse_kobo_highlight(row, chapters)


def _read_kobo_chapters(connection: sqlite3.Connection, book_id: str) -> dict[str, str]:
    """Map each file of a book to its chapter title.

    A file is listed both as itself and as a chapter (type 899).
    """
    chapters: dict[str, str] = {}
    for row in connection.execute(_CHAPTERS_QUERY, (book_id,)):
        file_name = _parse_content_id(get_column_text(row, "ContentID"))
        title = get_column_text(row, "Title")
        if file_name and title and not title.endswith(PAGE_SUFFIXES):
            chapters.setdefault(file_name, title)
    return chapters


def _create_kobo_book(book_id: str, row: Row | None) -> Book:
    """Build a book from its row or, if it was removed from the device, from its id alone."""
    file = ""
    if _DEVICE_PREFIX.match(book_id):
        file = _DEVICE_PREFIX.sub("", unquote(book_id))
    if row is None:
        return Book(title="" if file else book_id, file=file)
    return Book(
        get_column_text(row, "Title"),
        _split_names(get_column_text(row, "Attribution"), ","),
        parse_isbns((get_column_text(row, "ISBN"),)),
        file,
    )


def _split_names(names: str, separator: str) -> Strings:
    return tuple(filter(None, map(str.strip, names.split(separator))))


# Matches the number of a part of a file, as in `ch.xhtml-3`.
_PART_NUMBER = regex(r"(\.x?html?)-\d+$")


def _parse_content_id(content_id: str) -> str:
    """Return the name of a file in a book from its content id, or "" if the id contains none.

    The id looks like `<book>#(4)OEBPS/ch.xhtml#anchor`, `<book>!OEBPS!Text/ch.xhtml#anchor`
    or `<book>!!OEBPS/ch.xhtml-3`.
    """
    # the longer marker comes first, because it contains the shorter one
    for marker in ("!!", "!", "#("):
        book_id, _, file_part = content_id.partition(marker)
        if not book_id or book_id == content_id:  # it has no such marker
            continue
        if marker == "#(":
            _, _, file_part = file_part.partition(")")
        _, _, path_and_anchor = file_part.rpartition("!")
        path, _, _ = path_and_anchor.partition("#")
        return _PART_NUMBER.sub(r"\1", path)
    return ""


def _get_kobo_position(row: Row) -> tuple[str, float, str]:
    """Return the key by which the highlights of a book are sorted into reading order."""
    progress = 0.0
    with suppress(ValueError):
        progress = float(get_column_text(row, "ChapterProgress"))
    created = normalize_time(get_column_text(row, "DateCreated"))
    return get_column_text(row, "ContentID"), progress, created


def _parse_kobo_highlight(row: Row, chapters: dict[str, str]) -> BookHighlight:
    """Convert a row of the `Bookmark` table to a highlight.

    `chapters` maps the names of files in the book to chapter titles.
    """
    file = _parse_content_id(get_column_text(row, "ContentID"))
    heading = chapters.get(file, "")
    container, _, point = get_column_text(row, "StartContainerPath").partition("#point(")
    if point:
        file = container
    return BookHighlight(
        text=get_column_text(row, "Text"),
        id=get_column_text(row, "BookmarkID"),
        comment=get_column_text(row, "Annotation"),
        file=file,
        heading=heading,
        colour=_KOBO_COLOURS.get(get_column_text(row, "Color"), ""),
        created=normalize_time(get_column_text(row, "DateCreated")),
        modified=normalize_time(get_column_text(row, "DateModified")),
    )


# --- looked-up words ------------------------------------------------------------------

_KINDLE_TABLES = frozenset(("WORDS", "LOOKUPS", "BOOK_INFO"))
_KOREADER_TABLES = frozenset(("vocabulary", "title"))
_WORD_DATABASES = ("vocab.db", "vocabulary_builder.sqlite3")
# The columns besides min() are those of a word's first lookup.
_KINDLE_WORDS_QUERY = """
SELECT WORDS.id AS key, word, usage, WORDS.lang, title, authors,
    min(LOOKUPS.timestamp) / 1000 AS created
FROM WORDS
LEFT JOIN LOOKUPS ON word_key = WORDS.id
LEFT JOIN BOOK_INFO ON BOOK_INFO.id = book_key
GROUP BY WORDS.id ORDER BY created, key
"""
_KOREADER_WORDS_QUERY = """
SELECT *, word AS key, name AS title, create_time AS created
FROM vocabulary LEFT JOIN title ON title.id = title_id
ORDER BY created, key
"""


class LookedUpWords(DatabaseSource):
    """Reads words that the user looked up in a dictionary on a Kindle or in KOReader.

    Each word becomes one highlight, in the sentence of its first lookup on a Kindle, or of its
    last lookup in KOReader, which stores no other. Neither database stores the meaning of a
    word. The `me` setting is ignored.
    """

    kind = "words"
    suffixes = (".db", ".sqlite3")
    wrong_file_message = "it contains no looked-up words"
    export_hint = (
        "a Kindle has them in system/vocabulary/vocab.db, KOReader in"
        " settings/vocabulary_builder.sqlite3"
    )
    owner = DatabaseOwner(
        name="vocabulary",
        location_hint=export_hint,
        choose_hint=export_hint,
        repair_hint="copy it from the device again",
    )
    tables = ()

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise a database by its tables or, if it is damaged, by its name."""
        tables = _list_tables_in_place(candidate.path)
        is_damaged = not tables and candidate.path.name.casefold() in _WORD_DATABASES
        if is_damaged or tables >= _KINDLE_TABLES or tables >= _KOREADER_TABLES:
            return Confidence.CONTENT
        return Confidence.NO

    def read_highlights(
        self, connection: sqlite3.Connection, file: File
    ) -> Iterator[HighlightInBook]:
        """Yield (book, looked-up word) pairs in the order of the lookups."""
        if list_tables(connection) >= _KINDLE_TABLES:
            for row in connection.execute(_KINDLE_WORDS_QUERY):
                word = get_column_text(row, "word")
                if word.strip():
                    yield _parse_word(row, word, get_column_text(row, "usage"))
            return
        for row in connection.execute(_KOREADER_WORDS_QUERY):
            # the word as the book spells it, or else as the dictionary does
            word = get_column_text(row, "highlight") or get_column_text(row, "word")
            if word.strip():
                yield _parse_word(row, word, _join_koreader_sentence(row, word))


def _parse_word(row: Row, word: str, sentence: str) -> HighlightInBook:
    """Convert a row to a looked-up word in its sentence, with its book."""
    title = get_column_text(row, "title")
    authors = _split_names(get_column_text(row, "authors"), ";")
    mark = BookHighlight(
        text=word,
        id=get_column_text(row, "key"),
        sentence=" ".join(sentence.split()),
        line_syntax=LOOKED_UP_WORD,
        created=_parse_unix_time(get_column_text(row, "created")),
    )
    language, _, _ = get_column_text(row, "lang").partition("-")
    if language:
        mark = replace(mark, tags=(language,))
    return Book(title, authors), mark


def _join_koreader_sentence(row: Row, word: str) -> str:
    """Return the sentence of a word that was looked up in KOReader."""
    before = get_column_text(row, "prev_context")
    context = before + word + get_column_text(row, "next_context")
    start, end = find_sentence_around(context, len(before), len(before) + len(word))
    return context[start:end]


def _parse_unix_time(seconds: str) -> str:
    """Convert a number of seconds since 1970 to ISO 8601, or return "" if it is invalid."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
