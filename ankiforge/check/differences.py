"""Decide what makes two similar cards different cards.

Each guard names one difference, or returns "". A likeness score only ranks; the guards decide:
no score tells "L1"/"L2" or "2017/2018" from a paraphrase. Sides of one fact, that is reverse
cards and other gaps of one sentence, are siblings: neither duplicates nor worth a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz

from ankiforge.check.lexical.lexicon import OPPOSITES, SYNONYMS
from ankiforge.check.lexical.normal import Sides, normal
from ankiforge.check.lexical.stems import rephrased, stems_of, tokens_of
from ankiforge.check.lexical.words import DIGITS, NEGATIONS, STOP_WORDS, TERM, listed, stem
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


_FORMULA = re.compile(r"[=^λσμ/‖+<>≤≥·|()]|\d")
_OPERATION = re.compile(r"[=^√∑+/·-]")

_FRAME = 2
"""So many words around a swapped one make the questions one pattern."""
_SWAPPED = 2
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
    """2017 is not 2018, GPT-2 not GPT-3, the first World War not the second.

    What one card merely says in addition, `Westphalia (1648)`, makes no other question.
    """
    mine, theirs = one.numbers - other.numbers, other.numbers - one.numbers
    if bool(mine) != bool(theirs):
        small, large = (other, one) if mine else (one, other)
        if _merely_adds(small, large, mine or theirs):
            return ""
    return _versus(mine, theirs)


def _merely_adds(small: Features, large: Features, more: Words) -> bool:
    """Whether numbers stand in an answer that else says the same, or beside an equal gap."""
    if small.family is large.family is Family.CLOZE:
        beside = not more & large.answer_numbers and small.answer_stems == large.answer_stems
        return beside and small.asked_stems <= large.asked_stems
    asked, theirs = small.asked_stems, large.asked_stems
    if 2 * len(asked & theirs) <= min(len(asked), len(theirs)):
        return False
    words = {word for word in small.answer_stems if not word.isdigit()}
    others = {word for word in large.answer_stems if not word.isdigit()}
    only_there = more <= large.answer_numbers and not more & set(large.sequence)
    return only_there and bool(words) and (words <= others or others <= words)


def asked_numbers_differ(one: Features, other: Features) -> str:
    """The same numbers in other places: 5 − 3 is 2, 5 − 2 is 3, 3 − 5 neither."""
    if not one.family is other.family is Family.BASIC:
        return ""
    mine, theirs = DIGITS.findall(one.asked), DIGITS.findall(other.asked)
    apart = set(mine) - set(theirs), set(theirs) - set(mine)
    if all(apart):
        return _versus(*apart)
    words = [[word for word in card.sequence if not word.isdigit()] for card in (one, other)]
    if mine != theirs and sorted(mine) == sorted(theirs) and words[0] == words[1]:
        return f"{' '.join(mine)}/{' '.join(theirs)}"
    return ""


def negation_differs(one: Features, other: Features) -> str:
    """Active is not not active; compared side by side where both have the same sides."""
    if one.family is other.family:
        return "not" if one.negations != other.negations else ""
    return "not" if sum(one.negations) % 2 != sum(other.negations) % 2 else ""


def opposites(one: Features, other: Features) -> str:
    """A word of one stands as its opposite in the other, and neither is said otherwise."""
    mine, theirs = _unmatched(one.tokens, other.tokens), _unmatched(other.tokens, one.tokens)
    for word in sorted(mine):
        for counterpart in sorted(theirs):
            if _opposed(word, counterpart):
                return f"{word}/{counterpart}"
    return ""


def _opposed(word: str, counterpart: str) -> bool:
    """Opposites, alone or behind the same beginning: Gram-positive and Gram-negative."""
    if stem(counterpart) in OPPOSITES.get(stem(word), ()):
        return True
    pairs = enumerate(zip(word, counterpart, strict=False))
    head = next((at for at, (one, other) in pairs if one != other), 0)
    return head >= _HEAD and stem(counterpart[head:]) in OPPOSITES.get(stem(word[head:]), ())


_HEAD = 3
"""Letters of a beginning that two compounds share."""


def _unmatched(words: Words, others: Words) -> list[str]:
    """The words that have neither a form nor a synonym among the others."""
    rest = [stem(other) for other in others - words]
    return [w for w in words - others if not any(same_word(stem(w), other) for other in rest)]


def terms_differ(one: Features, other: Features) -> str:
    """Both name something the other does not: L1 and L2, Austria and Australia."""
    mine = {term for term in one.terms - other.terms if not _named_in(term, other)}
    theirs = {term for term in other.terms - one.terms if not _named_in(term, one)}
    return _versus(mine, theirs) if mine and theirs else ""


def labels_differ(one: Features, other: Features) -> str:
    """Hepatitis A is not hepatitis B, item A not item B."""
    mine, theirs = one.labels - other.labels, other.labels - one.labels
    return _versus(mine, theirs) if mine and theirs else ""


def _named_in(term: str, card: Features) -> bool:
    if term in card.tokens or stem(term) in card.stems or f" {term} " in f" {card.whole} ":
        return True
    return any(_of_one_land(term, other) for other in card.tokens)


def affixes_differ(one: Features, other: Features) -> str:
    """Encoder and decoder, hyper- and hypotension: alike words with other beginnings."""
    for word in sorted(one.stems - other.stems):
        for counterpart in sorted(other.stems - one.stems):
            if (
                min(len(word), len(counterpart)) > 4
                and word[:5] != counterpart[:5]
                and _alike(word, counterpart)
            ):
                return f"{word}/{counterpart}"
    return ""


def _alike(word: str, counterpart: str) -> bool:
    return fuzz.ratio(word, counterpart) >= 70


def swapped(one: Features, other: Features) -> str:
    """The questions are equal but for a word or two in one place, and these are no synonyms."""
    mine, theirs, equal = _trimmed(one.sequence, other.sequence)
    if equal < _FRAME or not 0 < len(mine) <= _SWAPPED or not 0 < len(theirs) <= _SWAPPED:
        return ""
    few, many = sorted((mine, theirs), key=len)
    if all(any(same_word(word, counterpart) for counterpart in many) for word in few):
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
    if one.answer_stems == other.answer_stems:
        return ""
    small, large = sorted((one.asked_stems, other.asked_stems), key=len)
    if not small < large:
        return ""
    strict = _calculated(one, other)
    same = _as_strings(one, other) >= _SAME_FORMULA if strict else _answers_meet(one, other)
    return "" if same else f"–/{_words(large - small)}"


def _calculated(one: Features, other: Features) -> bool:
    """Whether answers are formulae, so that shared letters say little; `5 m/s` is a number."""
    signs = [bool(_OPERATION.search(card.answered)) for card in (one, other)]
    return all(signs) or (any(signs) and not one.answer_numbers & other.answer_numbers)


def answers_differ(one: Features, other: Features) -> str:
    """The answers share less than half of their words; formulae are compared as strings."""
    return "" if _answers_meet(one, other) else "the answer"


def _answers_meet(one: Features, other: Features) -> bool:
    mine, theirs = one.answer_stems, other.answer_stems
    shared = sum(any(same_word(word, counterpart) for counterpart in theirs) for word in mine)
    if 2 * shared >= min(len(mine), len(theirs)):
        return True
    return _formulae(one, other) and _as_strings(one, other) >= _ALIKE_FORMULA


_ALIKE_FORMULA, _SAME_FORMULA = 75, 90


def _formulae(one: Features, other: Features) -> bool:
    return bool(_FORMULA.search(one.answered) and _FORMULA.search(other.answered))


def _as_strings(one: Features, other: Features) -> float:
    return fuzz.ratio(one.answered.replace(" ", ""), other.answered.replace(" ", ""))


def answers_alike(mine: Sides, theirs: Sides) -> bool:
    """Whether two cards want to hear the same, and their questions share half of their words."""
    one, other = form_of(mine.answered), form_of(theirs.answered)
    if one != other and set(stems_of(one)) != set(stems_of(other)):
        return False
    asked, there = set(stems_of(form_of(mine.asked))), set(stems_of(form_of(theirs.asked)))
    shared = len(asked & there)
    return shared >= _SHARED and 2 * shared >= min(len(asked), len(there))


_SHARED = 2


Guard = Callable[[Features, Features], str]
GUARDS: tuple[Guard, ...] = (
    numbers_differ,
    asked_numbers_differ,
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


def both_tell(mine: Sides, theirs: Sides) -> bool:
    """Whether each of two alike cards tells something that the other does not.

    Both answer and question differ in both directions, or the answers in one word each. Of 156
    labelled duplicates none is so.
    """
    read, said = features(mine), features(theirs)
    one, other = aligned(read, said), aligned(said, read)
    answers = _apart(one.answer_stems, other.answer_stems)
    if not all(answers) or _formulae(one, other):
        return False
    swapped_words = max(map(len, answers)) == 1
    longer = min(len(one.answer_stems), len(other.answer_stems)) > 1
    return (swapped_words and longer) or all(_apart(one.asked_stems, other.asked_stems))


def _apart(mine: Words, theirs: Words) -> tuple[list[str], list[str]]:
    """The words of each that are no form or synonym of one of the other's."""

    def only(words: Words, others: Words) -> list[str]:
        return [
            word
            for word in words
            if not any(same_word(word, counterpart) for counterpart in others)
        ]

    return only(mine, theirs), only(theirs, mine)


def judged(mine: Sides, theirs: Sides) -> str | None:
    """What makes two cards different, "" if nothing does; None if they are not to be compared."""
    read, said = features(mine), features(theirs)
    one, other = aligned(read, said), aligned(said, read)
    if not comparable(one, other) or siblings(one, other):
        return None
    return difference(one, other)


# --- words that are one, words that are opposed -----------------------------------------------


def _versus(mine: Words | set[str], theirs: Words | set[str]) -> str:
    return f"{_words(mine)}/{_words(theirs)}" if mine or theirs else ""


def _words(words: Words | set[str]) -> str:
    return " ".join(sorted(words)[:3]) or "–"


_LATIN = (("um", "a"), ("us", "i"), ("on", "a"), ("is", ""), ("ix", "ic"), ("ex", "ic"))


def same_word(word: str, counterpart: str) -> bool:
    """Whether two stems are forms of one word, or synonyms."""
    if word == counterpart or counterpart in SYNONYMS.get(word, ()):
        return True
    short, long = sorted((word, counterpart), key=len)
    if len(short) > 4 and long.startswith(short) and len(long) - len(short) <= 2:
        return True
    return _of_one_land(word, counterpart) or any(
        (a.endswith(x) and b == a.removesuffix(x) + y)
        for a, b in ((word, counterpart), (counterpart, word))
        for x, y in _LATIN
    )


_PEOPLE = ("ian", "ean", "an", "ish", "ese", "ic")


def _of_one_land(word: str, counterpart: str) -> bool:
    """Rome and Roman, Japan and Japanese."""
    short, long = sorted((word, counterpart), key=len)
    ending = next((each for each in _PEOPLE if long.endswith(each)), "")
    root, land = long.removesuffix(ending), short.rstrip("aeiouy")
    return bool(ending) and len(land) >= _LAND and land == root.rstrip("aeiouy")


_LAND = 3
