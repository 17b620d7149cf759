"""The drafter that proposes a card for every plain passage that is worth one, offline.

A passage is first judged (`worth`): most of what people mark is advice, mood or an aside.
Of the others, each sentence of the mark, completed from its source (`passage`), is judged
alone, and up to four of its terms, names and numbers (`candidates`) are proposed as gaps, best
first (`ranking`). What is proposed depends on the highlight and on static tables alone, so
that it is the same in every run and on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec.structs import replace

from ankiforge.draft.instructions import failed_on, skip_reason
from ankiforge.draft.propose.passage import Passage, passages_of
from ankiforge.draft.propose.ranking import MOST, ranked
from ankiforge.draft.propose.reasons import Reason
from ankiforge.draft.propose.whole import flaw, is_reference
from ankiforge.draft.propose.worth import Feature, Worth, worth_of
from ankiforge.errors import BugError, one_item
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of
from ankiforge.model import (
    Brief,
    CardKind,
    Draft,
    Drafted,
    Highlight,
    HighlightKey,
    HighlightKind,
    NoCard,
    Origin,
    Problem,
    Span,
    Strings,
    Task,
)
from ankiforge.text import cloze
from ankiforge.text.cloze import literal, plain
from ankiforge.text.fold import locate

__all__ = [
    "DRAFTER",
    "Feature",
    "Propose",
    "Reason",
    "Worth",
    "facts_of",
    "worth_of",
]

DRAFTER = "propose"
"""The name of the drafter."""
# Gaps that are tried for a passage, best first.
_MOST_TRIED = 8
Blocks = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text."""


class Propose:
    """The offline drafter of proposals, which always gives the same for the same highlights."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        """Take what checks a draft with one gap: a gap that is blocked is left out."""
        self._blocks = blocks

    def draft(self, tasks: Iterable[Task]) -> Iterator[Drafted]:
        """Yield one result per task, in order."""
        for task in tasks:
            yield self._drafted(task)

    def _drafted(self, task: Task) -> Drafted:
        drafts: list[Draft] = []
        no_cards: list[NoCard] = []
        failed: list[tuple[HighlightKey, str]] = []
        problems: list[Problem] = []
        for highlight in task.highlights:
            try:
                with one_item():
                    result = self._facts(highlight, task.brief)
            except BugError as error:
                failed.append((highlight.key, error.message))
                problems.append(failed_on(highlight, error))
                continue
            if isinstance(result, str):
                no_cards.append(NoCard(highlight.key, result))
            else:
                drafts += result
        return Drafted(
            task, tuple(drafts), tuple(no_cards), tuple(failed), tuple(problems)
        )

    def _facts(self, highlight: Highlight, brief: Brief) -> tuple[Draft, ...] | str:
        """Return the proposals of one highlight, best first, or why there is none."""
        reason = skip_reason(highlight)
        if reason:
            return reason
        if highlight.kind is HighlightKind.CARD:
            return Reason.FORM.value
        takes_gaps = not brief.kinds or CardKind.CLOZE in brief.kinds
        if brief.wants == "question" or not takes_gaps:
            return Reason.KINDS.value
        result = facts_of(highlight, self._blocks)
        return result.value if isinstance(result, Reason) else result


def facts_of(
    highlight: Highlight, blocks: Blocks | None = None
) -> tuple[Draft, ...] | Reason:
    """Return a draft of each sentence of a highlight that makes a card, best first.

    Or why none does. Each draft has up to four gaps. Its fact is the last sentence of its
    quote, which may begin with the one before it, on which it leans.

    Args:
        highlight: a passage.
        blocks: checks a draft with one gap; one that it blocks is left out.
    """
    if is_reference(highlight.exact):
        return Reason.TABLE
    name = language_of(highlight.exact, highlight.nearby, highlight.context)
    passages = passages_of(highlight, name)
    judged: list[tuple[Worth, Passage]] = []
    for passage in passages:
        text = "" if passage.chosen else passage.text
        judged.append((worth_of(highlight, text), passage))
    judged.sort(key=lambda pair: -pair[0].score)
    facts: list[Draft] = []
    reasons: list[Reason] = []
    for worth, passage in judged:
        if not worth.deserves:
            reasons.append(worth.reason)
            continue
        broken = Reason.CUT_OFF if passage.is_cut else None
        broken = broken or flaw(passage.text, language(name), is_note=passage.is_markdown)
        if broken is not None:
            reasons.append(broken)
            continue
        drafts = _drafts(highlight, passage, name, blocks)
        if drafts:
            texts = tuple(draft.field("Text") for draft in drafts)
            facts.append(replace(drafts[0], gaps=texts))
    if facts:
        return tuple(facts)
    return reasons[0] if reasons else Reason.NO_GAP


def _drafts(
    highlight: Highlight, passage: Passage, name: str, blocks: Blocks | None
) -> list[Draft]:
    """Return up to four drafts of one gap each that no check blocks, best first."""
    spans: Iterable[Span]
    if passage.chosen:
        spans = (passage.chosen,)
    else:
        spans = ranked(passage.text, language(name), passage.mark)
    drafts: list[Draft] = []
    for span in islice(spans, _MOST_TRIED):
        draft = _with_gap(highlight, passage, span)
        if blocks is None or not blocks(draft, highlight):
            drafts.append(draft)
        if len(drafts) == MOST:
            break
    return drafts


def _with_gap(highlight: Highlight, passage: Passage, span: Span) -> Draft:
    """Return a draft that hides one span of a passage."""
    start, end = span
    text = passage.text
    if passage.is_markdown:
        shown = cloze.wrap(text, (span,))
        answer = plain(text[start:end])
        quote = _quote(highlight, text)
    else:
        gap = cloze.make(1, literal(text[start:end]))
        shown = f"{literal(text[:start])}{gap}{literal(text[end:])}"
        answer = text[start:end]
        quote = text
    return Draft(
        highlight=highlight.key,
        kind=CardKind.CLOZE,
        fields=(("Text", shown),),
        quote=quote,
        answer=answer,
        start=passage.start,
        origin=Origin(DRAFTER),
    )


def _quote(highlight: Highlight, markdown: str) -> str:
    """Return a text of Markdown as its passage has it, where formulas keep their delimiters."""
    words = plain(markdown)
    if locate(words, highlight.exact):
        return words
    is_whole = markdown == highlight.markdown[0].strip()
    return highlight.exact if is_whole else markdown
