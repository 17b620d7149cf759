"""Replies of models by request hash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock

from ankiforge.ledger.db import Connection, connect


class Replies:
    """Raw replies by request hash; safe to use from several threads."""

    def __init__(self, connection: Connection, clock: Callable[[], datetime]) -> None:
        self._db = connection
        self._clock = clock
        self._lock = Lock()

    @classmethod
    def open(cls, path: Path, clock: Callable[[], datetime]) -> Replies:
        """Open a separate connection, so that a thread never waits inside another's transaction."""
        return cls(connect(path, any_thread=True, durable=True), clock)

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""
        with self._lock:
            row = self._db.execute("SELECT raw FROM reply WHERE request = ?", (request,)).fetchone()
        return str(row[0]) if row else None

    def put(
        self, request: str, raw: str, *, model: str, prompt: str, tokens_in: int, tokens_out: int
    ) -> None:
        """Store a raw reply, and commit at once."""
        now = self._clock().isoformat(timespec="seconds")
        with self._lock, self._db.unit():
            self._db.execute(
                "INSERT OR REPLACE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?)",
                (request, raw, model, prompt, tokens_in, tokens_out, now),
            )

    def close(self) -> None:
        """Close the connection after waiting for a thread that uses it."""
        with self._lock:
            self._db.close()
