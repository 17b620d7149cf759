"""The passages that are computed from events."""

from __future__ import annotations

from ankiforge.ledger.store import Store


def asking(store: Store) -> list[str]:
    """Return the keys of the passages that may be others: a person is to say whether they are."""
    return [row["key"] for row in store.rows("SELECT key FROM passage WHERE asks")]
