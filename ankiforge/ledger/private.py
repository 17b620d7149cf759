"""The texts that must stay on this machine, by document.

A text that was private stays so when its document goes, or does not have it any more: it may stand
elsewhere. It is private no longer when its document, in its place, shows it without the tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.ledger.store import Store
from ankiforge.model import (
    DocumentKey,
    Extracted,
    PrivateText,
    Unmarked,
)
from ankiforge.text.fold import fold
from ankiforge.text.private import is_lone_tag, private_words, why_private

WHOLE = ""
"""Stands for a document that is private as a whole."""


NOWHERE = 0
"""Stands for the place of texts that were private in a document which moved, and lost the tag."""


def write(store: Store, document: int, read: Extracted | Unmarked, *, moved: bool) -> None:
    """Store the private texts of a document that was read.

    Args:
        store: the database, in a transaction.
        document: the id of the row of the document.
        read: the document.
        moved: whether the document was at another place before.
    """
    texts = dict.fromkeys(_private_texts(read))
    rows = store.rows("SELECT text FROM private WHERE document = ?", document)
    if not (texts or rows):
        return
    key = read.document.key if isinstance(read, Extracted) else ""
    store.write("UPDATE private SET document_key = ? WHERE document = ?", key, document)
    added = [(document, text, key) for text in texts]
    store.write_all("INSERT OR IGNORE INTO private VALUES (?, ?, ?)", added)
    former = [row["text"] for row in rows if row["text"] not in texts]
    if moved:
        kept = [(NOWHERE, text, "") for text in former if text != WHOLE]
        store.write_all("INSERT OR IGNORE INTO private VALUES (?, ?, ?)", kept)
        _forget(store, document, former)
    elif former:
        public = fold(_public_text(read))
        shown = [text for text in former if text == WHOLE or fold(text) in public]
        _forget(store, document, shown)


def _forget(store: Store, document: int, texts: Iterable[str]) -> None:
    rows = [(document, text) for text in texts]
    store.write_all("DELETE FROM private WHERE document = ? AND text = ?", rows)


def texts(store: Store) -> Iterator[PrivateText]:
    """Yield all texts that must stay on this machine."""
    for row in store.rows("SELECT text, document_key FROM private ORDER BY document, text"):
        yield PrivateText(row["text"], DocumentKey(row["document_key"]))


def _private_texts(read: Extracted | Unmarked) -> Iterator[str]:
    """Yield the private texts of a document: those its source names, and those of its highlights."""
    yield from read.private
    if isinstance(read, Unmarked):
        return
    for highlight in read.highlights:
        if is_lone_tag(highlight):
            yield WHOLE
        if why_private(highlight):
            yield from private_words(highlight)


def _public_text(read: Extracted | Unmarked) -> str:
    """Return the text of a document that is shown without the tag, as far as it is known."""
    if read.public_text:
        return read.public_text.read()
    shown = list[str]()
    if isinstance(read, Extracted):
        for highlight in read.highlights:
            if not why_private(highlight):
                shown += private_words(highlight)
    return "\n".join(shown)
