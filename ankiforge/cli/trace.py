"""`ankiforge trace`."""

from __future__ import annotations

import click

from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.reports.trace import told, trace_json
from ankiforge.review.ids import find

EPILOG = """\b
Examples:
  ankiforge trace afpl5zre
  ankiforge trace afpl5zre --json
"""


@click.command(epilog=EPILOG)
@click.argument("card", metavar="CARD")
@common_options
def command(call: Call, card: str) -> None:
    """Show one card's whole way: source, prompt, reply, checks, decisions, what was shipped."""
    with session(call, forgetful=True) as now:
        found = find(now.ledger, card).card
        if call.talk.as_json:
            call.talk.data(trace_json(now.ledger, found, now.tags(found)))
            return
        for line in told(now.ledger, found):
            call.talk.print(line)
