"""Rows of documents and highlights, as an ingest reads and writes them.

Everything here is called inside a transaction of the ingest.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import private
from ankiforge.ledger.cards import unread_highlight
from ankiforge.ledger.events import Text, words_read
from ankiforge.ledger.marks import mark_of, names_and_labels, reading_of
from ankiforge.ledger.match import FoldedText, Mark
from ankiforge.ledger.readings import (
    ReadDocument,
    colours_of,
    content_of_highlight,
    place_of,
)
from ankiforge.ledger.store import Row, Store, encode, listed, tag_name
from ankiforge.ledger.tables import documents, highlights, sentences
from ankiforge.ledger.tables.highlights import decode_highlight, decode_highlight_body
from ankiforge.model import Extracted, HighlightKey, Json, Pair
from ankiforge.text.keys import numbered

LAST_READINGS = 3
"""The number of a passage's last readings, on any machine, by which it is recognised."""


def found_in(document: ReadDocument, document_id: int) -> list[Mark]:
    """Return the highlights of a document that was read, which match nothing so far."""
    if not isinstance(document, Extracted):
        return []
    found = []
    for position, highlight in enumerate(numbered(document.highlights)):
        mark = mark_of(highlight, document_id)
        mark.container = document.container
        mark.place = place_of(document)
        mark.position = position
        found.append(mark)
    return found


def event_body(found: Mark) -> Json:
    """Return the body of an event about a reading."""
    highlight = found.highlight
    newest = found.newest
    text = Text(
        exact=words_read(highlight),
        before=newest.before,
        after=newest.after,
        container=found.container,
        place=found.place,
        kind=highlight.kind.value,
        own=highlight.own,
    )
    body: Json = msgspec.to_builtins(text)
    return body


# --- what is known ----------------------------------------------------------------------


def known_in(store: Store, document_id: int) -> list[Mark]:
    """Return the highlights that a document had, present or not, in its order."""
    rows = highlights.in_document(store, document_id)
    store.load(row["key"] for row in rows)
    return [known_mark(store, row) for row in rows]


def known_mark(store: Store, row: Row) -> Mark:
    """Return the highlight of a row, with its readings on all machines."""
    passage = store.passage(row["key"])
    journal_readings = [reading_of(text) for text in passage.texts[:LAST_READINGS]]
    if row["body"]:
        mark = mark_of(decode_highlight(row), row["document"])
        # the reading of this machine, which has its sides, then the others once
        readings = {mark.newest.triple: mark.newest}
        for reading in journal_readings:
            readings.setdefault(reading.triple, reading)
        mark.readings = tuple(readings.values())
    else:
        highlight = replace(unread_highlight(passage), key=HighlightKey(row["key"]))
        own = passage.texts[0].own if passage.texts else ""
        names, labels = names_and_labels([own])
        readings_or_none = tuple(journal_readings) or (FoldedText(""),)
        mark = Mark(highlight, readings_or_none, names, labels, row["document"])
        mark.from_journal = True
    mark.state = row["state"]
    mark.missed = row["missed"]
    mark.exact = row["exact"]
    mark.content = row["content"]
    mark.texts = passage.texts
    mark.decided = passage.decided
    return mark


# --- what is written --------------------------------------------------------------------


def write_document(
    store: Store,
    document: ReadDocument,
    old_row: Row | None,
    fingerprint: str,
) -> int:
    """Write the row of a document, with its names and private texts. Return its id.

    Args:
        store: the database, in a transaction.
        document: the document.
        old_row: the row that it had, perhaps at another place; None if it is new.
        fingerprint: by which it is recognised as unchanged; "" to read it again in any
            case.
    """
    place = place_of(document)
    row: Json = {
        "container": document.container,
        "place": place,
        "state": "present",
        "fingerprint": fingerprint,
        "depends": encode(document.depends),
        "left_out": encode(document.left_out),
    }
    names: Sequence[Pair] = ()
    if isinstance(document, Extracted):
        from ankiforge.text.identifiers import names_of

        work = document.document
        row |= {"sketch": document.sketch, "source": work.source, "title": work.title}
        names = names_of(work.identifiers, work.uri)
    else:
        row |= {"sketch": "", "source": document.source, "title": place}

    moved = False
    if old_row is not None:
        row["id"] = old_row["id"]
        old_place = (old_row["container"], old_row["place"])
        moved = old_place != (document.container, place)
    identifiers = tuple(f"{scheme}:{value}" for scheme, value in names)
    document_id = documents.put(store, row, identifiers)
    private.write(store, document_id, document, moved=moved)
    return document_id


def write_highlights(store: Store, rows: Sequence[Json]) -> None:
    """Write rows of `highlight_row`; the columns that drafting fills stay as they are."""
    highlights.put(store, rows)
    sentences.index(store, [decode_highlight_body(row["body"]) for row in rows])


def highlight_row(
    found: Mark,
    exact_hash: str,
    run: int,
) -> Json:
    """Return the row of a present highlight, without the columns that drafting fills.

    Args:
        found: the highlight, which has its key.
        exact_hash: a hash of its exact text, which shows whether that changed.
        run: the number of the run that read it.
    """
    highlight = found.highlight
    if found.known:
        highlight = replace(highlight, key=HighlightKey(found.known.key))
    tags = (*highlight.document.tags, *highlight.tags)
    return {
        "key": highlight.key,
        "document": found.document,
        "position": found.position,
        "state": "present",
        "missed": 0,
        "route": highlight.source_kind.value,
        "kind": highlight.kind.value,
        "folded": found.newest.text,
        "exact": exact_hash,
        "content": content_of_highlight(highlight),
        "run": run,
        "colour": listed(colours_of(highlight)),
        "tags": listed(map(tag_name, tags)),
        "body": encode(highlight),
    }
