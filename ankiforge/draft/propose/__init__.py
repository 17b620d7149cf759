"""The drafter that proposes a card for every plain passage that is worth one, offline.

Each sentence of the mark, completed from its source (`excerpts`), is judged alone. What no
card can be made of is refused (`refused`). Of the others, up to four spans of the words are gaps,
best first (`ranking`), and a sentence is proposed if its card with the first of them is likely kept
(`features`): most of what people mark is advice, mood or an aside.

A run only judges (`judge`): the number that it keeps of a passage orders what people see. The card
itself is made where it is shown (`proposals`), and never stored. It depends on the highlight and on
static tables alone, so that it is the same on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from msgspec.structs import replace

from ankiforge.draft.propose.excerpts import Excerpt, excerpts_of
from ankiforge.draft.propose.features import (
    BEST_GAP,
    cues_of_text,
    features_of,
    floor_of,
    reason_against,
    stems_shown,
    sureness,
    sureness_of_text,
)
from ankiforge.draft.propose.ranking import MOST, Features, RankedSentence, ranked
from ankiforge.draft.propose.refused import (
    Reason,
    refusal_of_form,
    refusal_of_words,
)
from ankiforge.language.detection import language_of
from ankiforge.language.lexicon import language
from ankiforge.language.tokens import is_verb, tokens
from ankiforge.language.vocabulary import term_of
from ankiforge.model import (
    FLOOR,
    CardKind,
    Draft,
    Drafted,
    Highlight,
    Origin,
    Span,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import literal, plain
from ankiforge.text.fold import UNSPACED, locate

__all__ = [
    "DRAFTER",
    "Judged",
    "Reason",
    "draft_of",
    "judge",
    "judged",
    "proposals",
]

DRAFTER = "propose"
"""The name of the drafter."""
# Gaps that are tried for a passage, best first.
_MOST_TRIED = 8
# How the comment of a mark says that it is a heading, as Readwise has it: `.h1`.
_HEADING_COMMENT = regex(r"\s*\.h\d\b")
_ONE_WORD = regex(rf"[^\W\d_{UNSPACED}]+")
# `Time to Live: a counter`: a label, of which the rest of a text is told.
_LABEL = regex(r"\A\W{0,3}(?:[^\s:]+ ){0,4}[^\s:]+(?:\s?:|\s[–—])\s")
Blocks = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text."""


def judge(highlight: Highlight) -> Drafted:
    """Return the worth of a highlight and of its sentences: how likely a card of it is kept.

    That of a highlight is the one of its best sentence. It is scaled so that the floor of each
    language is `FLOOR`. No gap is looked for, so that a run can afford it; `proposals` makes the
    cards.
    """
    surest, refused = _parted(highlight)
    if not surest:
        worth = sureness_of_text(highlight, highlight.exact) - 1.0
        return Drafted(highlight, reason=refused[0].value, worth=worth)
    best = surest[0]
    reason = Reason.PROPOSED
    if best.sureness < best.floor:
        reason = reason_against(best.features)
    worths = []
    for sentence in surest:
        quote = _quote_of(highlight, sentence.excerpt)
        worths.append((quote, sentence.sureness * FLOOR / sentence.floor))
    worth = worths[0][1]
    return Drafted(highlight, reason=reason.value, worth=worth, worths=tuple(worths))


def proposals(highlight: Highlight, blocks: Blocks | None = None) -> Drafted:
    """Return a draft of each sentence of a highlight that reaches the floor, the surest first.

    Or why there is none. Each draft has up to four gaps.

    Args:
        highlight: the highlight.
        blocks: checks a draft with one gap; one that it blocks is left out.
    """
    surest, refused = _parted(highlight)
    drafts = []
    reasons = []
    for sentence in surest:
        made = draft_of(highlight, sentence, blocks, least=sentence.floor)
        if isinstance(made, Draft):
            drafts.append(made)
        else:
            reasons.append(made)
    if not drafts:
        reason, *_ = (*reasons, *refused)
        return Drafted(highlight, reason=reason.value)
    drafts.sort(key=lambda draft: -draft.sureness)
    return Drafted(highlight, tuple(drafts))


def _parted(highlight: Highlight) -> tuple[list[Judged], list[Reason]]:
    """Return the judged sentences of a highlight, the surest first, and why others are none."""
    surest = []
    refused = []
    for result in judged(highlight):
        if isinstance(result, Judged):
            surest.append(result)
        else:
            refused.append(result)
    if not surest and not refused:
        refused.append(Reason.NO_WORDS)
    surest.sort(key=lambda sentence: -sentence.sureness)
    return surest, refused


class Judged(Value):
    """A sentence of which a card can be made, and how likely it is kept."""

    excerpt: Excerpt
    language: str
    features: Features
    sureness: float
    """With a middling gap."""
    floor: float
    """The least sureness of a card that is proposed."""


def judged(highlight: Highlight) -> Iterator[Judged | Reason]:
    """Yield each sentence of a highlight as it is judged, or why it makes no card."""
    if _HEADING_COMMENT.match(highlight.comment):
        yield Reason.HEADING
        return
    term = "" if highlight.sentence else term_of(highlight)
    if _ONE_WORD.fullmatch(term):  # also with a full stop
        yield Reason.WORD
        return
    name = language_of(highlight.exact, highlight.nearby, highlight.context)
    tables = language(name)
    shown = stems_shown(highlight, tables)
    floor = floor_of(name)
    for excerpt in excerpts_of(highlight, name):
        text = excerpt.text
        words = tokens(text, tables)
        is_note = excerpt.is_markdown
        if excerpt.is_cut:
            yield Reason.WORD if term else Reason.CUT_OFF
            continue
        reason = refusal_of_form(text, words, tables, is_note=is_note)
        if reason is not None:
            yield Reason.WORD if term and reason is Reason.CUT_OFF else reason
            continue
        cues = cues_of_text(words, tables)
        reason = refusal_of_words(text, cues)
        if reason is not None:
            yield reason
            continue
        features = features_of(text, words, tables, cues, shown)
        yield Judged(excerpt, name, features, sureness(features), floor)


def draft_of(
    highlight: Highlight,
    sentence: Judged,
    blocks: Blocks | None = None,
    *,
    least: float = 0.0,
) -> Draft | Reason:
    """Return the draft of a sentence with up to four gaps that no check blocks, best first.

    Or why there is none: nothing in it can be hidden, or it is less sure than `least`.
    """
    excerpt = sentence.excerpt
    tables = language(sentence.language)
    if excerpt.chosen:
        gaps = [(excerpt.chosen, BEST_GAP)]
    else:
        shape = RankedSentence(
            excerpt.text, tables, excerpt.mark, stems_shown(highlight, tables)
        )
        gaps = [*islice(ranked(shape), _MOST_TRIED)]
        label = _LABEL.match(excerpt.text)
        if label and not any(is_verb(word, tables) for word in tokens(label[0], tables)):
            # the label is asked for first, or nothing
            gaps.sort(key=lambda gap: gap[0][1] > label.end())
            if not gaps or gaps[0][0][1] > label.end():
                return Reason.NO_GAP
    drafts: list[Draft] = []
    for span, score in gaps:
        sure = sureness(sentence.features, score)
        if not drafts and sure < least:
            return reason_against(sentence.features)
        draft = _with_gap(highlight, excerpt, span)
        if blocks is None or not blocks(draft, highlight):
            drafts.append(replace(draft, sureness=sure))
        if len(drafts) == MOST:
            break
    if not drafts:
        return Reason.NO_GAP
    return replace(drafts[0], gaps=tuple(draft.field("Text") for draft in drafts))


def _with_gap(highlight: Highlight, excerpt: Excerpt, span: Span) -> Draft:
    """Return a draft that hides one span of an excerpt."""
    start, end = span
    text = excerpt.text
    if excerpt.is_markdown:
        shown = cloze.wrap(text, (span,))
        answer = plain(text[start:end])
    else:
        gap = cloze.make(1, literal(text[start:end]))
        shown = f"{literal(text[:start])}{gap}{literal(text[end:])}"
        answer = text[start:end]
    return Draft(
        key=highlight.key,
        kind=CardKind.CLOZE,
        fields=(("Text", shown),),
        quote=_quote_of(highlight, excerpt),
        answer=answer,
        start=excerpt.start,
        origin=Origin(DRAFTER),
    )


def _quote_of(highlight: Highlight, excerpt: Excerpt) -> str:
    """Return the text of an excerpt as its passage has it, where formulas keep their delimiters."""
    markdown = excerpt.quote or excerpt.text
    if not excerpt.is_markdown:
        return markdown
    words = plain(markdown)
    if locate(words, highlight.exact):
        return words
    return highlight.exact if markdown == highlight.markdown[0].strip() else markdown
