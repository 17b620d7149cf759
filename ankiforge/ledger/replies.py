"""Replies of models by request hash: paid for, so they lie apart from the database, which is a cache."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from ankiforge.config.workspace import make_file
from ankiforge.errors import LedgerError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reply (
    request TEXT PRIMARY KEY, raw TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID
"""
FILE = "replies.db"


@dataclass(frozen=True, slots=True)
class Paid:
    """What was used of one model with one prompt."""

    model: str
    prompt: str
    requests: int
    tokens_in: int
    tokens_out: int


class Replies:
    """Raw replies by request hash; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            LedgerError: it is damaged. It is not deleted: its replies were paid for.
        """
        make_file(path)
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=60, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            hint = "move it away: drafts are then requested, and paid for, again"
            raise LedgerError(f"{path}: cannot be read: {error}", hint=hint) from error

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""
        with self._lock:
            row = self._db.execute("SELECT raw FROM reply WHERE request = ?", (request,)).fetchone()
        return str(row[0]) if row else None

    def put(
        self, request: str, raw: str, *, model: str, prompt: str, tokens_in: int, tokens_out: int
    ) -> None:
        """Store a raw reply durably, replacing an older one."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        values = (request, raw, model, prompt, tokens_in, tokens_out, now)
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def paid(self) -> list[Paid]:
        """Return what was used by model and prompt, without replies pasted from a chat."""
        with self._lock:
            rows = self._db.execute(
                "SELECT model, prompt, count(*), sum(tokens_in), sum(tokens_out) FROM reply"
                " WHERE tokens_in + tokens_out > 0 GROUP BY model, prompt ORDER BY model, prompt"
            ).fetchall()
        return [Paid(*row) for row in rows]

    def close(self) -> None:
        """Close the file after waiting for a thread that uses it."""
        with self._lock:
            self._db.close()
