"""The drafter that proposes a card for every plain passage that is worth one, offline.

A passage is first judged (`worth`): most of what people mark is advice, mood or an aside.
Of the others, each sentence of the mark, completed from its source (`excerpts`), is judged
alone, and up to four spans of its words are proposed as gaps, best first (`ranking`). What is
proposed depends on the highlight and on static tables alone, so that it is the same in every
run and on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec.structs import replace

from ankiforge.draft.instructions import failed_on, skip_reason
from ankiforge.draft.propose.excerpts import Excerpt, excerpts_of
from ankiforge.draft.propose.ranking import MOST, Features, Sentence, ranked
from ankiforge.draft.propose.reasons import Reason
from ankiforge.draft.propose.refused import refusal, stems
from ankiforge.draft.propose.sureness import features_of, sureness, weights, word_weights
from ankiforge.draft.propose.whole import flaw, is_reference
from ankiforge.draft.propose.worth import Feature, Worth, features_of_text, worth_of
from ankiforge.errors import BugError, one_item
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of
from ankiforge.language.tokens import Kind, tokens
from ankiforge.model import (
    CardKind,
    Draft,
    Drafted,
    Highlight,
    HighlightKind,
    Origin,
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
    "Reason",
    "Worth",
    "facts_of",
    "judged",
    "propose",
    "worth_of",
]

DRAFTER = "propose"
"""The name of the drafter."""
# Gaps that are tried for a passage, best first.
_MOST_TRIED = 8
# The score of a gap that the reader chose.
_CHOSEN = 3.0
Blocks = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text."""


def propose(task: Task, blocks: Blocks | None = None) -> list[Drafted]:
    """Return the proposals of each highlight of a task, or why it has none; always the same.

    `blocks` checks a draft with one gap: a gap that is blocked is left out.
    """
    brief = task.brief
    takes_gaps = not brief.kinds or CardKind.CLOZE in brief.kinds
    results = []
    for highlight in task.highlights:
        try:
            with one_item():
                found: tuple[Draft, ...] | Reason | str = skip_reason(highlight)
                if not found and highlight.kind is HighlightKind.CARD:
                    found = Reason.FORM
                elif not found and (brief.wants == "question" or not takes_gaps):
                    found = Reason.KINDS
                elif not found:
                    found = facts_of(highlight, blocks)
        except BugError as error:
            results.append(failed_on(highlight, error))
            continue
        if isinstance(found, Reason):
            found = found.value
        if isinstance(found, str):
            results.append(Drafted(highlight, reason=found))
        else:
            results.append(Drafted(highlight, found))
    return results


def facts_of(
    highlight: Highlight, blocks: Blocks | None = None
) -> tuple[Draft, ...] | Reason:
    """Return a draft of each sentence of a highlight that makes a card, the surest first.

    Or why none does. Each draft has up to four gaps. Its fact is the last sentence of its
    quote, which may begin with the one before it, on which it leans.

    Args:
        highlight: a passage.
        blocks: checks a draft with one gap; one that it blocks is left out.
    """
    facts = []
    reason = Reason.NO_GAP
    for result in judged(highlight, blocks):
        if isinstance(result, Reason):
            reason = result if reason is Reason.NO_GAP else reason
            continue
        draft, features = result
        sure = sureness(features)
        if "unjudged" in features or sure >= weights()["threshold"]:
            facts.append(replace(draft, sureness=sure))
        else:
            reason = Reason.SAYS_LITTLE
    return tuple(sorted(facts, key=lambda fact: -fact.sureness)) or reason


def judged(
    highlight: Highlight, blocks: Blocks | None
) -> Iterator[tuple[Draft, Features] | Reason]:
    """Yield for each sentence its draft with the features of its sureness, or a refusal."""
    if is_reference(highlight.exact):
        yield Reason.TABLE
        return
    name = language_of(highlight.exact, highlight.nearby, highlight.context)
    tables = language(name)
    shown = f"{highlight.document.title} {highlight.heading}"
    stems_shown = stems(token.folded for token in tokens(shown, tables))
    excerpts = excerpts_of(highlight, name)
    for excerpt in excerpts:
        text = excerpt.text
        words = tokens(text, tables)
        worth = worth_of(highlight, "" if excerpt.chosen else text)
        reason = None if worth.deserves else worth.reason
        reason = reason or (Reason.CUT_OFF if excerpt.is_cut else None)
        reason = reason or refusal(text, words, tables, is_note=excerpt.is_markdown)
        reason = reason or flaw(text, tables, is_note=excerpt.is_markdown)
        if reason is not None:
            yield reason
            continue

        # up to four gaps that no check blocks, best first
        gaps: Iterable[tuple[Span, float]] = (
            ((excerpt.chosen, _CHOSEN),) if excerpt.chosen else ()
        )
        sentence = Sentence(text, tables, excerpt.mark, stems_shown)
        drafts: list[Draft] = []
        scores: list[float] = []
        for span, score in islice(gaps or ranked(sentence), _MOST_TRIED):
            draft = _with_gap(highlight, excerpt, span)
            if blocks is None or not blocks(draft, highlight):
                drafts.append(draft)
                scores.append(score)
            if len(drafts) == MOST:
                break
        if not drafts:
            continue
        if excerpt.chosen or name == "cjk":
            scores = scores[:1] * MOST  # there is no choice of several
        features = features_of(
            features_of_text(highlight, "" if excerpt.chosen else text),
            features_of_text(highlight),
            words,
            scores,
            language=name,
            is_part=len(excerpts) > 1,
        )
        has_code = any(token.kind in (Kind.SHIELD, Kind.UNSAFE) for token in words)
        if excerpt.chosen or has_code or name not in word_weights():
            # no sentence like it was among those that sureness was learned from
            features["unjudged"] = 1.0
        texts = tuple(draft.field("Text") for draft in drafts)
        yield replace(drafts[0], gaps=texts), features


def _with_gap(highlight: Highlight, excerpt: Excerpt, span: Span) -> Draft:
    """Return a draft that hides one span of an excerpt."""
    start, end = span
    text = excerpt.text
    if excerpt.is_markdown:
        shown = cloze.wrap(text, (span,))
        answer = plain(text[start:end])
        quote = _quote(highlight, excerpt.quote or text)
    else:
        gap = cloze.make(1, literal(text[start:end]))
        shown = f"{literal(text[:start])}{gap}{literal(text[end:])}"
        answer = text[start:end]
        quote = excerpt.quote or text
    return Draft(
        highlight=highlight.key,
        kind=CardKind.CLOZE,
        fields=(("Text", shown),),
        quote=quote,
        answer=answer,
        start=excerpt.start,
        origin=Origin(DRAFTER),
    )


def _quote(highlight: Highlight, markdown: str) -> str:
    """Return a text of Markdown as its passage has it, where formulas keep their delimiters."""
    words = plain(markdown)
    if locate(words, highlight.exact):
        return words
    is_whole = markdown == highlight.markdown[0].strip()
    return highlight.exact if is_whole else markdown
