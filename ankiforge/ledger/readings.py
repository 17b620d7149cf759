"""Prepare documents and highlights for matching, and write them to the database.

`DocumentListing` collects which documents the sources list, so that all other documents count as
removed. `StoredDocumentLookup` tells sources which documents can be skipped. What other devices
have read comes from the journal. The keys of highlights depend on `get_anchor`, on
`Highlight.source_id` and on the normalization of text (tests/keys/keys.md). Changing any of
these would duplicate every note.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.cards import build_highlight_from_journal
from ankiforge.ledger.chosen_passages import (
    find_missing_choices,
    load_chosen_passages,
)
from ankiforge.ledger.database import wrap_database_errors
from ankiforge.ledger.event_replay import replay_events
from ankiforge.ledger.events import POLICY, Event, Passage, PassageReading
from ankiforge.ledger.match import (
    MIN_CONTEXT_CHARS,
    MIN_DISTINCTIVE_CHARS,
    MatchedHighlight,
    NormalizedReading,
    normalize_reading,
    split_stable_and_location_ids,
    to_matched_highlight,
)
from ankiforge.ledger.private import ReadDocument, update_private_texts
from ankiforge.ledger.sentence_decisions import (
    get_sentence_text,
    hash_distinctive_sentences,
    split_sentences,
)
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import (
    JSON_VALUES,
    Row,
    Store,
    normalize_tag,
    to_json,
    to_list_column,
)
from ankiforge.ledger.tables import highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    DocumentId,
    ExtractedDocument,
    Highlight,
    HighlightKey,
    HighlightKind,
    Json,
    Pair,
    PassageChoice,
    Problem,
    ScanEnd,
    Sighting,
    Strings,
    Texts,
    UnchangedDocument,
    UnmarkedDocument,
    UnreadDocument,
    Value,
    find_colour_name,
    hash16,
)
from ankiforge.text.keys import number_highlights

MAX_BATCH_DOCUMENTS = 200
"""The maximum number of documents written in one transaction."""
MAX_JOURNAL_READINGS = 3
"""How many readings of a passage, the latest on any device, are used to match it."""
MAX_BATCH_HIGHLIGHTS = 2000
"""The number of highlights after which a transaction takes no more documents."""


class UnlistedDocuments(Value):
    """The documents that a container no longer lists, about which the user is asked."""

    left_count: int
    """How many of the documents are still listed."""
    total_count: int
    """How many documents the container had."""
    directory: str
    """The path of the container, or "" if it has none."""


class IngestReport(msgspec.Struct):
    """The new, changed, moved and removed highlights that were found when sources were ingested."""

    passage_count: int = 0
    """The number of passages in the listed documents, changed or not."""
    new: list[str] = []
    """The keys of the new highlights."""
    changed: list[tuple[str, str, str]] = []
    """The highlights whose text or comment changed, as (key, old text, new text)."""
    moved: list[Pair] = []
    """The passages of renamed documents, and those that moved to another document, as (key, path or
    key of the new document)."""
    missing_keys: list[str] = []
    """The keys of the highlights that were not found, and will count as removed if a later run
    doesn't find them either."""
    removed_keys: list[str] = []
    """The keys of the removed highlights."""
    removed_unread_keys: list[str] = []
    """The keys of the removed highlights that this database has only from the journal, because it
    was rebuilt or another device read them. They may have been removed long ago."""
    restored_keys: list[str] = []
    """The keys of the highlights that were missing or removed and are in their source again."""
    unselected: int = 0
    """The number of highlights that the settings no longer select."""
    in_missing_sources: int = 0
    """The number of highlights in missing sources that were not found elsewhere."""
    suspicious_containers: dict[str, tuple[int, int]] = {}
    """The containers that lost so many documents at once that none was treated as removed.

    For each, the numbers of documents left and of documents before.
    """
    moved_documents: dict[DocumentId, Path] = {}
    """The new path of each document whose file is missing and whose passages a listed file has."""
    moved_sources: Strings = ()
    """The names of sources whose directory or file is missing and whose passages are now in other
    sources."""
    unmarked: list[Pair] = []
    """The new documents without a highlight, as (container, path)."""
    documents: frozenset[DocumentId] = frozenset()
    """The row ids of the listed documents, changed or not."""
    files: dict[str, int] = {}
    """The number of files read, in this run or before, by extension."""
    unread_files: dict[str, int] = {}
    """The number of files that could not be read completely, by extension."""


def get_document_path(document: ReadDocument) -> str:
    """Return a document's path within its container, or its library key if it has no path."""
    if isinstance(document, UnmarkedDocument):
        return document.path
    return document.document.path or document.document.key


def hash_highlight_content(highlight: Highlight) -> str:
    """Hash everything about a highlight that affects its drafts.

    The highlight is drafted again when the hash changes.
    """
    gap_spans = [f"{start}-{end}" for start, end in highlight.gaps]
    parts = [
        highlight.exact,
        ",".join(gap_spans),
        _get_instruction(highlight),
        _get_drafting_context(highlight),
        highlight.skip_reason or "",
        *highlight.markdown,
    ]
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        parts.append(highlight.line_syntax)
    if highlight.may_continue:
        parts.append("open end")
    if highlight.other_tool_note_id:
        parts.append(f"note {highlight.other_tool_note_id}")
    if highlight.figure_hash:
        parts.append(highlight.figure_hash)
        parts += [repr(label) for label in highlight.figure_labels]
    return hash16(*parts)


def _get_instruction(highlight: Highlight) -> str:
    """Return the comment of a highlight if it says how to draft the highlight, otherwise ""."""
    return highlight.comment if highlight.comment_is_instruction else ""


def _get_drafting_context(highlight: Highlight) -> str:
    """Return the text around a highlight on which its drafts depend.

    Drafts of a phrase depend on its sentence, but a hand-written card has no context.
    """
    return "" if highlight.kind is HighlightKind.CARD else highlight.sentence


def iter_document_batches(
    documents: Iterable[ReadDocument],
) -> Iterator[list[ReadDocument]]:
    """Split documents into batches, each of which is written in one transaction.

    A batch is complete before its transaction begins, so that no transaction is open while a
    source reads files.
    """
    batch: list[ReadDocument] = []
    highlights = 0
    for document in documents:
        batch.append(document)
        highlights += len(document.highlights)
        if len(batch) == MAX_BATCH_DOCUMENTS or highlights >= MAX_BATCH_HIGHLIGHTS:
            yield batch
            batch = []
            highlights = 0
    if batch:
        yield batch


# --- listed documents -------------------------------------------------------------------


class DocumentListing:
    """The documents that sources have listed in this run, including those they couldn't read."""

    def __init__(self) -> None:
        self.places: dict[str, set[str]] = defaultdict(set)
        """The paths or keys of the listed documents, by container. A container may have none."""
        self.complete: set[str] = set()
        """The completely listed containers. Their unlisted documents are absent."""
        self.directories: dict[str, str] = {}
        """The directory of each container, or "" if it has none."""
        self.sources: dict[str, str] = {}
        """The name of the source of each container."""
        self._unread: set[str] = set()
        """The paths of the documents that could not be read."""
        self._unread_directories: tuple[str, ...] = ()
        """The directories, each with a final `/`, whose documents could not be read."""

    def read_documents(self, scan_results: Iterable[Sighting]) -> Iterator[ReadDocument]:
        """Record each document that a source lists, and yield those that were read."""
        for sighting in scan_results:
            if isinstance(sighting, UnchangedDocument):
                self.places[sighting.container].add(sighting.path)
            elif isinstance(sighting, UnreadDocument):
                self._unread.add(sighting.path)
                self._unread_directories += (f"{sighting.path}/",)
            elif isinstance(sighting, Problem):
                self._unread.add(sighting.location)
                if sighting.location.endswith("/"):
                    self._unread_directories += (sighting.location,)
            elif isinstance(sighting, ScanEnd):
                self.places.setdefault(sighting.container, set())
                self.directories[sighting.container] = sighting.directory
                self.sources[sighting.container] = sighting.source
                if sighting.complete:
                    self.complete.add(sighting.container)
            else:
                self.places[sighting.container].add(get_document_path(sighting))
                yield sighting

    def is_unread(self, place: str) -> bool:
        """Return whether a document couldn't be read. Such a document doesn't count as absent."""
        return place in self._unread or place.startswith(self._unread_directories)

    def is_listed(self, container: str, place: str) -> bool:
        """Return whether a source has listed a document, even if it couldn't be read."""
        return place in self.places.get(container, ()) or self.is_unread(place)


# --- stored documents -------------------------------------------------------------------


def find_document(store: Store, container: str, path: str) -> Row | None:
    """Return the row of the document with this path or library key, or None."""
    query = "SELECT * FROM document WHERE container = ? AND place = ?"
    return store.fetch_first_row(query, container, path)


def load_current_documents(store: Store, container: str) -> list[Row]:
    """Load the rows of the documents that are still in a container.

    Only the columns `id`, `place`, `fingerprint`, `depends` and `left_out` are loaded.
    """
    return store.fetch_rows(
        "SELECT id, place, fingerprint, depends, left_out FROM document"
        " WHERE container = ? AND state = 'present'",
        container,
    )


def load_current_documents_of_source(store: Store, kind: str, source: str) -> list[Row]:
    """Load the `id` and `place` of each document that is still in a source.

    Sources of different kinds may have the same name, so the kind is compared as well.
    """
    prefix = "vault" if kind == "obsidian" else kind
    return store.fetch_rows(
        "SELECT id, place FROM document WHERE source = ? AND state = 'present'"
        " AND (container GLOB ? || ':*' OR container GLOB ? || ' source *')",
        *(source, prefix, prefix),
    )


def load_unlocated_documents(store: Store) -> dict[str, list[str]]:
    """Load the documents of the containers that weren't read again after the database was rebuilt.

    The journal doesn't record where the directories of these containers are. Only documents that
    this device has read are included.

    Returns:
        The paths or library keys of the documents, grouped by container.
    """
    places = defaultdict[str, list[str]](list)
    for row in store.fetch_rows(
        "SELECT DISTINCT d.container, d.place FROM document d"
        " JOIN highlight h ON h.document = d.id JOIN event e ON e.key = h.key"
        " WHERE d.state = 'journal' AND e.what = 'key' AND e.machine = ? AND NOT EXISTS"
        " (SELECT 1 FROM document o WHERE o.container = d.container AND o.state != 'journal')"
        " ORDER BY d.container, d.place",
        store.device_id,
    ):
        places[row["container"]].append(row["place"])
    return places


# --- unchanged documents ----------------------------------------------------------------


class StoredDocumentLookup:
    """Finds the documents that haven't changed since the last run, so that sources can skip them.

    This implements the protocol `model.DocumentLookup`. Stored fingerprints begin with a
    salt, so every document is read again if the salt changes.
    """

    def __init__(
        self,
        store: Store,
        salt: str,
        in_use: frozenset[str] | None = None,
        directories: Texts | None = None,
    ) -> None:
        """Initialize a lookup.

        Args:
            store: Where the documents are stored.
            salt: What begins the stored fingerprints.
            in_use: The names of the sources that are read, or None if unknown.
            directories: The directory or file that each container was last read from, or None
                if unknown.
        """
        self._store = store
        self._salt = salt
        self._in_use = in_use
        self._directories = directories or {}
        # the rows of the documents in each requested container, by path
        self._rows: dict[str, dict[str, Row]] = {}
        self._chosen: dict[str, list[PassageChoice]] | None = None

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document had the same fingerprint when it was last ingested.

        The result for an empty fingerprint is always False.
        """
        if not fingerprint:
            return False
        row = self._get_row(container, path)
        salted = f"{self._salt} {fingerprint}"
        return row is not None and row["fingerprint"] == salted

    def find_dependencies(self, container: str, path: str) -> Strings | None:
        """Return the dependencies of a document as last read, or None if the document is new.

        See `ExtractedDocument.dependencies`.
        """
        row = self._get_row(container, path)
        if row is None:
            return None
        if row["depends"] == "[]":  # as in nearly all rows
            return ()
        with wrap_database_errors():
            return tuple(msgspec.json.decode(row["depends"]))

    def list_paths(self, container: str) -> Strings:
        """Return the paths of the documents that are still in a container."""
        rows = load_current_documents(self._store, container)
        return tuple(row["place"] for row in rows)

    def find_choices(self, container: str) -> tuple[PassageChoice, ...]:
        """Return the chosen passages that are, or may now be, in the documents of a container.

        If the user has moved a file or folder, the passages may have been in another container of
        the same kind. They are included if that container isn't read any more, if their file isn't
        there any more, or if they are no longer found there.
        """
        if self._chosen is None:
            self._chosen = load_chosen_passages(self._store)
        chosen = list(self._chosen.get(container, ()))
        scheme = container.partition(":")[0]
        for other, passages in self._chosen.items():
            if other != container and other.partition(":")[0] == scheme:
                chosen += [each for each in passages if self._may_have_moved(other, each)]
        return tuple(chosen)

    def _may_have_moved(self, container: str, passage: PassageChoice) -> bool:
        """Return whether a passage may no longer be in the container that it was found in."""
        if container in self._unread_containers or passage.id in self._absent_choices:
            return True
        return self._is_file_missing(container, passage.path)

    def _is_file_missing(self, container: str, path: str) -> bool:
        """Return whether a file is no longer where its container was last read."""
        root = self._directories.get(container)
        if root is None:
            return False
        directory = Path(root) if Path(root).is_dir() else Path(root).parent
        return not (directory / path).exists()

    @cached_property
    def _absent_choices(self) -> set[str]:
        return find_missing_choices(self._store)

    @cached_property
    def _unread_containers(self) -> frozenset[str]:
        """The containers of the sources that are no longer in the settings."""
        if self._in_use is None:
            return frozenset()
        containers = self._store.fetch_column(
            "SELECT DISTINCT container FROM document WHERE source != ''"
            f" AND source NOT IN {JSON_VALUES}",
            to_json(sorted(self._in_use)),
        )
        return frozenset(containers)

    def _get_row(self, container: str, path: str) -> Row | None:
        if container not in self._rows:
            with wrap_database_errors():
                rows = load_current_documents(self._store, container)
            self._rows[container] = {row["place"]: row for row in rows}
        return self._rows[container].get(path)


def load_text_hash(store: Store, container: str, path: str) -> str:
    """Load the hash of a document's text as last read, or "" if there is none."""
    row = find_document(store, container, path)
    return row["digest"] if row else ""


# --- readings of other devices ----------------------------------------------------------


def record_journal_readings(store: Store, events: Iterable[Event]) -> None:
    """Store the passages in new events that haven't been read on this device.

    If exactly one passage of the same document has the same text and context on this device, the
    two passages are linked.
    """
    with store.transaction():
        for event in events:
            if event.kind not in ("key", "text"):
                continue
            row = highlights.find_highlight_row(store, event.key)
            if row and row["body"]:  # it was read on this device
                continue
            reading = msgspec.convert(event.body, PassageReading)
            _add_journal_only_highlight(store, event, reading)
            equal_keys = _find_equal_highlights(store, reading)
            if len(equal_keys) != 1:
                continue
            [equal_key] = equal_keys
            if store.get_first_key(equal_key) != store.get_first_key(event.key):
                store.record_event("same", event.key, POLICY, {"old": equal_key})


def _add_journal_only_highlight(
    store: Store, event: Event, reading: PassageReading
) -> None:
    """Add the highlight of a `key` or `text` event, and its document, as known from the journal.

    If the highlight has been added before, it moves to where it was read now.
    """
    store.execute(
        "INSERT OR IGNORE INTO document"
        " (container, place, state, fingerprint, depends, digest, source, title)"
        " VALUES (?1, ?2, 'journal', '', '[]', '', '', ?2)",
        reading.container,
        reading.document_path,
    )
    store.execute(
        "INSERT INTO highlight (key, document, position, state, kind, folded)"
        " SELECT ?, id, ?, 'journal', ?, ? FROM document WHERE container = ? AND place = ?"
        " ON CONFLICT (key) DO UPDATE SET missed = 0,"
        " document = excluded.document, folded = excluded.folded, state = excluded.state",
        event.key,
        event.number,
        reading.kind,
        normalize_reading(reading).text,
        reading.container,
        reading.document_path,
    )


def _find_equal_highlights(store: Store, reading: PassageReading) -> list[str]:
    """Find the highlights read on this device with the document, text and context of a reading."""
    anchor = normalize_reading(reading).anchor
    text, _, _ = anchor
    equal_keys = []
    for row in store.fetch_rows(
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.folded = ? AND h.state = 'present' AND d.container = ? AND d.place = ?",
        *(text, reading.container, reading.document_path),
    ):
        stored = to_matched_highlight(decode_highlight(row["body"]))
        if stored.newest_reading.anchor == anchor:
            equal_keys.append(row["key"])
    return equal_keys


# --- scanned highlights -----------------------------------------------------------------


def prepare_scanned_highlights(
    document: ReadDocument, document_id: int
) -> list[MatchedHighlight]:
    """Prepare the highlights of a scanned document for matching, in reading order."""
    if not isinstance(document, ExtractedDocument):
        return []
    scanned_highlights = []
    for position, highlight in enumerate(number_highlights(document.highlights)):
        mark = to_matched_highlight(highlight, document_id)
        mark.container = document.container
        mark.document_path = get_document_path(document)
        mark.position = position
        scanned_highlights.append(mark)
    return scanned_highlights


def build_event_body(scanned_highlight: MatchedHighlight) -> Json:
    """Build the body of the `key` or `text` event that records how a highlight was read."""
    highlight = scanned_highlight.highlight
    newest = scanned_highlight.newest_reading
    text = PassageReading(
        # the text from which the key is computed; how readers clean up the other may change
        exact=highlight.anchor_text or highlight.exact,
        before=newest.before,
        after=newest.after,
        container=scanned_highlight.container,
        document_path=scanned_highlight.document_path,
        kind=highlight.kind.value,
        source_id=highlight.source_id,
    )
    body: Json = msgspec.to_builtins(text)
    return body


# --- stored highlights ------------------------------------------------------------------


def load_stored_highlights(store: Store, document_id: int) -> list[MatchedHighlight]:
    """Load the stored highlights of a document for matching, in reading order.

    Removed highlights are included.
    """
    query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
    rows = store.fetch_rows(query, document_id)
    store.preload_passages(row["key"] for row in rows)
    return [load_stored_highlight(store, row) for row in rows]


def load_stored_highlight(store: Store, row: Row) -> MatchedHighlight:
    """Load a stored highlight for matching, with its latest readings on all devices."""
    passage = store.get_passage(row["key"])
    journal_readings = tuple(
        map(normalize_reading, passage.readings[:MAX_JOURNAL_READINGS])
    )
    if row["body"]:
        mark = to_matched_highlight(decode_highlight(row["body"]), row["document"])
        _add_journal_readings(mark, journal_readings)
    else:
        mark = _build_journal_only_highlight(row, passage, journal_readings)
    mark.state = SourceState(row["state"])
    mark.missing_since = row["missed"]
    mark.exact_hash = row["exact"]
    mark.content_hash = row["content"]
    mark.texts = passage.readings
    if len(passage.keys) > 1:  # a linked highlight has another text or place
        events = store.load_events([row["key"]])
        mark.texts = replay_events([row["key"]], events).readings
    mark.is_decided = passage.was_ever_decided
    return mark


def _add_journal_readings(
    mark: MatchedHighlight, journal_readings: Iterable[NormalizedReading]
) -> None:
    """Add the readings that differ from that of this device, which stays first for its sides."""
    reading_by_anchor = {mark.newest_reading.anchor: mark.newest_reading}
    for reading in journal_readings:
        reading_by_anchor.setdefault(reading.anchor, reading)
    mark.readings = tuple(reading_by_anchor.values())


def _build_journal_only_highlight(
    row: Row, passage: Passage, journal_readings: tuple[NormalizedReading, ...]
) -> MatchedHighlight:
    """Build a highlight that only other devices have read."""
    highlight = build_highlight_from_journal(passage)
    source_ids = []
    if passage.readings:
        source_ids.append(passage.readings[0].source_id)
    stable_ids, location_ids = split_stable_and_location_ids(source_ids)
    mark = MatchedHighlight(
        replace(highlight, key=HighlightKey(row["key"])),
        journal_readings or (NormalizedReading(""),),
        stable_ids,
        location_ids,
        row["document"],
    )
    mark.is_journal_only = True
    return mark


# --- writing rows -----------------------------------------------------------------------


def write_document(store: Store, document: ReadDocument, old_row: Row | None) -> int:
    """Write a document with its identifiers and private texts. Returns its row id.

    `old_row` is the stored row of the document, which may have another path. It is None if the
    document is new.
    """
    place = get_document_path(document)
    row: Json = {
        "container": document.container,
        "place": place,
        "state": SourceState.PRESENT,
        "fingerprint": document.fingerprint,
        "depends": to_json(document.dependencies),
        "left_out": to_json(document.skipped_texts),
    }
    identifier_pairs: Sequence[Pair] = ()
    if isinstance(document, ExtractedDocument):
        from ankiforge.text.identifiers import normalize_identifiers

        work = document.document
        row |= {"digest": document.text_hash, "source": work.source, "title": work.title}
        identifier_pairs = normalize_identifiers(work.identifiers, work.uri)
    else:
        row |= {"digest": "", "source": document.source, "title": place}

    has_moved = False
    key = "container, place"
    if old_row is not None:
        row["id"] = old_row["id"]
        key = "id"  # the place may have changed
        old_place = (old_row["container"], old_row["place"])
        has_moved = old_place != (document.container, place)
    document_id: int = store.upsert("document", row, key=key)
    store.execute("DELETE FROM identifier WHERE document = ?", document_id)
    rows = [(f"{scheme}:{value}", document_id) for scheme, value in identifier_pairs]
    store.execute_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
    update_private_texts(store, document_id, document, moved=has_moved)
    return document_id


def write_highlights(store: Store, rows: Sequence[Json]) -> None:
    """Write rows from `build_highlight_row`, and which long sentences the highlights contain.

    The columns that drafting sets aren't changed.
    """
    store.insert("highlight", rows, key="key")
    names_by_key = []
    sentence_rows = []
    for row in rows:
        text = get_sentence_text(decode_highlight(row["body"]))
        names = hash_distinctive_sentences(split_sentences(text))
        names_by_key.append((row["key"], to_json(names)))
        sentence_rows += [(name, row["key"]) for name in names]
    query = f"DELETE FROM sentence WHERE key = ? AND name NOT IN {JSON_VALUES}"
    store.execute_all(query, names_by_key)
    query = "INSERT OR IGNORE INTO sentence (name, key) VALUES (?, ?)"
    store.execute_all(query, sentence_rows)


def _hash_for_copies(highlight: Highlight, reading: NormalizedReading) -> str | None:
    """Return the hash that a highlight shares with its copies, or None if it can't be a copy.

    Short texts are often equal by chance, so a copy of one must also have the same context, unless
    the text is a whole card.
    """
    content_hash = hash_highlight_content(replace(highlight, skip_reason=None))
    is_long = len(reading.text) >= MIN_DISTINCTIVE_CHARS
    if is_long or highlight.kind is HighlightKind.CARD:
        return content_hash
    before = reading.before[-MIN_CONTEXT_CHARS:]
    after = reading.after[:MIN_CONTEXT_CHARS]
    if not before and not after:
        return None
    return hash16(content_hash, before, after)


def build_highlight_row(
    scanned_highlight: MatchedHighlight, exact_hash: str, run_number: int
) -> Json:
    """Build the row of a highlight that was just scanned, without the columns that drafting sets.

    Args:
        scanned_highlight: The highlight, which must have a key.
        exact_hash: A hash of the highlight as read, to detect changes.
        run_number: The number of the run that read the highlight.
    """
    highlight = scanned_highlight.highlight
    stored_highlight = scanned_highlight.stored_highlight
    if stored_highlight:
        highlight = replace(highlight, key=HighlightKey(stored_highlight.key))
    tags = (*highlight.document.tags, *highlight.tags)
    newest = scanned_highlight.newest_reading
    return {
        "key": highlight.key,
        "document": scanned_highlight.document,
        "position": scanned_highlight.position,
        "state": SourceState.PRESENT,
        "missed": 0,
        "route": highlight.source_kind.value,
        "kind": highlight.kind.value,
        "folded": newest.text,
        "exact": exact_hash,
        "content": hash_highlight_content(highlight),
        "alike": _hash_for_copies(highlight, newest) or "",
        "run": run_number,
        # as the source names it, and the name of the nearest hue
        "colour": to_list_column((highlight.colour, find_colour_name(highlight.colour))),
        "tags": to_list_column(map(normalize_tag, tags)),
        "body": to_json(highlight),
    }
