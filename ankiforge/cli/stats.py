"""`ankiforge stats`: counts, the way from highlight to memory, answers, load."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import click

from ankiforge.anki.notes import deck_name
from ankiforge.cli.choosing import joined
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session
from ankiforge.config.prices import load_prices
from ankiforge.model import Guid
from ankiforge.reports.html import check_place, write_page
from ankiforge.reports.stats import (
    SHOWN,
    WIDTH,
    Choice,
    Statistics,
    as_html,
    as_json,
    as_text,
    prices_by,
    statistics,
)

EPILOG = """\b
Examples:
  ankiforge stats                               all there is, on one screen
  ankiforge stats --html stats.html             a page with plots
  ankiforge stats --deck Reading --since 2026-09-01
  ankiforge stats drafter:llm                   only cards that a query matches
"""


@click.command(epilog=EPILOG)
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--deck", default="", metavar="NAME", help="Only this deck and those below it.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Only answers, drafts and replies from this day on (2026-11-21).",
)
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots."
)
@click.option("--force", is_flag=True, help="Replace a FILE that is no page of ankiforge.")
@common_options
def command(
    call: Call,
    query: tuple[str, ...],
    deck: str,
    since: date | None,
    html: Path | None,
    force: bool,
) -> None:
    """Tell how far highlights have come, who draws well, and how cards fare in Anki."""
    target = html.expanduser().absolute() if html else None
    if target:
        check_place(target, force=force)
    with session(call, forgetful=True) as now:
        found = _counted(now, query, deck, since)
        if target:
            write_page(target, as_html(found, call.program), force=force)
    if call.talk.as_json:
        call.talk.data(as_json(found, call.program))
    elif not target:
        _tell(call, found)
    if target:
        call.talk.say(f"written: {target}")


def _counted(now: Session, query: tuple[str, ...], deck: str, since: date | None) -> Statistics:
    said = joined(query)
    cards = None
    if said:
        cards = frozenset(Guid(card.guid) for card in now.desk.matching(said, everything=True))
    day = date(since.year, since.month, since.day) if since else None
    choice = Choice(deck_name(deck) if deck else "", said, cards, day)
    prices = prices_by(now.workspace.config.llm, load_prices(now.workspace.root))
    return statistics(now.ledger, choice, prices)


def _tell(call: Call, found: Statistics) -> None:
    shown = call.shown(SHOWN) if call.limit is None else call.limit
    width = min(max(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH), 2 * WIDTH)
    for line, heading in as_text(found, call.program, shown, width):
        if not call.talk.print(call.talk.style(line, bold=True) if heading else line):
            return
