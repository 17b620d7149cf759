"""A terminal that is painted in place: a new frame replaces the one before.

It is the terminal's second screen, as of `less`: when it is left, the lines of before are back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from ankiforge.cli.output import for_terminal
from ankiforge.model import Strings

WIDTH = 88
"""Columns of a text; longer lines are hard to read."""
HEIGHT = 24
"""Rows of a frame. The keys stay in one place, which is near the text in a high window, too."""
_LEAST = 8
"""Rows of the body that are shown on the lowest terminal."""


class Screen:
    """Frames of a head, a body, what the program says, and the keys."""

    def __init__(self, *, color: bool) -> None:
        """Prepare a screen; nothing is printed yet."""
        self._console = Console(no_color=not color, highlight=False, emoji=False)
        self._head = self._body = self._keys = Text()
        self._said: list[Text] = []
        self._is_painted = False
        self.paints = self._console.is_terminal and not self._console.is_dumb_terminal
        """Whether the terminal can; else frames follow one another."""

    @property
    def is_utf8(self) -> bool:
        """Whether the terminal has other signs than those of ASCII."""
        return self._console.encoding.lower().replace("-", "") == "utf8"

    @property
    def width(self) -> int:
        """The columns of a frame."""
        return min(WIDTH, self._console.width)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Paint on the second screen of the terminal, until the block ends."""
        self._console.set_alt_screen(True)
        try:
            yield
        finally:
            self._console.set_alt_screen(False)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Go back to the first screen, for an editor or a conversation that scrolls."""
        self._console.set_alt_screen(False)
        try:
            yield
        finally:
            self._is_painted = False
            self._console.set_alt_screen(True)

    def show(self, head: Text, body: Iterable[Text], keys: Strings) -> None:
        """Paint a frame, with what was said since the last one.

        Args:
            head: the line at the top.
            body: lines, which are wrapped here; of too many the first are shown.
            keys: the keys, the most important first; those that have no room are left out, but
                the last two.
        """
        console = self._console
        width = self.width
        wrapped: list[Text] = []
        for line in body:
            wrapped += line.wrap(console, width - 2) if line.plain else [line]
        self._head = head
        self._body = Text("\n").join(Text(" ") + line for line in wrapped)
        self._keys = Text(_of_keys(keys, width - 2), "dim")
        self._paint()
        self._said = []

    def say(self, text: str, style: str = "") -> None:
        """Print words of the program, or of a document that cannot steer the terminal."""
        line = Text(for_terminal(text), style)
        if not self.paints:
            self._console.print(line)
            return
        self._said.append(line)
        if self._is_painted:
            self._paint()

    def print(self, text: str, style: str = "") -> None:
        """Print a line on the first screen."""
        self._console.print(Text(for_terminal(text), style))

    def _paint(self) -> None:
        console = self._console
        if not self.paints:
            console.print()
            console.print(self._head)
            console.print(self._body)
            console.print(self._keys)
            return
        width = self.width
        said: list[Text] = []
        for line in self._said:
            said += line.wrap(console, width - 2)
        rows = max(min(HEIGHT, console.height) - len(said) - 4, _LEAST)
        lines = self._body.split("\n", allow_blank=True)
        shown = [*lines]
        if len(lines) > rows:
            shown = [*lines[: rows - 1], Text(" … v shows the rest", "dim")]
        missing = [Text()] * (rows - len(shown))
        rule = Text(("─" if self.is_utf8 else "-") * width, "dim")
        words = [Text(" ") + line for line in said]
        with console:  # written at once, so that it does not flicker
            console.clear()
            for line in (self._head, rule, *shown, *missing, Text(), *words):
                console.print(line, no_wrap=True, overflow="crop")
            console.print(Text(" ") + self._keys, end="", no_wrap=True, overflow="crop")
        self._is_painted = True

    def whole(self) -> str:
        """Return all lines of the body, for a pager."""
        return self._body.plain


def _of_keys(keys: Strings, room: int) -> str:
    """Return the line of the keys; where it has no room, the last of them but two go first."""
    told = [*keys]
    while len(told) > 2 and len(" · ".join(told)) > room:
        del told[-3]
    return " · ".join(told)
