"""Record which dialects of flash-card plug-ins are read in the notes of an Obsidian vault.

A dialect is the way in which one plug-in writes cards. When a plug-in is disabled, its cards stay
in the notes, so they are still read. Each dialect is recorded in an event, so that all devices read
the vault in the same way.
"""

from __future__ import annotations

from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.store import Store
from ankiforge.model import Strings
from ankiforge.model.hints import TOOL_NAMES


def make_dialect_event_key(container: str) -> str:
    """Return the key of events about a vault's dialects."""
    return f"dialects:{container}"


def update_dialects(
    store: Store, container: str, enabled_dialects: Strings | None
) -> Strings:
    """Return the dialects to read a vault with, after recording any new ones.

    These are the dialects of all plug-ins that are or ever were enabled in the vault.
    `enabled_dialects` are those of the currently enabled plug-ins, or None if unknown.
    """
    known_dialects = set[str]()
    for event in store.get_subject_events(make_dialect_event_key(container)):
        known_dialects.update(event.body["read"])
    dialects = tuple(
        name
        for name in TOOL_NAMES
        if name in known_dialects.union(enabled_dialects or ())
    )
    if len(dialects) > len(known_dialects):
        with store.transaction():
            store.record_event(
                "dialects", make_dialect_event_key(container), SOURCE, {"read": dialects}
            )
    return dialects
