"""What the ledger says of notes in Anki: where each of our cards stands, for a look at all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.pairs import STANDS, Pairs
from ankiforge.model import Guid, Standing, Verdict

_ALL = (
    "SELECT c.guid, c.verdict, c.standing, c.standing_why, c.reason,"
    " (SELECT min(s.written_at) FROM shipped s WHERE s.guid = c.guid) AS written FROM card c"
)

_LEFT = (
    "SELECT d.subject, max(json_extract(d.body, '$.lapses')) AS lapses FROM decision d"
    " WHERE d.by = 'person' AND d.what IN ('accept', 'edit', 'pick')"
    f" AND json_extract(d.body, '$.lapses') IS NOT NULL AND {STANDS} GROUP BY d.subject"
)
_ANSWERED = (
    "SELECT d.subject, json_extract(d.body, '$.text') AS said FROM decision d"
    f" WHERE d.what = 'feedback' AND {STANDS} AND d.subject NOT IN (SELECT f.guid FROM finding f"
    "  JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter AND a.state <> 'passed'"
    "  WHERE json_extract(f.body, '$.check') = 'feedback')"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where one card stands."""

    verdict: Verdict
    standing: Standing
    why: str
    """Of a rejection, or of its retirement; "" if none was said."""
    written: float
    """When it was first written for Anki, seconds since 1970; 0 if it never was."""

    @property
    def stands(self) -> bool:
        """Whether it is a card: accepted, and not retired."""
        return self.standing is Standing.LIVE and self.verdict is Verdict.ACCEPTED


class Accounts:
    """Looks at cards; changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def all(self) -> dict[Guid, Account]:
        """Of every card there is, by its guid."""
        return {Guid(row["guid"]): _account(row) for row in self._db.execute(_ALL)}

    def distinct(self) -> frozenset[frozenset[str]]:
        """The pairs that a person called no duplicates: guids, and `nid:…` for notes of others."""
        return Pairs(self._db).all_apart()

    def left(self) -> dict[Guid, int]:
        """The cards that fail and about which a person has done something, or left them as they are.

        Each with how often it had lapsed by then.
        """
        rows = self._db.execute(_LEFT).fetchall()
        return {Guid(row["subject"]): int(row["lapses"]) for row in rows}

    def answered(self) -> frozenset[tuple[Guid, str]]:
        """The remarks typed in Anki, blanks folded, that a person has dealt with since."""
        rows = self._db.execute(_ANSWERED).fetchall()
        return frozenset((Guid(row["subject"]), " ".join(row["said"].split())) for row in rows)


def _account(row: dict[str, str]) -> Account:
    live = row["standing"] == Standing.LIVE
    return Account(
        Verdict(row["verdict"]),
        Standing(row["standing"]),
        row["reason"] if live else row["standing_why"],
        datetime.fromisoformat(row["written"]).timestamp() if row["written"] else 0.0,
    )
