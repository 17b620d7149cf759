"""A block while it is cut into tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ankiforge.extract.obsidian.covers import Ticks, uncover
from ankiforge.extract.obsidian.emphasis import Sign
from ankiforge.extract.obsidian.inline import Kind, Link, Token


class Around(NamedTuple):
    """What the words of a block may refer to."""

    held: tuple[str, ...] = ()
    """Maths over several lines, by number."""
    references: Mapping[str, str] = {}
    """What defined labels of links, casefolded, stand for."""
    picture: Callable[[str], str] = str
    """The path below the vault of an embedded file; "" if it is no picture."""
    lines: bool = False
    """Keep line breaks and signs as they are: for text of several blocks."""


@dataclass(slots=True)
class Pieces:
    """The tokens so far, and what waits for a partner."""

    text: str
    around: Around
    ticks: Ticks
    covered: bool
    """Whether anything in the text is covered."""
    tokens: list[Token] = field(default_factory=list)
    brackets: list[int] = field(default_factory=list)
    runs: list[Sign] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Where in the source each token begins."""
    links: list[Link] = field(default_factory=list)

    def add(
        self, at: int, kind: Kind, plain: str, markdown: str | None = None, note: str = ""
    ) -> None:
        """Append a token that begins at `at`; its Markdown is its plain text unless given."""
        if self.covered:
            plain = uncover(plain, self.around.held)
            markdown = None if markdown is None else uncover(markdown, self.around.held)
        written = plain if markdown is None else markdown
        self.tokens.append(Token(kind, plain, written, note=note))
        self.places.append(at)
