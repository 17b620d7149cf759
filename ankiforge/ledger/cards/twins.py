"""What the ledger keeps for the duplicate search: words, marks, and which pairs are none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ankiforge.ledger.cards.others import OtherNotes
from ankiforge.ledger.cards.values import Cards
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.pairs import NOTE
from ankiforge.ledger.writing import Writer
from ankiforge.model import CardKind, Draft, Fields, Guid, HighlightKey, Origin

_STANDING = (
    "SELECT c.guid AS id, coalesce(l.key, c.key) AS home, c.kind, c.fields, '' AS deck,"
    " coalesce(m.words, '') AS words, coalesce(m.mark, '') AS mark FROM card c"
    " LEFT JOIN card_highlight l ON l.guid = c.guid AND l.role = 'origin'"
    " LEFT JOIN twin_mark m ON m.id = c.guid"
    " WHERE c.standing = 'live' AND c.verdict <> 'rejected'"
)
_FOREIGN = (
    f"SELECT '{NOTE}' || n.id AS id, '' AS home, '' AS kind, n.fields, n.deck,"
    " coalesce(m.words, '') AS words, coalesce(m.mark, '') AS mark FROM foreign_note n"
    f" LEFT JOIN twin_mark m ON m.id = '{NOTE}' || n.id"
    " WHERE n.fields <> '' GROUP BY n.id"
)


class Known(NamedTuple):
    """A card, or a note of others, that a draft may repeat."""

    id: str
    """A guid, or `nid:` and Anki's id."""
    home: HighlightKey
    kind: str
    fields: str
    """As they are stored."""
    deck: str
    words: str
    """A digest of what `mark` was made from."""
    mark: str

    @property
    def draft(self) -> Draft:
        """Its words, as a draft that can be compared."""
        return draft_of(self.kind, self.fields)


def draft_of(kind: str, stored: str) -> Draft:
    """Words as a draft that can be compared; a note of others says its kind by its fields."""
    fields = msgspec.json.decode(stored, type=Fields)
    basic = fields and fields[0][0] == "Front"
    told = CardKind(kind) if kind else CardKind.BASIC if basic else CardKind.CLOZE
    return Draft(HighlightKey(""), told, fields, "", "", 0, Origin(""))


def _known(row: sqlite3.Row) -> Known:
    return Known(
        row["id"], HighlightKey(row["home"]), row["kind"], row["fields"],
        row["deck"], row["words"], row["mark"],
    )  # fmt: skip


class TwinMemory:
    """Cards that stand and notes of others, as the duplicate search wants them."""

    def __init__(
        self, connection: Connection, writer: Writer, cards: Cards, others: OtherNotes
    ) -> None:
        self._db = connection
        self._writer = writer
        self._cards = cards
        self._others = others

    def known(self) -> Iterator[Known]:
        """Each card that is live and not rejected, then each note of others."""
        for query in (_STANDING, _FOREIGN):
            for row in self._db.execute(query):
                yield _known(row)

    def changed_since(self, number: int) -> tuple[int, list[tuple[str, Known | None]]]:
        """The last decision, and the cards about which something was decided since `number`.

        With each what is known of it, None if it is not live, or was rejected.
        """
        [last] = self._db.execute("SELECT coalesce(max(sequence), 0) FROM decision").fetchone()
        rows = self._db.execute(
            "SELECT DISTINCT d.subject AS guid FROM decision d JOIN card c ON c.guid = d.subject"
            " WHERE d.sequence > ? ORDER BY guid",
            (number,),
        ).fetchall()
        return int(last), [(row["guid"], self._one(row["guid"])) for row in rows]

    def _one(self, guid: str) -> Known | None:
        row = self._db.execute(f"{_STANDING} AND c.guid = ?", (guid,)).fetchone()
        return _known(row) if row else None

    def keep(self, marks: Iterable[tuple[str, str, str]]) -> None:
        """Remember (id, digest of its words, mark), in place of what was known."""
        with self._writer.unit():
            self._db.executemany("INSERT OR REPLACE INTO twin_mark VALUES (?, ?, ?)", marks)

    def words(self, id: str) -> Draft | None:
        """What a card, or a note of others, says now; None if it stands no more."""
        if id.startswith(NOTE):
            note = self._others.find(int(id.removeprefix(NOTE)))
            fields = note.fields if note else ()
            basic = bool(fields) and fields[0][0] == "Front"
            kind = CardKind.BASIC if basic else CardKind.CLOZE
            return Draft(HighlightKey(""), kind, fields, "", "", 0, Origin("")) if fields else None
        row = self._db.execute(
            "SELECT kind, fields FROM card WHERE guid = ? AND standing = 'live'"
            " AND verdict <> 'rejected'",
            (id,),
        ).fetchone()
        return draft_of(row["kind"], row["fields"]) if row else None

    def made(self, guid: Guid) -> str:
        """When a card was drafted first here, as ISO text."""
        row = self._db.execute(
            "SELECT r.at FROM card c JOIN run r ON r.id = c.run WHERE c.guid = ?", (guid,)
        ).fetchone()
        return str(row["at"]) if row else ""

    # --- findings that may be stale ---------------------------------------------------------

    def reworded(self) -> list[str]:
        """The cards and notes whose words have changed since a finding may have named them."""
        rows = self._db.execute("SELECT id FROM reworded ORDER BY id").fetchall()
        return [row["id"] for row in rows]

    def named_by(self, id: str) -> list[tuple[Guid, str]]:
        """(card, letter) of the candidates with a finding that names this twin."""
        rows = self._db.execute(
            "SELECT DISTINCT guid, letter FROM finding WHERE json_extract(body, '$.twin') = ?"
            " AND json_extract(body, '$.twin') <> '' ORDER BY guid, letter",
            (id,),
        ).fetchall()
        return [(Guid(row["guid"]), row["letter"]) for row in rows]

    def judged_anew(self, id: str) -> None:
        """Findings that name it are up to date."""
        self._db.execute("DELETE FROM reworded WHERE id = ?", (id,))
