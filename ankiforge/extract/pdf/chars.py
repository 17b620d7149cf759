"""The characters of a page, and the lines they form.

`page_text` reads the characters with PDFium and links each visible one to its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from ankiforge.text import regex

HYPHEN_MARKERS = frozenset("\x02\ufffe\u00ad")
"""PDFium's codes for a hyphen at the end of a line, and the soft hyphen."""
HYPHENS = frozenset("-\u2010") | HYPHEN_MARKERS
SPACES = frozenset("\r\n\t \x00\u00a0\u2007\u202f")
CJK = regex("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
"""Matches a Chinese or Japanese character. When lines are joined, no space is inserted between two
such characters.
"""
_MAX_SIZE_RATIO = 1.15
"""The maximum ratio between the sizes of two lines in a block."""
_MIN_COMPARED_CHARS = 3
"""The minimum number of characters in lines whose sizes can be compared."""


class Char(NamedTuple):
    """A character as read by PDFium. Its box is as high as the font, not just the glyph.

    Lengths are in points, and the y axis points upwards.
    """

    char_index: int
    """The index in PDFium's list of characters, which is roughly in reading order."""
    text: str
    is_generated: bool
    """Whether this is a space or line break that PDFium inserted."""
    left: float
    bottom: float
    right: float
    top: float
    x: float
    """The horizontal centre of the box."""
    y: float
    """The vertical centre of the box."""
    width: float
    """The advance width, which is never 0."""
    height: float
    """The height of the font, which is never 0."""


# The gap between two consecutive visible characters.
NO_GAP = 0
SPACE_GAP = 1
LINE_GAP = 2


class PrintedChar:
    """A visible character, linked to its neighbours and with the coordinates of its `Char`."""

    __slots__ = (
        "bottom",
        "char_index",
        "gap",
        "height",
        "left",
        "line",
        "next",
        "previous",
        "printed_text",
        "right",
        "text",
        "text_offset",
        "top",
        "visible_index",
        "width",
        "x",
        "y",
    )

    line: Line

    def __init__(self, char: Char, index: int, previous: PrintedChar | None) -> None:
        # called for each letter of a document, and unpacking is faster than reading attributes
        (
            self.char_index,
            self.text,
            _,
            self.left,
            self.bottom,
            self.right,
            self.top,
            self.x,
            self.y,
            self.width,
            self.height,
        ) = char
        self.visible_index = index
        """The index among the visible characters of the page."""
        self.previous = previous
        self.next: PrintedChar | None = None
        if previous:
            previous.next = self
        self.gap = LINE_GAP
        """The gap before this character: `NO_GAP`, `SPACE_GAP` or `LINE_GAP`."""
        self.printed_text = "-" if self.text in HYPHEN_MARKERS else self.text
        """The text that this character contributes to the text of the page."""
        self.text_offset = 0
        """The offset of `printed_text` in the text of the page."""

    def is_letter_joined_to(self, other: PrintedChar | None) -> bool:
        """Return whether this is a letter or digit that no whitespace separates from `other`."""
        if other is None or not self.text.isalnum():
            return False
        return abs(self.char_index - other.char_index) == abs(
            self.visible_index - other.visible_index
        )


class Line:
    """A line of visible characters."""

    def __init__(self, chars: list[PrintedChar], depth: float) -> None:
        self.chars = chars
        self.depth = depth
        """The distance of the line down the page, which increases from line to line."""
        heights = [char.height for char in chars]
        self.height = median(heights)
        self.min_height = min(heights)
        for char in chars:
            char.line = self

    def has_similar_size(self, other: Line) -> bool:
        """Return whether two lines have similar font sizes, or are too short to compare."""
        if min(len(self.chars), len(other.chars)) < _MIN_COMPARED_CHARS:
            return True
        return 1 / _MAX_SIZE_RATIO <= self.height / other.height <= _MAX_SIZE_RATIO

    @property
    def letter_count(self) -> int:
        """The number of letters in the line, excluding digits and symbols."""
        return sum(char.text.isalpha() for char in self.chars)

    def sample_fonts(self, get_font: GetFont) -> set[str]:
        """Return the fonts of the first, the middle and the last letter of the line.

        The line must contain at least one letter.
        """
        letters = [char for char in self.chars if char.text.isalpha()]
        samples = (letters[0], letters[len(letters) // 2], letters[-1])
        return {get_font(char.char_index) for char in samples}


GetFont = Callable[[int], str]
"""A function that returns the font name of a character, by `char_index`, or "" if unknown."""
