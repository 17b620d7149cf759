"""`ankiforge pull`: learn what has become of the cards in Anki."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from ankiforge.cli.anki import connected, count_held, tell_pull
from ankiforge.cli.common import Call, common_options, end
from ankiforge.cli.session import Session, session
from ankiforge.cli.working import sync_lines
from ankiforge.config import AnkiSettings
from ankiforge.errors import ForgeError, ItemError, UsageError
from ankiforge.reports.summary import Tally
from ankiforge.sync import NEVER, SyncResult, SyncStatus, read_anki, read_file

EPILOG = """\b
Examples:
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --confirm-deletions 14         those 14 were deleted on purpose
"""
FILE = click.Path(path_type=Path)


@click.command(epilog=EPILOG)
@click.option("--collection", type=FILE, metavar="FILE", help="This collection.anki2 or .colpkg.")
@click.option("--apkg", type=FILE, metavar="FILE", help="This export.")
@click.option("--connect", is_flag=True, help="A running Anki, by AnkiConnect.")
@click.option("--bind", is_flag=True, help="From now on this is the collection, as it is now.")
@click.option(
    "--confirm-deletions",
    "deleted",
    type=click.IntRange(min=0),
    metavar="N",
    help="The N missing notes were deleted on purpose.",
)
@common_options
def command(
    call: Call,
    collection: Path | None,
    apkg: Path | None,
    connect: bool,
    bind: bool,
    deleted: int | None,
) -> None:
    """See what became of the cards: edits, tags, deletions, reviews. Anki is only read."""
    if sum((collection is not None, apkg is not None, connect)) > 1:
        raise UsageError("--collection, --apkg and --connect: one at a time")
    with session(call) as now:
        tally = Tally(problems=list(now.problems))
        result = _read(now, collection or apkg, connect, bind)
        tally.record_sync(result, now.ledger)
        if deleted is not None and not result.blind:
            now.ledger.views.deletions.confirm(deleted)
            tally.record_sync(replace(result, problem=None), now.ledger)
        count_held(now, tally)
        tell_pull(now, tally, result, sync_lines(now, result))
    end(tally.problems, None)


def _read(now: Session, file: Path | None, connect: bool, bind: bool) -> SyncResult:
    if file is not None:
        return into(now, file, bind)
    if connect:
        return connected(now, bind=bind)
    settings = now.workspace.config.anki
    result = read_anki(_allowed(settings), now.ledger, Path.home(), os.environ, bind=bind)
    if result.status is not SyncStatus.NO_COLLECTION:
        return result
    try:
        return connected(now, bind=bind)
    except ForgeError as error:
        what = "no collection was found on this machine, and no running Anki answers"
        hint = "name one: ankiforge pull --collection FILE, or --apkg EXPORT.apkg"
        raise type(error)(f"{what} ({error.message})", hint=hint) from error


def _allowed(settings: AnkiSettings) -> AnkiSettings:
    """`pull` reads Anki whenever a person asks, but never a collection that the settings forbid."""
    if settings.collection != NEVER:
        return settings
    hint = "ankiforge pull --collection FILE; or anki.collection: auto"
    raise UsageError(f"anki.collection is {NEVER}: Anki is never looked at by itself", hint=hint)


def into(now: Session, file: Path, bind: bool = False) -> SyncResult:
    """Read a file that a person names; a file that cannot be read is wrong usage."""
    try:
        return read_file(file.expanduser().absolute(), now.ledger, bind=bind)
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error
