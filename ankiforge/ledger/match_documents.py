"""Recognise documents that were known before. Pure functions over lists.

This is the first step of matching; `match` has the order of all steps. A document is
recognised

1. by its place,
2. by an id of its own, or by its words, if it was renamed or moved,
3. by half of its marks, if only one document that went has them.

Tested by `tests/golden/histories/moves.yaml` and `tests/ledger/passages.yaml`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import TYPE_CHECKING

from ankiforge.ledger.match import ALIKE
from ankiforge.model import Value
from ankiforge.text import regex

if TYPE_CHECKING:  # what an unchanged run does not need, it does not load: rapidfuzz, too
    from ankiforge.text.sketches import Sketch

HALF = 0.5
"""The share of the shorter document's marks that the other one must have."""
ENOUGH_SHINGLES = 12
"""With fewer shingles that occur in no third document, nothing is recognised."""
ENOUGH_SHARED = 0.5
"""The share of the shorter document's shingles that the other one must contain.

Half of that suffices if they have a block id or the file name in common. A common inode
does not count: file systems reuse those of deleted files, and with half of the share,
pairs of unrelated notes were taken for one.
"""
MUCH_LONGER = 2.0
"""A document that is more than this factor longer is a different one."""
RIVAL = 0.8
"""If the second best match has this fraction of the best score, neither is chosen."""
SAME_OWN_ID = 2.0
"""The score of two documents with one id of their own: more than any share of words."""

_NUMBERS = regex(r"\d+")


class ComparedDocument(Value):
    """A document as matching sees it."""

    place: str
    sketch: Sketch | None = None
    texts: frozenset[str] = frozenset()
    """The folded texts of its marks."""


def match_documents(
    known: Sequence[ComparedDocument],
    found: Sequence[ComparedDocument],
    unlisted: Iterable[int],
) -> dict[int, int]:
    """Match documents by place, words, and marks.

    Args:
        known: all documents known in the container.
        found: the documents that were read.
        unlisted: the indices of known documents that are no longer listed.
    """
    index_at = {document.place: index for index, document in enumerate(known)}
    pairs: dict[int, int] = {}
    for found_index, document in enumerate(found):
        if document.place in index_at:
            pairs[found_index] = index_at[document.place]
    gone = set(unlisted) - set(pairs.values())
    new = set(range(len(found))) - pairs.keys()

    def take(found_index: int, known_index: int) -> None:
        pairs[found_index] = known_index
        gone.discard(known_index)
        new.discard(found_index)

    if gone and new:
        by_words = _match_words(_sketches(known, gone), _sketches(found, new))
        for known_index, found_index in by_words.items():
            take(found_index, known_index)
    for found_index, candidates in _sharing_marks(known, found, gone, new).items():
        if len(candidates) == 1 and candidates[0] in gone:
            take(found_index, candidates[0])
    return pairs


def _sketches(
    documents: Sequence[ComparedDocument],
    indices: Iterable[int],
) -> dict[int, Sketch]:
    """Return the sketches of those of some documents that have one."""
    sketches = {}
    for index in indices:
        sketch = documents[index].sketch
        if sketch:
            sketches[index] = sketch
    return sketches


# --- by marks ---------------------------------------------------------------------------


def with_half_of_marks(
    texts: frozenset[str],
    others: Mapping[int, frozenset[str]],
) -> set[int]:
    """Return the documents that share half of the shorter one's marks with one.

    Args:
        texts: the folded texts of the one's marks.
        others: those of other documents, by id.
    """
    found = [ComparedDocument("", texts=other) for other in others.values()]
    known = [ComparedDocument("", texts=texts)]
    sharing = _sharing_marks(known, found, {0}, set(range(len(found))))
    return {id for index, id in enumerate(others) if sharing[index]}


def _sharing_marks(
    known: Sequence[ComparedDocument],
    found: Sequence[ComparedDocument],
    gone: set[int],
    new: set[int],
) -> dict[int, list[int]]:
    """Return for each new document the gone ones with half of the shorter one's marks."""
    if not gone or not new:
        return {}
    holders = defaultdict(list)
    for known_index in sorted(gone):
        for text in known[known_index].texts:
            holders[text].append(known_index)
    known_texts = list(holders)

    sharing = {}
    for found_index in sorted(new):
        texts = found[found_index].texts
        common: Counter[int] = Counter()
        for text in texts:
            same_text = _same_mark(text, known_texts)
            if same_text is not None:
                common.update(holders[same_text])
        enough = []
        for known_index, count in common.items():
            if count >= HALF * min(len(texts), len(known[known_index].texts)):
                enough.append(known_index)
        sharing[found_index] = enough
    return sharing


def _same_mark(text: str, known_texts: Sequence[str]) -> str | None:
    """Return the text most like the given one; None if it is not a form of the same mark."""
    from rapidfuzz import fuzz, process

    best = process.extractOne(
        text, known_texts, scorer=fuzz.ratio, score_cutoff=ALIKE, processor=None
    )
    if best is None:
        return None
    # notes of one form that differ in a number are not one note
    if _NUMBERS.findall(text) != _NUMBERS.findall(best[0]):
        return None
    return str(best[0])


# --- by words: documents that were renamed ----------------------------------------------


def _match_words(gone: Mapping[int, Sketch], new: Mapping[int, Sketch]) -> dict[int, int]:
    """Match documents that disappeared with new ones, by their words. Most have no match.

    Returns:
        The index of the document that went → the index of the new one.
    """
    scores = _scores(gone, new)
    scores_of_gone = defaultdict(list)
    scores_of_new = defaultdict(list)
    for (gone_index, new_index), score in scores.items():
        scores_of_gone[gone_index].append(score)
        scores_of_new[new_index].append(score)
    best_of_gone = _best_two(scores_of_gone)
    best_of_new = _best_two(scores_of_new)

    chosen = {}
    for (gone_index, new_index), score in scores.items():
        is_best_of_gone = _has_no_rival(score, best_of_gone[gone_index])
        is_best_of_new = _has_no_rival(score, best_of_new[new_index])
        if is_best_of_gone and is_best_of_new:
            chosen[gone_index] = new_index
    return chosen


def _best_two(scores: Mapping[int, Sequence[float]]) -> dict[int, list[float]]:
    return {index: nlargest(2, values) for index, values in scores.items()}


def _has_no_rival(score: float, best: Sequence[float]) -> bool:
    """Return whether a score is the first of the best two, and the second far below."""
    if score != best[0]:
        return False
    return len(best) == 1 or best[1] < RIVAL * best[0]


def _scores(
    gone: Mapping[int, Sketch],
    new: Mapping[int, Sketch],
) -> dict[tuple[int, int], float]:
    """Return by pair that may be one document how much of their words they share."""
    hash_counts: Counter[int] = Counter()
    owners: Counter[str] = Counter()
    for sketch in (*gone.values(), *new.values()):
        hash_counts.update(sketch.hashes)
        owners.update(sketch.own)
    # by shingle, and by id of a highlight, the new documents that have it
    holders: dict[int | str, list[int]] = defaultdict(list)
    for new_index, sketch in new.items():
        for shingle_or_id in sketch.hashes | sketch.own:
            holders[shingle_or_id].append(new_index)
    scores = {}
    for gone_index, before in gone.items():
        candidates: set[int] = set()
        for shingle_or_id in before.hashes | before.own:
            candidates.update(holders.get(shingle_or_id, ()))
        for new_index in candidates:
            after = new[new_index]
            # both, and no third one, have the same id of a highlight
            if any(owners[own_id] == 2 for own_id in before.own & after.own):
                scores[gone_index, new_index] = SAME_OWN_ID
                continue
            share = _share(before, after, hash_counts)
            least = ENOUGH_SHARED
            if before.hints & after.hints:
                least /= 2
            if share >= least:
                scores[gone_index, new_index] = share
    return scores


def _share(before: Sketch, after: Sketch, hash_counts: Mapping[int, int]) -> float:
    """Return the share of the shorter one's shingles that the longer one has, 0 to 1.

    Shingles that occur in a third document are ignored.
    """
    shorter, longer = sorted((before, after), key=lambda sketch: sketch.words)
    if longer.words > MUCH_LONGER * shorter.words:
        return 0.0
    limit = min(shorter.limit, longer.limit)
    counted = set()
    for shingle in shorter.hashes:
        occurs_here = 1 + (shingle in longer.hashes)
        if shingle <= limit and hash_counts[shingle] <= occurs_here:
            counted.add(shingle)
    if len(counted) < ENOUGH_SHINGLES:
        return 0.0
    return len(counted & longer.hashes) / len(counted)
