"""The table of all commands, and the options that every command accepts.

The modules of the commands are named, not imported, so that the program starts fast.
"""

from __future__ import annotations

from typing import Any

import click

from ankiforge.errors import UsageError
from ankiforge.hooks import CommandRow, Heading, load_features

OWN_COMMANDS: dict[Heading, dict[str, tuple[str, str]]] = {
    "Every day": {
        "run": ("run", "Read highlights, make and check cards, write the package."),
        "review": ("serve", "Decide on cards in the browser."),
        "draft": ("run", "Let your chat, or a model, write the questions."),
        "build": ("anki", "Write the package of accepted cards."),
        "push": ("anki", "Send the cards to Anki, which must be running."),
        "status": ("inspect", "Show what waits, and the next command."),
        "list": ("inspect", "List what waits and cards, or highlights without a card."),
        "undo": ("decide", "Undo your last decision, or an earlier one."),
        "watch": ("serve", "Run whenever you save a note."),
    },
    "Cards": {
        "accept": ("decide", "Accept what waits, or answer questions with yes."),
        "reject": ("decide", "Reject what waits, cards, highlights; answer with no."),
        "edit": ("decide", "Reword a card, or make one."),
    },
    "Anki": {
        "pull": ("anki", "Read your edits, deletions and reviews from Anki."),
    },
    "Set up": {
        "init": ("init", "Make a workspace: find vaults, Zotero and Anki."),
        "model": ("model", "Choose the language model that drafts, or none."),
        "doctor": ("inspect", "Check the set-up and say what to fix."),
        "forget": ("run", "Stop reading a PATH; its cards stay."),
    },
}
"""The built-in commands, grouped by their heading in the help. Maps the name of each command to its
module and its short help text. Features add further commands.
"""

RARE_COMMANDS = ("adopt", "forget", "mcp")
"""The commands that the help names without a description."""


def _collect_commands() -> dict[str, CommandRow]:
    """Collect the commands of the program and its features by name, in the order of the help.

    A feature's command is below its heading, before the command that it names or else last.
    """
    rows_by_heading = dict[Heading, list[CommandRow]]()
    for heading, own_rows in OWN_COMMANDS.items():
        rows_by_heading[heading] = [
            CommandRow(name, heading, short_help, f"ankiforge.cli.{module}")
            for name, (module, short_help) in own_rows.items()
        ]
    for feature in load_features():
        for row in feature.commands():
            rows = rows_by_heading[row.heading]
            names = [each.name for each in rows]
            if row.next_command in names:
                rows.insert(names.index(row.next_command), row)
            else:
                rows.append(row)
    return {row.name: row for rows in rows_by_heading.values() for row in rows}


COMMANDS = _collect_commands()

SHARED_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("-C", "--workspace"): {
        "type": click.Path(),
        "metavar": "DIR",
        "help": "Use the workspace in this folder.",
    },
    ("--json", "as_json"): {"is_flag": True, "help": "Print JSON, one value per line."},
    ("-q", "--quiet"): {"is_flag": True, "help": "Print errors and data only."},
    ("-v", "--verbose"): {"is_flag": True, "help": "Print more."},
    ("--offline",): {"is_flag": True, "help": "Connect to this computer only."},
    ("--limit",): {
        "type": click.IntRange(0),
        "metavar": "N",
        "help": "List or draft at most N.",
    },
    ("--jobs",): {
        "type": click.IntRange(1, 64),
        "metavar": "N",
        "help": "Read N files, or send N requests, at a time.",
    },
}


def make_shared_options(*, hidden: bool = False) -> list[click.Option]:
    """Build the options accepted by every command. Only the program's own help shows them."""
    return [
        click.Option(names, hidden=hidden, **settings)
        for names, settings in SHARED_OPTIONS.items()
    ]


def drop_unset_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return only the options that the user set.

    Unset options must not override values given before the command's name.
    """
    values = {}
    for name, value in options.items():
        if value is not None and value is not False:  # `--limit 0` counts as set
            values[name] = value
    return values


class SuggestingGroup(click.Group):
    """A command group that suggests the closest match for a misspelled command."""

    def resolve_command(
        self,
        ctx: click.Context,
        args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up the command named by the arguments.

        Raises:
            UsageError: there's no such command. The hint suggests the closest match.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            path = ctx.command_path
            hint = f"{path} -h lists the commands"
            for nearest in get_close_matches(args[0], self.list_commands(ctx), n=1):
                hint = f"did you mean {path} {nearest}?"
            message = f"there is no command {path} {args[0]}"
            raise UsageError(message, hint=hint) from error
