"""Replies of models by request hash, and requests for replacements of cards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

import msgspec

from ankiforge.ledger.db import Connection, connect, to_json
from ankiforge.ledger.journal import Writer
from ankiforge.model import Guid


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


_NAMED = "instead:"
"""The prefix of the names in `meta` of open requests."""


@dataclass(frozen=True, slots=True)
class ReplacementRequest:
    """A request for a card that replaces another one."""

    request: str
    """The hash of the request."""
    guid: Guid
    """The problem card to replace."""
    remark: str
    """The description of the problem for the model."""


class ReplacementRequests:
    """Stores replacement requests until they are answered."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def add(self, requests: Iterable[ReplacementRequest]) -> None:
        """Store requests."""
        with self._writer.unit():
            for one in requests:
                self._writer.meta(f"{_NAMED}{one.request}", to_json((one.guid, one.remark)))

    def open(self) -> tuple[ReplacementRequest, ...]:
        """Return the requests without an answer."""
        rows = self._db.execute(
            "SELECT name, value FROM meta WHERE name GLOB ? ORDER BY name", (f"{_NAMED}*",)
        ).fetchall()
        return tuple(_request(row["name"], row["value"]) for row in rows)

    def remove(self, requests: Iterable[ReplacementRequest]) -> None:
        """Remove requests that were answered."""
        with self._writer.unit():
            names = [(f"{_NAMED}{one.request}",) for one in requests]
            self._db.executemany("DELETE FROM meta WHERE name = ?", names)

    def replaceable(self) -> tuple[Guid, ...]:
        """Return the cards that may be replaced."""
        rows = self._db.execute(
            "SELECT guid FROM card WHERE standing = 'live' AND verdict = 'accepted' ORDER BY guid"
        ).fetchall()
        return tuple(Guid(row["guid"]) for row in rows)


def _request(name: str, value: str) -> ReplacementRequest:
    guid, remark = msgspec.json.decode(value, type=tuple[str, str])
    return ReplacementRequest(name.removeprefix(_NAMED), Guid(guid), remark)
