"""Features that show whether a sentence makes a good card, and the resulting confidence.

Most of what people highlight is advice, mood or an aside, for which no gap makes a good card.
The confidence is computed by logistic regression from the features and the score of the gap
(see `ranking`). It determines what is proposed, and in which order. Its weights, in
`data/confidence_weights.txt`, were learned by `tools/proposals/learn.py` from sentences of
real sources that a strict reader kept or rejected.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

from ankiforge.draft.propose.ranking import DATA_DIRECTORY, Features, compute_weighted_sum
from ankiforge.draft.propose.rejection import (
    RejectionReason,
    has_end_punctuation,
    is_question,
    strip_ending,
    strip_endings,
)
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
from ankiforge.model import MIN_PROPOSAL_CONFIDENCE, Highlight
from ankiforge.text import regex

WORD_BEGINNING_LENGTH = 5
"""The number of letters at the beginning of a word by which its weight is looked up."""
_NOUNS = (TokenKind.NOUN, TokenKind.NAME)
_WEIGHED_KINDS = (TokenKind.NOUN, TokenKind.ADJECTIVE, TokenKind.VERB)
_CONTENT_KINDS = (*_WEIGHED_KINDS, TokenKind.ADVERB, TokenKind.NAME, TokenKind.NUMBER)
_FEATURE_BY_FIRST_KIND = {
    TokenKind.NOUN: "begins_noun",
    TokenKind.NUMBER: "begins_number",
    TokenKind.ADJECTIVE: "begins_adjective",
    TokenKind.ADVERB: "begins_adverb",
    TokenKind.VERB: "begins_verb",
}
# A noun with this Zipf frequency (the logarithm of its count per billion words) has rarity 0.
_COMMON_ZIPF = 6.0
_CUE_SECTIONS = frozenset(
    ("called", "cause", "contrast", "rule", "advice", "announces", "hedges")
)
_FEATURE_BY_PRONOUN = {"you": "you", "i": "first_person", "we": "we", "he_she": "he_she"}
# Counts are limited to these values and halved. The features are then about as large as the
# boolean ones, so that learning shrinks the weights of both equally.
_MAX_PRONOUNS = 3
_MAX_NAMES = 4
_SCALE = 2
# The verb of a definition is preceded by at most this many tokens.
_MAX_TOKENS_BEFORE_DEFINITION = 6
# For speed, these patterns begin with a rare character and look behind from there. A year may be
# next to a letter of a script without spaces, as in `于1869年`.
_YEAR = regex(
    r"[12](?<![^\W\u3040-\u30ff\u3400-\u9fff].)(?:(?<=1)\d|(?<=2)0)\d\d"
    r"(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
_SENTENCE_START = regex(r"[\W_]*(?:[A-ZÀ-ÞА-ЯЁ0-9]|[\u3040-\u9fff\uac00-\ud7af])")
_QUOTED = regex(r"[“\"«„‘「『][^”\"»“’」』]{3,40}[”\"»“’」』]")
_DIALOGUE = regex(
    r"[“\"«„—–,.!?asd](?:(?<=\A[“\"«„—–])|(?<=\A\W[“\"«„—–])|(?<=\A\W\W[“\"«„—–])"
    r"|(?<=[,.!?])['”\"»]\s|(?<=\ba)sked\b|(?<=\bs)a(?:id|gte)\b|(?<=\bd)i(?:jo|sse)\b)"
)
_ELLIPSIS = regex(r"[….](?:(?<=…)|(?<=\.)\s?\.\s?\.)")
_LIST_MARK = regex(r"\A\s*(?:[-•*–]|\(?[a-zA-Z0-9][.)])\s")
# The names of features and the patterns that a sentence with the feature matches.
_PATTERNS = {
    "exclamation": regex("!"),
    "colon": regex(r"(?s)(?<=.):(?=.)"),
    "brackets": regex(r"\("),
    "dialogue": _DIALOGUE,
    "dots": _ELLIPSIS,
    "list_mark": _LIST_MARK,
    "quoted_term": _QUOTED,
    "year": _YEAR,
}


@cache
def _load_word_weights(language: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    if language in (*LANGUAGES, "zh"):
        table = read_table(DATA_DIRECTORY / f"words-{language}.txt")
        for level, words in table["words"].items():
            weights.update(dict.fromkeys(words, float(level)))
    return weights


def extract_sentence_features(
    text: str,
    words: Sequence[Token],
    language: LanguageTables,
    cues: Features | None = None,
    visible_stems: frozenset[str] = frozenset(),
) -> Features:
    """Extract the features of a sentence, with values mostly between 0 and 2.

    Args:
        text: The sentence.
        words: The tokens of the sentence.
        language: The word tables for the sentence's language.
        cues: The result of `extract_cue_features`, or None to compute it.
        visible_stems: The stems of the words in the title and heading.
    """
    features: Features = {"always": 1.0}
    beginnings = [
        token.folded[:WORD_BEGINNING_LENGTH]
        for token in words
        if token.kind != TokenKind.SIGN
    ]
    count = len(beginnings)
    if language.name == "ja":  # Japanese tokens are as long as clauses
        count = count_words(text)

    # length
    length = min(count, _MAX_LENGTH) / 20
    features["length"] = length
    features["length2"] = length * length

    features |= _extract_form_features(text)
    features |= extract_cue_features(words, language) if cues is None else cues
    _add_word_features(text, words, features)
    features |= extract_structure_features(words, language, visible_stems)

    # how typical the words are of passages that are worth a card
    table = _load_word_weights(language.name)
    total = sum(table.get(beginning, 0.0) for beginning in beginnings)
    if total:
        features["words"] = total / math.sqrt(len(beginnings))
    # whether the sentence is a textbook fact, because few of these were labelled
    is_plain_fact = count <= _MAX_PLAIN_FACT_WORDS and _NON_PLAIN_FEATURES.isdisjoint(
        features
    )
    is_plain_fact = is_plain_fact and features.get("plain_words", 0.0) < _MAX_PLAIN_WORDS
    has_rare_subject = features.get("rare_subject", 0.0) > _MIN_RARE_SUBJECT
    states_fact = has_rare_subject or not _FACT_FEATURES.isdisjoint(features)
    features["plain"] = float(is_plain_fact and states_fact)
    features["chinese"] = float(language.name == "zh")  # no Chinese sentence was labelled
    return features


def _extract_form_features(text: str) -> Features:
    """Extract features of a sentence's completeness and punctuation."""
    features: Features = {}
    has_sentence_start = _SENTENCE_START.match(text) is not None
    has_sentence_end = has_end_punctuation(text)
    if has_sentence_start and has_sentence_end:
        features["whole"] = 1.0
    if not has_sentence_start:
        features["fragment_start"] = 1.0
    if not has_sentence_end:
        features["fragment_end"] = 1.0
    if is_question(text):
        features["question"] = 1.0
    for name, pattern in _PATTERNS.items():
        if pattern.search(text):
            features[name] = 1.0
    return features


def extract_structure_features(
    words: Sequence[Token], language: LanguageTables, visible_stems: frozenset[str]
) -> Features:
    """Extract structural features of a sentence, e.g. how it begins and its rarest nouns."""
    actual_words = [token for token in words if token.kind != TokenKind.SIGN]
    if not actual_words:
        return {}
    first = actual_words[0]
    count = len(actual_words)
    function_words = sum(token.kind == TokenKind.FUNCTION_WORD for token in actual_words)
    pronouns = sum(token.folded in language.pronouns for token in actual_words)
    commas = sum(token.text in (",", "，", "、") for token in words)
    begins_with = _FEATURE_BY_FIRST_KIND.get(first.kind, "")
    if first.folded in language.determiners:
        begins_with = "begins_article"
    features = {
        "small_words": function_words / count,
        "pronouns": pronouns / count,
        "commas": min(commas, 5) / 3,
        **_extract_noun_features(words, language, visible_stems),
        begins_with: 1.0,
    }
    return {name: amount for name, amount in features.items() if name and amount}


def _extract_noun_features(
    words: Sequence[Token], language: LanguageTables, visible_stems: frozenset[str]
) -> Features:
    """Extract features of a sentence's nouns, some only of the nouns before the first verb."""
    verbs = (n for n, token in enumerate(words) if n and is_verb(token, language))
    first_verb = next(verbs, len(words))
    nouns = [token for token in words if token.kind in _NOUNS]
    rarities = sorted(
        (max(0.0, _COMMON_ZIPF - token.zipf) for token in nouns), reverse=True
    )
    subject_zipfs = [token.zipf for token in words[:first_verb] if token.kind in _NOUNS]
    rare_subject = max(0.0, _COMMON_ZIPF - min(subject_zipfs, default=_COMMON_ZIPF)) / 3
    has_copula = first_verb < len(words) and words[first_verb].folded in language.copulas
    noun_stems = [strip_ending(token.folded) for token in nouns]
    longest = max((len(token.text) for token in nouns), default=0)
    return {
        "rare": min(sum(rarities), 20.0) / 10,
        "third_rare": rarities[2] / 3 if len(rarities) > 2 else 0.0,
        "rare_subject": rare_subject,
        "defined": rare_subject if has_copula else 0.0,
        "longest": min(longest, 20) / 10,
        "repeats": float(len(set(noun_stems)) < len(noun_stems)),
        "of_title": float(not visible_stems.isdisjoint(noun_stems)),
    }


def extract_cue_features(words: Sequence[Token], tables: LanguageTables) -> Features:
    """Extract features from cue words, e.g. words that show that a sentence defines a term."""
    features: Features = {}
    pronoun_counts = Counter[str]()
    for cue in tables.cues.find_cues([token.folded for token in words]):
        section = cue.section
        if section in _FEATURE_BY_PRONOUN:
            pronoun_counts[section] += 1
        elif section == "this":
            features["points"] = 1.0
        elif section in _CUE_SECTIONS:
            features[section] = 1.0
        elif section == "means" and "defines" not in features:
            features["defines"] = 1.0
            if 0 < cue.first <= _MAX_TOKENS_BEFORE_DEFINITION:
                features["term_and_definition"] = 1.0
        if _refers_back(cue, words):
            features["leans"] = 1.0
    features |= {
        feature: min(pronoun_counts[section], _MAX_PRONOUNS) / _SCALE
        for section, feature in _FEATURE_BY_PRONOUN.items()
        if pronoun_counts[section]
    }
    return features


def _refers_back(cue: Cue, words: Sequence[Token]) -> bool:
    """Return whether a cue word makes a sentence depend on the previous sentence."""
    if cue.section == "leans":
        return cue.first <= 1 and not words[cue.first].text[0].islower()
    if cue.section == "this":
        return cue.first == 1 and words[0].kind == TokenKind.FUNCTION_WORD
    if cue.section != "somebody":
        return False
    # a pronoun that neither a name nor an earlier noun explains
    has_name = any(token.kind == TokenKind.NAME for token in words)
    has_noun = any(token.kind == TokenKind.NOUN for token in words[: cue.first])
    return not (has_name or has_noun)


def _add_word_features(
    text: str, words: Sequence[Token], features: dict[str, float]
) -> None:
    kinds = [token.kind for token in words]
    number_count = kinds.count(TokenKind.NUMBER)
    if number_count:
        features["numbers"] = 1.0
    if number_count > 2:
        features["many_numbers"] = 1.0
    name_count = kinds.count(TokenKind.NAME)
    if name_count:
        features["names"] = min(name_count, _MAX_NAMES) / _SCALE
    content = [token for token in words if token.kind in _CONTENT_KINDS]
    if not text.isupper():
        if any(len(token.text) > 1 and token.text.isupper() for token in content):
            features["acronym"] = 1.0
    if not {TokenKind.CODE_OR_FORMULA, TokenKind.UNSAFE}.isdisjoint(kinds):
        features["code"] = 1.0
    _add_rarity_features(content, features)


def _add_rarity_features(content: Sequence[Token], features: dict[str, float]) -> None:
    """Add features for how rare the content words of a sentence are."""
    weighed = [token for token in content if token.kind in _WEIGHED_KINDS]
    if not weighed:
        return
    rare_count = sum(token.zipf < 3.0 for token in weighed)
    if rare_count:
        features["rare_words"] = min(rare_count, 6) / 3
    mean_zipf = sum(token.zipf for token in weighed) / len(weighed)
    if mean_zipf < 3.9:
        features["technical"] = min(3.9 - mean_zipf, 1.0)
    elif mean_zipf > 4.7:
        features["plain_words"] = min(mean_zipf - 4.7, 1.0)


# --- confidence ------------------------------------------------------------------------

_MAX_LENGTH = 45
"""Longer sentences count as having this many words."""
# A plain fact has at most this many words, none of the non-plain features, and either a subject
# that is at least this rare or one of the fact features.
_MAX_PLAIN_FACT_WORDS = 14
_MAX_PLAIN_WORDS = 0.7
_MIN_RARE_SUBJECT = 0.7
# A plain fact above this confidence reaches the minimum for a proposal, but comes after others and
# is never certain: of 26 that were, two strict readers kept 8 % and discarded 60 %.
_MIN_PLAIN_CONFIDENCE = 0.3
_NON_PLAIN_FEATURES = frozenset(
    "you first_person we he_she hedges advice announces question exclamation dialogue dots "
    "quoted_term leans fragment_start fragment_end many_numbers colon list_mark "
    "begins_verb points code".split()
)
_FACT_FEATURES = frozenset(
    "rare_words technical names numbers acronym cause defines called rule".split()
)
_REASON_BY_FEATURE = {
    "question": RejectionReason.QUESTION,
    "advice": RejectionReason.ASIDE,
    "first_person": RejectionReason.ASIDE,
    "we": RejectionReason.ASIDE,
    "exclamation": RejectionReason.ASIDE,
    "hedges": RejectionReason.ASIDE,
}


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
    return estimate_confidence(
        extract_sentence_features(
            text, words, tables, visible_stems=find_visible_stems(highlight, tables)
        )
    )


def find_visible_stems(highlight: Highlight, tables: LanguageTables) -> frozenset[str]:
    """Return the stems of the words in the title and heading, which are shown on the card."""
    text = f"{highlight.document.title} {highlight.heading}"
    return strip_endings(token.folded for token in tokenize(text, tables))


def estimate_confidence(features: Features, gap: float | None = None) -> float:
    """Return the probability that the user would keep a card made from a sentence.

    Args:
        features: The features of the sentence.
        gap: The score of the gap (see `ranking`), or None to assume an average gap.
    """
    log_odds = _estimate_log_odds(features)
    if gap is not None:
        table = load_sentence_weights()
        log_odds += table["gap"] * (gap - table["gap_middle"])
    confidence = 1 / (1 + math.exp(-log_odds))
    if features["plain"] and confidence > _MIN_PLAIN_CONFIDENCE:
        lifted = (confidence - _MIN_PLAIN_CONFIDENCE) / 4
        return max(confidence, MIN_PROPOSAL_CONFIDENCE + lifted)
    return confidence


def compute_min_gap_score(features: Features, min_confidence: float) -> float:
    """Compute the score that a gap needs for its card to reach `min_confidence`.

    `min_confidence` must be at least .7, because plain facts have a raised confidence below that.
    """
    table = load_sentence_weights()
    missing = math.log(min_confidence / (1 - min_confidence)) - _estimate_log_odds(
        features
    )
    return table["gap_middle"] + missing / table["gap"]


def _estimate_log_odds(features: Features) -> float:
    return compute_weighted_sum(features, load_sentence_weights())


# A sentence of at least this confidence is called uncertain, not an aside. In the passages that a
# strict reader labelled, `an aside` is right for 72 % of those below this confidence, but only for
# 28 % of the others.
_MAX_ASIDE_CONFIDENCE = 0.2


def find_rejection_reason(features: Features) -> RejectionReason:
    """Return the reason that fits the strongest feature against a card, or `UNCERTAIN`."""
    table = load_sentence_weights()
    names = [name for name in features if name in _REASON_BY_FEATURE]
    strongest = min(names, key=lambda name: table[name] * features[name], default="")
    reason = _REASON_BY_FEATURE.get(strongest, RejectionReason.UNCERTAIN)
    if reason is RejectionReason.ASIDE:
        if estimate_confidence(features) >= _MAX_ASIDE_CONFIDENCE:
            return RejectionReason.UNCERTAIN
    return reason
