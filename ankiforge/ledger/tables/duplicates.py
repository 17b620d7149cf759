"""The cards, drafts and foreign notes that a new draft may duplicate.

A foreign note is one that another tool or the user created in Anki. Search terms are stored
for each candidate, so that a draft is compared only with the few candidates that have terms
in common with it; see `check/duplicates.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import asdict

from ankiforge.ledger.events import USER, Passage, make_guid
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables.pending_drafts import decode_draft
from ankiforge.model import (
    FOREIGN_PREFIX,
    NO_KEY,
    CardContent,
    CardKind,
    Fields,
    ForeignNote,
    HighlightKey,
    IndexedCard,
    NoteId,
    Origin,
    SearchTerms,
    is_draft_id,
)


class DuplicateCandidates:
    """The stored candidates and their search terms, as used by `check.duplicates`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._draft_ids: dict[str, str] | None = None
        """The ids of pending drafts by the GUIDs that their cards are going to have."""

    def iter_cards_without_terms(self, version: str) -> Iterator[tuple[str, CardContent]]:
        """Yield the digest and text of each candidate without search terms of this version.

        There are usually few, because `draft_recording` stores the search terms of new drafts.
        Search terms of other versions are deleted.
        """
        store = self._store
        with store.transaction():
            if store.get_meta("terms") != version:
                store.execute("DELETE FROM indexed")
                store.set_meta("terms", version)
            store.execute(
                "DELETE FROM indexed WHERE digest NOT IN (SELECT digest FROM in_use"
                " UNION ALL SELECT kind || content FROM draft)"
            )
        query = "SELECT * FROM in_use WHERE digest NOT IN (SELECT digest FROM indexed)"
        for row in store.fetch_rows(query):
            content = self.get_content(row["id"])
            if content is not None:
                yield row["digest"], content

    def store_terms(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of candidates from `iter_cards_without_terms`, by digest."""
        with self._store.transaction():
            store_search_terms(self._store, terms)

    def iter_cards(self) -> Iterator[IndexedCard]:
        """Yield all candidates with their search terms, sorted by id."""
        query = "SELECT * FROM in_use JOIN indexed USING (digest) ORDER BY id"
        for row in self._store.fetch_rows(query):
            origin = ""
            if row["id"].startswith(FOREIGN_PREFIX):
                deck = f", deck {row['deck']}" if row["deck"] else ""
                origin = f"a note in Anki{deck}: "
            terms = SearchTerms(
                words=tuple(row["words"].split()),
                ideograph_pairs=tuple(row["finders"].split()),
                text_hash=row["exact"],
                question_hash=row["question"],
            )
            yield IndexedCard(row["id"], HighlightKey(row["passage"]), origin, terms)

    def get_content(self, id: str) -> CardContent | None:
        """Return the text of a candidate by its id, or None if it is no longer a candidate.

        `id` is the GUID of a live card, the id of a pending draft, the GUID that the card of a
        pending draft would get, or `nid:` followed by the id of a foreign note that has text.
        """
        if id.startswith(FOREIGN_PREFIX):
            return self._get_foreign_content(int(id.removeprefix(FOREIGN_PREFIX)))
        if is_draft_id(id):
            body = self._store.fetch_value("SELECT body FROM draft WHERE id = ?", id)
            return decode_draft(body) if body else None
        query = "SELECT passage FROM card WHERE guid = ? AND live"
        row = self._store.fetch_first_row(query, id)
        if row is not None:
            return self._store.get_passage(row["passage"]).cards[id]
        draft_id = self._load_draft_ids().get(id)
        return self.get_content(draft_id) if draft_id else None

    def _get_foreign_content(self, note_id: int) -> CardContent | None:
        query = "SELECT fields FROM foreign_note WHERE id = ?"
        fields_json = self._store.fetch_value(query, note_id)
        if not fields_json:
            return None
        fields = msgspec.json.decode(fields_json, type=Fields)
        if not fields:
            return None
        first_name, _ = fields[0]
        kind = CardKind.BASIC if first_name == "Front" else CardKind.CLOZE
        return CardContent(NO_KEY, kind, fields, Origin(USER))

    def _load_draft_ids(self) -> dict[str, str]:
        if self._draft_ids is None:
            self._draft_ids = {}
            for row in self._store.fetch_rows("SELECT id, passage, body FROM draft"):
                guid = make_guid(row["passage"], decode_draft(row["body"]))
                self._draft_ids[guid] = row["id"]
        return self._draft_ids

    # --- foreign notes ------------------------------------------------------------------

    def load_foreign_mods(self) -> dict[NoteId, int]:
        """Load the modification times (`mod`) of the stored foreign notes, keyed by note id."""
        rows = self._store.fetch_rows("SELECT id, mod FROM foreign_note")
        return {row["id"]: row["mod"] for row in rows}

    def store_foreign_notes(
        self, ids: frozenset[NoteId], changed: Iterable[ForeignNote]
    ) -> None:
        """Store changed foreign notes, and delete foreign notes that are no longer in Anki.

        `ids` are the ids of all foreign notes that Anki has now.
        """
        with self._store.transaction():
            for note_id in self.load_foreign_mods().keys() - ids:
                self._store.execute("DELETE FROM foreign_note WHERE id = ?", note_id)
            rows = [{**asdict(note), "fields": to_json(note.fields)} for note in changed]
            self._store.insert("foreign_note", rows, verb="INSERT OR REPLACE")


def fetch_candidates_version(store: Store) -> str:
    """Return a version string that changes whenever a card, draft or foreign note changes."""
    version: str = store.fetch_value(
        "SELECT ifnull((SELECT max(rowid) FROM event), 0)"
        " || ' ' || (SELECT count(*) FROM draft)"
        " || ' ' || (SELECT count(*) || ' ' || ifnull(max(mod), 0) FROM foreign_note)"
    )
    return version


def filter_declared_different(
    store: Store, passage: Passage, guids: Sequence[str]
) -> set[str]:
    """Return those of the given cards whose passage the user declared to be different.

    Cards of such a passage aren't duplicates of cards of `passage`.
    """
    query = f"SELECT guid, passage FROM card WHERE guid IN {JSON_VALUES}"
    different_guids = set()
    for row in store.fetch_rows(query, to_json(guids)):
        if passage.is_distinct_from(store.get_passage(row["passage"])):
            different_guids.add(row["guid"])
    return different_guids


def store_search_terms(store: Store, terms: Iterable[tuple[str, SearchTerms]]) -> None:
    """Store search terms by digest, unless they are already stored.

    The digest of a card or draft is its kind followed by its content hash.
    """
    rows = []
    for digest, search_terms in terms:
        words = " ".join(search_terms.words)
        finders = " ".join(search_terms.ideograph_pairs)
        exact_and_question = (search_terms.text_hash, search_terms.question_hash)
        rows.append((digest, words, finders, *exact_and_question))
    store.execute_all(
        "INSERT OR IGNORE INTO indexed (digest, words, finders, exact, question)"
        " VALUES (?, ?, ?, ?, ?)",
        rows,
    )
