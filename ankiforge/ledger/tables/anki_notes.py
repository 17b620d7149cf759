"""The tables for the last state seen in Anki: notes, reviews, deletions and conflicts.

A *view* is what was read from Anki's collection at one time. A note is *absent* if the newest view
doesn't contain it. A *grave* is Anki's record that a note was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import asdict

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.view_changes import SeenNote
from ankiforge.model import (
    AnkiNote,
    AnkiReview,
    Conflict,
    Guid,
    Json,
    NoteId,
    compute_note_id,
)

decode_note = msgspec.json.Decoder(AnkiNote).decode
"""Decode the JSON in a `body` column to an `AnkiNote`."""


def is_deleted(store: Store, guid: str) -> bool:
    """Return whether Anki last listed a grave (a deletion record) for a note."""
    return bool(filter_deleted(store, [guid]))


def has_deleted_notes(store: Store) -> bool:
    """Return whether Anki last listed any graves that may be for our notes."""
    return store.fetch_first_row("SELECT 1 FROM grave") is not None


# --- our notes in the newest view -------------------------------------------------------


def load_cards_with_notes(store: Store) -> dict[Guid, Row]:
    """Load all cards with the state of their notes in Anki, by GUID, the notes ever seen first.

    The columns are `guid` and `passage`, and `body`, `absent` and `asked` of the note, which are
    None if it was never seen.
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


def is_note_known(store: Store, guid: str) -> bool:
    """Return whether a note was ever seen in Anki or recorded as absent."""
    return store.fetch_first_row("SELECT 1 FROM seen WHERE guid = ?", guid) is not None


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


def delete_absent_note(store: Store, guid: str) -> None:
    """Delete the stored state of a card's note if the note is absent."""
    store.execute("DELETE FROM seen WHERE guid = ? AND absent", guid)


def store_reviews(store: Store, reviews: Iterable[AnkiReview]) -> int:
    """Store reviews of our own cards, returning the number of new ones."""
    return store.insert("review", map(asdict, reviews), verb="INSERT OR IGNORE")


def replace_graves(store: Store, ids: set[NoteId]) -> None:
    """Replace all stored graves with those of the given notes, which may have been ours."""
    if ids != {row["id"] for row in store.fetch_rows("SELECT id FROM grave")}:
        store.execute("DELETE FROM grave")
        store.execute_all("INSERT INTO grave VALUES (?)", [(id,) for id in ids])


# --- planning ---------------------------------------------------------------------------


def store_imported_mods(store: Store, taken: Mapping[Guid, int]) -> None:
    """Store the `mod` of the newest package that Anki has imported for each note.

    This is needed for notes that lack the `AnkiforgeId` field.
    """
    store.execute_all("INSERT OR REPLACE INTO taken VALUES (?, ?)", taken.items())


def set_up_to_date(store: Store, guids: Iterable[Guid], settings: str) -> None:
    """Record that notes need no update under these `settings`, and delete their conflicts."""
    rows = [(settings, guid) for guid in guids]
    store.execute_all("UPDATE seen SET up_to_date = ? WHERE guid = ?", rows)
    delete_conflicts(store, (guid for _, guid in rows))


def load_conflicts(store: Store) -> list[Row]:
    """Load the conflicts of all live cards, sorted by GUID and field.

    A conflict is a field changed both by the user in Anki and by the source.
    """
    return store.fetch_rows(
        "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    )


def store_conflicts(store: Store, conflicts: Iterable[Conflict]) -> None:
    """Store conflicts, i.e. fields changed both by the user in Anki and by the source."""
    store.execute_all(
        "INSERT OR REPLACE INTO conflict (guid, field, mine, source, theirs, ours)"
        " VALUES (:guid, :field, :mine, :source, :theirs, :ours)",
        map(asdict, conflicts),
    )


def delete_conflicts(store: Store, guids: Iterable[str], field: str = "") -> None:
    """Delete the conflicts of these cards, optionally only those on one field."""
    query = "DELETE FROM conflict WHERE guid = ?1 AND (?2 = '' OR field = ?2)"
    store.execute_all(query, [(guid, field) for guid in guids])


def load_notes_to_plan(store: Store, settings: str) -> dict[str, str | None]:
    """Load the notes that may need an update, as JSON keyed by GUID.

    The value is None for a live card whose note was never seen in Anki. Notes are skipped if
    they were passed to `set_up_to_date` with the same `settings` and nothing they depend on
    has changed since.
    """
    rows = store.fetch_rows(
        "SELECT c.guid, s.body FROM card c LEFT JOIN seen s ON s.guid = c.guid"
        " WHERE iif(s.guid IS NULL, c.live, s.absent = 0 AND s.up_to_date != ?)",
        settings,
    )
    return {row["guid"]: row["body"] for row in rows}


def load_imported_mods(store: Store) -> dict[str, int]:
    """Return the newest imported `mod` of each note, by GUID (see `store_imported_mods`)."""
    return {row["guid"]: row["mod"] for row in store.fetch_rows("SELECT * FROM taken")}


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
