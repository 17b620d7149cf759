"""`ankiforge review`: the review page."""

from __future__ import annotations

from functools import partial

import click

from ankiforge.cli.browser import far_away, open_page, tunnel
from ankiforge.cli.common import Call, common_options, tell_problems
from ankiforge.cli.session import Session, session
from ankiforge.cli.stopping import ended_as_by_ctrl_c

EPILOG = """\b
Examples:
  ankiforge review                             opens the page in your browser
  ankiforge review --deck Biology --no-open    prints its address instead
  ankiforge review --query "finding:* -colour:red"
"""

_WAITING = {
    "pending": ("card waits", "cards wait"),
    "revisions": ("correction", "corrections"),
    "work": ("card needs work", "cards need work"),
    "conflicts": ("conflict with Anki", "conflicts with Anki"),
    "passages": ("passage without a card", "passages without a card"),
}
"""Views that are worth a word at the start: one, several."""


@click.command(epilog=EPILOG)
@click.option("--deck", metavar="NAME", help="Only this deck and those below it.")
@click.option("--source", metavar="NAME", help="Only what this source yields.")
@click.option("--query", default="", metavar="QUERY", help="Only these, as in list.")
@click.option("--no-open", is_flag=True, help="Open no browser; print the address.")
@common_options
def command(call: Call, deck: str | None, source: str | None, query: str, no_open: bool) -> None:
    """Decide on cards in the browser: the source on one side, the card on the other.

    Everything stays on this machine. Ctrl-C ends it; each decision is stored as it is made.
    """
    from ankiforge.review.page.decisions import Models
    from ankiforge.review.page.server import Services, serve
    from ankiforge.review.query import parse

    named = " ".join(
        f'{name}:"{value}"' for name, value in (("deck", deck), ("source", source)) if value
    )
    whole = f"{named} {query}".strip()
    parse(whole)

    with ended_as_by_ctrl_c(), session(call) as now:
        tell_problems(call, now.problems)
        services = Services(now.workspace, lambda problems: tell_problems(call, problems))
        started = partial(_started, now, whole, no_open)
        serve(services, whole, started, Models(offline=call.offline, say=call.talk.say))
        raise click.Abort  # for nothing else ends it


def _started(now: Session, query: str, no_open: bool, address: str) -> None:
    talk = now.call.talk
    talk.say(f"{_waits(now, query)}; Ctrl-C ends it")
    wants = not (no_open or talk.as_json)  # who reads JSON is a program, and no person
    if wants and not open_page(address):
        talk.say("no browser can be opened here: open the address below, all of it, in yours")
    if far_away():
        talk.say(f"from the computer you sit at, first: {tunnel(address)}")
    if talk.as_json:
        talk.data({"address": address})
    else:
        talk.print(address)


def _waits(now: Session, query: str) -> str:
    """`81 cards wait, 3 corrections`."""
    from ankiforge.review.page.lists import Lists

    lists = Lists(lambda: now.desk, query)
    counts = ((lists.count(name, {"query": query}), words) for name, words in _WAITING.items())
    told = (f"{count} {one if count == 1 else many}" for count, (one, many) in counts if count)
    return ", ".join(told) or "nothing waits"
