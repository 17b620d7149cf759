"""What sources and other machines read, as matching sees it, and in which dialects.

A highlight becomes a mark with its text, folded; a document becomes what distinguishes it from
others. What the sources list shows which documents are gone; they ask here which ones they may
skip. Readings of other machines, from the journal, are kept here.

A vault is read as at first, even if a plugin is switched on or off meanwhile: its cards would be
rewritten or doubled at once. `ankiforge run --plugins` follows the plugins. This is an event, so
that all machines read the vault alike, whatever is switched on there.

`triple_of`, `own` and the fold of a text make keys (docs/reference/keys.md): what changes them
makes every note again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.database import readable_errors
from ankiforge.ledger.events import PERSON, POLICY, SOURCE, Event, Text, hash_of_words
from ankiforge.ledger.marks import mark_of, reading_of
from ankiforge.ledger.match import LONG, ComparedDocument
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import documents, highlights, journaled
from ankiforge.model import (
    NOTE_OF,
    WORD_AND_TRANSLATION,
    Chosen,
    DocumentId,
    Extracted,
    Highlight,
    HighlightKind,
    Json,
    LeftOut,
    Pair,
    Problem,
    Scan,
    Side,
    Sighting,
    SourceKind,
    Strings,
    Unchanged,
    Unmarked,
    Unread,
    colour_name,
    h16,
    hints,
)
from ankiforge.model.hints import TITLES
from ankiforge.text import regex
from ankiforge.text.passages import triple_of

# What stands for other text in a pattern of LIKE.
_WILDCARD = regex(r"[%_\\]")
ROUTES_BEST_FIRST = (
    SourceKind.ZOTERO,
    SourceKind.PDF,
    SourceKind.VAULT,
    SourceKind.OTHER,
)
"""Of the locations of a passage, the one whose text is used: the first."""
DOCUMENTS_TOGETHER = 200
"""Documents of one transaction."""
HIGHLIGHTS_TOGETHER = 2000
"""Highlights from which a transaction takes no further document."""
decode_highlight_body = msgspec.json.Decoder(Highlight).decode
"""Return the highlight that a column `body` holds."""


def decode_highlight(row: Row) -> Highlight:
    """Return the highlight of a row that was read on this machine."""
    return decode_highlight_body(row["body"])


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
    """Those whose places are missing, and whose passages are in other sources."""
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
    """Return a hash of all that drafts depend on: with a new one, it is drafted again."""
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
    """Return the names of a mark's colour: as written, and that of its hue."""
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

    def depends(self, container: str, path: str) -> Strings:
        """Return `Extracted.depends` of the last reading of a document."""
        row = self._row(container, path)
        if row is None:
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


def chosen_passages(store: Store) -> dict[str, list[Chosen]]:
    """Return the passages that were chosen in documents, by the container where these are now.

    What was read of a passage since says where it is, and its words.
    """
    marks = standing_marks(store)
    readings = defaultdict(list)
    for event in store.events(sorted({key for _, keys in marks for key in keys})):
        if event.what in ("key", "text"):
            readings[event.key].append(event)

    chosen = defaultdict(list)
    for mark, keys in marks:
        read = [mark]
        for key in keys:
            scheme = mark.body["container"].partition(":")[0]
            for event in readings[key]:
                if event.body.get("container", "").partition(":")[0] == scheme:
                    read.append(event)
        read.sort(key=lambda event: event.order, reverse=True)
        sides = [Side(*_triple(event)) for event in read]
        body = read[0].body
        passage = Chosen(
            mark.id,
            body["place"],
            tuple(dict.fromkeys(sides))[:LAST_SIDES],
            mark.body["page"],
            mark.body["start"],
            mark.at,
        )
        chosen[body["container"]].append(passage)
    return chosen


def standing_marks(store: Store) -> list[tuple[Event, list[str]]]:
    """Return the events by which passages are chosen, in order, each with the keys of its words."""
    marks = journaled.marks(store)
    if not marks:
        return []
    words = [hash_of_words(mark.body["exact"]) for mark in marks]
    keys = defaultdict(set)
    for issued in journaled.issuing(store, words):
        keys[_triple(issued)].add(issued.key)
    return [(mark, sorted(keys[_triple(mark)])) for mark in marks]


def _triple(event: Event) -> tuple[str, str, str]:
    body = event.body
    return body["exact"], body.get("before", ""), body.get("after", "")


LAST_SIDES = 3
"""The number of the last readings of a chosen passage by which it is found again."""


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


# --- one passage in several sources -----------------------------------------------------


def unite_routes(store: Store, keys: Iterable[str]) -> set[str]:
    """Unite the places of one passage in several sources: a note, its PDF, the library.

    Marks of different routes are one if they have an id in common, or if their documents
    are one work and their texts are equal, one to one in order. Marks of one route never
    are.

    Returns:
        The keys that are now of a passage that was known before.
    """
    united = set()
    for key in keys:
        row = highlights.with_key(store, key)
        if row is None or row["state"] != "present" or store.keys(key) != (key,):
            continue
        highlight = decode_highlight(row)
        other = _same_id(store, highlight) or _same_work(store, row, highlight)
        if other:
            store.add("same", key, SOURCE, {"old": other})
            united.add(key)
    return united


def _same_id(store: Store, highlight: Highlight) -> str:
    """Return the key of a present mark of another route that this one names."""
    for hint in highlight.hints:
        # a pattern of LIKE that matches the words of a hint, whatever they hold
        scheme, name = (
            _WILDCARD.sub(r"\\\g<0>", part) for part in hints.split_hint(hint)
        )
        for row in highlights.named(store, scheme, name):
            if row["route"] != highlight.source_kind.value:
                return store.first(row["key"])
    return ""


def _same_work(store: Store, row: Row, highlight: Highlight) -> str:
    """Return the key of the equal mark of another route in a document of one work."""
    if len(row["folded"]) < LONG:
        return ""
    routes = _routes(store, row["key"])
    for other in highlights.of_same_work(store, row):
        page = decode_highlight(other).page_label
        if page and highlight.page_label and page != highlight.page_label:
            continue
        if routes.isdisjoint(_routes(store, other["key"])):
            return store.first(other["key"])
    return ""


def _routes(store: Store, key: str) -> set[str]:
    """Return the routes by which a passage was read; "" for a key that was not read."""
    keys = store.keys(key)
    routes = [row["route"] for row in highlights.of(store, keys)]
    return {*routes, *([""] if len(routes) < len(keys) else [])}


# --- dialects -----------------------------------------------------------------------------


def dialects_key(container: str) -> str:
    """Return the key of the events about the dialects of a vault."""
    return f"dialects:{container}"


def dialects_of(store: Store, container: str, on: Strings | None) -> Strings:
    """Return the dialects by which a vault is to be read.

    At its first reading these are the ones that are switched on: nobody has cards of it
    yet.

    Args:
        store: the store.
        container: the container of the vault.
        on: the dialects of the plugins that are switched on; None = unknown.
    """
    read: Strings | None = None
    for event in store.answers(dialects_key(container)):
        if event.by == SOURCE and read is not None:
            continue  # another machine had read it before
        read = tuple(event.body["read"])
    if read is None and on and not highlights.are_in(store, container):
        with store.transaction():
            store.add("dialects", dialects_key(container), SOURCE, {"read": on})
        return on
    return read or ()


def dialects_off(store: Store, container: str, on: Strings) -> Strings:
    """Return the dialects that left notes in a vault, though their plugins are not on.

    Also those that a person wanted read all the same.
    """
    kinds = set[str]()
    for row in documents.present_in(store, container):
        if NOTE_OF in row["left_out"]:
            left_out = msgspec.json.decode(row["left_out"], type=list[LeftOut])
            kinds.update(entry.kind for entry in left_out)
    answered: Strings = ()
    for event in store.answers(dialects_key(container)):
        answered = tuple(event.body.get("off", ()))
    off = []
    for dialect, title in TITLES.items():
        if (dialect in answered or f"{NOTE_OF}{title}" in kinds) and dialect not in on:
            off.append(dialect)
    return tuple(off)


def follow_plugins(store: Store, container: str, on: Strings) -> None:
    """Read a vault from now on by the plugins that are switched on, or left notes in it.

    Args:
        store: the store.
        container: the container of the vault.
        on: the dialects of the plugins that are switched on.
    """
    off = dialects_off(store, container, on)
    read = tuple(name for name in TITLES if name in (*on, *off))
    if read == dialects_of(store, container, on):
        return
    dialects: Json = {"read": read}
    if off:
        dialects["off"] = off
    with store.transaction():
        store.add("dialects", dialects_key(container), PERSON, dialects)
