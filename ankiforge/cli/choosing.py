"""Which cards a command means: ids, or all that a query matches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click

from ankiforge.cli.common import Call
from ankiforge.cli.session import Session
from ankiforge.domain import Card, Standing, Verdict
from ankiforge.errors import UsageError
from ankiforge.review import Choice, Done
from ankiforge.review.ids import find
from ankiforge.review.query import parse


def choosing(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command IDs, `--all` and `--filter`."""
    function = click.option(
        "--filter", "query", default="", metavar="QUERY", help="With --all: only these."
    )(function)
    function = click.option("--all", "every", is_flag=True, help="All cards (see --filter).")(
        function
    )
    return click.argument("ids", nargs=-1, metavar="[ID]...")(function)


def chosen(
    now: Session, ids: tuple[str, ...], every: bool, query: str, fits: Callable[[Card], bool]
) -> list[Choice]:
    """The cards that are meant; of a query those that `fits` lets through.

    Raises:
        UsageError: neither ids nor `--all`, both, or an id that names no single card.
    """
    if bool(ids) == every or (query and not every):
        raise UsageError(
            "name cards by their ids, or all of them by --all --filter QUERY",
            hint="ankiforge list shows ids",
        )
    if ids:
        return [find(now.ledger, word) for word in ids]
    return [Choice(card) for card in matching(now, query) if fits(card)]


def matching(now: Session, query: str, *, everything: bool = True) -> Iterator[Card]:
    """The cards that a query matches; without `everything`, not the rejected and retired."""
    wanted = parse(query)
    for card in now.ledger.cards.all():
        current = card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
        if (everything or current) and wanted.matches(card, now.ledger.cards.run_of(card.guid)):
            yield card


def tell_done(call: Call, done: tuple[Done, ...], says: str) -> None:
    """Say what came of an action; exit 1 if something was refused."""
    refused = [one for one in done if one.refused]
    if call.talk.as_json:
        for one in done:
            call.talk.data(_done_json(one))
    else:
        call.talk.say(f"{len(done) - len(refused)} {says}")
    for one in refused:
        hint = f"\nhint: {one.hint}" if one.hint else ""
        click.echo(f"refused: {one.refused}{hint}", err=True)
    if refused:
        click.get_current_context().exit(1)


def _done_json(one: Done) -> dict[str, Any]:
    return {"guid": one.guid, "done": not one.refused, "refused": one.refused}
