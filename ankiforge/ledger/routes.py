"""Recognize a passage that several sources contain, such as a note, its PDF and the library.

A *route* is the kind of source through which a passage is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.match import MIN_DISTINCTIVE_CHARS
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import Highlight, SourceKind, hints
from ankiforge.text import regex

# Matches a special character of a LIKE pattern in SQL.
_LIKE_WILDCARD = regex(r"[%_\\]")
ROUTE_PRIORITY = (
    SourceKind.ZOTERO,
    SourceKind.PDF,
    SourceKind.VAULT,
    SourceKind.OTHER,
)
"""The routes in order of preference. A passage has the text of the first route that still contains
it."""


def link_across_routes(store: Store, keys: Iterable[str]) -> set[str]:
    """Link new highlights to the same passages read through other kinds of sources.

    Two highlights from different routes are the same passage if one names the other's id, or
    if their documents are the same work and their texts are equal. Equal texts are paired one
    to one, in order. Highlights from the same route are never linked. `keys` are the keys of
    new and reread highlights.

    Returns:
        The keys that now belong to a previously stored passage.
    """
    linked_keys = set()
    for key in keys:
        row = highlights.load_row(store, key)
        if row is None or row["state"] != "present" or store.get_keys(key) != (key,):
            continue
        highlight = decode_highlight(row)
        other_key = _find_by_named_id(store, highlight) or _find_copy_in_same_work(
            store, row, highlight
        )
        if other_key:
            store.record_event("same", key, SOURCE, {"old": other_key})
            linked_keys.add(key)
    return linked_keys


def _find_by_named_id(store: Store, highlight: Highlight) -> str:
    for hint in highlight.hints:
        # escape the parts of the hint for LIKE
        scheme, name = (
            _LIKE_WILDCARD.sub(r"\\\g<0>", part) for part in hints.split_hint(hint)
        )
        for row in highlights.load_present_by_key_name(store, scheme, name):
            if row["route"] != highlight.source_kind.value:
                return store.get_first_key(row["key"])
    return ""


def _find_copy_in_same_work(store: Store, row: Row, highlight: Highlight) -> str:
    """Return the key of an equal highlight from another route in the same work, or "".

    Equal texts on different pages don't count, nor do short ones, which may be coincidences.
    """
    if len(row["folded"]) < MIN_DISTINCTIVE_CHARS:
        return ""
    routes = _find_routes(store, row["key"])
    for other_row in highlights.load_same_work_rows(store, row):
        page = decode_highlight(other_row).page_label
        if page and highlight.page_label and page != highlight.page_label:
            continue
        if routes.isdisjoint(_find_routes(store, other_row["key"])):
            return store.get_first_key(other_row["key"])
    return ""


def _find_routes(store: Store, key: str) -> set[str]:
    """Return the routes through which a passage was read.

    The result includes "" if one of the passage's keys wasn't read on this device.
    """
    keys = store.get_keys(key)
    routes = [row["route"] for row in highlights.load_rows(store, keys)]
    return {*routes, *([""] if len(routes) < len(keys) else [])}
