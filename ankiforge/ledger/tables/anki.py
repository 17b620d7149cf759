"""What the newest view of Anki tells of notes."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.model import Guid, note_id


def is_buried(store: Store, guid: str) -> bool:
    """Return whether the newest view tells that a note was deleted."""
    if store.ahead is not None and guid in store.ahead.unburied:
        return False
    return bool(buried(store, [guid]))


def buried(store: Store, guids: Iterable[str]) -> set[str]:
    """Return those of some guids whose notes the newest view tells to be deleted."""
    guid_by_note = {note_id(Guid(guid)): guid for guid in guids}
    query = f"SELECT id FROM grave WHERE id IN {EACH}"
    rows = store.rows(query, encode([*guid_by_note])) if guid_by_note else ()
    return {guid_by_note[row["id"]] for row in rows}
