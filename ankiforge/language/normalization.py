"""Normalize text so that different spellings of the same content compare as equal.

The normal form has no typographic characters, capitals, accents or TeX, and has numbers in digits.
Duplicate cards are found by the stems of the content words in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ankiforge.language.lexicon import read_labels_by_word, read_word_set
from ankiforge.language.quantities import (
    replace_roman_numerals,
    separate_superscript_digits,
)
from ankiforge.language.words import CONTENTLESS_WORDS, NUMBER_WORDS, ORDINALS, stem_word
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
# The deepest nesting of groups in braces that is converted.
_MAX_DEPTH = 3
_COMMAND = regex(r"\\([A-Za-z]+)")
_GREEK = read_labels_by_word("numbers", "greek")


def remove_tex(text: str) -> str:
    r"""Convert TeX in a text to plain text, e.g. `\frac{a}{b}` to `(a)/(b)`."""
    if "\\" not in text:
        return text
    for _ in range(_MAX_DEPTH):
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
_DIGITS_BY_WORD = read_labels_by_word("numbers", "normal_number_words") | NUMBER_WORDS
# These words have other meanings, too: `eins`, for example, may be an article.
for _word in ("one", "once", "eins", "acht"):
    _DIGITS_BY_WORD.pop(_word)
_THOUSANDS = regex(r"(?<=\d),(?=\d{3}(?!\d))")
# A number such as 299 792 458. Two groups of digits are ambiguous, as in `in 120 200 died`.
_SPACED_DIGITS = regex(
    r"[1-9](?<![\d.,].)\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}){2,}(?![\d.,])"
)
# A tuple such as `(0, 0)`, whose commas separate numbers.
_TUPLE = regex(r"[(\[]-?\d+(?:\s?,\s?-?\d+)+[)\]]")
_TENS_AND_ONES = regex(
    r"(?i)\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)
_LEADING_SIGNS = "\"'¿¡"
_TRAILING_SIGNS = "?!.,;:\"'…"


@lru_cache(maxsize=1024)
def normalize_words(text: str) -> str:
    """Normalize text so that its words can be compared.

    Capitals, accents, typographic characters and TeX are replaced by plain lowercase text, and
    number words by digits: `“Twenty-one Cafés” – 1,000 m` becomes `21 cafes"-1000 m`.
    """
    text = replace_roman_numerals(text)  # while its capitals are left
    if "-" in text or "\u00ad" in text:  # a quick test
        text = _HYPHENATED.sub("", text)  # `exam-\nple`
    text = remove_tex(text)
    if not text.isascii():
        # the second time, for the characters that `remove_accents` has decomposed
        text = separate_superscript_digits(text.translate(_TYPOGRAPHY))
        text = remove_accents(text).translate(_TYPOGRAPHY)
    text = text.casefold()
    text = _SPACED_DIGITS.sub(lambda match: "".join(match[0].split()), text)
    if _SIGN.search(text):  # a quick test
        text = _normalize_signs(text)
    words = []
    for part in text.split():
        word = part.rstrip(_TRAILING_SIGNS).lstrip(_LEADING_SIGNS)
        if word:
            words.append(_DIGITS_BY_WORD.get(word, word))
    return " ".join(words)


def _normalize_signs(text: str) -> str:
    """Remove hyphens, brackets, thousands separators and the spaces around operators."""
    # before the thousands separators: `(0,100)` has two numbers
    text = _TUPLE.sub(lambda match: match[0].replace(",", " "), text)
    # before the hyphens: `twenty-one` is a number
    text = _TENS_AND_ONES.sub(
        lambda match: str(sum(int(NUMBER_WORDS[word]) for word in match.groups())), text
    )
    text = _COMPOUND.sub("", text)  # `well-known`
    text = _THOUSANDS.sub("", text)  # `1,000`
    text = _BRACKETS.sub(" ", text)
    return _OPERATOR.sub(r"\1", text)  # `a + b`


def remove_accents(text: str) -> str:
    """Remove accents, by decomposing text to NFKD and dropping the combining marks."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


# --- the content words of a normal form -----------------------------------------------

_IDEOGRAPHS = "\u3400-\u9fff"
_HIRAGANA = "\u3040-\u309f"
_KATAKANA = "\u30a0-\u30ff"
_ASCII_WORD = regex(r"\w+")
_WORD = rf"[{_IDEOGRAPHS}]|[{_HIRAGANA}]+|[{_KATAKANA}]+|[^\W\u3040-\u30ff{_IDEOGRAPHS}]+"
# Words without content, written without accents, so that `où` is `ou` and `で` is `て`.
_NON_NUMBER_WORDS = CONTENTLESS_WORDS.difference(NUMBER_WORDS, ORDINALS)
_CONTENTLESS_WORDS = read_word_set("signs", "asking").union(
    map(remove_accents, _NON_NUMBER_WORDS)
)
_MAX_CACHED = 300_000
# Adverbs with at least this many letters are reduced to their adjectives.
_MIN_ADVERB_LENGTH = 7


@lru_cache(maxsize=_MAX_CACHED)
def _stem_content_word(word: str) -> str | None:
    """Return the stem of a word, or None if the word has no content, like a function word."""
    if word in _CONTENTLESS_WORDS or _is_particle(word):
        return None
    stem = stem_word(word)
    if stem.endswith("ly") and len(stem) >= _MIN_ADVERB_LENGTH:
        stem = stem_word(stem.removesuffix("ly"))
    return stem or None


def _is_particle(word: str) -> bool:
    """Return whether a word is a single hiragana."""
    return len(word) == 1 and "\u3040" <= word <= "\u309f"


def iter_content_stems(normalized_text: str) -> Iterator[str]:
    """Yield the stems of the content words in a normalized text, in order.

    Each ideograph counts as a word.
    """
    return filter(None, map(_stem_content_word, split_words(normalized_text)))


def split_words(normalized_text: str) -> list[str]:
    """Split normalized text into words.

    Each ideograph and each run of hiragana or katakana counts as a word.
    """
    if not normalized_text.isascii():
        return re.findall(_WORD, normalized_text)
    if normalized_text.replace(" ", "").isalnum():
        return normalized_text.split()
    return _ASCII_WORD.findall(normalized_text)


def iter_ideograph_pairs(normalized_text: str) -> Iterator[str]:
    """Yield each pair of adjacent ideographs, which serve as additional search terms.

    Single ideographs are too common to be useful search terms.
    """
    for run in re.findall(f"[{_IDEOGRAPHS}]{{2,}}", normalized_text):
        for ideograph, following in pairwise(run):
            yield ideograph + following


# --- phrases in one spelling ----------------------------------------------------------

# For each phrase: a substring of every text that contains it, a pattern that matches it, and
# its replacement.
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
    # the years 1814–15 become 1814-1815
    ("-", regex(r"(?<!\d)(\d\d)(\d\d)-(\d\d)(?!\d)"), r"\1\2-\1\3"),
)


@lru_cache(maxsize=1024)
def normalize_phrases(text: str) -> str:
    """Normalize text like `normalize_words`, and give common phrases a single spelling.

    For example, `United States` and `USA` both become `us`.
    """
    form = normalize_words(text)
    for substring, phrase, spelling in _PHRASES:
        if substring in form:
            form = phrase.sub(spelling, form)
    return form
