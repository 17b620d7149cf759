"""Store the texts of each document that must stay on this device (tagged `#no-llm`).

A private text stays private if it is removed from its document, or if the document is removed,
because the text may also be in another document. It becomes public when the document, at the same
path, contains the text without the tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.ledger.store import Store
from ankiforge.model import DocumentKey, ExtractedDocument, PrivateText, UnmarkedDocument
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.private import (
    get_privacy_reason,
    list_private_phrases,
    list_private_texts,
    makes_document_private,
)

ReadDocument = ExtractedDocument | UnmarkedDocument
"""A document that a source has read, with or without highlights."""
WHOLE_DOCUMENT = ""
"""The text that is stored for an entirely private document."""
FORMER_DOCUMENT_ID = 0
"""The document id for texts that stay private after their document was moved."""


def update_private_texts(
    store: Store, document_id: int, document: ReadDocument, *, moved: bool
) -> None:
    """Update the stored private texts of a document that was just read.

    `moved` is whether the location of the document has changed.
    """
    sentence_texts, names = _list_texts_of_document(document)
    query = "SELECT * FROM private WHERE document = ?"
    stored_rows = store.fetch_rows(query, document_id)
    if not sentence_texts and not names and not stored_rows:
        return
    document_key = ""
    if isinstance(document, ExtractedDocument):
        document_key = document.document.key
    query = "UPDATE private SET document_key = ? WHERE document = ?"
    store.execute(query, document_key, document_id)
    _add_texts(store, document_id, sentence_texts, document_key)
    _add_texts(store, document_id, names, document_key, are_names=True)

    former_texts: list[str] = []
    former_sentences: list[str] = []
    for row in stored_rows:
        text = row["text"]
        if text in sentence_texts or text in names:
            continue
        former_texts.append(text)
        if text != WHOLE_DOCUMENT and not row["is_name"]:
            former_sentences.append(text)
    if moved:
        # former names aren't kept, because they were private only within their document
        _add_texts(store, FORMER_DOCUMENT_ID, former_sentences)
    elif former_texts:
        former_texts = _filter_public_texts(former_texts, document)
    query = "DELETE FROM private WHERE document = ? AND text = ?"
    store.execute_all(query, [(document_id, text) for text in former_texts])


def _list_texts_of_document(document: ReadDocument) -> tuple[set[str], set[str]]:
    """Return the private texts of a document, and those that are private only within it."""
    sentence_texts = set(document.private_texts)
    names = set(document.private_names)
    for highlight in document.highlights:
        if not get_privacy_reason(highlight):
            continue
        sentence_texts.update(list_private_texts(highlight))
        names.update(list_private_phrases(highlight))
        if makes_document_private(highlight):
            sentence_texts.add(WHOLE_DOCUMENT)
    return sentence_texts, names - sentence_texts


def _filter_public_texts(texts: Iterable[str], document: ReadDocument) -> list[str]:
    """Return those of its former private texts that a document now contains without the tag."""
    if document.public_text:
        text = document.public_text.compute()
    else:
        public_texts: list[str] = []
        for highlight in document.highlights:
            if not get_privacy_reason(highlight):
                public_texts += list_private_texts(highlight)
        text = "\n".join(public_texts)
    public_text = normalize_for_lookup(text)
    # this includes WHOLE_DOCUMENT, which is empty
    return [text for text in texts if normalize_for_lookup(text) in public_text]


def _add_texts(
    store: Store,
    document_id: int,
    texts: Iterable[str],
    document_key: str = "",
    *,
    are_names: bool = False,
) -> None:
    """Store private texts of a document as sentences or, if `are_names`, as names.

    A text that is already stored as a sentence stays a sentence until it becomes public.
    """
    store.execute_all(
        "INSERT INTO private VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET is_name = min(is_name, excluded.is_name)",
        [(document_id, text, document_key, are_names) for text in texts],
    )


def iter_private_texts(store: Store) -> Iterator[PrivateText]:
    """Yield all texts that must never leave this device."""
    for row in store.fetch_rows("SELECT * FROM private ORDER BY document, text"):
        key = DocumentKey(row["document_key"])
        yield PrivateText(row["text"], key, is_name=bool(row["is_name"]))
