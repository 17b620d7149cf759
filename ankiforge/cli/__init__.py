"""The command line: one module for each family of commands.

This module imports little but click, so that `ankiforge --help` answers at once. The module of a
command is imported when the command is called.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from typing import Any, NoReturn

import click

from ankiforge import __version__
from ankiforge.cli.commands import (
    COMMANDS,
    OWN,
    SuggestingGroup,
    given,
    shared_options,
)
from ankiforge.cli.help import HelpContext
from ankiforge.errors import FREE_MEMORY, NO_MEMORY, ForgeError, lacks_memory
from ankiforge.hooks import Heading

GC_THRESHOLDS = (50_000, 20, 20)
"""Thresholds of the garbage collector, in objects. A run creates millions of objects and hardly any
cycles; with the default thresholds, collection takes a tenth of its time."""


BEGIN = """\
  ankiforge run paper.pdf   read highlights, propose cards
  ankiforge review          decide on the cards
  ankiforge build           write ankiforge.apkg for Anki
"""
"""The three commands to begin with."""


class Program(SuggestingGroup):
    """A group that imports commands on use."""

    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module."""
        if cmd_name == help_.name:
            return help_
        if cmd_name not in COMMANDS:
            return _of_plug_in(cmd_name)
        return COMMANDS[cmd_name].load()

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first help: the commands of every day, and the shared options."""
        formatter.write_text(self.help or "")
        formatter.write_paragraph()
        with formatter.indentation():
            shown = _write_commands(formatter, "Every day")
        more = len(COMMANDS) - shown
        formatter.write(f"\n  {more} more: ankiforge help all\n")
        rows = []
        for option in shared_options():
            rows.append(option.get_help_record(ctx) or ("", ""))
        rows.append(("-h, --help", "Show the help of a command."))
        with formatter.section("Options of every command"):
            formatter.write_dl(rows)


def _of_plug_in(name: str) -> click.Command | None:
    """Return the command of a plug-in, which is named if it fails; None if there is none."""
    from ankiforge import plugins

    point = plugins.plug_ins(plugins.COMMANDS).get(name)
    if point is None:
        return None
    command = plugins.loaded(point, click.Command)
    invoke = command.invoke

    def guarded(ctx: click.Context) -> Any:
        try:
            return invoke(ctx)
        except (ForgeError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception:
            with plugins.named(plugins.distribution_of(point)):
                raise

    command.invoke = guarded  # type: ignore[method-assign]
    return command


def _write_commands(formatter: click.HelpFormatter, heading: Heading) -> int:
    """Write the commands under a heading; return their number."""
    width = max(map(len, COMMANDS))
    rows = []
    for command in COMMANDS.values():
        if command.heading == heading:
            rows.append((f"{command.name:{width}}", command.short_help))
    formatter.write_dl(rows)
    return len(rows)


@click.command("help", add_help_option=False)
@click.argument("words", nargs=-1, metavar="[all|COMMAND]")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the first help, that of a command, or all commands."""
    if words != ("all",):
        forge.main([*words, "-h"], prog_name="ankiforge", standalone_mode=False)
        return
    formatter = ctx.make_formatter()
    for heading in OWN:
        with formatter.section(heading):
            _write_commands(formatter, heading)
    formatter.write_paragraph()
    formatter.write_text("ankiforge COMMAND -h: its options, with examples")
    click.echo(formatter.getvalue(), nl=False)


@click.group(
    cls=Program,
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ankiforge")
@click.pass_context
def forge(ctx: click.Context, /, **options: Any) -> None:
    """Turn highlights in PDFs, Zotero, notes and e-books into checked Anki cards."""
    ctx.obj = given(options)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and exit.

    Exit codes: 0 done, 1 something failed, 2 usage, 3 service, 4 ledger, 130 interrupted.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        code = forge.main(arguments, prog_name="ankiforge", standalone_mode=False)
    except ForgeError as error:
        _print_error(error.message, error.hint)
        code = error.exit_code
    except click.ClickException as error:
        _print_usage(error, sys.argv[1:] if arguments is None else arguments)
        code = error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        _print_error("stopped; nothing is lost", "run the same command again to continue")
        code = 130
    except (MemoryError, OSError, SystemError) as error:
        # click writes a line end, which fails if the terminal is gone
        if isinstance(error.__context__, KeyboardInterrupt):
            code = 130
        elif lacks_memory(error):
            # written as it is: to print it in colours and without odd signs takes memory
            with suppress(OSError):
                sys.stderr.write(f"ankiforge: {NO_MEMORY}\nhint: {FREE_MEMORY}\n")
            code = 1
        else:
            raise
    sys.exit(code if isinstance(code, int) else 0)


def _print_usage(error: click.ClickException, arguments: list[str]) -> None:
    """Print click's complaint in the style of our own errors: message and place, then a hint.

    Options and arguments have the names that the help gives them.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        text = error.format_message()
        if error.ctx and isinstance(error.ctx.command, Program):
            end = "more commands, and their options: ankiforge -h"
            text = f"{error.ctx.command.help}\n\n{BEGIN}\n{end}"
        _say(text)
        return
    where = "ankiforge"
    context: click.Context | None = getattr(error, "ctx", None)
    if context is not None:
        where = context.command_path
    else:  # click does not say of which command an option lacks its value
        for word in arguments:
            if word in COMMANDS:
                where = f"ankiforge {word}"
                break
    hint = f"{where} -h shows how it is used"

    message = error.message.rstrip(".")
    parameter = error.param if isinstance(error, click.BadParameter) else None
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option {error.option_name}"
        # click's own choice is looser
        from difflib import get_close_matches

        typed = error.option_name.lstrip("-")
        named = {name.lstrip("-"): name for name in error.possibilities or ()}
        hint = f"{where} -h lists its options"
        for nearest in get_close_matches(typed, named, n=1):
            hint = f"did you mean {named[nearest]}?"
    elif parameter is None:
        message = message[:1].lower() + message[1:]
    else:
        name = max(parameter.opts, key=len)
        if isinstance(parameter, click.Argument) and context is not None:
            name = parameter.make_metavar(context)
        message = f"{name}: {message}"
        if isinstance(error, click.MissingParameter):
            message = f"{name} is missing"
        elif isinstance(parameter.type, click.IntRange):
            most = parameter.type.max
            up_to = "on" if most is None else f"to {most}"
            message = f"{name} takes a whole number from {parameter.type.min} {up_to}"
    _print_error(message, hint, where=where)


def _print_error(message: str, hint: str, *, where: str = "ankiforge") -> None:
    """Print an error and its hint."""
    text = f"{where}: {message}"
    if hint:
        text += f"\nhint: {hint}"
    with suppress(OSError):  # the terminal may be gone
        _say(text)


def _say(text: str) -> None:
    """Print a message that belongs to no call of a command."""
    from ankiforge.cli.output import Call

    Call(no_color="--no-color" in sys.argv).warn(text)
