"""What is known of cards and of the answers given to them, in rows small enough to count.

Reads; changes nothing. A look at all cards at once: each costs microseconds, not a whole card.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from ankiforge.ledger.collection.seen import CALENDAR
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.looks.funnel import STANDS_BEHIND
from ankiforge.model import (
    AcceptedBy,
    AnkiState,
    Calendar,
    CandidateState,
    CardKind,
    DocumentKey,
    Guid,
    SeenCard,
    Standing,
    Verdict,
)

_CARDS = (
    "SELECT c.guid, c.kind, c.deck, c.verdict, c.standing, c.anki, c.accepted_by, c.edited,"
    f" c.forced OR NOT c.blocked AS passable, c.reason, {STANDS_BEHIND} AS behind,"
    " coalesce(r.at, '') AS drafted_at, coalesce(w.key, d.key) AS document,"
    " coalesce(w.title, d.title) AS title, s.deck AS there,"
    " instr(lower(s.tags), '\"leech\"') > 0 AS leech, s.cards"
    " FROM card c LEFT JOIN card_highlight l ON l.guid = c.guid AND l.role = 'origin'"
    " JOIN highlight h ON h.key = coalesce(l.key, c.key) JOIN document d ON d.key = h.document"
    " LEFT JOIN document w ON w.key = d.work LEFT JOIN run r ON r.id = c.run"
    " LEFT JOIN seen s ON s.guid = c.guid AND c.anki IN ('seen', 'held') ORDER BY c.guid"
)
_OF_CANDIDATES = (
    "SELECT c.guid, c.letter, c.state, c.draft FROM candidate c WHERE {} ORDER BY c.guid, c.letter"
)
_OF_FINDINGS = (
    "SELECT f.guid, f.letter, f.body FROM finding f JOIN candidate c ON c.guid = f.guid"
    " AND c.letter = f.letter WHERE {} ORDER BY f.guid, f.letter, f.n"
)
_MAY_LEAD = "c.state <> 'passed'"
_PASSED = "c.guid NOT IN (SELECT guid FROM candidate WHERE state <> 'passed')"
"""Those passed over lead only where there is no other."""
_ANSWERS = (
    "SELECT id, guid, ordinal, ease, last_interval, factor, duration, type FROM review"
    " WHERE ease > 0 ORDER BY id"
)
AnswerRow = tuple[int, Guid, int, int, int, int, int, int]
"""id, guid, ordinal, ease, last interval, factor, duration, type: as in `SeenReview`."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Who drew a card: see `Origin`."""

    drafter: str
    model: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card, as far as it is counted."""

    guid: Guid
    kind: CardKind
    deck: str
    """Where it is in Anki, else where it is to go."""
    document: DocumentKey
    """Of documents that are one work the first."""
    title: str
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    accepted_by: AcceptedBy
    edited: bool
    passable: bool
    """Whether no check forbids it, or a person forced it."""
    reason: str
    """Why it was rejected."""
    behind: bool
    """Whether another card stands for it: a choice is one card, to count."""
    drafted_at: str
    """ISO 8601; "" if no run here drafted it."""
    drawn: Drawn
    """Of the candidate that is, or may become, the card."""
    request: str
    """Of the reply in which that one came; "" if none did."""
    checks: tuple[str, ...]
    """What was found about that one, each check once."""
    leech: bool
    cards: tuple[SeenCard, ...]
    """As Anki schedules them; () if it is not there."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What the replies of one model to one prompt used."""

    model: str
    prompt: str
    requests: int
    tokens_in: int
    tokens_out: int
    again: int
    """Of the tokens in, those the server still had in its cache."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """The newest look at Anki that was taken in."""

    taken_at: str
    kind: str
    path: str
    complete: bool


@dataclass(frozen=True, slots=True)
class _Lead:
    """The candidate that leads: see `Card.leading`."""

    drawn: Drawn
    request: str
    rank: tuple[int, int]
    checks: tuple[str, ...] = ()


class _Origin(msgspec.Struct):
    """Of a draft what is counted."""

    drafter: str
    model: str = ""
    prompt: str = ""
    request: str = ""


class _Draft(msgspec.Struct):
    origin: _Origin


class _Said(msgspec.Struct):
    """Of a finding what is counted."""

    check: str
    severity: str


class Figures:
    """Rows to count."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def last_look(self) -> LastLook | None:
        """None if Anki was never seen."""
        row = self._db.execute(
            "SELECT taken_at, kind, path, complete FROM view ORDER BY taken_at DESC LIMIT 1"
        ).fetchone()
        return (
            LastLook(row["taken_at"], row["kind"], row["path"], bool(row["complete"]))
            if row
            else None
        )

    def calendar(self) -> Calendar | None:
        """How the collection counts days; None if no look told."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (CALENDAR,)).fetchone()
        if row:
            return msgspec.json.decode(row["value"], type=Calendar)
        row = self._db.execute(
            "SELECT created FROM view WHERE created > 0 ORDER BY taken_at DESC LIMIT 1"
        ).fetchone()
        return Calendar(row["created"]) if row else None

    def answers(self) -> Iterator[AnswerRow]:
        """The review log but what was set by hand, in its order."""
        rows = self._db.cursor()
        rows.row_factory = None  # plain tuples: there are very many
        yield from rows.execute(_ANSWERS)

    def paid(self, since: str = "", shares: Mapping[str, float] | None = None) -> list[Paid]:
        """What was paid for; answers pasted from a chat are not.

        Args:
            since: from this time on (ISO 8601, UTC).
            shares: of the reply to each request this part only, 0 to 1; None = all of each.
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
            Paid(model, prompt, count, round(sent), round(got), min(round(again or 0), round(sent)))
            for model, prompt, count, sent, got, again in rows
        ]

    def replies(self) -> dict[str, tuple[str, str]]:
        """(model, prompt) of each reply, by its request."""
        rows = self._db.execute("SELECT request, model, prompt FROM reply").fetchall()
        return {row[0]: (row[1], row[2]) for row in rows}

    # --- cards ------------------------------------------------------------------------------

    def cards(self) -> Iterator[CardRow]:
        """Every card."""
        leads = self._leads()
        decoder = msgspec.json.Decoder(tuple[SeenCard, ...])
        for row in self._db.execute(_CARDS).fetchall():
            seen = decoder.decode(row["cards"]) if row["cards"] else ()
            yield _card(row, leads.get(row["guid"]) or _NOBODY, seen)

    def _leads(self) -> dict[str, _Lead]:
        drafts, leads = msgspec.json.Decoder(_Draft), dict[str, _Lead]()
        for which in (_MAY_LEAD, _PASSED):
            rows = self._db.execute(_OF_CANDIDATES.format(which)).fetchall()
            said = self._said(which) if rows else {}
            for guid, letter, state, draft in rows:
                found = said.get((guid, letter), ())
                rank = _rank(state, letter, any(one.severity == "block" for one in found))
                best = leads.get(guid)
                if best is None or rank > best.rank:
                    checks = tuple(dict.fromkeys(one.check for one in found))
                    leads[guid] = _lead(drafts.decode(draft).origin, rank, checks)
        return leads

    def _said(self, which: str) -> dict[tuple[str, str], list[_Said]]:
        said: dict[tuple[str, str], list[_Said]] = {}
        findings = msgspec.json.Decoder(_Said)
        for guid, letter, body in self._db.execute(_OF_FINDINGS.format(which)):
            said.setdefault((guid, letter), []).append(findings.decode(body))
        return said


def _lead(origin: _Origin, rank: tuple[int, int], checks: tuple[str, ...]) -> _Lead:
    return _Lead(Drawn(origin.drafter, origin.model, origin.prompt), origin.request, rank, checks)


def _rank(state: str, letter: str, blocked: bool) -> tuple[int, int]:
    """The last that was picked, else the first that may be, else the first that is open."""
    place = _number_of(letter)
    if state == CandidateState.PICKED:
        return 3, place
    if state != CandidateState.OPEN:
        return 0, -place
    return (1 if blocked else 2), -place


def _number_of(letter: str) -> int:
    """A 1, b 2 … z 26, aa 27."""
    number = 0
    for sign in letter:
        number = number * 26 + ord(sign) - 96
    return number


_NOBODY = _Lead(Drawn(""), "", (0, 0))


def _card(row: sqlite3.Row, lead: _Lead, seen: tuple[SeenCard, ...]) -> CardRow:
    return CardRow(
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
        bool(row["behind"]),
        row["drafted_at"],
        lead.drawn,
        lead.request,
        lead.checks,
        bool(row["leech"]),
        seen,
    )
