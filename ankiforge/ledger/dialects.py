"""The dialects in which a vault is read: those of its flash-card plug-ins.

A vault is read as at first, even if a plugin is switched on or off meanwhile: its cards would be
rewritten or doubled at once. `ankiforge run --plugins` follows the plugins. This is an event, so
that all machines read the vault alike, whatever is switched on there.
"""

from __future__ import annotations

import msgspec

from ankiforge.ledger.events import PERSON, SOURCE
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import documents, highlights
from ankiforge.model import NOTE_OF, Json, LeftOut, Strings
from ankiforge.model.hints import TITLES


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
