"""`ankiforge merge`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.review.select import find, foreign_note

EPILOG = """\b
Example:
  ankiforge merge afpl5zre afr3adwg      one card from now on, with both sources
"""


@click.command(epilog=EPILOG)
@click.argument("id", metavar="CARD")
@click.argument("twin", metavar="TWIN")
@common_options
def command(call: Call, id: str, twin: str) -> None:
    """Make one card of two that ask the same.

    The one with more reviews stays, else the older; it has the other's source as well. The
    other is retired. `ankiforge undo` takes it back.
    """
    with session(call) as now:
        if foreign_note(now.ledger, twin) or foreign_note(now.ledger, id):
            hint = f"ankiforge reject {id}, or, if both shall stay: ankiforge distinct {id} {twin}"
            raise UsageError("a note in Anki that others made is not merged", hint=hint)
        done = review.merge(now.ledger, find(now.ledger, id).card, find(now.ledger, twin).card)
    if call.talk.as_json:
        call.talk.data({"guid": done.stays, "merged": done.went, "done": True, "refused": ""})
    call.talk.say(f"merged: {done.stays} stays, {done.went} is retired; both sources are kept")
