"""What every command shares: its options, and how it talks.

    @click.command(epilog=...)
    @common_options
    def command(call: Call) -> None: ...

Data goes to stdout (`call.talk.data`), talk to stderr (`call.talk.say`); with `--json`,
stdout is JSON and nothing else.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ankiforge.text.fold import BIDI_CONTROLS

if TYPE_CHECKING:
    from ankiforge.errors import ForgeError
    from ankiforge.model import Problem

_STEERING = "\x1b(?!\\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
"""By these a title or a passage could steer the terminal; our colours pass."""
_UNSEEN = re.compile(_STEERING)
_UNFIT = re.compile(f"{_STEERING}|[{BIDI_CONTROLS}]")
_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\u0085\u2028\u2029"}


def for_terminal(text: str) -> str:
    """Text without what could steer the terminal, or reorder the line that it stands in."""
    return _UNFIT.sub("", text)


def _one_line(text: str) -> str:
    """JSON in which no sign ends a line, whatever the reader takes for a line end."""
    return text.translate(_LINE_ENDS)


@dataclass(frozen=True, slots=True)
class Talk:
    """Where words and data go."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True

    def say(self, text: str = "") -> None:
        """Talk: to stderr, unless quiet."""
        if not self.quiet:
            self._echo(for_terminal(text), err=True)

    def warn(self, text: str) -> None:
        """What is to be heard though quiet: to stderr."""
        self._echo(for_terminal(text), err=True)

    def data(self, value: Any) -> bool:
        """One JSON value on a line of stdout; whether somebody still reads."""
        return self.write(_one_line(msgspec.json.encode(value).decode()))

    def print(self, text: str) -> bool:
        """Data as text, for people, to stdout; whether somebody still reads."""
        return self._echo(for_terminal(text))

    def write(self, text: str) -> bool:
        """Data as text, for a file or a program, to stdout; whether somebody still reads."""
        return self._echo(_UNSEEN.sub("", text))

    def _echo(self, text: str, *, err: bool = False) -> bool:
        """Write a line; a reader that has seen enough (`| head`) stops no work."""
        try:
            click.echo(text, err=err, color=self._color)
        except BrokenPipeError:
            stream = sys.stderr if err else sys.stdout
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return False
        return True

    @property
    def _color(self) -> bool | None:
        """None: as the stream itself is a terminal or a file."""
        return None if self.color else False

    def style(self, text: str, **style: Any) -> str:
        """The text in colour, where colours are wanted."""
        return click.style(text, **style) if self.color else text

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json


@dataclass(frozen=True, slots=True)
class Call:
    """The common options of one call."""

    workspace: Path | None
    talk: Talk
    offline: bool = False
    limit: int | None = None
    """At most so many of what the command makes or lists; None = all."""
    jobs: int = 0
    """Requests to a model, and files, at a time; 0 = as the settings say, and by the cores."""
    scheduler: str = ""
    """Of the Dask cluster that reads files; "" = this machine does."""

    def shown(self, usually: int) -> int | None:
        """How many rows or notes of a kind are shown; None = all."""
        if self.talk.verbose:
            return None
        return usually if self.limit is None else self.limit

    @property
    def program(self) -> str:
        """The program as it was called, for commands to be copied."""
        return f"ankiforge -C {quote(str(self.workspace))}" if self.workspace else "ankiforge"


_OPTIONS: dict[str, Callable[..., Any]] = {
    "workspace": partial(
        click.option, "-C", "--workspace", type=click.Path(), help="Work in this workspace."
    ),
    "as_json": partial(
        click.option, "--json", "as_json", is_flag=True, help="JSON on stdout, and nothing else."
    ),
    "quiet": partial(
        click.option, "-q", "--quiet", is_flag=True, help="Say nothing but errors."
    ),
    "verbose": partial(click.option, "-v", "--verbose", is_flag=True, help="Say more."),
    "no_color": partial(
        click.option, "--no-color", is_flag=True, help="No colours (also: NO_COLOR=1)."
    ),
    "offline": partial(
        click.option, "--offline", is_flag=True, help="No connection but to this machine."
    ),
    "limit": partial(
        click.option, "--limit", type=click.IntRange(min=0), metavar="N", help="At most N of them."
    ),
    "jobs": partial(
        click.option, "--jobs", type=click.IntRange(1, 64), metavar="N",
        help="N requests, or files, at a time.",
    ),
    "scheduler": partial(
        click.option, "--scheduler", metavar="ADDRESS", help="Files are read by this Dask cluster."
    ),
}  # fmt: skip
_USED_BY = {
    "limit": (
        "run extract draft draft_export draft_import list show edit seen stats lint audit eval watch"
    ),
    "jobs": "run extract draft draft_import eval watch",
    "scheduler": "run extract draft watch",
}
"""Options that every command takes, but whose help only these show."""
_TELLS_LINES = "list show extract lint audit seen undo watch doctor"
_LINES = "JSON Lines on stdout, an object a line, and nothing else."


def common_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; it gets them as one `call`."""

    @wraps(function)
    def command(*args: Any, **options: Any) -> None:
        context = click.get_current_context()
        before = context.obj or {}
        given = {name: _given(options.pop(name), before.get(name)) for name in _OPTIONS}
        context.obj = given
        function(*args, call=_call(given), **options)

    name = _name_of(function)
    for option, made in reversed(_OPTIONS.items()):
        hidden = option in _USED_BY and name not in _USED_BY[option].split()
        told = {"help": _LINES} if option == "as_json" and name in _TELLS_LINES.split() else {}
        command = made(hidden=hidden, **told)(command)
    return command


def _name_of(function: Callable[..., None]) -> str:
    """`run` for the command of run.py, `draft_export` for `export` in draft.py."""
    module = function.__module__.rpartition(".")[2].strip("_")
    own = function.__name__.strip("_")
    return module if own == "command" else f"{module}_{own}"


def _call(given: dict[str, Any]) -> Call:
    color = not given["no_color"] and not os.environ.get("NO_COLOR")
    talk = Talk(bool(given["as_json"]), bool(given["quiet"]), bool(given["verbose"]), color)
    workspace = Path(given["workspace"]) if given["workspace"] else None
    offline, jobs = bool(given["offline"]), given["jobs"] or 0
    return Call(workspace, talk, offline, given["limit"], jobs, given["scheduler"] or "")


def _given(here: Any, before: Any) -> Any:
    """An option of this command, else as a command above it has it; 0 is a number like any."""
    return here or before if here is None or isinstance(here, bool) else here


# --- the end --------------------------------------------------------------------------------


def tell_problems(call: Call, problems: Iterable[Problem]) -> None:
    """Name what failed, each with what to do; and what is merely to be told."""
    for problem in problems:
        hint = f" ({problem.hint})" if problem.hint else ""
        tell, word = (call.talk.say, "note") if problem.notice else (call.talk.warn, "failed")
        tell(f"{word}: {problem.where}: {problem.what}{hint}")


def end(problems: Collection[Problem], error: ForgeError | None = None) -> None:
    """Leave with the right exit code: what was needed and not there, else what failed."""
    if error is not None:
        raise error
    if any(not problem.notice for problem in problems):
        click.get_current_context().exit(1)
