"""The duplicate index: search terms of live cards and of the notes in Anki that are not ours.

It is brought up to date before a search, by comparing it with the tables of cards and notes. So no
decision has to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ankiforge.ledger.events import Wording
from ankiforge.ledger.store import Row, Store, encode
from ankiforge.model import (
    CardKind,
    Draft,
    Fields,
    ForeignNote,
    HighlightKey,
    IndexedCard,
    Origin,
    SearchTerms,
)

NOTE = "nid:"
AT_ONCE = 500
_CURRENT = (
    "SELECT guid AS id, kind || content AS digest FROM card WHERE live"
    " UNION ALL SELECT 'nid:' || id, CAST(mod AS TEXT) FROM foreign_note WHERE fields != '[]'"
)


class Duplicates:
    """The duplicate index of a ledger: a `check.duplicates.Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._epoch, self._seen_version = 0, -1
        self._changed: list[str] = []
        self._reading: dict[str, str] = {}
        """The digest of each card whose search terms are being made."""

    def unread(self, version: str, most: int) -> list[tuple[str, Draft]]:
        """Return at most `most` cards whose search terms are missing or of another text or version."""
        store = self._store
        if store.meta("terms") != version:
            with store.transaction():
                store.write("DELETE FROM indexed")
                store.write("DELETE FROM posting")
                store.set_meta("terms", version)
        gone = store.rows(
            f"SELECT i.* FROM indexed i LEFT JOIN ({_CURRENT}) c USING (id) WHERE c.id IS NULL"
        )
        if gone:
            with store.transaction():
                for row in gone:
                    self._remove(row)
                self._changed += [row["id"] for row in gone]
        rows = store.rows(
            f"SELECT c.id, c.digest FROM ({_CURRENT}) c LEFT JOIN indexed i USING (id)"
            " WHERE i.id IS NULL OR i.digest != c.digest LIMIT ?",
            most,
        )
        self._reading = {row["id"]: row["digest"] for row in rows}
        drafts = ((row["id"], self.draft(row["id"])) for row in rows)
        return [(id, draft) for id, draft in drafts if draft is not None]

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`."""
        store = self._store
        with store.transaction():
            for id, found in terms:
                if row := store.row("SELECT * FROM indexed WHERE id = ?", id):
                    self._remove(row)
                words, finders = " ".join(found.words), " ".join(found.finders)
                place = store.insert(
                    "INSERT INTO indexed (id, digest, words, finders, exact) VALUES (?, ?, ?, ?, ?)",
                    id, self._reading[id], words, finders, found.exact,
                )  # fmt: skip
                for word in {*found.words, *found.finders}:
                    store.write("INSERT OR IGNORE INTO posting VALUES (?, ?)", word, place)
        self._changed += [id for id, _ in terms]

    def _remove(self, row: Row) -> None:
        for word in (*row["words"].split(), *row["finders"].split()):
            self._store.write(
                "DELETE FROM posting WHERE word = ? AND place = ?", word, row["place"]
            )
        self._store.write("DELETE FROM indexed WHERE place = ?", row["place"])

    def changed(self, since: Sequence[int]) -> tuple[tuple[int, ...], Sequence[str] | None]:
        """Return the current state, and the ids changed since another state; None = possibly all."""
        version = self._store.value("PRAGMA data_version")
        if version != self._seen_version:  # another process may have changed it
            self._seen_version = version
            self._epoch += 1
            self._changed = []
        state = (self._epoch, len(self._changed))
        known = tuple(since[:1]) == state[:1]
        return state, list(dict.fromkeys(self._changed[since[1] :])) if known else None

    def holding(self, word: str, most: int) -> list[int]:
        """Return the rows of at most `most` cards that contain a word."""
        query = "SELECT place FROM posting WHERE word = ? ORDER BY place LIMIT ?"
        return [row["place"] for row in self._store.rows(query, word, most)]

    def cards(self, rows: Sequence[int]) -> Iterator[tuple[int, IndexedCard]]:
        """Yield (row, card) for those of these rows that still exist."""
        for start in range(0, len(rows), AT_ONCE):
            some = tuple(rows[start : start + AT_ONCE])
            marks = ", ".join("?" * len(some))
            for row in self._store.rows(f"SELECT * FROM indexed WHERE place IN ({marks})", *some):
                yield row["place"], self._indexed(row)

    def card(self, id: str) -> tuple[int, IndexedCard] | None:
        """Return the row and the card with this id; None if it is not in the index."""
        row = self._store.row("SELECT * FROM indexed WHERE id = ?", id)
        return (row["place"], self._indexed(row)) if row else None

    def _indexed(self, row: Row) -> IndexedCard:
        terms = SearchTerms(
            tuple(row["words"].split()), tuple(row["finders"].split()), row["exact"]
        )
        return IndexedCard(row["id"], self._home(row["id"]), self.where(row["id"]), terms)

    def _home(self, id: str) -> HighlightKey:
        return HighlightKey(self._store.value("SELECT passage FROM card WHERE guid = ?", id) or "")

    def equal(self, exact: bytes) -> list[tuple[str, HighlightKey]]:
        """Return (id, highlight) of our cards with this exact form, sorted by id."""
        query = "SELECT id FROM indexed WHERE exact = ? AND exact != x'' ORDER BY id"
        ids = [row["id"] for row in self._store.rows(query, exact)]
        return [(id, self._home(id)) for id in ids if not id.startswith(NOTE)]

    def draft(self, id: str) -> Draft | None:
        """Return the text of a card or a foreign note as a draft; None if it is not in use."""
        if id.startswith(NOTE):
            query = "SELECT fields FROM foreign_note WHERE id = ?"
            fields = self._store.value(query, int(id.removeprefix(NOTE)))
            words = msgspec.json.decode(fields, type=Fields) if fields else ()
            if not words:
                return None
            kind = CardKind.BASIC if words[0][0] == "Front" else CardKind.CLOZE
            return Draft(HighlightKey(""), kind, words, "", "", 0, Origin(""))
        row = self._store.row("SELECT passage FROM card WHERE guid = ? AND live", id)
        if row is None:
            return None
        wording: Wording = self._store.passage(row["passage"]).cards[id].wording
        fields = tuple(wording.fields.items())
        return Draft(HighlightKey(""), CardKind(wording.kind), fields, "", "", 0, Origin(""))

    def may_be_same(self, id: str, highlight: HighlightKey) -> bool:
        """Return whether a card may belong to this highlight, because its own is gone."""
        passage = self._store.value("SELECT passage FROM card WHERE guid = ?", id)
        if passage is None:
            return False
        keys = self._store.keys(passage)
        marks = ", ".join("?" * len(keys))
        query = f"SELECT 1 FROM highlight WHERE key IN ({marks}) AND state = 'present'"
        return self._store.row(query, *keys) is None

    def where(self, id: str) -> str:
        """Return how findings introduce a quote of a foreign note; "" for a card."""
        if not id.startswith(NOTE):
            return ""
        query = "SELECT deck FROM foreign_note WHERE id = ?"
        deck = self._store.value(query, int(id.removeprefix(NOTE)))
        return f"a note in Anki, deck {deck}: " if deck else "a note in Anki: "

    # --- notes in Anki that are not ours --------------------------------------------------------

    def mods(self) -> dict[int, int]:
        """Return the `mod` of each foreign note that is stored."""
        rows = self._store.rows("SELECT id, mod FROM foreign_note")
        return {row["id"]: row["mod"] for row in rows}

    def keep_foreign(self, ids: frozenset[int], changed: Iterable[ForeignNote]) -> None:
        """Store the text of foreign notes, and forget those that are no longer in Anki."""
        with self._store.transaction():
            for number in self.mods().keys() - ids:
                self._store.write("DELETE FROM foreign_note WHERE id = ?", number)
            for note in changed:
                values = (note.id, note.mod, note.deck, encode(note.fields))
                self._store.write(
                    "INSERT OR REPLACE INTO foreign_note VALUES (?, ?, ?, ?)", *values
                )
