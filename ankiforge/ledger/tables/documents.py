"""The table `document`, with every document that a source of this workspace has or had.

A document is identified by its container (a vault, directory or library) and its *place* in the
container, which is a path or the source's own key.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import DocumentId, Json, Strings


def find_document(store: Store, container: str, place: str) -> Row | None:
    """Return the row of the document at this place, if any."""
    query = "SELECT * FROM document WHERE container = ? AND place = ?"
    return store.fetch_first_row(query, container, place)


def load_document(store: Store, id: DocumentId) -> Row:
    """Load a document's row by id. The document must exist."""
    [row] = store.fetch_rows("SELECT * FROM document WHERE id = ?", id)
    return row


def load_locations(store: Store) -> list[Row]:
    """Load `id`, `container`, `place` and `state` of all documents."""
    return store.fetch_rows(
        "SELECT id, container, place, state FROM document ORDER BY id"
    )


def load_present_in_container(store: Store, container: str) -> list[Row]:
    """Load the documents present in a container, with the columns needed to detect changes.

    The columns are `id`, `place`, `fingerprint`, `depends` and `left_out`.
    """
    return store.fetch_rows(
        "SELECT id, place, fingerprint, depends, left_out FROM document"
        " WHERE container = ? AND state = 'present'",
        container,
    )


def load_present_in_source(store: Store, source: str) -> list[Row]:
    """Load `id` and `place` of the documents present in a source."""
    query = "SELECT id, place FROM document WHERE source = ? AND state = 'present'"
    return store.fetch_rows(query, source)


def load_unused_documents(store: Store, in_use: Iterable[str]) -> list[Row]:
    """Load the present documents whose source isn't in `in_use`."""
    return store.fetch_rows(
        "SELECT * FROM document WHERE state = 'present' AND source != ''"
        f" AND source NOT IN {JSON_VALUES}",
        to_json(list(in_use)),
    )


def has_documents(store: Store, container: str = "") -> bool:
    """Return whether any document was read on this device.

    If `container` is given, return instead whether it has any known document.
    """
    if container:
        query = "SELECT 1 FROM document WHERE container = ?"
        return store.fetch_first_row(query, container) is not None
    return (
        store.fetch_first_row("SELECT 1 FROM document WHERE state != 'journal'")
        is not None
    )


def load_lookalikes(store: Store) -> list[Row]:
    """Load the present documents that contain lookalikes of highlights or cards.

    The columns are `source`, `place`, `title` and `left_out` (see `Lookalike`), sorted by
    source and place.
    """
    return store.fetch_rows(
        "SELECT source, place, title, left_out FROM document"
        " WHERE state = 'present' AND left_out != '[]' ORDER BY source, place"
    )


# --- writing ----------------------------------------------------------------------------


def store_document(store: Store, row: Json, names: Strings) -> DocumentId:
    """Insert or update a document and the identifiers of its work, returning its id.

    For a known document, `row` includes the id, because its place may have changed. `names`
    are the identifiers.
    """
    key = "id" if "id" in row else "container, place"
    id: DocumentId = store.upsert("document", row, key=key)
    store.execute("DELETE FROM identifier WHERE document = ?", id)
    rows = [(name, id) for name in names]
    store.execute_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
    return id


def store_journal_only_document(store: Store, container: str, place: str) -> DocumentId:
    """Insert a document known only from the journal, unless there is one at that place.

    Returns:
        The id of the new or existing document.
    """
    store.execute(
        "INSERT OR IGNORE INTO document"
        " (container, place, state, fingerprint, depends, digest, source, title)"
        " VALUES (?1, ?2, 'journal', '', '[]', '', '', ?2)",
        container,
        place,
    )
    query = "SELECT id FROM document WHERE container = ? AND place = ?"
    id: DocumentId = store.fetch_value(query, container, place)
    return id


def set_removed(store: Store, id: DocumentId) -> None:
    """Mark a document as removed from its source."""
    query = "UPDATE document SET state = 'gone', fingerprint = '' WHERE id = ?"
    store.execute(query, id)


def set_unselected(store: Store, id: DocumentId) -> None:
    """Mark a document as no longer selected by any setting."""
    store.execute("UPDATE document SET state = 'unselected' WHERE id = ?", id)


def schedule_reading(store: Store, id: DocumentId) -> None:
    """Clear a document's fingerprint so that the next run rereads it."""
    store.execute("UPDATE document SET fingerprint = '' WHERE id = ?", id)
