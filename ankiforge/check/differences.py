"""Compare cards by their features: the differences that distinguish similar cards.

Similarity scores only find cards; `are_one` decides, because no score distinguishes "L1"/"L2" or
"2017/2018" from a paraphrase.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache

from ankiforge.check.sides import ComparedSides
from ankiforge.language.normal import for_comparing_words, form_of, stems_of, tokens_of
from ankiforge.language.quantities import DIGITS
from ankiforge.language.tables import Words, listed
from ankiforge.language.words import NEGATIONS, TERM, opposed, stem, synonyms
from ankiforge.model import Family, Strings, Value
from ankiforge.text import regex

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
    terms: Words
    """Acronyms, names with digits or inner capitals, capitalised words within a sentence."""
    labels: Words
    """Single capitals in the question: vitamin A, plan B."""
    is_negated: bool
    """Whether the number of negations in question and answer is odd."""
    sequence: Strings
    """Stems of the content words of the question, in order."""
    asked_stems: Words
    tokens: Words
    stems: Words
    """Stems of all content words."""
    answer_stems: Words
    """Stems of the answer; its normal form if it has no content words."""
    numbers: Words


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
        asked_stems=frozenset(sequence),
        tokens=frozenset(tokens_of(whole)),
        stems=frozenset(stems_of(whole)),
        answer_stems=frozenset(stems_of(answered)) or frozenset((answered,)),
        numbers=frozenset(DIGITS.findall(whole)),
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
    are_questions = card.family is other.family is Family.BASIC
    if are_questions and card.asked != other.asked:
        # `What?` is clear only in its context
        if not (card.sequence and other.sequence):
            return False

    # numbers in each card, or answer, that the other lacks: 2017/2018, GPT-2/GPT-3, first/second
    my_answer = card.answer_stems
    their_answer = other.answer_stems
    my_numbers = frozenset(filter(str.isdigit, my_answer))
    their_numbers = frozenset(filter(str.isdigit, their_answer))
    if card.numbers - other.numbers and other.numbers - card.numbers:
        return False
    if my_numbers - their_numbers and their_numbers - my_numbers:
        return False

    # a negation more or less
    if card.is_negated != other.is_negated:
        return False

    # a word whose opposite is in the other card, if neither has a counterpart
    unmatched = _unmatched(other.tokens, card.tokens)
    for word in _unmatched(card.tokens, other.tokens):
        if any(_are_opposed(word, counterpart) for counterpart in unmatched):
            return False

    # names in each card that the other lacks: L1 and L2, Austria and Australia
    if _has_own_term(card, other) and _has_own_term(other, card):
        return False

    # labels: hepatitis A and hepatitis B
    if card.labels - other.labels and other.labels - card.labels:
        return False

    # questions that differ by one or two words in one place that are not synonyms
    my_words = list(card.sequence)
    their_words = list(other.sequence)
    equal_words = 0
    for end in (0, -1):  # the common head, then the common tail
        while my_words and their_words and my_words[end] == their_words[end]:
            del my_words[end]
            del their_words[end]
            equal_words += 1
    few, many = sorted((my_words, their_words), key=len)
    is_one_place = equal_words >= _FRAME and len(many) <= _SWAPPED
    if is_one_place and any(_is_lacking(word, set(many)) for word in few):
        return False

    # answers that share less than half of their words
    shared = sum(not _is_lacking(word, their_answer) for word in my_answer)
    return 2 * shared >= min(len(my_answer), len(their_answer))


def _unmatched(words: Words, others: Words) -> list[str]:
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
        is_word = term in other.tokens or stem(term) in other.stems
        if not is_word and f" {term} " not in f" {other.whole} ":
            return True
    return False
