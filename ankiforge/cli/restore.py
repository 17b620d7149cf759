"""`ankiforge restore`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.domain import Standing, Verdict

EPILOG = """\b
Examples:
  ankiforge restore afpl5zre
  ankiforge restore --all --filter verdict:rejected
"""


@click.command(epilog=EPILOG)
@choosing
@common_options
def command(call: Call, ids: tuple[str, ...], every: bool, query: str) -> None:
    """Bring cards back: a rejected one waits again, a retired one lives again."""
    with session(call) as now:
        choices = chosen(
            now,
            ids,
            every,
            query,
            lambda c: c.verdict is Verdict.REJECTED or c.standing is not Standing.LIVE,
        )
        done = review.restore(now.ledger, choices)
    tell_done(call, done, "restored")
