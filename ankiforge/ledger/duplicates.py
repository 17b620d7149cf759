"""The cards that a draft may repeat: live cards, and the notes in Anki that are not ours.

Their search terms are stored, and brought up to date before a search by comparing them with the tables
of cards and notes. So no decision has to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ankiforge.ledger.events import Wording
from ankiforge.ledger.store import Store, encode
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
_CURRENT = (
    "SELECT guid AS id, kind || content AS digest FROM card WHERE live"
    " UNION ALL SELECT 'nid:' || id, CAST(mod AS TEXT) FROM foreign_note WHERE fields != '[]'"
)


class Duplicates:
    """The cards of a ledger as a `check.duplicates.Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading: dict[str, str] = {}
        """The digest of each card whose search terms are being made."""

    def unread(self, version: str) -> Iterator[tuple[str, Draft]]:
        """Yield the cards whose search terms are missing, or of another text or version."""
        store = self._store
        with store.transaction():
            if store.meta("terms") != version:
                store.write("DELETE FROM indexed")
                store.set_meta("terms", version)
            store.write(
                f"DELETE FROM indexed WHERE (id, digest) NOT IN (SELECT id, digest FROM ({_CURRENT}))"
            )
        rows = store.rows(
            f"SELECT id, digest FROM ({_CURRENT}) WHERE id NOT IN (SELECT id FROM indexed)"
        )
        self._reading = {row["id"]: row["digest"] for row in rows}
        for row in rows:
            if (draft := self.draft(row["id"])) is not None:
                yield row["id"], draft

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`."""
        with self._store.transaction():
            for id, found in terms:
                values = (" ".join(found.words), " ".join(found.finders), found.exact)
                self._store.write(
                    "INSERT INTO indexed VALUES (?, ?, ?, ?, ?)", id, self._reading[id], *values
                )

    def cards(self) -> Iterator[IndexedCard]:
        """Yield all cards, sorted by id."""
        query = (
            "SELECT i.*, c.passage, f.deck FROM indexed i LEFT JOIN card c ON c.guid = i.id"
            " LEFT JOIN foreign_note f ON i.id = 'nid:' || f.id ORDER BY i.id"
        )
        for row in self._store.rows(query):
            words, finders = tuple(row["words"].split()), tuple(row["finders"].split())
            where = ""
            if row["id"].startswith(NOTE):
                where = "a note in Anki" + (f", deck {row['deck']}: " if row["deck"] else ": ")
            home = HighlightKey(row["passage"] or "")
            yield IndexedCard(row["id"], home, where, SearchTerms(words, finders, row["exact"]))

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
