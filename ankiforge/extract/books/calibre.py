"""calibre: highlights of its viewer, in a library's `metadata.db` or exported as JSON.

    sources:
      - calibre: {path: ~/Calibre Library}

The library has the books, too. An export (`.calibre_annotation_collection`,
`.calibre_highlights`) names its book by a number or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.books import Book, Mark, cfi_steps, in_reading_order, isbns_of
from ankiforge.extract.books.databases import DatabaseSource, Marked, text_of
from ankiforge.extract.exports import LARGEST_EXPORT
from ankiforge.extract.files import decoded
from ankiforge.extract.folder import File, iso_time
from ankiforge.extract.sqlite import Owner
from ankiforge.model import HighlightKind, Json, Problem, Value
from ankiforge.text import regex

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


class Highlight(Value):
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


class _Export(Value):
    annotations: tuple[msgspec.Raw, ...] = ()
    highlights: tuple[msgspec.Raw, ...] = ()


class Calibre(DatabaseSource):
    """The highlights of all users of a library. `me` does not matter."""

    kind = "calibre"
    endings = (".db", *_EXPORTS)
    noun = "calibre"
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
        is_export = _HIGHLIGHT.search(candidate.head)
        return Recognition(Confidence.CONTENT) if is_export else NOT_MINE

    def read(self, file: File) -> Iterator[Marked | Problem]:
        """Yield the highlights of a library, or of an export."""
        if PurePosixPath(file.path).suffix.casefold() not in _EXPORTS:
            yield from super().read(file)
            return
        text = file.text(LARGEST_EXPORT)
        export: _Export = decoded(text, _Export, "not JSON of calibre")
        books: dict[Book, list[Mark]] = {}
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
        marks: dict[Any, list[Mark]] = {}
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
) -> Iterator[tuple[Highlight, Mark] | Problem]:
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


def highlight_of(raw: msgspec.Raw | str | bytes) -> Highlight:
    """Return a highlight by its JSON.

    Raises:
        ItemError: it is none.
    """
    highlight: Highlight = decoded(raw, Highlight, "it cannot be read")
    return highlight


def mark_of(highlight: Highlight) -> Mark | None:
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
    return Mark(
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
