"""Format numbers, tables and shortened texts for display; compile patterns at their first use."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, AnyStr, cast


class _Lazy:
    """A regular expression that compiles itself when it is first used."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._given), name)
        # the next look-up does not come here
        self.__dict__[name] = value
        return value


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern that is compiled at its first use.

    A command needs a few of the hundreds.
    """
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))


class AnyOf:
    """Words and signs, of which a text is asked whether it holds any.

    Each is looked for only where its rarest character is, which takes a tenth of the time.
    """

    def __init__(self, *words: str) -> None:
        self._by_character: dict[str, list[str]] = {}
        for word in words:
            rarest = min(word, key=_commonness)
            self._by_character.setdefault(rarest, []).append(word)
        self._length = max(map(len, words))

    def is_in(self, text: str) -> bool:
        """Return whether a text holds any of them."""
        for character, words in self._by_character.items():
            if character not in text:
                continue
            near = self._near(character, text) if len(text) > _LONG else text
            for word in words:
                if word in near:
                    return True
        return False

    def _near(self, character: str, text: str) -> str:
        """Return the parts of a text near a character, or the text if it is in many places."""
        pieces = text.split(character, _MANY)
        if len(pieces) > _MANY:
            return text
        length = self._length
        ends = [
            piece if len(piece) < 2 * length else f"{piece[:length]}\0{piece[-length:]}"
            for piece in pieces
        ]
        return character.join(ends)


# Characters from which a text is long, and places of a character that are many.
_LONG = 500
_MANY = 20


def _commonness(character: str) -> int:
    """Return how common a character is in notes: 0 for rare signs, 2 for letters."""
    if character.isalnum() or character.isspace():
        return 2
    return int(character in ":[]#*_-.")


def counted(number: int, singular: str, plural: str = "") -> str:
    """Format a count: `1 card`, `1,200 cards`. `plural` is an irregular plural."""
    if number == 1:
        return f"1 {singular}"
    return f"{number:,} {plural or f'{singular}s'}"


FIRST = 3
"""How many names of a list are shown on a line."""


def first_of(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    first = ", ".join(names[:FIRST])
    more = len(names) - FIRST
    return f"{first} and {more:,} more" if more > 0 else first


def counts_text(numbers: Mapping[str, int]) -> str:
    """Return the numbers that are not 0, each with its noun: `3 new, 1 gone`."""
    return ", ".join(f"{number:,} {noun}" for noun, number in numbers.items() if number)


def columns(*parts: str) -> str:
    """Join the parts that are not empty, three blanks apart."""
    return "   ".join(filter(None, parts))


def shown_path(path: Path | str) -> str:
    """Return a path as short as it can be typed here: below this folder, or with `~` for home."""
    path = Path(path)
    here = Path.cwd()
    if path.is_relative_to(here) and path != here:
        return str(path.relative_to(here))
    home = Path.home()
    if path.is_relative_to(home) and os.name == "posix":
        return f"~/{path.relative_to(home)}".removesuffix("/.")
    return str(path)


def percent(share: float | None, digits: int = 0) -> str:
    """Format a share from 0 to 1: `91 %`. `–` if there is none."""
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def dollars(amount: float) -> str:
    """Format an amount: `$0.0012`, `$1.20`, `nothing`."""
    if not amount:
        return "nothing"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:,.2f}"


def cost_text(amount: float | None, *, local: bool) -> str:
    """Return the cost of a model: "$1.20", "free (local)", or that its price is not known."""
    if amount is None:
        return "price unknown"
    if local and not amount:
        return "free (local)"
    return dollars(amount)


def shortened(text: str, limit: int) -> str:
    """Shorten a text to at most `limit` characters, with an ellipsis."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 1].rstrip()}…"


# No text contains these noncharacters.
_BOLD_BEGINS, _BOLD_ENDS = "\ufdd0", "\ufdd1"
_BOLD = regex(f"{_BOLD_BEGINS}([^{_BOLD_BEGINS}{_BOLD_ENDS}]*){_BOLD_ENDS}")
AT_THE_RIGHT = "\t"
"""In a line of a list: what follows stands at the right edge of a terminal."""


def bold(text: str) -> str:
    """Mark a text of a terminal as bold; `with_bold` shows it."""
    return f"{_BOLD_BEGINS}{text}{_BOLD_ENDS}"


def without_bold(text: str) -> str:
    """Return a text without the marks of `bold`, as wide as it is shown."""
    return text.replace(_BOLD_BEGINS, "").replace(_BOLD_ENDS, "")


def bold_part(text: str) -> tuple[int, int]:
    """Return where the first bold part of a text is, with its marks; (0, 0) if there is none."""
    found = _BOLD.search(text)
    return found.span() if found else (0, 0)


def with_bold(text: str, begins: str = "**", ends: str = "**") -> str:
    """Return a text whose bold parts stand between these signs."""
    return _BOLD.sub(lambda part: f"{begins}{part[1]}{ends}", text)


def on_one_line(text: str) -> str:
    """Collapse white space and line ends to single spaces."""
    return " ".join(text.split())
