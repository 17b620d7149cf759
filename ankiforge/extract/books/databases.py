"""The common base of sources that read another program's SQLite database of marks."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.books import (
    ENDINGS,
    Book,
    BookMark,
    BookSettings,
    BookSource,
    document_of,
    extracted,
)
from ankiforge.extract.exports import ExportSource, Named
from ankiforge.extract.files import open_regular
from ankiforge.extract.folder import File
from ankiforge.extract.sqlite import HEAD, LARGEST, Owner, opened_copy, tables_of
from ankiforge.model import DocumentKey, Problem, Strings

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
