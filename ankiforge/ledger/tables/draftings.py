"""The table `drafting`, with which `undo` reverts everything that a model or chat drafted at once.

A drafting is one command or import. A row has the drafts of one highlight, and the previous values
of the highlight's columns about drafting. Like pending drafts, draftings aren't in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.settling import Change
from ankiforge.ledger.store import Row, Store, to_json


def store_drafting(
    store: Store, id: str, number: int, changes: Iterable[tuple[str, Change]]
) -> None:
    """Record a drafting run before its changes are applied, so that it can be reverted.

    Args:
        store: the store.
        id: the id of the drafting run.
        number: the number of the last event before the run.
        changes: the changes to the pending drafts, each with the key of its highlight.
    """
    rows = [
        (id, number, to_json([draft.id for draft in change.put]), key)
        for key, change in changes
    ]
    store.execute_all(
        "INSERT INTO drafting SELECT ?, ?, key, ?, content, modelled, declined, worth, reason,"
        " fate FROM highlight WHERE key = ?",
        rows,
    )


def find_last_drafting(store: Store) -> Row | None:
    """Return the `id` and `number` of the last drafting run that can be reverted, if any.

    Such a run created a draft, or got the answer that a highlight deserves no card.
    """
    return store.fetch_first_row(
        "SELECT g.id, g.number FROM drafting g LEFT JOIN highlight h"
        " ON h.key = g.key AND h.content = g.content AND h.modelled != g.modelled"
        " WHERE g.drafts != '[]' OR h.key IS NOT NULL ORDER BY g.rowid DESC LIMIT 1"
    )


def find_last_number(store: Store) -> int:
    """Return the number in the id of the last drafting run, or 0 if there is none."""
    row = store.fetch_first_row("SELECT id FROM drafting ORDER BY rowid DESC LIMIT 1")
    return int(row["id"].rpartition(".")[2]) if row else 0


def revert_drafting(store: Store, id: str) -> tuple[list[str], set[str]]:
    """Revert a drafting run: delete its pending drafts and restore its highlights.

    Returns:
        The keys of the highlights, and the ids of the deleted drafts.
    """
    keys = [
        row["key"]
        for row in store.fetch_rows("SELECT key FROM drafting WHERE id = ?", id)
    ]
    deleted_rows = store.fetch_rows(
        "DELETE FROM draft WHERE id IN (SELECT j.value FROM drafting g, json_each(g.drafts) j"
        " WHERE g.id = ?) RETURNING id",
        id,
    )
    store.execute(
        "UPDATE highlight SET modelled = g.modelled, declined = g.declined, worth = g.worth,"
        " reason = g.reason, fate = g.fate FROM drafting g"
        " WHERE g.id = ? AND g.key = highlight.key AND g.content = highlight.content",
        id,
    )
    store.execute("DELETE FROM drafting WHERE id = ?", id)
    return keys, {row["id"] for row in deleted_rows}
