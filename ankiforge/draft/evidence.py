"""Find the words of a passage that a card rests on.

Small models leave the quote empty, though the answer is in the passage word for
word. So the program looks for the answer itself: the evidence is the whole sentence, or
sentences, that have it. A model that copied words from others widens it. A few words alone would
still be there when the rest of the sentence says something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.model import Highlight, Span
from ankiforge.text.fold import locate
from ankiforge.text.sentences import sentence_around

_QUOTATION_MARKS = '"“”„«»'
_ENDS = " .,;:!?"


def find_evidence(
    quote: str,
    answers: Sequence[str],
    highlight: Highlight,
) -> tuple[str, int]:
    """Return the words of a source that a card rests on, and their place.

    Args:
        quote: the evidence that the model gave; "" if it gave none.
        answers: the answer of a question, or the hidden words of each gap, as plain text.
        highlight: the passage. The mark comes first, then its sentence, then the paragraph.

    Returns:
        The evidence as in the source; as the model wrote it if the source does not have it. And
        where it begins in the mark, in code points; 0 if it is beside the mark. If a model quoted
        a part of it, that is where the part begins, by which several cards of a mark are ordered.
    """
    own_words = quote.strip().strip(_QUOTATION_MARKS).strip()
    places = (highlight.exact, highlight.sentence, highlight.nearby)
    for place in places:
        span = locate(quote, place) or locate(own_words, place)
        if span is None:
            continue
        start, end = sentence_around(place, *span)
        # up to the sentences with the answers, if the quoted ones lack one
        answered = _sentences_with(answers, place)
        if answered and not _sentences_with(answers, place[start:end]):
            start = min(start, answered[0])
            end = max(end, answered[1])
        return place[start:end], span[0] if place == highlight.exact else 0
    if own_words:  # invented evidence stays as it is, and a check blocks the card
        return quote, 0
    for place in places:
        span = _sentences_with(answers, place)
        if span:
            start, end = span
            return place[start:end], start if place == highlight.exact else 0
    return quote, 0


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
