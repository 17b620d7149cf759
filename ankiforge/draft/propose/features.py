"""What speaks for or against a card of a sentence, and how likely a strict person keeps it.

Most of what people mark is advice, mood or an aside, and no gap makes a good card of it. Each
feature is one that a person can read: its words are in `data/features.txt`. A logistic regression
over the features of the sentence and the score of its gap (`ranking`) gives the sureness, which
decides what is proposed, in which order, and why. Its weights are in `data/sureness.txt`, learned
by `tools/proposals/learn.py` from sentences of real sources, each of which a strict reader kept or
threw away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.ranking import Features, score
from ankiforge.draft.propose.refused import Reason, is_question, stem, stems
from ankiforge.language.lexicon import Language, language, language_of, read_weights
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.model import FLOOR, Highlight, Value
from ankiforge.text import regex

DATA = Path(__file__).parent / "data"
_CUES = frozenset(("called", "cause", "contrast", "announces", "hedges"))
_PEOPLE = {"you": "you", "i": "first_person", "we": "we", "he_she": "he_she"}
# Tokens before what a sentence says about its subject.
_FEW_TOKENS = 6
# From so many on, further ones of a kind say no more; divided, an amount is about as large as the
# features that are there or not, so that learning shrinks their weights alike.
_MOST_PEOPLE = 3
_SCALE_PEOPLE = 2
_MOST_COMMAS = 5
_SCALE = 3
_MOST_LETTERS = 20
_SCALE_LETTERS = 10
# The Zipf frequency from which on a noun is not rare at all, and the most of the sum of rarities.
_NOT_RARE = 6.0
_MOST_RARE = 20.0
_SCALE_RARE = 10
_THIRD = 2
# The mean Zipf frequency from which on words are everyday ones.
_PLAIN = 4.7
# None of a citation: `Cooley (1902)`.
_YEAR = regex(
    r"[12](?<![^\W\u3040-\u30ff\u3400-\u9fff].)(?:(?<=1)\d|(?<=2)0)\d\d"
    r"(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[a-z]?[)）])"
)
_NOUNS = (Kind.NOUN, Kind.NAME)
_CONTENT = (Kind.NOUN, Kind.ADJECTIVE, Kind.VERB)


def cues_of_text(words: Sequence[Token], tables: Language) -> Features:
    """Return the features of what words do: a definition, a cause, advice; a part of all."""
    features: Features = {}
    people = dict.fromkeys(_PEOPLE, 0)
    for cue in tables.cues.find([token.folded for token in words]):
        section = cue.section
        if section in people:
            people[section] += 1
        elif section == "leans":
            if cue.first <= 1 and not words[cue.first].word[0].islower():
                features["leans"] = 1.0
        elif section == "this":
            features["points"] = 1.0
            if cue.first == 1 and words[0].kind == Kind.SMALL:
                features["leans"] = 1.0
        elif section == "somebody":
            if _names_nobody(words, cue.first):
                features["leans"] = 1.0
        elif section == "means":
            if 0 < cue.first <= _FEW_TOKENS:
                features["means"] = 1.0
        elif section in _CUES:
            features[section] = 1.0
    for section, count in people.items():
        if count:
            features[_PEOPLE[section]] = min(count, _MOST_PEOPLE) / _SCALE_PEOPLE
    return features


def _names_nobody(words: Sequence[Token], place: int) -> bool:
    """Return whether no noun is before a pronoun, and no name in the whole sentence."""
    if any(token.kind == Kind.NAME for token in words):
        return False
    return all(token.kind != Kind.NOUN for token in words[:place])


def features_of(
    text: str,
    words: Sequence[Token],
    tables: Language,
    cues: Features,
    shown: frozenset[str] = frozenset(),
) -> Features:
    """Return the features of a sentence: amounts, mostly between 0 and 2.

    Args:
        text: the sentence.
        words: its words and signs.
        tables: the tables of its language.
        cues: its `cues_of_text`.
        shown: the stems of title and heading.
    """
    features: Features = {"always": 1.0, **cues}
    for name, is_there in (
        ("question", is_question(text)),
        ("exclamation", "!" in text),
        ("brackets", "(" in text or "（" in text),
        ("year", _YEAR.search(text) is not None),
    ):
        if is_there:
            features[name] = 1.0

    first_verb = len(words)
    count = small = pronouns = commas = 0
    has_verb = False
    for place, token in enumerate(words):
        if token.kind == Kind.SIGN:
            commas += token.word in (",", "，", "、")
            continue
        count += 1
        small += token.kind == Kind.SMALL
        pronouns += token.folded in tables.pronouns
        if token.kind == Kind.NUMBER:
            features["numbers"] = 1.0
        if is_verb(token, tables):
            has_verb = True
            if place:
                first_verb = min(first_verb, place)
    if not count:
        return features
    features["small_words"] = small / count
    features["pronouns"] = pronouns / count
    features["commas"] = min(commas, _MOST_COMMAS) / _SCALE
    if not has_verb and tables.name == "en":  # the others know few of their verbs
        features["no_verb"] = 1.0
    features |= _of_beginning(words, tables)
    features |= _of_nouns(words, first_verb, tables, shown)
    return features


def _of_beginning(words: Sequence[Token], tables: Language) -> Features:
    """Return the feature of the first word."""
    first = next(token for token in words if token.kind != Kind.SIGN)
    name = {
        Kind.NOUN: "begins_noun",
        Kind.NUMBER: "begins_number",
        Kind.ADJECTIVE: "begins_adjective",
        Kind.ADVERB: "begins_adverb",
        Kind.VERB: "begins_verb",
    }.get(first.kind, "")
    if first.folded in tables.pronouns:
        name = "begins_pronoun"
    elif first.folded in tables.determiners:
        name = "begins_article"
    return {name: 1.0} if name else {}


def _of_nouns(
    words: Sequence[Token], first_verb: int, tables: Language, shown: frozenset[str]
) -> Features:
    """Return the features of the nouns and names: rare ones are what is worth to know."""
    features: Features = {}
    nouns = [token for token in words if token.kind in _NOUNS]
    rarities = [max(0.0, _NOT_RARE - token.zipf) for token in nouns]
    rarities.sort(reverse=True)
    features["rare"] = min(sum(rarities), _MOST_RARE) / _SCALE_RARE
    if len(rarities) > _THIRD:
        features["third_rare"] = rarities[_THIRD] / _SCALE
    subject = [
        max(0.0, _NOT_RARE - token.zipf)
        for token in words[:first_verb]
        if token.kind in _NOUNS
    ]
    features["rare_subject"] = max(subject, default=0.0) / _SCALE
    if first_verb < len(words) and words[first_verb].folded in tables.copulas:
        features["defined"] = features["rare_subject"]
    longest = max((len(token.word) for token in nouns), default=0)
    features["longest"] = min(longest, _MOST_LETTERS) / _SCALE_LETTERS
    of_nouns = [stem(token.folded) for token in nouns]
    if len(set(of_nouns)) < len(of_nouns):
        features["repeats"] = 1.0
    if not shown.isdisjoint(of_nouns):
        features["of_title"] = 1.0
    content = [token.zipf for token in words if token.kind in _CONTENT]
    mean = sum(content) / max(1, len(content))
    if mean > _PLAIN:
        features["plain_words"] = min(mean - _PLAIN, 1.0)
    return features


# --- how likely a card is kept ---------------------------------------------------------

BEST_GAP = 9.0
"""The score of a gap; more counts as so much."""
_REASONS = {
    "question": Reason.QUESTION,
    "first_person": Reason.ASIDE,
    "we": Reason.ASIDE,
    "exclamation": Reason.ASIDE,
    "hedges": Reason.ASIDE,
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
    """Return the weight of each feature and of the gap."""
    return read_weights(DATA / "sureness.txt")


@cache
def _words_of_features() -> dict[str, tuple[str, str]]:
    """Return the words of each feature: if it is more than 0, and if less."""
    words_by_feature = {}
    for line in (DATA / "features.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, *words = line.split(" | ")
            words_by_feature[name] = (words[0], words[-1])
    return words_by_feature


def sureness_of_text(highlight: Highlight, text: str) -> float:
    """Return how likely a strict person keeps a card of a sentence, from 0 to 1."""
    tables = language(language_of(text, highlight.nearby, highlight.context))
    words = tokens(text, tables)
    shown = stems_shown(highlight, tables)
    return sureness(features_of(text, words, tables, cues_of_text(words, tables), shown))


def stems_shown(highlight: Highlight, tables: Language) -> frozenset[str]:
    """Return the stems of the words that stand in small print on a card: title and heading."""
    shown = f"{highlight.document.title} {highlight.heading}"
    return stems(token.folded for token in tokens(shown, tables))


def sureness(features: Features, gap: float | None = None) -> float:
    """Return how likely a card of a sentence is kept, from 0 to 1.

    `gap`: the score of the gap (`ranking`); None = a middling one.
    """
    table = weights()
    log_odds = score(features, table)
    if gap is not None:
        log_odds += table["gap"] * (min(gap, BEST_GAP) - table["gap_middle"])
    return 1 / (1 + math.exp(-log_odds))


FLOOR_OF_JAPANESE = 0.45
"""The same of Japanese, where most was noise up to here."""


def floor_of(language: str) -> float:
    """Return the least sureness of a card that is proposed of a text: below it, most are noise."""
    return FLOOR_OF_JAPANESE if language == "ja" else FLOOR


def decisive(features: Features) -> list[Feature]:
    """Return the reasons for and against a card in words for a person, the strongest first."""
    words = _words_of_features()
    found = []
    for name, amount in features.items():
        if name in words:
            weight = weights().get(name, 0.0) * amount
            found.append(Feature(name, words[name][0 if weight > 0 else 1], weight))
    return sorted(found, key=lambda feature: -abs(feature.weight))


_DOUBTFUL = 0.2
"""The sureness from which a sentence is not called an aside: it is only not sure enough."""


def reason_against(features: Features) -> Reason:
    """Return what speaks most against a card, if that is surely the reason."""
    for feature in decisive(features):
        if feature.weight < 0 and feature.name in _REASONS:
            reason = _REASONS[feature.name]
            if reason is Reason.ASIDE and sureness(features) >= _DOUBTFUL:
                break
            return reason
    return Reason.UNSURE
