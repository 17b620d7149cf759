"""Which cards a command means: ids, or all that a query matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import click

from ankiforge.cli.common import Call
from ankiforge.cli.session import Session
from ankiforge.domain import Card, Standing, Verdict
from ankiforge.errors import UsageError
from ankiforge.ledger.cards import letter_of
from ankiforge.review import Choice, Done
from ankiforge.review.ids import find
from ankiforge.review.query import Beside, Query, parse


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
    wanted = parse(query)
    found = _once(card for card in _matching(now, wanted) if fits(card))
    return [_meant(now, wanted, card) for card in found]


def _once(cards: Iterable[Card]) -> Iterator[Card]:
    """Of an open choice of both note types the first card: it stands for the other."""
    told: set[str] = set()
    for card in cards:
        if card.choice not in told:
            told |= {card.choice} if card.choice and card.to_choose else set()
            yield card


def _meant(now: Session, wanted: Query, card: Card) -> Choice:
    """The card; or its waiting correction alone, if the query would not mean the card without."""
    if card.revision and card.picked:
        settled = replace(card, candidates=(card.picked,))
        if not wanted.matches(settled, _beside(now, card)):
            return Choice(card, letter_of(card.revision))
    return Choice(card)


def matching(now: Session, query: str, *, everything: bool = True) -> Iterator[Card]:
    """The cards that a query matches; without `everything`, not the rejected and retired."""
    for card in _once(_matching(now, parse(query))):
        current = card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED
        if everything or current:
            yield card


def _matching(now: Session, wanted: Query) -> Iterator[Card]:
    for card in now.ledger.cards.all():
        if wanted.matches(card, _beside(now, card)):
            yield card


def _beside(now: Session, card: Card) -> Beside:
    return Beside(now.ledger.cards.run_of(card.guid), now.tags)


def tell_done(call: Call, done: tuple[Done, ...], says: str) -> None:
    """Say what came of an action; exit 1 if something was refused."""
    refused = [one for one in done if one.refused]
    if call.talk.as_json:
        for one in done:
            call.talk.data(_done_json(one))
    else:
        if len(done) > len(refused):
            call.talk.say(f"{len(done) - len(refused)} {says}")
    for one in refused:
        hint = f"\nhint: {one.hint}" if one.hint else ""
        call.talk.warn(f"refused: {one.refused}{hint}")
    if refused:
        click.get_current_context().exit(1)


def _done_json(one: Done) -> dict[str, Any]:
    return {"guid": one.guid, "done": not one.refused, "refused": one.refused}
