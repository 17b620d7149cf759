"""Build drafts from the cards in a reply, each with the text of the source that supports it.

A card whose quote isn't in the source becomes a draft that a check blocks.

If a card has no quote, as with small models, the sentences with the answer are used as
evidence. The answer alone isn't enough, because it may still be found after the rest of its
sentence has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter

from msgspec.structs import replace

from ankiforge.draft.prompt import ReplyShape, compute_max_card_count
from ankiforge.draft.reply_cards import (
    ClozeCard,
    DeclinedCard,
    DraftedCard,
    ReplyCard,
    TwoSidedCard,
)
from ankiforge.draft.rules import format_word_front
from ankiforge.model import (
    LOOKED_UP_WORD,
    CardKind,
    Draft,
    DraftingResult,
    DraftingStatus,
    Highlight,
    Origin,
    SourceKind,
    Span,
    Strings,
    Value,
)
from ankiforge.text.citations import is_only_citation, remove_citations
from ankiforge.text.located import find_quote, find_whole_words
from ankiforge.text.sentences import find_sentence_around

_PUNCTUATION = " .,;:!?"


def list_evidence_texts(highlight: Highlight) -> Strings:
    """Return the texts that may support a card: the highlight, then the text around it."""
    surrounding_text = highlight.prefix + highlight.exact + highlight.suffix
    return (
        highlight.exact,
        highlight.sentence,
        highlight.surrounding_text,
        surrounding_text,
    )


class Evidence(Value):
    """The text of the source that supports a card."""

    text: str
    start: int = 0
    """The offset in the highlighted text, in code points, or 0 if the evidence is elsewhere."""


def find_evidence(quote: str, answers: Sequence[str], highlight: Highlight) -> Evidence:
    """Find the text of the source that supports a card.

    The highlighted text is searched first, then its sentence, then its paragraph. The evidence is
    copied from the source, unless the source doesn't contain the model's quote: an invented quote
    is kept, so that a check blocks the card.

    Args:
        quote: The quote in the model's reply, or "".
        answers: The answer of the card, or the text of each gap, as plain text.
        highlight: The passage.
    """
    texts = list_evidence_texts(highlight)
    for text in texts:
        quoted_span = find_quote(quote, text)
        if quoted_span is not None:
            span = _extend_to_answers(text, quoted_span, answers)
            # drafts are sorted by where the quote begins, not its sentence
            return _make_evidence(text, span, quoted_span[0], highlight)
    if any(map(str.isalnum, quote)):
        return Evidence(quote)
    for text in texts:
        span_of_answers = find_sentences_containing(answers, text)
        if span_of_answers is not None:
            return _make_evidence(text, span_of_answers, span_of_answers[0], highlight)
    return Evidence(quote)


def _make_evidence(text: str, span: Span, start: int, highlight: Highlight) -> Evidence:
    """Make the evidence from a span of a text, which counts from `start` in the highlight."""
    if text != highlight.exact:
        start = 0
    return Evidence(text[slice(*span)], start)


def _extend_to_answers(text: str, quoted_span: Span, answers: Sequence[str]) -> Span:
    """Return the span of the quoted sentences, extended to those with the answers if needed."""
    start, end = find_sentence_around(text, *quoted_span)
    if find_sentences_containing(answers, text[start:end]) is not None:
        return start, end
    answers_span = find_sentences_containing(answers, text)
    if answers_span is None:
        return start, end
    return min(start, answers_span[0]), max(end, answers_span[1])


def find_sentences_containing(answers: Sequence[str], text: str) -> Span | None:
    """Return the span of the sentences that contain all answers, or None if one is missing."""
    spans: list[Span] = []
    for answer in answers:
        span = find_whole_words(answer.strip(_PUNCTUATION), text)
        if span is None:
            return None
        spans.append(span)
    if not spans:
        return None
    first = min(start for start, _ in spans)
    last = max(end for _, end in spans)
    return find_sentence_around(text, first, last)


# --- drafts ---------------------------------------------------------------------------


def build_drafts(
    cards: Iterable[ReplyCard],
    highlight: Highlight,
    origin: Origin,
    shape: ReplyShape,
    max_facts: int | None = None,
) -> tuple[Draft, ...]:
    """Build drafts from the cards in a reply that are about a highlight.

    Duplicates, and cards of a kind that wasn't requested, are dropped. At most `max_facts` drafts
    are returned, in the order of their evidence in the highlighted text. If it is None,
    `compute_max_card_count` determines the limit. If several candidates for one fact were
    requested, those are returned instead, in the order of the reply. For a looked-up word, only
    the meaning comes from the reply, and the front is the word with its sentence.
    """
    drafts = _iter_distinct_drafts(cards, highlight, origin, shape)
    if shape.candidate_count > 1:
        return tuple(islice(drafts, shape.candidate_count))
    if max_facts is None:
        max_facts = compute_max_card_count(highlight.exact)
    return tuple(sorted(islice(drafts, max_facts), key=attrgetter("start")))


def _iter_distinct_drafts(
    cards: Iterable[ReplyCard], highlight: Highlight, origin: Origin, shape: ReplyShape
) -> Iterator[Draft]:
    """Yield a draft for the first card with each question and answer."""
    known_keys = set()
    for card in cards:
        if isinstance(card, DeclinedCard) or card.kind not in shape.kinds:
            continue
        if highlight.line_syntax == LOOKED_UP_WORD:
            meaning_card = _make_meaning_card(card, highlight)
            if meaning_card is None:
                continue
            card, evidence = meaning_card, Evidence(highlight.exact)
        else:
            evidence = find_evidence(card.quote, card.answer_texts, highlight)
        if highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO):
            if is_only_citation(card.answer):
                continue
            card = _remove_citations_from_card(card)
        if card.comparison_key in known_keys:
            continue
        known_keys.add(card.comparison_key)
        yield Draft(
            key=highlight.key,
            kind=card.kind,
            fields=card.fields,
            quote=evidence.text,
            answer=card.answer,
            start=evidence.start,
            origin=origin,
        )


def _make_meaning_card(card: DraftedCard, highlight: Highlight) -> TwoSidedCard | None:
    """Return the card that asks for the meaning of a looked-up word, which `card` gives.

    Return None if it gives no meaning.
    """
    if isinstance(card, ClozeCard):
        return None
    if not card.back:
        return None
    front = format_word_front(highlight)
    return TwoSidedCard(card.label, card.quote, front, card.back)


def _remove_citations_from_card(card: DraftedCard) -> DraftedCard:
    if isinstance(card, ClozeCard):
        return replace(card, text=remove_citations(card.text))
    return replace(
        card, front=remove_citations(card.front), back=remove_citations(card.back)
    )


def make_result(
    highlight: Highlight, cards: Sequence[ReplyCard], origin: Origin, shape: ReplyShape
) -> DraftingResult:
    """Build the result for a highlight from the cards in a reply.

    The result has drafts, or the reason why there are none. It is marked as declined if the model
    gave a reason instead of a card.
    """
    drafts = build_drafts(cards, highlight, origin, shape)
    if drafts:
        return DraftingResult(highlight, drafts)
    return DraftingResult(
        highlight,
        status=DraftingStatus.NO_CARD,
        reason=explain_missing_card(cards, shape),
        is_declined={type(card) for card in cards} == {DeclinedCard},
    )


def explain_missing_card(cards: Iterable[ReplyCard], shape: ReplyShape) -> str:
    """Explain why a reply has no usable card for a highlight."""
    kinds: dict[CardKind, None] = {}
    reasons = []
    for card in cards:
        if isinstance(card, DeclinedCard):
            reasons.append(card.reason)
        else:
            kinds[card.kind] = None
    if reasons and reasons[0] is not None:
        return reasons[0]
    if kinds:
        return f"the model drafted only {', '.join(kinds)}, not {', '.join(shape.kinds)}"
    return "the model saw nothing worth a card"


FindFaults = Callable[[Draft, Highlight], Strings]
"""Returns the messages of the findings that block a draft."""
