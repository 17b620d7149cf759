"""Compare a model's own answer with the proposed one."""

from __future__ import annotations

import unicodedata
from collections import Counter

from ankiforge.text import regex
from ankiforge.text.fold import fold

LEAST = 0.75
"""The F1 of the words from which two answers are one."""
LONGER = 4
"""By how many words an answer may be longer that contains the other one whole."""
_BEGINNING = 5
"""The letters of a word that its forms have in common."""
_SHORT = 3
"""The letters of a word that is too short to say anything, at most."""
_CLAUSE = 3
"""The words from which a proposed answer is enough, if the model's own only goes on after it."""
_LIST = regex(r"[,;]|(?i:\b(?:and|or|und|oder|et|ou|y|o|e|и|или)\b)")
# An ideograph is a word of its own; a number keeps its separators.
_WORD = regex(r"\d+(?:[.,:/]\d+)*|[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+")


_ARTICLES = frozenset(
    "a an the der die das den dem des ein eine einen einem einer le la les l un une el los las lo"
    " il gli i o os as um uma".split()
)


def fits(own_answer: str, proposed: str) -> bool:
    """Return whether a model's own answer is the proposed one.

    It is if their letters are equal, if one holds the other and little more, or if they share
    most words. Numbers must be the same.
    """
    own_words = _without_articles(own_answer)
    proposed_words = _without_articles(proposed)
    if not own_words or not proposed_words:
        return False
    if fold(own_answer) == fold(proposed):
        return True
    if _numbers(own_words) != _numbers(proposed_words):
        return False
    if len(proposed_words) >= _CLAUSE and _says_more(
        own_answer, own_words, proposed_words
    ):
        return True
    if _holds(own_words, proposed_words):
        return len(own_words) <= len(proposed_words) + LONGER
    if _holds(proposed_words, own_words):
        return 2 * len(own_words) >= len(proposed_words)
    return _f1(own_words, proposed_words) >= LEAST


def _says_more(own_answer: str, own_words: list[str], proposed_words: list[str]) -> bool:
    """Return whether an own answer begins with the proposed one, and goes on to explain it.

    The first item of a list is not the answer to what is asked for by the whole list.
    """
    size = len(proposed_words)
    if own_words[:size] != proposed_words:
        return False
    return _LIST.search(own_answer) is None


def gives_away(question: str, answer: str) -> bool:
    """Return whether a question has the words of an answer: as they are, or each in some form."""
    asked = _words(question)
    words = _words(answer)
    if _holds(asked, words):
        return True
    beginnings = {word[:_BEGINNING] for word in asked}
    content = [word for word in words if len(word) > _SHORT]
    return bool(content) and all(word[:_BEGINNING] in beginnings for word in content)


def repeats(question: str, answer: str) -> bool:
    """Return whether an answer says mostly what its question said."""
    beginnings = {word[:_BEGINNING] for word in _words(question)}
    content = [word[:_BEGINNING] for word in _words(answer) if len(word) > _SHORT]
    shared = sum(word in beginnings for word in content)
    return 2 * shared > len(content)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _without_articles(text: str) -> list[str]:
    words = _words(text)
    return [word for word in words if word not in _ARTICLES] or words


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
