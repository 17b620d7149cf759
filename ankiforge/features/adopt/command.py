"""The command `adopt`."""

from __future__ import annotations

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
    end_run,
    flag,
    no_collection,
    session,
)
from ankiforge.cli.progress import progress_bar
from ankiforge.errors import UsageError

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace


@command("""
  ankiforge adopt --from o2a               the notes to take over, then one question
  ankiforge adopt --yes ~/Vault            without the question
  ankiforge adopt --map "My type: Front=Word, Back=Meaning"
  ankiforge adopt --decline                make new cards instead, without their history
""")
@click.argument("path", required=False, type=FILE, metavar="[PATH]")
@choice_option(
    "--from",
    "tool",
    of=("o2a", "flashcards", "sr"),
    help="Take over from this tool only.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="TEXT",
    help="Name the fields of a note type.",
)
@flag("--yes", help="Do not ask.")
@flag(
    "--decline", help="Take nothing over: the next run makes cards without that history."
)
def adopt(
    call: Call,
    path: Path | None,
    tool: str,
    maps: Words,
    yes: bool,
    decline: bool,
) -> None:
    """Take over the notes that another tool made in Anki, with their reviews.

    Corrections in the sources reach these notes from then on. Nothing is written into a source.
    """
    from ankiforge.features.adopt import work as adoption
    from ankiforge.ledger.decide import adopt_notes
    from ankiforge.pipeline.result import RunResult

    if decline:
        _decline(call, tool)
        return
    result = RunResult()
    with session(call, writes="drafting") as workspace:
        # find the notes of other tools, and the passages they were made of
        scan = workspace.read_collection()
        result.add_scan(scan)
        collection = Path(scan.path) if scan.state in ("same", "taken") else None
        workspace.propose(
            result,
            [path] if path else [],
            drafter="rules",
            accept="review",
            limit=call.limit,
            show=partial(progress_bar, call),
        )
        matches = adoption.find(workspace.ledger, collection, tool, maps)
        call.problems(result.problems)
        # without a collection, there are only the schedules that are in the notes
        if collection is None and tool != "sr" and not matches.scheduled:
            raise _without_history(workspace)

        # show them, and take them over if the person agrees
        if not call.as_json:
            most = call.shown(adoption.ROWS_SHOWN)
            call.print("\n".join(adoption.as_text(matches, most)))
        action = ""
        if matches.taken and call.agrees("Take these over?", yes=yes):
            action = adopt_notes(workspace.ledger, matches.taken)
            result.add_scan(workspace.read_collection())
        if call.as_json:
            call.data({**adoption.as_json(matches), "undo": action})
        elif action:
            taken = f"{len(matches.taken):,} taken over"
            if matches.scheduled:
                taken += "; import with “Import any learning progress” ticked"
            call.say(f"{taken}; to take it back: ankiforge undo {action}")
        elif matches.taken:
            call.say("nothing was taken over; ankiforge adopt --yes does it unasked")
    end_run(result)


def _decline(call: Call, tool: str) -> None:
    """Make cards of the notes of other tools, or of one, without their history."""
    from ankiforge.features.adopt import work as adoption
    from ankiforge.ledger import SCHEDULER, belonging

    tools = {SCHEDULER, *adoption.TOOLS}
    if tool:
        tools = {SCHEDULER if tool == "sr" else tool}
    with session(call, writes="drafting") as workspace:
        act = belonging.decline(workspace.ledger, tools)
    if call.as_json:
        call.data({"undo": act})
    elif act:
        undo = f"to take it back: ankiforge undo {act}"
        call.say(f"declined; next: ankiforge run; {undo}")
    else:
        call.say("nothing here belongs to another tool")


def _without_history(workspace: Workspace) -> UsageError:
    """Return that there is no collection to take notes over from, and how to go on without it."""
    from ankiforge.ledger import belonging

    error = no_collection(workspace.folder)
    if not belonging.belonging(workspace.ledger):
        return error
    without = "without their history: ankiforge adopt --decline"
    return UsageError(error.message, hint=f"{error.hint}; {without}")
