"""Find cards that duplicate a draft.

Cards are found by the rarest words of the draft, and ranked by the content words they share. No
score distinguishes "L1" and "L2" or "2017" and "2018" from a paraphrase, so `are_one` decides, by
a table of differences. Exact duplicates, of which the plain text of both sides is equal in one
form, are for the caller to merge; others are findings that name the other card. Cards of one
highlight are never compared.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import chain, combinations, islice
from typing import Protocol

from ankiforge.check.reading import Context, Needs, make_finding, needs, without_markup
from ankiforge.language.lexicon import WordSet, listed
from ankiforge.language.normal import (
    finders_of,
    for_comparing_words,
    form_of,
    stems_of,
    tokens_of,
)
from ankiforge.language.quantities import DIGITS
from ankiforge.language.words import NEGATIONS, TERM, opposed, stem, synonyms
from ankiforge.model import (
    CardKind,
    Family,
    Fields,
    Finding,
    HighlightKey,
    IndexedCard,
    SearchTerms,
    Strings,
    Texts,
    Value,
    Words,
)
from ankiforge.text import cloze, regex
from ankiforge.text.fold import for_comparing, shields

MAX_LENGTH = 2000
"""The number of characters of a field that are compared; useful cards are not longer."""
_SIMPLE_CLOZE = regex(r"\{\{c\d+(?:,\d+)*::([^{}:]*)(?:::[^{}:]*)?\}\}")
_SHIELD_SIGN = regex(r"[`$\\]")


class ComparedSides(Value, gc=False):
    """A card as plain text: question, answer, and both together."""

    family: Family
    asked: str
    answered: str
    text: str = ""
    """The text of a cloze with its answers; "" for other cards."""

    @property
    def whole(self) -> str:
        """The whole text."""
        return self.text or f"{self.asked} {self.answered}"

    @property
    def shown(self) -> str:
        """The text that identifies the card to a reader."""
        return self.text or self.asked


def sides(words: Words) -> ComparedSides:
    """Return the two sides of a draft or card."""
    return _sides(words.family, words.fields)


@lru_cache(maxsize=64)
def _sides(family: Family, fields: Fields) -> ComparedSides:
    words = dict(fields)
    if family is Family.BASIC:
        front = without_markup(words.get("Front", "")[:MAX_LENGTH])
        back = without_markup(words.get("Back", "")[:MAX_LENGTH])
        return ComparedSides(Family.BASIC, front, back)
    text = words.get("Text", "")[:MAX_LENGTH]
    answers = _SIMPLE_CLOZE.findall(text)
    if len(answers) == text.count("{{") and not _SHIELD_SIGN.search(text):
        # faster, and sufficient for most clozes
        question = _SIMPLE_CLOZE.sub(" ", text)
    else:
        answers = []
        outside = []
        end = 0
        for gap in cloze.gaps(text):
            answers.append(gap.answer)
            if gap.start >= end:  # not within the gap before it
                outside.append(text[end : gap.start])
                end = gap.end
        question = " ".join((*outside, text[end:]))
    return ComparedSides(
        Family.CLOZE,
        asked=without_markup(question),
        answered=without_markup(" ".join(answers)),
        text=without_markup(text),
    )


# --- identical cards ------------------------------------------------------------------


def exact_form(draft: Words) -> Strings:
    """Return values that are equal for identical cards; () if a side is empty.

    Typography, emphasis, and the last stop or question mark are ignored; the gaps of a
    cloze, their grouping and Extra are not.
    """
    return _exact_form(draft.kind, dict(draft.fields))


def _exact_form(kind: CardKind, fields: Texts) -> Strings:
    extra = _exact(fields.get("Extra", ""))
    if kind.family is not Family.CLOZE:
        front = _exact(fields.get("Front", ""))
        back = _exact(fields.get("Back", ""))
        return (kind.value, front, back, extra) if front and back else ()
    # brackets for cloze signs, numbered in order of appearance
    text = fields.get("Text", "")
    ranks: dict[tuple[int, ...], int] = {}
    parts = []
    place = 0
    for gap in cloze.gaps(text):
        rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
        parts.append(f"{text[place : gap.start]}⟦{rank}⟧")
        place = gap.body
    form = _exact("".join((*parts, text[place:])))
    return ("cloze", form, extra) if form else ()


def _exact(text: str) -> str:
    """Return the canonical text; maths and code keep their case, as `m` and `M` differ."""
    if _SHIELD_SIGN.search(text):
        parts = []
        place = 0
        for start, end, _ in shields(text):
            parts.append(for_comparing(without_markup(text[place:start])))
            parts.append(text[start:end])
            place = end
        parts.append(for_comparing(without_markup(text[place:])))
        text = " ".join(parts).strip()
    else:
        text = without_markup(text)
        text = (
            " ".join(text.casefold().split()) if text.isascii() else for_comparing(text)
        )
    return text.rstrip(".? \t\n\u00a0") or text


# === differences ======================================================================

# --- the features of a card -----------------------------------------------------------

_NAME = regex(r"(?<=[\w,;] )[A-Z][^\W\d_]{2,}\b")
_LABEL = regex(r"(?<=\w )[A-Z](?![\w'’.])")
_NOT = regex(r"n['’]t\b")
_MISSING = NEGATIONS | listed("meaning", "missing")


class Features(Value):
    """A card, prepared for the guards."""

    family: Family
    asked: str
    whole: str
    """Normal forms of the question, and of question and answer."""
    terms: WordSet
    """Acronyms, names with digits or inner capitals, capitalised words within a sentence."""
    labels: WordSet
    """Single capitals in the question: vitamin A, plan B."""
    is_negated: bool
    """Whether the number of negations in question and answer is odd."""
    sequence: Strings
    """Stems of the content words of the question, in order."""
    tokens: WordSet
    stems: WordSet
    """Stems of all content words."""
    answer_stems: WordSet
    """Stems of the answer; its normal form if it has no content words."""
    numbers: WordSet
    in_order: Strings
    """The numbers as they follow one another."""
    frame: str
    """The text without them."""


@lru_cache(maxsize=2048)
def features(sides: ComparedSides) -> Features:
    """Return the features of a card."""
    asked = form_of(sides.asked)
    answered = form_of(sides.answered)
    whole = form_of(sides.whole)
    terms = set[str]()
    for pattern in (TERM, _NAME):
        terms.update(map(for_comparing_words, pattern.findall(sides.whole)))
    sequence = tuple(stems_of(asked))
    both = f"{sides.asked} {sides.answered}"
    negations = len(_NOT.findall(both))
    for word in tokens_of(both.casefold()):
        negations += word in _MISSING
    return Features(
        family=sides.family,
        asked=asked,
        # the USA may be written as us
        terms=frozenset(term for term in terms if term in whole),
        whole=whole,
        labels=frozenset(_LABEL.findall(sides.asked)),
        is_negated=negations % 2 == 1,
        sequence=sequence,
        tokens=frozenset(tokens_of(whole)),
        stems=frozenset(stems_of(whole)),
        answer_stems=frozenset(stems_of(answered)) or frozenset((answered,)),
        numbers=frozenset(DIGITS.findall(whole)),
        in_order=tuple(DIGITS.findall(whole)),
        frame=DIGITS.sub("#", whole),
    )


# --- the differences ------------------------------------------------------------------


# The minimum length of a common first part of two compounds.
_HEAD = 3
# The minimum number of equal words around a replaced one, and the words that are
# replaced, at most.
_FRAME = 2
_SWAPPED = 2


def are_one(mine: ComparedSides, theirs: ComparedSides) -> bool:
    """Return whether two cards ask the same, and nothing distinguishes them."""
    card = features(mine)
    other = features(theirs)
    if card.family is other.family is Family.BASIC and card.asked != other.asked:
        # a front of stop words only has no sequence: `What?` is clear only in its context
        if not (card.sequence and other.sequence):
            return False
    if any(differ(card, other) for differ in _DIFFERENCES):
        return False

    # answers that share less than half of their words
    my_answer = card.answer_stems
    their_answer = other.answer_stems
    shared = sum(not _is_lacking(word, their_answer) for word in my_answer)
    return 2 * shared >= min(len(my_answer), len(their_answer))


def _by_numbers(card: Features, other: Features) -> bool:
    """Return whether each card, or answer, has a number that the other lacks: GPT-2, GPT-3."""
    my_numbers = frozenset(filter(str.isdigit, card.answer_stems))
    their_numbers = frozenset(filter(str.isdigit, other.answer_stems))
    return _each_has_own(card.numbers, other.numbers) or _each_has_own(
        my_numbers, their_numbers
    )


def _each_has_own(mine: WordSet, theirs: WordSet) -> bool:
    """Return whether each of two sets has a word that the other lacks."""
    return not (mine <= theirs or theirs <= mine)


def _by_opposites(card: Features, other: Features) -> bool:
    """Return whether a word's opposite is in the other card, if neither has a counterpart."""
    unmatched = _unmatched(other.tokens, card.tokens)
    return any(
        _are_opposed(word, counterpart)
        for word in _unmatched(card.tokens, other.tokens)
        for counterpart in unmatched
    )


def _in_one_place(card: Features, other: Features) -> bool:
    """Return whether questions differ by a word or two in one place that are not synonyms."""
    my_words = list(card.sequence)
    their_words = list(other.sequence)
    equal_words = 0
    for end in (0, -1):  # the common head, then the common tail
        while my_words and their_words and my_words[end] == their_words[end]:
            del my_words[end]
            del their_words[end]
            equal_words += 1
    few, many = sorted((my_words, their_words), key=len)
    if equal_words < _FRAME or len(many) > _SWAPPED:
        return False
    return any(_is_lacking(word, set(many)) for word in few)


_DIFFERENCES: tuple[Callable[[Features, Features], bool], ...] = (
    _by_numbers,  # 2017 and 2018, first and second
    # `rule 1 of 2: …` and `rule 2 of 2: …`, in the same words
    lambda card, other: card.frame == other.frame and card.in_order != other.in_order,
    lambda card, other: card.is_negated != other.is_negated,
    _by_opposites,
    # names: L1 and L2, Austria and Australia
    lambda card, other: _has_own_term(card, other) and _has_own_term(other, card),
    # labels: hepatitis A and hepatitis B
    lambda card, other: _each_has_own(card.labels, other.labels),
    _in_one_place,
)
"""Tests that tell apart two cards that look alike."""


def _unmatched(words: WordSet, others: WordSet) -> list[str]:
    """Return the words of one card that have no form or synonym in the other."""
    other_stems = frozenset(map(stem, others - words))
    return [word for word in words - others if _is_lacking(stem(word), other_stems)]


def _is_lacking(stem_of_word: str, others: AbstractSet[str]) -> bool:
    """Return whether a stem has no form or synonym among the others."""
    forms = {stem_of_word, *synonyms().get(stem_of_word, ())}
    return others.isdisjoint(forms)


def _are_opposed(word: str, counterpart: str) -> bool:
    """Return whether words are opposed, as a whole or after the same first part.

    So are Gram-positive and Gram-negative.
    """
    head = 0
    while word[head : head + 1] == counterpart[head : head + 1] != "":
        head += 1
    for start in (0, head):
        if start == 0 or start >= _HEAD:
            if stem(counterpart[start:]) in opposed().get(stem(word[start:]), ()):
                return True
    return False


def _has_own_term(card: Features, other: Features) -> bool:
    """Return whether a card has a name that is in no form in the other."""
    for term in card.terms - other.terms:
        if term in other.tokens or stem(term) in other.stems:
            continue
        if f" {term} " not in f" {other.whole} ":
            return True
    return False


# === duplicates =======================================================================


@needs(Needs.REST)
def resembles(draft: Words, context: Context) -> Iterator[Finding]:
    """Find cards of other highlights that ask the same thing."""
    yield from context.known.near(draft, context.highlight.key)


# --- search terms ---------------------------------------------------------------------

TERMS_VERSION = "5"
"""To be changed with `terms_of`, so that stored terms are computed again."""


def terms_of(draft: Words) -> SearchTerms:
    """Return the search terms of a card."""
    return _read(draft.kind, draft.fields)[1]


@lru_cache(maxsize=1024)  # a batch of drafts is checked, then recorded
def _read(kind: CardKind, fields: Fields) -> tuple[ComparedSides, SearchTerms]:
    """Return the sides and the search terms of a card."""
    card_sides = _sides(kind.family, fields)
    form = form_of(card_sides.whole)
    exact = _exact_form(kind, dict(fields))
    question = ""
    if kind.family is Family.BASIC and card_sides.answered:
        question = for_comparing(dict(fields).get("Front", ""))
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

# Chosen by measurements on labelled pairs.
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


class CardIndex(Protocol):
    """Cards with stored search terms."""

    def unread(self, version: str) -> Iterable[tuple[str, Words]]:
        """Yield the cards whose search terms are not stored, or those of another version."""
        ...

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards by their ids."""
        ...

    def cards(self) -> Iterable[IndexedCard]:
        """Yield all cards."""
        ...

    def words(self, id: str) -> Words | None:
        """Return the text of a card; None if it no longer exists."""
        ...


class DuplicateIndex:
    """Cards and drafts that a draft may repeat.

    They are those of a store, read at the first search, and those that were added.
    """

    def __init__(self, store: CardIndex | None = None) -> None:
        self._store = store
        self._is_loaded = store is None
        self._cards: dict[str, IndexedCard] = {}
        # The groups of equal cards by number, with the bits of their words, and half the count
        # of these above them: however many are equal, one of them is compared.
        self._groups: list[list[IndexedCard]] = []
        self._bits: list[int] = []
        self._sides: dict[str, ComparedSides] = {}
        # The numbers of the groups that contain a word.
        self._postings: dict[str, array[int]] = defaultdict(partial(array, "I"))
        self._exact: dict[bytes, list[IndexedCard]] = {}
        # The groups of each question.
        self._questions: dict[bytes, list[list[IndexedCard]]] = defaultdict(list)

    def add(
        self, id: str, highlight: HighlightKey, draft: Words, where: str = ""
    ) -> None:
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
        self._cards[card.id] = card
        equal = self._exact.get(card.terms.exact)
        if equal is not None:
            equal.append(card)
            return
        group = [card]
        number = len(self._groups)
        self._groups.append(group)
        half_the_words = (len(words) + 1) // 2
        self._bits.append(_bits_of(words) | half_the_words << _BITS)
        for word in (*words, *card.terms.finders):
            self._postings[sys.intern(word)].append(number)
        if card.terms.exact:
            self._exact[card.terms.exact] = group
        if card.terms.question:
            self._questions[card.terms.question].append(group)

    def _others(
        self, group: Iterable[IndexedCard], highlight: HighlightKey
    ) -> Iterator[IndexedCard]:
        """Yield the cards of a group that are in use and belong to another highlight."""
        for card in group:
            if self._cards[card.id] is card and not _are_siblings(card, highlight):
                yield card

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

    def near(self, draft: Words, highlight: HighlightKey) -> Iterator[Finding]:
        """Yield a finding for each duplicate, the most similar first, and for another answer."""
        self._load()
        my_sides, terms = _read(draft.kind, draft.fields)
        found = []
        for similarity, group in self._similar(terms, my_sides, highlight):
            first, *_ = group
            if are_one(my_sides, self._sides_of(first.id)):
                found += [(-similarity, card.id) for card in group]
        for _, id in sorted(found)[:_MOST]:
            words = " ".join(self._sides_of(id).shown.split())
            if len(words) > 80:
                words = f"{words[:79]}…"
            shown = f"{self._cards[id].where}“{words}”"
            yield make_finding("duplicate", shown, duplicate=id)

        # the first card with the same question and another answer
        for asking in self._questions.get(terms.question, ()):
            others = self._others(asking, highlight)
            ours = next((card.id for card in others if not card.where), None)
            if ours is None:
                continue
            theirs = self._sides_of(ours)
            other_form = form_of(my_sides.answered) != form_of(theirs.answered)
            if other_form and not are_one(my_sides, theirs):
                detail = f"“{theirs.answered[:60]}”"
                yield make_finding("same_front", detail, duplicate=ours)
                return

    def _sides_of(self, id: str) -> ComparedSides:
        if id not in self._sides:
            words = self._store.words(id) if self._store else None
            # it may be deleted meanwhile
            self._sides[id] = sides(words) if words else _sides(Family.CLOZE, ())
        return self._sides[id]

    # --- how it searches --------------------------------------------------------------

    def _similar(
        self, terms: SearchTerms, my_sides: ComparedSides, highlight: HighlightKey
    ) -> Iterator[tuple[float, list[IndexedCard]]]:
        """Yield (Jaccard similarity of content words, equal cards) of the most similar cards."""
        my_words = set(terms.words)
        my_numbers = set(filter(str.isdigit, my_words))
        my_count = len(my_words)
        ranked = []
        for number in self._candidates(terms):
            first, *_ = self._groups[number]
            their_words = first.terms.words  # no word is in it twice
            their_count = len(their_words)
            shared = len(my_words.intersection(their_words))
            if 2 * shared < min(my_count, their_count):
                continue
            group = [*islice(self._others(self._groups[number], highlight), _MOST)]
            if not group:
                continue
            all_words = my_count + their_count - shared
            jaccard = shared / (all_words or 1)
            if my_numbers.difference(their_words):
                their_own = set(their_words) - my_words
                if any(map(str.isdigit, their_own)):
                    continue  # each has a number that the other lacks
            contained = shared / (min(my_count, their_count) or 1)
            ranked.append((jaccard, contained, group[0].id, group))
        ranked.sort(reverse=True)
        for jaccard, contained, id, group in ranked[:_JUDGED]:
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
                yield jaccard, group

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


def _are_siblings(card: IndexedCard, highlight: HighlightKey) -> bool:
    """Return whether a card is of this highlight; "" is none."""
    return card.highlight == highlight != ""
