"""Kobo: the marks and notes in `KoboReader.sqlite`, on the device or copied from it.

    sources:
      - kobo: {path: /media/me/KOBOeReader, books: [~/Books]}

The database is in the device's hidden folder `.kobo`. Its table `Bookmark` has the marks,
`content` the books and their chapters. A mark that was deleted stays in the table until the
next sync, with `Hidden`. A page that is only marked as read (`dogear`), or drawn on
(`markup`), has no words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from urllib.parse import unquote

from ankiforge.extract.base import Candidate, Confidence, Recognition
from ankiforge.extract.books import Book, BookMark, cfi_steps, isbns_of
from ankiforge.extract.books.databases import DatabaseSource, Marked, Row, text_of
from ankiforge.extract.files import Step
from ankiforge.extract.folder import File, iso_time
from ankiforge.extract.sqlite import Owner
from ankiforge.text import regex

_SPAN = regex(r"#(kobo(?:\\?\.\d+)+)")
_ON_DEVICE = regex(r"(?:file://)?/mnt/(?:onboard|sd)/")
_COLOURS = {"0": "yellow", "1": "red", "2": "blue", "3": "green"}
_MARKS = """
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
    noun = "Kobo"
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
        for row in connection.execute(_MARKS):
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
            placed_marks = [_mark(row, chapters) for row in rows]
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


def _mark(row: Row, chapters: dict[str, str]) -> tuple[tuple[str, float, str], BookMark]:
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
        colour=_COLOURS.get(text_of(row, "Color"), ""),
        created=iso_time(text_of(row, "DateCreated")),
        modified=iso_time(text_of(row, "DateModified")),
    )
    return (content, progress, mark.created), mark
