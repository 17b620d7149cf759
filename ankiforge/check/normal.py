"""The normal form of a text: without typography, case, accents, TeX and number words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ankiforge.check.quantities import DIGITS, arabic, space_raised
from ankiforge.check.words import NUMBER_WORDS, by_word
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
def normal(text: str) -> str:
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
        text = _without_signs(text)
    words = []
    for part in text.split():
        word = part.rstrip(_BEHIND_A_WORD).lstrip(_BEFORE_A_WORD)
        if word:
            words.append(_DIGITS_BY_WORD.get(word, word))
    return " ".join(words)


def _without_signs(text: str) -> str:
    """Return the text without hyphens, brackets, and blanks around operators."""
    text = _TUPLE.sub(lambda match: match[0].replace(",", " "), text)
    text = tens_and_ones(text)
    text = _COMPOUND.sub("", text)
    text = _THOUSANDS.sub("", text)
    text = _BRACKETS.sub(" ", text)
    return _OPERATOR.sub(r"\1", text)


def tens_and_ones(text: str) -> str:
    """Return the text with numbers such as `thirty-one` in digits."""
    return _TENS_AND_ONES.sub(_sum_of_words, text)


def _sum_of_words(match: re.Match[str]) -> str:
    tens, ones = match.groups()
    tens_value = int(NUMBER_WORDS[tens.casefold()])
    ones_value = int(NUMBER_WORDS[ones.casefold()])
    return str(tens_value + ones_value)


def without_accents(text: str) -> str:
    """Return the text in NFKD without combining marks."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))
