"""A copy of Anki's database, opened with care: whoever made it may have meant harm."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ankiforge.errors import ItemError

_OLDEST, _NEWEST = 11, 18
"""Known schemas."""
_WITH_TABLES = 15
"""From here on decks and note types have tables; before, JSON in `col`."""
_TABLES = frozenset(("col", "notes", "cards", "revlog", "graves"))
_MORE_TABLES = frozenset(("decks", "notetypes", "fields", "templates"))
_LONGEST = 100_000_000
"""Bytes of one value."""
_OURS = "af" + "[a-z2-7]" * 24
"""Guids of our making, as a GLOB (which tells small from capital letters)."""
_FAULTS = (sqlite3.Error, OverflowError, UnicodeDecodeError)
"""Of a damaged file; even the words of an error may be no UTF-8."""
_PREPARE = """
create index if not exists ix_cards_nid on cards (nid);
create index if not exists ix_revlog_cid on revlog (cid);
create table temp.ours (guid text, nid integer, primary key (guid, nid)) without rowid;
"""


def numbers(*columns: str) -> str:
    """Columns to select: Anki's tables take anything, old programs left fractions for numbers."""
    return ", ".join(f"ifnull(cast({column} as integer), 0)" for column in columns)


def texts(*columns: str) -> str:
    """Columns to select."""
    return ", ".join(f"ifnull(cast({column} as text), '')" for column in columns)


class Database:
    """The copy; `temp.ours` holds (guid, nid) of the notes with a guid of our making."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        ((self.created, self.schema),) = self._version()
        self._check_tables()
        if (found := self.first("pragma quick_check(1)")[0]) != "ok":
            raise self._broken(str(found))
        self._prepare()

    @property
    def legacy(self) -> bool:
        """Whether decks and note types are JSON in `col`."""
        return int(self.schema) < _WITH_TABLES

    def rows(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as they come; a fault of the file is an `ItemError`."""
        try:
            for row in self._connection.execute(statement, values):  # noqa: UP028
                yield row  # `yield from` would close the cursor, maybe after the database
        except _FAULTS as error:
            raise self._broken(str(error)) from error

    def first(self, statement: str, *values: object) -> tuple[Any, ...]:
        """The one row of a query that always has one."""
        return next(self.rows(statement, *values), (None,))

    def _version(self) -> list[tuple[int, int]]:
        query = f"select {numbers('crt', 'ver')} from col limit 1"
        try:
            found = self._connection.execute(query).fetchall()
        except _FAULTS as error:
            what = self.unusable("not a collection of Anki", str(error))
            raise what if "no such" in str(error) else self._broken(str(error)) from error
        if not found or found[0][1] < _OLDEST:
            raise self.unusable("not a collection of Anki 2.1 or later", "schema too old")
        if found[0][1] > _NEWEST:
            raise ItemError(
                f"{self._name}: made by a newer Anki than is known here (schema {found[0][1]})",
                hint="update ankiforge",
            )
        return found

    def _check_tables(self) -> None:
        """A view in a table's place could keep us busy for ever."""
        query = "select name from sqlite_master where type = 'table' and sql like 'create table%'"
        known = {name for (name,) in self.rows(query)}
        missing = (_TABLES if self.legacy else _TABLES | _MORE_TABLES) - known
        if missing:
            raise self.unusable("not a collection of Anki", f"no table {min(missing)}")

    def _prepare(self) -> None:
        try:
            self._connection.executescript(_PREPARE)
            fill = (
                f"insert into temp.ours select guid, {numbers('id')} from notes where guid glob ?"
            )
            self._connection.execute(fill, (_OURS,))
            self._connection.execute("create index temp.ours_nid on ours (nid)")
        except _FAULTS as error:
            raise self._broken(str(error)) from error

    def unusable(self, what: str, why: str) -> ItemError:
        """An error that names the file."""
        return ItemError(f"{self._name}: {what} ({why})", hint="name the collection.anki2 of Anki")

    def _broken(self, why: str) -> ItemError:
        return ItemError(
            f"{self._name}: is damaged or was cut off ({why})",
            hint="run Tools › Check Database in Anki, then try again",
        )


@contextmanager
def opened(copy: Path, name: str) -> Iterator[Database]:
    """Open a copy.

    Args:
        copy: the file; it may be changed.
        name: what to call it in errors.

    Raises:
        ItemError: it is no sound collection.
    """
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        connection.create_collation("unicase", _unicase)
        connection.text_factory = _text
        connection.executescript("pragma temp_store = memory; pragma trusted_schema = off;")
        yield Database(connection, name)


def _unicase(left: str, right: str) -> int:
    """The order Anki gives to names."""
    one, other = left.casefold(), right.casefold()
    return (one > other) - (one < other)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
