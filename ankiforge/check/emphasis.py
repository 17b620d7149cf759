"""Marks of a reader: emphasis, or to be recalled?

Most people mark what is important, so most marks make no card that is kept as it is. Policy
accepts one at once only if it hides a phrase of a sentence that stands alone. The others wait,
with all their gaps. Word lists are in `language/data/signs.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import (
    GAP,
    PlainDraft,
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

_SMALL_OR_NEGATIVE = STOP_WORDS | NEGATIONS
# Words that say nothing at the beginning: `Note`.
_MEANINGLESS = listed("signs", "label") | _SMALL_OR_NEGATIVE
_COPULAS = listed("signs", "copula")
_POINTING = listed("signs", "pointing")
_NAMING = regex(rf"(?i)(?<!\w)(?:{alternatives('signs', 'naming')})(?!\w)")
# What is between a term and its definition.
_DEFINES = regex(r"[*_]*\s*(?:\([^()]*\)\s*)?(?:[:：=]|->|(?:-{1,3}|[–—→⟶⇒])\s)")
# Characters around a mark, and before the end, that are searched.
_NEAR = 40
_FULL_STOP = regex(r"[.!…。！۔।॥։።](?:\s*\([^()]*\))?[\W_]*\Z")
_WORDS_ONLY = regex(r"[^\W\d_]{2,}(?:[\s'’/:-]+[^\W\d_]{2,})*[\s:]*")
# What goes on with a word: more than an ending that is not hidden.
_LETTERS = regex(r"[a-z]{3}")
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
    if not reading.gaps:
        return
    text = draft.field("Text")
    words_of_text = cloze.words_of(text)
    has_picture = "![" in text
    first = reading.gaps[0]
    opens = not tokens(text[: first.start])
    is_defined = _DEFINES.match(text, first.end) is not None
    defines = opens and is_defined
    # a word beside a gap may say that it is a name: `called`, `known as`
    is_clear = defines
    for gap in reading.gaps:
        before, after = _around(text, gap)
        is_named_before = _NAMING.search(before[-_NEAR:]) is not None
        is_named_behind = _NAMING.match(after.lstrip(" ,")) is not None
        is_clear = is_clear or is_named_before or is_named_behind

    # the phrase
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        before, after = _around(text, gap)
        begins_within = before[-1:].islower() and answer[:1].isalpha()
        goes_on = _LETTERS.match(after) is not None
        ends_within = answer[-1:].isalpha() and goes_on
        if begins_within or ends_within:
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")
        answer_words = tokens(answer)
        is_small = _SMALL_OR_NEGATIVE.issuperset(answer_words)
        # a mere label at the beginning: `Note`, `It is safe`
        words = {word for word in answer_words if not word.isdecimal()}
        is_claim = len(words) > 1 and not words.isdisjoint(_COPULAS)
        is_label = is_claim or words <= _MEANINGLESS
        quoted = f"“{answer}”"
        if is_small and _WORDS_ONLY.fullmatch(answer):
            yield make_finding("gap_stopword", quoted)
        elif opens and (is_label or context.leads_elsewhere(answer)):
            yield make_finding("label", quoted)
        elif not is_clear and not context.is_term(words_of_text, answer):
            yield make_finding("vague", quoted)
    for answer in _given_away(reading, text, naming(context.highlight), defines):
        yield make_finding("gap_leak", f"“{answer}”")

    # its sentence, or its cell of a table
    cell = text
    if text.startswith("| "):
        start = text.rfind("| ", 0, first.start) + 2
        end = text.find(" |", first.end)
        cell = text[start:end]
    end_of_cell = without_markup(cell)[-_NEAR:]
    has_full_stop = _FULL_STOP.search(end_of_cell) is not None
    is_sentence = has_full_stop or context.is_clause(cloze.words_of(cell))
    word_count = len(tokens(reading.whole))

    # the content words and formulas beside the gaps; a word of two letters is an abbreviation
    visible_text = without_code(text)
    visible_gaps = cloze.gaps(visible_text)
    without_gaps = without(visible_text, visible_gaps).replace(GAP, " ")
    beside = [word for word in _telling(without_gaps) if len(word) != 2]
    least = 1
    if defines:
        least = _LEAST_OF_DEFINITION
    elif opens:
        least = _LEAST_BEHIND

    # few recall a long phrase word for word; small words are not counted
    longest = 0
    for answer in reading.answers:
        recalled = [word for word in answer.split() if word.casefold() not in FUNCTION]
        longest = max(longest, len(recalled))

    fault = ""
    if not (has_picture or is_clear or is_sentence):
        fault = "no sentence with its full stop, no `Term: definition`"
    elif not has_picture and len(beside) < least:
        where = "behind" if opens else "beside"
        fault = f"the sentence says little {where} it"
    elif word_count > _MOST_WORDS:
        fault = f"it is one of {word_count} words"
    elif not is_clear and longest > _MOST_TO_RECALL:
        fault = "the phrase is long, and nothing names it"
    if fault:
        yield make_finding("fragment", fault)
    elif not defines:
        # a word such as `this` at the beginning or before a gap points at text that is not shown
        folded = text.casefold()
        prominent = re.findall(r"\w+", folded)[:_EARLY_WORDS]
        for gap in reading.gaps:
            before, _ = _around(folded, gap)
            nearby = re.findall(r"\w+", before[-_NEAR:])
            prominent += nearby[-_WORDS_BESIDE:]
        if not _POINTING.isdisjoint(prominent):
            yield make_finding("leans_back", "it points at text before it")


def _around(text: str, gap: Gap) -> tuple[str, str]:
    """Return the text before and after a gap, without the signs of emphasis at it."""
    before = text[: gap.start]
    after = text[gap.end :]
    return before.rstrip("*_"), after.lstrip("*_")


def _given_away(
    reading: PlainDraft, text: str, title: str, defines: bool
) -> Iterator[str]:
    """Yield phrases that the card shows beside the gap, or spells out there.

    Title and headings are shown, too. In a definition, half of the words of its term are
    enough.
    """
    for number, hidden in reading.hidden:
        beside = _telling(without(text, hidden))
        shown = [*beside, *_telling(title)]
        initials = "".join(word[0] for word in shown if len(word) > 1)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            words = _telling(answer)
            if number not in gap.numbers or not words:
                continue
            capitals = "".join(filter(str.isupper, answer))
            is_acronym = len(capitals) > 1 and 2 * len(capitals) > len(answer)
            is_spelt = is_acronym and capitals.casefold() in initials
            is_shown = all(_is_among(word, shown) for word in words)
            repeated = [word for word in words if _is_among(word, beside)]
            is_circular = defines and 2 * len(repeated) >= len(words)
            if is_shown or is_circular or is_spelt:
                yield answer


def _telling(text: str) -> list[str]:
    """Return the words of a text that are no function words."""
    return [word for word in tokens(text) if word not in FUNCTION]


def _is_among(word: str, others: list[str]) -> bool:
    """Return whether another form of a word is among others."""
    beginning = word[:_TELLING]
    for other in others:
        is_alike = len(beginning) == _TELLING and other.startswith(beginning)
        if is_alike or stem(other) == stem(word):
            return True
    return False
