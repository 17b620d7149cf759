"""Recognise documents and highlights that were known before. Pure functions over lists.

The order of the steps, which `ingest` and `moves` call. What is certain takes first,
nothing is taken twice, and each step sees only what the steps before it left:

1. `match_documents`: documents by place; by an id of their own, or by their words, if they were
   renamed or moved; by half of their marks, if only one document that went has them.
2. `match_in_document`, for each matched document: the mark's own id, equal text, a label
   where the texts are half alike, a hand-written question that stands there once, 85 %
   alike with one side equal (not with what was deleted in an earlier run).
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
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from functools import cached_property
from heapq import nlargest
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ankiforge.ledger.events import Text
from ankiforge.model import DocumentId, Highlight, HighlightKind, Pair
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.text.identifiers import Sketch


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
        rest = "".join(char for char in self.text if not char.isdigit())
        return digits, rest


class Mark(msgspec.Struct, eq=False):  # equal to itself alone, so that it may be a key
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
    """The known mark with which it was matched."""
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


Pairs = dict[Mark, Mark]
"""Found mark → known mark."""
Candidate = tuple[Mark, Mark]
"""A found mark and a known mark that may be the same."""


def remember(pairs: Pairs) -> None:
    """Let each mark that was found remember the one that it was matched with."""
    for found, known in pairs.items():
        found.known = known


# --- in one document: ids, equal texts, labels, likeness --------------------------------


class _Matching:
    """The pairs of one document so far, and the marks left on both sides, in order."""

    def __init__(self, known: Iterable[Mark], found: Iterable[Mark]) -> None:
        self.pairs: Pairs = {}
        self.known_left = dict.fromkeys(known)
        self.found_left = dict.fromkeys(found)

    @property
    def is_open(self) -> bool:
        """Whether there is something left to match."""
        return bool(self.known_left and self.found_left)

    def take(self, candidates: Iterable[Candidate]) -> Pairs:
        """Match the candidates in their order, unless one of the two is matched."""
        for found, known in candidates:
            if found in self.found_left and known in self.known_left:
                self.pairs[found] = known
                del self.found_left[found]
                del self.known_left[known]
        return self.pairs


def match_in_document(
    known: Sequence[Mark], found: Sequence[Mark], *, stayed: bool = False
) -> Pairs:
    """Match the highlights of one document by id, text, label, question and likeness.

    Both lists are in reading order.
    Equal words outrank a label. A label decides here only between texts that are half
    alike; see `match_labels`.

    Args:
        known: the highlights that the document had, those that went from it, too.
        found: those that it has.
        stayed: whether the document was there at the last run. What had gone from it then was
            deleted, and what is only like that is new.
    """
    matching = _Matching(known, found)
    places = _places(known, found)
    matching.take(_with_one_id(known, found, attrgetter("names")))
    in_place = _in_their_places(known, found)
    left = matching.known_left, matching.found_left
    matching.take(_with_equal_text(*left, places, in_place=in_place))
    if matching.is_open:
        for mark, old in _with_one_id(known, found, attrgetter("labels")):
            if likeness(old, mark) >= SAME_SPOT:
                matching.take([(mark, old)])
    if matching.is_open:
        matching.take(_with_equal_question(known, found, matching))
    if matching.is_open:
        for mark, old in _by_likeness(*left, places, least=ALIKE):
            if stayed and not old.was_there:
                continue
            if _one_side_equal(old, mark):
                matching.take([(mark, old)])
    return matching.pairs


Places = dict[Mark, int]
"""The place of each mark in its list."""


def _places(known: Iterable[Mark], found: Iterable[Mark]) -> Places:
    return {mark: place for marks in (known, found) for place, mark in enumerate(marks)}


def _with_one_id(
    known: Iterable[Mark],
    found: Iterable[Mark],
    ids_of: Callable[[Mark], frozenset[str]],
) -> Iterator[Candidate]:
    """Yield the marks with one id: a name, or a label."""
    owners = defaultdict(list)
    for old in known:
        for id in ids_of(old):
            owners[id].append(old)
    for mark in found:
        for id in sorted(ids_of(mark)):
            if len(owners[id]) == 1:  # two marks with one id were copied
                yield mark, owners[id][0]


def _with_equal_question(
    known: Sequence[Mark],
    found: Sequence[Mark],
    matching: _Matching,
) -> Iterator[Candidate]:
    """Yield the hand-written cards with one question, whatever their answers.

    It stands once in the document as it was and as it is, under the same heading or
    between the same matched neighbours. The journal holds neither headings nor the order
    of the lines: after a lost database, to be the only one is enough.

    The question proves nothing where its old answer stands in a new line that is alike,
    and its new one stood in a line that went: of two lines of one form, each was corrected.
    """
    asked_there, asked_here = _single_questions(known), _single_questions(found)
    new, gone = _asking_else(found, asked_there), _asking_else(known, asked_here)
    same_spot = _SameSpot(known, found, matching.pairs)
    for question, mark in asked_here.items():
        old = asked_there.get(question) or _begun_so(known, question)
        if old is None or mark in matching.pairs:
            continue
        if _were_corrected(old, mark, gone, new):
            continue
        same_heading = old.highlight.heading == mark.highlight.heading
        if old.from_journal or same_heading or same_spot.has(mark, old):
            yield mark, old


def _asking_else(marks: Iterable[Mark], questions: Collection[str]) -> list[Mark]:
    """Return the marks with a question that is not among others."""
    return [each for each in marks if each.question and each.question not in questions]


def _begun_so(known: Iterable[Mark], question: str) -> Mark | None:
    """Return the only card of the journal alone whose text begins with a question, or None."""
    if len(question) < SHORTEST_EXTENDED:
        return None
    begun_so = []
    for mark in known:
        if mark.from_journal and mark.highlight.kind is HighlightKind.CARD:
            if mark.newest.text.startswith(question):
                begun_so.append(mark)
    return begun_so[0] if len(begun_so) == 1 else None


def _were_corrected(
    old: Mark, mark: Mark, gone: Iterable[Mark], new: Iterable[Mark]
) -> bool:
    """Return whether the answers of two cards with one question stand in other lines, too.

    The old one's in a new line that is alike, and the new one's in a line that went.
    """
    if not any(_with_equal_answer(old, each) for each in new):
        return False
    return any(_with_equal_answer(each, mark) for each in gone)


def _with_equal_answer(known: Mark, found: Mark) -> bool:
    """Return whether two hand-written cards have one answer, and are alike."""
    known_sides, found_sides = known.newest.sides or (), found.newest.sides or ()
    return known_sides[1:] == found_sides[1:] and likeness(known, found) >= ALIKE


def _single_questions(marks: Sequence[Mark]) -> dict[str, Mark]:
    """Return the marks that are there, by a question that is asked once."""
    holders = defaultdict(list)
    for mark in marks:
        if mark.question and mark.was_there:
            holders[mark.question].append(mark)
    return {question: these[0] for question, these in holders.items() if len(these) == 1}


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
    known: Iterable[Mark],
    found: Collection[Mark],
    places: Places,
    *,
    in_place: Set[Candidate] = frozenset(),
) -> list[Candidate]:
    """Return the pairs of equal texts, those first that are most certainly one.

    Those `in_place` come before other copies of the same words.
    """
    holders = defaultdict(list)
    for old in known:
        for age, reading in enumerate(old.readings):
            holders[reading.text].append((old, age, reading))

    seekers = Counter(mark.newest.text for mark in found)
    ranked = []
    for mark in found:
        newest = mark.newest
        holding = holders[newest.text]
        has_rivals = max(len(holding), seekers[newest.text]) > 1
        for old, age, reading in holding:
            likeness_there = 0.0
            if has_rivals:  # else the texts around decide nothing
                likeness_there += _ratio(reading.before, newest.before)
                likeness_there += _ratio(reading.after, newest.after)
            rank = _Rank(
                is_of_other_kind=old.highlight.kind != mark.highlight.kind,
                age=age,
                had_gone=not old.was_there,
                has_no_common_label=old.labels.isdisjoint(mark.labels),
                is_not_in_place=(mark, old) not in in_place,
                minus_likeness_around=-likeness_there,
                distance=abs(places[old] - places[mark]),
            )
            ranked.append((rank, (mark, old)))
    return _in_order(ranked)


def _in_order(ranked: list[tuple[Any, Candidate]]) -> list[Candidate]:
    """Return candidates by their ranks; of equal ones, those first that stand first."""
    ranked.sort(key=itemgetter(0))
    return [candidate for _, candidate in ranked]


def _in_their_places(known: Sequence[Mark], found: Sequence[Mark]) -> set[Candidate]:
    """Return the pairs of equal texts in one document that stand where they stood.

    They stand there once with the same words before them, or under the same heading; or they
    follow the mark that they followed, after like words. Words after a passage say nothing
    here: a copy pasted below has those of its original. Of what the journal says, only words
    before count: it has no headings, and no order.
    """
    matching = _Matching(known, found)
    matching.take(_single_pairs(known, found, lambda mark: mark.newest.before))
    heard_of = {mark.newest.text for mark in known if mark.from_journal}
    for mark, old in _single_pairs(known, found, lambda mark: mark.highlight.heading):
        if mark.newest.text not in heard_of:
            matching.take([(mark, old)])
    followed_by = dict(pairwise(known))
    next_known = known[0] if known else None
    for mark in found:
        if next_known is not None and mark.newest.text not in heard_of:
            reading = next_known.newest
            same_text = reading.text == mark.newest.text
            if same_text and is_perhaps(reading.before, mark.newest.before):
                matching.take([(mark, next_known)])
        matched = matching.pairs.get(mark)
        next_known = followed_by.get(matched) if matched else None
    return set(matching.pairs.items())


def _single_pairs(
    known: Sequence[Mark],
    found: Sequence[Mark],
    place: Callable[[Mark], str],
) -> Iterator[Candidate]:
    """Yield the marks with equal text that stand only once in an equal place."""
    known_there = defaultdict(list)
    for old in known:
        if old.was_there:
            known_there[place(old), old.newest.text].append(old)
    found_there = defaultdict(list)
    for mark in found:
        found_there[place(mark), mark.newest.text].append(mark)
    for where, marks in found_there.items():
        there = known_there.get(where, [])
        if len(marks) == 1 == len(there):
            yield marks[0], there[0]


def _by_likeness(
    known: Iterable[Mark],
    found: Iterable[Mark],
    places: Places,
    *,
    least: int,
) -> list[Candidate]:
    """Return the pairs alike by `least` per cent, the most similar ones first."""
    ranked = []
    for mark in found:
        for old in known:
            score = likeness(old, mark)
            if score >= least:
                distance = abs(places[old] - places[mark])
                ranked.append(((-score, distance), (mark, old)))
    return _in_order(ranked)


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
    known_left: Collection[Mark],
    found_left: Collection[Mark],
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
    were_there = [mark for mark in known if mark in known_left and mark.was_there]
    here = [mark for mark in found if mark in found_left]
    same_spot = _SameSpot(known, found, pairs)
    matching = _Matching(known, found)
    places = _places(known, found)
    for mark, old in _by_likeness(were_there, here, places, least=0):
        if same_spot.has(mark, old) and _may_stand_here(old, mark):
            matching.take([(mark, old)])
    return matching.pairs


def match_labels(
    known_left: Sequence[Mark],
    found_left: Sequence[Mark],
    known: Sequence[Mark],
) -> Pairs:
    """Match the highlights of one document by a label alone, whatever they say.

    This is the last step: a line may have come between a passage and its label. What went
    before this run, or is only heard of, lost its label long ago.

    Args:
        known_left: what is known and not matched, here or in another document.
        found_left: what was found and not matched.
        known: all highlights that the document had.
    """
    matching = _Matching(known_left, found_left)
    for mark, old in _with_one_id(known, found_left, attrgetter("labels")):
        if old.was_there and not old.from_journal:
            matching.take([(mark, old)])
    return matching.pairs


class _SameSpot:
    """Answers whether two marks stand between the same matched neighbours.

    Neighbours are counted only among the marks that were there.
    """

    def __init__(
        self, known: Sequence[Mark], found: Sequence[Mark], pairs: Pairs
    ) -> None:
        self._known = known
        self._found = found
        self._pairs = pairs

    def has(self, found: Mark, known: Mark) -> bool:
        """Return whether a found mark stands where a known one stood."""
        around_known, around_found = self._around
        return around_known[known] == around_found[found]

    @cached_property
    def _around(self) -> tuple[dict[Mark, Neighbours], dict[Mark, Neighbours]]:
        """The neighbours of all marks, as they were matched when these were first asked for."""
        there = {mark: old for mark, old in self._pairs.items() if old.was_there}
        around_known = _around(self._known, {old: old for old in there.values()})
        return around_known, _around(self._found, there)


Neighbours = tuple[Mark | None, Mark | None]


def _around(marks: Sequence[Mark], known: Pairs) -> dict[Mark, Neighbours]:
    """Return for each mark the known ones that are nearest before and after it, if any."""
    before: dict[Mark, Mark | None] = {}
    nearest: Mark | None = None
    for mark in marks:
        before[mark] = nearest
        nearest = known.get(mark, nearest)
    around: dict[Mark, Neighbours] = {}
    nearest = None
    for mark in reversed(marks):
        around[mark] = before[mark], nearest
        nearest = known.get(mark, nearest)
    return around


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
    candidates = _with_equal_text(known, found, _places(known, found))
    equal = defaultdict(set)
    for mark, old in candidates:
        equal[old.document, mark.document].add(mark)

    matching = _Matching(known, found)
    for mark, old in candidates:
        many = len(equal[old.document, mark.document]) >= MANY_EQUAL
        if many or len(mark.newest.text) >= LONG or _same_context(old, mark):
            matching.take([(mark, old)])  # it is no coincidence
    return matching.pairs


def _same_context(known: Mark, found: Mark) -> bool:
    """Return whether an equal reading has the same text, and some, before or after it."""
    sides = sides_of(found.newest)
    for reading in known.readings:
        if reading.text == found.newest.text and not sides.isdisjoint(sides_of(reading)):
            return True
    return False


def sides_of(reading: FoldedText) -> set[Pair]:
    """Return the words right before and after a reading, as far as there are any."""
    before = ("before", reading.before[-SAME_CONTEXT:])
    after = ("after", reading.after[:SAME_CONTEXT])
    return {side for side in (before, after) if side[1]}


# --- what a person is asked -------------------------------------------------------------


def resembling(known: Sequence[Mark], found: Sequence[Mark]) -> Pairs:
    """Return the gone and decided highlights that new ones may be: to be asked."""
    owners = []
    texts = []
    for old in known:
        if old.decided:
            for reading in old.readings:
                owners.append(old)
                texts.append(reading.text)
    if not texts or not found:
        return {}
    from rapidfuzz import fuzz, process

    ranked = []
    for mark in found:
        best = process.extract(
            mark.newest.text,
            texts,
            scorer=fuzz.ratio,
            score_cutoff=PERHAPS,
            limit=5,
            processor=None,
        )
        for _text, score, number in best:
            ranked.append((-score, (mark, owners[number])))
    return _Matching(known, found).take(_in_order(ranked))


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
    """Return the likeness of the texts before and after two marks, from 0 to 200."""
    before = _ratio(mark.newest.before, other.newest.before)
    after = _ratio(mark.newest.after, other.newest.after)
    return before + after


def _ratio(text: str, other_text: str) -> float:
    """Return the likeness of two texts, from 0 to 100."""
    if text == other_text:  # as most are where a note was edited elsewhere
        return 100.0
    from rapidfuzz import fuzz

    return fuzz.ratio(text, other_text)


# --- documents --------------------------------------------------------------------------

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


class ComparedDocument(msgspec.Struct, frozen=True, eq=False):
    """A document as matching sees it; two are never equal, however much they are alike."""

    place: str
    sketch: Sketch | None = None
    texts: frozenset[str] = frozenset()
    """The folded texts of its marks."""


def match_documents(
    known: Sequence[ComparedDocument],
    found: Sequence[ComparedDocument],
    unlisted: Iterable[ComparedDocument],
) -> dict[ComparedDocument, ComparedDocument]:
    """Match documents by place, words, and marks: by one that was read, the known one it is.

    Args:
        known: all documents known in the container.
        found: the documents that were read.
        unlisted: those of the known documents that are no longer listed.
    """
    at_place = {document.place: document for document in known}
    pairs = {}
    for document in found:
        if document.place in at_place:
            pairs[document] = at_place[document.place]
    here = set(pairs.values())
    gone = dict.fromkeys(document for document in unlisted if document not in here)
    new = dict.fromkeys(document for document in found if document not in pairs)

    for before, after in _match_words(gone, new).items():
        pairs[after] = before
        del gone[before], new[after]
    for document, sharing in _sharing_marks(gone, new).items():
        if len(sharing) == 1 and sharing[0] in gone:
            pairs[document] = sharing[0]
            del gone[sharing[0]]
    return pairs


# --- by marks ---------------------------------------------------------------------------


def with_half_of_marks(
    texts: frozenset[str],
    others: Mapping[DocumentId, frozenset[str]],
) -> set[DocumentId]:
    """Return the documents that share half of the shorter one's marks with one.

    Args:
        texts: the folded texts of the one's marks.
        others: those of other documents, by id.
    """
    ids = {ComparedDocument("", texts=other): id for id, other in others.items()}
    sharing = _sharing_marks([ComparedDocument("", texts=texts)], list(ids))
    return {ids[document] for document, known in sharing.items() if known}


def _sharing_marks(
    gone: Collection[ComparedDocument],
    new: Collection[ComparedDocument],
) -> dict[ComparedDocument, list[ComparedDocument]]:
    """Return for each new document the gone ones with half of the shorter one's marks."""
    if not gone or not new:
        return {}
    holders = defaultdict(list)
    for before in gone:
        for text in before.texts:
            holders[text].append(before)
    known_texts = list(holders)

    sharing = {}
    for after in new:
        common: Counter[ComparedDocument] = Counter()
        for text in after.texts:
            same_text = _same_mark(text, known_texts)
            if same_text is not None:
                common.update(holders[same_text])
        sharing[after] = [
            before
            for before, count in common.items()
            if count >= HALF * min(len(after.texts), len(before.texts))
        ]
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


def _match_words(
    gone: Iterable[ComparedDocument],
    new: Iterable[ComparedDocument],
) -> dict[ComparedDocument, ComparedDocument]:
    """Return by document that went the new one with its words. Most have none."""
    scores = _scores(gone, new)
    scores_of = defaultdict(list)
    for pair, score in scores.items():
        for document in pair:
            scores_of[document].append(score)
    best = {document: nlargest(2, values) for document, values in scores_of.items()}

    chosen = {}
    for (before, after), score in scores.items():
        if _has_no_rival(score, best[before]) and _has_no_rival(score, best[after]):
            chosen[before] = after
    return chosen


def _has_no_rival(score: float, best: Sequence[float]) -> bool:
    """Return whether a score is the first of the best two, and the second far below."""
    if score != best[0]:
        return False
    return len(best) == 1 or best[1] < RIVAL * best[0]


def _scores(
    gone: Iterable[ComparedDocument],
    new: Iterable[ComparedDocument],
) -> dict[tuple[ComparedDocument, ComparedDocument], float]:
    """Return by pair that may be one document how much of their words they share."""
    sketch_of_gone = {document: document.sketch for document in gone if document.sketch}
    sketch_of_new = {document: document.sketch for document in new if document.sketch}
    if not sketch_of_gone or not sketch_of_new:
        return {}
    hash_counts: Counter[int] = Counter()
    owners: Counter[str] = Counter()
    for sketch in (*sketch_of_gone.values(), *sketch_of_new.values()):
        hash_counts.update(sketch.hashes)
        owners.update(sketch.own)
    # by shingle, and by id of a highlight, the new documents that have it
    holders = defaultdict(list)
    for document, sketch in sketch_of_new.items():
        for shingle_or_id in sketch.hashes | sketch.own:
            holders[shingle_or_id].append(document)
    scores = {}
    for gone_document, before in sketch_of_gone.items():
        candidates: set[ComparedDocument] = set()
        for shingle_or_id in before.hashes | before.own:
            candidates.update(holders.get(shingle_or_id, ()))
        for candidate in candidates:
            after = sketch_of_new[candidate]
            # both, and no third one, have the same id of a highlight
            if any(owners[own_id] == 2 for own_id in before.own & after.own):
                scores[gone_document, candidate] = SAME_OWN_ID
                continue
            share = _share(before, after, hash_counts)
            least = ENOUGH_SHARED
            if before.hints & after.hints:
                least /= 2
            if share >= least:
                scores[gone_document, candidate] = share
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
