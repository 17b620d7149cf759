"""`ankiforge undo`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.anki.names import RETIRED
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session

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
        there = [one for one in taken_back if _in_anki(now, one.subject)]
    for decided in taken_back:
        if call.talk.as_json:
            call.talk.data({"guid": decided.subject, "undone": decided.what, "id": decided.id})
        else:
            call.talk.say(f"undone: {decided.what} {decided.subject}")
    if there and not call.talk.as_json:
        call.talk.say(
            "in Anki, words and tags follow with the next build or push; a card that is none any"
            f" more gets the tag {RETIRED} there, for no import can delete it; your words that an"
            " import has replaced do not come back"
        )


def _in_anki(now: Session, guid: str) -> bool:
    try:
        return now.ledger.cards.get(guid).anki.there
    except KeyError:
        return False
