"""The features of a sentence for or against a card, and how likely a strict person keeps it.

Most of what people mark is advice, mood or an aside, and no gap makes a good card of it. Each
feature is one that a person can read: its words are in `data/features.txt`. A logistic regression
over the features of the sentence and the score of its gap (`ranking`) gives the sureness, which
decides what is proposed, in which order, and why. Its weights are in `data/sureness.txt`, learned
by `tools/proposals/learn.py` from sentences of real sources, each of which a strict reader kept or
threw away.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.excerpts import word_count
from ankiforge.draft.propose.ranking import Features, score
from ankiforge.draft.propose.refused import (
    Reason,
    ends_whole,
    is_question,
    stem,
    stems,
)
from ankiforge.language.detection import language_of
from ankiforge.language.lexicon import (
    LANGUAGES,
    Language,
    language,
    read_table,
    read_weights,
)
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.model import FLOOR, Highlight, Value
from ankiforge.text import regex

DATA = Path(__file__).parent / "data"
BEGINNING = 5
"""The letters of a word by which its weight for a card is looked up."""
_NOUNS = (Kind.NOUN, Kind.NAME)
_BEGINNINGS = {
    Kind.NOUN: "begins_noun",
    Kind.NUMBER: "begins_number",
    Kind.ADJECTIVE: "begins_adjective",
    Kind.ADVERB: "begins_adverb",
    Kind.VERB: "begins_verb",
}
# The Zipf frequency from which on a noun is not rare at all.
_NOT_RARE = 6.0
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


def features_of(
    text: str,
    words: Sequence[Token],
    language: Language,
    cues: Features | None = None,
    shown: frozenset[str] = frozenset(),
) -> Features:
    """Return the features of a sentence: amounts, mostly between 0 and 2.

    Args:
        text: the sentence.
        words: its words and signs.
        language: its language.
        cues: their `cues_of_text`, if these were asked for before.
        shown: the stems of title and heading.
    """
    features: Features = {"always": 1.0}
    beginnings = [token.folded[:BEGINNING] for token in words if token.kind != Kind.SIGN]
    count = len(beginnings)
    if language.name == "ja":  # there, a token is as long as a clause
        count = word_count(text)

    # its length
    if count > 40:
        features["long"] = 1.0
    length = min(count, _LONGEST) / 20
    features["length"] = length
    features["length2"] = length * length

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
    features |= structure(words, language, shown)
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
    # a fact as textbooks state it: readers mark few of them, and so few were labelled
    is_plain = count <= _PLAIN and _NOT_PLAIN.isdisjoint(features)
    is_plain = is_plain and features.get("plain_words", 0.0) < _MOST_PLAIN_WORDS
    features["plain"] = float(is_plain and not _TELLING.isdisjoint(features))
    features["chinese"] = float(language.name == "zh")  # no sentence of it was labelled
    return features


def structure(
    words: Sequence[Token], language: Language, shown: frozenset[str]
) -> Features:
    """Return how a sentence is built: its beginning, its subject, its rare nouns."""
    first_verb = len(words)
    count = small = pronouns = commas = 0
    for place, token in enumerate(words):
        if token.kind == Kind.SIGN:
            commas += token.word in (",", "，", "、")
            continue
        count += 1
        small += token.kind == Kind.SMALL
        pronouns += token.folded in language.pronouns
        if place and first_verb > place and is_verb(token, language):
            first_verb = place
    if not count:
        return {}
    first = next(token for token in words if token.kind != Kind.SIGN)
    begins_with = _BEGINNINGS.get(first.kind, "")
    if first.folded in language.pronouns:
        begins_with = "begins_pronoun"
    elif first.folded in language.determiners:
        begins_with = "begins_article"
    nouns = [token for token in words if token.kind in _NOUNS]
    rarities = sorted((max(0.0, _NOT_RARE - token.zipf) for token in nouns), reverse=True)
    of_subject = [token.zipf for token in words[:first_verb] if token.kind in _NOUNS]
    rare_subject = max(0.0, _NOT_RARE - min(of_subject, default=_NOT_RARE)) / 3
    has_copula = first_verb < len(words) and words[first_verb].folded in language.copulas
    of_nouns = [stem(token.folded) for token in nouns]
    longest = max((len(token.word) for token in nouns), default=0)
    features = {
        "small_words": small / count,
        "pronouns": pronouns / count,
        "commas": min(commas, 5) / 3,
        "rare": min(sum(rarities), 20.0) / 10,
        "third_rare": rarities[2] / 3 if len(rarities) > 2 else 0.0,
        "rare_subject": rare_subject,
        "defined": rare_subject if has_copula else 0.0,
        "longest": min(longest, 20) / 10,
        "repeats": float(len(set(of_nouns)) < len(of_nouns)),
        "of_title": float(not shown.isdisjoint(of_nouns)),
        begins_with: 1.0,
    }
    return {name: amount for name, amount in features.items() if name and amount}


def _by_patterns(
    text: str, patterns: dict[str, re.Pattern[str]], features: dict[str, float]
) -> None:
    """Add the names of the patterns that occur in a text."""
    for name, pattern in patterns.items():
        if pattern.search(text):
            features[name] = 1.0


def cues_of_text(words: Sequence[Token], tables: Language) -> Features:
    """Return the features of the aims that words show, such as a definition, a cause, advice."""
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
    """Its name in words, for a person."""
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
    return sureness(
        features_of(text, words, tables, shown=stems_shown(highlight, tables))
    )


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
"""The sureness from which a sentence is not called an aside: it is only not sure enough.

Of the passages that a strict reader labelled, `an aside` is right of 72 % of those below it, of
28 % above.
"""


def reason_against(features: Features) -> Reason:
    """Return the feature that speaks most against a card, if that is surely the reason."""
    for feature in decisive(features):
        if feature.weight < 0 and feature.name in _REASONS:
            reason = _REASONS[feature.name]
            if reason is Reason.ASIDE and sureness(features) >= _DOUBTFUL:
                break
            return reason
    return Reason.UNSURE
