"""Writes a small EPUB, and marks in it as e-readers keep them.

    from tests.makers.ebook_writer import Book, Mark, write_epub, write_sidecar

    book = Book("On Spacing", ("Jane Doe",), (("One", "Spacing helps. Massing does not."),))
    write_epub("On Spacing.epub", book)
    write_sidecar("On Spacing.sdr/metadata.epub.lua", book, [Mark("Spacing helps")])

The layouts are those of the programs' own code (KOReader, calibre), or of files that
they wrote (Kobo, Apple Books). The same input gives the same bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from zipfile import ZipFile, ZipInfo

LONG_AGO = "2024-01-01 12:00:00"


@dataclass(frozen=True)
class Book:
    """A book: its chapters are (title, text), one paragraph a line."""

    title: str
    authors: tuple[str, ...] = ()
    chapters: tuple[tuple[str, str], ...] = ()
    subjects: tuple[str, ...] = ()
    is_markup: bool = False
    """Whether the texts of chapters are XHTML."""


@dataclass(frozen=True)
class Mark:
    """A mark in a chapter and paragraph, counted from 1, of a book that was written here.

    For a mark in another book, `file` is the file in it, `way` the way to its element by names
    (`body/section/p[3]`), and `cfi` that by numbers (`/4/2/6`).
    """

    text: str
    note: str = ""
    chapter: int = 1
    paragraph: int = 1
    offset: int = 0
    id: str = ""
    colour: str = "yellow"
    file: str = ""
    way: str = ""
    cfi: str = ""

    @property
    def in_file(self) -> str:
        """The file in the book."""
        return self.file or f"OEBPS/text/c{self.chapter}.xhtml"

    @property
    def by_names(self) -> str:
        """The way to its element by names, from the root."""
        return self.way or f"body/p[{self.paragraph}]"

    @property
    def by_numbers(self) -> str:
        """The way to its element by numbers, from the root."""
        return self.cfi or f"/4/{2 * self.paragraph}"

    @property
    def uuid(self) -> str:
        """Its id; by default its words."""
        return self.id or self.text


def write_epub(path: str | Path, book: Book) -> None:
    """Write a book."""
    numbers = range(1, len(book.chapters) + 1)
    items = "".join(f'<item id="c{n}" href="text/c{n}.xhtml"/>' for n in numbers)
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    creators = "".join(
        f"<dc:creator>{escape(name)}</dc:creator>" for name in book.authors
    )
    subjects = "".join(
        f"<dc:subject>{escape(name)}</dc:subject>" for name in book.subjects
    )
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:c"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="urn:p" xmlns:dc="urn:d"><metadata>'
        f"<dc:title>{escape(book.title)}</dc:title>{creators}{subjects}</metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for number, (title, text) in enumerate(book.chapters, start=1):
        lines = text.splitlines() if book.is_markup else escape(text).splitlines()
        paragraphs = "".join(f"<p>{line}</p>" for line in lines)
        files[f"OEBPS/text/c{number}.xhtml"] = (
            '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>'
            f"{escape(title)}</title></head><body>{paragraphs}</body></html>"
        )
    with ZipFile(path, "w") as epub:
        for name, content in files.items():
            epub.writestr(ZipInfo(name), content)


def _heading(book: Book, mark: Mark) -> str:
    """Return the title of the chapter of a mark."""
    return (
        book.chapters[mark.chapter - 1][0] if mark.chapter <= len(book.chapters) else ""
    )


# --- KOReader ---------------------------------------------------------------------------


def lua(value: object) -> str:
    """Return a value as KOReader writes it."""
    if isinstance(value, dict):
        fields = "".join(
            f"[{lua(key)}] = {lua(field)},\n" for key, field in value.items()
        )
        return f"{{\n{fields}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\n")
        return f'"{escaped}"'
    return str(value)


def sidecar(book: Book, marks: Iterable[Mark], **more: object) -> str:
    """Return the settings of a book with its marks in the list `annotations`."""
    annotations: dict[int, object] = {}
    for number, mark in enumerate(marks, start=1):
        place = f"/body/DocFragment[{mark.chapter}]/{mark.by_names}/text()"
        entry: dict[str, object] = {
            "chapter": _heading(book, mark),
            "color": mark.colour,
            "datetime": LONG_AGO,
            "drawer": "lighten",
            "page": f"{place}.{mark.offset}",
            "pageno": mark.chapter,
            "pos0": f"{place}.{mark.offset}",
            "pos1": f"{place}.{mark.offset + len(mark.text)}",
            "text": mark.text,
        }
        if mark.note:
            entry["note"] = mark.note
        annotations[number] = entry
    told = {"authors": "\n".join(book.authors), "title": book.title}
    return lua({"annotations": annotations, "doc_props": told, **more})


def write_sidecar(
    path: str | Path, book: Book, marks: Iterable[Mark], **more: object
) -> None:
    """Write the file that KOReader keeps beside a book, with further settings."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = f"-- we can read Lua syntax here!\nreturn {sidecar(book, marks, **more)}\n"
    Path(path).write_text(text, encoding="utf-8")


# --- databases --------------------------------------------------------------------------

_KOBO = """
CREATE TABLE content (ContentID TEXT NOT NULL, ContentType TEXT NOT NULL, BookID TEXT,
    BookTitle TEXT, Title TEXT, Attribution TEXT, ISBN TEXT, VolumeIndex INTEGER);
CREATE TABLE Bookmark (BookmarkID TEXT NOT NULL, VolumeID TEXT NOT NULL, ContentID TEXT NOT NULL,
    StartContainerPath TEXT NOT NULL, StartContainerChildIndex INTEGER NOT NULL,
    StartOffset INTEGER NOT NULL, EndContainerPath TEXT NOT NULL,
    EndContainerChildIndex INTEGER NOT NULL, EndOffset INTEGER NOT NULL, Text TEXT,
    Annotation TEXT, DateCreated TEXT, ChapterProgress REAL NOT NULL DEFAULT 0,
    Hidden BOOL NOT NULL DEFAULT 0, DateModified TEXT, Type TEXT, PRIMARY KEY (BookmarkID));
"""
_CALIBRE = """
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL, path TEXT NOT NULL);
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE books_authors_link (id INTEGER PRIMARY KEY, book INTEGER, author INTEGER);
CREATE TABLE identifiers (id INTEGER PRIMARY KEY, book INTEGER, type TEXT, val TEXT);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE books_tags_link (id INTEGER PRIMARY KEY, book INTEGER, tag INTEGER);
CREATE TABLE data (id INTEGER PRIMARY KEY, book INTEGER, format TEXT, name TEXT);
CREATE TABLE annotations (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, format TEXT NOT NULL,
    user_type TEXT NOT NULL, user TEXT NOT NULL, timestamp REAL NOT NULL, annot_id TEXT NOT NULL,
    annot_type TEXT NOT NULL, annot_data TEXT NOT NULL, searchable_text TEXT NOT NULL DEFAULT '');
CREATE VIEW meta AS SELECT id, title FROM books;
"""
_KINDLE_WORDS = """
CREATE TABLE WORDS (id TEXT PRIMARY KEY NOT NULL, word TEXT, stem TEXT, lang TEXT,
    category INTEGER DEFAULT 0, timestamp INTEGER DEFAULT 0, profileid TEXT);
CREATE TABLE LOOKUPS (id TEXT PRIMARY KEY NOT NULL, word_key TEXT, book_key TEXT, dict_key TEXT,
    pos TEXT, usage TEXT, timestamp INTEGER DEFAULT 0);
CREATE TABLE BOOK_INFO (id TEXT PRIMARY KEY NOT NULL, asin TEXT, guid TEXT, lang TEXT,
    title TEXT, authors TEXT);
"""
_KOREADER_WORDS = """
CREATE TABLE vocabulary (word TEXT NOT NULL UNIQUE, title_id INTEGER, create_time INTEGER NOT NULL,
    review_time INTEGER, due_time INTEGER NOT NULL, review_count INTEGER NOT NULL DEFAULT 0,
    prev_context TEXT, next_context TEXT, streak_count INTEGER NOT NULL DEFAULT 0,
    highlight TEXT, PRIMARY KEY(word));
CREATE TABLE title (id INTEGER NOT NULL UNIQUE, name TEXT UNIQUE,
    filter INTEGER NOT NULL DEFAULT 1, PRIMARY KEY(id));
"""
_APPLE = """
CREATE TABLE ZAEANNOTATION (Z_PK INTEGER PRIMARY KEY, ZANNOTATIONDELETED INTEGER,
    ZANNOTATIONISUNDERLINE INTEGER, ZANNOTATIONSTYLE INTEGER, ZANNOTATIONTYPE INTEGER,
    ZANNOTATIONCREATIONDATE TIMESTAMP, ZANNOTATIONMODIFICATIONDATE TIMESTAMP,
    ZANNOTATIONASSETID VARCHAR, ZANNOTATIONLOCATION VARCHAR, ZANNOTATIONNOTE VARCHAR,
    ZANNOTATIONREPRESENTATIVETEXT VARCHAR, ZANNOTATIONSELECTEDTEXT VARCHAR,
    ZANNOTATIONUUID VARCHAR, ZFUTUREPROOFING5 VARCHAR);
"""
_APPLE_LIBRARY = """
CREATE TABLE ZBKLIBRARYASSET (Z_PK INTEGER PRIMARY KEY, ZASSETID VARCHAR, ZTITLE VARCHAR,
    ZAUTHOR VARCHAR, ZPATH VARCHAR);
"""

Marked = tuple[Book, str, Iterable[Mark]]
"""A book, its file as the program has it, and its marks."""


def _write(
    path: str | Path, schema: str, rows: Iterable[tuple[str, tuple[object, ...]]]
) -> None:
    """Write a database with rows: (table and columns, values)."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(schema)
        for table, values in rows:
            places = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO {table} VALUES ({places})", values)


def write_kobo(path: str | Path, books: Iterable[Marked]) -> None:
    """Write a `KoboReader.sqlite`. The file of a book is its path on the device."""
    rows: list[tuple[str, tuple[object, ...]]] = []
    for book, file, marks in books:
        volume = f"file:///mnt/onboard/{file}"
        about = (volume, "6", None, None, book.title, ", ".join(book.authors), None, -1)
        rows.append(("content", about))
        for number, (title, _) in enumerate(book.chapters, start=1):
            chapter = f"{volume}#({number - 1})OEBPS/text/c{number}.xhtml"
            rows.append(
                (
                    "content",
                    (chapter, "899", volume, book.title, title, None, None, number),
                )
            )
        for mark in marks:
            name = mark.in_file
            point = f"{name}#point(/1{mark.by_numbers}/1:{mark.offset})"
            end = f"{name}#point(/1{mark.by_numbers}/1:{mark.offset + len(mark.text)})"
            rows.append(
                (
                    "Bookmark",
                    (
                        mark.uuid,
                        volume,
                        f"{volume}#({mark.chapter - 1}){name}",
                        point,
                        -99,
                        0,
                        end,
                        -99,
                        0,
                        mark.text,
                        mark.note or None,
                        "2024-01-01T12:00:00.000",
                        mark.paragraph / 100,
                        "false",
                        "2024-01-01T12:00:00Z",
                        "note" if mark.note else "highlight",
                    ),
                )
            )
    _write(path, _KOBO, rows)


def calibre_highlight(mark: Mark) -> dict[str, object]:
    """Return a highlight as calibre keeps it, in a library, a book and an export."""
    place = f"/2{mark.by_numbers}/1"
    highlight: dict[str, object] = {
        "end_cfi": f"{place}:{mark.offset + len(mark.text)}",
        "highlighted_text": mark.text,
        "spine_index": mark.chapter - 1,
        "spine_name": mark.in_file,
        "start_cfi": f"{place}:{mark.offset}",
        "style": {"kind": "color", "type": "builtin", "which": mark.colour},
        "timestamp": "2024-01-01T12:00:00.000Z",
        "type": "highlight",
        "uuid": mark.uuid,
    }
    if mark.note:
        highlight["notes"] = mark.note
    return highlight


def write_calibre(path: str | Path, books: Iterable[Marked]) -> None:
    """Write a `metadata.db`. The file of a book is its path in the library."""
    rows: list[tuple[str, tuple[object, ...]]] = []
    for number, (book, file, marks) in enumerate(books, start=1):
        folder, _, name = file.rpartition("/")
        stem, _, ending = name.rpartition(".")
        rows.append(("books", (number, book.title, folder)))
        rows.append(("data (book, format, name)", (number, ending.upper(), stem)))
        for author in book.authors:
            rows.append(("authors (name)", (author.replace(",", "|"),)))
            last = len([row for row in rows if row[0] == "authors (name)"])
            rows.append(("books_authors_link (book, author)", (number, last)))
        for subject in book.subjects:
            rows.append(("tags (name)", (subject,)))
            last = len([row for row in rows if row[0] == "tags (name)"])
            rows.append(("books_tags_link (book, tag)", (number, last)))
        columns = (
            "(book, format, user_type, user, timestamp, annot_id, annot_type, annot_data)"
        )
        for mark in marks:
            data = json.dumps(calibre_highlight(mark))
            values = (
                number,
                ending.upper(),
                "local",
                "viewer",
                0,
                mark.uuid,
                "highlight",
                data,
            )
            rows.append((f"annotations {columns}", values))
    _write(path, _CALIBRE, rows)


@dataclass(frozen=True)
class Lookup:
    """A word looked up in a sentence, at a time in seconds; `form` is as the book spells it."""

    word: str
    before: str = ""
    after: str = ""
    book: Book = Book("A Book")
    time: int = 1_700_000_000
    lang: str = "en"
    form: str = ""


def write_kindle_words(path: str | Path, lookups: Iterable[Lookup]) -> None:
    """Write a `vocab.db` of a Kindle; a word may be looked up several times."""
    rows: dict[str, tuple[str, tuple[object, ...]]] = {}
    for number, lookup in enumerate(lookups):
        word, book = f"{lookup.lang}:{lookup.word}", lookup.book
        milliseconds = lookup.time * 1000
        rows[word] = (
            "WORDS",
            (word, lookup.word, lookup.word, lookup.lang, 0, milliseconds, ""),
        )
        rows[book.title] = (
            "BOOK_INFO",
            (book.title, "", "", lookup.lang, book.title, ";".join(book.authors)),
        )
        usage = f"{lookup.before}{lookup.word}{lookup.after} "
        values = (
            f"CR!{number}",
            word,
            book.title,
            "B0",
            str(number),
            usage,
            milliseconds,
        )
        rows[f"lookup {number}"] = ("LOOKUPS", values)
    _write(path, _KINDLE_WORDS, rows.values())


def write_koreader_words(path: str | Path, lookups: Iterable[Lookup]) -> None:
    """Write KOReader's `vocabulary_builder.sqlite3`."""
    titles: list[str] = []
    rows: list[tuple[str, tuple[object, ...]]] = []
    for each in lookups:
        if each.book.title not in titles:
            titles.append(each.book.title)
            rows.append(("title", (len(titles), each.book.title, 1)))
        number = titles.index(each.book.title) + 1
        values = (each.word, number, each.time, None, each.time + 300, 0)
        context = (each.before, each.after, 0, each.form or None)
        rows.append(("vocabulary", (*values, *context)))
    _write(path, _KOREADER_WORDS, rows)


def write_apple(folder: str | Path, books: Iterable[Marked]) -> None:
    """Write the two databases of Apple Books below a folder."""
    marked: list[tuple[str, tuple[object, ...]]] = []
    library: list[tuple[str, tuple[object, ...]]] = []
    for number, (book, file, marks) in enumerate(books, start=1):
        asset = f"ASSET{number}"
        authors = " & ".join(book.authors)
        library.append(("ZBKLIBRARYASSET", (number, asset, book.title, authors, file)))
        for mark in marks:
            spine = f"/6/{2 * mark.chapter}[c{mark.chapter}]!{mark.by_numbers}"
            place = f"epubcfi({spine},/1:{mark.offset},/1:{mark.offset + len(mark.text)})"
            marked.append(
                (
                    "ZAEANNOTATION",
                    (
                        None,
                        0,
                        0,
                        3,
                        2,
                        725803200.0,
                        725803200.0,
                        asset,
                        place,
                        mark.note or None,
                        mark.text,
                        mark.text,
                        mark.uuid,
                        _heading(book, mark),
                    ),
                )
            )
    _write(
        Path(folder, "AEAnnotation/AEAnnotation_v10312011_1727_local.sqlite"),
        _APPLE,
        marked,
    )
    _write(
        Path(folder, "BKLibrary/BKLibrary-1-091020131601.sqlite"), _APPLE_LIBRARY, library
    )
