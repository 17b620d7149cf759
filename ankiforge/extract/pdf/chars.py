"""The characters of a page, and the printed lines that they form.

`page_text` reads the characters with PDFium and links the visible ones to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

HYPHEN_MARKERS = frozenset("\x02\ufffe\u00ad")
"""The characters that PDFium uses for a hyphen at the end of a line, and the soft hyphen."""
_MAX_SIZE_RATIO = 1.15
"""The maximum ratio between the sizes of two lines of a block."""
_MIN_COMPARED_CHARS = 3
"""The minimum number of characters in two lines whose sizes are compared."""


class Char(NamedTuple):
    """A character as read by PDFium, with its box, which is as high as its font and not its glyph.

    All lengths are in points, and the vertical axis points upwards.
    """

    char_index: int
    """The index in PDFium's list of characters, which is close to reading order."""
    text: str
    is_generated: bool
    """Whether PDFium inserted the character, a space or line break that isn't on the page."""
    left: float
    bottom: float
    right: float
    top: float
    x: float
    """The horizontal centre of the box."""
    y: float
    """The vertical centre of the box."""
    width: float
    """The distance to the next character (advance width), which is never 0."""
    height: float
    """The height of the font, which is never 0."""


# The gap between two consecutive visible characters.
NO_GAP = 0
SPACE_GAP = 1
LINE_GAP = 2


class PrintedChar:
    """A visible character that is linked to its neighbours. Its box is that of its `Char`."""

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
        # runs for each letter of a document: unpacking is faster than reading the attributes
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
        """The number of visible characters on the page before this one."""
        self.previous = previous
        self.next: PrintedChar | None = None
        if previous:
            previous.next = self
        self.gap = LINE_GAP
        """The gap before this character: `NO_GAP`, `SPACE_GAP` or `LINE_GAP`."""
        self.printed_text = "-" if self.text in HYPHEN_MARKERS else self.text
        """What the character contributes to the page's text."""
        self.text_offset = 0
        """The offset of `printed_text` in the page's text."""

    @property
    def neighbours(self) -> Iterator[PrintedChar]:
        """The previous and the next character, if they exist."""
        for neighbour in (self.previous, self.next):
            if neighbour:
                yield neighbour

    def get_other_neighbour(self, neighbour: PrintedChar) -> PrintedChar | None:
        """Return the neighbour on the side opposite to `neighbour`, or None if there is none."""
        return self.next if neighbour is self.previous else self.previous

    def is_letter_joined_to(self, other: PrintedChar | None) -> bool:
        """Return whether this is a letter without a space or line break between it and `other`."""
        if other is None or not self.text.isalnum():
            return False
        return abs(self.char_index - other.char_index) == abs(
            self.visible_index - other.visible_index
        )

    def is_word_edge_beside(self, other: PrintedChar) -> bool:
        """Return whether this is the first or last letter of the word that `other` belongs to.

        `other` must be a neighbour of this character.
        """
        if not self.is_letter_joined_to(other):
            return False
        next_but_one = self.get_other_neighbour(other)
        if next_but_one and next_but_one.is_letter_joined_to(other):
            return False
        return abs(self.y - other.y) < 0.5 * self.height


class Line:
    """A line of visible characters on a page."""

    def __init__(self, chars: list[PrintedChar], depth: float) -> None:
        self.chars = chars
        self.depth = depth
        """How far down the page the line is. This increases from line to line."""
        heights = [char.height for char in chars]
        self.height = median(heights)
        self.min_height = min(heights)
        for char in chars:
            char.line = self

    def has_similar_size(self, other: Line) -> bool:
        """Return whether two lines are of similar size, or too short to compare."""
        if min(len(self.chars), len(other.chars)) < _MIN_COMPARED_CHARS:
            return True
        return 1 / _MAX_SIZE_RATIO <= self.height / other.height <= _MAX_SIZE_RATIO

    @property
    def letter_count(self) -> int:
        """The number of letters in the line, not counting digits and signs."""
        return sum(char.text.isalpha() for char in self.chars)

    def sample_fonts(self, get_font: GetFont) -> set[str]:
        """Return the fonts of the first, the middle and the last letter of the line.

        The line must contain a letter.
        """
        letters = [char for char in self.chars if char.text.isalpha()]
        samples = (letters[0], letters[len(letters) // 2], letters[-1])
        return set(map(get_font, samples))


GetFont = Callable[[PrintedChar], str]
"""A function that returns the name of a character's font, or "" if it is unknown."""
