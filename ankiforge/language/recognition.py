"""The script and the language of a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import NamedTuple

from ankiforge.language.lexicon import LANGUAGES
from ankiforge.language.tables import listed, section
from ankiforge.text import regex
from ankiforge.text.fold import words_alone

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
"""The scripts that are distinguished, by the first word of the Unicode name of their letters."""
# The characters of a text that are read to recognise its script, and its language.
_READ_FOR_SCRIPT = 6000
_READ_FOR_LANGUAGE = 600
# The minimum number of letters in the script; formulae and names are Latin in any text.
_FEW_LETTERS = 4
_FEW_LATIN_LETTERS = 12
# The share of all letters that must be exceeded.
_MOST_LETTERS = 0.6


@lru_cache(maxsize=256)
def script(text: str) -> str:
    """Return the script of most letters; "" if there are few letters."""
    plain = words_alone(text[:_READ_FOR_SCRIPT])
    letters = Counter(filter(str.isalpha, plain))
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[_script_of(letter)] += count
    if not scripts:
        return ""
    name, count = scripts.most_common(1)[0]
    least = _FEW_LATIN_LETTERS if name == "Latin" else _FEW_LETTERS
    return name if (count >= least and count > _MOST_LETTERS * scripts.total()) else ""


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    """Return the script of a letter; "" if it is none of those that are distinguished."""
    if letter.isascii():
        return "Latin"
    name = unicodedata.name(letter, "").replace("-", " ")
    return _SCRIPTS.get(name.partition(" ")[0], "")


# --- languages ------------------------------------------------------------------------

NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "ru": "Russian",
    "nl": "Dutch",
}
"""The languages that a person is told, and a model is asked to write in."""
_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Letters of languages without tables.
_FOREIGN_LETTER = regex(r"[ěščřžůďťňąęłńśźżőűășțğıđåøæŐŰĄĘŁŚŻŹČŘŠŽ]")
# The least number of function words of a language by which it is surely recognised, of more
# than of the next one, and their least share of all words.
_ENOUGH = 4
_MORE = 3
_SHARE = 0.15


def language_of(*texts: str) -> str:
    """Return the language of the first text that shows it, as `en`; "" if none does.

    `cjk` stands for Chinese and Japanese.
    """
    for text in texts:
        sample = text[:_READ_FOR_LANGUAGE]
        if not sample.isascii():
            if len(_IDEOGRAPH.findall(sample)) * 4 > len(sample):
                return "cjk"
            if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
                return "ru"
            if _FOREIGN_LETTER.search(sample):
                return ""
        scores = _scores(sample)
        if scores.best > scores.next_best:
            return scores.language if scores.language in LANGUAGES else ""
    return ""


def sure_language(text: str) -> str:
    """Return the name of the language of which a text has clearly most function words, else ""."""
    scores = _scores(text[:_READ_FOR_LANGUAGE])
    if scores.best < max(_ENOUGH, scores.next_best + _MORE, _SHARE * scores.words):
        return ""
    return NAMES.get(scores.language, "")


class _Scores(NamedTuple):
    """The language of which a text has most function words."""

    language: str
    best: int
    """The number of these words."""
    next_best: int
    """The same of another language."""
    words: int
    """The number of all words."""


@lru_cache(maxsize=64)  # worth, the passage and its ranking ask for the same text
def _scores(sample: str) -> _Scores:
    languages = _languages_by_word()
    counts = Counter[str]()
    words = _LETTERS.findall(sample.replace("’", "'"))
    for word in words:
        counts.update(languages.get(word.casefold(), ()))
    ranked = [*counts.most_common(2), ("", 0), ("", 0)]
    (language, best), (_, next_best) = ranked[:2]
    return _Scores(language, best, next_best, len(words))


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """Return for each function word the languages that have it, in their order."""
    languages: dict[str, tuple[str, ...]] = {}
    for name in section("small_words", "small"):
        for word in listed("small_words", "small", name):
            languages[word] = (*languages.get(word, ()), name)
    return languages
