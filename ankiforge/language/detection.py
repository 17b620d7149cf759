"""Detect the script and language of a text.

The script is that of most letters. The language is the one with the most function words in the text
or, if that is undecided, the one whose tables contain the most words.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

from ankiforge.language.lexicon import (
    LANGUAGES,
    load_language,
    read_section,
    read_word_set,
)
from ankiforge.text import regex
from ankiforge.text.normalize import blank_out_code_and_urls

UNKNOWN = ""
"""The script or language of a text for which it isn't clear."""

# --- the script and the language of a text --------------------------------------------

_SCRIPTS = {
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "HANGUL": "Korean",
    "DEVANAGARI": "Devanagari",
    "THAI": "Thai",
    "CJK": "Chinese or Japanese",
    "HIRAGANA": "Chinese or Japanese",
    "KATAKANA": "Chinese or Japanese",
}
"""Maps the first word of a letter's Unicode name to its script."""
# The script and the language are detected from this many characters at the start of a text.
_MAX_SCRIPT_CHARS = 6000
_MAX_LANGUAGE_CHARS = 600
# A text must have at least this many letters of a script. It takes more for Latin, because
# formulas and names are in Latin letters in any text.
_MIN_LETTERS = 4
_MIN_LATIN_LETTERS = 12
# More than this fraction of a text's letters must belong to its script.
_MIN_LETTER_FRACTION = 0.6


@lru_cache(maxsize=256)
def detect_script(text: str) -> str:
    """Detect the script of most letters in a text.

    Returns `UNKNOWN` if there are too few letters, or if they are too mixed.
    """
    scripts = _count_by_script(text)
    if not scripts:
        return UNKNOWN
    name, count = scripts.most_common(1)[0]
    min_letters = _MIN_LETTERS
    if name == "Latin":
        min_letters = _MIN_LATIN_LETTERS
    if count < min_letters or count <= _MIN_LETTER_FRACTION * scripts.total():
        return UNKNOWN
    return name


def detect_script_of_words(words: str) -> str:
    """Detect the script of most letters, even if there are only a few letters.

    Returns `UNKNOWN` if there are no letters, or if their script isn't supported.
    """
    scripts = _count_by_script(words)
    return max(scripts, key=scripts.__getitem__, default=UNKNOWN)


def _count_by_script(text: str) -> Counter[str]:
    plain = blank_out_code_and_urls(text[:_MAX_SCRIPT_CHARS])
    scripts: Counter[str] = Counter()
    for letter, count in Counter(filter(str.isalpha, plain)).items():
        scripts[_detect_script(letter)] += count
    return scripts


@lru_cache(maxsize=4096)
def _detect_script(letter: str) -> str:
    if letter.isascii():
        return "Latin"
    name = unicodedata.name(letter, "no name").replace("-", " ")
    return _SCRIPTS.get(name.partition(" ")[0], UNKNOWN)


# --- languages ------------------------------------------------------------------------

LANGUAGE_NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "ru": "Russian",
    "nl": "Dutch",
}
"""Maps language codes to names, for messages to the user and prompts to the model."""
_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_KANA = regex(r"[\u3040-\u30ff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Letters that occur only in languages without tables.
_FOREIGN_LETTER = regex(r"[ěščřžůďťňąęłńśźżőűășțğıđåøæŐŰĄĘŁŚŻŹČŘŠŽ]")
# A language is certain only if a text has at least this many of its function words, this many
# more than of any other language, and if they make up at least this fraction of all words.
_MIN_FUNCTION_WORDS = 4
_MIN_LEAD = 3
_MIN_FRACTION = 0.15


CITATION = regex(
    r"(?=\W*[(（]|.*\bet al\b)(?=.*\b(?:1[6-9]|20)\d\d)\W*(?:(?:[A-ZÀ-Þ]\w*|et|al|and|und|cf|see"
    r"|vgl|pp?|d[aei]?l?|v[ao]n(?: de[nr]?)?|\d+[a-z]?)(?:\W+|\Z))+"
)
"""Matches a text that is only a citation such as `(Di Stefano et al. 2014; Felice 2015).`, with
names, years, page numbers and words between them.
"""


def detect_language(*texts: str) -> str:
    """Detect the language of some texts, and return its code. The first clear text decides.

    A citation is never clear, because its names may be words of any language. Returns `UNKNOWN`
    if no text is clear, or if there are no word lists for the language.
    """
    for text in texts:
        sample = text[:_MAX_LANGUAGE_CHARS]
        if CITATION.fullmatch(sample):
            continue
        language = _detect_by_letters(sample)
        if language is None:
            language = _detect_by_words(sample)
        if language is not None:
            return language
    return UNKNOWN


def _detect_by_letters(sample: str) -> str | None:
    """Return the language that the letters of a text show, or None if they don't show any.

    The language is `UNKNOWN` if the letters show that there are no word lists for it.
    """
    if sample.isascii():
        return None
    ideographs = len(_IDEOGRAPH.findall(sample))
    if ideographs * 4 > len(sample):
        if len(_KANA.findall(sample)) * 8 > ideographs:
            return "ja"
        return "zh"
    if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
        return "ru"
    if _FOREIGN_LETTER.search(sample):
        return UNKNOWN
    return None


def _detect_by_words(sample: str) -> str | None:
    """Return the language with the most words in a text, or None if it isn't clear.

    The language is `UNKNOWN` if it has function words but no word lists.
    """
    counts = _count_function_words(sample)
    if counts.most == counts.next_most:
        return _detect_by_vocabulary(sample)
    if counts.language in LANGUAGES:
        return counts.language
    return UNKNOWN


# If function words don't decide, a text must have at least this many words, and the tables of a
# language must contain this many more of them than those of any other language.
_MIN_WORDS = 4
_MIN_KNOWN_LEAD = 2


@lru_cache(maxsize=64)
def _detect_by_vocabulary(sample: str) -> str | None:
    """Return the language whose word lists contain the most words, or None if it isn't clear.

    This helps with short texts such as `Der schwarze Tod kam schnell`.
    """
    words = [word for word in _LETTERS.findall(sample.casefold()) if len(word) > 1]
    if len(words) < _MIN_WORDS:
        return None
    known_counts = Counter[str]()
    for name in LANGUAGES:
        known_words = load_language(name).known_words
        known_counts[name] = sum(word in known_words for word in words)
    (name, most), (_, next_most) = known_counts.most_common(2)
    if most < next_most + _MIN_KNOWN_LEAD or 2 * most <= len(words):
        return None
    return name


def detect_language_name(text: str) -> str:
    """Return the English name of a text's language, or `UNKNOWN` if the language isn't certain.

    It is certain if the text has by far the most function words of that language.
    """
    counts = _count_function_words(text[:_MAX_LANGUAGE_CHARS])
    if counts.most < max(
        _MIN_FUNCTION_WORDS,
        counts.next_most + _MIN_LEAD,
        _MIN_FRACTION * counts.word_count,
    ):
        return UNKNOWN
    return LANGUAGE_NAMES.get(counts.language, UNKNOWN)


class _FunctionWordCounts(NamedTuple):
    """How many words of a text are function words of a language."""

    language: str
    """The language with the most function words, or `UNKNOWN` if there are none."""
    most: int
    next_most: int
    """The number of function words of the language with the second most."""
    word_count: int


@lru_cache(maxsize=64)  # several callers score the same text
def _count_function_words(sample: str) -> _FunctionWordCounts:
    languages = _map_words_to_languages()
    words = _LETTERS.findall(sample.replace("’", "'"))
    languages_of_words = (languages.get(word.casefold(), ()) for word in words)
    counts = Counter(chain.from_iterable(languages_of_words))
    ranked = [*counts.most_common(2), (UNKNOWN, 0), (UNKNOWN, 0)]
    (language, most), (_, next_most), *_ = ranked
    return _FunctionWordCounts(language, most, next_most, len(words))


@cache
def _map_words_to_languages() -> dict[str, tuple[str, ...]]:
    languages: dict[str, tuple[str, ...]] = {}
    for name in read_section("small_words", "small"):
        for word in read_word_set("small_words", "small", name):
            languages[word] = (*languages.get(word, ()), name)
    return languages
