"""Marks of a reader: emphasis, or to be recalled?

Most people mark what is important, so most marks make no card that is kept as it is. Policy
accepts one at once only if it hides a phrase of a sentence that stands alone. The others wait,
with all their gaps. Word lists are in `language/data/signs.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.clozes import leaning_beginning
from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import (
    GAP,
    Reading,
    marked,
    naming,
    read,
    without,
    without_markup,
)
from ankiforge.check.wording import without_code
from ankiforge.language.tables import alternatives, listed
from ankiforge.language.words import FUNCTION, NEGATIONS, STOP_WORDS, stem, tokens
from ankiforge.model import Draft, Family, Finding
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import Gap

_SMALL_OR_NEGATIVE = (STOP_WORDS | NEGATIONS) - listed("signs", "askable")
_LABELS = listed("signs", "label")
_COPULAS = listed("signs", "copula")
_POINTING = listed("signs", "pointing")
_NAMING = regex(rf"(?i)(?<!\w)(?:{alternatives('signs', 'naming')})(?!\w)")
# What is between a term and its definition.
_DEFINES = regex(r"[*_]*\s*(?:\([^()]*\)\s*)?(?:[:：=]|->|(?:-{1,3}|[–—→⟶⇒])\s)")
# Characters around a mark, and before the end, that are searched.
_NEAR = 40
_FULL_STOP = regex(r"[.!…。！۔।॥։።](?:\s*\([^()]*\))?[\W_]*\Z")
_BREAKS_OFF = regex(r"[:,;，：；(（-]\s*\Z")
_WORDS_ONLY = regex(r"[^\W\d_]{2,}(?:[\s'’/:-]+[^\W\d_]{2,})*[\s:]*")
# The ending of a word that is hidden.
_ENDING = regex(r"[a-z]{1,2}(?![^\W\d_])")
# Words of a text that are its beginning, and words before a mark that are beside it.
_EARLY_WORDS = 4
_WORDS_BESIDE = 2
# Letters with which two forms of a word begin: `ambiguity`, `ambiguous`.
_TELLING = 5
# The content words of a phrase that neither a name nor a definition tells, at most.
_MOST_TO_RECALL = 3
# The words of a sentence of which one phrase is all that is to be recalled, at most.
_MOST_WORDS = 30
# The content words of a definition, and of a sentence behind the phrase that begins it, at least.
_LEAST_OF_DEFINITION = 3
_LEAST_BEHIND = 4


@needs(Needs.CARD)
def emphasis(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find phrases that are marked for emphasis rather than to be recalled.

    A mark passes in a whole sentence that stands alone, if it is a term with its
    definition, and beside a word that names it.
    """
    if draft.kind.family is not Family.CLOZE or not marked(draft, context.highlight):
        return
    reading = read(draft)
    text = draft.field("Text")
    whole = cloze.words_of(text)
    if not reading.gaps:
        return
    opens = not tokens(text[: reading.gaps[0].start])
    defines = opens and _DEFINES.match(text, reading.gaps[0].end) is not None
    is_named = any(_is_named(text, gap) for gap in reading.gaps)
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        if _is_cut_from_word(text, gap, answer):
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")
        if _WORDS_ONLY.fullmatch(answer) and _SMALL_OR_NEGATIVE.issuperset(
            tokens(answer)
        ):
            yield make_finding("gap_stopword", f"“{answer}”")
        elif opens and (_is_label(answer) or context.leads_elsewhere(answer)):
            yield make_finding("label", f"“{answer}”")
        elif not (defines or is_named) and not context.is_term(whole, answer):
            yield make_finding("vague", f"“{answer}”")
    title = naming(context.highlight)
    yield from _given_away(reading, text, title, defines=defines)
    yield from _fragment(reading, text, context, opens=opens, defines=defines)


# --- the phrase -----------------------------------------------------------------------


def _is_label(answer: str) -> bool:
    """Return whether a phrase at the beginning only labels what follows: `Note`, `It is safe`."""
    words = {word for word in tokens(answer) if not word.isdecimal()}
    is_claim = len(words) > 1 and not words.isdisjoint(_COPULAS)
    return is_claim or words <= _LABELS | _SMALL_OR_NEGATIVE


def _is_long(answer: str) -> bool:
    """Return whether few recall a phrase word for word: small words are not counted."""
    content_words = [word for word in answer.split() if word.casefold() not in FUNCTION]
    return len(content_words) > _MOST_TO_RECALL


def _around(text: str, gap: Gap) -> tuple[str, str]:
    """Return the text before and after a gap, without the signs of emphasis at it."""
    before = text[: gap.start]
    after = text[gap.end :]
    return before.rstrip("*_"), after.lstrip("*_")


def _is_cut_from_word(text: str, gap: Gap, answer: str) -> bool:
    """Return whether a gap begins or ends within a word."""
    before, after = _around(text, gap)
    first_letter = answer[:1]
    last_letter = answer[-1:]
    begins_within = _is_cased(before[-1:]) and _is_cased(first_letter)
    goes_on = _is_cased(last_letter) and _is_cased(after[:1])
    ends_within = goes_on and not _ENDING.match(after)
    return begins_within or ends_within


def _is_cased(sign: str) -> bool:
    """Return whether a sign is a letter of a script with capitals, and so with blanks."""
    return sign.islower() or sign.isupper()


def _is_named(text: str, gap: Gap) -> bool:
    """Return whether a word beside the gap says that it is a name: `called`, `known as`."""
    before, after = _around(text, gap)
    if _NAMING.search(before[-_NEAR:]):
        return True
    return _NAMING.match(after.lstrip(" ,")) is not None


def _given_away(
    reading: Reading, text: str, title: str, *, defines: bool
) -> Iterator[Finding]:
    """Find phrases that the card shows beside the gap, or spells out there.

    `title`: title and headings, which the card shows, too. In a definition, half of the
    words of its term are enough.
    """
    for number, hidden in reading.hidden:
        beside = [word for word in tokens(without(text, hidden)) if word not in FUNCTION]
        shown = [*beside, *(word for word in tokens(title) if word not in FUNCTION)]
        initials = "".join(word[0] for word in shown if len(word) > 1)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            if number not in gap.numbers:
                continue
            capitals = "".join(filter(str.isupper, answer)).casefold()
            is_acronym = len(capitals) > 1 and 2 * len(capitals) > len(answer)
            telling = [word for word in tokens(answer) if word not in FUNCTION]
            is_shown = all(_is_among(word, shown) for word in telling)
            repeated = [word for word in telling if _is_among(word, beside)]
            is_circular = defines and 2 * len(repeated) >= len(telling)
            is_spelt = is_acronym and capitals in initials
            if telling and (is_shown or is_circular or is_spelt):
                yield make_finding("gap_leak", f"“{answer}”")


def _is_among(word: str, others: list[str]) -> bool:
    """Return whether another form of a word is among others."""
    beginning = word[:_TELLING]
    is_long = len(beginning) == _TELLING
    return any(
        stem(other) == stem(word) or (is_long and other.startswith(beginning))
        for other in others
    )


# --- its sentence ---------------------------------------------------------------------


def _fragment(
    reading: Reading,
    text: str,
    context: Context,
    *,
    opens: bool,
    defines: bool,
) -> Iterator[Finding]:
    """Find texts that state nothing, or not without the text before them.

    `opens`: the first gap begins the text; `defines`: its definition follows.
    """
    is_named = any(_is_named(text, gap) for gap in reading.gaps)
    is_clear = defines or is_named
    has_picture = "![" in text
    whole = reading.whole
    words = tokens(whole)
    cell = _cell_around(text, reading.gaps[0])
    has_full_stop = _FULL_STOP.search(without_markup(cell)[-_NEAR:]) is not None
    is_sentence = has_full_stop or context.is_clause(cloze.words_of(cell))
    if _BREAKS_OFF.search(whole):
        yield make_finding("fragment", "the text goes on")
    elif defines and not _is_definition(text[reading.gaps[0].end :], is_sentence):
        yield make_finding(
            "fragment", "no definition, but a list or a question behind it"
        )
    elif not (has_picture or is_clear or is_sentence):
        message = "no sentence with its full stop, no `Term: definition`"
        yield make_finding("fragment", message)
    elif not has_picture and _says_little(text, opens=opens, defines=defines):
        where = "behind it" if opens else "beside it"
        yield make_finding("fragment", f"the sentence says little {where}")
    elif len(words) > _MOST_WORDS:
        yield make_finding("fragment", f"it is one of {len(words)} words")
    elif not is_clear and any(_is_long(answer) for answer in reading.answers):
        yield make_finding("fragment", "the phrase is long, and nothing names it")
    elif not defines and _POINTING.intersection(_prominent(text, reading.gaps)):
        yield make_finding("leans_back", "it points at text before it")


def _cell_around(text: str, gap: Gap) -> str:
    """Return the cell of a table in which a gap stands; a text that is no table as it is."""
    if not text.startswith("| "):
        return text
    start = text.rfind("| ", 0, gap.start) + 2
    return text[start : text.find(" |", gap.end)]


def _is_definition(text: str, is_sentence: bool) -> bool:
    """Return whether what follows a term may define it: no list, question or `This …`."""
    is_equation = text.lstrip("*_ ").startswith("=")
    has_small_word = not FUNCTION.isdisjoint(tokens(text)) or not text.isascii()
    is_question = text.rstrip().endswith(("?", "？"))
    words = _DEFINES.sub("", text, count=1).lstrip()
    return (
        (is_sentence or has_small_word or is_equation)
        and not is_question
        and not leaning_beginning(words)
    )


def _says_little(text: str, *, opens: bool, defines: bool) -> bool:
    """Return whether few content words or formulas are beside the gaps.

    A word of two letters is an abbreviation.
    """
    visible_text = without_code(text)
    without_gaps = without(visible_text, cloze.gaps(visible_text)).replace(GAP, " ")
    words = tokens(without_gaps)
    beside = [word for word in words if len(word) != 2 and word not in FUNCTION]
    if defines:
        return len(beside) < _LEAST_OF_DEFINITION
    return len(beside) < (_LEAST_BEHIND if opens else 1)


def _prominent(text: str, gaps: tuple[Gap, ...]) -> list[str]:
    """Return the first words of a text, and those before each gap.

    There, a word such as `this` points at text that the card does not show.
    """
    text = text.casefold()
    words = re.findall(r"\w+", text)[:_EARLY_WORDS]
    for gap in gaps:
        before, _ = _around(text, gap)
        words_before = re.findall(r"\w+", before[-_NEAR:])
        words += words_before[-_WORDS_BESIDE:]
    return words
