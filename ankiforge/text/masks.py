"""Find where a text repeats texts that must not be shown, and mask those places.

Texts are compared folded: letters and digits only, without case. A folded text keeps
the offset of each of its letters in the original, so that what is masked there are
whole words.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from ankiforge.model import Span
from ankiforge.text import regex

MASK = "[…]"
"""Stands where something is not shown."""
LONG_ENOUGH = 20
"""The length, in folded characters, from which equal words are not a coincidence."""
# Folded characters of a text that was cut off, by which its beginning or end is
# recognised.
_CUT_LEAST = 3
# Folded characters from which words are found within other words.
_WITHIN_WORDS = 6
# Of each hidden text, a piece of this length is indexed at every STEP-th place: of any
# LONG_ENOUGH characters in a row, one piece is whole.
_PIECE = 10
_STEP = LONG_ENOUGH - _PIECE + 1

_NOT_LETTERS = regex(r"[\W_]+")
# Scripts that separate no words by blanks, or that join particles to them.
_UNSPACED = regex(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
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
    """Texts that must not be shown."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = set[str]()
        """The words of all texts."""
        folded_texts = set[str]()
        for text in texts:
            folded_texts.add(folded(text).letters)
            for word in text.split():
                self._words.add(folded(word).letters)
        folded_texts.discard("")
        self._texts = sorted(folded_texts)
        self._pieces = _index_of(self._texts)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._texts)

    def long_runs(self, text: Folded) -> Iterator[Span]:
        """Yield what a text shares with a hidden one, from `LONG_ENOUGH` letters on."""
        letters = text.letters
        done = 0
        for place in range(len(letters) - _PIECE + 1):
            if place < done:
                continue
            piece = letters[place : place + _PIECE]
            for number, hidden_place in self._pieces.get(piece, ()):
                hidden = self._texts[number]
                start, end = _extended(letters, place, hidden, hidden_place)
                if end - start >= LONG_ENOUGH:
                    yield start, end
                    done = max(done, end)

    def whole_texts(self, text: Folded, original: str) -> Iterator[Span]:
        """Yield where hidden texts of any length occur as a whole."""
        for hidden in self._texts:
            may_be_within_words = len(hidden) >= _WITHIN_WORDS
            start = text.letters.find(hidden)
            while start >= 0:
                end = start + len(hidden)
                if may_be_within_words or _is_apart(text, original, start, end):
                    yield start, end
                start = text.letters.find(hidden, start + 1)

    def contain(self, letters: str) -> bool:
        """Return whether a hidden text contains these letters.

        A few of them as a whole word.
        """
        if len(letters) < _WITHIN_WORDS:
            return letters in self._words or letters in self._texts
        return any(letters in hidden for hidden in self._texts)

    def cut_ends(self, letters: str, least: int = _CUT_LEAST) -> Iterator[Span]:
        """Yield the ends of a text at which a hidden text is cut off.

        Args:
            letters: the folded text.
            least: the number of letters that must be the same.
        """
        if len(letters) < least:
            return
        for hidden in self._texts:
            # it began before the text does
            length = _cut_at_start(letters, hidden, least)
            if length:
                yield 0, length
            # it goes on after the text
            length = _cut_at_end(letters, hidden, least)
            if length:
                yield len(letters) - length, len(letters)


def _index_of(texts: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Return pieces of long texts, each with the numbers of texts and its places."""
    pieces: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        if len(text) < LONG_ENOUGH:
            continue
        for place in range(0, len(text) - _PIECE + 1, _STEP):
            pieces[text[place : place + _PIECE]].append((number, place))
    return pieces


def _cut_at_start(letters: str, hidden: str, least: int) -> int:
    """Return how many letters at the end of a hidden text begin a text, 0 if none."""
    head = letters[:least]
    place = hidden.find(head, 1)
    while place >= 0:
        if letters.startswith(hidden[place:]):
            return len(hidden) - place
        place = hidden.find(head, place + 1)
    return 0


def _cut_at_end(letters: str, hidden: str, least: int) -> int:
    """Return how many letters at the start of a hidden text end a text, 0 if none."""
    tail = letters[-least:]
    place = hidden.rfind(tail, 0, len(hidden) - 1)
    while place >= 0:
        length = place + least
        if letters.endswith(hidden[:length]):
            return length
        place = hidden.rfind(tail, 0, length - 1)
    return 0


def _extended(letters: str, place: int, hidden: str, hidden_place: int) -> Span:
    """Return the longest run of letters around a place that two texts share there."""
    start = place
    hidden_start = hidden_place
    while start and hidden_start and letters[start - 1] == hidden[hidden_start - 1]:
        start -= 1
        hidden_start -= 1
    end = place
    hidden_end = hidden_place
    while end < len(letters) and hidden_end < len(hidden):
        if letters[end] != hidden[hidden_end]:
            break
        end += 1
        hidden_end += 1
    return start, end


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
