"""The command line: one module for each family of commands.

This module imports nothing but click, so that `ankiforge --help` answers at once. The module of a
command is imported when the command is called.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

REPAIR = (
    "another distribution called `ankiforge` shares this environment. Repair it with:"
    " python -m pip uninstall -y ankiforge &&"
    " python -m pip install --force-reinstall --no-deps ankiforge-cards"
    " (or install with pipx or `uv tool install`, which keep programs apart)"
)

try:
    from ankiforge import __version__
    from ankiforge.errors import ForgeError, UsageError
except ImportError:  # another distribution has replaced, or removed, some of our files
    sys.exit(f"ankiforge: this installation is damaged\nhint: {REPAIR}")

GC_THRESHOLDS = (50_000, 20, 20)
"""Values made between two searches for cycles: a run makes millions and hardly a cycle, and the
search costs a tenth of its time."""

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Make a workspace: find vaults, Zotero, Anki; write ankiforge.yaml."),
    "run": ("run", "The main job: extract, draft, check, write a package."),
    "extract": ("run", "Show the highlights; write nothing."),
    "draft": ("draft", "Draft what is pending; export and import requests."),
    "review": ("review", "Decide on cards in the browser."),
    "list": ("look", "List cards, or highlights without one."),
    "show": ("look", "Show cards in full, as Anki will get them."),
    "accept": ("decide", "Let cards through."),
    "reject": ("decide", "Turn cards down, for ever."),
    "pick": ("decide", "Choose one candidate of a choice."),
    "merge": ("decide", "Make one card of two that ask the same."),
    "distinct": ("decide", "Say that two cards are no duplicates."),
    "edit": ("decide", "Reword a card."),
    "resolve": ("decide", "Where Anki and the source differ: whose words stand."),
    "undo": ("decide", "Take back the last action, or one by its id."),
    "restore": ("decide", "Bring rejected, retired or deleted cards back."),
    "build": ("anki", "Write the package of accepted cards."),
    "push": ("anki", "Bring the cards into a running Anki."),
    "watch": ("watch", "Follow the sources; forge as you write."),
    "pull": ("anki", "Learn what became of the cards in Anki."),
    "mcp": ("mcp", "Serve an agent: it drafts, the checks judge, you decide."),
    "seen": ("look", "Haven't I looked at this before? What was read, marked, forged."),
    "export": ("reports", "Take highlights, cards and decisions along: Markdown, JSON Lines, CSV."),
    "import": ("reports", "Take in what an export says was decided."),
    "recover": ("anki", "Rebuild a lost ledger from what Anki has."),
    "stats": ("reports", "How far highlights came, who draws well, how cards fare in Anki."),
    "lint": ("reports", "Run the checks on any deck, or on the cards here."),
    "audit": ("reports", "What a deck needs: broken, doubled, failing, orphaned notes."),
    "eval": ("eval", "Measure the drafter: a fixed set, a blind sheet, the count."),
    "trace": ("look", "One card's whole way: source, prompt, reply, checks, decisions."),
    "doctor": ("reports", "Check sources, model, Anki, ledger; say what to do."),
}
"""name: (module, one line); in the order in which a newcomer meets them."""

SHARED_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-C", "--workspace"), {"type": click.Path(), "help": "Work in this workspace."}),
    (("--json", "as_json"), {"is_flag": True, "help": "JSON on stdout, and nothing else."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Say nothing but errors."}),
    (("-v", "--verbose"), {"is_flag": True, "help": "Say more."}),
    (("--no-color",), {"is_flag": True, "help": "No colours (also: NO_COLOR=1)."}),
    (("--offline",), {"is_flag": True, "help": "No connection but to this machine."}),
    (("--limit",), {"type": click.IntRange(min=0), "metavar": "N", "help": "At most N of them."}),
    (
        ("--jobs",),
        {"type": click.IntRange(1, 64), "metavar": "N", "help": "N requests, or files, at a time."},
    ),
    (("--scheduler",), {"metavar": "ADDRESS", "help": "Files are read by this Dask cluster."}),
)
RARE_OPTIONS = ("limit", "jobs", "scheduler")
"""Every command takes them, but only the help of those that use them shows them."""


def shared_options(shown: str = "", json_help: str = "") -> list[click.Option]:
    """Return the options that every command takes; `shown`: the rare ones its help shows."""
    made = []
    for names, settings in SHARED_OPTIONS:
        option = click.Option(names, **settings)
        option.hidden = option.name in RARE_OPTIONS and option.name not in shown.split()
        if option.name == "as_json" and json_help:
            option.help = json_help
        made.append(option)
    return made


EPILOG = """\b
Examples:
  ankiforge run paper.pdf               cards from one annotated PDF, no set-up
  ankiforge run ~/Vault --deck Notes    cards from a vault
  ankiforge run "My Clippings.txt"      cards from a Kindle
  ankiforge init ~/cards                a workspace that remembers
"""


class Program(click.Group):
    """Commands by name, imported on use; our errors become messages and exit codes here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the command that is called."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"ankiforge.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = vars(module).get(cmd_name) or vars(module)[f"{cmd_name}_"]
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that has seen enough (`| head`) is no error.

        Raises:
            UsageError: another distribution has put files into this package.
        """
        sites = (Path(path) for path in sys.path if path.endswith("-packages"))
        if any(True for site in sites for _ in site.glob("ankiforge-*.dist-info")):
            raise UsageError("nothing was done: this installation is not safe to use", hint=REPAIR)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command when there is none of this name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "ankiforge --help lists the commands"
            raise UsageError(error.message, hint=hint) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the table without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Program,
    epilog=EPILOG,
    params=shared_options(json_help="Data as JSON on stdout, and nothing else."),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ankiforge")
@click.pass_context
def forge(ctx: click.Context, /, **options: Any) -> None:
    """Turn what you marked in PDFs, Zotero, notes and e-books into checked Anki cards.

    The same highlight is the same note for ever; what you did is never undone; no card says
    what its source does not; nothing is lost silently.
    """
    ctx.obj = options


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and exit: 0 done, 1 some failed, 2 usage, 3 service, 4 ledger, 130 stopped."""
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        code = forge.main(arguments, prog_name="ankiforge", standalone_mode=False)
    except ForgeError as error:
        _print_error(error.message, error.hint)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        _print_error("stopped; nothing is lost", "the same command goes on where it stopped")
        code = 130
    except OSError as error:  # click ends the line of a terminal that is gone
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _print_error(message: str, hint: str) -> None:
    from ankiforge.cli.output import for_terminal

    with suppress(OSError):  # the terminal may be gone
        text = f"ankiforge: {message}" + (f"\nhint: {hint}" if hint else "")
        click.echo(for_terminal(text), err=True)
