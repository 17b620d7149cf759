"""Copy superscripts and subscripts from the text of a page to a quote that has lost them.

Programs that copy text from a PDF write 10⁵ as 105, and mL⁻¹ as mL−1. The page knows better.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from ankiforge.text import regex

_RAISED_FIGURES = regex("[⁰¹²³⁴-⁹⁺⁻ⁿ₀-₉₊₋ₙ]+")
_MINUS_SIGNS = str.maketrans("−–—‐‑", "-----")


def copy_raised_figures(quote: str, shown: str) -> str:
    """Return `quote` with the superscripts and subscripts that it has in `shown`.

    All other characters stay as they are in `quote`. A run of raised figures is copied as a whole,
    or not at all. For example, `105 cells` becomes `10⁵ cells` if `shown` is `has 10⁵ cells`.

    Args:
        quote: The text as another program copied it.
        shown: The same passage as the page shows it.
    """
    if not _RAISED_FIGURES.search(shown):
        return quote
    quote_letters, shown_letters = _list_letters(quote), _list_letters(shown)
    # an index counts letters, and an offset counts characters of the text
    index_in_quote = _align(shown_letters.text, quote_letters.text)
    index_by_offset = {
        offset: index for index, offset in enumerate(shown_letters.offsets)
    }
    copied = list(quote)
    for run in _RAISED_FIGURES.finditer(shown):
        start = index_by_offset[run.start()]
        end = start + len(run[0])
        # the character before the run must be the same, too, since it is what the run belongs to
        aligned = _find_consecutive(range(max(start - 1, 0), end), index_in_quote)
        if aligned is None:
            continue
        for figure, index in zip(run[0], aligned[-len(run[0]) :], strict=True):
            copied[quote_letters.offsets[index]] = figure
    return "".join(copied)


def _find_consecutive(
    indices: Iterable[int], index_in_quote: Mapping[int, int]
) -> range | None:
    """Return the indices in the quote for consecutive ones of the page.

    Returns None if any is missing, or if they aren't consecutive in the quote.
    """
    aligned = [index_in_quote.get(index) for index in indices]
    start = aligned[0]
    if start is None:
        return None
    consecutive = range(start, start + len(aligned))
    if aligned != list(consecutive):
        return None
    return consecutive


class _Letters(NamedTuple):
    """The letters of a text in lower case, with figures in their plain form."""

    text: str
    """The letters without spaces, such as `105` for `10 ⁵`."""
    offsets: Sequence[int]
    """The offset of each letter in the original text."""


def _list_letters(text: str) -> _Letters:
    letters: list[str] = []
    offsets: list[int] = []
    for offset, char in enumerate(text):
        if char.isspace():
            continue
        plain = unicodedata.normalize("NFKC", char).translate(_MINUS_SIGNS).casefold()
        for letter in plain:  # `ﬁ` is two letters
            letters.append(letter)
            offsets.append(offset)
    return _Letters("".join(letters), offsets)


def _align(shown: str, quote: str) -> dict[int, int]:
    """Map the index of each character of `shown` to that of the same character in `quote`."""
    if shown == quote:
        return {index: index for index in range(len(shown))}
    indices: dict[int, int] = {}
    matcher = SequenceMatcher(None, shown, quote, autojunk=False)
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            indices[block.a + step] = block.b + step
    return indices
