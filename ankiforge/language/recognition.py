"""The script and the language of a text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache

from ankiforge.language.lexicon import LANGUAGES
from ankiforge.language.tables import listed, section
from ankiforge.text import regex
from ankiforge.text.shields import words_alone

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
# The number of characters of a text that are read.
_READ_FOR_SCRIPT = 6000
_READ_FOR_LANGUAGE = 4000
# The minimum number of letters in the script; formulae and names are Latin in any text.
_FEW_LETTERS = 4
_FEW_LATIN_LETTERS = 12
# The share of all letters that must be exceeded.
_MOST_LETTERS = 0.6
# The minimum number of common words of a language, and of more such words than of
# another.
_CLEAR = 3
# The minimum share of common words in all words.
_COMMON_SHARE = 0.15


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
    is_clear = count >= least and count > _MOST_LETTERS * scripts.total()
    return name if is_clear else ""


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    """Return the script of a letter; "" if it is none of those that are distinguished."""
    if letter.isascii():
        return "Latin"
    name = unicodedata.name(letter, "").replace("-", " ")
    return _SCRIPTS.get(name.partition(" ")[0], "")


@lru_cache(maxsize=256)
def language(text: str) -> str:
    """Return the language of a text in Latin letters by its small words; "" if in doubt."""
    words = re.findall(r"[^\W\d_]+", text[:_READ_FOR_LANGUAGE].casefold())
    scores = []
    for name, common_words in _common_words().items():
        scores.append((sum(map(common_words.__contains__, words)), name))
    scores.sort(reverse=True)
    (best, name), (next_best, _) = scores[:2]
    is_clear = best >= _CLEAR and best - next_best >= _CLEAR
    return name if is_clear and best >= _COMMON_SHARE * len(words) else ""


@lru_cache(maxsize=1)
def _common_words() -> dict[str, frozenset[str]]:
    """Return the most frequent small words of each language."""
    by_language = section("signs", "common")
    return {name: frozenset(words) for name, words in by_language.items()}


# --- by the small words of languages with tables --------------------------------------

_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Letters of languages without tables.
_FOREIGN_LETTER = regex(r"[ěščřžůďťňąęłńśźżőűășțğıđåøæŐŰĄĘŁŚŻŹČŘŠŽ]")
# Characters of a text that are read to recognise its language.
_SAMPLE = 600


def language_of(*texts: str) -> str:
    """Return the language of the first text that shows it; "" if none does.

    `cjk` stands for Chinese and Japanese.
    """
    for text in texts:
        sample = text[:_SAMPLE]
        if not sample.isascii():
            if len(_IDEOGRAPH.findall(sample)) * 4 > len(sample):
                return "cjk"
            if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
                return "ru"
            if _FOREIGN_LETTER.search(sample):
                return ""
        name = _by_small_words(sample)
        if name:
            return name if name in LANGUAGES else ""
    return ""


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """Return for each function word the languages that have it, in their order."""
    languages: dict[str, tuple[str, ...]] = {}
    for name in section("small_words", "small"):
        for word in listed("small_words", "small", name):
            languages[word] = (*languages.get(word, ()), name)
    return languages


@lru_cache(maxsize=64)  # worth, the passage and its ranking ask for the same text
def _by_small_words(sample: str) -> str:
    """Return the language whose small words a text has most of; "" if that is unclear."""
    languages = _languages_by_word()
    counts = Counter[str]()
    for word in _LETTERS.findall(sample.replace("’", "'")):
        for name in languages.get(word.casefold(), ()):
            counts[name] += 1
    best = counts.most_common(2)
    is_clear = len(best) == 1 or (len(best) == 2 and best[0][1] > best[1][1])
    return best[0][0] if is_clear else ""
