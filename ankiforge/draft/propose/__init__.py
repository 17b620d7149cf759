"""The drafter that proposes a card for every plain passage that is worth one, offline.

Each sentence of the mark, completed from its source (`excerpts`), is judged alone. What no
card can be made of is refused (`refused`). Of the others, up to four spans of the words are gaps,
best first (`ranking`), and a sentence is proposed if its card with the first of them is likely kept
(`features`): most of what people mark is advice, mood or an aside. What is proposed depends on the
highlight and on static tables alone, so that it is the same in every run and on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from msgspec.structs import replace

from ankiforge.draft.instructions import failed_on, skip_reason
from ankiforge.draft.propose.excerpts import Excerpt, excerpts_of
from ankiforge.draft.propose.features import (
    BEST_GAP,
    cues_of_text,
    features_of,
    features_of_text,
    is_sure,
    reason_against,
    sureness,
)
from ankiforge.draft.propose.ranking import MOST, Features, RankedSentence, ranked
from ankiforge.draft.propose.refused import (
    Reason,
    refusal_of_form,
    refusal_of_words,
    stems,
)
from ankiforge.errors import BugError, one_item
from ankiforge.language.lexicon import language, language_of
from ankiforge.language.tokens import is_verb, tokens
from ankiforge.model import (
    Card,
    CardKind,
    Drafted,
    Highlight,
    HighlightKind,
    Origin,
    Span,
    Strings,
    Task,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import literal, plain
from ankiforge.text.fold import locate

__all__ = [
    "DRAFTER",
    "Judged",
    "Reason",
    "draft_of",
    "facts_of",
    "judged",
    "propose",
    "surest",
]

DRAFTER = "propose"
"""The name of the drafter."""
# Gaps that are tried for a passage, best first.
_MOST_TRIED = 8
# How the comment of a mark says that it is a heading, as Readwise has it: `.h1`.
_HEADING_COMMENT = regex(r"\s*\.h\d\b")
# `Time to Live: a counter`: a label, of which the rest of a text is told.
_LABEL = regex(r"\A\W{0,3}(?:[^\s:]+ ){0,4}[^\s:]+(?:\s?:|\s[–—])\s")
Blocks = Callable[[Card, Highlight], Strings]
"""Returns the findings that block a draft, as text."""


def propose(task: Task, blocks: Blocks | None = None) -> list[Drafted]:
    """Return the proposals of each highlight of a task, or why it has none; always the same.

    Args:
        task: the highlights.
        blocks: checks a draft with one gap; one that it blocks is left out.
    """
    brief = task.brief
    takes_gaps = not brief.kinds or CardKind.CLOZE in brief.kinds
    results = []
    for highlight in task.highlights:
        try:
            with one_item():
                why_none = skip_reason(highlight)
                if not why_none and highlight.kind is HighlightKind.CARD:
                    why_none = Reason.FORM.value
                elif not why_none and (brief.wants == "question" or not takes_gaps):
                    why_none = Reason.KINDS.value
                if why_none:
                    results.append(Drafted(highlight, reason=why_none))
                else:
                    results.append(facts_of(highlight, blocks))
        except BugError as error:
            results.append(failed_on(highlight, error))
    return results


def facts_of(
    highlight: Highlight, blocks: Blocks | None = None, *, unsure: bool = False
) -> Drafted:
    """Return a draft of each sentence of a highlight that is surely worth a card, the surest first.

    Or why there is none. Each draft has up to four gaps. With `unsure`, of every judged sentence.
    """
    facts = []
    reason: Reason | None = None
    worth = 0.0
    for result in judged(highlight):
        if isinstance(result, Reason):
            refused = result
        elif unsure or is_sure(sureness(result.features, BEST_GAP)):
            draft = draft_of(highlight, result, blocks, unsure=unsure)
            if draft is None:
                continue
            worth = max(worth, draft.sureness)
            if unsure or is_sure(draft.sureness):
                facts.append(draft)
                continue
            refused = Reason.UNSURE
        else:
            refused = reason_against(result.features)
            worth = max(worth, result.sureness)
        reason = reason or refused
    if not facts:
        return Drafted(highlight, reason=(reason or Reason.UNSURE).value, worth=worth)
    facts.sort(key=lambda fact: -fact.sureness)
    return Drafted(highlight, tuple(facts), worth=worth)


class Judged(Value):
    """A sentence of which a card can be made, and how likely it is kept."""

    excerpt: Excerpt
    language: str
    features: Features
    sureness: float
    """With a middling gap."""


def surest(highlight: Highlight) -> Judged | None:
    """Return the sentence of a highlight that is likeliest kept as a card, or None."""
    found = [each for each in judged(highlight) if isinstance(each, Judged)]
    return max(found, key=lambda each: each.sureness, default=None)


def judged(highlight: Highlight) -> Iterator[Judged | Reason]:
    """Yield each sentence of a highlight as it is judged, or why it makes no card."""
    if _HEADING_COMMENT.match(highlight.comment):
        yield Reason.HEADING
        return
    name = language_of(highlight.exact, highlight.nearby, highlight.context)
    tables = language(name)
    excerpts = excerpts_of(highlight, name)
    words_of = [tokens(excerpt.text, tables) for excerpt in excerpts]
    is_part = len(excerpts) > 1
    of_passage: Features | None = None
    for excerpt, words in zip(excerpts, words_of, strict=True):
        text = excerpt.text
        is_note = excerpt.is_markdown
        if excerpt.is_cut:
            yield Reason.CUT_OFF
            continue
        reason = refusal_of_form(text, words, tables, is_note=is_note)
        if reason is not None:
            yield reason
            continue
        cues = cues_of_text(words, tables)
        reason = refusal_of_words(text, cues, is_note=is_note)
        if reason is not None:
            yield reason
            continue
        of_sentence = features_of_text(text, words, tables, cues)
        if of_passage is None and is_part:
            of_passage = features_of_text(
                " ".join(each.text for each in excerpts),
                [word for words in words_of for word in words],
                tables,
            )
        features = features_of(
            of_sentence, of_passage or of_sentence, words, language=name, is_part=is_part
        )
        yield Judged(excerpt, name, features, sureness(features))


def draft_of(
    highlight: Highlight,
    sentence: Judged,
    blocks: Blocks | None = None,
    *,
    unsure: bool = True,
) -> Card | None:
    """Return the draft of a sentence with up to four gaps that no check blocks, best first.

    None if nothing in it can be hidden. Without `unsure`, a draft that the limit leaves out has
    only its first gap, and no check has seen it.
    """
    excerpt = sentence.excerpt
    tables = language(sentence.language)
    shown = f"{highlight.document.title} {highlight.heading}"
    stems_shown = stems(token.folded for token in tokens(shown, tables))
    if excerpt.chosen:
        gaps = [(excerpt.chosen, BEST_GAP)]
    else:
        shape = RankedSentence(excerpt.text, tables, excerpt.mark, stems_shown)
        gaps = [*islice(ranked(shape), _MOST_TRIED)]
        label = _LABEL.match(excerpt.text)
        if label and not any(is_verb(word, tables) for word in tokens(label[0], tables)):
            # the label is asked for first, or nothing
            gaps.sort(key=lambda gap: gap[0][1] > label.end())
            if not gaps or gaps[0][0][1] > label.end():
                return None
    if gaps and not (unsure or is_sure(sureness(sentence.features, gaps[0][1]))):
        gaps = gaps[:1]
        blocks = None
    drafts: list[Card] = []
    for span, score in gaps:
        draft = _with_gap(highlight, excerpt, span)
        if blocks is None or not blocks(draft, highlight):
            sure = sureness(sentence.features, score)
            drafts.append(replace(draft, sureness=sure))
        if len(drafts) == MOST:
            break
    if not drafts:
        return None
    return replace(drafts[0], gaps=tuple(draft.field("Text") for draft in drafts))


def _with_gap(highlight: Highlight, excerpt: Excerpt, span: Span) -> Card:
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
    return Card(
        key=highlight.key,
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
    return highlight.exact if markdown == highlight.markdown[0].strip() else markdown
