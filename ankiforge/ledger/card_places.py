"""Where each card is: in which passage its text is now, and whether Anki has its note.

A card about a long sentence follows the sentence to another passage. The queries only find rows;
what they mean is decided by the functions at the top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ankiforge.ledger.anki_changes import DELETED_REASON
from ankiforge.ledger.events import USER
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import AnkiState, Verdict


class SentencePlace(NamedTuple):
    """A passage in a source that contains the sentence of a card."""

    passage_key: str
    """The oldest key of the passage."""
    document: int
    """The row id of its document."""
    position: int
    """The position of the highlight within the document, in reading order."""


def choose_home(
    own_passage: str, own_document: int | None, places: Sequence[SentencePlace]
) -> str:
    """Choose the *home* of a card, i.e. the passage that it belongs to now.

    This is the card's own passage, unless only other passages contain its sentence. Of these, one
    in the same document comes first, then the first document, then reading order.

    Args:
        own_passage: The oldest key of the passage that the card was made from.
        own_document: The row id of the document of that passage, or None if it is unknown.
        places: The passages that contain the card's sentence.
    """
    if not places or any(place.passage_key == own_passage for place in places):
        return own_passage

    def get_sort_key(place: SentencePlace) -> tuple[bool, int, int]:
        return place.document != own_document, place.document, place.position

    return min(places, key=get_sort_key).passage_key


def is_removed_everywhere(states: Collection[str]) -> bool:
    """Return whether a passage whose highlights have these states was removed from all sources.

    A highlight that is known only from the journal of another device doesn't count.
    """
    if SourceState.GONE not in states:
        return False
    return set(states) <= {SourceState.GONE, SourceState.JOURNAL}


def find_anki_state(row: Row) -> AnkiState:
    """Return whether Anki has the note of a card.

    `row` has the columns `live`, `why` and `shipped` of the card, and the column `absent` of the
    table `seen`, which is None if Anki was never seen to have the note.
    """
    if row["absent"] == 0:
        return AnkiState.SEEN
    if not row["live"] and row["why"] == DELETED_REASON:
        return AnkiState.DELETED
    if row["absent"] is not None:
        return AnkiState.MISSING
    if row["shipped"]:
        return AnkiState.WRITTEN
    return AnkiState.NONE


def is_listed(row: Row) -> bool:
    """Return whether lists show a card.

    Once the acceptance of a card is undone, its draft is pending again and stands for it, unless
    the user wrote the text in ankiforge or Anki may have the note. `row` is a row of the table
    `card`.
    """
    if row["verdict"] != Verdict.TAKEN_BACK:
        return True
    return bool(row["shipped"]) or row["drafter"] == USER


# --- loading ----------------------------------------------------------------------------


def load_homes(store: Store, guids: Iterable[str]) -> dict[str, str]:
    """Load the home of each card, keyed by GUID. See `choose_home`. Unknown GUIDs are skipped."""
    rows = store.fetch_rows(
        "SELECT c.guid, c.passage, own.document AS own_document,"
        " coalesce(a.first, h.key) AS other, h.document, h.position"
        " FROM card c LEFT JOIN highlight own ON own.key = c.passage"
        " LEFT JOIN sentence s ON s.name = c.sentence AND c.sentence != ''"
        " LEFT JOIN highlight h ON h.key = s.key AND h.state = 'present'"
        f" LEFT JOIN alias a ON a.key = h.key WHERE c.guid IN {JSON_VALUES}",
        to_json(list(guids)),
    )
    places_by_guid: dict[str, list[SentencePlace]] = defaultdict(list)
    for row in rows:
        if row["other"] is not None:
            place = SentencePlace(row["other"], row["document"], row["position"])
            places_by_guid[row["guid"]].append(place)
    homes: dict[str, str] = {}
    for row in rows:
        guid = row["guid"]
        if guid not in homes:
            homes[guid] = choose_home(
                row["passage"], row["own_document"], places_by_guid[guid]
            )
    return homes


def find_live_cards_at_home(store: Store, passage_keys: Iterable[str]) -> dict[str, str]:
    """Find the live cards whose home is one of these passages, and return each card's home."""
    wanted = set(passage_keys)
    keys_of_wanted = to_json(store.get_all_keys(wanted))
    guids = store.fetch_column(
        f"SELECT guid FROM card WHERE live AND passage IN {JSON_VALUES}"
        " UNION SELECT c.guid FROM sentence s JOIN card c ON c.sentence = s.name"
        f" WHERE c.live AND c.sentence != '' AND s.key IN {JSON_VALUES}",
        to_json([*wanted]),
        keys_of_wanted,
    )
    homes = load_homes(store, guids)
    return {guid: home for guid, home in homes.items() if home in wanted}


def find_sourceless_cards(store: Store) -> set[str]:
    """Return the GUIDs of the live cards whose home was removed from all sources."""
    # both conditions are necessary; see `tables.highlights`
    query = "SELECT key FROM highlight WHERE state != 'present' AND state = 'gone'"
    gone_passages = set(map(store.get_first_key, store.fetch_column(query)))
    if not gone_passages:
        return set()
    homes = find_live_cards_at_home(store, gone_passages)
    query = f"SELECT key, state FROM highlight WHERE key IN {JSON_VALUES}"
    keys = store.get_all_keys(homes.values())
    states_by_passage: dict[str, set[str]] = defaultdict(set)
    for row in store.fetch_rows(query, to_json(keys)):
        states_by_passage[store.get_first_key(row["key"])].add(row["state"])
    sourceless = set()
    for guid, home in homes.items():
        if is_removed_everywhere(states_by_passage[home]):
            sourceless.add(guid)
    return sourceless


def load_anki_states(store: Store, guids: Iterable[str]) -> dict[str, AnkiState]:
    """Load the state in Anki of each card, keyed by GUID. Unknown GUIDs are skipped."""
    rows = store.fetch_rows(
        "SELECT c.guid, c.live, c.why, c.shipped, s.absent"
        f" FROM card c LEFT JOIN seen s USING (guid) WHERE guid IN {JSON_VALUES}",
        to_json(list(guids)),
    )
    return {row["guid"]: find_anki_state(row) for row in rows}
