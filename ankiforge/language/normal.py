"""The normal form of a text: without typography, case, accents, TeX and number words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ankiforge.language.lexicon import by_word, listed
from ankiforge.language.quantities import DIGITS, arabic, space_raised
from ankiforge.language.words import (
    FUNCTION,
    NUMBER_WORDS,
    ORDINALS,
    stem,
)
from ankiforge.text import regex

# --- TeX ------------------------------------------------------------------------------

_GROUP = r"\{([^{}]*)\}"
_FONTS = "mathrm|text|mathbf|mathit|mathcal|operatorname|textrm"
_TEX = (
    (regex(rf"\\(?:{_FONTS})\s*{_GROUP}"), r"\1"),
    (regex(rf"\\[dt]?frac\s*{_GROUP}\s*{_GROUP}"), r"(\1)/(\2)"),
    (regex(rf"\\sqrt\s*{_GROUP}"), r"√(\1)"),
    (regex(r"\\(?:left|right|displaystyle|quad|[,;:! ])"), " "),
    (regex(r"\\(?:[lr]?Vert|\|)"), "‖"),
    (regex(r"\\(?:[lr]?vert|mid)\b"), "|"),
    (regex(r"\\(?:cdot|times)\b"), "·"),
    (regex(r"\\leq?\b"), "≤"),
    (regex(r"\\geq?\b"), "≥"),
    (regex(r"\\neq?\b"), "≠"),
)
# How deep groups may be within groups.
_DEPTH = 3
_COMMAND = regex(r"\\([A-Za-z]+)")
_GREEK = by_word("numbers", "greek")


def without_tex(text: str) -> str:
    r"""Return formulae as plain text: `\frac{a}{b}` becomes `(a)/(b)`."""
    if "\\" not in text:
        return text
    for _ in range(_DEPTH):
        for pattern, replacement in _TEX:
            text = pattern.sub(replacement, text)
    return _COMMAND.sub(lambda match: _GREEK.get(match[1], match[1]), text)


# --- the normal form ------------------------------------------------------------------

_TYPOGRAPHY = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "−": "-",
        "–": "-",
        "—": "-",
        "‐": "-",
        "‑": "-",
        "œ": "oe",
        "Œ": "OE",
        "æ": "ae",
        "Æ": "AE",
    }
)
_HYPHENATED = regex(r"(?<=\w)-\s*\n\s*(?=\w)|\u00ad")
_COMPOUND = regex(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])")
_BRACKETS = regex(r"[{}^_()\[\]]")
_OPERATOR = regex(r"\s*([=+*/|<>≤≥≠·‖-])\s*")
_SIGN = regex(r"[-{}^_()\[\]=+*/|<>≤≥≠·‖,]")
_DIGITS_BY_WORD = by_word("numbers", "normal_number_words") | NUMBER_WORDS
# they may mean something else: `one`, an article
for _word in ("one", "once", "eins", "acht"):
    _DIGITS_BY_WORD.pop(_word)
_THOUSANDS = regex(r"(?<=\d),(?=\d{3}(?!\d))")
# 299 792 458; two groups alone are ambiguous: `in 120 200 died`.
_SPACED_DIGITS = regex(
    r"(?<![\d.,])[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}){2,}(?![\d.,])"
)
# (0, 0), which is two numbers.
_TUPLE = regex(r"[(\[]-?\d+(?:\s?,\s?-?\d+)+[)\]]")
_TENS_AND_ONES = regex(
    r"(?i)\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)
_BEFORE_A_WORD = "\"'¿¡"
_BEHIND_A_WORD = "?!.,;:\"'…"


@lru_cache(maxsize=1024)
def for_comparing_words(text: str) -> str:
    """Return plain text without typography, case, accents, TeX and number words."""
    text = arabic(text)
    if "-" in text or "\u00ad" in text:
        text = _HYPHENATED.sub("", text)
    text = without_tex(text)
    if not text.isascii():
        text = space_raised(text.translate(_TYPOGRAPHY))
        text = without_accents(text).translate(_TYPOGRAPHY)
    text = text.casefold()
    if " " in text and DIGITS.search(text):
        text = _SPACED_DIGITS.sub(lambda match: "".join(match[0].split()), text)
    if _SIGN.search(text):
        # without hyphens, brackets, and blanks around operators
        text = _TUPLE.sub(lambda match: match[0].replace(",", " "), text)
        text = _TENS_AND_ONES.sub(_sum_of_words, text)
        text = _COMPOUND.sub("", text)
        text = _THOUSANDS.sub("", text)
        text = _BRACKETS.sub(" ", text)
        text = _OPERATOR.sub(r"\1", text)
    words = []
    for part in text.split():
        word = part.rstrip(_BEHIND_A_WORD).lstrip(_BEFORE_A_WORD)
        if word:
            words.append(_DIGITS_BY_WORD.get(word, word))
    return " ".join(words)


def _sum_of_words(match: re.Match[str]) -> str:
    """Return the value of `thirty-one`."""
    tens, ones = match.groups()
    tens_value = int(NUMBER_WORDS[tens.casefold()])
    ones_value = int(NUMBER_WORDS[ones.casefold()])
    return str(tens_value + ones_value)


def without_accents(text: str) -> str:
    """Return the text in NFKD without combining marks."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


# --- the content words of a normal form -----------------------------------------------

_IDEOGRAPHS = "\u3400-\u9fff"
_HIRAGANA = "\u3040-\u309f"
_KATAKANA = "\u30a0-\u30ff"
_ASCII_WORD = regex(r"\w+")
_WORD = rf"[{_IDEOGRAPHS}]|[{_HIRAGANA}]+|[{_KATAKANA}]+|[^\W\u3040-\u30ff{_IDEOGRAPHS}]+"
# Words without meaning of their own, and without accents (`où` is `ou`, `で` is `て`).
_NO_NUMBERS = FUNCTION.difference(NUMBER_WORDS, ORDINALS)
_PASSED_OVER = listed("signs", "asking").union(map(without_accents, _NO_NUMBERS))
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


def tokens_of(form: str) -> list[str]:
    """Return all words of a normal form, in order."""
    return _ASCII_WORD.findall(form) if form.isascii() else re.findall(_WORD, form)


def finders_of(form: str) -> Iterator[str]:
    """Yield further search terms: pairs of ideographs, because single ones are too common."""
    for run in re.findall(f"[{_IDEOGRAPHS}]{{2,}}", form):
        for sign, following in pairwise(run):
            yield sign + following


# --- phrases in one spelling ----------------------------------------------------------

# What is in a text with such a phrase, the phrase, and its one spelling.
_PHRASES = (
    (" world war", regex(r"\b(?:first|1st) world war\b"), "world war 1"),
    (" world war", regex(r"\b(?:second|2nd) world war\b"), "world war 2"),
    (" weltkrieg", regex(r"\berste[rsn]? weltkrieg\b"), "1 weltkrieg"),
    (" weltkrieg", regex(r"\bzweite[rsn]? weltkrieg\b"), "2 weltkrieg"),
    (" place", regex(r"\b(?:takes?|took|taking) place\b"), "occur"),
    ("due to", regex(r"\bdue to\b"), "cause"),
    ("because of", regex(r"\bbecause of\b"), "cause"),
    ("usa", regex(r"\busa\b"), "us"),
    ("united states", regex(r"\bunited states(?: of america)?\b"), "us"),
    ("united kingdom", regex(r"\bunited kingdom\b"), "uk"),
    ("great britain", regex(r"\bgreat britain\b"), "uk"),
    (".0", regex(r"(?<=\d)\.0+(?![\d.])"), ""),
    ("-", regex(r"(?<!\d)(\d\d)(\d\d)-(\d\d)(?!\d)"), r"\1\2-\1\3"),  # 1814–15
)


@lru_cache(maxsize=1024)
def form_of(text: str) -> str:
    """Return the normal form, with phrases in one spelling: `World War 2`, `us`."""
    form = for_comparing_words(text)
    for sign, phrase, spelling in _PHRASES:
        if sign in form:
            form = phrase.sub(spelling, form)
    return form
