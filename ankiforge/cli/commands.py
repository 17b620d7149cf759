"""The table of commands, and the options that every command accepts."""

from __future__ import annotations

from typing import Any

import click

from ankiforge.errors import UsageError
from ankiforge.hooks import CommandRow, Heading, features

OWN: dict[Heading, dict[str, tuple[str, str]]] = {
    "Every day": {
        "run": ("run", "Read highlights, make and check cards, write the package."),
        "review": ("serve", "Decide on cards in the browser."),
        "draft": ("run", "Let your chat, or a model, write the questions."),
        "build": ("anki", "Write the package of accepted cards."),
        "push": ("anki", "Send the cards to Anki, which must be running."),
        "status": ("inspect", "Show what waits, and the next command."),
        "list": ("inspect", "List cards, or highlights without a card."),
        "undo": ("decide", "Take back your last decision, or an earlier one."),
        "watch": ("serve", "Run whenever you save a note."),
    },
    "Cards": {
        "show": ("inspect", "Show cards, drafts and questions in full."),
        "accept": ("decide", "Accept drafts, or answer questions with yes."),
        "reject": ("decide", "Reject drafts, cards, highlights; answer with no."),
        "edit": ("decide", "Reword a card or draft, or make a card."),
        "export": ("inspect", "Write highlights and cards to a file."),
    },
    "Anki": {
        "pull": ("anki", "Read your edits, deletions and reviews from Anki."),
    },
    "Set up": {
        "init": ("init", "Make a workspace: find vaults, Zotero and Anki."),
        "model": ("model", "Choose the language model that drafts, or none."),
        "doctor": ("inspect", "Check the set-up and say what to fix."),
        "forget": ("run", "Stop reading a PATH; its cards stay."),
        "extract": ("run", "Show the highlights of a file; write nothing."),
    },
}
"""heading: {command: (module, short help)}, without those of features."""


def _all_commands() -> dict[str, CommandRow]:
    """Return all commands by name, in the order of the help."""
    by_heading: dict[Heading, list[CommandRow]] = {heading: [] for heading in OWN}
    for heading, rows in OWN.items():
        for name, (module, line) in rows.items():
            row = CommandRow(name, heading, line, f"ankiforge.cli.{module}")
            by_heading[heading].append(row)
    for feature in features():
        for added in feature.commands():
            group = by_heading[added.heading]
            names = [command.name for command in group]
            place = names.index(added.before) if added.before in names else len(names)
            group.insert(place, added)
    return {command.name: command for group in by_heading.values() for command in group}


COMMANDS = _all_commands()

SHARED_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("-C", "--workspace"): {
        "type": click.Path(),
        "metavar": "DIR",
        "help": "Use the workspace in this folder.",
    },
    ("--json", "as_json"): {"is_flag": True, "help": "Print JSON, one value per line."},
    ("-q", "--quiet"): {"is_flag": True, "help": "Print errors and data only."},
    ("-v", "--verbose"): {"is_flag": True, "help": "Print more."},
    ("--no-color",): {"is_flag": True, "help": "Use no colours (also: NO_COLOR=1)."},
    ("--offline",): {"is_flag": True, "help": "Connect to this machine only."},
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


class PlainOption(click.Option):
    """An option whose help gives its range in words, not as `[1<=x<=3]`."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return the words in brackets after the help."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def shared_options() -> list[click.Option]:
    """Return the options that every command accepts."""
    return [PlainOption(names, **settings) for names, settings in SHARED_OPTIONS.items()]


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    values = {}
    for name, value in options.items():
        if value is not None and value is not False:  # 0 is a value: `--limit 0`
            values[name] = value
    return values


class SuggestingGroup(click.Group):
    """A group that suggests the nearest command if a name is misspelt."""

    def resolve_command(
        self,
        ctx: click.Context,
        args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; if there is none with this name, suggest the nearest."""
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
