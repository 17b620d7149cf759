"""What sources and other machines read, as matching sees it.

A highlight becomes a mark with its text, folded; a document becomes what tells it from others. Sources
ask here which documents they may skip; readings of other machines, from the journal, are kept here.

`triple_of`, `own` and the fold of a text make keys (docs/keys.md): what changes them makes every note
anew. Tested by `tests/e2e/test_keys.py`, `test_readings.py` and `tests/unit/ledger/test_journal.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.events import POLICY, SOURCE, Event, Text
from ankiforge.ledger.match import LONG, Doc, Mark, Reading
from ankiforge.ledger.store import Row, Store
from ankiforge.model import (
    NOTE,
    Extracted,
    Highlight,
    HighlightKind,
    Pair,
    SourceKind,
    Strings,
    Unmarked,
    colour_name,
    h16,
)
from ankiforge.text.fold import fold
from ankiforge.text.passages import triple_of

ORDER = (SourceKind.ZOTERO, SourceKind.PDF, SourceKind.VAULT, SourceKind.OTHER)
"""Of the locations of a passage, the one whose text is used: the first."""
TOGETHER = 200
"""Documents of one transaction."""
HIGHLIGHTS_TOGETHER = 2000
"""Highlights from which a transaction takes no further document."""
LABELS = ("b.", "at:", NOTE)
"""How the ids begin that tell where a passage stands, and not which one it is."""
_decode_highlight = msgspec.json.Decoder(Highlight).decode


def decode_highlight(row: Row) -> Highlight:
    """Return the highlight of a row that was read on this machine."""
    return _decode_highlight(row["body"])


Read = Extracted | Unmarked


class Report(msgspec.Struct):
    """What an ingest found."""

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
    doubtful: list[str] = []
    """Containers that lost so much at once that nothing of it was marked as gone."""
    documents: frozenset[int] = frozenset()
    """The rows of the documents that were listed, changed or not."""


def place_of(one: Read) -> str:
    """Return the place of a document within its container."""
    if isinstance(one, Unmarked):
        return one.path
    return one.document.path or one.document.key


def content_of(highlight: Highlight) -> str:
    """Return a hash of what drafts depend on; if it changes, the highlight is drafted again."""
    gaps = ",".join(f"{start}-{end}" for start, end in highlight.gaps)
    comment = highlight.comment if highlight.instructs else ""
    around = highlight.sentence if highlight.kind is not HighlightKind.CARD else ""
    ends = ("open end",) if highlight.open_end else ()
    return h16(highlight.exact, gaps, comment, around, highlight.skip, *highlight.markdown, *ends)


def colours_of(highlight: Highlight) -> Strings:
    """Return the names of a mark's colour: as written, and that of its hue."""
    return (highlight.colour, colour_name(highlight.colour)) if highlight.colour else ()


def mark_of(highlight: Highlight, document: int = 0) -> Mark:
    """Return a highlight as matching sees it."""
    names, labels = names_and_labels((highlight.own, *highlight.hints))
    reading = Reading(*triple_of(highlight), sides=_sides(highlight))
    return Mark((reading,), highlight.kind.value, names, labels, document=document)


def names_and_labels(ids: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Divide the ids of a highlight into those of the mark itself and those written beside it.

    A label is a block id, the place of a mark in a PDF, or the id that another tool wrote below a card.
    """
    known = {one for one in ids if one}
    labels = {one for one in known if one.startswith(LABELS)}
    return frozenset(known - labels), frozenset(labels)


def _sides(highlight: Highlight) -> Pair | None:
    """Return the two sides of a hand-written card, or the gaps and the rest of marked phrases."""
    if highlight.kind is HighlightKind.CARD and len(highlight.markdown) > 1:
        return fold(highlight.markdown[0]), fold(highlight.markdown[1])
    if highlight.gaps:
        gaps, rest, at = [], [], 0
        for start, end in highlight.gaps:
            gaps.append(fold(highlight.exact[start:end]))
            rest.append(highlight.exact[at:start])
            at = end
        return " ".join(gaps), fold(" ".join((*rest, highlight.exact[at:])))
    return None


def reading_of(text: Text) -> Reading:
    """Return a text of the journal as matching sees it."""
    return Reading(fold(text.exact), text.before, text.after)


def doc_found(one: Read) -> Doc:
    """Return a document that was read as matching sees it."""
    from ankiforge.text.sketches import decode_sketch

    if isinstance(one, Unmarked):
        return Doc(one.path)
    texts = frozenset(triple_of(each)[0] for each in one.highlights)
    sketch = decode_sketch(one.sketch) if one.sketch else None
    return Doc(place_of(one), sketch, texts)


def batches(read: Iterable[Read]) -> Iterator[list[Read]]:
    """Yield documents in lists, so that no transaction is open while a source reads."""
    batch = []
    count = 0
    for one in read:
        batch.append(one)
        count += len(one.highlights) if isinstance(one, Extracted) else 0
        if len(batch) == TOGETHER or count >= HIGHLIGHTS_TOGETHER:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def numbered_marks(highlights: Sequence[Highlight]) -> list[Highlight]:
    """Number the highlights with equal text and context, in document order."""
    seen: Counter[tuple[str, str, str]] = Counter()
    numbered = []
    for one in highlights:
        seen[triple_of(one)] += 1
        numbered.append(replace(one, nth=seen[triple_of(one)]))
    return numbered


# --- what sources may skip ----------------------------------------------------------------------


class Known:
    """Answers sources that skip documents which are unchanged (the protocol `Known` of the model).

    Another salt, which is put before fingerprints, makes every document unknown.
    """

    def __init__(self, store: Store, salt: str) -> None:
        self._store, self._salt = store, salt
        # The documents of each container that was asked about, by path.
        self._rows: dict[str, dict[str, Row]] = {}

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was ingested with this fingerprint; always False for ""."""
        row = self._row(container, path)
        salted = f"{self._salt} {fingerprint}"
        return bool(fingerprint and row and row["fingerprint"] == salted)

    def depends(self, container: str, path: str) -> Strings:
        """Return what the last reading of a document depended on."""
        row = self._row(container, path)
        return tuple(msgspec.json.decode(row["depends"])) if row and row["depends"] != "[]" else ()

    def paths(self, container: str) -> Strings | None:
        """Return the documents of a container; None if one of them must be read again."""
        query = "SELECT place, fingerprint FROM document WHERE container = ? AND state = 'present'"
        rows = self._store.rows(query, container)
        whole = all(row["fingerprint"] for row in rows)
        return tuple(row["place"] for row in rows) if whole else None

    def _row(self, container: str, path: str) -> Row | None:
        if container not in self._rows:
            query = (
                "SELECT place, fingerprint, depends FROM document"
                " WHERE container = ? AND state = 'present'"
            )
            self._rows[container] = {
                row["place"]: row for row in self._store.rows(query, container)
            }
        return self._rows[container].get(path)


# --- what other machines recorded -----------------------------------------------------------------


def hear(store: Store, events: Iterable[Event]) -> None:
    """Take note of keys and texts that are in the journal but were not read here."""
    with store.transaction():
        for event in events:
            if event.what in ("key", "text"):
                _hear_text(store, event)


def _hear_text(store: Store, event: Event) -> None:
    body = {name: value for name, value in event.body.items() if name != "like"}
    text = msgspec.convert(body, Text)
    reading = reading_of(text)
    if store.row("SELECT 1 FROM highlight WHERE key = ? AND body != ''", event.key):
        return
    where = (text.container, text.place)
    store.write(
        "INSERT OR IGNORE INTO document (container, place, state, fingerprint, depends, sketch,"
        " source, title) VALUES (?, ?, 'journal', '', '[]', '', '', ?)",
        *where, text.place,
    )  # fmt: skip
    document = store.value("SELECT id FROM document WHERE container = ? AND place = ?", *where)
    store.write(
        "INSERT INTO highlight VALUES (?, ?, ?, 'journal', 0, '', ?, ?, '', '', '', '', '', '', 0, '', '', '')"
        " ON CONFLICT (key) DO UPDATE SET document = excluded.document, folded = excluded.folded,"
        " state = excluded.state, missed = 0",
        event.key, document, event.n, text.kind, reading.text,
    )  # fmt: skip
    rows = store.rows(  # another key for the passage that stands here in the same place
        "SELECT h.* FROM highlight h JOIN document d ON d.id = h.document"
        " WHERE h.folded = ? AND h.state = 'present' AND d.container = ? AND d.place = ?",
        reading.text, *where,
    )  # fmt: skip
    rows = [row for row in rows if mark_of(decode_highlight(row)).now[:3] == reading[:3]]
    if len(rows) == 1 and store.first(rows[0]["key"]) != store.first(event.key):
        store.add("same", event.key, POLICY, {"old": rows[0]["key"]})


# --- one passage in several sources ---------------------------------------------------------------


def unite_routes(store: Store, keys: Iterable[str]) -> set[str]:
    """Unite what one passage is in several sources: a note, its PDF, the library.

    Marks of different routes are one if they have an id in common, or if their documents are one
    work and their texts are equal, one to one in order. Marks of one route never are.

    Returns:
        The keys that are now of a passage that was known before.
    """
    united = set()
    for key in keys:
        row = store.row("SELECT * FROM highlight WHERE key = ? AND state = 'present'", key)
        if row is None or store.keys(key) != (key,):
            continue
        highlight = decode_highlight(row)
        if other := _same_id(store, highlight) or _same_work(store, row, highlight):
            store.add("same", key, SOURCE, {"old": other})
            united.add(key)
    return united


def _same_id(store: Store, highlight: Highlight) -> str:
    """Return the key of a present mark of another route that this one names."""
    for hint in highlight.hints:
        scheme, _, name = hint.partition(":")
        rows = store.rows(
            "SELECT key, route FROM highlight WHERE key LIKE ? AND state = 'present'",
            f"{scheme}:%/{name}",
        )
        for row in rows:
            if row["route"] != highlight.source_kind.value:
                return store.first(row["key"])
    return ""


def _same_work(store: Store, row: Row, highlight: Highlight) -> str:
    """Return the key of the equal mark of another route in a document of the same work."""
    if len(row["folded"]) < LONG:
        return ""
    rows = store.rows(
        "SELECT DISTINCT h.* FROM identifier a JOIN identifier b ON a.name = b.name"
        " JOIN highlight h ON h.document = b.document"
        " WHERE a.document = ? AND h.folded = ? AND h.state = 'present' AND h.route != ?"
        " ORDER BY h.document, h.position",
        row["document"], row["folded"], row["route"],
    )  # fmt: skip
    routes = {_route(store, key) for key in store.keys(row["key"])}
    for other in rows:
        taken = {_route(store, key) for key in store.keys(other["key"])}
        page = decode_highlight(other).page_label
        if page and highlight.page_label and page != highlight.page_label:
            continue
        if not routes & taken:
            return store.first(other["key"])
    return ""


def _route(store: Store, key: str) -> str:
    return store.value("SELECT route FROM highlight WHERE key = ?", key) or ""
