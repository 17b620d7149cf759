"""One card as the guards of the duplicate search see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ankiforge.check.lexical.normal import Sides, normal
from ankiforge.check.lexical.stems import rephrased, stems_of, tokens_of
from ankiforge.check.lexical.words import DIGITS, NEGATIONS, STOP_WORDS, TERM, listed
from ankiforge.model import Family

_NAME = re.compile(r"(?<=[\w,;] )[A-Z][^\W\d_]{2,}\b")
_LABEL = re.compile(r"(?<=\w )[A-Z](?![\w'’.])")
_NOT = re.compile(r"n['’]t\b")
_MISSING = NEGATIONS | frozenset(
    listed(
        "deficiency deficient absence absent pas jamais sans aucun ningun sin nunca fehlt fehlen"
    )
)
"""More ways to say not."""
_MAX_INITIALS = 5

Words = frozenset[str]
Sequence = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Features:
    """One card as the guards see it."""

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
    """Parity in question and answer."""
    sequence: tuple[str, ...]
    """Stems of the content words of the question, in order."""
    tokens: Words
    stems: Words
    """Stems of all content words."""
    answer_stems: Words
    """Stems of the answer; its own form where it holds no content word."""
    numbers: Words
    answer_numbers: Words

    @property
    def asked_stems(self) -> Words:
        """The question's content words, order aside."""
        return frozenset(self.sequence)


@lru_cache(maxsize=1024)
def form_of(text: str) -> str:
    """The normal form of a text, with phrases as the word that says the same."""
    return rephrased(normal(text))


@lru_cache(maxsize=2048)
def features(sides: Sides) -> Features:
    """Read a card once for all guards."""
    terms = (normal(term) for pattern in (TERM, _NAME) for term in pattern.findall(sides.whole))
    negations = (_parity(sides.asked), _parity(sides.answered))
    forms = (form_of(sides.asked), form_of(sides.answered), form_of(sides.whole))
    said = frozenset(term for term in terms if term in forms[2])  # the USA may stand as us
    labels = frozenset(_LABEL.findall(sides.asked))
    return _read(sides.family, forms, said, labels, negations)


def _read(
    family: Family,
    forms: tuple[str, str, str],
    terms: Words,
    labels: Words,
    negations: tuple[int, int],
) -> Features:
    return Features(
        family,
        *forms,
        terms,
        labels,
        negations,
        sequence=tuple(stems_of(forms[0])),
        tokens=frozenset(tokens_of(forms[2])),
        stems=frozenset(stems_of(forms[2])),
        answer_stems=frozenset(stems_of(forms[1])) or frozenset({forms[1]}),
        numbers=frozenset(DIGITS.findall(forms[2])),
        answer_numbers=frozenset(DIGITS.findall(forms[1])),
    )


def _parity(text: str) -> int:
    words = tokens_of(text.casefold())
    return (sum(word in _MISSING for word in words) + len(_NOT.findall(text))) % 2


# --- the same thing, written together or abbreviated -----------------------------------------


def aligned(one: Features, other: Features) -> Features:
    """`one` with neighbours joined that `other` writes as one word or as their initials.

    `p value` becomes pvalue, `united states` us, where the other card has that word.
    """
    missing = other.tokens - one.tokens
    if not missing:
        return one
    runs = _runs(one.whole)
    joins = {runs[word]: word for word in missing if word in runs}
    if not joins:
        return one
    forms = tuple(_joined(form, joins) for form in (one.asked, one.answered, one.whole))
    dropped = frozenset(word for pair in joins for word in pair.split())
    terms = (one.terms - dropped) | (frozenset(joins.values()) & other.terms)
    return _read(one.family, (forms[0], forms[1], forms[2]), terms, one.labels, one.negations)


@lru_cache(maxsize=2048)
def _runs(form: str) -> dict[str, str]:
    """How neighbours may be written elsewhere, in one word or by their initials: the run."""
    words, found = tokens_of(form), {}
    for at, (word, after) in enumerate(pairwise(words)):
        for size in range(2, min(_MAX_INITIALS, len(words) - at) + 1):
            run = words[at : at + size]
            if STOP_WORDS.intersection(run):
                break
            found["".join([each[0] for each in run])] = " ".join(run)
        found[word + after] = f"{word} {after}"
    return found


def _joined(form: str, joins: dict[str, str]) -> str:
    for run, word in joins.items():
        form = f" {form} ".replace(f" {run} ", f" {word} ").strip()
    return form
