"""The commands that exchange cards with Anki: build, pull, push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli import output as cli
from ankiforge.cli.commands import COMMANDS
from ankiforge.errors import wrap_item_errors

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import AnkiReadResult, RunResult
    from ankiforge.pipeline.workspace import Workspace


def _print_delivery(
    call: cli.Call,
    workspace: Workspace,
    result: RunResult,
    deck: str | None,
    *,
    failure_sign: str = "!",
) -> None:
    """Print what a package or a push holds, problems, and why there is none.

    Args:
        call: the command's options.
        workspace: the workspace of the cards.
        result: what was built or pushed.
        deck: the deck that was asked for, if any, to explain why nothing was exported.
        failure_sign: what precedes the lines if Anki couldn't be reached.
    """
    from ankiforge.pipeline.deliver import explain_nothing_exported
    from ankiforge.reports import summary

    if call.as_json:
        call.print_json(summary.build_delivery_report(result, workspace.ledger))
        return
    sign = "✓" if result.error is None else failure_sign
    for line in summary.format_delivery(result):
        call.print_result(f"{sign} {line}")
    call.print_problems(result.problems)
    for text in (
        summary.format_anki_changes(result),
        summary.make_withheld_line(result).format(),
    ):
        if text is not None:
            call.print_result(text)
    is_delivered = bool(result.packages or result.pushed)
    has_failed = result.has_failures or result.error is not None
    if not is_delivered and not has_failed:
        reason = explain_nothing_exported(workspace.ledger, result.planned, deck)
        call.say(f"no package: {reason}")
        cli.print_next_command(call.say, workspace)


# --- build ----------------------------------------------------------------------------------


@cli.command("""
  ankiforge build                          ./ankiforge.apkg with what Anki lacks
  ankiforge build --deck Biology -o b.apkg
""")
@cli.DECK_OPTION
@cli.OUTPUT_OPTION
@cli.flag_option("--full", help="Include every accepted card, whatever Anki has.")
@cli.FORCE_OPTION
def build(call: cli.Call, full: bool, deck: str | None, output: str, force: bool) -> None:
    """Write the package of all accepted cards that Anki lacks.

    If no Anki collection is found, the package holds every accepted card; importing it again
    changes nothing.
    """
    with cli.open_workspace(call) as workspace:
        result = workspace.build(full=full, deck=deck, output=output, force=force)
        _print_delivery(call, workspace, result, deck)
    cli.exit_if_failed(result.problems, result.error)


# --- pull -----------------------------------------------------------------------------------


@cli.command("""
  ankiforge pull                                your collection
  ankiforge pull export.apkg                    an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@click.argument("file", required=False, type=cli.PATH_TYPE)
@cli.flag_option("--bind", help="Use this collection from now on.")
def pull(call: cli.Call, file: Path | None, bind: bool) -> None:
    """Read your edits, tags, deletions and reviews in Anki.

    FILE is a collection.anki2, or an .apkg or .colpkg that Anki exported. Nothing is written there.
    """
    from ankiforge.pipeline import collection as collections
    from ankiforge.pipeline.run_result import RunResult

    result = RunResult()
    with cli.open_workspace(call) as workspace:
        scan = _read_collection(workspace, file, bind=bind)
        result.add_scan(scan)
        result.problems += collections.recreate_cards_of_unknown_notes(
            workspace.ledger, scan.changes.notes_without_event
        )
        workspace.plan_cards(result)  # finds conflicts
        if call.as_json:
            _print_scan_as_json(call, workspace, scan, result)
        else:
            _print_scan(call, scan, result)
    cli.exit_if_failed(result.problems, result.error)


def _read_collection(
    workspace: Workspace, file: Path | None, *, bind: bool
) -> AnkiReadResult:
    """Read FILE or, without it, the collection in the settings.

    Raises:
        UsageError: there is no collection.
    """
    from ankiforge.pipeline import collection as collections
    from ankiforge.pipeline.run_result import AnkiReadState

    ledger = workspace.ledger
    if file:
        path = file.expanduser().absolute()
        with wrap_item_errors():
            return collections.read_collection_file(path, ledger, bind=bind)
    settings = workspace.folder.config.anki
    scan = collections.read_collection(settings, ledger, bind=bind)
    if scan.state in (AnkiReadState.OFF, AnkiReadState.NO_COLLECTION):
        raise cli.make_no_collection_error(workspace.folder)
    return scan


def _print_scan_as_json(
    call: cli.Call, workspace: Workspace, scan: AnkiReadResult, result: RunResult
) -> None:
    from ankiforge.reports import summary
    from ankiforge.text.lines import lines_to_json

    delivery = summary.build_delivery_report(result, workspace.ledger)
    view = {
        "sight": scan.state,
        "path": scan.path,
        **lines_to_json(summary.list_anki_read_lines(scan.changes)),
    }
    call.print_json(
        {"notes": delivery.notes, "view": view, "problems": delivery.problems}
    )


def _print_scan(call: cli.Call, scan: AnkiReadResult, result: RunResult) -> None:
    """Print what was read in a collection, unless it is unreadable, which is a problem."""
    from ankiforge.pipeline.run_result import AnkiReadState
    from ankiforge.reports import summary

    call.print_problems(result.problems)
    if scan.state is AnkiReadState.UNCHANGED:
        unchanged = "Anki has not changed since it was last read"
        call.print_result(f"{unchanged} ({scan.path})")
    elif not scan.is_unreadable:
        call.print_result(f"{scan.path}: {summary.format_anki_read(scan.changes)}")
        changes = summary.format_anki_changes(result)
        call.print_result(changes or "nothing was deleted")
        if scan.changes.edited and "patch" in COMMANDS:
            call.say("to bring your edits into your notes: ankiforge patch")


# --- push -----------------------------------------------------------------------------------


@cli.command("""
  ankiforge push           send what Anki lacks
  ankiforge push --sync    let Anki sync before and after
""")
@cli.DECK_OPTION
@cli.OUTPUT_OPTION
@cli.FORCE_OPTION
@cli.flag_option("--sync", help="Let Anki sync before and after.")
def push(call: cli.Call, sync: bool, deck: str | None, output: str, force: bool) -> None:
    """Send the cards that Anki lacks to a running Anki, through the add-on AnkiConnect.

    If Anki is not running, the package is written, and the exit code is 3.
    """
    with cli.open_workspace(call) as workspace:
        call.say("sending to Anki …")
        result = workspace.push(sync=sync, deck=deck, output=output, force=force)
        not_sent = "! not sent; the package has them:"
        _print_delivery(call, workspace, result, deck, failure_sign=not_sent)
    cli.exit_if_failed(result.problems, result.error)
