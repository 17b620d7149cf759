"""The labels of a marked figure, from the text layer of its page.

Letters are joined to pieces of lines over small gaps. Each letter is placed by the
direction in which it runs, so words up an axis are read as well. Boxes are in unrotated
user space.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from contextlib import closing
from ctypes import byref, c_double
from itertools import pairwise
from math import atan2, degrees, hypot
from operator import attrgetter
from typing import NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.chars import MARKERS, Char
from ankiforge.extract.pdf.cleaning import one_line
from ankiforge.extract.pdf.labels import (
    ACROSS,
    Box,
    FoundLabel,
    Piece,
    Placed,
    labels_of,
    number_of,
    span,
)
from ankiforge.extract.pdf.page_text import CJK, page_chars, visible

_MOST_LETTERS = 20_000
"""Letters in and around a frame; with more, it has no labels."""
NEAR = 0.3
"""How far beyond the frame letters are read, in parts of its width and height, to tell what the
frame cuts off."""


def find_labels(page: PdfPage, frame: Box) -> tuple[FoundLabel, ...]:
    """Return the labels inside a frame of a page, in no particular order."""
    with closing(page.get_textpage()) as text_page:
        letters = _letters(text_page, frame)
    if len(letters) > _MOST_LETTERS:
        return ()
    if not any(_is_within(letter, frame) for letter in letters):
        return ()

    # letters that follow one another on a line
    runs: list[_LetterRun] = []
    for letter in letters:
        if runs and runs[-1].goes_on_with(letter):
            runs[-1].add(letter)
        else:
            runs.append(_LetterRun(letter))

    # runs that stand close on one line but were printed at different times
    united: list[_LetterRun] = []
    rows: dict[tuple[int, int], list[_LetterRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.at.start):
        row = round(run.at.base / 4)
        close = [
            *rows[run.angle, row - 1],
            *rows[run.angle, row],
            *rows[run.angle, row + 1],
        ]
        home = next((other for other in reversed(close) if other.takes(run)), None)
        if home is None:
            united.append(run)
            rows[run.angle, row].append(run)
        else:
            for letter in run.letters:
                home.add(letter)

    pieces = []
    for run in united:
        words = run.words()
        # numbers in a row are several, as along an axis
        parts = [run]
        if all(number_of(word.text) is not None for word in words):
            parts = words
        for part in parts:
            inside = sum(_is_within(letter, frame) for letter in part.letters)
            piece = Piece(part.text, part.at, part.angle, inside / len(part.letters))
            pieces.append(piece)
    return labels_of(pieces, frame)


# --- letters ----------------------------------------------------------------------------

_UP = 0.74
"""How far letters reach above their line, in sizes of the font."""
_DOWN = 0.22
_UP_CJK = 0.88
_DOWN_CJK = 0.14


class Letter(NamedTuple):
    """A visible letter."""

    char: Char
    angle: int
    """The direction in which it runs, in degrees, to the left from the right."""
    at: Placed


def _is_within(letter: Letter, frame: Box) -> bool:
    left, bottom, right, top = frame
    return left <= letter.char.x <= right and bottom <= letter.char.y <= top


def _letters(text_page: PdfTextPage, frame: Box) -> list[Letter]:
    """Return the visible letters in and around a frame, in PDFium's order."""
    raw = text_page.raw
    left, bottom, right, top = frame
    margin_across = NEAR * (right - left)
    margin_along = NEAR * (top - bottom)
    matrix = pdfium_c.FS_MATRIX()
    x = c_double()
    y = c_double()
    letters = []
    for char in visible(page_chars(text_page)):
        if not bottom - margin_along <= char.y <= top + margin_along:
            continue
        if not left - margin_across <= char.x <= right + margin_across:
            continue

        # its direction, and the size of its font
        angle = 0
        size = char.height
        if pdfium_c.FPDFText_GetMatrix(raw, char.number, byref(matrix)):
            degrees_from_right = degrees(atan2(matrix.b, matrix.a))
            angle = round(degrees_from_right) % 360
            size = pdfium_c.FPDFText_GetFontSize(raw, char.number)
            size *= hypot(matrix.c, matrix.d)
        if angle not in ACROSS:
            continue
        height = char.width if angle in (90, 270) else char.height
        if not 0.4 * height < size < 2.5 * height:  # a font that is drawn, or damaged
            size = max(height, 0.5)

        # where it is in that direction, as high as its font
        direction = ACROSS[angle]
        direction_x, direction_y = direction
        box = (char.left, char.bottom, char.right, char.top)
        start, end = span(box, direction)
        pdfium_c.FPDFText_GetCharOrigin(raw, char.number, byref(x), byref(y))
        base = direction_x * y.value - direction_y * x.value
        up = _UP
        down = _DOWN
        if CJK.match(char.text):
            up = _UP_CJK
            down = _DOWN_CJK
        low = base - down * size
        high = base + up * size
        letters.append(Letter(char, angle, Placed(start, end, low, high, base, size)))
    return letters


# --- pieces of lines --------------------------------------------------------------------

_WORD_GAP = 0.6
"""Between words of one label, at most, in sizes of the font."""
_SHIFT = 0.5
"""How far a raised or lowered letter is from its line, at most, in sizes of the larger font."""
_OTHER_SIZE = 1.7
"""The sizes of two words of one label differ by this factor, at most."""
_SMALLEST_INDEX = 0.4
_LARGEST_INDEX = 0.85
"""The size of a raised or lowered number, in sizes of the word before it."""
_INDEX_SHIFT = 0.65
"""How far it is from the line of the word, at most."""
BLANK = 0.13
"""Between two words, at least, in sizes of the font."""


class _LetterRun:
    """Letters of one line, and where they are."""

    def __init__(self, letter: Letter) -> None:
        self.letters = [letter]
        self.angle = letter.angle
        self.at = letter.at

    def add(self, letter: Letter) -> None:
        """Take another letter; the largest one tells on which line they stand."""
        self.letters.append(letter)
        larger = max(self.at, letter.at, key=attrgetter("size"))
        self.at = Placed(
            start=min(self.at.start, letter.at.start),
            end=max(self.at.end, letter.at.end),
            low=min(self.at.low, letter.at.low),
            high=max(self.at.high, letter.at.high),
            base=larger.base,
            size=larger.size,
        )

    def goes_on_with(self, letter: Letter) -> bool:
        """Return whether a letter is the next one on the line."""
        last = self.letters[-1]
        size = max(self.at.size, letter.at.size)
        smaller_size = min(last.at.size, letter.at.size)
        if letter.char.number != last.char.number + 1:
            if size > _OTHER_SIZE * smaller_size:
                return False
        return (
            letter.angle == self.angle
            and abs(self.at.base - letter.at.base) <= _SHIFT * size
            and -size <= _gap(last, letter) <= _WORD_GAP * size
        )

    def takes(self, other: _LetterRun) -> bool:
        """Return whether another run goes on where it ends, or is an index of it: e², x₁."""
        word, index = self.at, other.at
        size = max(word.size, index.size)
        if size <= 1.25 * min(word.size, index.size):
            if abs(word.base - index.base) <= 0.15 * size:
                if -0.3 * size < index.start - word.end < 0.4 * size:
                    return True
        if not _SMALLEST_INDEX * word.size < index.size < _LARGEST_INDEX * word.size:
            return False
        if abs(word.base - index.base) > _INDEX_SHIFT * word.size:
            return False
        # of two indices, one above the other, the second begins where the first does
        earliest = word.end - (index.end - index.start) - 0.1 * word.size
        return earliest < index.start < word.end + 0.2 * word.size

    def words(self) -> list[_LetterRun]:
        """Return its words."""
        words = [_LetterRun(self.letters[0])]
        for last, letter in pairwise(self.letters):
            if (
                letter.char.number != last.char.number + 1
                and _gap(last, letter) > BLANK * self.at.size
            ):
                words.append(_LetterRun(letter))
            else:
                words[-1].add(letter)
        return words

    @property
    def text(self) -> str:
        """The text of its words."""
        words = []
        for word in self.words():
            shown = []
            for letter in word.letters:
                shown.append("-" if letter.char.text in MARKERS else letter.char.text)
            words.append("".join(shown))
        return unicodedata.normalize("NFC", one_line(" ".join(words)))


def _gap(last: Letter, letter: Letter) -> float:
    """Return how far apart two letters are on their line, which may run from the right."""
    return max(letter.at.start - last.at.end, last.at.start - letter.at.end)
