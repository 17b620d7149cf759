"""The text that a mark covers on a page, and its context: quads, reading order, sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from math import atan2, hypot, isfinite
from statistics import median

from ankiforge.extract.pdf.text import Char, PageText, flowing, is_rtl, one_line, usual_step
from ankiforge.extract.pdf.worker import Box
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


class Quad(Value):
    """A convex quadrilateral, its corners sorted by angle."""

    corners: tuple[Point, ...]
    box: Box
    upright: bool
    """Whether its sides are parallel to those of the page."""

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point within its box lies inside or on an edge."""
        sides = pairwise([*self.corners, self.corners[0]])
        turns = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in sides]
        return min(turns) >= 0 or max(turns) <= 0

    def cover(self, char: Char) -> float:
        """Return the share of the character's width within the quad's box, 0 to 1."""
        shared = min(char.right, self.box[2]) - max(char.left, self.box[0])
        return max(0.0, shared / char.width)


def quads(points: Sequence[float], rectangle: Box | None) -> list[Quad]:
    """Return the quads of an annotation, or its rectangle if it has none.

    The corners are sorted by angle, because programs write them in any order.
    """
    groups = [points[at : at + 8] for at in range(0, len(points) - 7, 8)][:MOST_QUADS]
    usable = [group for group in groups if all(isfinite(value) for value in group)]
    found = [_quad([(g[0], g[1]), (g[2], g[3]), (g[4], g[5]), (g[6], g[7])]) for g in usable]
    # no page is wider than 14,400 points: PyMuPDF marks the end of the plane when it finds nothing
    if not found and rectangle and rectangle[2] - rectangle[0] <= 14_400:
        left, bottom, right, top = rectangle
        found = [_quad([(left, bottom), (right, bottom), (right, top), (left, top)])]
    return found


def _quad(corners: list[Point]) -> Quad:
    x, y = sum(c[0] for c in corners) / 4, sum(c[1] for c in corners) / 4
    ordered = tuple(sorted(corners, key=lambda c: atan2(c[1] - y, c[0] - x)))
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    sides = pairwise([*ordered, ordered[0]])
    upright = all(abs(a[0] - b[0]) < 0.01 or abs(a[1] - b[1]) < 0.01 for a, b in sides)
    return Quad(ordered, (min(xs), min(ys), max(xs), max(ys)), upright)


class Passages:
    """Finds the text under the marks on one page."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: dict[int, list[int]] = defaultdict(list)
        for at, char in enumerate(page.seen):
            self._rows[int(char.y // ROW)].append(at)

    def under(self, marked: list[Quad]) -> list[list[int]]:
        """Return the places that a mark covers, one list per printed line, in reading order."""
        owner = self._covered(marked, 0.0, _inside) or self._covered(marked, 3 * ROW, _thin)
        owner |= self._edge_letters(owner, marked)
        return _in_order(self._page.seen, self._segments(owner), owner)

    def nearest(self, x: float, y: float) -> int:
        """Return the place closest to a point; 0 on a page without text."""
        near = [hypot(char.x - x, 3 * (char.y - y)) for char in self._page.seen]
        return near.index(min(near)) if near else 0

    def _near(self, bottom: float, top: float) -> Iterator[int]:
        first, last = int(bottom // ROW), int(top // ROW)
        rows = range(first, last + 1) if last - first <= len(self._rows) else sorted(self._rows)
        for row in rows:
            yield from self._rows.get(row, ())

    def _covered(
        self, marked: list[Quad], reach: float, covers: Callable[[Quad, Char], bool]
    ) -> dict[int, int]:
        """Return place → quad for the characters that quads cover, at most `reach` above them."""
        owner: dict[int, int] = {}
        for number, quad in enumerate(marked):
            left, bottom, right, top = quad.box
            for at in self._near(bottom, top + reach):
                char = self._page.seen[at]
                if left <= char.x <= right and covers(quad, char):
                    owner.setdefault(at, number)
        return owner

    def _edge_letters(self, owner: dict[int, int], marked: list[Quad]) -> dict[int, int]:
        """Return place → quad for first and last letters of words that are covered by a quarter."""
        return {
            at + step: number
            for at, number in owner.items()
            for step in (-1, 1)
            if marked[number].upright
            and at - step in owner
            and at + step not in owner
            and self._outermost(at, step)
            and PARTLY <= marked[number].cover(self._page.seen[at + step]) < 0.5
        }

    def _outermost(self, at: int, step: int) -> bool:
        """Return whether the place after `at` in a direction is the last letter of a word."""
        seen, place = self._page.seen, self._page.seen[at].place
        run = [seen[one] for one in (at + step, at + 2 * step) if 0 <= one < len(seen)]
        letters = [
            one.text.isalnum() and one.place == place + step * number
            for number, one in enumerate(run, 1)
        ]
        level = bool(run) and abs(run[0].y - seen[at].y) < 0.5 * run[0].height
        return level and letters in ([True], [True, False])

    def _segments(self, owner: dict[int, int]) -> list[list[int]]:
        """Return runs of covered places on one line and in one quad."""
        segments: list[list[int]] = []
        seen, last = self._page.seen, -1
        for at in sorted(owner):
            near = at == last + 1 or seen[at].place - seen[last].place <= 3
            ends = not segments or owner[last] != owner[at] or self._page.line_ends(last, at)
            if near and not ends:
                segments[-1].append(at)
            else:
                segments.append([at])
            last = at
        return segments


def _inside(quad: Quad, char: Char) -> bool:
    """Return whether the centre lies in a quad. A tolerance would add letters of other lines."""
    level = quad.box[1] <= char.y <= quad.box[3]
    return level and (quad.upright or quad.holds(char.x, char.y))


def _thin(quad: Quad, char: Char) -> bool:
    """Return whether a quad is only a line below or through a character."""
    left, bottom, right, top = quad.box
    thin = right > left and top - bottom < THIN * char.height
    return thin and char.bottom - 0.2 * char.height <= (bottom + top) / 2 <= char.y


# --- reading order --------------------------------------------------------------------------


def _in_order(
    seen: list[Char], segments: list[list[int]], owner: dict[int, int]
) -> list[list[int]]:
    """Sort segments as in the page's text, or as the quads if those jump less."""
    if len(segments) < 2:
        return segments
    across, along = usual_step(pairwise([seen[at] for at in max(segments, key=len)]))
    rtl = is_rtl("".join(seen[at].text for segment in segments for at in segment))
    down = -1.0 if rtl else 1.0
    places = []  # of each segment: where on its line it begins and ends, how far down, how high
    for segment in segments:
        chars = [seen[at] for at in segment]
        steps = [char.x * across + char.y * along for char in chars]
        depth = median(down * (char.x * along - char.y * across) for char in chars)
        places.append((min(steps), max(steps), depth, max(1.0, *(char.height for char in chars))))

    def oddness(one: int, two: int) -> float:
        (start, end, depth, tall), (then, last, lower, low) = places[one], places[two]
        height, falls = min(tall, low), lower - depth
        if abs(falls) < 0.4 * height:
            return float(then < start)
        if falls < 0:  # half as odd if it is the next column
            return 1.0 if then < end - 0.5 * height else 0.5
        return 0.75 * (falls > 2.5 * height and last <= start)

    numbers = range(len(segments))
    by_quad = sorted(numbers, key=lambda number: owner[segments[number][0]])
    order = min(numbers, by_quad, key=lambda some: sum(oddness(*pair) for pair in pairwise(some)))
    return [segments[number] for number in order]


# --- context --------------------------------------------------------------------------------

LONGEST_SENTENCE = 600
"""Characters around a mark; a longer sentence is a table or list without full stops."""
REACH = 300
"""Characters of page text that are cleaned and then cut to the 80 of the context."""


def around(text: str, span: Span, body: Span | None = None) -> tuple[str, str, str]:
    """Return (prefix, suffix, sentence) of a passage in the joined text of a page.

    Args:
        text: the text of the page.
        span: the passage.
        body: the page without running heads and feet; ignored if the passage is outside of it.
    """
    start, end = span
    if body and body[0] <= start and end <= body[1]:
        text, by = text[slice(*body)], body[0]
        start, end = start - by, end - by
    prefix = flowing(text[max(start - REACH, 0) : start])[-CONTEXT:]
    suffix = flowing(text[end : end + REACH])[:CONTEXT]
    # the sentences around the passage, within its block
    far = 2 * LONGEST_SENTENCE
    first = max(text.rfind("\n", 0, start) + 1, start - far)
    last = text.find("\n", end, end + far)
    block = text[first : last if last >= 0 else end + far]
    left, right = sentence_around(block, start - first, end - first)
    short = right - left <= LONGEST_SENTENCE + end - start
    return (prefix, suffix, one_line(block[left:right]) if short else "")


# --- running heads and feet -----------------------------------------------------------------

EDGE = 2
"""Lines at the top and at the bottom that may be running heads or feet."""
SHARE = 0.3
"""Share of the pages on which a running line stands: left and right pages may differ."""
LONGEST_LINE = 150
"""Characters of a running line, at most."""
_DIGITS = regex(r"\d+")
_PAGE_NUMBER = regex(
    r"(?i)(?:page|p\.|seite|s\.)?\W*(?:\d{1,4}|[ivxlc]{1,7})\W*(?:(?:of|von|/)\W*\d+)?\W*"
)


class Running:
    """The running heads and feet of a document: lines at page edges that recur on others."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Find the running lines from the texts of the pages."""
        self._edges = [tuple(_edges(text)) for text in texts]
        counts: Counter[tuple[bool, str]] = Counter()
        for edges in self._edges:
            counts.update({(top, _key(line)) for top, line in edges})
        least = max(2, SHARE * len(texts))
        self._known = {one for one, count in counts.items() if count >= least}

    def body(self, page: int, text: str) -> Span:
        """Return the span of a page's text between its running lines."""
        start, end = 0, len(text)
        for top, line in self._edges[page] if page < len(self._edges) else ():
            number = len(self._edges) > 1 and _PAGE_NUMBER.fullmatch(line)
            if not number and (top, _key(line)) not in self._known:
                continue
            if top and (rest := text[start:].lstrip()).startswith(line):
                start = len(text) - len(rest) + len(line)
            elif not top and (rest := text[:end].rstrip()).endswith(line):
                end = len(rest) - len(line)
        return (start, max(start, end))


def _edges(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (whether at the top, line) from the edges inwards."""
    every = text.splitlines()
    top = [*islice(_shown(every), 2 * EDGE + 1)]
    if len(top) <= 2 * EDGE:  # hardly any text: one line each
        top, bottom = top[:1], top[1:][-1:]
    else:
        top, bottom = top[:EDGE], [*islice(_shown(reversed(every)), EDGE)]
    for at_top, lines in ((True, top), (False, bottom)):
        yield from ((at_top, line) for line in lines if len(line) <= LONGEST_LINE)


def _shown(lines: Iterable[str]) -> Iterator[str]:
    return (one for one in map(one_line, lines) if one)


def _key(line: str) -> str:
    return _DIGITS.sub("#", line.casefold())
