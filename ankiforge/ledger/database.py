"""The database: its tables, and opening it, to write into it or as a copy that is only read.

It is a cache, rebuilt from the journal and the sources: what is damaged, or has another
schema, is thrown away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import BusyError, LedgerError
from ankiforge.model import Json

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
VERSION = sha256(SCHEMA.encode()).hexdigest()[:16]
"""A database with another schema is replaced: the next run fills it from journal and
sources."""
_TABLES = "tables"
"""The name under which a database keeps a hash of its tables, to see whether one is
missing."""
WAIT_SECONDS = 60.0
"""How long a statement waits for another process that writes."""
CACHE_KIB = 32_768
"""How much of the database is kept in memory. SQLite's 2 MB are written and read again many
times in a transaction of thousands of decisions."""
TOGETHER = 200
"""The number of rows, passages or cards that are read at once."""

Row = sqlite3.Row
_T = TypeVar("_T")


def in_batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield values in lists of as many as are read at once."""
    rest = iter(values)
    while batch := list(islice(rest, TOGETHER)):
        yield batch


def encode(value: object) -> str:
    """Return the stored form of a value."""
    return msgspec.json.encode(value).decode()


class Database:
    """Reads and writes the tables that `schema.sql` explains."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return the rows of a query."""
        return self._db.execute(query, values).fetchall()

    def each(self, query: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a query, one at a time."""
        return self._db.execute(query, values)

    def row(self, query: str, *values: object) -> Row | None:
        """Return the first row of a query, or None."""
        first: Row | None = self._db.execute(query, values).fetchone()
        return first

    def value(self, query: str, *values: object) -> Any:
        """Return the first column of the first row of a query, or None."""
        first = self.row(query, *values)
        return first[0] if first else None

    def write(self, query: str, *values: object) -> int:
        """Run a statement. Return the number of rows it changed."""
        return self._db.execute(query, values).rowcount

    def write_all(self, query: str, rows: Iterable[Sequence[object] | Json]) -> None:
        """Run a statement for each of many rows."""
        rows = list(rows)
        if rows:
            self._db.executemany(query, rows)

    def insert(
        self,
        table: str,
        rows: Iterable[Json],
        *,
        verb: str = "INSERT",
        otherwise: str = "",
    ) -> int:
        """Insert rows with the same columns; return how many were written.

        Args:
            table: the table, which `schema.sql` explains.
            rows: values by column.
            verb: such as `INSERT OR REPLACE`.
            otherwise: the clause `ON CONFLICT`, if any.
        """
        rows = list(rows)
        if not rows:
            return 0
        columns = ", ".join(rows[0])
        values = ", ".join(f":{column}" for column in rows[0])
        statement = f"{verb} INTO {table} ({columns}) VALUES ({values}) {otherwise}"
        return self._db.executemany(statement, rows).rowcount

    def define(
        self,
        name: str,
        arguments: int,
        function: Callable[..., str | bool],
    ) -> None:
        """Give SQL a function that always returns the same for the same arguments."""
        self._db.create_function(name, arguments, function, deterministic=True)

    def meta(self, name: str) -> str:
        """Return a stored value by name, "" if there is none.

        It is a fact about this database, not a decision: it is lost with the database.
        """
        return self.value("SELECT value FROM meta WHERE name = ?", name) or ""

    def set_meta(self, name: str, value: str) -> None:
        """Store a value by name.

        An equal one is not written again: an unchanged run writes nothing.
        """
        self.write(
            "INSERT INTO meta VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value WHERE value != excluded.value",
            name,
            value,
        )

    def get_value(self, name: str, shape: type[_T]) -> _T | None:
        """Return a value of this type; None if there is none, or one of another version."""
        try:
            return msgspec.json.decode(self.meta(name) or "null", type=shape | None)
        except msgspec.DecodeError:
            return None

    def set_value(self, name: str, value: object) -> None:
        """Store a value, of a type that `get_value` is given."""
        self.set_meta(name, encode(value))

    def kept(self, name: str) -> str:
        """Return the value stored with `keep_until_change`, "" if it is gone."""
        query = "SELECT value FROM until_change WHERE name = ?"
        return self.value(query, name) or ""

    def keep_until_change(self, name: str, value: str) -> None:
        """Store a value that is gone as soon as a card, a passage or a note in Anki changes."""
        self.write("INSERT OR REPLACE INTO until_change VALUES (?, ?)", name, value)


# --- opening ----------------------------------------------------------------------------


def open_database(database: OwnPath) -> sqlite3.Connection:
    """Open a database. One that is damaged or of another version is replaced by an empty one.

    Raises:
        LedgerError: it cannot be replaced.
    """
    db = _connect(database)
    if db is None:
        database.remove_database()
        db = _connect(database)
    if db is None:
        hint = "delete it: the next run rebuilds it"
        raise LedgerError(f"{database}: cannot be opened", hint=hint)
    return db


def _connect(database: OwnPath) -> sqlite3.Connection | None:
    """Open a database, or make it; None if it is damaged or of another version."""
    path = database.database(make=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS)
    database.restrict()
    try:
        _configure(db)
        if not _version(db):
            _make_tables(db)
        if _version(db) == VERSION and _has_all_tables(db):
            return db
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not _shows_damage(error):
            db.close()
            raise
    db.close()
    return None


def _configure(db: sqlite3.Connection) -> None:
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA case_sensitive_like = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _make_tables(db: sqlite3.Connection) -> None:
    db.executescript(SCHEMA)
    # the version last: by it, another program takes the database for complete
    rows = [(_TABLES, _hash_of_tables(db)), ("version", VERSION)]
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def _version(db: sqlite3.Connection) -> str:
    """Return the version of a database; "" if it is still being made."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return ""
    row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return row[0] if row else ""


def _has_all_tables(db: sqlite3.Connection) -> bool:
    """Return whether the tables of a database of this version are as they were made."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_TABLES,)).fetchone()
    return row is not None and row[0] == _hash_of_tables(db)


def _hash_of_tables(db: sqlite3.Connection) -> str:
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    rows = [tuple(row) for row in db.execute(query)]
    return sha256(repr(rows).encode()).hexdigest()[:16]


def copy_database(database: OwnPath) -> sqlite3.Connection:
    """Return a temporary copy of a database that may not exist; SQLite keeps it in a file.

    Without a `-wal` file no program has it open, so it is read as a plain file: otherwise
    SQLite would create files next to it. If another program opened it meanwhile, it is
    read once more.
    """
    copy = sqlite3.connect("", isolation_level=None, timeout=WAIT_SECONDS)
    _configure(copy)
    if database.is_there():
        path = database.database()
        log = path.with_name(f"{path.name}-wal")
        is_copied = False
        if not log.exists():
            changed = path.stat().st_mtime_ns
            _copy_into(copy, path, "immutable=1")
            is_copied = not log.exists() and path.stat().st_mtime_ns == changed
        if not is_copied:
            _copy_into(copy, path, "mode=ro")
    if not _version(copy):
        _make_tables(copy)
    return copy


def _copy_into(copy: sqlite3.Connection, path: Path, mode: str) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True)) as source:
        if _version(source) != VERSION:  # another program is making it
            return
        if not _has_all_tables(source):
            raise sqlite3.OperationalError("no such table: one or more are missing")
        source.backup(copy)


@contextmanager
def readable_errors(database: OwnPath | None = None) -> Iterator[None]:
    """Raise `LedgerError` if the database is damaged, locked or full.

    Pass on all other errors.
    """
    try:
        yield
    except (sqlite3.DatabaseError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        if _shows_damage(error):
            where = database or ".ankiforge/ledger.db"
            hint = f"delete {where}: the next run rebuilds it from the journal"
            summary = " ".join(str(error).split())[:200]
            message = f"the database is damaged: {summary}"
            raise LedgerError(message, hint=hint) from error
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            hint = "wait for it, or stop it: nothing is lost"
            raise BusyError("another ankiforge is writing", hint=hint) from error
        if name.startswith(
            ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"),
        ):
            hint = "free space, or allow writing, and run it again: nothing is lost"
            message = f"the database cannot be written: {error}"
            raise LedgerError(message, hint=hint) from error
        raise  # a fault of the program


def _shows_damage(error: Exception) -> bool:
    """Return whether an error shows that the database, or a value in it, is damaged.

    Its statements are right, as are the values that it writes: a table, a column or a
    value that cannot be read was lost or changed since.
    """
    if not isinstance(error, sqlite3.DatabaseError):
        return True
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return True
    is_general = isinstance(error, sqlite3.OperationalError) and name in (
        "",
        "SQLITE_ERROR",
    )
    return is_general and "syntax error" not in str(error)
