"""A terminal that is painted in place: a new frame replaces the one before.

It is the terminal's second screen, as of `less`: when it is left, the lines of before are back.

Tested by `tests/cli/test_screen_table.py` and `test_terminal_review.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from ankiforge.cli.output import for_terminal
from ankiforge.model import Strings

WIDTH = 88
"""Columns of a text; longer lines are hard to read."""
HEIGHT = 24
"""Rows of a frame, unless its body needs more. The keys stay in one place, which is near the text
in a high window, too."""
_LOW = 16
"""With fewer rows, a frame has neither a rule nor a blank line."""


class Screen:
    """Frames of a head, a body, messages of the program, and the keys."""

    def __init__(self, *, color: bool) -> None:
        """Prepare a screen; nothing is printed yet."""
        self._console = Console(no_color=not color, highlight=False, emoji=False)
        self._head = self._keys = Text()
        self._above: list[Text] = []
        self._body: list[Text] = []
        self._seen: list[Text] = []
        self._said: list[Text] = []
        self._is_painted = self._is_answered = False
        self.is_whole = True
        """Whether the person could see all of the body."""
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

    def show(
        self, head: Text, body: Iterable[Text], keys: Strings, above: Iterable[Text] = ()
    ) -> None:
        """Paint a frame, with the messages since the last one.

        Args:
            head: the line at the top.
            body: lines to decide on, which are wrapped here.
            keys: the keys, the most important first.
            above: lines before them, which are cut first.
        """
        self._head = head
        self._above = self._wrapped(above)
        self._body = self._wrapped(body)
        self._keys = Text(keys_within(keys, self.width - 2), "dim")
        self._paint()
        self._said = []

    def _wrapped(self, lines: Iterable[Text]) -> list[Text]:
        wrapped: list[Text] = []
        for line in lines:
            parts = line.wrap(self._console, self.width - 2) if line.plain else [line]
            wrapped += [Text(" ") + part for part in parts]
        return wrapped

    def answered(self) -> None:
        """Take a key: the next message stands instead of those before it."""
        self._is_answered = True

    def say(self, text: str, style: str = "") -> None:
        """Print words of the program, or of a document that cannot steer the terminal."""
        line = Text(for_terminal(text), style)
        if not self.paints:
            self._console.print(line)
            return
        if self._is_answered:
            self._said = []
        self._is_answered = False
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
            for line in (self._head, *self._above, *self._body, self._keys):
                console.print(line)
            return
        said: list[Text] = []
        for line in self._said:
            said += line.wrap(console, self.width - 2)
        is_low = console.height < _LOW
        frame = Frame(self._above, self._body, [Text(" ") + line for line in said])
        around = 2 if is_low else 4
        frame = frame.fitting(console.height - around, HEIGHT - around)
        self.is_whole = len(frame.body) == len(self._body) or self._body == self._seen
        rule = Text(("─" if self.is_utf8 else "-") * self.width, "dim")
        head = [self._head] if is_low else [self._head, rule]
        end = frame.said if is_low else [Text(), *frame.said]
        with console:  # written at once, so that it does not flicker
            console.clear()
            for line in (*head, *frame.above, *frame.body, *frame.rest, *end):
                console.print(line, no_wrap=True, overflow="crop")
            console.print(Text(" ") + self._keys, end="", no_wrap=True, overflow="crop")
        self._is_painted = True

    def whole(self) -> str:
        """Return all lines, for a pager; all of the body counts as seen."""
        self._seen = self._body
        return "\n".join(line.plain for line in (*self._above, *self._body))


def keys_within(keys: Strings, columns: int) -> str:
    """Return the keys that have room: the last two go after those before them, the first never."""
    told = [*keys]
    while len(told) > 1 and len(" · ".join(told)) > columns:
        del told[max(len(told) - 3, 1)]
    return " · ".join(told)


class Frame(NamedTuple):
    """The lines between the head and the keys."""

    above: list[Text]
    body: list[Text]
    said: list[Text]
    rest: tuple[Text, ...] = ()
    """A hint and blank lines behind the body."""

    def fitting(self, most: int, usual: int) -> Frame:
        """Return the lines that fit: those above are cut first, then the messages.

        Args:
            most: the rows of the window.
            usual: the rows of a frame, unless its lines need more.
        """
        said = self.said[: max(most - len(self.body), 1)]
        needed = len(self.above) + len(self.body) + len(said)
        rows = max(min(most, max(usual, needed)) - len(said), 1)
        if len(self.body) > rows:
            hint = Text(" … v shows the rest", "dim")
            return Frame([], self.body[: rows - 1], said, (hint,))
        above = self.above
        room = rows - len(self.body)
        if len(above) > room:
            above = [*above[: room - 1], Text(" …", "dim")] if room else []
        blank = rows - len(self.body) - len(above)
        return Frame(above, self.body, said, (Text(),) * blank)
