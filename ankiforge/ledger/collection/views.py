"""Views of Anki: which collection is ours, and what it showed of our notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from ankiforge.ledger.cards.values import Cards
from ankiforge.ledger.collection.deletions import Absences, Deletions
from ankiforge.ledger.collection.reviews import take_in_reviews
from ankiforge.ledger.collection.seen import (
    CALENDAR,
    Bound,
    row_of,
    seen_of,
)
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.problem_cards import LAPSES, REWORDED, lapses_of, reworded_in
from ankiforge.ledger.writing import ANKI, Writer
from ankiforge.model import (
    FRESH_SECONDS,
    AnkiState,
    Arranged,
    Calendar,
    DocumentKey,
    Guid,
    Seen,
    SeenNote,
    SeenType,
    View,
    ViewKind,
    ViewSummary,
    h16,
)

Arrange = Callable[[SeenNote], Arranged | None]
"""Brings a note's fields into the order of our note type; None if its type is not ours."""


class _NotNewsError(Exception):
    """Takes everything back that was read from this view."""


class Views:
    """The ledger's memory of what Anki has."""

    def __init__(
        self, connection: Connection, writer: Writer, decisions: Decisions, cards: Cards
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self.deletions = Deletions(connection, writer, decisions)

    # --- looking ----------------------------------------------------------------------------

    @property
    def ever(self) -> bool:
        """Whether a view of ours was ever taken in."""
        return self._db.execute("SELECT 1 FROM view LIMIT 1").fetchone() is not None

    @property
    def bound(self) -> Bound | None:
        """The collection whose notes these are, once one showed a guid of ours."""
        text = self._writer.recall("anki:bound")
        return msgspec.json.decode(text, type=Bound) if text else None

    def unchanged(self, signature: str) -> bool:
        """Whether the collection is as it was at the last look, and nothing waits for another."""
        waits = self._db.execute(
            "SELECT 1 FROM card WHERE anki = 'missing' UNION ALL SELECT 1 FROM seen s JOIN view v"
            " ON v.id = s.view WHERE CAST(strftime('%s', v.taken_at) AS INTEGER) - s.mod"
            " BETWEEN 0 AND ? LIMIT 1",
            (FRESH_SECONDS - 1,),
        ).fetchone()
        return waits is None and bool(signature) and signature == self._writer.recall("anki:last")

    def looked(self, signature: str) -> None:
        """All that the collection of this signature shows was taken in."""
        with self._writer.unit():
            self._writer.meta("anki:last", signature)

    def types(self) -> dict[int, SeenType]:
        """The note types of our notes as they stand in Anki, by id."""
        text = self._writer.recall("anki:types")
        found = msgspec.json.decode(text, type=tuple[SeenType, ...]) if text else ()
        return {one.id: one for one in found}

    def seen(self, guid: Guid) -> Seen | None:
        """Return the note as the newest view that had it showed it; None if none did."""
        return self.seen_of([guid]).get(guid)

    def seen_of(self, guids: Sequence[Guid]) -> dict[Guid, Seen]:
        """Return the same for several notes; notes that no view had are left out."""
        marks = ", ".join("?" * len(guids))
        rows = self._db.execute(
            "SELECT s.*, v.taken_at FROM seen s JOIN view v ON v.id = s.view"
            f" WHERE s.guid IN ({marks})",
            tuple(guids),
        ).fetchall()
        return {Guid(row["guid"]): seen_of(row) for row in rows}

    def reviews_of(self, guid: Guid) -> int:
        """How many answers the review log has of a note's cards."""
        row = self._db.execute("SELECT count(*) FROM review WHERE guid = ?", (guid,)).fetchone()
        return int(row[0])

    def unknown(self) -> Iterator[Seen]:
        """Notes of ours in Anki that no card here stands for: of a ledger that was lost."""
        for row in self._db.execute(
            "SELECT s.*, v.taken_at FROM seen s JOIN view v ON v.id = s.view"
            " WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.guid = s.guid) ORDER BY s.guid"
        ).fetchall():
            yield seen_of(row)

    def decks_of(
        self, documents: Collection[DocumentKey]
    ) -> dict[DocumentKey, tuple[str, frozenset[str]]]:
        """Return the deck in Anki with most cards of each document, and the decks they were made for.

        Documents of which no card is in Anki are left out.
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
        """How many cards are in this state."""
        row = self._db.execute("SELECT count(*) FROM card WHERE anki = ?", (state,)).fetchone()
        return int(row[0])

    def hold(self, guid: Guid, why: str) -> None:
        """A card cannot be brought up to date in Anki now; "" takes that back."""
        row = self._db.execute(
            "SELECT 1 FROM card WHERE guid = ? AND anki IN ('seen', 'held') AND anki_why <> ?",
            (guid, why),
        ).fetchone()
        if row:
            self._cards.observe([(guid, AnkiState.HELD if why else AnkiState.SEEN, why)])

    # --- taking in --------------------------------------------------------------------------

    def take_in(self, view: View, arrange: Arrange, *, bind: bool = False) -> ViewSummary:
        """Remember what a view shows; `bind`: it is the present, whatever was seen before.

        Not taken in: another profile's, one that looks like an older backup.
        """
        taken = ViewSummary()
        try:
            with self._writer.unit():
                self._take_in(view, arrange, taken, bind)
        except _NotNewsError:
            pass
        return taken

    def _take_in(self, view: View, arrange: Arrange, taken: ViewSummary, bind: bool) -> None:
        if not bind and self._is_another(view):
            self._refuse(taken, _ANOTHER.format(view.path), _BIND)
        count = self._db.execute("SELECT count(*) FROM view").fetchone()[0]
        taken_at = repr(view.taken_at)
        identity = h16("view", view.kind, view.path, taken_at, self._writer.now(), str(count))
        self._record(identity, view)
        self._read_notes(identity, view, arrange)
        if not bind and self._is_older(identity, view):
            self._refuse(taken, _OLDER.format(view.path), _BIND)
        taken.seen = self._count_of(identity)
        before = self._states()
        if not taken.seen and not bind:
            self._believe(view, before, taken)
        self._bind(view, taken, bind)
        self._mark_present(identity, taken)
        if view.complete:
            absences = Absences(identity, view, before)
            found = self.deletions.note(absences, as_present=bind)
            taken.deleted, taken.held_back = found.tombstones, found.held_back
        taken.missing = self.count(AnkiState.MISSING)
        taken.reviews = take_in_reviews(self._db, view, identity)
        reworded = reworded_in(self._db, identity)
        self._forget_older(identity)
        for guid in reworded:
            lapsed = {LAPSES: lapses_of(self._db, guid)}
            self._decisions.change(guid, REWORDED, {}, by=ANKI, extra=lapsed)
        known = {} if view.complete else self.types()
        types = known | {one.id: one for one in view.types}
        self._writer.meta("anki:types", to_json(tuple(types.values())))
        self._keep_calendar(view)

    def _keep_calendar(self, view: View) -> None:
        """Exports do not tell the hour at which a day begins: what a collection told stays."""
        calendar, known = view.calendar, self._writer.recall(CALENDAR)
        if known and view.kind not in (ViewKind.COLLECTION, ViewKind.COLPKG):
            told = msgspec.json.decode(known, type=Calendar)
            calendar = replace(calendar, rollover=told.rollover)
        if calendar.created:
            self._writer.meta(CALENDAR, to_json(calendar))

    def _believe(self, view: View, before: dict[Guid, AnkiState], taken: ViewSummary) -> None:
        """A look that shows none of our notes is of our collection only if something says so."""
        there = sum(state.there for state in before.values())
        if view.kind is ViewKind.CONNECT and there:
            self._refuse(taken, _ANOTHER.format(view.path), _BIND)
        written = (guid for guid, state in before.items() if state is AnkiState.WRITTEN)
        if self.bound is None and not self.deletions.buried(written, view):
            self._refuse(taken, "", "")

    def _refuse(self, taken: ViewSummary, why: str, hint: str) -> None:
        taken.refused, taken.hint, taken.seen = why, hint, 0
        raise _NotNewsError

    def _is_another(self, view: View) -> bool:
        """Whether it is of another collection than ours."""
        ours = self.bound
        if ours is None:
            return False
        if view.created and ours.created and view.created != ours.created:
            return True
        if view.kind is ViewKind.COLLECTION and _is_collection(ours.path):
            return view.path != ours.path
        return bool(view.profile and ours.profile and view.profile != ours.profile)

    def _record(self, identity: str, view: View) -> None:
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
        if not view.complete:  # an export that lay about: what was seen later is not undone by it
            self._db.execute(
                "DELETE FROM seen WHERE view = ? AND EXISTS (SELECT 1 FROM seen o"
                " WHERE o.guid = seen.guid AND o.view <> seen.view AND o.mod > seen.mod)",
                (identity,),
            )

    def _is_older(self, identity: str, view: View) -> bool:
        """Fewer reviews than were read, and notes that are absent or older than they were."""
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

    def _bind(self, view: View, taken: ViewSummary, bind: bool) -> None:
        """From now on it is this collection; its file is the best name for it."""
        named = view.kind is ViewKind.COLLECTION
        known = self.bound and (_is_collection(self.bound.path) or not named)
        if view.kind is ViewKind.APKG or (known and not bind):
            return
        ours = Bound(view.path, view.profile, view.created)
        self._writer.meta("anki:bound", to_json(ours))
        if bind:
            since = datetime.fromtimestamp(view.taken_at, UTC).isoformat()
            self._writer.meta("anki:since", since)
        taken.bound = True
        once = (view.path, view.profile, self._writer.now())
        self._writer.note("bind", "anki", {"root": view.path, "profile": view.profile}, once)

    def _states(self) -> dict[Guid, AnkiState]:
        rows = self._db.execute("SELECT guid, anki FROM card WHERE anki <> 'none'").fetchall()
        return {Guid(row["guid"]): AnkiState(row["anki"]) for row in rows}

    def _mark_present(self, identity: str, taken: ViewSummary) -> None:
        here = "guid IN (SELECT guid FROM seen WHERE view = :view)"
        at = {"view": identity, "now": self._writer.now()}
        taken.first = self._db.execute(
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
        taken.back = len(back)
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
        """Note which revisions have reached Anki: by their mod, else by the AnkiforgeId there."""
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
        """Of each note only what was seen last is kept."""
        self._db.execute(
            "DELETE FROM seen WHERE view <> ? AND guid IN (SELECT guid FROM seen WHERE view = ?)",
            (identity, identity),
        )

    # --- remarks ----------------------------------------------------------------------------

    def hear(self) -> int:
        """Remarks a person typed while studying: each is taken up once; how many are new."""
        with self._writer.unit():
            rows = self._db.execute(
                "SELECT s.guid, json_extract(s.own, '$.feedback') AS said FROM seen s"
                " WHERE s.own <> '' AND said <> ''"
                " AND EXISTS (SELECT 1 FROM card c WHERE c.guid = s.guid)"
            ).fetchall()
            return sum(self._heard(Guid(row["guid"]), row["said"]) for row in rows)

    def _heard(self, guid: Guid, said: str) -> bool:
        known = self._db.execute(
            "SELECT 1 FROM decision WHERE subject = ? AND what = 'feedback'"
            " AND json_extract(body, '$.text') = ?",
            (guid, said),
        ).fetchone()
        if known:
            return False
        self._decisions.change(guid, "feedback", {}, by=ANKI, extra={"text": said})
        self._cards.refresh(guid)
        return True


_ANOTHER = "{}: is another collection than the one your cards are in; nothing in it was taken in"
_OLDER = "{}: this looks like an older backup; nothing in it was taken in"
_BIND = "if this is the collection you study from now on: ankiforge pull --bind"


def _is_collection(path: str) -> bool:
    """Whether a binding names the file itself, not an export or a running Anki."""
    return path.endswith(".anki2")
