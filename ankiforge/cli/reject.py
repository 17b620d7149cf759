"""`ankiforge reject`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.domain import Standing, Verdict

EPILOG = """\b
Examples:
  ankiforge reject afpl5zre --reason "too vague"
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
"""


@click.command(epilog=EPILOG)
@choosing
@click.option("--reason", default="", help="Why; kept with the card.")
@common_options
def command(call: Call, ids: tuple[str, ...], every: bool, query: str, reason: str) -> None:
    """Turn cards down, for ever: the same answer is not offered again on that highlight."""
    with session(call) as now:
        choices = chosen(
            now,
            ids,
            every,
            query,
            lambda c: c.verdict is not Verdict.REJECTED and c.standing is Standing.LIVE,
        )
        done = review.reject(now.ledger, choices, reason)
    tell_done(call, done, "rejected")
