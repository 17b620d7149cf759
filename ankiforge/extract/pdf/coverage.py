"""The text that a mark covers on a page, and its context."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, pairwise, starmap
from math import atan2, hypot, isfinite
from operator import attrgetter
from statistics import median

from ankiforge.extract.pdf.chars import PrintedChar
from ankiforge.extract.pdf.cleaning import flowing, one_line
from ankiforge.extract.pdf.messages import Box
from ankiforge.extract.pdf.page_text import PageText, Segments, is_rtl, usual_step
from ankiforge.model import Span, Value
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED
from ankiforge.text.keys import CONTEXT
from ankiforge.text.sentences import sentence_around

Point = tuple[float, float]

_ROW = 16.0
"""Height of the strips by which characters are looked up, in points."""
THIN = 0.45
"""A quad lower than this, relative to the letters, is a line under or through them."""
PARTLY = 0.25
"""From this share (up to a half) the first or last letter of a word counts as covered."""
_MOST_QUADS = 2000
WIDEST = 14_400
"""Points; no page is wider. PyMuPDF marks the end of the plane when it finds nothing."""
NEXT = 3
"""How many of PDFium's characters on, at most, the next one of a run is: blanks lie
between."""


# --- quads ------------------------------------------------------------------------------


class Quad(Value):
    """A convex quadrilateral, its corners sorted by angle."""

    number: int
    """Its place among those of its mark."""
    corners: tuple[Point, ...]
    box: Box
    upright: bool
    """Whether its sides are parallel to those of the page."""

    def holds(self, char: PrintedChar) -> bool:
        """Return whether the centre of a character lies inside or on an edge.

        A tolerance would add letters of other lines.
        """
        left, bottom, right, top = self.box
        if not (left <= char.x <= right and bottom <= char.y <= top):
            return False
        if self.upright:
            return True
        turns = []
        for (from_x, from_y), (to_x, to_y) in _edges(self.corners):
            along = (to_x - from_x) * (char.y - from_y)
            across = (to_y - from_y) * (char.x - from_x)
            turns.append(along - across)
        return min(turns) >= 0 or max(turns) <= 0

    def underlines(self, char: PrintedChar) -> bool:
        """Return whether the box is only a line below or through a character."""
        left, bottom, right, top = self.box
        if not left <= char.x <= right or right <= left:
            return False
        if top - bottom >= THIN * char.height:
            return False
        return char.bottom - 0.2 * char.height <= (bottom + top) / 2 <= char.y

    def share_of(self, char: PrintedChar) -> float:
        """Return the share of an upright character's width that the box covers."""
        left, _, right, _ = self.box
        return (min(char.right, right) - max(char.left, left)) / char.width


def quads(points: Sequence[float], rectangle: Box | None) -> list[Quad]:
    """Return the quads of an annotation, or its rectangle if it has none.

    The corners are sorted by angle, because programs write them in any order.
    """
    marked: list[Quad] = []
    for start in range(0, len(points) - 7, 8)[:_MOST_QUADS]:
        numbers = points[start : start + 8]
        if all(map(isfinite, numbers)):
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
            marked.append(_quad(corners, len(marked)))
    if marked or not rectangle:
        return marked
    left, bottom, right, top = rectangle
    if not right - left <= WIDEST:
        return []
    return [_quad([(left, bottom), (right, bottom), (right, top), (left, top)], 0)]


def _quad(corners: list[Point], number: int) -> Quad:
    """Return a quad whose corners are in order around its centre."""
    xs = [x for x, _ in corners]
    ys = [y for _, y in corners]
    centre_x = sum(xs) / 4
    centre_y = sum(ys) / 4

    def angle(corner: Point) -> float:
        x, y = corner
        return atan2(y - centre_y, x - centre_x)

    around_centre = tuple(sorted(corners, key=angle))
    upright = all(
        abs(start_x - end_x) < 0.01 or abs(start_y - end_y) < 0.01
        for (start_x, start_y), (end_x, end_y) in _edges(around_centre)
    )
    box = (min(xs), min(ys), max(xs), max(ys))
    return Quad(number, around_centre, box, upright)


def _edges(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return pairwise([*corners, corners[0]])


# --- the characters under a mark --------------------------------------------------------

Covered = dict[PrintedChar, Quad]
"""Each covered character, and the quad that covers it."""


class TextUnderMarks:
    """Finds the text under the marks on one page."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: dict[int, list[PrintedChar]] = defaultdict(list)
        for char in page.chars:
            self._rows[int(char.y // _ROW)].append(char)

    def under(self, marked: list[Quad]) -> Segments:
        """Return the characters that a mark covers in reading order, a list per line."""
        covered = self._covered(marked, 0.0, Quad.holds)
        if not covered:
            covered = self._covered(marked, 3 * _ROW, Quad.underlines)
        covered |= _ends_of_words(covered)

        # runs of covered characters on one line and in one quad
        runs: Segments = []
        for char in sorted(covered, key=attrgetter("place")):
            if runs and _goes_on(runs[-1][-1], char, covered):
                runs[-1].append(char)
            else:
                runs.append([char])
        return _in_order(runs, covered)

    def nearest(self, x: float, y: float) -> PrintedChar | None:
        """Return the character closest to a point; None on a page without text."""

        def distance(char: PrintedChar) -> float:
            # another line is further away than a letter as far on the same one
            return hypot(char.x - x, 3 * (char.y - y))

        return min(self._page.chars, key=distance, default=None)

    def _covered(
        self,
        marked: list[Quad],
        reach: float,
        covers: Callable[[Quad, PrintedChar], bool],
    ) -> Covered:
        """Return the characters that quads cover; the quads reach up by `reach` points."""
        covered: Covered = {}
        for quad in marked:
            _, bottom, _, top = quad.box
            first = int(bottom // _ROW)
            last = int((top + reach) // _ROW)
            rows: Iterable[int] = range(first, last + 1)
            if last - first > len(self._rows):  # of a quad without end
                rows = sorted(self._rows)
            for char in chain.from_iterable(self._rows.get(row, ()) for row in rows):
                if covers(quad, char):
                    covered.setdefault(char, quad)
        return covered


def _ends_of_words(covered: Covered) -> Covered:
    """Return the first and last letters of covered words that are covered by a quarter."""
    ends: Covered = {}
    for char, quad in covered.items():
        if not quad.upright:
            continue
        for neighbour in char.neighbours:
            if neighbour in covered or char.beyond(neighbour) not in covered:
                continue
            if not neighbour.ends_word_beside(char):
                continue
            if PARTLY <= quad.share_of(neighbour) < 0.5:
                ends[neighbour] = quad
    return ends


def _goes_on(last: PrintedChar, char: PrintedChar, covered: Covered) -> bool:
    """Return whether a covered character goes on with a run."""
    if last.line is not char.line or covered[last] is not covered[char]:
        return False
    return char.previous is last or char.number - last.number <= NEXT


# --- whole words --------------------------------------------------------------------------


def whole_words(segments: Segments) -> Segments:
    """Return the characters under a mark with the rest of the words in which it stops.

    A pointer is let go a letter too early, and a program may end a line of a mark within a
    word. A mark within one word is left alone, unless little is missing: it may be meant.
    """
    covered = set(chain.from_iterable(segments))
    is_phrase = len(segments) > 1 or any(char.gap for char in segments[0][1:])
    whole: Segments = []
    for segment in segments:
        before = list(_rest_of_word(segment[0], "previous", covered))
        after = list(_rest_of_word(segment[-1], "next", covered))
        if not is_phrase and len(before) + len(after) >= len(segment):
            return segments
        whole.append([*reversed(before), *segment, *after])
    return whole


# A letter of a script that does not part its words.
_RUNS_ON = regex(f"[{UNSPACED}]")


def _rest_of_word(
    char: PrintedChar, side: str, covered: Collection[PrintedChar]
) -> Iterator[PrintedChar]:
    """Yield the letters of a word beyond its last marked one."""
    if not char.text.isalnum() or _RUNS_ON.match(char.text):
        return
    beyond: PrintedChar | None = getattr(char, side)
    while beyond and beyond not in covered and beyond.line is char.line:
        if not beyond.is_letter_beside(char) or beyond.shown != beyond.text:
            return
        yield beyond
        char = beyond
        beyond = getattr(char, side)


# --- reading order ----------------------------------------------------------------------


class _Extent(Value):
    """Where a segment is, in the direction in which it is read."""

    start: float
    """Where on its line it begins."""
    end: float
    depth: float
    """How far down it is."""
    height: float


def _in_order(segments: Segments, covered: Covered) -> Segments:
    """Sort segments as in the page's text, or as the quads if those jump less."""
    if len(segments) < 2:
        return segments
    longest: list[PrintedChar] = max(segments, key=len)
    across, along = usual_step(pairwise(longest))
    letters = "".join(char.text for char in chain.from_iterable(segments))
    down = -1.0 if is_rtl(letters) else 1.0

    def extent(segment: list[PrintedChar]) -> _Extent:
        """Return where a segment lies along and across the direction of writing."""
        steps = [char.x * across + char.y * along for char in segment]
        depths = [down * (char.x * along - char.y * across) for char in segment]
        height = max(1.0, *(char.height for char in segment))
        return _Extent(min(steps), max(steps), median(depths), height)

    def jumps(order: Segments) -> float:
        return sum(starmap(_oddness, pairwise(map(extent, order))))

    by_quad = sorted(segments, key=lambda segment: covered[segment[0]].number)
    return by_quad if jumps(by_quad) < jumps(segments) else segments


def _oddness(first: _Extent, second: _Extent) -> float:
    """Return how unlikely it is that one segment is read after another, 0 to 1."""
    height = min(first.height, second.height)
    falls = second.depth - first.depth
    if abs(falls) < 0.4 * height:
        return 1.0 if second.start < first.start else 0.0
    if falls < 0:  # to the next column, or up
        return 1.0 if second.start < first.end - 0.5 * height else 0.5
    return 0.75 if falls > 2.5 * height and second.end <= first.start else 0.0


# --- context ----------------------------------------------------------------------------

_LONGEST_SENTENCE = 600
"""Characters around a mark; a longer sentence is a table or list without full stops."""
_REACH = 300
"""Characters of page text that are cleaned and then cut to the 80 of the context."""


def around(
    text: str,
    span: Span,
    body: Span | None = None,
    *,
    crosses_table: Callable[[int, int], bool] = lambda start, end: False,
) -> tuple[str, str, str]:
    """Return (prefix, suffix, sentence) of a passage in the joined text of a page.

    Where the sentence crosses a table, the passage stands alone: there is none.

    Args:
        text: the text of the page.
        span: the passage.
        body: the page without running heads and feet; ignored if the passage is outside
            of it.
        crosses_table: returns whether [start, end) of the text does.
    """
    start, end = span
    offset = 0
    if body and body[0] <= start and end <= body[1]:
        body_start, body_end = body
        text = text[body_start:body_end]
        offset = body_start
        start -= body_start
        end -= body_start
    before = text[max(start - _REACH, 0) : start]
    after = text[end : end + _REACH]
    prefix = flowing(before)[-CONTEXT:]
    suffix = flowing(after)[:CONTEXT]

    # the sentences around, within the block of the passage, unless they are too long
    far = 2 * _LONGEST_SENTENCE
    line_start = text.rfind("\n", 0, start) + 1
    block_start = max(line_start, start - far)
    block_end = text.find("\n", end, end + far)
    if block_end < 0:
        block_end = end + far
    block = text[block_start:block_end]
    left, right = sentence_around(block, start - block_start, end - block_start)
    sentence = ""
    if right - left <= _LONGEST_SENTENCE + end - start:
        offset += block_start
        if not crosses_table(offset + left, offset + right):
            sentence = one_line(block[left:right])
    return (prefix, suffix, sentence)
