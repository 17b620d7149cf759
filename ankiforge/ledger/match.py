"""Recognise documents and highlights that were known before. Pure functions over lists.

Each step takes only what the steps before it left. What is only likely is a question, not a match.

What must stay true:

- The order of the steps is the rule: what is certain takes first, and nothing is taken twice.
- A bound that is lower matches more and asks less, and gives a card to another fact sooner.
- Texts are folded here: equal means "the same passage", never "unchanged".

`tests/unit/ledger/passages.yaml` has a case for each step, `moves.yaml` and `papers.yaml` in
`tests/golden/histories` longer ones, and marks without sides. What a bound costs in questions and wrong matches, `python -m tests.life` tells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.model import Pair, Value
from ankiforge.text import regex

if TYPE_CHECKING:  # what an unchanged run does not need, it does not load: rapidfuzz, too
    from ankiforge.text.sketches import Sketch

ALIKE = 85
"""Per cent from which two texts of one document are the same passage, wherever they stand."""
SAME_SPOT = 50
"""Per cent that suffices between two neighbours that are matched."""
WITHIN = 0.9
"""The share of the shorter text that the longer one has, in order, which suffices there as well."""
LONGER = 3
"""Up to how many times as long it may be."""
PERHAPS = 60
"""Per cent from which a new passage may be one that is gone: a question."""
LONG = 20
"""Folded characters from which equal texts in two documents are no coincidence."""
SAME_CONTEXT = 12
"""Equal folded characters beside a shorter text that suffice instead."""
MANY_EQUAL = 3
"""So many equal texts between the same two documents are moved, however short they are."""
SHORTEST_JOINED = 12
"""Folded characters from which words within a longer passage are no coincidence."""
HALF = 0.5
"""The share of the shorter document's marks that the other one must have."""


class Reading(NamedTuple):
    """A text of a highlight, folded, with 24 folded characters on both sides."""

    text: str
    before: str = ""
    after: str = ""
    sides: Pair | None = None
    """Front and back of a card, or the gaps and the rest; None if neither is known."""

    @property
    def halves(self) -> Pair:
        """Its numbers, and the rest: what stands for the sides of a mark that has none."""
        return "".join(filter(str.isdigit, self.text)), "".join(
            sign for sign in self.text if not sign.isdigit()
        )


class Mark(Value):
    """A highlight as matching sees it: one that was read now, or one that is known."""

    readings: tuple[Reading, ...]
    """One if it was read now; of a known one also the last one of other machines."""
    kind: str = ""
    names: frozenset[str] = frozenset()
    """The ids of the mark itself, which go wherever it goes: of Zotero, `/NM` of a PDF."""
    labels: frozenset[str] = frozenset()
    """Ids that say where it stands, or are written beside it, such as a block id: they may stay there
    when its words move."""
    there: bool = True
    """Whether it was in its document when that was read last. Only used for known ones."""
    from_journal: bool = False
    """Whether only the journal tells of it, so that it may have gone long ago."""
    decided: bool = False
    """Whether a decision depends on recognising it. Only used for known ones."""
    document: int = 0
    """Its document, to count what moved from one to another."""

    @property
    def now(self) -> Reading:
        """The newest reading."""
        return self.readings[0]


class Doc(Value):
    """A document as matching sees it."""

    place: str
    sketch: Sketch | None = None
    texts: frozenset[str] = frozenset()
    """The folded texts of its marks."""


Pairs = dict[int, int]
"""Index of what was found → index of what is known."""

# --- documents ------------------------------------------------------------------------------------


def match_documents(known: Sequence[Doc], found: Sequence[Doc], went: Iterable[int]) -> Pairs:
    """Match documents by place, words, and marks.

    Args:
        known: all documents known in the container.
        found: the documents that were read.
        went: the indices of known documents that are no longer listed.
    """
    at = {doc.place: index for index, doc in enumerate(known)}
    pairs = {index: at[doc.place] for index, doc in enumerate(found) if doc.place in at}
    left = set(went) - set(pairs.values())
    new = {index for index in range(len(found)) if index not in pairs}

    def take(found_at: int, known_at: int) -> None:
        pairs[found_at] = known_at
        left.discard(known_at)
        new.discard(found_at)

    if left and new:
        gone = {index: one for index in left if (one := known[index].sketch)}
        came = {index: one for index in new if (one := found[index].sketch)}
        for known_at, found_at in _by_words(gone, came).items():
            take(found_at, known_at)
    for index, candidates in _sharing_marks(known, found, left, new).items():
        if len(candidates) == 1 and candidates[0] in left:
            take(index, candidates[0])
    return pairs


_NUMBERS = regex(r"\d+")


def _sharing_marks(
    known: Sequence[Doc], found: Sequence[Doc], left: set[int], new: set[int]
) -> dict[int, list[int]]:
    """Return for each new document those that went and share half of the shorter one's marks."""
    if not left or not new:
        return {}
    from rapidfuzz import fuzz, process

    holders = defaultdict(list)
    for index in sorted(left):
        for text in known[index].texts:
            holders[text].append(index)
    texts = list(holders)
    sharing = {}
    for index in sorted(new):
        common: Counter[int] = Counter()
        for text in found[index].texts:
            best = process.extractOne(
                text, texts, scorer=fuzz.ratio, score_cutoff=ALIKE, processor=None
            )
            # notes of one form that differ in a number are not one note
            same = best is not None and _NUMBERS.findall(text) == _NUMBERS.findall(best[0])
            common.update(holders[best[0]] if best and same else ())
        sharing[index] = [
            one
            for one, count in common.items()
            if count >= HALF * min(len(found[index].texts), len(known[one].texts))
        ]
    return sharing


# --- highlights -----------------------------------------------------------------------------------


def match_in_document(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Match the highlights of one document by id, text, label and likeness; both in reading order.

    Equal words outrank a label. One decides here only between texts that are half alike; see `match_labels`.
    """
    pairs = {}
    left, new = set(range(len(known))), set(range(len(found)))

    def take_all(candidates: Iterable[tuple[int, int]]) -> None:
        for found_at, known_at in candidates:
            if found_at in new and known_at in left:
                pairs[found_at] = known_at
                new.discard(found_at)
                left.discard(known_at)

    take_all(_by_name(known, found))
    take_all(_by_text(known, found, left, new))
    if left and new:
        take_all(
            (index, at)
            for index, at in _by_label(known, found)
            if likeness(known[at], found[index]) >= SAME_SPOT
        )
    if left and new:
        take_all(
            (index, at)
            for index, at in _alike(known, found, left, new, ALIKE)
            if _one_side_equal(known[at], found[index])
        )
    return pairs


def match_labels(
    known: Sequence[Mark], found: Sequence[Mark], left: set[int], new: set[int]
) -> Pairs:
    """Match the highlights of one document by a label alone, whatever they say.

    This is the last step: a line may have come between a passage and its label. What went before this
    run, or is only heard of, lost its label long ago.

    Args:
        known: the highlights that the document had.
        found: those that it has.
        left: what is known and not matched, here or in another document.
        new: what was found and not matched.
    """
    pairs: Pairs = {}
    for index, at in _by_label(known, found):
        stood_here = known[at].there and not known[at].from_journal
        if stood_here and index in new and at in left and at not in pairs.values():
            pairs[index] = at
    return pairs


def match_spots(
    known: Sequence[Mark], found: Sequence[Mark], pairs: Pairs, left: set[int], new: set[int]
) -> Pairs:
    """Match the highlights of one document that stand between the same matched neighbours.

    Args:
        known: the highlights that the document had.
        found: those that it has.
        pairs: what is matched.
        left: what is known and not matched, here or in another document.
        new: what was found and not matched.
    """
    more: Pairs = {}
    for index, at in _same_spots(known, found, pairs, left, new):
        free = index not in more and at not in more.values()
        if free and _may_stand_here(known[at], found[index]):
            more[index] = at
    return more


def _by_name(known: Sequence[Mark], found: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    return _by_id([mark.names for mark in known], [mark.names for mark in found])


def _by_label(known: Sequence[Mark], found: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    return _by_id([mark.labels for mark in known], [mark.labels for mark in found])


def _by_id(
    known: Sequence[frozenset[str]], found: Sequence[frozenset[str]]
) -> Iterator[tuple[int, int]]:
    """Yield the pairs with one id; both arguments are the ids of each mark."""
    owners = defaultdict(list)
    for index, names in enumerate(known):
        for name in names:
            owners[name].append(index)
    for index, names in enumerate(found):
        for name in sorted(names):
            if len(owners[name]) == 1:  # two marks with one id were copied
                yield index, owners[name][0]


def _by_text(
    known: Sequence[Mark], found: Sequence[Mark], left: Iterable[int], new: Iterable[int]
) -> list[tuple[int, int]]:
    """Return pairs of equal texts; of several, those with one label, then in the most similar context."""
    holders = defaultdict(list)
    for index in sorted(left):
        for age, reading in enumerate(known[index].readings):
            holders[reading.text].append((index, age, reading))
    equal = [
        (index, *one) for index in sorted(new) for one in holders.get(found[index].now.text, ())
    ]
    scored = []
    for index, at, age, reading in equal:
        mark = found[index]
        around = _ratio(reading.before, mark.now.before) + _ratio(reading.after, mark.now.after)
        other = known[at].kind != mark.kind
        labelled = not known[at].labels.isdisjoint(mark.labels)
        scored.append(
            (other, age, not known[at].there, not labelled, -around, abs(at - index), index, at)
        )
    return [(index, at) for *_, index, at in sorted(scored)]


def _ratio(one: str, other: str) -> float:
    """Return how much two texts are alike, of 100."""
    if one == other:  # as most are where a note was edited elsewhere
        return 100.0
    from rapidfuzz import fuzz

    return fuzz.ratio(one, other)


def _alike(
    known: Sequence[Mark],
    found: Sequence[Mark],
    left: Iterable[int],
    new: Iterable[int],
    least: int,
) -> list[tuple[int, int]]:
    """Return pairs whose texts are alike, the most similar ones first."""
    scored = [
        (-likeness(known[at], found[index]), abs(at - index), index, at)
        for index in new
        for at in left
    ]
    return [(index, at) for score, _, index, at in sorted(scored) if -score >= least]


def likeness(known: Mark, found: Mark) -> float:
    """Return in per cent how alike a highlight is to the most similar reading of a known one."""
    from rapidfuzz import fuzz

    return max(fuzz.ratio(reading.text, found.now.text) for reading in known.readings)


def likeness_around(one: Mark, other: Mark) -> float:
    """Return how alike the texts before and after two marks are, of 200."""
    before = _ratio(one.now.before, other.now.before)
    return before + _ratio(one.now.after, other.now.after)


def _one_side_equal(known: Mark, found: Mark) -> bool:
    """Return whether front or back, the gaps or the rest are equal in some reading.

    Of a mark without sides, its numbers or the rest: B1 is not B6. Without numbers, alike suffices.
    """
    now = found.now
    for reading in known.readings:
        both = (reading.sides, now.sides)
        if None in both:
            both = (reading.halves, now.halves)
        if any(mine == theirs for mine, theirs in zip(*both, strict=True)):  # type: ignore[arg-type]
            return True
    return False


def _same_spots(
    known: Sequence[Mark], found: Sequence[Mark], pairs: Pairs, left: set[int], new: set[int]
) -> list[tuple[int, int]]:
    """Return the pairs between the same matched neighbours, the most similar ones first."""
    there = [at for at, mark in enumerate(known) if mark.there]
    rank = {at: place for place, at in enumerate(there)}
    around_known = _neighbours(len(known), {at for at in pairs.values() if at in rank})
    around_found = _neighbours(len(found), {one for one in pairs if pairs[one] in rank})
    same = dict(pairs.items())
    spots = []
    for index, at in _alike(known, found, left & rank.keys(), new, 0):
        before, after = around_found[index]
        wanted = (same.get(before, -1), same.get(after, -1))
        if around_known[at] == wanted:
            spots.append((index, at))
    return spots


def _neighbours(count: int, matched: set[int]) -> list[tuple[int, int]]:
    """Return for each index the nearest matched ones before and after it, -1 for none."""
    before, last = [], -1
    for index in range(count):
        before.append(last)
        last = index if index in matched else last
    after, last = [-1] * count, -1
    for index in reversed(range(count)):
        after[index] = last
        last = index if index in matched else last
    return list(zip(before, after, strict=True))


def _may_stand_here(known: Mark, found: Mark) -> bool:
    """Return whether two texts in the same spot are half alike, or one extends the other."""
    return likeness(known, found) >= SAME_SPOT or _extends(known, found)


def _extends(known: Mark, found: Mark) -> bool:
    from rapidfuzz.distance import LCSseq

    short, long = sorted((known.now.text, found.now.text), key=len)
    within = LCSseq.similarity(short, long) >= WITHIN * len(short)
    return len(short) > 5 and len(long) <= LONGER * len(short) and within


def match_moved(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Match highlights that are gone in one document with equal ones that are new in another."""
    pairs = {}
    taken = set()
    candidates = _by_text(known, found, range(len(known)), range(len(found)))
    equal = defaultdict(set)
    for index, at in candidates:
        equal[known[at].document, found[index].document].add(index)
    for index, at in candidates:
        enough = (
            len(found[index].now.text) >= LONG
            or len(equal[known[at].document, found[index].document]) >= MANY_EQUAL
            or _same_context(known[at], found[index])
        )
        if enough and index not in pairs and at not in taken:
            pairs[index] = at
            taken.add(at)
    return pairs


def _same_context(known: Mark, found: Mark) -> bool:
    now = found.now
    return any(
        reading.text == now.text
        and (
            now.before[-SAME_CONTEXT:] == reading.before[-SAME_CONTEXT:] != ""
            or now.after[:SAME_CONTEXT] == reading.after[:SAME_CONTEXT] != ""
        )
        for reading in known.readings
    )


def resembling(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Return for new highlights the gone and decided one that each may be: to be asked."""
    old = [
        (at, reading.text)
        for at, mark in enumerate(known)
        if mark.decided
        for reading in mark.readings
    ]
    texts = [text for _, text in old]
    if not texts or not found:
        return {}
    from rapidfuzz import fuzz, process

    scored = []
    for index, mark in enumerate(found):
        for _, score, which in process.extract(
            mark.now.text, texts, scorer=fuzz.ratio, score_cutoff=PERHAPS, limit=5, processor=None
        ):
            scored.append((-score, index, old[which][0]))
    pairs = {}
    taken = set()
    for _, index, at in sorted(scored):
        if index not in pairs and at not in taken:
            pairs[index] = at
            taken.add(at)
    return pairs


def has_joined(gone: Mark, known: Mark, found: Mark) -> bool:
    """Return whether a passage took in the words of one that went, as when two sentences become one.

    Args:
        gone: what went from the document.
        known: another passage of the document, as it was.
        found: the same as it is.
    """
    from rapidfuzz import fuzz

    words = gone.now.text
    if not SHORTEST_JOINED <= len(words) < len(found.now.text):
        return False
    before = max(fuzz.partial_ratio(words, reading.text) for reading in known.readings)
    return bool(fuzz.partial_ratio(words, found.now.text) >= ALIKE > before)


# --- renamed documents ----------------------------------------------------------------------------

# With fewer shingles that occur in no third document, nothing is recognised.
_ENOUGH = 12
# The share of the shorter document's shingles that the other one must contain. Half of that
# suffices if they have a block id or the file name in common. A common inode does not count: file
# systems reuse those of deleted files, and with half of the share, pairs of unrelated notes were
# taken for one.
_ENOUGH_SHARED = 0.5
# A document that is more than this factor longer is a different one.
_MUCH_LONGER = 2.0
# If the second best match has at least this fraction of the best score, neither is chosen.
_RIVAL = 0.8


def _share(one: Sketch, other: Sketch, elsewhere: set[int]) -> float | None:
    """Return the share of the shorter document's shingles that the other contains, 0 to 1.

    Shingles that occur `elsewhere`, in a third document, are ignored. None if too few are left.
    """
    short, long = sorted((one, other), key=lambda each: each.words)
    limit = min(short.limit, long.limit)
    counted = {each for each in short.hashes if each <= limit and each not in elsewhere}
    return len(counted & long.hashes) / len(counted) if len(counted) >= _ENOUGH else None


def _by_words(gone: Mapping[int, Sketch], new: Mapping[int, Sketch]) -> dict[int, int]:
    """Match documents that disappeared with new ones, by their words. Most have no match."""
    documents = [*gone.values(), *new.values()]
    count = Counter(each for document in documents for each in document.hashes)
    owners = Counter(each for document in documents for each in document.own)
    holders = defaultdict(list)
    for name, after in new.items():
        for each in after.hashes | after.own:
            holders[each].append(name)

    scores = {}
    for old, before in gone.items():
        for name in {name for each in before.hashes | before.own for name in holders.get(each, ())}:
            after = new[name]
            elsewhere = {
                each
                for each in before.hashes | after.hashes
                if count[each] > (each in before.hashes) + (each in after.hashes)
            }
            few, many = sorted((before.words, after.words))
            score = (
                _share(before, after, elsewhere) if many <= _MUCH_LONGER * few else None
            ) or 0.0
            if any(owners[each] == 2 for each in before.own & after.own):
                scores[old, name] = 2.0  # an own id takes precedence over words
            elif score >= (_ENOUGH_SHARED / 2 if before.hints & after.hints else _ENOUGH_SHARED):
                scores[old, name] = score

    best = defaultdict(list)
    for (old, name), score in scores.items():
        best["gone", old].append(score)
        best["new", name].append(score)
    best_two = {side: nlargest(2, found) for side, found in best.items()}
    return {
        old: name
        for (old, name), score in scores.items()
        if all(
            score == first and all(second < _RIVAL * first for second in others)
            for first, *others in (best_two["gone", old], best_two["new", name])
        )
    }
