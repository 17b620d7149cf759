"""The one way by which the ledger is written: a unit, its journal lines, its decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from ankiforge.ledger import generation
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.journal import VERSION, Entry, Journal
from ankiforge.model import h16

PERSON = "person"
POLICY = "policy"
SOURCE = "source"
ANKI = "anki"
"""What a view of Anki showed."""


class Writer:
    """Short transactions; what must outlive the database is in the journal before the commit."""

    def __init__(
        self, connection: Connection, journal: Journal, clock: Callable[[], datetime]
    ) -> None:
        self._db = connection
        self._journal = journal
        self._clock = clock
        self._lines: list[Entry] = []

    @contextmanager
    def unit(self) -> Iterator[None]:
        """All or nothing, journal included."""
        self._lines = []
        with self._db.unit():
            yield
            if self._lines:
                self._append()
        self._lines = []

    def _append(self) -> None:
        """Lines that another program wrote meanwhile must still be taken in by the next open."""
        if self._journal.is_empty:
            first = generation.first_line(self._db, self._clock())
            self._db.executemany(
                "INSERT OR IGNORE INTO journal VALUES (?)", [(one.id,) for one in first]
            )
            self._lines[:0] = first
        before, after = self._journal.append(self._lines)
        if before == self.recall("journal"):
            self.meta("journal", after)

    def recall(self, name: str) -> str:
        """A value about the ledger itself, "" if there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def now(self) -> str:
        """The moment, as ISO text in UTC."""
        return self._clock().isoformat(timespec="seconds")

    def meta(self, name: str, value: str) -> None:
        """Remember one value about the ledger itself."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def note(self, what: str, subject: str, body: dict[str, Any], once: tuple[str, ...]) -> None:
        """A journal line that is no decision; said once for equal `once`."""
        identity = h16(what, *once)
        if self._known(identity):
            return
        self._write(Entry(v=VERSION, id=identity, at=self.now(), by="", what=what,
                          subject=subject, body=body))  # fmt: skip

    def decide(
        self,
        what: str,
        subject: str,
        body: dict[str, Any],
        *,
        by: str,
        action: str,
        undoes: str = "",
    ) -> str:
        """Record a decision; returns its id."""
        sequence = self._next_sequence()
        at = self.now()
        # a copied ledger must not give another decision the same id
        identity = h16("decision", self._ledger_id(), str(sequence), at, what, subject)
        entry = Entry(v=VERSION, id=identity, at=at, by=by, what=what, undoes=undoes,
                      action=action, subject=subject, body=body)  # fmt: skip
        self.keep(entry, sequence)
        self._write(entry)
        return identity

    def keep(self, entry: Entry, sequence: int | None = None) -> None:
        """Store a decision's row (also one that came by the journal)."""
        self._db.execute(
            "INSERT OR IGNORE INTO decision (id, at, by, what, undoes, action, subject, body,"
            " sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.id,
                entry.at,
                entry.by,
                entry.what,
                entry.undoes,
                entry.action,
                entry.subject,
                msgspec.json.encode(entry.body).decode(),
                sequence if sequence is not None else self._next_sequence(),
            ),
        )

    def new_action(self) -> str:
        """A name under which several decisions are one, for undo."""
        return h16("action", self._ledger_id(), str(self._next_sequence()), self.now())

    def _next_sequence(self) -> int:
        row = self._db.execute("SELECT coalesce(max(sequence), 0) + 1 FROM decision").fetchone()
        return int(row[0])

    def _ledger_id(self) -> str:
        return self.recall("ledger_id")

    def _known(self, identity: str) -> bool:
        found = self._db.execute("SELECT 1 FROM journal WHERE id = ?", (identity,)).fetchone()
        return found is not None

    def hand_on(self, entry: Entry) -> None:
        """Write a line into the journal that another ledger has written first."""
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        self._db.execute("INSERT OR IGNORE INTO journal VALUES (?)", (entry.id,))
        self._lines.append(entry)
