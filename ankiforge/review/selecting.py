"""A card begun by choosing words of a passage: what is hidden, asked for, or defined."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ankiforge.draft.shapes import sided
from ankiforge.errors import UsageError
from ankiforge.model import CardKind, Fields, Highlight, HighlightKind, Span
from ankiforge.text.gapping import gapped, part
from ankiforge.text.sentences import sentence_around, trimmed

_SPANS = re.compile(r"\d{1,7}-\d{1,7}(?:,\d{1,7}-\d{1,7}){0,63}")
_LOOSE = re.compile(r"^[\s,;:.–—-]+")
"""What joined a definition to its term."""


def words_of(highlight: Highlight) -> tuple[str, str]:
    """The words one may choose from, and the same as they were written ("" = as they are)."""
    if highlight.markdown and highlight.kind is not HighlightKind.CARD:
        return highlight.exact, highlight.markdown[0]
    return highlight.sentence or highlight.exact, ""


def spans_of(said: str) -> list[Span]:
    """`3-8,12-15`: the words chosen, in code points of the passage.

    Raises:
        UsageError: that is no such list.
    """
    if not _SPANS.fullmatch(said):
        raise UsageError("no words are selected", hint="select words of the passage first")
    pairs = (one.split("-") for one in said.split(","))
    return [(int(start), int(end)) for start, end in pairs]


def begun(what: str, highlight: Highlight, spans: Sequence[Span]) -> Fields:
    """The fields of a `cloze`, `question` or `term` made of these words, as far as they say it.

    Raises:
        UsageError: there are no such words, or they cannot be hidden.
    """
    if what not in _WAYS:
        raise UsageError(f"no way to make a card {what!r}")
    try:
        return _WAYS[what](*words_of(highlight), spans)
    except ValueError as error:
        raise UsageError(str(error), hint="select other words") from error


def _cloze(text: str, markdown: str, spans: Sequence[Span]) -> Fields:
    return (("Text", gapped(text, spans, markdown)),)


def _question(text: str, markdown: str, spans: Sequence[Span]) -> Fields:
    """The words answer what is to be typed."""
    answer = ", ".join(part(text, span, markdown) for span in sorted(spans))
    return sided(CardKind.BASIC, "", answer)


def _term(text: str, markdown: str, spans: Sequence[Span]) -> Fields:
    """The words selected last are the term; the rest of their sentence may define it."""
    start, end = trimmed(text, *spans[-1])
    first, last = sentence_around(text, start, end)
    around = [trimmed(text, first, start), trimmed(text, end, last)]
    rest = [part(text, span, markdown) for span in around if span[0] < span[1]]
    back = _LOOSE.sub("", " ".join(rest))
    return sided(CardKind.TWO_WAY, part(text, (start, end), markdown), back)


_WAYS: dict[str, Callable[[str, str, Sequence[Span]], Fields]] = {
    "cloze": _cloze,
    "question": _question,
    "term": _term,
}
