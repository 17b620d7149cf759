"""Checks of the wording of a cloze. Word lists are in `language/data/signs.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from ankiforge.check.findings import Context, Needs, counted, make_finding, needs
from ankiforge.check.reading import DEFINES, GAP, read, without
from ankiforge.language.tables import alternatives
from ankiforge.language.words import (
    NEGATIONS,
    STOP_WORDS,
    content,
    holds,
    tokens,
    word_count,
)
from ankiforge.model import Card, Family, Finding
from ankiforge.text import cloze, regex

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('signs', 'leans_back')})(?![\w’'-])")
_SIGNS_BEFORE_WORDS = "“\"'‘(*_&%→•^~>+- "
_SMALL_WORDS = STOP_WORDS - NEGATIONS
_SIGNS_ONLY = regex(r"[\s.,;:!?'\"“”()-]+")
# What numbers or files a part of a text: `(b)`, `iv)`, `A.`, `#tag`.
_ENUMERATOR = regex(
    r"\(?(?:[^\W\d_]|[ivxIVX]{1,4}|\d{1,2})[)）]|[A-Z]\.|#[^\W\d_][\w/-]+"
)
# What a gap of a template holds, not of a card: `{{FIRST_NAME}}`, `{{first_name}}`.
_IDENTIFIER = regex(
    r"c\d*|[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+"
)
_EDGE_SIGN = regex(r"^[\s.,;:!?)]|[\s,;:(]$|^(?:<-|[-=]>|[←→⇒])")
# What begins or ends in a sign and is none: an entity, a picture.
_NO_EDGE = regex(r"&#?\w{1,32};$|!\[[^\[\]\n]*\]\([^()\n]*\)")
# Words of a gap that begins the text, at most: what follows a longer one seldom says
# what is asked.
_OPENING_WORDS = 4
# A number or acronym, which is searched for although it is short.
_SHORT_FACT = regex(r"\d{2,}|[A-Z]{2,}")
SHORTEST = 4
"""The minimum length of other answers that are searched for, in characters."""
# A text with more lines is a list or a table.
_LINES = 3
_WORDS_TO_MEASURE = 8


@needs(Needs.CARD)
def clozes(draft: Card, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading = read(draft)
    text = draft.field("Text")

    # a text that begins with `This`, `They`, `However`
    beginning = reading.whole.lstrip(_SIGNS_BEFORE_WORDS)
    leans = _LEANS.match(beginning)
    if leans:
        yield make_finding("leans_back", f"“{leans[0].strip()}”")

    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        # no content word, letter, number, formula or negation; a single letter may be a name
        words = tokens(answer)
        says_nothing = _SIGNS_ONLY.fullmatch(answer) is not None
        if words and not answer.isupper():
            says_nothing = all(len(word) > 1 and word in _SMALL_WORDS for word in words)
        is_code = "`" in gap.answer
        if says_nothing or _ENUMERATOR.fullmatch(answer):
            yield make_finding("gap_stopword", f"“{answer}”")
        elif _IDENTIFIER.fullmatch(answer) and not is_code:
            yield make_finding("placeholder", f"“{answer}”")

        # a blank or sign at its edge
        edges = _NO_EDGE.sub("word", gap.answer.strip("*_"))
        is_empty = not gap.answer.strip()
        if _EDGE_SIGN.search(edges) and not is_empty:
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")

        # too long; at the beginning of the text, unless its definition follows, a few words are
        length = word_count(answer)
        begins_text = not tokens(text[: gap.start])
        is_defined = DEFINES.match(text, gap.end) is not None
        if begins_text and length > _OPENING_WORDS and not is_defined:
            yield make_finding("gap_gt8w", "it begins the text")
        else:
            yield from counted(length, "gap_gt8w")

    # for each card of the note
    word_total = word_count(reading.whole)
    for number, hidden in reading.hidden:
        # the answer is in the rest of the sentence, or of the line in a list
        rest = without(text, hidden)
        searched = rest
        lines = rest.splitlines()
        if len(lines) > _LINES:
            searched = "\n".join([line for line in lines if GAP in line])
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            plain = answer.strip(" .,;:")
            is_fact = _SHORT_FACT.fullmatch(plain) is not None
            is_searched = is_fact or len(plain) >= SHORTEST
            if number in gap.numbers and is_searched:
                if holds(searched, plain, exact=is_fact):
                    yield make_finding("gap_leak", f"“{answer}”")

        # too little of the text is beside the gaps
        shown = rest.replace(GAP, "")
        if word_total >= _WORDS_TO_MEASURE:
            share_hidden = 1 - len(shown) / len(reading.whole)
            yield from counted(ceil(100 * share_hidden), "gap_gt50pct", f"c{number}")
        elif not content(shown) and "![" not in text and "$" not in text:
            yield make_finding("short_cloze", f"“{shown.strip()}”")
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    yield from counted(word_total, "cloze_gt40w")
