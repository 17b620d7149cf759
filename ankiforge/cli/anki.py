"""The commands that exchange cards with Anki: build, pull, push, adopt."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from ankiforge.cli.output import (
    DECK,
    FILE,
    FORCE,
    OUTPUT,
    Call,
    Words,
    choice_option,
    command,
    end,
    end_run,
    file_option,
    flag,
    no_collection,
    once,
    session,
)
from ankiforge.cli.progress import counting_bar, progress_bar
from ankiforge.errors import UsageError, named_by_person
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.pipeline.result import CollectionScan, RunResult
    from ankiforge.pipeline.workspace import PackageOptions, Workspace


def _print_delivery(
    call: Call,
    workspace: Workspace,
    result: RunResult,
    deck: str,
) -> None:
    """Print the changes seen in Anki and the written package, as JSON or as text."""
    from ankiforge.ledger import overview
    from ankiforge.pipeline.deliver import why_none
    from ankiforge.reports.summary import (
        anki_line,
        delivery_json,
        delivery_lines,
        held_line,
        next_line,
        next_step,
        why_every_card,
    )

    if call.as_json:
        call.data(delivery_json(result, workspace.ledger))
        return
    for line in delivery_lines(result):
        call.print(f"✓ {line}")
    call.problems(result.problems)
    lines = [anki_line(result), held_line(result)]
    if not call.quiet:
        lines.append(once(workspace, why_every_card(result, workspace.ledger)))
    for line in filter(None, lines):
        call.print(line)
    if (
        not result.packages
        and not result.pushed
        and not result.failed
        and result.error is None
    ):
        reason = why_none(workspace.ledger, result.planned, deck)
        call.say(f"no package: {reason}")
        counts = overview.counts(workspace.ledger)
        call.say(next_line(*next_step(workspace.folder, workspace.ledger, counts)))


# --- build ----------------------------------------------------------------------------------


@command("""
  ankiforge build                          ./ankiforge.apkg with what Anki lacks
  ankiforge build --deck Biology -o b.apkg
""")
@DECK
@OUTPUT
@flag("--full", help="Include every accepted card, whatever Anki has.")
@FORCE
def build(call: Call, full: bool, **package: Unpack[PackageOptions]) -> None:
    """Write the package of all accepted cards that Anki lacks.

    If no Anki collection is found, the package holds every accepted card; importing it again
    changes nothing.
    """
    with session(call) as workspace:
        result = workspace.build(full=full, **package)
        _print_delivery(call, workspace, result, package["deck"])
    end_run(result)


# --- pull -----------------------------------------------------------------------------------


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@file_option("--collection", help="Read this collection.anki2 or .colpkg.")
@file_option("--apkg", help="Read this export of a deck.")
@flag("--connect", help="Ask a running Anki through AnkiConnect.")
@flag("--bind", help="Use this collection from now on.")
def pull(
    call: Call,
    collection: Path | None,
    apkg: Path | None,
    connect: bool,
    bind: bool,
) -> None:
    """Read your edits, tags, deletions and reviews in Anki.

    Nothing is written there.
    """
    from ankiforge.pipeline import collection as collections
    from ankiforge.pipeline.result import RunResult
    from ankiforge.reports.summary import anki_line, delivery_json, seen_line

    if sum(map(bool, (collection, apkg, connect))) > 1:
        raise UsageError("give only one of --collection, --apkg and --connect")
    file = collection or apkg
    result = RunResult()
    with session(call) as workspace:
        ledger = workspace.ledger
        settings = workspace.folder.config.anki
        scan: CollectionScan | None = None
        if file:
            path = file.expanduser().absolute()
            with named_by_person():
                scan = collections.read_collection_file(path, ledger, bind=bind)
        elif not connect:
            if settings.collection == collections.NEVER:
                raise no_collection(workspace.folder)
            scan = collections.read_collection(settings, ledger, Path.home(), bind=bind)
        if scan is None or (not file and scan.state == "nowhere"):
            anki = workspace.running_anki()
            scan = collections.read_running_anki(anki, ledger, bind=bind)

        result.add_scan(scan)
        viewed = scan.viewed
        result.problems += collections.adopt_unknown(ledger, viewed.unknown)
        workspace.plan(result)  # finds conflicts
        if call.as_json:
            delivery = delivery_json(result, ledger)
            view = {
                "sight": scan.state,
                "path": scan.path,
                "seen": viewed.seen,
                "first": len(viewed.first),
                "back": len(viewed.returned),
                "reviews": viewed.reviews,
                "edited": len(viewed.edited),
                "suspended": len(viewed.suspended),
                "new_decks": viewed.new_decks,
                "renamed_decks": viewed.renamed_decks,
            }
            problems = delivery["problems"]
            call.data({"notes": delivery["notes"], "view": view, "problems": problems})
        else:
            call.problems(result.problems)
            if scan.state == "same":
                call.print(f"Anki has not changed since it was last read ({scan.path})")
            elif not scan.blind:
                call.print(f"{scan.path}: {seen_line(viewed)}")
                call.print(anki_line(result) or "nothing was deleted")
                if viewed.edited:
                    call.say("your edits stay; as changes of your notes: ankiforge patch")
    end(result.problems, result.error)


# --- push -----------------------------------------------------------------------------------


@command("""
  ankiforge push                     send what Anki lacks
  ankiforge push --sync              let Anki sync before and after
  ankiforge push --suspend-retired   suspend the cards that you rejected here
""")
@DECK
@OUTPUT
@FORCE
@flag("--sync", help="Let Anki sync before and after.")
@flag("--suspend-retired", "suspend", help="Suspend the cards that you rejected here.")
def push(
    call: Call, sync: bool, suspend: bool, **package: Unpack[PackageOptions]
) -> None:
    """Send the cards that Anki lacks to a running Anki, through the add-on AnkiConnect.

    If Anki is not running, the package is written, and the exit code is 3.
    """
    from ankiforge.pipeline.deliver import suspend_retired

    with session(call) as workspace:
        with counting_bar(call, "sending to Anki"):
            result = workspace.push(sync=sync, **package)
        if result.error is None and suspend:
            anki = workspace.running_anki()
            retired = anki.retired_cards()
            suspend_retired(workspace.ledger, anki, retired)
            if retired:
                call.say(f"{counted(len(retired), 'card')} suspended")
            else:
                call.say("nothing to suspend")
        _print_delivery(call, workspace, result, package["deck"])
    end_run(result)


# --- adopt ----------------------------------------------------------------------------------


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
    from ankiforge.ledger.decide import adopt_notes
    from ankiforge.pipeline import adopt as adoption
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
    from ankiforge.ledger import SCHEDULER, belonging
    from ankiforge.pipeline import adopt as adoption

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
