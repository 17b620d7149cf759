"""Compare a model's own answer with the proposed one."""

from __future__ import annotations

import unicodedata
from collections import Counter

from ankiforge.text import regex
from ankiforge.text.fold import fold

LEAST = 0.6
"""The F1 of the words from which two answers are one."""
LONGER = 4
"""By how many words an answer may be longer that contains the other one whole."""
# An ideograph is a word of its own; a number keeps its separators.
_WORD = regex(r"\d+(?:[.,:/]\d+)*|[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+")


def fits(own: str, proposed: str) -> bool:
    """Return whether a model's own answer is the proposed one.

    It is if their letters are equal, if one holds the other and little more, or if they share
    most words. Numbers must be the same.
    """
    own_words = _words(own)
    proposed_words = _words(proposed)
    if not own_words or not proposed_words:
        return False
    if fold(own) == fold(proposed):
        return True
    if _numbers(own_words) != _numbers(proposed_words):
        return False
    if _holds(own_words, proposed_words):
        return len(own_words) <= len(proposed_words) + LONGER
    if _holds(proposed_words, own_words):
        return 2 * len(own_words) >= len(proposed_words)
    return _f1(own_words, proposed_words) >= LEAST


def gives_away(question: str, answer: str) -> bool:
    """Return whether the words of an answer stand in its question, as they are."""
    return _holds(_words(question), _words(answer))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _numbers(words: list[str]) -> set[str]:
    return {word for word in words if word[0].isdigit()}


def _holds(words: list[str], others: list[str]) -> bool:
    """Return whether words have all others, one after the other."""
    size = len(others)
    starts = range(len(words) - size + 1)
    return size > 0 and any(words[start : start + size] == others for start in starts)


def _f1(words: list[str], others: list[str]) -> float:
    """Return how much two lists of words have in common, from 0 to 1."""
    shared = (Counter(words) & Counter(others)).total()
    return 2 * shared / (len(words) + len(others))
