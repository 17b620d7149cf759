"""Locate a quote in its source regardless of typography."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from ankiforge.model import Span
from ankiforge.text.fold import canonical, unstripped

Mapped = tuple[str, tuple[int, ...]]
_letter = lru_cache(maxsize=4096)(unstripped)


@lru_cache(maxsize=64)
def _mapped(text: str) -> Mapped:
    """Return the canonical form of a text, and the original offset of each of its characters."""
    letters: list[str] = []
    origin: list[int] = []
    clusters: list[tuple[int, str]] = []  # base characters with combining marks: NFKC may join them
    for at, letter in enumerate(text):
        if clusters and unicodedata.combining(letter):
            start, before = clusters[-1]
            clusters[-1] = (start, before + letter)
        else:
            clusters.append((at, letter))
    for at, cluster in clusters:
        for letter in _letter(cluster):
            if letter == " " and letters and letters[-1] == " ":
                continue
            letters.append(letter)
            origin.append(at)
    return "".join(letters), tuple(origin)


def locate(quote: str, source: str) -> Span | None:
    """Return the first position of `quote` in `source`, as [start, end) in code points of `source`.

    Texts match as with `same`: only case, white space, soft hyphens, quotes and dashes are ignored.
    None if there is no match.
    """
    needle = canonical(quote)
    if not needle:
        return None
    haystack, origin = _mapped(source)
    at = haystack.find(needle)
    if at < 0:
        return None
    end = origin[at + len(needle) - 1] + 1
    while end < len(source) and (unicodedata.combining(source[end]) or source[end] == "\u00ad"):
        end += 1
    return (origin[at], end)
