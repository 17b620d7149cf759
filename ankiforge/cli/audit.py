"""`ankiforge audit`: the renovation report of a deck."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.common import Call, common_options
from ankiforge.cli.decks import limits_here, opened_deck
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.cli.session import Session
    from ankiforge.config.workspace import Workspace
    from ankiforge.ledger import Ledger
    from ankiforge.recheck import Proposed
    from ankiforge.reports.audit import Audit

EPILOG = """\b
Examples:
  ankiforge audit                              the collection your cards are in
  ankiforge audit deck.apkg                    any deck, whoever made it
  ankiforge audit --deck Biology --html audit.html
  ankiforge audit --propose                    and let review ask about it
"""


@click.command(epilog=EPILOG)
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--deck", default="", metavar="NAME", help="Only this deck and those below it.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), metavar="FILE", help="Write a page, too."
)
@click.option("--propose", is_flag=True, help="Let review ask about what is new of your cards.")
@click.option("--force", is_flag=True, help="Replace a FILE that is no page of ankiforge.")
@common_options
def command(
    call: Call, file: Path | None, deck: str, page: Path | None, propose: bool, force: bool
) -> None:
    """What an existing deck needs: broken, doubled, failing, orphaned and forgotten notes.

    FILE is an .apkg, .colpkg or collection; without it: the collection your cards are in. It is
    copied to be read, and nothing is changed. Exit code 1 if a note is broken.
    """
    from ankiforge.reports.lint import SHOWN

    if propose:
        _propose(call, file, deck)
    with _ledger(call, file) as (workspace, ledger):
        path = file.expanduser().absolute() if file else _collection(workspace, ledger)
        audit, taken_at = _audited(call, path, ledger, deck)
    if deck and not audit.figures.notes:
        call.talk.say(f"no note is in deck {deck}")
    _tell(call, audit, call.shown(SHOWN))
    if file is None and not propose and any(one.ours for one in audit.notes):
        call.talk.say(f"to be asked about your cards in review: {call.program} audit --propose")
    if page is not None:
        title = f"Audit of {deck or _named(path)}"
        _write(call, page, audit, (title, f"{path} · {_day(taken_at)}"), force)
    click.get_current_context().exit(1 if audit.errors else 0)


@contextmanager
def _ledger(call: Call, file: Path | None) -> Iterator[tuple[Workspace, Ledger]]:
    """A copy of the ledger, in memory; to look into a file a person names needs nobody's trust."""
    from ankiforge import ledger
    from ankiforge.cli.session import session
    from ankiforge.config.workspace import resolve

    if file is None:
        with session(call, forgetful=True) as now:
            yield now.workspace, now.ledger
        return
    workspace = resolve(call.workspace, Path.cwd())
    with ledger.forgetful_ledger(workspace.ledger, workspace.journal) as copy:
        yield workspace, copy


def _collection(workspace: Workspace, ledger: Ledger) -> Path:
    from ankiforge.sync import NEVER, collection_path

    settings = workspace.config.anki
    if settings.collection == NEVER:
        what = f"anki.collection is {NEVER}: Anki is never looked at by itself"
        raise UsageError(what, hint="name a file: ankiforge audit FILE")
    found = collection_path(settings, ledger, Path.home(), os.environ)
    if found is None:
        what = "no collection of Anki was found on this machine"
        hint = "name one, or an export of Anki: ankiforge audit FILE"
        raise UsageError(what, hint=hint)
    return found


def _audited(call: Call, path: Path, ledger: Ledger, deck: str) -> tuple[Audit, float]:
    from ankiforge.cli.progress import counting
    from ankiforge.cli.working import within
    from ankiforge.reports.audit import audit, known_to

    with (
        opened_deck(call, path) as opened,
        counting(call.talk, "notes", opened.count) as step,
    ):
        made = audit(
            opened,
            limits_here(call),
            known_to(ledger),
            within=lambda name: within(name, deck),
            step=step,
        )
        return made, opened.view.taken_at


def _propose(call: Call, file: Path | None, deck: str) -> None:
    """Take in what Anki has, as `pull` does, and keep what is found on the cards there.

    Raises:
        UsageError: for a file, or where there is no collection.
        ItemError: the collection is damaged, is another one, or looks like an older backup.
    """
    from ankiforge.cli.session import session
    from ankiforge.reports.text import counted

    if file is not None:
        what = "--propose: about the cards here, in the collection they are in; not about FILE"
        raise UsageError(what, hint="ankiforge audit --propose")
    with session(call) as now:
        _collection(now.workspace, now.ledger)
        _sync(now)
        made = _proposed(now, deck)
    if not made.cards:
        call.talk.say("nothing to propose: what is found on your cards is known")
        return
    call.talk.say(
        f"to review: {counted(made.pairs, 'pair')} called alike and {counted(made.findings, 'finding')}"
        f" more, on {counted(made.cards, 'card')}: {call.program} review"
    )


def _sync(now: Session) -> None:
    from ankiforge.cli.working import sync_lines
    from ankiforge.sync import read_anki

    result = read_anki(now.workspace.config.anki, now.ledger, Path.home(), os.environ)
    if result.problem is not None:
        raise ItemError(f"{result.path}: {result.problem.what}", hint=result.problem.hint)
    for line in sync_lines(now, result):
        now.call.talk.say(line)


def _proposed(now: Session, deck: str) -> Proposed:
    from ankiforge.cli.progress import counting
    from ankiforge.cli.working import within
    from ankiforge.recheck import propose

    limits = limits_here(now.call)
    with counting(now.call.talk, "cards") as step:
        return propose(now.ledger, limits, within=lambda name: within(name, deck), step=step)


def _tell(call: Call, audit: Audit, shown: int | None) -> None:
    from ankiforge.reports.audit import advice, as_text
    from ankiforge.reports.lint import as_json

    if call.talk.as_json:
        for linted in audit.notes:
            call.talk.data(as_json(linted, fields=call.talk.verbose, advice=advice))
        return
    for line in as_text(audit, shown):
        call.talk.print(line)


def _write(call: Call, page: Path, audit: Audit, head: tuple[str, str], force: bool) -> None:
    from ankiforge.reports.audit import SHOWN_IN_PAGE, as_html
    from ankiforge.reports.html import write_page

    shown = call.shown(SHOWN_IN_PAGE)
    path = page.expanduser().absolute()
    write_page(path, as_html(audit, *head, shown), force=force)
    call.talk.say(f"written: {path}")


def _named(path: Path) -> str:
    """The profile, if it is the collection of one; else the file."""
    from ankiforge.anki.collection import COLLECTION

    return path.parent.name if path.name == COLLECTION else path.name


def _day(moment: float) -> str:
    return f"as it was on {datetime.fromtimestamp(moment).astimezone():%Y-%m-%d}"
