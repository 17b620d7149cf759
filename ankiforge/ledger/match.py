"""Recognise highlights that were known before. Pure functions over lists.

The order of the steps, which `ingest` and `moves` call. What is certain takes first,
nothing is taken twice, and each step sees only what the steps before it left:

1. `match_documents` (its own module): documents by place, by their words, by half of
   their marks.
2. `match_in_document`, for each matched document: the mark's own id, equal text, a label
   where the texts are half alike, a hand-written question that stands there once, 85 %
   alike with one side equal.
3. `match_moved`, across documents: equal text. Two documents between which half of what
   went or came has moved are matched as well: a note was split, or merged. Step 2 again.
4. `match_spots`, in a matched document: between the same matched neighbours, half alike.
5. `match_labels`, in a matched document: a label, whatever the words.
6. `resembling` and `has_joined`: what is only likely is not a match. The highlight gets a
   key of its own, and a person is asked.
7. The rest is new.

What must stay true:

- A bound that is lower matches more and asks less, and gives a card to another fact
  sooner.
- Texts are folded here: equal means "the same passage", never "unchanged".

`tests/ledger/passages.yaml` has a case for each step, `moves.yaml` and `papers.yaml`
in `tests/golden/histories` longer ones, and marks without sides. What a bound costs in
questions and wrong matches, `python -m tests.life` shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import NamedTuple

import msgspec

from ankiforge.ledger.events import Text
from ankiforge.model import Highlight, HighlightKind, Pair

ALIKE = 85
"""Per cent from which two texts of a document are the same passage, wherever they
are."""
SAME_SPOT = 50
"""Per cent that suffices between two neighbours that are matched."""
WITHIN = 0.9
"""The share of the shorter text, in order within the longer, that suffices there as
well."""
LONGER = 3
"""Up to how many times as long the longer one may be."""
SHORTEST_EXTENDED = 6
"""Folded characters from which a text that another one extends is no coincidence."""
PERHAPS = 60
"""Per cent from which a new passage may be one that is gone: a question."""
LONG = 20
"""Folded characters from which equal texts in two documents are no coincidence."""
SAME_CONTEXT = 12
"""Equal folded characters beside a shorter text that suffice instead."""
MANY_EQUAL = 3
"""From this number on, equal texts between the same two documents are moved, however short."""
SHORTEST_JOINED = 12
"""Folded characters from which words within a longer passage are no coincidence."""


class FoldedText(NamedTuple):
    """A text of a highlight, folded, with 24 folded characters on both sides."""

    text: str
    before: str = ""
    after: str = ""
    sides: Pair | None = None
    """Front and back of a card, or the gaps and the rest; None if neither is known."""

    @property
    def triple(self) -> tuple[str, str, str]:
        """Text, before and after: two readings with the same triple are one."""
        return self.text, self.before, self.after

    @property
    def digits_and_rest(self) -> Pair:
        """Its digits, and all else: they stand for the sides of a mark that has none."""
        digits = "".join(filter(str.isdigit, self.text))
        rest = "".join(sign for sign in self.text if not sign.isdigit())
        return digits, rest


class Mark(msgspec.Struct):
    """A highlight as matching sees it: one that was read now, or one that is known."""

    highlight: Highlight
    """As it was read; of one that only the journal has, with the text that it has there."""
    readings: tuple[FoldedText, ...]
    """One if it was read now; of a known one also the last one of other machines."""
    names: frozenset[str] = frozenset()
    """Ids of the mark itself, which go wherever it goes: of Zotero, `/NM` of a PDF."""
    labels: frozenset[str] = frozenset()
    """Ids that say where it is, or are written beside it, such as a block id.

    They may stay there when its words move.
    """
    document: int = 0
    """The row of its document."""

    # of one that was read now
    container: str = ""
    place: str = ""
    position: int = 0
    known: Mark | None = None
    """The one with which it was matched."""
    asks: str = ""
    """The key of another passage that it may be, which a person is asked."""
    beside: bool = False
    """Whether that is there as well: its words moved, and this took its place."""

    # of one that is known
    state: str = ""
    """That of its row; "" = it was read now."""
    from_journal: bool = False
    """Whether only the journal knows of it, so that it may have gone long ago."""
    missed: float = 0.0
    """When it was missing first, in seconds since 1970."""
    exact: str = ""
    """A hash of the exact text as read here; "" if it was not."""
    content: str = ""
    """A hash of what drafts depend on, as read here; "" if it was not."""
    texts: list[Text] = []
    """Its readings in the journal, the newest first."""
    decided: bool = False
    """Whether a decision depends on recognising it."""

    @property
    def key(self) -> str:
        """Its key, once it has one."""
        return self.known.key if self.known else self.highlight.key

    @property
    def was_there(self) -> bool:
        """Whether it was in its document at the last reading."""
        return self.state in ("", "present", "journal")

    @property
    def newest(self) -> FoldedText:
        """The newest reading."""
        return self.readings[0]

    @property
    def question(self) -> str:
        """The front of a hand-written card, as it was read here last; "" of other marks."""
        sides = self.newest.sides
        return sides[0] if self.highlight.kind is HighlightKind.CARD and sides else ""


Pairs = dict[int, int]
"""Index of what was found → index of what is known."""
Candidate = tuple[int, int]
"""The index of what was found, and that of what is known: a pair that may be taken."""


# --- in one document: ids, equal texts, labels, likeness --------------------------------


class _Matching:
    """The pairs of one document so far, and the marks left on both sides."""

    def __init__(self, known_count: int, found_count: int) -> None:
        self.pairs: Pairs = {}
        self.known_left = set(range(known_count))
        self.found_left = set(range(found_count))

    @property
    def is_open(self) -> bool:
        """Whether there is something left to match."""
        return bool(self.known_left and self.found_left)

    def is_free(self, found_index: int, known_index: int) -> bool:
        """Return whether neither of two highlights is matched."""
        return found_index in self.found_left and known_index in self.known_left

    def take(self, candidates: Iterable[Candidate]) -> None:
        """Match the candidates in their order, unless one of the two is matched."""
        for found_index, known_index in candidates:
            if self.is_free(found_index, known_index):
                self.pairs[found_index] = known_index
                self.found_left.discard(found_index)
                self.known_left.discard(known_index)


def match_in_document(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Match the highlights of one document by id, text, label, question and likeness.

    Both lists are in reading order.
    Equal words outrank a label. A label decides here only between texts that are half
    alike; see `match_labels`.
    """
    matching = _Matching(len(known), len(found))
    names = [mark.names for mark in known], [mark.names for mark in found]
    matching.take(_with_one_id(*names))
    equal_texts = _with_equal_text(
        known,
        found,
        matching.known_left,
        matching.found_left,
        in_place=_in_their_places(known, found),
    )
    matching.take(equal_texts)
    if matching.is_open:
        matching.take(
            (found_index, known_index)
            for found_index, known_index in _with_equal_label(known, found)
            if likeness(known[known_index], found[found_index]) >= SAME_SPOT
        )
    if matching.is_open:
        matching.take(_with_equal_question(known, found, matching.pairs))
    if matching.is_open:
        alike = _by_likeness(
            known,
            found,
            matching.known_left,
            matching.found_left,
            least=ALIKE,
        )
        matching.take(
            (found_index, known_index)
            for found_index, known_index in alike
            if _one_side_equal(known[known_index], found[found_index])
        )
    return matching.pairs


def _with_equal_label(
    known: Sequence[Mark],
    found: Sequence[Mark],
) -> Iterator[Candidate]:
    return _with_one_id([mark.labels for mark in known], [mark.labels for mark in found])


def _with_one_id(
    known: Sequence[frozenset[str]],
    found: Sequence[frozenset[str]],
) -> Iterator[Candidate]:
    """Yield the pairs with one id; both arguments are the ids of each mark."""
    owners = defaultdict(list)
    for known_index, ids in enumerate(known):
        for id in ids:
            owners[id].append(known_index)
    for found_index, ids in enumerate(found):
        for id in sorted(ids):
            if len(owners[id]) == 1:  # two marks with one id were copied
                yield found_index, owners[id][0]


def _with_equal_question(
    known: Sequence[Mark],
    found: Sequence[Mark],
    pairs: Pairs,
) -> Iterator[Candidate]:
    """Yield the hand-written cards with one question, whatever their answers.

    It stands once in the document as it was and as it is, under the same heading or
    between the same matched neighbours (`pairs`). The journal holds neither headings
    nor the order of the lines: after a lost database, to be the only one is enough.
    """
    asked_there = _single_questions(known)
    asked_here = _single_questions(found)
    same_spot = None
    for question, found_index in asked_here.items():
        if found_index in pairs:
            continue
        known_index = asked_there.get(question)
        if known_index is None and len(question) >= SHORTEST_EXTENDED:
            # the one card that only the journal knows, and whose text begins so
            beginning_so = []
            for index, mark in enumerate(known):
                is_card = mark.highlight.kind is HighlightKind.CARD
                is_heard_of = mark.from_journal and is_card
                if is_heard_of and mark.newest.text.startswith(question):
                    beginning_so.append(index)
            known_index = beginning_so[0] if len(beginning_so) == 1 else None
        if known_index is None:
            continue
        known_mark = known[known_index]
        heading = found[found_index].highlight.heading
        if known_mark.from_journal or known_mark.highlight.heading == heading:
            yield found_index, known_index
            continue
        if same_spot is None:
            same_spot = _SameSpot(known, found, pairs)
        if same_spot.has(found_index, known_index):
            yield found_index, known_index


def _single_questions(marks: Sequence[Mark]) -> dict[str, int]:
    """Return the indices of the marks that are there, by a question that is asked once."""
    holders = defaultdict(list)
    for index, mark in enumerate(marks):
        if mark.question and mark.was_there:
            holders[mark.question].append(index)
    return {question: held[0] for question, held in holders.items() if len(held) == 1}


class _Rank(NamedTuple):
    """How certainly two marks with equal texts are one; the smaller, the more."""

    is_of_other_kind: bool
    age: int
    """How many readings of the known mark are newer than the one with this text."""
    had_gone: bool
    has_no_common_label: bool
    is_not_in_place: bool
    minus_likeness_around: float
    distance: int
    """In the order of a document; between two documents it is chance."""


def _with_equal_text(
    known: Sequence[Mark],
    found: Sequence[Mark],
    known_left: Iterable[int],
    found_left: Iterable[int],
    *,
    in_place: Set[Candidate] = frozenset(),
) -> list[Candidate]:
    """Return the pairs of equal texts, those first that are most certainly one.

    Those `in_place` come before other copies of the same words.
    """
    holders = defaultdict(list)
    for known_index in sorted(known_left):
        for age, reading in enumerate(known[known_index].readings):
            holders[reading.text].append((known_index, age, reading))

    ranked = []
    for found_index in sorted(found_left):
        found_mark = found[found_index]
        newest = found_mark.newest
        for known_index, age, reading in holders.get(newest.text, ()):
            known_mark = known[known_index]
            around = _ratio(reading.before, newest.before) + _ratio(
                reading.after,
                newest.after,
            )
            rank = _Rank(
                is_of_other_kind=known_mark.highlight.kind != found_mark.highlight.kind,
                age=age,
                had_gone=not known_mark.was_there,
                has_no_common_label=known_mark.labels.isdisjoint(found_mark.labels),
                is_not_in_place=(found_index, known_index) not in in_place,
                minus_likeness_around=-around,
                distance=abs(known_index - found_index),
            )
            ranked.append((rank, found_index, known_index))
    ranked.sort()
    return [(found_index, known_index) for _, found_index, known_index in ranked]


def _in_their_places(known: Sequence[Mark], found: Sequence[Mark]) -> set[Candidate]:
    """Return the pairs of equal texts in one document that stand where they stood.

    They stand there once with the same words before them, or under the same heading; or they
    follow the mark that they followed, after like words. Words after a passage say nothing
    here: a copy pasted below has those of its original. Of what the journal says, only words
    before count: it has no headings, and no order.
    """
    matching = _Matching(len(known), len(found))
    matching.take(_single_pairs(known, found, lambda mark: mark.newest.before))
    heard_of = {mark.newest.text for mark in known if mark.from_journal}
    under_heading = _single_pairs(known, found, lambda mark: mark.highlight.heading)
    matching.take(
        (found_index, known_index)
        for found_index, known_index in under_heading
        if found[found_index].newest.text not in heard_of
    )
    next_index = 0
    for found_index, mark in enumerate(found):
        is_free = matching.is_free(found_index, next_index)
        if is_free and mark.newest.text not in heard_of:
            reading = known[next_index].newest
            is_equal = reading.text == mark.newest.text
            if is_equal and is_perhaps(reading.before, mark.newest.before):
                matching.take([(found_index, next_index)])
        next_index = matching.pairs.get(found_index, len(known)) + 1
    return set(matching.pairs.items())


def _single_pairs(
    known: Sequence[Mark],
    found: Sequence[Mark],
    place: Callable[[Mark], str],
) -> Iterator[Candidate]:
    """Yield the marks with equal text that stand only once in an equal place."""
    known_there = defaultdict(list)
    for index, mark in enumerate(known):
        if mark.was_there:
            known_there[place(mark), mark.newest.text].append(index)
    found_there = defaultdict(list)
    for index, mark in enumerate(found):
        found_there[place(mark), mark.newest.text].append(index)
    for where, found_indices in found_there.items():
        known_indices = known_there.get(where, [])
        if len(found_indices) == 1 == len(known_indices):
            yield found_indices[0], known_indices[0]


def _by_likeness(
    known: Sequence[Mark],
    found: Sequence[Mark],
    known_left: Iterable[int],
    found_left: Iterable[int],
    *,
    least: int,
) -> list[Candidate]:
    """Return the pairs alike by `least` per cent, the most similar ones first."""
    ranked = []
    for found_index in found_left:
        for known_index in known_left:
            score = likeness(known[known_index], found[found_index])
            if score >= least:
                distance = abs(known_index - found_index)
                ranked.append((-score, distance, found_index, known_index))
    ranked.sort()
    return [(found_index, known_index) for _, _, found_index, known_index in ranked]


def _one_side_equal(known: Mark, found: Mark) -> bool:
    """Return whether front or back, the gaps or the rest are equal in some reading.

    Of a mark without sides, its digits or the rest are: B1 is not B6. Marks without any digits
    have equal ones.
    """
    newest = found.newest
    for reading in known.readings:
        known_sides = reading.sides
        found_sides = newest.sides
        if known_sides is None or found_sides is None:
            known_sides = reading.digits_and_rest
            found_sides = newest.digits_and_rest
        known_first, known_second = known_sides
        found_first, found_second = found_sides
        if known_first == found_first or known_second == found_second:
            return True
    return False


# --- in one document: what the neighbours or a label show -------------------------------


def match_spots(
    known: Sequence[Mark],
    found: Sequence[Mark],
    pairs: Pairs,
    known_left: set[int],
    found_left: set[int],
) -> Pairs:
    """Match the highlights of a document that are between the same matched neighbours.

    Where nothing is matched, the whole document is one spot.

    Args:
        known: the highlights that the document had.
        found: those that it has.
        pairs: what is matched.
        known_left: what is known and not matched, here or in another document.
        found_left: what was found and not matched.
    """
    was_there = {index for index, mark in enumerate(known) if mark.was_there}
    same_spot = _SameSpot(known, found, pairs)
    candidates = []
    for found_index, known_index in _by_likeness(
        known, found, known_left & was_there, found_left, least=0
    ):
        is_spot = same_spot.has(found_index, known_index)
        if is_spot and _may_stand_here(known[known_index], found[found_index]):
            candidates.append((found_index, known_index))
    return _first_come(candidates)


def match_labels(
    known: Sequence[Mark],
    found: Sequence[Mark],
    known_left: set[int],
    found_left: set[int],
) -> Pairs:
    """Match the highlights of one document by a label alone, whatever they say.

    This is the last step: a line may have come between a passage and its label. What went
    before this run, or is only heard of, lost its label long ago.

    Args:
        known: the highlights that the document had.
        found: those that it has.
        known_left: what is known and not matched, here or in another document.
        found_left: what was found and not matched.
    """
    candidates = []
    for found_index, known_index in _with_equal_label(known, found):
        mark = known[known_index]
        stood_here = mark.was_there and not mark.from_journal
        if stood_here and found_index in found_left and known_index in known_left:
            candidates.append((found_index, known_index))
    return _first_come(candidates)


class _SameSpot:
    """Answers whether two marks stand between the same matched neighbours.

    Neighbours are counted only among the marks that were there.
    """

    def __init__(
        self, known: Sequence[Mark], found: Sequence[Mark], pairs: Pairs
    ) -> None:
        self._pairs = pairs
        matched_known = set()
        matched_found = set()
        for found_index, known_index in pairs.items():
            if known[known_index].was_there:
                matched_known.add(known_index)
                matched_found.add(found_index)
        self._around_known = _matched_neighbours(len(known), matched_known)
        self._around_found = _matched_neighbours(len(found), matched_found)

    def has(self, found_index: int, known_index: int) -> bool:
        """Return whether a found mark stands where a known one stood."""
        before, after = self._around_found[found_index]
        # as the known marks that they are matched with; -1 is an end of the document
        neighbours = (self._pairs.get(before, -1), self._pairs.get(after, -1))
        return self._around_known[known_index] == neighbours


def _matched_neighbours(count: int, matched: set[int]) -> list[tuple[int, int]]:
    """Return for each index the nearest matched ones before and after it, -1 for none."""
    before = []
    nearest = -1
    for index in range(count):
        before.append(nearest)
        if index in matched:
            nearest = index
    after = [-1] * count
    nearest = -1
    for index in reversed(range(count)):
        after[index] = nearest
        if index in matched:
            nearest = index
    return list(zip(before, after, strict=True))


def _may_stand_here(known: Mark, found: Mark) -> bool:
    """Return whether two texts in a spot are half alike, or one extends the other.

    The longer one then has nearly all letters of the other, in order.
    """
    from rapidfuzz.distance import LCSseq

    if likeness(known, found) >= SAME_SPOT:
        return True
    shorter, longer = sorted((known.newest.text, found.newest.text), key=len)
    if len(shorter) < SHORTEST_EXTENDED or len(longer) > LONGER * len(shorter):
        return False
    return LCSseq.similarity(shorter, longer) >= WITHIN * len(shorter)


# --- across documents -------------------------------------------------------------------


def match_moved(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Match highlights gone in one document with equal ones that are new in another."""
    candidates = _with_equal_text(
        known,
        found,
        range(len(known)),
        range(len(found)),
    )
    equal = defaultdict(set)
    for found_index, known_index in candidates:
        between = (known[known_index].document, found[found_index].document)
        equal[between].add(found_index)

    certain = []
    for found_index, known_index in candidates:
        known_mark = known[known_index]
        found_mark = found[found_index]
        between = (known_mark.document, found_mark.document)
        is_no_coincidence = (
            len(found_mark.newest.text) >= LONG
            or len(equal[between]) >= MANY_EQUAL
            or _same_context(known_mark, found_mark)
        )
        if is_no_coincidence:
            certain.append((found_index, known_index))
    return _first_come(certain)


def _same_context(known: Mark, found: Mark) -> bool:
    """Return whether an equal reading has the same text, and some, before or after it."""
    newest = found.newest
    before = newest.before[-SAME_CONTEXT:]
    after = newest.after[:SAME_CONTEXT]
    for reading in known.readings:
        if reading.text != newest.text:
            continue
        same_before = before != "" and before == reading.before[-SAME_CONTEXT:]
        same_after = after != "" and after == reading.after[:SAME_CONTEXT]
        if same_before or same_after:
            return True
    return False


def _first_come(candidates: Iterable[Candidate]) -> Pairs:
    """Return the candidates of which neither was taken by one before."""
    pairs: Pairs = {}
    taken_indices = set()
    for found_index, known_index in candidates:
        if found_index not in pairs and known_index not in taken_indices:
            pairs[found_index] = known_index
            taken_indices.add(known_index)
    return pairs


# --- what a person is asked -------------------------------------------------------------


def resembling(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Return the gone and decided highlights that new ones may be: to be asked."""
    owners = []
    texts = []
    for known_index, mark in enumerate(known):
        if mark.decided:
            for reading in mark.readings:
                owners.append(known_index)
                texts.append(reading.text)
    if not texts or not found:
        return {}
    from rapidfuzz import fuzz, process

    ranked = []
    for found_index, mark in enumerate(found):
        best = process.extract(
            mark.newest.text,
            texts,
            scorer=fuzz.ratio,
            score_cutoff=PERHAPS,
            limit=5,
            processor=None,
        )
        for _text, score, index in best:
            ranked.append((-score, found_index, owners[index]))
    ranked.sort()
    candidates = [(found_index, known_index) for _, found_index, known_index in ranked]
    return _first_come(candidates)


def has_joined(gone: Mark, known: Mark, found: Mark) -> bool:
    """Return whether a passage took in the words of one that went.

    So it is when two sentences become one.

    Args:
        gone: what went from the document.
        known: another passage of the document, as it was.
        found: the same as it is.
    """
    from rapidfuzz import fuzz

    words = gone.newest.text
    text = found.newest.text
    if not SHORTEST_JOINED <= len(words) < len(text):
        return False
    before = max(fuzz.partial_ratio(words, reading.text) for reading in known.readings)
    return bool(fuzz.partial_ratio(words, text) >= ALIKE > before)


# --- likeness ---------------------------------------------------------------------------


def likeness(known: Mark, found: Mark) -> float:
    """Return in per cent how alike a highlight and the nearest known reading are."""
    from rapidfuzz import fuzz

    text = found.newest.text
    return max(fuzz.ratio(reading.text, text) for reading in known.readings)


def is_perhaps(text: str, other_text: str) -> bool:
    """Return whether two folded texts are so alike that they may be one passage."""
    return _ratio(text, other_text) >= PERHAPS


def likeness_around(mark: Mark, other: Mark) -> float:
    """Return how alike the texts before and after two marks are, of 200."""
    before = _ratio(mark.newest.before, other.newest.before)
    after = _ratio(mark.newest.after, other.newest.after)
    return before + after


def _ratio(text: str, other_text: str) -> float:
    """Return how much two texts are alike, of 100."""
    if text == other_text:  # as most are where a note was edited elsewhere
        return 100.0
    from rapidfuzz import fuzz

    return fuzz.ratio(text, other_text)
