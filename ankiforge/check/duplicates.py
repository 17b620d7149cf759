"""Find cards that duplicate a draft.

Cards are found by the rarest words of the draft, ranked by the content words they
share, and judged by `differences`. Exact duplicates are for the caller to merge; others
are findings that name the other card. Cards of one highlight are never compared.
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
from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.sides import ComparedSides, exact_form, sides
from ankiforge.language.normal import finders_of, form_of, stems_of
from ankiforge.model import (
    NO_KEY,
    Card,
    CardKind,
    Family,
    Fields,
    Finding,
    HighlightKey,
    IndexedCard,
    SearchTerms,
    Strings,
)
from ankiforge.text.fold import for_comparing


@needs(Needs.REST)
def resembles(draft: Card, context: Context) -> Iterator[Finding]:
    """Find cards of other highlights that ask the same thing."""
    yield from context.known.near(draft, context.highlight.key)


# --- search terms ---------------------------------------------------------------------

TERMS_VERSION = "5"
"""To be changed with `terms_of`, so that stored terms are computed again."""


def terms_of(draft: Card) -> SearchTerms:
    """Return the search terms of a card."""
    return _read(draft.kind, draft.fields)[1]


@lru_cache(maxsize=64)
def _read(kind: CardKind, fields: Fields) -> tuple[ComparedSides, SearchTerms]:
    """Return the sides and the search terms of a card."""
    draft = Card(NO_KEY, kind, fields)
    card_sides = sides(draft)
    form = form_of(card_sides.whole)
    exact = exact_form(draft)
    question = ""
    if kind.family is Family.BASIC and card_sides.answered:
        question = for_comparing(draft.field("Front"))
    terms = SearchTerms(
        words=_unique(stems_of(form)),
        finders=() if form.isascii() else _unique(finders_of(form)),
        exact=_digest(exact) if exact else b"",
        question=_digest((question,)) if question else b"",
    )
    return card_sides, terms


def _unique(words: Iterable[str]) -> Strings:
    return tuple(dict.fromkeys(words))


def _digest(form: Strings) -> bytes:
    encoded = "\x1f".join(form).encode("utf-8", "surrogatepass")
    return blake2b(encoded, digest_size=16).digest()


# The number of bits that stand for the words of a card. With half as many, five times as
# many cards are compared in vain.
_BITS = 120


@lru_cache(maxsize=64)
def _bits_of(words: Strings) -> int:
    """Return a number with a bit for each word, which some words have in common."""
    bits = 0
    for word in words:
        bits |= 1 << hash(word) % _BITS
    return bits


# --- the index ------------------------------------------------------------------------

# Chosen by measurements on labelled pairs: docs/reference/checks.md.
_JACCARD = 0.50
_CONTAINMENT = 0.70
_TOKEN_SET = 85
# The minimum number of content words of a card that may be a part of another: the two
# of `die Lampe` are in many sentences.
_MIN_CONTAINED = 3
# The number of words by which cards are found; a fourth finds one more duplicate in 200.
_RAREST = 3
# Words in more cards than this are used only if the draft has no rarer ones:
_COMMON = 100
# alone, up to this number of cards,
_ALONE = 500
# or in pairs, up to this number.
_LONGEST = 2_000
# The number of most similar cards that are judged; in a long list of one pattern all
# are similar.
_JUDGED = 30
# The maximum number of findings for a card.
_MOST = 5


class Store(Protocol):
    """Cards with stored search terms."""

    def unread(self, version: str) -> Iterable[tuple[str, Card]]:
        """Yield the cards whose search terms are not stored, or those of another version."""
        ...

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards by their ids."""
        ...

    def cards(self) -> Iterable[IndexedCard]:
        """Yield all cards."""
        ...

    def draft(self, id: str) -> Card | None:
        """Return the text of a card; None if it no longer exists."""
        ...


class DuplicateIndex:
    """Cards and drafts that a draft may repeat.

    They are those of a store, read at the first search, and those that were added.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._is_loaded = store is None
        self._cards: dict[str, IndexedCard] = {}
        # The same by number, with the bits of their words, and half the count of these
        # above them.
        self._numbered: list[IndexedCard] = []
        self._bits: list[int] = []
        self._sides: dict[str, ComparedSides] = {}
        # The numbers of the cards that contain a word.
        self._postings: dict[str, array[int]] = defaultdict(partial(array, "I"))
        self._exact: dict[bytes, list[str]] = defaultdict(list)
        # The cards of each question.
        self._questions: dict[bytes, list[str]] = defaultdict(list)

    def add(self, id: str, highlight: HighlightKey, draft: Card, where: str = "") -> None:
        """Add a card.

        Args:
            id: its guid or draft id, which findings name.
            highlight: its highlight; "" if unknown.
            draft: its text.
            where: for a foreign note, the prefix of findings about it.
        """
        card_sides, terms = _read(draft.kind, draft.fields)
        self._sides[id] = card_sides
        self._put(IndexedCard(id, highlight, where, terms))

    def _put(self, card: IndexedCard) -> None:
        """Add a card whose search terms are known."""
        words = card.terms.words
        number = len(self._numbered)
        self._cards[card.id] = card
        self._numbered.append(card)
        half_the_words = (len(words) + 1) // 2
        self._bits.append(_bits_of(words) | half_the_words << _BITS)
        for word in (*words, *card.terms.finders):
            self._postings[sys.intern(word)].append(number)
        if card.terms.exact:
            self._exact[card.terms.exact].append(card.id)
        if card.terms.question and not card.where:
            self._questions[card.terms.question].append(card.id)

    def _load(self) -> None:
        """Read the store, and compute the search terms that it lacks."""
        if self._is_loaded or self._store is None:
            return
        self._is_loaded = True
        unread = self._store.unread(TERMS_VERSION)
        self._store.keep([(id, terms_of(draft)) for id, draft in unread])
        for card in self._store.cards():
            self._put(card)

    # --- what it finds ----------------------------------------------------------------

    def exact(self, draft: Card, highlight: HighlightKey) -> str | None:
        """Return the id of the first equal card of ours that belongs to another highlight.

        Front and back, or the cloze text with its gaps, are compared without
        typography, the last stop, and case outside code and maths.
        """
        self._load()
        for id in self._exact.get(terms_of(draft).exact, ()):
            card = self._cards[id]
            is_ours = not card.where
            if is_ours and not _are_siblings(card, highlight):
                return card.id
        return None

    def near(self, draft: Card, highlight: HighlightKey) -> Iterator[Finding]:
        """Yield a finding for each duplicate, the most similar first, and for another answer."""
        self._load()
        my_sides, terms = _read(draft.kind, draft.fields)
        found = []
        for similarity, card in self._similar(terms, my_sides, highlight):
            if differences.are_one(my_sides, self._sides_of(card.id)):
                found.append((-similarity, card.id))
        for _, id in sorted(found)[:_MOST]:
            words = " ".join(self._sides_of(id).shown.split())
            if len(words) > 80:
                words = f"{words[:79]}…"
            shown = f"{self._cards[id].where}“{words}”"
            yield make_finding("duplicate", shown, duplicate=id)

        # the first card with the same question and another answer
        for id in self._questions.get(terms.question, ()):
            if _are_siblings(self._cards[id], highlight):
                continue
            theirs = self._sides_of(id)
            is_other = form_of(my_sides.answered) != form_of(theirs.answered)
            if is_other and not differences.are_one(my_sides, theirs):
                detail = f"“{theirs.answered[:60]}”"
                yield make_finding("same_front", detail, duplicate=id)
                return

    def _sides_of(self, id: str) -> ComparedSides:
        if id not in self._sides:
            draft = self._store.draft(id) if self._store else None
            self._sides[id] = sides(draft or _NOTHING)  # deleted meanwhile
        return self._sides[id]

    # --- how it searches --------------------------------------------------------------

    def _similar(
        self, terms: SearchTerms, my_sides: ComparedSides, highlight: HighlightKey
    ) -> Iterator[tuple[float, IndexedCard]]:
        """Yield (Jaccard similarity of content words, card) of the most similar cards."""
        my_words = set(terms.words)
        my_numbers = set(filter(str.isdigit, my_words))
        my_count = len(my_words)
        ranked = []
        for number in self._candidates(terms):
            card = self._numbered[number]
            their_words = card.terms.words  # no word is in it twice
            their_count = len(their_words)
            shared = len(my_words.intersection(their_words))
            if 2 * shared < min(my_count, their_count):
                continue
            is_replaced = self._cards[card.id] is not card
            if is_replaced or _are_siblings(card, highlight):
                continue
            all_words = my_count + their_count - shared
            jaccard = shared / (all_words or 1)
            if my_numbers.difference(their_words):
                their_own = set(their_words) - my_words
                if any(map(str.isdigit, their_own)):
                    continue  # each has a number that the other lacks
            contained = shared / (min(my_count, their_count) or 1)
            ranked.append((jaccard, contained, card.id))
        ranked.sort(reverse=True)
        for jaccard, contained, id in ranked[:_JUDGED]:
            is_near = jaccard >= _JACCARD
            # the card with fewer words may be a part of the other
            fewer_words = min(my_count, len(self._cards[id].terms.words))
            if not is_near and fewer_words >= _MIN_CONTAINED:
                from rapidfuzz import fuzz  # seldom needed, and slow to load

                forms = form_of(my_sides.whole), form_of(self._sides_of(id).whole)
                is_near = (
                    contained >= _CONTAINMENT
                    or fuzz.token_set_ratio(*forms, score_cutoff=_TOKEN_SET) > 0
                )
            if is_near:
                yield jaccard, self._cards[id]

    def _candidates(self, terms: SearchTerms) -> set[int]:
        """Return the cards with one of the rarest words of a draft, or with two common ones.

        Those that cannot share half of the words of either are left out: as far as the
        draft's words have different bits, no more words are shared than bits.
        """
        my_bits = _bits_of(terms.words)
        bits = self._bits
        # words of the draft that have no bit of their own
        without_bit = len(terms.words) - my_bits.bit_count()
        enough = (len(terms.words) + 1) // 2 - without_bit
        candidates = set()
        for number in self._with_rarest_words(terms):
            card_bits = bits[number]
            shared = (card_bits & my_bits).bit_count()
            half_of_theirs = card_bits >> _BITS
            if shared >= enough or shared + without_bit >= half_of_theirs:
                candidates.add(number)
        return candidates

    def _with_rarest_words(self, terms: SearchTerms) -> Iterable[int]:
        """Return the cards with one of the rarest words of a draft, or with two common ones."""
        postings = []
        for word in (*terms.words, *terms.finders):
            posting = self._postings.get(word)
            if posting and len(posting) <= _LONGEST:
                postings.append(posting)
        postings.sort(key=len)
        rarest = postings[:_RAREST]
        rare = [posting for posting in rarest if len(posting) <= _COMMON]
        if rare:
            return chain.from_iterable(rare)
        if len(rarest) == 1:
            (only,) = rarest
            return only if len(only) <= _ALONE else ()
        in_two = set[int]()
        for posting, other in combinations(rarest, 2):
            in_two |= set(posting).intersection(other)
        return in_two


_NOTHING = Card(NO_KEY, CardKind.CLOZE, ())


def _are_siblings(card: IndexedCard, highlight: HighlightKey) -> bool:
    """Return whether a card is of this highlight; "" is none."""
    return card.highlight == highlight != ""
