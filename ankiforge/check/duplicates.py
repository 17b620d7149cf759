"""Find cards that duplicate a draft.

Cards are found by the rarest words of the draft, ranked by the content words they share, and judged by
`differences`. Exact duplicates are for the caller to merge; others are findings that name the other
card. Cards of one highlight, including alternatives, are never compared.

`DuplicateIndex` holds cards in memory (`add`), or reads them from a `Store` by word when they are
needed: one draft among 100,000 cards reads only a few rows, and no row is read twice.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations
from typing import Protocol

from rapidfuzz import fuzz

from ankiforge.check import differences
from ankiforge.check.differences import (
    Sides,
    exact_form,
    finders_of,
    form_of,
    sides,
    stems_of,
)
from ankiforge.check.rules import found
from ankiforge.model import (
    CardKind,
    Draft,
    Fields,
    Finding,
    HighlightKey,
    IndexedCard,
    Origin,
    SearchTerms,
)

# Chosen by measurements on labelled pairs: docs/checks.md.
_JACCARD = 0.50
_CONTAINMENT = 0.70
_TOKEN_SET = 85
_MIN_CONTAINED = 3
"""The minimum number of content words of a card that may be a part of another: the two of
`die Lampe` are in many sentences."""
_MIN_SIMILAR = 0.70
"""The Jaccard similarity from which a pair that differs is reported as similar."""
_RAREST = 3
"""The number of words by which cards are found; a fourth finds one more duplicate in 200."""
_COMMON = 100
"""Words in more cards than this are used only if the draft has no rarer ones:"""
_ALONE = 500
"""alone, up to this number of cards,"""
_LONGEST = 2_000
"""or in pairs, up to this number."""
_JUDGED = 30
"""The number of most similar cards that are judged; in a long list of one pattern all are similar."""
_MOST = 5
"""The maximum number of findings for a card."""
_SIDES_KEPT = 5_000
"""The number of cards of a store whose sides are kept in memory."""
_AT_ONCE = 5_000
"""The number of cards whose search terms are stored in one transaction."""

TERMS_VERSION = "2"
"""To be changed with `terms_of`, so that stored terms are computed again."""


def terms_of(draft: Draft) -> SearchTerms:
    """Return the search terms of a card."""
    return _read(draft.kind, draft.fields)[1]


@lru_cache(maxsize=64)
def _read(kind: CardKind, fields: Fields) -> tuple[Sides, SearchTerms]:
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
    """Stored cards; a row is the store's number of a card."""

    def unread(self, version: str, most: int) -> list[tuple[str, Draft]]:
        """Return cards whose search terms are not stored, or were computed by another version."""
        ...

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards by their ids."""
        ...

    def changed(self, since: Sequence[int]) -> tuple[tuple[int, ...], Sequence[str] | None]:
        """Return the current state, and the ids changed since another state; None = possibly all."""
        ...

    def holding(self, word: str, most: int) -> list[int]:
        """Return the rows of at most `most` cards that contain a word."""
        ...

    def cards(self, rows: Sequence[int]) -> Iterator[tuple[int, IndexedCard]]:
        """Return the cards of these rows that still exist."""
        ...

    def card(self, id: str) -> tuple[int, IndexedCard] | None:
        """Return a card and its row; None if it no longer exists."""
        ...

    def equal(self, exact: bytes) -> list[tuple[str, HighlightKey]]:
        """Return (id, highlight) of our cards with this exact form, by id."""
        ...

    def draft(self, id: str) -> Draft | None:
        """Return the text of a card; None if it no longer exists."""
        ...

    def may_be_same(self, id: str, highlight: HighlightKey) -> bool:
        """Return whether a card may belong to this highlight: it is a copy of its own, or that is gone."""
        ...


class DuplicateIndex:
    """Cards that a draft may repeat."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._state: tuple[int, ...] = ()
        self._clear()

    def _clear(self) -> None:
        # a place is a position in these lists; a changed card gets a new place
        self._ids: list[str] = []
        self._homes: list[HighlightKey] = []
        self._sides: dict[int, Sides] = {}
        """The sides of cards; of a store, those that were needed lately."""
        self._words: list[tuple[int, ...]] = []
        """The numbers of the content words of each card."""
        self._masks: list[int] = []
        """The same as bits, which give an upper bound of shared words in one operation."""
        self._sizes: list[int] = []
        self._places: dict[str, int] = {}
        """The current place of each card."""
        self._finders: dict[int, tuple[str, ...]] = {}
        """Further search terms of the cards that have any."""
        self._vocabulary: dict[str, int] = {}
        """The number of each word."""
        self._spelt: list[str] = []
        """The word of each number."""
        self._postings: list[array[int] | None] = []
        """The places of the cards that contain a word, by its number; None = too many."""
        self._figures: set[int] = set()
        """The words that are numbers."""
        self._exact: dict[bytes, tuple[int, ...]] = {}
        self._where: dict[str, str] = {}
        """The prefix of findings about foreign notes, by id."""
        # what was read from the store so far
        self._asked: set[str] = set()
        """The words with complete postings."""
        self._of_row: dict[int, int] = {}
        """The current place of each row."""
        self._unloaded: dict[int, int] = {}
        """The rows of places that are in a posting, and whose cards were not needed yet."""

    def refresh(self) -> None:
        """Synchronise with the store; call this before checking drafts, outside a transaction."""
        if self._store is None:
            return
        while unread := self._store.unread(TERMS_VERSION, _AT_ONCE):
            self._store.keep([(id, terms_of(draft)) for id, draft in unread])
        self._state, changed = self._store.changed(self._state)
        if changed is None:
            self._clear()
            return
        for id in changed:
            stored = self._store.card(id)
            is_loaded = id in self._places
            if not is_loaded and (stored[0] in self._of_row if stored else self._unloaded):
                self._clear()  # it may be in the postings of unknown words
                return
            self._remove(id)
            if stored:
                row, card = stored
                place = self._of_row[row] = self._new_place()
                self._fill(place, card)
                for word in (*card.terms.words, *card.terms.finders):
                    if word in self._asked:
                        self._post(word, place)

    # --- adding -----------------------------------------------------------------------------

    def add(self, id: str, highlight: HighlightKey, draft: Draft, where: str = "") -> None:
        """Add a card to an index in memory; one of the same id is replaced.

        Args:
            id: its guid or draft id, which findings name.
            highlight: its highlight; "" if unknown.
            draft: its text.
            where: for a foreign note, the prefix of findings about it.
        """
        read, terms = _read(draft.kind, draft.fields)
        self._remove(id)
        place = self._new_place()
        self._fill(place, IndexedCard(id, highlight, where, terms), read)
        for word in (*terms.words, *terms.finders):
            self._post(word, place)
        if terms.exact:
            self._exact[terms.exact] = (*self._exact.get(terms.exact, ()), place)

    def _new_place(self) -> int:
        self._ids.append("")
        self._homes.append(HighlightKey(""))
        self._words.append(())
        self._masks.append(0)
        self._sizes.append(0)
        return len(self._ids) - 1

    def _fill(self, place: int, card: IndexedCard, read: Sides | None = None) -> None:
        numbers = [self._number(word) for word in card.terms.words]
        self._ids[place] = card.id
        self._homes[place] = card.highlight
        if read:
            self._sides[place] = read
        self._words[place] = tuple(numbers)
        self._masks[place] = _mask(numbers)
        self._sizes[place] = len(numbers)
        self._places[card.id] = place
        if card.terms.finders:
            self._finders[place] = card.terms.finders
        if card.where:
            self._where[card.id] = card.where

    def _number(self, word: str) -> int:
        number = self._vocabulary.get(word)
        if number is None:
            number = self._vocabulary[word] = len(self._postings)
            self._postings.append(array("I"))
            self._spelt.append(word)
            if word.isdigit():
                self._figures.add(number)
        return number

    def _post(self, word: str, place: int) -> None:
        """Record that a card contains a word."""
        number = self._number(word)
        posting = self._postings[number]
        if posting is not None:
            posting.append(place)
            if len(posting) > _LONGEST:
                self._postings[number] = None

    def _remove(self, id: str) -> None:
        """Remove a card."""
        place = self._places.pop(id, None)
        if place is None:
            return
        finders = self._finders.pop(place, ())
        for number in {*self._words[place], *(self._vocabulary.get(one, -1) for one in finders)}:
            posting = self._postings[number] if number >= 0 else None
            if posting is not None and place in posting:
                posting.remove(place)
            elif posting is None and self._store is not None and number >= 0:
                self._asked.discard(self._spelt[number])  # there may be few enough cards now
                self._postings[number] = array("I")

    def _is_current(self, place: int) -> bool:
        """Return whether the card at a place is not outdated."""
        id = self._ids[place]
        return self._places.get(id) == place

    # --- reading the store ------------------------------------------------------------------

    def _ask(self, store: Store, words: Iterable[str]) -> None:
        """Read the postings of words from the store."""
        for word in words:
            if word in self._asked:
                continue
            self._asked.add(word)
            if rows := store.holding(word, _LONGEST + 1):
                places = array("I", map(self._place_of, rows)) if len(rows) <= _LONGEST else None
                self._postings[self._number(word)] = places

    def _place_of(self, row: int) -> int:
        place = self._of_row.get(row)
        if place is None:
            place = self._of_row[row] = self._new_place()
            self._unloaded[place] = row
        return place

    def _load(self, store: Store, places: Iterable[int]) -> None:
        for row, card in store.cards([self._unloaded.pop(place) for place in places]):
            self._fill(self._of_row[row], card)

    # --- exact repeats ----------------------------------------------------------------------

    def exact(self, draft: Draft, highlight: HighlightKey) -> str | None:
        """Return the id of the first equal card of ours that belongs to another highlight.

        Front and back, or the cloze text with its gaps, are compared without typography, the last
        stop, and case outside code and maths.
        """
        exact = terms_of(draft).exact
        if not exact:
            return None
        equal = self._store.equal(exact) if self._store else self._equal(exact)
        for id, home in equal:
            if not _siblings(home, highlight):
                return id
        return None

    def _equal(self, exact: bytes) -> Iterator[tuple[str, HighlightKey]]:
        for place in filter(self._is_current, self._exact.get(exact, ())):
            if self._ids[place] not in self._where:
                yield self._ids[place], self._homes[place]

    # --- near ones --------------------------------------------------------------------------

    def near(
        self,
        draft: Draft,
        highlight: HighlightKey,
        *,
        spare: bool = False,
    ) -> Iterator[Finding]:
        """Yield a warning for each duplicate, and an info for each similar card.

        `spare`: only duplicates of which one could be deleted without loss.
        """
        may_be_same = self._store.may_be_same if self._store is not None else None
        read, terms = _read(draft.kind, draft.fields)
        judged = []
        for similarity, place in self._similar(terms, read, highlight):
            theirs = self._sides_at(place)
            difference = differences.judged(read, theirs)
            same = not difference
            if difference and may_be_same and may_be_same(self._ids[place], highlight):
                difference = differences.judged(read, theirs, reworded=True)
                same = not difference or similarity >= _MIN_SIMILAR
            if difference == "" and spare and differences.both_tell(read, theirs):
                continue
            if difference is not None:
                judged.append((not same, -similarity, self._ids[place], difference, place))
        judged.sort()
        for differs, similarity, id, difference, place in judged[:_MOST]:
            shown = f"{self._where.get(id, '')}{_quoted(self._sides_at(place))}"
            shown += f", differs in: {difference}" if difference else ""
            if not differs:
                yield found("duplicate", shown, twin=id)
            elif -similarity >= _MIN_SIMILAR:
                yield found("similar", shown, twin=id)

    def _sides_at(self, place: int) -> Sides:
        known = self._sides.get(place)
        if known is None:
            assert self._store is not None
            if len(self._sides) >= _SIDES_KEPT:
                self._sides.clear()
            draft = self._store.draft(self._ids[place]) or _NOTHING  # deleted meanwhile
            known = self._sides[place] = sides(draft)
        return known

    def _similar(
        self, terms: SearchTerms, read: Sides, highlight: HighlightKey
    ) -> Iterator[tuple[float, int]]:
        """Yield (Jaccard similarity of content words, place) of the most similar cards."""
        if self._store is not None:
            self._ask(self._store, (*terms.words, *terms.finders))
        known = {number for one in terms.words if (number := self._in_use(one)) is not None}
        finders = {number for one in terms.finders if (number := self._in_use(one)) is not None}
        size, ranked = len(terms.words), []
        for place in self._halves(known, finders, size):
            theirs = self._words[place]
            shared, smaller = len(known.intersection(theirs)), min(size, len(theirs))
            if 2 * shared < smaller or not self._is_current(place):
                continue
            jaccard = shared / (size + len(theirs) - shared)
            if not self._counts_apart(known, theirs, jaccard):
                ranked.append((jaccard, shared / (smaller or 1), self._ids[place], place))
        ranked.sort(reverse=True)
        for jaccard, contained, _, place in ranked[:_JUDGED]:
            if not _siblings(self._homes[place], highlight) and (
                jaccard >= _JACCARD or self._within(contained, size, read, place)
            ):
                yield jaccard, place

    def _in_use(self, word: str) -> int | None:
        """Return the number of a word; None if no card contains it."""
        number = self._vocabulary.get(word)
        return None if number is None or self._postings[number] == _NONE else number

    def _counts_apart(self, known: set[int], theirs: tuple[int, ...], jaccard: float) -> bool:
        """Return whether a pair is not very similar, and each has a number that the other lacks."""
        if jaccard >= _MIN_SIMILAR:
            return False
        mine, other = known & self._figures, self._figures.intersection(theirs)
        return bool(mine - other) and bool(other - mine)

    def _halves(self, known: set[int], finders: set[int], size: int) -> list[int]:
        """Return candidates that may share half the words of the smaller card.

        Words that share a bit are counted once, so their number is added for each candidate.
        """
        candidates = self._candidates(known | finders if finders else known)
        if self._store is not None and (unloaded := self._unloaded.keys() & candidates):
            self._load(self._store, unloaded)
        mask, masks, sizes = _mask(known), self._masks, self._sizes
        granted = 2 * (len(known) - mask.bit_count())
        return [
            place
            for place in candidates
            if (twice := 2 * (mask & masks[place]).bit_count() + granted) >= size
            or twice >= sizes[place]
        ]

    def _candidates(self, known: set[int]) -> set[int]:
        postings = [
            (len(posting), self._spelt[number], posting)
            for number in known
            if (posting := self._postings[number]) is not None
        ]
        rarest = [posting for _, _, posting in sorted(postings)[:_RAREST]]
        rare = [posting for posting in rarest if len(posting) <= _COMMON]
        return set().union(*rare) if rare else _in_two(rarest)

    def _within(self, contained: float, size: int, read: Sides, place: int) -> bool:
        """Return whether the card with fewer content words may be a part of the other."""
        if min(size, self._sizes[place]) < _MIN_CONTAINED:
            return False
        if contained >= _CONTAINMENT:
            return True
        theirs = self._sides_at(place)
        return differences.answers_alike(read, theirs) or _sound_alike(read, theirs)


_NONE = array("I")
_NOTHING = Draft(HighlightKey(""), CardKind.CLOZE, (), "", "", 0, Origin(""))


def _in_two(postings: list[array[int]]) -> set[int]:
    """Return the cards with two of some common words, or with the only one if it is not too common."""
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
    return fuzz.token_set_ratio(*forms, score_cutoff=_TOKEN_SET) > 0


def _siblings(one: HighlightKey, other: HighlightKey) -> bool:
    return one == other != ""


def _digest(form: tuple[str, ...]) -> bytes:
    return blake2b("\x1f".join(form).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _quoted(read: Sides) -> str:
    words = " ".join(read.shown.split())
    return f"“{words if len(words) <= 80 else words[:79] + '…'}”"
