"""Tables with the state of Anki as last read: notes, reviews, deletions and conflicts.

A *view* is what was read from Anki's collection at one time. A note is *absent* if it wasn't
in the latest view. A *grave* is Anki's record that a note was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import AnkiNote, Guid, Note, compute_note_id, hash16
from ankiforge.text.private import is_private_note

decode_note = msgspec.json.Decoder(AnkiNote).decode
"""Decode the JSON in a `body` column to an `AnkiNote`."""


def hash_note(note: AnkiNote | Note) -> str:
    """Hash everything about a note that determines whether it must be exported.

    A note has the same hash in a package and in Anki after the package was imported.
    """
    type_id = note.type_id if isinstance(note, AnkiNote) else note.type.id
    return hash16(str(type_id), str(note.mod), *sorted(note.tags), "", *note.fields)


# --- our notes in the newest view -------------------------------------------------------


def load_note_in_anki(store: Store, guid: str) -> AnkiNote | None:
    """Load our note with this GUID as last read from Anki, or None if Anki doesn't have it."""
    body = store.fetch_value("SELECT body FROM seen WHERE absent = 0 AND guid = ?", guid)
    return decode_note(body) if body else None


def iter_notes_in_anki(store: Store) -> Iterator[AnkiNote]:
    """Yield all of our notes that Anki had when it was last read."""
    rows = store.fetch_rows("SELECT body FROM seen WHERE absent = 0")
    return (decode_note(row["body"]) for row in rows)


def find_cards_tagged_private(store: Store) -> list[Guid]:
    """Return the GUIDs of our cards whose notes have the privacy tag in Anki.

    Notes that were deleted there count as they were last read.
    """
    rows = store.fetch_rows(
        "SELECT guid, body FROM seen JOIN card USING (guid)"
        " WHERE lower(body) LIKE '%llm%'"
    )
    return [row["guid"] for row in rows if is_private_note(decode_note(row["body"]))]


def load_review_count(store: Store, guid: Guid) -> int:
    """Return how often a note has been reviewed, or 0 if Anki was never seen to have it."""
    count = store.fetch_value("SELECT reviews FROM seen WHERE guid = ?", guid)
    return count or 0


def load_absent_notes_of_live_cards(store: Store, *, asked: bool) -> list[Row]:
    """Load the `guid` and `words` of the live cards whose notes are absent.

    `asked` selects the notes that were deleted together with many others, or all other notes.
    """
    return store.fetch_rows(
        "SELECT s.guid, c.words FROM seen s JOIN card c USING (guid)"
        " WHERE s.absent AND s.asked = ? AND c.live",
        asked,
    )


def delete_note(store: Store, guid: str) -> None:
    """Delete the stored state of the note with this GUID."""
    store.execute("DELETE FROM seen WHERE guid = ?", guid)


# --- conflicts, and notes that are not ours ---------------------------------------------


def delete_conflicts(store: Store, guids: Iterable[str], field: str = "") -> None:
    """Delete the conflicts of these cards or, if `field` is given, only those about this field."""
    query = "DELETE FROM conflict WHERE guid = ?1 AND (?2 = '' OR field = ?2)"
    store.execute_all(query, [(guid, field) for guid in guids])


def filter_foreign_note_ids(store: Store, ids: Iterable[str]) -> set[str]:
    """Return those of the given note ids that belong to notes of other tools or the user.

    The notes are in Anki, but ankiforge didn't create them. Ids are strings of digits.
    """
    query = (
        "SELECT CAST(id AS TEXT) AS id FROM foreign_note"
        f" WHERE CAST(id AS TEXT) IN {JSON_VALUES}"
    )
    return set(store.fetch_column(query, to_json(list(ids))))


def has_deleted_notes(store: Store) -> bool:
    """Return whether Anki had recorded a deletion of one of our notes when it was last read."""
    return store.fetch_first_row("SELECT 1 FROM grave") is not None


def filter_deleted_guids(store: Store, guids: Iterable[str]) -> set[str]:
    """Return those of the given GUIDs whose notes were deleted, as of the last read of Anki."""
    guid_by_note_id = {compute_note_id(Guid(guid)): guid for guid in guids}
    query = f"SELECT id FROM grave WHERE id IN {JSON_VALUES}"
    rows = store.fetch_rows(query, to_json([*guid_by_note_id]))
    return {guid_by_note_id[row["id"]] for row in rows}
