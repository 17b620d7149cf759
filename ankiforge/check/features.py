"""The features of a card by which it is compared.

Normal forms, stems, names, labels, numbers and negations.
"""

from __future__ import annotations

from functools import lru_cache

from ankiforge.check.sides import ComparedSides
from ankiforge.language.normal import for_comparing_words, form_of, stems_of, tokens_of
from ankiforge.language.quantities import DIGITS
from ankiforge.language.tables import Words, listed
from ankiforge.language.words import NEGATIONS, TERM
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
