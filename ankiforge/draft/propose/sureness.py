"""How likely a strict person keeps a card of a sentence: the number that orders proposals.

A logistic regression over the features of the sentence and its passage (`worth`), the surest
gap, and the beginnings of the words. Its weights are in `data/sureness.txt` and
`data/sureness_words.txt`, learned by `tools/proposals/learn.py` from 17,518 sentences of real
sources, each of which a strict reader kept or threw away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.ranking import MOST, Features, score
from ankiforge.language.tables import read_table, read_weights
from ankiforge.language.tokens import Kind, Token

DATA = Path(__file__).parent / "data"
BEGINNING = 6
"""The letters of a word by which its weight is looked up."""
_LONGEST = 45
"""Words of a sentence; more count as so many."""


@cache
def weights() -> dict[str, float]:
    """Return the weight of each feature, and the `threshold` of what is proposed."""
    return read_weights(DATA / "sureness.txt")


@cache
def word_weights() -> dict[str, dict[str, float]]:
    """Return by language the weight of the beginning of a word."""
    table = read_table(DATA / "sureness_words.txt")
    return {
        name: {word: float(level) for level, words in lines.items() for word in words}
        for name, lines in table.items()
    }


def sureness(features: Features) -> float:
    """Return how likely a card is kept, from 0 to 1."""
    return 1 / (1 + math.exp(-score(features, weights())))


def features_of(
    sentence: Mapping[str, float],
    passage: Mapping[str, float],
    words: Sequence[Token],
    gap_scores: Sequence[float],
    *,
    language: str,
    is_part: bool,
) -> Features:
    """Return the features of a sentence with its gaps.

    Args:
        sentence: its features as `worth` has them.
        passage: those of its passage.
        words: its tokens.
        gap_scores: the scores of its gaps, best first.
        language: the name of its language.
        is_part: whether its passage has other sentences.
    """
    features = {f"s:{name}": amount for name, amount in sentence.items()}
    features |= {f"p:{name}": amount for name, amount in passage.items()}
    table = word_weights().get(language, {})
    folded = [token.folded for token in words if token.kind != Kind.SIGN]
    total = sum(table.get(word[:BEGINNING], 0.0) for word in folded)
    length = min(len(folded), _LONGEST) / 20
    return {
        **features,
        "always": 1.0,
        "words": total / math.sqrt(max(1, len(folded))),
        "length": length,
        "length2": length * length,
        "gap": gap_scores[0],
        "gaps": len(gap_scores) / MOST,
        "part": float(is_part),
    }
