"""Highlights made in calibre's viewer, read from `metadata.db` in a library.

    sources:
      - calibre: {path: ~/Calibre Library}

Highlights that the viewer also saves inside EPUBs are not read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from ankiforge.extract.books.databases import (
    DatabaseSource,
    HighlightInBook,
    get_column_text,
)
from ankiforge.extract.books.documents import (
    Book,
    BookHighlight,
    parse_position,
    sort_by_position,
)
from ankiforge.extract.file_source import File, normalize_time
from ankiforge.extract.sqlite import DatabaseOwner
from ankiforge.model import HighlightKind, Json, Value
from ankiforge.text.identifiers import parse_isbns

_KINDS = {
    "wavy": HighlightKind.UNDERLINE,
    "underline": HighlightKind.UNDERLINE,
    "strikeout": HighlightKind.STRIKE,
}
"""The kind of highlight for each of calibre's styles that isn't a colour."""
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
    """A highlight in calibre's JSON, with only the fields we use."""

    uuid: str = ""
    highlighted_text: str = ""
    notes: str = ""
    start_cfi: str = ""
    spine_index: int = -1
    spine_name: str = ""
    toc_family_titles: tuple[str | None, ...] = ()
    style: Json = {}
    timestamp: str = ""
    removed: bool = False


def parse_highlight(data: str) -> CalibreHighlight:
    """Parse a highlight, in which null means that a field isn't set.

    Raises:
        ValueError: It isn't JSON, or not a highlight.
        RecursionError: It is nested too deeply.
    """
    fields = msgspec.json.decode(data, type=dict[str, Any])
    filled = {name: value for name, value in fields.items() if value is not None}
    return msgspec.convert(filled, CalibreHighlight)


class Calibre(DatabaseSource):
    """Reads the highlights that all users made in a calibre library, ignoring the setting `me`."""

    kind = "calibre"
    suffixes = (".db",)
    example = "- calibre: {path: ~/Calibre Library}         # highlights of its viewer"
    wrong_file_message = "it contains no highlights of calibre"
    export_hint = "give calibre's library, the folder with metadata.db"
    owner = DatabaseOwner(
        name="calibre", location_hint=export_hint, choose_hint=export_hint
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
        """Yield (book, highlight) pairs, in reading order within each book."""
        books: dict[Any, Book] = {}
        marks_by_book: dict[Any, list[BookHighlight]] = {}
        for row in connection.execute(_MARKS_QUERY):
            try:
                data = get_column_text(row, "annot_data")
                highlight = parse_highlight(data)
            except (ValueError, RecursionError):
                continue  # calibre skips invalid JSON as well
            if mark := convert_highlight(highlight):
                book_and_format = row["book"], get_column_text(row, "format")
                if book_and_format not in books:
                    books[book_and_format] = _create_book(connection, row)
                marks_by_book.setdefault(book_and_format, []).append(mark)
        for book_and_format, book in books.items():
            for mark in sort_by_position(marks_by_book[book_and_format]):
                yield book, mark


def convert_highlight(highlight: CalibreHighlight) -> BookHighlight | None:
    """Convert a highlight, or return None if it is a bookmark, was removed, or is empty."""
    if highlight.removed:
        return None
    if not highlight.highlighted_text.strip() and not highlight.notes.strip():
        return None
    which = str(highlight.style.get("which"))
    return BookHighlight(
        text=highlight.highlighted_text,
        id=highlight.uuid,
        comment=highlight.notes,
        kind=_KINDS.get(which, HighlightKind.HIGHLIGHT),
        page=highlight.spine_index,
        file=highlight.spine_name,
        position=parse_position(highlight.start_cfi),
        heading=" › ".join(filter(None, highlight.toc_family_titles)),
        colour=_find_colour(highlight.style),
        created=normalize_time(highlight.timestamp),
    )


def _find_colour(style: Json) -> str:
    """Return the name or the code of the colour of a style, or "" if it has none."""
    if style.get("type") == "builtin" and style.get("kind") == "color":
        return str(style.get("which", ""))
    return str(style.get("background-color", ""))


def _create_book(connection: sqlite3.Connection, row: sqlite3.Row) -> Book:
    def read_column(query: str, column: str) -> list[str]:
        rows = connection.execute(query, (row["book"],))
        return [get_column_text(each, column) for each in rows]

    file_name = f"{get_column_text(row, 'name')}.{get_column_text(row, 'format').lower()}"
    return Book(
        get_column_text(row, "title"),
        # calibre stores a comma in a name as `|`
        tuple(name.replace("|", ",") for name in read_column(_AUTHORS_QUERY, "name")),
        parse_isbns(read_column(_ISBN_QUERY, "val"))[:1],
        f"{get_column_text(row, 'path')}/{file_name}",
        subjects=tuple(read_column(_TAGS_QUERY, "name")),
    )
