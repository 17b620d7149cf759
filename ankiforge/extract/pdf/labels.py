"""The text and the shapes of a marked figure, from the text layer of its page.

Letters are joined to pieces of lines over small gaps. Each letter is placed by the
direction in which it runs, so words up an axis are read as well. Boxes are in unrotated
user space.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ctypes import byref, c_double, c_float
from itertools import islice, pairwise
from math import atan2, degrees, hypot
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage

from ankiforge.extract.figures.labels import labels_of
from ankiforge.extract.figures.left_out import number_of
from ankiforge.extract.figures.values import (
    ACROSS,
    Box,
    Drawing,
    FoundLabel,
    Piece,
    Placed,
    Point,
    span,
    union,
)
from ankiforge.extract.pdf.chars import CJK, MARKERS, Char, page_chars, visible
from ankiforge.extract.pdf.clean import one_line

MOST_OBJECTS = 20_000
"""Paths on a page that are looked at."""
DEEPEST_FORM = 4
"""Forms within forms that are looked into."""
MOST_SEGMENTS = 400
"""Segments of a path that is taken apart."""
MOST_SHAPES = 1000
"""Rules and small shapes in a frame that are compared with its words."""
MOST_LETTERS = 20_000
"""Letters in and around a frame; with more, it has no labels."""
NEAR = 0.3
"""How far beyond the frame letters are read, in parts of its width and height, to tell what the
frame cuts off."""


def find_labels(page: PdfPage, frame: Box) -> tuple[FoundLabel, ...]:
    """Return the labels inside a frame of a page, in no particular order."""
    letters = _letters(page, frame)
    if len(letters) > MOST_LETTERS:
        return ()
    if not any(_is_within(letter, frame) for letter in letters):
        return ()
    drawing = _drawing(page, frame)
    return labels_of(_pieces(letters, frame), frame, drawing)


# --- letters ----------------------------------------------------------------------------

UP = 0.74
"""How far letters reach above their line, in sizes of the font."""
DOWN = 0.22
UP_CJK = 0.88
DOWN_CJK = 0.14
SAME_ANGLE = 1
"""Letters of one word are turned by the same angle, up to so many degrees."""


class Letter(NamedTuple):
    """A visible letter."""

    char: Char
    angle: int
    """The direction in which it runs, in degrees, to the left from the right."""
    at: Placed

    @property
    def box(self) -> Box:
        """The box around it, as high as its font."""
        return (self.char.left, self.char.bottom, self.char.right, self.char.top)


def _is_within(letter: Letter, frame: Box) -> bool:
    left, bottom, right, top = frame
    return left <= letter.char.x <= right and bottom <= letter.char.y <= top


class _Geometry:
    """What PDFium tells of the letters of a page besides their boxes."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._matrix = pdfium_c.FS_MATRIX()
        self._last_angle = 0
        self._numbers = (c_double(), c_double())
        self._pointers = tuple(map(byref, self._numbers))

    def placed(self, char: Char) -> tuple[int, Placed] | None:
        """Return in which direction a letter runs, and where it is in it; None if it is slanted."""
        angle, size = self._angle_and_size(char)
        if angle not in ACROSS:
            return None
        direction = ACROSS[angle]
        base = self._base(char.number, direction)
        start, end = span((char.left, char.bottom, char.right, char.top), direction)
        up, down = UP, DOWN
        if CJK.match(char.text):
            up, down = UP_CJK, DOWN_CJK
        return angle, Placed(start, end, base - down * size, base + up * size, base, size)

    def _angle_and_size(self, char: Char) -> tuple[int, float]:
        """Return the direction of a letter in degrees, and the size of its font."""
        angle = 0
        size = char.height
        matrix = self._matrix
        if pdfium_c.FPDFText_GetMatrix(self._raw, char.number, byref(matrix)):
            angle = round(degrees(atan2(matrix.b, matrix.a))) % 360
            if abs(angle - self._last_angle) <= SAME_ANGLE:
                angle = self._last_angle
            self._last_angle = angle
            scale = hypot(matrix.c, matrix.d)
            size = pdfium_c.FPDFText_GetFontSize(self._raw, char.number) * scale
        height = char.width if angle in (90, 270) else char.height
        is_plausible = 0.4 * height < size < 2.5 * height
        if not is_plausible:  # a font that is drawn, or damaged
            size = max(height, 0.5)
        return angle, size

    def _base(self, number: int, direction: tuple[float, float]) -> float:
        """Return the level on which a letter stands."""
        x, y = self._numbers
        pdfium_c.FPDFText_GetCharOrigin(self._raw, number, *self._pointers)
        return direction[0] * y.value - direction[1] * x.value


def _letters(page: PdfPage, frame: Box) -> list[Letter]:
    """Return the visible letters in and around a frame, in PDFium's order."""
    text_page = page.get_textpage()
    geometry = _Geometry(text_page.raw)
    left, bottom, right, top = frame
    across = NEAR * (right - left)
    along = NEAR * (top - bottom)
    letters = []
    for char in visible(page_chars(text_page)):
        is_beside = left - across <= char.x <= right + across
        if is_beside and bottom - along <= char.y <= top + along:
            placed = geometry.placed(char)
            if placed is not None:
                letters.append(Letter(char, *placed))
    text_page.close()
    return letters


# --- pieces of lines --------------------------------------------------------------------

WORD_GAP = 0.6
"""Between words of one label, at most, in sizes of the font."""
SHIFT = 0.5
"""How far a raised or lowered letter is from its line, at most, in sizes of the larger font."""
OTHER_SIZE = 1.7
"""The sizes of two words of one label differ by this factor, at most."""
SMALLEST_INDEX = 0.4
LARGEST_INDEX = 0.85
"""The size of a raised or lowered number, in sizes of the word before it."""
INDEX_SHIFT = 0.65
"""How far it is from the line of the word, at most."""
BLANK = 0.13
"""Between two words, at least, in sizes of the font."""


class _Run:
    """Letters of one line, and where they are."""

    def __init__(self, letter: Letter) -> None:
        self.letters = [letter]
        self.angle = letter.angle
        self.start = letter.at.start
        self.end = letter.at.end
        self.base = letter.at.base
        self.size = letter.at.size

    def add(self, letter: Letter) -> None:
        """Take another letter."""
        self.letters.append(letter)
        self.start = min(self.start, letter.at.start)
        self.end = max(self.end, letter.at.end)
        if letter.at.size > self.size:
            self.size = letter.at.size
            self.base = letter.at.base


def _pieces(letters: Sequence[Letter], frame: Box) -> list[Piece]:
    """Join letters that follow one another on a line, then what was printed apart."""
    runs: list[_Run] = []
    for letter in letters:
        if runs and _follows(runs[-1], letter):
            runs[-1].add(letter)
        else:
            runs.append(_Run(letter))
    pieces = []
    for run in _united(runs):
        for name in _names_in_a_row(run):
            pieces.append(_piece(name, frame))
    return pieces


def _follows(run: _Run, letter: Letter) -> bool:
    """Return whether a letter goes on with a run of letters."""
    last = run.letters[-1]
    at = letter.at
    if letter.angle != run.angle:
        return False
    size = max(run.size, at.size)
    if abs(run.base - at.base) > SHIFT * size:
        return False
    between = letter.char.number - last.char.number - 1
    if between and size > OTHER_SIZE * min(last.at.size, at.size):
        return False
    gap = _gap(last, letter)
    return -size <= gap <= WORD_GAP * size


def _united(runs: list[_Run]) -> list[_Run]:
    """Join runs that stand close on one line but were printed at different times."""
    united: list[_Run] = []
    rows: dict[tuple[int, int], list[_Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.start):
        row = round(run.base / 4)
        home = None
        for near in (row - 1, row, row + 1):
            for other in rows.get((run.angle, near), ()):
                if _is_beside(other, run) or _is_index(other, run):
                    home = other
        if home is None:
            united.append(run)
            rows[run.angle, row].append(run)
        else:
            for letter in run.letters:
                home.add(letter)
    return united


def _is_beside(first: _Run, second: _Run) -> bool:
    """Return whether a run goes on where another one ends."""
    size = max(first.size, second.size)
    if (
        size > 1.25 * min(first.size, second.size)
        or abs(first.base - second.base) > 0.15 * size
    ):
        return False
    return -0.3 * size < second.start - first.end < 0.4 * size


def _is_index(word: _Run, index: _Run) -> bool:
    """Return whether a small run is raised or lowered at the end of a word: e², x₁."""
    if not SMALLEST_INDEX * word.size < index.size < LARGEST_INDEX * word.size:
        return False
    if abs(word.base - index.base) > INDEX_SHIFT * word.size:
        return False
    # of two indices, one above the other, the second begins where the first does
    earliest = word.end - (index.end - index.start) - 0.1 * word.size
    return earliest < index.start < word.end + 0.2 * word.size


def _names_in_a_row(run: _Run) -> list[_Run]:
    """Return what stands on one line: a run, or several numbers, as along an axis."""
    words = _words(run)
    text = _text_of(run)
    are_numbers = all(number_of(word) is not None for word in text.split())
    if len(words) > 1 and are_numbers:
        return words
    return [run]


def _words(run: _Run) -> list[_Run]:
    """Return the words of a run."""
    words = [_Run(run.letters[0])]
    for last, letter in pairwise(run.letters):
        if _ends_word(last, letter, run.size):
            words.append(_Run(letter))
        else:
            words[-1].add(letter)
    return words


def _ends_word(last: Letter, letter: Letter, size: float) -> bool:
    """Return whether a blank is between two letters."""
    skipped = letter.char.number - last.char.number != 1
    return skipped and _gap(last, letter) > BLANK * size


def _gap(last: Letter, letter: Letter) -> float:
    """Return how far apart two letters are on their line, which may run from the right."""
    return max(letter.at.start - last.at.end, last.at.start - letter.at.end)


def _piece(run: _Run, frame: Box) -> Piece:
    inside = sum(_is_within(letter, frame) for letter in run.letters)
    at = Placed(
        start=run.start,
        end=run.end,
        low=min(letter.at.low for letter in run.letters),
        high=max(letter.at.high for letter in run.letters),
        base=run.base,
        size=run.size,
    )
    return Piece(
        text=_text_of(run),
        at=at,
        angle=run.angle,
        box=_in_user_space(at, run.angle),
        inside=inside / len(run.letters),
    )


def _in_user_space(at: Placed, angle: int) -> Box:
    if angle == 0:
        return (at.start, at.low, at.end, at.high)
    if angle == 90:
        return (-at.high, at.start, -at.low, at.end)
    if angle == 180:
        return (-at.end, -at.high, -at.start, -at.low)
    return (at.low, -at.end, at.high, -at.start)


def _text_of(run: _Run) -> str:
    """Return the text of letters on one line, with blanks where words end."""
    parts = [_shown(run.letters[0])]
    for last, letter in pairwise(run.letters):
        if _ends_word(last, letter, run.size):
            parts.append(" ")
        parts.append(_shown(letter))
    return unicodedata.normalize("NFC", one_line("".join(parts)))


def _shown(letter: Letter) -> str:
    return "-" if letter.char.text in MARKERS else letter.char.text


# --- what is drawn ----------------------------------------------------------------------


THIN = 2.6
"""A rule is no higher, in points."""
LONGEST_SIGN = 60
"""A shape before an entry of a legend is no longer, in points."""


def _drawing(page: PdfPage, frame: Box) -> Drawing:
    """Return the level lines and the small shapes that reach into a frame."""
    rules: list[Box] = []
    signs: list[Box] = []
    for box in _outlines(page, frame):
        left, bottom, right, top = box
        width = right - left
        height = top - bottom
        if height <= THIN and width > 4 * THIN:
            rules.append(box)
        elif min(width, height) <= 14 and max(width, height) <= LONGEST_SIGN:
            signs.append(box)
    return Drawing(tuple(rules[:MOST_SHAPES]), tuple(signs[:MOST_SHAPES]))


class _Path(NamedTuple):
    """A path on a page."""

    shape: Any
    box: Box
    to_page: _Matrix
    """What turns the places of its segments into those of the page."""


def _outlines(page: PdfPage, frame: Box) -> Iterator[Box]:
    """Yield the box of each line and shape that reaches into a frame.

    Gnuplot draws a curve and its sample in the legend as one path.
    """
    for path in _paths(page):
        if not _reaches_into(path.box, frame):
            continue
        for box in _parts(path) or [path.box]:
            if _reaches_into(box, frame):
                yield box


def _reaches_into(box: Box, frame: Box) -> bool:
    is_beside = box[2] < frame[0] or box[0] > frame[2]
    return not (is_beside or box[3] < frame[1] or box[1] > frame[3])


DRAWN = (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_IMAGE)
"""What may be a sample in a legend. An image has no segments."""


def _paths(page: PdfPage) -> Iterator[_Path]:
    """Yield the paths and images of a page, also those within forms.

    A figure that a paper takes from a file of its own is a form.
    """
    count = pdfium_c.FPDFPage_CountObjects(page)
    objects = (pdfium_c.FPDFPage_GetObject(page, number) for number in range(count))
    yield from islice(_paths_among(objects, _UNCHANGED, 0), MOST_OBJECTS)


def _paths_among(objects: Iterable[Any], to_page: _Matrix, depth: int) -> Iterator[_Path]:
    """Yield the paths among objects, whose places `to_page` turns into those of the page."""
    for shape in objects:
        kind = pdfium_c.FPDFPageObj_GetType(shape)
        if kind in DRAWN:
            edges = tuple(c_float() for _ in range(4))
            if pdfium_c.FPDFPageObj_GetBounds(shape, *map(byref, edges)):
                left, bottom, right, top = (edge.value for edge in edges)
                box = to_page.applied((left, bottom, right, top))
                yield _Path(shape, box, to_page.after(_matrix_of(shape)))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < DEEPEST_FORM:
            count = min(pdfium_c.FPDFFormObj_CountObjects(shape), MOST_OBJECTS)
            parts = (
                pdfium_c.FPDFFormObj_GetObject(shape, number) for number in range(count)
            )
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
        return _Matrix(
            a=self.a * first.a + self.c * first.b,
            b=self.b * first.a + self.d * first.b,
            c=self.a * first.c + self.c * first.d,
            d=self.b * first.c + self.d * first.d,
            e=self.a * first.e + self.c * first.f + self.e,
            f=self.b * first.e + self.d * first.f + self.f,
        )

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


MOVE = pdfium_c.FPDF_SEGMENT_MOVETO
FEWEST_POINTS = 4


def _parts(path: _Path) -> list[Box]:
    """Return the box of each line and shape of a path; [] if it is not taken apart."""
    count = pdfium_c.FPDFPath_CountSegments(path.shape)
    if not FEWEST_POINTS <= count <= MOST_SEGMENTS:
        return []
    lines: list[list[Point]] = []
    for number in range(count):
        segment = pdfium_c.FPDFPath_GetPathSegment(path.shape, number)
        if not lines or pdfium_c.FPDFPathSegment_GetType(segment) == MOVE:
            lines.append([])
        lines[-1].append(_point(segment))
    boxes = []
    for points in lines:
        around = union((x, y, x, y) for x, y in points)
        boxes.append(path.to_page.applied(around))
    return boxes


def _point(segment: Any) -> Point:
    x = c_float()
    y = c_float()
    pdfium_c.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
    return x.value, y.value
