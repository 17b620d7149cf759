"""The script and the language of a text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from ankiforge.check.words import lists
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
    by_language = lists("small_words", "common")
    return {name: frozenset(words) for name, words in by_language.items()}
