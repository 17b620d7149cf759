"""Positions in e-books, and the order of reading."""

import re

from ankiforge.extract.books.documents import BookHighlight
from ankiforge.text import regex

_CFI_STEP = regex(r"/(\d+)")
# Matches an element's ID in a position. Special characters are escaped with a circumflex.
_CFI_ASSERTION = regex(r"\[(?:[^\]^]|\^.)*\]")
_MAX_DEPTH = 60


def parse_cfi(path: str) -> tuple[str, int]:
    """Convert a position in an EPUB to (CSS selector of an element, offset in its text).

    The position is a canonical fragment identifier (CFI), such as `/4/2/10/1:388`. An even
    number stands for a child element: 2 is the first child, and 4 the second. An odd number stands
    for the text between two child elements.
    """
    steps = _CFI_ASSERTION.sub("", path)
    numbers = [int(number) for number in _CFI_STEP.findall(steps)[:_MAX_DEPTH]]
    children = [f":nth-child({number // 2})" for number in numbers if number % 2 == 0]
    offset = re.search(r":(\d{1,9})", steps)
    return " > ".join(["html", *children]), int(offset[1]) if offset else 0


def sort_by_position(marks: list[BookHighlight]) -> list[BookHighlight]:
    """Sort highlights into reading order: by file, then by element, then by offset."""
    return sorted(
        marks,
        key=lambda mark: (
            mark.page,
            [int(number) for number in re.findall(r"\d+", mark.css_selector)],
            mark.offset,
        ),
    )
