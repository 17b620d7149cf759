"""The cache file next to the ledger, in which sources store data between runs to save time.

It contains nothing that cannot be read or computed again, so errors are ignored: an unreadable file
counts as empty, and a damaged one is deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ankiforge.config.workspace import make_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    owner TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, name)
) STRICT
"""
_PATIENCE = 5.0
"""How long to wait in seconds for another program that uses the file; only the first time."""
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
CACHE_FILE = "memory.db"
"""The name of the file, in the folder of the ledger."""


class CacheFile:
    """The cache file of one workspace."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`."""
        self._path, self._patience = path, _PATIENCE

    def of(self, owner: str) -> Cache:
        """Return the part of the cache that belongs to one source or purpose."""
        return Cache(self, owner)

    def select(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; [] if the file cannot be read."""
        if self._path.is_file():
            try:
                with closing(self._open()) as connection:
                    return connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                self._failed(error)
        return []

    def write(self, owner: str, bodies: Mapping[str, bytes], forget: Iterable[str]) -> None:
        """Store and delete entries in one transaction."""
        try:
            make_file(self._path)
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
        """If the file is in use, do not wait for it in later calls."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            self._patience = 0.0


class Cache:
    """The entries of one owner; see `model.Memory`."""

    def __init__(self, file: CacheFile, owner: str) -> None:
        self._file, self._owner = file, owner

    def recall(self, name: str) -> bytes | None:
        """Return the entry with this name; None if there is none."""
        sql = "SELECT body FROM kept WHERE owner = ? AND name = ?"
        found = self._file.select(sql, self._owner, name)
        return bytes(found[0][0]) if found else None

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Store entries and delete others, in one transaction."""
        self._file.write(self._owner, bodies, forget)
