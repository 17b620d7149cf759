"""By which plugins' dialects a vault is read, and what reading it by others would change.

A vault that was read before is read as it was until a person answers, even if a plugin is
switched on or off meanwhile: its cards would be rewritten or doubled at once. The answer
is an event, so that all machines read the vault alike, whatever is switched on there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.match import match_in_document
from ankiforge.ledger.readings import (
    content_of_highlight,
    decode_highlight,
    mark_of,
    numbered_marks,
    place_of,
)
from ankiforge.ledger.store import Store
from ankiforge.model import Extracted, Highlight, Strings, Value
from ankiforge.text import counted, counts_text
from ankiforge.text.tools import TITLES

_META = "dialects "


class Difference(Value):
    """The change that another set of dialects would bring to a vault."""

    on: Strings
    """The dialects of the plugins that are switched on."""
    stamp: str = ""
    """Of all files of the vault when this was counted."""
    added: int = 0
    changed: int = 0
    gone: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.added or self.changed or self.gone)


class Pending(Value):
    """A change of dialects that nobody has decided on."""

    container: str
    read: Strings
    """The dialects by which the vault is read."""
    difference: Difference


def key_of(container: str) -> str:
    """Return the key of the events about the dialects of a vault."""
    return f"dialects:{container}"


def _answers(store: Store, container: str) -> tuple[Strings | None, list[Strings]]:
    """Return by which dialects a vault is read, and by which a person did not want it read.

    The first is None if it was never said.
    """
    read: Strings | None = None
    declined = []
    for event in store.answers(key_of(container)):
        if event.by == SOURCE and read is not None:
            continue  # another machine had read it before
        read = tuple(event.body["read"])
        if "declined" in event.body:
            declined.append(tuple(event.body["declined"]))
    return read, declined


def dialects_of(store: Store, container: str, on: Strings | None) -> Strings:
    """Return the dialects by which a vault is to be read.

    At its first reading these are the ones that are switched on: nobody has cards of it
    yet.

    Args:
        store: the store.
        container: the container of the vault.
        on: the dialects of the plugins that are switched on; None = unknown.
    """
    read, _ = _answers(store, container)
    was_read = store.row(
        "SELECT 1 FROM highlight h JOIN document d ON d.id = h.document WHERE d.container = ?",
        container,
    )
    if read is None and not was_read and on:
        with store.transaction():
            store.add("dialects", key_of(container), SOURCE, {"read": on})
        return on
    return read or ()


def ask_about_dialects(
    store: Store,
    container: str,
    on: Strings,
    stamp: str,
    read: Callable[[], Iterable[Extracted]],
) -> None:
    """Ask whether to read a vault by other dialects, if that would change anything.

    Args:
        store: the store.
        container: the container of the vault.
        on: the dialects of the plugins that are switched on.
        stamp: of all files of the vault; "" = unknown. Equal ones are not read again.
        read: reads all documents of the vault by these dialects.
    """
    # not if a person declined them, or if it was counted for the same files
    _, declined = _answers(store, container)
    if on in declined:
        return
    last = store.get_value(_META + container, Difference)
    if last and stamp and (last.on, last.stamp) == (on, stamp):
        return
    added = 0
    changed = 0
    gone = 0
    rows = store.rows(
        "SELECT id, place FROM document WHERE container = ? AND state = 'present'",
        container,
    )
    known_documents = {row["place"]: row["id"] for row in rows}
    for document in read():
        before = _present(store, known_documents.pop(place_of(document), 0))
        after = numbered_marks(document.highlights)
        pairs = match_in_document(
            [mark_of(highlight) for highlight in before],
            [mark_of(highlight) for highlight in after],
        )
        added += len(after) - len(pairs)
        gone += len(before) - len(pairs)
        for now, then in pairs.items():
            if _drafted_content(now.highlight) != _drafted_content(then.highlight):
                changed += 1
    for document_id in known_documents.values():
        gone += len(_present(store, document_id))
    difference = Difference(on, stamp, added, changed, gone)
    store.set_value(_META + container, difference)


def _present(store: Store, document: int) -> list[Highlight]:
    """Return the highlights of a document that were found at its last reading."""
    query = "SELECT body FROM highlight WHERE document = ? AND state = 'present' ORDER BY position"
    return [decode_highlight(row) for row in store.rows(query, document)]


def _drafted_content(highlight: Highlight) -> tuple[object, ...]:
    """Return the parts of a highlight that decide on its drafts, and whether they are accepted."""
    # as stored: without what a deck file or a comment said
    as_stored = replace(highlight, skip="")
    return (
        content_of_highlight(as_stored),
        highlight.kind,
        highlight.form,
        highlight.declared,
        highlight.two_way,
    )


def pending(store: Store) -> Iterator[Pending]:
    """Yield the changes of dialects that a person has to decide on."""
    counts = store.rows("SELECT name, value FROM meta WHERE name LIKE ? || '%'", _META)
    for row in counts:
        container = row["name"].removeprefix(_META)
        difference = msgspec.json.decode(row["value"], type=Difference)
        read, declined = _answers(store, container)
        is_decided = difference.on in (read or (), *declined)
        if not is_decided and not difference.empty:
            yield Pending(container, read or (), difference)


def asked(pending: Pending) -> str:
    """Return the question about a change, with the number of passages."""
    vault = pending.container.partition(":")[2]
    on = pending.difference.on
    switched_on = [TITLES[dialect] for dialect in on if dialect not in pending.read]
    switched_off = [TITLES[dialect] for dialect in pending.read if dialect not in on]
    changes = []
    if switched_on:
        titles = " and ".join(switched_on)
        changes.append(f"{titles} {_are(switched_on)} switched on")
    if switched_off:
        titles = " and ".join(switched_off)
        changes.append(f"{titles} {_are(switched_off)} switched off")
    if not switched_off:
        request = f"read {_their(switched_on)} cards"
    elif not switched_on:
        request = f"read {_their(switched_off)} cards no longer"
    else:
        request = "read the cards accordingly"
    difference = pending.difference
    counts = {
        "new": difference.added,
        "other": difference.changed,
        "gone": difference.gone,
    }
    would_change = f"{counted(sum(counts.values()), 'passage')} would change"
    change = f"{', '.join(changes)} in {vault}"
    return f"{change}: {request}? {would_change}: {counts_text(counts)}."


def _are(plugins: Sequence[str]) -> str:
    return "is" if len(plugins) == 1 else "are"


def _their(plugins: Sequence[str]) -> str:
    return "its" if len(plugins) == 1 else "their"
