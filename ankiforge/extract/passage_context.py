"""Find the text around a passage, for marks in PDFs, quotes in books, and chosen passages."""

from __future__ import annotations

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


class StructuredText:
    """The text of a page of a PDF, a file of an EPUB, a web page or captions, and its structure.

    Each block of the text is a line. Subclasses know of tables and headings.
    """

    def __init__(self, text: str, body: Span | None = None) -> None:
        self.text = text
        self.body = body
        """The span of the text without page headers and footers, or None for the whole text."""

    def crosses_table(self, _start: int, _end: int) -> bool:
        """Return whether the text between two offsets spans several cells of a table."""
        return False

    def find_heading(self, _offset: int) -> str:
        """Return the headings above an offset, outermost first, joined by ` › `."""
        return ""


class PassageContext(Value, omit_defaults=True):
    """The text around a passage. It is empty if the passage wasn't found in the document.

    The fields are the same as in `Highlight`.
    """

    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    """The sentences that contain the passage, or "" if they are the passage itself, are too long,
    or cross a table.
    """
    heading: str = ""
    surrounding_text: str = ""
    """The paragraphs around the passage."""
    displayed_text: str = ""
    """The passage as displayed in the document, or "" if it doesn't differ from the text that was
    looked up. A PDF corrects its superscripts and subscripts, an e-book or web page leaves out line
    numbers and note numbers.
    """


def find_passage_context(
    page: StructuredText, span: Span, passage: str, *, for_question: bool = False
) -> PassageContext:
    """Find the text around a passage.

    Args:
        page: The page that contains the passage.
        span: The span of the passage.
        passage: The passage as the user sees it. A sentence that is just the passage is left out.
        for_question: Whether the user asks about the passage, which calls for more paragraphs.
    """
    prefix, suffix = find_sides(page, span)
    sentence = _find_sentence(page, span)
    if sentence is None or is_same_text(sentence, passage):
        sentence = ""
    start, _ = span
    return PassageContext(
        prefix,
        suffix,
        sentence,
        heading=page.find_heading(start),
        surrounding_text=_find_paragraphs(page, span, for_question=for_question),
    )


def find_sides(page: StructuredText, span: Span) -> Pair:
    """Return the text directly before and after a passage, from which keys are built."""
    start, end = span
    first, last = _choose_limits(page, span)
    text_before = page.text[max(start - _CONTEXT_REACH, first) : start]
    text_after = page.text[end : min(end + _CONTEXT_REACH, last)]
    return (
        clean_blocks(text_before)[-CONTEXT_CHARS:],
        clean_blocks(text_after)[:CONTEXT_CHARS],
    )


def _choose_limits(page: StructuredText, span: Span) -> Span:
    """Return the span of the body, or of the whole text if the passage isn't in the body."""
    start, end = span
    if page.body is not None:
        body_start, body_end = page.body
        if body_start <= start and end <= body_end:
            return page.body
    return 0, len(page.text)


def _find_sentence(page: StructuredText, span: Span) -> str | None:
    """Return the sentences around a passage, or None if they are too long or cross a table."""
    sentence_span = _find_sentence_span(page.text, span, _choose_limits(page, span))
    if sentence_span is None or page.crosses_table(*sentence_span):
        return None
    return to_one_line(page.text[slice(*sentence_span)])


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


def _find_paragraphs(page: StructuredText, span: Span, *, for_question: bool) -> str:
    """Return the paragraphs around a passage, without page headers and footers beside it."""
    start, end = span
    first, last = 0, len(page.text)
    if page.body is not None:
        body_start, body_end = page.body
        first = min(body_start, start)
        last = max(body_end, end)
    return get_paragraphs_around(
        page.text[first:last], start - first, end - first, for_question=for_question
    )
