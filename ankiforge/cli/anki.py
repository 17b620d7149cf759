"""The commands that exchange cards with Anki: build, pull, push."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import DECK, FILE, FORCE, OUTPUT, Call, command, end, exit_with
from ankiforge.cli.session import Session, session
from ankiforge.errors import ForgeError, ItemError, ServiceError, UsageError
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.deliver import Look
    from ankiforge.model import Guid
    from ankiforge.reports.summary import Tally

# --- shared with `run` and `watch` ----------------------------------------------------------


def package_path(now: Session, deck: str = "", output: str | None = None) -> Path:
    """Return the path of the package: `-o`, or a file in the output folder, named after a deck."""
    from ankiforge.anki.notes import deck_name

    if output:
        return Path(output).expanduser().absolute()
    name = deck_name(deck).replace("::", "-") if deck else "ankiforge"
    name = "".join("_" if sign in '/\\:*?"<>|' or sign < " " else sign for sign in name)
    return now.workspace.output / f"{name}.apkg"


def look(now: Session, tally: Tally) -> None:
    """Look at Anki before cards are written."""
    from ankiforge import deliver

    tally.take(deliver.look(now.workspace.config.anki, now.ledger, Path.home()))


def write_package(
    now: Session,
    tally: Tally,
    path: Path,
    *,
    deck: str = "",
    full: bool = False,
    push: bool = False,
) -> None:
    """Plan all cards and write the package; what was planned goes into the tally."""
    from ankiforge import app, deliver
    from ankiforge.model import Problem

    if tally.look and tally.look.blind and not full:
        return
    with app.lock(now.workspace, "publishing"):
        planned = deliver.plan_cards(
            now.ledger, now.decks, now.pictures, deck=deck, push=push, full=full
        )
        try:
            tally.plan(planned, deliver.publish(now.ledger, planned, path))
        except ItemError as error:
            tally.plan(planned, None)
            what = error.message.removeprefix(f"{path}: ")
            tally.problems.append(Problem(str(path), what, error.hint))
    wanted = now.workspace.unconfirmed_output
    if wanted and path.parent == now.workspace.output:
        what = f"output: {wanted.resolve()} is outside this workspace and must be confirmed; until then packages are written to {path.parent}"  # fmt: skip
        hint = f"to confirm it: ankiforge init --trust {quote(str(now.workspace.root))}"
        tally.problems.append(Problem(str(now.workspace.settings), what, hint, notice=True))


def _print_delivery(now: Session, tally: Tally, error: ForgeError | None = None) -> None:
    """Print what was seen in Anki and what was written, as JSON or as text."""
    from ankiforge.reports.summary import anki_line, delivery_json, delivery_lines

    out = now.out
    if out.as_json:
        out.data(delivery_json(tally, now.ledger))
        return
    out.problems(tally.problems)
    for line in filter(None, (anki_line(tally, now.ledger), *delivery_lines(tally))):
        out.print(line)
    if not tally.packages and not tally.pushed and not tally.failed and error is None:
        out.say(f"no package: Anki has every accepted card ({now.call.program} status)")


# --- build ----------------------------------------------------------------------------------


@command("""
  ankiforge build                          ./ankiforge.apkg with what Anki lacks
  ankiforge build --deck Biology -o b.apkg
""")
@DECK
@OUTPUT
@click.option("--full", is_flag=True, help="Include every accepted card, whatever Anki has.")
@FORCE
def build(call: Call, deck: str, output: str | None, full: bool, force: bool) -> None:
    """Write the package of all accepted cards that Anki lacks.

    If no Anki collection is found, the package holds every accepted card; importing it again
    changes nothing.
    """
    from ankiforge import deliver
    from ankiforge.reports.summary import Tally

    tally = Tally()
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, force=force)
        look(now, tally)
        write_package(now, tally, path, deck=deck, full=full)
        _print_delivery(now, tally)
    end(tally.problems)


# --- pull -----------------------------------------------------------------------------------


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@click.option("--collection", type=FILE, metavar="FILE", help="Read this collection.anki2 or .colpkg.")  # fmt: skip
@click.option("--apkg", type=FILE, metavar="FILE", help="Read this export of a deck.")
@click.option("--connect", is_flag=True, help="Ask a running Anki through AnkiConnect.")
@click.option("--bind", is_flag=True, help="Use this collection from now on.")
def pull(call: Call, collection: Path | None, apkg: Path | None, connect: bool, bind: bool) -> None:
    """See what you did to your cards in Anki: edits, tags, deletions, reviews. Anki is only read."""
    from ankiforge import deliver
    from ankiforge.reports.summary import Tally, anki_line, delivery_json

    file = collection or apkg
    if sum((collection is not None, apkg is not None, connect)) > 1:
        raise UsageError("name one of --collection, --apkg and --connect")
    tally = Tally()
    with session(call) as now:
        found = _found(now, file, connect=connect, bind=bind)
        tally.take(found)
        tally.problems += deliver.adopt(now.ledger, found.viewed.unknown)
        deliver.plan_cards(now.ledger, now.decks, now.pictures)  # finds conflicts
        viewed = found.viewed
        if call.out.as_json:
            told = delivery_json(tally, now.ledger)
            view = {
                "sight": found.sight, "path": found.path, "seen": viewed.seen,
                "first": len(viewed.first), "back": len(viewed.returned), "reviews": viewed.reviews,
            }  # fmt: skip
            call.out.data({"notes": told["notes"], "view": view, "problems": told["problems"]})
        else:
            call.out.problems(tally.problems)
            if found.sight == "same":
                call.out.print(f"Anki has not changed since it was last read ({found.path})")
            elif not found.blind:
                reviews = counted(viewed.reviews, "new review")
                call.out.print(f"{found.path}: {counted(viewed.seen, 'note')}, {reviews}")
                call.out.print(anki_line(tally, now.ledger) or "nothing was deleted")
    end(tally.problems)


def _found(now: Session, file: Path | None, *, connect: bool, bind: bool) -> Look:
    """Look at a file, at a running Anki, or at what the settings name."""
    from ankiforge import deliver

    settings = now.workspace.config.anki
    if file:
        try:
            return deliver.look_at_file(file.expanduser().absolute(), now.ledger, bind=bind)
        except ItemError as error:
            raise UsageError(error.message, hint=error.hint) from error
    if not connect and settings.collection == deliver.NEVER:
        hint = "ankiforge pull --collection FILE; or anki.collection: auto"
        raise UsageError("anki.collection is none, so Anki is not read", hint=hint)
    found = None if connect else deliver.look(settings, now.ledger, Path.home(), bind=bind)
    if found and found.sight != "nowhere":
        return found
    return deliver.look_at_running(running_anki(now), now.ledger, bind=bind)


def running_anki(now: Session) -> AnkiConnect:
    """Connect to a running Anki.

    Raises:
        ServiceError: Anki does not answer, or must not be used.
        UsageError: Anki is on another machine, which `--offline` forbids.
    """
    from ankiforge import deliver
    from ankiforge.config import is_loopback

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
@click.option("--sync", is_flag=True, help="Let Anki sync before and after.")
@click.option("--suspend-retired", is_flag=True, help="Suspend the cards that you dropped here.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def push(
    call: Call,
    deck: str,
    output: str | None,
    force: bool,
    sync: bool,
    suspend_retired: bool,
    yes: bool,
) -> None:
    """Send the cards that Anki lacks to a running Anki, through the add-on AnkiConnect.

    If Anki is not running, the package is written, and the exit code is 3.
    """
    from ankiforge import deliver
    from ankiforge.reports.summary import Tally

    tally = Tally()
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, force=force)
        error = push_cards(now, tally, path, deck=deck, sync=sync)
        if error is None and suspend_retired:
            _suspend_retired(now, ask=not yes)
        _print_delivery(now, tally, error)
    end(tally.problems, error)


def push_cards(
    now: Session, tally: Tally, path: Path, *, deck: str = "", sync: bool = False
) -> ForgeError | None:
    """Look at a running Anki, import our package there, and look again.

    If Anki does not answer, the package is written, and the error is returned.
    """
    from ankiforge import deliver
    from ankiforge.model import Problem

    try:
        anki = running_anki(now)
        synced = sync and anki.sync()
        if sync and not synced:
            what, hint = "is not logged in to a sync account", "press Sync in Anki and log in"
            tally.problems.append(Problem("Anki", what, hint))
        found = deliver.look_at_running(anki, now.ledger)
        tally.take(found)
        if found.blind:
            told = found.problem or Problem("Anki", "was not read")
            raise ServiceError(told.what, hint=told.hint)
    except ServiceError as error:
        if tally.look is None:
            look(now, tally)
        write_package(now, tally, path, deck=deck)
        return error
    write_package(now, tally, path, deck=deck, push=True)
    tally.pushed = (0, 0)
    if not tally.published or not tally.published[-1].notes:
        return None
    known = {one.card.guid: next(now.ledger.notes(one.card.guid), None) for one in tally.planned}
    live = {one.card.guid for one in tally.planned if one.card.live}
    try:
        anki.import_package(path)
        there = ((guid, seen.ordinals) for guid, seen in known.items() if seen and guid in live)
        anki.unsuspend(_suspended_here(now, there))
        deliver.look_at_running(anki, now.ledger)
        if synced:
            anki.sync()
    except ServiceError as error:
        tally.pushed = None
        return error
    arrived = [(one.card.guid, came) for one, came in deliver.arrived(now.ledger, tally.planned)]
    added = sum(came and known[guid] is None for guid, came in arrived)
    tally.pushed = (added, sum(came for _, came in arrived) - added)
    if refused := sum(not came for _, came in arrived):
        what = f"{counted(refused, 'note')} did not arrive"
        tally.problems.append(Problem("Anki", what, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None


_SUSPENDED = "suspended"
"""Where the ids of the cards are stored that `--suspend-retired` suspended."""


def _suspended_here(now: Session, live: Iterable[tuple[Guid, Iterable[int]]]) -> tuple[int, ...]:
    """Return the cards that `--suspend-retired` suspended, of live notes given as (guid, ordinals)."""
    from ankiforge.model import card_id

    stored = set(json.loads(now.ledger.recall(_SUSPENDED) or "[]"))
    ids = {card_id(guid, at) for guid, ordinals in live for at in ordinals}
    now.ledger.remember(_SUSPENDED, json.dumps(sorted(stored - ids)))
    return tuple(sorted(stored & ids))


def _suspend_retired(now: Session, *, ask: bool) -> None:
    anki = running_anki(now)
    retired = anki.retired_cards()
    if not retired:
        return
    question = f"suspend {counted(len(retired), 'card')} tagged ankiforge::retired?"
    if ask and not (now.out.interactive and click.confirm(question, err=True)):
        now.out.say("nothing was suspended; to do it without being asked: --yes")
        exit_with(2)
        return
    anki.suspend(retired)
    stored = json.loads(now.ledger.recall(_SUSPENDED) or "[]")
    now.ledger.remember(_SUSPENDED, json.dumps(sorted({*stored, *retired})))
    now.out.say(f"{counted(len(retired), 'card')} suspended")
