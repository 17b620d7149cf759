"""What stands around a passage in the text of its page."""

from __future__ import annotations

from ankiforge.extract.pdf.spelling import flowing, one_line
from ankiforge.model import Span
from ankiforge.text.anchors import CONTEXT
from ankiforge.text.sentences import sentence_around

LONGEST = 600
"""Characters around a mark; a sentence with more is a table or list that lacks full stops."""
REACH = 300
"""Characters of page text from which the 80 of the context are cut, once they are clean."""


def around(
    text: str, span: Span, body: Span | None = None, *, frozen: bool = False
) -> tuple[str, str, str]:
    """(prefix, suffix, sentence) of [start, end) in the joined text of a page.

    `body`: nothing from outside it, if the passage lies in it. `frozen`: with the sentence as
    versions up to eaf6667 cut it.
    """
    start, end = span
    if body and body[0] <= start and end <= body[1]:
        text, by = text[slice(*body)], body[0]
        start, end = start - by, end - by
    prefix = flowing(text[max(start - REACH, 0) : start])[-CONTEXT:]
    suffix = flowing(text[end : end + REACH])[:CONTEXT]
    return (prefix, suffix, _sentence(text, start, end, frozen=frozen))


def _sentence(text: str, start: int, end: int, *, frozen: bool) -> str:
    """The sentences around, not beyond the block they stand in."""
    first = max(text.rfind("\n", 0, start) + 1, start - 2 * LONGEST)
    last = text.find("\n", end, end + 2 * LONGEST)
    block = text[first : last if last >= 0 else end + 2 * LONGEST]
    left, right = sentence_around(block, start - first, end - first, frozen=frozen)
    longest = LONGEST + end - start
    return one_line(block[left:right]) if right - left <= longest else ""
