"""Find the text that an annotation covers on a page.

An annotation covers a character if the character's centre is inside one of the annotation's quads
(the quadrilaterals in /QuadPoints). The covered text is extended to whole words and put into
reading order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from math import atan2, hypot, isfinite, isnan
from operator import attrgetter

from ankiforge.extract.pdf.boxes import Box
from ankiforge.extract.pdf.chars import PrintedChar
from ankiforge.extract.pdf.page_text import (
    PageText,
    Segments,
)
from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.normalize import UNSPACED_SCRIPTS

Point = tuple[float, float]

_ROW_HEIGHT = 16.0
"""The height of the horizontal strips of the page by which characters are indexed, in points."""
MAX_LINE_HEIGHT = 0.45
"""The maximum height of a quad that is a line under or through a letter, relative to the letter."""
MIN_COVERED_FRACTION = 0.25
"""The minimum covered fraction of the first or last letter of a word if the rest of the word is
covered. At least half of any other letter must be covered.
"""
_MAX_QUADS = 2000
MAX_PAGE_WIDTH = 14_400
"""The maximum width of a mark in points. No page is wider, but PyMuPDF marks an infinite area when
it finds no text.
"""
MAX_INDEX_STEP = 3
"""The maximum distance in PDFium's list between consecutive characters of a run, which may have
spaces between them.
"""


# --- quads ------------------------------------------------------------------------------


class Quad(Value):
    """One of the convex quadrilaterals that make up a highlight."""

    index: int
    """The index among the quads of the mark."""
    corners: tuple[Point, ...]
    """The corners, sorted by their angle around the centre."""
    box: Box
    is_upright: bool
    """Whether the edges are parallel to those of the page."""

    def contains(self, char: PrintedChar) -> bool:
        """Return whether the centre of a character is inside the quad or on its border.

        There is no tolerance, because it would include letters of adjacent lines.
        """
        left, bottom, right, top = self.box  # called for very many characters
        if not (left <= char.x <= right and bottom <= char.y <= top):
            return False
        if self.is_upright:
            return True
        cross_products = []
        for (from_x, from_y), (to_x, to_y) in _iter_edges(self.corners):
            first_product = (to_x - from_x) * (char.y - from_y)
            second_product = (to_y - from_y) * (char.x - from_x)
            cross_products.append(first_product - second_product)
        return min(cross_products) >= 0 or max(cross_products) <= 0

    def is_underline_of(self, char: PrintedChar) -> bool:
        """Return whether the quad is a thin line under or through a character."""
        left, bottom, right, top = self.box
        return (
            left <= char.x <= right > left
            and top - bottom < MAX_LINE_HEIGHT * char.height
            and char.bottom - 0.2 * char.height <= (bottom + top) / 2 <= char.y
        )


def build_quads(points: Sequence[float], rectangle: Box | None) -> list[Quad]:
    """Build the quads of an annotation from its /QuadPoints or, if it has none, from its /Rect.

    Returns [] if both are missing, or if the /Rect is wider than any page.
    """
    found_quads: list[Quad] = []
    quad_starts = range(
        0, len(points) - 7, 8
    )  # a quad has four corners, each with x and y
    for start in quad_starts[:_MAX_QUADS]:
        coordinates = points[start : start + 8]
        if all(map(isfinite, coordinates)):
            corners = list(zip(coordinates[::2], coordinates[1::2], strict=True))
            found_quads.append(_build_quad(corners, len(found_quads)))
    if found_quads or not rectangle:
        return found_quads
    left, bottom, right, top = rectangle
    width = right - left
    if isnan(width) or width > MAX_PAGE_WIDTH:
        return []
    return [_build_quad([(left, bottom), (right, bottom), (right, top), (left, top)], 0)]


def _build_quad(corners: list[Point], index: int) -> Quad:
    """Build a quad. Its corners are sorted, because PDF writers list them in different orders."""
    xs, ys = zip(*corners, strict=True)
    centre_x = sum(xs) / 4
    centre_y = sum(ys) / 4

    def get_angle(corner: Point) -> float:
        x, y = corner
        return atan2(y - centre_y, x - centre_x)

    sorted_corners = tuple(sorted(corners, key=get_angle))
    box = (min(xs), min(ys), max(xs), max(ys))
    return Quad(index, sorted_corners, box, _has_upright_edges(sorted_corners))


def _has_upright_edges(corners: Sequence[Point]) -> bool:
    for (start_x, start_y), (end_x, end_y) in _iter_edges(corners):
        if abs(start_x - end_x) >= 0.01 and abs(start_y - end_y) >= 0.01:
            return False
    return True


def _iter_edges(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return pairwise([*corners, corners[0]])


# --- the characters under a mark --------------------------------------------------------

QuadByChar = dict[PrintedChar, Quad]
"""Maps each covered character to the quad that covers it."""


class MarkTextFinder:
    """Finds the text covered by highlights on a page."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: dict[int, list[PrintedChar]] = defaultdict(list)
        for char in page.chars:
            self._rows[int(char.y // _ROW_HEIGHT)].append(char)

    def find_covered_text(self, mark_quads: list[Quad]) -> Segments:
        """Return the characters that a mark covers in reading order, as one list per line and quad.

        If the quads cover no character, they are treated as lines under or through text.
        """
        covered = self._find_covered_chars(mark_quads, 0.0, Quad.contains)
        if not covered:
            covered = self._find_covered_chars(
                mark_quads, 3 * _ROW_HEIGHT, Quad.is_underline_of
            )

        covered |= _find_cut_letters(covered)

        runs: Segments = []
        for char in sorted(covered, key=attrgetter("visible_index")):
            if runs and _continues_run(runs[-1][-1], char, covered):
                runs[-1].append(char)
            else:
                runs.append([char])
        return runs

    def find_nearest_char(self, x: float, y: float) -> PrintedChar | None:
        """Return the character nearest to a point, or None if the page has no text.

        A vertical distance counts three times as much as a horizontal one, so that characters on
        the same line are preferred.
        """
        return min(
            self._page.chars,
            key=lambda char: hypot(char.x - x, 3 * (char.y - y)),
            default=None,
        )

    def _find_covered_chars(
        self,
        mark_quads: list[Quad],
        reach: float,
        covers: Callable[[Quad, PrintedChar], bool],
    ) -> QuadByChar:
        """Map each character for which `covers` returns true to the quad that covers it.

        Characters that are up to `reach` points above a quad are tested as well.
        """
        covered: QuadByChar = {}
        for quad in mark_quads:
            for char in self._iter_chars_near(quad, reach):
                if covers(quad, char):
                    covered.setdefault(char, quad)
        return covered

    def _iter_chars_near(self, quad: Quad, reach: float) -> Iterator[PrintedChar]:
        """Yield the characters in the rows from the bottom of a quad to `reach` above its top."""
        _, bottom, _, top = quad.box
        first_row = int(bottom // _ROW_HEIGHT)
        last_row = int((top + reach) // _ROW_HEIGHT)
        rows: Iterable[int] = range(first_row, last_row + 1)
        # a quad that is much higher than the page would have millions of rows
        if last_row - first_row > len(self._rows):
            rows = sorted(self._rows)
        for row in rows:
            yield from self._rows.get(row, ())


def _continues_run(previous: PrintedChar, char: PrintedChar, covered: QuadByChar) -> bool:
    """Return whether two covered characters are in a run on one line and in one quad."""
    if previous.line is not char.line or covered[previous] is not covered[char]:
        return False
    if char.previous is previous:
        return True
    return char.char_index - previous.char_index <= MAX_INDEX_STEP


def _find_cut_letters(covered: QuadByChar) -> QuadByChar:
    """Find the first and last letters of covered words that a mark only covers by a quarter.

    A letter of which at least half is covered is already in `covered`.
    """
    cut_letters: QuadByChar = {}
    for char, quad in covered.items():
        if not quad.is_upright:
            continue
        is_first = char.previous not in covered
        is_last = char.next not in covered
        if is_first == is_last:  # it is within the covered text, or all of it
            continue
        get_neighbour = _get_next if is_last else _get_previous
        letter = get_neighbour(char)
        if letter and _is_cut(letter, quad):
            letter_beyond = get_neighbour(letter)
            if _ends_word(letter, char, letter_beyond):
                cut_letters[letter] = quad
    return cut_letters


def _is_cut(letter: PrintedChar, quad: Quad) -> bool:
    """Return whether a quad covers between a quarter and half of a letter."""
    left, _, right, _ = quad.box
    covered_width = min(letter.right, right) - max(letter.left, left)
    return MIN_COVERED_FRACTION <= covered_width / letter.width < 0.5


def _ends_word(
    letter: PrintedChar, neighbour: PrintedChar, beyond: PrintedChar | None
) -> bool:
    """Return whether `letter` is the end of a word between `neighbour` and the char `beyond` it."""
    if not letter.is_letter_joined_to(neighbour):
        return False
    if beyond and beyond.is_letter_joined_to(neighbour):
        return False
    return abs(neighbour.y - letter.y) < 0.5 * letter.height


# --- whole words --------------------------------------------------------------------------


def extend_to_words(segments: Segments) -> Segments:
    """Extend the covered characters to whole words.

    Users often release the pointer one letter too early, and some programs end a highlight in the
    middle of a word. A highlight within a single word is only extended if it covers most of the
    word, because the user may have meant to highlight only a part of it.
    """
    covered = set(chain.from_iterable(segments))
    is_phrase = len(segments) > 1 or any(char.gap for char in segments[0][1:])
    extended: Segments = []
    for segment in segments:
        letters_before = list(_iter_word_letters(segment[0], _get_previous, covered))
        letters_after = list(_iter_word_letters(segment[-1], _get_next, covered))
        if not is_phrase and len(letters_before) + len(letters_after) >= len(segment):
            return segments
        extended.append([*reversed(letters_before), *segment, *letters_after])
    return extended


# A letter of a script that doesn't put spaces between words.
_UNSPACED_LETTER = regex(f"[{UNSPACED_SCRIPTS}]")


def _iter_word_letters(
    char: PrintedChar,
    get_neighbour: Callable[[PrintedChar], PrintedChar | None],
    covered: Collection[PrintedChar],
) -> Iterator[PrintedChar]:
    """Yield the uncovered letters of the word that contains `char`, walking away from `char`."""
    if not char.text.isalnum() or _UNSPACED_LETTER.match(char.text):
        return
    neighbour = get_neighbour(char)
    while neighbour and neighbour not in covered and neighbour.line is char.line:
        is_changed = neighbour.printed_text != neighbour.text
        if is_changed or not neighbour.is_letter_joined_to(char):
            return
        yield neighbour
        char = neighbour
        neighbour = get_neighbour(char)


def _get_previous(char: PrintedChar) -> PrintedChar | None:
    return char.previous


def _get_next(char: PrintedChar) -> PrintedChar | None:
    return char.next
