"""The texts that must stay on this machine, by the documents that have or had them."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import Row, Store
from ankiforge.model import DocumentId


def everywhere(store: Store) -> list[Row]:
    """Return all of them, sorted by document and text."""
    return store.rows("SELECT * FROM private ORDER BY document, text")


def of_document(store: Store, document: DocumentId) -> list[Row]:
    """Return the private texts of a document."""
    return store.rows("SELECT * FROM private WHERE document = ?", document)


def put(store: Store, rows: Iterable[tuple[DocumentId, str, str, bool]]) -> None:
    """Add texts: for each its document, itself, the document's key, and whether it is a name.

    What was a sentence there once is one until it is public.
    """
    store.write_all(
        "INSERT INTO private VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET is_name = min(is_name, excluded.is_name)",
        rows,
    )


def put_key(store: Store, document: DocumentId, key: str) -> None:
    """Note the key of a document as it was read last."""
    store.write("UPDATE private SET document_key = ? WHERE document = ?", key, document)


def drop(store: Store, document: DocumentId, texts: Iterable[str]) -> None:
    """Forget texts of a document."""
    rows = [(document, text) for text in texts]
    store.write_all("DELETE FROM private WHERE document = ? AND text = ?", rows)
