"""The text that a mark covers on a page, and its context."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from math import atan2, hypot, isfinite
from statistics import median

from ankiforge.extract.pdf.cleaning import flowing, one_line
from ankiforge.extract.pdf.messages import Box
from ankiforge.extract.pdf.text import Char, PageText, is_rtl, usual_step
from ankiforge.model import Span, Value
from ankiforge.text import regex
from ankiforge.text.passages import CONTEXT
from ankiforge.text.sentences import sentence_around

Point = tuple[float, float]

ROW = 16.0
"""Height of the strips by which characters are looked up, in points."""
THIN = 0.45
"""A quad lower than this, relative to the letters, is a line under or through them."""
PARTLY = 0.25
"""From this share (up to a half) the first or last letter of a word counts as covered."""
MOST_QUADS = 2000
WIDEST = 14_400
"""Points; no page is wider. PyMuPDF marks the end of the plane when it finds nothing."""
NEXT = 3
"""How many of PDFium's characters on, at most, the next one of a run is: blanks lie
between."""


# --- quads ------------------------------------------------------------------------------


class Quad(Value):
    """A convex quadrilateral, its corners sorted by angle."""

    corners: tuple[Point, ...]
    box: Box
    upright: bool
    """Whether its sides are parallel to those of the page."""

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point within its box lies inside or on an edge."""
        turns = []
        for (from_x, from_y), (to_x, to_y) in _sides(self.corners):
            along = (to_x - from_x) * (y - from_y)
            across = (to_y - from_y) * (x - from_x)
            turns.append(along - across)
        return min(turns) >= 0 or max(turns) <= 0


def quads(points: Sequence[float], rectangle: Box | None) -> list[Quad]:
    """Return the quads of an annotation, or its rectangle if it has none.

    The corners are sorted by angle, because programs write them in any order.
    """
    marked = []
    for start in range(0, len(points) - 7, 8)[:MOST_QUADS]:
        numbers = points[start : start + 8]
        if all(map(isfinite, numbers)):
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
            marked.append(_quad(corners))
    if marked or not rectangle:
        return marked
    left, bottom, right, top = rectangle
    if not right - left <= WIDEST:
        return []
    lower = [(left, bottom), (right, bottom)]
    upper = [(right, top), (left, top)]
    return [_quad(lower + upper)]


def _quad(corners: list[Point]) -> Quad:
    """Return a quad whose corners are in order around its centre."""
    xs = [x for x, _ in corners]
    ys = [y for _, y in corners]
    centre_x = sum(xs) / 4
    centre_y = sum(ys) / 4

    def angle(corner: Point) -> float:
        x, y = corner
        return atan2(y - centre_y, x - centre_x)

    around_centre = tuple(sorted(corners, key=angle))
    is_upright = True
    for (start_x, start_y), (end_x, end_y) in _sides(around_centre):
        is_along_page = abs(start_x - end_x) < 0.01 or abs(start_y - end_y) < 0.01
        is_upright = is_upright and is_along_page
    box = (min(xs), min(ys), max(xs), max(ys))
    return Quad(around_centre, box, is_upright)


def _sides(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return pairwise([*corners, corners[0]])


# --- the characters under a mark --------------------------------------------------------

Owners = dict[int, int]
"""Place of a covered character → the number of the quad that covers it."""


class TextUnderMarks:
    """Finds the text under the marks on one page."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: dict[int, list[int]] = defaultdict(list)
        for place, char in enumerate(page.chars):
            self._rows[int(char.y // ROW)].append(place)

    def under(self, marked: list[Quad]) -> list[list[int]]:
        """Return the places that a mark covers in reading order, a list per line."""

        def holds_centre(quad: Quad, char: Char) -> bool:
            # a tolerance would add letters of other lines
            _, bottom, _, top = quad.box
            is_level = bottom <= char.y <= top
            return is_level and (quad.upright or quad.holds(char.x, char.y))

        def is_line_at(quad: Quad, char: Char) -> bool:
            """Return whether a quad is only a line below or through a character."""
            left, bottom, right, top = quad.box
            is_thin = right > left and top - bottom < THIN * char.height
            lowest = char.bottom - 0.2 * char.height
            return is_thin and lowest <= (bottom + top) / 2 <= char.y

        owners = self._covered(marked, 0.0, holds_centre)
        if not owners:
            owners = self._covered(marked, 3 * ROW, is_line_at)

        # the first and last letters of words that are covered by a quarter
        letters: Owners = {}
        chars = self._page.chars
        for place, number in owners.items():
            for step in (-1, 1):
                beside = place + step
                is_end = beside not in owners and place - step in owners
                if not (marked[number].upright and is_end):
                    continue
                if not self._is_outermost(place, step):
                    continue
                char = chars[beside]
                left, _, right, _ = marked[number].box
                share = (min(char.right, right) - max(char.left, left)) / char.width
                if PARTLY <= share < 0.5:
                    letters[beside] = number
        owners |= letters

        # runs of covered places on one line and in one quad
        segments: list[list[int]] = []
        for place in sorted(owners):
            last = segments[-1][-1] if segments else -1
            is_next = place == last + 1
            if segments and not is_next:
                is_next = chars[place].number - chars[last].number <= NEXT
            if (
                segments
                and is_next
                and owners[last] == owners[place]
                and not self._page.line_ends(last, place)
            ):
                segments[-1].append(place)
            else:
                segments.append([place])
        return _in_order(chars, segments, owners)

    def nearest(self, x: float, y: float) -> int:
        """Return the place closest to a point; 0 on a page without text."""
        distances = []
        for char in self._page.chars:
            # another line is further away than a letter as far on the same one
            distances.append(hypot(char.x - x, 3 * (char.y - y)))
        return distances.index(min(distances)) if distances else 0

    def _covered(
        self,
        marked: list[Quad],
        reach: float,
        covers: Callable[[Quad, Char], bool],
    ) -> Owners:
        """Return the characters that quads cover.

        The quads reach up by `reach` points.
        """
        owners: Owners = {}
        for number, quad in enumerate(marked):
            left, bottom, right, top = quad.box
            first = int(bottom // ROW)
            last = int((top + reach) // ROW)
            rows: Iterable[int] = range(first, last + 1)
            if last - first > len(self._rows):  # of a quad without end
                rows = sorted(self._rows)
            for place in chain.from_iterable(self._rows.get(row, ()) for row in rows):
                char = self._page.chars[place]
                if left <= char.x <= right and covers(quad, char):
                    owners.setdefault(place, number)
        return owners

    def _is_outermost(self, place: int, step: int) -> bool:
        """Return whether the next place in a direction is the last letter of a word."""
        chars = self._page.chars
        if not self._continues(place, step, 1) or self._continues(place, step, 2):
            return False
        neighbour = chars[place + step]
        return abs(neighbour.y - chars[place].y) < 0.5 * neighbour.height

    def _continues(self, place: int, step: int, count: int) -> bool:
        """Return whether a letter is some places on, with nothing in between."""
        chars = self._page.chars
        other = place + count * step
        if not 0 <= other < len(chars):
            return False
        expected = chars[place].number + count * step
        follows = chars[other].number == expected
        return follows and chars[other].text.isalnum()


# --- reading order ----------------------------------------------------------------------


class _Extent(Value):
    """Where a segment is, in the direction in which it is read."""

    start: float
    """Where on its line it begins."""
    end: float
    depth: float
    """How far down it is."""
    height: float


def _in_order(
    chars: list[Char],
    segments: list[list[int]],
    owners: Owners,
) -> list[list[int]]:
    """Sort segments as in the page's text, or as the quads if those jump less."""
    if len(segments) < 2:
        return segments
    printed = []
    for segment in segments:
        printed.append([chars[place] for place in segment])
    longest: list[Char] = max(printed, key=len)
    across, along = usual_step(pairwise(longest))
    letters = [char.text for char in chain.from_iterable(printed)]
    down = -1.0 if is_rtl("".join(letters)) else 1.0

    # where they lie along and across the direction of writing
    extents = []
    for segment_chars in printed:
        steps = [char.x * across + char.y * along for char in segment_chars]
        depths = [down * (char.x * along - char.y * across) for char in segment_chars]
        height = max(1.0, *(char.height for char in segment_chars))
        extents.append(_Extent(min(steps), max(steps), median(depths), height))

    def jumps(order: Iterable[int]) -> float:
        in_order = [extents[number] for number in order]
        return sum(_oddness(first, second) for first, second in pairwise(in_order))

    by_text = range(len(segments))
    by_quad = sorted(by_text, key=lambda number: owners[segments[number][0]])
    order = by_quad if jumps(by_quad) < jumps(by_text) else by_text
    return [segments[number] for number in order]


def _oddness(first: _Extent, second: _Extent) -> float:
    """Return how unlikely it is that one segment is read after another, 0 to 1."""
    height = min(first.height, second.height)
    falls = second.depth - first.depth
    if abs(falls) < 0.4 * height:
        return 1.0 if second.start < first.start else 0.0
    if falls < 0:
        is_next_column = not second.start < first.end - 0.5 * height
        return 0.5 if is_next_column else 1.0
    is_far_back = falls > 2.5 * height and second.end <= first.start
    return 0.75 if is_far_back else 0.0


# --- context ----------------------------------------------------------------------------

LONGEST_SENTENCE = 600
"""Characters around a mark; a longer sentence is a table or list without full stops."""
REACH = 300
"""Characters of page text that are cleaned and then cut to the 80 of the context."""


def around(
    text: str,
    span: Span,
    body: Span | None = None,
) -> tuple[str, str, str]:
    """Return (prefix, suffix, sentence) of a passage in the joined text of a page.

    Args:
        text: the text of the page.
        span: the passage.
        body: the page without running heads and feet; ignored if the passage is outside
            of it.
    """
    start, end = span
    if body and body[0] <= start and end <= body[1]:
        body_start, body_end = body
        text = text[body_start:body_end]
        start -= body_start
        end -= body_start
    before = text[max(start - REACH, 0) : start]
    after = text[end : end + REACH]
    prefix = flowing(before)[-CONTEXT:]
    suffix = flowing(after)[:CONTEXT]

    # the sentences around, within the block of the passage, unless they are too long
    far = 2 * LONGEST_SENTENCE
    line_start = text.rfind("\n", 0, start) + 1
    block_start = max(line_start, start - far)
    block_end = text.find("\n", end, end + far)
    if block_end < 0:
        block_end = end + far
    block = text[block_start:block_end]
    left, right = sentence_around(block, start - block_start, end - block_start)
    sentence = ""
    if right - left <= LONGEST_SENTENCE + end - start:
        sentence = one_line(block[left:right])
    return (prefix, suffix, sentence)


# --- running heads and feet -------------------------------------------------------------

EDGE = 2
"""Lines at the top and at the bottom that may be running heads or feet."""
SHARE = 0.3
"""Share of the pages that have a running line: left and right pages may differ."""
LONGEST_LINE = 150
"""Characters of a running line, at most."""
_DIGITS = regex(r"\d+")
_PAGE_NUMBER = regex(
    r"(?i)(?:page|p\.|seite|s\.)?\W*"
    r"(?:\d{1,4}|[ivxlc]{1,7})\W*"
    r"(?:(?:of|von|/)\W*\d+)?\W*"
)


class EdgeLine(Value):
    """A line at the top or at the bottom of a page."""

    at_top: bool
    text: str

    @property
    def key(self) -> tuple[bool, str]:
        """Its text without the numbers, which differ from page to page."""
        return (self.at_top, _DIGITS.sub("#", self.text.casefold()))


class Running:
    """The running heads and feet of a document: page edges that recur on others."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Find the running lines from the texts of the pages."""
        self._edges = [tuple(_edges(text)) for text in texts]
        counts: Counter[tuple[bool, str]] = Counter()
        for lines in self._edges:
            counts.update({line.key for line in lines})
        least = max(2, SHARE * len(texts))
        self._recurring = {key for key, count in counts.items() if count >= least}

    def body(self, page: int, text: str) -> Span:
        """Return the span of a page's text between its running lines."""
        start = 0
        end = len(text)
        if page >= len(self._edges):
            return (start, end)
        for line in self._edges[page]:
            # a line that recurs, or a page number among several
            is_number = len(self._edges) > 1 and _PAGE_NUMBER.fullmatch(line.text)
            if not is_number and line.key not in self._recurring:
                continue
            if line.at_top:
                rest = text[start:].lstrip()
                if rest.startswith(line.text):
                    start = len(text) - len(rest) + len(line.text)
            else:
                rest = text[:end].rstrip()
                if rest.endswith(line.text):
                    end = len(rest) - len(line.text)
        return (start, max(start, end))


def _edges(text: str) -> Iterator[EdgeLine]:
    """Yield the lines at the edges of a page: from the top down, from the bottom up."""
    every_line = text.splitlines()
    first_lines = list(islice(_filled(every_line), 2 * EDGE + 1))
    if len(first_lines) > 2 * EDGE:
        top = first_lines[:EDGE]
        bottom = list(islice(_filled(reversed(every_line)), EDGE))
    else:  # hardly any text: one line each
        top = first_lines[:1]
        bottom = first_lines[1:][-1:]
    for at_top, lines in ((True, top), (False, bottom)):
        for line in lines:
            if len(line) <= LONGEST_LINE:
                yield EdgeLine(at_top, line)


def _filled(lines: Iterable[str]) -> Iterator[str]:
    """Yield the clean lines without the empty ones, as late as possible."""
    return filter(None, map(one_line, lines))
