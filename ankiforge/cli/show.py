"""`ankiforge show`."""

from __future__ import annotations

import click

from ankiforge.cli.choosing import meant
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session, told
from ankiforge.model import AnkiState
from ankiforge.reports.cards import card_text, duplicates_text, schedule_line
from ankiforge.review.history import work_lines
from ankiforge.sync import conflicts_of

EPILOG = """\b
Examples:
  ankiforge show afpl5zre
  ankiforge show deck:Biology membrane      all that a query means
  ankiforge show afpl5zre --json
"""


@click.command(epilog=EPILOG)
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
@common_options
def command(call: Call, words: tuple[str, ...]) -> None:
    """Show cards in full: fields, quote, source, findings, what waits."""
    with session(call, forgetful=True) as now:
        for choice in meant(now, words):
            card = choice.card
            held = card.anki is AnkiState.HELD
            conflicts = conflicts_of(now.ledger, card, now.decks) if held else ()
            seen = now.ledger.views.seen(card.guid)
            reviews = now.ledger.views.reviews_of(card.guid)
            if call.talk.as_json:
                call.talk.data(told(now, card, conflicts))
            else:
                lines = [*card_text(card, conflicts)]
                lines += [f"studied   {schedule_line(seen, reviews)}"] if seen else []
                lines += work_lines(now.ledger, card)
                lines += duplicates_text(now.ledger, card)
                call.talk.print("\n".join((*lines, "")))
