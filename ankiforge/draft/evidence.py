"""Find the words of a passage that a card rests on.

Small models leave the quote empty, though the answer is in the passage word for
word. So the program looks for the answer itself: the evidence is the whole sentence, or
sentences, that have it. A model that copied words from others widens it. A few words alone would
still be there when the rest of the sentence says something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.model import Highlight, Span, Value
from ankiforge.text.fold import locate
from ankiforge.text.sentences import sentence_around

_QUOTATION_MARKS = '"“”„«»'
_ENDS = " .,;:!?"


class Evidence(Value):
    """The words of a source that a card rests on."""

    quote: str
    """As in the source; as the model wrote it if the source does not have it."""
    start: int = 0
    """Where it begins in the mark, in code points; 0 if it is beside the mark. If a model quoted
    a part of it, where that part begins, by which several cards of a mark are ordered."""


def find_evidence(
    quote: str,
    answers: Sequence[str],
    highlight: Highlight,
) -> Evidence:
    """Return the evidence of a card.

    Args:
        quote: what the model gave as its evidence; "" if it gave none.
        answers: the answer of a question, or what each gap of a cloze hides, as plain text.
        highlight: the passage. The mark comes first, then its sentence, then the paragraph.
    """
    own_words = quote.strip().strip(_QUOTATION_MARKS).strip()
    for place in (highlight.exact, highlight.sentence, highlight.nearby):
        span = locate(quote, place) or locate(own_words, place)
        if span:
            start, end = _with_answers(sentence_around(place, *span), answers, place)
            is_in_mark = place == highlight.exact
            return Evidence(place[start:end], span[0] if is_in_mark else 0)
    if own_words:  # invented evidence stays as it is, and a check blocks the card
        return Evidence(quote)
    for place in (highlight.exact, highlight.sentence, highlight.nearby):
        span = _sentences_with(answers, place)
        if span:
            return _evidence_at(span, place, highlight)
    return Evidence(quote)


def _with_answers(quoted: Span, answers: Sequence[str], place: str) -> Span:
    """Return quoted sentences, up to those with the answers if the quoted ones lack one."""
    start, end = quoted
    if _sentences_with(answers, place[start:end]):
        return quoted
    answered = _sentences_with(answers, place)
    if answered is None:
        return quoted
    return min(start, answered[0]), max(end, answered[1])


def _evidence_at(span: Span, place: str, highlight: Highlight) -> Evidence:
    start, end = span
    is_in_mark = place == highlight.exact
    return Evidence(place[start:end], start if is_in_mark else 0)


def _sentences_with(answers: Sequence[str], place: str) -> Span | None:
    """Return the sentences of a text that have all the answers; None if it lacks one."""
    spans: list[Span] = []
    for answer in answers:
        span = locate(answer, place) or locate(answer.strip(_ENDS), place)
        if span is None:
            return None
        spans.append(span)
    if not spans:
        return None
    first = min(start for start, _ in spans)
    last = max(end for _, end in spans)
    return sentence_around(place, first, last)
