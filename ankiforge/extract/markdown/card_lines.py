"""The lines of a note among which a card over several lines may begin.

`CardLines` is a view of markdown-it's block state: it gives each line without the markers of the
lists and block quotes around it, and finds the line at which a question or an answer ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.placeholders import COMMENT_FILLER
from ankiforge.text import regex

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

MAX_LINES = 400
"""The most lines of a question or an answer."""
BLANK_CHARS = f"{COMMENT_FILLER} \t\n"
LIST_MARKER = regex(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?")
"""The marker of a list item, with the check box of a task, such as `- [ ] `."""
HEADING_MARKER = regex(r"#{1,6}(?:[ \t]+|$)")
CALLOUT_MARKER = regex(r"\[![^\[\]]+\][+-]?[ \t]*")
"""The start of a callout, such as `[!note]- `."""
_RULE = regex(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_HEADING_OR_RULE = regex(rf"{HEADING_MARKER.pattern}|{_RULE.pattern}")
_BLOCK_START = regex(rf"{_HEADING_OR_RULE.pattern}|{CALLOUT_MARKER.pattern}")
FENCE = regex(r"`{3,}|~{3,}")
# The columns by which a line is indented at most. A line with more is code.
_MAX_INDENT = 3


@dataclass(slots=True)
class CardLines:
    """The lines of the container that markdown-it is parsing, up to `end`."""

    state: StateBlock
    syntax: CardSyntax
    is_card: Callable[[str], bool]
    """Returns whether a line is a card by itself."""
    end: int
    """The number of the line after the container."""

    def get_line(self, line: int) -> str:
        """Return a line without surrounding whitespace and the markers of enclosing containers."""
        state = self.state
        start = state.bMarks[line] + state.tShift[line]
        return state.src[start : state.eMarks[line]].rstrip()

    def get_lines(self, first: int, last: int) -> str:
        """Return the lines in [first, last) without the indentation of the container."""
        return self.state.getLines(first, last, self.state.blkIndent, False)

    def find_text_end(self, first: int, *, max_heading_level: int = 6) -> int:
        """Return the number of the line that ends the text beginning at `first`.

        Text ends at an empty line, a horizontal rule, the end of the container, or a heading of at
        most `max_heading_level`.
        """
        last = min(self.end, first + MAX_LINES)
        for line in self.iter_lines_outside_fences(first, last):
            if self._is_text_end(line, max_heading_level):
                return line
        return last

    def find_question_end(self, first: int) -> int:
        """Return the number of the line that ends the question beginning at `first`.

        A question ends where text does, or at a separator. It may begin with a heading or rule.
        """
        last = min(self.end, first + MAX_LINES)
        for line in self.iter_lines_outside_fences(first, last):
            if self.is_separator(line):
                return line
            max_heading_level = 0 if line == first else 6
            if self._is_text_end(line, max_heading_level):
                return line
        return last

    def _is_text_end(self, line: int, max_heading_level: int) -> bool:
        if self.state.isEmpty(line) or self.is_outside_container(line):
            return True
        text = self.get_line(line)
        level = get_heading_level(text)
        if level <= max_heading_level:
            return _HEADING_OR_RULE.match(text) is not None
        return False

    def iter_lines_outside_fences(self, first: int, last: int) -> Iterator[int]:
        """Yield the numbers of the lines in [first, last) that aren't in a fence of code."""
        fence: str | None = None  # the start of the open fence
        for line in range(first, last):
            text = self.get_line(line)
            if fence:
                is_fence_end = text == text[:1] * len(text) and text.startswith(fence)
                fence = None if is_fence_end else fence
            elif fence_start := FENCE.match(text):
                fence = fence_start[0]
            else:
                yield line

    def find_line(self, text: str, first: int, last: int) -> int:
        """Return the number of the first line in [first, last) that equals `text`, or `last`."""
        for line in range(first, last):
            if self.get_line(line) == text:
                return line
        return last

    def skip_empty_lines(self, line: int) -> int:
        """Return the number of the first line from `line` on that isn't empty."""
        return self.state.skipEmptyLines(line)

    def is_outside_container(self, line: int) -> bool:
        """Return whether a line is indented less than the list or block quote around the card."""
        return self.state.sCount[line] < self.state.blkIndent

    def is_separator(self, line: int) -> bool:
        """Return whether a line separates question and answer, such as `?`."""
        indent = self.state.sCount[line] - self.state.blkIndent
        return (
            self.get_line(line) in self.syntax.block_separators and indent <= _MAX_INDENT
        )

    def is_item(self, line: int) -> bool:
        """Return whether a list item begins at a line."""
        return LIST_MARKER.match(self.get_line(line)) is not None

    def is_deeper(self, line: int, other: int) -> bool:
        """Return whether a line is indented more than another, as inside its list item."""
        return self.state.sCount[line] > self.state.sCount[other]

    def begins_block(self, line: int) -> bool:
        """Return whether a line is a heading, a rule or the title of a callout."""
        return _BLOCK_START.match(self.get_line(line)) is not None


def get_heading_level(line: str) -> int:
    """Return the level of a heading, from 1 to 6, or 0 if a line is no heading."""
    return len(line) - len(line.lstrip("#")) if HEADING_MARKER.match(line) else 0
