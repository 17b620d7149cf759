"""Apple Books: highlights and notes in its databases on a Mac.

    sources:
      - apple-books: {path: ~/Library/Containers/com.apple.iBooksX/Data/Documents}

`AEAnnotation/AEAnnotation….sqlite` has the marks; the titles of the books are in
`BKLibrary/BKLibrary….sqlite` beside that folder. Apple documents neither: the columns are
those that many programs read (checked against their queries and published rows).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract.books import Book, BookMark, cfi_steps, in_reading_order
from ankiforge.extract.books.databases import (
    DatabaseSource,
    Marked,
    Row,
    text_of,
)
from ankiforge.extract.folder import File
from ankiforge.extract.sqlite import Owner, opened_copy
from ankiforge.model import HighlightKind
from ankiforge.text import regex

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
    noun = "Apple Books"
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
