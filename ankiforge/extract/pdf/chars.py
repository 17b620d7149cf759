"""The characters of a page, and the lines that they are printed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

MARKERS = frozenset("\x02\ufffe\u00ad")
"""PDFium's signs for a hyphen at a line end, and the soft hyphen."""
_SIZE_CHANGE = 1.15
"""A line whose letters are larger or smaller by this factor begins a block, too."""
_LEAST_COMPARED = 3
"""Characters of two lines, at least, whose sizes are compared."""


class Char(NamedTuple):
    """One character; lengths in points. The box is as high as the font, not the glyph."""

    number: int
    """Its index in PDFium's list, which is close to reading order."""
    text: str
    generated: bool
    """Whether PDFium inserted it: a space or line break that is not on the page."""
    left: float
    bottom: float
    right: float
    top: float
    x: float
    """The centre."""
    y: float
    width: float
    """The advance width; never 0."""
    height: float
    """The height of the font; never 0."""


# What is between two consecutive visible characters.
NOTHING = 0
BLANK = 1
LINE = 2


class PrintedChar:
    """A visible character between its neighbours; places and lengths as in `Char`."""

    __slots__ = (
        "bottom",
        "gap",
        "height",
        "left",
        "line",
        "next",
        "number",
        "place",
        "previous",
        "right",
        "shown",
        "start",
        "text",
        "top",
        "width",
        "x",
        "y",
    )

    line: Line

    def __init__(self, char: Char, place: int, previous: PrintedChar | None) -> None:
        # runs for each letter of a document: unpacking is faster than reading the attributes
        (
            self.number,
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
        self.place = place
        """How many visible characters come before it."""
        self.previous = previous
        self.next: PrintedChar | None = None
        if previous:
            previous.next = self
        self.gap = LINE
        """The gap between it and the character before."""
        self.shown = "-" if self.text in MARKERS else self.text
        """Its part of the text of the page."""
        self.start = 0
        """Where that begins."""

    @property
    def neighbours(self) -> Iterator[PrintedChar]:
        """The characters before and after it."""
        for neighbour in (self.previous, self.next):
            if neighbour:
                yield neighbour

    def beyond(self, neighbour: PrintedChar) -> PrintedChar | None:
        """Return the other neighbour."""
        return self.next if neighbour is self.previous else self.previous

    def is_letter_beside(self, other: PrintedChar | None) -> bool:
        """Return whether it is a letter with nothing but letters between it and another one."""
        if other is None or not self.text.isalnum():
            return False
        return abs(self.number - other.number) == abs(self.place - other.place)

    def ends_word_beside(self, other: PrintedChar) -> bool:
        """Return whether it is the last letter of a word, on this side of its neighbour."""
        if not self.is_letter_beside(other):
            return False
        beyond = self.beyond(other)
        if beyond and beyond.is_letter_beside(other):
            return False
        return abs(self.y - other.y) < 0.5 * self.height


class Line:
    """A printed line."""

    def __init__(self, chars: list[PrintedChar], depth: float) -> None:
        self.chars = chars
        self.depth = depth
        """How far down the page it is, in reading direction."""
        heights = [char.height for char in chars]
        self.height = median(heights)
        self.lowest = min(heights)
        for char in chars:
            char.line = self

    def is_of_size_of(self, other: Line) -> bool:
        """Return whether the letters of two lines are of about one size."""
        if min(len(self.chars), len(other.chars)) < _LEAST_COMPARED:
            return True
        return 1 / _SIZE_CHANGE <= self.height / other.height <= _SIZE_CHANGE

    @property
    def letters(self) -> int:
        """How many letters it has."""
        return sum(char.text.isalpha() for char in self.chars)

    def fonts(self, font_of: FontOf) -> set[str]:
        """Return the fonts of its first letter, of the one in its middle and of the last."""
        letters = [char for char in self.chars if char.text.isalpha()]
        sampled = (letters[0], letters[len(letters) // 2], letters[-1])
        return set(map(font_of, sampled))


FontOf = Callable[[PrintedChar], str]
"""Returns the name of the font of a character, "" if it is not known."""
