"""Read and write the rows of documents and highlights for an ingest.

All functions must be called inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import private
from ankiforge.ledger.cards import build_unread_highlight
from ankiforge.ledger.events import Reading, get_event_text
from ankiforge.ledger.match import (
    MIN_CONTEXT_CHARS,
    MIN_DISTINCTIVE_CHARS,
    FoldedReading,
    Mark,
    split_ids,
    to_folded_reading,
    to_mark,
)
from ankiforge.ledger.readings import (
    ReadDocument,
    get_colour_names,
    get_document_place,
    hash_highlight_content,
)
from ankiforge.ledger.store import Row, Store, normalize_tag, to_json, to_list_column
from ankiforge.ledger.tables import sentences
from ankiforge.ledger.tables.highlights import decode_highlight, decode_highlight_body
from ankiforge.model import (
    ExtractedDocument,
    HighlightKey,
    HighlightKind,
    Json,
    Pair,
    hash16,
)
from ankiforge.text.keys import number_highlights

MAX_JOURNAL_READINGS = 3
"""How many readings of a passage, the latest on any device, are used to match it."""


def build_scanned_marks(document: ReadDocument, document_id: int) -> list[Mark]:
    """Prepare a scanned document's highlights for matching, in reading order."""
    if not isinstance(document, ExtractedDocument):
        return []
    marks = []
    for position, highlight in enumerate(number_highlights(document.highlights)):
        mark = to_mark(highlight, document_id)
        mark.container = document.container
        mark.place = get_document_place(document)
        mark.position = position
        marks.append(mark)
    return marks


def build_event_body(mark: Mark) -> Json:
    """Build the body of a `key` or `text` event, i.e. a reading of a highlight."""
    highlight = mark.highlight
    newest = mark.newest
    text = Reading(
        exact=get_event_text(highlight),
        before=newest.before,
        after=newest.after,
        container=mark.container,
        place=mark.place,
        kind=highlight.kind.value,
        own=highlight.own,
    )
    body: Json = msgspec.to_builtins(text)
    return body


# --- stored highlights ------------------------------------------------------------------


def load_stored_marks(store: Store, document_id: int) -> list[Mark]:
    """Load a document's stored highlights for matching, in reading order.

    Includes removed highlights.
    """
    query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
    rows = store.fetch_rows(query, document_id)
    store.preload_passages(row["key"] for row in rows)
    return [load_stored_mark(store, row) for row in rows]


def load_stored_mark(store: Store, row: Row) -> Mark:
    """Load a stored highlight for matching, with its latest readings on all devices."""
    passage = store.get_passage(row["key"])
    journal_readings = [
        to_folded_reading(text) for text in passage.texts[:MAX_JOURNAL_READINGS]
    ]
    if row["body"]:
        mark = to_mark(decode_highlight(row), row["document"])
        # the reading of this device comes first, because it has sides; duplicates are left out
        readings_by_triple = {mark.newest.anchor: mark.newest}
        for reading in journal_readings:
            readings_by_triple.setdefault(reading.anchor, reading)
        mark.readings = tuple(readings_by_triple.values())
    else:
        highlight = replace(build_unread_highlight(passage), key=HighlightKey(row["key"]))
        own = passage.texts[0].own if passage.texts else ""
        names, labels = split_ids([own])
        journal_or_empty = tuple(journal_readings) or (FoldedReading(""),)
        mark = Mark(highlight, journal_or_empty, names, labels, row["document"])
        mark.is_journal_only = True
    mark.state = row["state"]
    mark.missing_since = row["missed"]
    mark.exact_hash = row["exact"]
    mark.content_hash = row["content"]
    mark.texts = passage.texts
    mark.is_decided = passage.is_decided
    return mark


# --- writing rows -----------------------------------------------------------------------


def write_document(
    store: Store,
    document: ReadDocument,
    old_row: Row | None,
) -> int:
    """Write a document's row, identifiers and private texts, and return the row id.

    `old_row` is the document's stored row, perhaps at another location, or None if it is new.
    """
    place = get_document_place(document)
    row: Json = {
        "container": document.container,
        "place": place,
        "state": "present",
        "fingerprint": document.fingerprint,
        "depends": to_json(document.depends),
        "left_out": to_json(document.left_out),
    }
    identifier_pairs: Sequence[Pair] = ()
    if isinstance(document, ExtractedDocument):
        from ankiforge.text.identifiers import normalize_identifiers

        work = document.document
        row |= {"digest": document.digest, "source": work.source, "title": work.title}
        identifier_pairs = normalize_identifiers(work.identifiers, work.uri)
    else:
        row |= {"digest": "", "source": document.source, "title": place}

    has_moved = False
    if old_row is not None:
        row["id"] = old_row["id"]
        old_place = (old_row["container"], old_row["place"])
        has_moved = old_place != (document.container, place)
    identifiers = tuple(f"{scheme}:{value}" for scheme, value in identifier_pairs)
    key = "id" if old_row else "container, place"  # the place may have changed
    document_id: int = store.upsert("document", row, key=key)
    store.execute("DELETE FROM identifier WHERE document = ?", document_id)
    rows = [(name, document_id) for name in identifiers]
    store.execute_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
    private.update_private_texts(store, document_id, document, moved=has_moved)
    return document_id


def write_highlights(store: Store, rows: Sequence[Json]) -> None:
    """Write rows from `build_highlight_row`, keeping the columns filled in by drafting."""
    store.insert("highlight", rows, key="key")
    sentences.store_sentences(store, [decode_highlight_body(row["body"]) for row in rows])


def build_highlight_row(
    mark: Mark,
    exact_hash: str,
    run: int,
) -> Json:
    """Build the row of an existing highlight, without the columns filled in by drafting.

    The highlight must have a key. `exact_hash` is a hash of its exact text, for detecting
    changes. `run` is the number of the run that read it.
    """
    highlight = mark.highlight
    if mark.stored_mark:
        highlight = replace(highlight, key=HighlightKey(mark.stored_mark.key))
    tags = (*highlight.document.tags, *highlight.tags)
    # a hash that the highlight shares with its copies; short texts are often equal by chance, so
    # a copy of one must also have the same context, unless the text is a whole card
    newest = mark.newest
    is_card = highlight.kind is HighlightKind.CARD
    alike = hash_highlight_content(replace(highlight, skip=""))
    if len(newest.text) < MIN_DISTINCTIVE_CHARS and not is_card:
        context = (newest.before[-MIN_CONTEXT_CHARS:], newest.after[:MIN_CONTEXT_CHARS])
        alike = hash16(alike, *context) if any(context) else ""
    return {
        "key": highlight.key,
        "document": mark.document,
        "position": mark.position,
        "state": "present",
        "missed": 0,
        "route": highlight.source_kind.value,
        "kind": highlight.kind.value,
        "folded": mark.newest.text,
        "exact": exact_hash,
        "content": hash_highlight_content(highlight),
        "alike": alike,
        "run": run,
        "colour": to_list_column(get_colour_names(highlight)),
        "tags": to_list_column(map(normalize_tag, tags)),
        "body": to_json(highlight),
    }
