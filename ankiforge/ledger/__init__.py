"""The ledger: the only package that contains SQL.

`Ledger` is its interface. `ingest` records the results of sources, `highlights`, `cards` and `decisions`
store highlights, cards and events, `packages` stores shipped revisions, `replies` stores the replies of
models, and `recorder` records drafts. `queries` and `search` only read.

Words of its tables:

- run: one command that read sources or recorded drafts, by its id
- container: what one scan covers, such as a vault, a folder of PDFs or a library
- place: where a document's highlights are matched: the path of a vault note, else the document's key
- work: the documents that are copies of one another, by the key of the first
- slug: the part of a document's tag made from its title, stored when it is first seen
- listed: found by this command's scan of a container, whether or not it was read again
- staged: read by this run, and not yet matched with what is stored
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ankiforge.config import private
from ankiforge.errors import BusyError
from ankiforge.ledger.alternatives import Alternatives
from ankiforge.ledger.anki import Suspensions, Views
from ankiforge.ledger.cache import CACHE_FILE, CacheFile
from ankiforge.ledger.cards import Cards
from ankiforge.ledger.consents import Consents
from ankiforge.ledger.db import Connection, connect, copy_to_memory
from ankiforge.ledger.db import readable_errors as readable_errors
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.documents import Roots
from ankiforge.ledger.duplicates import Duplicates, ForeignNotes
from ankiforge.ledger.events import Event
from ankiforge.ledger.highlights import FOLDER, Highlights, Pictures
from ankiforge.ledger.ingest import Ingest
from ankiforge.ledger.journal import Journal, Writer
from ankiforge.ledger.ownership import Ownership
from ankiforge.ledger.placing import EarlierDecisions, Placer, Policy
from ankiforge.ledger.queries import Queries
from ankiforge.ledger.recording import Recorder
from ankiforge.ledger.requests import Replies
from ankiforge.ledger.restore import Rebuild, Recovery, lost_lines
from ankiforge.ledger.search import Search
from ankiforge.ledger.shipments import Packages
from ankiforge.ledger.slots import Slots
from ankiforge.model import Problem, RunId, h16

Clock = Callable[[], datetime]

LOCK_SECONDS = 60.0


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Ledger:
    """The ledger of one workspace. Close it, or use it as a context manager."""

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        replies: Replies,
        clock: Clock = now,
        identity: Callable[[], str] = lambda: uuid.uuid4().hex,
        *,
        caches: CacheFile,
        pictures: Pictures,
    ) -> None:
        self._db = connection
        self._journal = journal
        self.clock = clock
        self.caches = caches
        self.pictures = pictures
        self.writer = Writer(connection, journal, clock)
        self.highlights = Highlights(connection, self.writer)
        self.roots = Roots(connection, self.writer)
        self.duplicates = Duplicates(connection, self.writer)
        self.foreign = ForeignNotes(connection, self.writer, self.highlights, self.duplicates)
        self.cards = Cards(connection, self.highlights.several, self.duplicates.update)
        self.decisions = Decisions(connection, self.writer, self.cards)
        self.ingest = Ingest(connection, self.writer, self.decisions, self.cards, pictures.folder)
        self.decisions.on_effect = self._apply
        self.earlier = EarlierDecisions(connection, self.decisions, self.cards)
        self.consents = Consents(connection, self.writer, self.decisions, self.cards)
        self.policy = Policy(connection, self.decisions, self.cards, self.consents)
        self.alternatives = Alternatives(connection, self.decisions, self.cards)
        slots = Slots(connection, self.writer, self.decisions)
        self.placer = Placer(
            connection,
            self.writer,
            self.decisions,
            self.cards,
            self.policy,
            self.alternatives,
            slots,
        )
        self.recorder = Recorder(
            connection, self.writer, self.decisions, self.cards, self.alternatives, slots, self.placer,
            self.policy, self.ingest.moves,
        )  # fmt: skip
        self.packages = Packages(connection, self.writer, self.cards)
        self.views = Views(connection, self.writer, self.decisions, self.cards)
        self.ownership = Ownership(connection, self.writer)
        self.suspensions = Suspensions(connection, self.writer, self.decisions)
        self.recovery = Recovery(connection, self.writer, self.decisions, self.cards, self.packages)
        self.queries = Queries(connection, self.highlights)
        self.search = Search(connection)
        self.replies = replies
        self._name(identity)
        self._rebuild = Rebuild(
            connection, journal, self.writer, self.decisions, self.packages, self.roots
        )  # fmt: skip
        self.problems: tuple[Problem, ...] = self.catch_up()

    def catch_up(self) -> tuple[Problem, ...]:
        """Ingest journal lines written by another machine; return malformed lines as problems."""
        return self._rebuild.update()

    def _apply(self, event: Event) -> None:
        """Apply the effects of an event, other than on its cards, that came from a journal or was undone."""
        self.ingest.apply(event)
        self.consents.apply(event)

    def _name(self, identity: Callable[[], str]) -> None:
        if self._db.execute("SELECT 1 FROM meta WHERE name = 'ledger_id'").fetchone() is None:
            with self._db.unit():
                self._db.execute(
                    "INSERT OR IGNORE INTO meta VALUES ('ledger_id', ?), ('epoch', '1')",
                    (identity(),),
                )

    def start_run(self, command: str) -> RunId:
        """Record the start of a run and return its id."""
        with self._db.unit():
            count = self._db.execute("SELECT count(*) FROM run").fetchone()[0]
            ledger_id = self._db.execute(
                "SELECT value FROM meta WHERE name = 'ledger_id'"
            ).fetchone()[0]
            run = RunId(h16("run", ledger_id, str(count), self.writer.now()))
            self._db.execute(
                "INSERT INTO run (id, at, command) VALUES (?, ?, ?)",
                (run, self.writer.now(), command),
            )
        return run

    def finish_run(self, run: RunId) -> None:
        """Record that a run has ended."""
        with self._db.unit():
            self._db.execute("UPDATE run SET finished = ? WHERE id = ?", (self.writer.now(), run))

    def has_changed(self, name: str, value: str) -> bool:
        """Store a value; return whether it differs from the stored one (False the first time)."""
        now, before = h16(value), self.writer.recall(name)
        if now != before:
            with self.writer.unit():
                self.writer.meta(name, now)
        return before not in ("", now)

    def unit(self) -> AbstractContextManager[None]:
        """Begin a short transaction, for one decision or for several in one action."""
        return self.writer.unit()

    def health(self) -> str:
        """Return the fault of a damaged database; "" if it is sound."""
        found = self._db.execute("PRAGMA quick_check").fetchone()[0]
        return "" if found == "ok" else str(found)

    def lines_lost(self) -> int:
        """Return the number of lines that are missing from the journal and that the ledger would append."""
        return len(lost_lines(self._db, self._journal, self._journal.ids()))

    def close(self) -> None:
        """Close all connections."""
        self.replies.close()
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(
    database: Path, journal: Path, clock: Clock = now, *, any_thread: bool = False
) -> Ledger:
    """Open or create a workspace's ledger and ingest its journal.

    With `any_thread`, several threads may use the ledger; the caller serialises them.

    Raises:
        LedgerError: the ledger is damaged, locked, or of another version.
    """
    private.make_folder(database.parent)
    connection = connect(database, any_thread=any_thread)
    caches = CacheFile(database.with_name(CACHE_FILE))
    replies = Replies.open(database, clock)
    pictures = Pictures(database.with_name(FOLDER))
    return Ledger(
        connection, Journal(journal), replies, clock, caches=caches, pictures=pictures
    )  # fmt: skip


def ledger_in_memory(database: Path, journal: Path, clock: Clock = now) -> Ledger:
    """Open a copy in memory, for dry runs and commands that must not write anything."""
    connection = copy_to_memory(database)
    journal_read = Journal(journal, read_only=True)
    caches = CacheFile(database.with_name(CACHE_FILE), read_only=True)
    pictures = Pictures(database.with_name(FOLDER), read_only=True)
    replies = Replies(connection, clock)
    return Ledger(connection, journal_read, replies, clock, caches=caches, pictures=pictures)


def lock(folder: Path, what: str, seconds: float = LOCK_SECONDS) -> AbstractContextManager[object]:
    """Hold the lock `what` ("drafting", "publishing"); wait if another program holds it.

    Raises:
        BusyError: another program still holds it after `seconds`.
    """
    from filelock import FileLock, Timeout

    path = folder / f"{what}.lock"
    held = FileLock(path, timeout=seconds, mode=0o600)
    try:
        acquired = held.acquire()
    except Timeout as error:
        long = f"has been {what} here for over {seconds:.0f} s" if seconds else f"is {what} here"
        raise BusyError(
            f"another ankiforge{_holder(path)} {long}",
            hint="wait for it, or stop it: nothing is lost",
        ) from error
    with suppress(OSError):  # for the message to programs that wait; the lock is the system's
        path.write_text(str(os.getpid()))
    return acquired


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        holder = path.read_text().strip()
        return f" (process {holder})" if holder.isdigit() else ""
    return ""
