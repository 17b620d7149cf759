"""The texts that must stay on this machine, by document.

A text that was private stays so when its document goes, or does not have it any more: it
may be elsewhere. It is private no longer when its document, in its place, shows it
without the tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.ledger.readings import ReadDocument
from ankiforge.ledger.store import Store
from ankiforge.model import DocumentKey, Extracted, PrivateText
from ankiforge.text.fold import fold
from ankiforge.text.private import is_lone_tag, private_words, why_private

WHOLE = ""
"""Stands for a document that is private as a whole."""
NOWHERE = 0
"""Stands for the place of texts that were private in a document which moved, and lost the
tag."""


def write(
    store: Store,
    document_id: int,
    document: ReadDocument,
    *,
    moved: bool,
) -> None:
    """Store the private texts of a document that was read.

    Args:
        store: the database, in a transaction.
        document_id: the id of the row of the document.
        document: the document.
        moved: whether the document was at another place before.
    """
    texts = dict.fromkeys(_private_texts(document))
    stored = store.rows("SELECT text FROM private WHERE document = ?", document_id)
    if not texts and not stored:
        return
    document_key = document.document.key if isinstance(document, Extracted) else ""
    query = "UPDATE private SET document_key = ? WHERE document = ?"
    store.write(query, document_key, document_id)
    _add(store, document_id, texts, document_key)

    former = [row["text"] for row in stored if row["text"] not in texts]
    if moved:
        former_parts = [text for text in former if text != WHOLE]
        _add(store, NOWHERE, former_parts)
        _forget(store, document_id, former)
    elif former:
        public = fold(_public_text(document))
        texts_shown = []
        for text in former:
            if text == WHOLE or fold(text) in public:
                texts_shown.append(text)
        _forget(store, document_id, texts_shown)


def _add(
    store: Store,
    document_id: int,
    texts: Iterable[str],
    document_key: str = "",
) -> None:
    """Add texts of a document to those that stay on this machine."""
    rows = [(document_id, text, document_key) for text in texts]
    store.write_all("INSERT OR IGNORE INTO private VALUES (?, ?, ?)", rows)


def _forget(store: Store, document_id: int, texts: Iterable[str]) -> None:
    rows = [(document_id, text) for text in texts]
    store.write_all("DELETE FROM private WHERE document = ? AND text = ?", rows)


def texts(store: Store) -> Iterator[PrivateText]:
    """Yield all texts that must stay on this machine."""
    for row in store.rows(
        "SELECT text, document_key FROM private ORDER BY document, text",
    ):
        yield PrivateText(row["text"], DocumentKey(row["document_key"]))


def _private_texts(document: ReadDocument) -> Iterator[str]:
    """Yield the private texts of a document and of its highlights."""
    yield from document.private
    if not isinstance(document, Extracted):
        return
    for highlight in document.highlights:
        if is_lone_tag(highlight):
            yield WHOLE
        if why_private(highlight):
            yield from private_words(highlight)


def _public_text(document: ReadDocument) -> str:
    """Return the text of a document that is shown without the tag, as far as known."""
    if document.public_text:
        return document.public_text.read()
    if not isinstance(document, Extracted):
        return ""
    texts_shown = list[str]()
    for highlight in document.highlights:
        if not why_private(highlight):
            texts_shown += private_words(highlight)
    return "\n".join(texts_shown)
