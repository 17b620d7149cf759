"""Locate a quote in its source whatever its typography; compare edited passages."""

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
    """Return the canonical form of a text, and where each of its characters came from."""
    letters: list[str] = []
    origin: list[int] = []
    for at, cluster in _clusters(text):
        for letter in _letter(cluster):
            if letter == " " and letters and letters[-1] == " ":
                continue
            letters.append(letter)
            origin.append(at)
    return "".join(letters), tuple(origin)


def _clusters(text: str) -> list[tuple[int, str]]:
    """Return (offset, base character with its combining marks, which NFKC may join)."""
    clusters: list[tuple[int, str]] = []
    for at, letter in enumerate(text):
        if clusters and unicodedata.combining(letter):
            start, before = clusters[-1]
            clusters[-1] = (start, before + letter)
        else:
            clusters.append((at, letter))
    return clusters


def locate(quote: str, source: str) -> Span | None:
    """Return where `quote` stands in `source`, as [start, end) in code points of `source`.

    Equal under `same`: case, blanks, soft hyphens, quotes and dashes do not count, all else
    does. None if it is not there; the first place if there are several.
    """
    needle = canonical(quote)
    if not needle:
        return None
    haystack, origin = _mapped(source)
    at = haystack.find(needle)
    if at < 0:
        return None
    last = origin[at + len(needle) - 1]
    return (origin[at], _end_of_cluster(source, last))


def _end_of_cluster(source: str, at: int) -> int:
    end = at + 1
    while end < len(source) and (unicodedata.combining(source[end]) or source[end] == "\u00ad"):
        end += 1
    return end


# --- the same passage, edited ---------------------------------------------------------------

SAME = 85
"""Likeness from which two passages of one place are the same highlight."""
ASK = 75
"""Likeness from which they may be; a person decides."""

_NEAR = 32
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|without|neither|nor|cannot|nicht|kein\w*|nie|ohne)\b|n[’']t\b"
)


def similarity(
    exact: str, before: str, after: str, other: str, other_before: str, other_after: str
) -> float:
    """Return the likeness of two passages; 0 across a changed number or negation."""
    if _vetoed(exact, other):
        return 0.0
    return likeness(exact, before, after, other, other_before, other_after)


def likeness(
    exact: str, before: str, after: str, other: str, other_before: str, other_after: str
) -> float:
    """Return 0 to 100: how alike two passages are with the 32 characters around them."""
    around = fuzz.ratio(fold(before)[-_NEAR:], fold(other_before)[-_NEAR:])
    around += fuzz.ratio(fold(after)[:_NEAR], fold(other_after)[:_NEAR])
    return 0.7 * fuzz.ratio(canonical(exact), canonical(other)) + 0.15 * around


def _vetoed(one: str, other: str) -> bool:
    a, b = canonical(one), canonical(other)
    return _NUMBER.findall(a) != _NUMBER.findall(b) or (
        len(_NEGATION.findall(a)) != len(_NEGATION.findall(b))
    )
