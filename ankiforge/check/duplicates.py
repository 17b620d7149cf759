"""Find cards that duplicate a draft.

Cards are found by the rarest words of the draft, ranked by the content words they share, and judged by
`differences`. Exact duplicates are for the caller to merge; others are findings that name the other
card. Cards of one highlight are never compared.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import chain, combinations
from typing import Protocol

from ankiforge.check import differences
from ankiforge.check.differences import (
    ComparedSides,
    exact_form,
    finders_of,
    form_of,
    sides,
    stems_of,
)
from ankiforge.check.reading import make_finding
from ankiforge.model import (
    CardKind,
    Draft,
    Family,
    Fields,
    Finding,
    HighlightKey,
    IndexedCard,
    Origin,
    SearchTerms,
    Strings,
)
from ankiforge.text.fold import canonical

# Chosen by measurements on labelled pairs: docs/checks.md.
_JACCARD = 0.50
_CONTAINMENT = 0.70
_TOKEN_SET = 85
# The minimum number of content words of a card that may be a part of another: the two of `die
# Lampe` are in many sentences.
_MIN_CONTAINED = 3
# The Jaccard similarity from which a pair that differs is reported as similar.
_MIN_SIMILAR = 0.70
# The number of words by which cards are found; a fourth finds one more duplicate in 200.
_RAREST = 3
# Words in more cards than this are used only if the draft has no rarer ones:
_COMMON = 100
# alone, up to this number of cards,
_ALONE = 500
# or in pairs, up to this number.
_LONGEST = 2_000
# The number of most similar cards that are judged; in a long list of one pattern all are similar.
_JUDGED = 30
# The maximum number of findings for a card.
_MOST = 5
# The number of bits that stand for the words of a card.
_BITS = 60

TERMS_VERSION = "3"
"""To be changed with `terms_of`, so that stored terms are computed again."""


def terms_of(draft: Draft) -> SearchTerms:
    """Return the search terms of a card."""
    return _read(draft.kind, draft.fields)[1]


@lru_cache(maxsize=64)
def _read(kind: CardKind, fields: Fields) -> tuple[ComparedSides, SearchTerms]:
    draft = Draft(HighlightKey(""), kind, fields, "", "", 0, Origin(""))
    read = sides(draft)
    form, exact = form_of(read.whole), exact_form(draft)
    terms = SearchTerms(
        tuple(dict.fromkeys(stems_of(form))),
        () if form.isascii() else tuple(dict.fromkeys(finders_of(form))),
        _digest(exact) if exact else b"",
    )
    return read, terms


class Store(Protocol):
    """Cards with stored search terms."""

    def unread(self, version: str) -> Iterable[tuple[str, Draft]]:
        """Yield the cards whose search terms are not stored, or were computed by another version."""
        ...

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards by their ids."""
        ...

    def cards(self) -> Iterable[IndexedCard]:
        """Yield all cards."""
        ...

    def draft(self, id: str) -> Draft | None:
        """Return the text of a card; None if it no longer exists."""
        ...


class DuplicateIndex:
    """Cards that a draft may repeat: those of a store, read at the first search, and added ones."""

    def __init__(self, store: Store | None = None) -> None:
        self._store, self._is_loaded = store, store is None
        self._cards: dict[str, IndexedCard] = {}
        # The same by number, with the bits of their words, and half the count of these above them.
        self._numbered: list[IndexedCard] = []
        self._bits = array("Q")
        self._sides: dict[str, ComparedSides] = {}
        # The numbers of the cards that contain a word.
        self._postings: dict[str, array[int]] = defaultdict(partial(array, "I"))
        self._exact: dict[bytes, list[str]] = defaultdict(list)
        # The first card of each question that was added.
        self._fronts: dict[str, str] = {}

    def add(self, id: str, highlight: HighlightKey, draft: Draft, where: str = "") -> None:
        """Add a card.

        Args:
            id: its guid or draft id, which findings name.
            highlight: its highlight; "" if unknown.
            draft: its text.
            where: for a foreign note, the prefix of findings about it.
        """
        read, terms = _read(draft.kind, draft.fields)
        self._sides[id] = read
        self._put(IndexedCard(id, highlight, where, terms))
        if draft.kind.family is Family.BASIC and read.answered:
            self._fronts.setdefault(canonical(draft.field("Front")), id)

    def _put(self, card: IndexedCard) -> None:
        words, number = card.terms.words, len(self._numbered)
        self._cards[card.id] = card
        self._numbered.append(card)
        self._bits.append(_bits_of(words) | min((len(words) + 1) // 2, 15) << _BITS)
        for word in (*words, *card.terms.finders):
            self._postings[sys.intern(word)].append(number)
        if card.terms.exact:
            self._exact[card.terms.exact].append(card.id)

    def _load(self) -> None:
        """Read the store, and compute the search terms that it lacks."""
        if self._is_loaded or self._store is None:
            return
        self._is_loaded = True
        self._store.keep([(id, terms_of(draft)) for id, draft in self._store.unread(TERMS_VERSION)])
        for card in self._store.cards():
            self._put(card)

    def exact(self, draft: Draft, highlight: HighlightKey) -> str | None:
        """Return the id of the first equal card of ours that belongs to another highlight.

        Front and back, or the cloze text with its gaps, are compared without typography, the last
        stop, and case outside code and maths.
        """
        self._load()
        equal = map(self._cards.__getitem__, self._exact.get(terms_of(draft).exact, ()))
        others = (one.id for one in equal if not one.where and not _siblings(one, highlight))
        return next(others, None)

    def near(self, draft: Draft, highlight: HighlightKey) -> Iterator[Finding]:
        """Yield a warning for each duplicate and for another answer, and an info for each similar card."""
        self._load()
        read, terms = _read(draft.kind, draft.fields)
        judged = []
        for similarity, card in self._similar(terms, read, highlight):
            difference = differences.judged(read, self._sides_of(card.id))
            if difference is not None:
                judged.append((difference != "", -similarity, card, difference))
        judged.sort(key=lambda one: (*one[:2], one[2].id))
        for differs, similarity, card, difference in judged[:_MOST]:
            shown = f"{card.where}{_quoted(self._sides_of(card.id))}"
            if not differs:
                yield make_finding("duplicate", shown, twin=card.id)
            elif -similarity >= _MIN_SIMILAR:
                yield make_finding("similar", f"{shown}, differs in: {difference}", twin=card.id)
        yield from self._other_answers(draft, read, highlight)

    def _other_answers(
        self, draft: Draft, read: ComparedSides, highlight: HighlightKey
    ) -> Iterator[Finding]:
        """Yield a finding if an added card has the same question with another answer."""
        id = self._fronts.get(canonical(draft.field("Front")))
        if id is None or not read.answered or _siblings(self._cards[id], highlight):
            return
        theirs = self._sides[id]
        if differences.judged(read, theirs) and form_of(read.answered) != form_of(theirs.answered):
            yield make_finding("same_front", f"“{theirs.answered[:60]}”", twin=id)

    def _sides_of(self, id: str) -> ComparedSides:
        if id not in self._sides:
            draft = self._store.draft(id) if self._store else None
            self._sides[id] = sides(draft or _NOTHING)  # deleted meanwhile
        return self._sides[id]

    def _similar(
        self, terms: SearchTerms, read: ComparedSides, highlight: HighlightKey
    ) -> Iterator[tuple[float, IndexedCard]]:
        """Yield (Jaccard similarity of content words, card) of the most similar cards."""
        mine, ranked, cards = set(terms.words), [], self._cards
        numbers, many = set(filter(str.isdigit, mine)), len(mine)
        for card in map(self._numbered.__getitem__, self._candidates(terms)):
            theirs, id = card.terms.words, card.id  # no word is in it twice
            shared = len(mine.intersection(theirs))
            if 2 * shared < many and 2 * shared < len(theirs):
                continue
            if _siblings(card, highlight) or cards[id] is not card:  # added again since
                continue
            jaccard = shared / (many + len(theirs) - shared or 1)
            apart = jaccard < _MIN_SIMILAR and numbers.difference(theirs)
            if apart and any(map(str.isdigit, set(theirs) - mine)):
                continue  # each has a number that the other lacks
            ranked.append((jaccard, shared / (min(many, len(theirs)) or 1), id))
        ranked.sort(reverse=True)
        for jaccard, contained, id in ranked[:_JUDGED]:
            if jaccard >= _JACCARD or self._within(contained, mine, read, id):
                yield jaccard, self._cards[id]

    def _candidates(self, terms: SearchTerms) -> set[int]:
        """Return the cards with one of the rarest words of a draft, or with two common ones.

        Those that cannot share half of the words of either are left out: as far as the draft's words
        have different bits, no more words are shared than bits.
        """
        every = map(self._postings.get, (*terms.words, *terms.finders))
        rarest = sorted((one for one in every if one and len(one) <= _LONGEST), key=len)[:_RAREST]
        found: Iterable[int] = ()
        if rare := [one for one in rarest if len(one) <= _COMMON]:
            found = chain.from_iterable(rare)
        elif len(rarest) == 1:
            found = rarest[0] if len(rarest[0]) <= _ALONE else ()
        else:
            found = set().union(*(set(a).intersection(b) for a, b in combinations(rarest, 2)))
        mine, bits = _bits_of(terms.words), self._bits
        same = len(terms.words) - mine.bit_count()
        enough = (len(terms.words) + 1) // 2 - same
        return {
            number
            for number in found
            if (shared := (bits[number] & mine).bit_count()) >= enough
            or shared + same >= bits[number] >> _BITS
        }

    def _within(self, contained: float, mine: set[str], read: ComparedSides, id: str) -> bool:
        """Return whether the card with fewer content words may be a part of the other."""
        if min(len(mine), len(self._cards[id].terms.words)) < _MIN_CONTAINED:
            return False
        if contained >= _CONTAINMENT:
            return True
        from rapidfuzz import fuzz  # seldom needed, and slow to load

        theirs = self._sides_of(id)
        forms = (form_of(read.whole), form_of(theirs.whole))
        return (
            differences.answers_alike(read, theirs)
            or fuzz.token_set_ratio(*forms, score_cutoff=_TOKEN_SET) > 0
        )


_NOTHING = Draft(HighlightKey(""), CardKind.CLOZE, (), "", "", 0, Origin(""))


@lru_cache(maxsize=64)
def _bits_of(words: Strings) -> int:
    """Return a number with a bit for each word, which some words have in common."""
    bits = 0
    for word in words:
        bits |= 1 << hash(word) % _BITS
    return bits


def _siblings(card: IndexedCard, highlight: HighlightKey) -> bool:
    return card.highlight == highlight != ""


def _digest(form: Strings) -> bytes:
    return blake2b("\x1f".join(form).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _quoted(read: ComparedSides) -> str:
    words = " ".join(read.shown.split())
    return f"“{words if len(words) <= 80 else words[:79] + '…'}”"
