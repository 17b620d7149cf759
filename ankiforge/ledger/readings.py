"""The readings of sources and of other machines, as matching sees them.

A highlight becomes a mark with its text, folded; a document becomes what distinguishes it from
others. What the sources list shows which documents are gone; they ask here which ones they may
skip. Readings of other machines, from the journal, are kept here.

`triple_of`, `own` and the fold of a text make keys (docs/reference/keys.md): what changes them
makes every note again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.chosen import chosen_passages
from ankiforge.ledger.database import readable_errors
from ankiforge.ledger.events import POLICY, Event, Text
from ankiforge.ledger.marks import mark_of, reading_of
from ankiforge.ledger.match import ComparedDocument
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import documents, highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Chosen,
    DocumentId,
    Extracted,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Scan,
    Sighting,
    Strings,
    Unchanged,
    Unmarked,
    Unread,
    colour_name,
    h16,
)
from ankiforge.text.keys import triple_of

DOCUMENTS_TOGETHER = 200
"""Documents of one transaction."""
HIGHLIGHTS_TOGETHER = 2000
"""Highlights from which a transaction takes no further document."""
ReadDocument = Extracted | Unmarked
"""A document that a source has read: with highlights, or without any."""


class Report(msgspec.Struct):
    """The result of an ingest."""

    seen: int = 0
    """Highlights in the documents that were listed, changed or not."""
    new: list[str] = []
    changed: list[tuple[str, str, str]] = []
    """(key, old text, new text)."""
    moved: list[Pair] = []
    """(key, new place) of passages that moved to another document."""
    gone: list[str] = []
    back: list[str] = []
    unselected: int = 0
    """Highlights that settings no longer select."""
    doubtful: dict[str, tuple[int, int]] = {}
    """Containers that lost so much at once that nothing of it was marked as gone.

    By name, the number of documents that are left and that there were.
    """
    moved_sources: Strings = ()
    """The sources whose places are missing, and whose passages are in other sources."""
    documents: frozenset[DocumentId] = frozenset()
    """The rows of the documents that were listed, changed or not."""
    files: dict[str, int] = {}
    """The number of files that were read, now or before, by ending."""
    unread_files: dict[str, int] = {}
    """The number of files that could not be read, or only in part, by ending."""


def place_of(document: ReadDocument) -> str:
    """Return the place of a document within its container."""
    if isinstance(document, Unmarked):
        return document.path
    return document.document.path or document.document.key


def content_of_highlight(highlight: Highlight) -> str:
    """Return a hash of all that drafts depend on: a highlight with a new hash is drafted again."""
    places = [f"{start}-{end}" for start, end in highlight.gaps]
    comment = highlight.comment if highlight.instructs else ""
    # the sides of a hand-written card say all; a phrase is drafted with its sentence
    around = "" if highlight.kind is HighlightKind.CARD else highlight.sentence
    parts = [highlight.exact, ",".join(places), comment, around, highlight.skip]
    parts += highlight.markdown
    if highlight.written == WORD_AND_TRANSLATION:
        parts.append(highlight.written)
    if highlight.open_end:
        parts.append("open end")
    if highlight.other_note:
        parts.append(f"note {highlight.other_note}")
    if highlight.figure:
        parts.append(highlight.figure)
        parts += [repr(label) for label in highlight.labels]
    return h16(*parts)


def colours_of(highlight: Highlight) -> Strings:
    """Return the names of a mark's colour: as the source writes it, and of its hue."""
    if not highlight.colour:
        return ()
    return highlight.colour, colour_name(highlight.colour)


def compared(document: ReadDocument) -> ComparedDocument:
    """Return a document that was read as matching sees it."""
    from ankiforge.text.identifiers import decode_sketch

    if isinstance(document, Unmarked):
        return ComparedDocument(document.path)
    texts = set()
    for highlight in document.highlights:
        text, _before, _after = triple_of(highlight)
        texts.add(text)
    sketch = decode_sketch(document.sketch) if document.sketch else None
    return ComparedDocument(place_of(document), sketch, frozenset(texts))


def with_words_of(store: Store, document_id: int, place: str) -> ComparedDocument:
    """Return a document of the database with its words and marks."""
    from ankiforge.text.identifiers import decode_sketch

    stored = documents.with_id(store, document_id)["sketch"]
    sketch = decode_sketch(stored) if stored else None
    return ComparedDocument(place, sketch, highlights.texts_in(store, document_id))


def batches(documents: Iterable[ReadDocument]) -> Iterator[list[ReadDocument]]:
    """Yield documents in lists, so that no transaction is open while a source reads."""
    batch: list[ReadDocument] = []
    highlights = 0
    for document in documents:
        batch.append(document)
        highlights += len(document.highlights)
        if len(batch) == DOCUMENTS_TOGETHER or highlights >= HIGHLIGHTS_TOGETHER:
            yield batch
            batch = []
            highlights = 0
    if batch:
        yield batch


# --- which documents are there ----------------------------------------------------------


class ListedDocuments:
    """The documents that the sources of a run listed, whether they were read or not."""

    def __init__(self) -> None:
        self.places: dict[str, set[str]] = defaultdict(set)
        """The places of the listed documents, by container, which may have none."""
        self.complete: set[str] = set()
        """Containers of which everything was listed: what is not listed is absent."""
        self.folders: dict[str, str] = {}
        """The folders of containers; "" if one has none."""
        self._unread: set[str] = set()
        """Places of documents that could not be read."""
        self._unread_folders: tuple[str, ...] = ()
        """Folders, with `/` at their ends, of whose documents none could be read."""

    def read_documents(self, sightings: Iterable[Sighting]) -> Iterator[ReadDocument]:
        """Note the places that are listed; yield the documents that were read."""
        for sighting in sightings:
            if isinstance(sighting, Unchanged):
                self.places[sighting.container].add(sighting.path)
            elif isinstance(sighting, Unread):
                self._unread.add(sighting.path)
                self._unread_folders += (f"{sighting.path}/",)
            elif isinstance(sighting, Problem):
                self._unread.add(sighting.where)
                if sighting.where.endswith("/"):
                    self._unread_folders += (sighting.where,)
            elif isinstance(sighting, Scan):
                self.places.setdefault(sighting.container, set())
                self.folders[sighting.container] = sighting.folder
                if sighting.complete:
                    self.complete.add(sighting.container)
            else:
                self.places[sighting.container].add(place_of(sighting))
                yield sighting

    def is_unread(self, place: str) -> bool:
        """Return whether a document could not be read: then it is not absent."""
        return place in self._unread or place.startswith(self._unread_folders)

    def has(self, container: str, place: str) -> bool:
        """Return whether a document is there, whether it could be read or not."""
        return place in self.places.get(container, ()) or self.is_unread(place)


# --- what sources may skip --------------------------------------------------------------


class Known:
    """Answers sources that skip unchanged documents (the protocol `Known` of the model).

    Another salt, which is put before fingerprints, makes every document unknown.
    """

    def __init__(self, store: Store, salt: str) -> None:
        self._store = store
        self._salt = salt
        # The documents of each container that was asked about, by path.
        self._rows: dict[str, dict[str, Row]] = {}
        self._chosen: dict[str, list[Chosen]] | None = None

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was ingested with this fingerprint; False for ""."""
        if not fingerprint:
            return False
        row = self._row(container, path)
        salted = f"{self._salt} {fingerprint}"
        return row is not None and row["fingerprint"] == salted

    def depends(self, container: str, path: str) -> Strings | None:
        """Return `Extracted.depends` of the last reading of a document; None if it is new."""
        row = self._row(container, path)
        if row is None:
            return None
        if row["depends"] == "[]":  # as that of nearly all
            return ()
        with readable_errors():
            return tuple(msgspec.json.decode(row["depends"]))

    def paths(self, container: str) -> Strings:
        """Return the documents of a container."""
        rows = documents.present_in(self._store, container)
        return tuple(row["place"] for row in rows)

    def chosen(self, container: str) -> tuple[Chosen, ...]:
        """Return the passages that were chosen in documents of a container."""
        if self._chosen is None:
            self._chosen = chosen_passages(self._store)
        return tuple(self._chosen.get(container, ()))

    def _row(self, container: str, path: str) -> Row | None:
        """Return the row of a document; each container is read once."""
        if container not in self._rows:
            with readable_errors():
                rows = documents.present_in(self._store, container)
            self._rows[container] = {row["place"]: row for row in rows}
        return self._rows[container].get(path)


def sketch_of(store: Store, container: str, place: str) -> str:
    """Return the sketch of a document as it was read last, "" if there is none."""
    row = documents.at(store, container, place)
    return row["sketch"] if row else ""


# --- what other machines recorded -------------------------------------------------------


def record_journal_readings(store: Store, events: Iterable[Event]) -> None:
    """Take note of keys and texts that are in the journal but were not read here."""
    with store.transaction():
        for event in events:
            if event.what not in ("key", "text"):
                continue
            known = highlights.with_key(store, event.key)
            if known and known["body"]:  # it was read here
                continue
            text = msgspec.convert(event.body, Text)
            text = replace(text, n=event.n, machine=event.machine)
            reading = reading_of(text)
            # a passage that only the journal knows, with the place where it was read
            place = (text.container, text.place)
            document = documents.put_heard_of(store, *place)
            words = text.kind, reading.text
            highlights.put_heard_of(store, event.key, document, event.n, *words)

            # it may be the passage in its place here, which has another key
            keys = []
            for present in highlights.present_at(store, reading.text, *place):
                mark = mark_of(decode_highlight(present))
                if mark.newest.triple == reading.triple:
                    keys.append(present["key"])
            if len(keys) == 1 and store.first(keys[0]) != store.first(event.key):
                store.add("same", event.key, POLICY, {"old": keys[0]})
