"""Cards that keep failing in Anki, the reasons, and the decisions about them.

A card leaves the list when a person decides on it (accept, edit here or in Anki, pick, redraft). The
decision stores the number of lapses at that time. The card returns when it lapses again, or when a
person types another remark while studying.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ankiforge.ledger.cards import REPLACES, STANDS
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import REDRAFT
from ankiforge.model import AnkiState, Family, Finding, Guid, SeenCard, SeenReview
from ankiforge.model.retention import Answers, Limits, Trouble, troubles

REDRAFTED = "redrafted"
"""The reason for retiring a card that was replaced by another one."""
REWORDED = "reworded"
"""The event that records that a person reworded a problem card in Anki."""
INSTEAD = "cards"
"""The key, in the body of a redraft, for the guids of the cards that were drafted; in that of a question
about a new card, for those that it may replace or be."""
SAYS = "says"
"""The key, in the body of such a question, for its words about each of these cards."""
DEALT = frozenset(("accept", "edit", "pick", REDRAFT))
"""The decisions of a person that remove a card from the list until it fails again."""

IN_ANKI = f"({', '.join(repr(one.value) for one in AnkiState if one.there)})"
"""The SQL list of the states of cards that are in Anki, as far as is known."""

_LIMITS = Limits()
_FAILING = (
    "SELECT s.guid, s.tags, s.cards FROM seen s WHERE instr(lower(s.tags), '\"leech\"') > 0"
    " OR EXISTS (SELECT 1 FROM json_each(s.cards) one"
    "  WHERE json_extract(one.value, '$.lapses') >= :lapses"
    "  OR json_extract(one.value, '$.difficulty') >= :difficulty)"
)
"""A superset of the problem cards, from which `troubles` selects."""
_REMARKED = (
    "SELECT f.guid FROM finding f JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter"
    " AND a.state <> 'passed' WHERE instr(f.body, '\"feedback\"') > 0"
    " AND json_extract(f.body, '$.check') = 'feedback'"
)


def asks(questions: Collection[Finding]) -> dict[str, Any]:
    """Return the part of an event's body for questions about other cards, for when the ledger is lost."""
    return {
        INSTEAD: [one.twin for one in questions],
        SAYS: [one.message for one in questions],
    }


@dataclass(frozen=True, slots=True)
class _Seen:
    """The tags and cards of a note as last seen in Anki."""

    tags: tuple[str, ...]
    cards: tuple[SeenCard, ...]

    @classmethod
    def of(cls, row: Any) -> _Seen:
        """Decode a row of `seen`."""
        tags = msgspec.json.decode(row["tags"], type=tuple[str, ...])
        return cls(tags, msgspec.json.decode(row["cards"], type=tuple[SeenCard, ...]))


@dataclass(frozen=True, slots=True)
class _Failing:
    """A note that fails, whether or not a person has handled it."""

    guid: Guid
    troubles: tuple[Trouble, ...]
    cards: tuple[SeenCard, ...]

    @property
    def lapses(self) -> int:
        """The lapses of all cards of the note."""
        return sum(one.lapses for one in self.cards)

    @property
    def rank(self) -> tuple[bool, bool, int, float, str]:
        """A sort key: remarks first, then leeches, then by lapses and difficulty."""
        hardest = max((one.difficulty or 0.0 for one in self.cards), default=0.0)
        no_remark, no_leech = (one not in self.troubles for one in (Trouble.REMARK, Trouble.LEECH))
        return no_remark, no_leech, -self.lapses, -hardest, self.guid


class ProblemCards:
    """Read-only queries about cards that fail; results are cached until the ledger changes."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._seen: dict[str, _Seen] = {}
        self._views = self._version = (-1, -1)
        self._current: dict[str, tuple[Trouble, ...]] = {}

    # --- problem cards ----------------------------------------------------------------------

    def all(self) -> list[Guid]:
        """Return the guids of the cards that need work, worst first."""
        return [Guid(guid) for guid in self.by_guid()]

    def troubles(self, guid: Guid) -> tuple[Trouble, ...]:
        """Return why a card needs work; () if it does not or a person has handled it."""
        return self.by_guid().get(guid, ())

    def by_guid(self) -> dict[str, tuple[Trouble, ...]]:
        """Return why cards need work, by guid, worst first."""
        [others] = self._db.execute("PRAGMA data_version").fetchone()
        version = (int(others), self._db.total_changes)
        if version != self._version:
            failing = sorted(self._failing(), key=lambda one: one.rank)
            history = self._history([one.guid for one in failing])
            self._current = {
                one.guid: one.troubles
                for one in failing
                if not self._is_handled(one, history.get(one.guid, []))
            }
            self._version = version
        return self._current

    def _failing(self) -> list[_Failing]:
        # read the rows of `seen`, of which there are many, only once per view of Anki
        views = tuple(
            self._db.execute(
                "SELECT count(*), coalesce(max(CAST(strftime('%s', taken_at) AS INTEGER)), 0)"
                " FROM view"
            ).fetchone()
        )
        if views != self._views:
            limits = {"lapses": _LIMITS.lapses, "difficulty": _LIMITS.difficulty}
            rows = self._db.execute(_FAILING, limits).fetchall()
            self._seen = {row["guid"]: _Seen.of(row) for row in rows}
            self._views = views
        remarked = {row["guid"] for row in self._db.execute(_REMARKED).fetchall()}
        studied = self._db.execute(
            "SELECT c.guid FROM card c WHERE c.guid IN (SELECT value FROM json_each(?))"
            f" AND c.standing = 'live' AND c.verdict = 'accepted' AND c.anki IN {IN_ANKI}",
            (to_json(sorted({*self._seen, *remarked})),),
        ).fetchall()
        failing = []
        for row in studied:
            guid = Guid(row["guid"])
            seen = self._seen.get(guid) or self._seen_of(guid)
            found = troubles(seen.tags, seen.cards, remark=guid in remarked, limits=_LIMITS)
            if found:
                failing.append(_Failing(guid, found, seen.cards))
        return failing

    def _seen_of(self, guid: str) -> _Seen:
        rows = self._db.execute("SELECT tags, cards FROM seen WHERE guid = ?", (guid,)).fetchall()
        return _Seen.of(rows[0]) if rows else _Seen((), ())

    # --- decisions about them ---------------------------------------------------------------

    def _history(self, guids: list[Guid]) -> dict[str, list[Any]]:
        """Return the handling decisions and the remarks about each card, latest first."""
        rows = self._db.execute(
            "SELECT d.subject, d.what, json_extract(d.body, '$.lapses') AS lapses,"
            " json_extract(d.body, '$.cards') AS cards FROM event d"
            " WHERE d.subject IN (SELECT value FROM json_each(?))"
            f" AND (d.what IN ('feedback', '{REWORDED}')"
            f" OR (d.by = 'person' AND lapses IS NOT NULL)) AND {STANDS}"
            " ORDER BY d.rank DESC",
            (to_json(guids),),
        ).fetchall()
        found: dict[str, list[Any]] = {}
        for row in rows:
            found.setdefault(row["subject"], []).append(row)
        return found

    def _is_handled(self, card: _Failing, history: Iterable[Any]) -> bool:
        """Return whether a person decided on the card since its last lapse or remark."""
        for row in history:
            if row["what"] == "feedback":
                if Trouble.REMARK in card.troubles:
                    return False
            elif row["what"] != REDRAFT or self._any_in_use(row["cards"]):
                return card.lapses <= int(row["lapses"])
        return False

    def _any_in_use(self, guids: str) -> bool:
        """Return whether one of these cards (JSON) is accepted or pending, here or elsewhere.

        A card that this ledger lacks counts as pending on another machine unless it was rejected.
        """
        row = self._db.execute(
            "SELECT 1 FROM json_each(?) one LEFT JOIN card c ON c.guid = one.value WHERE"
            " CASE WHEN c.guid IS NULL THEN NOT EXISTS (SELECT 1 FROM event d"
            "  WHERE d.subject = one.value AND json_extract(d.body, '$.after.verdict') = 'rejected'"
            f"  AND {STANDS}) ELSE c.standing = 'live' AND c.verdict <> 'rejected' END LIMIT 1",
            (guids,),
        ).fetchone()
        return row is not None

    def replaced_by(self, guid: Guid) -> tuple[Guid, ...]:
        """Return the live cards that this one may replace, without those that a person restored."""
        rows = self._db.execute(
            "SELECT DISTINCT d.subject FROM card_highlight o JOIN card_highlight n ON n.key = o.key"
            f" JOIN event d ON d.subject = o.guid AND d.what = '{REDRAFT}' AND d.by = 'person'"
            f" JOIN card c ON c.guid = o.guid WHERE n.guid = :guid AND {STANDS}"
            " AND c.standing = 'live' AND EXISTS (SELECT 1 FROM json_each(d.body, '$.cards') one"
            "  WHERE one.value = :guid)"
            " AND NOT EXISTS (SELECT 1 FROM event r WHERE r.subject = d.subject"
            "  AND r.what = 'restore' AND r.rank > d.rank AND NOT r.undone)"
            " UNION SELECT c.guid FROM event d, json_each(d.body, '$.cards') one"
            f" JOIN card c ON c.guid = one.value WHERE d.subject = :guid AND d.what = '{REPLACES}'"
            f" AND {STANDS} AND c.standing = 'live' AND c.verdict <> 'rejected'"
            " AND NOT EXISTS (SELECT 1 FROM event r WHERE r.what = 'not-duplicate' AND NOT r.undone"
            "  AND (r.subject, json_extract(r.body, '$.twin')) IN"
            "   ((c.guid, :guid), (:guid, c.guid)))"
            " ORDER BY 1",
            {"guid": guid},
        ).fetchall()
        return tuple(Guid(row["subject"]) for row in rows)

    def waiting_for(self, guid: Guid) -> tuple[Guid, ...]:
        """Return the cards that wait to replace this one."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c WHERE c.verdict = 'pending' AND c.standing = 'live'"
            " AND c.guid IN (SELECT f.guid FROM finding f WHERE json_extract(f.body, '$.twin') ="
            "  :guid AND json_extract(f.body, '$.twin') <> '' UNION ALL SELECT one.value"
            "  FROM event d, json_each(d.body, '$.cards') one WHERE d.subject = :guid"
            f"  AND d.what = '{REDRAFT}') ORDER BY c.guid",
            {"guid": guid},
        ).fetchall()
        return tuple(Guid(row["guid"]) for row in rows if guid in self.replaced_by(row["guid"]))

    def replacements(self, guid: Guid) -> tuple[Guid, ...]:
        """Return the cards drafted to replace this one in redrafts that are not undone."""
        rows = self._db.execute(
            "SELECT DISTINCT one.value AS guid FROM event d, json_each(d.body, '$.cards') one"
            f" WHERE d.subject = ? AND d.what = '{REDRAFT}' AND {STANDS} ORDER BY 1",
            (guid,),
        ).fetchall()
        return tuple(Guid(row["guid"]) for row in rows)

    # --- answers ----------------------------------------------------------------------------

    def answers(self, guid: Guid) -> Answers:
        """Return the totals of all answers to a note in Anki."""
        found = Answers()
        rows = self._db.execute(
            "SELECT id, guid, ordinal, ease, interval, last_interval, factor, duration, type"
            " FROM review WHERE guid = ?",
            (guid,),
        ).fetchall()
        for row in rows:
            found.add(SeenReview(*row))
        return found

    def last_answers(self, guid: Guid) -> dict[int, float]:
        """Return the times of the last answers by ordinal of the card, in seconds since 1970."""
        rows = self._db.execute(
            "SELECT ordinal, max(id) AS last FROM review WHERE guid = ? AND ease > 0"
            " GROUP BY ordinal",
            (guid,),
        ).fetchall()
        return {row["ordinal"]: row["last"] / 1000 for row in rows}


def reworded_in(connection: Connection, view: str) -> list[Guid]:
    """Return the problem cards that a person reworded in Anki since the previous view.

    This must be called before the rows of earlier views are deleted. A note counts if it has the same
    revision of ours in both views, but another content.
    """
    rows = connection.execute(
        "SELECT s.guid, s.tags, s.cards, s.fields, o.fields AS before, c.family FROM seen s"
        " JOIN seen o ON o.guid = s.guid AND o.view <> s.view JOIN card c ON c.guid = s.guid"
        " WHERE s.view = ? AND s.fields <> o.fields AND s.type_id <> 0 AND o.type_id <> 0"
        " AND (s.content, s.named) = (o.content, o.named)",
        (view,),
    ).fetchall()
    remarked = {row["guid"] for row in connection.execute(_REMARKED).fetchall()} if rows else set()
    found = []
    for row in rows:
        count = len(Family(row["family"]).content_fields)  # the other fields are about the source
        now, before = (
            msgspec.json.decode(row[name], type=tuple[str, ...])[:count]
            for name in ("fields", "before")
        )
        seen = _Seen.of(row)
        if now != before and troubles(seen.tags, seen.cards, remark=row["guid"] in remarked):
            found.append(Guid(row["guid"]))
    return found


def lapses_of(connection: Connection, guid: str) -> int | None:
    """Return the total lapses of a note's cards in the last view; None if never seen."""
    row = connection.execute(
        "SELECT (SELECT sum(json_extract(one.value, '$.lapses')) FROM json_each(s.cards) one)"
        " AS lapses FROM seen s WHERE s.guid = ?",
        (guid,),
    ).fetchone()
    return int(row["lapses"] or 0) if row else None
