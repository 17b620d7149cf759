"""What speaks for or against a card of a sentence, and how likely a strict person keeps it.

Most of what people mark is advice, mood or an aside, and no gap makes a good card of it. Each
feature is one that a person can read: its words are in `data/features.txt`. A logistic regression
over the features of the sentence and its passage, the beginnings of the words, and the score of
the gap (`ranking`) gives the sureness, which decides what is proposed, in which order, and why.
Its weights are in `data/sureness.txt` and `data/sureness_words.txt`, learned by
`tools/proposals/learn.py` from sentences of real sources, each of which a strict reader kept or
threw away.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.excerpts import word_count
from ankiforge.draft.propose.ranking import Features, score
from ankiforge.draft.propose.refused import Reason, ends_whole, is_question
from ankiforge.language.lexicon import (
    LANGUAGES,
    Language,
    language,
    language_of,
    read_table,
    read_weights,
)
from ankiforge.language.tokens import Kind, Token, tokens
from ankiforge.model import FLOOR, Highlight, Value
from ankiforge.text import regex
from ankiforge.text.sentences import boundaries

DATA = Path(__file__).parent / "data"
BEGINNING = 5
"""The letters of a word by which its weight for a card is looked up."""
_SECTIONS = frozenset(
    ("called", "cause", "contrast", "rule", "advice", "announces", "hedges", "leans")
)
_PEOPLE = {"you": "you", "i": "first_person", "we": "we", "he_she": "he_she"}
# From so many on, further words of the kind say no more; halved, an amount is about as large as
# the features that are there or not, so that learning shrinks their weights alike.
_MOST_PEOPLE = 3
_MOST_NAMES = 4
_SCALE = 2
# Tokens before what a sentence says about its subject.
_FEW_TOKENS = 6
# Words of an exclamation or a heading.
_FEW_WORDS = 4
# Patterns begin with what is rare, and look behind from there: a search stops at fewer places.
# Also beside a letter of a script without blanks: `于1869年`.
_YEAR = regex(
    r"[12](?<![^\W\u3040-\u30ff\u3400-\u9fff].)(?:(?<=1)\d|(?<=2)0)\d\d"
    r"(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
_BEGINS_WHOLE = regex(r"[\W_]*(?:[A-ZÀ-ÞА-ЯЁ0-9]|[\u3040-\u9fff\uac00-\ud7af])")
_QUOTED = regex(r"[“\"«„‘「『][^”\"»“’」』]{3,40}[”\"»“’」』]")
_DIALOGUE = regex(
    r"[“\"«„—–,.!?asd](?:(?<=\A[“\"«„—–])|(?<=\A\W[“\"«„—–])|(?<=\A\W\W[“\"«„—–])"
    r"|(?<=[,.!?])['”\"»]\s|(?<=\ba)sked\b|(?<=\bs)a(?:id|gte)\b|(?<=\bd)i(?:jo|sse)\b)"
)
_ELLIPSIS = regex(r"[….](?:(?<=…)|(?<=\.)\.\.)")
_ENUMERATION = regex(
    r"[,•;(\d](?:(?<=,) (?:[^\W_]+ ){0,3}[^\W_]+,? (?:and|or|und|oder|et|ou|y|o|e|и|или) "
    r"|(?<=•)|(?<=;)\s[^;]*;|(?<=\()\d\)|(?<=\d)\) )"
)
_LIST_MARK = regex(r"\A\s*(?:[-•*–]|\(?[a-zA-Z0-9][.)])\s")
# Features of a passage in which a pattern occurs.
_FORM_PATTERNS = {"dialogue": _DIALOGUE, "dots": _ELLIPSIS, "list_mark": _LIST_MARK}
_CUE_PATTERNS = {
    "brackets": regex(r"\("),
    "quoted_term": _QUOTED,
    "year": _YEAR,
    "enumeration": _ENUMERATION,
}


@cache
def _word_weights(language: str) -> dict[str, float]:
    """Return by the beginning of a word how much it speaks for a card in a language."""
    weights: dict[str, float] = {}
    if language in (*LANGUAGES, "zh"):
        table = read_table(DATA / f"words-{language}.txt")
        for level, words in table["words"].items():
            weights.update(dict.fromkeys(words, float(level)))
    return weights


def features_of_text(
    text: str, words: Sequence[Token], language: Language, cues: Features | None = None
) -> Features:
    """Return the features of a sentence, or of a passage, with their amounts.

    Args:
        text: one or more sentences.
        words: their words and signs.
        language: their language.
        cues: their `cues_of_text`, if these were asked for before.
    """
    features: Features = {}
    beginnings = [token.folded[:BEGINNING] for token in words if token.kind != Kind.SIGN]
    count = len(beginnings)
    if language.name == "ja":  # there, a token is as long as a clause
        count = word_count(text)

    # its length, in words and in sentences
    sentences = len(boundaries(text)) + 1
    if count > 70:
        features["very_long"] = 1.0
    elif count > 40:
        features["long"] = 1.0
    if sentences == 1:
        features["one_sentence"] = 1.0
    elif sentences <= 3:
        features["several_sentences"] = 1.0
    else:
        features["many_sentences"] = 1.0

    # whether it is whole, and its signs
    begins = _BEGINS_WHOLE.match(text) is not None
    ends = ends_whole(text)
    if begins and ends:
        features["whole"] = 1.0
    if not begins:
        features["fragment_start"] = 1.0
    if not ends:
        features["fragment_end"] = 1.0
    if is_question(text):
        features["question"] = 1.0
    if "!" in text:
        features["exclamation"] = 1.0
    _by_patterns(text, _FORM_PATTERNS, features)

    features |= cues_of_text(words, language) if cues is None else cues
    if ":" in text[1:-1]:
        features["colon"] = 1.0
    _by_patterns(text, _CUE_PATTERNS, features)
    _by_words(text, words, features)
    # few words of no known language are mostly an exclamation or a heading
    has_no_verb = not language.name and count <= _FEW_WORDS
    if language.name == "en":
        has_no_verb = not any(language.may_be_verb(token.folded) for token in words)
    if has_no_verb:
        features["no_verb"] = 1.0

    # how much its words are those of passages that deserve a card
    table = _word_weights(language.name)
    total = sum(table.get(beginning, 0.0) for beginning in beginnings)
    if total:
        features["words"] = total / math.sqrt(len(beginnings))
    return features


def _by_patterns(
    text: str, patterns: dict[str, re.Pattern[str]], features: dict[str, float]
) -> None:
    """Add the names of the patterns that occur in a text."""
    for name, pattern in patterns.items():
        if pattern.search(text):
            features[name] = 1.0


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
            if cue.first == 1 and words[0].kind == Kind.SMALL:
                features["leans"] = 1.0
        elif section == "somebody":
            if _names_nobody(words, cue.first):
                features["leans"] = 1.0
        elif section in _SECTIONS:
            features[section] = 1.0
        elif section == "means" and "defines" not in features:
            features["defines"] = 1.0
            if 0 < cue.first <= _FEW_TOKENS:
                features["term_and_definition"] = 1.0
    for section, count in people.items():
        if count:
            features[_PEOPLE[section]] = min(count, _MOST_PEOPLE) / _SCALE
    return features


def _names_nobody(words: Sequence[Token], place: int) -> bool:
    """Return whether no noun is before a pronoun, and no name in the whole sentence."""
    if any(token.kind == Kind.NAME for token in words):
        return False
    return all(token.kind != Kind.NOUN for token in words[:place])


def _by_words(text: str, words: Sequence[Token], features: dict[str, float]) -> None:
    """Add the kinds of its words."""
    content = []
    numbers = names = 0
    has_acronym = has_code = False
    for token in words:
        kind = token.kind
        if Kind.NOUN <= kind <= Kind.NUMBER:
            content.append(token)
            has_acronym = has_acronym or (len(token.word) > 1 and token.word.isupper())
        if kind == Kind.NUMBER:
            numbers += 1
        elif kind == Kind.NAME:
            names += 1
        elif kind == Kind.SHIELD or kind == Kind.UNSAFE:
            has_code = True
    if numbers:
        features["numbers"] = 1.0
    if numbers > 2:
        features["many_numbers"] = 1.0
    if names:
        features["names"] = min(names, _MOST_NAMES) / _SCALE
    if has_acronym and not text.isupper():
        features["acronym"] = 1.0
    if has_code:
        features["code"] = 1.0
    _by_rarity(content, features)


def _by_rarity(content: list[Token], features: dict[str, float]) -> None:
    """Add how rare its nouns, adjectives and verbs are, by their Zipf frequencies."""
    plain = [
        token for token in content if token.kind in (Kind.NOUN, Kind.ADJECTIVE, Kind.VERB)
    ]
    if not plain:
        return
    rare = sum(token.zipf < 3.0 for token in plain)
    if rare:
        features["rare_words"] = min(rare, 6) / 3
    mean = sum(token.zipf for token in plain) / len(plain)
    if mean < 3.9:
        features["technical"] = min(3.9 - mean, 1.0)
    elif mean > 4.7:
        features["plain_words"] = min(mean - 4.7, 1.0)


# --- how likely a card is kept ---------------------------------------------------------

STEM = 6
"""The letters of a word by which its weight is looked up."""
BEST_GAP = 9.0
"""The score of a gap; more counts as so much."""
_LONGEST = 45
"""Words of a sentence; more count as so many."""
# The words of a plain fact, at most; what it does not have, and one of what it has.
_PLAIN = 14
_MOST_PLAIN_WORDS = 0.7
_NOT_PLAIN = frozenset(
    "you first_person we he_she hedges advice announces question exclamation dialogue dots "
    "quoted_term leans fragment_start fragment_end many_numbers colon list_mark enumeration".split()
)
_TELLING = frozenset(
    "rare_words technical names numbers acronym cause defines called".split()
)
_REASONS = {
    "question": Reason.QUESTION,
    "advice": Reason.ASIDE,
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


def sureness_of_text(highlight: Highlight, text: str) -> float:
    """Return how likely a strict person keeps a card of a sentence, from 0 to 1."""
    name = language_of(text, highlight.nearby, highlight.context)
    tables = language(name)
    words = tokens(text, tables)
    features = features_of_text(text, words, tables)
    return sureness(features_of(features, features, words, language=name, is_part=False))


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
    total = sum(table.get(word[:STEM], 0.0) for word in folded)
    count = len(folded)
    if language == "ja":  # there, a token is as long as a clause
        count = sum(max(1, len(word) // 2) for word in folded)
    length = min(count, _LONGEST) / 20
    is_plain = count <= _PLAIN and _NOT_PLAIN.isdisjoint(sentence)
    is_plain = is_plain and sentence.get("plain_words", 0.0) < _MOST_PLAIN_WORDS
    return {
        **features,
        "always": 1.0,
        "words": total / math.sqrt(max(1, len(folded))),
        "length": length,
        "length2": length * length,
        "part": float(is_part),
        # a fact as textbooks state it: readers mark few of them, and so few were labelled
        "plain": float(is_plain and not _TELLING.isdisjoint(sentence)),
        # no sentence of it was labelled
        "chinese": float(language == "zh"),
    }


def decisive(features: Features) -> list[Feature]:
    """Return the reasons for and against a card in words for a person, the strongest first.

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


_DOUBTFUL = 0.2
"""The sureness from which a sentence is not called an aside: it is only not sure enough.

Of the passages that a strict reader labelled, `an aside` is right of 72 % of those below it, of
28 % above.
"""


def reason_against(features: Features) -> Reason:
    """Return what speaks most against a card, if that is surely the reason."""
    for feature in decisive(features):
        if feature.weight < 0 and feature.name in _REASONS:
            reason = _REASONS[feature.name]
            if reason is Reason.ASIDE and sureness(features) >= _DOUBTFUL:
                break
            return reason
    return Reason.UNSURE
