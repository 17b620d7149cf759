"""Refuse what nobody keeps: noise within a sentence, sentences that make no card, empty answers.

Every proposer of gaps passes these rules. On labelled passages each hits at least three times
as many sentences or gaps that nobody would keep as others, or what it hits is debris.
`tests/draft/cases/refused.jsonl` has a case from a real source for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ankiforge.draft.propose.reasons import Reason
from ankiforge.language.lexicon import Language
from ankiforge.language.tables import listed
from ankiforge.language.tokens import Kind, Token, is_verb
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.shields import shields

# --- what is left off a card, though never off its quote ------------------------------

_LIST_SIGN = regex(r"\A\s*(?:(?:[•▪●◦■♦➢&@$^]|\(?\d{1,2}[.)])\s+)+")
_CITATION = regex(
    r"\s*\\?\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\\?\](?=[\s.,;:!?)”\"]|\Z)"  # `[27]`, `\[87\]`
)
_WORD_BEFORE = regex(r"[^\W_]{2,}[.,;:!?”\"»)]*\Z")
_NOTE_NUMBER = regex(
    r"(?<=[^\W\d_A-ZÀ-Þ]{4})[¹²³⁰-⁹]+"
    r"|(?<=[^\W\d_A-ZÀ-Þ]{3}[.,;:!?”\"»)])(?!1[5-9]\d\d|20\d\d)\d{1,4}"
    r"(?=\s+[^\W\d_]|\s*\Z)"  # `days.65`
    r"|(?<=[.,!?][”\"’»)])\d{1,3}(?=\s+[^\W\d_]|\s*\Z)|(?<=\d{4}\.)\d{1,2}(?=\s*\Z)"
)
_ESCAPE = regex(r"\\(?=[!-/:-@\[\]^-`{-~])")
_COMMA_AT_END = regex(r"\s*[,;–—]\s*\Z")


def noise(text: str, language: Language, *, is_markdown: bool) -> list[Span]:
    """Return the spans of a sentence that are left off its card, in order.

    These are the sign or number of a list item, the numbers of citations and notes, a comma at
    the end and, except in Markdown, backslashes that escape a sign.
    """
    spans = []
    for pattern in (_LIST_SIGN, _NOTE_NUMBER, _COMMA_AT_END):
        spans += [match.span() for match in pattern.finditer(text)]
    for match in _CITATION.finditer(text):
        before = _WORD_BEFORE.search(text, 0, match.start())
        # not `as in [27]`, which would break the sentence
        if before and before[0].casefold() not in language.prepositions:
            spans.append(match.span())
    if not is_markdown:
        spans += [match.span() for match in _ESCAPE.finditer(text)]

    # nothing within code or a formula, and each character once
    kept: list[Span] = []
    end_of_last = 0
    whole = [shield[:2] for shield in shields(text) if shield[2] != "escape"]
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        is_shielded = any(first < end and start < last for first, last in whole)
        if start >= end_of_last and not is_shielded:
            kept.append((start, end))
            end_of_last = end
    return kept


# --- sentences ------------------------------------------------------------------------

_MOST_WORDS = 45
_BEGINS_WITHIN = regex(r"\s*[;),\]}|=>/]|\s*\([^)]*\Z")
# Letters of a font without a table, as N'Ko or Ethiopic; roles of reStructuredText.
_LOST_LETTERS = regex(
    r"[\u0700-\u085f\u1200-\u139f\ue000-\uf8ff\ufffd]|:\w+:`|:\w+:(?=\w)|\w`_|\]\("
)
_QUESTION = regex(r"[?？](?=[\s\"”’»)]|\Z)")
_EXCLAMATION = regex(r"[!！](?=[\s\"”’»)]|\Z)")
_ELSEWHERE = regex(
    r"(?i)\b(?:the|as|shown|see) (?:following|above|below)\b|\b(?:below|above)[.:,]"
    r"|\b(?:this|next|previous) (?:section|chapter|paper|article|book|course|week|lesson"
    r"|tutorial|post|lecture)\b"
    r"|\b(?:folgende[mnrs]?|siguientes?|suivante?s?|seguintes?)\b"
)
# Lines of a program, counters beside a figure.
_PROGRAM = regex(
    r"\b(?:SELECT|INSERT INTO|CREATE TABLE|FROM \(VALUES)\b|\w\(\);|\w = \w+;|(?:\b\w+: \d+ ){2}"
)
# A heading without a sign behind it: `Foreign Keys A foreign key is`, `Controller Controllers are`.
_HEADING = regex(
    r"\A[A-ZÀ-Þ][\w-]+(?: [\w-]+){0,2} (?:An|The) [a-z]"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,})(?: [\w-]+){0,2} A (?i:\1)"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,}) \2e?s? [a-z]"
)
# Numbers in a sentence that is rather a table or a list of reigns.
_LEAST_IN_TABLE = 5


def refusal(
    text: str, words: Sequence[Token], language: Language, *, is_note: bool = False
) -> Reason | None:
    """Return why a sentence makes no card whatever its worth; None if it may.

    Args:
        text: the sentence.
        words: its words and signs.
        language: their language.
        is_note: it is in a person's own note, whose code has its signs.
    """
    kinds = [token.kind for token in words if token.kind != Kind.SIGN]
    numbers = kinds.count(Kind.NUMBER)
    if len(kinds) > _MOST_WORDS and language.name != "cjk":
        return Reason.LONG
    if _BEGINS_WITHIN.match(text):
        return Reason.CUT_OFF
    if language.small and _LOST_LETTERS.search(text):
        return Reason.GARBLED
    if numbers >= _LEAST_IN_TABLE and 3 * numbers > len(kinds):
        return Reason.TABLE
    if not is_note and _PROGRAM.search(text):
        return Reason.TABLE
    if language.name == "en" and not is_note and _HEADING.match(text):
        return Reason.GARBLED
    if _QUESTION.search(text):
        return Reason.QUESTION
    if _EXCLAMATION.search(text):
        return Reason.ASIDE
    return Reason.ANNOUNCEMENT if _ELSEWHERE.search(text) else None


# --- answers --------------------------------------------------------------------------

# The Zipf frequency from which a single noun is no answer: time, process, problem.
_TOO_COMMON = 4.0
# Letters of the end of a word that may be its ending.
_ENDING = 2
_LEAST_STEM = 4
# Words beside a member of a list, which could be any other.
_AND = listed("cues", "and")


def stem(word: str) -> str:
    """Return a word without its ending, so that a plural is its singular."""
    return word[: max(_LEAST_STEM, len(word) - _ENDING)]


def stems(words: Iterable[str]) -> frozenset[str]:
    """Return words without their endings."""
    return frozenset(map(stem, words))


def is_no_answer(words: Sequence[Token], span: Span, language: Language) -> bool:
    """Return whether nobody would keep a span of tokens as the answer of a card.

    Args:
        words: the tokens of a sentence.
        span: the first of them, and the one after the last.
        language: their language.
    """
    first, last = span
    inner = words[first:last]
    has_verb_before = any(is_verb(token, language) for token in words[:first])
    if len(inner) > 1:
        # `ER stores`: a noun with its verb
        end = inner[-1].folded
        may_be_verb = language.name == "en" and language.may_be_verb(end)
        return may_be_verb and end.endswith("s") and not has_verb_before

    [token] = inner
    if len(token.word) == 1 and token.word.isalpha():
        return True
    if token.kind == Kind.NUMBER:
        before = [other.word for other in words[:first]]
        is_point = last < len(words) and words[last].word == ")"  # `1) real, 2) useful`
        is_point = is_point and before.count("(") <= before.count(")")
        return is_point or token.word.isalpha()  # `two`
    if token.kind != Kind.NOUN:
        return False
    beside = {
        word.folded for word in (*words[first - 1 : first], *words[last : last + 1])
    }
    is_of_list = not beside.isdisjoint(_AND)
    may_be_verb = language.name == "en" and (
        token.folded.endswith("ing") or language.look_up(token.folded)[0] in "bv"
    )
    return token.zipf > _TOO_COMMON or may_be_verb or is_of_list
