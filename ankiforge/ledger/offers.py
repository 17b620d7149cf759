"""Offers: what a person decides on, one fact of one passage over all its keys.

Here, and nowhere else, drafts are grouped: by the column `offer` of the view `offered` in
`schema.sql`. The column `draft.fact` names the fact of a draft; "" is a fact of its own.

Tested by `tests/cli/test_lists.py`, `tests/cli/test_by_query.py` and `tests/web`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from ankiforge.ledger import waiting
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import Card

Offer = tuple[Card, ...]
"""One fact of one passage, or the change of a card: the drafts to choose from, of which the first
is accepted unless the person chooses another one. Their own form comes first, then a strong
model's, proposals, and a small model's; those that a check blocks are last."""
_MIXES = 0.05
"""How much less sure each further offer of a document counts in the order."""


def offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the offers of drafts, each once; the key of a highlight stands for all of its passage.

    Drafts that no longer wait are left out.
    """
    yielded = set[str]()
    for batch in in_batches(ids):
        # the keys of their passages
        query = f"SELECT key FROM draft WHERE id IN {EACH}"
        keys = set[str]()
        for row in store.rows(query, encode(batch)):
            keys.update(store.keys(row["key"]))
        for id in batch:  # which may be a key itself
            keys.update(store.keys(id))

        # the drafts of each offer; and the offers of each draft and key
        drafts_of: dict[str, list[Card]] = defaultdict(list)
        offers_of: dict[str, list[str]] = defaultdict(list)
        for draft in waiting.each_waiting(store, f"d.key IN {EACH}", encode(list(keys))):
            drafts_of[draft.offer].append(draft)
            offers_of[draft.id].append(draft.offer)
            for key in store.keys(draft.highlight.key):
                offers_of[key].append(draft.offer)

        for id in batch:
            for offer in offers_of[id]:
                if offer not in yielded:
                    yielded.add(offer)
                    yield tuple(sorted(drafts_of[offer], key=rank))


def in_order(store: Store, left_out: Collection[str]) -> list[Row]:
    """Return the first draft of each offer, in the order in which a person is asked.

    The surest come first. Each further one of a document counts as a little less sure, so
    that the documents mix.

    The columns are `id`, `passage`, `changes` (the card that it would change or replace, or
    "") and `blocked`: whether a check blocks all drafts of the offer.

    Args:
        store: the store.
        left_out: the ids of drafts that are not offered.
    """
    # the bare columns are those of the row with the least position
    return store.rows(
        "WITH first AS (SELECT d.id, d.passage, d.revises || d.replaces AS changes,"
        "  min(d.position + 1000 * (d.severity = 'block')),"
        "  sum(d.severity = 'block') = count(*) AS blocked,"
        "  total(json_extract(d.body, '$.sureness')) AS sure,"
        "  d.severity, d.slot, d.position, h.document, h.position AS place"
        " FROM offered d JOIN highlight h ON h.key = d.key"
        f" WHERE h.state = 'present' AND d.id NOT IN {EACH} GROUP BY d.offer),"
        " ranked AS (SELECT *, row_number() OVER"
        "  (PARTITION BY document ORDER BY sure DESC, place, position) AS rank FROM first)"
        " SELECT id, passage, changes, blocked FROM ranked"
        " ORDER BY severity = 'block', severity = 'warn', slot = '',"
        f" sure / (1 + {_MIXES} * rank) DESC, document, place, position",
        encode(sorted(left_out)),
    )


def rank(draft: Card) -> tuple[bool, int]:
    """Return the sort key of a draft among the drafts of its passage."""
    if draft.own:
        place = 0
    elif draft.gaps:
        place = 2
    else:
        place = 3 if draft.origin.by_steps else 1
    return draft.blocked, place
