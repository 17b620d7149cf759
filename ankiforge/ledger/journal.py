"""The journal next to the ledger, and the unit of work that writes both.

The journal is an append-only file with one JSON object in each line. The files of two machines are merged
as the union of their lines, by id. Every line has `v id at by what`, `undoes` if it undoes another, and
its own keys. A line is written before its transaction commits; after a crash, the next open reads it.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec

from ankiforge.config import private
from ankiforge.errors import LedgerError
from ankiforge.ledger.db import Connection
from ankiforge.ledger.events import ANKI as ANKI
from ankiforge.ledger.events import PERSON as PERSON
from ankiforge.ledger.events import POLICY as POLICY
from ankiforge.ledger.events import SOURCE as SOURCE
from ankiforge.ledger.events import Event, depth_of, followed_by, rank_of
from ankiforge.model import Problem, h16

VERSION = 1
BLOCK = 1_000
"""The number of lines of a unit that are kept in memory."""
MOST = 10**11
"""The greatest valid number of a line. This program does not write greater ones."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the journal. In the file, `subject` is stored as `key`, `guid`, `source` or `document`."""

    v: int
    id: str
    at: str
    by: str
    what: str
    undoes: str = ""
    action: str = ""
    subject: str = ""
    n: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0
    """The number of an event, one above the greatest that its ledger had seen; 0 = not an event."""
    body: dict[str, Any] = msgspec.field(default_factory=dict)

    def line(self) -> bytes:
        """Return the line as written to the file."""
        return msgspec.json.encode(self.as_json()) + b"\n"

    def as_json(self) -> dict[str, Any]:
        """Return the object of the line: the common keys, its subject, and its own keys."""
        head = {name: getattr(self, name) for name in _HEAD if name != "n" or self.n}
        return {**head, _subject(self.what): self.subject, **self.body}

    @classmethod
    def of(cls, line: bytes) -> Entry:
        """Decode a line.

        Raises:
            msgspec.DecodeError: the line is not JSON.
            msgspec.ValidationError: the line is not one of a journal.
        """
        own = msgspec.json.decode(line, type=dict[str, Any])
        head = {name: own.pop(name) for name in _HEAD if name in own}
        subject = own.pop(_subject(head.get("what")), "")
        return msgspec.convert({**head, "subject": subject, "body": own}, cls)


_HEAD = ("v", "id", "at", "by", "what", "undoes", "action", "n")


def _subject(what: object) -> str:
    """Return the name of the key that contains the subject of a line of this kind."""
    return {
        "issued": "key",
        "slot": "key",
        "skip": "key",
        "bind": "source",
        "consent": "source",
        "union": "document",
    }.get(str(what), "guid")


class Journal:
    """The file next to `ankiforge.yaml`. Without a path it is empty; with `read_only`, never written."""

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._path = path
        self.read_only = read_only
        self.known = ""
        """The last `state` of the file in which the ledger had all lines, as known to this process."""

    def append(self, blocks: Iterable[bytes]) -> tuple[str, str]:
        """Append blocks of whole lines and sync them to disk; return the `state` before and after."""
        if self._path is None or self.read_only:
            return self.state(), self.state()
        existed = self._path.exists()
        with self._opened("a+b") as file:
            before, end = _state(file)
            if end not in (b"", b"\n") and _drop_fragment(file):
                file.write(b"\n")
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            return before if existed else "", _state(file)[0]

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def _opened(self, mode: str) -> Iterator[IO[bytes]]:
        assert self._path is not None
        try:
            with open(self._path, mode, opener=private.opener) as file:
                yield file
        except OSError as error:
            raise LedgerError(
                f"{self._path}: cannot be used: {error.strerror or error}",
                hint="free space there, or allow writing; nothing is lost",
            ) from error

    @property
    def is_empty(self) -> bool:
        """Whether there are no lines yet."""
        try:
            return self._path is None or not self._path.stat().st_size
        except OSError:
            return True

    def state(self) -> str:
        """Return a text that changes with the file; "" if there is no file."""
        if self._path is None or not self._path.exists():
            return ""
        with self._opened("rb") as file:
            return _state(file)[0]

    def read(self) -> Iterator[Entry | Problem]:
        """Yield all lines in file order, malformed ones as problems."""
        if self._path is None or not self._path.exists():
            return
        with self._opened("rb") as file:
            for number, line in enumerate(file, start=1):
                line = line.removeprefix(codecs.BOM_UTF8)  # of an editor
                if line.strip():
                    entry = self._entry(number, line)
                    if isinstance(entry, Entry) or line.endswith(b"\n"):
                        yield entry
                    # otherwise a write was interrupted, and its transaction was not committed

    def ids(self) -> set[str]:
        """Return the ids of all lines."""
        return {line.id for line in self.read() if isinstance(line, Entry)}

    def _entry(self, number: int, line: bytes) -> Entry | Problem:
        try:
            return Entry.of(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            where = f"{self._path}:{number}"
            hint = "repair or delete the line; what the ledger knows of it is written again"
            return Problem(where, f"not a journal line: {error}", hint)


def _drop_fragment(file: IO[bytes]) -> bool:
    """Remove the last line if its write was interrupted; return whether it is complete."""
    size = file.seek(0, os.SEEK_END)
    start, tail = size, b""
    while start and b"\n" not in tail:
        start = max(0, start - 65_536)
        file.seek(start)
        tail = file.read(size - start)
    line = tail.rpartition(b"\n")[2]
    try:
        Entry.of(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        file.truncate(size - len(line))
        return False
    return True


def _state(file: IO[bytes]) -> tuple[str, bytes]:
    """Return a text that changes with the file, and its last byte.

    The time tells of damage in the middle that left the size as it was.
    """
    size, time = file.seek(0, os.SEEK_END), os.fstat(file.fileno()).st_mtime_ns
    file.seek(max(0, size - 512))
    end = file.read()
    return f"{size}:{time}:{h16(end.decode('utf-8', 'replace'))}", end[-1:]


@dataclass(slots=True)
class _Last:
    """The values that the next event depends on."""

    transaction: int
    ledger_id: str
    sequence: int
    """The `sequence` of the event that arrived last."""
    n: int
    """The greatest number of an event."""


class Writer:
    """Runs short transactions, and writes journal lines before the commit."""

    def __init__(
        self, connection: Connection, journal: Journal, clock: Callable[[], datetime]
    ) -> None:
        self._db = connection
        self._journal = journal
        self._clock = clock
        self._lines: list[Entry] = []
        """The last lines of the unit; those before them are in `temp.journal_block`."""
        self._blocks = 0
        """The number of blocks in `temp.journal_block`."""
        self._batching = False
        self._last: _Last | None = None
        self._state = ""

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Run one transaction, including the journal; within a batch, join its transaction."""
        if self._batching:
            yield
            return
        self._lines, self._blocks, self._state = [], 0, ""
        with self._db.unit():
            yield
            if self._lines:
                self._append()
        self._lines = []
        self._journal.known = self._state or self._journal.known

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Run all units inside as one transaction with one sync to disk.

        A power cut loses all of them, so this is only for work that the next run repeats at no cost.
        """
        with self.unit():
            self._batching = True
            try:
                yield
            finally:
                self._batching = False

    def _append(self) -> None:
        """Write the lines of the unit; lines written by others in the meantime are read later."""
        blocks = "SELECT lines FROM temp.journal_block ORDER BY number"
        earlier = (lines for (lines,) in self._db.execute(blocks)) if self._blocks else ()
        before, after = self._journal.append(chain(earlier, [_encoded(self._lines)]))
        if self._blocks:
            self._db.execute("DELETE FROM temp.journal_block")
        noted = self._db.execute(
            "INSERT OR REPLACE INTO meta SELECT 'journal', :after WHERE"
            " coalesce((SELECT value FROM meta WHERE name = 'journal'), '') = :before",
            {"before": before, "after": after},
        )
        self._state = after if noted.rowcount > 0 else ""

    def recall(self, name: str) -> str:
        """Return a meta value; "" if there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def now(self) -> str:
        """Return the current time in ISO 8601, in UTC."""
        return self._clock().isoformat(timespec="seconds")

    def meta(self, name: str, value: str) -> None:
        """Store a meta value, which is about the ledger itself."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
        if name == "ledger_id":
            self.forget_last()

    def note(self, what: str, subject: str, body: dict[str, Any], once: tuple[str, ...]) -> None:
        """Write a journal line that is not an event, only once for equal `once`."""
        identity = h16(what, *once)
        self._write(Entry(v=VERSION, id=identity, at=self.now(), by="", what=what,
                          subject=subject, body=body), once=True)  # fmt: skip

    def decide(
        self,
        what: str,
        subject: str,
        body: dict[str, Any],
        *,
        by: str,
        action: str,
        undoes: str = "",
    ) -> Event:
        """Record an event of this ledger."""
        last, at = self._read_last(), self.now()
        # the id differs from those of a copy of this ledger
        identity = h16("decision", last.ledger_id, str(last.sequence + 1), at, what, subject)
        entry = Entry(v=VERSION, id=identity, at=at, by=by, what=what, undoes=undoes,
                      action=action, subject=subject, n=last.n + 1, body=body)  # fmt: skip
        self.store(entry, here=True)
        self._write(entry)
        rank = rank_of(entry.n, at, self._depth(entry), by, identity)
        stored = msgspec.json.decode(msgspec.json.encode(body))
        return Event(
            identity, at, by, what, subject, undoes, action, stored, rank, sequence=last.sequence
        )

    def amend(self, identity: str, body: dict[str, Any]) -> None:
        """Replace the body of an event in the current unit, before its line is written."""
        self._lines = [
            msgspec.structs.replace(line, body=body) if line.id == identity else line
            for line in self._lines
        ]
        self._db.execute(
            "UPDATE event SET body = ? WHERE id = ?",
            (msgspec.json.encode(body).decode(), identity),
        )

    def store(self, entry: Entry, *, here: bool) -> frozenset[str]:
        """Store an event; return the ids of all events whose undone state it changes.

        With `here`, this ledger recorded the event; otherwise it came from a journal.
        """
        last = self._read_last()
        rank = rank_of(entry.n, entry.at, self._depth(entry), entry.by, entry.id)
        stored = self._db.execute(
            "INSERT OR IGNORE INTO event (id, at, by, what, undoes, action, subject, body,"
            " sequence, n, rank, here, undone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " EXISTS (SELECT 1 FROM event u WHERE u.undoes = ? AND NOT u.undone))",
            (
                entry.id, entry.at, entry.by, entry.what, entry.undoes, entry.action,
                entry.subject, msgspec.json.encode(entry.body).decode(), last.sequence + 1,
                entry.n, rank, int(here), entry.id,
            ),
        )  # fmt: skip
        if stored.rowcount > 0:
            last.sequence += 1
            last.n = max(last.n, entry.n)
        return self._mark_undone(entry.undoes)

    def _depth(self, entry: Entry) -> int:
        """Return the depth of an event in the sort order: 1 + that of the event it follows, else 0."""
        before = followed_by(entry.undoes, entry.body)
        if not before:
            return 0
        row = self._db.execute("SELECT rank FROM event WHERE id = ?", (before,)).fetchone()
        return 1 + depth_of(row["rank"]) if row else 0

    def sort_received(self) -> None:
        """Sort received events after those that they follow, regardless of the order of arrival."""
        rows = self._db.execute(
            "SELECT id, at, by, undoes, body, rank FROM event"
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
                exists = before in follows or self._is_there(before)
                depth += exists
                before = follows.get(before, "")
            if depth != depth_of(row["rank"]):
                turn = int(row["rank"].split(" ")[0])
                self._db.execute(
                    "UPDATE event SET rank = ? WHERE id = ?",
                    (rank_of(turn, row["at"], depth, row["by"], row["id"]), row["id"]),
                )

    def _is_there(self, identity: str) -> bool:
        row = self._db.execute("SELECT 1 FROM event WHERE id = ?", (identity,)).fetchone()
        return row is not None

    def _mark_undone(self, identity: str) -> frozenset[str]:
        """Update whether an event is undone, and in turn the event that it undoes; return their ids."""
        marked: list[str] = []
        while identity and identity not in marked:
            marked.append(identity)
            self._db.execute(
                "UPDATE event SET undone = EXISTS (SELECT 1 FROM event u"
                " WHERE u.undoes = :id AND NOT u.undone) WHERE id = :id",
                {"id": identity},
            )
            row = self._db.execute("SELECT undoes FROM event WHERE id = ?", (identity,))
            found = row.fetchone()
            identity = found["undoes"] if found else ""
        return frozenset(marked)

    def new_action(self) -> str:
        """Return an id for a new action."""
        last = self._read_last()
        return h16("action", last.ledger_id, str(last.sequence + 1), self.now())

    def _read_last(self) -> _Last:
        """Return the values that the next event depends on; they are read once per transaction."""
        begun, last = self._db.transactions, self._last
        if last is None or last.transaction != begun or not self._db.in_transaction:
            row = self._db.execute(
                "SELECT coalesce(max(value), ''),"
                " (SELECT coalesce(max(sequence), 0) FROM event),"
                " (SELECT coalesce(max(n), 0) FROM event) FROM meta WHERE name = 'ledger_id'"
            ).fetchone()
            last = self._last = _Last(begun, *row)
        return last

    def forget_last(self) -> None:
        """Discard the values for the next event, as when part of the transaction was rolled back."""
        self._last = None

    def copy_line(self, entry: Entry) -> None:
        """Write a line of another ledger into the journal."""
        self._write(entry)

    def _write(self, entry: Entry, *, once: bool = False) -> None:
        """Add a line to the unit; with `once`, only if the journal has no line with its id."""
        noted = self._db.execute("INSERT OR IGNORE INTO journal VALUES (?)", (entry.id,))
        if once and not noted.rowcount:
            return
        if len(self._lines) >= BLOCK:  # a first run writes a line for each highlight of a vault
            lines = _encoded(self._lines)
            self._db.execute("INSERT INTO temp.journal_block (lines) VALUES (?)", (lines,))
            self._blocks += 1
            self._lines.clear()
        self._lines.append(entry)


def _encoded(lines: Iterable[Entry]) -> bytes:
    return b"".join(line.line() for line in lines)
