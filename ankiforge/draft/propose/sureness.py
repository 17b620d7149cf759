"""How likely a strict person keeps a card of a sentence: what is proposed, in which order, and why.

A logistic regression over the features of the sentence and its passage (`features`) and the
beginnings of the words. Its weights are in `data/sureness.txt` and
`data/sureness_words.txt`, learned by `tools/proposals/learn.py` from sentences of real sources,
each of which a strict reader kept or threw away.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.ranking import Features, score
from ankiforge.draft.propose.reasons import Reason
from ankiforge.language.tables import read_table, read_weights
from ankiforge.language.tokens import Kind, Token
from ankiforge.model import Value

DATA = Path(__file__).parent / "data"
BEGINNING = 6
"""The letters of a word by which its weight is looked up."""
_LONGEST = 45
"""Words of a sentence; more count as so many."""
_REASONS = {
    "question": Reason.QUESTION,
    "fragment_start": Reason.FRAGMENT,
    "fragment_end": Reason.FRAGMENT,
    "no_verb": Reason.FRAGMENT,
    "dots": Reason.FRAGMENT,
    "leans": Reason.UNNAMED,
    "advice": Reason.ASIDE,
    "you": Reason.ASIDE,
    "first_person": Reason.ASIDE,
    "we": Reason.ASIDE,
    "exclamation": Reason.ASIDE,
    "hedges": Reason.ASIDE,
    "he_she": Reason.STORY,
    "dialogue": Reason.STORY,
    "announces": Reason.ANNOUNCEMENT,
}


class Feature(Value):
    """Something about a sentence that speaks for or against a card."""

    name: str
    words: str
    """What it is, for a person."""
    weight: float
    """How much it adds to the logarithm of the odds."""


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


@cache
def _words_of_features() -> dict[str, tuple[str, str]]:
    """Return the words of each feature: if it is more than 0, and if less."""
    words_by_feature = {}
    for line in (DATA / "features.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, *words = line.split(" | ")
            words_by_feature[name] = (words[0], words[-1])
    return words_by_feature


def sureness(features: Features) -> float:
    """Return how likely a card is kept, from 0 to 1."""
    return 1 / (1 + math.exp(-score(features, weights())))


def features_of(
    sentence: Mapping[str, float],
    passage: Mapping[str, float],
    words: Sequence[Token],
    *,
    language: str,
    is_part: bool,
) -> Features:
    """Return the features of a sentence.

    Args:
        sentence: its features as `features` has them.
        passage: those of its passage.
        words: its tokens.
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
        "part": float(is_part),
    }


def decisive(features: Features) -> list[Feature]:
    """Return what speaks for and against a card in words for a person, the strongest first.

    A feature of the sentence and the same one of its passage count together.
    """
    words = _words_of_features()
    totals: dict[str, float] = defaultdict(float)
    for name, amount in features.items():
        bare = name.removeprefix("s:").removeprefix("p:")
        if bare in words:
            totals[bare] += weights().get(name, 0.0) * amount
    found = [
        Feature(name, words[name][0 if weight > 0 else 1], weight)
        for name, weight in totals.items()
    ]
    return sorted(found, key=lambda feature: -abs(feature.weight))


def reason_against(features: Features) -> Reason:
    """Return what speaks most against a card, among what can be said in a few words."""
    for feature in decisive(features):
        if feature.weight < 0 and feature.name in _REASONS:
            return _REASONS[feature.name]
    return Reason.SAYS_LITTLE
