"""`ankiforge distinct`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.review.select import find, foreign_note

EPILOG = """\b
Examples:
  ankiforge distinct afpl5zre afr3adwg            these two are no duplicates
  ankiforge distinct afpl5zre nid:1700000000123   nor are this card and that note in Anki
  ankiforge distinct afpl5zre                     nor is any card that it is said to resemble
"""


@click.command(epilog=EPILOG)
@click.argument("id", metavar="CARD")
@click.argument("twins", nargs=-1, metavar="[TWIN]...")
@common_options
def command(call: Call, id: str, twins: tuple[str, ...]) -> None:
    """Say that a card is no duplicate of another; the finding never comes back.

    TWIN is a card, or a note in Anki as `nid:…`; without one, all that `show` names are meant.
    """
    with session(call) as now:
        card = find(now.ledger, id).card
        named = tuple(
            foreign_note(now.ledger, word) or find(now.ledger, word).card.guid for word in twins
        )
        if card.guid in named:
            raise UsageError(f"{card.guid} is no twin of itself", hint="name another card")
        if not (meant := named or review.duplicates_of(card)):
            what = f"{card.guid} resembles no other card"
            raise UsageError(what, hint=f"ankiforge show {card.guid}")
        done = review.distinct(now.ledger, card, meant)
    tell_done(call, done, "is no duplicate: that finding never comes back")
