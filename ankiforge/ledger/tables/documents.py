"""The table `document`, with every document that a source of this workspace has or had.

A document is found by its container (a vault, directory or library) and its place there, which is
a path or the source's own key.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import DocumentId, Json, Strings


def find_document(store: Store, container: str, place: str) -> Row | None:
    """Return the row of the document at this place, or None if it is unknown."""
    query = "SELECT * FROM document WHERE container = ? AND place = ?"
    return store.fetch_first_row(query, container, place)


def load_document(store: Store, id: DocumentId) -> Row:
    """Return the row of the document with this id, which must exist."""
    [row] = store.fetch_rows("SELECT * FROM document WHERE id = ?", id)
    return row


def load_locations(store: Store) -> list[Row]:
    """Return the columns `id`, `container`, `place` and `state` of all documents."""
    return store.fetch_rows(
        "SELECT id, container, place, state FROM document ORDER BY id"
    )


def load_present_in_container(store: Store, container: str) -> list[Row]:
    """Return the present documents of a container, with the columns by which changes are found.

    The columns are `id`, `place`, `fingerprint`, `depends` and `left_out`.
    """
    return store.fetch_rows(
        "SELECT id, place, fingerprint, depends, left_out FROM document"
        " WHERE container = ? AND state = 'present'",
        container,
    )


def load_present_in_source(store: Store, source: str) -> list[Row]:
    """Return the columns `id` and `place` of the present documents of a source."""
    query = "SELECT id, place FROM document WHERE source = ? AND state = 'present'"
    return store.fetch_rows(query, source)


def load_unused_documents(store: Store, in_use: Iterable[str]) -> list[Row]:
    """Return the rows of the present documents whose source isn't one of those `in_use`."""
    return store.fetch_rows(
        "SELECT * FROM document WHERE state = 'present' AND source != ''"
        f" AND source NOT IN {JSON_VALUES}",
        to_json(list(in_use)),
    )


def has_documents(store: Store, container: str = "") -> bool:
    """Return whether any document was read on this device.

    If `container` isn't "", return instead whether any document in it is known.
    """
    if container:
        query = "SELECT 1 FROM document WHERE container = ?"
        return store.fetch_first_row(query, container) is not None
    return (
        store.fetch_first_row("SELECT 1 FROM document WHERE state != 'journal'")
        is not None
    )


def load_lookalikes(store: Store) -> list[Row]:
    """Return the present documents that contain lookalikes of marks or cards (`Lookalike`).

    The columns are `source`, `place`, `title` and `left_out`, and the rows are sorted by source
    and place.
    """
    return store.fetch_rows(
        "SELECT source, place, title, left_out FROM document"
        " WHERE state = 'present' AND left_out != '[]' ORDER BY source, place"
    )


# --- writing ----------------------------------------------------------------------------


def store_document(store: Store, row: Json, names: Strings) -> DocumentId:
    """Insert or update a document and the identifiers of its work.

    Args:
        store: the store.
        row: the columns of the document. If the document is known, the id is included, because
            its place may have changed.
        names: the identifiers.

    Returns:
        The id of the document.
    """
    key = "id" if "id" in row else "container, place"
    id: DocumentId = store.upsert("document", row, key=key)
    store.execute("DELETE FROM identifier WHERE document = ?", id)
    rows = [(name, id) for name in names]
    store.execute_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
    return id


def store_journal_only_document(store: Store, container: str, place: str) -> DocumentId:
    """Insert a document that is known only from the journal, unless there is one at its place.

    Returns:
        The id of the document at this place.
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
    """Record that a document has been removed from its source."""
    query = "UPDATE document SET state = 'gone', fingerprint = '' WHERE id = ?"
    store.execute(query, id)


def set_unselected(store: Store, id: DocumentId) -> None:
    """Record that no setting selects a document any more."""
    store.execute("UPDATE document SET state = 'unselected' WHERE id = ?", id)


def schedule_reading(store: Store, id: DocumentId) -> None:
    """Have a document read again in the next run, by forgetting its fingerprint."""
    store.execute("UPDATE document SET fingerprint = '' WHERE id = ?", id)
