"""Find where a text repeats texts that must not be shown, and mask those places.

Texts are compared folded: letters and digits only, without case. A folded text keeps
the offset of each of its letters in the original, so that what is masked there are
whole words.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, Origins, letters_with_origins

MASK = "[…]"
"""Stands where something is not shown."""
CUT_LEAST = 3
"""Folded characters of a text that was cut off, by which its beginning or end is
recognised."""
# Folded characters from which words are found within other words.
_WITHIN_WORDS = 6
_UNSPACED = regex(f"[{UNSPACED}]")
# Between the parts of a text that are compared one by one: lines, headings, cells, and
# cuts.
_PART = regex(r"(?:(?!\[…\]|…| › | \| )[^\n])+")


class Folded(NamedTuple):
    """A folded text."""

    letters: str
    origins: Origins
    """The offset of each letter in the original."""


def folded(text: str) -> Folded:
    """Fold a text, and say where each letter comes from."""
    return Folded(*letters_with_origins(text))


class Hidden:
    """Texts that must not be shown.

    A look-up hardly takes longer the more of them there are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = set[str]()
        """All texts and their words."""
        self._texts = set[str]()
        for text in texts:
            self._texts.add(folded(text).letters)
            self._words.update(folded(word).letters for word in text.split())
        self._texts.discard("")
        self._words |= self._texts
        self._joined = "\n".join(self._texts)
        self._by_head = defaultdict[str, list[str]](list)
        """The texts that begin with the same few letters."""
        for text in self._texts:
            self._by_head[text[:_WITHIN_WORDS]].append(text)
        self._forwards = sorted(self._texts)
        self._backwards = sorted(text[::-1] for text in self._texts)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._texts)

    def spans(self, text: str, *, cut: bool) -> Iterator[Span]:
        """Yield the spans of a text that are hidden.

        Args:
            text: the text.
            cut: whether its lines and cells may begin or end within a hidden text.
        """
        # a hidden text as a whole; a short one only as whole words
        letters, origins = folded(text)
        for start in range(len(letters)):
            for size in range(1, _WITHIN_WORDS + 1):
                for hidden in self._by_head.get(letters[start : start + size], ()):
                    if not letters.startswith(hidden, start):
                        continue
                    first = origins[start]
                    end = origins[start + len(hidden) - 1] + 1
                    is_within = _in_one_word(text, first) or _in_one_word(text, end)
                    if len(hidden) >= _WITHIN_WORDS or not is_within:
                        yield first, end
        for start, end in parts_of(text):
            letters, origins = folded(text[start:end])
            # a part of a hidden text; a short one only as a whole word
            is_short = len(letters) < _WITHIN_WORDS
            is_inside = letters in self._words if is_short else letters in self._joined
            if letters and is_inside:
                yield start, end
            if not cut:
                continue
            for first, last in self.ends(letters):
                yield start + origins[first], start + origins[last - 1] + 1

    def ends(self, letters: str, least: int = CUT_LEAST) -> Iterator[Span]:
        """Yield the ends of a text at which a hidden text is cut off.

        Args:
            letters: the folded text.
            least: the number of letters that must be the same, `CUT_LEAST` or more.
        """
        # it began before the text does
        length = _length_at_end(letters[::-1], self._backwards, least)
        if length:
            yield 0, length
        # it goes on after the text
        length = _length_at_end(letters, self._forwards, least)
        if length:
            yield len(letters) - length, len(letters)


def _length_at_end(letters: str, texts: list[str], least: int) -> int:
    """Return the length of the longest end of a text with which one of these begins, 0 if none.

    One that is there as a whole does not count.

    Args:
        letters: the text.
        texts: the others, in order.
        least: the least length.
    """
    for start in range(len(letters) - least + 1):
        end = letters[start:]
        place = bisect_right(texts, end)
        if place < len(texts) and texts[place].startswith(end):
            return len(end)
    return 0


def parts_of(text: str) -> Iterator[Span]:
    """Yield the spans of lines, headings and cells of a text, cut at omissions."""
    for part in _PART.finditer(text):
        yield part.span()


def masked(text: str, spans: Iterable[Span]) -> str:
    """Return a text with `[…]` instead of some spans.

    What is left of a word goes with it.

    Args:
        text: the text.
        spans: what to mask, in code points; they may overlap.
    """
    shown = list[str]()
    done = 0
    for first, last in sorted(spans):
        start = max(first, done)
        end = last
        while start > done and _in_one_word(text, start):
            start -= 1
        while _in_one_word(text, end):
            end += 1
        if end <= done:
            continue
        between = text[done:start]
        if not shown or any(map(str.isalnum, between)):
            shown.append(between)
            shown.append(MASK)
        done = end
    shown.append(text[done:])
    return "".join(shown)


def _in_one_word(text: str, offset: int) -> bool:
    """Return whether the characters before and at an offset belong to one word."""
    if not 0 < offset < len(text):
        return False
    if unicodedata.combining(text[offset]):
        return True
    both = text[offset - 1 : offset + 1]
    return both.isalnum() and not _UNSPACED.search(both)
