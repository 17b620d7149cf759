"""The features of a card by which it is compared.

Normal forms, stems, names, labels, numbers and negations.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from ankiforge.check.sides import ComparedSides
from ankiforge.language.normal import form_of, normal, stems_of, tokens_of
from ankiforge.language.quantities import DIGITS
from ankiforge.language.tables import Words, listed
from ankiforge.language.words import NEGATIONS, STOP_WORDS, TERM
from ankiforge.model import Family, Strings, Texts, Value
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
    answered: str
    whole: str
    """Normal forms of the question, the answer, and both."""
    terms: Words
    """Acronyms, names with digits or inner capitals, capitalised words within a sentence."""
    labels: Words
    """Single capitals in the question: vitamin A, plan B."""
    negations: tuple[int, int]
    """The parity of the number of negations in question and answer."""
    sequence: Strings
    """Stems of the content words of the question, in order."""
    asked_stems: Words
    tokens: Words
    stems: Words
    """Stems of all content words."""
    answer_stems: Words
    """Stems of the answer; its normal form if it has no content words."""
    numbers: Words
    answer_numbers: Words


@lru_cache(maxsize=2048)
def features(sides: ComparedSides) -> Features:
    """Return the features of a card."""
    forms = (form_of(sides.asked), form_of(sides.answered), form_of(sides.whole))
    terms = set[str]()
    for pattern in (TERM, _NAME):
        terms.update(map(normal, pattern.findall(sides.whole)))
    return _features(
        sides.family,
        forms,
        # the USA may be written as us
        terms=frozenset(term for term in terms if term in forms[2]),
        labels=frozenset(_LABEL.findall(sides.asked)),
        negations=(_parity(sides.asked), _parity(sides.answered)),
    )


def _features(
    family: Family,
    forms: tuple[str, str, str],
    *,
    terms: Words,
    labels: Words,
    negations: tuple[int, int],
) -> Features:
    """Return features; the rest is read from the forms of question, answer, and both."""
    asked, answered, whole = forms
    sequence = tuple(stems_of(asked))
    return Features(
        family=family,
        asked=asked,
        answered=answered,
        whole=whole,
        terms=terms,
        labels=labels,
        negations=negations,
        sequence=sequence,
        asked_stems=frozenset(sequence),
        tokens=frozenset(tokens_of(whole)),
        stems=frozenset(stems_of(whole)),
        answer_stems=frozenset(stems_of(answered)) or frozenset((answered,)),
        numbers=frozenset(DIGITS.findall(whole)),
        answer_numbers=frozenset(DIGITS.findall(answered)),
    )


def _parity(text: str) -> int:
    """Return 1 if a text has an odd number of negations, else 0."""
    negations = len(_NOT.findall(text))
    for word in tokens_of(text.casefold()):
        if word in _MISSING:
            negations += 1
    return negations % 2


# --- words joined as in the other card ------------------------------------------------

_MAX_INITIALS = 5


def aligned(card: Features, other: Features) -> Features:
    """Return a card with adjacent words joined if the other has them as one word or as initials.

    For example, `p value` becomes `pvalue`, and `united states` becomes `us`.
    """
    missing = other.tokens - card.tokens
    if not missing:
        return card
    runs = _words_in_full(card.whole)
    joined_words = {runs[word]: word for word in missing if word in runs}
    if not joined_words:
        return card
    parts = frozenset(part for run in joined_words for part in run.split())
    shared_terms = other.terms.intersection(joined_words.values())
    return _features(
        card.family,
        (
            _joined(card.asked, joined_words),
            _joined(card.answered, joined_words),
            _joined(card.whole, joined_words),
        ),
        terms=(card.terms - parts) | shared_terms,
        labels=card.labels,
        negations=card.negations,
    )


@lru_cache(maxsize=2048)
def _words_in_full(form: str) -> Texts:
    """Return adjacent words by their short forms: written as one word, or as initials.

    `united states` is at `us` and at `unitedstates`. A stop word ends a run: initials skip none.
    """
    words = tokens_of(form)
    runs = {}
    for place, (word, following) in enumerate(pairwise(words)):
        longest = min(_MAX_INITIALS, len(words) - place)
        for size in range(2, longest + 1):
            run = words[place : place + size]
            if not STOP_WORDS.isdisjoint(run):
                break
            initials = "".join([each[0] for each in run])
            runs[initials] = " ".join(run)
        runs[word + following] = f"{word} {following}"
    return runs


def _joined(form: str, joined_words: Texts) -> str:
    """Return a normal form with one word for each of these runs."""
    for run, word in joined_words.items():
        form = f" {form} ".replace(f" {run} ", f" {word} ").strip()
    return form
