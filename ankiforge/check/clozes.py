"""Checks of the wording of a cloze. Word lists are in `language/data/signs.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from ankiforge.check.findings import Context, Needs, counted, make_finding, needs
from ankiforge.check.reading import GAP, read, without
from ankiforge.language.tables import alternatives, listed
from ankiforge.language.words import (
    NEGATIONS,
    STOP_WORDS,
    content,
    holds,
    tokens,
    word_count,
)
from ankiforge.model import Draft, Family, Finding
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import Gap


@needs(Needs.CARD)
def clozes(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading = read(draft)
    text = draft.field("Text")
    yield from _dependent_beginning(reading.whole)
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        yield from _words_of_gap(gap, answer)
        yield from _edges_of_gap(gap, answer, text)
        yield from _length_of_gap(gap, answer, text)
    yield from _leaks(draft)
    yield from _remainders(draft)
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    yield from counted(word_count(reading.whole), "cloze_gt40w")


# --- the sentence is clear by itself --------------------------------------------------

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('signs', 'leans_back')})(?![\w’'-])")
_IMPERSONAL = regex(
    r"(?i)these days\b|it (?:is|was|has been|may be|can be|seems|appears|follows"
    r"|turns out|takes)\s"
    r"(?:(?:\S+\s){0,3}(?:that|how|whether)\b|(?:(?!\S+ed\s|due\s|similar\s|equal)\S+\s){0,3}(?:to|for)\b)"
    r"|such (?:as|that)\b"
)
_SIGNS_BEFORE_WORDS = "“\"'‘(*_&%→•^~>+- "


def _dependent_beginning(whole: str) -> Iterator[Finding]:
    """Find a text that begins with `This`, `They`, `However`."""
    leaning = leaning_beginning(whole)
    if leaning:
        yield make_finding("leans_back", f"“{leaning}”")


def leaning_beginning(text: str) -> str:
    """Return the first words of a text if they depend on what is before it, else ""."""
    visible_text = text.lstrip(_SIGNS_BEFORE_WORDS)
    leans = _LEANS.match(visible_text)
    return leans[0].strip() if leans and not _IMPERSONAL.match(visible_text) else ""


# --- each gap -------------------------------------------------------------------------

_ASKABLE = listed("signs", "askable")
_SMALL_WORDS = STOP_WORDS - NEGATIONS - _ASKABLE
_SMALL_OR_NEGATIVE = (STOP_WORDS | NEGATIONS) - _ASKABLE
_SIGNS_ONLY = regex(r"[\s.,;:!?'\"“”()-]+")
# What numbers or files a part of a text: `(b)`, `iv)`, `A.`, `#tag`.
_ENUMERATOR = regex(
    r"\(?(?:[^\W\d_]|[ivxIVX]{1,4}|\d{1,2})[)）]|[A-Z]\.|#[^\W\d_][\w/-]+"
)
# What a gap of a template holds, not of a card: `{{FIRST_NAME}}`, `{{first_name}}`.
_IDENTIFIER = regex(
    r"c\d*|[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+"
)


def _words_of_gap(gap: Gap, answer: str) -> Iterator[Finding]:
    """Find a gap without a content word, a letter, number, formula or negation."""
    words = tokens(answer)
    if words:
        is_small = not answer.isupper() and all(map(_is_small, words))
        says_nothing = is_small
    else:
        says_nothing = _SIGNS_ONLY.fullmatch(answer) is not None
    if says_nothing or _ENUMERATOR.fullmatch(answer):
        yield make_finding("gap_stopword", f"“{answer}”")
    elif "`" not in gap.answer and _IDENTIFIER.fullmatch(answer):
        yield make_finding("placeholder", f"“{answer}”")


def _is_small(word: str) -> bool:
    """Return whether a word is a function word; a single letter may be a name."""
    return word in _SMALL_WORDS and len(word) > 1


_EDGE_SIGN = regex(r"^[\s.,;:!?)]|[\s,;:(]$|^(?:<-|[-=]>|[←→⇒])")
# What begins or ends in a sign and is none: an entity, a picture.
_NO_EDGE = regex(r"&#?\w{1,32};$|!\[[^\[\]\n]*\]\([^()\n]*\)")
# A remark in brackets after a sentence, of several words or with a number; others name
# a thing.
_ASIDE = regex(
    r"(?:[.!?。]|[^.!?。]?(?=[(（](?:(?:[^\s()]+\s+){3}|[^()]*\d)))"
    r"[(（][^()（）]*[)）]"
)


def _edges_of_gap(gap: Gap, answer: str, text: str) -> Iterator[Finding]:
    """Find a gap that begins or ends with a blank or sign, or is a remark in brackets."""
    sign_before = text[: gap.start].rstrip()[-1:]
    is_aside = _ASIDE.fullmatch(sign_before + answer)
    words = _NO_EDGE.sub("word", gap.answer.strip("*_"))
    has_edge_sign = gap.answer.strip() and _EDGE_SIGN.search(words)
    if is_aside or has_edge_sign:
        yield make_finding("gap_edge_punct", f"“{gap.answer}”")


# Words of a gap that begins the text, at most: what follows a longer one seldom says
# what is asked.
_OPENING_WORDS = 4
# What is between a term and its definition.
_DEFINES = regex(r"[*_]*\s*(?:[:：=]|[-–—]\s)")


def _length_of_gap(gap: Gap, answer: str, text: str) -> Iterator[Finding]:
    """Find a gap that is too long, or at the beginning of the text and long."""
    length = word_count(answer)
    begins_text = not tokens(text[: gap.start])
    if begins_text and length > _OPENING_WORDS and not _DEFINES.match(text, gap.end):
        yield make_finding("gap_gt8w", "it begins the text")
    else:
        yield from counted(length, "gap_gt8w")


# --- the text beside the gaps ---------------------------------------------------------

# A number or acronym, which is searched for although it is short.
_SHORT_FACT = regex(r"\d{2,}|[A-Z]{2,}")
SHORTEST = 4
"""The minimum length of other answers that are searched for, in characters."""
# A text with more lines is a list or a table.
_LINES = 3


def _leaks(draft: Draft) -> Iterator[Finding]:
    """Find answers in the rest of the sentence, or of the line in a list."""
    reading = read(draft)
    for number, hidden in reading.hidden:
        rest = without(draft.field("Text"), hidden)
        lines = rest.splitlines()
        if len(lines) > _LINES:
            rest = "\n".join(line for line in lines if GAP in line)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            if number in gap.numbers and _is_in(rest, answer):
                yield make_finding("gap_leak", f"“{answer}”")


def _is_in(rest: str, answer: str) -> bool:
    """Return whether a text contains an answer that is long enough to be searched for."""
    plain = answer.strip(" .,;:")
    is_short_fact = _SHORT_FACT.fullmatch(plain) is not None
    if len(plain) < SHORTEST and not is_short_fact:
        return False
    return holds(rest, plain, exact=is_short_fact)


_WORDS_TO_MEASURE = 8


def _remainders(draft: Draft) -> Iterator[Finding]:
    """Find numbers that leave too little of the text beside their gaps."""
    reading = read(draft)
    text = draft.field("Text")
    length = word_count(reading.whole)
    for number, hidden in reading.hidden:
        rest = without(text, hidden).replace(GAP, "")
        if length >= _WORDS_TO_MEASURE:
            shown_share = len(rest) / len(reading.whole)
            hidden_percent = ceil(100 * (1 - shown_share))
            yield from counted(hidden_percent, "gap_gt50pct", f"c{number}")
        elif not content(rest) and "![" not in text and "$" not in text:
            yield make_finding("short_cloze", f"“{rest.strip()}”")
