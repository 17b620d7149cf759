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
from functools import cached_property, lru_cache
from typing import NamedTuple

from ankiforge.model import Span
from ankiforge.text import regex

MASK = "[…]"
"""Stands where something is not shown."""
CUT_LEAST = 3
"""Folded characters of a text that was cut off, by which its beginning or end is
recognised."""
# Folded characters from which words are found within other words.
_WITHIN_WORDS = 6
_NOT_LETTERS = regex(r"[\W_]+")
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
)
"""Scripts that separate no words by blanks, or that join particles to them."""
_UNSPACED = regex(f"[{UNSPACED}]")
# Between the parts of a text that are compared one by one: lines, headings, cells, and
# cuts.
_PART = regex(r"(?:(?!\[…\]|…| › | \| )[^\n])+")


class Folded(NamedTuple):
    """A folded text."""

    letters: str
    origins: tuple[int, ...]
    """The offset of each letter in the original."""


@lru_cache(maxsize=4096)
def _letters_of(cluster: str) -> str:
    """Fold a character with its combining marks."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", cluster).casefold())


def folded(text: str) -> Folded:
    """Fold a text, and say where each letter comes from.

    The letters are those of `text.fold.fold`, except that it has other fallbacks.
    """
    letters = list[str]()
    origins = list[int]()
    if text.isascii():
        for offset, letter in enumerate(text.lower()):
            if letter.isalnum():
                letters.append(letter)
                origins.append(offset)
        return Folded("".join(letters), tuple(origins))
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        for letter in _letters_of(text[start:end]):
            letters.append(letter)
            origins.append(start)
        start = end
    return Folded("".join(letters), tuple(origins))


class Hidden:
    """Texts that must not be shown.

    A look-up takes as long as the text that is looked at, however many there are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = set[str]()
        """The words of all texts."""
        self._texts = set[str]()
        for text in texts:
            self._texts.add(folded(text).letters)
            for word in text.split():
                self._words.add(folded(word).letters)
        self._texts.discard("")
        self._lengths_by_head = defaultdict[str, set[int]](set)
        """The lengths of the texts that begin with the same few letters."""
        for text in self._texts:
            self._lengths_by_head[text[:_WITHIN_WORDS]].add(len(text))
        self._forwards = _Beginnings(self._texts)
        self._backwards = _Beginnings(text[::-1] for text in self._texts)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._texts)

    @cached_property
    def _joined(self) -> str:
        return "\n".join(self._texts)

    @cached_property
    def _pieces(self) -> set[str]:
        """All pieces of `_WITHIN_WORDS` letters of the texts."""
        joined = self._joined
        return {
            joined[place : place + _WITHIN_WORDS]
            for place in range(len(joined) - _WITHIN_WORDS + 1)
        }

    def whole_texts(self, text: Folded, original: str) -> Iterator[Span]:
        """Yield where hidden texts of any length occur as a whole."""
        letters = text.letters
        for start in range(len(letters)):
            for size in range(1, _WITHIN_WORDS + 1):
                head = letters[start : start + size]
                for length in self._lengths_by_head.get(head, ()):
                    is_short = length < _WITHIN_WORDS
                    if is_short != (size < _WITHIN_WORDS):
                        continue
                    end = start + length
                    if letters[start:end] not in self._texts:
                        continue
                    if not is_short or _is_apart(text, original, start, end):
                        yield start, end

    def contain(self, letters: str) -> bool:
        """Return whether a hidden text contains these letters.

        A few of them as a whole word.
        """
        if len(letters) < _WITHIN_WORDS:
            return letters in self._words or letters in self._texts
        for place in range(len(letters) - _WITHIN_WORDS + 1):
            if letters[place : place + _WITHIN_WORDS] not in self._pieces:
                return False
        return letters in self._joined

    def cut_ends(self, letters: str, least: int = CUT_LEAST) -> Iterator[Span]:
        """Yield the ends of a text at which a hidden text is cut off.

        Args:
            letters: the folded text.
            least: the number of letters that must be the same, `CUT_LEAST` or more.
        """
        # it began before the text does
        length = self._backwards.length_at_end(letters[::-1], least)
        if length:
            yield 0, length
        # it goes on after the text
        length = self._forwards.length_at_end(letters, least)
        if length:
            yield len(letters) - length, len(letters)


class _Beginnings:
    """The beginnings of some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(texts)
        self._heads = {text[:CUT_LEAST] for text in self._texts}

    def length_at_end(self, letters: str, least: int) -> int:
        """Return the length of the longest end of a text with which one of these begins.

        One that is there as a whole does not count; 0 if there is none.
        """
        for start in range(len(letters) - least + 1):
            if letters[start : start + CUT_LEAST] not in self._heads:
                continue
            end = letters[start:]
            place = bisect_right(self._texts, end)
            if place < len(self._texts) and self._texts[place].startswith(end):
                return len(end)
        return 0


def _is_apart(text: Folded, original: str, start: int, end: int) -> bool:
    """Return whether letters are whole words of a text that separates words."""
    first = text.origins[start]
    last = text.origins[end - 1]
    return not (_in_one_word(original, first) or _in_one_word(original, last + 1))


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
