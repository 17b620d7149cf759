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
    """Return the key of events about a vault's dialects."""
    return f"dialects:{container}"


def record_and_load_plugin_syntaxes(
    store: Store, container: str, enabled_dialects: Strings | None
) -> Strings:
    """Record newly enabled dialects, and return all dialects to read the vault with.

    A dialect is used if its plug-in is enabled in the vault, or ever was. `enabled_dialects`
    are those of the plug-ins that are enabled now, or None if unknown.
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
