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


def find_home_key(store: Store, guid: str) -> str | None:
    """Return the key of a card's home passage, or None if there is no such card."""
    key: str | None = store.fetch_value("SELECT home FROM placed WHERE guid = ?", guid)
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


def filter_live(store: Store, guids: Iterable[str]) -> set[str]:
    """Return which of the given GUIDs are of live cards."""
    query = f"SELECT guid FROM card WHERE live AND guid IN {JSON_VALUES}"
    return {row["guid"] for row in store.fetch_rows(query, to_json(list(guids)))}


def has_cards(store: Store) -> bool:
    """Return whether there are any cards, live or not."""
    return store.fetch_first_row("SELECT 1 FROM card LIMIT 1") is not None


def load_cards_with_offered_text(store: Store) -> list[Row]:
    """Load `guid` and `passage` of live cards for which the source has new text.

    The user has edited these cards, so the new text is only offered (see `Edits.offered`).
    """
    return store.fetch_rows("SELECT passage, guid FROM card WHERE live AND offered")


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


def load_live_cards_by_sentence(
    store: Store, names: Iterable[str]
) -> dict[str, list[Row]]:
    """Load the live cards about these long sentences, keyed by sentence hash."""
    rows_by_sentence: dict[str, list[Row]] = {}
    query = (
        f"SELECT * FROM card WHERE sentence != '' AND sentence IN {JSON_VALUES} AND live"
        " ORDER BY guid"
    )
    for row in store.fetch_rows(query, to_json(list(names))):
        rows_by_sentence.setdefault(row["sentence"], []).append(row)
    return rows_by_sentence


def load_rejections_by_content(
    store: Store, contents: Iterable[str]
) -> dict[str, set[str]]:
    """Map each content to the keys of the passages in which the user rejected it.

    A content is a hash of a card's text.
    """
    store.recompute_passages()
    passages_by_content: dict[str, set[str]] = {}
    query = f"SELECT * FROM rejected WHERE content IN {JSON_VALUES}"
    for row in store.fetch_rows(query, to_json(list(contents))):
        passages_by_content.setdefault(row["content"], set()).add(row["passage"])
    return passages_by_content


def load_equal_pairs(store: Store) -> list[Row]:
    """Load all pairs of live cards with the same text.

    The columns are the GUIDs `old_guid` and `new_guid`, their passages `old` and `new`, and
    the text `words`.
    """
    return store.fetch_rows(
        "SELECT a.guid AS old_guid, b.guid AS new_guid, a.passage AS old,"
        " b.passage AS new, a.words AS words"
        " FROM card a JOIN card b ON a.content = b.content"
        " WHERE a.live AND b.live AND a.guid < b.guid"
    )


def count_live(store: Store, container: str) -> int:
    """Count the live cards whose passages are in a container's documents."""
    count: int = store.fetch_value(
        "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.passage"
        " JOIN document d ON d.id = h.document WHERE c.live AND d.container = ?",
        container,
    )
    return count


def load_home_positions(store: Store, guids: Iterable[str]) -> list[Row]:
    """Load the positions of these cards' home passages, and how useful the cards are.

    The columns are `guid`, the document's `source` and `place`, the passage's `position` in
    the document, and `worth`, which is 1 if the usefulness wasn't estimated.
    """
    return store.fetch_rows(
        "SELECT c.guid, max(iif(h.worth = 0, 1.0, h.worth)) AS worth, h.position,"
        " coalesce(d.source, '') AS source, coalesce(d.place, '') AS place"
        " FROM placed c LEFT JOIN alias a ON a.first = c.home"
        " LEFT JOIN highlight h ON h.key = coalesce(a.key, c.home) AND h.state = 'present'"
        f" LEFT JOIN document d ON d.id = h.document WHERE c.guid IN {JSON_VALUES} GROUP BY c.guid",
        to_json(list(guids)),
    )
