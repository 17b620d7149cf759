"""`ankiforge accept`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.review import acceptable_in_bulk

EPILOG = """\b
Examples:
  ankiforge accept afpl5zre
  ankiforge accept deck:Biology         shows what that means, and asks
  ankiforge accept --all --filter "deck:Biology -finding:*"
"""


@click.command(epilog=EPILOG)
@choosing
@click.option("--force", is_flag=True, help="Overrule a check that blocks; it is recorded.")
@common_options
def command(call: Call, words: tuple[str, ...], every: bool, query: str, force: bool) -> None:
    """Let cards through; a waiting revision takes its card's place.

    With --all only pending cards without warnings and without open choices are accepted.
    """
    with session(call) as now:
        done = review.accept(
            now.ledger, chosen(now, words, every, query, acceptable_in_bulk), force=force
        )
    tell_done(call, done, "accepted")
