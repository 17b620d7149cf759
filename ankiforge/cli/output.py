"""Text on a terminal: lines that fit its width, and colours.

Shared parts of the commands: options, output, exit codes, the open workspace.

Data goes to stdout (`call.data`, `call.print`), messages go to stderr (`call.say`,
`call.warn`). With `--json`, stdout contains nothing but JSON.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import chain, islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TextIO

import click

from ankiforge.cli.commands import (
    COMMANDS,
    PlainOption,
    SuggestingGroup,
    given,
    shared_options,
)
from ankiforge.cli.help import HelpfulCommand
from ankiforge.errors import ForgeError, UsageError
from ankiforge.text import (
    AT_THE_RIGHT,
    bold,
    bold_part,
    regex,
    with_bold,
    without_bold,
)
from ankiforge.text.fold import BIDI_CONTROLS

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.model import Problem, Strings
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import Workspace


LEAST_WIDTH = 40
"""On a narrower terminal nothing is wrapped."""
# A command that a message names, with the stop after it: it is copied, so it never breaks.
_UNBROKEN = regex(r"[(“]?ankiforge (?:[^\s,;:.()“”·]|[,;:.](?=\S)| (?=[^\s(·]))+\S*|\S+")
# The label of a detail, such as "  model      ", "source    " or "✓ cards      ".
_LABEL = regex(r"  [A-Za-z ]{9}  (?=\S)|[a-z][a-z0-9 ]{7}  (?=\S)|✓ [a-z]+  +(?=\S)")
_COLUMNS = "   "
_BOLD, _NOT_BOLD = "\x1b[1m", "\x1b[22m"
_REVERSE, _NOT_REVERSE = "\x1b[7m", "\x1b[27m"
_BEFORE_GAP = 24
"""In a row of a list: the characters before its gap, where it begins in the middle."""
_NARROWEST_TITLE, _WIDEST_TITLE = 16, 40

_COLOURS: dict[re.Pattern[str], dict[str, Any]] = {
    regex(r"^✓"): {"fg": "green", "bold": True},
    regex(r"^!"): {"fg": "yellow", "bold": True},
    regex(r"^✗"): {"fg": "red", "bold": True},
    regex(r"(?:(?<=^[✓!] )|(?<=^  )|(?<=   ))\d[\d,]*(?= [a-z])"): {"bold": True},
    regex(r"(?<=^  next  )ankiforge.*?(?=   |$)"): {"fg": "cyan", "bold": True},
    regex(r"^  next(?=  )|^  →|^  [A-Za-z][A-Za-z ]{8}(?=  \S)"): {"dim": True},
    regex(r"^ankiforge(?: [a-z]+)*:"): {"fg": "red", "bold": True},
    regex(r"^failed:"): {"fg": "red", "bold": True},
    regex(r"^note:"): {"fg": "yellow"},
    regex(r"^hint:"): {"fg": "cyan"},
    regex(r"^(?:af|dr)[a-z0-9]{8}(?=  )"): {"dim": True},
    regex(r"^○"): {"fg": "yellow", "bold": True},
    regex(rf"{AT_THE_RIGHT}.*$"): {"dim": True},
}
"""The words with a colour: beginnings of lines, numbers of a block, the next command."""


def painted(text: str) -> str:
    """Return lines with colours."""
    lines = []
    for line in text.split("\n"):
        found: list[tuple[re.Match[str], dict[str, Any]]] = []
        for pattern, style in _COLOURS.items():
            found += [(match, style) for match in pattern.finditer(line)]
        # from the end, so that the places of the others stay
        for match, style in sorted(found, key=lambda each: -each[0].start()):
            coloured = click.style(match[0], **style)
            line = line[: match.start()] + coloured + line[match.end() :]
        lines.append(line)
    return "\n".join(lines)


def fitted(text: str, width: int) -> str:
    """Break lines that are longer than `width`, at blanks and never inside a command."""
    if width < LEAST_WIDTH:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _fitted_line(line, width)
    return "\n".join(lines)


def _fitted_line(line: str, width: int) -> Iterator[str]:
    if AT_THE_RIGHT in line:
        yield _fitted_row(line, width)
        return
    if _cells(line) <= width:
        yield line
        return
    # what follows is set below the text of the line, not below its label
    body = line.lstrip(" ")
    indent = line[: len(line) - len(body)]
    label = _LABEL.match(line)
    if label is not None:
        indent, body = line[: label.end()], line[label.end() :]
    following = " " * (len(indent) if label else len(indent) + 2)

    current = indent
    is_empty = True
    for gap, unit in _units(body, width - len(following)):
        if not is_empty and _cells(current) + len(gap) + _cells(unit) > width:
            yield current
            current = following
            is_empty = True
        current += unit if is_empty else gap + unit
        is_empty = False
    yield current


def _fitted_row(line: str, width: int) -> str:
    """Return a row of a list with its gap in sight, and its title at the right edge."""
    row, _, title = line.partition(AT_THE_RIGHT)
    title = _cut(title, min(max(width // 4, _NARROWEST_TITLE), _WIDEST_TITLE))
    room = width - _cells(title) - len("  ")
    start, end = bold_part(row)
    if _cells(row[:end]) > room:
        start = row.find(" ", max(start - _BEFORE_GAP, 2), start) + 1 or start
        row = f"{row[:2]}…{row[start:]}"
    row = _cut(row, room)
    return f"{row}{' ' * (room - _cells(row))}{AT_THE_RIGHT}{title}"


def _cut(text: str, room: int) -> str:
    """Return the beginning of a text that fits, with a sign that more follows."""
    if _cells(text) <= room:
        return text
    begins, ends = bold(" ").split(" ")
    while _cells(text) >= room:
        text = text[: -max(1, (_cells(text) - room) // 2)]
    is_in_bold = text.count(begins) > text.count(ends)
    return f"{text.rstrip()}…{ends if is_in_bold else ''}"


def _units(body: str, room: int) -> Iterator[tuple[str, str]]:
    """Yield the pieces that stay together, with the blanks before: columns, commands, words."""
    for number, column in enumerate(body.split(_COLUMNS)):
        gap = _COLUMNS if number else ""
        if _COLUMNS in body and _cells(column) <= room:
            yield gap, column
            continue
        for match in _UNBROKEN.finditer(column):
            # a sentence that begins like a command may be long
            words = [match[0]] if _cells(match[0]) <= room else match[0].split()
            for word in words:
                yield gap or " ", word
                gap = ""


def _cells(text: str) -> int:
    """Return how many columns a text takes."""
    text = without_bold(text)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


# --- output -----------------------------------------------------------------------------

# What could control the terminal: commands with parameters, such as colours, as a whole, and any
# other control character but tab and line feed.
_ESCAPES = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
_UNSAFE = regex(_ESCAPES)
_UNSAFE_OR_BIDI = regex(f"{_ESCAPES}|[{BIDI_CONTROLS}]")
# A command that a message names; `init` is one of those that name their folder themselves.
_IN_A_WORKSPACE = "|".join(
    name for name, row in COMMANDS.items() if name != "init" and not row.names_folder
)
_COMMAND = regex(rf"\bankiforge (?=(?:{_IN_A_WORKSPACE})\b)")
_USUAL_WIDTH = 80
# Further characters that some readers take for line ends, which JSON Lines must not contain.
_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\u0085\u2028\u2029"}


def for_terminal(text: str) -> str:
    """Remove characters that control the terminal, or reorder the text of a line.

    The program prints no colours of its own in texts, so none is left: a note could hide words with
    them from a person who is about to accept a card.
    """
    return _UNSAFE_OR_BIDI.sub("", text)


# --- a call ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: its shared options, and the output that they shape."""

    workspace: str = ""
    """The folder given with `-C`, which commands in messages name, too.

    So they can be copied.
    """
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    offline: bool = False
    limit: int | None = None
    """The maximum number of items that the command makes or lists; None = all."""
    jobs: int = 0
    """The number of concurrent requests and of files.

    0 = as in the settings, and as many as cores.
    """
    trusts: bool = False
    """Whether the person confirms, with `--yes`, what the settings ask for."""
    goes_on: bool = False
    """Whether the default workspace stands in for one that is gone."""
    noticed: set[Problem] = field(default_factory=set)
    """The notices already printed; each is printed only once."""

    @property
    def folder(self) -> Path | None:
        """The folder of the workspace; None if it was not named."""
        return Path(self.workspace) if self.workspace else None

    @property
    def color(self) -> bool:
        """Whether the output may have colours."""
        return not self.no_color and not os.environ.get("NO_COLOR")

    def shown(self, default: int) -> int | None:
        """Return the number of rows, or of notes of a kind, to show; None = all."""
        if self.verbose:
            return None
        return default if self.limit is None else self.limit

    def say(self, text: str = "") -> None:
        """Print a message to stderr, unless quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Print a message to stderr, even if quiet."""
        self._echo(self.shown_on(sys.stderr, text), err=True)

    def data(self, value: Any) -> bool:
        """Print a value as one line of JSON to stdout; return False if stdout is closed."""
        import msgspec

        text = msgspec.json.encode(value).decode()
        return self.write(text.translate(_LINE_ENDS))

    def print(self, text: str) -> bool:
        """Print the outcome of a command, unless quiet; return False if stdout is closed."""
        return self.quiet or self._echo(self.shown_on(sys.stdout, text))

    def show(self, value: Any, lines: Iterable[str]) -> bool:
        """Print the answer of a command, as JSON or as lines of text, even if quiet.

        Return False if stdout is closed.
        """
        if self.as_json:
            return self.data(value)
        return self._echo(self.shown_on(sys.stdout, "\n".join(lines)))

    def copyable(self, text: str) -> str:
        """Return a message whose commands work in the same workspace."""
        if not self.workspace:
            return text
        return _COMMAND.sub(f"ankiforge -C {quote(self.workspace)} ", text)

    def write(self, text: str) -> bool:
        """Print text for a file or program to stdout; return False if stdout is closed."""
        return self._echo(_UNSAFE.sub("", text))

    def problems(self, problems: Iterable[Problem], limit: int | None = None) -> int:
        """Print problems, then notices, with their hints; return the number of lines.

        With `limit`, files that have the same problem share a line, and of more than `limit`
        lines the last one is a count. A notice that no later run repeats has a line anyhow.
        """
        groups: dict[object, list[Problem]] = {}
        for problem in sorted(dict.fromkeys(problems), key=lambda each: each.notice):
            if problem in self.noticed or (problem.notice and self.quiet):
                continue
            if problem.notice:
                self.noticed.add(problem)
            same: object = problem
            if limit is not None:
                same = (problem.notice, problem.what, problem.hint)
            groups.setdefault(same, []).append(problem)
        lines = list(groups.values())
        shown = lines
        if limit is not None and len(lines) > limit:
            shown = lines[: limit - 1]
            for group in lines[limit - 1 :]:
                if group[0].notice and group[0].once:
                    shown.append(group)
        for group in shown:
            self.warn(group[0].told(others=len(group) - 1))
        lines_left = sum(map(len, lines)) - sum(map(len, shown))
        if lines_left:
            self.warn(f"… and {lines_left:,} more problems; -v names all")
            return len(shown) + 1
        return len(shown)

    def shown_on(self, stream: TextIO, text: str) -> str:
        """Return a text for people; on a terminal it fits its width, and has colours."""
        text = for_terminal(self.copyable(text))
        if not (stream.isatty() and self.color):
            text = _emphasised(text, ("**", "**"), ("[", "]"))
        if not stream.isatty():
            return text
        text = fitted(text, _width(stream))
        if self.color:
            gap = (_REVERSE, _NOT_REVERSE)
            text = _emphasised(painted(text), (_BOLD, _NOT_BOLD), gap)
        return text.replace(AT_THE_RIGHT, "  ")

    def _echo(self, text: str, *, err: bool = False) -> bool:
        """Print a line; a closed output (`| head`) does not stop the command."""
        stream = sys.stderr if err else sys.stdout
        try:
            try:
                click.echo(text, err=err, color=None if self.color else False)
            except UnicodeEncodeError:  # letters that its encoding does not have
                known = text.encode(stream.encoding, "replace").decode(stream.encoding)
                click.echo(known, err=err, color=None if self.color else False)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            return False
        return True

    @property
    def interactive(self) -> bool:
        """Whether the user can be asked questions."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json

    def agrees(self, question: str, *, yes: bool) -> bool:
        """Ask a person who has not said yes already; return False where nobody can be asked."""
        return yes or (self.interactive and click.confirm(question, err=True))


def _emphasised(text: str, strong: Strings, gap: Strings) -> str:
    """Return lines with signs around bold words, or in a row of a list around its gaps."""
    lines = [
        with_bold(line, *gap) if AT_THE_RIGHT in line else line
        for line in text.split("\n")
    ]
    return with_bold("\n".join(lines), *strong)  # bold words may go over several lines


def _width(stream: TextIO) -> int:
    """Return how many columns a terminal has."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


Shown = Iterator[tuple[Any, Iterable[str]]]
"""Each item as JSON and as lines of text."""


def show_all(call: Call, shown: Shown, *, apart: bool = False) -> int:
    """Print items as JSON or as text, up to the limit, until nobody reads; return their number."""
    count = 0
    for data, lines in islice(shown, call.limit):
        count += 1
        printed = [*lines, ""] if apart else lines
        if not call.show(data, printed):
            break
    return count


def show_in_pager(call: Call, shown: Shown, *, apart: bool = False) -> int:
    """Print items like `show_all`; on a terminal through the user's pager (`PAGER`)."""
    if call.as_json or call.quiet or not sys.stdout.isatty():
        return show_all(call, shown, apart=apart)
    first = next(shown, None) if call.limit != 0 else None
    if first is None:
        return 0

    def pages() -> Iterator[str]:
        for _, lines in islice(chain([first], shown), call.limit):
            text = "\n".join([*lines, ""] if apart else lines)
            yield f"{call.shown_on(sys.stdout, text)}\n"

    # as git does: a list that fits the screen is only printed
    os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(pages(), color=call.color)
    return 1


def end(problems: Collection[Problem], error: ForgeError | None = None) -> None:
    """End the command: raise the error, if any; exit with 1 if anything failed."""
    if error is not None:
        raise error
    if any(not problem.notice for problem in problems):
        exit_with(1)


def end_run(result: RunResult) -> None:
    """End the command with the result of a run."""
    end(result.problems, result.error)


def exit_with(code: int) -> None:
    """End the command with an exit code."""
    click.get_current_context().exit(code)


# --- the options of every command -----------------------------------------------------------


class Command(HelpfulCommand):
    """A command, whose query may have conditions that look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments.

        If a query may be among them, conditions like `-verdict:waiting` are put after `--`:
        click would take such a word for the option -v.
        """
        if self.context_settings.get("ignore_unknown_options") and any(
            word.startswith("-") and ":" in word for word in args
        ):
            from ankiforge.ledger import FIELDS

            place = args.index("--") if "--" in args else len(args)
            after = args[place + 1 :]
            options: list[str] = []
            conditions: list[str] = []
            for word in args[:place]:
                field, colon, _ = word.removeprefix("-").partition(":")
                if word.startswith("-") and colon and field in FIELDS:
                    conditions.append(word)
                else:
                    options.append(word)
            args = [*options, "--", *conditions, *after]
        return super().parse_args(ctx, args)


class CommandGroup(HelpfulCommand, SuggestingGroup):
    """A command that has commands of its own."""


def command(examples: str, **settings: Any) -> Callable[[Callable[..., None]], Any]:
    """Turn a function into a command with the shared options, which are passed as one `call`.

    Args:
        examples: the examples at the end of the help, one in each line.
        settings: arguments of `click.command`.
    """
    shared = shared_options()
    names = [str(option.name) for option in shared]

    def decorate(function: Callable[..., None]) -> click.Command:
        @wraps(function)
        def called(*args: Any, **options: Any) -> None:
            context = click.get_current_context()
            own = given({name: options.pop(name) for name in names})
            # they may also be given before the name of the command
            context.obj = {**(context.obj or {}), **own}
            call = Call(**context.obj)
            try:
                function(*args, call=call, **options)
            except ForgeError as error:
                error.hint = call.copyable(error.hint)
                raise

        name = function.__name__.strip("_")
        settings.setdefault("epilog", examples)
        # click would cut it
        settings["short_help"] = (function.__doc__ or "").partition("\n")[0]
        settings.setdefault("cls", Command)
        make: Callable[[Any], click.Command] = click.command(name, **settings)
        made = make(called)
        made.params += shared
        return made

    return decorate


# --- workspace and ledger -------------------------------------------------------------------


def workspace_of(call: Call) -> WorkspaceFolder:
    """Return the workspace of a call, asking the user to trust its settings if necessary.

    With `--yes`, they are trusted and nobody is asked. What is trusted is named in any case.

    Raises:
        UsageError: the folder is not a workspace, or its settings are not trusted.
    """
    from ankiforge.config.trust import require_trust
    from ankiforge.config.workspace import resolve, user_folder
    from ankiforge.extract import registry

    def ask(text: str) -> bool:
        return click.confirm(for_terminal(text), err=True)

    def agree(text: str) -> bool:
        call.say(f"{text} yes (--yes)")
        return True

    workspace = resolve(call.folder, Path.cwd(), registry, goes_on=call.goes_on)
    if workspace.instead_of is not None:
        call.say(
            f"note: your workspace {workspace.instead_of} is gone, or its disk is not mounted."
            f" Until it is back, {workspace.root} is used."
            " If it moved, or to go on without it: ankiforge init DIR"
        )
    answer = None
    if call.trusts:
        answer = agree
    elif call.interactive:
        answer = ask
    require_trust(workspace, answer, user_folder())
    workspace.close_to_others()
    return workspace


@contextmanager
def session(
    call: Call,
    *,
    writes: str = "",
    read_only: bool = False,
    patience: float | None = None,
    folder: WorkspaceFolder | None = None,
) -> Iterator[Workspace]:
    """Open the workspace of a call with its ledger.

    Args:
        call: the options of the command.
        writes: the lock to hold ("drafting" or "publishing"); "" = none.
        read_only: write nothing; changes go into a copy of the database in memory.
        patience: how long to wait for the lock in seconds; None = the default.
        folder: the workspace, if it has been found; None = that of the call.
    """
    from ankiforge.pipeline.workspace import Workspace

    workspace = Workspace(
        folder or workspace_of(call),
        read_only=read_only,
        offline=call.offline,
        jobs=call.jobs,
        notice=call.say,
    )
    with ExitStack() as stack:
        if writes:
            stack.enter_context(workspace.locked(writes, patience))
        stack.enter_context(workspace)
        call.problems(workspace.journal_problems())
        if not writes:
            call.problems(workspace.unread())
        yield workspace


def once(workspace: Workspace, hint: str) -> str:
    """Return a hint that was never given to this person before; else ""."""
    from ankiforge.config.workspace import first_time

    if not hint or workspace.read_only or first_time(hint):
        return hint
    return ""


def no_collection(folder: WorkspaceFolder) -> UsageError:
    """Return the error of a command that needs a collection of Anki, where none can be read."""
    from ankiforge.pipeline.collection import NEVER

    if folder.config.anki.collection == NEVER:
        message = "anki.collection is none, so Anki is not read"
        return UsageError(message, hint=folder.how_to_set("anki: {collection: auto}"))
    elsewhere = folder.how_to_set("anki: {collection: PATH}")
    return UsageError(
        "no Anki collection was found here",
        hint=f"start Anki once; if your collection is elsewhere: {elsewhere}",
    )


# --- options of several commands ------------------------------------------------------------

Words = tuple[str, ...]
"""Ids, keys, or the words of a query."""
Paths = tuple[Path, ...]


class _File(click.Path):
    """A path; an empty word is an error, not the current folder."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            raise UsageError("an empty path names no file", hint="a file or a folder")
        return super().convert(value, param, ctx)


FILE = _File(path_type=Path)


Option = Callable[[Callable[..., None]], Callable[..., None]]


def flag(*names: str, help: str) -> Option:
    """Return an option that is given or not."""
    return click.option(*names, is_flag=True, help=help)


def text_option(*names: str, metavar: str, help: str) -> Option:
    """Return an option that takes a text; "" if it is not given."""
    return click.option(*names, default="", metavar=metavar, help=help)


def choice_option(*names: str, of: Collection[str], help: str) -> Option:
    """Return an option that takes one of these words; "" if it is not given."""
    choice = click.Choice([*of])
    # a default that is no choice would be refused
    return click.option(
        *names, type=choice, callback=lambda *given: given[2] or "", help=help
    )


def number_option(name: str, *, most: int, help: str) -> Option:
    """Return an option that takes a number N from 1 on."""
    numbers = click.IntRange(1, most)
    return click.option(name, cls=PlainOption, type=numbers, metavar="N", help=help)


def file_option(*names: str, help: str) -> Option:
    """Return an option that takes a path."""
    return click.option(*names, type=FILE, metavar="FILE", help=help)


def deck_option(help: str) -> Option:
    """Return the option that takes the name of a deck; an empty one is an error."""

    def named(context: click.Context, option: click.Parameter, name: str) -> str:
        source = context.get_parameter_source(str(option.name))
        if source is click.core.ParameterSource.COMMANDLINE and not name.strip(": "):
            raise UsageError("an empty name names no deck", hint="--deck Biology")
        return name

    return click.option("--deck", default="", callback=named, metavar="NAME", help=help)


DECK = deck_option("Take only this deck and the decks below it.")
OUTPUT = click.option(
    "-o", "--output", metavar="FILE.apkg", help="Write the package to this file."
)
FORCE = flag("--force", help="Replace a file that ankiforge did not write.")
YES = flag("--yes", help="Trust settings that lead outside the workspace.")
NEW_DECK = deck_option("Put new cards into this deck.")
OVERRULE = flag("--force", help="Overrule a check that blocks.")
REASON = text_option("--reason", metavar="TEXT", help="Say why; the reason is stored.")
DRAFTER = choice_option(
    "--drafter", of=("rules", "llm"), help="Draft by rules, or with a model."
)
ACCEPT = choice_option(
    "--accept",
    of=("clean", "review"),
    help="Which drafts to accept: your own cards without a warning, or none.",
)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise if a file would be replaced without `--force`."""
    if path.exists() and not force:
        hint = "another name, or --force to replace it"
        raise UsageError(f"{path}: exists already", hint=hint)


def refuse_unknown_options(query: tuple[str, ...]) -> None:
    """Raise for `--word` in commands whose queries may contain `-word`.

    They allow unknown options.
    """
    context = click.get_current_context()
    names: list[str] = []
    for parameter in context.command.params:
        names += parameter.opts
    for word in query:
        if word.startswith("--"):
            raise click.NoSuchOption(word, possibilities=names, ctx=context)
