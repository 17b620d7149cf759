"""`ankiforge show`."""

from __future__ import annotations

import click

from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.reports.cards import card_json, in_full
from ankiforge.review.ids import find

EPILOG = """\b
Examples:
  ankiforge show afpl5zre
  ankiforge show afpl5zre --json
"""


@click.command(epilog=EPILOG)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@common_options
def command(call: Call, ids: tuple[str, ...]) -> None:
    """Show cards in full: fields, quote, source, findings, what waits."""
    with session(call, forgetful=True) as now:
        for choice in [find(now.ledger, word) for word in ids]:
            if call.talk.as_json:
                call.talk.data(card_json(choice.card, now.tags(choice.card)))
            else:
                call.talk.print("\n".join((*in_full(choice.card), "")))
