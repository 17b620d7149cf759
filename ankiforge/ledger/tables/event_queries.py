"""Queries for events in the journal, by kind, action or passage.

An event is *active* if it hasn't been undone. To load all events of some passages, use
`Store.load_events` instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.ledger.events import NON_DECISION_KINDS, Event
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.undo import REWORDING_KINDS

# --- active decisions -------------------------------------------------------------------


def iter_active_decisions(store: Store, keys: Iterable[str]) -> Iterator[Event]:
    """Yield the active decisions on the passages with these keys."""
    query = (
        f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES}"
        f" AND what NOT IN {JSON_VALUES}"
    )
    return store.iter_events(query, to_json(list(keys)), to_json(NON_DECISION_KINDS))


def iter_active_decisions_of_action(store: Store, id: str) -> Iterator[Event]:
    """Yield the active decisions of an action, or just one if `id` is the id of a decision.

    An action groups the decisions made by one command or key press.
    """
    query = (
        "SELECT id, line FROM standing WHERE ((act = ?1 AND act != '') OR id = ?1)"
        f" AND what NOT IN {JSON_VALUES}"
    )
    return store.iter_events(query, id, to_json(NON_DECISION_KINDS))


def find_decision_on_draft(store: Store, draft_id: str) -> Event | None:
    """Return the last active decision that settled a draft, if any."""
    query = (
        "SELECT id, line FROM standing WHERE id IN (SELECT event FROM decided WHERE id = ?)"
        " ORDER BY n DESC LIMIT 1"
    )
    return next(store.iter_events(query, draft_id), None)


def iter_active_rejections(store: Store) -> Iterator[Event]:
    """Yield all active rejections, newest first."""
    query = "SELECT id, line FROM standing WHERE what = 'reject' ORDER BY n DESC"
    return store.iter_events(query)


def iter_active_user_decisions(store: Store) -> Iterator[Event]:
    """Yield active decisions made by the user on this device, newest first."""
    query = (
        "SELECT id, line FROM standing WHERE by = 'person' AND machine = ?"
        f" AND what NOT IN {JSON_VALUES} ORDER BY n DESC"
    )
    return store.iter_events(query, store.device_id, to_json(NON_DECISION_KINDS))


def iter_recent_decisions(store: Store, number: int) -> Iterator[Event]:
    """Yield the last `number` active user decisions and source changes, newest first."""
    query = (
        f"SELECT id, line FROM standing WHERE what NOT IN {JSON_VALUES}"
        " AND (by = 'person' OR what = 'revise') ORDER BY n DESC LIMIT ?"
    )
    return store.iter_events(query, to_json(NON_DECISION_KINDS), number)


def iter_active_of_kinds(store: Store, *kinds: str) -> Iterator[Event]:
    """Yield the active events of these kinds, oldest first."""
    query = f"SELECT id, line FROM standing WHERE what IN {JSON_VALUES} ORDER BY n"
    return store.iter_events(query, to_json(kinds))


def load_choice_events(store: Store) -> list[Event]:
    """Load the active events that chose passages, oldest first."""
    query = (  # SQLite uses the index `event_subjects` because of the second condition
        "SELECT id, line FROM standing WHERE what = 'mark'"
        " AND what IN ('form', 'dialects', 'decline', 'mark')"
    )
    return sorted(store.iter_events(query), key=lambda event: event.order)


def iter_active_revisions(store: Store) -> Iterator[Event]:
    """Yield active events that revised a card, newest first.

    A revision gives the card new text, either from its source or from a draft the user
    accepted.
    """
    query = "SELECT id, line FROM standing WHERE what = 'revise' ORDER BY n DESC, id DESC"
    return store.iter_events(query)


def iter_active_rewordings(store: Store, keys: Iterable[str]) -> Iterator[Event]:
    """Yield active events that changed the text of cards in the passages with these keys."""
    query = f"SELECT id, line FROM standing WHERE key IN {JSON_VALUES} AND what IN {JSON_VALUES}"
    return store.iter_events(query, to_json(list(keys)), to_json(REWORDING_KINDS))


# --- by action --------------------------------------------------------------------------


def iter_action_events(store: Store, action: str) -> Iterator[Event]:
    """Yield all events of an action, active or not."""
    query = "SELECT id, line FROM event WHERE act = ? AND act != ''"
    return store.iter_events(query, action)


# --- by passage -------------------------------------------------------------------------


def iter_of_kinds(store: Store, keys: Iterable[str], *kinds: str) -> Iterator[Event]:
    """Yield all events of these kinds for the passages with these keys, active or not."""
    query = (
        f"SELECT id, line FROM event WHERE key IN {JSON_VALUES} AND what IN {JSON_VALUES}"
    )
    return store.iter_events(query, to_json(list(keys)), to_json(kinds))


def iter_key_events(store: Store, hashes: Iterable[str]) -> Iterator[Event]:
    """Yield the events that assigned a key to a text with one of these hashes."""
    query = (
        "SELECT id, line FROM event WHERE what = 'key'"
        f" AND words != '' AND words IN {JSON_VALUES}"
    )
    return store.iter_events(query, to_json(list(hashes)))
