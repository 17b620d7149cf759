"""The command-line program, with a module for each group of related commands.

This module imports little besides click, so that `ankiforge --help` is fast. The module of a
command is imported only when the command is called.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ankiforge import __version__
from ankiforge.cli.commands import (
    COMMANDS,
    OWN_COMMANDS,
    RARE_COMMANDS,
    SuggestingGroup,
    drop_unset_options,
    make_shared_options,
)
from ankiforge.errors import (
    FREE_MEMORY_HINT,
    NO_MEMORY_MESSAGE,
    ForgeError,
    UsageError,
    is_out_of_memory,
)

if TYPE_CHECKING:
    from ankiforge.cli.output import Call

GC_THRESHOLDS = (50_000, 20, 20)
"""The thresholds of the garbage collector.

A run creates millions of objects but few cycles. With the default thresholds, garbage collection
takes a tenth of the run's time.
"""


FIRST_COMMANDS = """\
  ankiforge run paper.pdf   read highlights, propose cards
  ankiforge review          decide on the cards
  ankiforge build           write ankiforge.apkg for Anki
"""
"""The first three commands for a new user."""


class Program(SuggestingGroup):
    """The top-level command group, which imports commands lazily."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or return None if there is no command with this name.

        If a plug-in's command fails with an unexpected error, the message names the plug-in.
        """
        if cmd_name in COMMANDS:
            return COMMANDS[cmd_name].load()
        from ankiforge import plugins

        point = plugins.find_plugins(plugins.COMMAND_GROUP).get(cmd_name)
        if point is None:
            return None
        command = plugins.load_plugin(point, click.Command)
        _name_plugin_in_errors(command, plugins.get_distribution_name(point))
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, and then the options of every command."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, grouped by their headings. The rarer ones are only named."""
        for heading in OWN_COMMANDS:
            lines = []
            for row in COMMANDS.values():
                if row.heading == heading and row.name not in RARE_COMMANDS:
                    lines.append((row.name, row.short_help))
            with formatter.section(heading):
                formatter.write_dl(lines, 12)
        formatter.write_paragraph()
        names = [name for name in RARE_COMMANDS if name in COMMANDS]
        formatter.write_text(f"More: {', '.join(names)}.")


@click.group(
    cls=Program,
    params=make_shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ankiforge")
@click.pass_context
def forge(ctx: click.Context, /, **options: Any) -> None:
    """Turn highlights in PDFs, Zotero, notes and e-books into checked Anki cards."""
    ctx.obj = drop_unset_options(options)
    try:
        Path.cwd()
    except FileNotFoundError:
        hint = "change to another folder: cd"
        raise UsageError("the current folder was deleted", hint=hint) from None


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and exit.

    The exit code is 0 for success, 1 if something failed, 2 for incorrect usage, 3 if a
    service failed, 4 if the ledger can't be used, and 130 after Ctrl-C. With `--json`, an error
    is a line of JSON on stderr.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = forge.main(arguments, prog_name="ankiforge", standalone_mode=False)
    except ForgeError as error:
        code = _print_error(arguments, error.message, error.hint, error.exit_code)
    except click.ClickException as error:
        code = _print_usage_error(error, arguments)
    except (KeyboardInterrupt, click.exceptions.Abort):
        hint = "run the same command again to continue"
        code = _print_error(arguments, "stopped; nothing is lost", hint, 130)
    except (MemoryError, OSError, SystemError) as error:
        # after Ctrl-C, click prints a newline, which fails if the terminal is closed
        if isinstance(error.__context__, KeyboardInterrupt):
            code = 130
        elif is_out_of_memory(error):
            code = _print_memory_error(arguments)
        else:
            raise
    sys.exit(code if isinstance(code, int) else 0)


def _name_plugin_in_errors(command: click.Command, distribution: str) -> None:
    """Change a plug-in's command so that its unexpected errors name the plug-in."""
    from ankiforge.plugins import wrap_plugin_errors

    invoke = command.invoke

    def invoke_and_name(ctx: click.Context) -> Any:
        try:
            return invoke(ctx)
        except (ForgeError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # the command's own way to end
        except Exception:
            with wrap_plugin_errors(distribution):
                raise

    command.invoke = invoke_and_name  # type: ignore[method-assign]


def _print_usage_error(error: click.ClickException, arguments: list[str]) -> int:
    """Print an error raised by click like one of our own errors, and return the exit code."""
    context: click.Context | None = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        # click's message is the help of the command
        text = error.format_message()
        if context is not None and isinstance(context.command, Program):
            last_line = "more commands, and their options: ankiforge -h"
            text = f"{context.command.help}\n\n{FIRST_COMMANDS}\n{last_line}"
        _get_call(arguments).warn(text)
        return error.exit_code
    command_path = "ankiforge" if context is None else context.command_path
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option {error.option_name}"
        hint = _make_option_hint(error, command_path)
    else:
        text = error.format_message().rstrip(".")
        message = text[:1].lower() + text[1:]
        hint = f"{command_path} -h shows how it is used"
    return _print_error(
        arguments, message, hint, error.exit_code, command_path=command_path
    )


def _make_option_hint(error: click.NoSuchOption, command_path: str) -> str:
    similar_option = _find_similar_option(error)
    if similar_option is None:
        return f"{command_path} -h lists its options"
    return f"did you mean {similar_option}?"


def _find_similar_option(error: click.NoSuchOption) -> str | None:
    """Return the option that the user probably meant, unlike click only a very similar one."""
    from difflib import get_close_matches

    options = {option.lstrip("-"): option for option in error.possibilities or ()}
    names = get_close_matches(error.option_name.lstrip("-"), options, n=1)
    return options[names[0]] if names else None


def _print_memory_error(arguments: list[str]) -> int:
    """Print that the memory is full, and return the exit code.

    It is written to stderr directly, because adding colours needs memory.
    """
    text = f"ankiforge: {NO_MEMORY_MESSAGE}\nhint: {FREE_MEMORY_HINT}\n"
    if "--json" in arguments:
        fields = f'"what":"{NO_MEMORY_MESSAGE}","hint":"{FREE_MEMORY_HINT}"'
        text = f'{{"error":{{{fields},"code":1}}}}\n'
    with suppress(OSError):
        sys.stderr.write(text)
    return 1


def _print_error(
    arguments: list[str],
    message: str,
    hint: str,
    code: int,
    *,
    command_path: str = "ankiforge",
) -> int:
    """Print the error that ended a command, as text or JSON, and return the exit code."""
    call = _get_call(arguments)
    with suppress(OSError):  # the terminal may be closed
        if call.as_json:
            error = {"what": message, "hint": hint, "code": code}
            call.print_json({"error": error}, err=True)
        else:
            hint_line = f"\nhint: {hint}" if hint else ""
            call.warn(f"{command_path}: {message}{hint_line}")
    return code


def _get_call(arguments: list[str]) -> Call:
    from ankiforge.cli.output import Call

    return Call(as_json="--json" in arguments)
