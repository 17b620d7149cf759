"""The journal, which records everything, and the database, which is rebuilt from it.

Each device appends events to its own file, `journal/<device>.jsonl`. `Store.merge_journal` reads
the events of all files, and `replay_events` computes passages and cards from them. Lines are on
disk before the database commits, and an error rolls both back. The tables computed from events are
written once for all new events: before the next statement that reads one of them, and before a
commit. This happens automatically.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ankiforge.config.log import anonymize_key, log_lines
from ankiforge.errors import BugError, wrap_unexpected_errors
from ankiforge.ledger.database import (
    COMPUTED_TABLES,
    Database,
    classify_table_reads,
    copy_database,
    iter_batches,
    open_database,
)
from ankiforge.ledger.database import Row as Row
from ankiforge.ledger.database import to_json as to_json
from ankiforge.ledger.event_replay import group_linked_keys, replay_events, sort_events
from ankiforge.ledger.events import (
    SUBJECT_KINDS,
    USER,
    Event,
    Passage,
    hash_question_and_answer,
    hash_text,
)
from ankiforge.ledger.journal import (
    EVENT_FORMAT_HASH,
    AppendedSpan,
    JournalFiles,
    ReadPosition,
    decode_event,
    is_known_event,
)
from ankiforge.ledger.sentence_decisions import (
    find_last_decision_by_card,
    hash_card_sentence,
    hash_sentence,
    is_distinctive_sentence,
)
from ankiforge.model import Card, Fields, Json, Strings, Value
from ankiforge.text import occlusion
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.normalize import normalize_for_comparison

LINK_KINDS = ("same", "undo")
"""Kinds of events that change which keys belong to one passage."""
MAX_CACHED_PASSAGES = 5000
"""The number of passages at which the cache is cleared."""
JSON_VALUES = "(SELECT value FROM json_each(?))"
"""The SQL subquery for the values of a JSON list that is passed as one parameter."""


# For each of these queries, `schema.sql` has a partial index with exactly this condition.
_SUBJECT_EVENTS = (
    "SELECT id, line FROM event WHERE what IN ('form', 'dialects', 'decline', 'mark')"
)
_LINK_EVENTS = "SELECT id, line FROM event WHERE what IN ('same', 'undo')"
_DELETE_OTHER_ROWS = (
    f"DELETE FROM passage WHERE key IN {JSON_VALUES}",
    f"DELETE FROM rejected WHERE passage IN {JSON_VALUES}",
    f"DELETE FROM decided_sentence WHERE passage IN {JSON_VALUES}",
)
_decode_passage = msgspec.json.Decoder(Passage).decode


def to_list_column(values: Iterable[str]) -> str:
    """Normalize values and join them by newlines, to be stored in a list column.

    The text also begins and ends with a newline, so that a query can match a whole value. It is
    "" if there are no values. `split_list_column` is the inverse.
    """
    text = "\n".join(normalize_for_comparison(value) for value in values if value)
    return f"\n{text}\n" if text else ""


def split_list_column(column: str) -> list[str]:
    """Return the values of a list column."""
    return [value for value in column.split("\n") if value]


def join_card_fields(fields: Fields) -> str:
    """Return the plain text of a card's fields, ignoring `Reverse`, which is only a flag."""
    shown = occlusion.replace_masks_with_labels(fields)
    texts = [to_plain_text(text) for name, text in shown if name != "Reverse"]
    return " ".join(texts)


def normalize_tag(tag: str) -> str:
    """Normalize a tag for queries. A leading `#` is removed, and spaces become hyphens."""
    return "-".join(tag.removeprefix("#").split())


class JournalState(Value):
    """How many lines of the journal couldn't be used when it was last read, by reason."""

    unreadable: int = 0
    """The number of skipped lines, including torn last lines, whose rest may still arrive."""
    missing: int = 0
    """The number of lines in the database that were no longer in any file. Unless the store is
    read-only, they were appended to this device's file."""
    unknown: int = 0
    """The number of lines whose kind only a newer version of the program knows."""


class _Transaction:
    """The state of a running transaction."""

    def __init__(self) -> None:
        self.action = ""
        """The id of the running action, which nested blocks join, or ""."""
        self.events: list[Event] = []
        """The events recorded so far, not yet in the journal."""
        self.stored_count = 0
        """How many of `events` are in the database."""
        self.last_number: int | None = None
        """The number of the last event, or None if it wasn't queried yet."""
        self.changed_keys: dict[str, Passage | None] = {}
        """The keys of the passages with events that aren't in the computed tables yet, each with
        the cached passage before these events, if any."""
        self.log_lines: list[str] = []
        """What to log if the transaction is committed, besides the events."""
        self.outdated_keys: set[str] = set()
        """The keys of passages whose waiting drafts must be computed again, because of a decision
        or because the keys belong to another passage than before."""
        self.outdated_sentences: set[str] = set()
        """The hashes of decided sentences. The drafts of all passages with one of them must be
        computed again, too."""
        self.decided: set[str] = set()
        """The hashes of the sentences and texts that decisions were about."""

    def forget_since(self, event_count: int, log_line_count: int) -> None:
        """Forget the events and log lines after these counts, because they were rolled back.

        The first `event_count` events must be in the database. Keys and sentences stay changed and
        outdated, because computing their passages once more does no harm.
        """
        del self.events[event_count:]
        del self.log_lines[log_line_count:]
        self.stored_count = event_count
        self.last_number = None  # it counts the forgotten events
        # the cached passages may have changed since
        self.changed_keys = dict.fromkeys(self.changed_keys)


class Store(Database):
    """The database and the journal from which it is computed.

    A store reads the journals of all devices but only writes to that of this device.
    """

    def __init__(
        self, database: Path, journal: Path, machine: str, *, read_only: bool = False
    ) -> None:
        """Open the database, creating it if necessary.

        Call `merge_journal` before anything else.

        Args:
            database: The path of the database.
            journal: The directory of the journal.
            machine: The id of this device.
            read_only: Whether to leave the database and the journal as they are. A temporary copy
                of the database is then read and changed.
        """
        self.device_id = machine
        self.journal_state = JournalState()
        """The state of the journal at the last `merge_journal`."""
        self._read_only = read_only
        self._journal = JournalFiles(journal, machine)
        super().__init__(
            copy_database(database) if read_only else open_database(database)
        )
        self._data_version = 0
        self._transaction: _Transaction | None = None
        self._passages: dict[str, Passage] = {}
        # all keys of each passage that has several, by each of these keys; None = not read yet
        self._aliases: dict[str, Strings] | None = None
        # the active events of the kinds in `SUBJECT_KINDS`, by key; None = not read yet
        self._subject_events: dict[str, list[Event]] | None = None

    # --- transactions and actions -------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Context manager that runs its block in a single transaction.

        A nested block joins the outer transaction. The journal is written before the database
        commits. If the program is killed between the two, the next `merge_journal` reads the lines
        into the database.
        """
        if self._transaction is not None:
            yield
            return
        appended: AppendedSpan | None = None
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._transaction = _Transaction()
            self._drop_stale_caches()
            yield
            self._update_waiting_drafts()
            self._update_tables()
            if self._transaction.events and not self._read_only:
                appended = self._journal.append(self._transaction.events)
                self._advance_own_read_position(appended)
            self._db.execute("COMMIT")
            if not self._read_only:
                event_lines = map(_describe_event, self._transaction.events)
                log_lines([*event_lines, *self._transaction.log_lines])
        except BaseException as error:
            if appended and isinstance(error, sqlite3.Error):
                # the caller is told that nothing was recorded
                self._journal.undo_append(*appended)
            # Ctrl-C may come just after the commit
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._drop_caches()
            raise
        finally:
            self._transaction = None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Context manager that runs its block in a savepoint. It is rolled back on an error."""
        with self.transaction():
            transaction = self._require_transaction()
            self._update_tables()
            event_count = len(transaction.events)  # all of them are in the database now
            log_line_count = len(transaction.log_lines)
            self._db.execute("SAVEPOINT attempt")
            try:
                yield
                self._update_waiting_drafts()
                self._update_tables()
            except BaseException:
                self._db.execute("ROLLBACK TO attempt")
                transaction.forget_since(event_count, log_line_count)
                self._drop_caches()
                raise
            finally:
                self._db.execute("RELEASE attempt")

    def apply_in_savepoints(
        self, keys: Sequence[str], apply: Callable[[Sequence[str]], None]
    ) -> dict[str, BugError]:
        """Call `apply` with all keys at once. If that fails, call it once for each key.

        The changes of a failed call are rolled back.

        Returns:
            The unexpected exceptions, by the key that caused them.
        """
        if not keys:
            return {}
        try:
            with wrap_unexpected_errors(), self.savepoint():
                apply(keys)
            return {}
        except BugError as error:
            if len(keys) == 1:
                return {keys[0]: error}
        errors: dict[str, BugError] = {}
        for key in keys:  # each alone, to find the failing key
            errors |= self.apply_in_savepoints([key], apply)
        return errors

    @contextmanager
    def action(self) -> Iterator[str]:
        """Context manager that groups the decisions of its block, to be undone as a whole.

        The block runs in a single transaction, and a nested block joins the outer action. The
        action ends with its transaction, so no later event can be added to it.

        Yields:
            The id of the action, which `undo` accepts.
        """
        with self.transaction():
            transaction = self._require_transaction()
            if transaction.action:
                yield transaction.action
                return
            transaction.action = f"{self.device_id}.{self.find_last_event_number() + 1}"
            try:
                yield transaction.action
            finally:
                transaction.action = ""

    @property
    def decided_hashes(self) -> set[str]:
        """The hashes of the sentences and texts that were decided on in this transaction."""
        return self._transaction.decided if self._transaction else set()

    def _require_transaction(self) -> _Transaction:
        if self._transaction is None:
            raise RuntimeError("events are recorded inside a transaction")
        return self._transaction

    def _drop_stale_caches(self) -> None:
        if self._read_only:  # a snapshot or a private copy never changes
            return
        version = self.get_data_version()
        if version != self._data_version:
            self._data_version = version
            self._drop_caches()

    def _drop_caches(self) -> None:
        self._passages.clear()
        self._aliases = None
        self._subject_events = None

    def log(self, lines: Iterable[str]) -> None:
        """Log lines when the transaction is committed. Must be called inside a transaction."""
        self._require_transaction().log_lines.extend(lines)

    def schedule_waiting_update(
        self, keys: Iterable[str], sentence_hashes: Iterable[str]
    ) -> None:
        """Have waiting drafts computed again before they are next read.

        These are the drafts of the passages with these keys or with one of these sentences.
        """
        transaction = self._require_transaction()
        transaction.outdated_keys.update(keys)
        transaction.outdated_sentences.update(sentence_hashes)

    def take_outdated_drafts(self) -> tuple[set[str], set[str]]:
        """Return what was passed to `schedule_waiting_update`, and forget it."""
        transaction = self._require_transaction()
        outdated = transaction.outdated_keys, transaction.outdated_sentences
        transaction.outdated_keys, transaction.outdated_sentences = set(), set()
        return outdated

    def _update_waiting_drafts(self) -> None:
        """Compute all outdated waiting drafts again. Overridden by `Ledger`."""

    # --- events -------------------------------------------------------------------------

    def record_event(self, kind: str, key: str, by: str, body: Json) -> Event:
        """Record an event from this device. Must be called inside a transaction.

        Decisions by the user become part of the current action, if any.
        """
        transaction = self._require_transaction()
        if transaction.last_number is None:
            transaction.last_number = self.find_last_event_number()
        transaction.last_number += 1
        event = Event(
            number=transaction.last_number,
            device_id=self.device_id,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            author=by,
            kind=kind,
            key=key,
            body=body,
            action_id=transaction.action if by == USER else "",
        )
        transaction.events.append(event)
        if kind in SUBJECT_KINDS:
            self._subject_events = None
        else:
            # keep the passage as it was before the first event of the key
            passage = self._passages.pop(self._get_keys(key)[0], None)
            transaction.changed_keys.setdefault(key, passage)
        if kind == "same":
            self._recompute_aliases()
        return event

    def record_undo(self, event: Event, why: str = "") -> None:
        """Record that the user undid an event. Must be called inside a transaction.

        `why` is "", or `DRAFTING_UNDONE_REASON` if `event` is an acceptance that was already
        undone and the drafting of its draft is now undone as well.
        """
        body = {"event": event.id, "why": why} if why else {"event": event.id}
        self.record_event("undo", event.key, USER, body)
        self.log([f"undone: {_describe_event(event)}"])
        self._subject_events = None
        if event.kind == "same":
            self._recompute_aliases()

    def load_events(self, keys: Sequence[str]) -> list[Event]:
        """Load all events for these keys, whether active or not."""
        query = f"SELECT id, line FROM event WHERE key IN {JSON_VALUES}"
        return list(self.iter_events(query, to_json(keys)))

    def get_subject_events(self, key: str) -> list[Event]:
        """Return the events of a subject that haven't been undone, oldest first.

        `key` is the key of the subject; see `SUBJECT_KINDS`.
        """
        if self._transaction is None:
            self._drop_stale_caches()
        if self._subject_events is None:
            self._subject_events = defaultdict(list)
            events = list(self.iter_events(_SUBJECT_EVENTS))
            if events:
                events += self.iter_events(_LINK_EVENTS)
            for event, is_active in sort_events(events):
                if is_active and event.kind in SUBJECT_KINDS:
                    self._subject_events[event.key].append(event)
        return self._subject_events.get(key, [])

    def iter_events(self, query: str, *values: object) -> Iterator[Event]:
        """Run a query that selects `id` and `line`, and yield the events one at a time."""
        for row in self.iter_rows(query, *values):
            event = decode_event(row["line"])
            vars(event)["id"] = row["id"]  # hashing takes longer than reading
            yield event

    def find_last_event_number(self) -> int:
        """Return the highest event number, or 0 if there aren't any events."""
        largest = self.fetch_value("SELECT max(n) FROM event") or 0
        return max(largest, self.fetch_value("SELECT max(n) FROM unknown_event") or 0)

    def _flush_events(self) -> None:
        """Write newly recorded events to the database so that queries can see them."""
        transaction = self._transaction
        if transaction is None or transaction.stored_count == len(transaction.events):
            return
        missing_events = transaction.events[transaction.stored_count :]
        transaction.stored_count = len(transaction.events)
        self.insert("event", map(_event_to_row, missing_events), verb="INSERT OR IGNORE")

    # --- passages -----------------------------------------------------------------------

    def get_passage(self, key: str) -> Passage:
        """Return the passage that a key belongs to."""
        first_key = self.get_first_key(key)
        if first_key not in self._passages:
            self.preload_passages([first_key])
        return self._passages[first_key]

    def get_passages(self, keys: Sequence[str]) -> list[Passage]:
        """Return the passage for each key, loading them all with a single query."""
        if self._transaction is None:
            self._drop_stale_caches()
        self.preload_passages(keys)
        return [self._passages[self._get_keys(key)[0]] for key in keys]

    def preload_passages(self, keys: Iterable[str]) -> None:
        """Load the passages of these keys into the cache with a single query."""
        first_keys = {self._get_keys(key)[0] for key in keys}
        # one by one, because a set difference takes time proportional to the cache
        missing_keys = [key for key in first_keys if key not in self._passages]
        if not missing_keys:
            return
        if len(self._passages) >= MAX_CACHED_PASSAGES:
            self._passages.clear()
            missing_keys = list(first_keys)
        query = f"SELECT key, body FROM passage WHERE key IN {JSON_VALUES}"
        rows = self.fetch_rows(query, to_json(missing_keys))
        for key in missing_keys:
            self._passages[key] = Passage((key,))
        for row in rows:
            self._passages[row["key"]] = _decode_passage(row["body"])

    def get_first_key(self, key: str) -> str:
        """Return the oldest key of the passage that a key belongs to, which identifies it."""
        return self.get_keys(key)[0]

    def get_keys(self, key: str) -> Strings:
        """Return all keys of the passage that a key belongs to, oldest first."""
        if self._transaction is None:
            self._drop_stale_caches()
        return self._get_keys(key)

    def get_all_keys(self, keys: Iterable[str]) -> list[str]:
        """Return all keys of the passages that these keys belong to, in no particular order."""
        if self._transaction is None:
            self._drop_stale_caches()
        return list({passage_key for key in keys for passage_key in self._get_keys(key)})

    def _get_keys(self, key: str) -> Strings:
        if self._aliases is None:
            self._aliases = {}
            for row in self.fetch_rows("SELECT key, keys FROM alias"):
                self._aliases[row["key"]] = tuple(msgspec.json.decode(row["keys"]))
        return self._aliases.get(key, (key,))

    def _recompute_aliases(self) -> None:
        """Recompute which keys belong to the same passage.

        Keys that now belong to a different passage are queued for an update. The oldest key
        identifies the passage.
        """
        transaction = self._require_transaction()
        old_groups: dict[str, str] = {}
        for row in self.fetch_rows("SELECT key, keys FROM alias"):
            old_groups[row["key"]] = row["keys"]
        groups = self._load_linked_keys()
        new_groups = {key: to_json(keys) for key, keys in groups.items()}
        for key in sorted({*old_groups, *new_groups}):
            if old_groups.get(key) == new_groups.get(key):
                continue
            transaction.changed_keys[key] = None
            transaction.outdated_keys.add(key)
            self._passages.pop(key, None)
            self.execute("UPDATE highlight SET drafted = '' WHERE key = ?", key)
            self.execute("DELETE FROM alias WHERE key = ?", key)
            if key in new_groups:
                first_key = groups[key][0]
                alias = {"key": key, "first": first_key, "keys": new_groups[key]}
                self.insert("alias", [alias])
        self._aliases = None

    def _load_linked_keys(self) -> dict[str, Strings]:
        """Load all keys of each passage with several keys, oldest first, by each of these keys."""
        links = list(self.iter_events(_LINK_EVENTS))
        linked_keys: set[str] = set()
        for event in links:
            if event.kind == "same":
                linked_keys.update((event.key, event.body["old"]))
        # the `key` events tell which key is the oldest
        key_events = []
        for event in self.load_events(sorted(linked_keys)):
            if event.kind == "key":
                key_events.append(event)
        return group_linked_keys((*links, *key_events))

    # --- tables computed from events ----------------------------------------------------

    def _prepare(self, statement: str) -> None:
        if self._transaction is not None:
            reads = classify_table_reads(statement)
            if reads.waiting:
                self._update_waiting_drafts()
            if reads.computed:
                self._update_tables()
            elif reads.events:
                self._flush_events()

    def _update_tables(self) -> None:
        """Write new events to the database, and recompute the passages that have any."""
        self._flush_events()
        transaction = self._require_transaction()
        changed, transaction.changed_keys = transaction.changed_keys, {}
        for batch in iter_batches(changed.items()):
            self._recompute_passages(dict(batch))

    def _recompute_passages(self, changed: Mapping[str, Passage | None]) -> None:
        """Recompute passages from their events, and replace their rows in the computed tables.

        `changed` maps a key of each passage to the passage as it was before its new events, or to
        None if it wasn't cached.
        """
        # a key may have been a passage of its own before, whose rows are deleted, too
        passage_keys = dict.fromkeys(self._get_keys(key) for key in changed)
        all_keys = list(dict.fromkeys((*changed, *chain(*passage_keys))))
        events_by_key = defaultdict(list)
        for event in self.load_events(all_keys):
            events_by_key[event.key].append(event)
        if len(self._passages) >= MAX_CACHED_PASSAGES:
            self._passages.clear()
        query = f"DELETE FROM card WHERE passage IN {JSON_VALUES} RETURNING guid"
        changed_guids = set(self.fetch_column(query, to_json(all_keys)))
        for query in _DELETE_OTHER_ROWS:
            self.execute(query, to_json(all_keys))
        for key in all_keys:
            self._passages.pop(key, None)

        rows: dict[str, list[Json]] = {table: [] for table in COMPUTED_TABLES}
        for keys in passage_keys:
            events = chain.from_iterable(events_by_key[key] for key in keys)
            passage = replay_events(keys, events)
            self._passages[passage.key] = passage
            for table, row in _iter_rows(passage):
                rows[table].append(row)
            # if only the history of notes has changed, nothing has to be planned again
            before = changed.get(passage.key)
            if before and _has_only_new_notes(before, passage):
                changed_guids.difference_update(passage.cards)
            else:
                changed_guids.update(passage.cards)
        for table in COMPUTED_TABLES:
            self.insert(table, rows[table], verb="INSERT OR REPLACE")
        if changed_guids:
            self.delete_export_plans(changed_guids)

    def delete_export_plans(self, guids: Iterable[str]) -> None:
        """Delete the export plans of these notes, so that the next run plans them again."""
        query = f"DELETE FROM planned WHERE guid IN {JSON_VALUES}"
        self.execute(query, to_json(list(guids)))
        self.execute("DELETE FROM until_change")

    # --- the journal --------------------------------------------------------------------

    def merge_journal(self) -> list[Event]:
        """Read new lines from all journal files, and return the new events.

        A last line without a newline is left for a later call. Lines that are in the database but
        no longer in any file are appended to this device's file, no matter which device wrote
        them.
        """
        if self._transaction is None and self._is_up_to_date():
            return []
        new_events: list[Event] = []
        unreadable = 0
        missing = 0
        with self.transaction():
            self._forget_read_positions_of_other_version()
            names = self._journal.list_names()
            # a removed or replaced file may have had lines that no other file has
            may_lack_lines = self._forget_removed_files(names)
            for name in names:
                lines = self._journal.read_new_lines(name, self._get_read_position(name))
                if lines.position:
                    self.set_value(f"read {name}", lines.position)
                unreadable += lines.unreadable
                may_lack_lines |= lines.was_replaced
                new_events += self._insert_new_events(lines.events)
            if any(event.kind == "accept" for event in new_events):
                # look for the notes of the accepted cards
                self.set_meta("anki state", "")
            if may_lack_lines:
                missing = self._append_missing_events()
            unknown = self.fetch_value("SELECT count(*) FROM unknown_event")
        self.journal_state = JournalState(unreadable, missing, unknown)
        return sorted(new_events, key=lambda event: event.order)

    def _forget_read_positions_of_other_version(self) -> None:
        """Have all files reread if another version of the program, with other events, read them."""
        reader = self.get_meta("reader")
        if reader and reader != EVENT_FORMAT_HASH:
            for name in self.get_metas_with_prefix("read "):
                self.delete_meta(f"read {name}")
            self.execute("DELETE FROM unknown_event")
        self.set_meta("reader", EVENT_FORMAT_HASH)

    def _forget_removed_files(self, present_names: Iterable[str]) -> bool:
        """Forget how far removed journal files were read. Returns whether there are any."""
        read_names = self.get_metas_with_prefix("read ").keys()
        removed_names = read_names - set(present_names)
        for name in removed_names:
            self.delete_meta(f"read {name}")
        return bool(removed_names)

    def _append_missing_events(self) -> int:
        """Append the events that are in no journal file to that of this device.

        Returns:
            The number of these events. If the store is read-only, nothing is appended.
        """
        journal_ids = self._journal.read_event_ids()
        missing_events = []
        query = "SELECT id, line FROM event UNION ALL SELECT id, line FROM unknown_event"
        for row in self.iter_rows(query):
            if row["id"] not in journal_ids:
                missing_events.append(decode_event(row["line"]))
        if missing_events and not self._read_only:
            missing_events.sort(key=lambda event: event.order)
            appended = self._journal.append(missing_events)
            self._set_own_read_position(appended.new_size, unreadable=0)
        return len(missing_events)

    def _is_up_to_date(self) -> bool:
        """Return whether all journal files have been read to their end.

        If so, `journal_state` is updated.
        """
        positions = {
            name: self._get_read_position(name)
            for name in self.get_metas_with_prefix("read ")
        }
        names = self._journal.list_names()
        if self.get_meta("reader") != EVENT_FORMAT_HASH or positions.keys() - set(names):
            return False
        unreadable = 0
        for name in names:
            position = positions.get(name)
            if position is None or not self._journal.is_fully_read(name, position):
                return False
            unreadable += position.unreadable
        unknown = self.fetch_value("SELECT count(*) FROM unknown_event")
        self.journal_state = JournalState(unreadable, unknown=unknown)
        return True

    def _insert_new_events(self, events: Iterable[Event]) -> list[Event]:
        """Insert events that aren't in the database yet, and return those of known kinds.

        Their passages are computed again before they are next read.
        """
        event_by_id = {event.id: event for event in events}
        unknown_rows: list[Json] = []
        known_ids: list[str] = []
        for id, event in event_by_id.items():
            if is_known_event(event):
                known_ids.append(id)
            else:
                unknown_rows.append({"id": id, "n": event.number, "line": to_json(event)})
        self.insert("unknown_event", unknown_rows, verb="INSERT OR IGNORE")
        stored_ids: set[str] = set()
        for ids in iter_batches(known_ids):
            query = f"SELECT id FROM event WHERE id IN {JSON_VALUES}"
            stored_ids.update(self.fetch_column(query, to_json(ids)))
        new_events = [event_by_id[id] for id in known_ids if id not in stored_ids]
        if not new_events:
            return []

        self.insert("event", map(_event_to_row, new_events))
        self._subject_events = None
        for event in new_events:
            self.log([f"read {_describe_event(event)}"])
            self._require_transaction().changed_keys[event.key] = None
        if any(event.kind in LINK_KINDS for event in new_events):
            self._recompute_aliases()
        return new_events

    def _get_read_position(self, name: str) -> ReadPosition | None:
        return self.get_value(f"read {name}", ReadPosition)

    def _advance_own_read_position(self, appended: AppendedSpan) -> None:
        """Count lines just appended to this device's file as read.

        If lines before them haven't been read yet, the next `merge_journal` reads all of them.
        """
        position = self._get_read_position(self._journal.own_path.name)
        if position is None:
            self._set_own_read_position(appended.new_size, unreadable=0)
        elif position.size == appended.old_size:
            self._set_own_read_position(appended.new_size, unreadable=position.unreadable)

    def _set_own_read_position(self, size: int, *, unreadable: int) -> None:
        read_up_to = self._journal.compute_own_read_position(size, unreadable)
        self.set_value(f"read {self._journal.own_path.name}", read_up_to)


def _has_only_new_notes(stored: Passage, passage: Passage) -> bool:
    """Return whether two versions of a passage only differ in what happened to notes in Anki."""
    if not stored.cards or stored.cards.keys() != passage.cards.keys():
        return False
    cards = {}
    for guid, card in passage.cards.items():
        cards[guid] = replace(card, note=stored.cards[guid].note)
    return replace(passage, cards=cards) == stored


def _iter_rows(passage: Passage) -> Iterator[tuple[str, Json]]:
    """Yield the rows that a passage has in the computed tables, as pairs of a table and a row."""
    key = passage.key
    passage_row = {
        "key": key,
        "asks": bool(passage.possible_same_keys),
        "decided": bool(passage.decisions) or passage.is_closed,
        "done": passage.has_active_decision,
        "closed": passage.is_closed,
        "skipped": passage.is_skipped,
        "body": to_json(passage),
    }
    yield "passage", passage_row
    last_decisions = find_last_decision_by_card(passage.decisions)
    for card in passage.cards.values():
        sentence = hash_card_sentence(card, last_decisions.get(card.guid))
        yield "card", _card_to_row(card, key, sentence)
    for content_hash in passage.rejected_hashes:
        yield "rejected", {"content": content_hash, "passage": key}
    for decision in passage.decisions:
        for sentence in decision.sentences if decision.event_id else ():
            if is_distinctive_sentence(sentence):
                name = hash_sentence(sentence)
                row = {"name": name, "passage": key, "kind": decision.kind}
                yield "decided_sentence", row


def _card_to_row(card: Card, key: str, sentence: str) -> Json:
    return {
        "guid": card.guid,
        "passage": key,
        "verdict": card.verdict.value,
        "live": card.is_live,
        "by": card.decided_by,
        "offered": bool(card.edits.source_texts_offered),
        "kind": card.kind.value,
        "deck": card.deck,
        "drafter": card.origin.drafter,
        "model": card.origin.model,
        "content": hash_question_and_answer(card.fields),
        "source": hash_question_and_answer(card.edits.source_texts_applied),
        "words": join_card_fields(card.fields),
        "tags": to_list_column(map(normalize_tag, (*card.added_tags, *card.tags))),
        "removed": to_list_column(map(normalize_tag, card.removed_tags)),
        "at": card.accepted_at,
        "why": card.verdict_reason,
        "shipped": card.note.mod,
        "adopted": card.note.adopted.guid if card.note.adopted else "",
        "mapped": card.note.mapped.id if card.note.mapped else 0,
        "sentence": sentence,
    }


def _describe_event(event: Event) -> str:
    """Describe an event for the log. It names ids but none of the user's text."""
    parts = [event.kind]
    for name in ("guid", "event"):
        if name in event.body:
            parts.append(f"{name} {event.body[name]}")
    if event.kind not in SUBJECT_KINDS:
        parts.append(f"passage {anonymize_key(event.key)}")
    parts.append(f"by {event.author} on {event.device_id}, event {event.id}")
    return " ".join(parts)


def _event_to_row(event: Event) -> Json:
    return {
        "id": event.id,
        "key": event.key,
        "n": event.number,
        "machine": event.device_id,
        "what": event.kind,
        "by": event.author,
        "act": event.action_id,
        "undoes": event.body["event"] if event.kind == "undo" else "",
        "words": hash_text(event.body["exact"]) if event.kind in ("key", "text") else "",
        "line": to_json(event),
    }
