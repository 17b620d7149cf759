"""Read the labels of a figure from the text layer of its page.

CharReader with small gaps are joined into chunks of text, from which `figure_labels` selects the
labels. Positions are measured along and across each line, so rotated text, e.g. along a vertical
axis, is read as well. Boxes are in unrotated user space.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from ctypes import byref, c_double
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.pdf.boxes import Box, is_point_in_box
from ankiforge.extract.pdf.chars import CJK, HYPHEN_MARKERS, Char
from ankiforge.extract.pdf.figure_labels import (
    READING_DIRECTIONS,
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


_LATIN_EXTENT = (0.74, 0.22)
"""The usual ascent and descent of letters, relative to the font size."""
_CJK_EXTENT = (0.88, 0.14)
"""The usual ascent and descent of Chinese and Japanese characters, relative to the font size."""


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
    pieces = []
    for run in _join_runs(_build_runs(letters)):
        for part in run.split_numbers():
            inside_count = sum(_is_within(letter, frame) for letter in part.letters)
            fraction = inside_count / len(part.letters)
            pieces.append(Piece(part.text, part.extent, part.angle, fraction))
    return find_labels_in_pieces(pieces, frame)


def _build_runs(letters: Iterable[Letter]) -> list[_LetterRun]:
    """Group consecutive letters that are printed one after the other on a line."""
    runs: list[_LetterRun] = []
    for letter in letters:
        if runs and runs[-1].is_continued_by(letter):
            runs[-1].add(letter)
        else:
            runs.append(_LetterRun(letter))
    return runs


_ROW_HEIGHT = 4
"""The height of the rows in which runs are looked up by their baseline, in points."""


def _join_runs(runs: Iterable[_LetterRun]) -> list[_LetterRun]:
    """Join runs that are close on a line but weren't printed consecutively."""
    joined_runs: list[_LetterRun] = []
    runs_by_row: dict[tuple[int, int], list[_LetterRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.extent.start):
        row = round(run.extent.baseline / _ROW_HEIGHT)
        nearby_runs: list[_LetterRun] = []
        for near_row in (row + 1, row, row - 1):
            # the last run of a row is the closest one
            nearby_runs += reversed(runs_by_row[run.angle, near_row])
        earlier_run = _find_continued_run(nearby_runs, run)
        if earlier_run is not None:
            earlier_run.add_run(run)
        else:
            joined_runs.append(run)
            runs_by_row[run.angle, row].append(run)
    return joined_runs


def _find_continued_run(runs: Iterable[_LetterRun], run: _LetterRun) -> _LetterRun | None:
    """Return the first of some runs that `run` continues, or None."""
    for earlier in runs:
        if earlier.is_continued_by_run(run):
            return earlier
    return None


# --- letters ----------------------------------------------------------------------------


class Letter(NamedTuple):
    """A visible character with its reading direction and its position along its line."""

    char: Char
    angle: int
    """The reading direction in degrees, counterclockwise. 0 is from left to right."""
    position: Position


def _is_within(letter: Letter, frame: Box) -> bool:
    return is_point_in_box(letter.char.x, letter.char.y, frame)


def _read_letters(text_page: PdfTextPage, frame: Box) -> list[Letter]:
    """Return the visible characters in and around a frame, in the order of PDFium.

    Slanted text is skipped.
    """
    area = _add_reading_margin(frame)
    reader = CharReader(text_page)
    letters = []
    for char in iter_visible_chars(read_chars(text_page)):
        if not is_point_in_box(char.x, char.y, area):
            continue
        angle = reader.get_angle(char.char_index)
        if angle in READING_DIRECTIONS:
            position = _measure_position(text_page, reader, char, angle)
            letters.append(Letter(char, angle, position))
    return letters


def _add_reading_margin(frame: Box) -> Box:
    left, bottom, right, top = frame
    margin_x = MARGIN_FRACTION * (right - left)
    margin_y = MARGIN_FRACTION * (top - bottom)
    return (left - margin_x, bottom - margin_y, right + margin_x, top + margin_y)


def _measure_position(
    text_page: PdfTextPage, reader: CharReader, char: Char, angle: int
) -> Position:
    """Measure the position of a character along and across its line.

    The edges across the line are derived from the font size, using the usual ascent and descent of
    letters. The baseline is the distance of the character's origin from a line through the origin
    of the page in the reading direction.
    """
    is_vertical = angle in (90, 270)
    height = char.width if is_vertical else char.height
    size = reader.get_font_size(char.char_index, height)
    direction = READING_DIRECTIONS[angle]
    box = (char.left, char.bottom, char.right, char.top)
    start, end = project_box(box, direction)
    x, y = c_double(), c_double()
    pdfium_c.FPDFText_GetCharOrigin(text_page.raw, char.char_index, byref(x), byref(y))
    direction_x, direction_y = direction
    baseline = direction_x * y.value - direction_y * x.value
    ascent, descent = _LATIN_EXTENT
    if CJK.match(char.text):
        ascent, descent = _CJK_EXTENT
    low = baseline - descent * size
    high = baseline + ascent * size
    return Position(start, end, low, high, baseline, size)


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

    def add_run(self, other: _LetterRun) -> None:
        """Append the letters of another run."""
        for letter in other.letters:
            self.add(letter)

    def is_continued_by(self, letter: Letter) -> bool:
        """Return whether a letter follows the last letter on its line, at about the same size."""
        if letter.angle != self.angle:
            return False
        last = self.letters[-1]
        size = max(self.extent.size, letter.position.size)
        smaller_size = min(last.position.size, letter.position.size)
        is_next = letter.char.char_index == last.char.char_index + 1
        if not is_next and size > _MAX_SIZE_RATIO * smaller_size:
            return False
        shift = abs(self.extent.baseline - letter.position.baseline)
        if shift > _MAX_BASELINE_SHIFT * size:
            return False
        return -size <= _measure_gap(last, letter) <= _MAX_WORD_GAP * size

    def is_continued_by_run(self, other: _LetterRun) -> bool:
        """Return whether `other` continues this run, or is a superscript or subscript of it."""
        return self._is_continued_on_line(other.extent) or self._has_script(other.extent)

    def _is_continued_on_line(self, other: Position) -> bool:
        """Return whether a run of similar size begins at the end of this run, on its baseline."""
        word = self.extent
        size = max(word.size, other.size)
        if size > 1.25 * min(word.size, other.size):
            return False
        if abs(word.baseline - other.baseline) > 0.15 * size:
            return False
        return -0.3 * size < other.start - word.end < 0.4 * size

    def _has_script(self, other: Position) -> bool:
        """Return whether a smaller run is a superscript or subscript at the end of this run."""
        word = self.extent
        if not _MIN_SCRIPT_SIZE * word.size < other.size < _MAX_SCRIPT_SIZE * word.size:
            return False
        if abs(word.baseline - other.baseline) > _MAX_SCRIPT_SHIFT * word.size:
            return False
        # a superscript and a subscript of the same word begin at the same position
        earliest = word.end - (other.end - other.start) - 0.1 * word.size
        return earliest < other.start < word.end + 0.2 * word.size

    def split_numbers(self) -> list[_LetterRun]:
        """Split a run that consists only of numbers, such as tick labels, into these numbers."""
        words = self.split_words()
        if all(parse_number(word.text) is not None for word in words):
            return words
        return [self]

    def split_words(self) -> list[_LetterRun]:
        words = [_LetterRun(self.letters[0])]
        min_gap = MIN_WORD_GAP * self.extent.size
        for previous, letter in pairwise(self.letters):
            is_next = letter.char.char_index == previous.char.char_index + 1
            if is_next or _measure_gap(previous, letter) <= min_gap:
                words[-1].add(letter)
            else:
                words.append(_LetterRun(letter))
        return words

    @property
    def text(self) -> str:
        text = ""
        for word in self.split_words():
            for letter in word.letters:
                char = letter.char.text
                text += "-" if char in HYPHEN_MARKERS else char
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
