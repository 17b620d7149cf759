"""The order in which passages are offered, shared by the shelf, a sitting, a chat and `list`.

A passage ranks by the confidence of its best proposal, times how factual its document is. That is
the mean confidence of the document's passages: low in fiction, sermons, opinion and program text.
`tools/proposals/README.md` says how it was measured.
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
    """Return how factual each document is, from 0 to 1, keyed by row id.

    Documents without scored passages are left out. Averages over few passages are pulled
    towards the typical value.
    """
    # passages without a proposal are stored with their score minus one
    rows = store.fetch_rows(
        "SELECT document, count(*) AS passages, total(worth + (worth < 0)) AS total"
        " FROM highlight WHERE state = 'present' AND worth != 0 GROUP BY document"
    )
    return {
        row["document"]: (row["total"] + _TYPICAL_PASSAGES * _TYPICAL_FACTUALITY)
        / (row["passages"] + _TYPICAL_PASSAGES)
        for row in rows
    }


def get_factuality(factuality_by_document: Mapping[int, float], document: int) -> float:
    """Return a document's factuality, falling back to the typical value if it has no score."""
    return factuality_by_document.get(document, _TYPICAL_FACTUALITY)


def compute_rank(usefulness: float, factuality: float) -> float:
    """Compute the value by which passages are ranked, highest first.

    Passages without a proposal have negative usefulness and rank below all others.
    """
    if usefulness > 0:
        return usefulness * factuality
    return (usefulness + 1) * factuality - 1


class ChatCandidate(NamedTuple):
    """A passage that a chat may be asked about."""

    rank: float
    key: str
    document: str
    sentence: str
    """The hash of the sentence with the highest confidence, or "" if there is none."""


def pick_best(candidates: Iterable[ChatCandidate], limit: int) -> list[str]:
    """Return the keys of up to `limit` top-ranked passages, with some variety.

    At most half of them come from one document and no two share a sentence, unless there
    aren't enough other passages.
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
