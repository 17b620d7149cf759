"""The command `adopt`, which takes over the notes that other tools made in Anki."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    PATH_TYPE,
    Call,
    choice_option,
    command,
    exit_if_failed,
    flag_option,
    make_no_collection_error,
    open_workspace,
)
from ankiforge.cli.progress import progress_bar

if TYPE_CHECKING:
    from ankiforge.features.adopt.work import NoteMatches


@command("""
  ankiforge adopt --from o2a      the notes to take over, then one question
  ankiforge adopt --yes ~/Vault   without the question
  ankiforge adopt --decline       make new cards instead, without their history
""")
@click.argument("path", required=False, type=PATH_TYPE, metavar="[PATH]")
@choice_option(
    "--from",
    "tool",
    of=("o2a", "flashcards", "sr"),
    help="Take over from this tool only.",
)
@flag_option("--yes", help="Do not ask.")
@flag_option(
    "--decline", help="Take nothing over: the next run makes cards without that history."
)
def adopt(
    call: Call, path: Path | None, tool: str | None, yes: bool, decline: bool
) -> None:
    """Take over the notes that another tool made in Anki, with their reviews.

    From then on, corrections in your sources reach these notes. Nothing is written into a source.
    """
    from ankiforge.features.adopt import work as adoption
    from ankiforge.ledger import foreign_history
    from ankiforge.ledger.decide import take_over_notes
    from ankiforge.pipeline.run_result import CommandRunOptions, RunResult

    if decline:
        _decline(call, tool)
        return
    result = RunResult()
    with open_workspace(call, writes="drafting") as workspace:
        # read the notes of other tools, and the passages that they were made from
        scan = workspace.read_collection()
        result.add_scan(scan)
        collection = scan.readable_path
        workspace.read_and_draft(
            result,
            [*filter(None, [path])],
            CommandRunOptions("rules", "review", call.limit),
            show=partial(progress_bar, call),
        )
        matches = adoption.match_notes(workspace.ledger, collection, tool)
        call.print_problems(result.problems)
        # if there is no collection, only schedules in the sources can be taken over
        if collection is None and tool != "sr" and not matches.scheduled:
            error = make_no_collection_error(workspace.folder)
            if foreign_history.count_foreign_passages(workspace.ledger):
                error.hint += "; without their history: ankiforge adopt --decline"
            raise error

        # show the matches, and take them over if the user agrees
        if not call.as_json:
            limit = adoption.ROWS_SHOWN if call.limit is None else call.limit
            most = None if call.verbose else limit
            call.print_result("\n".join(adoption.format_matches(matches, most)))
        action = ""
        if matches.notes_to_take_over and call.confirm("Take these over?", yes=yes):
            action = take_over_notes(workspace.ledger, matches.notes_to_take_over)
            result.add_scan(workspace.read_collection())
        if call.as_json:
            call.print_json({**adoption.matches_to_json(matches), "undo": action})
        else:
            _print_takeovers(call, matches, action)
    exit_if_failed(result.problems, result.error)


def _decline(call: Call, tool: str | None) -> None:
    from ankiforge.features.adopt import work as adoption
    from ankiforge.ledger import SCHEDULER, foreign_history

    tools = {SCHEDULER, *adoption.TOOLS}
    if tool is not None:
        tools = {SCHEDULER if tool == "sr" else tool}
    with open_workspace(call, writes="drafting") as workspace:
        action = foreign_history.decline_tool_histories(workspace.ledger, tools)
    if call.as_json:
        call.print_json({"undo": action})
    elif action:
        undo = f"to undo it: ankiforge undo {action}"
        call.say(f"declined; next: ankiforge run   {undo}")
    else:
        call.say("nothing here belongs to another tool")


def _print_takeovers(call: Call, matches: NoteMatches, action: str) -> None:
    """Print how many notes were taken over. `action` is "" if none were."""
    if action:
        message = f"{len(matches.notes_to_take_over):,} taken over"
        if matches.scheduled:
            message += "; import with “Import any learning progress” ticked"
        call.say(f"{message}; to undo it: ankiforge undo {action}")
    elif matches.notes_to_take_over:
        call.say("nothing was taken over; ankiforge adopt --yes does it without asking")
