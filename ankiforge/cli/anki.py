"""The commands that exchange cards with Anki: build, pull, push, adopt."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    DECK,
    FILE,
    FORCE,
    OUTPUT,
    Call,
    Session,
    Words,
    command,
    end,
    flag,
    session,
)
from ankiforge.errors import ForgeError, ItemError, UsageError
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.pipeline.deliver import CollectionScan
    from ankiforge.pipeline.workspace import RunResult

# --- shared with `run` and `watch` ----------------------------------------------------------


def package_path(now: Session, deck: str = "", output: str = "") -> Path:
    """Return the path of the package: `-o`, or a file in the output folder, named after a deck."""
    if output:
        return Path(output).expanduser().absolute()
    name = "ankiforge"
    if deck:
        from ankiforge.anki.notes import deck_name

        name = deck_name(deck).replace("::", "-")
    name = "".join("_" if sign in '/\\:*?"<>|' or sign < " " else sign for sign in name)
    return now.workspace.output / f"{name}.apkg"


def read_anki(now: Session, tally: RunResult) -> None:
    """Look at Anki before cards are written."""
    from ankiforge.pipeline import deliver

    tally.take(deliver.read_collection(now.workspace.config.anki, now.ledger, Path.home()))


def _print(now: Session, tally: RunResult, deck: str, error: ForgeError | None = None) -> None:
    """Print what was seen in Anki and what was written, as JSON or as text."""
    from ankiforge.pipeline.deliver import why_none
    from ankiforge.reports.summary import anki_line, delivery_json, delivery_lines

    call = now.call
    if call.as_json:
        call.data(delivery_json(tally, now.ledger))
        return
    call.problems(tally.problems)
    for line in filter(None, (anki_line(tally, now.ledger), *delivery_lines(tally))):
        call.print(line)
    if not tally.packages and not tally.pushed and not tally.failed and error is None:
        call.say(f"no package: {why_none(now.ledger, tally.planned, deck)}")


# --- build ----------------------------------------------------------------------------------


@command("""
  ankiforge build                          ./ankiforge.apkg with what Anki lacks
  ankiforge build --deck Biology -o b.apkg
""")
@DECK
@OUTPUT
@flag("--full", help="Include every accepted card, whatever Anki has.")
@FORCE
def build(call: Call, deck: str, output: str, full: bool, force: bool) -> None:
    """Write the package of all accepted cards that Anki lacks.

    If no Anki collection is found, the package holds every accepted card; importing it again
    changes nothing.
    """
    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app

    tally = app.RunResult()
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, now.ledger, force=force)
        read_anki(now, tally)
        app.publish(now.workspace, now.ledger, tally, path, deck=deck, full=full)
        _print(now, tally, deck)
    end(tally.problems)


# --- pull -----------------------------------------------------------------------------------


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@click.option("--collection", type=FILE, metavar="FILE", help="Read this collection.anki2 or .colpkg.")  # fmt: skip
@click.option("--apkg", type=FILE, metavar="FILE", help="Read this export of a deck.")
@flag("--connect", help="Ask a running Anki through AnkiConnect.")
@flag("--bind", help="Use this collection from now on.")
def pull(call: Call, collection: Path | None, apkg: Path | None, connect: bool, bind: bool) -> None:
    """See what you did to your cards in Anki: edits, tags, deletions, reviews. Anki is only read."""
    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app
    from ankiforge.reports.summary import anki_line, delivery_json

    file = collection or apkg
    if sum((collection is not None, apkg is not None, connect)) > 1:
        raise UsageError("name one of --collection, --apkg and --connect")
    tally = app.RunResult()
    with session(call) as now:
        found = _found(now, file, connect=connect, bind=bind)
        tally.take(found)
        tally.problems += deliver.adopt(now.ledger, found.viewed.unknown)
        deliver.plan_cards(now.ledger, now.decks, now.pictures)  # finds conflicts
        viewed = found.viewed
        if call.as_json:
            told = delivery_json(tally, now.ledger)
            view = {
                "sight": found.state, "path": found.path, "seen": viewed.seen,
                "first": len(viewed.first), "back": len(viewed.returned), "reviews": viewed.reviews,
            }  # fmt: skip
            call.data({"notes": told["notes"], "view": view, "problems": told["problems"]})
        else:
            call.problems(tally.problems)
            if found.state == "same":
                call.print(f"Anki has not changed since it was last read ({found.path})")
            elif not found.blind:
                reviews = counted(viewed.reviews, "new review")
                call.print(f"{found.path}: {counted(viewed.seen, 'note')}, {reviews}")
                call.print(anki_line(tally, now.ledger) or "nothing was deleted")
    end(tally.problems)


def _found(now: Session, file: Path | None, *, connect: bool, bind: bool) -> CollectionScan:
    """Look at a file, at a running Anki, or at what the settings name."""
    from ankiforge.pipeline import deliver

    settings = now.workspace.config.anki
    if file:
        try:
            return deliver.read_collection_file(file.expanduser().absolute(), now.ledger, bind=bind)
        except ItemError as error:
            raise UsageError(error.message, hint=error.hint) from error
    if not connect and settings.collection == deliver.NEVER:
        hint = "ankiforge pull --collection FILE; or anki.collection: auto"
        raise UsageError("anki.collection is none, so Anki is not read", hint=hint)
    found = (
        None if connect else deliver.read_collection(settings, now.ledger, Path.home(), bind=bind)
    )
    if found and found.state != "nowhere":
        return found
    return deliver.read_running_anki(running_anki(now), now.ledger, bind=bind)


def running_anki(now: Session) -> AnkiConnect:
    """Connect to a running Anki.

    Raises:
        ServiceError: Anki does not answer, or must not be used.
        UsageError: Anki is on another machine, which `--offline` forbids.
    """
    from ankiforge.config import is_loopback
    from ankiforge.pipeline import deliver

    address = now.workspace.config.anki.connect
    if now.call.offline and not is_loopback(address):
        what = f"--offline forbids a connection to Anki at {address}"
        raise UsageError(what, hint="run it without --offline")
    return deliver.running_anki(now.workspace.config.anki)


# --- push -----------------------------------------------------------------------------------


@command("""
  ankiforge push                     send what Anki lacks
  ankiforge push --sync              let Anki sync before and after
  ankiforge push --suspend-retired   suspend cards that were dropped here
""")
@DECK
@OUTPUT
@FORCE
@flag("--sync", help="Let Anki sync before and after.")
@flag("--suspend-retired", "suspend", help="Suspend the cards that you dropped here.")
def push(call: Call, deck: str, output: str, force: bool, sync: bool, suspend: bool) -> None:
    """Send the cards that Anki lacks to a running Anki, through the add-on AnkiConnect.

    If Anki is not running, the package is written, and the exit code is 3.
    """
    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app

    tally = app.RunResult()
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, now.ledger, force=force)
        connect = partial(running_anki, now)
        error = app.push(now.workspace, now.ledger, tally, path, connect, deck=deck, sync=sync)
        if error is None and suspend:
            anki = running_anki(now)
            deliver.suspend_retired(now.ledger, anki, retired := anki.retired_cards())
            said = f"{counted(len(retired), 'card')} suspended"
            now.call.say(said if retired else "nothing to suspend")
        _print(now, tally, deck, error)
    end(tally.problems, error)


@command("""
  ankiforge adopt --from o2a               what would be taken over, then one question
  ankiforge adopt --yes ~/Vault            without the question
  ankiforge adopt --map "My type: Front=Word, Back=Meaning"
  ankiforge adopt --decline                make cards of one's own instead, without their history
""")
@click.argument("path", required=False, type=FILE, metavar="[PATH]")
@click.option("--from", "tool", type=click.Choice(["o2a", "flashcards", "yanki", "ankiops", "sr"]), help="Take over from this tool only.")  # fmt: skip
@click.option("--map", "maps", multiple=True, metavar="TEXT", help="Name the fields of a note type.")  # fmt: skip
@flag("--yes", help="Do not ask.")
@flag("--decline", help="Take nothing over: the next run makes cards without that history.")
def adopt(
    call: Call, path: Path | None, tool: str | None, maps: Words, yes: bool, decline: bool
) -> None:
    """Take over the notes that another tool made in Anki, with their reviews.

    Corrections in the sources reach these notes from then on. Nothing is written into a source.
    """
    from ankiforge.cli.run import propose
    from ankiforge.pipeline import adopt as adoption
    from ankiforge.pipeline import workspace as app

    tally = app.RunResult()
    if decline:
        _decline(call, tool)
        return
    with session(call, writes="drafting") as now:
        read_anki(now, tally)
        seen = tally.scan and tally.scan.state in ("same", "taken") and Path(tally.scan.path)
        if not seen and tool != "sr":
            call.problems(tally.problems)
            raise UsageError("no collection of Anki was read", hint="name it as anki.collection")
        error = propose(now, tally, (path,) if path else (), drafter="rules", accept="review")
        found = adoption.find(now.ledger, seen or None, tool or "", maps)
        call.problems(tally.problems)
        if not call.as_json:
            call.print("\n".join(adoption.report(found, None if call.verbose else adoption.SHOWN)))
        act = ""
        if found.taken and (
            yes or (call.interactive and click.confirm("Take these over?", err=True))
        ):
            act = now.ledger.adopt_notes(found.taken)
            read_anki(now, tally)
        if call.as_json:
            call.data({**adoption.as_json(found), "undo": act})
        elif act:
            how = "; import with “Import any learning progress” ticked" if found.scheduled else ""
            call.say(f"{len(found.taken):,} taken over{how}; to take it back: ankiforge undo {act}")
    end(tally.problems, error)


def _decline(call: Call, tool: str | None) -> None:
    """Let the passages of other tools, or of this one, become cards without their history."""
    from ankiforge.ledger import SCHEDULER
    from ankiforge.pipeline.adopt import TOOLS

    named = SCHEDULER if tool == "sr" else tool
    tools = {named} if named else {SCHEDULER, *TOOLS}
    with session(call, writes="drafting") as now:
        act = now.ledger.decline(tools)
    if call.as_json:
        call.data({"undo": act})
    elif not act:
        call.say("nothing here belongs to another tool")
    else:
        call.say(f"declined; next: ankiforge run; to take it back: ankiforge undo {act}")
