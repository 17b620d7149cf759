r"""Regular expressions that a person gave a plugin, in a process of their own.

They come from JavaScript and may take for ever on the wrong text: nearly all that
people use repeat a repetition, `((?:[^\n][\n]?)+)`, so that they cannot be distinguished from
dangerous ones by their look. `re` holds the interpreter while it searches, and nothing
in the same process can stop it on every system. So a process searches, and the system
ends it when it has taken too much time. That is processor time where the system can
limit it, so that a busy machine reads the same cards; a timer that needs no interpreter
is there for the others.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.errors import ItemError
from ankiforge.model import Span
from ankiforge.text import regex

if TYPE_CHECKING:  # loaded when there is an expression
    import subprocess

SECONDS = 20
"""Processor time for one expression in one note. A paragraph of 20,000 letters takes
some seconds."""
WALL = 10
"""How many times longer it may take by the clock."""
TOTAL = 300
"""Seconds for all notes of a scan. What is left is read by the next one."""
MEMORY = 2**30
"""Bytes of data of the process, where the system can limit it."""
PATIENCE = 3
"""The number of notes in which time ran out after which no other is searched in this scan."""
LONGEST = 2_000
"""Characters of an expression."""
MOST = 2_000
"""Matches of an expression in a note."""
FLAGS = re.MULTILINE | re.ASCII


class Match(NamedTuple):
    """A match: its span, and the text of its groups, "" for one that took no part."""

    span: Span
    groups: tuple[str, ...]


# --- from JavaScript to Python --------------------------------------------------------

# What differs between both: a part of an expression, or one of a class.
_PART = regex(
    r"""(?x)
      \\k<(?P<back>\w+)>              # \k<name>
    | \(\?<(?P<name>[A-Za-z_]\w*)>    # (?<name>
    | (?P<any>\[\^\])                 # [^]
    | (?P<none>\[\])                  # []
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
    """Return an expression of JavaScript, with flags `gm`, as one of Python with `FLAGS`.

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
        if part.lastgroup == "escape":
            parts.append(_escaped(part["escape"], part[0], in_class))
        elif in_class and part.lastgroup == "closes":
            in_class = False
            parts.append(part[0])
        elif in_class:
            parts.append(part[0].replace("[", r"\["))
        else:
            in_class = part.lastgroup == "opens"
            parts.append(_outside_class(part))
    parts.append(expression[done:])
    in_python = "".join(parts)
    try:
        re.compile(in_python, FLAGS)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    return in_python


def _outside_class(part: re.Match[str]) -> str:
    """Return what a part outside of a class is in Python."""
    match part.lastgroup:
        case "back":
            return f"(?P={part['back']})"
        case "name":
            return f"(?P<{part['name']}>"
        case "any":
            return r"[\s\S]"
        case "none":
            return "(?!)"
        case "closes":
            return r"\]"
        case _:
            return part[0]


def _escaped(letter: str, text: str, in_class: bool) -> str:
    """Return what a letter after a backslash means in Python."""
    if letter == "s":
        return _BLANKS if in_class else f"[{_BLANKS}]"
    if letter == "S" and not in_class:
        return f"[^{_BLANKS}]"
    if letter in _SAME or letter == "S" or not letter.isalpha():
        return text
    # elsewhere, JavaScript ignores the backslash
    return letter


# --- the process ----------------------------------------------------------------------


def serve(seconds: int) -> None:
    """Answer questions on standard input, one per line: in the process."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        for line in sys.stdin.buffer:
            question = json.loads(line)
            _limit(seconds)
            faulthandler.dump_traceback_later(
                WALL * seconds,
                exit=True,
                file=nowhere,
            )
            text = question["text"]
            matches = [_search(pattern, text) for pattern in question["patterns"]]
            faulthandler.cancel_dump_traceback_later()
            answer = json.dumps(matches).encode()
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


def _limit(seconds: int) -> None:
    """Let the system end this process after further seconds, and limit its memory."""
    try:
        import resource
    except ImportError:  # Windows
        return
    seconds_used = math.ceil(time.process_time())
    limits = (
        (resource.RLIMIT_CPU, seconds_used + seconds),
        (resource.RLIMIT_DATA, MEMORY),
    )
    for kind, limit in limits:
        _, hard_limit = resource.getrlimit(kind)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, hard_limit))


def _search(pattern: str, text: str) -> list[list[object]]:
    """Return the matches of a pattern as JSON has them: [start, end, groups]."""
    matches: list[list[object]] = []
    for match in re.finditer(pattern, text, FLAGS):
        start, end = match.span()
        groups = [group or "" for group in match.groups()]
        matches.append([start, end, groups])
        if len(matches) == MOST:
            break
    return matches


def _matches(answers: list[tuple[int, int, list[str]]]) -> list[Match]:
    """Return matches as the process reported them."""
    return [Match((start, end), tuple(groups)) for start, end, groups in answers]


# --- the caller's side ----------------------------------------------------------------


class Searcher:
    """Searches notes by expressions, in a process that is started on first use."""

    def __init__(self, seconds: int = 0) -> None:
        """Start nothing yet.

        `seconds` is the processor time for one expression in one note; 0 = `SECONDS`.
        """
        self._seconds = seconds or SECONDS
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: list[str] = []
        """The expressions that took too long."""
        self._spent = 0.0
        """Seconds that searching took in this scan."""

    def find(
        self,
        name: str,
        patterns: Sequence[str],
        text: str,
    ) -> list[list[Match]]:
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
        begun = time.monotonic()
        question = {"patterns": list(patterns), "text": text}
        answer = self._ask(json.dumps(question))
        self._spent += time.monotonic() - begun
        if not answer.endswith(b"\n"):
            self._end()
            self._failed.append(name)
            raise self._error(name, "in it")
        return [_matches(told) for told in json.loads(answer)]

    def _ask(self, question: str) -> bytes:
        """Return the line that the process answers.

        No whole line if the system ended it.
        """
        if self._process is None:
            self._process = self._started()
        pipe_in = self._process.stdin
        pipe_out = self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        with suppress(OSError):
            pipe_in.write(question.encode() + b"\n")
            pipe_in.flush()
            return pipe_out.readline()
        return b""

    def close(self) -> None:
        """End the process, and forget what took too long."""
        self._end()
        self._failed.clear()
        self._spent = 0.0

    def _error(self, name: str, where: str) -> ItemError:
        limit = f"{self._seconds} s, or too much memory,"
        message = f"{name} takes longer than {limit} {where}, so it is not read"
        hint = "make the expression simpler in the plugin's settings"
        return ItemError(message, hint=hint)

    def _started(self) -> subprocess.Popen[bytes]:
        """Start the process that searches."""
        import subprocess

        code = f"from {__name__} import serve; serve({self._seconds})"
        command = (sys.executable, "-P", "-W", "ignore", "-c", code)
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _end(self) -> None:
        """End the process, even if it hangs."""
        process = self._process
        self._process = None
        if process is None:
            return
        with suppress(OSError):  # it has ended
            process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()
