"""The state of Anki: views of the collection, notes seen, deleted or suspended in it, and reviews."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from ankiforge.errors import RefusedError
from ankiforge.ledger.cards import Cards
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import ANKI, LAPSES, PERSON, SOURCE
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.problem_cards import REWORDED, lapses_of, reworded_in
from ankiforge.model import (
    FRESH_SECONDS,
    AnkiState,
    Arranged,
    Calendar,
    DocumentKey,
    Guid,
    Seen,
    SeenCard,
    SeenNote,
    SeenReview,
    SeenType,
    View,
    ViewKind,
    ViewSummary,
    card_id,
    h16,
    note_id,
)

LAST_VIEW = "anki:view"
"""The name of the meta value for the id of the last complete view, as the clock may be set back."""
CALENDAR = "anki:calendar"
"""The name of the meta value that stores how the collection counts days."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The collection that the ledger is bound to."""

    path: str
    profile: str
    created: int


def row_of(identity: str, note: SeenNote, arranged: Arranged | None) -> tuple[Any, ...]:
    """Return a row of the table `seen`."""
    fields = arranged.fields if arranged else note.fields
    beside: dict[str, Any] = {}
    if arranged and not arranged.exact:
        beside["fields"] = note.fields
    if arranged and arranged.feedback:
        beside["feedback"] = arranged.feedback
    return (
        identity,
        note.guid,
        note.mod,
        to_json(note.tags),
        to_json(fields),
        note.identity.content if note.identity else "",
        note.type_id if arranged else 0,
        note.cards[0].deck if note.cards else "",
        to_json(note.cards),
        to_json(beside) if beside else "",
        note.identity.mod if note.identity else 0,
    )


def review_row(one: SeenReview) -> tuple[Any, ...]:
    """Return a row of the table `review`."""
    return (one.id, one.guid, one.ordinal, one.ease, one.interval, one.duration,
            one.last_interval, one.factor, one.type)  # fmt: skip


def seen_of(row: Any) -> Seen:
    """Decode a row of `seen`, joined with the time of its view."""
    beside = msgspec.json.decode(row["own"]) if row["own"] else {}
    return Seen(
        Guid(row["guid"]),
        row["mod"],
        row["type_id"],
        msgspec.json.decode(row["tags"], type=tuple[str, ...]),
        msgspec.json.decode(row["fields"], type=tuple[str, ...]),
        row["content"],
        row["deck"],
        msgspec.json.decode(row["cards"], type=tuple[SeenCard, ...]),
        tuple(beside.get("fields", ())),
        datetime.fromisoformat(row["taken_at"]).timestamp(),
        row["named"],
    )


OVERLAP_MS = 180 * 86_400_000
"""Every view reads again the answers that are at most this much older than the newest known one."""
SESSION_MS = 86_400_000
"""Answers older than this at the time of a view cannot be undone after it."""
_SIDES = (0, 1)
"""The ordinals of the cards of our notes: forwards and backwards."""
_CARDS = msgspec.json.Decoder(tuple[SeenCard, ...])


def record_reviews(connection: Connection, view: View, identity: str) -> int:
    """Store the answers in a view; return the number of new ones.

    Args:
        connection: the connection of the ledger.
        view: the open view.
        identity: the id of the view's rows in `seen`, which still has those of earlier views.
    """
    before = _count(connection)
    _store_reviews(connection, view.reviews(_first_to_read(connection, view)))
    gone = {card: (guid, side) for card, guid, side in _deleted_cards(connection, identity)}
    _store_reviews(connection, _answers_to(view, gone))
    new = _count(connection) - before
    _forget_undone(connection, view, identity)
    return new


def _count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM review").fetchone()[0])


def _store_reviews(connection: Connection, answers: Iterable[SeenReview]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO review (id, guid, ordinal, ease, interval, duration,"
        " last_interval, factor, type) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (review_row(one) for one in answers),
    )


def _first_to_read(connection: Connection, view: View) -> int:
    """Return the id after which to read answers; 0 if an earlier answer is not stored."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM review").fetchone()[0]
    until = max(0, newest - OVERLAP_MS)
    rows = connection.execute("SELECT id FROM review WHERE id <= ?", (until,))
    known = {row[0] for row in rows}
    return until if known.issuperset(view.review_ids(until)) else 0


# --- deleted cards ----------------------------------------------------------------------------


def _deleted_cards(connection: Connection, identity: str) -> Iterator[tuple[int, Guid, int]]:
    """Yield (card id, guid, ordinal) of cards that are not in this view but existed or may have."""
    rows = connection.execute(
        "SELECT o.guid, o.cards AS before, coalesce(n.cards, '[]') AS after FROM seen o"
        " LEFT JOIN seen n ON n.view = :view AND n.guid = o.guid"
        " WHERE o.view <> :view AND o.cards <> coalesce(n.cards, '[]')",
        {"view": identity},
    ).fetchall()
    for row in rows:
        present = {card.id for card in _CARDS.decode(row["after"])}
        for card in _CARDS.decode(row["before"]):
            if card.id not in present:
                yield card.id, Guid(row["guid"]), card.ordinal
    rows = connection.execute(
        "SELECT guid FROM card WHERE anki IN ('written', 'missing', 'tombstone')"
        " AND guid NOT IN (SELECT guid FROM seen)"
    ).fetchall()
    for row in rows:
        guid = Guid(row["guid"])
        yield from ((card_id(guid, side), guid, side) for side in _SIDES)


def _answers_to(view: View, gone: dict[int, tuple[Guid, int]]) -> Iterator[SeenReview]:
    for card, answer in view.answers_to(gone):
        guid, side = gone[card]
        yield replace(answer, guid=guid, ordinal=side)


# --- answers that were undone -----------------------------------------------------------------


def _forget_undone(connection: Connection, view: View, identity: str) -> None:
    """Delete stored answers that were undone in the collection after its previous view.

    Only answers of the last session before that view can have been undone.
    """
    if view.kind not in (ViewKind.COLLECTION, ViewKind.CONNECT) or not view.complete:
        return
    (seen_at,) = connection.execute(
        "SELECT max(taken_at) FROM view WHERE id <> ? AND kind = ? AND path = ?",
        (identity, view.kind, view.path),
    ).fetchone()
    until = int(datetime.fromisoformat(seen_at).timestamp() * 1000) if seen_at else 0
    rows = connection.execute(
        "SELECT r.id, r.ordinal, s.cards FROM review r JOIN seen s ON s.guid = r.guid"
        " AND s.view = ? WHERE r.id BETWEEN ? AND ?",
        (identity, until - SESSION_MS, until),
    ).fetchall()
    present = {one.id for one in view.reviews(until - SESSION_MS - 1)} if rows else set()
    undone = (row["id"] for row in rows if row["id"] not in present and _exists(row))
    connection.executemany("DELETE FROM review WHERE id = ?", [(one,) for one in undone])


def _exists(row: sqlite3.Row) -> bool:
    """Return whether the card of an answer exists; answers of deleted cards are read separately."""
    return any(card.ordinal == row["ordinal"] for card in _CARDS.decode(row["cards"]))


class Suspensions:
    """Cards that were suspended in Anki on behalf of a person, stored as decisions."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def record(self, cards: dict[Guid, tuple[int, ...]]) -> None:
        """Record that a person suspended these cards (Anki's ids), as one action."""
        with self._writer.unit():
            action = self._writer.new_action()
            for guid, ids in cards.items():
                self._decisions.change(
                    guid, "suspend", {}, by=PERSON, action=action, extra={"cards": ids}
                )

    def to_unsuspend(self) -> dict[Guid, tuple[int, ...]]:
        """Return the cards to unsuspend: the suspension was undone, or the card is live again."""
        rows = self._db.execute(
            "SELECT d.subject, d.body FROM event d JOIN card c ON c.guid = d.subject"
            " WHERE d.what = 'suspend'"
            " AND NOT EXISTS (SELECT 1 FROM event l WHERE l.subject = d.subject"
            "  AND l.what IN ('suspend', 'unsuspend') AND l.rank > d.rank)"
            " AND ((c.standing = 'live' AND c.verdict = 'accepted')"
            "  OR d.undone)"
        ).fetchall()
        return {Guid(r["subject"]): tuple(msgspec.json.decode(r["body"])["cards"]) for r in rows}

    def remove(self, guids: tuple[Guid, ...]) -> None:
        """Record that the cards of these notes were unsuspended."""
        with self._writer.unit():
            action = self._writer.new_action()
            for guid in guids:
                self._decisions.change(guid, "unsuspend", {}, by=SOURCE, action=action)


AGAIN_SECONDS = 600
"""Without other evidence, a missing note counts as deleted if it is still missing this much later."""
MANY, MANY_SHARE = 10, 0.02
"""If more notes than this number and this share are missing at once, none counts as deleted."""
_THERE = (AnkiState.SEEN, AnkiState.HELD, AnkiState.MISSING)


@dataclass(frozen=True, slots=True)
class Absences:
    """A complete view, with the state of cards before it: the input of `Deletions`."""

    id: str
    view: View
    before: dict[Guid, AnkiState]
    """The state of each card before this view."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of comparing a complete view with the known notes."""

    tombstones: int = 0
    held_back: bool = False


class Deletions:
    """Decides in steps, all of which can be undone, that a note was deleted in Anki."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def record(self, absences: Absences, *, as_present: bool = False) -> Found:
        """Record the notes that are not in a complete view.

        With `as_present`, the ledger was bound to a new collection: notes absent from it never existed
        there, and are shipped again.
        """
        here = self._here(absences.id)
        absent = [g for g, s in absences.before.items() if s in _THERE and g not in here]
        if as_present:
            self._reset_to_written(absent)
            return Found()
        written = [
            g for g, s in absences.before.items() if s is AnkiState.WRITTEN and g not in here
        ]
        buried = dict.fromkeys(self.buried(written, absences.view))
        absent += [*buried, *(g for g in self._imported(written) if g not in buried)]
        known = sum(state in _THERE for state in absences.before.values())
        self._delete_unknown(absences)
        believed = len(absent) <= max(MANY, MANY_SHARE * known)
        sure = self._certain(absences, absent) if believed else frozenset()
        for guid in absent:
            self._mark(guid, absences, guid in sure)
        return Found(len(sure), not believed)

    def _here(self, view: str) -> frozenset[Guid]:
        rows = self._db.execute("SELECT guid FROM seen WHERE view = ?", (view,)).fetchall()
        return frozenset(Guid(row["guid"]) for row in rows)

    def _reset_to_written(self, absent: Iterable[Guid]) -> None:
        action = self._writer.new_action()
        for guid in absent:
            after = {"anki": AnkiState.WRITTEN.value, "anki_why": ""}
            self._decisions.change(guid, "absent", after, by=PERSON, action=action)
            self._db.execute("DELETE FROM seen WHERE guid = ?", (guid,))

    def _mark(self, guid: Guid, absences: Absences, certain: bool) -> None:
        if absences.before[guid] is AnkiState.MISSING and not certain:
            return
        state = AnkiState.TOMBSTONE if certain else AnkiState.MISSING
        since = datetime.fromtimestamp(absences.view.taken_at, UTC).isoformat(timespec="seconds")
        after = {"anki": state.value, "anki_why": "deleted in Anki" if certain else since}
        self._decisions.change(guid, state.value, after, by=ANKI, action=f"view-{absences.id}")

    # --- evidence ---------------------------------------------------------------------------

    def _certain(self, absences: Absences, absent: list[Guid]) -> frozenset[Guid]:
        """Return absent notes whose deletion has evidence, or that were missing in an earlier view."""
        cards = {guid: self._cards_of(guid) for guid in absent}
        reviewed = absences.view.reviewed(number for ids in cards.values() for number in ids)
        graves = absences.view.graves()
        undone = self._undone_imports(absent)
        return frozenset(
            guid
            for guid in absent
            if note_id(guid) in graves
            or reviewed & cards[guid]
            or (guid not in undone and self._missed_before(guid, absences))
        )

    def _cards_of(self, guid: Guid) -> frozenset[int]:
        """Return the ids of a note's cards in Anki, both seen and computed."""
        rows = self._db.execute(
            "SELECT json_extract(c.value, '$.id') FROM seen s, json_each(s.cards) c"
            " WHERE s.guid = ?",
            (guid,),
        ).fetchall()
        return frozenset((*(int(row[0]) for row in rows), card_id(guid, 0), card_id(guid, 1)))

    def _missed_before(self, guid: Guid, absences: Absences) -> bool:
        if absences.before[guid] is not AnkiState.MISSING:
            return False
        row = self._db.execute("SELECT anki_why FROM card WHERE guid = ?", (guid,)).fetchone()
        since = datetime.fromisoformat(row["anki_why"]).timestamp()
        return absences.view.taken_at - since >= AGAIN_SECONDS

    def _undone_imports(self, absent: list[Guid]) -> frozenset[Guid]:
        """Return absent notes whose package was imported and undone: all of its notes are absent."""
        brought: dict[str, set[Guid]] = defaultdict(set)
        for row in self._db.execute(
            "SELECT guid, package FROM shipped s WHERE rev ="
            " (SELECT min(rev) FROM shipped o WHERE o.guid = s.guid)"
        ).fetchall():
            brought[row["package"]].add(Guid(row["guid"]))
        gone = frozenset(absent)
        return frozenset(guid for notes in brought.values() if notes <= gone for guid in notes)

    def buried(self, written: Iterable[Guid], view: View) -> list[Guid]:
        """Return notes that were never seen in Anki but were deleted there.

        Notes that a person restored are omitted, because the deletion may be older.
        """
        graves = view.graves()
        return [g for g in written if note_id(g) in graves and not self._was_restored(g)]

    def _delete_unknown(self, absences: Absences) -> None:
        """Mark notes without a card here, shipped or taken over according to the journal, that were deleted in Anki."""
        rows = self._db.execute(
            "SELECT guid FROM (SELECT guid FROM shipped UNION SELECT subject FROM event"
            "  WHERE what = 'recover') s WHERE NOT EXISTS"
            " (SELECT 1 FROM card c WHERE c.guid = s.guid) AND NOT EXISTS"
            " (SELECT 1 FROM seen n WHERE n.guid = s.guid AND n.view = ?) AND NOT EXISTS"
            " (SELECT 1 FROM event d WHERE d.subject = s.guid AND d.what = 'tombstone')",
            (absences.id,),
        ).fetchall()
        after = {"anki": AnkiState.TOMBSTONE.value, "anki_why": "deleted in Anki"}
        for guid in self.buried((Guid(row["guid"]) for row in rows), absences.view):
            body = {"key": "", "before": {}, "after": after}
            self._writer.decide("tombstone", guid, body, by=ANKI, action=f"view-{absences.id}")

    def _was_restored(self, guid: Guid) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM event WHERE subject = ?"
            " AND json_extract(body, '$.after.anki') = 'written' LIMIT 1",
            (guid,),
        ).fetchone()
        return row is not None

    def _imported(self, written: list[Guid]) -> list[Guid]:
        """Return notes that must have been imported, because a note in the same packages was seen."""
        if not written:
            return []
        seen = self._seen_packages()
        held = ((guid, self._packages_of(guid)) for guid in written)
        return [guid for guid, packages in held if any(it <= packages for it in seen)]

    def _seen_packages(self) -> set[frozenset[str]]:
        """Return the distinct sets of packages that contained a revision seen in Anki."""
        rows = self._db.execute(
            "SELECT group_concat(r.package) AS packages FROM roster r JOIN shipped s"
            " ON s.guid = r.guid AND s.rev = r.rev WHERE s.seen_at <> '' GROUP BY r.guid, r.rev"
        ).fetchall()
        return {frozenset(row["packages"].split(",")) for row in rows}

    def _packages_of(self, guid: Guid) -> frozenset[str]:
        """Return the packages that contained a note since it was last restored."""
        rows = self._db.execute(
            "SELECT r.package FROM roster r JOIN package p ON p.id = r.package WHERE r.guid = :guid"
            " AND p.written_at >= (SELECT coalesce(max(at), '') FROM event"
            "  WHERE subject = :guid AND json_extract(body, '$.after.anki') = 'written')",
            {"guid": guid},
        ).fetchall()
        return frozenset(row["package"] for row in rows)

    # --- confirmation -----------------------------------------------------------------------

    def confirm(self, count: int) -> int:
        """Record that a person confirms that all `count` missing notes were deleted on purpose.

        Raises:
            RefusedError: another number of notes is missing.
        """
        rows = self._db.execute("SELECT guid FROM card WHERE anki = 'missing'").fetchall()
        if len(rows) != count:
            raise RefusedError(
                f"{len(rows)} notes are missing in Anki, not {count}",
                hint="list them: ankiforge list anki:missing",
            )
        with self._writer.unit():
            action = self._writer.new_action()
            for row in rows:
                self.confirm_one(Guid(row["guid"]), action)
        return len(rows)

    def confirm_one(self, guid: Guid, action: str) -> None:
        """Record that a person confirms that this missing note was deleted on purpose.

        Raises:
            RefusedError: the note is not missing.
        """
        row = self._db.execute("SELECT anki FROM card WHERE guid = ?", (guid,)).fetchone()
        if row["anki"] != AnkiState.MISSING:
            raise RefusedError(f"{guid} is not missing in Anki", hint=f"ankiforge show {guid}")
        after = {"anki": AnkiState.TOMBSTONE.value, "anki_why": "deleted in Anki"}
        self._decisions.change(guid, "tombstone", after, by=PERSON, action=action)


Arrange = Callable[[SeenNote], Arranged | None]
"""Arranges a note's fields in the order of our note type; returns None if its type is not ours."""


class _ViewRefusedError(Exception):
    """Rolls back everything recorded from the current view."""


@dataclass(eq=False)
class Views:
    """Records views of Anki, and answers questions about the last one."""

    _db: Connection
    _writer: Writer
    _decisions: Decisions
    _cards: Cards

    def __post_init__(self) -> None:
        self.deletions = Deletions(self._db, self._writer, self._decisions)

    # --- looking ----------------------------------------------------------------------------

    @property
    def ever(self) -> bool:
        """Whether a view of our notes was ever recorded."""
        return self._db.execute("SELECT 1 FROM view LIMIT 1").fetchone() is not None

    @property
    def bound(self) -> Bound | None:
        """The collection that the ledger is bound to; None until a view contains a guid of ours."""
        text = self._writer.recall("anki:bound")
        return msgspec.json.decode(text, type=Bound) if text else None

    def unchanged(self, signature: str) -> bool:
        """Return whether the collection is unchanged since the last view, and no card waits for another view."""
        waits = self._db.execute(
            "SELECT 1 FROM card WHERE anki = 'missing' UNION ALL SELECT 1 FROM seen s JOIN view v"
            " ON v.id = s.view WHERE CAST(strftime('%s', v.taken_at) AS INTEGER) - s.mod"
            " BETWEEN 0 AND ? LIMIT 1",
            (FRESH_SECONDS - 1,),
        ).fetchone()
        return waits is None and bool(signature) and signature == self._writer.recall("anki:last")

    def mark_recorded(self, signature: str) -> None:
        """Record that the contents of the collection with this signature are in the ledger."""
        with self._writer.unit():
            self._writer.meta("anki:last", signature)

    def types(self) -> dict[int, SeenType]:
        """Return the note types of our notes in Anki, by id."""
        text = self._writer.recall("anki:types")
        found = msgspec.json.decode(text, type=tuple[SeenType, ...]) if text else ()
        return {one.id: one for one in found}

    def seen(self, guid: Guid) -> Seen | None:
        """Return a note as in the newest view that contains it; None if none does."""
        return self.seen_of([guid]).get(guid)

    def seen_of(self, guids: Sequence[Guid]) -> dict[Guid, Seen]:
        """Return the same for several notes, without those that no view contains."""
        marks = ", ".join("?" * len(guids))
        rows = self._db.execute(
            "SELECT s.*, v.taken_at FROM seen s JOIN view v ON v.id = s.view"
            f" WHERE s.guid IN ({marks})",
            tuple(guids),
        ).fetchall()
        return {Guid(row["guid"]): seen_of(row) for row in rows}

    def reviews_of(self, guid: Guid) -> int:
        """Return the number of answers in the review log for a note's cards."""
        row = self._db.execute("SELECT count(*) FROM review WHERE guid = ?", (guid,)).fetchone()
        return int(row[0])

    def unknown(self) -> Iterator[Seen]:
        """Yield notes of ours in Anki without a card here, as after the ledger was lost."""
        for row in self._db.execute(
            "SELECT s.*, v.taken_at FROM seen s JOIN view v ON v.id = s.view"
            " WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.guid = s.guid) ORDER BY s.guid"
        ).fetchall():
            yield seen_of(row)

    def decks_of(
        self, documents: Collection[DocumentKey]
    ) -> dict[DocumentKey, tuple[str, frozenset[str]]]:
        """Return the deck in Anki with most cards of each document, and our decks of these cards.

        Documents without cards in Anki are omitted.
        """
        rows = self._db.execute(
            "SELECT h.document, s.deck, c.deck AS made_for FROM seen s JOIN card c ON c.guid = s.guid"
            f" JOIN highlight h ON h.key = c.key WHERE h.document IN ({', '.join('?' * len(documents))})"
            " AND s.deck <> ''",
            tuple(documents),
        ).fetchall()
        counts: dict[DocumentKey, Counter[str]] = {}
        for row in rows:
            counts.setdefault(DocumentKey(row["document"]), Counter())[row["deck"]] += 1
        most = {
            document: min(decks, key=lambda deck: (-decks[deck], deck))
            for document, decks in counts.items()
        }
        made_for: dict[DocumentKey, set[str]] = {document: set() for document in most}
        for row in rows:
            if row["deck"] == most[row["document"]]:
                made_for[row["document"]].add(row["made_for"])
        return {document: (deck, frozenset(made_for[document])) for document, deck in most.items()}

    def count(self, state: AnkiState) -> int:
        """Return the number of cards in this state."""
        row = self._db.execute("SELECT count(*) FROM card WHERE anki = ?", (state,)).fetchone()
        return int(row[0])

    def hold(self, guid: Guid, why: str) -> None:
        """Record why a card cannot be updated in Anki now; "" = it can."""
        row = self._db.execute(
            "SELECT 1 FROM card WHERE guid = ? AND anki IN ('seen', 'held') AND anki_why <> ?",
            (guid, why),
        ).fetchone()
        if row:
            self._cards.observe([(guid, AnkiState.HELD if why else AnkiState.SEEN, why)])

    # --- recording a view -------------------------------------------------------------------

    def record(self, view: View, arrange: Arrange, *, bind: bool = False) -> ViewSummary:
        """Record a view, unless it is of another profile or looks like an older backup.

        With `bind`, use its collection from now on in any case.
        """
        summary = ViewSummary()
        try:
            with self._writer.unit():
                self._record(view, arrange, summary, bind)
        except _ViewRefusedError:
            pass
        return summary

    def _record(self, view: View, arrange: Arrange, summary: ViewSummary, bind: bool) -> None:
        if not bind and self._is_other_collection(view):
            self._refuse(summary, _ANOTHER.format(view.path), _BIND)
        count = self._db.execute("SELECT count(*) FROM view").fetchone()[0]
        taken_at = repr(view.taken_at)
        identity = h16("view", view.kind, view.path, taken_at, self._writer.now(), str(count))
        self._store_view(identity, view)
        self._read_notes(identity, view, arrange)
        if not bind and self._is_older(identity, view):
            self._refuse(summary, _OLDER.format(view.path), _BIND)
        summary.seen = self._count_of(identity)
        before = self._states()
        if not summary.seen and not bind:
            self._refuse_doubtful(view, before, summary)
        self._bind(view, summary, bind)
        self._mark_present(identity, summary)
        if view.complete:
            self._writer.meta(LAST_VIEW, identity)
            absences = Absences(identity, view, before)
            found = self.deletions.record(absences, as_present=bind)
            summary.deleted, summary.held_back = found.tombstones, found.held_back
        summary.missing = self.count(AnkiState.MISSING)
        summary.reviews = record_reviews(self._db, view, identity)
        reworded = reworded_in(self._db, identity)
        self._forget_older(identity)
        for guid in reworded:
            lapsed = {LAPSES: lapses_of(self._db, guid)}
            self._decisions.change(guid, REWORDED, {}, by=ANKI, extra=lapsed)
        known = {} if view.complete else self.types()
        types = known | {one.id: one for one in view.types}
        self._writer.meta("anki:types", to_json(tuple(types.values())))
        self._store_calendar(view)

    def _store_calendar(self, view: View) -> None:
        """Store how the collection counts days; exports lack the hour at which a day begins."""
        calendar, known = view.calendar, self._writer.recall(CALENDAR)
        if known and view.kind not in (ViewKind.COLLECTION, ViewKind.COLPKG):
            stored = msgspec.json.decode(known, type=Calendar)
            calendar = replace(calendar, rollover=stored.rollover)
        if calendar.created:
            self._writer.meta(CALENDAR, to_json(calendar))

    def _refuse_doubtful(
        self, view: View, before: dict[Guid, AnkiState], summary: ViewSummary
    ) -> None:
        """Refuse a view without any of our notes, unless there is evidence that it is our collection."""
        known = sum(state.there for state in before.values())
        if view.kind is ViewKind.CONNECT and known:
            self._refuse(summary, _ANOTHER.format(view.path), _BIND)
        written = (guid for guid, state in before.items() if state is AnkiState.WRITTEN)
        if self.bound is None and not self.deletions.buried(written, view):
            self._refuse(summary, "", "")

    def _refuse(self, summary: ViewSummary, why: str, hint: str) -> None:
        summary.refused, summary.hint, summary.seen = why, hint, 0
        raise _ViewRefusedError

    def _is_other_collection(self, view: View) -> bool:
        """Return whether the view is of another collection than ours."""
        ours = self.bound
        if ours is None:
            return False
        if view.created and ours.created and view.created != ours.created:
            return True
        if view.kind is ViewKind.COLLECTION and _is_collection(ours.path):
            return view.path != ours.path
        return bool(view.profile and ours.profile and view.profile != ours.profile)

    def _store_view(self, identity: str, view: View) -> None:
        at = datetime.fromtimestamp(view.taken_at, UTC).isoformat()
        self._db.execute(
            "INSERT INTO view (id, kind, path, profile, complete, taken_at, newest_review, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (identity, view.kind, view.path, view.profile, int(view.complete), at,
             view.newest_review, view.created),
        )  # fmt: skip

    def _read_notes(self, identity: str, view: View, arrange: Arrange) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO seen (view, guid, mod, tags, fields, content, type_id, deck, cards, own,"
            " named) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row_of(identity, note, arrange(note)) for note in view.notes()),
        )
        if not view.complete:  # an old export does not replace notes that were seen later
            self._db.execute(
                "DELETE FROM seen WHERE view = ? AND EXISTS (SELECT 1 FROM seen o"
                " WHERE o.guid = seen.guid AND o.view <> seen.view AND o.mod > seen.mod)",
                (identity,),
            )

    def _is_older(self, identity: str, view: View) -> bool:
        """Return whether a view lacks known reviews, and has notes that are absent or older than seen."""
        if view.kind not in (ViewKind.COLLECTION, ViewKind.COLPKG):
            return False
        newest = self._db.execute(
            "SELECT coalesce(max(newest_review), 0) FROM view WHERE id <> ?"
            " AND kind IN ('collection', 'colpkg') AND taken_at >= ?",
            (identity, self._writer.recall("anki:since")),
        ).fetchone()[0]
        if view.newest_review >= newest:
            return False
        lost = self._db.execute(
            "SELECT 1 FROM seen o JOIN card c ON c.guid = o.guid WHERE o.view <> ?"
            " AND c.anki IN ('seen', 'held') AND NOT EXISTS (SELECT 1 FROM seen s"
            " WHERE s.view = ? AND s.guid = o.guid AND s.mod >= o.mod) LIMIT 1",
            (identity, identity),
        ).fetchone()
        return lost is not None

    def _count_of(self, identity: str) -> int:
        row = self._db.execute("SELECT count(*) FROM seen WHERE view = ?", (identity,)).fetchone()
        return int(row[0])

    def _bind(self, view: View, summary: ViewSummary, bind: bool) -> None:
        """Bind the ledger to this collection, preferably by the path of the collection file."""
        named = view.kind is ViewKind.COLLECTION
        known = self.bound and (_is_collection(self.bound.path) or not named)
        if view.kind is ViewKind.APKG or (known and not bind):
            return
        ours = Bound(view.path, view.profile, view.created)
        self._writer.meta("anki:bound", to_json(ours))
        if bind:
            since = datetime.fromtimestamp(view.taken_at, UTC).isoformat()
            self._writer.meta("anki:since", since)
        summary.bound = True
        once = (view.path, view.profile, self._writer.now())
        self._writer.note("bind", "anki", {"root": view.path, "profile": view.profile}, once)

    def _states(self) -> dict[Guid, AnkiState]:
        """Return the state of each card that was shipped, perhaps by another machine."""
        rows = self._db.execute(
            "SELECT guid, CASE anki WHEN 'none' THEN 'written' ELSE anki END AS anki FROM card"
            " WHERE anki <> 'none' OR guid IN (SELECT guid FROM shipped)"
        ).fetchall()
        return {Guid(row["guid"]): AnkiState(row["anki"]) for row in rows}

    def _mark_present(self, identity: str, summary: ViewSummary) -> None:
        here = "guid IN (SELECT guid FROM seen WHERE view = :view)"
        at = {"view": identity, "now": self._writer.now()}
        summary.first = self._db.execute(
            f"SELECT count(*) FROM card WHERE anki IN ('none', 'written') AND {here}", at
        ).fetchone()[0]
        back = self._db.execute(
            f"SELECT guid FROM card WHERE anki IN ('missing', 'tombstone') AND {here}", at
        ).fetchall()
        for row in back:
            after = {"anki": AnkiState.SEEN.value, "anki_why": ""}
            self._decisions.change(
                Guid(row["guid"]), "present", after, by=ANKI, action=f"view-{identity}"
            )
        summary.back = len(back)
        rows = self._db.execute(
            "SELECT c.guid, s.type_id FROM card c JOIN seen s ON s.guid = c.guid AND s.view = :view"
            " WHERE c.anki <> 'seen' OR s.type_id = 0",
            at,
        ).fetchall()
        self._cards.observe(
            (row["guid"], AnkiState.SEEN, "")
            if row["type_id"]
            else (row["guid"], AnkiState.HELD, "note type")
            for row in rows
        )
        self._mark_revisions(at)

    def _mark_revisions(self, at: dict[str, str]) -> None:
        """Mark the revisions that have reached Anki, recognised by their mod or their AnkiforgeId."""
        self._db.execute(
            "UPDATE shipped SET seen_at = :now WHERE seen_at = '' AND EXISTS (SELECT 1 FROM seen s"
            " WHERE s.view = :view AND s.guid = shipped.guid"
            " AND (s.mod = shipped.mod OR s.named = shipped.mod"
            " OR (s.named = 0 AND s.content = shipped.content AND s.content <> '' AND NOT EXISTS"
            " (SELECT 1 FROM shipped o WHERE o.guid = shipped.guid AND o.rev < shipped.rev"
            " AND o.content = shipped.content))))",
            at,
        )

    def _forget_older(self, identity: str) -> None:
        """Delete the rows of earlier views for the notes in this view."""
        self._db.execute(
            "DELETE FROM seen WHERE view <> ? AND guid IN (SELECT guid FROM seen WHERE view = ?)",
            (identity, identity),
        )

    # --- remarks ----------------------------------------------------------------------------

    def record_remarks(self) -> int:
        """Record new remarks that a person typed into Feedback fields; return their number."""
        with self._writer.unit():
            rows = self._db.execute(
                "SELECT s.guid, json_extract(s.own, '$.feedback') AS said FROM seen s"
                " WHERE s.own <> '' AND said <> ''"
                " AND EXISTS (SELECT 1 FROM card c WHERE c.guid = s.guid)"
            ).fetchall()
            return sum(self._record_remark(Guid(row["guid"]), row["said"]) for row in rows)

    def _record_remark(self, guid: Guid, remark: str) -> bool:
        known = self._db.execute(
            "SELECT 1 FROM event WHERE subject = ? AND what = 'feedback'"
            " AND json_extract(body, '$.text') = ?",
            (guid, remark),
        ).fetchone()
        if known:
            return False
        self._decisions.change(guid, "feedback", {}, by=ANKI, extra={"text": remark})
        self._cards.refresh(guid)
        return True


_ANOTHER = "{}: is not the collection your cards are in; nothing was taken from it"
_OLDER = "{}: this looks like an older backup; nothing was taken from it"
_BIND = "if this is the collection you study from now on: ankiforge pull --bind"


def _is_collection(path: str) -> bool:
    """Return whether a binding names the collection file, not an export or a running Anki."""
    return path.endswith(".anki2")
