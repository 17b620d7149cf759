"""The one way by which the ledger is written: a unit, its journal lines, its decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from ankiforge.ledger import generation
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.events import ANKI as ANKI
from ankiforge.ledger.events import PERSON as PERSON
from ankiforge.ledger.events import POLICY as POLICY
from ankiforge.ledger.events import SOURCE as SOURCE
from ankiforge.ledger.events import UPGRADE, depth_of, followed_by, rank_of
from ankiforge.ledger.journal import VERSION, Entry, Journal
from ankiforge.model import h16


class Writer:
    """Short transactions; what must outlive the database is in the journal before the commit."""

    def __init__(
        self, connection: Connection, journal: Journal, clock: Callable[[], datetime]
    ) -> None:
        self._db = connection
        self._journal = journal
        self._clock = clock
        self._lines: list[Entry] = []
        self._batching = False

    @contextmanager
    def unit(self) -> Iterator[None]:
        """All or nothing, journal included; within a batch, a part of that."""
        if self._batching:
            yield
            return
        self._lines = []
        with self._db.unit():
            yield
            if self._lines:
                self._append()
        self._lines = []

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction and one sync to disk for all units within.

        Only for what the next run makes anew at no cost: a power cut takes all of it back.
        """
        with self.unit():
            self._batching = True
            try:
                yield
            finally:
                self._batching = False

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
        """Record an event of this ledger; returns its id."""
        sequence, at, n = self._next_sequence(), self.now(), self._next_number()
        # a copied ledger must not give another event the same id
        identity = h16("decision", self._ledger_id(), str(sequence), at, what, subject)
        entry = Entry(v=VERSION, id=identity, at=at, by=by, what=what, undoes=undoes,
                      action=action, subject=subject, n=n, body=body)  # fmt: skip
        self.store(entry, here=True)
        self._write(entry)
        return identity

    def tell(self, identity: str, body: dict[str, Any]) -> None:
        """Change what an event of the open unit says, before its line is written."""
        self._lines = [
            msgspec.structs.replace(line, body=body) if line.id == identity else line
            for line in self._lines
        ]
        self._db.execute(
            "UPDATE decision SET body = ? WHERE id = ?",
            (msgspec.json.encode(body).decode(), identity),
        )

    def upgrade(self, subject: str, at: str, body: dict[str, Any]) -> None:
        """Record how the columns of an older ledger differ from the fold of its decisions.

        Such a line has no number, so that whatever any machine decided later prevails.
        """
        identity = h16(
            "decision", self._ledger_id(), str(self._next_sequence()), at, UPGRADE, subject
        )
        entry = Entry(v=VERSION, id=identity, at=at, by=UPGRADE, what=UPGRADE, subject=subject,
                      body=body)  # fmt: skip
        self.store(entry, here=True)
        self._write(entry)

    def store(self, entry: Entry, *, here: bool) -> frozenset[str]:
        """Store an event's row; returns the ids of all events that are undone, or not, by it.

        `here`: this ledger recorded it, and no journal brought it.
        """
        rank = rank_of(entry.n, entry.at, self._depth(entry), entry.by, entry.id)
        self._db.execute(
            "INSERT OR IGNORE INTO decision (id, at, by, what, undoes, action, subject, body,"
            " sequence, n, rank, here, undone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " EXISTS (SELECT 1 FROM decision u WHERE u.undoes = ? AND NOT u.undone))",
            (
                entry.id, entry.at, entry.by, entry.what, entry.undoes, entry.action,
                entry.subject, msgspec.json.encode(entry.body).decode(), self._next_sequence(),
                entry.n, rank, int(here), entry.id,
            ),
        )  # fmt: skip
        self._number_older(entry)
        return self._mark_undone(entry.undoes)

    def _depth(self, entry: Entry) -> int:
        """How many events it follows, one after another: an undo sorts after what it undoes."""
        row = self._db.execute(
            "SELECT rank FROM decision WHERE id = ?", (followed_by(entry.undoes, entry.body),)
        ).fetchone()
        return 1 + depth_of(row["rank"]) if row else 0

    def sort_received(self) -> None:
        """Sort events behind those they follow, in whatever order both arrived."""
        rows = self._db.execute(
            "SELECT id, at, by, undoes, body, rank FROM decision"
            " WHERE undoes <> '' OR instr(body, '\"follows\":\"') > 0"
        ).fetchall()
        follows = {
            row["id"]: followed_by(row["undoes"], msgspec.json.decode(row["body"])) for row in rows
        }
        for row in rows:
            depth, seen = 0, {row["id"]}
            before = follows[row["id"]]
            while before and before not in seen:
                seen.add(before)
                there = before in follows or self._is_there(before)
                depth += there
                before = follows.get(before, "")
            if depth != depth_of(row["rank"]):
                turn = int(row["rank"].split(" ")[0])
                self._db.execute(
                    "UPDATE decision SET rank = ? WHERE id = ?",
                    (rank_of(turn, row["at"], depth, row["by"], row["id"]), row["id"]),
                )

    def _is_there(self, identity: str) -> bool:
        row = self._db.execute("SELECT 1 FROM decision WHERE id = ?", (identity,)).fetchone()
        return row is not None

    def _mark_undone(self, identity: str) -> frozenset[str]:
        """Note whether an event is undone, and whether what it undoes itself is so again."""
        marked: list[str] = []
        while identity and identity not in marked:
            marked.append(identity)
            self._db.execute(
                "UPDATE decision SET undone = EXISTS (SELECT 1 FROM decision u"
                " WHERE u.undoes = :id AND NOT u.undone) WHERE id = :id",
                {"id": identity},
            )
            row = self._db.execute("SELECT undoes FROM decision WHERE id = ?", (identity,))
            found = row.fetchone()
            identity = found["undoes"] if found else ""
        return frozenset(marked)

    def _number_older(self, entry: Entry) -> None:
        """Sort lines without a number anew, where one with a number is not later than they are."""
        first = self.recall("numbered")
        if entry.n and (not first or entry.at < first):
            self.meta("numbered", first := entry.at)
        if not first or (not entry.n and entry.at < first):
            return
        earliest = min(entry.at, first) if entry.n else entry.at
        older = self._db.execute(
            "SELECT id, at, by, rank FROM decision WHERE n = 0 AND at >= ?", (earliest,)
        ).fetchall()
        for row in older:
            [turn] = self._db.execute(
                "SELECT coalesce(max(n), 0) FROM decision WHERE n > 0 AND at <= ?", (row["at"],)
            ).fetchone()
            depth = depth_of(row["rank"])
            self._db.execute(
                "UPDATE decision SET rank = ? WHERE id = ?",
                (rank_of(turn, row["at"], depth, row["by"], row["id"]), row["id"]),
            )

    def new_action(self) -> str:
        """A name under which several decisions are one, for undo."""
        return h16("action", self._ledger_id(), str(self._next_sequence()), self.now())

    def _next_number(self) -> int:
        [number] = self._db.execute("SELECT coalesce(max(n), 0) + 1 FROM decision").fetchone()
        return int(number)

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
