"""The margins of a page: running heads and feet, and the numbers of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import attrgetter

from ankiforge.extract.pdf.chars import Char
from ankiforge.extract.pdf.cleaning import one_line
from ankiforge.model import Span, Value
from ankiforge.text import regex

# --- running heads and feet -------------------------------------------------------------

EDGE = 2
"""Lines at the top and at the bottom that may be running heads or feet."""
_SHARE = 0.3
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
        least = max(2, _SHARE * len(texts))
        self._recurring = {key for key, count in counts.items() if count >= least}

    def body(self, page: int, text: str) -> Span:
        """Return the span of a page's text between its running lines."""
        start = 0
        end = len(text)
        if page >= len(self._edges):
            return (start, end)
        for line in self._edges[page]:
            # a line that recurs, or a page number among several
            if line.key not in self._recurring:
                if len(self._edges) < 2 or not _PAGE_NUMBER.fullmatch(line.text):
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
    else:  # hardly any text: one line each, and a line alone is at the top
        top, others = first_lines[:1], first_lines[1:]
        bottom = others[-1:]
    for at_top, lines in ((True, top), (False, bottom)):
        for line in lines:
            if len(line) <= LONGEST_LINE:
                yield EdgeLine(at_top, line)


def _filled(lines: Iterable[str]) -> Iterator[str]:
    """Yield the clean lines without the empty ones, as late as possible."""
    return filter(None, map(one_line, lines))


# --- numbers of lines -----------------------------------------------------------------

_LEAST_NUMBERS = 5
"""Numbers of lines on a page, at least."""
STEPS = (1, 2, 5, 10)
"""Every line is numbered, or every second, fifth or tenth."""
COUNTED = 0.8
"""The share of the numbers that are one step larger than the one above, at least."""
NUMBERED = 0.6
"""The share of the lines beside them that they count, at least."""
_MOST_WITHIN = 3
"""Lines that reach into their column, at most: a head, a foot, a stamp."""
ALIGNED = 1.5
"""How far the edges of two numbers of one column are apart, at most, in points."""
_AT_AN_END = regex(r"(?m)^[ \t]*[0-9]{1,4}(?![0-9])|(?<![0-9])[0-9]{1,4}[ \t]*$")


class LineNumber:
    """A number at the beginning or the end of a line."""

    def __init__(self, digits: Sequence[Char]) -> None:
        self.digits = digits
        self.text = "".join([digit.text for digit in digits])
        self.value = int(self.text)
        self.left = digits[0].left
        self.right = digits[-1].right
        self.y = digits[0].y


def line_numbers(chars: Sequence[Char]) -> Iterator[LineNumber]:
    """Yield the numbers by which a page counts its lines in a margin.

    Manuscripts and preprints have them; as text they would stand within sentences.
    """
    text = "".join([char.text for char in chars]).replace("\r", "\n")
    numbers = []
    for match in _AT_AN_END.finditer(text):
        digits = [char for char in chars[slice(*match.span())] if char.text.isdigit()]
        numbers.append(LineNumber(digits))
    for edge in ("right", "left"):
        for column in _columns(numbers, attrgetter(edge)):
            if _counts_lines(column, chars):
                yield from column


def _columns(
    numbers: Iterable[LineNumber], edge: Callable[[LineNumber], float]
) -> Iterator[list[LineNumber]]:
    """Yield the numbers whose edges are aligned, those of a column from the top down."""
    column: list[LineNumber] = []
    for number in sorted(numbers, key=edge):
        if column and edge(number) - edge(column[-1]) > ALIGNED:
            yield column
            column = []
        column.append(number)
    yield column


def _counts_lines(column: list[LineNumber], chars: Iterable[Char]) -> bool:
    """Return whether numbers in a column count the lines of the text, and stand beside it."""
    if len(column) < _LEAST_NUMBERS:
        return False
    column.sort(key=lambda number: -number.y)
    steps = Counter(below.value - above.value for above, below in pairwise(column))
    [(step, count)] = steps.most_common(1)
    if step not in STEPS or count < COUNTED * (len(column) - 1):
        return False

    # hardly anything else is printed in the column, and most lines beside it are counted
    left = min(number.left for number in column)
    right = max(number.right for number in column)
    digits = {digit.number for number in column for digit in number.digits}
    beside: list[Char] = []
    within: list[Char] = []
    for char in chars:
        if char.generated or char.text.isspace() or char.number in digits:
            continue
        if left < char.right and char.left < right:
            within.append(char)
        elif column[-1].y <= char.y <= column[0].y:
            beside.append(char)
    if _row_count(within) > _MOST_WITHIN:
        return False
    return step * len(column) >= NUMBERED * _row_count(beside)


def _row_count(chars: Iterable[Char]) -> int:
    """Return on how many lines characters stand; raised and lowered ones stand on theirs."""
    by_height = sorted(chars, key=attrgetter("y"))
    return bool(by_height) + sum(
        above.y - below.y > 0.5 * below.height for below, above in pairwise(by_height)
    )
