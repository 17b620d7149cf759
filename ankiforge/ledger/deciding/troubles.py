"""Cards that keep failing in Anki: which they are, what is known of it, and what was done about it.

A card leaves the queue by a decision of a person on it (a yes, an edit, here or in Anki, a pick, a
redraft), which notes how often it had lapsed by then; it comes back when it lapses once more, or
when a person types another remark while studying.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.model import Family, Guid, SeenCard, SeenReview
from ankiforge.recall import Answers, Limits, Trouble, troubles

REDRAFT = "redraft"
"""The decision by which a person wants another card in the place of one."""
REDRAFTED = "redrafted"
"""Why a card is retired in whose place another one was taken."""
REWORDED = "reworded"
"""What is noted when a person gave a card that fails other words in Anki."""
LAPSES = "lapses"
"""What a decision that deals with a card keeps: how often it had lapsed by then."""
INSTEAD = "cards"
"""What a redraft keeps: the guids of the cards that were drawn."""
DEALT = frozenset(("accept", "edit", "pick", REDRAFT))
"""Decisions of a person after which a card is left alone until it fails anew."""

_LIMITS = Limits()
_STANDS = "NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id)"
_FAILING = (
    "SELECT s.guid, s.tags, s.cards FROM seen s WHERE instr(lower(s.tags), '\"leech\"') > 0"
    " OR EXISTS (SELECT 1 FROM json_each(s.cards) one"
    "  WHERE json_extract(one.value, '$.lapses') >= :lapses"
    "  OR json_extract(one.value, '$.difficulty') >= :difficulty)"
)
"""More than those: what is wrong with each is told by `recall.troubles`."""
_REMARKED = (
    "SELECT f.guid FROM finding f JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter"
    " AND a.state <> 'passed' WHERE instr(f.body, '\"feedback\"') > 0"
    " AND json_extract(f.body, '$.check') = 'feedback'"
)
_STUDIED = (
    "SELECT c.guid FROM card c WHERE c.guid IN (SELECT value FROM json_each(?))"
    " AND c.standing = 'live' AND c.verdict = 'accepted' AND c.anki IN ('seen', 'held')"
)
_DEALT = (
    "SELECT d.subject, d.what, json_extract(d.body, '$.lapses') AS lapses,"
    " json_extract(d.body, '$.cards') AS cards FROM decision d"
    " WHERE d.subject IN (SELECT value FROM json_each(?))"
    f" AND (d.what IN ('feedback', '{REWORDED}') OR (d.by = 'person' AND lapses IS NOT NULL))"
    f" AND {_STANDS}"
    " ORDER BY d.at DESC, d.sequence DESC"
)
_OTHERWISE = (
    "SELECT s.guid, s.tags, s.cards, s.fields, o.fields AS before, c.family FROM seen s"
    " JOIN seen o ON o.guid = s.guid AND o.view <> s.view JOIN card c ON c.guid = s.guid"
    " WHERE s.view = ? AND s.fields <> o.fields AND s.type_id <> 0 AND o.type_id <> 0"
    " AND (s.content, s.named) = (o.content, o.named)"
)
"""Of the same revision of ours, and yet in other words than the last view showed."""
_WAITING = (
    "SELECT 1 FROM json_each(?) one LEFT JOIN card c ON c.guid = one.value WHERE"
    " CASE WHEN c.guid IS NULL THEN NOT EXISTS (SELECT 1 FROM decision d"
    "  WHERE d.subject = one.value AND json_extract(d.body, '$.after.verdict') = 'rejected'"
    f"  AND {_STANDS}) ELSE c.standing = 'live' AND c.verdict <> 'rejected' END LIMIT 1"
)
"""Whether any of these cards is one, or waits; of one that waits on another machine nothing is known."""
_BESIDE = (
    "card_highlight o JOIN card_highlight n ON n.key = o.key JOIN decision d ON d.subject = o.guid"
    f" AND d.what = '{REDRAFT}' AND d.by = 'person' JOIN card c ON c.guid = o.guid"
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What Anki showed of a note."""

    tags: tuple[str, ...]
    cards: tuple[SeenCard, ...]

    @classmethod
    def of(cls, row: Any) -> _Seen:
        """As a row of `seen` has it."""
        tags = msgspec.json.decode(row["tags"], type=tuple[str, ...])
        return cls(tags, msgspec.json.decode(row["cards"], type=tuple[SeenCard, ...]))


@dataclass(frozen=True, slots=True)
class _Case:
    """A card with what is wrong with it."""

    guid: Guid
    found: tuple[Trouble, ...]
    cards: tuple[SeenCard, ...]

    @property
    def lapses(self) -> int:
        """Of all cards of the note."""
        return sum(one.lapses for one in self.cards)

    @property
    def rank(self) -> tuple[bool, bool, int, float, str]:
        """What comes first: a person's remark, a leech, what lapsed most, what is most difficult."""
        hardest = max((one.difficulty or 0.0 for one in self.cards), default=0.0)
        remark, leech = Trouble.REMARK not in self.found, Trouble.LEECH not in self.found
        return remark, leech, -self.lapses, -hardest, self.guid


class Troubles:
    """Looks at what Anki showed of the cards; changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._seen: dict[str, _Seen] = {}
        self._views = self._version = (-1, -1)
        self._current: dict[str, tuple[Trouble, ...]] = {}

    # --- which ------------------------------------------------------------------------------

    def queue(self) -> list[Guid]:
        """The guids of cards that need work, the worst first."""
        return [Guid(guid) for guid in self._open()]

    def of(self, guid: Guid) -> tuple[Trouble, ...]:
        """Why a card needs work; () if it does not, or was dealt with."""
        return self._open().get(guid, ())

    def _open(self) -> dict[str, tuple[Trouble, ...]]:
        """All that need work, the worst first; found out once after each change of the ledger."""
        [others] = self._db.execute("PRAGMA data_version").fetchone()
        version = (int(others), self._db.total_changes)
        if version != self._version:
            self._look()
            cases = sorted(self._cases(), key=lambda case: case.rank)
            history = self._history([case.guid for case in cases])
            left = (one for one in cases if not self._is_dealt(one, history.get(one.guid, [])))
            self._current = {case.guid: case.found for case in left}
            self._version = version
        return self._current

    def _look(self) -> None:
        """What Anki showed is looked through once after each look, for it is much."""
        last = (
            "SELECT count(*), coalesce(max(CAST(strftime('%s', taken_at) AS INTEGER)), 0) FROM view"
        )
        views = tuple(self._db.execute(last).fetchone())
        if views != self._views:
            limits = {"lapses": _LIMITS.lapses, "difficulty": _LIMITS.difficulty}
            rows = self._db.execute(_FAILING, limits).fetchall()
            self._seen = {row["guid"]: _Seen.of(row) for row in rows}
            self._views = views

    def _cases(self) -> Iterator[_Case]:
        remarked = {row["guid"] for row in self._db.execute(_REMARKED).fetchall()}
        named = to_json(sorted({*self._seen, *remarked}))
        for row in self._db.execute(_STUDIED, (named,)).fetchall():
            seen = self._seen.get(row["guid"]) or self._seen_of(row["guid"])
            remark = row["guid"] in remarked
            found = troubles(seen.tags, seen.cards, remark=remark, limits=_LIMITS)
            if found:
                yield _Case(Guid(row["guid"]), found, seen.cards)

    def _seen_of(self, guid: str) -> _Seen:
        rows = self._db.execute("SELECT tags, cards FROM seen WHERE guid = ?", (guid,)).fetchall()
        return _Seen.of(rows[0]) if rows else _Seen((), ())

    # --- what was done about it ---------------------------------------------------------------

    def _history(self, guids: list[Guid]) -> dict[str, list[Any]]:
        """Of each what dealt with it, and the remarks typed in Anki, the latest first."""
        found: dict[str, list[Any]] = {}
        for row in self._db.execute(_DEALT, (to_json(guids),)).fetchall() if guids else ():
            found.setdefault(row["subject"], []).append(row)
        return found

    def _is_dealt(self, case: _Case, history: Iterable[Any]) -> bool:
        """Whether a person has done something about all that is known of it."""
        for row in history:
            if row["what"] == "feedback":
                if Trouble.REMARK in case.found:
                    return False
            elif row["what"] != REDRAFT or self._waits(row["cards"]):
                return case.lapses <= int(row["lapses"])
        return False

    def _waits(self, cards: str) -> bool:
        return self._db.execute(_WAITING, (cards,)).fetchone() is not None

    def in_place_of(self, guid: Guid) -> tuple[Guid, ...]:
        """The live cards in whose place a card was drawn, but for those that a person brought back."""
        rows = self._db.execute(
            f"SELECT DISTINCT d.subject FROM {_BESIDE} WHERE n.guid = :guid AND {_STANDS}"
            " AND c.standing = 'live' AND EXISTS (SELECT 1 FROM json_each(d.body, '$.cards') one"
            "  WHERE one.value = :guid)"
            " AND NOT EXISTS (SELECT 1 FROM decision r WHERE r.subject = d.subject"
            "  AND r.what = 'restore' AND (r.at, r.sequence) > (d.at, d.sequence)"
            "  AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = r.id))"
            " ORDER BY d.subject",
            {"guid": guid},
        ).fetchall()
        return tuple(Guid(row["subject"]) for row in rows)

    def drawn_instead(self, guid: Guid) -> tuple[Guid, ...]:
        """The cards that were drawn to take a card's place, as far as that was not taken back."""
        rows = self._db.execute(
            "SELECT DISTINCT one.value AS guid FROM decision d, json_each(d.body, '$.cards') one"
            f" WHERE d.subject = ? AND d.what = '{REDRAFT}' AND {_STANDS} ORDER BY 1",
            (guid,),
        ).fetchall()
        return tuple(Guid(row["guid"]) for row in rows)

    # --- what is known ------------------------------------------------------------------------

    def answers(self, guid: Guid) -> Answers:
        """The sum of all answers that Anki has of a card."""
        found = Answers()
        rows = self._db.execute(
            "SELECT id, guid, ordinal, ease, interval, last_interval, factor, duration, type"
            " FROM review WHERE guid = ?",
            (guid,),
        ).fetchall()
        for row in rows:
            found.add(SeenReview(**_named(row)))
        return found

    def last_answer(self, guid: Guid) -> dict[int, float]:
        """When each card of a note was answered last, by its ordinal; seconds since 1970."""
        rows = self._db.execute(
            "SELECT ordinal, max(id) AS last FROM review WHERE guid = ? AND ease > 0"
            " GROUP BY ordinal",
            (guid,),
        ).fetchall()
        return {row["ordinal"]: row["last"] / 1000 for row in rows}


def _named(row: Any) -> Mapping[str, Any]:
    return {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row iterates over values


def reworded_in(connection: Connection, view: str) -> list[Guid]:
    """The failing cards to which a person gave other words in Anki since the view before this one.

    To be asked before what earlier views showed of them is forgotten.
    """
    rows = connection.execute(_OTHERWISE, (view,)).fetchall()
    remarked = {row["guid"] for row in connection.execute(_REMARKED).fetchall()} if rows else set()
    return [
        Guid(row["guid"])
        for row in rows
        if _content(row["family"], row["fields"]) != _content(row["family"], row["before"])
        and troubles((seen := _Seen.of(row)).tags, seen.cards, remark=row["guid"] in remarked)
    ]


def _content(family: str, fields: str) -> tuple[str, ...]:
    """What a person is asked, without where it comes from."""
    count = len(Family(family).content_fields)
    return msgspec.json.decode(fields, type=tuple[str, ...])[:count]


def lapses_of(connection: Connection, guid: str) -> int | None:
    """How often the cards of a note had lapsed when it was seen last; None if it never was."""
    row = connection.execute(
        "SELECT (SELECT sum(json_extract(one.value, '$.lapses')) FROM json_each(s.cards) one)"
        " AS lapses FROM seen s WHERE s.guid = ?",
        (guid,),
    ).fetchone()
    return int(row["lapses"] or 0) if row else None
