"""The texts that must stay on this machine, by document.

A text that was private stays so when its document goes, or does not have it any more: it
may be elsewhere. It is private no longer when its document, in its place, shows it
without the tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from ankiforge.ledger.readings import ReadDocument
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import private_texts
from ankiforge.model import DocumentKey, Extracted, PrivateText
from ankiforge.text.fold import for_finding
from ankiforge.text.private import (
    is_lone_tag,
    private_phrases,
    private_words,
    why_private,
)

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
    private = set(_private_in(document))
    names = set(_private_names_in(document)) - private
    stored = private_texts.of_document(store, document_id)
    if not private and not names and not stored:
        return
    document_key = document.document.key if isinstance(document, Extracted) else ""
    private_texts.put_key(store, document_id, document_key)
    _add(store, document_id, private, document_key)
    _add(store, document_id, names, document_key, are_names=True)

    former_rows = [row for row in stored if row["text"] not in private | names]
    former = [row["text"] for row in former_rows]
    if moved:
        # what a name was is free elsewhere
        sentences = [row["text"] for row in former_rows if not row["is_name"]]
        _add(store, NOWHERE, filter(None, sentences))
    elif former:
        former = _public_now(former, document)
    private_texts.drop(store, document_id, former)


def _private_in(document: ReadDocument) -> Iterator[str]:
    """Yield the texts of a document whose sentences must stay on this machine."""
    yield from document.private
    for highlight in document.highlights:
        if is_lone_tag(highlight):
            yield WHOLE
        if why_private(highlight):
            yield from private_words(highlight)


def _private_names_in(document: ReadDocument) -> Iterator[str]:
    """Yield the texts that are private in their document alone."""
    yield from document.private_names
    for highlight in document.highlights:
        if why_private(highlight):
            yield from private_phrases(highlight)


def _public_now(former: Iterable[str], document: ReadDocument) -> list[str]:
    """Return the texts that were private, and that a document shows without the tag now."""
    if document.public_text:
        text = document.public_text.read()
    else:
        shown = [each for each in document.highlights if not why_private(each)]
        text = "\n".join(chain.from_iterable(map(private_words, shown)))
    public = for_finding(text)
    return [text for text in former if text == WHOLE or for_finding(text) in public]


def _add(
    store: Store,
    document_id: int,
    texts: Iterable[str],
    document_key: str = "",
    *,
    are_names: bool = False,
) -> None:
    """Add texts of a document to those that stay on this machine.

    What was a sentence there once is one until it is public.
    """
    rows = [(document_id, text, document_key, are_names) for text in texts]
    private_texts.put(store, rows)


def texts(store: Store) -> Iterator[PrivateText]:
    """Yield all texts that must stay on this machine."""
    for row in private_texts.everywhere(store):
        key = DocumentKey(row["document_key"])
        yield PrivateText(row["text"], key, is_name=bool(row["is_name"]))
