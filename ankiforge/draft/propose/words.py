"""What the proposals know of a language: its small words, and how rare a word is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ankiforge.text import regex

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The languages with word lists."""
_DATA = Path(__file__).parent / "data"
_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# The small words of a language that tell it from others, at least.
_CLEAR = 1


@cache
def small_words() -> dict[str, frozenset[str]]:
    """Return the function words of each language, casefolded."""
    words: dict[str, list[str]] = {}
    language = ""
    for line in (_DATA / "small_words.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        head, colon, rest = line.partition(": ")
        if colon and not line[0].isspace():
            language = head
            line = rest
        words.setdefault(language, []).extend(line.split())
    return {name: frozenset(found) for name, found in words.items()}


def language_of(*texts: str) -> str:
    """Return the language of the first text that tells it; "" if none does.

    `cjk` stands for Chinese and Japanese.
    """
    for text in texts:
        sample = text[:2000]
        if len(_IDEOGRAPH.findall(sample)) * 4 > len(sample):
            return "cjk"
        words = [word.casefold().replace("’", "'") for word in _LETTERS.findall(sample)]
        best = ""
        most = 0
        is_clear = False
        for language, known in small_words().items():
            count = sum(map(known.__contains__, words))
            if count > most:
                is_clear = count - most >= _CLEAR
                best = language
                most = count
            elif count == most:
                is_clear = False
        if is_clear:
            return best
        if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
            return "ru"
    return ""
