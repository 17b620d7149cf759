"""Offers: what a person decides on, one fact of one passage over all its keys.

Here, and nowhere else, drafts are grouped. The column `draft.fact` names the fact of a
draft; "" is a fact of its own. `overview.order` lists the offers that wait.

Tested by `tests/cli/test_lists.py`, `tests/cli/test_by_query.py` and `tests/web`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from ankiforge.ledger import waiting
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import Guid, Value, Waiting

AT_ONCE = 200
"""The number of ids that are looked up at once."""
PASSAGE = "coalesce(a.first, d.key)"
"""The oldest key of the passage of a draft `d` with the alias `a`, in SQL."""
BY_OFFER = f"{PASSAGE}, iif(d.fact = '', d.id, d.fact), d.revises || d.replaces"
"""What the drafts of an offer have in common, in SQL; `same_offer` says it of two rows."""


class Offer(Value):
    """One fact of one passage, or the change of a card, with the drafts to choose from."""

    drafts: tuple[Waiting, ...]
    """The person's own form comes first, then a strong model's, proposals, and a small
    model's; those that a check blocks are last."""

    @property
    def first(self) -> Waiting:
        """The draft that is accepted unless the person chooses another one."""
        return self.drafts[0]

    @property
    def changes(self) -> Guid | None:
        """The card that would change or be replaced; None for a new card."""
        return self.first.revises or self.first.replaces


def offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the offers of drafts, each once; the key of a highlight stands for all of its passage.

    Drafts that no longer wait are left out.
    """
    rest = iter(ids)
    yielded = set[tuple[str, str, str]]()
    while batch := list(islice(rest, AT_ONCE)):
        wanted = encode(batch)
        rows = store.rows(f"SELECT key FROM draft WHERE id IN {EACH}", wanted)
        keys = set[str]()
        for name in (*[row["key"] for row in rows], *batch):
            keys.update(store.keys(name))

        # by what the drafts of an offer have in common: its drafts; and by id or key: its offers
        drafts: dict[tuple[str, str, str], list[Waiting]] = {}
        offers_of: dict[str, dict[tuple[str, str, str], None]] = {}
        for draft in waiting.each_waiting(store, f"d.key IN {EACH}", encode(list(keys))):
            passage_keys = store.keys(draft.highlight.key)
            card = draft.revises or draft.replaces or ""
            common = (passage_keys[0], draft.fact or draft.id, card)
            drafts.setdefault(common, []).append(draft)
            for name in (draft.id, *passage_keys):
                offers_of.setdefault(name, {})[common] = None

        for name in batch:
            for common in offers_of.get(name, ()):
                if common not in yielded:
                    yielded.add(common)
                    yield Offer(tuple(sorted(drafts[common], key=rank)))


def rank(draft: Waiting) -> tuple[bool, int]:
    """Return the sort key of a draft among the drafts of its passage."""
    words = draft.draft
    if words.own:
        place = 0
    elif words.gaps:
        place = 2
    else:
        place = 3 if words.origin.by_steps else 1
    return draft.draft.blocked, place


def same_offer(draft_row: Row, other: Row) -> bool:
    """Return whether two drafts of one passage belong to one offer."""
    card = draft_row["revises"] + draft_row["replaces"]
    is_same_card = card == other["revises"] + other["replaces"]
    return bool(draft_row["fact"]) and draft_row["fact"] == other["fact"] and is_same_card
