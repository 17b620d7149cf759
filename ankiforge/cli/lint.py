"""`ankiforge lint`: the checks on any deck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.common import Call, common_options
from ankiforge.cli.decks import limits_here, opened_deck
from ankiforge.errors import UsageError

if TYPE_CHECKING:
    from ankiforge.reports.lint import Linted

EPILOG = """\b
Examples:
  ankiforge lint                           the cards of the workspace
  ankiforge lint deck.apkg                 any deck, whoever made it
  ankiforge lint ~/.local/share/Anki2/"User 1"/collection.anki2 --severity error
  ankiforge lint deck.apkg --check duplicate --deck Biology -v
"""
_SEVERITIES = {"error": "block", "block": "block", "warn": "warn", "info": "info"}


@click.command(epilog=EPILOG)
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--deck", default="", metavar="NAME", help="Only this deck and those below it.")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only what this check finds.")
@click.option(
    "--severity",
    type=click.Choice(list(_SEVERITIES)),
    default="warn",
    show_default=True,
    help="Only what is at least so grave.",
)
@common_options
def command(
    call: Call, file: Path | None, deck: str, checks: tuple[str, ...], severity: str
) -> None:
    """Run the checks on the notes of FILE, an .apkg, .colpkg or collection; nothing is changed.

    Without FILE: on the cards of the workspace. Exit code 1 if a note is broken.
    """
    from ankiforge.model import Severity
    from ankiforge.reports.lint import SHOWN, Tally, as_json

    _check_ids(checks)
    least = Severity(_SEVERITIES[severity])
    tally = Tally(shown=call.shown(SHOWN))
    with _looked(call, file) as found:
        kept = (_kept(one, checks, least) for one in found if _within(one, deck))
        for linted in kept:
            tally.add(linted)
            if call.talk.as_json and linted.findings:
                call.talk.data(as_json(linted, fields=call.talk.verbose))
    if not call.talk.as_json:
        for line in tally.as_text():
            call.talk.print(line)
    click.get_current_context().exit(1 if tally.errors else 0)


@contextmanager
def _looked(call: Call, file: Path | None) -> Iterator[Iterable[Linted]]:
    """What is found on all notes, read as they are asked for."""
    from ankiforge.reports.lint import Linter

    if file is None:
        from ankiforge.cli.session import session

        with session(call, forgetful=True) as now:
            call.talk.say(f"the cards of the workspace {now.workspace.root}")
            yield Linter(limits_here(call)).cards(now.ledger.cards.all())
        return
    from ankiforge.reports.lint import read_note

    with opened_deck(call, file.expanduser().absolute()) as deck:
        notes = (read_note(note, deck.types.get(note.type_id)) for note in deck.notes())
        yield Linter(limits_here(call)).notes(notes)


def _check_ids(checks: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    from ankiforge.check import RULES

    known = {rule.id for rule in RULES}
    for name in checks:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "docs/checks.md names them"
            raise UsageError(f"there is no check {name!r}", hint=hint)


def _within(linted: Linted, deck: str) -> bool:
    from ankiforge.cli.working import within

    return not deck or within(linted.note.deck, deck)


def _kept(linted: Linted, checks: tuple[str, ...], least: object) -> Linted:
    from ankiforge.model import Severity

    order = list(Severity)
    found = tuple(
        one
        for one in linted.findings
        if (not checks or one.check in checks) and order.index(one.severity) >= order.index(least)  # type: ignore[arg-type]
    )
    return replace(linted, findings=found)
