"""The sentence that a proposal is made of: that of the mark, completed from its source."""

from __future__ import annotations

from ankiforge.model import Highlight, Span, Value
from ankiforge.text import regex
from ankiforge.text.fold import locate
from ankiforge.text.sentences import sentences

SHORT_MARK = 4
"""The words of a mark up to which, inside a sentence, it is itself what is to be hidden."""
_WORD = regex(r"[^\W_]+(?:[-'’][^\W_]+)*")


class Passage(Value):
    """The text of a proposal."""

    text: str
    """A sentence, in our Markdown or as plain text."""
    is_markdown: bool
    start: int = 0
    """Where it begins in the highlight's `exact`, 0 if not within."""
    chosen: Span | None = None
    """What the reader chose to hide."""


def passages_of(highlight: Highlight) -> list[Passage]:
    """Return the sentences of a mark, in order."""
    if highlight.markdown:
        return _split(highlight.markdown[0], is_markdown=True)
    exact = highlight.exact
    span = locate(exact, highlight.sentence) if highlight.sentence else None
    if span is None:
        return _split(exact, is_markdown=False)
    is_short = len(_WORD.findall(exact)) <= SHORT_MARK
    if is_short and len(_WORD.findall(highlight.sentence)) > SHORT_MARK + 1:
        return [Passage(highlight.sentence, is_markdown=False, chosen=span)]
    return _split(highlight.sentence, is_markdown=False)


def _split(text: str, *, is_markdown: bool) -> list[Passage]:
    found = []
    for start, end in sentences(text):
        found.append(Passage(text[start:end], is_markdown, start))
    return found
