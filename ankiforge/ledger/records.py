"""Rows of documents and highlights, as an ingest reads and writes them.

`KnownHighlight` is a row with what the journal has about it; `FoundHighlight` is what a
source read now. Everything here is called inside a transaction of the ingest.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import private
from ankiforge.ledger.events import Text, exact
from ankiforge.ledger.match import Mark, Reading
from ankiforge.ledger.readings import (
    ReadDocument,
    colours_of,
    content_of_highlight,
    decode_highlight,
    mark_of,
    names_and_labels,
    numbered_marks,
    place_of,
    reading_of,
)
from ankiforge.ledger.store import Row, Store, encode, listed, tag_name
from ankiforge.model import Extracted, Highlight, HighlightKey, Pair, h16

LAST_READINGS = 3
"""The number of a passage's last readings, on any machine, by which it is recognised."""


class KnownHighlight(msgspec.Struct):
    """A highlight of the database, or one that only the journal has."""

    key: str
    document: int
    state: str
    missed: float
    """When it was missing first, in seconds since 1970."""
    exact: str
    """A hash of the exact text as read here; "" if it was not."""
    texts: list[Text]
    """Its readings in the journal, the newest first."""
    decided: bool
    mark: Mark


class FoundHighlight(msgspec.Struct):
    """A highlight that was read in this run, and what it was matched with."""

    highlight: Highlight
    container: str
    place: str
    position: int
    mark: Mark
    document: int = 0
    known: KnownHighlight | None = None
    like: str = ""
    """The key of another passage that it may be."""

    @property
    def key(self) -> str:
        """Its key, once it has one."""
        return self.known.key if self.known else self.highlight.key

    def was(self, state: str) -> bool:
        """Return whether it was known, and in this state."""
        return self.known is not None and self.known.state == state


def found_in(read: ReadDocument, document: int) -> list[FoundHighlight]:
    """Return the highlights of a document that was read, which match nothing so far."""
    if not isinstance(read, Extracted):
        return []
    place = place_of(read)
    found = []
    for position, highlight in enumerate(numbered_marks(read.highlights)):
        mark = mark_of(highlight, document)
        found.append(
            FoundHighlight(highlight, read.container, place, position, mark, document),
        )
    return found


def event_body(found: FoundHighlight) -> dict[str, str]:
    """Return what an event about a reading says."""
    highlight = found.highlight
    newest = found.mark.newest
    text = Text(
        # keys are made of the anchor's text, which a reader may clean otherwise
        exact=highlight.anchor_text or highlight.exact,
        before=newest.before,
        after=newest.after,
        container=found.container,
        place=found.place,
        kind=highlight.kind.value,
        own=highlight.own,
    )
    body: dict[str, str] = msgspec.to_builtins(text)
    if found.like:
        body["like"] = found.like
    return body


# --- what is known ----------------------------------------------------------------------


def known_in(store: Store, document: int) -> list[KnownHighlight]:
    """Return the highlights that a document had, present or not, in its order."""
    query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
    return [known_highlight(store, row) for row in store.rows(query, document)]


def known_highlight(store: Store, row: Row) -> KnownHighlight:
    """Return the highlight of a row, with its readings on all machines."""
    passage = store.passage(row["key"])
    journal_readings = [reading_of(text) for text in passage.texts[:LAST_READINGS]]
    if row["body"]:
        mark = mark_of(decode_highlight(row), row["document"])
        mark = replace(
            mark,
            readings=_read_here_first(mark.newest, journal_readings),
            was_there=row["state"] in ("present", "journal"),
            decided=passage.decided,
        )
    else:
        text = passage.texts[0] if passage.texts else Text("")
        names, labels = names_and_labels([text.own])
        mark = Mark(
            readings=tuple(journal_readings) or (Reading(""),),
            kind=text.kind,
            names=names,
            labels=labels,
            was_there=row["state"] in ("present", "journal"),
            from_journal=True,
            decided=passage.decided,
            document=row["document"],
        )
    return KnownHighlight(
        key=row["key"],
        document=row["document"],
        state=row["state"],
        missed=row["missed"],
        exact=row["exact"],
        texts=passage.texts,
        decided=passage.decided,
        mark=mark,
    )


def _read_here_first(
    read_here: Reading, journal_readings: Iterable[Reading]
) -> tuple[Reading, ...]:
    """Return the reading of this machine, which has its sides, then the others once."""
    readings = {read_here.triple: read_here}
    for reading in journal_readings:
        readings.setdefault(reading.triple, reading)
    return tuple(readings.values())


# --- what is written --------------------------------------------------------------------


def write_document(
    store: Store,
    read: ReadDocument,
    old: Row | None,
    fingerprint: str,
) -> int:
    """Write the row of a document, with what it names and keeps private. Return its id.

    Args:
        store: the database, in a transaction.
        read: the document.
        old: the row that it had, perhaps at another place; None if it is new.
        fingerprint: by which it is recognised as unchanged; "" to read it again in any
            case.
    """
    place = place_of(read)
    sketch = ""
    source = ""
    title = place
    names: tuple[Pair, ...] = ()
    if isinstance(read, Extracted):
        from ankiforge.text.identifiers import names_of

        sketch = read.sketch
        source = read.document.source
        title = read.document.title
        names = names_of(read.document.identifiers, read.document.uri)
    values = (
        place,
        "present",
        fingerprint,
        encode(read.depends),
        sketch,
        source,
        title,
        read.container,
    )
    if old is None:
        number: int = store.value(
            "INSERT INTO document"
            " (place, state, fingerprint, depends, sketch, source, title, container)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (container, place) DO UPDATE SET state = 'present',"
            " fingerprint = excluded.fingerprint, depends = excluded.depends,"
            " sketch = excluded.sketch,"
            " source = excluded.source, title = excluded.title RETURNING id",
            *values,
        )
        moved = False
    else:
        number = old["id"]
        store.write(
            "UPDATE document SET place = ?, state = ?, fingerprint = ?, depends = ?,"
            " sketch = ?, source = ?, title = ?, container = ? WHERE id = ?",
            *values,
            number,
        )
        store.write("DELETE FROM identifier WHERE document = ?", number)
        moved = (old["container"], old["place"]) != (read.container, place)
    identifiers = [(f"{scheme}:{value}", number) for scheme, value in names]
    store.write_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", identifiers)
    private.write(store, number, read, moved=moved)
    return number


def write_highlights(store: Store, rows: Iterable[tuple[object, ...]]) -> None:
    """Write rows of `highlight_row`; what drafting filled in stays as it is."""
    store.write_all(
        "INSERT INTO highlight"
        " VALUES (?, ?, ?, 'present', 0, ?, ?, ?, ?, ?, '', '', '', '', ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET document = excluded.document,"
        " position = excluded.position, state = 'present', missed = 0,"
        " route = excluded.route,"
        " kind = excluded.kind, folded = excluded.folded, exact = excluded.exact,"
        " content = excluded.content, run = excluded.run, colour = excluded.colour,"
        " tags = excluded.tags, body = excluded.body",
        rows,
    )


def highlight_row(found: FoundHighlight, exact_hash: str, run: int) -> tuple[object, ...]:
    """Return the row of a present highlight, without the columns that drafting fills.

    Args:
        found: the highlight, which has its key.
        exact_hash: see `hash_exact`.
        run: the number of the run that read it.
    """
    highlight = found.highlight
    if found.known:
        highlight = replace(highlight, key=HighlightKey(found.known.key))
    tags = (*highlight.document.tags, *highlight.tags)
    return (
        highlight.key,
        found.document,
        found.position,
        highlight.source_kind.value,
        highlight.kind.value,
        found.mark.newest.text,
        exact_hash,
        content_of_highlight(highlight),
        run,
        listed(colours_of(highlight)),
        listed(map(tag_name, tags)),
        encode(highlight),
    )


def hash_exact(highlight: Highlight) -> str:
    """Return a hash of the exact text, which tells whether it changed."""
    return h16(exact(highlight.exact))
