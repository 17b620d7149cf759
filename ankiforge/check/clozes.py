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
from ankiforge.model import Draft, Family, Finding
from ankiforge.text import cloze, regex

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('signs', 'leans_back')})(?![\w’'-])")
_IMPERSONAL = regex(
    r"(?i)these days\b|it (?:is|was|has been|may be|can be|seems|appears|follows"
    r"|turns out|takes)\s"
    r"(?:(?:\S+\s){0,3}(?:that|how|whether)\b|(?:(?!\S+ed\s|due\s|similar\s|equal)\S+\s){0,3}(?:to|for)\b)"
    r"|such (?:as|that)\b"
)
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
# A remark in brackets after a sentence, of several words or with a number; others name
# a thing.
_ASIDE = regex(
    r"(?:[.!?。]|[^.!?。]?(?=[(（](?:(?:[^\s()]+\s+){3}|[^()]*\d)))"
    r"[(（][^()（）]*[)）]"
)
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
def clozes(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading = read(draft)
    text = draft.field("Text")

    # a text that begins with `This`, `They`, `However`
    beginning = reading.whole.lstrip(_SIGNS_BEFORE_WORDS)
    leans = _LEANS.match(beginning)
    if leans and not _IMPERSONAL.match(beginning):
        yield make_finding("leans_back", f"“{leans[0].strip()}”")

    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        # no content word, letter, number, formula or negation; a single letter may be a name
        words = tokens(answer)
        small = []
        for word in words:
            if len(word) > 1 and word in _SMALL_WORDS:
                small.append(word)
        if words:
            is_shouted = answer.isupper()
            says_nothing = small == words and not is_shouted
        else:
            says_nothing = _SIGNS_ONLY.fullmatch(answer) is not None
        is_code = "`" in gap.answer
        if says_nothing or _ENUMERATOR.fullmatch(answer):
            yield make_finding("gap_stopword", f"“{answer}”")
        elif _IDENTIFIER.fullmatch(answer) and not is_code:
            yield make_finding("placeholder", f"“{answer}”")

        # a blank or sign at its edge, or a remark in brackets
        before = text[: gap.start]
        sign_before = before.rstrip()[-1:]
        is_aside = _ASIDE.fullmatch(sign_before + answer) is not None
        without_emphasis = gap.answer.strip("*_")
        edges = _NO_EDGE.sub("word", without_emphasis)
        is_empty = not gap.answer.strip()
        has_edge = _EDGE_SIGN.search(edges) is not None and not is_empty
        if is_aside or has_edge:
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")

        # too long, or at the beginning of the text and long
        length = word_count(answer)
        begins_text = not tokens(before)
        is_defined = DEFINES.match(text, gap.end) is not None
        if begins_text and length > _OPENING_WORDS and not is_defined:
            yield make_finding("gap_gt8w", "it begins the text")
        else:
            yield from counted(length, "gap_gt8w")

    for number, hidden in reading.hidden:
        # the answer is in the rest of the sentence, or of the line in a list
        rest = without(text, hidden)
        lines = rest.splitlines()
        if len(lines) > _LINES:
            with_gap = [line for line in lines if GAP in line]
            rest = "\n".join(with_gap)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            plain = answer.strip(" .,;:")
            is_fact = _SHORT_FACT.fullmatch(plain) is not None
            if number not in gap.numbers:
                continue
            is_long_enough = is_fact or len(plain) >= SHORTEST
            if is_long_enough and holds(rest, plain, exact=is_fact):
                yield make_finding("gap_leak", f"“{answer}”")

    word_total = word_count(reading.whole)
    for number, hidden in reading.hidden:
        # too little of the text is beside the gaps
        rest = without(text, hidden).replace(GAP, "")
        if word_total >= _WORDS_TO_MEASURE:
            share_shown = len(rest) / len(reading.whole)
            hidden_percent = ceil(100 * (1 - share_shown))
            yield from counted(hidden_percent, "gap_gt50pct", f"c{number}")
        elif not content(rest) and "![" not in text and "$" not in text:
            yield make_finding("short_cloze", f"“{rest.strip()}”")
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    yield from counted(word_total, "cloze_gt40w")
