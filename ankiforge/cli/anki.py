"""The commands that exchange cards with Anki: build, pull, push."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
    from ankiforge.model import Guid, Problem, Seen
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


def look(now: Session, tally: Tally) -> Look:
    """Look at Anki before cards are written, and say what was seen."""
    from ankiforge import deliver

    found = deliver.look(now.workspace.config.anki, now.ledger, Path.home())
    tally.take(found)
    for line in look_lines(now, found):
        now.out.say(line)
    return found


def look_lines(now: Session, found: Look) -> list[str]:
    """Return what to say of a look at Anki."""
    viewed = found.viewed
    if found.blind:
        return ["Anki could not be read, so the package holds what was known of it before"]
    if not now.ledger.looked and found.sight in ("nowhere", "off"):
        why = (
            "No Anki collection found"
            if found.sight == "nowhere"
            else "Anki is not read (anki.collection: none)"
        )
        return [f"{why}, so the package holds every card."]
    lines = []
    if viewed.deleted:
        lines.append(
            f"{counted(len(viewed.deleted), 'note')} deleted in Anki; they will not be sent again"
        )
    if viewed.returned:
        lines.append(f"{counted(len(viewed.returned), 'note')} are in Anki again")
    if viewed.missing:
        lines.append(
            f"{counted(len(viewed.missing), 'note')} missing in Anki: {now.call.program} list --view questions"
        )
    return lines


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

    if tally.look and tally.look.blind and not full:
        tally.plan([], None)
        return
    with app.lock(now.workspace, "publishing"):
        planned = deliver.plan_cards(
            now.ledger, now.decks, now.pictures, deck=deck, push=push, full=full
        )
        try:
            tally.plan(planned, deliver.publish(now.ledger, planned, path))
        except ItemError as error:
            from ankiforge.model import Problem

            tally.plan(planned, None)
            tally.problems.append(
                Problem(str(path), error.message.removeprefix(f"{path}: "), error.hint)
            )
    if now.workspace.unconfirmed_output and path.parent == now.workspace.output:
        tally.problems.append(_output_notice(now, now.workspace.unconfirmed_output))


def _output_notice(now: Session, wanted: Path) -> Problem:
    from ankiforge.model import Problem

    workspace = now.workspace
    what = (
        f"output: {wanted.resolve()} is outside this workspace and must be confirmed;"
        f" until then packages are written to {workspace.output}"
    )
    do = f"to confirm it: ankiforge init --trust {quote(str(workspace.root))}"
    return Problem(str(workspace.settings), what, do, notice=True)


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
    from ankiforge.reports.summary import Tally, notes_json, problem_json

    tally = Tally()
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, force=force)
        look(now, tally)
        write_package(now, tally, path, deck=deck, full=full)
        if call.out.as_json:
            call.out.data({
                "notes": notes_json(tally, now.ledger),
                "packages": [str(one) for one in tally.packages],
                "problems": [problem_json(one) for one in tally.problems],
            })  # fmt: skip
        else:
            _print_package(call, tally)
    end(tally.problems)


def _print_package(call: Call, tally: Tally, error: ForgeError | None = None) -> None:
    call.out.problems(tally.problems)
    for one in tally.published:
        if one.notes:
            call.out.print(
                f"{one.path}: {counted(one.notes, 'note')} ({one.added} new, {one.updated} updated)"
            )
        elif one.aside:
            call.out.say(f"nothing to import; the last package was renamed to {one.aside.name}")
    for why in dict.fromkeys(one.held for one in tally.planned if one.held):
        call.out.say(f"held: {why}")
    if not tally.packages and error is None and not tally.failed:
        call.out.say(
            f"no package: Anki has everything, or no card is accepted ({call.program} status)"
        )


# --- pull -----------------------------------------------------------------------------------


@command("""
  ankiforge pull                                your collection, or a running Anki
  ankiforge pull --apkg export.apkg             an export, with scheduling
  ankiforge pull --bind                         use this collection from now on
""")
@click.option(
    "--collection", type=FILE, metavar="FILE", help="Read this collection.anki2 or .colpkg."
)
@click.option("--apkg", type=FILE, metavar="FILE", help="Read this deck export.")
@click.option("--connect", is_flag=True, help="Ask a running Anki through AnkiConnect.")
@click.option("--bind", is_flag=True, help="Use this collection from now on, as it is.")
def pull(call: Call, collection: Path | None, apkg: Path | None, connect: bool, bind: bool) -> None:
    """See what happened to your cards in Anki: edits, tags, deletions, reviews. Anki is only read."""
    from ankiforge import deliver
    from ankiforge.reports.summary import Tally, notes_json, problem_json

    file = collection or apkg
    if sum((collection is not None, apkg is not None, connect)) > 1:
        raise UsageError("name one of --collection, --apkg and --connect")
    tally = Tally()
    with session(call) as now:
        settings = now.workspace.config.anki
        if file:
            try:
                found = deliver.look_at_file(file.expanduser().absolute(), now.ledger, bind=bind)
            except ItemError as error:
                raise UsageError(error.message, hint=error.hint) from error
        elif connect:
            found = deliver.look_at_running(running_anki(now), now.ledger, bind=bind)
        else:
            if settings.collection == deliver.NEVER:
                what = "anki.collection is none, so Anki is not read"
                raise UsageError(
                    what, hint="ankiforge pull --collection FILE; or anki.collection: auto"
                )
            found = deliver.look(settings, now.ledger, Path.home(), os.environ, bind=bind)
            if found.sight == "nowhere":
                found = deliver.look_at_running(running_anki(now), now.ledger, bind=bind)
        tally.take(found)
        tally.problems += deliver.adopt(now.ledger, found.viewed.unknown)
        deliver.plan_cards(now.ledger, now.decks, now.pictures)  # finds conflicts
        viewed = found.viewed
        if call.out.as_json:
            view = {
                "sight": found.sight, "path": found.path, "seen": viewed.seen, "first": len(viewed.first),
                "back": len(viewed.returned), "reviews": viewed.reviews,
            }  # fmt: skip
            call.out.data({
                "notes": notes_json(tally, now.ledger), "view": view,
                "problems": [problem_json(one) for one in tally.problems],
            })  # fmt: skip
        else:
            call.out.problems(tally.problems)
            for line in look_lines(now, found):
                call.out.say(line)
            if found.sight == "same":
                call.out.print(f"Anki has not changed since it was last read ({found.path})")
            elif not found.blind:
                call.out.print(
                    f"{found.path}: {counted(viewed.seen, 'note')}, {counted(viewed.reviews, 'new review')}"
                )
    end(tally.problems)


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
@click.option(
    "--suspend-retired", is_flag=True, help="Suspend the cards tagged ankiforge::retired."
)
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
    from ankiforge.reports.summary import Tally, notes_json, problem_json

    tally, error = Tally(), None
    with session(call) as now:
        path = package_path(now, deck, output)
        deliver.refuse_foreign(path, force=force)
        error = push_cards(now, tally, path, deck=deck, sync=sync)
        if error is None and suspend_retired:
            _suspend_retired(now, ask=not yes)
        if call.out.as_json:
            call.out.data({
                "notes": notes_json(tally, now.ledger),
                "packages": [str(one) for one in tally.packages],
                "problems": [problem_json(one) for one in tally.problems],
            })  # fmt: skip
        else:
            call.out.problems(tally.problems)
            if tally.pushed:
                call.out.print(
                    f"in Anki: {counted(tally.pushed[0], 'new note')}, {tally.pushed[1]:,} updated"
                )
            else:
                _print_package(call, tally, error)
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
            raise ServiceError(
                found.problem.what if found.problem else "Anki was not read",
                hint=found.problem.hint if found.problem else "",
            )
    except ServiceError as error:
        if tally.look is None:
            look(now, tally)
        write_package(now, tally, path, deck=deck)
        return error
    write_package(now, tally, path, deck=deck, push=True)
    if not tally.published or not tally.published[-1].notes:
        tally.pushed = (0, 0)
        return None
    known = {one.card.guid: next(now.ledger.notes(one.card.guid), None) for one in tally.planned}
    try:
        anki.import_package(path)
        anki.unsuspend(_suspended_here(now, tally, known))
        deliver.look_at_running(anki, now.ledger)
        if synced:
            anki.sync()
    except ServiceError as error:
        return error
    added = updated = refused = 0
    for one, arrived in deliver.arrived(now.ledger, tally.planned):
        refused += not arrived
        added += arrived and known[one.card.guid] is None
        updated += arrived and known[one.card.guid] is not None
    tally.pushed = (added, updated)
    if refused:
        what = f"{counted(refused, 'note')} did not arrive"
        tally.problems.append(Problem("Anki", what, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None


_SUSPENDED = "suspended"
"""Where the ids of the cards are stored that `--suspend-retired` suspended."""


def _suspended_here(
    now: Session, tally: Tally, known: Mapping[Guid, Seen | None]
) -> tuple[int, ...]:
    """Return the cards that `--suspend-retired` suspended and whose note is live again."""
    from ankiforge.model import card_id

    stored = set(json.loads(now.ledger.recall(_SUSPENDED) or "[]"))
    notes = [(one.card.guid, known[one.card.guid]) for one in tally.planned if one.card.live]
    live = {card_id(guid, at) for guid, seen in notes if seen for at in seen.ordinals}
    now.ledger.remember(_SUSPENDED, json.dumps(sorted(stored - live)))
    return tuple(sorted(stored & live))


def _suspend_retired(now: Session, *, ask: bool) -> None:
    anki = running_anki(now)
    retired = anki.retired_cards()
    if not retired:
        return
    question = f"suspend {counted(len(retired), 'card')} tagged ankiforge::retired?"
    if ask and not (now.out.interactive and click.confirm(question, err=True)):
        now.out.say(
            f"nothing was suspended; to do it: {now.call.program} push --suspend-retired --yes"
        )
        exit_with(2)
        return
    anki.suspend(retired)
    stored = json.loads(now.ledger.recall(_SUSPENDED) or "[]")
    now.ledger.remember(_SUSPENDED, json.dumps(sorted({*stored, *retired})))
    now.out.say(f"{counted(len(retired), 'card')} suspended")
