"""The text of a page as one reads it: lines joined, hyphens settled, blocks apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
from itertools import groupby, islice, pairwise
from math import hypot
from statistics import median
from typing import NamedTuple

from ankiforge.extract.pdf.accents import accented
from ankiforge.extract.pdf.chars import BREAKS, HYPHENS, MARKERS, Char, is_cjk, is_rtl, visible
from ankiforge.extract.pdf.spelling import WORD, Spelling, first_word, last_word

BLOCK_GAP = 1.5
"""A step down that is so many times the usual one begins a new block."""
WIDEST_STEP = 2.2
"""Lines set wider than that, in heights of their letters, are blocks of their own."""
BULLETS = frozenset("•‣▪◦●○■□▸►◆\uf0b7\uf0a7")
SIZE_CHANGE = 1.15
"""So does a line whose letters are so many times larger or smaller."""


class Gap(Enum):
    """What lies between two visible characters that follow one another."""

    NOTHING = 0
    BLANK = 1
    LINE = 2


_SIGNS = "0123456789+-\u2212\u2013n,"
RAISED = dict(zip(_SIGNS, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ,", strict=True))
LOWERED = dict(zip(_SIGNS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₋ₙ,", strict=True))
"""10⁵ must not become 105. NFKC takes both back, so that keys do not depend on it."""
SMALLER = 0.85
"""Raised and lowered signs are at most so high, in heights of their line."""
OFF_LINE = 0.1
"""And their middle is at least so far above or below that of what they stand at."""


class Line(NamedTuple):
    """A printed line: [start, end) among the visible characters of its page."""

    start: int
    end: int
    height: float
    """The usual height of its font."""
    lowest: float
    """The least."""
    depth: float
    """How far down the page it is, seen by the reader."""


class PageText:
    """The visible characters of a page and the text they make.

    Places within a page are indices into `seen`; `span` turns them into offsets in `text`.
    """

    def __init__(self, chars: list[Char], spelling: Spelling) -> None:
        self._chars = chars
        self._spelling = spelling
        self.seen = list(visible(chars))
        self._gaps = [Gap.LINE, *self._between_all()]
        self.direction = self._direction()
        self._signs = dict(self._accents())
        self.lines = self._lines()
        self._signs |= self._off_line()
        self._starts: list[int] = []
        self.text = self._joined()

    # --- lines ------------------------------------------------------------------------------

    def _between_all(self) -> list[Gap]:
        """Most characters follow one another at once, which is quickly seen."""
        return [
            Gap.NOTHING
            if right.place == left.place + 1 and left.text not in MARKERS
            else self._gap(left, right)
            for left, right in pairwise(self.seen)
        ]

    def _gap(self, left: Char, right: Char) -> Gap:
        between = [one for one in self._chars[left.place + 1 : right.place] if one.blank]
        if left.text in MARKERS or any(one.text in BREAKS for one in between):
            touching = all(one.generated for one in between) and _touch(left, right)
            return Gap.NOTHING if touching and left.text not in MARKERS else Gap.LINE
        if all(one.generated for one in between) and _touch(left, right):
            return Gap.NOTHING
        apart = abs(left.y - right.y) > 0.4 * max(left.height, right.height)
        return Gap.LINE if apart and (left.text in HYPHENS or not between) else Gap.BLANK

    def _direction(self) -> tuple[float, float]:
        """The unit vector along which most lines run, written from left to right."""
        across, along = usual_step(self._neighbours())
        sign = -1 if is_rtl("".join(one.text for one in self.seen)) else 1
        return (sign * across, sign * along)

    def _neighbours(self) -> list[tuple[Char, Char]]:
        gaps = islice(self._gaps, 1, None)
        return [
            pair for pair, gap in zip(pairwise(self.seen), gaps, strict=True) if gap is Gap.NOTHING
        ]

    def _lines(self) -> list[Line]:
        edges = [at for at, gap in enumerate(self._gaps) if gap is Gap.LINE] if self.seen else []
        return [self._line(start, end) for start, end in pairwise([*edges, len(self.seen)])]

    def _line(self, start: int, end: int) -> Line:
        across, along = self.direction
        chars = self.seen[start:end]
        heights = sorted(one.height for one in chars)
        depth = median([along * one.x - across * one.y for one in chars])
        return Line(start, end, median(heights), heights[0], depth)

    def _accents(self) -> Iterator[tuple[int, str]]:
        """Place → sign, for letters and the accents that are printed on them: these say nothing."""
        for accent, letter, whole in accented(self.seen) if abs(self.direction[0]) > 0.9 else ():
            self._gaps[max(accent, letter)] = Gap.NOTHING
            yield from ((accent, ""), (letter, whole))

    def _off_line(self) -> Iterator[tuple[int, str]]:
        """Place → sign, for numbers and signs that are set small above or below their line."""
        across, _ = self.direction
        for line in filter(self._is_mixed, self.lines) if abs(across) > 0.9 else ():
            for small, run in groupby(range(line.start, line.end), partial(self._is_small, line)):
                places = list(run)
                base = self._base(places, line) if small else None
                if base is not None:
                    yield from self._shapes(places, partial(self._side, base))

    def _is_mixed(self, line: Line) -> bool:
        return line.lowest <= SMALLER * line.height

    def _is_small(self, line: Line, at: int) -> bool:
        return self.seen[at].height <= SMALLER * line.height

    def _base(self, places: list[int], line: Line) -> Char | None:
        """What these touch in their line, rather before than after them."""
        first, after = places[0], places[-1] + 1
        if first > line.start and self._gaps[first] is Gap.NOTHING:
            return self.seen[first - 1]
        touching = after < line.end and self._gaps[after] is Gap.NOTHING
        return self.seen[after] if touching else None

    def _side(self, base: Char, at: int) -> int:
        """1 if a character is raised, -1 if it is lowered, 0 if it is level with its base."""
        above = (self.seen[at].y - base.y) / base.height
        up = above if self.direction[0] > 0 else -above
        return 0 if abs(up) < OFF_LINE else (1 if up > 0 else -1)

    def _shapes(
        self, places: list[int], side_of: Callable[[int], int]
    ) -> Iterator[tuple[int, str]]:
        """Only where all that stands together has a sign: of e^(-t/S) the minus says nothing."""
        for side, run in groupby(places, side_of):
            together = list(run)
            shapes = RAISED if side > 0 else LOWERED
            signs = [shapes.get(self.seen[at].text, "") for at in together]
            if side and all(signs):
                yield from zip(together, signs, strict=True)

    def _sign(self, at: int) -> str:
        """The character at a place as it is written down."""
        sign = self._signs.get(at)
        return _written(self.seen[at]) if sign is None else sign

    def _block_starts(self) -> set[int]:
        """Where a line begins that does not continue the one before."""
        steps = [two.depth - one.depth for one, two in pairwise(self.lines)]
        down = [
            step
            for step, line in zip(steps, self.lines, strict=False)
            if 0.4 * line.height < step < 4 * line.height
        ]
        usual = median(down) if down else float("inf")
        return {
            two.start
            for (one, two), step in zip(pairwise(self.lines), steps, strict=True)
            if step > BLOCK_GAP * min(usual, WIDEST_STEP * two.height)
            or _another_size(one, two)
            or self.seen[two.start].text in BULLETS
        }

    # --- text -------------------------------------------------------------------------------

    def _joined(self) -> str:
        seen, gaps = self.seen, self._gaps
        signs = {at: "-" for at, char in enumerate(seen) if char.text in MARKERS} | self._signs
        blocks = self._block_starts()
        parts: list[str] = []
        length = 0
        for at in range(len(seen)):
            if at and gaps[at] is not Gap.NOTHING:
                glue = "\n" if at in blocks else self._glue(parts, at - 1, at)
                if glue is None:
                    length -= len(parts[-1])
                    parts[-1] = ""
                parts.append(glue or "")
                length += len(parts[-1])
            self._starts.append(length)
            sign = signs.get(at, seen[at].text)
            parts.append(sign)
            length += len(sign)
        return "".join(parts)

    def _glue(self, before: Sequence[str], at: int, then: int) -> str | None:
        """What joins two characters of different words or lines; None: the hyphen goes."""
        left, right = self.seen[at], self.seen[then]
        if then == at + 1 and self._gaps[then] is Gap.BLANK:
            return " "
        if left.text in HYPHENS:
            word = last_word("".join(before[-2 * WORD :])[:-1])
            return " " if not word else ("" if self._keeps_hyphen(word, then) else None)
        return "" if is_cjk(left.text) and is_cjk(right.text) else " "

    def _keeps_hyphen(self, left: str, then: int) -> bool:
        right = first_word(self._run(then))
        known = bool(right) and left[-1].isalnum()
        return not known or self._spelling.keeps_hyphen(left, right)

    def _run(self, start: int) -> str:
        """The characters from a place up to the next gap."""
        end = start + 1
        while end < min(len(self.seen), start + WORD) and self._gaps[end] is Gap.NOTHING:
            end += 1
        return "".join(one.text for one in self.seen[start:end])

    def quote(self, segments: list[list[int]]) -> str:
        """The words of a passage: places in reading order, one list per printed line."""
        parts: list[str] = []
        previous = -1
        for at in (at for segment in segments for at in segment):
            if parts:
                glue = self._between(previous, at)
                if glue is None:
                    parts.pop()
                parts.append(glue or "")
            parts.append(self._sign(at))
            previous = at
        if parts and self.seen[previous].text in MARKERS:
            parts.pop()
        return "".join(parts)

    def _between(self, at: int, then: int) -> str | None:
        if then == at + 1 and self._gaps[then] is Gap.NOTHING:
            return ""
        if at < then <= at + 8 and not self.line_ends(at, then):
            return " "
        start = self._starts[at]
        before = self.text[max(start - 2 * WORD, 0) : start] + _written(self.seen[at])
        if self._hyphen_cut_off(at, then):
            return "-" if self._keeps_hyphen(last_word(before), then) else ""
        return self._glue(before, at, then)

    def _hyphen_cut_off(self, at: int, then: int) -> bool:
        """Whether the mark stops just before the hyphen that ends the line."""
        after = at + 1
        return (
            after < len(self.seen)
            and after != then
            and self.seen[after].text in HYPHENS
            and self._gaps[after] is Gap.NOTHING
            and (after + 1 == len(self.seen) or self._gaps[after + 1] is Gap.LINE)
            and self.seen[at].text.isalnum()
        )

    def line_ends(self, at: int, then: int) -> bool:
        """Whether a line ends between two places."""
        return Gap.LINE in self._gaps[at + 1 : then + 1]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """[start, end) in `text` of the characters from `first` to `last`, that one included."""
        start = self._starts[last]
        following = self._starts[last + 1] if last + 1 < len(self.seen) else len(self.text)
        return (self._starts[first], min(start + len(_written(self.seen[last])), following))

    def place(self, offset: int) -> int:
        """The place of the character that stands at an offset of `text`, or last before it."""
        return max(bisect_right(self._starts, offset) - 1, 0)


def usual_step(pairs: Iterable[tuple[Char, Char]]) -> tuple[float, float]:
    """The unit vector from a character to the next, mostly; no raised sign turns it."""
    steps = list(pairs)
    across = median([two.x - one.x for one, two in steps]) if steps else 1.0
    along = median([two.y - one.y for one, two in steps]) if steps else 0.0
    length = hypot(across, along)
    return (across / length, along / length) if length > 1e-6 else (1.0, 0.0)


def _written(char: Char) -> str:
    return "-" if char.text in MARKERS else char.text


def _touch(left: Char, right: Char) -> bool:
    """Whether nothing is between two letters but what PDFium imagined (round superscripts)."""
    high = max(left.height, right.height, 1.0)
    beside = min(abs(right.left - left.right), abs(left.left - right.right)) < 0.1 * high
    edges = abs(left.bottom - right.bottom) + abs(left.top - right.top)
    level = abs(left.y - right.y) < 0.6 * high and edges < 1.2 * high
    return beside and level and abs(left.x - right.x) < 3 * high


def _another_size(one: Line, two: Line) -> bool:
    ratio = two.height / one.height
    real = min(one.end - one.start, two.end - two.start) >= 3
    return real and not 1 / SIZE_CHANGE <= ratio <= SIZE_CHANGE
