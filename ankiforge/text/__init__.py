"""Format numbers, lists, paths and text for display, and search text quickly.

All packages use these functions. The other modules here parse and normalize the text of sources and
cards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, AnyStr, cast


class _LazyPattern:
    def __init__(self, *args: Any) -> None:
        self._args = args

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._args), name)
        # store the value, so that later look-ups bypass `__getattr__`
        self.__dict__[name] = value
        return value


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a regular expression that is compiled on first use.

    The program defines hundreds of patterns, but any one command uses only a few.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(pattern, flags))


_CHAT_PROMPT_SIGNS = ("<highlight h=", "<text h=")


def contains_chat_prompt(text: str) -> bool:
    """Return whether `text` contains one of our own prompts for a chat.

    Each prompt has an element, such as `<text h=…>`, that occurs in neither notes nor answers.
    """
    return contains_any(text, _CHAT_PROMPT_SIGNS)


def contains_any(text: str, words: Iterable[str]) -> bool:
    """Return whether `text` contains any of the words."""
    return any(word in text for word in words)


def format_count(number: int, singular: str, plural: str | None = None) -> str:
    """Format a count with its noun, e.g. `1 card` or `1,200 cards`.

    `plural` is needed only if it isn't just the singular plus `s`.
    """
    if number == 1:
        return f"1 {singular}"
    if plural is None:
        plural = f"{singular}s"
    return f"{number:,} {plural}"


MAX_LISTED_ITEMS = 3
"""The number of items that `format_truncated_list` shows."""


def format_truncated_list(items: Sequence[str]) -> str:
    """Format the first few items and the number of the others, e.g. `a, b, c and 4 more`."""
    first_items = ", ".join(items[:MAX_LISTED_ITEMS])
    hidden_count = len(items) - MAX_LISTED_ITEMS
    if hidden_count <= 0:
        return first_items
    return f"{first_items} and {hidden_count:,} more"


def format_counts(count_by_label: Mapping[str, int]) -> str:
    """Format the nonzero counts, each followed by its label, e.g. `3 new, 1 gone`."""
    parts: list[str] = []
    for label, count in count_by_label.items():
        if count:
            parts.append(f"{count:,} {label}")
    return ", ".join(parts)


_CODE_SPAN = regex(r"`([^`]*)`")


def format_as_sentence(text: str) -> str:
    """Capitalize text, end it with a period if needed, and turn code spans into quotations."""
    quoted = _CODE_SPAN.sub(r"“\1”", text.strip())
    sentence = quoted[:1].upper() + quoted[1:]
    if not sentence.endswith((".", "?", "!", "…", ":")):
        sentence += "."
    return sentence


def join_columns(*parts: str | None) -> str:
    """Join with three spaces the parts that aren't None or empty."""
    return "   ".join(filter(None, parts))


def shorten_path(path: Path | str) -> str:
    """Shorten a path for display.

    Make it relative to the current directory, or abbreviate the home directory to `~`.
    """
    path = Path(path)
    current_directory = Path.cwd()
    if path.is_relative_to(current_directory) and path != current_directory:
        return str(path.relative_to(current_directory))
    home = Path.home()
    if path.is_relative_to(home) and os.name == "posix":
        return f"~/{path.relative_to(home)}".removesuffix("/.")
    return str(path)


def quote_path(path: Path | str) -> str:
    """Format a path as an argument of a command that the user may paste into a shell.

    The shell expands a `~` only outside quotes, so what follows it is quoted by itself.
    """
    from shlex import quote  # few commands print a path

    path = Path(path)
    if path == Path.cwd():
        return "."
    shown = shorten_path(path)
    if shown == "~" and path == Path.home():
        return shown
    if shown.startswith("~/") and path.is_absolute():
        return f"~/{quote(shown.removeprefix('~/'))}"
    if shown.startswith("-"):
        shown = f"./{shown}"
    return quote(shown)


def format_percent(fraction: float | None) -> str:
    """Format a fraction between 0 and 1 as a percentage, e.g. `91 %`, or None as `–`."""
    if fraction is None:
        return "–"
    return f"{fraction * 100:.0f} %"


def format_dollars(amount: float) -> str:
    """Format an amount in dollars, e.g. `$0.0012` or `$1.20`, or `nothing` for 0."""
    if not amount:
        return "nothing"
    if amount < 0.1:
        return f"${amount:.4f}"
    return f"${amount:,.2f}"


def format_cost(amount: float | None, *, local: bool) -> str:
    """Format the cost of using a model, e.g. `$1.20`, `free (local)` or `price unknown`.

    `local` is whether the model runs on this computer.
    """
    if amount is None:
        return "price unknown"
    if local and not amount:
        return "free (local)"
    return format_dollars(amount)


def truncate(text: str, limit: int) -> str:
    """Truncate `text` to at most `limit` characters, including the final ellipsis."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 1].rstrip()}…"


# These are noncharacters, which no text contains.
_BOLD_START, _BOLD_END = "\ufdd0", "\ufdd1"
_BOLD = regex(f"{_BOLD_START}([^{_BOLD_START}{_BOLD_END}]*){_BOLD_END}")
ROW_TAIL_MARK = "\t"
"""Separates the text of a list row from its tail, which isn't truncated on narrow terminals."""


def mark_bold(text: str) -> str:
    """Enclose `text` in invisible markers for bold, which `render_bold_marks` later replaces."""
    return f"{_BOLD_START}{text}{_BOLD_END}"


def remove_bold_marks(text: str) -> str:
    """Strip the markers added by `mark_bold`, e.g. to measure the width of the text."""
    return text.replace(_BOLD_START, "").replace(_BOLD_END, "")


def find_bold_span(text: str) -> tuple[int, int]:
    """Return the span of the first bold text with its markers, or (0, 0) if there is none."""
    match = _BOLD.search(text)
    if match is None:
        return 0, 0
    return match.span()


def render_bold_marks(text: str, opening: str = "**", closing: str = "**") -> str:
    """Replace the markers added by `mark_bold` with `opening` and `closing`."""
    return _BOLD.sub(lambda match: f"{opening}{match[1]}{closing}", text)


def to_one_line(text: str) -> str:
    """Collapse all whitespace, including line breaks, to single spaces."""
    return " ".join(text.split())


def has_letter_or_digit(text: str) -> bool:
    """Return whether `text` contains a letter or digit of any script."""
    return any(map(str.isalnum, text))
