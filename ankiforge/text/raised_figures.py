"""Copy superscripts and subscripts from the text of a page to a quote that has lost them.

Programs that copy text from a PDF write 10⁵ as 105, and mL⁻¹ as mL−1. The page knows better.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher

from ankiforge.text import regex

_RAISED_FIGURES = regex("[⁰¹²³⁴-⁹⁺⁻ⁿ₀-₉₊₋ₙ]+")
_MINUS_SIGNS = str.maketrans("−–—‐‑", "-----")


def copy_raised_figures(quote: str, shown: str) -> str:
    """Return `quote` with the superscripts and subscripts that it has in `shown`.

    All other characters stay as they are in `quote`. A run of raised figures is copied as a whole,
    or not at all.

    Args:
        quote: The text as another program copied it.
        shown: The same passage as the page shows it.
    """
    if not _RAISED_FIGURES.search(shown):
        return quote
    quote_chars, quote_offsets = _list_plain_chars(quote)
    shown_chars, shown_offsets = _list_plain_chars(shown)
    index_in_quote = _align(shown_chars, quote_chars)
    index_by_offset = {offset: index for index, offset in enumerate(shown_offsets)}
    copied = list(quote)
    for run in _RAISED_FIGURES.finditer(shown):
        first = index_by_offset[run.start()]
        start = index_in_quote.get(first)
        # the character before the run must be the same, too, since it is what the run belongs to
        aligned_run = range(max(first - 1, 0), first + len(run[0]))
        if start is None or not _is_contiguous(aligned_run, index_in_quote):
            continue
        for step, figure in enumerate(run[0]):
            copied[quote_offsets[start + step]] = figure
    return "".join(copied)


def _is_contiguous(indices: range, index_in_quote: dict[int, int]) -> bool:
    """Return whether consecutive characters of the page are consecutive in the quote."""
    aligned = [index_in_quote.get(index) for index in indices]
    start = aligned[0]
    return start is not None and aligned == list(range(start, start + len(aligned)))


def _list_plain_chars(text: str) -> tuple[str, list[int]]:
    """Return the text in lower case, without spaces and scripts, and each char's offset."""
    chars: list[str] = []
    offsets: list[int] = []
    for offset, char in _iter_visible(text):
        plain = unicodedata.normalize("NFKC", char).translate(_MINUS_SIGNS).casefold()
        for letter in plain:
            chars.append(letter)
            offsets.append(offset)
    return "".join(chars), offsets


def _iter_visible(text: str) -> Iterator[tuple[int, str]]:
    for offset, char in enumerate(text):
        if not char.isspace():
            yield offset, char


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
