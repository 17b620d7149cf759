"""Which words of a sentence are asked for, best first."""

from __future__ import annotations

from ankiforge.draft.propose.candidates import Candidate, candidates
from ankiforge.model import Span
from ankiforge.text import regex

MOST = 3
"""The gaps of a proposal, at most."""
_DIGIT = regex(r"\d")
_BARE = regex(r"[a-z]+(?:ed|ing|ly)")


def ranked(text: str, language: str) -> list[Span]:
    """Return the spans of a sentence that may be hidden, best first."""
    found = candidates(text, language)
    found.sort(key=lambda candidate: -_score(candidate, text, language))
    return [(candidate.start, candidate.end) for candidate in found]


def _score(candidate: Candidate, text: str, language: str) -> float:
    score = 4 * candidate.start / max(1, len(text))
    score += sum(min(4, len(word) / 3) for word in candidate.words)
    if any(_DIGIT.search(word) for word in candidate.words):
        score += 2
    if len(candidate.words) == 1 and _BARE.fullmatch(candidate.words[0]):
        score -= 2
    return score
