"""Possible duplicates of a draft: cards, other drafts, and notes in Anki that are not ours.

A draft is compared with the few that its search terms find; see `check/duplicates.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import asdict

from ankiforge.ledger.events import PERSON, Passage
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.ledger.tables.waiting import decode_draft
from ankiforge.model import (
    FOREIGN_PREFIX,
    NO_KEY,
    CardKind,
    Fields,
    ForeignNote,
    HighlightKey,
    IndexedCard,
    NoteId,
    Origin,
    SearchTerms,
    Words,
    is_draft_id,
)


class Duplicates:
    """The cards and drafts that a draft may repeat, and notes in Anki that are not ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unread(self, version: str) -> Iterator[tuple[str, Words]]:
        """Yield by digest the drafts without search terms, or with those of another version.

        Most have been stored with the drafts; see `recording.record`.
        """
        store = self._store
        with store.transaction():
            if store.meta("terms") != version:
                store.write("DELETE FROM indexed")
                store.set_meta("terms", version)
            store.write(
                "DELETE FROM indexed WHERE digest NOT IN (SELECT digest FROM in_use"
                " UNION ALL SELECT kind || content FROM draft)"
            )
        query = "SELECT * FROM in_use WHERE digest NOT IN (SELECT digest FROM indexed)"
        for row in store.rows(query):
            words = self.words(row["id"])
            if words is not None:
                yield row["digest"], words

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`."""
        with self._store.transaction():
            keep_terms(self._store, terms)

    def cards(self) -> Iterator[IndexedCard]:
        """Yield all of them, sorted by id."""
        query = "SELECT * FROM in_use JOIN indexed USING (digest) ORDER BY id"
        for row in self._store.rows(query):
            where = ""
            if row["id"].startswith(FOREIGN_PREFIX):
                deck = f", deck {row['deck']}" if row["deck"] else ""
                where = f"a note in Anki{deck}: "
            terms = SearchTerms(
                words=tuple(row["words"].split()),
                finders=tuple(row["finders"].split()),
                exact=row["exact"],
                question=row["question"],
            )
            yield IndexedCard(
                row["id"],
                HighlightKey(row["passage"]),
                where,
                terms,
            )

    def words(self, id: str) -> Words | None:
        """Return the words of a card, a draft or a foreign note; None if it is not in use."""
        if id.startswith(FOREIGN_PREFIX):
            query = "SELECT fields FROM foreign_note WHERE id = ?"
            note_id = int(id.removeprefix(FOREIGN_PREFIX))
            stored = self._store.value(query, note_id)
            fields = msgspec.json.decode(stored, type=Fields) if stored else ()
            if not fields:
                return None
            first_name, _ = fields[0]
            kind = CardKind.BASIC if first_name == "Front" else CardKind.CLOZE
            return Words(NO_KEY, kind, fields, Origin(PERSON))
        if is_draft_id(id):
            body = self._store.value("SELECT body FROM draft WHERE id = ?", id)
            return decode_draft(body) if body else None
        row = self._store.row("SELECT passage FROM card WHERE guid = ? AND live", id)
        if row is None:
            return None
        return self._store.passage(row["passage"]).cards[id]

    # --- notes in Anki that are not ours ------------------------------------------------

    def mods(self) -> dict[NoteId, int]:
        """Return the `mod` of each foreign note that is stored."""
        rows = self._store.rows("SELECT id, mod FROM foreign_note")
        return {row["id"]: row["mod"] for row in rows}

    def keep_foreign(
        self, ids: frozenset[NoteId], changed: Iterable[ForeignNote]
    ) -> None:
        """Store the text of foreign notes; forget those that are no longer in Anki."""
        with self._store.transaction():
            for number in self.mods().keys() - ids:
                self._store.write("DELETE FROM foreign_note WHERE id = ?", number)
            rows = [{**asdict(note), "fields": encode(note.fields)} for note in changed]
            self._store.insert("foreign_note", rows, verb="INSERT OR REPLACE")


def told_apart(store: Store, passage: Passage, guids: Iterable[str]) -> set[str]:
    """Return the guids, of these, of cards whose passages a person told apart from this one."""
    wanted = list(guids)
    if not wanted:
        return set()
    query = f"SELECT guid, passage FROM card WHERE guid IN {EACH}"
    return {
        row["guid"]
        for row in store.rows(query, encode(wanted))
        if passage.told_apart_from(store.passage(row["passage"]))
    }


def keep_terms(store: Store, terms: Iterable[tuple[str, SearchTerms]]) -> None:
    """Store search terms by the kind and content of their cards, or by another digest."""
    rows = []
    for digest, search_terms in terms:
        words = " ".join(search_terms.words)
        finders = " ".join(search_terms.finders)
        exact_and_question = (search_terms.exact, search_terms.question)
        rows.append((digest, words, finders, *exact_and_question))
    store.write_all(
        "INSERT OR IGNORE INTO indexed (digest, words, finders, exact, question)"
        " VALUES (?, ?, ?, ?, ?)",
        rows,
    )
