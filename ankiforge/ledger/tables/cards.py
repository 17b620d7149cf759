"""The table `card`, computed from events, with the columns of each card that queries need.

The card itself is part of its passage (`Store.get_passage`). A card's *home* is the passage that
contains its sentence now, which may not be the card's own passage (see the view `placed`).
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json


def find_passage_key(store: Store, guid: str) -> str | None:
    """Return the key of the passage that a card belongs to, or None if there is no such card."""
    key: str | None = store.fetch_value("SELECT passage FROM card WHERE guid = ?", guid)
    return key


def load_passage_keys(store: Store, *, live: bool = False) -> list[str]:
    """Return the keys of all passages that have cards, optionally only live ones."""
    query = "SELECT DISTINCT passage FROM card WHERE live >= ? ORDER BY passage"
    return [row["passage"] for row in store.fetch_rows(query, live)]


def find_passage_keys(store: Store, guids: Iterable[str]) -> list[str]:
    """Return the sorted keys of the passages that these cards belong to."""
    query = (
        f"SELECT DISTINCT passage FROM card WHERE guid IN {JSON_VALUES} ORDER BY passage"
    )
    return [row["passage"] for row in store.fetch_rows(query, to_json(list(guids)))]


def has_cards(store: Store) -> bool:
    """Return whether there are any cards, live or not."""
    return store.fetch_first_row("SELECT 1 FROM card LIMIT 1") is not None


def load_cards_by_content(store: Store, contents: Iterable[str]) -> dict[str, list[Row]]:
    """Load all cards with these contents, live or not, keyed by content.

    A content is a hash of a card's text, either as it is now or as last set by the source or
    drafter.
    """
    store.recompute_passages()
    content_set = set(contents)
    rows_by_content: dict[str, list[Row]] = {}
    query = (
        f"SELECT * FROM card WHERE content IN {JSON_VALUES} OR source IN {JSON_VALUES}"
        " ORDER BY guid"
    )
    for row in store.fetch_rows(
        query, to_json(list(content_set)), to_json(list(content_set))
    ):
        for content in {row["content"], row["source"]} & content_set:
            rows_by_content.setdefault(content, []).append(row)
    return rows_by_content
