"""Find the text around a passage, for marks in PDFs, quotes in books, and chosen passages.

The text is that of a page of a PDF, a file of an EPUB, a web page or captions.
"""

from __future__ import annotations

from collections.abc import Callable

from ankiforge.extract.cleaning import clean_blocks, to_one_line
from ankiforge.model import Pair, Span, Value
from ankiforge.text.keys import CONTEXT_CHARS
from ankiforge.text.normalize import is_same_text
from ankiforge.text.passages import get_paragraphs_around
from ankiforge.text.sentences import find_sentence_around

_MAX_SENTENCE_CHARS = 600
"""The maximum length of a sentence, excluding the passage itself. A longer one is probably a table
or a list without full stops.
"""
_CONTEXT_REACH = 300
"""The number of characters to clean on each side of a passage, before truncation to
`CONTEXT_CHARS`.
"""


class PassageContext(Value):
    """The text around a passage."""

    prefix: str
    suffix: str
    sentence: str | None
    """The sentences that contain the passage, or None if they are too long or cross a table."""
    nearby: str
    """The paragraphs around the passage."""

    def get_distinct_sentence(self, passage: str) -> str:
        """Return the sentence, or "" if there is none or it is just the passage."""
        if self.sentence is None or is_same_text(self.sentence, passage):
            return ""
        return self.sentence


CrossesTable = Callable[[int, int], bool]
"""Function that returns whether the text between two offsets spans several table cells."""


def _never_crosses_table(_start: int, _end: int) -> bool:
    return False


def find_passage_context(
    text: str,
    span: Span,
    body: Span | None = None,
    *,
    for_question: bool = False,
    crosses_table: CrossesTable = _never_crosses_table,
) -> PassageContext:
    """Find the text around a passage.

    Args:
        text: The text of the page.
        span: The span of the passage.
        body: The span of the text without page headers and footers, or None for the whole text.
        for_question: Whether the user asks about the passage, which calls for more paragraphs.
        crosses_table: Returns whether the text between two offsets spans several table cells.
    """
    prefix, suffix = find_sides(text, span, body)
    sentence_span = _find_sentence_span(text, span, _choose_limits(text, span, body))
    sentence = None
    if sentence_span is not None and not crosses_table(*sentence_span):
        sentence = to_one_line(text[slice(*sentence_span)])
    nearby = _find_paragraphs(text, span, body, for_question=for_question)
    return PassageContext(prefix, suffix, sentence, nearby)


def find_sides(text: str, span: Span, body: Span | None = None) -> Pair:
    """Return the text directly before and after a passage, from which keys are built."""
    start, end = span
    first, last = _choose_limits(text, span, body)
    text_before = text[max(start - _CONTEXT_REACH, first) : start]
    text_after = text[end : min(end + _CONTEXT_REACH, last)]
    return (
        clean_blocks(text_before)[-CONTEXT_CHARS:],
        clean_blocks(text_after)[:CONTEXT_CHARS],
    )


def _choose_limits(text: str, span: Span, body: Span | None) -> Span:
    """Return the span of the body, or of the whole text if the passage isn't in the body."""
    start, end = span
    if body is not None and body[0] <= start and end <= body[1]:
        return body
    return 0, len(text)


def _find_sentence_span(text: str, span: Span, limits: Span) -> Span | None:
    """Return the span of a passage's sentences in its block, or None if they are too long."""
    start, end = span
    first, last = limits
    max_distance = 2 * _MAX_SENTENCE_CHARS
    line_start = max(text.rfind("\n", first, start) + 1, first)
    block_start = max(line_start, start - max_distance)
    block_end = text.find("\n", end, min(end + max_distance, last))
    if block_end < 0:
        block_end = min(end + max_distance, last)
    sentence_start, sentence_end = find_sentence_around(
        text[block_start:block_end], start - block_start, end - block_start
    )
    if sentence_end - sentence_start > _MAX_SENTENCE_CHARS + end - start:
        return None
    return block_start + sentence_start, block_start + sentence_end


def _find_paragraphs(
    text: str, span: Span, body: Span | None, *, for_question: bool
) -> str:
    """Return the paragraphs around a passage, without page headers and footers beside it."""
    start, end = span
    if body is not None:
        text = text[: max(body[1], end)]
    first = 0 if body is None else min(body[0], start)
    return get_paragraphs_around(
        text[first:], start - first, end - first, for_question=for_question
    )
