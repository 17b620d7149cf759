"""`ankiforge pick`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.review.select import find

EPILOG = """\b
Examples:
  ankiforge pick afpl5zre.b                 the second candidate is the card
  ankiforge pick afpl5zre.b afr3adwg.a      of two choices one each
"""


@click.command(epilog=EPILOG)
@click.argument("ids", nargs=-1, required=True, metavar="DRAFT_ID...")
@click.option("--force", is_flag=True, help="Overrule a check that blocks; it is recorded.")
@common_options
def command(call: Call, ids: tuple[str, ...], force: bool) -> None:
    """Choose one candidate of a choice; it is accepted, the others are passed over.

    One that was passed over before takes the place of the one that was picked.
    """
    with session(call) as now:
        targets = [find(now.ledger, word) for word in ids]
        bare = [target.card.guid for target in targets if not target.letter]
        if bare:
            hint = f"ankiforge show {bare[0]} lists them"
            raise UsageError(f"which candidate of {bare[0]}?", hint=hint)
        done = review.pick(now.ledger, targets, force=force)
    tell_done(call, done, "picked")
