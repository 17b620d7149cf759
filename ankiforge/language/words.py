"""Words and stems of a text, by which it is compared with others.

English has priority, German is supported where it is easy, and Chinese and Japanese are
read by character. These forms serve comparison only; they are never shown or stored.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from ankiforge.language.lexicon import DATA, WordSet, by_word, listed, section
from ankiforge.text import regex

_FUNCTION_WORDS = {
    name: listed("small_words", "small", name)
    for name in ("en", "de", "fr", "es", "it", "pt")
}
STOP_WORDS = (_FUNCTION_WORDS["en"] | _FUNCTION_WORDS["de"]) - listed("signs", "askable")
"""Function words for which nobody asks."""
QUESTION_WORDS = listed("signs", "question")
_NO_CONTENT = STOP_WORDS | QUESTION_WORDS
FUNCTION = QUESTION_WORDS.union(listed("signs", "adverbs"), *_FUNCTION_WORDS.values())
"""Words without meaning of their own, which are not part of a subject or object."""
NEGATIONS = listed("meaning", "negations")
NEGATORS = listed("meaning", "negators")
NUMBER_WORDS = by_word("numbers", "number_words")
"""The digits of number words."""
ORDINALS = section("numbers", "ordinals")["en"]

# --- words ----------------------------------------------------------------------------

# Kana and ideographs. To compile so many takes `re` a millisecond, at the first such
# text.
_IDEOGRAPH = "([\u3040-\u30ff\u3400-\u9fff])"
_TOKEN = regex(r"[^\W_]+(?:['’][^\W_]+)?[+#]*")
# The same for ASCII, in half the time.
_ASCII_TOKEN = regex(r"[a-z0-9]+(?:'[a-z0-9]+)?[+#]*")
TERM = regex(r"\b(?:[A-Z]{2,}\w*|[A-Za-z]+\d\w*|[A-Z]*[a-z]+[A-Z]\w*)\b")
"""Acronyms and names with digits or inner capitals."""


def tokens(text: str) -> list[str]:
    """Return words and single ideographs, casefolded, in order; `C++` and `C#` keep their signs."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return _ASCII_TOKEN.findall(plain)
    return _TOKEN.findall(re.sub(_IDEOGRAPH, r" \1 ", plain))


def content(text: str) -> list[str]:
    """Return the content words: neither stop words nor question words."""
    return [word for word in tokens(text) if word not in _NO_CONTENT]


def stems(text: str) -> WordSet:
    """Return the stems of the content words."""
    return frozenset(map(stem, content(text)))


def holds(text: str, words: str, *, exact: bool = False) -> bool:
    """Return whether a text contains whole words, or their plural; `exact` = with the same case."""
    if words.casefold() not in text.casefold():  # faster than compiling a pattern
        return False
    flags = re.NOFLAG if exact else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(words)}(?:e?s)?(?!\w)", text, flags) is not None


def word_count(text: str) -> int:
    """Return the number of visible words; two ideographs count as one."""
    if text.isascii():
        return len(text.split())
    rest, ideographs = re.subn(_IDEOGRAPH, " ", text)
    return len(rest.split()) + (ideographs + 1) // 2


# --- stems ----------------------------------------------------------------------------

# British spellings: (signs that a word must contain, pattern, replacement).
_SPELLINGS = (
    (("our",), regex(r"(?<=[a-z]{3})our(?=$|s$|al$|ed$|ing$)"), "or"),
    (("ogue",), regex(r"(?<=[a-z]{2})ogue(?=s?$)"), "og"),
    (("re",), regex(r"(?<=[a-z][bcdfghjklmnpqtvw])re(?=s?$)"), "er"),
    (("ae", "oe"), regex(r"ae|oe"), "e"),
    (
        ("is", "ys"),
        regex(r"(?<=[a-z]{3})[iy]s(?=e$|ed$|es$|ing$|ation$|ations$|er$|ers$)"),
        "iz",
    ),
)
# What replaces the endings of inflected words, which are tried in this order.
_ENDINGS_BY_REPLACEMENT = {
    "iz": "izations ization izing izers izer ized izes ize",
    "at": "ations ation ating ated ates ate",
    "y": "ies ied",
    "ss": "sses",
    "": "ings ing edly ed es s al",
}
_ENDINGS = tuple(
    (ending, replacement)
    for replacement, endings in _ENDINGS_BY_REPLACEMENT.items()
    for ending in endings.split()
)
# Words with these endings keep them.
_NOT_INFLECTED = ("ss", "us", "is", "ias")
_MIN_STEM = 3
_IRREGULAR = by_word("numbers", "irregular")


@lru_cache(maxsize=65536)
def stem(token: str) -> str:
    """Return a token without its inflection and in one spelling: `centre` is `center`."""
    token = _IRREGULAR.get(token, token)
    if len(token) <= _MIN_STEM or not token.isalpha():
        return token
    word = token
    for signs, pattern, spelling in _SPELLINGS:
        if any(sign in word for sign in signs):
            word = pattern.sub(spelling, word)
    if not word.endswith(_NOT_INFLECTED):
        for ending, replacement in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
                word = word[: -len(ending)] + replacement
                break
    word = word.removesuffix("e")
    last = word[-1]
    if len(word) > _MIN_STEM and last == word[-2] and last not in "aeios":
        return word[:-1]
    return word


_BEGINNING = 5


def beginning(word: str) -> str:
    """Return the first letters of a casefolded word, which its forms share; all of a number."""
    word = word.removesuffix("'s").removesuffix("’s").rstrip("+#")
    if word[:1].isdigit():
        return word
    return word[:_BEGINNING] if len(word) > _BEGINNING else word.removesuffix("s")


def beginnings(text: str) -> WordSet:
    """Return the beginnings of the words of a text."""
    return frozenset(map(beginning, tokens(text)))


# --- opposites and synonyms -----------------------------------------------------------


@cache  # read only when a card has to be compared: a run with one edit is mostly start
def opposed(*, stemmed: bool = True) -> dict[str, WordSet]:
    """Return each word of `data/opposites.txt` with those of the other side.

    `stemmed`: the base forms, all as stems; else the forms of sentences, as they are
    and as stems.
    """
    base_forms, _, sentence_forms = (
        (DATA / "opposites.txt").read_text("utf-8").partition("\n--\n")
    )
    if stemmed:
        lines = base_forms.splitlines()[1:]
        for ordinal in ORDINALS:  # all others are opposed to it
            others = " ".join(other for other in ORDINALS if other != ordinal)
            lines.append(f"{ordinal} / {others}")
    else:
        lines = sentence_forms.splitlines()
    opposites: dict[str, WordSet] = {}
    for line in lines:
        sides = []
        for side in line.split("/"):
            words = side.split()
            stems_of_side = list(map(stem, words))
            sides.append(frozenset(stems_of_side if stemmed else stems_of_side + words))
        for place, side_words in enumerate(sides):
            other_words = frozenset().union(*sides[:place], *sides[place + 1 :])
            for word in side_words:
                opposites[word] = opposites.get(word, frozenset()) | other_words
    return opposites


# `in` and `out`: their position says little about what is meant.
_PLACES = listed("meaning", "prepositions")


@lru_cache(maxsize=4096)
def contrary(word: str) -> WordSet:
    """Return the words and stems that say the opposite of a word."""
    opposites: WordSet = frozenset()
    for form in {word, stem(word)} - _PLACES:
        for table in (opposed(stemmed=False), opposed()):
            opposites |= table.get(form, frozenset())
    return opposites - _PLACES


@cache
def synonyms() -> dict[str, WordSet]:
    """Return each stem of `data/synonyms.txt` with its group."""
    groups: dict[str, WordSet] = {}
    for line in (DATA / "synonyms.txt").read_text("utf-8").splitlines()[1:]:
        group = frozenset(map(stem, line.split()))
        for word in group:
            groups[word] = groups.get(word, frozenset()) | group
    return groups
