"""The table `private`: texts that must stay on this device (`model.PrivateText`).

They are stored with the documents that contain or contained them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import Row, Store
from ankiforge.model import DocumentId


def load_all_texts(store: Store) -> list[Row]:
    """Load all private texts, sorted by document and text."""
    return store.fetch_rows("SELECT * FROM private ORDER BY document, text")


def load_document_texts(store: Store, document: DocumentId) -> list[Row]:
    """Load the texts that are or were private in this document."""
    return store.fetch_rows("SELECT * FROM private WHERE document = ?", document)


def store_texts(store: Store, rows: Iterable[tuple[DocumentId, str, str, bool]]) -> None:
    """Add private texts to those already stored.

    Each row holds the document's id, the text, the document's key, and whether the text is a
    name, i.e. private only in this document. A text that was ever stored as a non-name stays
    private in all documents until it's deleted from this one.
    """
    store.execute_all(
        "INSERT INTO private VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET is_name = min(is_name, excluded.is_name)",
        rows,
    )


def store_document_key(store: Store, document: DocumentId, key: str) -> None:
    """Update the key stored with a document's private texts to the one last read."""
    store.execute("UPDATE private SET document_key = ? WHERE document = ?", key, document)


def delete_texts(store: Store, document: DocumentId, texts: Iterable[str]) -> None:
    """Delete a document's texts that are no longer private."""
    rows = [(document, text) for text in texts]
    store.execute_all("DELETE FROM private WHERE document = ? AND text = ?", rows)
