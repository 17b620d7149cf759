"""Copies: which passages would be drafted alike, and which of them is the original.

Of equal lines the one that was issued first, or that was decided on, is drafted; a short text is a
copy only beside the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ankiforge.ledger.events import Passage
from ankiforge.ledger.marks import mark_of
from ankiforge.ledger.match import LONG, sides_of
from ankiforge.model import Highlight, HighlightKind, Value

Likeness = tuple[Any, ...]
"""A key that highlights share if their drafts would be the same."""


class Copy(Value):
    """A present highlight that may be the original of others."""

    key: str
    title: str
    """Of its document."""
    issued: int
    """The number of the event that issued its key; 0 = unknown."""
    is_decided: bool
    """Whether its passage was decided on."""


class FormerCopy(Value):
    """A passage that once had exactly the words of a highlight, and has others."""

    passage: Passage
    title: str
    """Of the document that it is in now."""
    folded: str
    """Its words now, folded."""


def likenesses(highlight: Highlight) -> list[Likeness]:
    """Return the keys to find copies of a highlight by: its words, and these with each side."""
    newest = mark_of(highlight).newest
    marks = (highlight.gaps, highlight.markdown, highlight.comment)
    words = (newest.text, highlight.exact, *marks)
    return [words, *((*words, *side) for side in sorted(sides_of(newest)))]


def likenesses_of_originals(highlight: Highlight) -> list[Likeness]:
    """Return the keys to find the original of a highlight by: with a side if it is short."""
    words, *beside = likenesses(highlight)
    is_long = len(mark_of(highlight).newest.text) >= LONG
    return [words] if is_long or highlight.kind is HighlightKind.CARD else beside


def originals(copies: Iterable[Copy]) -> tuple[Copy, ...]:
    """Return the possible originals among equal highlights, in the order of reading.

    They are in the order in which they were read. The first one decided on is the original of
    all undecided ones; before it, one issued later than another in front of it is of none.
    """
    found: list[Copy] = []
    for copy in copies:
        if copy.is_decided:
            return (*found, copy)
        if not found or copy.issued < found[-1].issued:
            found.append(copy)
    return tuple(found)
