"""The table `passage` and the view `present_passage`, with the status of each passage.

A passage may have several highlights, in different documents. The highlight whose text is used
*leads* the passage.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.model import MIN_PROPOSAL_CONFIDENCE


def load_doubtful_keys(store: Store) -> list[str]:
    """Return the keys of passages that may be the same as a removed passage.

    Only the user can tell whether they are new.
    """
    return [row["key"] for row in store.fetch_rows("SELECT key FROM passage WHERE asks")]


def load_present_passages(
    store: Store, not_waiting: Iterable[str], *, open_only: bool = False
) -> list[Row]:
    """Load all passages still present in a source, in reading order.

    Each passage is represented by the row of its leading highlight in the `present_passage`
    view. An extra column, `best`, is None without pending drafts, 0 if checks block all of
    them, and 1 otherwise.

    Args:
        store: the store.
        not_waiting: the ids of obsolete drafts, which don't count as pending.
        open_only: load only passages without pending drafts that either have no card or have
            another sentence worth proposing.
    """
    return store.fetch_rows(
        "SELECT m.*, w.best FROM present_passage m"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM offered"
        f"  WHERE id NOT IN {JSON_VALUES} GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.leads AND (NOT ? OR w.best IS NULL AND (NOT m.carded OR m.worth_left >= ?))"
        " ORDER BY m.document, m.position",
        *(to_json(sorted(not_waiting)), open_only, MIN_PROPOSAL_CONFIDENCE),
    )


def load_present_passage(store: Store, key: str, not_waiting: Iterable[str]) -> list[Row]:
    """Load the passage that the highlight `key` leads, as in `load_present_passages`.

    Return an empty list if it doesn't lead a present passage.
    """
    return store.fetch_rows(
        "SELECT m.*, (SELECT max(severity != 'block') FROM offered"
        f"  WHERE passage = m.passage AND id NOT IN {JSON_VALUES}) AS best"
        " FROM present_passage m WHERE m.leads AND m.key = ?",
        to_json(sorted(not_waiting)),
        key,
    )


def load_document_passages(
    store: Store, key: str, not_waiting: Iterable[str]
) -> list[Row]:
    """Load the highlights in the document of the highlight `key`, in reading order.

    The columns are those of `load_present_passages`, plus the highlight's JSON as `body`.
    """
    return store.fetch_rows(
        "SELECT m.*, h.body, w.best FROM present_passage m JOIN highlight h USING (key)"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM offered"
        f"  WHERE id NOT IN {JSON_VALUES} GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.document = (SELECT document FROM highlight WHERE key = ?)"
        " ORDER BY m.position",
        *(to_json(sorted(not_waiting)), key),
    )
