"""Passages: how they stand, in the places where they are read."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import DocumentId


def asking(store: Store) -> list[str]:
    """Return the keys of the passages that may be others: a person is to say whether they are."""
    return [row["key"] for row in store.rows("SELECT key FROM passage WHERE asks")]


def marks(
    store: Store, settled: Iterable[str], *, without_draft: bool = False
) -> list[Row]:
    """Return how all passages in their sources stand, by the places whose texts are used.

    They are in reading order, with columns of the view `mark`, `undrafted`, the `title` of the
    document, and `best`: None if no draft waits, 0 if a check blocks all.

    Args:
        store: the store.
        settled: the ids of drafts that wait no longer.
        without_draft: only passages of which no draft waits.
    """
    return store.rows(
        "SELECT m.key, m.document, m.position, m.passage, m.fate, m.reason, m.worth,"
        " m.skipped, m.done, m.carded, m.worth_left, d.title, w.best,"
        " m.drafted != m.content AND m.modelled != m.content AS undrafted"
        " FROM mark m JOIN document d ON d.id = m.document"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM offered"
        f"  WHERE id NOT IN {EACH} GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.leads AND (w.best IS NULL OR NOT ?) ORDER BY m.document, m.position",
        encode(sorted(settled)),
        without_draft,
    )


def mark(store: Store, key: str, settled: Iterable[str]) -> list[Row]:
    """Return the same of the passage that a highlight leads; [] if it leads none."""
    return store.rows(
        "SELECT m.key, m.document, m.position, m.passage, m.fate, m.reason, m.worth,"
        " m.skipped, m.done, m.carded, m.worth_left, d.title,"
        " (SELECT max(severity != 'block') FROM offered"
        f"  WHERE passage = m.passage AND id NOT IN {EACH}) AS best,"
        " m.drafted != m.content AND m.modelled != m.content AS undrafted"
        " FROM mark m JOIN document d ON d.id = m.document WHERE m.leads AND m.key = ?",
        encode(sorted(settled)),
        key,
    )


def marks_beside(store: Store, key: str) -> list[Row]:
    """Return the present highlights of the document that holds one, as of the view `mark`."""
    return store.rows(
        "SELECT * FROM mark WHERE document = (SELECT document FROM highlight WHERE key = ?)"
        " ORDER BY position",
        key,
    )


def marks_in(store: Store, documents: Iterable[DocumentId]) -> list[Row]:
    """Return how the present highlights of some documents stand, in reading order."""
    return store.rows(
        "SELECT key, document, passage, carded, done, worth_left FROM mark"
        f" WHERE document IN {EACH} ORDER BY document, position",
        encode(list(documents)),
    )
