"""One passage in several sources: a note, its PDF, the library.

A route is the kind of source by which a passage is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.match import LONG
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import Highlight, SourceKind, hints
from ankiforge.text import regex

# What stands for other text in a pattern of LIKE.
_WILDCARD = regex(r"[%_\\]")
ROUTES_BEST_FIRST = (
    SourceKind.ZOTERO,
    SourceKind.PDF,
    SourceKind.VAULT,
    SourceKind.OTHER,
)
"""Of the locations of a passage, the one whose text is used: the first."""


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
