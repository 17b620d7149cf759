"""The drafter that proposes a card for every plain passage that is worth one, offline.

Each sentence of the mark, completed from its source (`excerpts`), is judged alone. What no
card can be made of is refused (`refused`, `whole`). Of the others, a sentence is proposed if its
card is likely kept (`sureness`): most of what people mark is advice, mood or an aside. Up to
four spans of its words are gaps, best first (`ranking`). What is proposed depends on the
highlight and on static tables alone, so that it is the same in every run and on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from msgspec.structs import replace

from ankiforge.draft.instructions import failed_on, skip_reason
from ankiforge.draft.propose.excerpts import Excerpt, excerpts_of
from ankiforge.draft.propose.features import (
    Feature,
    decisive,
    features_of,
    features_of_text,
    reason_against,
    sureness,
    weights,
    word_weights,
)
from ankiforge.draft.propose.ranking import MOST, Features, RankedSentence, ranked
from ankiforge.draft.propose.refused import Reason, flaw, is_reference, refusal, stems
from ankiforge.errors import BugError, one_item
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of
from ankiforge.language.tokens import Kind, tokens
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
    "Feature",
    "Judged",
    "Reason",
    "decisive",
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
# The share of the sureness that is enough for code, formulas and languages of which hardly any
# sentence was learned from: nothing is known of their words, so they look less sure than they are.
_OF_RARE = 0.4
Blocks = Callable[[Card, Highlight], Strings]
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
                found: tuple[Card, ...] | Reason | str = skip_reason(highlight)
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
) -> tuple[Card, ...] | Reason:
    """Return a draft of each sentence of a highlight that makes a card, the surest first.

    Or why none does. Each draft has up to four gaps. Its fact is the last sentence of its
    quote, which may begin with the one before it, on which it leans.

    Args:
        highlight: a passage.
        blocks: checks a draft with one gap; one that it blocks is left out.
    """
    facts = []
    reason = Reason.NO_GAP
    for result in judged(highlight):
        if isinstance(result, Reason):
            refused = result
        elif not result.is_offered:
            refused = reason_against(result.features)
        else:
            draft = draft_of(highlight, result, blocks)
            if draft is not None:
                facts.append(draft)
            continue
        reason = refused if reason is Reason.NO_GAP else reason
    return tuple(sorted(facts, key=lambda fact: -fact.sureness)) or reason


class Judged(Value):
    """A sentence of which a card can be made, and how likely it is kept."""

    excerpt: Excerpt
    language: str
    features: Features
    sureness: float
    enough: float
    """The sureness from which it is proposed, from 0 to 1; 0 if the reader chose its words."""

    @property
    def is_offered(self) -> bool:
        """Whether it is proposed."""
        return self.sureness >= self.enough


def surest(highlight: Highlight) -> Judged | None:
    """Return the sentence of a highlight that is likeliest kept as a card, or None."""
    found = [each for each in judged(highlight) if isinstance(each, Judged)]
    return max(found, key=lambda each: each.sureness, default=None)


def judged(highlight: Highlight) -> Iterator[Judged | Reason]:
    """Yield each sentence of a highlight as it is judged, or why it makes no card."""
    if is_reference(highlight.exact):
        yield Reason.TABLE
        return
    if _HEADING_COMMENT.match(highlight.comment):
        yield Reason.HEADING
        return
    name = language_of(highlight.exact, highlight.nearby, highlight.context)
    tables = language(name)
    excerpts = excerpts_of(highlight, name)
    words_of = [tokens(excerpt.text, tables) for excerpt in excerpts]
    of_passage = features_of_text(
        " ".join(excerpt.text for excerpt in excerpts),
        [word for words in words_of for word in words],
        tables,
    )
    for excerpt, words in zip(excerpts, words_of, strict=True):
        text = excerpt.text
        reason = Reason.CUT_OFF if excerpt.is_cut else None
        reason = reason or refusal(text, words, tables, is_note=excerpt.is_markdown)
        reason = reason or flaw(text, tables, is_note=excerpt.is_markdown)
        if reason is not None:
            yield reason
            continue
        features = features_of(
            features_of_text(text, words, tables),
            of_passage,
            words,
            language=name,
            is_part=len(excerpts) > 1,
        )
        enough = 0.0 if excerpt.chosen else weights()["threshold"]
        has_code = any(token.kind in (Kind.SHIELD, Kind.UNSAFE) for token in words)
        if has_code or name not in word_weights():
            enough *= _OF_RARE
        yield Judged(excerpt, name, features, sureness(features), enough)


def draft_of(
    highlight: Highlight, sentence: Judged, blocks: Blocks | None = None
) -> Card | None:
    """Return the draft of a sentence with up to four gaps that no check blocks, best first.

    None if nothing in it can be hidden.
    """
    excerpt = sentence.excerpt
    tables = language(sentence.language)
    shown = f"{highlight.document.title} {highlight.heading}"
    stems_shown = stems(token.folded for token in tokens(shown, tables))
    gaps = (
        iter((excerpt.chosen,))
        if excerpt.chosen
        else ranked(RankedSentence(excerpt.text, tables, excerpt.mark, stems_shown))
    )
    drafts: list[Card] = []
    for span in islice(gaps, _MOST_TRIED):
        draft = _with_gap(highlight, excerpt, span)
        if blocks is None or not blocks(draft, highlight):
            drafts.append(draft)
        if len(drafts) == MOST:
            break
    if not drafts:
        return None
    texts = tuple(draft.field("Text") for draft in drafts)
    return replace(drafts[0], gaps=texts, sureness=sentence.sureness)


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
    is_whole = markdown == highlight.markdown[0].strip()
    return highlight.exact if is_whole else markdown
