"""Passages: how they stand, in the places where they are read."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import FLOOR


def asking(store: Store) -> list[str]:
    """Return the keys of the passages that may be others: a person is to say whether they are."""
    return [row["key"] for row in store.rows("SELECT key FROM passage WHERE asks")]


def present(
    store: Store, not_waiting: Iterable[str], *, open_only: bool = False
) -> list[Row]:
    """Return the rows of all passages in their sources, by the places whose texts are used.

    They are in reading order, with the columns of the view `present_passage`, and `best`: None if
    no draft waits, 0 if a check blocks all.

    Args:
        store: the store.
        not_waiting: the ids of drafts that wait no longer.
        open_only: only passages of which no draft waits, and which have no card, or a sentence
            left that is worth one.
    """
    return store.rows(
        "SELECT m.*, w.best FROM present_passage m"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM offered"
        f"  WHERE id NOT IN {EACH} GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.leads AND (NOT ? OR w.best IS NULL AND (NOT m.carded OR m.worth_left >= ?))"
        " ORDER BY m.document, m.position",
        *(encode(sorted(not_waiting)), open_only, FLOOR),
    )


def present_one(store: Store, key: str, not_waiting: Iterable[str]) -> list[Row]:
    """Return the same of the passage that a highlight leads; [] if it leads none."""
    return store.rows(
        "SELECT m.*, (SELECT max(severity != 'block') FROM offered"
        f"  WHERE passage = m.passage AND id NOT IN {EACH}) AS best"
        " FROM present_passage m WHERE m.leads AND m.key = ?",
        encode(sorted(not_waiting)),
        key,
    )


def present_beside(store: Store, key: str) -> list[Row]:
    """Return the passages of a highlight's document: columns of the view, and `body`."""
    return store.rows(
        "SELECT m.*, h.body FROM present_passage m JOIN highlight h USING (key) WHERE m.document ="
        " (SELECT document FROM highlight WHERE key = ?) ORDER BY m.position",
        key,
    )
