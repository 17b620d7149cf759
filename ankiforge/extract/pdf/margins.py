"""Find text in the page margins that isn't part of the document's text.

Running headers and footers are recognised because they recur on other pages, and line numbers
because they count the lines next to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import attrgetter

from ankiforge.extract.cleaning import to_one_line
from ankiforge.extract.pdf.chars import Char
from ankiforge.model import Span, Value
from ankiforge.text import regex

# --- running headers and footers --------------------------------------------------------

EDGE_LINE_COUNT = 2
"""The number of lines at the top and at the bottom of each page that may be headers or footers."""
_MIN_PAGE_FRACTION = 0.3
"""The minimum fraction of pages on which a running header or footer occurs. It is less than half,
because left and right pages may differ.
"""
MAX_RUNNING_LINE_CHARS = 150
"""The maximum length of a running header or footer."""
_DIGITS = regex(r"\d+")
_PAGE_NUMBER = regex(
    r"(?i)(?:page|p\.|seite|s\.)?\W*"
    r"(?:\d{1,4}|[ivxlc]{1,7})\W*"
    r"(?:(?:of|von|/)\W*\d+)?\W*"
)


class EdgeLine(Value):
    """A line at the top or bottom of a page, which may be a page header or footer."""

    at_top: bool
    text: str

    @property
    def matching_key(self) -> tuple[bool, str]:
        """A key that is the same on other pages, because digits in the line are masked."""
        return (self.at_top, _DIGITS.sub("#", self.text.casefold()))


class RunningHeaders:
    """The running headers and footers of a document: lines that recur at the edges of its pages."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Find the lines that recur at the top or bottom of the given page texts."""
        self._edge_lines = [tuple(_find_edge_lines(text)) for text in texts]
        counts: Counter[tuple[bool, str]] = Counter()
        for lines in self._edge_lines:
            counts.update({line.matching_key for line in lines})
        min_count = max(2, _MIN_PAGE_FRACTION * len(texts))
        self._recurring = {key for key, count in counts.items() if count >= min_count}

    def find_body_span(self, page: int, text: str) -> Span:
        """Return the span of a page's text without running headers, footers and page numbers.

        Args:
            page: The page number, from 0.
            text: The text of the page. Its lines may be joined differently than those in the
                `texts` of the constructor.
        """
        start = 0
        end = len(text)
        if page >= len(self._edge_lines):
            return (start, end)
        for line in self._edge_lines[page]:
            if not self._is_running_line(line):
                continue
            if line.at_top:
                start = _skip_top_line(text, start, line.text)
            else:
                end = _skip_bottom_line(text, end, line.text)
        return (start, max(start, end))

    def _is_running_line(self, line: EdgeLine) -> bool:
        """Return whether a line recurs, or is the page number in a document of several pages."""
        if line.matching_key in self._recurring:
            return True
        has_several_pages = len(self._edge_lines) > 1
        return has_several_pages and _PAGE_NUMBER.fullmatch(line.text) is not None


def _skip_top_line(text: str, start: int, line: str) -> int:
    """Return the offset after a line if the text from `start` begins with it, or else `start`."""
    remaining = text[start:].lstrip()
    if not remaining.startswith(line):
        return start
    line_start = len(text) - len(remaining)
    return line_start + len(line)


def _skip_bottom_line(text: str, end: int, line: str) -> int:
    """Return the offset before a line if the text up to `end` ends with it, or else `end`."""
    remaining = text[:end].rstrip()
    if not remaining.endswith(line):
        return end
    return len(remaining) - len(line)


def _find_edge_lines(text: str) -> Iterator[EdgeLine]:
    """Yield the top lines of a page from the top down, then its bottom lines from the bottom up."""
    every_line = text.splitlines()
    # long pages have thousands of lines, so only those at the edges are cleaned
    first_lines = list(islice(_clean_lines(every_line), 2 * EDGE_LINE_COUNT + 1))
    if len(first_lines) > 2 * EDGE_LINE_COUNT:
        top_lines = first_lines[:EDGE_LINE_COUNT]
        bottom_lines = list(islice(_clean_lines(reversed(every_line)), EDGE_LINE_COUNT))
    else:  # there is hardly any text, so only one line each; a single line is at the top
        top_lines = first_lines[:1]
        bottom_lines = first_lines[1:][-1:]
    for line in top_lines:
        if len(line) <= MAX_RUNNING_LINE_CHARS:
            yield EdgeLine(at_top=True, text=line)
    for line in bottom_lines:
        if len(line) <= MAX_RUNNING_LINE_CHARS:
            yield EdgeLine(at_top=False, text=line)


def _clean_lines(lines: Iterable[str]) -> Iterator[str]:
    return filter(None, map(to_one_line, lines))


# --- line numbers ---------------------------------------------------------------------

_MIN_NUMBERS = 5
"""The minimum number of line numbers on a page."""
NUMBERING_STEPS = (1, 2, 5, 10)
"""The possible differences between consecutive line numbers."""
MIN_CONSECUTIVE_FRACTION = 0.8
"""The minimum fraction of numbers that exceed the number above by exactly one step."""
MIN_COUNTED_FRACTION = 0.6
"""The minimum fraction of the lines next to a column that its numbers must count."""
_MAX_OTHER_LINES = 3
"""The maximum number of lines of other text in a column, such as a running header or a stamp."""
MAX_EDGE_DISTANCE = 1.5
"""The maximum distance between the edges of neighbouring numbers in a column, in points."""
_NUMBER_AT_LINE_END = regex(r"(?m)^[ \t]*[0-9]{1,4}(?![0-9])|(?<![0-9])[0-9]{1,4}[ \t]*$")


class LineNumber:
    """A number at the start or end of a line that may be a line number."""

    def __init__(self, digits: Sequence[Char]) -> None:
        self.digits = digits
        self.text = "".join([digit.text for digit in digits])
        self.value = int(self.text)
        self.left = digits[0].left
        self.right = digits[-1].right
        self.y = digits[0].y


def find_line_numbers(chars: Sequence[Char]) -> Iterator[LineNumber]:
    """Yield the line numbers in the margins of a page, as manuscripts and preprints have them.

    They must be removed from the text, because otherwise they would interrupt sentences. A number
    may be yielded twice, because both its left and its right edge may be in line with others.
    """
    text = "".join([char.text for char in chars]).replace("\r", "\n")
    numbers = []
    for match in _NUMBER_AT_LINE_END.finditer(text):
        start, end = match.span()
        digits = [char for char in chars[start:end] if char.text.isdigit()]
        numbers.append(LineNumber(digits))
    for get_edge in (attrgetter("right"), attrgetter("left")):
        for column in _group_into_columns(numbers, get_edge):
            if _is_line_numbering(column, chars):
                yield from column


def _group_into_columns(
    numbers: Iterable[LineNumber], get_edge: Callable[[LineNumber], float]
) -> list[list[LineNumber]]:
    """Group numbers into columns in which neighbouring numbers have about the same edge."""
    columns: list[list[LineNumber]] = []
    for number in sorted(numbers, key=get_edge):
        if columns:
            distance = get_edge(number) - get_edge(columns[-1][-1])
            if distance <= MAX_EDGE_DISTANCE:
                columns[-1].append(number)
                continue
        columns.append([number])
    return columns


def _is_line_numbering(column: list[LineNumber], chars: Iterable[Char]) -> bool:
    """Return whether the numbers in a column count the lines of the text beside it."""
    if len(column) < _MIN_NUMBERS:
        return False
    column.sort(key=lambda number: -number.y)
    step = _find_step(column)
    if step is None or step not in NUMBERING_STEPS:
        return False

    # check that the column has hardly any other text, and counts most of the lines next to it
    left = min(number.left for number in column)
    right = max(number.right for number in column)
    chars_beside: list[Char] = []
    chars_within: list[Char] = []
    for char in _iter_other_text(column, chars):
        if left < char.right and char.left < right:
            chars_within.append(char)
        elif column[-1].y <= char.y <= column[0].y:
            chars_beside.append(char)
    if _count_rows(chars_within) > _MAX_OTHER_LINES:
        return False
    return step * len(column) >= MIN_COUNTED_FRACTION * _count_rows(chars_beside)


def _find_step(column: Sequence[LineNumber]) -> int | None:
    """Return the usual difference between a number and the one above, or None if it varies."""
    steps: Counter[int] = Counter()
    for above, below in pairwise(column):
        steps[below.value - above.value] += 1
    [(step, count)] = steps.most_common(1)
    if count < MIN_CONSECUTIVE_FRACTION * (len(column) - 1):
        return None
    return step


def _iter_other_text(
    column: Iterable[LineNumber], chars: Iterable[Char]
) -> Iterator[Char]:
    """Yield the visible characters that aren't digits of a column of numbers."""
    digits = chain.from_iterable(number.digits for number in column)
    digit_indexes = {digit.char_index for digit in digits}
    for char in chars:
        if char.is_generated or char.text.isspace():
            continue
        if char.char_index not in digit_indexes:
            yield char


def _count_rows(chars: Iterable[Char]) -> int:
    """Return on how many lines the characters are, ignoring superscripts and subscripts."""
    chars_by_height = sorted(chars, key=attrgetter("y"))
    if not chars_by_height:
        return 0
    row_count = 1
    for below, above in pairwise(chars_by_height):
        if above.y - below.y > 0.5 * below.height:
            row_count += 1
    return row_count
