"""The commands that show and report: status, list, show, doctor, export."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    FILE,
    Call,
    Words,
    choice_option,
    command,
    exit_with,
    flag,
    refuse_existing,
    refuse_unknown_options,
    session,
    show_all,
    show_in_pager,
)
from ankiforge.errors import ItemError, UsageError, writing
from ankiforge.hooks import noticed

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import Listing

VIEWS = ("new", "changed", "questions", "recent", "unknown")
"""The lists of things that wait or are to be known."""

# --- status ---------------------------------------------------------------------------------


@command("""
  ankiforge status           the counts and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: Call) -> None:
    """Show the counts and the next command."""
    from ankiforge.reports.summary import status_of, status_text

    with session(call, read_only=True) as workspace:
        ledger = workspace.ledger
        state = status_of(workspace.folder, ledger, noticed(ledger))
    call.show(state, status_text(state, workspace.folder))


# --- list, show -----------------------------------------------------------------------------


# -finding:* is a word of the query, not an option
@command("""
  ankiforge list                        drafts that wait ○, and cards ✓
  ankiforge list -v                     the same in full, with their ids
  ankiforge list --view questions       questions that only you can answer
  ankiforge list --no-card              highlights without a card, or with an open sentence, and why
  ankiforge list deck:Biology "cell membrane" --json
Fields of a query: deck document source tag colour kind verdict anki drafter key added finding
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag(
    "--all",
    "everything",
    help="Add rejected and retired cards; with --no-card, skipped highlights.",
)
@flag(
    "--no-card",
    help="List highlights without a card, or with a further sentence to ask, and why.",
)
@choice_option("--view", of=VIEWS, help="Show only this list.")
def list_(
    call: Call,
    query: Words,
    everything: bool,
    no_card: bool,
    view: str,
) -> None:
    """List drafts and cards. Words match text and title; `field:value` matches that field."""
    refuse_unknown_options(query)
    if view and no_card:
        raise UsageError("--view and --no-card are two lists: use one of them")
    with session(call, read_only=True) as workspace:
        listing = _listing(call, workspace)
        if no_card:
            shown = listing.without_card(query, everything=everything)
            others = ["ankiforge list --no-card --all", "ankiforge list"]
        else:
            shown = listing.listed(query, view, everything=everything)
            others = ["ankiforge list --all", "ankiforge list --no-card"]
        if show_in_pager(call, shown, apart=call.verbose):
            if sys.stdout.isatty() and not (no_card or call.verbose or call.as_json):
                call.say("○ waits   ✓ accepted")
        elif call.limit != 0:
            # the first of the others has everything
            call.say(f"nothing here; see also: {', '.join(others[everything:])}")


def _listing(call: Call, workspace: Workspace) -> Listing:
    from ankiforge.reports.listing import Listing

    return Listing(
        workspace.ledger,
        workspace.decks,
        as_json=call.as_json,
        verbose=call.verbose,
    )


@command("""
  ankiforge show afpl5zre
  ankiforge show afpl5zre -v                with its history
  ankiforge show deck:Biology membrane      all cards that a query matches
""")
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: Call, words: Words) -> None:
    """Show cards, drafts and questions in full, with the commands that decide on them."""
    with session(call, read_only=True) as workspace:
        show_all(call, _listing(call, workspace).named(words), apart=True)


# --- doctor ---------------------------------------------------------------------------------


@command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor --json           one line per check

Exit code: that of a failing part (2 settings, 3 a service, 4 the ledger), else 1 for warnings,
0 if all is well.
""")  # fmt: skip
def doctor(call: Call) -> None:
    """Check settings, sources, ledger, model and Anki, and advise."""
    from ankiforge.config.workspace import resolve
    from ankiforge.extract import registry
    from ankiforge.reports.doctor import Machine, as_text, examine, exit_code

    find_workspace = partial(resolve, call.folder, Path.cwd(), registry, os.environ)
    checks = []
    for check in examine(find_workspace, Machine.this(), offline=call.offline):
        checks.append(check)
        if call.as_json:
            call.data(check)
    if not call.as_json:
        call.show(checks, as_text(checks))
    exit_with(exit_code(checks))


# --- export ---------------------------------------------------------------------------------


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("path", type=FILE, metavar="FILE")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag("--force", help="Replace an existing file.")
def export(call: Call, path: Path, query: Words, force: bool) -> None:
    """Write highlights and cards to FILE.jsonl, or cards to FILE.csv."""
    from ankiforge.ledger import lists, overview
    from ankiforge.model import CardHere
    from ankiforge.pipeline.collection import lines_as_in_anki
    from ankiforge.pipeline.query import joined, parse
    from ankiforge.reports.cards import as_csv, as_lines, line_json
    from ankiforge.text import counted

    refuse_unknown_options(query)
    path = path.expanduser().absolute()
    form = path.suffix.casefold().lstrip(".")
    if form not in ("jsonl", "csv"):
        raise UsageError(f"{path}: unknown format", hint="name a FILE.jsonl or FILE.csv")
    if not path.parent.is_dir():
        hint = "make it, or name another one"
        raise UsageError(f"there is no folder {path.parent}", hint=hint)
    refuse_existing(path, force=force)
    query_text = joined(query)
    terms = parse(query_text)
    with session(call, read_only=True) as workspace:
        ledger = workspace.ledger
        decks = workspace.decks
        ids = lists.find(ledger, terms, everything=True)
        lines = list(lines_as_in_anki(ledger, lists.lines(ledger, ids)))
        keys = {line.highlight.key for line in lines}
        highlights = []
        for outcome in overview.fates(ledger):
            if not terms or outcome.highlight.key in keys:
                highlights.append(outcome.highlight)
        text: Iterable[str]
        if form == "csv":
            text = [as_csv(lines, decks)]
        else:
            line_as_json = partial(line_json, ledger, decks=decks)
            text = as_lines(highlights, lines, query_text, line_as_json)
        hint = "free space there, or allow writing"
        with (
            writing(path, hint=hint, kind=ItemError),
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            file.writelines(text)

    if call.as_json:
        call.data({"path": str(path), "highlights": len(highlights), "cards": len(lines)})
        return
    card_count = sum(isinstance(line, CardHere) for line in lines)
    draft_count = len(lines) - card_count
    written = [counted(card_count, "card"), counted(draft_count, "draft")]
    if form == "jsonl":  # a table has no rows for highlights
        written.insert(0, counted(len(highlights), "highlight"))
    call.say(f"{path}: {', '.join(written)}")
