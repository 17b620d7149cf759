"""Grounding: no card says what its source does not. For drafts a machine has made.

A card the reader wrote is its own source; a question the reader wrote in a comment needs
only an answer from the passage. A figure has no words: its picture is what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.normal import bare, normal
from ankiforge.check.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.rule import Rule
from ankiforge.check.words import (
    QUESTION_WORDS,
    STOP_WORDS,
    all_numbers,
    content,
    prefix,
    stated_numbers,
    stem,
    tokens,
)
from ankiforge.domain import CardKind, Draft, Finding, Highlight, Severity
from ankiforge.text.fold import canonical

QUOTE_NOT_IN_SOURCE = Rule(
    "quote_not_in_source", Severity.BLOCK, "the quote does not stand in the source"
)
ANSWER_NOT_IN_SOURCE = Rule(
    "answer_not_in_source", Severity.BLOCK, "the source does not give the answer"
)
ANSWER_PARTLY = Rule(
    "answer_partly", Severity.WARN, "the source gives only part of the answer, not:"
)
UNGROUNDED_NUMBER = Rule(
    "ungrounded_number", Severity.BLOCK, "a number that the source does not hold:"
)
UNGROUNDED_TERM = Rule("ungrounded_term", Severity.WARN, "a name that the source does not hold:")
UNGROUNDED_CARD = Rule(
    "ungrounded_card", Severity.BLOCK, "most of its words come from somewhere else"
)
FRONT_COPIES_SOURCE = Rule(
    "front_copies_source", Severity.WARN, "the front repeats nearly the whole passage"
)
RULES = (
    QUOTE_NOT_IN_SOURCE,
    ANSWER_NOT_IN_SOURCE,
    ANSWER_PARTLY,
    UNGROUNDED_NUMBER,
    UNGROUNDED_TERM,
    UNGROUNDED_CARD,
    FRONT_COPIES_SOURCE,
)

_IN_SOURCE, _PARTLY = 0.5, 0.8
"""Share of the answer's content words below which it is foreign, or partly so."""
_CARD = 0.4
_LONG_WORD = 4
_COPIED, _ENOUGH_WORDS = 0.8, 5


def quote(draft: Draft, context: Context) -> Iterator[Finding]:
    """The evidence stands, letter by letter, in the passage or the text around it."""
    if authored(draft) or pictured(draft, context.highlight):
        return
    words = canonical(draft.quote)
    if not words:
        yield QUOTE_NOT_IN_SOURCE.found("(there is none)")
    elif not any(words in canonical(place) for place in _places(context.highlight)):
        yield QUOTE_NOT_IN_SOURCE.found()


def _places(highlight: Highlight) -> tuple[str, ...]:
    """Where a quote may stand; the context both with and without a break at its seams."""
    seamless = highlight.prefix + highlight.exact + highlight.suffix
    return (highlight.exact, highlight.sentence, seamless, highlight.context, *highlight.markdown)


def answer(draft: Draft, context: Context) -> Iterator[Finding]:
    """The answer stands in the passage, or at least most of its words do."""
    if authored(draft) or marked(draft, context.highlight) or pictured(draft, context.highlight):
        return
    source = _source(context.highlight)
    for wanted in read(draft).answers:
        missing, share = _missing(wanted, source)
        if share < _IN_SOURCE:
            yield ANSWER_NOT_IN_SOURCE.found(f"“{_short(wanted)}”")
        elif share < _PARTLY:
            yield ANSWER_PARTLY.found(", ".join(missing[:5]))


def _missing(wanted: str, source: str) -> tuple[list[str], float]:
    """(words of the answer that the source lacks, the share that it holds)."""
    if any(_as_words(form(wanted), form(source)) for form in (canonical, normal)):
        return [], 1.0
    words = list(dict.fromkeys(content(wanted) or tokens(wanted)))
    held, numbers = _stems(source), all_numbers(source)
    missing = [word for word in words if stem(word) not in held and not all_numbers(word) & numbers]
    return missing, 1 - len(missing) / len(words) if words else 0.0


def _as_words(wanted: str, source: str) -> bool:
    """Whether the answer stands there, and not within longer words: no rat in generation.

    Scripts without capitals join particles to their words: 서울이다 gives 서울.
    """
    words = wanted.strip(" .")
    if not words:
        return False
    before = "" if _joins(words[0]) else r"(?<!\w)"
    after = "" if _joins(words[-1]) else r"(?!\w)"
    return re.search(f"{before}{re.escape(words)}{after}", source) is not None


def _joins(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def numbers(draft: Draft, context: Context) -> Iterator[Finding]:
    """Each figure stands in the passage, in digits, words or Roman; in a front also around it."""
    if authored(draft):
        return
    sides = read(draft)
    source = _source(context.highlight)
    asked = "" if asked_by_reader(draft) else sides.asked
    around = all_numbers(f"{source}\n{_about(context.highlight)}")
    foreign = [n for n, forms in stated_numbers(asked).items() if not around & set(forms)]
    known = all_numbers(source)
    for wanted in sides.answers:
        foreign += [n for n, forms in stated_numbers(wanted).items() if not known & set(forms)]
    if foreign:
        yield UNGROUNDED_NUMBER.found(", ".join(dict.fromkeys(foreign)))


def terms(draft: Draft, context: Context) -> Iterator[Finding]:
    """Acronyms and names with digits or inner capitals are the source's own."""
    if authored(draft) or asked_by_reader(draft):
        return
    known = canonical(f"{_source(context.highlight)}\n{_about(context.highlight)}")
    foreign = [term for term in read(draft).terms if canonical(term) not in known]
    if foreign:
        yield UNGROUNDED_TERM.found(", ".join(dict.fromkeys(foreign)))


def card(draft: Draft, context: Context) -> Iterator[Finding]:
    """At least two in five of the longer words come from the passage or what it is about."""
    if authored(draft):
        return
    sides = read(draft)
    text = " ".join(sides.answers) if asked_by_reader(draft) else sides.whole
    long = {word for word in content(text) if len(word) >= _LONG_WORD}
    held = _prefixes(f"{_source(context.highlight)}\n{_about(context.highlight)}")
    if long and sum(prefix(word) in held for word in long) / len(long) < _CARD:
        yield UNGROUNDED_CARD.found()


def copied(draft: Draft, context: Context) -> Iterator[Finding]:
    """A front is a question, not the passage with a question mark."""
    if authored(draft) or asked_by_reader(draft) or draft.kind is CardKind.CLOZE:
        return
    passage = {stem(word) for word in content(context.highlight.exact) if len(word) > 1}
    front = {stem(word) for word in content(read(draft).asked)}
    if len(passage) >= _ENOUGH_WORDS and len(passage & front) / len(passage) >= _COPIED:
        yield FRONT_COPIES_SOURCE.found()


CHECKS = (quote, answer, numbers, terms, card, copied)


# --- the source -----------------------------------------------------------------------------


def _source(highlight: Highlight) -> str:
    """The passage and what stands around it: all an answer may be taken from.

    The words below a picture stand in its Markdown alone.
    """
    seamless = highlight.prefix + highlight.exact + highlight.suffix
    captioned = (bare(shown) for shown in highlight.markdown if "![" in shown)
    return "\n".join((highlight.context, seamless, *captioned))


def _about(highlight: Highlight) -> str:
    """What names the subject: a question may lean on it, an answer not."""
    comment = highlight.comment if highlight.instructs else ""
    return "\n".join((highlight.document.title, highlight.heading, *highlight.above, comment))


@lru_cache(maxsize=256)
def _stems(source: str) -> frozenset[str]:
    return frozenset(stem(word) for word in tokens(source))


@lru_cache(maxsize=256)
def _prefixes(text: str) -> frozenset[str]:
    words = set(tokens(text)) - STOP_WORDS - QUESTION_WORDS
    return frozenset(prefix(word) for word in words)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
