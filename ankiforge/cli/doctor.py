"""`ankiforge doctor`: is all well, and what to do where it is not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import click

from ankiforge.cli.common import Call, Talk, common_options
from ankiforge.config.user import home_of, user_folders
from ankiforge.config.workspace import Workspace, resolve
from ankiforge.errors import LedgerError
from ankiforge.model import Problem
from ankiforge.reports.discover import Machine
from ankiforge.reports.doctor import Check, State, Surroundings, examine, exit_code

_COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}

EPILOG = """\b
Examples:
  ankiforge doctor                  the workspace around here
  ankiforge doctor -C ~/cards       another one
  ankiforge doctor --json           a line for each check
  ankiforge doctor --draw           a model elsewhere draws one card of a passage of ours
  ankiforge doctor --take-over      a copied ledger is the one from now on

Exit code: 0 if all is well, 1 for warnings that need action, else the failing part's code
(2 settings, 3 a service, 4 the ledger).
"""


@click.command(epilog=EPILOG)
@click.option(
    "--take-over", is_flag=True, help="This ledger, though copied, is the one from now on."
)
@click.option("--draw", is_flag=True, help="Have a model elsewhere draw a card, too; it may cost.")
@common_options
def command(call: Call, take_over: bool, draw: bool) -> None:
    """Check sources, model, Anki and ledger; say what to do."""
    if take_over:
        _take_over(call)
    code = run(call, Path.cwd(), Machine.this(), os.environ, draw=draw)
    click.get_current_context().exit(code)


def _take_over(call: Call) -> None:
    """A person says which of two ledgers is to be used."""
    from ankiforge.ledger import open_ledger

    workspace = resolve(call.workspace, Path.cwd(), os.environ)
    with open_ledger(workspace.ledger, workspace.journal) as ledger:
        home, _ = home_of(user_folders())
        ledger.ownership.take_over(home, workspace.ledger, uuid.uuid4().hex)
    call.talk.say(f"{workspace.ledger} is the ledger from now on")


def run(
    call: Call, cwd: Path, machine: Machine, environ: Mapping[str, str], *, draw: bool = False
) -> int:
    """Print every check as it ends.

    Returns:
        The exit code.
    """
    around = Surroundings(user_folders(environ), machine, environ, call.offline, draw)
    checks = []
    found = examine(
        lambda: resolve(call.workspace, cwd, environ), _ledger_health, _unread_lines, around
    )
    for check in found:
        _show(check, call.talk)
        checks.append(check)
    return exit_code(checks)


def _ledger_health(workspace: Workspace) -> str:
    """Look at a copy in memory: doctor changes nothing, not even an old schema."""
    from ankiforge.ledger import forgetful_ledger

    with forgetful_ledger(workspace.ledger, workspace.journal) as ledger:
        home, first = home_of(user_folders())
        ledger.ownership.claim(home, workspace.ledger, first=first)
        if fault := ledger.health():
            what = f"{workspace.ledger} is damaged: {fault}"
            raise LedgerError(what, hint="move it aside: a run rebuilds it from journal.jsonl")
    return f"{workspace.ledger} is sound"


def _unread_lines(workspace: Workspace) -> Iterator[Problem]:
    """The lines of the journal that cannot be read, and those it lacks, each with what to do."""
    from ankiforge.ledger.journal import VERSION, Journal

    unreadable = 0
    for line in Journal(workspace.journal).read():
        if isinstance(line, Problem):
            unreadable += 1
            do = "put the line right, or take it back from git or a backup; or delete it"
            yield Problem(line.where, line.what, do)
        elif line.v > VERSION:
            where = f"{workspace.journal}: line {line.id}"
            yield Problem(where, f"is of version {line.v}, this is {VERSION}", "upgrade ankiforge")
    with suppress(LedgerError):  # a damaged ledger is named by its own check
        yield from _lost_lines(workspace, unreadable)


def _lost_lines(workspace: Workspace, unreadable: int) -> Iterator[Problem]:
    from ankiforge.ledger import forgetful_ledger

    if not workspace.ledger.exists():
        return
    with forgetful_ledger(workspace.ledger, workspace.journal) as ledger:
        lost = ledger.lines_lost() - unreadable
    if lost <= 0:
        return
    there = workspace.journal.exists()
    lacks = f"{lost:,} line{'s' if lost > 1 else ''} that the ledger knows"
    what = f"it lacks {lacks}" if there else f"it is missing; it held {lacks}"
    do = (
        "put it back from git or a backup: if the ledger is lost too, these ids and decisions are"
        " gone; to keep a copy: ankiforge export all.jsonl"
    )
    yield Problem(str(workspace.journal), what, do)


def _show(check: Check, talk: Talk) -> None:
    if talk.as_json:
        talk.data(check)
        return
    state = talk.style(f"{check.state.value:4}", fg=_COLOURS[check.state])
    talk.print(f"{state}  {check.name}: {check.says}")
    if check.do:
        talk.print(f"      do: {check.do}")
