"""Record which plug-ins' card syntaxes (*dialects*) are recognized in an Obsidian vault.

If a plug-in is disabled, the cards written for it remain in the notes and are still read.
Each dialect is therefore recorded as an event, so that every device reads the vault in the
same way.
"""

from __future__ import annotations

from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.store import Store
from ankiforge.model import Strings
from ankiforge.model.hints import TOOL_NAMES


def make_plugin_syntax_event_key(container: str) -> str:
    """Return the key under which events about the dialects of a vault are recorded."""
    return f"dialects:{container}"


def record_and_load_plugin_syntaxes(
    store: Store, container: str, enabled_dialects: Strings | None
) -> Strings:
    """Record newly enabled dialects, and return all dialects to be recognized in a vault.

    These are the dialects of all plug-ins that are or were enabled in the vault.
    `enabled_dialects` are those of the currently enabled plug-ins, or None if unknown.
    """
    known_dialects = set[str]()
    for event in store.get_subject_events(make_plugin_syntax_event_key(container)):
        known_dialects.update(event.body["read"])
    dialects = tuple(
        name
        for name in TOOL_NAMES
        if name in known_dialects.union(enabled_dialects or ())
    )
    if len(dialects) > len(known_dialects):
        with store.transaction():
            store.record_event(
                "dialects",
                make_plugin_syntax_event_key(container),
                SOURCE,
                {"read": dialects},
            )
    return dialects
