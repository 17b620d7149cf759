"""Two files beside the database: what saves time, and what was paid for.

`memory.db` contains nothing that cannot be read or computed again, so errors are ignored:
an unreadable file counts as empty, and a damaged one is deleted. `replies.db` has the
replies of models by request hash. It is kept when the database is deleted, and never
deleted by the program.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import LedgerError

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
