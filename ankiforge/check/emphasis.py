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
    DEFINES,
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
from ankiforge.model import Card, Family, Finding
from ankiforge.text import cloze, regex

_SMALL_WORDS = STOP_WORDS | NEGATIONS
# Words that say nothing at the beginning: `Note`.
_MEANINGLESS = listed("signs", "label") | _SMALL_WORDS
_POINTING = listed("signs", "pointing")
_NAMING = regex(rf"(?i)(?<!\w)(?:{alternatives('signs', 'naming')})(?!\w)")
# Characters before a mark, and before the end, that are searched.
_NEAR = 40
_WORDS_ONLY = regex(r"[^\W\d_]{2,}(?:[\s'’/:-]+[^\W\d_]{2,})*[\s:]*")
_FULL_STOP = regex(r"[.!…。！۔।॥։።](?:\s*\([^()]*\))?[\W_]*\Z")
# Words of a text that are its beginning.
_EARLY_WORDS = 4
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
def emphasis(draft: Card, context: Context) -> Iterator[Finding]:
    """Find phrases that are marked for emphasis rather than to be recalled.

    A mark passes in a whole sentence that stands alone, if it is a term with its
    definition, and beside a word that names it.
    """
    is_cloze = draft.kind.family is Family.CLOZE
    if not is_cloze or not marked(draft, context.highlight):
        return
    reading = read(draft)
    if not reading.gaps:
        return
    text = draft.field("Text")
    has_picture = "![" in text
    first_gap = reading.gaps[0]

    # a definition behind it, or a word such as `called` beside it, tells what is asked for
    opens = not tokens(text[: first_gap.start])
    defines = opens and DEFINES.match(text, first_gap.end) is not None
    is_clear = defines
    for gap in reading.gaps:
        before = text[: gap.start].rstrip("*_")
        behind = text[gap.end :].lstrip("*_ ,")
        is_named = _NAMING.search(before[-_NEAR:]) or _NAMING.match(behind)
        is_clear = is_clear or is_named is not None

    # the phrase: a mere `not`, a label of what follows, one of several, or shown beside the gap
    words_of_text = cloze.words_of(text)
    for answer in reading.answers:
        quoted = f"“{answer}”"
        words = {word for word in tokens(answer) if not word.isdecimal()}
        is_label = words <= _MEANINGLESS or context.leads_elsewhere(answer)
        if words <= _SMALL_WORDS and _WORDS_ONLY.fullmatch(answer):
            yield make_finding("gap_stopword", quoted)
        elif opens and is_label:
            yield make_finding("label", quoted)
        elif not is_clear and not context.is_term(words_of_text, answer):
            yield make_finding("vague", quoted)
    for answer in _given_away(reading, text, naming(context.highlight), defines):
        yield make_finding("gap_leak", f"“{answer}”")

    # whether it is in a sentence; in a table, that is its cell
    cell = text
    if text.startswith("| "):
        start = text.rfind("| ", 0, first_gap.start) + 2
        end = text.find(" |", first_gap.end)
        cell = text[start:end]
    end_of_cell = without_markup(cell)[-_NEAR:]
    has_full_stop = _FULL_STOP.search(end_of_cell) is not None
    is_sentence = has_full_stop or context.is_clause(cloze.words_of(cell))

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
        to_recall = [word for word in answer.split() if word.casefold() not in FUNCTION]
        longest = max(longest, len(to_recall))

    word_count = len(tokens(reading.whole))
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
        # a word such as `this` at the beginning points at text that is not shown
        first_words = re.findall(r"\w+", text.casefold())[:_EARLY_WORDS]
        if not _POINTING.isdisjoint(first_words):
            yield make_finding("leans_back", "it points at text before it")


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
