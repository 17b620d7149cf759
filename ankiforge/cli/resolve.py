"""`ankiforge resolve`: where Anki and the source say different things."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.model import Family
from ankiforge.review.select import find
from ankiforge.sync import plan_cards

EPILOG = """\b
Examples:
  ankiforge resolve afpl5zre --mine                    keep what stands in Anki, from now on
  ankiforge resolve afpl5zre --source --field Back     take the source's words for Back
"""

_FIELDS = tuple(dict.fromkeys(name for family in Family for name in family.content_fields))


@click.command(epilog=EPILOG)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--mine", is_flag=True, help="Your words in Anki stay, whatever the source says.")
@click.option("--source", is_flag=True, help="The source's words take their place.")
@click.option("--field", default="", metavar="NAME", help="Only this field; else all in conflict.")
@common_options
def command(call: Call, ids: tuple[str, ...], mine: bool, source: bool, field: str) -> None:
    """Settle what both you (in Anki) and the source have changed; `show` has all three sides."""
    if mine == source:
        raise UsageError("say whose words are to stand: --mine or --source")
    if field and field not in _FIELDS:
        raise UsageError(f"no field is called {field!r}", hint=f"one of {', '.join(_FIELDS)}")
    with session(call) as now:
        targets = [find(now.ledger, word) for word in ids]
        plans = plan_cards(now.ledger, (one.card for one in targets), now.decks)
        conflicts = {one.card.guid: one.conflicts for one in plans}
        fresh = [find(now.ledger, target.card.guid) for target in targets]
        done = review.resolve(now.ledger, fresh, conflicts, mine=mine, field=field)
    tell_done(call, done, "settled; it reaches Anki with the next build or push")
