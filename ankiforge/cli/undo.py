"""`ankiforge undo`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session

EPILOG = """\b
Examples:
  ankiforge undo             the last thing you decided; again for the one before
  ankiforge undo 5f0c…       one action by its id, as `ankiforge trace` shows it
"""


@click.command(epilog=EPILOG)
@click.argument("action", default="", metavar="[ACTION]")
@common_options
def command(call: Call, action: str) -> None:
    """Take back the last action of yours, or one by its id."""
    with session(call) as now:
        taken_back = review.undo(now.ledger, action)
    for decided in taken_back:
        if call.talk.as_json:
            call.talk.data({"guid": decided.subject, "undone": decided.what, "id": decided.id})
        else:
            call.talk.say(f"undone: {decided.what} {decided.subject}")
