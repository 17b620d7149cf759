"""Compare cards: what makes similar cards different.

Each guard returns one difference, or "". Similarity scores only rank cards; the guards
decide, because no score distinguishes "L1"/"L2" or "2017/2018" from a paraphrase. Cards
about the same fact from another side, that is reverse cards and other gaps of a
sentence, are not reported at all.
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


def _versus(mine: AbstractSet[str], theirs: AbstractSet[str]) -> str:
    """Return words of each of two cards, for messages, if each has some that the other lacks."""
    if not mine or not theirs:
        return ""
    return f"{' '.join(sorted(mine)[:3])}/{' '.join(sorted(theirs)[:3])}"


# --- guards ---------------------------------------------------------------------------


def numbers_differ(card: Features, other: Features) -> str:
    """Compare numbers: 2017/2018, GPT-2/GPT-3, the first and the second World War.

    A number that one card only adds, as in `Westphalia (1648)`, is not a difference.
    """
    mine = card.numbers - other.numbers
    theirs = other.numbers - card.numbers
    if bool(mine) == bool(theirs):
        return _versus(mine, theirs)
    added, larger = (mine, card) if mine else (theirs, other)
    if card.family is other.family is Family.CLOZE:
        is_beside = card.answer_stems == other.answer_stems
    else:
        shared = len(card.asked_stems & other.asked_stems)
        shorter = min(len(card.asked_stems), len(other.asked_stems))
        my_words = {word for word in card.answer_stems if not word.isdigit()}
        their_words = {word for word in other.answer_stems if not word.isdigit()}
        has_same_answer = my_words <= their_words or their_words <= my_words
        has_words = bool(my_words and their_words)
        is_asked = not added.isdisjoint(larger.asked_stems)
        is_beside = (
            2 * shared > shorter and has_same_answer and has_words and not is_asked
        )
    return "" if is_beside else " ".join(sorted(added)[:3])


def negation_differs(card: Features, other: Features) -> str:
    """Compare negations, separately for question and answer if both cards are of one family."""
    if card.family is other.family:
        differs = card.negations != other.negations
    else:
        differs = sum(card.negations) % 2 != sum(other.negations) % 2
    return "not" if differs else ""


# The minimum length of a common first part of two compounds.
_HEAD = 3


def opposites(card: Features, other: Features) -> str:
    """Find a word of one card whose opposite is in the other, if neither has a counterpart."""
    theirs = sorted(_unmatched(other.tokens, card.tokens))
    for word in sorted(_unmatched(card.tokens, other.tokens)):
        for counterpart in theirs:
            if _are_opposed(word, counterpart):
                return f"{word}/{counterpart}"
    return ""


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


def terms_differ(card: Features, other: Features) -> str:
    """Find names in each card that the other lacks: L1 and L2, Austria and Australia."""
    return _versus(_unnamed_terms(card, other), _unnamed_terms(other, card))


def _unnamed_terms(card: Features, other: Features) -> set[str]:
    """Return the names of a card that are in no form in the other."""
    unnamed = set()
    for term in card.terms - other.terms:
        is_word = term in other.tokens or stem(term) in other.stems
        if not is_word and f" {term} " not in f" {other.whole} ":
            unnamed.add(term)
    return unnamed


def labels_differ(card: Features, other: Features) -> str:
    """Compare labels: hepatitis A and hepatitis B."""
    return _versus(card.labels - other.labels, other.labels - card.labels)


# The minimum number of equal words around a replaced one, and the words that are
# replaced, at most.
_FRAME = 2
_SWAPPED = 2


def swapped(card: Features, other: Features) -> str:
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
    if equal_words < _FRAME or not few or len(many) > _SWAPPED:
        return ""
    if not any(_is_lacking(word, set(many)) for word in few):
        return ""
    return f"{' '.join(mine)}/{' '.join(theirs)}"


def answers_differ(card: Features, other: Features) -> str:
    """Compare answers: they differ if they share less than half of their words."""
    mine = card.answer_stems
    theirs = other.answer_stems
    shared = sum(not _is_lacking(word, theirs) for word in mine)
    is_alike = 2 * shared >= min(len(mine), len(theirs))
    return "" if is_alike else "the answer"


GUARDS = (
    numbers_differ,
    negation_differs,
    opposites,
    terms_differ,
    labels_differ,
    swapped,
    answers_differ,
)


def judged(mine: ComparedSides, theirs: ComparedSides) -> str | None:
    """Return the difference between two cards.

    "" if there is none; None if they are not comparable: `What?` is clear only in its context.
    """
    card = features(mine)
    other = features(theirs)
    are_questions = card.family is other.family is Family.BASIC
    if are_questions and card.asked != other.asked:
        if not (card.sequence and other.sequence):
            return None
    # one fact from two sides: each answer is in the other question
    if card.answer_stems.isdisjoint(other.answer_stems):
        is_asked_there = card.answer_stems <= other.asked_stems
        if is_asked_there and other.answer_stems <= card.asked_stems:
            return None
    for guard in GUARDS:
        difference = guard(card, other)
        if difference:
            return difference
    return ""
