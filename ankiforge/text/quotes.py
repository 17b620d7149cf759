"""Locate a quote in its source regardless of typography, and compare edited passages."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz

from ankiforge.model import Span
from ankiforge.text.fold import canonical, fold, unstripped

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


# --- the same passage, edited ---------------------------------------------------------------

SAME = 85
"""The similarity from which two passages at one place are the same highlight."""
ASK = 75
"""The similarity from which they may be. A person decides."""

_CONTEXT = 32
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|without|neither|nor|cannot|nicht|kein\w*|nie|ohne)\b|n[’']t\b"
)


def similarity(
    exact: str, before: str, after: str, other: str, other_before: str, other_after: str
) -> float:
    """Return the similarity of two passages. 0 if a number or negation differs."""
    a, b = canonical(exact), canonical(other)
    negated = len(_NEGATION.findall(a)) != len(_NEGATION.findall(b))
    if negated or _NUMBER.findall(a) != _NUMBER.findall(b):
        return 0.0
    return likeness(exact, before, after, other, other_before, other_after)


def likeness(
    exact: str, before: str, after: str, other: str, other_before: str, other_after: str
) -> float:
    """Return the similarity of two passages with 32 characters of context, from 0 to 100."""
    around = fuzz.ratio(fold(before)[-_CONTEXT:], fold(other_before)[-_CONTEXT:])
    around += fuzz.ratio(fold(after)[:_CONTEXT], fold(other_after)[:_CONTEXT])
    return 0.7 * fuzz.ratio(canonical(exact), canonical(other)) + 0.15 * around
