"""What makes two alike cards different: each guard names the difference, or is silent.

A likeness score only ranks; the guards decide (without them no score tells
"L1"/"L2" or "2017/2018" from a paraphrase). Sides of one fact, reverse cards and other
gaps of one sentence, are siblings: no duplicates, and not worth a word either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from ankiforge.check.lexicon import OPPOSITES, SYNONYMS
from ankiforge.check.normal import Sides, normal
from ankiforge.check.words import DIGITS, NEGATIONS, QUESTION_WORDS, STOP_WORDS, TERM, stem
from ankiforge.domain import Family

_WORD = re.compile(r"\w+")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][^\W\d_]{2,}\b")
_LABEL = re.compile(r"(?<=\w )[A-Z](?![\w'’.])")
_FORMULA = re.compile(r"[=^λσμ/‖+<>≤≥·|()]|\d")
_NOT = re.compile(r"n['’]t\b")

_FRAME = 2
"""So many words around a swapped one make the questions one pattern."""
_SWAPPED = 2
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

    @property
    def asked_stems(self) -> Words:
        """The question's content words, order aside."""
        return frozenset(self.sequence)


@lru_cache(maxsize=64)
def features(sides: Sides) -> Features:
    """Read a card once for all guards."""
    terms = (normal(term) for pattern in (TERM, _NAME) for term in pattern.findall(sides.whole))
    negations = (_parity(sides.asked), _parity(sides.answered))
    forms = (normal(sides.asked), normal(sides.answered), normal(sides.whole))
    labels = frozenset(_LABEL.findall(sides.asked))
    return _read(sides.family, forms, frozenset(terms), labels, negations)


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
        tokens=frozenset(_WORD.findall(forms[2])),
        stems=frozenset(stems_of(forms[2])),
        answer_stems=frozenset(stems_of(forms[1])) or frozenset({forms[1]}),
        numbers=frozenset(DIGITS.findall(forms[2])),
    )


def stems_of(form: str) -> Iterator[str]:
    """The stems of the content words of a normal form, in order."""
    for word in _WORD.findall(form):
        if word not in STOP_WORDS and word not in QUESTION_WORDS:
            yield stem(word)


def _parity(text: str) -> int:
    words = _WORD.findall(text.casefold())
    return (sum(word in NEGATIONS for word in words) + len(_NOT.findall(text))) % 2


# --- the same thing, written together or abbreviated -----------------------------------------


def aligned(one: Features, other: Features) -> Features:
    """`one` with neighbours joined that `other` writes as one word or as their initials.

    `p value` becomes pvalue, `united states` us, where the other card has that word.
    """
    wanted = other.tokens - one.tokens
    joins = _joins(_WORD.findall(one.whole), wanted) if wanted else {}
    if not joins:
        return one
    forms = tuple(_joined(form, joins) for form in (one.asked, one.answered, one.whole))
    dropped = frozenset(word for pair in joins for word in pair.split())
    terms = (one.terms - dropped) | (frozenset(joins.values()) & other.terms)
    return _read(one.family, (forms[0], forms[1], forms[2]), terms, one.labels, one.negations)


def _joins(words: list[str], wanted: Words) -> dict[str, str]:
    found = {}
    first = "".join(word[0] for word in words)
    lengths = {2, *map(len, wanted)}
    for size in range(2, _MAX_INITIALS + 1):
        for at in range(len(words) - size + 1) if size in lengths else ():
            initials = first[at : at + size]
            if size == 2 and (joined := words[at] + words[at + 1]) in wanted:
                found[f"{words[at]} {words[at + 1]}"] = joined
            elif initials in wanted and not STOP_WORDS.intersection(run := words[at : at + size]):
                found[" ".join(run)] = initials
    return found


def _joined(form: str, joins: dict[str, str]) -> str:
    for run, word in joins.items():
        form = f" {form} ".replace(f" {run} ", f" {word} ").strip()
    return form


# --- what can be compared --------------------------------------------------------------------


def comparable(one: Features, other: Features) -> bool:
    """Whether the questions say what they ask; `What?` only does so in its place."""
    if Family.CLOZE in (one.family, other.family) or one.asked == other.asked:
        return True
    return bool(one.sequence and other.sequence)


def siblings(one: Features, other: Features) -> bool:
    """Whether the cards ask two sides of one fact: each answer stands in the other question."""
    if one.answer_stems & other.answer_stems:
        return False
    return one.answer_stems <= other.asked_stems and other.answer_stems <= one.asked_stems


# --- guards ---------------------------------------------------------------------------------


def numbers_differ(one: Features, other: Features) -> str:
    """2017 is not 2018, GPT-2 not GPT-3, the first World War not the second."""
    return _versus(one.numbers - other.numbers, other.numbers - one.numbers)


def negation_differs(one: Features, other: Features) -> str:
    """Active is not not active; compared side by side where both have the same sides."""
    if one.family is other.family:
        return "not" if one.negations != other.negations else ""
    return "not" if sum(one.negations) % 2 != sum(other.negations) % 2 else ""


def opposites(one: Features, other: Features) -> str:
    """A word of one stands as its opposite in the other, and neither is said otherwise."""
    mine, theirs = _unmatched(one.tokens, other.tokens), _unmatched(other.tokens, one.tokens)
    for word in sorted(mine):
        for twin in sorted(theirs):
            if stem(twin) in OPPOSITES.get(stem(word), ()):
                return f"{word}/{twin}"
    return ""


def _unmatched(words: Words, others: Words) -> list[str]:
    """The words that have neither a form nor a synonym among the others."""
    rest = [stem(other) for other in others - words]
    return [w for w in words - others if not any(same_word(stem(w), other) for other in rest)]


def terms_differ(one: Features, other: Features) -> str:
    """Both name something the other does not: L1 and L2, Austria and Australia."""
    mine = {term for term in one.terms if not _named_in(term, other)}
    theirs = {term for term in other.terms if not _named_in(term, one)}
    return _versus(mine, theirs) if mine and theirs else ""


def labels_differ(one: Features, other: Features) -> str:
    """Hepatitis A is not hepatitis B, item A not item B."""
    mine, theirs = one.labels - other.labels, other.labels - one.labels
    return _versus(mine, theirs) if mine and theirs else ""


def _named_in(term: str, card: Features) -> bool:
    return term in card.tokens or stem(term) in card.stems or f" {term} " in f" {card.whole} "


def affixes_differ(one: Features, other: Features) -> str:
    """Encoder and decoder, hyper- and hypotension: alike words with other beginnings."""
    for word in sorted(one.stems - other.stems):
        for twin in sorted(other.stems - one.stems):
            if min(len(word), len(twin)) > 4 and word[:5] != twin[:5] and _alike(word, twin):
                return f"{word}/{twin}"
    return ""


def _alike(word: str, twin: str) -> bool:
    return fuzz.ratio(word, twin) >= 70


def swapped(one: Features, other: Features) -> str:
    """The questions are equal but for a word or two in one place, and these are no synonyms."""
    mine, theirs, equal = _trimmed(one.sequence, other.sequence)
    if equal < _FRAME or not 0 < len(mine) <= _SWAPPED or not 0 < len(theirs) <= _SWAPPED:
        return ""
    if all(any(same_word(word, twin) for twin in theirs) for word in mine):
        return ""
    return f"{' '.join(mine)}/{' '.join(theirs)}"


def _trimmed(one: Sequence, other: Sequence) -> tuple[Sequence, Sequence, int]:
    """Both sequences without their common head and tail, and how long these are together."""
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    one, other = one[head:], other[head:]
    tail = 0
    while tail < min(len(one), len(other)) and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    return one[: len(one) - tail], other[: len(other) - tail], head + tail


def narrower(one: Features, other: Features) -> str:
    """One question is the other with something more, and the answers are not the same."""
    if one.answer_stems == other.answer_stems or _answers_meet(one, other):
        return ""
    small, large = sorted((one.asked_stems, other.asked_stems), key=len)
    return f"–/{_words(large - small)}" if small < large else ""


def answers_differ(one: Features, other: Features) -> str:
    """The answers share less than half of their words; formulae are compared as strings."""
    return "" if _answers_meet(one, other) else "the answer"


def _answers_meet(one: Features, other: Features) -> bool:
    mine, theirs = one.answer_stems, other.answer_stems
    shared = sum(any(same_word(word, twin) for twin in theirs) for word in mine)
    if 2 * shared >= min(len(mine), len(theirs)):
        return True
    formula = _FORMULA.search(one.answered) and _FORMULA.search(other.answered)
    squeezed = (one.answered.replace(" ", ""), other.answered.replace(" ", ""))
    return bool(formula) and fuzz.ratio(*squeezed) >= 75


Guard = Callable[[Features, Features], str]
GUARDS: tuple[Guard, ...] = (
    numbers_differ,
    negation_differs,
    opposites,
    terms_differ,
    labels_differ,
    affixes_differ,
    swapped,
    narrower,
    answers_differ,
)


def difference(one: Features, other: Features) -> str:
    """The first difference a guard names; "" if none speaks against a duplicate."""
    return next((said for guard in GUARDS if (said := guard(one, other))), "")


# --- words that are one, words that are opposed -----------------------------------------------


def _versus(mine: Words | set[str], theirs: Words | set[str]) -> str:
    return f"{_words(mine)}/{_words(theirs)}" if mine or theirs else ""


def _words(words: Words | set[str]) -> str:
    return " ".join(sorted(words)[:3]) or "–"


_LATIN = (("um", "a"), ("us", "i"), ("on", "a"), ("is", ""), ("ix", "ic"), ("ex", "ic"))


def same_word(word: str, twin: str) -> bool:
    """Whether two stems are forms of one word, or synonyms."""
    if word == twin or twin in SYNONYMS.get(word, ()):
        return True
    short, long = sorted((word, twin), key=len)
    if len(short) > 4 and long.startswith(short) and len(long) - len(short) <= 2:
        return True
    return any(
        (a.endswith(x) and b == a.removesuffix(x) + y)
        for a, b in ((word, twin), (twin, word))
        for x, y in _LATIN
    )
