"""What sources keep between runs to be quicker: a file beside the ledger that may be deleted.

Nothing in it is of worth but the time it saves. So whatever is wrong with it is no failure: it
counts as empty, and a damaged one is begun anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from ankiforge.config import private

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    owner TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, name)
) STRICT
"""
_PATIENCE = 5.0
"""Seconds to wait for another program that has the file; once, then no more."""
MEMORY = "memory.db"
"""The file's name, beside the ledger."""

Found = TypeVar("Found")


class Memories:
    """The memory file of one workspace."""

    def __init__(self, path: Path, *, forgetful: bool = False) -> None:
        """Remember in the file at `path`; if `forgetful`, only look at what others kept there."""
        self._path = path
        self._forgetful = forgetful
        self._patience = _PATIENCE

    def of(self, owner: str) -> OwnMemory:
        """The part that belongs to one source (or one purpose)."""
        return OwnMemory(self, owner)

    def ask(self, question: Callable[[sqlite3.Connection], Found]) -> Found | None:
        """Look something up; None if there is no memory."""
        if not self._path.is_file():
            return None
        try:
            with closing(self._open()) as connection:
                return question(connection)
        except sqlite3.Error as error:
            self._lose_patience(error)
        return None

    def tell(self, owner: str, bodies: Mapping[str, bytes], forget: Iterable[str]) -> None:
        """Keep and forget, all of it or nothing."""
        if self._forgetful:
            return
        try:
            self._write(owner, bodies, forget)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) in (
                sqlite3.SQLITE_NOTADB,
                sqlite3.SQLITE_CORRUPT,
            ):
                self._begin_anew()
            self._lose_patience(error)

    def _write(self, owner: str, bodies: Mapping[str, bytes], forget: Iterable[str]) -> None:
        private.make_file(self._path)
        with closing(self._open()) as connection, connection:
            connection.execute(_SCHEMA)
            connection.executemany(
                "DELETE FROM kept WHERE owner = ? AND name = ?", ((owner, name) for name in forget)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
                ((owner, name, body) for name, body in bodies.items()),
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=self._patience)

    def _lose_patience(self, error: sqlite3.Error) -> None:
        """Of many questions only the first waits for a file that is in use."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            self._patience = 0.0

    def _begin_anew(self) -> None:
        with suppress(OSError):
            for end in ("", "-journal"):
                self._path.with_name(f"{self._path.name}{end}").unlink(missing_ok=True)


class OwnMemory:
    """What one owner keeps; see `domain.Memory`."""

    def __init__(self, memories: Memories, owner: str) -> None:
        self._memories = memories
        self._owner = owner

    def recall(self, name: str) -> bytes | None:
        """What was kept under this name, None if nothing is."""
        sql = "SELECT body FROM kept WHERE owner = ? AND name = ?"
        found = self._memories.ask(lambda db: db.execute(sql, (self._owner, name)).fetchone())
        return bytes(found[0]) if found else None

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """All that was kept under names that begin so."""
        sql = "SELECT name, body FROM kept WHERE owner = ? AND name >= ? AND name < ?"
        bounds = (self._owner, prefix, f"{prefix}\U0010ffff")
        return dict(self._memories.ask(lambda db: db.execute(sql, bounds).fetchall()) or ())

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Keep these, and forget those names: all of it or, if the power fails, nothing."""
        self._memories.tell(self._owner, bodies, forget)
