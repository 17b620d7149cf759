"""Checks of the wording of a cloze. Word lists are in `data/small_words.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from ankiforge.check.findings import Context, Needs, counted, make_finding, needs
from ankiforge.check.reading import GAP, Reading, marked, read, without, without_markup
from ankiforge.check.wording import without_code
from ankiforge.check.words import (
    NEGATIONS,
    STOP_WORDS,
    alternatives,
    content,
    holds,
    listed,
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
    if reading.gaps and marked(draft, context.highlight):
        yield from _emphasis(draft)


# --- the sentence is clear by itself --------------------------------------------------

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('small_words', 'leans_back')})(?![\w’'-])")
_IMPERSONAL = regex(
    r"(?i)these days\b|it (?:is|was|has been|may be|can be|seems|appears|follows"
    r"|turns out|takes)\s"
    r"(?:\S+\s){0,3}(?:that|to|how|whether|for)\b|such (?:as|that)\b"
)
_SIGNS_BEFORE_WORDS = "“\"'‘(*_&%→• "


def _dependent_beginning(whole: str) -> Iterator[Finding]:
    """Find a text that begins with `This`, `They`, `However`."""
    visible_text = whole.lstrip(_SIGNS_BEFORE_WORDS)
    leans = _LEANS.match(visible_text)
    if leans and not _IMPERSONAL.match(visible_text):
        yield make_finding("leans_back", f"“{leans[0].strip()}”")


# --- each gap -------------------------------------------------------------------------

_ASKABLE = listed("small_words", "askable")
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


# --- marks of a reader: emphasis, or to be recalled? ----------------------------------

_LABELS = listed("small_words", "label")
_POINTING = listed("small_words", "pointing")
_NAMING = regex(rf"(?i)(?<!\w)(?:{alternatives('small_words', 'naming')})(?!\w)")
# Characters around a mark, and before the end, that are searched.
_NEAR = 40
_FULL_STOP = regex(r"[.!…。！۔।॥։።][\W_]*\Z")
_IN_BRACKETS = regex(r"[(（][^()（）]*[)）]")
_WORDS_ONLY = regex(r"[^\W\d_]{2,}(?:[\s'’/:-]+[^\W\d_]{2,})*[\s:]*")
# The ending of a word that is hidden.
_ENDING = regex(r"[a-z]{1,2}(?![^\W\d_])")
# Words of a text that are its beginning, and words before a mark that are beside it.
_EARLY_WORDS = 4
_WORDS_BESIDE = 2


def _emphasis(draft: Draft) -> Iterator[Finding]:
    """Find phrases that are marked for emphasis rather than to be recalled.

    Most people mark what is important. A mark passes in a whole sentence, if it is a
    term with its definition, and beside a word that names it. In 30 public vaults that
    no rule was made for, readers called 29 of the 42 cards that passed good, and 4 of
    the 38 that wait.
    """
    reading = read(draft)
    text = draft.field("Text")
    opens = not tokens(text[: reading.gaps[0].start])
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        if _is_cut_from_word(text, gap, answer) or _IN_BRACKETS.fullmatch(answer):
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")
        if _says_nothing(answer, opens=opens):
            yield make_finding("gap_stopword", f"“{answer}”")
    yield from _fragment(reading, text, opens=opens)


def _says_nothing(answer: str, *, opens: bool) -> bool:
    """Return whether an answer is small words, or at the beginning a label such as `Note`."""
    if not _WORDS_ONLY.fullmatch(answer):
        return False
    words = set(tokens(answer))
    return words <= _SMALL_OR_NEGATIVE or (opens and words <= _LABELS)


def _fragment(reading: Reading, text: str, *, opens: bool) -> Iterator[Finding]:
    """Find texts that state nothing, or not without the text before them.

    `opens`: the first gap begins the text.
    """
    defines = opens and _DEFINES.match(text, reading.gaps[0].end) is not None
    is_clear = defines or any(_is_named(text, gap) for gap in reading.gaps)
    has_picture = "![" in text
    cell = _cell_around(text, reading.gaps[0])
    if not (has_picture or is_clear or _is_sentence(without_markup(cell), cell)):
        message = "no sentence with its full stop, no `Term: definition`"
        yield make_finding("fragment", message)
    elif not has_picture and _says_little(text, opens=opens, defines=defines):
        where = "behind it" if opens else "beside it"
        yield make_finding("fragment", f"the sentence says little {where}")
    elif not is_clear and _POINTING.intersection(_prominent(text, reading.gaps)):
        yield make_finding("leans_back", "it points at text before it")


def _cell_around(text: str, gap: Gap) -> str:
    """Return the cell of a table in which a gap stands; a text that is no table as it is."""
    if not text.startswith("| "):
        return text
    start = text.rfind("| ", 0, gap.start) + 2
    return text[start : text.find(" |", gap.end)]


def _is_sentence(whole: str, text: str) -> bool:
    """Return whether a text begins as a sentence does, and ends in a full stop."""
    return _FULL_STOP.search(whole[-_NEAR:]) is not None and not _begins_within(text)


def _around(text: str, gap: Gap) -> tuple[str, str]:
    """Return the text before and after a gap, without the signs of emphasis at it."""
    before = text[: gap.start]
    after = text[gap.end :]
    return before.rstrip("*_"), after.lstrip("*_")


def _is_cut_from_word(text: str, gap: Gap, answer: str) -> bool:
    """Return whether a gap begins or ends within a word, or is all that brackets contain."""
    before, after = _around(text, gap)
    first_letter = answer[:1]
    last_letter = answer[-1:]
    begins_within = _is_cased(before[-1:]) and _is_cased(first_letter)
    goes_on = _is_cased(last_letter) and _is_cased(after[:1])
    ends_within = goes_on and not _ENDING.match(after)
    is_opened = before[-1:] in ("(", "（")
    is_bracketed = is_opened and after[:1] in (")", "）")
    return begins_within or ends_within or is_bracketed


def _is_cased(sign: str) -> bool:
    """Return whether a sign is a letter of a script with capitals, and so with blanks."""
    return sign.islower() or sign.isupper()


def _is_named(text: str, gap: Gap) -> bool:
    """Return whether a word beside the gap says that it is a name: `called`, `known as`."""
    before, after = _around(text, gap)
    if _NAMING.search(before[-_NEAR:]):
        return True
    return _NAMING.match(after.lstrip(" ,")) is not None


def _begins_within(text: str) -> bool:
    """Return whether a text begins with a small letter.

    Code, a formula, `mRNA` and `p-value` are no such beginning.
    """
    first = re.search(r"[`$]|(?<!\{\{)[^\W\d_][^\W_]*-?", text)
    if first is None:
        return False
    word = first[0]
    return word.islower() and word[1:2] != "-"


def _says_little(text: str, *, opens: bool, defines: bool) -> bool:
    """Return whether few content words are beside the gaps.

    A definition needs two, a sentence after the gap that opens it five, any other one.
    """
    visible_text = without_code(text)
    without_gaps = without(visible_text, cloze.gaps(visible_text))
    beside = content(without_gaps.replace(GAP, " "))
    if defines:
        least = 2
    elif opens:
        least = 5
    else:
        least = 1
    return len(beside) < least


def _prominent(text: str, gaps: tuple[Gap, ...]) -> list[str]:
    """Return the first words of a text, and those before each gap.

    There, a word such as `this` points at text that the card does not show.
    """
    words = re.findall(r"\w+", text)[:_EARLY_WORDS]
    for gap in gaps:
        before, _ = _around(text, gap)
        words_before = re.findall(r"\w+", before[-_NEAR:])
        words += words_before[-_WORDS_BESIDE:]
    return words
