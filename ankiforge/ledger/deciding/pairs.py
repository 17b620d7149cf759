"""What a person said of two cards: one card from now on, or no duplicates at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from ankiforge.ledger.connection import Connection
from ankiforge.model import Finding, Guid, HighlightKey

NOTE = "nid:"
"""What the name of a note in Anki that is not ours begins with, as in Anki's own search."""
PAIRED = ("duplicate", "similar")
"""The findings about a card and its twin that a person can call none."""
_NO_TWIN = '"twin":""'

STANDS = "NOT d.undone"
"""Of a decision `d`: nobody has taken it back."""
_JOINED = (
    "SELECT d.subject, json_extract(d.body, '$.key') AS key, json_extract(d.body, '$.card') AS card,"
    " json_extract(d.body, '$.answer') AS answer FROM decision d WHERE d.what = 'merge'"
    f" AND json_extract(d.body, '$.card') IS NOT NULL AND {STANDS}"
)


class Pairs:
    """Merges and `not-duplicate` of a person, as they stand."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def link(self, guid: Guid, key: HighlightKey) -> None:
        """A card serves another highlight as well, if both are here."""
        self._db.execute(
            "INSERT OR IGNORE INTO card_highlight SELECT c.guid, h.key, 'also'"
            " FROM card c, highlight h WHERE c.guid = ? AND h.key = ?",
            (guid, key),
        )

    def joined(self, guid: str) -> frozenset[HighlightKey]:
        """The highlights whose cards a person merged into this one."""
        rows = self._db.execute(f"{_JOINED} AND d.subject = ?", (guid,)).fetchall()
        return frozenset(HighlightKey(row["key"]) for row in rows)

    def joined_to(self, key: HighlightKey, answer: str) -> Guid | None:
        """The card into which a person merged the card with this answer of a highlight."""
        rows = self._db.execute(
            f"{_JOINED} AND json_extract(d.body, '$.key') = :key"
            " AND (json_extract(d.body, '$.answer') = :answer OR EXISTS"
            "  (SELECT 1 FROM json_each(d.body, '$.answers') WHERE value = :answer))"
            " ORDER BY d.rank DESC",
            {"key": key, "answer": answer},
        ).fetchall()
        return Guid(rows[0]["subject"]) if rows else None

    def part(self, guid: str, key: str) -> None:
        """A merge was taken back: the card serves the highlight no more, but for another merge."""
        if key not in self.joined(guid):
            self._db.execute(
                "DELETE FROM card_highlight WHERE guid = ? AND key = ? AND role = 'also'",
                (guid, key),
            )

    def apart(self, ids: Iterable[str]) -> frozenset[frozenset[str]]:
        """The pairs of these ids with any other that are no duplicates."""
        wanted = tuple(ids)
        marks = ", ".join("?" * len(wanted))
        select = (
            "SELECT d.subject, json_extract(d.body, '$.twin') AS twin FROM decision d"
            f" WHERE d.what = 'not-duplicate' AND {STANDS}"
        )
        rows = self._db.execute(
            f"{select} AND d.subject IN ({marks}) UNION ALL"
            f" {select} AND json_extract(d.body, '$.twin') IN ({marks})",
            (*wanted, *wanted),
        ).fetchall()
        return frozenset(frozenset((row["subject"], row["twin"])) for row in rows)

    def all_apart(self) -> frozenset[frozenset[str]]:
        """All pairs that are no duplicates."""
        rows = self._db.execute(
            "SELECT d.subject, json_extract(d.body, '$.twin') AS twin FROM decision d"
            f" WHERE d.what = 'not-duplicate' AND {STANDS}"
        ).fetchall()
        return frozenset(frozenset((row["subject"], row["twin"])) for row in rows)

    # --- findings that name a twin ----------------------------------------------------------

    def told(self, rows: list[sqlite3.Row]) -> list[sqlite3.Row]:
        """Rows of findings, but those of a twin that is none any more, or was said to be none."""
        naming = {at: _finding(row) for at, row in enumerate(rows) if _NO_TWIN not in row["body"]}
        if not naming:
            return rows
        standing = self._standing({_card_of(finding.twin) for finding in naming.values()})
        apart = self.apart({rows[at]["guid"] for at in naming})
        dropped = {
            at
            for at, finding in naming.items()
            if _card_of(finding.twin) not in standing or _is_apart(rows[at]["guid"], finding, apart)
        }
        return [row for at, row in enumerate(rows) if at not in dropped]

    def settled(self, guid: Guid, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Findings about a card but those of pairs that a person said are no duplicates."""
        if not any(finding.twin for finding in findings):
            return findings
        apart = self.apart((guid,))
        return tuple(one for one in findings if not _is_apart(guid, one, apart))

    def _standing(self, twins: Iterable[str]) -> frozenset[str]:
        """Those that are a card, live and not rejected, or a note of others in Anki."""
        ids = tuple(twins)
        notes = tuple(one.removeprefix(NOTE) for one in ids if one.startswith(NOTE))
        rows = self._db.execute(
            f"SELECT guid AS id FROM card WHERE guid IN ({', '.join('?' * len(ids))})"
            " AND standing = 'live' AND verdict <> 'rejected' UNION ALL"
            f" SELECT '{NOTE}' || id FROM foreign_note"
            f" WHERE id IN ({', '.join('?' * len(notes))}) AND fields <> ''",
            (*ids, *map(int, notes)),
        ).fetchall()
        return frozenset(row["id"] for row in rows)


def _finding(row: sqlite3.Row) -> Finding:
    return msgspec.json.decode(row["body"], type=Finding)


def _card_of(twin: str) -> str:
    """The card that a finding names, without the letter of a candidate."""
    return twin.partition(".")[0]


def _is_apart(guid: str, finding: Finding, apart: frozenset[frozenset[str]]) -> bool:
    return finding.check in PAIRED and frozenset((guid, _card_of(finding.twin))) in apart
