"""`ankiforge restore`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.model import AnkiState, Standing, Verdict

EPILOG = """\b
Examples:
  ankiforge restore afpl5zre
  ankiforge restore --all --filter verdict:rejected
  ankiforge restore --missing           what is missing in Anki is shipped again
"""

_GONE = (AnkiState.MISSING, AnkiState.TOMBSTONE)


@click.command(epilog=EPILOG)
@choosing
@click.option("--missing", is_flag=True, help="All that are missing in Anki.")
@common_options
def command(call: Call, words: tuple[str, ...], every: bool, query: str, missing: bool) -> None:
    """Bring cards back.

    A rejected one waits again, a retired one lives again; what was deleted in Anki, or is
    missing there, is shipped again.
    """
    if missing and (words or every):
        raise UsageError("--missing stands for all that are missing in Anki: nothing beside it")
    every, query = every or missing, "anki:missing" if missing else query
    with session(call) as now:
        targets = chosen(
            now,
            words,
            every,
            query,
            lambda c: (
                c.verdict is Verdict.REJECTED or c.standing is not Standing.LIVE or c.anki in _GONE
            ),
        )
        done = review.restore(now.ledger, targets)
    tell_done(call, done, "restored")
