"""In which script and language a text is: told by its letters, and by its function words."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

from ankiforge.language.lexicon import LANGUAGES, language, listed, section
from ankiforge.text import regex
from ankiforge.text.fold import words_alone

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
    scripts = _scripts(text)
    if not scripts:
        return ""
    name, count = scripts.most_common(1)[0]
    least = _FEW_LATIN_LETTERS if name == "Latin" else _FEW_LETTERS
    return name if (count >= least and count > _MOST_LETTERS * scripts.total()) else ""


def script_of_words(words: str) -> str:
    """Return the script of most letters of a few words; "" if it is none that is distinguished."""
    scripts = _scripts(words)
    return max(scripts, key=scripts.__getitem__, default="")


def _scripts(text: str) -> Counter[str]:
    """Return how many letters of a text are of each script."""
    plain = words_alone(text[:_READ_FOR_SCRIPT])
    scripts: Counter[str] = Counter()
    for letter, count in Counter(filter(str.isalpha, plain)).items():
        scripts[_script_of(letter)] += count
    return scripts


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
_KANA = regex(r"[\u3040-\u30ff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Letters of languages without tables.
_FOREIGN_LETTER = regex(r"[ěščřžůďťňąęłńśźżőűășțğıđåøæŐŰĄĘŁŚŻŹČŘŠŽ]")
# The least number of function words of a language by which it is surely recognised, of more
# than of the next one, and their least share of all words.
_ENOUGH = 4
_MORE = 3
_SHARE = 0.15


def language_of(*texts: str) -> str:
    """Return the language of the first text that shows it, as `en`; "" if none does."""
    for text in texts:
        sample = text[:_READ_FOR_LANGUAGE]
        if not sample.isascii():
            ideographs = len(_IDEOGRAPH.findall(sample))
            if ideographs * 4 > len(sample):
                return "ja" if len(_KANA.findall(sample)) * 8 > ideographs else "zh"
            if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
                return "ru"
            if _FOREIGN_LETTER.search(sample):
                return ""
        scores = _scores(sample)
        if scores.best > scores.next_best:
            return scores.language if scores.language in LANGUAGES else ""
        name = _language_of_words(sample)
        if name:
            return name
    return ""


# The words of a text whose language its function words leave open, and how many more of them a
# table must have than the next.
_FEW_WORDS = 4
_MORE_KNOWN = 2


@lru_cache(maxsize=64)
def _language_of_words(sample: str) -> str:
    """Return the language whose table has most words of a text: `La peste noire tua un tiers`."""
    words = [word for word in _LETTERS.findall(sample.casefold()) if len(word) > 1]
    if len(words) < _FEW_WORDS:
        return ""
    known = Counter[str]()
    for name in LANGUAGES:
        known[name] = sum(word in language(name).words for word in words)
    (name, most), (_, next_most) = known.most_common(2)
    return name if most >= next_most + _MORE_KNOWN and 2 * most > len(words) else ""


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
    words = _LETTERS.findall(sample.replace("’", "'"))
    of_words = (languages.get(word.casefold(), ()) for word in words)
    counts = Counter(chain.from_iterable(of_words))
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
