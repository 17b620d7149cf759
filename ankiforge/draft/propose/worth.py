"""Whether a passage deserves a card: a score with its reasons."""

from __future__ import annotations

import math

from ankiforge.draft.propose.reasons import Reason
from ankiforge.model import Highlight, Value
from ankiforge.text import regex

THRESHOLD = 0.5
"""The score from which a passage is proposed."""


class Feature(Value):
    """Something about a passage that speaks for or against a card."""

    name: str
    words: str
    """What it is, for a person."""
    weight: float
    """How much it adds to the logarithm of the odds."""


class Worth(Value):
    """How much a passage deserves a card."""

    score: float
    """From 0 to 1."""
    features: tuple[Feature, ...] = ()
    """What decided, the strongest first."""
    threshold: float = THRESHOLD

    @property
    def deserves(self) -> bool:
        """Whether it is proposed."""
        return self.score >= self.threshold

    @property
    def reason(self) -> Reason:
        """Why it is not proposed."""
        return Reason.SAYS_LITTLE


_FEATURES = {
    "defines": (regex(r"\b(?:is|are|means|called|defined|heißt|ist|est|es|è)\b"), "defines", 1.0),
    "counts": (regex(r"\d"), "has a number", 1.0),
    "cause": (regex(r"\b(?:because|therefore|causes?|weil|parce|porque|perché)\b"), "a cause", 1.0),
    "second_person": (regex(r"(?i)\b(?:you|your|du|dein|vous|tu)\b"), "speaks to the reader", -1.0),
    "first_person": (regex(r"\b(?:I|my|me|ich|je)\b"), "is about its author", -1.0),
}


def worth_of(highlight: Highlight) -> Worth:
    """Return how much a passage deserves a card, and what decided."""
    total = 0.0
    features = []
    for name, (pattern, words, weight) in _FEATURES.items():
        if pattern.search(highlight.exact):
            total += weight
            features.append(Feature(name, words, weight))
    return Worth(1 / (1 + math.exp(-total)), tuple(features))
