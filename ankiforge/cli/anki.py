"""The commands that exchange cards with Anki: build, pull, push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.commands import COMMANDS
from ankiforge.cli.output import (
    DECK_OPTION,
    FORCE_OPTION,
    OUTPUT_OPTION,
    PATH_TYPE,
    Call,
    command,
    exit_if_failed,
    exit_if_run_failed,
    flag_option,
    hint_if_first_time,
    make_no_collection_error,
    open_workspace,
)
from ankiforge.errors import UsageError, wrap_item_errors
from ankiforge.hooks import collect_notices

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import CollectionScan, RunResult
    from ankiforge.pipeline.workspace import Workspace


def _print_delivery(
    call: Call,
    workspace: Workspace,
    result: RunResult,
    deck: str,
) -> None:
    from ankiforge.pipeline.deliver import explain_no_package
    from ankiforge.reports.summary import (
        choose_next_command,
        explain_full_package,
        format_anki_changes,
        format_delivery,
        format_held_notes,
        format_next_command,
        report_delivery,
    )

    if call.as_json:
        call.print_json(report_delivery(result, workspace.ledger))
        return
    for line in format_delivery(result):
        call.print_result(f"✓ {line}")
    call.print_problems(result.problems)
    lines = [format_anki_changes(result), format_held_notes(result)]
    if not call.quiet:
        lines.append(
            hint_if_first_time(workspace, explain_full_package(result, workspace.ledger))
        )
    for line in filter(None, lines):
        call.print_result(line)
    if (
        not result.packages
        and not result.pushed
        and not result.has_failures
        and result.error is None
    ):
        reason = explain_no_package(workspace.ledger, result.planned, deck)
        call.say(f"no package: {reason}")
        ledger = workspace.ledger
        step = choose_next_command(workspace.folder, ledger, collect_notices(ledger))
        call.say(format_next_command(*step))


# --- build ----------------------------------------------------------------------------------


@command("""
  ankiforge build                          ./ankiforge.apkg with what Anki lacks
  ankiforge build --deck Biology -o b.apkg
""")
@DECK_OPTION
@OUTPUT_OPTION
@flag_option("--full", help="Include every accepted card, whatever Anki has.")
@FORCE_OPTION
def build(call: Call, full: bool, **package: Any) -> None:
    """Write the package of all accepted cards that Anki lacks.

    If no Anki collection is found, the package holds every accepted card; importing it again
    changes nothing.
    """
    with open_workspace(call) as workspace:
        result = workspace.build(full=full, **package)
        _print_delivery(call, workspace, result, package["deck"])
    exit_if_run_failed(result)


# --- pull -----------------------------------------------------------------------------------


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull export.apkg                    an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@click.argument("file", required=False, type=PATH_TYPE)
@flag_option("--connect", help="Ask a running Anki through AnkiConnect.")
@flag_option("--bind", help="Use this collection from now on.")
def pull(call: Call, file: Path | None, connect: bool, bind: bool) -> None:
    """Read your edits, tags, deletions and reviews in Anki.

    FILE is a collection.anki2, or an .apkg or .colpkg that Anki exported. Nothing is written there.
    """
    from ankiforge.pipeline import collection as collections
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.reports.summary import (
        format_anki_changes,
        format_anki_view,
        report_delivery,
    )

    if file and connect:
        raise UsageError("give either FILE or --connect")
    result = RunResult()
    with open_workspace(call) as workspace:
        ledger = workspace.ledger
        settings = workspace.folder.config.anki
        scan: CollectionScan | None = None
        if file:
            path = file.expanduser().absolute()
            with wrap_item_errors():
                scan = collections.read_collection_file(path, ledger, bind=bind)
        elif not connect:
            if settings.collection == collections.NEVER:
                raise make_no_collection_error(workspace.folder)
            scan = collections.read_collection(settings, ledger, bind=bind)
        if scan is None or (not file and scan.state == "nowhere"):
            anki = workspace.connect_to_anki()
            scan = collections.read_running_anki(anki, ledger, bind=bind)

        result.add_scan(scan)
        viewed = scan.viewed
        result.problems += collections.adopt_unknown_notes(ledger, viewed.unknown)
        workspace.plan_cards(result)  # finds conflicts
        if call.as_json:
            delivery = report_delivery(result, ledger)
            view = {
                "sight": scan.state,
                "path": scan.path,
                "seen": viewed.seen,
                "first": len(viewed.first),
                "back": len(viewed.returned),
                "reviews": viewed.reviews,
                "edited": len(viewed.edited),
                "suspended": len(viewed.suspended),
            }
            call.print_json(
                {"notes": delivery.notes, "view": view, "problems": delivery.problems}
            )
        else:
            call.print_problems(result.problems)
            if scan.state == "same":
                call.print_result(
                    f"Anki has not changed since it was last read ({scan.path})"
                )
            elif not scan.is_unreadable:
                call.print_result(f"{scan.path}: {format_anki_view(viewed)}")
                call.print_result(format_anki_changes(result) or "nothing was deleted")
                if viewed.edited and "patch" in COMMANDS:
                    call.say(
                        "your edits stay; to bring them into your notes: ankiforge patch"
                    )
    exit_if_failed(result.problems, result.error)


# --- push -----------------------------------------------------------------------------------


@command("""
  ankiforge push           send what Anki lacks
  ankiforge push --sync    let Anki sync before and after
""")
@DECK_OPTION
@OUTPUT_OPTION
@FORCE_OPTION
@flag_option("--sync", help="Let Anki sync before and after.")
def push(call: Call, sync: bool, **package: Any) -> None:
    """Send the cards that Anki lacks to a running Anki, through the add-on AnkiConnect.

    If Anki is not running, the package is written, and the exit code is 3.
    """
    with open_workspace(call) as workspace:
        call.say("sending to Anki …")
        result = workspace.push(sync=sync, **package)
        _print_delivery(call, workspace, result, package["deck"])
    exit_if_run_failed(result)
