"""Checks of quote, answer and subject against the source.

No card says what its passage does not say. The checks against the source apply to cards
whose words a program chose. A question from a comment needs only its answer from the
passage; pictures cannot be checked. Words and numbers are compared, not meanings: what
a person could word otherwise is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.foreign import is_formula, solid
from ankiforge.check.reading import (
    around,
    chosen_by_reader,
    is_choice,
    marked,
    naming,
    pictured,
    read,
    seamless,
    source_text,
)
from ankiforge.language.normal import for_comparing_words, without_tex
from ankiforge.language.quantities import all_numbers
from ankiforge.language.words import (
    FUNCTION,
    NEGATORS,
    content,
    has_word,
    stem,
    stems,
    tokens,
)
from ankiforge.model import Card, Finding
from ankiforge.text import regex
from ankiforge.text.fold import for_comparing

# --- quote and answer -----------------------------------------------------------------


@needs(Needs.SOURCE)
def quote(draft: Card, context: Context) -> Iterator[Finding]:
    """Find a quote that is not literally in the passage or the text around it."""
    highlight = context.highlight
    if pictured(draft, highlight):
        return
    words = for_comparing(draft.quote)
    # the context both with and without a break around the mark
    places = (
        highlight.exact,
        highlight.sentence,
        seamless(highlight),
        highlight.context,
        highlight.nearby,
        *highlight.markdown,
    )
    if not words:
        yield make_finding("quote_not_in_source", "(there is none)")
    elif not any(words in for_comparing(place) for place in places):
        yield make_finding("quote_not_in_source")


# The share of an answer's words below which the source gives little of it.
_LITTLE = 0.5
# `B.C.` is the same as `BC`.
_INITIALS = regex(r"\b([A-Za-z])\.\s?([A-Za-z])\.")
# The number of initial letters by which a word of the source is recognised: valid,
# validity.
_PREFIX = 5


@needs(Needs.COMPARISON)
def answer(draft: Card, context: Context) -> Iterator[Finding]:
    """Find answers of which the source has no word, or less than half."""
    highlight = context.highlight
    if marked(draft, highlight) or pictured(draft, highlight):
        return
    reading = read(draft)
    source = source_text(highlight)
    for wanted in reading.answers:
        # a name may come literally from the title or a heading, a number may not
        has_digit = any(map(str.isdecimal, wanted))
        if not has_digit and _has_phrase(
            for_comparing(naming(highlight)), for_comparing(wanted)
        ):
            continue
        is_offered = for_comparing(wanted) in for_comparing(reading.asked)
        if is_offered and is_choice(reading.asked):
            continue
        missing, share = _missing_words(wanted, source)
        if share == 0:
            shown = wanted if len(wanted) <= 60 else f"{wanted[:59]}…"
            yield make_finding("answer_not_in_source", f"“{shown}”")
        elif share < _LITTLE:
            yield make_finding("answer_partly", ", ".join(missing[:5]))


def _missing_words(wanted: str, source: str) -> tuple[list[str], float]:
    """Return the words of an answer that the source lacks, and the share that it has."""
    # all of it, maybe in another notation
    if _has_phrase(for_comparing(source), for_comparing(wanted)):
        return [], 1.0
    if _has_phrase(for_comparing_words(source), for_comparing_words(wanted)):
        return [], 1.0
    if is_formula(wanted) and solid(wanted) in solid(source):
        return [], 1.0

    wanted = _INITIALS.sub(r"\1\2", without_tex(wanted))
    source = _INITIALS.sub(r"\1\2", without_tex(source))
    content_words = content(wanted)
    names = [word for word in content_words if word not in FUNCTION]
    words = list(dict.fromkeys(names or content_words or tokens(wanted)))
    if not words:
        return [], 0.0
    beginnings = _beginnings(source)
    numbers = all_numbers(source)
    missing = []
    for word in words:
        if word[:_PREFIX] in beginnings or stem(word)[:_PREFIX] in beginnings:
            continue
        # wrong numbers are found by the check `numbers`
        is_number = word.isdecimal() or word in ("one", "two")
        if is_number or not numbers.isdisjoint(all_numbers(word)):
            continue
        if word in NEGATORS and not beginnings.isdisjoint(NEGATORS):
            continue
        missing.append(word)
    return missing, 1 - len(missing) / len(words)


@lru_cache(maxsize=256)
def _beginnings(source: str) -> frozenset[str]:
    """Return the first letters of the words of a source, and of their stems."""
    words = tokens(source)
    forms = (*words, *map(stem, words))
    return frozenset(form[:_PREFIX] for form in forms)


def _has_phrase(source: str, wanted: str) -> bool:
    """Return whether the source contains the answer as whole words: `rat` is not in `generation`.

    Scripts without capitals join particles to words: 서울이다 contains 서울.
    """
    words = wanted.strip(" .")
    if not words:
        return False
    first, last = words[0], words[-1]
    joins_before = first.isalpha() and first.lower() == first.upper()
    joins_after = last.isalpha() and last.lower() == last.upper()
    return has_word(words, source, joined=(joins_before, joins_after))


# --- subject --------------------------------------------------------------------------

# The share of an answer's words that must be in the mark, and the number of those of
# the question. Words are equal if they begin alike: a question in the reader's own words
# has other endings than the passage.
_MARKED_SHARE = 0.5
_MARKED_WORDS = 2


@needs(Needs.SOURCE)
def beside(draft: Card, context: Context) -> Iterator[Finding]:
    """Find cards about a fact outside the mark; the text around it may only name the subject."""
    highlight = context.highlight
    if chosen_by_reader(draft, highlight):
        return
    if for_comparing(around(highlight)) == for_comparing(highlight.exact):
        return
    reading = read(draft)
    marked_stems = _stem_beginnings(highlight.exact)
    if not marked_stems:
        return
    for answer in reading.answers:
        answer_stems = _stem_beginnings(answer)
        if not answer_stems:
            return
        share = len(answer_stems & marked_stems) / len(answer_stems)
        is_in_mark = for_comparing(answer).strip(" .") in for_comparing(highlight.exact)
        if share >= _MARKED_SHARE or is_in_mark:
            return
    asked_words = len(_stem_beginnings(reading.asked) & marked_stems)
    if asked_words < min(_MARKED_WORDS, len(marked_stems)):
        yield make_finding("beside_the_mark")


def _stem_beginnings(text: str) -> frozenset[str]:
    """Return the first letters of the stems of a text."""
    return frozenset(word[:_PREFIX] for word in stems(text))
