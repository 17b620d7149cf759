"""The database and the journal: the truth, from which the database can be rebuilt.

    journal/<machine>.jsonl ──unite──▶ event ──fold──▶ passage, card, rejected

Each machine appends to a file of its own in the journal's folder; the events of all files
are united by their ids, in whatever order files and lines arrive. A line is on disk
before the database commits, so a power cut loses the database's part only, and `unite`
reads that back.

What must stay true:

- Journal first, then `COMMIT`; on an error both are as before, and memory is dropped
  (`transaction`).
- What is not committed is in the `_Transaction`, and nowhere else.
- A table that is computed from events is asked only after `refold`; `passage` and
  `transaction` see to it.
- Drafts are read only after `settle`; `rows`, `each`, `row` and `transaction` see to it.
- `_passages` and `_aliases` are copies: another process may have written, which
  `data_version` shows.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import BugError, one_item
from ankiforge.ledger.database import (
    Database,
    copy_database,
    in_batches,
    open_database,
    snapshot_of,
)
from ankiforge.ledger.database import Row as Row
from ankiforge.ledger.database import encode as encode
from ankiforge.ledger.events import (
    PERSON,
    SUBJECTS,
    Event,
    Passage,
    content,
    content_of,
    hash_of_words,
)
from ankiforge.ledger.facts import is_long, name_of, name_of_card, of_cards
from ankiforge.ledger.fold import classes, fold, in_order
from ankiforge.ledger.here import Ahead
from ankiforge.ledger.journal import (
    READER,
    JournalFiles,
    ReadUpTo,
    decode_event,
    is_known,
)
from ankiforge.model import Fields, Json, Strings, Value
from ankiforge.text import occlusion
from ankiforge.text.cloze import plain
from ankiforge.text.fold import for_comparing

LINKS = ("same", "undo")
"""Kinds of events that change which keys are one passage."""
REMEMBERED = 5000
"""The number of passages that are kept in memory."""
EACH = "(SELECT value FROM json_each(?))"
"""In a condition: one of the values of a JSON list."""
ANY_CONTENT = ""
"""Stands for the content of any card: more than one may have changed."""


# An index holds each of these: its condition is said in the same words.
_ABOUT_SUBJECTS = (
    "SELECT id, line FROM event WHERE what IN ('form', 'dialects', 'decline', 'mark')"
)
_LINKING = "SELECT id, line FROM event WHERE what IN ('same', 'undo')"
_decode_passage = msgspec.json.Decoder(Passage).decode


def listed(values: Iterable[str]) -> str:
    """Return values as a column in which a query finds each: between line ends."""
    text = "\n".join(for_comparing(value) for value in values if value)
    return f"\n{text}\n" if text else ""


def words_of(fields: Fields) -> str:
    """Return the plain text of a card; `Reverse` only says that it is asked both ways."""
    shown = occlusion.readable(fields)
    texts = [plain(text) for name, text in shown if name != "Reverse"]
    return " ".join(texts)


def tag_name(tag: str) -> str:
    """Return a tag as queries spell it: without `#`, with hyphens for blanks."""
    return "-".join(tag.removeprefix("#").split())


class SameWords(Value):
    """The cards and rejected drafts that ask and answer the same."""

    cards: list[Row]
    """The rows of the cards that do, or did as drafted."""
    rejected: list[str]
    """The passages in which a person rejected these words."""


class JournalState(Value):
    """The faults of the journal when it was read last, in lines."""

    unreadable: int = 0
    """Lines that were skipped, torn last lines too, whose rest may arrive."""
    missing: int = 0
    """No file had them any more; they are written again, unless nothing may be
    written."""
    unknown: int = 0
    """They say what only a newer version of the program understands; it reads them
    then."""


class Unsettled(NamedTuple):
    """Where drafts may wait no longer, or ask about other cards."""

    passages: dict[str, None]
    """The passages whose decisions changed."""
    deciding: dict[str, set[str]]
    """By the name of a sentence, the passages that decided it: what waits in others is settled."""


class _Transaction:
    """The events recorded since a transaction began.

    It ends with it, whether it commits or not.
    """

    def __init__(self) -> None:
        self.action = ""
        """The id of the action whose block is running; a block inside it joins it."""
        self.events: list[Event] = []
        """Events of this machine, which the journal lacks."""
        self.stored = 0
        """How many of these are in the database."""
        self.last_number: int | None = None
        """The number of the last event; None = not asked for yet."""
        self.changed_keys: dict[str, None] = {}
        """Keys whose passages are to be computed again."""
        self.changed_contents: set[str] = set()
        """The contents of the cards that they may get, or `ANY_CONTENT`."""
        self.unsettled = Unsettled({}, {})


class Store(Database):
    """Reads and writes the database and this machine's file of the journal."""

    def __init__(
        self,
        database: OwnPath,
        journal: OwnPath,
        machine: str,
        *,
        read_only: bool = False,
    ) -> None:
        """Open the database, or make an empty one. Call `unite` before anything else.

        With `read_only`, neither database nor journal is written: the database is read as it is
        now, and copied before something would be written.
        """
        self.machine = machine
        self.journal_state = JournalState()
        """As the last `unite` found it."""
        self._read_only = read_only
        self._journal = JournalFiles(journal, machine)
        self._database = database
        self._snapshot = snapshot_of(database) if read_only else None
        """The database that is only read; what is to be written goes into a copy of it."""
        if self._snapshot:
            super().__init__(self._snapshot)
        else:
            super().__init__(
                copy_database(database) if read_only else open_database(database)
            )
        self._version = 0
        self._transaction: _Transaction | None = None
        self._passages: dict[str, Passage] = {}
        # All keys of each passage that has several; None = not read yet.
        self._aliases: dict[str, Strings] | None = None
        # By content that was read ahead: who says the same.
        self._same_words: dict[str, SameWords] = {}
        self.ahead: Ahead | None = None
        """The passages that were read before their turn, while many are decided on."""
        # The events of `SUBJECTS` that stand, by key; None = not read yet.
        self._answers: dict[str, list[Event]] | None = None

    def close(self) -> None:
        """Close the database."""
        super().close()
        if self._snapshot:
            self._snapshot.close()

    # --- transactions and actions -------------------------------------------------------

    def writable(self) -> sqlite3.Connection:
        """Return the connection; if it may only be read, a copy that takes its place."""
        if self._db is self._snapshot:
            self._db = copy_database(self._database)
            self._drop_copies()
        return self._db

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in one transaction; a block inside another one joins it.

        The journal is written first, then the database commits. If the program dies in
        between, the next `unite` reads the lines back.
        """
        if self._transaction is not None:
            yield
            return
        appended: tuple[int, int] | None = None
        """The size of this machine's file of the journal before and after its lines."""
        try:
            self.writable().execute("BEGIN IMMEDIATE")
            self._transaction = _Transaction()
            self._drop_stale()
            yield
            self.settle()
            self.refold()
            self._store_events()
            if self._transaction.events and not self._read_only:
                appended = self._journal.append(self._transaction.events)
                known = self._read_up_to(self._journal.own.name)
                if known is None or known.size == appended[0]:
                    unreadable = known.unreadable if known else 0
                    self._set_own_read_up_to(appended[1], unreadable=unreadable)
            self._db.execute("COMMIT")
        except BaseException as error:
            if appended and isinstance(error, sqlite3.Error):
                # it is reported as failed
                self._journal.take_back(*appended)
            # Ctrl-C may come just after the commit
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._drop_copies()
            raise
        finally:
            self._transaction = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run the block as a part of a transaction: if it fails, as if it had not run."""
        with self.transaction():
            transaction = self._running()
            self.settle()
            self.refold()
            self._store_events()
            recorded = len(transaction.events)
            self._db.execute("SAVEPOINT attempt")
            try:
                yield
                self.settle()
                self.refold()
                self._store_events()
            except BaseException:
                self._db.execute("ROLLBACK TO attempt")
                del transaction.events[recorded:]
                transaction.stored = recorded
                transaction.last_number = None
                transaction.unsettled = Unsettled({}, {})
                self._drop_copies()
                raise
            finally:
                self._db.execute("RELEASE attempt")

    def attempt_each(
        self, keys: Iterable[str], act: Callable[[str], None]
    ) -> dict[str, BugError]:
        """Do something for each of some passages; a failure of one changes nothing else.

        Returns:
            By key, the exceptions that nobody expected.
        """

        def act_on_all(keys: Sequence[str]) -> None:
            for key in keys:
                act(key)

        return self.attempt_all(list(keys), act_on_all)

    def attempt_all(
        self, keys: Sequence[str], act: Callable[[Sequence[str]], None]
    ) -> dict[str, BugError]:
        """Do something for some passages at once, or if that fails for each alone.

        Returns:
            By key, the exceptions that nobody expected.
        """
        if not keys:
            return {}
        try:
            with one_item(), self.attempt():
                act(keys)
            return {}
        except BugError as error:
            if len(keys) == 1:
                return {keys[0]: error}
        failed: dict[str, BugError] = {}
        for key in keys:  # each alone, to find out which one it is
            failed |= self.attempt_all([key], act)
        return failed

    @contextmanager
    def action(self) -> Iterator[str]:
        """Run the block in one transaction; yield the id by which `undo` takes it back.

        One undo takes back all that a person decided in it. A block inside another one
        joins its action. The action belongs to the transaction: what is recorded in a
        later one cannot become a part of it.
        """
        with self.transaction():
            transaction = self._running()
            if transaction.action:
                yield transaction.action
                return
            transaction.action = f"{self.machine}.{self._largest_number() + 1}"
            try:
                yield transaction.action
            finally:
                transaction.action = ""

    @property
    def events_recorded(self) -> int:
        """How many events the running transaction has recorded; 0 = there is none."""
        return len(self._transaction.events) if self._transaction else 0

    def _running(self) -> _Transaction:
        """Return the transaction in which something is to be recorded."""
        if self._transaction is None:
            raise RuntimeError("events are recorded inside a transaction")
        return self._transaction

    def _drop_stale(self) -> None:
        """Drop the copies in memory if another process has committed since."""
        if self._read_only:  # a snapshot, or a copy of its own
            return
        version = self.data_version()
        if version != self._version:
            self._version = version
            self._drop_copies()

    def _drop_copies(self) -> None:
        self._passages.clear()
        self._same_words.clear()
        self._aliases = None
        self._answers = None
        self.ahead = None

    # --- what waits ---------------------------------------------------------------------

    def unsettle(
        self, key: str, names: Iterable[str] = (), *, itself: bool = False
    ) -> None:
        """Note that drafts are to be settled, inside a transaction.

        Args:
            key: of the passage that was decided on.
            names: those of the sentences that were decided: where they stand elsewhere.
            itself: the drafts of the passage itself, too.
        """
        unsettled = self._running().unsettled
        first = self.first(key)
        if itself:
            unsettled.passages[first] = None
        for name in names:
            unsettled.deciding.setdefault(name, set()).add(first)

    def settle(self) -> None:
        """Settle the drafts of unsettled passages; `Ledger` overrides this."""

    def take_unsettled(self) -> Unsettled:
        """Return the unsettled passages and sentences, and clear the list."""
        nothing = Unsettled({}, {})
        if self._transaction is None:
            return nothing
        unsettled = self._transaction.unsettled
        self._transaction.unsettled = nothing
        return unsettled

    # Whoever asks for drafts is to see what decisions left of them. The store itself asks for
    # none: it passes these by.

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return the rows of a query, after unsettled passages are settled."""
        self.settle()
        return super().rows(query, *values)

    def each(self, query: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a query, one at a time, after unsettled passages are settled."""
        self.settle()
        return super().each(query, *values)

    def row(self, query: str, *values: object) -> Row | None:
        """Return the first row of a query, or None, after unsettled passages are settled."""
        self.settle()
        return super().row(query, *values)

    def _value(self, query: str, *values: object) -> Any:
        """Return the first column of the first row of a query of events; None if there is none."""
        first = super().row(query, *values)
        return first[0] if first else None

    # --- events -------------------------------------------------------------------------

    def add(self, kind: str, key: str, by: str, body: Json) -> Event:
        """Record an event of this machine, inside a transaction.

        What a person decides is a part of the action in whose block this is called, if
        any.
        """
        transaction = self._running()
        if transaction.last_number is None:
            transaction.last_number = self._largest_number()
        transaction.last_number += 1
        event = Event(
            n=transaction.last_number,
            machine=self.machine,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            by=by,
            what=kind,
            key=key,
            body=body,
            act=transaction.action if by == PERSON else "",
        )
        transaction.events.append(event)
        if kind in SUBJECTS:
            self._answers = None
        elif kind == "fact":  # its decision may bring a content, and was noted
            transaction.changed_keys[key] = None
        else:
            # the one content that this may bring to a passage without any cards
            new_content = ANY_CONTENT
            if kind == "accept" and key not in transaction.changed_keys:
                passage = self._passages.get(self._keys(key)[0])
                if passage and not passage.cards and not passage.rejected:
                    new_content = content_of(body["draft"]["fields"])
            self._note_change(key, new_content)
        if kind == "same":
            self._relink()
        return event

    def take_back(self, event: Event) -> None:
        """Record that a person takes back an event, inside a transaction."""
        self.add("undo", event.key, PERSON, {"event": event.id})
        self._answers = None
        if event.what == "same":
            self._relink()

    def events(self, keys: Sequence[str]) -> list[Event]:
        """Return all events of these keys."""
        query = f"SELECT id, line FROM event WHERE key IN {EACH}"
        return list(self.each_event(query, encode(keys)))

    def answers(self, key: str) -> list[Event]:
        """Return the events that stand about one of `SUBJECTS`, the oldest first."""
        if self._transaction is None:
            self._drop_stale()
        if self._answers is None:
            self._answers = defaultdict(list)
            events = list(self.each_event(_ABOUT_SUBJECTS))
            if events:
                events += self.each_event(_LINKING)
            for event, stands in in_order(events):
                if stands and event.what in SUBJECTS:
                    self._answers[event.key].append(event)
        return self._answers.get(key, [])

    def each_event(self, query: str, *values: object) -> Iterator[Event]:
        """Yield the events that a query for `id` and `line` finds, one at a time."""
        self._store_events()
        for row in super().each(query, *values):
            event = decode_event(row["line"])
            vars(event)["id"] = row["id"]  # it takes longer to hash than to read
            yield event

    def issued(self, keys: Iterable[str]) -> dict[str, int]:
        """Return, by key, the number of the event that issued it, if one is known."""
        wanted = encode(list(keys))
        if wanted == "[]":
            return {}
        self._store_events()
        query = (
            "SELECT key, min(n) AS n FROM event"
            f" WHERE what = 'key' AND key IN {EACH} GROUP BY key"
        )
        return {row["key"]: row["n"] for row in super().rows(query, wanted)}

    def _largest_number(self) -> int:
        self._store_events()
        largest = self._value("SELECT max(n) FROM event") or 0
        return max(largest, self._value("SELECT max(n) FROM unknown_event") or 0)

    def _store_events(self) -> None:
        """Write the events that the database lacks: before it is asked for any."""
        transaction = self._transaction
        if transaction is None or transaction.stored == len(transaction.events):
            return
        lacking = transaction.events[transaction.stored :]
        transaction.stored = len(transaction.events)
        self.insert("event", map(_event_row, lacking), verb="INSERT OR IGNORE")

    # --- passages -----------------------------------------------------------------------

    def passage(self, key: str) -> Passage:
        """Return the passage with this key, which may be any of its keys."""
        keys = self.keys(key)
        transaction = self._transaction
        if transaction and not transaction.changed_keys.keys().isdisjoint(keys):
            self.refold()
        first_key = keys[0]
        if first_key not in self._passages:
            self.load([first_key])
        return self._passages[first_key]

    def passages(self, keys: Sequence[str]) -> list[Passage]:
        """Return the passages with these keys, read at once."""
        if self._transaction is None:
            self._drop_stale()
        else:
            self.refold()
        self.load(keys)
        return [self._passages[self._keys(key)[0]] for key in keys]

    def load(self, keys: Iterable[str]) -> None:
        """Read passages ahead, with one query."""
        firsts = {self._keys(key)[0] for key in keys}
        # asked of each: a difference of sets would take time in the number of all known
        lacking = [key for key in firsts if key not in self._passages]
        if not lacking:
            return
        if len(self._passages) >= REMEMBERED:
            self._passages.clear()
            lacking = list(firsts)
        for key in lacking:
            self._passages[key] = Passage((key,))
        query = f"SELECT key, body FROM passage WHERE key IN {EACH}"
        for row in super().rows(query, encode(lacking)):
            self._passages[row["key"]] = _decode_passage(row["body"])

    def forget_passages(self) -> None:
        """Free the memory that passages take."""
        self.refold()
        self._passages.clear()

    def first(self, key: str) -> str:
        """Return the oldest key of the passage that has this key."""
        return self.keys(key)[0]

    def keys(self, key: str) -> Strings:
        """Return all keys of the passage that has this key, the oldest first."""
        if self._transaction is None:
            self._drop_stale()
        return self._keys(key)

    def keys_of(self, keys: Iterable[str]) -> list[str]:
        """Return all keys of the passages that have these keys."""
        if self._transaction is None:
            self._drop_stale()
        return list({each for key in keys for each in self._keys(key)})

    def _keys(self, key: str) -> Strings:
        if self._aliases is None:
            self._aliases = {}
            for row in super().rows("SELECT key, keys FROM alias"):
                self._aliases[row["key"]] = tuple(msgspec.json.decode(row["keys"]))
        return self._aliases.get(key, (key,))

    def _relink(self) -> None:
        """Compute again which keys are one passage.

        The key that was issued first names it.
        """
        links = list(self.each_event(_LINKING))
        aliases = super().rows("SELECT key, keys FROM alias")
        before = {row["key"]: row["keys"] for row in aliases}
        linked_keys: set[str] = set()
        for event in links:
            if event.what == "same":
                linked_keys.update((event.key, event.body["old"]))
        issued = [each for each in self.events(sorted(linked_keys)) if each.what == "key"]
        linked = classes((*links, *issued))
        after = {key: encode(keys) for key, keys in linked.items()}
        for key in sorted({*before, *after}):
            if before.get(key) == after.get(key):
                continue
            self._note_change(key)
            self.write("UPDATE highlight SET drafted = '' WHERE key = ?", key)
            self.write("DELETE FROM alias WHERE key = ?", key)
            if key in after:
                row = {"key": key, "first": linked[key][0], "keys": after[key]}
                self.insert("alias", [row])
        self._aliases = None

    # --- the tables that are computed from events ---------------------------------------

    def refold(self) -> None:
        """Compute the passages whose events changed, before tables of cards are asked."""
        transaction = self._transaction
        if transaction is None or not transaction.changed_keys:
            return
        changed_keys = list(transaction.changed_keys)
        transaction.changed_keys.clear()
        transaction.changed_contents.clear()
        for keys in in_batches(changed_keys):
            self._refold(keys)

    def _note_change(self, key: str, content: str = ANY_CONTENT) -> None:
        """Note that a passage, which may get this content, is to be computed again."""
        transaction = self._running()
        transaction.changed_contents.add(content)
        transaction.changed_keys[key] = None
        if content == ANY_CONTENT:
            self._same_words.clear()
        else:
            self._same_words.pop(content, None)

    def same_words(self, content: str) -> SameWords:
        """Return the cards and rejections with the same words as a draft of this content."""
        if content not in self._same_words:
            self.read_same_words([content])
        return self._same_words[content]

    def read_same_words(self, contents: Iterable[str]) -> None:
        """Read the cards and rejections with the same words as many drafts, for `same_words`.

        Thousands of decisions in one transaction ask: passages are computed again only if one of
        them may have got such a content.
        """
        same = {content: SameWords([], []) for content in contents}
        transaction = self._transaction
        if transaction and not transaction.changed_contents.isdisjoint(
            (*same, ANY_CONTENT)
        ):
            self.refold()
        if len(self._same_words) >= REMEMBERED:
            self._same_words.clear()
        self._same_words |= same
        wanted = encode(list(same))
        query = f"SELECT * FROM card WHERE content IN {EACH} OR source IN {EACH} ORDER BY guid"
        for row in super().rows(query, wanted, wanted):
            for words in {row["content"], row["source"]} & same.keys():
                same[words].cards.append(row)
        for row in super().rows(
            f"SELECT * FROM rejected WHERE content IN {EACH}", wanted
        ):
            same[row["content"]].rejected.append(row["passage"])

    def _refold(self, changed_keys: Sequence[str]) -> None:
        """Compute the passages of these keys again from their events."""
        # a key may have been of another passage before: what was computed of it goes, too
        keys_of_passages = dict.fromkeys(self._keys(key) for key in changed_keys)
        all_keys = dict.fromkeys((*changed_keys, *chain(*keys_of_passages)))
        events_of = defaultdict(list)
        for event in self.events(list(all_keys)):
            events_of[event.key].append(event)
        # drop what was computed of them, unless nothing was, as is known
        stored = []
        for key in all_keys:
            passage = self._passages.pop(key, None)
            if passage is None or passage.cards or passage.rejected or passage.decisions:
                stored.append(key)
        if stored:
            wanted = encode(stored)
            self.write(f"DELETE FROM passage WHERE key IN {EACH}", wanted)
            self.write(f"DELETE FROM card WHERE passage IN {EACH}", wanted)
            self.write(f"DELETE FROM rejected WHERE passage IN {EACH}", wanted)
            self.write(f"DELETE FROM decided_sentence WHERE passage IN {EACH}", wanted)

        # store the passages, with their cards and what was rejected of them
        if len(self._passages) >= REMEMBERED:
            self._passages.clear()
        passage_rows = []
        card_rows = []
        rejected_rows = []
        decided_rows = []
        for keys in keys_of_passages:
            passage = fold(keys, chain.from_iterable(events_of[key] for key in keys))
            key = passage.key
            self._passages[key] = passage
            passage_row = {
                "key": key,
                "asks": bool(passage.asked),
                "decided": passage.decided,
                "done": passage.done,
                "closed": passage.closed,
                "skipped": passage.skipped,
                "body": encode(passage),
            }
            passage_rows.append(passage_row)
            last = of_cards(passage.decisions)
            for card in passage.cards.values():
                card_row = {
                    "guid": card.guid,
                    "passage": key,
                    "verdict": card.verdict.value,
                    "live": card.live,
                    "by": card.by,
                    "offered": bool(card.edits.offered),
                    "kind": card.kind.value,
                    "deck": card.deck,
                    "drafter": card.origin.drafter,
                    "content": content(card),
                    "source": content_of(card.edits.given),
                    "words": words_of(card.fields),
                    "tags": listed(map(tag_name, (*card.added, *card.tags))),
                    "removed": listed(map(tag_name, card.removed)),
                    "at": card.at,
                    "why": card.why,
                    "shipped": card.note.mod,
                    "adopted": card.note.adopted.guid if card.note.adopted else "",
                    "mapped": card.note.mapped.id if card.note.mapped else 0,
                    "sentence": name_of_card(card, last.get(card.guid)),
                }
                card_rows.append(card_row)
            rejected_rows += [(words, key) for words in passage.rejected]
            for decision in passage.decisions:
                for sentence in decision.sentences if decision.of else ():
                    if is_long(sentence):
                        is_own = decision.own or decision.of_proposal
                        decided_rows.append((name_of(sentence), key, is_own))
        self.insert("passage", passage_rows, verb="INSERT OR REPLACE")
        self.insert("card", card_rows, verb="INSERT OR REPLACE")
        self.write_all("INSERT OR IGNORE INTO rejected VALUES (?, ?)", rejected_rows)
        query = "INSERT OR IGNORE INTO decided_sentence VALUES (?, ?, ?)"
        self.write_all(query, decided_rows)

    # --- the journal --------------------------------------------------------------------

    def unite(self) -> list[Event]:
        """Read the new lines of all files of the journal.

        Return the events that were not known.

        A last line without its end is read by a later call. Lines that no file has any
        more, whoever made them, are written again into this machine's own file.
        """
        if self._transaction is None and self._is_united():
            return []
        new: list[Event] = []
        unreadable = 0
        missing = 0
        with self.transaction():
            # a version that knows other kinds of events reads all files again
            reader = self.meta("reader")
            if reader and reader != READER:
                for name in self.metas("read "):
                    self.forget(f"read {name}")
                self.write("DELETE FROM unknown_event")
            self.set_meta("reader", READER)

            # files that are there no longer may have held lines that no other has
            names = self._journal.names()
            may_lack_lines = False
            for name in self.metas("read ").keys() - set(names):
                self.forget(f"read {name}")
                may_lack_lines = True

            # what is new in the others
            for name in names:
                lines = self._journal.read_new(name, self._read_up_to(name))
                if lines.read_up_to:
                    self.set_value(f"read {name}", lines.read_up_to)
                unreadable += lines.unreadable
                may_lack_lines |= lines.was_replaced
                new += self._insert(lines.events)
            if any(event.what == "accept" for event in new):
                self.set_meta("anki state", "")  # their notes are to be looked for
            if may_lack_lines:
                held = self._journal.ids()
                lacking = []
                stored = "SELECT id, line FROM event UNION ALL SELECT id, line FROM unknown_event"
                for row in super().each(stored):
                    if row["id"] not in held:
                        lacking.append(decode_event(row["line"]))
                missing = len(lacking)
                if lacking and not self._read_only:
                    in_order = sorted(lacking, key=lambda event: event.order)
                    _, size = self._journal.append(in_order)
                    self._set_own_read_up_to(size, unreadable=0)
            unknown = self._value("SELECT count(*) FROM unknown_event")
        self.journal_state = JournalState(unreadable, missing, unknown)
        return sorted(new, key=lambda event: event.order)

    def _is_united(self) -> bool:
        """Return whether all files of the journal were read to their ends; note their faults."""
        read = {name: self._read_up_to(name) for name in self.metas("read ")}
        names = self._journal.names()
        if self.meta("reader") != READER or read.keys() - set(names):
            return False
        unreadable = 0
        for name in names:
            read_up_to = read.get(name)
            if read_up_to is None or not self._journal.is_read(name, read_up_to):
                return False
            unreadable += read_up_to.unreadable
        unknown = self._value("SELECT count(*) FROM unknown_event")
        self.journal_state = JournalState(unreadable, unknown=unknown)
        return True

    def _insert(self, events: Iterable[Event]) -> list[Event]:
        """Store events of the journal. Return those that were not known."""
        by_id = {event.id: event for event in events}
        unknown = [event for event in by_id.values() if not is_known(event)]
        rows = [{"id": each.id, "n": each.n, "line": encode(each)} for each in unknown]
        self.insert("unknown_event", rows, verb="INSERT OR IGNORE")
        stored = {event.id for event in unknown}
        for ids in in_batches(by_id):
            query = f"SELECT id FROM event WHERE id IN {EACH}"
            stored.update(row["id"] for row in super().rows(query, encode(ids)))
        added = [event for id, event in by_id.items() if id not in stored]
        if not added:
            return []

        self.insert("event", map(_event_row, added))
        self._answers = None
        for event in added:
            self._note_change(event.key)
        if any(event.what in LINKS for event in added):
            self._relink()
        return added

    def _read_up_to(self, name: str) -> ReadUpTo | None:
        """Return how far a file of the journal was read."""
        return self.get_value(f"read {name}", ReadUpTo)

    def _set_own_read_up_to(self, size: int, *, unreadable: int) -> None:
        read_up_to = self._journal.own_read_up_to(size, unreadable)
        self.set_value(f"read {self._journal.own.name}", read_up_to)


def _event_row(event: Event) -> Json:
    return {
        "id": event.id,
        "key": event.key,
        "n": event.n,
        "machine": event.machine,
        "what": event.what,
        "by": event.by,
        "act": event.act,
        "undoes": event.body["event"] if event.what == "undo" else "",
        "words": hash_of_words(event.body["exact"])
        if event.what in ("key", "text")
        else "",
        "line": encode(event),
    }
