"""Opening the database: to write into it, or as a copy that is only read.

It is a cache, rebuilt from the journal and the sources: what is damaged, or has another
schema, is thrown away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import BusyError, ForgeError, LedgerError

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


def open_database(database: OwnPath | None) -> sqlite3.Connection:
    """Open a database; None = a temporary one, which SQLite keeps in a file of its own.

    One that is damaged or of another version is replaced by an empty one.

    Raises:
        LedgerError: it cannot be replaced.
    """
    db = _connect(database)
    if db is None and database is not None:
        database.remove_database()
        db = _connect(database)
    if db is None:
        hint = "delete it: the next run rebuilds it"
        raise LedgerError(f"{database}: cannot be opened", hint=hint)
    return db


def _connect(database: OwnPath | None) -> sqlite3.Connection | None:
    """Open a database, or make it; None if it is damaged or of another version."""
    path = database.database(make=True) if database else ""
    db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS)
    db.row_factory = sqlite3.Row
    if database:
        database.restrict()
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA case_sensitive_like = ON")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if not _version(db):
            db.executescript(SCHEMA)
            # the version last: by it, another program takes the database for complete
            rows = [(_TABLES, _hash_of_tables(db)), ("version", VERSION)]
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
        if _version(db) == VERSION and _has_all_tables(db):
            return db
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not _shows_damage(error):
            db.close()
            raise
    db.close()
    return None


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
    """Return a temporary copy of a database that may not exist.

    Without a `-wal` file no program has it open, so it is read as a plain file: otherwise
    SQLite would create files next to it. If another program opened it meanwhile, it is
    read once more.
    """
    copy = open_database(None)
    if not database.is_there():
        return copy
    path = database.database()
    log = path.with_name(f"{path.name}-wal")
    if not log.exists():
        changed = path.stat().st_mtime_ns
        _copy_into(copy, path, "immutable=1")
        if not log.exists() and path.stat().st_mtime_ns == changed:
            return copy
    _copy_into(copy, path, "mode=ro")
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
        readable = _readable(error, database)
        if readable is None:
            raise
        raise readable from error


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


def _readable(error: Exception, database: OwnPath | None) -> ForgeError | None:
    """Return the error to show; None if this is a fault of the program."""
    if _shows_damage(error):
        where = database or ".ankiforge/ledger.db"
        hint = f"delete {where}: the next run rebuilds it from the journal"
        summary = " ".join(str(error).split())[:200]
        return LedgerError(f"the database is damaged: {summary}", hint=hint)
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        hint = "wait for it, or stop it: nothing is lost"
        return BusyError("another ankiforge is writing", hint=hint)
    if name.startswith(
        ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"),
    ):
        hint = "free space, or allow writing, and run it again: nothing is lost"
        return LedgerError(f"the database cannot be written: {error}", hint=hint)
    return None
