"""The commands that exchange cards with Anki: build, pull, recover, push."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ankiforge.cli.output import DECK, FILE, FORCE, NEW, OUTPUT, Call, command, end
from ankiforge.cli.session import session
from ankiforge.errors import ServiceError, UsageError
from ankiforge.text.display import counted

# --- build ----------------------------------------------------------------------------------


@command("""
  ankiforge build                          ./ankiforge.apkg with all accepted cards
  ankiforge build --deck Biology -o b.apkg
""")
@DECK
@OUTPUT
@NEW
@click.option("--full", is_flag=True, help="Include every accepted card, whatever Anki has.")
@FORCE
def build(
    call: Call, deck: str, output: str | None, new_only: bool, full: bool, force: bool
) -> None:
    """Write the package of all accepted cards that Anki lacks.

    Cards that Anki already has are left out. If no Anki collection is found, the package holds
    every accepted card; importing it again changes nothing.
    """
    from ankiforge.cli.delivery import (
        package_path,
        refuse_foreign,
        sync_first,
        why_no_package,
        write_packages,
    )
    from ankiforge.reports.summary import Tally, anki_text, notes_json

    out = call.out
    with session(call) as now:
        refuse_foreign(package_path(now, deck, output), force)
        tally = Tally(problems=list(now.problems))
        sync_first(now, tally)
        run = now.ledger.start_run("build")
        write_packages(
            now, run, tally, now.decks, deck=deck, below=deck, output=output,
            new_only=new_only and not full, full=full, force=force,
        )  # fmt: skip
        now.ledger.finish_run(run)
        if out.as_json:
            packages = [str(one.path) for one in tally.published]
            notes = notes_json(tally)
            out.data({"notes": notes, "packages": packages, "problems": tally.problems})
        else:
            out.problems(tally.problems)
            for one in tally.published:
                notes_of = f"{counted(one.notes, 'note')} ({one.added} new, {one.updated} updated)"
                out.print(f"{one.path}: {notes_of}")
            for line in anki_text(tally):
                out.print(line)
        if blocked := now.ledger.queries.card_counts()["blocked"]:
            many = f"{counted(blocked, 'card')} blocked by a check"
            out.say(f"{many}: {call.program} list finding:block -v")
        if not tally.published:
            why = "nothing is new" if new_only else why_no_package(now, deck)
            out.say(f"no package: {why}")
    end(tally.problems)


# --- pull, recover --------------------------------------------------------------------------

COLLECTION = click.option(
    "--collection", type=FILE, metavar="FILE", help="Read this collection.anki2 or .colpkg."
)
APKG = click.option("--apkg", type=FILE, metavar="FILE", help="Read this deck export.")
CONNECT = click.option("--connect", is_flag=True, help="Ask a running Anki through AnkiConnect.")


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --confirm-deletions 14         those 14 were deleted on purpose
""")
@COLLECTION
@APKG
@CONNECT
@click.option(
    "--bind", is_flag=True, help="Switch to this collection and accept its present state."
)
@click.option(
    "--confirm-deletions",
    "deleted",
    type=click.IntRange(min=0),
    metavar="N",
    help="Confirm that the N missing notes were deleted on purpose.",
)
def pull(
    call: Call,
    collection: Path | None,
    apkg: Path | None,
    connect: bool,
    bind: bool,
    deleted: int | None,
) -> None:
    """See what happened to your cards in Anki: edits, tags, deletions, reviews. Anki is only read."""
    from ankiforge.cli.delivery import (
        count_held,
        read_any,
        read_named_file,
        report_sync,
        running_anki,
    )
    from ankiforge.reports.summary import Tally

    if sum((collection is not None, apkg is not None, connect)) > 1:
        raise UsageError("use one of --collection, --apkg and --connect")
    with session(call) as now:
        tally = Tally(problems=list(now.problems))
        if file := collection or apkg:
            result = read_named_file(now, file, bind=bind)
        elif connect:
            result = running_anki(now).read(now.ledger, bind=bind)
        else:
            result = read_any(now, bind)
        tally.record_sync(result, now.ledger)
        if deleted is not None and not result.blind:
            now.ledger.views.deletions.confirm(deleted)
            tally.record_sync(replace(result, problem=None), now.ledger)
        count_held(now, tally)
        report_sync(now, tally, result)
    end(tally.problems)


@command("""
  ankiforge recover --collection ~/.local/share/Anki2/"User 1"/collection.anki2
  ankiforge recover --apkg export.apkg
  ankiforge recover --connect
""")
@COLLECTION
@APKG
@CONNECT
def recover(call: Call, collection: Path | None, apkg: Path | None, connect: bool) -> None:
    """Take over the cards that Anki has and the ledger does not know about.

    The cards stay as they are in Anki until their source changes. The next run recognises their
    highlights, so nothing is made twice.
    """
    from ankiforge.cli.delivery import read_named_file, report_sync, running_anki
    from ankiforge.reports.summary import Tally
    from ankiforge.sync import recover_cards

    if (collection is not None) + (apkg is not None) + connect != 1:
        raise UsageError("say where the cards are: --collection FILE, --apkg FILE or --connect")
    with session(call, writes="drafting") as now:
        tally = Tally(problems=list(now.problems))
        file = collection or apkg
        result = read_named_file(now, file) if file else running_anki(now).read(now.ledger)
        if result.summary and not result.problem:
            result.summary.recovered += recover_cards(now.ledger, everything=True)
        tally.record_sync(result, now.ledger)
        report_sync(now, tally, result)
    end(tally.problems)


# --- push -----------------------------------------------------------------------------------


@command("""
  ankiforge push                     send new and changed cards to Anki
  ankiforge push --sync              sync with AnkiWeb before and after
  ankiforge push --suspend-retired   suspend cards that were rejected or retired here
""")
@DECK
@OUTPUT
@click.option("--sync", is_flag=True, help="Let Anki sync before and after.")
@click.option("--suspend-retired", is_flag=True, help="Suspend the cards of retired notes in Anki.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@FORCE
def push(
    call: Call,
    deck: str,
    output: str | None,
    sync: bool,
    suspend_retired: bool,
    yes: bool,
    force: bool,
) -> None:
    """Send a running Anki the cards it lacks; needs the add-on AnkiConnect (2055492159).

    The package is always written. Edits, tags, deletions and schedules in Anki stay.
    """
    from ankiforge.cli.delivery import Push, package_path, refuse_foreign, refuse_offline
    from ankiforge.model import Problem

    with session(call) as now:
        path = package_path(now, deck, output)
        refuse_foreign(path, force)
        work = Push(now, deck, path, force)
        refuse_offline(now)
        try:
            work.run(sync=sync, suspend=suspend_retired, yes=yes)
        except ServiceError as error:
            work.fall_back()
            if call.out.as_json:  # without --json, the error is printed at the end
                work.tally.problems.append(Problem("Anki", error.message, error.hint))
            work.report(failed=True)
            raise
        work.report()
    end(work.tally.problems)
