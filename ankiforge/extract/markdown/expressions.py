r"""Regular expressions that a person gave a plugin.

They come from JavaScript and may take for ever on the wrong text: nearly all that
people use repeat a repetition, `((?:[^\n][\n]?)+)`, so that they cannot be distinguished from
dangerous ones by their look. So the library `regex` searches, which gives up after some
processor time, and before it needs too much memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ankiforge.errors import ItemError
from ankiforge.model import Span
from ankiforge.text import regex as compiled

SECONDS = 20
"""Processor time for one expression in one note. A paragraph of 20,000 letters takes
some seconds."""
TOTAL = 300
"""Seconds of processor time for all notes of a scan. What is left is read by the next one."""
PATIENCE = 3
"""The number of notes in which time ran out after which no other is searched in this scan."""
LONGEST = 2_000
"""Characters of an expression."""
MOST = 2_000
"""Matches of an expression in a note."""


class Match(NamedTuple):
    """A match: its span, and the text of its groups, "" for one that took no part."""

    span: Span
    groups: tuple[str, ...]


# --- from JavaScript to Python --------------------------------------------------------

# What differs between both: a part of an expression, or one of a class.
_PART = compiled(
    r"""(?x)
      \\k<(?P<back>\w+)>              # \k<name>
    | \(\?<(?P<name>[A-Za-z_]\w*)>    # (?<name>
    | (?P<any>\[\^\])                 # [^]
    | (?P<none>\[\])                  # []
    | (?P<brace>\{(?!\d+(?:,\d*)?\}))  # no quantifier: `regex` reads some as fuzzy ones
    | \\(?P<escape>[\s\S])
    | (?P<opens>\[\^?\]?)             # the start of a class
    | (?P<closes>\])
    """
)
# White space in JavaScript, as the content of a class.
_BLANKS = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
# Letters that mean something after a backslash in both.
_SAME = frozenset("bBdDfnrtuvwWx0123456789")


@lru_cache(maxsize=256)
def translated(expression: str) -> str:
    """Return an expression of JavaScript, with flags `gm`, as one of Python.

    Raises:
        ValueError: Python has no such expression, with the reason.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    in_class = False
    parts = []
    done = 0
    for part in _PART.finditer(expression):
        parts.append(expression[done : part.start()])
        done = part.end()
        written = part[0]
        match part.lastgroup:
            case "escape":
                letter = part["escape"]
                if letter == "s":
                    written = _BLANKS if in_class else f"[{_BLANKS}]"
                elif letter == "S" and not in_class:
                    written = f"[^{_BLANKS}]"
                elif letter.isalpha() and letter not in _SAME and letter != "S":
                    written = letter  # JavaScript ignores the backslash
            case "closes":
                written = written if in_class else r"\]"
                in_class = False
            case _ if in_class:
                written = written.replace("[", r"\[")
            case "opens":
                in_class = True
            case "back":
                written = f"(?P={part['back']})"
            case "name":
                written = f"(?P<{part['name']}>"
            case "any":
                written = r"[\s\S]"
            case "none":
                written = "(?!)"
            case "brace":
                written = r"\{"
        parts.append(written)
    parts.append(expression[done:])
    in_python = "".join(parts)
    import regex

    try:
        regex.compile(in_python, regex.MULTILINE | regex.ASCII)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    return in_python


# --- searching ------------------------------------------------------------------------


class Searcher:
    """Searches the notes of a scan by expressions, and remembers which took too long."""

    def __init__(self, seconds: float = 0) -> None:
        """`seconds` is the processor time for one expression in one note; 0 = `SECONDS`."""
        self._seconds = seconds or SECONDS
        self._failed: list[str] = []
        """The expressions that took too long."""
        self._spent = 0.0
        """Seconds of processor time that searching took in this scan."""

    def find(self, name: str, patterns: Sequence[str], text: str) -> list[list[Match]]:
        """Return the matches of each form of an expression, in their order.

        Args:
            name: what a person knows the expression by.
            patterns: its forms, as `translated` returns them.
            text: the text.

        Raises:
            ItemError: it takes too long.
        """
        if len(self._failed) >= PATIENCE:
            raise self._error(self._failed[-1], f"in {PATIENCE} other notes")
        if self._spent > TOTAL:
            message = f"expressions took more than {TOTAL} s in this run"
            raise ItemError(
                message, hint="run again: the next run continues with this note"
            )
        import regex

        begun = time.process_time()
        found: list[list[Match]] = []
        try:
            for form in patterns:
                left = max(self._seconds - (time.process_time() - begun), 0.001)
                matches: list[Match] = []
                pattern = regex.compile(form, regex.MULTILINE | regex.ASCII)
                for match in pattern.finditer(text, timeout=left):
                    groups = tuple(group or "" for group in match.groups())
                    matches.append(Match(match.span(), groups))
                    if len(matches) == MOST:
                        break
                found.append(matches)
            return found
        except (TimeoutError, MemoryError) as error:
            self._failed.append(name)
            raise self._error(name, "in it") from error
        finally:
            self._spent += time.process_time() - begun

    def close(self) -> None:
        """Forget the expressions that took too long: another scan begins."""
        self._failed.clear()
        self._spent = 0.0

    def _error(self, name: str, where: str) -> ItemError:
        limit = f"{self._seconds:g} s, or too much memory,"
        message = f"{name} takes longer than {limit} {where}, so it is not read"
        hint = "make the expression simpler in the plugin's settings"
        return ItemError(message, hint=hint)
