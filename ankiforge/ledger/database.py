"""The database of a workspace.

`ledger.db` is rebuilt from the journal and the sources, so it is deleted if it is damaged or has
another schema.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from ankiforge.config.files import make_database, make_private, remove_database
from ankiforge.errors import BusyError, LedgerError
from ankiforge.model import Json

# --- the database -----------------------------------------------------------------------

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
SCHEMA_VERSION = sha256(SCHEMA.encode()).hexdigest()[:16]
"""The hash of the schema. A database with another version is replaced by an empty one, which the
next run fills."""
COMPUTED_TABLES = ("passage", "card", "rejected", "decided_sentence")
"""The tables that `Store` computes from events."""
_TABLES_HASH = "tables"
"""The name under which a database stores the hash of its tables, to detect missing ones."""
BUSY_TIMEOUT = 60.0
"""How many seconds a statement waits while another process writes."""
PAGE_CACHE_KIB = 32_768
"""The size of SQLite's page cache. With the default of 2 MB, pages would be written and read again
many times in a transaction of thousands of decisions."""
BATCH_SIZE = 200
"""How many rows, passages or cards are read at once."""

Row = sqlite3.Row
_T = TypeVar("_T")


def iter_batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Split `values` into lists of at most `BATCH_SIZE` items."""
    iterator = iter(values)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch


def to_json(value: object) -> str:
    """Encode a value as JSON text for the database."""
    return msgspec.json.encode(value).decode()


_READ_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")
_VIEW = re.compile(r"CREATE VIEW IF NOT EXISTS (\w+) AS(.*?);\n", re.DOTALL)


def _find_tables_and_views(tables: Iterable[str]) -> frozenset[str]:
    """Return the names of the given tables and of all views that read one of them."""
    names = set(tables)
    for view, definition in _VIEW.findall(SCHEMA):
        if names.intersection(_READ_TABLE.findall(definition)):
            names.add(view)
    return frozenset(names)


_EVENT_NAMES = _find_tables_and_views(["event"])
_COMPUTED_NAMES = _find_tables_and_views(COMPUTED_TABLES)
_WAITING_NAMES = _find_tables_and_views(["draft"])


class TableReads(NamedTuple):
    """Which tables must be brought up to date before a statement may run."""

    events: bool
    computed: bool
    """The tables computed from events."""
    waiting: bool
    """The table of the waiting drafts."""


@lru_cache(maxsize=1024)
def classify_table_reads(statement: str) -> TableReads:
    """Find out which tables a statement reads, directly or through a view."""
    names = _READ_TABLE.findall(statement)
    return TableReads(
        events=not _EVENT_NAMES.isdisjoint(names),
        computed=not _COMPUTED_NAMES.isdisjoint(names),
        waiting=not _WAITING_NAMES.isdisjoint(names),
    )


def _build_insert(verb: str, table: str, columns: Sequence[str], key: str) -> str:
    names = ", ".join(columns)
    values = ", ".join(f":{column}" for column in columns)
    statement = f"{verb} INTO {table} ({names}) VALUES ({values})"
    if key:
        assignments = ", ".join(f"{column} = excluded.{column}" for column in columns)
        statement += f" ON CONFLICT ({key}) DO UPDATE SET {assignments}"
    return statement


class Database:
    """Runs SQL statements on a database with the tables of `schema.sql`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def fetch_rows(self, query: str, *values: object) -> list[Row]:
        """Run a query and return all rows."""
        self._prepare(query)
        return self._db.execute(query, values).fetchall()

    def iter_rows(self, query: str, *values: object) -> Iterator[Row]:
        """Run a query and yield its rows one at a time."""
        self._prepare(query)
        return self._db.execute(query, values)

    def fetch_first_row(self, query: str, *values: object) -> Row | None:
        """Run a query and return its first row, or None if it has no rows."""
        self._prepare(query)
        first: Row | None = self._db.execute(query, values).fetchone()
        return first

    def fetch_value(self, query: str, *values: object) -> Any:
        """Run a query and return the first value of its first row, or None if it has no rows."""
        first = self.fetch_first_row(query, *values)
        return first[0] if first else None

    def fetch_column(self, query: str, *values: object) -> list[Any]:
        """Run a query and return the first value of each row."""
        return [row[0] for row in self.fetch_rows(query, *values)]

    def _prepare(self, statement: str) -> None:
        """Update the tables that a statement is about to read. Overridden by `Store`."""

    def execute(self, query: str, *values: object) -> int:
        """Run a statement and return the number of rows that it changed."""
        self._prepare(query)
        return self._db.execute(query, values).rowcount

    def execute_all(self, query: str, rows: Iterable[Sequence[object] | Json]) -> None:
        """Run a statement once for each row of parameters."""
        rows = list(rows)
        if rows:
            self._prepare(query)
            self._db.executemany(query, rows)

    def insert(
        self, table: str, rows: Iterable[Json], *, verb: str = "INSERT", key: str = ""
    ) -> int:
        """Insert rows that all have the same columns, and return the number of rows written.

        Args:
            table: The name of a table in `schema.sql`.
            rows: The values of each row, keyed by column.
            verb: The start of the statement, such as `INSERT OR REPLACE`.
            key: The columns of a unique key, by which existing rows are found and updated. If "",
                an existing row is an error, unless `verb` says otherwise.
        """
        rows = list(rows)
        if not rows:
            return 0
        statement = _build_insert(verb, table, list(rows[0]), key)
        return self._db.executemany(statement, rows).rowcount

    def upsert(self, table: str, row: Json, *, key: str) -> Any:
        """Insert a row, or update the row with the same `key` columns. Returns the row's `id`."""
        statement = _build_insert("INSERT", table, list(row), key) + " RETURNING id"
        [(id,)] = self._db.execute(statement, row).fetchall()
        return id

    def get_data_version(self) -> int:
        """Return a number that changes whenever another connection changes the database."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def register_function(
        self, name: str, argument_count: int, function: Callable[..., str | bool]
    ) -> None:
        """Make a deterministic Python function available in SQL under the given name."""
        self._db.create_function(name, argument_count, function, deterministic=True)

    def get_meta(self, name: str) -> str:
        """Return a value from the table of metadata, or "" if there is none.

        Metadata only describes the state of the database. It contains no decisions, so it may be
        lost together with the database.
        """
        return self.fetch_value("SELECT value FROM meta WHERE name = ?", name) or ""

    def set_meta(self, name: str, value: str) -> None:
        """Store a value in the table of metadata.

        An unchanged value isn't written again, so that a run without changes leaves the file as
        it is.
        """
        self.execute(
            "INSERT INTO meta VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value WHERE value != excluded.value",
            name,
            value,
        )

    def get_metas_with_prefix(self, prefix: str) -> dict[str, str]:
        """Return all metadata whose name begins with `prefix`, keyed by the rest of the name."""
        query = "SELECT name, value FROM meta WHERE name LIKE ? || '%'"
        rows = self.fetch_rows(query, prefix)
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    def delete_meta(self, name: str) -> None:
        """Delete a value from the table of metadata, if it exists."""
        self.execute("DELETE FROM meta WHERE name = ?", name)

    def get_value(self, name: str, value_type: type[_T]) -> _T | None:
        """Return a value stored by `set_value`, decoded as `value_type`.

        Returns None if no value is stored, or if it doesn't have this type because another
        version of the program stored it.
        """
        try:
            return msgspec.json.decode(
                self.get_meta(name) or "null", type=value_type | None
            )
        except msgspec.DecodeError:
            return None

    def set_value(self, name: str, value: object) -> None:
        """Store a value as JSON in the table of metadata, to be read by `get_value`."""
        self.set_meta(name, to_json(value))

    def get_cached_value(self, name: str) -> str:
        """Return a value stored by `set_cached_value`, or "" if it has been deleted since."""
        query = "SELECT value FROM until_change WHERE name = ?"
        return self.fetch_value(query, name) or ""

    def set_cached_value(self, name: str, value: str) -> None:
        """Cache a value. It is deleted as soon as any card, passage or note in Anki changes."""
        self.execute("INSERT OR REPLACE INTO until_change VALUES (?, ?)", name, value)


# --- opening ----------------------------------------------------------------------------


def open_database(database: Path) -> sqlite3.Connection:
    """Open a database. It is created if necessary, and replaced if it is damaged or outdated.

    Raises:
        LedgerError: The replacement can't be opened either.
    """
    db = _open_or_create(database)
    if db is None:
        remove_database(database)
        db = _open_or_create(database)
    if db is None:
        hint = "delete it: the next run rebuilds it"
        raise LedgerError(f"{database}: cannot be opened", hint=hint)
    return db


def _open_or_create(database: Path) -> sqlite3.Connection | None:
    make_database(database)
    db = sqlite3.connect(database, isolation_level=None, timeout=BUSY_TIMEOUT)
    make_private(database)
    try:
        _configure_connection(db)
        if not _get_version(db):
            _create_tables(db)
        if _get_version(db) == SCHEMA_VERSION and _has_all_tables(db):
            return db
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not _is_damage_error(error):
            db.close()
            raise
    db.close()
    return None


def _configure_connection(db: sqlite3.Connection) -> None:
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA case_sensitive_like = ON")
    db.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")


def _create_tables(db: sqlite3.Connection) -> None:
    db.executescript(SCHEMA)
    # write the version last, because it shows other processes that the database is complete
    rows = [(_TABLES_HASH, _hash_tables(db)), ("version", SCHEMA_VERSION)]
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def _get_version(db: sqlite3.Connection) -> str:
    """Return the schema version of a database, or "" if it hasn't been completely created yet."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return ""
    row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return row[0] if row else ""


def _has_all_tables(db: sqlite3.Connection) -> bool:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_TABLES_HASH,)).fetchone()
    return row is not None and row[0] == _hash_tables(db)


def _hash_tables(db: sqlite3.Connection) -> str:
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    rows = [tuple(row) for row in db.execute(query)]
    return sha256(repr(rows).encode()).hexdigest()[:16]


def copy_database(database: Path) -> sqlite3.Connection:
    """Copy a database into a temporary one. The copy is empty if the file doesn't exist.

    If there is no `-wal` file, no other program has the database open. It is then read as an
    immutable file, so that SQLite creates no files next to it. If another program opens it in
    the meantime, it is copied again in the normal way.
    """
    copy = sqlite3.connect("", isolation_level=None, timeout=BUSY_TIMEOUT)
    try:
        _fill_copy(copy, database)
    except BaseException:
        copy.close()
        raise
    return copy


def _fill_copy(copy: sqlite3.Connection, database: Path) -> None:
    _configure_connection(copy)
    if database.exists():
        path = database.absolute()
        wal_path = path.with_name(f"{path.name}-wal")
        is_copied = False
        if not wal_path.exists():
            modified_at = path.stat().st_mtime_ns
            _write_backup(copy, path, "immutable=1")
            is_copied = not wal_path.exists() and path.stat().st_mtime_ns == modified_at
        if not is_copied:
            _write_backup(copy, path, "mode=ro")
    if not _get_version(copy):
        _create_tables(copy)


def _write_backup(copy: sqlite3.Connection, path: Path, uri_parameter: str) -> None:
    """Copy the database at `path` into `copy`, unless it has a different schema version.

    `uri_parameter` is the parameter of SQLite's URI, such as `mode=ro`.
    """
    uri = f"{path.as_uri()}?{uri_parameter}"
    with closing(sqlite3.connect(uri, uri=True)) as source:
        if _get_version(source) != SCHEMA_VERSION:  # outdated, or still being created
            return
        if not _has_all_tables(source):
            raise sqlite3.OperationalError("no such table: one or more are missing")
        source.backup(copy)


@contextmanager
def wrap_database_errors(database: Path | None = None) -> Iterator[None]:
    """Context manager that re-raises errors of a damaged, locked or full database.

    They become a `LedgerError`. Other errors pass through. `database` is the path to name in the
    message, or None for the default path.
    """
    try:
        yield
    except (sqlite3.DatabaseError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        if _is_damage_error(error):
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
            ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")
        ):
            hint = "free space, or allow writing, and run it again: nothing is lost"
            message = f"the database cannot be written: {error}"
            raise LedgerError(message, hint=hint) from error
        raise  # any other error is a bug


def _is_damage_error(error: Exception) -> bool:
    """Return whether an error means that the database, or a value in it, is damaged.

    Our own SQL is assumed to be correct, so a missing table or column counts as damage. So does a
    value that can't be decoded.
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
