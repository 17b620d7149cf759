"""Open the database: its schema, transactions, and readable errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from traceback import walk_tb
from typing import Any

import msgspec

from ankiforge.config import private
from ankiforge.errors import BusyError, LedgerError
from ankiforge.ledger import fault

BUSY_SECONDS = 10.0
"""How long to wait for another program that writes."""
_DEAF_MS = 200
"""How long SQLite itself waits, during which Ctrl-C has no effect."""
CACHE_KB = 64_000
"""The size of SQLite's page cache."""
WAL_PAGES = 8_000
"""The pages in the write-ahead log that trigger a checkpoint; the default is too small for a first run."""


class Connection(sqlite3.Connection):
    """A connection that raises `LedgerError`."""

    transactions = 0
    """The number of transactions begun. While it is unchanged, values read in one remain valid."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        try:  # not a context manager, whose cost would be measurable here
            return super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            if _is_in_use(error):
                return self._waited(sql, parameters)
            with readable_errors():
                raise error

    def _waited(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        """Repeat a statement until the program that blocks it has finished."""
        latest = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.DatabaseError as error:
                if not _is_in_use(error) or time.monotonic() > latest:
                    with readable_errors():
                        raise error

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run one statement for many rows."""
        with readable_errors():
            return super().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """Run several statements."""
        with readable_errors():
            return super().executescript(sql)

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Run a transaction; units do not nest."""
        nested = self.in_transaction
        try:  # BEGIN is inside, because Ctrl-C may arrive just when it gets the lock
            self.execute("BEGIN IMMEDIATE")
            self.transactions += 1
            yield
            number = fault.before_commit()
            self.execute("COMMIT")
            fault.after_commit(number)
        except BaseException:
            if self.in_transaction and not nested:  # a full disk may have ended the transaction
                self.execute("ROLLBACK")
            raise


def to_json(value: object) -> str:
    """Return a value as JSON, as stored in the ledger."""
    return msgspec.json.encode(value).decode()


_DAMAGED = frozenset(("SQLITE_NOTADB", "SQLITE_CORRUPT"))
_IN_USE = frozenset(("SQLITE_BUSY", "SQLITE_LOCKED"))
_NO_ROOM = frozenset(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN"))


@contextmanager
def readable_errors() -> Iterator[None]:
    """Raise `LedgerError` if the ledger is damaged, locked or full; pass on all other errors.

    Damage in the middle of the file may show only when a row is fetched or its JSON is decoded.
    """
    try:
        yield
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        readable = _readable(error) if _is_of_ledger(error) else None
        if readable is None:
            raise
        raise readable from error


def _is_of_ledger(error: Exception) -> bool:
    """Return whether this package, or a decoder of what it stores, met the error: not another file's."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith(("ankiforge.ledger.", "ankiforge.text."))


def _is_in_use(error: sqlite3.DatabaseError) -> bool:
    return str(getattr(error, "sqlite_errorname", "")) == "SQLITE_BUSY"


def _is_damage(error: Exception, code: str) -> bool:
    if isinstance(error, msgspec.DecodeError):
        return not isinstance(error, msgspec.ValidationError)
    return code in _DAMAGED or str(error).startswith("Could not decode to UTF-8")


def _readable(error: Exception) -> LedgerError | None:
    code = "_".join(str(getattr(error, "sqlite_errorname", "")).split("_")[:2])
    if code in _IN_USE:
        return BusyError(
            "the ledger is locked by another program",
            hint="wait until the other ankiforge has finished, then run this again",
        )
    if _is_damage(error, code):
        return LedgerError(
            f"the ledger is damaged: {error}",
            hint=_SET_ASIDE,
        )
    if code in _NO_ROOM:
        return LedgerError(
            f"the ledger cannot be read or written: {error}",
            hint="check that the disk has space and that you may write in .ankiforge/",
        )
    return None


VERSION = 18
"""The version of schema.sql."""
_SET_ASIDE = "move ledger.db aside: the next run rebuilds it from journal.jsonl"


@cache
def schema() -> str:
    """Return the statements that create the tables of a new ledger."""
    return (files("ankiforge.ledger") / "schema.sql").read_text(encoding="utf-8")


def connect(path: Path, *, any_thread: bool = False, durable: bool = False) -> Connection:
    """Open the ledger at `path`, or create it.

    Args:
        path: the path of the database.
        any_thread: several threads may use the connection; the caller serialises them.
        durable: write every commit to disk before it returns. Without this, a power cut may lose the
            last commits; decisions are then read from the journal, and the next run repeats the rest.

    Raises:
        LedgerError: the ledger is damaged, locked, or of another version.
    """
    private.make_file(
        path
    )  # SQLite gives the files that it creates next to it the same permissions
    with readable_errors():
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            factory=Connection,
            check_same_thread=not any_thread,
        )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        prepare(connection)
        connection.executescript(_TEMPORARY)
        connection.execute(f"PRAGMA busy_timeout = {_DEAF_MS}")
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


_TEMPORARY = """
PRAGMA temp_store = FILE;
CREATE TEMP TABLE listed (
    container TEXT, place TEXT, path TEXT, run TEXT, PRIMARY KEY (container, place, run, path)
) WITHOUT ROWID;
CREATE TEMP TABLE in_scope (run TEXT, key TEXT, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TEMP TABLE journal_block (number INTEGER PRIMARY KEY, lines BLOB);
"""
"""`listed` contains the documents listed by the sources of this command, with the run that last read
each of them; `in_scope` contains the highlights in these documents; `journal_block` the first lines of
a unit that writes many."""


def prepare(connection: Connection) -> None:
    """Create the tables of a new ledger; refuse a ledger of another version."""
    if _version(connection) == 0:
        _create(connection)
    found = _version(connection)
    if found != VERSION:
        raise LedgerError(
            f"the ledger is of version {found}, this program reads version {VERSION}",
            hint="upgrade ankiforge" if found > VERSION else _SET_ASIDE,
        )


def _version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(connection: Connection) -> None:
    # executescript commits an open transaction, so the script contains its own
    script = f"BEGIN IMMEDIATE;\n{schema()}\nPRAGMA user_version = {VERSION};\nCOMMIT;"
    try:
        with readable_errors():
            commit = fault.before_commit()
            connection.executescript(script)
            fault.after_commit(commit)
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        if not _version(connection):  # otherwise another program created them at the same time
            raise


def copy_to_memory(path: Path) -> Connection:
    """Return a copy of the ledger in memory, for commands that must not write."""
    memory = sqlite3.connect(
        ":memory:", isolation_level=None, factory=Connection, check_same_thread=False
    )  # threads that draft look up replies in it
    with readable_errors():
        if path.exists():
            _read_into(memory, path)
    memory.execute("PRAGMA foreign_keys = ON")
    prepare(memory)
    memory.executescript(_TEMPORARY)
    memory.row_factory = sqlite3.Row
    return memory


def _read_into(memory: Connection, path: Path) -> None:
    """Read a ledger without creating files next to it, as SQLite does in WAL mode even for reading.

    Without a `-wal` file, no program has the ledger open, so it is read as a plain file. If another
    program opened it in the meantime, it is read again in the usual way.
    """
    at_rest = not _wal(path).exists()
    for mode in ("immutable=1", "mode=ro") if at_rest else ("mode=ro",):
        uri = f"{path.absolute().as_uri()}?{mode}"
        before = path.stat().st_mtime_ns
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as original:
            original.backup(memory)
        if not _wal(path).exists() and path.stat().st_mtime_ns == before:
            return


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
