"""The texts that must stay on this machine, by document.

A text that was private stays so when its document goes, or does not have it any more: it
may be elsewhere. It is private no longer when its document, in its place, shows it
without the tag.

A line that stands letter for letter in three private documents and in three public ones
is of a template, and no secret.

Tested by `tests/draft/test_private_passages.py`, `tests/extract/test_private_sources.py`,
`tests/laws/test_private_laws.py` and `test_private_spellings.py`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from ankiforge.ledger.readings import ReadDocument, decode_highlight
from ankiforge.ledger.store import Store
from ankiforge.model import DocumentId, DocumentKey, Extracted, PrivateText, Strings
from ankiforge.text.fold import for_finding
from ankiforge.text.private import (
    is_lone_tag,
    private_words,
    spelling_in,
    why_private,
    without_tag,
)

WHOLE = ""
"""Stands for a document that is private as a whole."""
NOWHERE = 0
"""Stands for the place of texts that were private in a document which moved, and lost the
tag."""

# Documents of either kind in which a line of a template stands.
_TEMPLATE = 3


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
    private = dict.fromkeys(_private_in(document))
    spellings = filter(None, map(spelling_in, document.highlights))
    doubt = document.doubt or next(spellings, "")
    stored = store.rows("SELECT text, doubt FROM private WHERE document = ?", document_id)
    if not private and not stored and not doubt:
        return
    store.write("DELETE FROM private WHERE document = ? AND doubt != ''", document_id)
    document_key = document.document.key if isinstance(document, Extracted) else ""
    query = "UPDATE private SET document_key = ? WHERE document = ?"
    store.write(query, document_key, document_id)
    _add(store, document_id, private, document_key)

    sure = [row["text"] for row in stored if not row["doubt"]]
    former = [text for text in sure if text not in private]
    if moved:
        _add(store, NOWHERE, filter(None, former))
    elif former:
        former = _public_now(former, document)
    rows = [(document_id, text) for text in former]
    store.write_all("DELETE FROM private WHERE document = ? AND text = ?", rows)
    if doubt:
        _add(store, document_id, _all_of(document), document_key, doubt)


def _private_in(document: ReadDocument) -> Iterator[str]:
    """Yield the texts of a document that must stay on this machine."""
    yield from document.private
    for highlight in document.highlights:
        if is_lone_tag(highlight):
            yield WHOLE
        if why_private(highlight):
            yield from private_words(highlight)


def _public_now(former: Iterable[str], document: ReadDocument) -> list[str]:
    """Return the texts that were private, and that a document shows without the tag now."""
    if document.public_text:
        text = document.public_text.read()
    else:
        shown = [each for each in document.highlights if not why_private(each)]
        text = "\n".join(chain.from_iterable(map(private_words, shown)))
    public = for_finding(text)
    return [text for text in former if text == WHOLE or for_finding(text) in public]


def _all_of(document: ReadDocument) -> Iterator[str]:
    """Yield all texts of a document, as far as known."""
    yield WHOLE
    if document.public_text:
        yield from filter(str.strip, document.public_text.read().split("\n"))
    if isinstance(document, Extracted):
        yield document.document.title
    for highlight in document.highlights:
        yield from private_words(highlight)


def _add(
    store: Store,
    document_id: int,
    texts: Iterable[str],
    document_key: str = "",
    doubt: str = "",
) -> None:
    """Add texts of a document to those that stay on this machine."""
    rows = [(document_id, text, document_key, doubt) for text in texts]
    store.write_all("INSERT OR IGNORE INTO private VALUES (?, ?, ?, ?)", rows)


def texts(store: Store) -> Iterator[PrivateText]:
    """Yield all texts that must stay on this machine, without lines of a template."""
    rows = store.rows("SELECT * FROM private ORDER BY document, text")
    doubts = {row["doubt"] for row in rows}
    released = {doubt for doubt in doubts if _answer_to(store, doubt) == RELEASED}
    rows = [row for row in rows if row["doubt"] not in released]
    templates = _lines_of_templates(store, rows)
    for row in rows:
        text = row["text"]
        if templates:
            lines = text.split("\n")
            text = "\n".join(line for line in lines if _bare(line) not in templates)
            if not text.strip() and row["text"]:
                continue
        yield PrivateText(text, DocumentKey(row["document_key"]), row["doubt"])


# --- what looks like the tag ------------------------------------------------------------

KEPT = "keep"
RELEASED = "release"
"""A person's answers to the question whether a spelling is meant as the tag."""


def key_of(doubt: str) -> str:
    """Return the key of the events about a spelling that looks like the tag."""
    return f"private:{doubt}"


def _answer_to(store: Store, doubt: str) -> str:
    """Return a person's answer about such a spelling, "" if there is none."""
    answers = store.answers(key_of(doubt))
    return answers[-1].body["choice"] if answers else ""


def open_doubts(store: Store) -> Iterator[tuple[str, Strings]]:
    """Yield spellings that look like the tag and wait for an answer, with their places."""
    places = defaultdict[str, list[str]](list)
    query = (
        "SELECT DISTINCT p.doubt, d.place FROM private p JOIN document d ON d.id = p.document"
        " WHERE p.doubt != '' ORDER BY p.doubt, d.place"
    )
    for row in store.rows(query):
        places[row["doubt"]].append(row["place"])
    for doubt, documents in places.items():
        if not _answer_to(store, doubt):
            yield doubt, tuple(documents)


def _bare(line: str) -> str:
    """Return a line without the tag."""
    return without_tag(line).strip()


def _lines_of_templates(store: Store, rows: Iterable[sqlite3.Row]) -> set[str]:
    """Return the lines that stand in several private documents and several public ones.

    Of a public document, what is stored of its highlights counts: nothing else may leave.
    """
    private_documents = defaultdict[str, set[DocumentId]](set)
    whole = set[DocumentId]()
    for row in rows:
        if row["text"] == WHOLE:
            whole.add(row["document"])
        for line in row["text"].split("\n"):
            if _bare(line):
                private_documents[_bare(line)].add(row["document"])
    repeated = _of_several(private_documents)
    if not repeated:
        return repeated

    public_documents = defaultdict[str, set[DocumentId]](set)
    for row in store.rows("SELECT * FROM highlight WHERE state = 'present'"):
        highlight = decode_highlight(row)
        if row["document"] in whole or why_private(highlight):
            continue
        headings = highlight.heading.split(" › ")
        texts_shown = (highlight.exact, highlight.nearby, *headings, *highlight.above)
        lines = "\n".join(texts_shown).split("\n")
        for line in repeated.intersection(map(str.strip, lines)):
            public_documents[line].add(row["document"])
    return _of_several(public_documents)


def _of_several(documents_by_line: dict[str, set[DocumentId]]) -> set[str]:
    """Return the lines that stand in as many documents as those of a template."""
    lines = documents_by_line.items()
    return {line for line, documents in lines if len(documents) >= _TEMPLATE}
