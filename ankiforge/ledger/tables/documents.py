"""The documents that sources have, or had."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import DocumentId, Json, Strings


def at(store: Store, container: str, place: str) -> Row | None:
    """Return the document at a place; None if none was read or heard of."""
    query = "SELECT * FROM document WHERE container = ? AND place = ?"
    return store.row(query, container, place)


def with_id(store: Store, id: DocumentId) -> Row:
    """Return a document."""
    [row] = store.rows("SELECT * FROM document WHERE id = ?", id)
    return row


def places(store: Store) -> list[Row]:
    """Return where all documents are: `id`, `container`, `place` and `state`."""
    return store.rows("SELECT id, container, place, state FROM document ORDER BY id")


def present_in(store: Store, container: str) -> list[Row]:
    """Return the present documents of a container, with the values that tell of a change."""
    return store.rows(
        "SELECT id, place, fingerprint, depends, left_out FROM document"
        " WHERE container = ? AND state = 'present'",
        container,
    )


def present_of(store: Store, source: str) -> list[Row]:
    """Return the present documents of a source: `id` and `place`."""
    query = "SELECT id, place FROM document WHERE source = ? AND state = 'present'"
    return store.rows(query, source)


def unused(store: Store, in_use: Iterable[str]) -> list[Row]:
    """Return the present documents of sources that are not in use."""
    return store.rows(
        "SELECT * FROM document WHERE state = 'present' AND source != ''"
        f" AND source NOT IN {EACH}",
        encode(list(in_use)),
    )


def were_read(store: Store, container: str = "") -> bool:
    """Return whether a document was read here; of a container, also whether one is only known."""
    if container:
        query = "SELECT 1 FROM document WHERE container = ?"
        return store.row(query, container) is not None
    return store.row("SELECT 1 FROM document WHERE state != 'journal'") is not None


def with_lookalikes(store: Store) -> list[Row]:
    """Return the documents with lookalikes of marks and cards, sorted by source and place."""
    return store.rows(
        "SELECT source, place, title, left_out FROM document"
        " WHERE state = 'present' AND left_out != '[]' ORDER BY source, place"
    )


# --- what is written --------------------------------------------------------------------


def put(store: Store, row: Json, names: Strings) -> DocumentId:
    """Write a document, and the identifiers of its work; return its id.

    `row`: with its id if it was known, perhaps at another place.
    """
    key = "id" if "id" in row else "container, place"
    id: DocumentId = store.put("document", row, key=key)
    store.write("DELETE FROM identifier WHERE document = ?", id)
    rows = [(name, id) for name in names]
    store.write_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
    return id


def put_heard_of(store: Store, container: str, place: str) -> DocumentId:
    """Note a document that only the journal knows, unless it is known; return its id."""
    store.write(
        "INSERT OR IGNORE INTO document"
        " (container, place, state, fingerprint, depends, sketch, source, title)"
        " VALUES (?1, ?2, 'journal', '', '[]', '', '', ?2)",
        container,
        place,
    )
    query = "SELECT id FROM document WHERE container = ? AND place = ?"
    id: DocumentId = store.value(query, container, place)
    return id


def let_go(store: Store, id: DocumentId) -> None:
    """Note that a document is gone."""
    query = "UPDATE document SET state = 'gone', fingerprint = '' WHERE id = ?"
    store.write(query, id)


def unselect(store: Store, id: DocumentId) -> None:
    """Note that nothing selects a document any more."""
    store.write("UPDATE document SET state = 'unselected' WHERE id = ?", id)


def read_again(store: Store, id: DocumentId) -> None:
    """Have a document read again."""
    store.write("UPDATE document SET fingerprint = '' WHERE id = ?", id)
