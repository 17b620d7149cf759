"""The features of a card by which it is compared.

Normal forms, stems, names, labels, numbers and negations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ankiforge.check.normal import normal
from ankiforge.check.quantities import DIGITS
from ankiforge.check.sides import ComparedSides
from ankiforge.check.words import (
    NEGATIONS,
    ORDINALS,
    QUESTION_WORDS,
    STOP_WORDS,
    TERM,
    Words,
    listed,
    stem,
)
from ankiforge.model import Family, Strings, Texts, Value
from ankiforge.text import regex

# --- the content words of a normal form -----------------------------------------------

_IDEOGRAPHS = "\u3400-\u9fff"
_HIRAGANA = "\u3040-\u309f"
_KATAKANA = "\u30a0-\u30ff"
_ASCII_WORD = regex(r"\w+")
_WORD = rf"[{_IDEOGRAPHS}]|[{_HIRAGANA}]+|[{_KATAKANA}]+|[^\W\u3040-\u30ff{_IDEOGRAPHS}]+"
# Words without meaning of their own, and without accents (`où` is `ou`, `で` is `て`).
_PASSED_OVER = STOP_WORDS | QUESTION_WORDS | listed("small_words", "unstemmed")
_MOST_CACHED = 300_000
# Adverbs with at least as many letters are reduced to their adjectives.
_MIN_ADVERB = 7


class _Stems(dict[str, str]):
    """A cache of stems; "" for words without meaning."""

    def __missing__(self, word: str) -> str:
        if len(self) > _MOST_CACHED:
            self.clear()
        is_particle = len(word) == 1 and "\u3040" <= word <= "\u309f"
        result = "" if is_particle or word in _PASSED_OVER else stem(word)
        if len(result) >= _MIN_ADVERB and result.endswith("ly"):
            result = stem(result[:-2])
        self[word] = result
        return result


_STEMS = _Stems()


def stems_of(form: str) -> Iterator[str]:
    """Return the stems of the content words of a normal form, in order; ideographs one by one."""
    return filter(None, map(_STEMS.__getitem__, tokens_of(form)))


@lru_cache(maxsize=2048)
def stem_set(text: str) -> Words:
    """Return the stems of the content words of a text."""
    return frozenset(stems_of(form_of(text)))


def tokens_of(form: str) -> list[str]:
    """Return all words of a normal form, in order."""
    return _ASCII_WORD.findall(form) if form.isascii() else re.findall(_WORD, form)


def finders_of(form: str) -> Iterator[str]:
    """Yield further search terms: pairs of ideographs, because single ones are too common."""
    for run in re.findall(f"[{_IDEOGRAPHS}]{{2,}}", form):
        for sign, following in pairwise(run):
            yield sign + following


# --- phrases in one spelling ----------------------------------------------------------

# One of these is in a text that `_PHRASE` matches.
_PHRASE_SIGNS = (
    "-",
    " world war",
    " place",
    " weltkrieg",
    "due to",
    "because of",
    ".0",
    "usa",
    "united",
    "great b",
)
_PHRASE = regex(
    r"\b(?P<war>first|second|1st|2nd) world war\b|\b(?P<occur>takes?|took|taking) place\b"
    r"|\b(?P<weltkrieg>(?:erste|zweite)[rsn]?) weltkrieg\b|\b(?P<cause>due to"
    r"|because of)\b"
    r"|(?<=\d)(?P<zero>\.0+)(?![\d.])|\b(?P<us>usa|united states(?: of america)?)\b"
    r"|\b(?P<uk>united kingdom|great britain)\b"
    r"|(?<!\d)(?P<century>\d\d)(?P<from>\d\d)-(?P<to>\d\d)(?!\d)"
)


@lru_cache(maxsize=1024)
def form_of(text: str) -> str:
    """Return the normal form, with phrases in one spelling: `World War 2`, `us`."""
    form = normal(text)
    if any(sign in form for sign in _PHRASE_SIGNS):
        form = _PHRASE.sub(_one_spelling, form)
    return form


def _one_spelling(match: re.Match[str]) -> str:
    """Return the words that replace a phrase."""
    war = match["war"]
    if war:
        number = ORDINALS.index(war) + 1 if war in ORDINALS else war[0]
        return f"world war {number}"
    weltkrieg = match["weltkrieg"]
    if weltkrieg:
        number = "1" if weltkrieg.startswith("erste") else "2"
        return f"{number} weltkrieg"
    if match["to"]:  # 1814–15
        century = match["century"]
        return f"{century}{match['from']}-{century}{match['to']}"
    for name in ("occur", "cause", "us", "uk"):
        if match[name]:
            return name
    return ""  # the decimals of 5.0


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
