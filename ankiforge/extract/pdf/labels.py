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
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfPage

from ankiforge.extract.figures.labels import labels_of
from ankiforge.extract.figures.values import (
    ACROSS,
    Box,
    Drawing,
    FoundLabel,
    Piece,
    Placed,
    span,
    union,
)
from ankiforge.extract.pdf.chars import CJK, MARKERS, Char, page_chars, visible
from ankiforge.extract.pdf.clean import one_line

MOST_OBJECTS = 20_000
"""Paths on a page that are looked at."""
DEEPEST_FORM = 4
"""Forms within forms that are looked into."""
MOST_SHAPES = 1000
"""Boxes, rules and small shapes in a frame that are compared with its words."""
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
    return labels_of(_pieces(letters, frame, drawing), frame, drawing)


# --- letters ----------------------------------------------------------------------------

UP = 0.74
"""How far letters reach above their line, in sizes of the font."""
DOWN = 0.22
UP_CJK = 0.88
DOWN_CJK = 0.14
MOST_UP = 1.0
MOST_DOWN = 0.35
"""As far as that if they have accents, or are brackets or signs of maths."""


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
        self._numbers = tuple(c_double() for _ in range(4))
        self._pointers = tuple(map(byref, self._numbers))

    def placed(self, char: Char) -> tuple[int, Placed]:
        """Return in which direction a letter runs, and where it is in that direction."""
        angle, size = self._angle_and_size(char)
        direction = ACROSS.get(angle) or (cos(radians(angle)), sin(radians(angle)))
        start, end = _along(char, angle, direction)
        base = self._base(char.number, direction)
        ink_low, ink_high = self._ink(char.number, direction)
        up, down = (UP_CJK, DOWN_CJK) if CJK.match(char.text) else (UP, DOWN)
        lowest = base - MOST_DOWN * size
        highest = base + MOST_UP * size
        low = max(min(base - down * size, ink_low), lowest)
        high = min(max(base + up * size, ink_high), highest)
        return angle, Placed(start, end, low, high, base, size)

    def _angle_and_size(self, char: Char) -> tuple[int, float]:
        """Return the direction of a letter in degrees, and the size of its font."""
        angle = 0
        size = char.height
        matrix = self._matrix
        if pdfium_c.FPDFText_GetMatrix(self._raw, char.number, byref(matrix)):
            angle = round(degrees(atan2(matrix.b, matrix.a))) % 360
            scale = hypot(matrix.c, matrix.d)
            size = pdfium_c.FPDFText_GetFontSize(self._raw, char.number) * scale
        is_plausible = 0.4 * char.height < size < 2.5 * char.height
        if not is_plausible:  # a font that is drawn, or damaged
            size = max(min(char.height, 1.3 * char.width), 0.5)
        return angle, size

    def _base(self, number: int, direction: tuple[float, float]) -> float:
        """Return the level of the line on which a letter stands."""
        x, y, *_ = self._numbers
        pdfium_c.FPDFText_GetCharOrigin(self._raw, number, *self._pointers[:2])
        return direction[0] * y.value - direction[1] * x.value

    def _ink(self, number: int, direction: tuple[float, float]) -> tuple[float, float]:
        """Return from where to where a letter is black, across its line."""
        left, right, bottom, top = self._numbers
        pdfium_c.FPDFText_GetCharBox(self._raw, number, *self._pointers)
        box = (left.value, bottom.value, right.value, top.value)
        return span(box, (-direction[1], direction[0]))


def _along(char: Char, angle: int, direction: tuple[float, float]) -> tuple[float, float]:
    """Return where a letter begins and ends along its line."""
    if angle in ACROSS:
        return span((char.left, char.bottom, char.right, char.top), direction)
    # of a slanted letter only the upright box around it is known
    middle = direction[0] * char.x + direction[1] * char.y
    half = min(char.width, char.height) / 2
    return middle - half, middle + half


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
            angle, at = geometry.placed(char)
            letters.append(Letter(char, angle, at))
    text_page.close()
    return letters


# --- pieces of lines --------------------------------------------------------------------

WORD_GAP = 0.6
"""Between words of one label, at most, in sizes of the font."""
BLANK_GAP = 1.1
"""The same if a blank is printed between them."""
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


def _pieces(letters: Sequence[Letter], frame: Box, drawing: Drawing) -> list[Piece]:
    """Join letters that follow one another on a line, then what was printed apart."""
    runs: list[_Run] = []
    for letter in letters:
        if runs and _follows(runs[-1], letter, drawing):
            runs[-1].add(letter)
        else:
            runs.append(_Run(letter))
    return [_piece(run, frame) for run in _united(runs)]


def _follows(run: _Run, letter: Letter, drawing: Drawing) -> bool:
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
    # it may run from right to left
    gap = max(at.start - last.at.end, last.at.start - at.end)
    most = BLANK_GAP if between == 1 else WORD_GAP
    if not -size <= gap <= most * size:
        return False
    is_new_word = gap > BLANK * size
    return not (is_new_word and _are_in_other_boxes(last, letter, drawing))


def _are_in_other_boxes(first: Letter, second: Letter, drawing: Drawing) -> bool:
    """Return whether letters stand in cells beside one another, or only one in a box."""
    first_box = drawing.box_around_letter(first.box, first.at.size)
    return first_box != drawing.box_around_letter(second.box, second.at.size)


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
    chars = [letter.char for letter in run.letters]
    raised = "".join(
        letter.char.text for letter in run.letters if letter.at.size < 0.9 * run.size
    )
    return Piece(
        text=_text_of(run),
        at=at,
        angle=run.angle,
        box=_in_user_space(at, run.angle, chars),
        inside=inside / len(run.letters),
        raised=raised,
    )


def _in_user_space(at: Placed, angle: int, chars: Sequence[Char]) -> Box:
    if angle == 0:
        return (at.start, at.low, at.end, at.high)
    if angle == 90:
        return (-at.high, at.start, -at.low, at.end)
    if angle == 180:
        return (-at.end, -at.high, -at.start, -at.low)
    if angle == 270:
        return (at.low, -at.end, at.high, -at.start)
    return union((char.left, char.bottom, char.right, char.top) for char in chars)


def _text_of(run: _Run) -> str:
    """Return the text of letters on one line, with blanks where words end."""
    parts = [_shown(run.letters[0])]
    for last, letter in pairwise(run.letters):
        gap = max(letter.at.start - last.at.end, last.at.start - letter.at.end)
        skipped = letter.char.number - last.char.number != 1
        if skipped and gap > BLANK * run.size:
            parts.append(" ")
        parts.append(_shown(letter))
    return unicodedata.normalize("NFC", one_line("".join(parts)))


def _shown(letter: Letter) -> str:
    return "-" if letter.char.text in MARKERS else letter.char.text


# --- what is drawn ----------------------------------------------------------------------


THIN = 2.6
"""A rule is no higher, in points."""


def _drawing(page: PdfPage, frame: Box) -> Drawing:
    """Return the shapes inside a frame."""
    boxes: list[Box] = []
    rules: list[Box] = []
    signs: list[Box] = []
    for shape, box in _paths(page):
        left, bottom, right, top = box
        if right < frame[0] or left > frame[2] or top < frame[1] or bottom > frame[3]:
            continue
        width = right - left
        height = top - bottom
        if height <= THIN and width > 4 * THIN:
            rules.append(box)
        elif min(width, height) <= 14 and max(width, height) <= 60:
            signs.append(box)
        is_box = height > THIN and width > THIN and _is_inside(box, frame)
        if is_box and _is_closed(shape):
            boxes.append(box)
    boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    most = slice(MOST_SHAPES)
    return Drawing(tuple(boxes[most]), tuple(rules[most]), tuple(signs[most]))


def _is_inside(box: Box, frame: Box) -> bool:
    """Return whether a box is part of a figure; the frame may run along it."""
    is_in_width = box[0] > frame[0] - THIN and box[2] < frame[2] + THIN
    return is_in_width and box[1] > frame[1] - THIN and box[3] < frame[3] + THIN


def _paths(page: PdfPage) -> Iterator[tuple[Any, Box]]:
    """Yield the paths of a page with their boxes, also those within forms.

    A figure that a paper takes from a file of its own is a form.
    """
    count = pdfium_c.FPDFPage_CountObjects(page)
    objects = (pdfium_c.FPDFPage_GetObject(page, number) for number in range(count))
    yield from islice(_paths_among(objects, _UNCHANGED, 0), MOST_OBJECTS)


def _paths_among(
    objects: Iterable[Any], to_page: _Matrix, depth: int
) -> Iterator[tuple[Any, Box]]:
    """Yield the paths among objects, whose places `to_page` turns into those of the page."""
    for shape in objects:
        kind = pdfium_c.FPDFPageObj_GetType(shape)
        if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
            edges = tuple(c_float() for _ in range(4))
            if pdfium_c.FPDFPageObj_GetBounds(shape, *map(byref, edges)):
                left, bottom, right, top = (edge.value for edge in edges)
                yield shape, to_page.applied((left, bottom, right, top))
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


def _is_closed(shape: Any) -> bool:
    """Return whether a path is one closed shape: a box, a rounded one, an oval, a rhombus."""
    count = pdfium_c.FPDFPath_CountSegments(shape)
    if not 4 <= count <= 20:
        return False
    last = pdfium_c.FPDFPath_GetPathSegment(shape, count - 1)
    if pdfium_c.FPDFPathSegment_GetClose(last):
        return True
    return _point(shape, 0) == _point(shape, count - 1)


def _point(shape: Any, number: int) -> tuple[float, float]:
    x = c_float()
    y = c_float()
    segment = pdfium_c.FPDFPath_GetPathSegment(shape, number)
    pdfium_c.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
    return (round(x.value, 1), round(y.value, 1))
