"""How likely a strict person keeps a card of a sentence: the number that orders proposals.

A logistic regression over the worth of passage and sentence and the surest gap. Its weights
are in `data/sureness.txt`, learned by `tools/proposals/learn_sureness.py` from passages whose
facts, and every gap of them, were rated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.ranking import MOST, score
from ankiforge.language.tables import read_weights
from ankiforge.language.tokens import Kind, Token

_WEIGHTS = Path(__file__).parent / "data" / "sureness.txt"
# Words near the beginning that point at something before it.
_POINTING = frozenset(
    "this these those such dieser diese dieses diesen diesem solche jene cet cette ces ce este "
    "esta estos estas ese esa esos esas aquel aquella esse essa isso isto questo questa questi "
    "queste этот эта эти".split()
)
_NEAR = 4
# Words from which a sentence is harder to read as a card, by tens.
_LONG = 25


@cache
def weights() -> dict[str, float]:
    """Return the weight of each feature, and the `threshold` of what is proposed."""
    return read_weights(_WEIGHTS)


def sureness(features: dict[str, float]) -> float:
    """Return how likely a card is kept, from 0 to 1."""
    return 1 / (1 + math.exp(-score(features, weights())))


def features_of(
    worth_of_passage: float,
    worth_of_sentence: float,
    words: Sequence[Token],
    gap_scores: Sequence[float],
    *,
    is_part: bool,
) -> dict[str, float]:
    """Return the features of a sentence with its gaps.

    Args:
        worth_of_passage: from 0 to 1.
        worth_of_sentence: from 0 to 1.
        words: the tokens of the sentence.
        gap_scores: the scores of its gaps, best first.
        is_part: whether its passage has other sentences.
    """
    folded = [token.folded for token in words if token.kind != Kind.SIGN]
    is_pointing = not _POINTING.isdisjoint(folded[:_NEAR])
    return {
        "always": 1.0,
        "passage": math.log(worth_of_passage / (1 - worth_of_passage)),
        "sentence": math.log(worth_of_sentence / (1 - worth_of_sentence)),
        "gap": gap_scores[0],
        "gaps": len(gap_scores) / MOST,
        "long": max(0, len(folded) - _LONG) / 10,
        "part": float(is_part),
        "pointing": float(is_pointing),
    }
