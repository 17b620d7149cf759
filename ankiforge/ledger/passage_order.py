"""The order in which passages are offered, on the page, in the terminal and to a chat.

A passage is ranked by the confidence of its best proposal, multiplied by how factual its
document is. A document's factuality is the mean confidence of its passages, which is low in
fiction, sermons, opinion and program text. The measurement is described in
`tools/proposals/README.md`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ankiforge.ledger.store import Store

_TYPICAL_FACTUALITY = 0.4
"""The factuality of a document without scored passages."""
_TYPICAL_PASSAGES = 3
"""How many passages of typical factuality are added to each document when averaging."""


def load_factuality(store: Store) -> dict[int, float]:
    """Load the factuality of each document, from 0 to 1, keyed by row id.

    Documents without scored passages are left out. The value of a document with few passages is
    close to a typical value.
    """
    # a passage without a proposal is stored with its score minus one, so 1 is added if negative
    rows = store.fetch_rows(
        "SELECT document, count(*) AS passages, total(worth + (worth < 0)) AS total"
        " FROM highlight WHERE state = 'present' AND worth != 0 GROUP BY document"
    )
    factuality_by_document = {}
    for row in rows:
        # the mean score, as if the document also had some passages with the typical score
        total = row["total"] + _TYPICAL_PASSAGES * _TYPICAL_FACTUALITY
        count = row["passages"] + _TYPICAL_PASSAGES
        factuality_by_document[row["document"]] = total / count
    return factuality_by_document


def get_factuality(factuality_by_document: Mapping[int, float], document: int) -> float:
    """Return the factuality of a document, or a typical value if the document has no score."""
    return factuality_by_document.get(document, _TYPICAL_FACTUALITY)


def compute_rank(usefulness: float, factuality: float) -> float:
    """Compute the value by which passages are sorted in descending order.

    A passage without a proposal has a usefulness of at most 0, and ranks below all passages with
    one.
    """
    if usefulness > 0:
        return usefulness * factuality
    return (usefulness + 1) * factuality - 1


class ChatCandidate(NamedTuple):
    """A passage about which a chat may be asked."""

    rank: float
    key: str
    document: str
    sentence: str
    """The hash of the sentence with the highest confidence, or "" if there is none."""


def select_varied_passages(candidates: Iterable[ChatCandidate], limit: int) -> list[str]:
    """Select the highest-ranked passages but ensure some variety, and return their keys.

    At most half of the passages are from the same document, and no two have the same sentence. If
    that isn't enough to reach `limit`, the remaining passages are added.
    """
    sentences = set[str]()
    counts = Counter[str]()
    best: list[str] = []
    beyond_half: list[str] = []
    repeated: list[str] = []
    for candidate in sorted(candidates, key=lambda candidate: -candidate.rank):
        if candidate.sentence in sentences:
            repeated.append(candidate.key)
            continue
        if candidate.sentence:
            sentences.add(candidate.sentence)
        counts[candidate.document] += 1
        is_within_half = counts[candidate.document] <= (limit + 1) // 2
        (best if is_within_half else beyond_half).append(candidate.key)
    return [*best, *beyond_half, *repeated][:limit]
