"""`ankiforge accept`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.domain import Card, Verdict

EPILOG = """\b
Examples:
  ankiforge accept afpl5zre
  ankiforge accept --all --filter "deck:Biology -finding:*"
"""


@click.command(epilog=EPILOG)
@choosing
@click.option("--force", is_flag=True, help="Overrule a check that blocks; it is recorded.")
@common_options
def command(call: Call, ids: tuple[str, ...], every: bool, query: str, force: bool) -> None:
    """Let cards through; a waiting revision takes its card's place.

    With --all only pending cards without warnings and without open choices are accepted.
    """
    with session(call) as now:
        done = review.accept(now.ledger, chosen(now, ids, every, query, _in_bulk), force=force)
    tell_done(call, done, "accepted")


def _in_bulk(card: Card) -> bool:
    pending = card.verdict is Verdict.PENDING and card.picked is not None and not card.open
    return pending and card.leading.clean
