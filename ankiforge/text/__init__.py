"""Format numbers, lists, paths and text for display, and search texts quickly.

The functions here are used in all parts of the program. The other modules of the package parse and
normalize the text of sources and cards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, AnyStr, cast


class _LazyPattern:
    """A regular expression that is compiled on first use."""

    def __init__(self, *args: Any) -> None:
        self._args = args

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._args), name)
        # store the value, so that later look-ups bypass `__getattr__`
        self.__dict__[name] = value
        return value


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a regular expression that is only compiled when it is first used.

    There are hundreds of them, of which a command uses only a few.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(pattern, flags))


class WordMatcher:
    """Checks quickly whether a text contains any of a set of words.

    Each word is only searched for near its rarest character, which takes a tenth of the time.
    """

    def __init__(self, *words: str) -> None:
        self._by_character: dict[str, list[str]] = {}
        for word in words:
            rarest = min(word, key=_estimate_frequency)
            self._by_character.setdefault(rarest, []).append(word)
        self._length = max(map(len, words))

    def matches(self, text: str) -> bool:
        """Return whether a text contains any of the words."""
        for character, words in self._by_character.items():
            if character not in text:
                continue
            searched_text = (
                self._cut_near_character(character, text)
                if len(text) > _MIN_LONG_CHARS
                else text
            )
            for word in words:
                if word in searched_text:
                    return True
        return False

    def _cut_near_character(self, character: str, text: str) -> str:
        """Return the parts of a text near a character, or the whole text if it occurs often."""
        pieces = text.split(character, _MAX_OCCURRENCES)
        if len(pieces) > _MAX_OCCURRENCES:
            return text
        length = self._length
        cut_pieces = [
            piece if len(piece) < 2 * length else f"{piece[:length]}\0{piece[-length:]}"
            for piece in pieces
        ]
        return character.join(cut_pieces)


# In a text longer than this, only the parts near a word's rarest character are searched.
_MIN_LONG_CHARS = 500
# If the character occurs more often than this, the whole text is searched.
_MAX_OCCURRENCES = 20


def _estimate_frequency(character: str) -> int:
    """Return how common a character is in notes, from 0 for rare signs to 2 for letters."""
    if character.isalnum() or character.isspace():
        return 2
    return int(character in ":[]#*_-.")


def format_count(number: int, singular: str, plural: str = "") -> str:
    """Format a count with its noun, such as `1 card` or `1,200 cards`.

    `plural` is only needed if it isn't the singular with an added `s`.
    """
    if number == 1:
        return f"1 {singular}"
    return f"{number:,} {plural or f'{singular}s'}"


MAX_SHOWN_NAMES = 3
"""How many names `format_first_names` shows."""


def format_first_names(names: Sequence[str]) -> str:
    """Join the first few names and the number of the others, such as `a, b, c and 4 more`."""
    first_names = ", ".join(names[:MAX_SHOWN_NAMES])
    hidden_count = len(names) - MAX_SHOWN_NAMES
    return f"{first_names} and {hidden_count:,} more" if hidden_count > 0 else first_names


def format_counts(numbers: Mapping[str, int]) -> str:
    """Join the numbers that aren't zero, each with its noun, such as `3 new, 1 gone`."""
    return ", ".join(f"{number:,} {noun}" for noun, number in numbers.items() if number)


def join_columns(*parts: str) -> str:
    """Join the parts that aren't empty, with three spaces between two of them."""
    return "   ".join(filter(None, parts))


def shorten_path(path: Path | str) -> str:
    """Return the shortest form of a path that works in the current directory.

    It is relative to the current directory, or begins with `~` if it is below the home directory.
    """
    path = Path(path)
    current_directory = Path.cwd()
    if path.is_relative_to(current_directory) and path != current_directory:
        return str(path.relative_to(current_directory))
    home = Path.home()
    if path.is_relative_to(home) and os.name == "posix":
        return f"~/{path.relative_to(home)}".removesuffix("/.")
    return str(path)


def format_percent(fraction: float | None, digits: int = 0) -> str:
    """Format a fraction from 0 to 1 as a percentage, such as `91 %`, or return `–` for None."""
    return "–" if fraction is None else f"{fraction * 100:.{digits}f} %"


def format_dollars(amount: float) -> str:
    """Format an amount of dollars, such as `$0.0012`, `$1.20`, or `nothing` for 0."""
    if not amount:
        return "nothing"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:,.2f}"


def format_cost(amount: float | None, *, local: bool) -> str:
    """Format what using a model costs: "$1.20", "free (local)", or "price unknown".

    Args:
        amount: the cost in dollars, or None if it is unknown.
        local: whether the model runs on this computer.
    """
    if amount is None:
        return "price unknown"
    if local and not amount:
        return "free (local)"
    return format_dollars(amount)


def truncate(text: str, limit: int) -> str:
    """Truncate a text to at most `limit` characters, including an ellipsis at the end."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 1].rstrip()}…"


# These are noncharacters, which no text contains.
_BOLD_START, _BOLD_END = "\ufdd0", "\ufdd1"
_BOLD = regex(f"{_BOLD_START}([^{_BOLD_START}{_BOLD_END}]*){_BOLD_END}")
RIGHT_ALIGN_MARK = "\t"
"""Separates the two parts of a row in a list. The part after it is aligned to the right edge of the
terminal.
"""


def mark_bold(text: str) -> str:
    """Mark a text as bold, with marks that `render_bold_marks` replaces when it is displayed."""
    return f"{_BOLD_START}{text}{_BOLD_END}"


def remove_bold_marks(text: str) -> str:
    """Remove the marks of `mark_bold` from a text, for example to measure its width."""
    return text.replace(_BOLD_START, "").replace(_BOLD_END, "")


def find_bold_span(text: str) -> tuple[int, int]:
    """Return the span of the first bold part of a text, including its marks, or (0, 0) if none."""
    match = _BOLD.search(text)
    return match.span() if match else (0, 0)


def render_bold_marks(text: str, opening: str = "**", closing: str = "**") -> str:
    """Replace the marks of `mark_bold` in a text by an opening and a closing sign."""
    return _BOLD.sub(lambda match: f"{opening}{match[1]}{closing}", text)


def to_one_line(text: str) -> str:
    """Collapse all whitespace in a text, including line breaks, to single spaces."""
    return " ".join(text.split())
