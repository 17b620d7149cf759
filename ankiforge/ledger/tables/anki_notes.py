"""The tables for the last state seen in Anki: notes, reviews, deletions and conflicts.

A *view* is what was read from Anki's collection at one time. A note is *absent* if the newest view
doesn't contain it. A *grave* is Anki's record that a note was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.view_changes import SeenNote
from ankiforge.model import (
    AnkiNote,
    Guid,
    Json,
    compute_note_id,
)

decode_note = msgspec.json.Decoder(AnkiNote).decode
"""Decode the JSON in a `body` column to an `AnkiNote`."""


def has_deleted_notes(store: Store) -> bool:
    """Return whether Anki last listed any graves that may be for our notes."""
    return store.fetch_first_row("SELECT 1 FROM grave") is not None


# --- our notes in the newest view -------------------------------------------------------


def load_cards_with_notes(store: Store) -> dict[Guid, Row]:
    """Load all cards with the state of their notes in Anki, keyed by GUID.

    Cards whose notes were seen come first. The columns are `guid` and `passage`, and the note's
    `body`, `absent` and `asked`, which are None if the note was never seen.
    """
    rows = store.fetch_rows(
        "SELECT c.guid, c.passage, s.body, s.absent, s.asked FROM card c"
        " LEFT JOIN seen s USING (guid) ORDER BY s.guid IS NULL, c.guid"
    )
    return {row["guid"]: row for row in rows}


def load_present_note(store: Store, guid: str) -> AnkiNote | None:
    """Load a note as last seen in Anki, or None if it is absent."""
    body = store.fetch_value("SELECT body FROM seen WHERE absent = 0 AND guid = ?", guid)
    return decode_note(body) if body else None


def iter_present_notes(store: Store) -> Iterator[AnkiNote]:
    """Yield all notes currently in Anki."""
    rows = store.fetch_rows("SELECT body FROM seen WHERE absent = 0")
    return (decode_note(row["body"]) for row in rows)


def count_reviews(store: Store, guid: str) -> int:
    """Return the number of reviews of a note's cards, or 0 if the note was never seen."""
    return store.fetch_value("SELECT reviews FROM seen WHERE guid = ?", guid) or 0


def load_absent_cards(store: Store, *, asked: bool) -> list[Row]:
    """Load the `guid` and `words` of live cards whose notes are absent from Anki.

    With `asked`, load only those deleted in bulk, which the user is asked about; otherwise
    load only the others.
    """
    return store.fetch_rows(
        "SELECT s.guid, c.words FROM seen s JOIN card c USING (guid)"
        " WHERE s.absent AND s.asked = ? AND c.live",
        asked,
    )


def decode_seen_note(row: Row) -> SeenNote:
    """Decode a note in a row of `load_cards_with_notes`."""
    note = decode_note(row["body"]) if row["body"] else None
    return SeenNote(note, row["absent"], bool(row["asked"]))


def store_seen_note(store: Store, guid: str, seen: SeenNote | None) -> None:
    """Store a note's state in Anki, or delete it if `seen` is None."""
    if seen is None:
        delete_note(store, guid)
        return
    row: Json = {
        "guid": guid,
        "absent": seen.absent_since,
        "asked": seen.is_asked,
        "body": to_json(seen.note) if seen.note else "",
    }
    if seen.note:
        row |= {
            "reviews": seen.note.reviews,
            "lapses": seen.note.lapses,
            "leech": seen.note.is_leech,
            "retired": seen.note.is_retired,
        }
    store.insert("seen", [row], verb="INSERT OR REPLACE")


def delete_note(store: Store, guid: str) -> None:
    """Delete the stored state of a card's note."""
    store.execute("DELETE FROM seen WHERE guid = ?", guid)


# --- conflicts, and notes that are not ours ---------------------------------------------


def load_conflicts(store: Store) -> list[Row]:
    """Load the conflicts of all live cards, sorted by GUID and field.

    A conflict is a field changed both by the user in Anki and by the source.
    """
    return store.fetch_rows(
        "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    )


def delete_conflicts(store: Store, guids: Iterable[str], field: str = "") -> None:
    """Delete the conflicts of these cards, optionally only those on one field."""
    query = "DELETE FROM conflict WHERE guid = ?1 AND (?2 = '' OR field = ?2)"
    store.execute_all(query, [(guid, field) for guid in guids])


def filter_foreign(store: Store, ids: Iterable[str]) -> set[str]:
    """Return which of the note ids belong to foreign notes in Anki.

    Ids are strings of digits. Foreign notes were created by the user or another tool.
    """
    query = (
        "SELECT CAST(id AS TEXT) AS id FROM foreign_note"
        f" WHERE CAST(id AS TEXT) IN {JSON_VALUES}"
    )
    return {row["id"] for row in store.fetch_rows(query, to_json(list(ids)))}


def filter_deleted(store: Store, guids: Iterable[str]) -> set[str]:
    """Return which of the given GUIDs are of notes that Anki last listed a grave for."""
    guids_by_note_id = {compute_note_id(Guid(guid)): guid for guid in guids}
    query = f"SELECT id FROM grave WHERE id IN {JSON_VALUES}"
    rows = (
        store.fetch_rows(query, to_json([*guids_by_note_id])) if guids_by_note_id else ()
    )
    return {guids_by_note_id[row["id"]] for row in rows}
