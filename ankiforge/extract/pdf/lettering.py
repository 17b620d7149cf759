"""The text and the shapes of a marked figure, from the text layer of its page.

Letters are joined to pieces of lines over small gaps. Each letter is placed by the
direction in which it runs, so words up an axis are read as well. Boxes are in unrotated
user space.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from ctypes import byref, c_double, c_float
from itertools import islice, pairwise
from math import atan2, degrees, hypot
from operator import attrgetter
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage, PdfTextPage

from ankiforge.extract.pdf.cleaning import one_line
from ankiforge.extract.pdf.labels import (
    ACROSS,
    Box,
    Drawing,
    FoundLabel,
    Piece,
    Placed,
    labels_of,
    number_of,
    span,
    union,
)
from ankiforge.extract.pdf.text import CJK, MARKERS, Char, page_chars, visible

_MOST_OBJECTS = 20_000
"""Paths on a page that are looked at."""
DEEPEST_FORM = 4
"""Forms within forms that are looked into."""
_MOST_SEGMENTS = 400
"""Segments of a path that is taken apart."""
_MOST_SHAPES = 1000
"""Rules and small shapes in a frame that are compared with its words."""
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
    return labels_of(pieces, frame, _drawing(page, frame))


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


# --- what is drawn ----------------------------------------------------------------------


THIN = 2.6
"""A rule is no higher, in points."""
_LONGEST_SIGN = 60
"""A shape before an entry of a legend is no longer, in points."""


def _drawing(page: PdfPage, frame: Box) -> Drawing:
    """Return the level lines and the small shapes that reach into a frame."""
    rules: list[Box] = []
    signs: list[Box] = []
    count = pdfium_c.FPDFPage_CountObjects(page)
    objects = (pdfium_c.FPDFPage_GetObject(page, number) for number in range(count))
    for path in islice(_paths_among(objects, _UNCHANGED, 0), _MOST_OBJECTS):
        if not _reaches_into(path.box, frame):
            continue
        # gnuplot draws a curve and its sample in the legend as one path
        for box in _parts(path) or [path.box]:
            left, bottom, right, top = box
            width = right - left
            height = top - bottom
            if not _reaches_into(box, frame):
                continue
            if height <= THIN and width > 4 * THIN:
                rules.append(box)
            elif min(width, height) <= 14 and max(width, height) <= _LONGEST_SIGN:
                signs.append(box)
    return Drawing(tuple(rules[:_MOST_SHAPES]), tuple(signs[:_MOST_SHAPES]))


def _reaches_into(box: Box, frame: Box) -> bool:
    return not (
        box[2] < frame[0] or box[0] > frame[2] or box[3] < frame[1] or box[1] > frame[3]
    )


class _Path(NamedTuple):
    """A path on a page."""

    shape: Any
    box: Box
    to_page: _Matrix
    """The transformation of the places of its segments into those of the page."""


DRAWN = (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_IMAGE)
"""What may be a sample in a legend. An image has no segments."""


def _paths_among(objects: Iterable[Any], to_page: _Matrix, depth: int) -> Iterator[_Path]:
    """Yield the paths and images among objects, also within forms.

    `to_page` turns their places into those of the page. A figure that a paper takes from a
    file of its own is a form.
    """
    for shape in objects:
        kind = pdfium_c.FPDFPageObj_GetType(shape)
        if kind in DRAWN:
            left = c_float()
            bottom = c_float()
            right = c_float()
            top = c_float()
            edges = (left, bottom, right, top)
            if pdfium_c.FPDFPageObj_GetBounds(shape, *map(byref, edges)):
                box = to_page.applied((left.value, bottom.value, right.value, top.value))
                yield _Path(shape, box, to_page.after(_matrix_of(shape)))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < DEEPEST_FORM:
            count = min(pdfium_c.FPDFFormObj_CountObjects(shape), _MOST_OBJECTS)
            numbers = range(count)
            parts = (pdfium_c.FPDFFormObj_GetObject(shape, number) for number in numbers)
            yield from _paths_among(parts, to_page.after(_matrix_of(shape)), depth + 1)


class _Matrix(NamedTuple):
    """A transformation of places: x' = a x + c y + e, y' = b x + d y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def after(self, first: _Matrix) -> _Matrix:
        """Return the transformation that is `first` and then this one."""
        a = self.a * first.a + self.c * first.b
        b = self.b * first.a + self.d * first.b
        c = self.a * first.c + self.c * first.d
        d = self.b * first.c + self.d * first.d
        e = self.a * first.e + self.c * first.f + self.e
        f = self.b * first.e + self.d * first.f + self.f
        return _Matrix(a, b, c, d, e, f)

    def applied(self, box: Box) -> Box:
        """Return the upright box around a transformed box."""
        if self == _UNCHANGED:
            return box
        left, right = span(box, (self.a, self.c))
        bottom, top = span(box, (self.b, self.d))
        return (left + self.e, bottom + self.f, right + self.e, top + self.f)


_UNCHANGED = _Matrix(1, 0, 0, 1, 0, 0)


def _matrix_of(form: Any) -> _Matrix:
    matrix = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(form, byref(matrix)):
        return _UNCHANGED
    return _Matrix(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


_MOVE = pdfium_c.FPDF_SEGMENT_MOVETO
_FEWEST_POINTS = 4


def _parts(path: _Path) -> list[Box]:
    """Return the box of each line and shape of a path; [] if it is not taken apart."""
    count = pdfium_c.FPDFPath_CountSegments(path.shape)
    if not _FEWEST_POINTS <= count <= _MOST_SEGMENTS:
        return []
    lines: list[list[Box]] = []
    x = c_float()
    y = c_float()
    for number in range(count):
        segment = pdfium_c.FPDFPath_GetPathSegment(path.shape, number)
        if not lines or pdfium_c.FPDFPathSegment_GetType(segment) == _MOVE:
            lines.append([])
        pdfium_c.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        lines[-1].append((x.value, y.value, x.value, y.value))
    return [path.to_page.applied(union(points)) for points in lines]
