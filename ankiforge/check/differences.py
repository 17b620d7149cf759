"""Compare cards: what makes similar cards different.

Each guard tells whether there is a difference of its kind. Similarity scores only find
cards; the guards decide, because no score distinguishes "L1"/"L2" or "2017/2018" from a
paraphrase.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ankiforge.check.features import Features, features
from ankiforge.check.sides import ComparedSides
from ankiforge.language.tables import Words
from ankiforge.language.words import opposed, stem, synonyms
from ankiforge.model import Family

# The minimum length of a word of which another one is a beginning, and the letters it
# may lack.
_MIN_BEGINNING = 5
_LACKING = 2


def same_word(word: str, counterpart: str) -> bool:
    """Return whether two stems are forms of one word, or synonyms."""
    if word == counterpart or counterpart in synonyms().get(word, ()):
        return True
    short, long = sorted((word, counterpart), key=len)
    is_beginning = len(short) >= _MIN_BEGINNING and long.startswith(short)
    return is_beginning and len(long) - len(short) <= _LACKING


def _is_lacking(word: str, others: AbstractSet[str]) -> bool:
    """Return whether a stem has no form or synonym among the others."""
    return not any(same_word(word, other) for other in others)


# --- guards ---------------------------------------------------------------------------


def numbers_differ(card: Features, other: Features) -> bool:
    """Compare numbers: 2017/2018, GPT-2/GPT-3, the first and the second World War.

    A number that one card only adds, as in `Westphalia (1648)`, is not a difference.
    """
    mine = card.numbers - other.numbers
    theirs = other.numbers - card.numbers
    if not mine or not theirs:
        return bool(mine or theirs) and not _are_beside(mine | theirs, card, other)
    return True


def _are_beside(added: Words, card: Features, other: Features) -> bool:
    """Return whether numbers of one card are not in its question, nor a part of its gap."""
    if card.family is other.family is Family.CLOZE:
        return card.answer_stems == other.answer_stems
    shared = len(card.asked_stems & other.asked_stems)
    shorter = min(len(card.asked_stems), len(other.asked_stems))
    is_asked = not added.isdisjoint(card.asked_stems | other.asked_stems)
    my_words = {word for word in card.answer_stems if not word.isdigit()}
    their_words = {word for word in other.answer_stems if not word.isdigit()}
    is_one_answer = my_words <= their_words or their_words <= my_words
    is_told_in_words = bool(my_words and their_words)
    return 2 * shared > shorter and is_one_answer and is_told_in_words and not is_asked


def negation_differs(card: Features, other: Features) -> bool:
    """Compare negations, separately for question and answer if both cards are of one family."""
    if card.family is other.family:
        return card.negations != other.negations
    return sum(card.negations) % 2 != sum(other.negations) % 2


# The minimum length of a common first part of two compounds.
_HEAD = 3


def opposites(card: Features, other: Features) -> bool:
    """Find a word of one card whose opposite is in the other, if neither has a counterpart."""
    theirs = _unmatched(other.tokens, card.tokens)
    for word in _unmatched(card.tokens, other.tokens):
        if any(_are_opposed(word, counterpart) for counterpart in theirs):
            return True
    return False


def _unmatched(words: Words, others: Words) -> list[str]:
    """Return the words of one card that have no form or synonym in the other."""
    other_stems = frozenset(map(stem, others - words))
    return [word for word in words - others if _is_lacking(stem(word), other_stems)]


def _are_opposed(word: str, counterpart: str) -> bool:
    """Return whether words are opposed, as a whole or after the same first part.

    So are Gram-positive and Gram-negative.
    """
    pairs = enumerate(zip(word, counterpart, strict=False))
    head = next((place for place, (sign, other) in pairs if sign != other), 0)
    for start in {0, head if head >= _HEAD else 0}:
        if stem(counterpart[start:]) in opposed().get(stem(word[start:]), ()):
            return True
    return False


def terms_differ(card: Features, other: Features) -> bool:
    """Find names in each card that the other lacks: L1 and L2, Austria and Australia."""
    return _has_own_term(card, other) and _has_own_term(other, card)


def _has_own_term(card: Features, other: Features) -> bool:
    """Return whether a card has a name that is in no form in the other."""
    for term in card.terms - other.terms:
        is_word = term in other.tokens or stem(term) in other.stems
        if not is_word and f" {term} " not in f" {other.whole} ":
            return True
    return False


def labels_differ(card: Features, other: Features) -> bool:
    """Compare labels: hepatitis A and hepatitis B."""
    return bool(card.labels - other.labels and other.labels - card.labels)


# The minimum number of equal words around a replaced one, and the words that are
# replaced, at most.
_FRAME = 2
_SWAPPED = 2


def swapped(card: Features, other: Features) -> bool:
    """Find questions that differ by one or two words in one place that are not synonyms."""
    mine = list(card.sequence)
    theirs = list(other.sequence)
    equal_words = 0
    for end in (0, -1):  # the common head, then the common tail
        while mine and theirs and mine[end] == theirs[end]:
            del mine[end]
            del theirs[end]
            equal_words += 1
    few, many = sorted((mine, theirs), key=len)
    is_one_place = equal_words >= _FRAME and few and len(many) <= _SWAPPED
    return bool(is_one_place) and any(_is_lacking(word, set(many)) for word in few)


def answers_differ(card: Features, other: Features) -> bool:
    """Compare answers: they differ if they share less than half of their words."""
    mine = card.answer_stems
    theirs = other.answer_stems
    shared = sum(not _is_lacking(word, theirs) for word in mine)
    return 2 * shared < min(len(mine), len(theirs))


GUARDS = (
    numbers_differ,
    negation_differs,
    opposites,
    terms_differ,
    labels_differ,
    swapped,
    answers_differ,
)


def are_one(mine: ComparedSides, theirs: ComparedSides) -> bool:
    """Return whether two cards ask the same, and nothing distinguishes them."""
    card = features(mine)
    other = features(theirs)
    are_questions = card.family is other.family is Family.BASIC
    if are_questions and card.asked != other.asked:
        # `What?` is clear only in its context
        if not (card.sequence and other.sequence):
            return False
    return not any(guard(card, other) for guard in GUARDS)
