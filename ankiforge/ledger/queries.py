"""Read-only queries over highlights, cards, decisions and reviews. Nothing here writes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from ankiforge.ledger.anki import CALENDAR
from ankiforge.ledger.cards import PAIRED, STANDS, TAGGED
from ankiforge.ledger.conditions import (
    CHECKS,
    CLEAN,
    CURRENT,
    DOUBTED,
    HOME,
    NUMBERS,
    NUMBERS_OF_HIGHLIGHT,
    SUBJECTS,
    ItemFacets,
    Term,
    define,
    facets_of,
    has_digit,
    of_cards,
    of_highlights,
)
from ankiforge.ledger.consents import LEFT_OUT
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import PERSON
from ankiforge.ledger.highlights import NOT_SELECTED, Highlights, in_scope
from ankiforge.ledger.locations import NO_LLM, private_elsewhere
from ankiforge.ledger.problem_cards import IN_ANKI, ProblemCards
from ankiforge.model import (
    AcceptedBy,
    AnkiState,
    Calendar,
    CandidateState,
    CardKind,
    DocumentKey,
    Fate,
    Guid,
    Highlight,
    HighlightKey,
    RunId,
    SeenCard,
    Standing,
    Task,
    Verdict,
)

_FEW = 1_000
"""The number of highlights from which the whole table is read instead of looking up each by key."""
BY_HAND = "rules"
"""The drafter of cards written by hand, regardless of the drafter in the settings."""

# --- SQL conditions on a card `c`, a highlight `h`, a decision `d` ------------------------------

_ALTERNATIVE = (
    "CASE WHEN c.choice = '' THEN 0"
    " WHEN c.standing = 'superseded' AND c.anki = 'none' THEN 1"
    " WHEN c.verdict = 'pending' THEN EXISTS (SELECT 1 FROM card o WHERE o.choice = c.choice"
    "  AND o.choice <> '' AND o.standing = 'live' AND o.verdict = 'pending'"
    "  AND (o.blocked, o.guid) < (c.blocked, c.guid)) ELSE 0 END"
)
"""Whether another card of the same choice is counted in place of this one."""
_FIRST = (
    "(c.choice = '' OR c.verdict <> 'pending' OR NOT EXISTS (SELECT 1 FROM card o"
    " WHERE o.choice = c.choice AND o.choice <> '' AND o.standing = 'live'"
    " AND o.verdict = 'pending' AND o.guid <> c.guid AND o.guid = c.choice))"
)
"""Whether the card is the one that is listed for its choice: the first card."""
_PENDING = f"c.standing = 'live' AND c.verdict = 'pending' AND {_FIRST}"
_ACCEPTED = "c.standing = 'live' AND c.verdict = 'accepted'"
_LIVE = "c.standing = 'live' AND c.verdict <> 'rejected'"
_STATE = (
    "CASE WHEN c.anki = 'tombstone' THEN 'deleted' WHEN c.standing <> 'live' THEN 'retired'"
    " WHEN c.verdict = 'rejected' THEN 'rejected'"
    f" WHEN c.anki IN {IN_ANKI} THEN 'in-anki'"
    " WHEN c.blocked AND NOT c.forced THEN 'blocked'"
    " WHEN c.verdict = 'pending' THEN 'waiting' ELSE 'accepted' END"
)
"""The state of a card as shown to people."""
_ORDER = " ORDER BY h.container, h.place, h.position, c.family, c.slot"
_WITHOUT_SOURCE = (
    "c.guid IN (SELECT l.guid FROM highlight g CROSS JOIN card_highlight l ON l.key = g.key"
    "  WHERE g.presence = 'gone')"
    f" AND {_ACCEPTED} AND NOT EXISTS"
    " (SELECT 1 FROM card_highlight l JOIN highlight o ON o.key = l.key WHERE l.guid = c.guid"
    "  AND o.presence <> 'gone')"
    " AND NOT EXISTS (SELECT 1 FROM event d WHERE d.subject = c.guid AND d.what = 'accept'"
    "  AND d.by = 'person' AND substr(d.at, 1, 19) >= (SELECT max(substr(o.missing_at, 1, 19))"
    "   FROM card_highlight l JOIN highlight o ON o.key = l.key WHERE l.guid = c.guid)"
    f"  AND {STANDS})"
)
_READ = "h.run <> '' AND h.presence IN ('present', 'missing-once')"
_TO_DRAFT = "(h.drafted <> h.content OR h.failed <> '')"
"""The condition of the index `highlight_to_draft`, so that only the index is read in a large vault."""
_TO_DRAFT_BY_MODEL = (
    f"({_TO_DRAFT} OR (h.drafter <> :drafter"
    " AND json_extract(h.body, '$.kind') <> 'card' AND NOT EXISTS"
    " (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = h.key"
    " AND (c.standing = 'live' OR c.verdict = 'rejected' OR c.standing_why = :tagged))))"
)
_ANSWERED = "(c.standing = 'live' OR c.verdict = 'rejected' OR c.anki = 'tombstone')"
"""Whether the card means that its highlight needs no other; true also for rejected and deleted ones."""
_OTHER = "json_extract(d.body, '$.twin')"
_TWIN = "json_extract(f.body, '$.twin')"
_DISMISSED = f"SELECT 1 FROM event d WHERE d.what = 'not-duplicate' AND {{}} AND {STANDS}"
_DUPLICATES = (
    "SELECT t.guid, t.twin FROM (SELECT guid, letter, severity,"
    " substr(twin, 1, instr(twin || '.', '.') - 1) AS twin FROM (SELECT f.guid, f.letter,"
    f" json_extract(f.body, '$.severity') AS severity, {_TWIN} AS twin FROM finding f"
    f" WHERE {_TWIN} <> ''"
    f" AND json_extract(f.body, '$.check') IN ({', '.join(map(repr, PAIRED))})"
    ")) t"
    " JOIN card c ON c.guid = t.guid JOIN highlight h ON h.key = c.key"
    " JOIN candidate a ON a.guid = t.guid AND a.letter = t.letter AND a.state <> 'passed'"
    f" WHERE {_LIVE}"
    " AND (t.severity <> 'info' OR c.verdict = 'pending') AND (EXISTS (SELECT 1 FROM card o"
    "  WHERE o.guid = t.twin AND o.standing = 'live' AND o.verdict <> 'rejected')"
    " OR EXISTS (SELECT 1 FROM foreign_note n WHERE t.twin GLOB 'nid:*'"
    "  AND n.id = CAST(substr(t.twin, 5) AS INTEGER) AND n.fields <> ''))"
    f" AND NOT EXISTS ({_DISMISSED.format(f'd.subject = t.guid AND {_OTHER} = t.twin')})"
    f" AND NOT EXISTS ({_DISMISSED.format(f'd.subject = t.twin AND {_OTHER} = t.guid')})"
)
"""Pairs of cards that are duplicates according to a check and that no person has dismissed."""

# --- values ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WithoutCard:
    """A highlight without a ready card, and the reason."""

    key: HighlightKey
    fate: Fate
    reason: str


@dataclass(slots=True)
class Funnel:
    """The number of highlights by fate; the sum of the fates is `seen`."""

    seen: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    without: list[WithoutCard] = field(default_factory=list)
    """The highlights without a ready card, in reading order."""


AnswerRow = tuple[int, Guid, int, int, int, int, int, int]
"""(id, guid, ordinal, ease, last interval, factor, duration, type), as in `SeenReview`."""


@dataclass(frozen=True, slots=True)
class DraftedBy:
    """The drafter, model and prompt of a card, as in `Origin`."""

    drafter: str
    model: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card, with the columns that statistics need."""

    guid: Guid
    kind: CardKind
    deck: str
    """The deck in Anki, or if the card is not in Anki, its future deck."""
    document: DocumentKey
    """The first document of the card's work."""
    title: str
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    accepted_by: AcceptedBy
    edited: bool
    passable: bool
    """Whether no check blocks the card, or a person forced it."""
    reason: str
    """Why the card was rejected."""
    alternative: bool
    """Whether another card is counted in its place, because alternatives count as one card."""
    drafted_at: str
    """ISO 8601; "" if no run of this ledger drafted the card."""
    drafted_by: DraftedBy
    """The origin of the leading candidate."""
    request: str
    """The request whose reply contained the leading candidate; "" if there is none."""
    checks: tuple[str, ...]
    """The checks with findings about the leading candidate, without duplicates."""
    leech: bool
    cards: tuple[SeenCard, ...]
    """The cards as scheduled in Anki; () if the note is not in Anki."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The usage of one model for one prompt."""

    model: str
    prompt: str
    requests: int
    tokens_in: int
    tokens_out: int
    cached: int
    """The number of `tokens_in` that the server had in its cache."""


@dataclass(frozen=True, slots=True)
class LastView:
    """The newest view of Anki that was recorded."""

    taken_at: str
    kind: str
    path: str
    complete: bool


class Mark(msgspec.Struct):
    """The fields of a highlight that tell how likely it is to be worth a card."""

    exact: str = ""
    kind: str = ""
    gaps: tuple[tuple[int, int], ...] = ()
    comment: str = ""
    instructs: bool = True
    colour: str = ""


class Queries:
    """All read-only queries except those for a card or highlight by its id.

    Lists of guids and keys are in reading order unless stated otherwise.
    """

    def __init__(self, connection: Connection, highlights: Highlights) -> None:
        self._db = connection
        self._highlights = highlights
        define(connection)
        self.problem_cards = ProblemCards(connection)
        self._states: tuple[tuple[int, int] | None, dict[str, list[str]]] = (None, {})
        """(version of the ledger, cards by state), as a cache of `by_state`."""

    # --- highlights to draft ----------------------------------------------------------------

    def to_draft(self, run: RunId | None, drafter: str) -> Iterator[Task]:
        """Return the highlights that need a draft, one task per document, in reading order.

        These are new, changed and failed highlights, and for a model those it was not asked about yet.
        Those ever merged into another's card come last. Without a model, whose requests must not change,
        those with accepted cards come first: after a lost ledger, a duplicate that waited must find the
        card that is in Anki. Zotero is next, because its cards have citations. A `run` limits them to
        those it read.
        """
        was = "EXISTS (SELECT 1 FROM event e WHERE json_extract(e.body, '$.key') = +h.key AND e.what ="
        accepted = f"{was} 'accept' AND NOT e.undone) DESC," if drafter.startswith("rules") else ""
        rows = self._db.execute(
            "SELECT h.key, h.document, h.failed FROM highlight h WHERE h.presence = 'present'"
            " AND h.presence_why <> :unselected AND h.run <> ''"
            f" AND (:run IS NULL OR {in_scope('h')})"
            f" AND {_TO_DRAFT if drafter == BY_HAND else _TO_DRAFT_BY_MODEL}"
            # `+`: compared with the column itself, the index of the expression could not be used
            f" ORDER BY {was} 'merge'), {accepted}"
            " h.container NOT LIKE 'zotero:%', h.container, h.place, h.position",
            {"run": run, "drafter": drafter, "tagged": TAGGED, "unselected": NOT_SELECTED},
        ).fetchall()
        return self._tasks(rows)

    def to_redraft(self, keys: Iterable[HighlightKey]) -> Iterator[Task]:
        """Return the given highlights that are present, one task per document."""
        rows = self._db.execute(
            "SELECT h.key, h.document, '' AS failed FROM highlight h"
            " WHERE h.presence = 'present' AND h.run <> ''"
            " AND h.key IN (SELECT value FROM json_each(?))"
            " ORDER BY h.container, h.place, h.position",
            (to_json(sorted(keys)),),
        ).fetchall()
        return self._tasks(rows)

    def answered_alike(self, key: HighlightKey, drafter: str) -> list[Highlight]:
        """Return the highlights with the same text that have a card or a result of this drafter."""
        rows = self._db.execute(
            "SELECT o.key FROM highlight h JOIN highlight o ON o.text = h.text AND o.key <> h.key"
            " WHERE h.key = :key AND ((o.drafter = :drafter AND o.drafted = o.content)"
            " OR EXISTS (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid"
            " WHERE l.key = o.key AND c.standing = 'live'))",
            {"key": key, "drafter": drafter},
        ).fetchall()
        found = (self._highlights.get(HighlightKey(row["key"])) for row in rows)
        return [one for one in found if one is not None]

    def _tasks(self, rows: list[sqlite3.Row]) -> Iterator[Task]:
        for _, group in groupby(rows, key=lambda row: str(row["document"])):
            members = list(group)
            found = [self.private_if_anywhere(HighlightKey(row["key"])) for row in members]
            highlights = tuple(highlight for highlight in found if highlight is not None)
            yield Task(highlights[0].document, highlights)

    def private_if_anywhere(self, key: HighlightKey) -> Highlight | None:
        """Return a highlight, with the tag `no-llm` if one of its locations has it; None if unknown."""
        highlight = self._highlights.get(key)
        rows = self._db.execute("SELECT body FROM location WHERE key = ?", (key,)).fetchall()
        if highlight is None or not private_elsewhere([row["body"] for row in rows]):
            return highlight
        return replace(highlight, tags=(*highlight.tags, NO_LLM))

    # --- fates and counts -------------------------------------------------------------------

    def funnel(self, run: RunId | None = None) -> Funnel:
        """Return the fates of the highlights that a run read (None = of all highlights)."""
        funnel = Funnel()
        rows = self._db.execute(
            "SELECT h.key, h.presence, h.presence_why, h.failed, h.no_card,"
            f" max({_ACCEPTED}"
            "     AND (c.forced OR NOT c.blocked) AND c.anki <> 'tombstone') AS carded,"
            " max(c.anki = 'tombstone') AS deleted,"
            " max(c.standing = 'live' AND c.verdict = 'pending' AND NOT c.blocked) AS waiting,"
            f" max({_LIVE} AND c.blocked) AS blocked,"
            " max(c.verdict = 'rejected') AS rejected, max(c.reason) AS rejection,"
            " max(CASE WHEN c.standing <> 'live' THEN c.standing_why ELSE '' END) AS retired"
            " FROM highlight h LEFT JOIN card_highlight l ON l.key = h.key"
            " LEFT JOIN card c ON c.guid = l.guid"
            f" WHERE h.run <> '' AND ({in_scope('h')} OR (:run IS NULL"
            " AND h.presence IN ('present', 'ignored')))"
            " GROUP BY h.key ORDER BY h.container, h.place, h.position",
            {"run": run},
        ).fetchall()
        for row in rows:
            fate, reason = _fate(row)
            funnel.seen += 1
            funnel.fates[fate] += 1
            if fate is Fate.NO_CARD:
                funnel.reasons[reason] += 1
            if fate is not Fate.CARDED:
                funnel.without.append(WithoutCard(HighlightKey(row["key"]), fate, reason))
        return funnel

    def card_counts(self, run: RunId | None = None) -> dict[str, int]:
        """Count the cards of the highlights that a run read (None = all); alternatives count as one.

        `ready`, `waiting`, `blocked` and `retired` exclude each other. `revisions` are accepted cards
        with a pending correction, `sourceless` those of `without_source`.
        """
        row = self._db.execute(
            "SELECT"
            " coalesce(sum(live AND accepted AND passable AND anki <> 'tombstone'), 0) AS ready,"
            " coalesce(sum(live AND verdict = 'pending' AND passable AND NOT other), 0) AS waiting,"
            " coalesce(sum(live AND verdict <> 'rejected' AND NOT passable AND NOT other), 0)"
            " AS blocked,"
            " coalesce(sum(NOT live AND NOT other), 0) AS retired,"
            " coalesce(sum(live AND accepted AND anki <> 'tombstone' AND revised), 0) AS revisions"
            " FROM (SELECT c.standing = 'live' AS live, c.verdict = 'accepted' AS accepted,"
            " c.verdict, c.anki, (c.forced OR NOT c.blocked) AS passable,"
            " EXISTS (SELECT 1 FROM candidate o WHERE o.guid = c.guid AND o.state = 'open')"
            f" AS revised, {_ALTERNATIVE} AS other"
            " FROM card c WHERE :run IS NULL OR EXISTS (SELECT 1 FROM card_highlight l"
            f" JOIN highlight h ON h.key = l.key WHERE l.guid = c.guid AND {in_scope('h')}))",
            {"run": run},
        ).fetchone()
        sourceless = self._db.execute(
            "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.key"
            f" WHERE {_WITHOUT_SOURCE}"
            " AND (:run IS NULL OR h.container IN (SELECT container FROM scan WHERE run = :run))",
            {"run": run},
        ).fetchone()
        return {**dict(row), "sourceless": int(sourceless[0])}

    def waiting(self, run: RunId | None = None) -> list[str]:
        """Return the guids of the cards that `card_counts` counts as waiting."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN highlight h ON h.key = c.key"
            " WHERE c.standing = 'live' AND c.verdict = 'pending' AND (c.forced OR NOT c.blocked)"
            f" AND NOT ({_ALTERNATIVE}) AND (:run IS NULL OR EXISTS (SELECT 1"
            " FROM card_highlight l JOIN highlight o ON o.key = l.key"
            f" WHERE l.guid = c.guid AND {in_scope('o')}))"
            " ORDER BY h.container, h.place, h.position",
            {"run": run},
        ).fetchall()
        return [str(row["guid"]) for row in rows]

    # --- review lists -----------------------------------------------------------------------

    def pending(self) -> list[str]:
        """Return the guids of cards without a verdict."""
        return self._guids(_PENDING)

    def is_pending(self, guid: str) -> bool:
        """Return whether `pending` contains a card."""
        sql = f"SELECT 1 FROM card c WHERE c.guid = ? AND {_PENDING}"
        return self._db.execute(sql, (guid,)).fetchone() is not None

    def with_findings(self) -> list[str]:
        """Return the guids of live, unrejected cards with a warning or a blocking finding."""
        rows = self._db.execute(
            "SELECT f.guid, c.choice FROM finding f JOIN card c ON c.guid = f.guid"
            " JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter AND a.state <> 'passed'"
            f" WHERE {_LIVE} AND json_extract(f.body, '$.severity') <> 'info' AND {CURRENT}"
        ).fetchall()
        named = {name for row in rows for name in row if name}
        return self._few(
            f"c.guid IN (SELECT value FROM json_each(:named)) AND {_LIVE} AND {_FIRST}",
            {"named": to_json(sorted(named))},
        )

    def of_last_run(self) -> list[str]:
        """Return the guids of the cards that the last drafting run drafted or revised.

        Cards that a person made by hand are not included.
        """
        run = self._db.execute(
            "SELECT r.id, r.at FROM run r WHERE r.id IN"
            " (SELECT run FROM card UNION SELECT until FROM past_content) AND r.command <> 'edit'"
            " ORDER BY r.at DESC, r.finished DESC LIMIT 1"
        ).fetchone()
        if run is None:
            return []
        return self._guids(
            "(c.run = :run OR c.guid IN (SELECT l.guid FROM"
            " past_content p JOIN card_highlight l ON l.key = p.key WHERE p.until = :run"
            " UNION SELECT subject FROM event WHERE what = 'revise' AND at >= :at))"
            f" AND {_FIRST}",
            {"run": run["id"], "at": run["at"]},
        )

    def without_card(self) -> list[str]:
        """Return the keys of present highlights without a card, not even a rejected or deleted one.

        Highlights written in a form for which a person wants no cards are omitted.
        """
        rows = self._db.execute(
            "SELECT h.key FROM highlight h WHERE h.key IN (SELECT key FROM highlight"
            " EXCEPT SELECT l.key FROM card c CROSS JOIN card_highlight l ON l.guid = c.guid"
            f" WHERE {_ANSWERED}) AND {_READ} AND h.no_card <> ?"
            " ORDER BY h.container, h.place, h.position",
            (LEFT_OUT,),
        ).fetchall()
        return [row["key"] for row in rows]

    def why_no_card(self, key: str) -> str:
        """Return why a highlight in `without_card` has no card; "" for other highlights."""
        row = self._db.execute(
            "SELECT coalesce(nullif(h.failed, ''), nullif(h.no_card, ''), 'not drafted yet') AS why"
            f" FROM highlight h WHERE h.key = ? AND {_READ} AND h.no_card <> ? AND NOT EXISTS (SELECT 1"
            " FROM card_highlight l JOIN card c ON c.guid = l.guid"
            f" WHERE l.key = h.key AND {_ANSWERED})",
            (key, LEFT_OUT),
        ).fetchone()
        return str(row["why"]) if row else ""

    def revisions(self) -> list[str]:
        """Return the guids of accepted cards with a pending correction."""
        return self._few(
            f"{_ACCEPTED} AND c.anki <> 'tombstone' AND EXISTS (SELECT 1 FROM candidate d"
            " WHERE d.guid = c.guid AND d.state = 'open') AND EXISTS (SELECT 1 FROM candidate d"
            " WHERE d.guid = c.guid AND d.state = 'picked')"
        )

    def unsupported(self) -> list[str]:
        """Return the guids of accepted cards that an edited passage no longer supports."""
        return self._few(
            f"{_ACCEPTED} AND EXISTS (SELECT 1 FROM finding f JOIN candidate d ON d.guid = f.guid"
            " AND d.letter = f.letter AND d.state = 'picked' WHERE f.guid = c.guid"
            " AND json_extract(f.body, '$.check') = 'source_changed')"
        )

    def conflicts(self) -> list[str]:
        """Return the guids of cards with a field that was changed both in Anki and in the source."""
        return self._few("c.anki = 'held' AND c.anki_why GLOB 'conflict:*'")

    def duplicates(self) -> list[tuple[str, str]]:
        """Return all duplicates that are not dismissed as (guid, guid or `nid:…`), each pair once."""
        pairs: dict[frozenset[str], tuple[str, str]] = {}
        for row in self._db.execute(_DUPLICATES + _ORDER).fetchall():
            pairs.setdefault(frozenset((row["guid"], row["twin"])), (row["guid"], row["twin"]))
        return list(pairs.values())

    def is_duplicate(self, guid: str, other: str) -> bool:
        """Return whether a finding says that two cards are duplicates, and no person dismissed it."""
        sql = f"{_DUPLICATES} AND t.guid = ? AND t.twin = ?"
        return self._db.execute(sql, (guid, other)).fetchone() is not None

    def changed_answers(self) -> list[str]:
        """Return the guids of accepted cards whose answer was corrected in the source afterwards."""
        return self._few(
            f"{_ACCEPTED} AND c.guid IN (SELECT f.guid FROM finding f JOIN candidate a"
            " ON a.guid = f.guid AND a.letter = f.letter AND a.state = 'picked'"
            " WHERE json_extract(f.body, '$.check') = 'answer_changed')"
        )

    def by_state(self) -> dict[str, list[str]]:
        """Return the guids of all cards by the state shown to people; alternatives count as one."""
        version = self.version()
        if self._states[0] == version:
            return self._states[1]
        rows = self._db.execute(
            f"SELECT c.guid, {_STATE} AS state FROM highlight h INDEXED BY highlight_place"
            f" CROSS JOIN card c ON c.key = h.key WHERE {_FIRST} AND NOT (c.choice <> ''"
            f" AND c.standing = 'superseded' AND c.anki = 'none'){_ORDER}"
        ).fetchall()
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row[1], []).append(row[0])
        self._states = (version, found)
        return found

    def all_cards(self) -> list[str]:
        """Return the guids of all cards; alternatives count as one."""
        return self._guids(
            f"{_FIRST} AND NOT (c.choice <> '' AND c.standing = 'superseded' AND c.anki = 'none')"
        )

    def accepted_by_policy(self) -> list[str]:
        """Return the guids of cards that were accepted by policy, not by a person."""
        return self._guids(f"{_ACCEPTED} AND c.accepted_by = 'policy' AND c.anki <> 'tombstone'")

    def unsent(self) -> int:
        """Count the accepted cards that are in no package and not in Anki."""
        [count] = self._db.execute(
            f"SELECT count(*) FROM card c WHERE {_ACCEPTED} AND (c.forced OR NOT c.blocked)"
            " AND c.anki = 'none'"
        ).fetchone()
        return int(count)

    def missing(self) -> list[str]:
        """Return the guids of cards that are no longer in Anki for an unknown reason."""
        return self._few("c.anki = 'missing'")

    def left_in_anki(self) -> list[str]:
        """Return the guids of cards that are studied in Anki although they are not accepted here."""
        return self._few(
            f"c.anki IN {IN_ANKI} AND NOT ({_ACCEPTED})"
            " AND EXISTS (SELECT 1 FROM seen s, json_each(s.cards) one WHERE s.guid = c.guid"
            " AND json_extract(one.value, '$.queue') <> -1)"
        )

    def without_source(self) -> list[str]:
        """Return the guids of accepted cards all of whose highlights are gone.

        Cards that a person accepted after that are omitted.
        """
        return self._few(_WITHOUT_SOURCE)

    def _few(self, where: str, values: Mapping[str, str] | None = None) -> list[str]:
        """Return cards in reading order by filtering, then sorting: for conditions that few meet."""
        sql = f"SELECT c.guid FROM card c CROSS JOIN highlight h ON h.key = c.key WHERE {where}"
        return [row["guid"] for row in self._db.execute(sql + _ORDER, values or {}).fetchall()]

    def _guids(self, where: str, values: Mapping[str, str] | None = None) -> list[str]:
        """Return cards in reading order by scanning the index: for many cards, sorting is too slow."""
        sql = (
            "SELECT c.guid FROM highlight h INDEXED BY highlight_place"
            f" CROSS JOIN card c ON c.key = h.key WHERE {where}{_ORDER}"
        )
        return [row[0] for row in self._db.execute(sql, values or {}).fetchall()]

    def marks(self, subjects: Iterable[str]) -> dict[str, tuple[str, Mark]]:
        """Return the document and the mark of each card and highlight, by guid or key."""
        ids = list(subjects)
        # of many, reading whole tables takes a quarter of the time of looking up each
        some = len(ids) < _FEW
        asked = (to_json(ids),) if some else ()
        named = " JOIN json_each(?) s ON {0} = s.value" if some else ""
        homes = dict(
            self._db.execute(
                f"SELECT c.guid, c.key FROM card c{named.format('c.guid')}", asked
            ).fetchall()
        )
        keys = [homes.get(one, one) for one in ids]
        rows = self._db.execute(
            f"SELECT h.key, h.document, h.body FROM highlight h{named.format('h.key')}",
            (to_json(keys),) if some else (),
        ).fetchall()
        wanted, decoder = set(keys), msgspec.json.Decoder(Mark)
        marks = {row[0]: (row[1], decoder.decode(row[2])) for row in rows if row[0] in wanted}
        return {one: marks[key] for one, key in zip(ids, keys, strict=True) if key in marks}

    # --- filters ----------------------------------------------------------------------------

    def matching(self, terms: Sequence[Term]) -> list[Guid]:
        """Return the guids of all cards that match these terms."""
        where, values = of_cards(terms, self.problem_cards.by_guid)
        sql = (
            f"SELECT c.guid FROM card c JOIN highlight o ON o.key = c.key"
            f" JOIN highlight h ON h.key = {HOME} JOIN document d ON d.key = h.document"
            f" WHERE {where}{_ORDER.replace('h.', 'o.')}"
        )
        return [Guid(row["guid"]) for row in self._db.execute(sql, values).fetchall()]

    def matches(self, guid: str, terms: Sequence[Term], letter: str = "") -> bool:
        """Return whether a card matches these terms; with `letter`, as if that were its only candidate."""
        where, values = of_cards(terms, self.problem_cards.by_guid, one=bool(letter))
        sql = (
            f"SELECT 1 FROM card c JOIN highlight h ON h.key = {HOME}"
            f" JOIN document d ON d.key = h.document WHERE c.guid = :guid AND ({where})"
        )
        return bool(self._db.execute(sql, {**values, "guid": guid, "letter": letter}).fetchone())

    def filtered(
        self,
        subjects: Iterable[str],
        terms: Sequence[Term],
        *,
        doubts: Iterable[str] | None = None,
        numbers: bool = False,
    ) -> frozenset[str]:
        """Return the guids and highlight keys among `subjects` that fulfil all conditions.

        Args:
            subjects: the items of a list; an open choice matches if one of its cards does.
            terms: the conditions of a query.
            doubts: if given, include only cards with a finding of one of these checks.
            numbers: include only items with a digit in their text.
        """
        where, values = of_cards(terms, self.problem_cards.by_guid)
        of_highlight, more = of_highlights(terms)
        if doubts is not None:
            where, of_highlight = f"{where} AND {DOUBTED}", "0"
        if numbers:
            where = f"{where} AND {NUMBERS}"
            of_highlight = f"{of_highlight} AND {NUMBERS_OF_HIGHLIGHT}"
        sources = " JOIN highlight h ON h.key = m.key JOIN document d ON d.key = h.document"
        rows = self._db.execute(
            f"{SUBJECTS} SELECT m.id FROM member m JOIN card c ON c.guid = m.guid"
            f"{sources if terms else ''} WHERE {where} UNION ALL"
            f" SELECT m.id FROM member m{sources} WHERE m.guid = '' AND {of_highlight}",
            {
                **values, **more, "ids": to_json(list(subjects)), "doubts": to_json(list(doubts or ()))
            },
        ).fetchall()  # fmt: skip
        return frozenset(row["id"] for row in rows)

    def clean(self, guids: Iterable[str]) -> frozenset[str]:
        """Return the given cards that may be accepted together with others."""
        rows = self._db.execute(
            f"SELECT c.guid FROM card c WHERE c.guid IN (SELECT value FROM json_each(?)) AND {CLEAN}",
            (to_json(list(guids)),),
        ).fetchall()
        return frozenset(row["guid"] for row in rows)

    def facets(self, subjects: Iterable[str], doubts: Iterable[str] = ()) -> dict[str, ItemFacets]:
        """Return the values by which these guids and highlight keys may be filtered.

        `doubts` are the checks that doubt whether a card agrees with its source. For many items, the
        whole table of highlights is read, because looking up each takes ten times as long.
        """
        ids = sorted(set(subjects))
        wanted = to_json(ids)
        member = f"c.guid, c.kind, c.deck, c.tags, c.fields, c.choice, {HOME} AS home"
        alone = [
            tuple(row)
            for row in self._db.execute(
                f"SELECT c.guid, {member} FROM card c WHERE c.choice = ''"
                " AND c.guid IN (SELECT value FROM json_each(?))",
                (wanted,),
            ).fetchall()
        ]
        others = sorted(set(ids).difference(row[0] for row in alone))
        several = self._db.execute(
            f"{SUBJECTS} SELECT m.id, {member.replace(HOME, 'm.key')} FROM member m"
            " LEFT JOIN card c ON c.guid = m.guid",
            {"ids": to_json(others)},
        ).fetchall()
        members = sorted((*alone, *map(tuple, several)), key=itemgetter(0))

        # (document, [colour, tags] as JSON or None) by highlight
        some = " WHERE key IN (SELECT value FROM json_each(:keys))" if len(ids) < _FEW else ""
        keys = to_json(sorted({row[-1] for row in members})) if some else "[]"
        marks = {
            row[0]: (row[1], row[2])
            for row in self._db.execute(
                'SELECT key, document, CASE WHEN instr(body, \'"tags":["\')'
                ' OR NOT instr(body, \'"colour":""\')'
                f" THEN json_extract(body, '$.colour', '$.tags') END FROM highlight{some}",
                {"keys": keys},
            )
        }
        documents = {
            key: (title, tags)
            for key, title, tags in self._db.execute(
                "SELECT key, title, json_extract(body, '$.tags') FROM document"
            )
        }

        checked = [row["guid"] for row in self._db.execute("SELECT DISTINCT guid FROM finding")]
        named = {row[0] for row in members} & {*checked, *(row[0] for row in several)}
        checks: dict[str, dict[str, None]] = {}
        for row in self._db.execute(CHECKS, {"ids": to_json(sorted(named))}).fetchall():
            checks.setdefault(row["id"], {})[row["name"]] = None
        doubted = self.filtered(named, (), doubts=doubts)
        digits = {row[0] for row in members if row[1] and has_digit(row[5])}
        digits |= self.filtered(set(ids) - digits, (), numbers=True)

        # many items have the same values and share an object
        shared: dict[tuple[Any, ...], ItemFacets] = {}
        found: dict[str, ItemFacets] = {}
        for id, group in groupby(members, key=itemgetter(0)):
            rows = tuple((row[2], row[3], row[4], *marks[row[7]]) for row in group)
            what = (rows, tuple(checks.get(id, ())), id in doubted, id in digits)
            if what not in shared:
                values = facets_of(rows, documents)
                values["Finding"] = checks.get(id, {})
                each = tuple(tuple(one) for one in values.values())
                shared[what] = ItemFacets(each, id in doubted, id in digits)
            found[id] = shared[what]
        return found

    def use_decks(self, tags: Callable[[str, str], str]) -> None:
        """Set the function that returns the tags from deck files, given a document and a highlight (JSON)."""
        self._db.create_function("deck_tags", 2, tags, deterministic=True)

    # --- decisions --------------------------------------------------------------------------

    def person_actions(self) -> dict[str, tuple[str, ...]]:
        """Return a person's actions that are not undone, newest first, with their subjects."""
        rows = self._db.execute(
            "SELECT action, subject FROM event d WHERE d.by = ? AND d.what <> 'undo'"
            f" AND d.action <> '' AND {STANDS} ORDER BY d.rank DESC",
            (PERSON,),
        ).fetchall()
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["action"], []).append(row["subject"])
        return {action: tuple(reversed(subjects)) for action, subjects in found.items()}

    def subjects_of(self, action: str) -> tuple[str, ...]:
        """Return the subjects of a person's action, in order; () if it is unknown or undone."""
        rows = self._db.execute(
            "SELECT d.subject FROM event d WHERE d.action = ? AND d.by = ? AND d.what <> 'undo'"
            f" AND {STANDS} ORDER BY d.rank",
            (action, PERSON),
        ).fetchall()
        return tuple(row["subject"] for row in rows)

    # --- change detection -------------------------------------------------------------------

    def runs(self) -> tuple[int, int]:
        """Return a value that changes when a run begins or ends."""
        found = self._db.execute("SELECT count(*), total(finished <> '') FROM run").fetchone()
        return int(found[0]), int(found[1])

    def decided_after(self, sequence: int) -> tuple[int, frozenset[str]]:
        """Return the number of the last event, and the ids that events after `sequence` may change.

        These are the cards and highlights in the events, cards with findings about them, and the
        alternatives of the cards.
        """
        [last] = self._db.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()
        rows = self._db.execute(
            "WITH t(id) AS (SELECT DISTINCT subject FROM event WHERE sequence > :after"
            "  UNION SELECT key FROM card JOIN event ON subject = guid WHERE sequence > :after)"
            " SELECT id FROM t UNION SELECT f.guid FROM t JOIN finding f"
            "  ON json_extract(f.body, '$.twin') <> ''"
            "  AND json_extract(f.body, '$.twin') BETWEEN t.id AND t.id || '.~'"
            " UNION SELECT o.guid FROM t JOIN card c ON c.guid = t.id"
            "  JOIN card o ON o.choice = c.choice AND o.choice <> ''",
            {"after": sequence},
        ).fetchall()
        return int(last), frozenset(row["id"] for row in rows)

    def version(self) -> tuple[int, int]:
        """Return a value that changes with every write, by this program or another."""
        [others] = self._db.execute("PRAGMA data_version").fetchone()
        return int(others), self._db.total_changes

    def is_empty(self) -> bool:
        """Return whether no highlight was ever read."""
        return self._db.execute("SELECT 1 FROM highlight LIMIT 1").fetchone() is None

    # --- statistics -------------------------------------------------------------------------

    def last_view(self) -> LastView | None:
        """Return the newest view of Anki; None if there is none."""
        row = self._db.execute(
            "SELECT taken_at, kind, path, complete FROM view ORDER BY taken_at DESC LIMIT 1"
        ).fetchone()
        return LastView(row[0], row[1], row[2], bool(row[3])) if row else None

    def calendar(self) -> Calendar | None:
        """Return how the collection counts days; None if unknown."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (CALENDAR,)).fetchone()
        if row:
            return msgspec.json.decode(row["value"], type=Calendar)
        row = self._db.execute(
            "SELECT created FROM view WHERE created > 0 ORDER BY taken_at DESC LIMIT 1"
        ).fetchone()
        return Calendar(row["created"]) if row else None

    def answers(self) -> Iterator[AnswerRow]:
        """Yield the review log in its order, without rescheduling by hand."""
        rows = self._db.cursor()
        rows.row_factory = None  # plain tuples, because there are very many
        yield from rows.execute(
            "SELECT id, guid, ordinal, ease, last_interval, factor, duration, type FROM review"
            " WHERE ease > 0 ORDER BY id"
        )

    def paid(self, since: str = "", shares: Mapping[str, float] | None = None) -> list[Paid]:
        """Return the tokens used by model and prompt, without replies pasted from a chat.

        Args:
            since: count replies from this time on (ISO 8601, UTC).
            shares: the share (0 to 1) of each reply to count, by request; None = all of each.
        """
        rows = self._db.execute(
            "WITH part AS (SELECT key AS request, value AS share FROM json_each(:shares))"
            " SELECT model, prompt, count(*), sum(tokens_in * share), sum(tokens_out * share),"
            " sum(share * CASE WHEN json_valid(raw) THEN coalesce(json_extract(raw,"
            "  '$.usage.prompt_tokens_details.cached_tokens'), 0) ELSE 0 END)"
            " FROM (SELECT r.*, CASE WHEN :all THEN 1 ELSE p.share END AS share FROM reply r"
            "  LEFT JOIN part p ON p.request = r.request WHERE :all OR p.share > 0)"
            " WHERE tokens_in + tokens_out > 0 AND at >= :since GROUP BY model, prompt"
            " ORDER BY model, prompt",
            {"since": since, "all": shares is None, "shares": to_json(shares or {})},
        ).fetchall()
        return [
            Paid(
                model, prompt, count, round(sent), round(got), min(round(cached or 0), round(sent))
            )
            for model, prompt, count, sent, got, cached in rows
        ]

    def replies(self) -> dict[str, tuple[str, str]]:
        """Return (model, prompt) of each reply by its request."""
        rows = self._db.execute("SELECT request, model, prompt FROM reply").fetchall()
        return {row[0]: (row[1], row[2]) for row in rows}

    def cards(self) -> Iterator[CardRow]:
        """Yield the columns of all cards for statistics, without creating `Card` objects."""
        leads = self._leads()
        decoder = msgspec.json.Decoder(tuple[SeenCard, ...])
        rows = self._db.execute(
            "SELECT c.guid, c.kind, c.deck, c.verdict, c.standing, c.anki, c.accepted_by, c.edited,"
            f" c.forced OR NOT c.blocked AS passable, c.reason, {_ALTERNATIVE} AS alternative,"
            " coalesce(r.at, '') AS drafted_at, coalesce(w.key, d.key) AS document,"
            " coalesce(w.title, d.title) AS title, s.deck AS there,"
            " instr(lower(s.tags), '\"leech\"') > 0 AS leech, s.cards"
            " FROM card c LEFT JOIN card_highlight l ON l.guid = c.guid AND l.role = 'origin'"
            " JOIN highlight h ON h.key = coalesce(l.key, c.key)"
            " JOIN document d ON d.key = h.document"
            " LEFT JOIN document w ON w.key = d.work LEFT JOIN run r ON r.id = c.run"
            f" LEFT JOIN seen s ON s.guid = c.guid AND c.anki IN {IN_ANKI} ORDER BY c.guid"
        ).fetchall()
        for row in rows:
            lead = leads.get(row["guid"], _NO_LEAD)
            yield CardRow(
                Guid(row["guid"]),
                CardKind(row["kind"]),
                row["there"] or row["deck"],
                DocumentKey(row["document"]),
                row["title"],
                Verdict(row["verdict"]),
                Standing(row["standing"]),
                AnkiState(row["anki"]),
                AcceptedBy(row["accepted_by"]),
                bool(row["edited"]),
                bool(row["passable"]),
                row["reason"],
                bool(row["alternative"]),
                row["drafted_at"],
                lead.drafted_by,
                lead.request,
                lead.checks,
                bool(row["leech"]),
                decoder.decode(row["cards"]) if row["cards"] else (),
            )

    def _leads(self) -> dict[str, _Lead]:
        """Return the leading candidate of each card, as `Card.leading`."""
        drafts, leads = msgspec.json.Decoder(_Draft), dict[str, _Lead]()
        # candidates that were passed over lead only if there are no others
        others = "c.guid NOT IN (SELECT guid FROM candidate WHERE state <> 'passed')"
        for condition in ("c.state <> 'passed'", others):
            rows = self._db.execute(
                f"SELECT c.guid, c.letter, c.state, c.draft FROM candidate c WHERE {condition}"
                " ORDER BY c.guid, c.letter"
            ).fetchall()
            findings = self._findings(condition) if rows else {}
            for guid, letter, state, draft in rows:
                found = findings.get((guid, letter), ())
                rank = _rank(state, letter, any(one.severity == "block" for one in found))
                best = leads.get(guid)
                if best is None or rank > best.rank:
                    origin = drafts.decode(draft).origin
                    leads[guid] = _Lead(
                        DraftedBy(origin.drafter, origin.model, origin.prompt),
                        origin.request,
                        rank,
                        tuple(dict.fromkeys(one.check for one in found)),
                    )
        return leads

    def _findings(self, condition: str) -> dict[tuple[str, str], list[_Finding]]:
        found: dict[tuple[str, str], list[_Finding]] = {}
        decoder = msgspec.json.Decoder(_Finding)
        for guid, letter, body in self._db.execute(
            "SELECT f.guid, f.letter, f.body FROM finding f JOIN candidate c ON c.guid = f.guid"
            f" AND c.letter = f.letter WHERE {condition} ORDER BY f.guid, f.letter, f.n"
        ):
            found.setdefault((guid, letter), []).append(decoder.decode(body))
        return found


# --- fates -------------------------------------------------------------------------------------


def _fate(row: sqlite3.Row) -> tuple[Fate, str]:
    """Return the first fate that applies, in the order of `Fate`, with its reason."""
    if row["presence"] == "ignored":
        return Fate.IGNORED, row["presence_why"]
    if row["failed"]:
        return Fate.FAILED, row["failed"]
    if row["carded"]:
        return Fate.CARDED, ""
    if row["waiting"]:
        return Fate.WAITING, "needs your decision"
    if row["blocked"]:
        return Fate.BLOCKED, "a check forbids its card"
    if row["deleted"]:
        return Fate.NO_CARD, "deleted in Anki"
    if row["rejected"]:
        reason = row["rejection"]
        return Fate.NO_CARD, f"rejected: {reason}" if reason else "rejected"
    if row["retired"]:
        return Fate.NO_CARD, f"retired: {row['retired']}"
    return Fate.NO_CARD, row["no_card"] or row["presence_why"] or "not drafted yet"


# --- the leading candidate ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lead:
    drafted_by: DraftedBy
    request: str
    rank: tuple[int, int]
    checks: tuple[str, ...] = ()


_NO_LEAD = _Lead(DraftedBy(""), "", (0, 0))


class _Origin(msgspec.Struct):
    """The part of a draft's origin that is needed."""

    drafter: str
    model: str = ""
    prompt: str = ""
    request: str = ""


class _Draft(msgspec.Struct):
    origin: _Origin


class _Finding(msgspec.Struct):
    """The part of a finding that is needed."""

    check: str
    severity: str


def _rank(state: str, letter: str, blocked: bool) -> tuple[int, int]:
    """Return a sort key: the last picked candidate, then the first unblocked, then the first open one."""
    number = 0  # a = 1, b = 2, … z = 26, aa = 27
    for sign in letter:
        number = number * 26 + ord(sign) - 96
    if state == CandidateState.PICKED:
        return 3, number
    if state != CandidateState.OPEN:
        return 0, -number
    return (1 if blocked else 2), -number
