"""Notes in the newest view of Anki."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import asdict

from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import Conflict, Guid, NoteId, NoteInAnki, SeenReview, note_id

decode_note = msgspec.json.Decoder(NoteInAnki).decode


def is_buried(store: Store, guid: str) -> bool:
    """Return whether the newest view tells that a note was deleted."""
    if store.ahead is not None and guid in store.ahead.unburied:
        return False
    return bool(buried(store, [guid]))


def any_buried(store: Store) -> bool:
    """Return whether a note was deleted that may have been ours."""
    return store.row("SELECT 1 FROM grave") is not None


# --- our notes, as the newest view has them ---------------------------------------------


def seen(store: Store) -> list[Row]:
    """Return the rows of all notes seen in Anki, those that are absent now, too."""
    return store.rows("SELECT * FROM seen")


def seen_note(store: Store, guid: str) -> NoteInAnki | None:
    """Return a note that is there; None if it is not."""
    body = store.value("SELECT body FROM seen WHERE absent = 0 AND guid = ?", guid)
    return decode_note(body) if body else None


def seen_notes(store: Store) -> Iterator[NoteInAnki]:
    """Yield the notes that are there."""
    rows = store.rows("SELECT body FROM seen WHERE absent = 0")
    return (decode_note(row["body"]) for row in rows)


def was_seen(store: Store, guid: str) -> bool:
    """Return whether anything is known of a note."""
    return store.row("SELECT 1 FROM seen WHERE guid = ?", guid) is not None


def reviews(store: Store, guid: str) -> int:
    """Return how often the cards of a note were reviewed."""
    return store.value("SELECT reviews FROM seen WHERE guid = ?", guid) or 0


def absent(store: Store, *, asked: bool) -> list[Row]:
    """Return `guid` and `words` of the live cards whose notes are absent.

    `asked`: those that were deleted with many others, which is asked; or the rest.
    """
    return store.rows(
        "SELECT s.guid, c.words FROM seen s JOIN card c USING (guid)"
        " WHERE s.absent AND s.asked = ? AND c.live",
        asked,
    )


def put(store: Store, note: NoteInAnki) -> None:
    """Store a note that is there."""
    row = {
        "guid": note.guid,
        "absent": 0,
        "reviews": note.reviews,
        "lapses": note.lapses,
        "leech": note.leech,
        "retired": note.retired,
        "body": encode(note),
    }
    store.insert("seen", [row], verb="INSERT OR REPLACE")


def put_absent(store: Store, guid: str, since: float, *, asked: bool) -> None:
    """Note that a note is absent since a time, in seconds since 1970, seen before or not."""
    store.write(
        "INSERT INTO seen (guid, body, absent, asked) VALUES (?, '', ?, ?) ON CONFLICT (guid)"
        " DO UPDATE SET absent = excluded.absent, asked = excluded.asked, up_to_date = ''",
        *(guid, since, asked),
    )


def forget(store: Store, guid: str) -> None:
    """Forget the note of a card."""
    store.write("DELETE FROM seen WHERE guid = ?", guid)


def forget_absent(store: Store, guid: str) -> None:
    """Forget the note of a card if it is absent."""
    store.write("DELETE FROM seen WHERE guid = ? AND absent", guid)


def put_reviews(store: Store, reviews: Iterable[SeenReview]) -> int:
    """Store reviews of the cards of our notes; return how many are new."""
    return store.insert("review", map(asdict, reviews), verb="INSERT OR IGNORE")


def put_graves(store: Store, ids: set[NoteId]) -> None:
    """Store which notes were deleted that may have been ours."""
    if ids != {row["id"] for row in store.rows("SELECT id FROM grave")}:
        store.write("DELETE FROM grave")
        store.write_all("INSERT INTO grave VALUES (?)", [(id,) for id in ids])


# --- what is written next ---------------------------------------------------------------


def put_taken(store: Store, taken: Mapping[Guid, int]) -> None:
    """Note which package Anki took last of notes without our id, by its `mod`."""
    store.write_all("INSERT OR REPLACE INTO taken VALUES (?, ?)", taken.items())


def set_up_to_date(store: Store, guids: Iterable[Guid], settings: str) -> None:
    """Note that there is nothing to write into notes, with these settings."""
    rows = [(settings, guid) for guid in guids]
    store.write_all("UPDATE seen SET up_to_date = ? WHERE guid = ?", rows)
    drop_conflicts(store, (guid for _, guid in rows))


def conflicts(store: Store) -> list[Row]:
    """Return the fields of live cards that a person changed in Anki, and the source here."""
    return store.rows(
        "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    )


def put_conflicts(store: Store, conflicts: Iterable[Conflict]) -> None:
    """Note fields that a person changed in Anki, and the source here."""
    store.write_all(
        "INSERT OR REPLACE INTO conflict (guid, field, mine, source, theirs, ours)"
        " VALUES (:guid, :field, :mine, :source, :theirs, :ours)",
        map(asdict, conflicts),
    )


def drop_conflicts(store: Store, guids: Iterable[str], field: str = "") -> None:
    """Note that cards are no longer in conflict, or one field of them."""
    query = "DELETE FROM conflict WHERE guid = ?1 AND (?2 = '' OR field = ?2)"
    store.write_all(query, [(guid, field) for guid in guids])


def unsettled(store: Store, settings: str) -> dict[str, str | None]:
    """Return by guid the notes of cards that may have something to write; None = never seen.

    Left out is what was up_to_date with these settings, and whose card, passage or note has not
    changed since.
    """
    rows = store.rows(
        "SELECT c.guid, s.body FROM card c LEFT JOIN seen s ON s.guid = c.guid"
        " WHERE iif(s.guid IS NULL, c.live, s.absent = 0 AND s.up_to_date != ?)",
        settings,
    )
    return {row["guid"]: row["body"] for row in rows}


def taken(store: Store) -> dict[str, int]:
    """Return by guid the `mod` of the newest package that Anki took, of notes without our id."""
    return {row["guid"]: row["mod"] for row in store.rows("SELECT * FROM taken")}


def foreign_among(store: Store, ids: Iterable[str]) -> set[str]:
    """Return the ids, of these, of foreign notes in Anki; ids are strings of digits."""
    query = (
        "SELECT CAST(id AS TEXT) AS id FROM foreign_note"
        f" WHERE CAST(id AS TEXT) IN {EACH}"
    )
    return {row["id"] for row in store.rows(query, encode(list(ids)))}


def buried(store: Store, guids: Iterable[str]) -> set[str]:
    """Return the guids, of these, whose notes are deleted by the newest view of Anki."""
    guid_by_note = {note_id(Guid(guid)): guid for guid in guids}
    query = f"SELECT id FROM grave WHERE id IN {EACH}"
    rows = store.rows(query, encode([*guid_by_note])) if guid_by_note else ()
    return {guid_by_note[row["id"]] for row in rows}
