"""Twins: is there a card already that asks the same?

Found by its rarest words, scored by shared content words, judged by the guards. Exact
repeats are for the caller to merge; everything else is a finding that names the twin.
Cards of one highlight, and so the candidates of one choice, are siblings: never compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from rapidfuzz import fuzz

from ankiforge.check import guards
from ankiforge.check.normal import Sides, exact_form, normal, sides
from ankiforge.check.rule import Rule
from ankiforge.domain import Draft, Finding, HighlightKey, Severity

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
_RAREST = 4
_COMMON = 100
"""A word in more cards than this finds none."""
_MOST = 5
"""Findings per card; the likest."""


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    highlight: HighlightKey
    sides: Sides


class Twins:
    """An index of the cards there are: in the ledger, in Anki, and in this run so far."""

    def __init__(self) -> None:
        self._entries: list[_Entry | None] = []
        self._words: list[tuple[int, ...]] = []
        """Per card, the numbers of its content words."""
        self._masks = array("Q")
        """The same as bits: what two cards may share, seen at a glance."""
        self._sizes = array("L")
        """And how many they are."""
        self._places: dict[str, int] = {}
        self._vocabulary: dict[str, int] = {}
        self._postings: list[array[int]] = []
        """Per word, the cards that hold it; emptied for good once it is common."""
        self._common: set[int] = set()
        self._exact: dict[bytes, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, id: str, highlight: HighlightKey, draft: Draft) -> None:
        """Take a card in; one of the same id is replaced.

        Args:
            id: its guid or draft id; what findings name.
            highlight: where it comes from; "" if that is not known.
            draft: its words.
        """
        if id in self._places:
            self._entries[self._places[id]] = None
        place = len(self._entries)
        read = sides(draft)
        words = tuple(sorted(self._number(word) for word in _stems(read.whole)))
        self._entries.append(_Entry(id, highlight, read))
        self._words.append(words)
        self._masks.append(_mask(words))
        self._sizes.append(len(words))
        self._places[id] = place
        for word in words:
            self._post(word, place)
        if form := exact_form(draft):
            key = _digest(form)
            self._exact[key] = (*self._exact.get(key, ()), place)

    def drop(self, id: str) -> None:
        """Forget a card, if it is there."""
        place = self._places.pop(id, None)
        if place is not None:
            self._entries[place] = None

    def _number(self, word: str) -> int:
        number = self._vocabulary.setdefault(word, len(self._vocabulary))
        if number == len(self._postings):
            self._postings.append(array("L"))
        return number

    def _post(self, word: int, place: int) -> None:
        if word in self._common:
            return
        posting = self._postings[word]
        posting.append(place)
        if len(posting) > _COMMON:
            self._common.add(word)
            self._postings[word] = array("L")

    # --- exact repeats ----------------------------------------------------------------------

    def exact(self, draft: Draft, highlight: HighlightKey) -> str | None:
        """The id of the first card of another highlight that is the same, letter by letter.

        Equal are front and back, or the whole cloze text with its gaps; case outside code
        and maths, typography and the last stop do not count.
        """
        form = exact_form(draft)
        for place in self._exact.get(_digest(form), ()) if form else ():
            entry = self._entries[place]
            if entry is not None and not _siblings(entry.highlight, highlight):
                return entry.id
        return None

    # --- near ones --------------------------------------------------------------------------

    def near(self, draft: Draft, highlight: HighlightKey) -> Iterator[Finding]:
        """A warning for each card that asks the same, a note for each that nearly does."""
        read = sides(draft)
        found = []
        for likeness, entry in self._alike(read, highlight):
            mine, theirs = guards.features(read), guards.features(entry.sides)
            one, other = guards.aligned(mine, theirs), guards.aligned(theirs, mine)
            if guards.comparable(one, other) and not guards.siblings(one, other):
                found.append((likeness, entry, guards.difference(one, other)))
        found.sort(key=lambda each: (bool(each[2]), -each[0], each[1].id))
        for likeness, entry, difference in found[:_MOST]:
            if not difference:
                yield DUPLICATE.found(_quoted(entry), twin=entry.id)
            elif likeness >= _WORTH_TELLING:
                yield SIMILAR.found(f"{_quoted(entry)}, differs in: {difference}", twin=entry.id)

    def _alike(self, read: Sides, highlight: HighlightKey) -> Iterator[tuple[float, _Entry]]:
        """(Jaccard of content words, card) for those alike enough to be judged."""
        stems = _stems(read.whole)
        known = {self._vocabulary[word] for word in stems if word in self._vocabulary}
        for place in self._halves(known, len(stems)):
            size = self._sizes[place]
            shared = len(known.intersection(self._words[place]))
            if 2 * shared < min(len(stems), size):
                continue
            entry = self._entries[place]
            if entry is None or _siblings(entry.highlight, highlight):
                continue
            jaccard = shared / (len(stems) + size - shared)
            if jaccard >= _JACCARD or _within(shared, min(len(stems), size), read, entry):
                yield jaccard, entry

    def _halves(self, known: set[int], size: int) -> list[int]:
        """The candidates that may share half the words of the smaller: one tight loop.

        Words that fall on one bit are counted once, so as many are granted to each.
        """
        mask, masks, sizes = _mask(known), self._masks, self._sizes
        granted = 2 * (len(known) - mask.bit_count())
        return [
            place
            for place in self._candidates(known)
            if (twice := 2 * (mask & masks[place]).bit_count() + granted) >= size
            or twice >= sizes[place]
        ]

    def _candidates(self, known: set[int]) -> set[int]:
        rare = sorted((len(self._postings[word]), word) for word in known - self._common)
        return set().union(*(self._postings[word] for _, word in rare[:_RAREST]))


_BITS = 64


def _mask(words: Iterable[int]) -> int:
    mask = 0
    for word in words:
        mask |= 1 << word % _BITS
    return mask


@lru_cache(maxsize=1024)
def _stems(whole: str) -> frozenset[str]:
    return frozenset(guards.stems_of(normal(whole)))


def _within(shared: int, smaller: int, read: Sides, entry: _Entry) -> bool:
    """Whether the card of fewer content words says what the other says, too."""
    if smaller < _TELLING:
        return False
    return shared >= _CONTAINMENT * smaller or _sound_alike(read, entry)


def _sound_alike(read: Sides, entry: _Entry) -> bool:
    forms = (normal(read.whole), normal(entry.sides.whole))
    return fuzz.token_set_ratio(*forms) >= _TOKEN_SET


def _siblings(one: HighlightKey, other: HighlightKey) -> bool:
    return one == other != ""


def _digest(form: tuple[str, ...]) -> bytes:
    return blake2b("\x1f".join(form).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _quoted(entry: _Entry) -> str:
    words = " ".join(entry.sides.shown.split())
    return f"“{words if len(words) <= 80 else words[:79] + '…'}”"
