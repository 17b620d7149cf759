"""The database of a workspace, and two files beside it: what saves time, and what was paid for.

The database is a cache, rebuilt from the journal and the sources: what is damaged, or has another
schema, is thrown away. It is opened to write into it, or to read it, and then copied before
anything is written.

`memory.db` contains nothing that cannot be read or computed again, so errors are ignored:
an unreadable file counts as empty, and a damaged one is deleted. `replies.db` has the
replies of models by request hash. It is kept when the database is deleted, and never
deleted by the program.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import msgspec

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import BusyError, LedgerError
from ankiforge.model import Json

# --- what saves time --------------------------------------------------------------------

_CACHE_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    owner TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, name)
) STRICT
"""
# How long to wait in seconds for another program that uses the file; only the first time.
PATIENCE_S = 5.0
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
CACHE_FILE = "memory.db"
"""The name of the file, in the folder of the ledger."""


class CacheFile:
    """The cache file of one workspace."""

    def __init__(self, path: OwnPath) -> None:
        """Use the file at `path`.

        Raises:
            OwnFileError: a link or no regular file is there.
        """
        path.database()
        self._path = path
        self._patience = PATIENCE_S

    def cache_of(self, owner: str) -> Cache:
        """Return the part of the cache that belongs to one source or purpose."""
        return Cache(self, owner)

    def select(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; [] if the file cannot be read."""
        if not self._path.is_there():
            return []
        try:
            with closing(self._open()) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._note_failure(error)
            return []

    def write(
        self,
        owner: str,
        bodies: Mapping[str, bytes],
        forget: Iterable[str],
    ) -> None:
        """Store and delete entries in one transaction."""
        try:
            with closing(self._open(make=True)) as connection, connection:
                connection.execute(_CACHE_SCHEMA)
                forgotten = [(owner, name) for name in forget]
                connection.executemany(
                    "DELETE FROM kept WHERE owner = ? AND name = ?",
                    forgotten,
                )
                rows = [(owner, name, body) for name, body in bodies.items()]
                connection.executemany(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
                    rows,
                )
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) in _DAMAGED:
                with suppress(OSError):
                    self._path.remove_database()
            self._note_failure(error)

    def _open(self, *, make: bool = False) -> sqlite3.Connection:
        path = self._path.database(make=make)
        return sqlite3.connect(path, timeout=self._patience)

    def _note_failure(self, error: sqlite3.Error) -> None:
        """If the file is in use, do not wait for it in later calls."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            self._patience = 0.0


class Cache:
    """The entries of one owner; see `model.Memory`."""

    def __init__(self, file: CacheFile, owner: str) -> None:
        self._file = file
        self._owner = owner

    def recall(self, name: str) -> bytes | None:
        """Return the entry with this name; None if there is none."""
        sql = "SELECT body FROM kept WHERE owner = ? AND name = ?"
        rows = self._file.select(sql, self._owner, name)
        if not rows:
            return None
        [body] = rows[0]
        return bytes(body)

    def everything(self) -> dict[str, bytes]:
        """Return all entries by name."""
        sql = "SELECT name, body FROM kept WHERE owner = ?"
        return {name: bytes(body) for name, body in self._file.select(sql, self._owner)}

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Store entries and delete others, in one transaction."""
        self._file.write(self._owner, bodies, forget)


# --- what was paid for ------------------------------------------------------------------

_REPLIES_SCHEMA = """
CREATE TABLE IF NOT EXISTS reply (
    request TEXT PRIMARY KEY, raw TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID
"""
_INSERT_REPLY = """
INSERT OR REPLACE INTO reply (request, raw, model, prompt, tokens_in, tokens_out, at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
REPLIES_FILE = "replies.db"


class Replies:
    """Raw replies by request hash; safe to use from several threads."""

    def __init__(self, path: OwnPath) -> None:
        """Open the file, or make it.

        Raises:
            LedgerError: it is damaged. It is not deleted: its replies were paid for.
            OwnFileError: a link or no regular file is there.
        """
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(
                path.database(make=True),
                isolation_level=None,
                timeout=60,
                check_same_thread=False,
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_REPLIES_SCHEMA)
        except sqlite3.DatabaseError as error:
            hint = "move it away: drafts are then requested, and paid for, again"
            raise LedgerError(f"{path}: cannot be read: {error}", hint=hint) from error

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""
        query = "SELECT raw FROM reply WHERE request = ?"
        with self._lock:
            row = self._db.execute(query, (request,)).fetchone()
        return str(row[0]) if row else None

    def put(
        self,
        request: str,
        raw: str,
        *,
        model: str,
        prompt: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Store a raw reply durably, replacing an older one."""
        replied_at = datetime.now(UTC).isoformat(timespec="seconds")
        values = (request, raw, model, prompt, *tokens, replied_at)
        with self._lock:
            self._db.execute(_INSERT_REPLY, values)

    def tokens_of(self, model: str) -> tuple[int, int]:
        """Return the tokens that went into a model, as the settings call it, and came out."""
        query = "SELECT total(tokens_in), total(tokens_out) FROM reply WHERE model = ?"
        with self._lock:
            row = self._db.execute(query, (model,)).fetchone()
        tokens_in, tokens_out = map(int, row)
        return tokens_in, tokens_out

    def close(self) -> None:
        """Close the file after waiting for a thread that uses it."""
        with self._lock:
            self._db.close()


# --- the database -----------------------------------------------------------------------

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


def _insertion(verb: str, table: str, columns: Iterable[str], key: str) -> str:
    """Return the statement of `Database.insert`."""
    names = ", ".join(columns)
    values = ", ".join(f":{column}" for column in columns)
    statement = f"{verb} INTO {table} ({names}) VALUES ({values})"
    if key:
        updated = ", ".join(f"{column} = excluded.{column}" for column in columns)
        statement += f" ON CONFLICT ({key}) DO UPDATE SET {updated}"
    return statement


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

    def writable(self) -> sqlite3.Connection:
        """Return the connection, before something is written."""
        return self._db

    def write(self, query: str, *values: object) -> int:
        """Run a statement. Return the number of rows it changed."""
        return self.writable().execute(query, values).rowcount

    def write_all(self, query: str, rows: Iterable[Sequence[object] | Json]) -> None:
        """Run a statement for each of many rows."""
        rows = list(rows)
        if rows:
            self.writable().executemany(query, rows)

    def insert(
        self,
        table: str,
        rows: Iterable[Json],
        *,
        verb: str = "INSERT",
        key: str = "",
    ) -> int:
        """Insert rows with the same columns; return how many were written.

        Args:
            table: the table, which `schema.sql` explains.
            rows: values by column.
            verb: such as `INSERT OR REPLACE`.
            key: the columns by which a row is known that is to be changed instead, if any.
        """
        rows = list(rows)
        if not rows:
            return 0
        statement = _insertion(verb, table, rows[0], key)
        return self.writable().executemany(statement, rows).rowcount

    def put(self, table: str, row: Json, *, key: str) -> Any:
        """Insert a row, or change the one with the same `key` columns; return its `id`."""
        statement = _insertion("INSERT", table, row, key) + " RETURNING id"
        [(id,)] = self.writable().execute(statement, row).fetchall()
        return id

    def data_version(self) -> int:
        """Return a number that changes when another program writes."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

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

    def metas(self, prefix: str) -> dict[str, str]:
        """Return the stored values whose names begin in a way, by the rest of their names."""
        query = "SELECT name, value FROM meta WHERE name LIKE ? || '%'"
        rows = Database.rows(self, query, prefix)
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    def forget(self, name: str) -> None:
        """Forget the value with this name."""
        self.write("DELETE FROM meta WHERE name = ?", name)

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


def snapshot_of(database: OwnPath) -> sqlite3.Connection | None:
    """Open a database to read it as it is now, whatever other programs write.

    Return None if it is not there or of another version, or if SQLite cannot make the files that it
    needs beside it.
    """
    if not database.is_there():
        return None
    uri = f"{database.database().as_uri()}?mode=rw"
    snapshot = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_SECONDS)
    try:
        snapshot.row_factory = sqlite3.Row
        for setting in ("query_only = ON", "case_sensitive_like = ON"):
            snapshot.execute(f"PRAGMA {setting}")
        snapshot.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        snapshot.execute("BEGIN")
        if _version(snapshot) == VERSION and _has_all_tables(snapshot):
            return snapshot
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        pass  # what is wrong with it, the copy tells
    snapshot.close()
    return None


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
            hint = f"ankiforge run rebuilds it from the journal; if not, delete {where} first"
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
    if not isinstance(error, sqlite3.OperationalError) or name not in (
        "",
        "SQLITE_ERROR",
    ):
        return False
    return "syntax error" not in str(error)
