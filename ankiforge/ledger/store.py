"""The database and the journal. The journal is the truth; the database can be rebuilt from it.

    journal/<machine>.jsonl ──unite──▶ event ──fold──▶ passage, card, rejected

Each machine appends to a file of its own in the journal's folder, a JSON line per event. The folder
may be shared: the events of all files are united by their ids, in whatever order files and lines
arrive. A line is on disk before the database commits, so a power cut loses the database's part only,
and `unite` reads that back. A line that cannot be read is skipped and counted.

What must stay true:

- Journal first, then `COMMIT`; on an error both are as before, and memory is dropped (`transaction`).
- A table that is computed from events is asked only after `refold`; `passage` and `transaction` see to it.
- `_known` and `_aliases` are copies: another process may have written, which `data_version` tells.
- No other machine's file is written; a line without its end is read later.

`tests/unit/ledger/test_journal.py` and `tests/e2e/test_journals.py` damage, remove, replace and delay
files, `tests/golden/histories/lost.yaml` too; `tests/e2e/test_killed.py` kills the program between the
two writes.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import BusyError, LedgerError
from ankiforge.ledger.bodies import is_sound
from ankiforge.ledger.events import PERSON, Event, Passage, State, content_of
from ankiforge.ledger.fold import KINDS, classes, fold
from ankiforge.model import Json, Strings, Texts, Value
from ankiforge.text.cloze import plain
from ankiforge.text.fold import canonical
from ankiforge.text.nesting import is_too_deep

Row = sqlite3.Row
SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
VERSION = sha256(SCHEMA.encode()).hexdigest()[:16]
"""A database with another schema is made anew: the next run fills it from journal and sources."""
WAIT_SECONDS = 60.0
"""How long a statement waits for another process that writes."""
LINKS = ("same", "undo")
TOGETHER = 200
"""Passages that are folded at once."""
EACH = "(SELECT value FROM json_each(?))"
"""In a condition: one of the values of a JSON list."""
ABSENT = "state != 'present'"
"""Said beside a state, it lets SQLite use the index of the few highlights that are not present."""
INSERT_EVENT = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
TAIL = 4096
"""Bytes before the place up to which a file was read that tell whether it is still the same file."""
JOURNAL_ENDING = ".jsonl"
JOURNAL_BYTES = 1 << 30
"""The largest file of a journal that is read: the decisions of many decades."""
LINE_BYTES = 32 << 20
"""The longest line that is read. A passage has at most the length of a note."""

_decode_event = msgspec.json.Decoder(Event).decode
_decode_passage = msgspec.json.Decoder(Passage).decode


def encode(value: object) -> str:
    """Return the stored form of a value."""
    return msgspec.json.encode(value).decode()


def listed(values: Iterable[str]) -> str:
    """Return values as a column in which a query finds each of them: between line ends."""
    text = "\n".join(canonical(value) for value in values if value)
    return f"\n{text}\n" if text else ""


def words_of(fields: Texts) -> str:
    """Return the plain text of a card; `Reverse` only says that it is asked both ways."""
    return " ".join(plain(text) for name, text in fields.items() if name != "Reverse")


def tag_name(tag: str) -> str:
    """Return a tag as queries spell it: without `#`, with hyphens for blanks."""
    return "-".join(tag.removeprefix("#").split())


class JournalState(Value):
    """What was wrong with the journal when it was read last, in lines."""

    unreadable: int = 0
    """They were skipped, torn last lines too: of these the rest may arrive."""
    missing: int = 0
    """No file had them any more; they are written again, unless nothing may be written."""
    new: int = 0
    """Events that were not known here."""


class ReadUpTo(Value):
    """How far a file of the journal was read."""

    size: int
    tail: str
    """A hash of the bytes before `size`: another one means that the file was replaced."""
    unreadable: int = 0
    """Lines that could not be read."""


REMEMBERED = 5000
"""The number of passages that are kept in memory."""


class Store:
    """Reads and writes the database and this machine's file of the journal."""

    def __init__(
        self, database: OwnPath, journal: OwnPath, machine: str, *, read_only: bool = False
    ) -> None:
        """Open the database, or make an empty one. Call `unite` before anything else.

        With `read_only`, work on a copy in memory: neither database nor journal is written.
        """
        self._read_only = read_only
        self.machine = machine
        self.journal = journal
        self.unreadable = 0
        self.state = JournalState()
        """As the last `unite` found it."""
        self._own = journal / f"{machine}{JOURNAL_ENDING}"
        self._db = _copy(database) if read_only else _open(database)
        self._now = 0
        self._version = 0
        self._known: dict[str, Passage] = {}
        # All keys of each passage that has several; None = not read yet.
        self._aliases: dict[str, Strings] | None = None
        # Keys whose passages are to be computed again; and the contents of the cards that they may get,
        # "" if more may have changed.
        self._changed: dict[str, None] = {}
        self._may_get: set[str] = set()
        # For the journal; the last `_unstored` of them are not in the database yet either.
        self._unwritten: list[Event] = []
        self._unstored = 0
        self._act = ""
        self._inside = False

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # --- plain access ---------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return the rows of a query."""
        return self._db.execute(query, values).fetchall()

    def each(self, query: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a query, one at a time."""
        return self._db.execute(query, values)

    def row(self, query: str, *values: object) -> Row | None:
        """Return the first row of a query, or None."""
        found: Row | None = self._db.execute(query, values).fetchone()
        return found

    def value(self, query: str, *values: object) -> Any:
        """Return the first column of the first row of a query, or None."""
        found = self.row(query, *values)
        return found[0] if found else None

    def write(self, query: str, *values: object) -> int:
        """Run a statement. Return the number of rows it changed."""
        return self._db.execute(query, values).rowcount

    def write_all(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement for each of many rows."""
        if rows := list(rows):
            self._db.executemany(query, rows)

    def define(self, name: str, arguments: int, function: Callable[..., str | bool]) -> None:
        """Give SQL a function that always returns the same for the same arguments."""
        self._db.create_function(name, arguments, function, deterministic=True)

    def meta(self, name: str, default: str = "") -> str:
        """Return a stored value by name."""
        found = self.value("SELECT value FROM meta WHERE name = ?", name)
        return default if found is None else found

    def set_meta(self, name: str, value: str) -> None:
        """Store a value by name. An equal one is not written again: an unchanged run writes nothing."""
        self.write(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
            " WHERE value != excluded.value",
            name, value,
        )  # fmt: skip

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in one transaction; a block inside another one joins it.

        The journal is written first, then the database commits. If the program dies in between, the
        next `unite` reads the lines back.
        """
        if self._inside:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._inside = True
        try:
            self._drop_stale()
            yield
            self.refold()
            self._store_events()
            self._append_to_journal()
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            self._known.clear()
            self._aliases = None
            self._changed.clear()
            self._may_get.clear()
            self._unwritten.clear()
            self._unstored = self._now = 0
            raise
        finally:
            self._inside = False

    @contextmanager
    def action(self) -> Iterator[str]:
        """Run the block in one transaction; one undo takes back what a person decided in it.

        Yield the id that it takes.
        """
        with self.transaction():
            outer, self._act = self._act, self._act or f"{self.machine}.{self._largest() + 1}"
            try:
                yield self._act
            finally:
                self._act = outer

    def _drop_stale(self) -> None:
        """Drop what is held in memory if another process has committed since."""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._known.clear()
            self._aliases = None
        self._now = 0

    # --- events ---------------------------------------------------------------------------------

    def add(self, what: str, key: str, by: str, body: Json) -> Event:
        """Record an event of this machine, inside a transaction."""
        if not self._now:
            self._now = self._largest()
        self._now += 1
        at = datetime.now(UTC).isoformat(timespec="seconds")
        event = Event(
            self._now, self.machine, at, by, what, key, body, self._act if by == PERSON else ""
        )
        self._unwritten.append(event)
        self._unstored += 1
        self._may_get.add(self._gets(event))
        self._changed[key] = None
        if what in LINKS:
            self._relink()
        return event

    def unite(self) -> list[Event]:
        """Read what is new in all files of the journal. Return the events that were not known.

        A last line without its end is read by a later call. Lines that no file has any more, whoever
        made them, are written again into this machine's own file.
        """
        fresh = []
        self.unreadable = missing = 0
        with self.transaction():
            lost = False
            names = {path.name for path in self.journal.listed(JOURNAL_ENDING)}
            for row in self.rows("SELECT name FROM meta WHERE name LIKE 'read %'"):
                if row["name"][5:] not in names:
                    self.write("DELETE FROM meta WHERE name = ?", row["name"])
                    lost = True
            for name in sorted(names):
                events, replaced = self._read_new(self.journal / name)
                fresh += self._insert(events)
                lost |= replaced
            if lost:
                missing = self._restore_lines()
        self.state = JournalState(self.unreadable, missing, len(fresh))
        return sorted(fresh, key=lambda event: event.order)

    def events(self, keys: Sequence[str]) -> list[Event]:
        """Return all events of these keys."""
        return self.select_events(f"key IN {EACH}", encode(keys))

    def select_events(self, condition: str, *values: object) -> list[Event]:
        """Return the events that fulfil an SQL condition and what follows it."""
        self._store_events()
        rows = self.rows(f"SELECT line FROM event WHERE {condition}", *values)
        return [_decode_event(row["line"]) for row in rows]

    def passage(self, key: str) -> Passage:
        """Return the passage with this key, which may be any of its keys."""
        if not self._inside:
            self._drop_stale()
        keys = self._keys(key)
        if not self._changed.keys().isdisjoint(keys):
            self.refold()
        self.load(keys[:1])
        return self._known[keys[0]]

    def load(self, keys: Iterable[str]) -> None:
        """Read passages that will be asked for, at once."""
        named = {self._keys(key)[0] for key in keys}
        # asked of each: the difference to all that are known would take time in their number
        first = {key for key in named if key not in self._known}
        if not first:
            return
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.update((key, Passage((key,))) for key in first)
        for row in self.rows(
            f"SELECT key, body FROM passage WHERE key IN {EACH}", encode([*first])
        ):
            self._known[row["key"]] = _decode_passage(row["body"])

    def first(self, key: str) -> str:
        """Return the oldest key of the passage that has this key."""
        return self.keys(key)[0]

    def keys(self, key: str) -> Strings:
        """Return all keys of the passage that has this key, the oldest first."""
        if not self._inside:
            self._drop_stale()
        return self._keys(key)

    def _keys(self, key: str) -> Strings:
        if self._aliases is None:
            rows = self.rows("SELECT key, keys FROM alias")
            self._aliases = {row["key"]: tuple(msgspec.json.decode(row["keys"])) for row in rows}
        return self._aliases.get(key, (key,))

    def forget_passages(self) -> None:
        """Free the memory that passages take."""
        self.refold()
        self._known.clear()

    def _largest(self) -> int:
        self._store_events()
        return self.value("SELECT max(n) FROM event") or 0

    def _insert(self, events: Iterable[Event]) -> list[Event]:
        added, linked = [], False
        for event in events:
            if self.write(INSERT_EVENT, *_columns(event)):
                added.append(event)
                self._changed[event.key] = None
                self._may_get.add("")
                linked |= event.what in LINKS
        if linked:
            self._relink()
        return added

    def _store_events(self) -> None:
        """Write the events of this transaction that the database lacks: before it is asked for any."""
        if self._unstored:
            rows = map(_columns, self._unwritten[-self._unstored :])
            self._unstored = 0
            self.write_all(INSERT_EVENT, rows)

    def _relink(self) -> None:
        """Compute again which keys are one passage; the key that was issued first names it."""
        links = self.select_events("what IN ('same', 'undo')")
        named = {key for one in links if one.what == "same" for key in (one.key, one.body["old"])}
        issued = [one for one in self.events(sorted(named)) if one.what == "key"] if named else []
        before = {row["key"]: row["keys"] for row in self.rows("SELECT key, keys FROM alias")}
        after = {key: encode(keys) for key, keys in classes((*links, *issued)).items()}
        for key in sorted({*before, *after}):
            if before.get(key) == after.get(key):
                continue
            self._changed[key] = None
            self._may_get.add("")
            self.write("UPDATE highlight SET drafted = '' WHERE key = ?", key)
            self.write("DELETE FROM alias WHERE key = ?", key)
            if keys := after.get(key):
                first = msgspec.json.decode(keys)[0]
                self.write("INSERT INTO alias VALUES (?, ?, ?)", key, first, keys)
        self._aliases = None

    def refold(self) -> None:
        """Compute the passages again whose events changed, before tables of cards are asked."""
        changed, self._changed = list(self._changed), {}
        self._may_get.clear()
        for at in range(0, len(changed), TOGETHER):
            part = dict.fromkeys(self._keys(key) for key in changed[at : at + TOGETHER])
            every = [*dict.fromkeys((*changed[at : at + TOGETHER], *chain(*part)))]
            events = defaultdict(list)
            for event in self.events(every):
                events[event.key].append(event)
            self._forget(every)
            self._keep([fold(keys, chain(*(events[key] for key in keys))) for keys in part])

    def refold_cards(self, content: str) -> None:
        """Do the same, but only if the cards with this content may have changed.

        Of thousands of decisions in one transaction, each asks for them.
        """
        if not self._may_get.isdisjoint((content, "")):
            self.refold()

    def _gets(self, event: Event) -> str:
        """Return the content of the card that is all that an event brings; "" if it may change more."""
        passage = self._known.get(self._keys(event.key)[0])
        first = passage is not None and not (passage.cards or passage.rejected)
        if event.what != "accept" or not first or event.key in self._changed:
            return ""
        return content_of(event.body["draft"]["fields"])

    def _forget(self, keys: Sequence[str]) -> None:
        """Drop what was computed of passages, unless it is known that there is nothing."""
        held = [
            key
            for key, one in zip(keys, [self._known.pop(key, None) for key in keys], strict=True)
            if one is None or one.cards or one.rejected
        ]
        if held:
            for table, column in (("passage", "key"), ("card", "passage"), ("rejected", "passage")):
                self.write(f"DELETE FROM {table} WHERE {column} IN {EACH}", encode(held))

    def _keep(self, passages: Sequence[Passage]) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.update((one.key, one) for one in passages)
        self.write_all(
            "INSERT OR REPLACE INTO passage VALUES (?, ?, ?, ?, ?)",
            ((one.key, bool(one.asked), one.decided, one.skipped, encode(one)) for one in passages),
        )
        self.write_all(
            f"INSERT OR REPLACE INTO card VALUES ({', '.join('?' * 16)})",
            (_card_row(one.key, card) for one in passages for card in one.cards.values()),
        )
        rejected = ((content, one.key) for one in passages for content in one.rejected)
        self.write_all("INSERT INTO rejected VALUES (?, ?)", rejected)

    # --- the files of the journal ---------------------------------------------------------------

    def _append_to_journal(self) -> None:
        if not self._unwritten or self._read_only:
            self._unwritten.clear()
            return
        before, after = self._append(self._unwritten)
        self._unwritten.clear()
        mark = self._mark(self._own.name)
        if mark is None or mark.size == before:
            self._set_mark(self._own, after, mark.unreadable if mark else 0)

    def _append(self, events: Iterable[Event]) -> tuple[int, int]:
        """Append lines to the own file durably, or not at all. Return its size before and after.

        A torn last line is ended first, so that it damages no other.
        """
        data = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
        try:
            with self._own.open(os.O_RDWR | os.O_CREAT | os.O_APPEND) as file:
                size = file.seek(0, os.SEEK_END)
                if size:
                    file.seek(size - 1)
                    data = data if file.read(1) == b"\n" else b"\n" + data
                    file.seek(0, os.SEEK_END)
                try:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), size)
                    raise
        except OSError as error:
            what = f"{self._own}: the decision was not recorded: {error.strerror or error}"
            raise LedgerError(
                what, hint="free space there, or allow writing, and try again"
            ) from error
        return size, size + len(data)

    def _mark(self, name: str) -> ReadUpTo | None:
        found = self.meta(f"read {name}")
        return msgspec.json.decode(found, type=ReadUpTo) if found else None

    def _set_mark(self, path: OwnPath, size: int, unreadable: int) -> None:
        with path.open() as file:
            self.set_meta(
                f"read {path.name}", encode(ReadUpTo(size, _tail(file, size), unreadable))
            )

    def _read_new(self, path: OwnPath) -> tuple[list[Event], bool]:
        """Return the new events of a file, and whether it was replaced by one that lacks some lines."""
        mark = self._mark(path.name)
        events = []
        try:
            with path.open(most=JOURNAL_BYTES) as file:
                same = mark is not None and _tail(file, mark.size) == mark.tail
                start = end = mark.size if mark and same else 0
                unreadable = mark.unreadable if mark and same else 0
                file.seek(start)
                for line in _whole_lines(file):
                    end += line.size
                    if line.is_damaged:
                        unreadable += 1
                    elif line.event is not None and line.event.what in KINDS:
                        events.append(line.event)
                file.seek(end)
                is_torn = bool(file.read(LINE_BYTES).strip())
        except OSError as error:
            what = f"{path}: cannot be read: {error.strerror}"
            raise LedgerError(what, hint="allow reading, or restore the file") from error
        self.unreadable += unreadable + is_torn
        if end > start or not same:
            self._set_mark(path, end, unreadable)
        return events, mark is not None and not same

    def _restore_lines(self) -> int:
        """Write again the events that no file of the journal has. Return how many these are."""
        held = set()
        for path in self.journal.listed(JOURNAL_ENDING):
            with path.open(most=JOURNAL_BYTES) as file:
                held |= {line.event.id for line in _whole_lines(file) if line.event is not None}
        lines = [
            _decode_event(row["line"])
            for row in self.each("SELECT id, line FROM event ORDER BY n, machine, id")
            if row["id"] not in held
        ]
        if lines and not self._read_only:
            _, size = self._append(lines)
            self._set_mark(self._own, size, 0)
        return len(lines)


class Line(NamedTuple):
    """A line of a journal that has its end."""

    size: int
    """In bytes, with the end of the line."""
    event: Event | None = None
    """None for a blank line, and one that is damaged."""
    is_damaged: bool = False
    """A torn line, a marker of a version control system, or nothing that the program writes."""


def _whole_lines(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of a journal up to the last one that has its end."""
    while data := file.readline(LINE_BYTES):
        size = len(data)
        is_long = size == LINE_BYTES
        while is_long and not data.endswith(b"\n"):
            data = file.readline(LINE_BYTES)
            size += len(data)
            if not data:
                return
        if not data.endswith(b"\n"):
            return
        if is_long:
            yield Line(size, is_damaged=True)
        elif not data.strip():
            yield Line(size)
        else:
            event = _event(data)
            yield Line(size, event, is_damaged=event is None)


def _event(line: bytes) -> Event | None:
    """Return the event of a line; None if the line is damaged."""
    if is_too_deep(line):
        return None
    try:
        event = _decode_event(line)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return event if is_sound(event) else None


def _columns(event: Event) -> tuple[object, ...]:
    """Return the row of an event."""
    named = (event.id, event.key, event.n, event.machine, event.what, event.by, event.act)
    return (*named, encode(event))


def _card_row(key: str, card: State) -> tuple[object, ...]:
    """Return the row of a card of the passage with this key."""
    wording = card.wording
    return (
        card.guid, key, card.verdict.value, card.live, card.by, bool(card.offered),
        wording.kind, card.deck, wording.drafter, wording.content, card.source,
        words_of(wording.fields), listed(map(tag_name, (*card.tags, *wording.tags))), card.why,
        card.shipped[-1].mod if card.shipped else 0, card.adopted.guid if card.adopted else "",
    )  # fmt: skip


def _tail(file: Any, size: int) -> str:
    """Return a hash of the bytes before `size`; "" if the file is shorter."""
    if file.seek(0, os.SEEK_END) < size:
        return ""
    file.seek(max(0, size - TAIL))
    return sha256(file.read(min(size, TAIL))).hexdigest()[:16]


@contextmanager
def readable_errors() -> Iterator[None]:
    """Raise `LedgerError` if the database is damaged, locked or full; pass on all other errors."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            hint = "wait for it, or stop it: nothing is lost"
            raise BusyError("another ankiforge is writing", hint=hint) from error
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            hint = "free space, or allow writing, and run it again: nothing is lost"
            raise LedgerError(f"the database cannot be written: {error}", hint=hint) from error
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            hint = "delete .ankiforge/ledger.db: the next run rebuilds it from the journal"
            raise LedgerError(f"the database is damaged: {error}", hint=hint) from error
        raise


def _copy(database: OwnPath) -> sqlite3.Connection:
    """Return a temporary copy of a database that may not exist.

    Without a `-wal` file no program has it open, so it is read as a plain file: otherwise SQLite
    would create files next to it. If another program opened it meanwhile, it is read once more.
    """
    copied = _open(None)
    if not database.is_there():
        return copied
    path = database.database()
    log = path.with_name(f"{path.name}-wal")
    modes = ("mode=ro",) if log.exists() else ("immutable=1", "mode=ro")
    for mode in modes:
        before = path.stat().st_mtime_ns
        with closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True)) as source:
            if _version(source) == VERSION:  # else another program is making it
                source.backup(copied)
        if not log.exists() and path.stat().st_mtime_ns == before:
            break
    return copied


def _version(db: sqlite3.Connection) -> str:
    """Return the version of a database; "" if it is still being made."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return ""
    found = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return found[0] if found else ""


def _open(database: OwnPath | None) -> sqlite3.Connection:
    """Open a database; None = a temporary one, which SQLite keeps in a file of its own.

    One that is damaged or of another version is replaced by an empty one.
    """
    for attempt in range(2):
        path = database.database(make=True) if database else ""
        db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS)
        db.row_factory = sqlite3.Row
        if database:
            database.restrict()
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA case_sensitive_like = ON")
            if not _version(db):
                db.executescript(SCHEMA)
                db.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (VERSION,))
            if _version(db) == VERSION:
                return db
        except sqlite3.OperationalError:
            db.close()
            raise
        except sqlite3.DatabaseError:
            pass
        db.close()
        if attempt == 0 and database:
            database.remove_database()
    raise LedgerError(f"{database}: cannot be opened", hint="delete it: the next run rebuilds it")
