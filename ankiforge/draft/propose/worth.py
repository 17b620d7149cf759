"""Whether a passage deserves a card: a score with its reasons.

Most of what people mark is advice, mood or an aside, and no gap makes a good card of it.
The score is a logistic regression over features that a person can read. Their words are in
`data/worth_features.txt`, their weights in `data/worth_weights.txt`, learned by
`tools/proposals/learn_worth.py` from highlights of real sources.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from ankiforge.draft.instructions import requested
from ankiforge.draft.propose.excerpts import completed, is_term_in, word_count
from ankiforge.draft.propose.reasons import Reason
from ankiforge.language.lexicon import LANGUAGES, Language, language
from ankiforge.language.recognition import language_of
from ankiforge.language.tables import read_table, read_weights
from ankiforge.language.tokens import Kind, Token, cues_of, tokens
from ankiforge.model import Form, Highlight, SourceKind, Value
from ankiforge.text import regex
from ankiforge.text.sentences import boundaries

DATA = Path(__file__).parent / "data"
BEGINNING = 5
"""The letters of a word by which its weight for a card is looked up."""
_SECTIONS = frozenset(
    ("called", "cause", "contrast", "rule", "advice", "announces", "hedges", "leans")
)
_PEOPLE = {"you": "you", "i": "first_person", "we": "we", "he_she": "he_she"}
# Tokens before what a sentence says about its subject.
_FEW_TOKENS = 6
# Also beside a letter of a script without blanks: `于1869年`.
_YEAR = regex(
    r"(?<![^\W\u3040-\u30ff\u3400-\u9fff])(?:1\d{3}|20\d\d)(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
_BEGINS_WHOLE = regex(r"[\W_]*(?:[A-ZÀ-ÞА-ЯЁ0-9]|[\u3040-\u9fff\uac00-\ud7af])")
_ENDS_WHOLE = regex(r"[.!?…。！？:;][\W\d_]*\Z")
_HEADING_COMMENT = regex(r"\s*\.h\d\b")
_QUOTED = regex(r"[“\"«„‘「『][^”\"»“’」』]{3,40}[”\"»“’」』]")
_DIALOGUE = regex(
    r"\A\W{0,2}[“\"«„—–]|[,.!?]['”\"»]\s|\b(?:said|asked|dijo|sagte|disse)\b"
)
_ELLIPSIS = regex(r"…|\.\.\.")
_ENUMERATION = regex(
    r", (?:[^\W_]+ ){0,3}[^\W_]+,? (?:and|or|und|oder|et|ou|y|o|e|и|или) "
    r"|•|;\s[^;]*;|\(\d\)|\d\) "
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
    threshold: float
    """The score from which a passage is proposed."""
    features: tuple[Feature, ...] = ()
    """What decided, the strongest first."""

    @property
    def deserves(self) -> bool:
        """Whether it is proposed."""
        return self.score >= self.threshold

    @property
    def reason(self) -> Reason:
        """Why it is not proposed."""
        for feature in self.features:
            if feature.weight < 0 and feature.name in _REASONS:
                return _REASONS[feature.name]
        return Reason.SAYS_LITTLE


_REASONS = {
    "heading": Reason.HEADING,
    "question": Reason.QUESTION,
    "fragment_start": Reason.FRAGMENT,
    "fragment_end": Reason.FRAGMENT,
    "no_verb": Reason.FRAGMENT,
    "very_short": Reason.FRAGMENT,
    "leans": Reason.UNNAMED,
    "advice": Reason.ASIDE,
    "you": Reason.ASIDE,
    "first_person": Reason.ASIDE,
    "we": Reason.ASIDE,
    "he_she": Reason.STORY,
    "past": Reason.STORY,
    "dialogue": Reason.STORY,
    "exclamation": Reason.ASIDE,
    "hedges": Reason.ASIDE,
    "announces": Reason.ANNOUNCEMENT,
    "dots": Reason.FRAGMENT,
}


@cache
def _weights() -> dict[str, float]:
    return read_weights(DATA / "worth_weights.txt")


@cache
def _word_weights(language: str) -> dict[str, float]:
    """Return by the beginning of a word how much it speaks for a card in a language."""
    weights: dict[str, float] = {}
    if language in LANGUAGES:
        table = read_table(DATA / f"worth-words-{language}.txt")
        for level, words in table["words"].items():
            weights.update(dict.fromkeys(words, float(level)))
    return weights


@cache
def _words_of_features() -> dict[str, tuple[str, str]]:
    """Return the words of each feature: if it is more than 0, and if less."""
    words_by_feature = {}
    for line in (DATA / "worth_features.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, *words = line.split(" | ")
            words_by_feature[name] = (words[0], words[-1])
    return words_by_feature


@lru_cache(maxsize=1000)  # asked again when what was drafted is recorded
def worth_of(highlight: Highlight, sentence: str = "") -> Worth:
    """Return how much a passage deserves a card, and the features that decided.

    Args:
        highlight: the passage.
        sentence: one of its sentences, which is judged alone; "" = all of them.
    """
    weights = _weights()
    total = weights["always"]
    words = _words_of_features()
    features = []
    for name, amount in features_of_text(highlight, sentence).items():
        weight = weights.get(name, 0.0) * amount
        if not weight:
            continue
        total += weight
        if_more, if_less = words.get(name, (name, name))
        features.append(Feature(name, if_more if amount > 0 else if_less, weight))
    features.sort(key=lambda feature: -abs(feature.weight))
    score = 1 / (1 + math.exp(-total))
    return Worth(score, weights["threshold"], tuple(features))


@lru_cache(maxsize=64)  # worth and sureness ask for the same text
def features_of_text(highlight: Highlight, sentence: str = "") -> dict[str, float]:
    """Return the features of a passage, or of one of its sentences, with their amounts."""
    exact = sentence or highlight.exact.strip()
    sentence = sentence or completed(highlight)
    is_term = highlight.form is Form.PHRASE or is_term_in(exact, sentence)
    text = sentence if is_term else exact
    name = language_of(text, highlight.nearby)
    tables = language(name)
    words = tokens(text, tables)
    features: dict[str, float] = {}
    if is_term:
        features["term_in_sentence"] = 1.0
    _by_reader(highlight, features)
    words_of_sentence = tokens(sentence, tables)
    count = sum(token.kind != Kind.SIGN for token in words_of_sentence)
    if name == "cjk":  # there, a token is as long as a clause
        count = word_count(sentence)
    _by_length(count, len(boundaries(sentence)) + 1, features)
    _by_form(sentence, words_of_sentence, count, features)
    _by_cues(text, words, tables, features)
    _by_words(text, words, features)
    if _has_no_verb(words_of_sentence, tables, is_short="very_short" in features):
        features["no_verb"] = 1.0
    _by_beginnings(words, name, features)
    return features


def _by_reader(highlight: Highlight, features: dict[str, float]) -> None:
    """Add the acts of the reader, and their place."""
    comment = highlight.comment.strip()
    if comment:
        if _HEADING_COMMENT.match(comment):
            features["heading"] = 1.0
        elif highlight.instructs:
            features["comment"] = 1.0
            if word_count(requested(highlight).words) >= 5:
                features["long_comment"] = 1.0
    if highlight.source_kind is SourceKind.VAULT:
        features["from_notes"] = 1.0
    elif highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO):
        features["from_pdf"] = 1.0


def _by_form(
    text: str, words: Sequence[Token], count: int, features: dict[str, float]
) -> None:
    """Add whether a sentence is whole, and whether it looks like a heading.

    Args:
        text: the sentence of the mark.
        words: its words and signs.
        count: the number of its words.
        features: takes the features.
    """
    begins = _BEGINS_WHOLE.match(text) is not None
    ends = _ENDS_WHOLE.search(text[-8:]) is not None
    if begins and ends:
        features["whole"] = 1.0
    if not begins:
        features["fragment_start"] = 1.0
    if not ends:
        features["fragment_end"] = 1.0
    if text.rstrip(' ”"»)').endswith(("?", "？")):
        features["question"] = 1.0
    if "!" in text:
        features["exclamation"] = 1.0
    _by_patterns(text, _FORM_PATTERNS, features)


def _by_length(count: int, sentences: int, features: dict[str, float]) -> None:
    """Add how many words and sentences it has."""
    if count <= 4:
        features["very_short"] = 1.0
    elif count <= 9:
        features["short"] = 1.0
    elif count > 70:
        features["very_long"] = 1.0
    elif count > 40:
        features["long"] = 1.0
    if sentences == 1:
        features["one_sentence"] = 1.0
    elif sentences <= 3:
        features["several_sentences"] = 1.0
    else:
        features["many_sentences"] = 1.0


def _by_patterns(
    text: str, patterns: dict[str, re.Pattern[str]], features: dict[str, float]
) -> None:
    """Add the names of the patterns that occur in a text."""
    for name, pattern in patterns.items():
        if pattern.search(text):
            features[name] = 1.0


def _by_cues(
    text: str, words: Sequence[Token], tables: Language, features: dict[str, float]
) -> None:
    """Add its cues: a definition, a cause, advice."""
    people = dict.fromkeys(_PEOPLE, 0)
    for cue in cues_of(text, tables):
        section = cue.section
        if section in people:
            people[section] += 1
        elif section == "leans":
            if words[cue.first].word[0].isupper() and cue.first <= 1:
                features["leans"] = 1.0
        elif section in _SECTIONS:
            features[section] = 1.0
        elif section == "means" and "defines" not in features:
            features["defines"] = 1.0
            if 0 < cue.first <= _FEW_TOKENS:
                features["term_and_definition"] = 1.0
    for section, count in people.items():
        if count:
            features[_PEOPLE[section]] = min(count, 3) / 2
    if ":" in text[1:-1]:
        features["colon"] = 1.0
    _by_patterns(text, _CUE_PATTERNS, features)


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
        features["names"] = min(names, 4) / 2
    if has_acronym and not text.isupper():
        features["acronym"] = 1.0
    if has_code:
        features["code"] = 1.0
    _by_rarity(content, features)


def _has_no_verb(words: Sequence[Token], tables: Language, *, is_short: bool) -> bool:
    """Return whether a sentence has no verb, as far as its language's tables know.

    Few words are of no known language: most of them are an exclamation or a heading.
    """
    if tables.name != "en":
        return is_short and not tables.name
    return not any(tables.may_be_verb(token.folded) for token in words)


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


def _by_beginnings(words: Sequence[Token], name: str, features: dict[str, float]) -> None:
    """Add how much its words are those of passages that deserve a card."""
    table = _word_weights(name)
    total = 0.0
    count = 0
    for token in words:
        if token.kind != Kind.SIGN:
            count += 1
            total += table.get(token.folded[:BEGINNING], 0.0)
    if total:
        features["words"] = total / math.sqrt(count)
