"""Features that show whether a sentence makes a good card, and the resulting confidence.

Most of what people highlight is advice, mood or an aside, for which no gap makes a good card.
The confidence is computed by logistic regression from the features and the score of the gap
(see `ranking`). It determines what is proposed, and in which order. Its weights, in
`data/confidence_weights.txt`, were learned by `tools/proposals/learn.py` from sentences of
real sources that a strict reader kept or rejected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

from ankiforge.draft.propose.ranking import DATA_DIRECTORY, Features, compute_weighted_sum
from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import (
    LANGUAGES,
    Cue,
    LanguageTables,
    load_language,
    read_table,
    read_weights,
)
from ankiforge.language.tokens import Token, TokenKind, is_verb, tokenize
from ankiforge.language.words import count_words
from ankiforge.model import Highlight
from ankiforge.text import regex

WORD_BEGINNING_LENGTH = 5
"""The number of letters at the beginning of a word by which its weight is looked up."""
_NOUNS = (TokenKind.NOUN, TokenKind.NAME)
_WEIGHED_KINDS = (TokenKind.NOUN, TokenKind.ADJECTIVE, TokenKind.VERB)
# A noun with this Zipf frequency (the logarithm of its count per billion words) has rarity 0.
_COMMON_ZIPF = 6.0
_PLAIN_ZIPF = 4.7
# The verb of a definition is preceded by at most this many tokens.
_MAX_TOKENS_BEFORE_DEFINITION = 6
_MAX_LENGTH = 45
"""Longer sentences count as having this many words."""
# The limits of a plain fact, see `is_plain_fact`.
_MAX_PLAIN_WORDS = 14
_MAX_PLAIN = 0.25
_MIN_PLAIN_RARITY = 0.4
_SIGNS_IN_ASIDES = ',;:()"“”–—?!&'
# A year may be next to a letter of a script without spaces, as in `于1869年`.
_YEAR = regex(
    r"(?<![^\W\u3040-\u30ff\u3400-\u9fff])(?:1\d|20)\d\d"
    r"(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)


@cache
def _load_word_weights(language: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    if language in (*LANGUAGES, "zh"):
        table = read_table(DATA_DIRECTORY / f"words-{language}.txt")
        for level, words in table["words"].items():
            weights.update(dict.fromkeys(words, float(level)))
    return weights


def extract_sentence_features(
    text: str, words: Sequence[Token], cues: Iterable[Cue], language: LanguageTables
) -> Features:
    """Extract the features of a sentence. The divisors bring the values to about 0 to 2.

    Args:
        text: The sentence.
        words: The tokens of the sentence.
        cues: The cues in the sentence.
        language: The word tables for the sentence's language.
    """
    features: Features = {"always": 1.0}
    beginnings = []
    for token in words:
        if token.kind != TokenKind.SIGN:
            beginnings.append(token.folded[:WORD_BEGINNING_LENGTH])
    word_count = len(beginnings)
    if language.name == "ja":  # whose tokens are as long as clauses
        word_count = count_words(text)
    length = min(word_count, _MAX_LENGTH) / 20
    features["length"] = length
    features["length2"] = length * length
    for cue in cues:
        if cue.section in ("called", "cause"):  # `is called`, `causes`
            features[cue.section] = 1.0
        elif cue.section == "means" and 0 < cue.first <= _MAX_TOKENS_BEFORE_DEFINITION:
            features["term_and_definition"] = 1.0
    features["year"] = float(_YEAR.search(text) is not None)
    features["rare"] = min(_sum_noun_rarities(words), 20.0) / 10
    features["plain_words"] = min(max(_compute_mean_zipf(words) - _PLAIN_ZIPF, 0.0), 1.0)

    # how typical the words are of passages that are worth a card
    table = _load_word_weights(language.name)
    total = sum(table.get(beginning, 0.0) for beginning in beginnings)
    features["words"] = total / math.sqrt(max(len(beginnings), 1))
    return features


def is_plain_fact(
    text: str, words: Sequence[Token], features: Features, language: LanguageTables
) -> bool:
    """Return whether a sentence states one fact and no more, such as `A bog holds much water.`.

    Such sentences are too short to be likely by their other features, see
    `benchmarks/plain_facts`.
    """
    if not text.endswith(".") or any(sign in text for sign in _SIGNS_IN_ASIDES):
        return False
    terms = [token for token in words if token.kind != TokenKind.SIGN]
    if len(terms) > _MAX_PLAIN_WORDS:
        return False
    # advice, denials and statements about persons
    if any(_is_personal(token, language) for token in terms):
        return False
    if terms and terms[0].folded in language.determiners:
        terms = terms[1:]
    if not terms or terms[0].kind not in (*_NOUNS, TokenKind.ADJECTIVE):
        return False
    beginning = terms[:_MAX_TOKENS_BEFORE_DEFINITION]
    if not any(is_verb(token, language) for token in beginning):
        return False
    return features["plain_words"] <= _MAX_PLAIN and features["rare"] >= _MIN_PLAIN_RARITY


def _is_personal(token: Token, language: LanguageTables) -> bool:
    """Return whether a token is a pronoun, or a word before verbs such as `to` or `not`."""
    if token.folded in language.pronouns:
        return True
    return token.folded in language.words_before_verbs


def _sum_noun_rarities(words: Sequence[Token]) -> float:
    """Return the total rarity of the nouns and names, by which they exceed common nouns."""
    total = 0.0
    for word in words:
        if word.kind in _NOUNS:
            total += max(0.0, _COMMON_ZIPF - word.zipf)
    return total


def _compute_mean_zipf(words: Sequence[Token]) -> float:
    """Return the mean frequency of the nouns, adjectives and verbs, or 0 if there are none."""
    frequencies = [word.zipf for word in words if word.kind in _WEIGHED_KINDS]
    if not frequencies:
        return 0.0
    return sum(frequencies) / len(frequencies)


@cache
def load_sentence_weights() -> dict[str, float]:
    """Load the weights of the features and of the gap score, keyed by name."""
    return read_weights(DATA_DIRECTORY / "confidence_weights.txt")


def estimate_text_confidence(highlight: Highlight, text: str) -> float:
    """Return the probability that a strict reader would keep a card made from `text`."""
    tables = load_language(
        detect_language(text, highlight.surrounding_text, highlight.context)
    )
    words = tokenize(text, tables)
    cues = tables.cues.find_cues([token.folded for token in words])
    return estimate_confidence(extract_sentence_features(text, words, cues, tables))


def estimate_confidence(features: Features, gap: float | None = None) -> float:
    """Return the probability that the user would keep a card made from a sentence.

    Args:
        features: The features of the sentence.
        gap: The score of the gap (see `ranking`), or None to assume an average gap.
    """
    table = load_sentence_weights()
    log_odds = compute_weighted_sum(features, table)
    if gap is not None:
        log_odds += table["gap"] * (gap - table["gap_middle"])
    return 1 / (1 + math.exp(-log_odds))
