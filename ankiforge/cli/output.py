"""Shared by all commands: options, output, exit codes, and opening the workspace.

Results go to stdout (the methods `Call.print_…`), and messages go to stderr (`Call.say`,
`Call.warn`). With `--json`, stdout contains nothing but JSON. On a terminal, lines are wrapped
and coloured.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from operator import attrgetter
from pathlib import Path
from shlex import quote
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any, TextIO

import click

from ankiforge import __version__
from ankiforge.cli.commands import (
    COMMANDS,
    drop_unset_options,
    make_shared_options,
)
from ankiforge.errors import ForgeError, UsageError
from ankiforge.text import (
    ROW_TAIL_MARK,
    find_bold_span,
    mark_bold,
    regex,
    remove_bold_marks,
    render_bold_marks,
    truncate,
)
from ankiforge.text.normalize import BIDI_CONTROLS

if TYPE_CHECKING:
    from ankiforge.config.workspace import Activity, WorkspaceDirectory
    from ankiforge.model import Problem
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import ListedRows


SHARED_OPTIONS_HINT = "also: ankiforge -h (-C DIR, --json, -v, -q …)"
"""The last line of every command's help, which refers to the help of the shared options."""
MIN_WIDTH = 40
"""The minimum width of a terminal at which text is wrapped."""
# Matches a whole command in a message with the punctuation after it. Commands are never wrapped, so
# that users can copy them.
_WHOLE_COMMAND = regex(
    r"ankiforge (?:'[^']+'|[^\s,;:.()“”·]|[,;:.](?=\S)| (?=[^\s(·]))+\S*"
)
# Matches the label before a detail, such as "  model      ", "source    " or "✓ cards      ".
_LABEL = regex(r"  [A-Za-z ]{9}  (?=\S)|[a-z][a-z0-9 ]{7}  (?=\S)|✓ [a-z]+  +(?=\S)")
_ROW_TAIL_GAP = "  "
_BOLD, _BOLD_OFF = "\x1b[1m", "\x1b[22m"
_MAX_ROW_WIDTH = 120
"""The maximum width of a row of a list. A tail that is farther right is hard to read."""
_TAIL_WIDTH_DIVISOR = 3
"""If a row is too long, a tail wider than the row's width divided by this goes on a new line."""
_MAX_CUT_WIDTH = 24
"""How much of the text after a gap is shown if the beginning of the row is cut off."""
# Matches the id and the sign at the beginning of a row of a list.
_ROW_START = regex(r"(?:af|dr|hl|qu)[a-z0-9]{4,} [○✓✗·?] ")

_STYLES_BY_PATTERN: dict[re.Pattern[str], dict[str, Any]] = {
    regex(r"^✓|(?<=[a-z0-9] )✓(?= )"): {"fg": "green", "bold": True},
    regex(r"^!|(?:^|(?<=[a-z0-9] )|(?<=   ))○(?= )"): {"fg": "yellow", "bold": True},
    regex(r"^✗|(?:(?<=[a-z0-9] )|(?<=   ))✗(?= )"): {"fg": "red", "bold": True},
    regex(r"(?:(?<=^[✓!] )|(?<=^  )|(?<=   ))\d[\d,]*(?= [a-z])"): {"bold": True},
    regex(r"(?<=^  next  )ankiforge.*?(?=   |$)"): {"fg": "cyan", "bold": True},
    regex(r"^  next(?=  )|^  →|^  [A-Za-z][A-Za-z ]{8}(?=  \S)"): {"dim": True},
    regex(r"^ankiforge(?: [a-z]+)*:"): {"fg": "red", "bold": True},
    regex(r"^failed:"): {"fg": "red", "bold": True},
    regex(r"^note:"): {"fg": "yellow"},
    regex(r"^hint:"): {"fg": "cyan"},
    regex(r"^(?:af|dr|hl|qu)[a-z0-9]{4,}(?=  | [○✓✗·?] )"): {"dim": True},
    regex(rf"{ROW_TAIL_MARK}.*$"): {"dim": True},
}
"""Maps patterns to the style of their matches, such as the sign at the start of a line, a number or
the next command.
"""


def add_colours(text: str) -> str:
    """Add colours to lines of text, as terminal escape sequences."""
    return "\n".join(map(_add_colours_to_line, text.split("\n")))


def _add_colours_to_line(line: str) -> str:
    matches: list[tuple[re.Match[str], dict[str, Any]]] = []
    for pattern, style in _STYLES_BY_PATTERN.items():
        for match in pattern.finditer(line):
            matches.append((match, style))
    # go from right to left, so that the positions of the other matches stay valid
    matches.sort(key=lambda pair: -pair[0].start())
    for match, style in matches:
        coloured = click.style(match[0], **style)
        line = line[: match.start()] + coloured + line[match.end() :]
    return line


def wrap_text(text: str, width: int) -> str:
    """Wrap lines longer than `width` at spaces, but never inside a command."""
    if width < MIN_WIDTH:
        return text
    lines = []
    for line in text.split("\n"):
        if _is_row(line):
            lines.append(_fit_row(line, width))
        elif len(line) > width:
            lines.append(_wrap_line(line, width))
        else:
            lines.append(line)
    return "\n".join(lines)


def _wrap_line(line: str, width: int) -> str:
    """Wrap a line, aligning its continuation with the text and not with its label."""
    unbroken = _WHOLE_COMMAND.sub(lambda match: match[0].replace(" ", "\xa0"), line)
    wrapped = fill(
        unbroken,
        width,
        subsequent_indent=" " * _find_continuation_indent(line),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace("\xa0", " ")


def _find_continuation_indent(line: str) -> int:
    """Return by how many spaces the continuation of a line is indented."""
    label = _LABEL.match(line)
    if label is not None:
        return label.end()
    return len(line) - len(line.lstrip(" ")) + 2


def _fit_row(line: str, width: int) -> str:
    """Fit a list row into `width`, with its tail aligned to the right.

    Text that is too long is truncated on both sides of its bold part (the gap). A long tail, such
    as a reason, goes on a line of its own.
    """
    width = min(width, _MAX_ROW_WIDTH)
    row, mark, tail = line.partition(ROW_TAIL_MARK)
    if not mark:
        return _truncate_row(row, width)
    text_start = _find_text_start(row)
    room = width - len(tail) - len(_ROW_TAIL_GAP)
    is_too_long = len(remove_bold_marks(row)) > room
    if is_too_long and len(tail) > width // _TAIL_WIDTH_DIVISOR:
        indent = " " * (text_start - len(_ROW_TAIL_GAP))
        tail = truncate(tail, width - text_start)
        return f"{_truncate_row(row, width)}\n{indent}{mark}{tail}"
    row = _truncate_row(row, room)
    padding = " " * (room - len(remove_bold_marks(row)))
    return f"{row}{padding}{mark}{tail}"


def _find_text_start(row: str) -> int:
    """Return where the text of a row begins, after its id and sign."""
    match = _ROW_START.match(row)
    return match.end() if match else 0


def _truncate_row(row: str, room: int) -> str:
    """Truncate the text of a row to `room` characters, so that its bold part (the gap) stays.

    If the gap would be cut off, the text before it is truncated first, at a space if possible:
    "af53ya ✓ …the long sentence with a [gap] near its end".
    """
    text_start = _find_text_start(row)
    _, gap_end = find_bold_span(row)
    if text_start > 0 and gap_end > room:
        shown_end = min(gap_end + _MAX_CUT_WIDTH, len(row))
        shown_width = room - text_start - len("…")
        start = shown_end - shown_width
        next_word = row.find(" ", start) + 1
        row = f"{row[:text_start]}…{row[next_word or start :]}"
    if len(remove_bold_marks(row)) > room:
        row = truncate(row, room)
        opening, closing = mark_bold(" ").split(" ")
        row += closing * (row.count(opening) - row.count(closing))
    return row


# --- output -----------------------------------------------------------------------------

# Matches a complete escape sequence, such as a colour, or a control character other than tab and
# line feed.
_CONTROL_SEQUENCE = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
_UNSAFE = regex(_CONTROL_SEQUENCE)
_UNSAFE_OR_BIDI = regex(f"{_CONTROL_SEQUENCE}|[{BIDI_CONTROLS}]")
# The commands that accept `-C`. `init` doesn't need it, because it takes its directory as an
# argument.
_WORKSPACE_COMMANDS = "|".join(
    name
    for name, row in COMMANDS.items()
    if name != "init" and not row.takes_workspace_argument
)
_COMMAND = regex(rf"\bankiforge (?=(?:{_WORKSPACE_COMMANDS})\b)")
# Escapes for characters that some parsers treat as line breaks, because a line of JSON must not
# contain them.
_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\u0085\u2028\u2029"}


def sanitize_for_terminal(text: str) -> str:
    """Strip characters that control the terminal or change the text direction.

    This includes colours, which a note could use to hide text from a user about to accept a
    card.
    """
    return _UNSAFE_OR_BIDI.sub("", text)


# --- a call ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A command invocation: the values of the shared options, and output methods."""

    workspace: str = ""
    """The directory given with `-C`, or "".

    Commands in messages repeat the option, so that users can copy them.
    """
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    offline: bool = False
    limit: int | None = None
    """The maximum number of items to draft or list, or None for no limit."""
    jobs: int = 0
    """The number of concurrent requests, and of files to read concurrently.

    0 means the number of requests in the settings, and one file per CPU core.
    """
    trusts_workspace: bool = False
    """Whether to trust the workspace without asking (`--yes`)."""
    printed_notices: set[Problem] = field(default_factory=set)
    """The notices already printed. Each is printed only once."""

    @property
    def folder(self) -> Path | None:
        """The directory given with `-C`, if any."""
        return Path(self.workspace) if self.workspace else None

    @property
    def color(self) -> bool:
        """Whether colours may be used."""
        return not os.environ.get("NO_COLOR")

    def say(self, text: str = "") -> None:
        """Print a message to stderr, unless in quiet mode."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Print a message to stderr, even in quiet mode."""
        self._print_line(self.format_for_stream(sys.stderr, text), err=True)

    def print_json(self, value: Any, *, err: bool = False) -> bool:
        """Print a value as a line of JSON to stdout or, if `err` is true, to stderr.

        Returns False if the stream is closed.
        """
        import msgspec

        text = msgspec.json.encode(value).decode().translate(_LINE_ENDS)
        return self._print_line(_UNSAFE.sub("", text), err=err)

    def print_result(self, text: str) -> bool:
        """Print a command's outcome to stdout, unless in quiet mode.

        Returns False if stdout is closed.
        """
        return self.quiet or self._print_line(self.format_for_stream(sys.stdout, text))

    def print_value(self, value: Any, lines: Iterable[str]) -> bool:
        """Print requested data to stdout as JSON or text, even in quiet mode.

        Returns False if stdout is closed.
        """
        if self.as_json:
            return self.print_json(value)
        return self._print_line(self.format_for_stream(sys.stdout, "\n".join(lines)))

    def add_workspace_option(self, text: str) -> str:
        """Add the option `-C` to the commands in a message, if the user passed this option."""
        if not self.workspace:
            return text
        return _COMMAND.sub(f"ankiforge -C {quote(self.workspace)} ", text)

    def print_raw(self, text: str) -> bool:
        """Print text to stdout without wrapping or colours.

        Returns False if stdout is closed.
        """
        return self._print_line(_UNSAFE.sub("", text))

    def print_problems(
        self, problems: Iterable[Problem], limit: int | None = None
    ) -> None:
        """Print problems, then notices, with hints.

        With a `limit`, files with the same problem are grouped, and at most that many lines are
        printed. The last line counts the remaining problems. The limit is ignored in verbose
        mode, and notices that later runs won't repeat are always printed.
        """
        if self.verbose:
            limit = None
        groups = [*self._group_problems(problems, one_by_one=limit is None)]
        shown_count = len(groups)
        if limit is not None and len(groups) > limit:
            shown_count = limit - 1  # the last line counts the others
        shown = groups[:shown_count]
        hidden_count = 0
        for group in groups[shown_count:]:
            if group[0].is_notice and group[0].is_reported_once:
                shown.append(group)
            else:
                hidden_count += len(group)
        for group in shown:
            self.warn(group[0].summarize(other_count=len(group) - 1))
        if hidden_count:
            self.warn(f"… and {hidden_count:,} more problems; -v names all")

    def _group_problems(
        self, problems: Iterable[Problem], *, one_by_one: bool
    ) -> Collection[list[Problem]]:
        """Group equal problems of several files, problems before notices.

        Notices that were printed before are left out, and in quiet mode all of them.
        """
        groups: dict[object, list[Problem]] = {}
        for problem in sorted(dict.fromkeys(problems), key=attrgetter("is_notice")):
            if problem.is_notice and not self._should_print_notice(problem):
                continue
            key: object = problem
            if not one_by_one:
                key = (problem.is_notice, problem.message, problem.hint)
            groups.setdefault(key, []).append(problem)
        return groups.values()

    def _should_print_notice(self, notice: Problem) -> bool:
        """Return whether to print a notice, and remember that it was printed."""
        if self.quiet or notice in self.printed_notices:
            return False
        self.printed_notices.add(notice)
        return True

    def format_for_stream(self, stream: TextIO, text: str) -> str:
        """Format text for a stream, wrapping and colouring it for terminals."""
        text = sanitize_for_terminal(self.add_workspace_option(text))
        width = get_terminal_size().columns
        if stream.isatty() and self.color:
            # `wrap_text` doesn't count the markers of bold text, but would count escape sequences
            coloured = add_colours(wrap_text(text, width))
            text = render_bold_marks(coloured, _BOLD, _BOLD_OFF)
        elif stream.isatty():
            text = wrap_text(_render_bold(text), width)
        else:
            text = _render_bold(text)
        # markers are left in rows without colours
        return remove_bold_marks(text).replace(ROW_TAIL_MARK, _ROW_TAIL_GAP)

    def _print_line(self, text: str, *, err: bool = False) -> bool:
        """Print a line, returning False if the pipe is closed (e.g. by `| head`)."""
        stream = sys.stderr if err else sys.stdout
        color = None if self.color else False
        try:
            try:
                click.echo(text, err=err, color=color)
            except UnicodeEncodeError:  # the encoding lacks some of the characters
                data = text.encode(stream.encoding, "replace")
                click.echo(data.decode(stream.encoding), err=err, color=color)
        except BrokenPipeError:
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, stream.fileno())
            return False
        return True

    @property
    def is_interactive(self) -> bool:
        """Whether the user can be asked, i.e. there is a terminal and the output isn't JSON."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json

    @property
    def can_paste(self) -> bool:
        """Whether the user can be told to paste something into this terminal."""
        return self.is_interactive and not self.quiet

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask for confirmation, unless `yes` is set. Returns False if the user can't be asked."""
        return yes or (self.is_interactive and click.confirm(question, err=True))


def _render_bold(text: str) -> str:
    """Replace the markers of `mark_bold` with asterisks, except in lists.

    In rows of a list, gaps are in brackets already, and `wrap_text` needs the markers to keep the
    gap of a row that it truncates.
    """
    if any(map(_is_row, text.split("\n"))):
        return text
    return render_bold_marks(text)


def _is_row(line: str) -> bool:
    """Return whether a line is a row of a list, or a heading of one."""
    return ROW_TAIL_MARK in line or _ROW_START.match(line) is not None


def print_items(call: Call, items: ListedRows, *, blank_lines: bool = False) -> int:
    """Print items as JSON or text, up to the limit or until the pipe is closed.

    With `blank_lines`, an empty line follows each item. Returns the number of items printed.
    """
    count = 0
    for data, lines in islice(items, call.limit):
        count += 1
        if not call.print_value(data, [*lines, ""] if blank_lines else lines):
            break
    return count


def exit_if_failed(
    problems: Collection[Problem], error: ForgeError | None = None
) -> None:
    """Raise `error` if given; otherwise, exit with code 1 if there are any problems.

    Notices don't count as problems.
    """
    if error is not None:
        raise error
    if any(not problem.is_notice for problem in problems):
        exit_with_code(1)


def exit_with_code(code: int) -> None:
    """Exit the current command with the given code."""
    click.get_current_context().exit(code)


# --- the options of every command -----------------------------------------------------------


def command(examples: str, **settings: Any) -> Callable[[Callable[..., None]], Any]:
    """Turn the decorated function into a command that also takes the shared options.

    The function receives the values of the shared options as `call`.

    Args:
        examples: the examples at the end of the command's help, one per line, and then any prose
            after an empty line.
        settings: further arguments for `click.command`.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        shared = make_shared_options(hidden=True)
        make_command: Callable[[Any], click.Command] = click.command(
            function.__name__.strip("_"),
            epilog=_format_epilog(examples),
            # the whole line, because click would truncate it
            short_help=str(function.__doc__).partition("\n")[0],
            **settings,
        )
        shared_names = [str(option.name) for option in shared]
        decorated = make_command(_combine_shared_options(function, shared_names))
        decorated.params += shared
        return decorated

    return decorate


def _combine_shared_options(
    function: Callable[..., None], shared_names: Collection[str]
) -> Callable[..., None]:
    """Wrap a command's function, which then receives the options of these names as `call`."""

    @wraps(function)
    def run_command(*args: Any, **options: Any) -> None:
        context = click.get_current_context()
        given = drop_unset_options({name: options.pop(name) for name in shared_names})
        # `context.obj` has the shared options that are before the command's name
        context.obj = {**(context.obj or {}), **given}
        call = Call(**context.obj)
        try:
            function(*args, call=call, **options)
        except ForgeError as error:
            error.hint = call.add_workspace_option(error.hint)
            raise

    return run_command


def _format_epilog(examples: str) -> str:
    """Format the end of a command's help: its examples, any prose, and the shared options."""
    text = examples.strip("\n").replace("\n  ", "\n").removeprefix("  ")
    example_lines, *prose = text.split("\n\n")
    # click doesn't wrap the paragraph after `\b`
    return "\n\n".join((f"\b\nExamples:\n{example_lines}", *prose, SHARED_OPTIONS_HINT))


# --- workspace and ledger -------------------------------------------------------------------


def find_workspace(call: Call, *, needs_trust: bool = True) -> WorkspaceDirectory:
    """Find the workspace for this call. If it isn't trusted yet, ask the user to trust it.

    With `--yes`, the workspace is trusted without asking. If `needs_trust` is False, the user isn't
    asked either, but then the caller must neither write nor send anything.

    Raises:
        UsageError: the directory isn't a workspace, or isn't trusted.
    """
    from ankiforge.config import workspace as workspaces
    from ankiforge.config.trust import require_trust
    from ankiforge.extract import registry

    def ask_user(text: str) -> bool:
        if call.trusts_workspace:
            call.say(f"{text} yes (--yes)")
            return True
        return click.confirm(sanitize_for_terminal(text), err=True)

    workspace = workspaces.find_workspace(call.folder, Path.cwd(), registry)
    if not needs_trust:
        return workspace
    can_answer = call.trusts_workspace or call.is_interactive
    ask = ask_user if can_answer else None
    require_trust(workspace, ask, workspaces.find_user_directory())
    workspace.make_private()
    return workspace


@contextmanager
def open_workspace(
    call: Call,
    *,
    writes: Activity | None = None,
    read_only: bool = False,
    lock_timeout: float | None = None,
    folder: WorkspaceDirectory | None = None,
) -> Iterator[Workspace]:
    """Context manager that opens the workspace for this call and the workspace's ledger.

    Args:
        call: the command's options.
        writes: the activity whose lock to hold, or None for none.
        read_only: whether to keep all changes in an in-memory copy instead of writing them.
        lock_timeout: how long to wait for the lock in seconds, or None for the default.
        folder: the workspace's directory and settings, if already known.
    """
    from ankiforge.config.log import log_lines
    from ankiforge.pipeline.workspace import Workspace

    workspace = Workspace(
        folder or find_workspace(call),
        read_only=read_only,
        offline=call.offline,
        jobs=call.jobs,
        notice=call.say,
    )
    workspace.should_read = lambda question: call.confirm(
        sanitize_for_terminal(question), yes=call.trusts_workspace
    )
    with ExitStack() as stack:
        if call.verbose:
            stack.enter_context(_print_log(call))
        if writes is not None:
            stack.enter_context(workspace.hold_lock(writes, lock_timeout))
        stack.enter_context(workspace)
        if not read_only:
            context = click.get_current_context(silent=True)  # an agent has a thread
            command = context.command_path if context else "ankiforge mcp"
            log_lines([f"{command}, version {__version__}"])
        call.print_problems(workspace.iter_journal_problems())
        if writes is None:
            call.print_problems(workspace.iter_rebuilt_database_notices())
        yield workspace


@contextmanager
def _print_log(call: Call) -> Iterator[None]:
    """Context manager in which each line of the log is printed as well."""
    from ankiforge.config.log import LogPrinter, workspace_log

    printer = LogPrinter(call.warn)
    workspace_log.addHandler(printer)
    try:
        yield
    finally:
        workspace_log.removeHandler(printer)


def make_no_collection_error(folder: WorkspaceDirectory) -> UsageError:
    """Build the error for commands that need an Anki collection when none can be read."""
    from ankiforge.pipeline.collection import NEVER

    if folder.config.anki.collection == NEVER:
        hint = folder.format_setting_instructions("anki: {collection: auto}")
        return UsageError("anki.collection is none, so Anki is not read", hint=hint)
    elsewhere = folder.format_setting_instructions("anki: {collection: PATH}")
    hint = f"start Anki once; if your collection is elsewhere: {elsewhere}"
    return UsageError("no Anki collection was found here", hint=hint)


def print_next_command(print_line: Callable[[str], object], workspace: Workspace) -> None:
    """Print the number of pending items, and the command to run next.

    Args:
        print_line: prints a line.
        workspace: the workspace.
    """
    from ankiforge.hooks import collect_notices
    from ankiforge.ledger import pending_items
    from ankiforge.reports.next_step import choose_next_step, format_next_step
    from ankiforge.review.batches import format_pending_counts

    ledger = workspace.ledger
    pending = pending_items.load_pending_items(ledger)
    waiting = format_pending_counts(pending_items.count_waiting(pending))
    print_line(f"  {waiting or 'nothing waits'}")
    step = choose_next_step(
        workspace.folder,
        ledger,
        collect_notices(ledger),
        pending,
        unsent_count=pending_items.count_cards(ledger).unsent,
        has_highlights=pending_items.has_highlights(ledger),
    )
    print_line(format_next_step(step))


# --- options of several commands ------------------------------------------------------------

Words = tuple[str, ...]
"""The arguments of a command that takes ids, keys or the words of a query."""
Paths = tuple[Path, ...]


class _PathType(click.Path):
    """A path type that rejects empty paths, which would mean the current directory."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            raise UsageError("the path is empty", hint="a file or a folder")
        if isinstance(value, str) and value.startswith("~/") and not Path(value).exists():
            value = str(Path(value).expanduser())  # the shell expands no quoted `~`
        return super().convert(value, param, ctx)


PATH_TYPE = _PathType(path_type=Path)
FILE_TYPE = _PathType(path_type=Path, dir_okay=False)


Option = Callable[[Callable[..., None]], Callable[..., None]]


def flag_option(*names: str, help: str) -> Option:
    """Build a boolean option that defaults to False."""
    return click.option(*names, is_flag=True, help=help)


def text_option(*names: str, metavar: str, help: str) -> Option:
    """Build a text option, which is None if it isn't given or is given an empty text."""
    return click.option(*names, callback=_replace_empty_text, metavar=metavar, help=help)


def _replace_empty_text(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> str | None:
    return text or None


def choice_option(*names: str, of: Collection[str], help: str) -> Option:
    """Build an option that takes one of several values, and is None if it isn't given."""
    return click.option(*names, type=click.Choice([*of]), help=help)


def deck_option(help: str) -> Option:
    """Build the `--deck` option."""
    return text_option("--deck", metavar="NAME", help=help)


DECK_OPTION = deck_option("Take only this deck and the decks below it.")
OUTPUT_OPTION = click.option(
    "-o", "--output", metavar="FILE.apkg", help="Write the package to this file."
)
FORCE_OPTION = flag_option("--force", help="Replace a file that ankiforge did not write.")
YES_OPTION = flag_option(
    "--yes", help="Trust a workspace that is new to ankiforge, and read a whole drive."
)
NEW_DECK_OPTION = deck_option("Put new cards of PATH into this deck, from now on.")
OVERRULE_OPTION = flag_option("--force", help="Overrule a check that blocks.")
REASON_OPTION = text_option(
    "--reason", metavar="TEXT", help="Say why; the reason is stored."
)
DRAFTER_OPTION = choice_option(
    "--drafter", of=("rules", "llm"), help="Draft by rules, or with a model."
)
ACCEPT_OPTION = choice_option(
    "--accept",
    of=("clean", "review"),
    help="Which drafts to accept: your own cards without a warning, or none.",
)


def add_run_options(function: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with the options of a run."""
    for option in (
        YES_OPTION,
        FORCE_OPTION,
        ACCEPT_OPTION,
        DRAFTER_OPTION,
        OUTPUT_OPTION,
    ):
        function = option(function)
    return NEW_DECK_OPTION(function)
