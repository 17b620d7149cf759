"""Tables with the state of Anki as last read: notes, reviews, deletions and conflicts.

A *view* is what was read from Anki's collection at one time. A note is *absent* if it wasn't
in the latest view. A *grave* is Anki's record that a note was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.model import AnkiNote, Guid, Note, compute_note_id, hash16

decode_note = msgspec.json.Decoder(AnkiNote).decode
"""Decode the JSON in a `body` column to an `AnkiNote`."""


def hash_note(note: AnkiNote | Note) -> str:
    """Hash everything about a note that the planning of an export depends on.

    A note has the same hash in a package and, after the import, in Anki.
    """
    type_id = note.type_id if isinstance(note, AnkiNote) else note.type.id
    return hash16(str(type_id), str(note.mod), *sorted(note.tags), "", *note.fields)


# --- our notes in the newest view -------------------------------------------------------


def load_present_note(store: Store, guid: str) -> AnkiNote | None:
    """Load our note with this GUID as last read from Anki, or None if it is absent."""
    body = store.fetch_value("SELECT body FROM seen WHERE absent = 0 AND guid = ?", guid)
    return decode_note(body) if body else None


def iter_present_notes(store: Store) -> Iterator[AnkiNote]:
    """Yield all notes currently in Anki."""
    rows = store.fetch_rows("SELECT body FROM seen WHERE absent = 0")
    return (decode_note(row["body"]) for row in rows)


def delete_note(store: Store, guid: str) -> None:
    """Delete the stored state of a card's note."""
    store.execute("DELETE FROM seen WHERE guid = ?", guid)


# --- conflicts, and notes that are not ours ---------------------------------------------


def delete_conflicts(store: Store, guids: Iterable[str], field: str = "") -> None:
    """Delete the conflicts of these cards, optionally only those on one field."""
    query = "DELETE FROM conflict WHERE guid = ?1 AND (?2 = '' OR field = ?2)"
    store.execute_all(query, [(guid, field) for guid in guids])


def filter_foreign_note_ids(store: Store, ids: Iterable[str]) -> set[str]:
    """Return which of these note ids belong to notes in Anki that ankiforge didn't create.

    Ids are strings of digits.
    """
    query = (
        "SELECT CAST(id AS TEXT) AS id FROM foreign_note"
        f" WHERE CAST(id AS TEXT) IN {JSON_VALUES}"
    )
    return {row["id"] for row in store.fetch_rows(query, to_json(list(ids)))}


def filter_deleted_guids(store: Store, guids: Iterable[str]) -> set[str]:
    """Return which of these GUIDs belong to notes with a grave in the last view of Anki."""
    guids_by_note_id = {compute_note_id(Guid(guid)): guid for guid in guids}
    query = f"SELECT id FROM grave WHERE id IN {JSON_VALUES}"
    rows = (
        store.fetch_rows(query, to_json([*guids_by_note_id])) if guids_by_note_id else ()
    )
    return {guids_by_note_id[row["id"]] for row in rows}
