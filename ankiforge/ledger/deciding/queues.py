"""What waits for a person, by what he is asked: ids only, in the order of reading."""

from __future__ import annotations

from collections.abc import Mapping

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.pairs import PAIRED, Pairs
from ankiforge.ledger.deciding.troubles import Troubles
from ankiforge.ledger.writing import PERSON
from ankiforge.model import Guid

_FIRST = (
    "(c.choice = '' OR c.verdict <> 'pending' OR NOT EXISTS (SELECT 1 FROM card o"
    " WHERE o.choice = c.choice AND o.choice <> '' AND o.standing = 'live'"
    " AND o.verdict = 'pending' AND o.guid <> c.guid AND o.guid = c.choice))"
)
"""A choice of both note types is one: its first card stands for the other."""
_PENDING = f"c.standing = 'live' AND c.verdict = 'pending' AND {_FIRST}"
_ORDER = " ORDER BY h.container, h.place, h.position, c.family, c.slot"

_AT_ONCE = 500
"""Findings that are weighed together."""
_OTHER = "json_extract(d.body, '$.twin')"
_TWIN = "json_extract(f.body, '$.twin')"
_APART = "SELECT 1 FROM decision d WHERE d.what = 'not-duplicate' AND {} AND NOT EXISTS ({})"
_UNDONE = "SELECT 1 FROM decision u WHERE u.undoes = d.id"
_TWINS = (
    "SELECT t.guid, t.twin FROM (SELECT guid, letter, told,"
    " substr(twin, 1, instr(twin || '.', '.') - 1) AS twin FROM (SELECT f.guid, f.letter,"
    f" json_extract(f.body, '$.severity') AS told, {_TWIN} AS twin FROM finding f WHERE {_TWIN} <> ''"
    f" AND json_extract(f.body, '$.check') IN ({', '.join(map(repr, PAIRED))})"
    ")) t"
    " JOIN card c ON c.guid = t.guid JOIN highlight h ON h.key = c.key"
    " JOIN candidate a ON a.guid = t.guid AND a.letter = t.letter AND a.state <> 'passed'"
    " WHERE c.standing = 'live' AND c.verdict <> 'rejected'"
    " AND (t.told <> 'info' OR c.verdict = 'pending') AND (EXISTS (SELECT 1 FROM card o"
    "  WHERE o.guid = t.twin AND o.standing = 'live' AND o.verdict <> 'rejected')"
    " OR EXISTS (SELECT 1 FROM foreign_note n WHERE t.twin GLOB 'nid:*'"
    "  AND n.id = CAST(substr(t.twin, 5) AS INTEGER) AND n.fields <> ''))"
    f" AND NOT EXISTS ({_APART.format('d.subject = t.guid AND ' + _OTHER + ' = t.twin', _UNDONE)})"
    f" AND NOT EXISTS ({_APART.format('d.subject = t.twin AND ' + _OTHER + ' = t.guid', _UNDONE)})"
)
_WITHOUT_SOURCE = (
    "c.guid IN (SELECT l.guid FROM highlight g CROSS JOIN card_highlight l ON l.key = g.key"
    "  WHERE g.presence = 'gone')"
    " AND c.standing = 'live' AND c.verdict = 'accepted' AND NOT EXISTS"
    " (SELECT 1 FROM card_highlight l JOIN highlight o ON o.key = l.key WHERE l.guid = c.guid"
    "  AND o.presence <> 'gone')"
    " AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.subject = c.guid AND d.what = 'accept'"
    "  AND d.by = 'person' AND substr(d.at, 1, 19) >= (SELECT max(substr(o.missing_at, 1, 19))"
    "   FROM card_highlight l JOIN highlight o ON o.key = l.key WHERE l.guid = c.guid)"
    f"  AND NOT EXISTS ({_UNDONE}))"
)
_READ = "h.run <> '' AND h.presence IN ('present', 'missing-once')"
_ASKED = "(c.standing = 'live' OR c.verdict = 'rejected' OR c.anki = 'tombstone')"
"""What was rejected, or deleted in Anki, is not asked again."""
_NO_CARD = (
    f"{_READ} AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid"
    f" WHERE l.key = h.key AND {_ASKED})"
)
_BARE = (
    "SELECT key FROM highlight EXCEPT SELECT l.key FROM card c CROSS JOIN card_highlight l"
    f" ON l.guid = c.guid WHERE {_ASKED}"
)
"""The same for all highlights at once."""


class Queues:
    """Looks at cards; changes nothing."""

    def __init__(self, connection: Connection, troubles: Troubles) -> None:
        self._db = connection
        self._troubles = troubles

    def pending(self) -> list[str]:
        """The guids of cards that wait for a verdict."""
        return self._guids(_PENDING)

    def is_pending(self, guid: str) -> bool:
        """Whether one of them does."""
        sql = f"SELECT 1 FROM card c WHERE c.guid = ? AND {_PENDING}"
        return self._db.execute(sql, (guid,)).fetchone() is not None

    def doubted(self) -> list[str]:
        """The guids of live cards, not rejected, of which a check warns or which it forbids."""
        rows = self._db.execute(
            "SELECT f.guid, f.body, c.choice FROM finding f JOIN card c ON c.guid = f.guid"
            " JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter AND a.state <> 'passed'"
            " WHERE c.standing = 'live' AND c.verdict <> 'rejected'"
            " AND json_extract(f.body, '$.severity') <> 'info'"
        ).fetchall()
        named: set[str] = set()
        for start in range(0, len(rows), _AT_ONCE):
            told = Pairs(self._db).told(rows[start : start + _AT_ONCE])
            named |= {name for row in told for name in (row["guid"], row["choice"]) if name}
        live = f"c.standing = 'live' AND c.verdict <> 'rejected' AND {_FIRST}"
        return [guid for guid in self._guids(live) if guid in named] if named else []

    def drawn_last(self) -> list[str]:
        """The guids of what the last run that drew anything has drafted or revised.

        A card that a person makes by hand is none.
        """
        run = self._db.execute(
            "SELECT r.id, r.at FROM run r WHERE r.id IN"
            " (SELECT run FROM card UNION SELECT until FROM past_content) AND r.command <> 'edit'"
            " ORDER BY r.at DESC, r.finished DESC LIMIT 1"
        ).fetchone()
        if run is None:
            return []
        return self._guids(
            f"c.guid IN (SELECT guid FROM card WHERE run = :run UNION SELECT l.guid FROM"
            " past_content p JOIN card_highlight l ON l.key = p.key WHERE p.until = :run"
            " UNION SELECT subject FROM decision WHERE what = 'revise' AND at >= :at)"
            f" AND {_FIRST}",
            {"run": run["id"], "at": run["at"]},
        )

    # --- what was decided ---------------------------------------------------------------------

    def decided(self) -> dict[str, tuple[str, ...]]:
        """Actions of a person that stand, newest first, each with what it was about."""
        rows = self._db.execute(
            "SELECT action, subject FROM decision d WHERE d.by = ? AND d.what <> 'undo'"
            f" AND d.action <> '' AND NOT EXISTS ({_UNDONE}) ORDER BY d.at DESC, d.sequence DESC",
            (PERSON,),
        ).fetchall()
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["action"], []).append(row["subject"])
        return {action: tuple(reversed(subjects)) for action, subjects in found.items()}

    def about(self, action: str) -> tuple[str, ...]:
        """What such an action was about, in order; () if it is none, or does not stand."""
        rows = self._db.execute(
            "SELECT d.subject FROM decision d WHERE d.action = ? AND d.by = ? AND d.what <> 'undo'"
            f" AND NOT EXISTS ({_UNDONE}) ORDER BY d.sequence",
            (action, PERSON),
        ).fetchall()
        return tuple(row["subject"] for row in rows)

    # --- what has changed -----------------------------------------------------------------------

    def version(self) -> tuple[int, int]:
        """Another one after whatever was written, here or by another program."""
        [others] = self._db.execute("PRAGMA data_version").fetchone()
        return int(others), self._db.total_changes

    def last(self) -> int:
        """The number of the last decision."""
        return int(self._db.execute("SELECT max(sequence) FROM decision").fetchone()[0] or 0)

    def decided_since(self, number: int) -> frozenset[str]:
        """The guids about which something was decided since, and of what is told beside them."""
        rows = self._db.execute(
            "WITH t AS (SELECT DISTINCT subject AS guid FROM decision WHERE sequence > ?)"
            " SELECT guid FROM t UNION SELECT f.guid FROM t JOIN finding f"
            "  ON json_extract(f.body, '$.twin') <> ''"
            "  AND json_extract(f.body, '$.twin') BETWEEN t.guid AND t.guid || '.~'"
            " UNION SELECT o.guid FROM t JOIN card c ON c.guid = t.guid"
            "  JOIN card o ON o.choice = c.choice AND o.choice <> ''",
            (number,),
        ).fetchall()
        return frozenset(row["guid"] for row in rows)

    def marks(self) -> dict[str, int]:
        """What changes whenever something of a card does that stands in its rows, by its guid."""
        found: dict[str, int] = {}
        documents = self._hashes("SELECT key, body, slug, work FROM document")
        rows = self._db.execute("SELECT key, document, body FROM highlight").fetchall()
        highlights = {row[0]: hash((row[2], documents.get(row[1]))) for row in rows}
        for row in self._db.execute("SELECT guid, key, * FROM card").fetchall():
            found[row[0]] = hash((tuple(row), highlights.get(row[1])))
        for table in ("candidate", "finding"):
            for row in self._db.execute(f"SELECT guid, * FROM {table}").fetchall():
                found[row[0]] = hash((found[row[0]], tuple(row)))
        return found

    def _hashes(self, sql: str) -> dict[str, int]:
        return {row[0]: hash(tuple(row)) for row in self._db.execute(sql).fetchall()}

    def untouched(self) -> bool:
        """Whether no highlight was ever read."""
        return self._db.execute("SELECT 1 FROM highlight LIMIT 1").fetchone() is None

    # --- passages without a card ------------------------------------------------------------

    def passages(self) -> list[str]:
        """The keys of passages that are no card, and of which nobody has said that none is wanted."""
        sql = f"SELECT h.key FROM highlight h WHERE h.key IN ({_BARE}) AND {_READ}"
        rows = self._db.execute(f"{sql} ORDER BY h.container, h.place, h.position").fetchall()
        return [row["key"] for row in rows]

    def why_no_card(self, key: str) -> str:
        """Why such a passage has none; "" if it is no such passage."""
        row = self._db.execute(
            "SELECT coalesce(nullif(h.failed, ''), nullif(h.no_card, ''), 'not drafted yet') AS why"
            f" FROM highlight h WHERE h.key = ? AND {_NO_CARD}",
            (key,),
        ).fetchone()
        return str(row["why"]) if row else ""

    # --- two versions of one thing ----------------------------------------------------------

    def revisions(self) -> list[str]:
        """The guids of accepted cards with a correction that waits."""
        return self._few(
            "c.standing = 'live' AND c.verdict = 'accepted' AND EXISTS (SELECT 1 FROM candidate d"
            " WHERE d.guid = c.guid AND d.state = 'open') AND EXISTS (SELECT 1 FROM candidate d"
            " WHERE d.guid = c.guid AND d.state = 'picked')"
        )

    def conflicts(self) -> list[str]:
        """The guids of cards of which Anki and the source have both changed a field."""
        return self._few("c.anki = 'held' AND c.anki_why GLOB 'conflict:*'")

    def twins(self) -> list[tuple[str, str]]:
        """(guid, guid or `nid:…`) of all that is called alike and was not settled; each pair once."""
        rows = self._db.execute(_TWINS + _ORDER).fetchall()
        pairs: dict[frozenset[str], tuple[str, str]] = {}
        for row in rows:
            pairs.setdefault(frozenset((row["guid"], row["twin"])), (row["guid"], row["twin"]))
        return list(pairs.values())

    def called_alike(self, guid: str, twin: str) -> bool:
        """Whether a finding about the card names this twin, and that was not settled."""
        sql = f"{_TWINS} AND t.guid = ? AND t.twin = ?"
        return self._db.execute(sql, (guid, twin)).fetchone() is not None

    def work(self) -> list[Guid]:
        """The guids of cards that keep failing in Anki and wait for a word, the worst first."""
        return self._troubles.queue()

    def missing(self) -> list[str]:
        """The guids of cards that were in Anki and are not there now, and nobody knows why."""
        return self._few("c.anki = 'missing'")

    def left_in_anki(self) -> list[str]:
        """The guids of cards that are studied in Anki, and are none any more here."""
        return self._few(
            "c.anki IN ('seen', 'held') AND NOT (c.standing = 'live' AND c.verdict = 'accepted')"
            " AND EXISTS (SELECT 1 FROM seen s, json_each(s.cards) one WHERE s.guid = c.guid"
            " AND json_extract(one.value, '$.queue') <> -1)"
        )

    def without_source(self) -> list[str]:
        """The guids of accepted cards of which no passage is left, unless a person said yes since."""
        return self._few(_WITHOUT_SOURCE)

    def _few(self, where: str) -> list[str]:
        """Found first and sorted then: what few cards are."""
        sql = f"SELECT c.guid FROM card c CROSS JOIN highlight h ON h.key = c.key WHERE {where}"
        return [row["guid"] for row in self._db.execute(sql + _ORDER).fetchall()]

    def _guids(self, where: str, values: Mapping[str, str] | None = None) -> list[str]:
        """Read in the order that is wanted: to sort so many rows would be felt at each step."""
        sql = (
            "SELECT c.guid FROM highlight h INDEXED BY highlight_place"
            f" CROSS JOIN card c ON c.key = h.key WHERE {where}{_ORDER}"
        )
        return [row["guid"] for row in self._db.execute(sql, values or {}).fetchall()]
