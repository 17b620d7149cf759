"""Read the labels of a figure from the text layer of its page.

CharReader with small gaps are joined into chunks of text, from which `figure_labels` selects the
labels. Positions are measured along and across each line, so rotated text, e.g. along a vertical
axis, is read as well. Boxes are in unrotated user space.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from contextlib import closing
from ctypes import byref, c_double
from itertools import chain, pairwise
from operator import attrgetter
from typing import NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.chars import CJK, HYPHEN_MARKERS, Char
from ankiforge.extract.pdf.cleaning import to_one_line
from ankiforge.extract.pdf.figure_labels import (
    READING_DIRECTIONS,
    Box,
    DetectedLabel,
    Piece,
    Position,
    find_labels_in_pieces,
    parse_number,
    project_box,
)
from ankiforge.extract.pdf.letters import (
    CharReader,
    iter_visible_chars,
    read_chars,
)

_MAX_LETTERS = 20_000
"""The maximum number of letters in and around a frame. If there are more, no labels are read."""
MARGIN_FRACTION = 0.3
"""The width of the margin around the frame in which letters are read, as a fraction of the frame's
width and height. This detects text that extends beyond the frame.
"""


def find_figure_labels(page: PdfPage, frame: Box) -> tuple[DetectedLabel, ...]:
    """Return the labels inside a frame on a page, in no particular order.

    Returns () if the frame contains no letters, or too many for a figure.
    """
    with closing(page.get_textpage()) as text_page:
        letters = _read_letters(text_page, frame)
    if len(letters) > _MAX_LETTERS:
        return ()
    if not any(_is_within(letter, frame) for letter in letters):
        return ()

    # join consecutive letters of a line
    runs: list[_LetterRun] = []
    for letter in letters:
        if runs and runs[-1].is_continued_by(letter):
            runs[-1].add(letter)
        else:
            runs.append(_LetterRun(letter))

    # join runs that are close to each other on one line but weren't printed consecutively
    joined_runs: list[_LetterRun] = []
    runs_by_row: dict[tuple[int, int], list[_LetterRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.extent.start):
        row = round(run.extent.baseline / 4)
        nearby_runs = chain.from_iterable(
            reversed(runs_by_row[run.angle, near]) for near in (row + 1, row, row - 1)
        )
        for other in nearby_runs:
            if other.is_continued_by_run(run):
                for letter in run.letters:
                    other.add(letter)
                break
        else:
            joined_runs.append(run)
            runs_by_row[run.angle, row].append(run)

    pieces = []
    for run in joined_runs:
        words = run.split_words()
        # a run that consists only of numbers, such as tick labels, is split into these numbers
        is_numeric = all(parse_number(word.text) is not None for word in words)
        for part in words if is_numeric else [run]:
            inside_count = sum(_is_within(letter, frame) for letter in part.letters)
            fraction = inside_count / len(part.letters)
            pieces.append(Piece(part.text, part.extent, part.angle, fraction))
    return find_labels_in_pieces(pieces, frame)


# --- letters ----------------------------------------------------------------------------


class Letter(NamedTuple):
    """A visible character with its reading direction and its position along its line."""

    char: Char
    angle: int
    """The reading direction in degrees, counterclockwise. 0 is from left to right."""
    position: Position


def _is_within(letter: Letter, frame: Box) -> bool:
    left, bottom, right, top = frame
    return left <= letter.char.x <= right and bottom <= letter.char.y <= top


def _read_letters(text_page: PdfTextPage, frame: Box) -> list[Letter]:
    """Return the visible characters in and around a frame, in the order of PDFium.

    Slanted text is skipped.
    """
    raw = text_page.raw
    left, bottom, right, top = frame
    margin_x = MARGIN_FRACTION * (right - left)
    margin_y = MARGIN_FRACTION * (top - bottom)
    page_letters = CharReader(text_page)
    x = c_double()
    y = c_double()
    letters = []
    for char in iter_visible_chars(read_chars(text_page)):
        if not bottom - margin_y <= char.y <= top + margin_y:
            continue
        if not left - margin_x <= char.x <= right + margin_x:
            continue

        angle = page_letters.get_angle(char.char_index)
        if angle not in READING_DIRECTIONS:
            continue
        height = char.width if angle in (90, 270) else char.height
        size = page_letters.get_font_size(char.char_index, height)

        # Determine the position along and across the line. The edges across the line are derived
        # from the font size, using the usual ascent and descent of letters.
        direction = READING_DIRECTIONS[angle]
        direction_x, direction_y = direction
        box = (char.left, char.bottom, char.right, char.top)
        start, end = project_box(box, direction)
        pdfium_c.FPDFText_GetCharOrigin(raw, char.char_index, byref(x), byref(y))
        base = direction_x * y.value - direction_y * x.value
        ascent, descent = (0.88, 0.14) if CJK.match(char.text) else (0.74, 0.22)
        low = base - descent * size
        high = base + ascent * size
        letters.append(Letter(char, angle, Position(start, end, low, high, base, size)))
    return letters


# --- pieces of lines --------------------------------------------------------------------

_MAX_WORD_GAP = 0.6
"""The maximum gap between two words of a label, relative to the font size."""
_MAX_BASELINE_SHIFT = 0.5
"""The maximum distance of a letter from the baseline, relative to the larger font size."""
_MAX_SIZE_RATIO = 1.7
"""The maximum ratio between the font sizes of two words of a label."""
_MIN_SCRIPT_SIZE = 0.4
"""The minimum size of a superscript or subscript, relative to its word."""
_MAX_SCRIPT_SIZE = 0.85
"""The maximum size of a superscript or subscript, relative to its word."""
_MAX_SCRIPT_SHIFT = 0.65
"""The maximum distance of a superscript or subscript from the baseline, relative to the size of its
word.
"""
MIN_WORD_GAP = 0.13
"""The minimum gap between two words, relative to the font size."""


class _LetterRun:
    def __init__(self, letter: Letter) -> None:
        self.letters = [letter]
        self.angle = letter.angle
        self.extent = letter.position

    def add(self, letter: Letter) -> None:
        """Append a letter. The run takes its baseline and size from its largest letter."""
        self.letters.append(letter)
        larger = max(self.extent, letter.position, key=attrgetter("size"))
        self.extent = Position(
            start=min(self.extent.start, letter.position.start),
            end=max(self.extent.end, letter.position.end),
            low=min(self.extent.low, letter.position.low),
            high=max(self.extent.high, letter.position.high),
            baseline=larger.baseline,
            size=larger.size,
        )

    def is_continued_by(self, letter: Letter) -> bool:
        last = self.letters[-1]
        size = max(self.extent.size, letter.position.size)
        smaller_size = min(last.position.size, letter.position.size)
        is_next = letter.char.char_index == last.char.char_index + 1
        return (
            (is_next or size <= _MAX_SIZE_RATIO * smaller_size)
            and letter.angle == self.angle
            and abs(self.extent.baseline - letter.position.baseline)
            <= _MAX_BASELINE_SHIFT * size
            and -size <= _measure_gap(last, letter) <= _MAX_WORD_GAP * size
        )

    def is_continued_by_run(self, other: _LetterRun) -> bool:
        """Return whether `other` continues this run, or is a superscript or subscript of it."""
        word, index = self.extent, other.extent
        size = max(word.size, index.size)
        shift = abs(word.baseline - index.baseline)
        if (
            size <= 1.25 * min(word.size, index.size)
            and shift <= 0.15 * size
            and -0.3 * size < index.start - word.end < 0.4 * size
        ):
            return True
        # a superscript and a subscript of the same word begin at the same position
        earliest = word.end - (index.end - index.start) - 0.1 * word.size
        return (
            _MIN_SCRIPT_SIZE * word.size < index.size < _MAX_SCRIPT_SIZE * word.size
            and shift <= _MAX_SCRIPT_SHIFT * word.size
            and earliest < index.start < word.end + 0.2 * word.size
        )

    def split_words(self) -> list[_LetterRun]:
        words = [_LetterRun(self.letters[0])]
        for previous, letter in pairwise(self.letters):
            if (
                letter.char.char_index != previous.char.char_index + 1
                and _measure_gap(previous, letter) > MIN_WORD_GAP * self.extent.size
            ):
                words.append(_LetterRun(letter))
            else:
                words[-1].add(letter)
        return words

    @property
    def text(self) -> str:
        text = ""
        for word in self.split_words():
            chars = [letter.char.text for letter in word.letters]
            text += "".join("-" if char in HYPHEN_MARKERS else char for char in chars)
            text += " "
        return unicodedata.normalize("NFC", to_one_line(text))


def _measure_gap(previous: Letter, letter: Letter) -> float:
    """Return the gap between two letters on a line. It is negative if they overlap.

    Either letter may be displayed first.
    """
    return max(
        letter.position.start - previous.position.end,
        previous.position.start - letter.position.end,
    )
