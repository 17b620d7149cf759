"""Grounding: no card says what its source does not. For drafts a machine has made.

A card the reader wrote is its own source; a question the reader wrote in a comment needs
only an answer from the passage. A figure has no words: its picture is what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.language import language
from ankiforge.check.lexical.normal import normal, without_tex
from ankiforge.check.lexical.quantities import UNITS, quantities, values
from ankiforge.check.lexical.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.lexical.tongue import FUNCTION, NEGATORS, SAME
from ankiforge.check.lexical.words import (
    QUESTION_WORDS,
    STOP_WORDS,
    all_numbers,
    content,
    has_word,
    listed,
    prefix,
    stem,
    tokens,
)
from ankiforge.check.rule import Bound, Rule
from ankiforge.check.source.evidence import about, evidence, folded, naming, said
from ankiforge.check.source.figures import foreign
from ankiforge.check.source.literal import solid
from ankiforge.model import CardKind, Draft, Finding, Highlight, Severity


def _firm(id: str, severity: Severity, says: str, bound: Bound | None = None) -> Rule:
    return Rule(id, severity, says, bound, firm=True)


QUOTE_NOT_IN_SOURCE = _firm(
    "quote_not_in_source", Severity.BLOCK, "the quote does not stand in the source"
)
QUOTE_TOO_SHORT = _firm(
    "quote_too_short",
    Severity.BLOCK,
    "the quote is too short to prove anything:",
    Bound(8, 8, 80, "characters", floor=True),
)
QUOTE_LACKS_ANSWER = _firm(
    "quote_lacks_answer",
    Severity.WARN,
    "the sentence that is quoted does not hold the answer:",
)
ANSWER_NOT_IN_SOURCE = _firm(
    "answer_not_in_source",
    Severity.BLOCK,
    "the source does not give the answer",
    Bound(50, 50, 100, "%", floor=True),
)
ANSWER_PARTLY = _firm(
    "answer_partly",
    Severity.WARN,
    "the source gives only part of the answer, not:",
    Bound(80, 80, 101, "%", floor=True),
)
UNGROUNDED_CARD = _firm(
    "ungrounded_card",
    Severity.BLOCK,
    "too few of its words come from the source:",
    Bound(40, 40, 100, "%", floor=True),
)
FRONT_COPIES_SOURCE = Rule(
    "front_copies_source",
    Severity.WARN,
    "the front repeats nearly the whole passage:",
    Bound(80, 20, 100, "%"),
)
RULES = (
    QUOTE_NOT_IN_SOURCE,
    QUOTE_TOO_SHORT,
    QUOTE_LACKS_ANSWER,
    ANSWER_NOT_IN_SOURCE,
    ANSWER_PARTLY,
    UNGROUNDED_CARD,
    FRONT_COPIES_SOURCE,
)

_LONG_WORD = 4
_HALF = 0.5
"""Of an answer of two words one is not enough: the standard error is no standard deviation."""
_ENOUGH_WORDS = 12
"""Of a passage; a shorter one is copied by whatever asks for a part of it."""
_FEW = 3
"""So many words tell where a card comes from; of fewer the answer alone does."""


def quote(draft: Draft, context: Context) -> Iterator[Finding]:
    """The evidence stands, letter by letter, in the passage or the text around it."""
    if authored(draft) or pictured(draft, context.highlight):
        return
    words = folded(draft.quote)
    if not words:
        yield QUOTE_NOT_IN_SOURCE.found("(there is none)")
    elif not any(words in folded(place) for place in _places(context.highlight)):
        yield QUOTE_NOT_IN_SOURCE.found()
    elif words != folded(context.highlight.exact):
        least = context.limits.of(QUOTE_TOO_SHORT)
        if len(words) < least and _weight(words) < least:
            yield QUOTE_TOO_SHORT.exceeded(len(words), least)


def _weight(words: str) -> int:
    """Characters; an ideograph says as much as three letters."""
    return sum(3 if _joins(letter) else 1 for letter in words)


def _places(highlight: Highlight) -> tuple[str, ...]:
    """Where a quote may stand; the context both with and without a break at its seams."""
    seamless = highlight.prefix + highlight.exact + highlight.suffix
    return (highlight.exact, highlight.sentence, seamless, highlight.context, *highlight.markdown)


def answer(draft: Draft, context: Context) -> Iterator[Finding]:
    """The answer stands in the passage, or at least most of its words do."""
    if authored(draft) or marked(draft, context.highlight) or pictured(draft, context.highlight):
        return
    source = said(context.highlight)
    least, whole = (context.limits.of(r) for r in (ANSWER_NOT_IN_SOURCE, ANSWER_PARTLY))
    for wanted in read(draft).answers:
        if _names_subject(wanted, context.highlight) or _is_formula_of(wanted, source):
            continue
        missing, share = _missing(wanted, source)
        if 100 * share < least or (share < 1 and len(missing) == 1 and share <= _HALF):
            yield ANSWER_NOT_IN_SOURCE.found(f"“{_short(wanted)}”")
        elif 100 * share < whole:
            yield ANSWER_PARTLY.found(", ".join(missing[:5]))
        elif _elsewhere(wanted, draft, context.highlight, least):
            yield QUOTE_LACKS_ANSWER.found(f"“{_short(wanted)}”")


def _names_subject(wanted: str, highlight: Highlight) -> bool:
    """Whether the answer is a name that stands in the title or a heading, word for word."""
    if any(letter.isdecimal() for letter in wanted):
        return False  # a figure is told, not named
    return _as_words(folded(wanted), folded(naming(highlight)))


def _elsewhere(wanted: str, draft: Draft, highlight: Highlight, least: int) -> bool:
    """Whether the answer stands beside the sentences that the quote touches, or beside its figure."""
    if not draft.quote.strip() or 100 * _missing(wanted, draft.quote)[1] >= least:
        return False
    told, quoted = values(wanted), values(draft.quote)
    if told and quoted and not told & quoted:
        return True
    return 100 * _missing(wanted, evidence(draft, highlight).text)[1] < least


def _is_formula_of(wanted: str, source: str) -> bool:
    """Whether the answer is a formula of the source, however it is written."""
    symbols = solid(wanted)
    return len(symbols) >= _FEW and bool(_OPERATOR.search(symbols)) and symbols in solid(source)


_OPERATOR = re.compile(r"[=+*/<>≤≥√∑∫→-]")


def _missing(wanted: str, source: str) -> tuple[list[str], float]:
    """(words of the answer that the source lacks, the share that it holds)."""
    if any(_as_words(form(wanted), form(source)) for form in (folded, normal)):
        return [], 1.0
    wanted, source = without_tex(wanted), without_tex(source)
    wanted, source = (_OWNED.sub("", _INITIALS.sub(r"\1\2", text)) for text in (wanted, source))
    named = [word for word in content(wanted) if word not in FUNCTION]
    words = list(dict.fromkeys(named or content(wanted) or tokens(wanted)))
    held, numbers, units = _stems(source), all_numbers(source), _units(source)
    counted = not any(foreign(wanted, source))
    missing = [
        word
        for word in words
        if _root(word) not in held
        and not all_numbers(word) & numbers
        and not (counted and word.isdecimal())
        and not _said_otherwise(word, held, units)
        and _GERMAN_ENDING.sub("", word) not in _german_roots(source)
    ]
    return missing, 1 - len(missing) / len(words) if words else 0.0


_INITIALS = re.compile(r"\b([A-Za-z])\.\s?([A-Za-z])\.")
"""B.C. is BC."""


_OWNED = re.compile(r"(?<=\w)['’]s\b")
_GERMAN_ENDING = re.compile(r"(?<=\w{4})(?:en|em|er|es|e|n|s)$")


def _root(word: str) -> str:
    return stem(f"{word[:-3]}y" if word.endswith("ied") and len(word) > 5 else word)


@lru_cache(maxsize=256)
def _german_roots(source: str) -> frozenset[str]:
    if language(source) != "German":
        return frozenset()
    return frozenset(_GERMAN_ENDING.sub("", word) for word in tokens(source))


@lru_cache(maxsize=256)
def _units(source: str) -> frozenset[str]:
    return frozenset(one.dimension for one in quantities(source) if one.unit)


def _said_otherwise(word: str, held: frozenset[str], units: frozenset[str]) -> bool:
    """Whether the source says it in a word that means the same."""
    if word in UNITS and UNITS[word][1] in units:  # a wrong one is for `figures` to find
        return True
    if word in NEGATORS and held & NEGATORS:
        return True
    return bool(held & SAME.get(word, frozenset()))


def _as_words(wanted: str, source: str) -> bool:
    """Whether the answer stands there, and not within longer words: no rat in generation.

    Scripts without capitals join particles to their words: 서울이다 gives 서울.
    """
    words = wanted.strip(" .")
    if not words:
        return False
    return has_word(words, source, joined=(_joins(words[0]), _joins(words[-1])))


def _joins(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def card(draft: Draft, context: Context) -> Iterator[Finding]:
    """At least two in five of the longer words come from the passage or what it is about."""
    if authored(draft):
        return
    sides = read(draft)
    text = " ".join(sides.answers) if asked_by_reader(draft) else sides.whole
    long = {word for word in content(text) if len(word) >= _LONG_WORD} - _ASKED - FUNCTION
    held = _prefixes(f"{said(context.highlight)}\n{about(context.highlight)}")
    known = sum(prefix(word) in held or prefix(_root(word)) in held for word in long)
    share = 100 * known // len(long) if len(long) >= _FEW else 100
    yield from context.limits.counted(share, UNGROUNDED_CARD)


def copied(draft: Draft, context: Context) -> Iterator[Finding]:
    """A front is a question, not the passage with a question mark."""
    if authored(draft) or asked_by_reader(draft) or draft.kind is CardKind.CLOZE:
        return
    passage = {stem(word) for word in content(context.highlight.exact) if len(word) > 1}
    front = {stem(word) for word in content(read(draft).asked)}
    if len(passage) >= _ENOUGH_WORDS:
        share = 100 * len(passage & front) / len(passage)
        if share >= context.limits.of(FRONT_COPIES_SOURCE):
            yield FRONT_COPIES_SOURCE.found(f"{share:.0f}% of its words")


CHECKS = (quote, answer, card, copied)


@lru_cache(maxsize=256)
def _stems(source: str) -> frozenset[str]:
    return frozenset(_root(word) for word in tokens(source))


@lru_cache(maxsize=256)
def _prefixes(text: str) -> frozenset[str]:
    words = set(tokens(text)) - STOP_WORDS - QUESTION_WORDS
    return frozenset(form for word in words for form in (prefix(word), prefix(_root(word))))


_ASKED = frozenset(UNITS) | frozenset(
    listed(
        """temperature year date area size share amount number percent percentage degree degrees
    celsius square kind type sort people person long many much distance length height weight
    mass age time jahr datum anzahl année combien cuántos cuánto"""
    )
)
"""Words that only name what kind of answer is wanted."""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
