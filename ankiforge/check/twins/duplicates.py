"""Twins: is there a card already that asks the same?

Found by its rarest words, scored by shared content words, judged by the guards. Exact
repeats are for the caller to merge; everything else is a finding that names the twin.
Cards of one highlight, and so the candidates of one choice, are siblings: never compared.

Bare cards of any deck can be searched as well: `add` and `near` with "" for a highlight.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations

from rapidfuzz import fuzz

from ankiforge.check.lexical.normal import Sides, exact_form, sides
from ankiforge.check.lexical.stems import finders_of, stems_of
from ankiforge.check.rule import Rule
from ankiforge.check.twins import guards
from ankiforge.check.twins.features import form_of
from ankiforge.model import Draft, Finding, HighlightKey, Severity

DUPLICATE = Rule("duplicate", Severity.WARN, "resembles")
SIMILAR = Rule("similar", Severity.INFO, "similar to")
RULES = (DUPLICATE, SIMILAR)

# Measured with the guards on labelled pairs: docs/checks.md.
_JACCARD = 0.50
_CONTAINMENT = 0.70
_TOKEN_SET = 85
_TELLING = 3
"""Content words from which the shorter card can be called a part of the longer one: of two,
`die Lampe`, many a sentence holds both."""
_WORTH_TELLING = 0.70
"""Likeness (Jaccard) from which a pair that a guard has parted is told of."""
_RAREST = 3
"""Words by which a card is looked for; a fourth finds one twin in 200 more, a sixth slower."""
_COMMON = 100
"""A word in more cards than this finds none, unless a card has none that is rarer:"""
_ALONE = 500
"""then alone, up to so many cards,"""
_LONGEST = 2_000
"""or together with another common one; beyond so many not at all."""
_JUDGED = 30
"""So many of the likest cards are judged: in a list of a thousand of one pattern all are alike."""
_MOST = 5
"""Findings per card; the likest."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the index keeps of a card: enough to find it, not to judge it."""

    words: tuple[str, ...]
    """Stems of its content words."""
    finders: tuple[str, ...]
    """More by which it is found."""
    exact: bytes
    """Digest of its exact form, b"" where a side is empty."""


def mark_of(draft: Draft) -> Mark:
    """Read a card for the index; what it says may be kept (see `RULES_OF_MARKS`)."""
    return _read(draft)[1]


@lru_cache(maxsize=64)
def _read(draft: Draft) -> tuple[Sides, Mark]:
    read = sides(draft)
    form, exact = form_of(read.whole), exact_form(draft)
    mark = Mark(
        tuple(dict.fromkeys(stems_of(form))),
        () if form.isascii() else tuple(dict.fromkeys(finders_of(form))),
        _digest(exact) if exact else b"",
    )
    return read, mark


RULES_OF_MARKS = "2"
"""Changes whenever `mark_of` reads a card otherwise; marks that were kept are then made anew."""


class Twins:
    """An index of the cards there are: in the ledger, in Anki, and in this run so far."""

    def __init__(self, read: Callable[[str], Draft] | None = None) -> None:
        """`read` gives the words of cards that were taken in by their marks alone."""
        self._read = read
        self._ids: list[str] = []
        self._homes: list[HighlightKey] = []
        self._sides: list[Sides | None] = []
        """None: to be read when it is wanted."""
        self._words: list[tuple[int, ...]] = []
        """Per card, the numbers of its content words."""
        self._masks: list[int] = []
        """The same as bits: what two cards may share, seen at a glance."""
        self._sizes: list[int] = []
        """And how many they are."""
        self._places: dict[str, int] = {}
        self._vocabulary: dict[str, int] = {}
        self._postings: list[array[int] | None] = []
        """Per word, the cards that hold it; None once they are too many."""
        self._figures: set[int] = set()
        """The words that are numbers."""
        self._exact: dict[bytes, tuple[int, ...]] = {}
        self._where: dict[str, str] = {}
        """Where a card stands that is none of ours, by its id."""

    def __len__(self) -> int:
        return len(self._places)

    def read_by(self, read: Callable[[str], Draft]) -> None:
        """From now on the words of cards come from here."""
        self._read = read

    def add(self, id: str, highlight: HighlightKey, draft: Draft) -> None:
        """Take a card in; one of the same id is replaced.

        Args:
            id: its guid or draft id; what findings name.
            highlight: where it comes from; "" if that is not known.
            draft: its words.
        """
        read, mark = _read(draft)
        self._take(id, highlight, mark, read)

    def add_mark(self, id: str, highlight: HighlightKey, mark: Mark, where: str = "") -> None:
        """Take a card in by what was kept of it; its words are read when they are wanted.

        `where`: what findings say before they quote it.
        """
        self._take(id, highlight, mark, None)
        if where:
            self._where[id] = where

    def _take(self, id: str, home: HighlightKey, mark: Mark, read: Sides | None) -> None:
        place = len(self._ids)
        numbers = [self._post(word, place) for word in mark.words]
        for finder in mark.finders:
            self._post(finder, place)
        self._ids.append(id)
        self._homes.append(home)
        self._sides.append(read)
        self._words.append(tuple(numbers))
        self._masks.append(_mask(numbers))
        self._sizes.append(len(numbers))
        self._places[id] = place
        if mark.exact:
            self._exact[mark.exact] = (*self._exact.get(mark.exact, ()), place)

    def drop(self, id: str) -> None:
        """Forget a card, if it is there."""
        self._places.pop(id, None)

    def _stands(self, place: int) -> bool:
        """Whether the card there was neither replaced nor dropped."""
        return self._places.get(self._ids[place]) == place

    def _post(self, word: str, place: int) -> int:
        """Note that a card holds a word; returns the number of the word."""
        number = self._vocabulary.get(word)
        if number is None:
            number = self._vocabulary[word] = len(self._postings)
            self._postings.append(array("I", (place,)))
            if word.isdigit():
                self._figures.add(number)
            return number
        posting = self._postings[number]
        if posting is not None:
            posting.append(place)
            if len(posting) > _LONGEST:
                self._postings[number] = None
        return number

    # --- exact repeats ----------------------------------------------------------------------

    def exact(self, draft: Draft, highlight: HighlightKey) -> str | None:
        """The id of the first card of ours, of another highlight, that is the same letter by letter.

        Equal are front and back, or the whole cloze text with its gaps; case outside code
        and maths, typography and the last stop do not count.
        """
        mark = mark_of(draft)
        for place in self._exact.get(mark.exact, ()) if mark.exact else ():
            ours = self._ids[place] not in self._where
            if ours and self._stands(place) and not _siblings(self._homes[place], highlight):
                return self._ids[place]
        return None

    # --- near ones --------------------------------------------------------------------------

    def near(
        self, draft: Draft, highlight: HighlightKey, *, spare: bool = False
    ) -> Iterator[Finding]:
        """A warning for each card that asks the same, a note for each that nearly does.

        `spare`: only if one of the two could be deleted and nothing would be lost.
        """
        read, mark = _read(draft)
        found = []
        for likeness, place in self._alike(mark, read, highlight):
            difference = guards.judged(read, self._said(place))
            if difference == "" and spare and guards.both_tell(read, self._said(place)):
                continue
            if difference is not None:
                found.append((bool(difference), -likeness, self._ids[place], difference, place))
        found.sort()
        for differs, likeness, id, difference, place in found[:_MOST]:
            shown = f"{self._where.get(id, '')}{_quoted(self._said(place))}"
            if not differs:
                yield DUPLICATE.found(shown, twin=id)
            elif -likeness >= _WORTH_TELLING:
                yield SIMILAR.found(f"{shown}, differs in: {difference}", twin=id)

    def _said(self, place: int) -> Sides:
        found = self._sides[place]
        if found is None:
            assert self._read is not None
            found = self._sides[place] = sides(self._read(self._ids[place]))
        return found

    def _alike(
        self, mark: Mark, read: Sides, highlight: HighlightKey
    ) -> Iterator[tuple[float, int]]:
        """(Jaccard of content words, card) for those alike enough to be judged."""
        vocabulary = self._vocabulary
        known = {vocabulary[word] for word in mark.words if word in vocabulary}
        finders = {vocabulary[word] for word in mark.finders if word in vocabulary}
        size, ranked = len(mark.words), []
        for place in self._halves(known, finders, size):
            theirs = self._words[place]
            shared, smaller = len(known.intersection(theirs)), min(size, len(theirs))
            if 2 * shared < smaller or not self._stands(place):
                continue
            jaccard = shared / (size + len(theirs) - shared)
            if not self._counts_apart(known, theirs, jaccard):
                ranked.append((jaccard, shared / (smaller or 1), place))
        ranked.sort(reverse=True)
        for jaccard, contained, place in ranked[:_JUDGED]:
            if not _siblings(self._homes[place], highlight) and (
                jaccard >= _JACCARD or self._within(contained, size, read, place)
            ):
                yield jaccard, place

    def _counts_apart(self, known: set[int], theirs: tuple[int, ...], jaccard: float) -> bool:
        """Whether each has a number that the other lacks, and neither is worth telling of."""
        if jaccard >= _WORTH_TELLING:
            return False
        mine, other = known & self._figures, self._figures.intersection(theirs)
        return bool(mine - other) and bool(other - mine)

    def _halves(self, known: set[int], finders: set[int], size: int) -> list[int]:
        """The candidates that may share half the words of the smaller: one tight loop.

        Words that fall on one bit are counted once, so as many are granted to each.
        """
        mask, masks, sizes = _mask(known), self._masks, self._sizes
        granted = 2 * (len(known) - mask.bit_count())
        return [
            place
            for place in self._candidates(known | finders if finders else known)
            if (twice := 2 * (mask & masks[place]).bit_count() + granted) >= size
            or twice >= sizes[place]
        ]

    def _candidates(self, known: set[int]) -> set[int]:
        postings = [posting for word in known if (posting := self._postings[word]) is not None]
        postings.sort(key=len)
        rare = [posting for posting in postings[:_RAREST] if len(posting) <= _COMMON]
        return set().union(*rare) if rare else _in_two(postings[:_RAREST])

    def _within(self, contained: float, size: int, read: Sides, place: int) -> bool:
        """Whether the card of fewer content words says what the other says, too."""
        if min(size, self._sizes[place]) < _TELLING:
            return False
        if contained >= _CONTAINMENT:
            return True
        said = self._said(place)
        return guards.answers_alike(read, said) or _sound_alike(read, said)


def _in_two(postings: list[array[int]]) -> set[int]:
    """Cards with two of some common words; of one alone where it is not all too common."""
    if len(postings) == 1:
        return set(postings[0]) if len(postings[0]) <= _ALONE else set()
    return set().union(*(set(one).intersection(other) for one, other in combinations(postings, 2)))


_BITS = 240


def _mask(words: Iterable[int]) -> int:
    mask = 0
    for word in words:
        mask |= 1 << word % _BITS
    return mask


def _sound_alike(one: Sides, other: Sides) -> bool:
    forms = (form_of(one.whole), form_of(other.whole))
    return fuzz.token_set_ratio(*forms) >= _TOKEN_SET


def _siblings(one: HighlightKey, other: HighlightKey) -> bool:
    return one == other != ""


def _digest(form: tuple[str, ...]) -> bytes:
    return blake2b("\x1f".join(form).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _quoted(read: Sides) -> str:
    words = " ".join(read.shown.split())
    return f"“{words if len(words) <= 80 else words[:79] + '…'}”"
