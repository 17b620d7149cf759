"""The commands that show the state: status, list, doctor."""

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
from ankiforge.text import join_columns, regex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import ListedRows, Listing

VIEWS = ("changed", "questions", "recent", "unknown")
"""The values of `--view`: changed cards, questions, recent decisions, unknown notes in Anki."""

# --- status ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge status           the counts and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: cli.Call) -> None:
    """Show the counts and the next command."""
    from ankiforge.reports.status import format_status, get_status

    with cli.open_workspace(call, read_only=True) as workspace:
        ledger = workspace.ledger
        state = get_status(workspace.folder, ledger, collect_notices(ledger))
    call.print_value(state.to_json(), format_status(state))


# --- list -----------------------------------------------------------------------------------

_is_negated_condition = regex(r"-[a-z]+:").match


class QueryCommand(click.Command):
    """A command whose query may have unquoted conditions such as `-verdict:waiting`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. A negated condition is no option, such as `-v`."""
        if "--" not in args:
            conditions = [*filter(_is_negated_condition, args)]
            args = [word for word in args if word not in conditions]
            args += ["--", *conditions]
        return super().parse_args(ctx, args)


@cli.command("""
  ankiforge list                             what waits, and cards
  ankiforge list --more                      and less certain suggestions
  ankiforge list Networking/                 what is in this folder
  ankiforge list -v                          the same in full
  ankiforge list -v af53ya                   all of a card, with its history
  ankiforge list --view questions            questions to you
  ankiforge list --no-card                   highlights without a card, and why
  ankiforge list 'deck:Biology -finding:*'   conditions; - means not

Signs: ○ waiting, ? question, ◌ more, ✓ card, ✗ gone, · no card.

Fields of a query: deck document source tag colour kind verdict anki drafter model key added finding
""", cls=QueryCommand)  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@cli.flag_option(
    "--all",
    "everything",
    help="Add rejected and retired cards; and skipped highlights below `--no-card`.",
)
@cli.flag_option("--more", help="Add suggestions that are less certain.")
@cli.flag_option(
    "--no-card",
    help="List highlights without a card, or with a further sentence to ask, and why.",
)
@cli.choice_option("--view", of=VIEWS, help="Show only this list.")
def list_(
    call: cli.Call,
    query: cli.Words,
    everything: bool,
    more: bool,
    no_card: bool,
    view: str | None,
) -> None:
    """List what waits, and cards. Words match text and title; `field:value` matches that field."""
    from ankiforge.pipeline.query import are_ids

    if view and no_card:
        raise UsageError("--view and --no-card cannot be combined: use one of them")
    with cli.open_workspace(call, read_only=True) as workspace:
        listing = _make_listing(call, workspace)
        is_plain_query = bool(query) and view is None and not no_card
        if is_plain_query and _is_in_full(call) and are_ids(workspace.ledger, query):
            rows = listing.list_selected_items(query)
            cli.print_items(call, rows, blank_lines=True)
            return
        if no_card:
            rows = listing.list_without_card(query, everything=everything, more=more)
            alternatives = ["ankiforge list --no-card --all", "ankiforge list"]
        else:
            rows = listing.list_view(query, view, everything=everything, more=more)
            alternatives = ["ankiforge list --all", "ankiforge list --no-card"]
        count = _print_rows(call, rows, view)
        if count > 0 or call.limit == 0:
            return
        if everything:  # the first alternative is what was listed
            alternatives = alternatives[1:]
        nothing = _describe_no_match(query)
        call.say(f"{nothing}; see also: {', '.join(alternatives)}")
        is_everything_listed = not query and view is None and not no_card
        if is_everything_listed:
            cli.print_next_command(call.say, workspace)


def _is_in_full(call: cli.Call) -> bool:
    """Return whether items are listed with all of their text."""
    return call.verbose or call.as_json


def _print_rows(call: cli.Call, rows: ListedRows, view: str | None) -> int:
    """Print the rows of a list, the meaning of their signs, and how many there are.

    Returns:
        How many items were printed.
    """
    remembered = _RememberedRows(rows)
    count = cli.print_items(call, iter(remembered), blank_lines=call.verbose)
    if count == 0:
        return 0
    if sys.stdout.isatty() and not _is_in_full(call):
        legend = _format_legend(remembered.lines, view)
        if legend:
            call.say(f"\n{legend}")
    if call.limit is not None and not call.as_json:
        # what is left in `rows` was not printed
        total = count + sum(1 for _ in rows)
        if total > count:
            call.say(f"{count:,} of {total:,} shown; --limit {total} shows all")
    return count


class _RememberedRows:
    """Rows that are printed as they come, and whose lines are kept for the legend."""

    def __init__(self, rows: ListedRows) -> None:
        self._rows = rows
        self.lines: list[str] = []
        """The lines of the rows so far."""

    def __iter__(self) -> ListedRows:
        for data, row_lines in self._rows:
            lines = [*row_lines]
            self.lines += lines
            yield data, lines


def _format_legend(lines: Iterable[str], view: str | None) -> str:
    """Return the signs that rows of a list have, each with its meaning."""
    from ankiforge.reports.cards import LEGEND, QUESTION_SIGN

    # in a row that `build_list_row` made, the sign follows the id
    signs = {line.partition(" ")[2][:1] for line in lines}
    if view is not None:
        signs.discard(QUESTION_SIGN)  # there, it is also the sign of an unknown note
    return join_columns(*(f"{sign} {LEGEND[sign]}" for sign in LEGEND if sign in signs))


def _describe_no_match(query: cli.Words) -> str:
    """Return the sentence about a list without items."""
    if not query:
        return "nothing here"
    nothing = f"nothing matches “{' '.join(query)}”"
    if len(query) > 1:
        nothing += ", because a card must match each word"
    return nothing


def _make_listing(call: cli.Call, workspace: Workspace) -> Listing:
    from ankiforge.reports.listing import Listing

    options = {"as_json": call.as_json, "verbose": call.verbose}
    return Listing(workspace.ledger, workspace.decks, **options)


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
