"""Events, each kind of question by its name; `Store.events` has those of passages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.ledger.events import SILENT, Event
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.ledger.undo import REWORDING

# --- decisions that stand ---------------------------------------------------------------


def standing(store: Store, keys: Iterable[str]) -> Iterator[Event]:
    """Yield the decisions about passages, by their keys, that stand."""
    query = f"SELECT id, line FROM standing WHERE key IN {EACH} AND what NOT IN {EACH}"
    return store.each_event(query, encode(list(keys)), encode(SILENT))


def standing_of(store: Store, id: str) -> Iterator[Event]:
    """Yield the decisions of an action, or the one with this id, that stand."""
    query = (
        "SELECT id, line FROM standing WHERE ((act = ?1 AND act != '') OR id = ?1)"
        f" AND what NOT IN {EACH}"
    )
    return store.each_event(query, id, encode(SILENT))


def putting_away(store: Store, draft_id: str) -> Event | None:
    """Return the last decision that stands and put a draft away; None if there is none."""
    query = (
        "SELECT id, line FROM standing WHERE id IN (SELECT event FROM decided WHERE id = ?)"
        " ORDER BY n DESC LIMIT 1"
    )
    return next(store.each_event(query, draft_id), None)


def rejections(store: Store) -> Iterator[Event]:
    """Yield the rejections that stand, the newest first."""
    query = "SELECT id, line FROM standing WHERE what = 'reject' ORDER BY n DESC"
    return store.each_event(query)


def standing_by_person(store: Store) -> Iterator[Event]:
    """Yield the decisions of a person on this machine that stand, the newest first."""
    query = (
        "SELECT id, line FROM standing WHERE by = 'person' AND machine = ?"
        f" AND what NOT IN {EACH} ORDER BY n DESC"
    )
    return store.each_event(query, store.machine, encode(SILENT))


def recent(store: Store, number: int) -> Iterator[Event]:
    """Yield the newest decisions that stand, and changes by the source, the newest first."""
    query = (
        f"SELECT id, line FROM standing WHERE what NOT IN {EACH}"
        " AND (by = 'person' OR what = 'revise') ORDER BY n DESC LIMIT ?"
    )
    return store.each_event(query, encode(SILENT), number)


def standing_kinds(store: Store, *kinds: str) -> Iterator[Event]:
    """Yield the events of some kinds that stand, in their order."""
    query = f"SELECT id, line FROM standing WHERE what IN {EACH} ORDER BY n"
    return store.each_event(query, encode(kinds))


def marks(store: Store) -> list[Event]:
    """Return the events that stand by which passages are chosen, in their order."""
    query = (  # the index of events about subjects holds them
        "SELECT id, line FROM standing WHERE what = 'mark'"
        " AND what IN ('form', 'dialects', 'decline', 'mark')"
    )
    return sorted(store.each_event(query), key=lambda event: event.order)


def revisions(store: Store) -> Iterator[Event]:
    """Yield the changes of cards that stand, the newest first."""
    query = "SELECT id, line FROM standing WHERE what = 'revise' ORDER BY n DESC, id DESC"
    return store.each_event(query)


def rewording(store: Store, keys: Iterable[str]) -> Iterator[Event]:
    """Yield the events that stand by which the words of cards of passages changed."""
    query = f"SELECT id, line FROM standing WHERE key IN {EACH} AND what IN {EACH}"
    return store.each_event(query, encode(list(keys)), encode(REWORDING))


# --- of an action -----------------------------------------------------------------------


def of_action(store: Store, action: str) -> Iterator[Event]:
    """Yield the events of an action."""
    query = "SELECT id, line FROM event WHERE act = ? AND act != ''"
    return store.each_event(query, action)


# --- of passages ------------------------------------------------------------------------


def of_kinds(store: Store, keys: Iterable[str], *kinds: str) -> Iterator[Event]:
    """Yield the events of some kinds about passages, by their keys."""
    query = f"SELECT id, line FROM event WHERE key IN {EACH} AND what IN {EACH}"
    return store.each_event(query, encode(list(keys)), encode(kinds))


def issuing(store: Store, hashes: Iterable[str]) -> Iterator[Event]:
    """Yield the events that issued the keys of some words, by the hashes of these."""
    query = (
        "SELECT id, line FROM event WHERE what = 'key'"
        f" AND words != '' AND words IN {EACH}"
    )
    return store.each_event(query, encode(list(hashes)))


def with_words(store: Store, hashes: Iterable[str]) -> Iterator[Event]:
    """Yield the readings of some words, by the hashes of these."""
    query = f"SELECT id, line FROM event WHERE words != '' AND words IN {EACH}"
    return store.each_event(query, encode(list(hashes)))
