"""What is absent in Anki: missing first, a tombstone once it is certain that a person did it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ankiforge.errors import RefusedError
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.writing import ANKI, PERSON, Writer
from ankiforge.model import AnkiState, Guid, View, card_id, note_id

AGAIN_SECONDS = 600
"""Without evidence, a later view at least this much newer must miss a note, too."""
MANY, MANY_SHARE = 10, 0.02
"""More notes than these (the larger of both), missing at once, are not believed."""
_THERE = (AnkiState.SEEN, AnkiState.HELD, AnkiState.MISSING)


@dataclass(frozen=True, slots=True)
class Absences:
    """A complete view, as far as deletions go."""

    id: str
    view: View
    before: dict[Guid, AnkiState]
    """What was known of each card before this view."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a view's absences came to."""

    tombstones: int = 0
    held_back: bool = False


class Deletions:
    """Decides, step by step, that a note was deleted in Anki; every step can be undone."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def note(self, absences: Absences, *, as_present: bool = False) -> Found:
        """Note what a complete view does not hold.

        `as_present`: it was bound anew, so what is absent was never there and ships again.
        """
        here = self._here(absences.id)
        absent = [g for g, s in absences.before.items() if s in _THERE and g not in here]
        if as_present:
            self._unsee(absent)
            return Found()
        written = [
            g for g, s in absences.before.items() if s is AnkiState.WRITTEN and g not in here
        ]
        buried = dict.fromkeys(self.buried(written, absences.view))
        absent += [*buried, *(g for g in self._imported(written) if g not in buried)]
        known = sum(state in _THERE for state in absences.before.values())
        self._bury_unknown(absences)
        believed = len(absent) <= max(MANY, MANY_SHARE * known)
        sure = self._certain(absences, absent) if believed else frozenset()
        for guid in absent:
            self._mark(guid, absences, guid in sure)
        return Found(len(sure), not believed)

    def _here(self, view: str) -> frozenset[Guid]:
        rows = self._db.execute("SELECT guid FROM seen WHERE view = ?", (view,)).fetchall()
        return frozenset(Guid(row["guid"]) for row in rows)

    def _unsee(self, absent: Iterable[Guid]) -> None:
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

    # --- what is certain --------------------------------------------------------------------

    def _certain(self, absences: Absences, absent: list[Guid]) -> frozenset[Guid]:
        """Those with evidence of deletion, and those missed by an earlier view already."""
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
        """The ids its cards have, or would have."""
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
        """All notes that one package brought: not deleted, its import was taken back."""
        brought: dict[str, set[Guid]] = defaultdict(set)
        for row in self._db.execute(
            "SELECT guid, package FROM shipped s WHERE rev ="
            " (SELECT min(rev) FROM shipped o WHERE o.guid = s.guid)"
        ).fetchall():
            brought[row["package"]].add(Guid(row["guid"]))
        gone = frozenset(absent)
        return frozenset(guid for notes in brought.values() if notes <= gone for guid in notes)

    def buried(self, written: Iterable[Guid], view: View) -> list[Guid]:
        """Notes that were never seen in Anki, and were deleted there all the same.

        Not those that a person wanted back: the grave may be of the time before.
        """
        graves = view.graves()
        return [g for g in written if note_id(g) in graves and not self._wanted_back(g)]

    def _bury_unknown(self, absences: Absences) -> None:
        """Notes that only the journal knows by now, and that were deleted in Anki meanwhile."""
        rows = self._db.execute(
            "SELECT DISTINCT guid FROM shipped s WHERE NOT EXISTS"
            " (SELECT 1 FROM card c WHERE c.guid = s.guid) AND NOT EXISTS"
            " (SELECT 1 FROM seen n WHERE n.guid = s.guid AND n.view = ?) AND NOT EXISTS"
            " (SELECT 1 FROM decision d WHERE d.subject = s.guid AND d.what = 'tombstone')",
            (absences.id,),
        ).fetchall()
        after = {"anki": AnkiState.TOMBSTONE.value, "anki_why": "deleted in Anki"}
        for guid in self.buried((Guid(row["guid"]) for row in rows), absences.view):
            body = {"key": "", "before": {}, "after": after}
            self._writer.decide("tombstone", guid, body, by=ANKI, action=f"view-{absences.id}")

    def _wanted_back(self, guid: Guid) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM decision WHERE subject = ?"
            " AND json_extract(body, '$.after.anki') = 'written' LIMIT 1",
            (guid,),
        ).fetchone()
        return row is not None

    def _imported(self, written: list[Guid]) -> list[Guid]:
        """Those that must have been in Anki: a note beside them in all packages was seen there."""
        if not written:
            return []
        seen = self._seen_packages()
        held = ((guid, self._packages_of(guid)) for guid in written)
        return [guid for guid, packages in held if any(it <= packages for it in seen)]

    def _seen_packages(self) -> set[frozenset[str]]:
        """For each revision that was seen in Anki the packages that held it; each set once."""
        rows = self._db.execute(
            "SELECT group_concat(r.package) AS packages FROM roster r JOIN shipped s"
            " ON s.guid = r.guid AND s.rev = r.rev WHERE s.seen_at <> '' GROUP BY r.guid, r.rev"
        ).fetchall()
        return {frozenset(row["packages"].split(",")) for row in rows}

    def _packages_of(self, guid: Guid) -> frozenset[str]:
        """The packages that held it, since it was last said that it is to be written again."""
        rows = self._db.execute(
            "SELECT r.package FROM roster r JOIN package p ON p.id = r.package WHERE r.guid = :guid"
            " AND p.written_at >= (SELECT coalesce(max(at), '') FROM decision"
            "  WHERE subject = :guid AND json_extract(body, '$.after.anki') = 'written')",
            {"guid": guid},
        ).fetchall()
        return frozenset(row["package"] for row in rows)

    # --- a person's word --------------------------------------------------------------------

    def confirm(self, count: int) -> int:
        """A person says that all missing notes, `count` of them, were deleted on purpose.

        Raises:
            RefusedError: there are more or fewer.
        """
        rows = self._db.execute("SELECT guid FROM card WHERE anki = 'missing'").fetchall()
        if len(rows) != count:
            raise RefusedError(
                f"{len(rows)} notes are missing in Anki, not {count}",
                hint="look at them: ankiforge list anki:missing",
            )
        with self._writer.unit():
            action = self._writer.new_action()
            for row in rows:
                self.bury(Guid(row["guid"]), action)
        return len(rows)

    def bury(self, guid: Guid, action: str) -> None:
        """A person says that this missing note was deleted on purpose.

        Raises:
            RefusedError: it is not missing.
        """
        row = self._db.execute("SELECT anki FROM card WHERE guid = ?", (guid,)).fetchone()
        if row["anki"] != AnkiState.MISSING:
            raise RefusedError(f"{guid} is not missing in Anki", hint=f"ankiforge show {guid}")
        after = {"anki": AnkiState.TOMBSTONE.value, "anki_why": "deleted in Anki"}
        self._decisions.change(guid, "tombstone", after, by=PERSON, action=action)
