"""What is known of a work: when it was read, what was marked, which cards were made of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from ankiforge.ledger.connection import Connection
from ankiforge.model import (
    AnkiState,
    Document,
    DocumentKey,
    Guid,
    HighlightKey,
    Presence,
    SeenCard,
    Standing,
    Verdict,
)

_FIELDS = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_CARDS = msgspec.json.Decoder(tuple[SeenCard, ...]).decode


class Words(msgspec.Struct, frozen=True):
    """A highlight, as far as it is told again."""

    kind: str = ""
    exact: str = ""
    comment: str = ""
    colour: str = ""
    created: str = ""
    page_label: str = ""
    heading: str = ""
    uri: str = ""
    links: tuple[str, ...] = ()


_WORDS = msgspec.json.Decoder(Words).decode


@dataclass(frozen=True, slots=True)
class Marked:
    """A passage of a work."""

    key: HighlightKey
    presence: Presence
    said: Words


@dataclass(frozen=True, slots=True)
class Made:
    """A card of a work, and how it was when Anki was looked at last."""

    guid: Guid
    highlight: HighlightKey
    kind: str
    fields: tuple[tuple[str, str], ...]
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    cards: tuple[SeenCard, ...]
    """() if it was never seen there."""
    answered: tuple[tuple[int, float], ...]
    """(ordinal of the card, seconds since 1970) of the last answer to each."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A work."""

    key: DocumentKey
    documents: tuple[Document, ...]
    """The ways it was reached, the first one first."""
    first_seen: str
    """When the run was that read it first; "" where nobody knows."""
    marks: tuple[Marked, ...]
    made: tuple[Made, ...]


class Shelf:
    """Tells of works."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def works_of(self, documents: Iterable[str]) -> dict[str, DocumentKey]:
        """The work that each document belongs to; those that are no more are left out."""
        found: dict[str, DocumentKey] = {}
        for key in dict.fromkeys(documents):
            row = self._db.execute("SELECT work FROM document WHERE key = ?", (key,)).fetchone()
            if row is not None:
                found[key] = DocumentKey(row["work"] or key)
        return found

    def work(self, key: DocumentKey) -> Shelved:
        """All that is known of one."""
        rows = self._db.execute(
            "SELECT key, body, since FROM document WHERE key = ?1 OR work = ?1"
            " ORDER BY key <> ?1, key",
            (key,),
        ).fetchall()
        keys = [row["key"] for row in rows]
        documents = tuple(map(_document, rows))
        since = min((row["since"] for row in rows if row["since"]), default="")
        marks = self._marks(keys)
        return Shelved(key, documents, self._when(since), marks, self._made(marks))

    def sharing_pages(self, folds: Iterable[str], least: int) -> list[tuple[str, int]]:
        """(document, pages) of those with at least so many of these pages, the most first."""
        counts: dict[str, int] = {}
        for fold in set(folds):
            rows = self._db.execute(
                "SELECT DISTINCT document FROM page_fold WHERE fold = ?", (fold,)
            ).fetchall()
            for row in rows:
                counts[row["document"]] = counts.get(row["document"], 0) + 1
        enough = [(key, count) for key, count in counts.items() if count >= least]
        return sorted(enough, key=lambda one: (-one[1], one[0]))

    def text_pages(self, document: str, length: int) -> int:
        """How many pages with so many folded characters a document has."""
        row = self._db.execute(
            "SELECT count(DISTINCT fold) FROM page_fold WHERE document = ? AND length >= ?",
            (document, length),
        ).fetchone()
        return int(row[0])

    def looked(self) -> str:
        """When Anki was looked at last; "" if never."""
        row = self._db.execute("SELECT max(taken_at) FROM view").fetchone()
        return str(row[0] or "")

    def _when(self, since: str) -> str:
        """A document says how many runs there were when it was first read."""
        row = self._db.execute(
            "SELECT at FROM run ORDER BY at, id LIMIT 1 OFFSET ?", (max(int(since or 1) - 1, 0),)
        ).fetchone()
        return str(row["at"]) if row and since else ""

    def _marks(self, documents: list[str]) -> tuple[Marked, ...]:
        marks = ", ".join("?" * len(documents))
        rows = self._db.execute(
            f"SELECT key, presence, body FROM highlight WHERE document IN ({marks})"
            " ORDER BY container, place, position, key",
            documents,
        ).fetchall()
        return tuple(
            Marked(HighlightKey(row["key"]), Presence(row["presence"]), _WORDS(row["body"]))
            for row in rows
        )

    def _made(self, marks: tuple[Marked, ...]) -> tuple[Made, ...]:
        keys = msgspec.json.encode([one.key for one in marks]).decode()
        rows = self._db.execute(
            "SELECT c.guid, c.key, c.kind, c.fields, c.verdict, c.standing, c.anki,"
            " (SELECT s.cards FROM seen s WHERE s.guid = c.guid) AS cards"
            " FROM json_each(?) k JOIN card c ON c.key = k.value ORDER BY k.id, c.family, c.slot",
            (keys,),
        ).fetchall()
        guids = msgspec.json.encode([row["guid"] for row in rows if row["cards"]]).decode()
        answered: dict[str, list[tuple[int, float]]] = {}
        for guid, ordinal, at in self._db.execute(
            "SELECT guid, ordinal, max(id) FROM review WHERE ease > 0"
            " AND guid IN (SELECT value FROM json_each(?)) GROUP BY guid, ordinal",
            (guids,),
        ):
            answered.setdefault(guid, []).append((ordinal, at / 1000))
        return tuple(_card(row, answered.get(row["guid"], ())) for row in rows)


def _card(row: sqlite3.Row, answered: Iterable[tuple[int, float]]) -> Made:
    guid, key, kind, fields, verdict, standing, anki, cards = row
    return Made(
        guid, key, kind, _FIELDS(fields), Verdict(verdict), Standing(standing), AnkiState(anki),
        _CARDS(cards) if cards else (), tuple(answered),
    )  # fmt: skip


def _document(row: sqlite3.Row) -> Document:
    body = msgspec.json.decode(row["body"], type=dict[str, object])
    return msgspec.convert({**body, "key": row["key"]}, Document)
