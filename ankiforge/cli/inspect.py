"""The commands that show the state: status, list, show, doctor."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli import output as cli
from ankiforge.errors import UsageError
from ankiforge.hooks import collect_notices
from ankiforge.text import join_columns

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import ListedRows, Listing

VIEWS = ("new", "changed", "gone", "questions", "recent", "unknown")
"""The values of `--view`: new drafts, changed cards, cards whose passage is gone, questions, recent
decisions, and unknown notes in Anki."""

# --- status ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge status           the counts and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: cli.Call) -> None:
    """Show the counts and the next command."""
    from ankiforge.reports.summary import format_status, get_status

    with cli.open_workspace(call, read_only=True) as workspace:
        ledger = workspace.ledger
        state = get_status(workspace.folder, ledger, collect_notices(ledger))
    call.print_value(state, format_status(state, workspace.folder))


# --- list, show -----------------------------------------------------------------------------


# unknown options are allowed, because `-finding:*` is part of a query
@cli.command("""
  ankiforge list                        drafts and cards, with the ids that accept and show take
  ankiforge list Networking/            what is in this folder
  ankiforge list -v                     the same in full
  ankiforge list --view questions       questions that only you can answer
  ankiforge list --no-card              highlights without a card, or with an open sentence, and why
  ankiforge list deck:Biology "cell membrane" --json
Signs: ○ waiting or proposed, ✓ card, ✗ blocked or gone, · no card.

Fields of a query: deck document source tag colour kind verdict anki drafter model key added finding
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@cli.flag_option(
    "--all",
    "everything",
    help="Add rejected and retired cards; with --no-card, skipped highlights.",
)
@cli.flag_option(
    "--no-card",
    help="List highlights without a card, or with a further sentence to ask, and why.",
)
@cli.choice_option("--view", of=VIEWS, help="Show only this list.")
def list_(
    call: cli.Call,
    query: cli.Words,
    everything: bool,
    no_card: bool,
    view: str,
) -> None:
    """List drafts and cards. Words match text and title; `field:value` matches that field."""
    from ankiforge.reports.cards import LEGEND

    cli.refuse_unknown_options(query)
    if view and no_card:
        raise UsageError("--view and --no-card cannot be combined: use one of them")
    with cli.open_workspace(call, read_only=True) as workspace:
        listing = _make_listing(call, workspace)
        if no_card:
            items = listing.list_without_card(query, everything=everything)
            alternatives = ["ankiforge list --no-card --all", "ankiforge list"]
        else:
            items = listing.list_view(query, view, everything=everything)
            alternatives = ["ankiforge list --all", "ankiforge list --no-card"]
        signs: set[str] = set()

        def iter_rows() -> ListedRows:
            for data, row_lines in items:
                lines = [*row_lines]
                signs.update(line.partition(" ")[2][:1] for line in lines)
                yield data, lines

        rows = iter_rows()
        if count := cli.print_items(call, rows, blank_lines=call.verbose, in_pager=True):
            if sys.stdout.isatty() and not (call.verbose or call.as_json):
                legend = LEGEND | ({"○": "proposal"} if no_card else {})
                if view:
                    del legend[
                        "?"
                    ]  # there it's the sign of a question or an unknown note
                used = [f"{sign} {legend[sign]}" for sign in legend if sign in signs]
                if used:
                    call.say(f"\n{join_columns(*used)}")
            if call.limit is not None and not call.as_json:
                total = count + sum(1 for _ in rows)
                if total > count:
                    call.say(f"{count:,} of {total:,} shown; --limit {total} shows all")
        elif call.limit != 0:
            # with --all, the first alternative is already shown
            others = ", ".join(alternatives[everything:])
            nothing = f"nothing matches “{' '.join(query)}”" if query else "nothing here"
            if len(query) > 1:
                nothing += ", because a card must match each word"
            if view == "gone":
                nothing = "no card here has lost its passage; this view lists cards only"
            call.say(f"{nothing}; see also: {others}")
            if not (no_card or query or view not in ("", "new")):
                cli.print_next_command(call.say, workspace)


def _make_listing(call: cli.Call, workspace: Workspace) -> Listing:
    from ankiforge.reports.listing import Listing

    options = {"as_json": call.as_json, "verbose": call.verbose}
    return Listing(workspace.ledger, workspace.decks, **options)


@cli.command("""
  ankiforge show afpl5z
  ankiforge show afpl5z -v                  with its history
  ankiforge show deck:Biology membrane      all cards that a query matches
""")
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: cli.Call, words: cli.Words) -> None:
    """Show cards, drafts and questions in full, with the commands that decide on them."""
    with cli.open_workspace(call, read_only=True) as workspace:
        cli.print_items(
            call,
            _make_listing(call, workspace).list_selected_items(words),
            blank_lines=True,
        )


# --- doctor ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor --json           one line per check

Exit code: that of a failing part (2 settings, 3 a service, 4 the database), else 1 for warnings,
0 if all is well.
""")  # fmt: skip
def doctor(call: cli.Call) -> None:
    """Check settings, sources, database, model and Anki, and say what to fix."""
    from ankiforge.config.workspace import find_workspace
    from ankiforge.extract import registry
    from ankiforge.reports import doctor

    find = partial(find_workspace, call.folder, Path.cwd(), registry, os.environ)
    environment = doctor.Environment.current()
    checks = [*doctor.run_checks(find, environment, offline=call.offline)]
    if call.as_json:
        for check in checks:
            call.print_json(check)
    else:
        call.print_value(checks, doctor.format_checks(checks))
    cli.exit_with_code(doctor.choose_exit_code(checks))
