"""The cache file beside the ledger: what sources store between runs to be quicker.

Nothing in it is of worth but the time it saves, so whatever is wrong with it is no failure: it counts
as empty, and a damaged file is replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ankiforge.config import private

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    owner TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, name)
) STRICT
"""
_PATIENCE = 5.0
"""Seconds to wait for another program that uses the file; once, then no more."""
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
CACHE_FILE = "memory.db"
"""The file's name, beside the ledger."""


class CacheFile:
    """The cache file of one workspace."""

    def __init__(self, path: Path, *, forgetful: bool = False) -> None:
        """Use the file at `path`; if `forgetful`, only read it."""
        self._path, self._forgetful, self._patience = path, forgetful, _PATIENCE

    def of(self, owner: str) -> Cache:
        """Return the part that belongs to one source (or one purpose)."""
        return Cache(self, owner)

    def select(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none if the file cannot be read."""
        if self._path.is_file():
            try:
                with closing(self._open()) as connection:
                    return connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                self._failed(error)
        return []

    def write(self, owner: str, bodies: Mapping[str, bytes], forget: Iterable[str]) -> None:
        """Store and delete, all of it or nothing."""
        if self._forgetful:
            return
        try:
            private.make_file(self._path)
            with closing(self._open()) as connection, connection:
                connection.execute(_SCHEMA)
                gone = [(owner, name) for name in forget]
                connection.executemany("DELETE FROM kept WHERE owner = ? AND name = ?", gone)
                rows = [(owner, name, body) for name, body in bodies.items()]
                connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) in _DAMAGED:
                with suppress(OSError):
                    for end in ("", "-journal"):
                        self._path.with_name(f"{self._path.name}{end}").unlink(missing_ok=True)
            self._failed(error)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=self._patience)

    def _failed(self, error: sqlite3.Error) -> None:
        """Of many calls only the first waits for a file that is in use."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            self._patience = 0.0


class Cache:
    """What one owner stores; see `model.Memory`."""

    def __init__(self, file: CacheFile, owner: str) -> None:
        self._file, self._owner = file, owner

    def recall(self, name: str) -> bytes | None:
        """Return what was stored under this name, None if nothing is."""
        sql = "SELECT body FROM kept WHERE owner = ? AND name = ?"
        found = self._file.select(sql, self._owner, name)
        return bytes(found[0][0]) if found else None

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """Return all that was stored under names that begin so."""
        sql = "SELECT name, body FROM kept WHERE owner = ? AND name >= ? AND name < ?"
        return dict(self._file.select(sql, self._owner, prefix, f"{prefix}\U0010ffff"))

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Store these, and delete those names: all of it or, if the power fails, nothing."""
        self._file.write(self._owner, bodies, forget)
