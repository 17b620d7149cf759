"""Compare a model's own answer with the proposed one."""

from __future__ import annotations

from collections import Counter

from ankiforge.language.quantities import DIGITS
from ankiforge.language.tables import listed
from ankiforge.language.words import beginning, beginnings, tokens
from ankiforge.text import regex
from ankiforge.text.fold import for_finding

LEAST = 0.75
"""The F1 of the words from which two answers are one."""
LONGER = 4
"""By how many words an answer may be longer that contains the other one whole."""
_SHORT = 3
"""The letters of a word that is too short to say anything, at most."""
_CLAUSE = 3
"""The words from which a proposed answer is enough, if the model's own only goes on after it."""
_LIST = regex(r"[,;]|(?i:\b(?:and|or|und|oder|et|ou|y|o|e|и|или)\b)")
_ARTICLES = listed("cues", "articles")


def fits(own_answer: str, proposed: str) -> bool:
    """Return whether a model's own answer is the proposed one.

    It is if their letters are equal, if one holds the other and little more, or if they share
    most words. Numbers must be the same.
    """
    own_words = _without_articles(own_answer)
    proposed_words = _without_articles(proposed)
    if not own_words or not proposed_words:
        return False
    if for_finding(own_answer) == for_finding(proposed):
        return True
    if set(DIGITS.findall(own_answer)) != set(DIGITS.findall(proposed)):
        return False
    # an own answer that goes on to explain the proposed one; but the first item of a list is
    # not the answer to what is asked for by the whole list
    size = len(proposed_words)
    if size >= _CLAUSE and own_words[:size] == proposed_words:
        if not _LIST.search(own_answer):
            return True
    if _holds(own_words, proposed_words):
        return len(own_words) <= len(proposed_words) + LONGER
    if _holds(proposed_words, own_words):
        return 2 * len(own_words) >= len(proposed_words)
    shared = (Counter(own_words) & Counter(proposed_words)).total()
    return 2 * shared >= LEAST * (len(own_words) + len(proposed_words))


def gives_away(question: str, answer: str) -> bool:
    """Return whether a question has the words of an answer: as they are, or each in some form."""
    words = tokens(answer)
    if _holds(tokens(question), words):
        return True
    asked = beginnings(question)
    content = [word for word in words if len(word) > _SHORT]
    return bool(content) and all(beginning(word) in asked for word in content)


def repeats(question: str, answer: str) -> bool:
    """Return whether an answer mostly repeats its question."""
    asked = beginnings(question)
    content = [word for word in tokens(answer) if len(word) > _SHORT]
    shared = sum(beginning(word) in asked for word in content)
    return 2 * shared > len(content)


def _without_articles(text: str) -> list[str]:
    words = tokens(text)
    return [word for word in words if word not in _ARTICLES] or words


def _holds(words: list[str], others: list[str]) -> bool:
    """Return whether words have all others, one after the other."""
    size = len(others)
    starts = range(len(words) - size + 1)
    return size > 0 and any(words[start : start + size] == others for start in starts)
