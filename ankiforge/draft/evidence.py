"""Find the words of a passage that a card rests on.

Small models leave the quote empty, though the answer is in the passage word for
word. So the program looks for the answer itself: the evidence is the whole sentence, or
sentences, that have it. A model that copied words from others widens it. A few words alone would
still be there when the rest of the sentence says something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import unescape

from ankiforge.model import Highlight, Span, Strings
from ankiforge.text import regex
from ankiforge.text.fold import letters_of, letters_with_origins, locate
from ankiforge.text.sentences import sentence_around

_ENDS = " .,;:!?"
_LEFT_OUT = regex(r"\[(?:…|\.\.\.)\]|…|\.\.\.")
# The letters of a quote that is found by its letters alone, at least.
_ENOUGH = 4


def places_of(highlight: Highlight) -> Strings:
    """Return the texts that may hold the evidence of a card: first the mark, then around it."""
    around = highlight.prefix + highlight.exact + highlight.suffix
    return (highlight.exact, highlight.sentence, highlight.nearby, around)


def letters_of_quote(quote: str) -> list[str]:
    """Return the letters of a quote, part by part where something is left out."""
    parts = map(letters_of, _LEFT_OUT.split(unescape(quote)))
    return [part for part in parts if part]


def find_quote(quote: str, place: str) -> Span | None:
    """Return where a text has a quote, which a chat may have emphasised or shortened."""
    whole = locate(quote, place)
    parts = letters_of_quote(quote)
    if whole or sum(map(len, parts)) < _ENOUGH:
        return whole
    letters, origins = letters_with_origins(place)
    begin = end = -1
    for part in parts:
        start = letters.find(part, max(end, 0))
        if start < 0:
            return None
        begin = start if begin < 0 else begin
        end = start + len(part)
    return origins[begin], origins[end - 1] + 1


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
    places = places_of(highlight)
    for place in places:
        span = find_quote(quote, place)
        if span is None:
            continue
        start, end = sentence_around(place, *span)
        # up to the sentences with the answers, if the quoted ones lack one
        answered = _sentences_with(answers, place)
        if answered and not _sentences_with(answers, place[start:end]):
            start = min(start, answered[0])
            end = max(end, answered[1])
        return place[start:end], span[0] if place == highlight.exact else 0
    if any(
        map(str.isalnum, quote)
    ):  # invented: it stays as it is, and a check blocks the card
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
