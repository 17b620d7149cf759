"""The cards that are computed from events, by columns."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import PROPOSE


def passage_of(store: Store, guid: str) -> str | None:
    """Return the key of the passage of a card; None if there is no such card."""
    key: str | None = store.value("SELECT passage FROM card WHERE guid = ?", guid)
    return key


def home_of(store: Store, guid: str) -> str | None:
    """Return the key of the passage where a card is at home; None if there is no such card."""
    key: str | None = store.value("SELECT home FROM placed WHERE guid = ?", guid)
    return key


def passages(store: Store, *, live: bool = False) -> list[str]:
    """Return the keys of the passages that have cards, or live ones, sorted."""
    query = "SELECT DISTINCT passage FROM card WHERE live >= ? ORDER BY passage"
    return [row["passage"] for row in store.rows(query, live)]


def passages_of(store: Store, guids: Iterable[str]) -> list[str]:
    """Return the keys of the passages of some cards, sorted."""
    query = f"SELECT DISTINCT passage FROM card WHERE guid IN {EACH} ORDER BY passage"
    return [row["passage"] for row in store.rows(query, encode(list(guids)))]


def live_among(store: Store, guids: Iterable[str]) -> set[str]:
    """Return the guids, of these, of live cards."""
    query = f"SELECT guid FROM card WHERE live AND guid IN {EACH}"
    return {row["guid"] for row in store.rows(query, encode(list(guids)))}


def any_card(store: Store) -> bool:
    """Return whether there is any card, live or not."""
    return store.row("SELECT 1 FROM card LIMIT 1") is not None


def everything(store: Store) -> dict[str, Row]:
    """Return all cards by guid."""
    rows = store.rows("SELECT guid, live, passage, deck FROM card")
    return {row["guid"]: row for row in rows}


def adopted(store: Store) -> list[Row]:
    """Return `guid` and `passage` of the cards whose notes another tool made."""
    return store.rows("SELECT guid, passage FROM card WHERE adopted != ''")


def with_offers(store: Store) -> list[Row]:
    """Return `guid` and `passage` of the live cards for which the source has other words."""
    return store.rows("SELECT passage, guid FROM card WHERE live AND offered")


def with_proposals(store: Store) -> list[str]:
    """Return the keys of the passages that have several live cards of proposals."""
    rows = store.rows(
        "SELECT passage FROM card WHERE live AND drafter = ? GROUP BY passage"
        " HAVING count(*) > 1",
        PROPOSE,
    )
    return [row["passage"] for row in rows]


def equal_pairs(store: Store) -> list[Row]:
    """Return the pairs of live cards that ask and answer the same."""
    return store.rows(
        "SELECT a.guid AS old_guid, b.guid AS new_guid, a.passage AS old,"
        " b.passage AS new, a.words AS words"
        " FROM card a JOIN card b ON a.content = b.content"
        " WHERE a.live AND b.live AND a.guid < b.guid"
    )


def number_live(store: Store, container: str) -> int:
    """Return how many live cards come from the documents of a container."""
    number: int = store.value(
        "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.passage"
        " JOIN document d ON d.id = h.document WHERE c.live AND d.container = ?",
        container,
    )
    return number


def mapped(store: Store) -> list[Row]:
    """Return `guid`, and `body` of the note, of the cards in note types that are not ours."""
    return store.rows(
        "SELECT c.guid, s.body FROM card c LEFT JOIN seen s USING (guid) WHERE c.mapped != 0"
    )


def in_deck(store: Store, deck: str) -> list[Row]:
    """Return `deck`, and `body` of the note, of the cards in Anki made for a deck or below it."""
    return store.rows(
        "SELECT c.deck, s.body FROM card c JOIN seen s USING (guid)"
        " WHERE s.absent = 0 AND (c.deck = ?1 OR substr(c.deck, 1, length(?1) + 2) = ?1 || '::')",
        deck,
    )


def in_sources(store: Store, guids: Iterable[str]) -> list[Row]:
    """Return cards with `source`, `place`, `position` and `worth` of where they are at home."""
    return store.rows(
        "SELECT c.guid, max(iif(h.worth = 0, 1.0, h.worth)) AS worth, h.position,"
        " coalesce(d.source, '') AS source, coalesce(d.place, '') AS place"
        " FROM placed c LEFT JOIN alias a ON a.first = c.home"
        " LEFT JOIN highlight h ON h.key = coalesce(a.key, c.home) AND h.state = 'present'"
        f" LEFT JOIN document d ON d.id = h.document WHERE c.guid IN {EACH} GROUP BY c.guid",
        encode(list(guids)),
    )
