"""The commands that exchange cards with Anki: build, pull, push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ankiforge.cli.commands import COMMANDS
from ankiforge.cli.output import (
    DECK,
    FORCE,
    OUTPUT,
    Call,
    command,
    end,
    end_run,
    file_option,
    flag,
    no_collection,
    once,
    session,
)
from ankiforge.cli.progress import counting_bar
from ankiforge.errors import UsageError, named_by_person
from ankiforge.hooks import noticed
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
        ledger = workspace.ledger
        step = next_step(workspace.folder, overview.counts(ledger), noticed(ledger))
        call.say(next_line(*step))


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
                if viewed.edited and "patch" in COMMANDS:
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
