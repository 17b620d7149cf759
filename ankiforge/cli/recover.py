"""`ankiforge recover`: a lost ledger, from what Anki has."""

from __future__ import annotations

from pathlib import Path

import click

from ankiforge.cli.anki import connected, tell_pull
from ankiforge.cli.common import Call, common_options, end
from ankiforge.cli.pull import FILE, into
from ankiforge.cli.session import session
from ankiforge.cli.working import sync_lines
from ankiforge.errors import UsageError
from ankiforge.reports.summary import Tally

EPILOG = """\b
Examples:
  ankiforge recover --collection ~/.local/share/Anki2/"User 1"/collection.anki2
  ankiforge recover --apkg export.apkg
  ankiforge recover --connect
"""


@click.command(epilog=EPILOG)
@click.option("--collection", type=FILE, metavar="FILE", help="A collection.anki2 or .colpkg.")
@click.option("--apkg", type=FILE, metavar="FILE", help="An export.")
@click.option("--connect", is_flag=True, help="A running Anki, by AnkiConnect.")
@common_options
def command(call: Call, collection: Path | None, apkg: Path | None, connect: bool) -> None:
    """Take over the cards that Anki has and the ledger does not know.

    Each note says whose card it is. The cards stay as they stand in Anki until their source
    changes; the next run finds their passages again and doubles nothing.
    """
    if (collection is not None) + (apkg is not None) + connect != 1:
        raise UsageError("say from where: --collection FILE, --apkg FILE or --connect")
    with session(call, writes="drafting") as now:
        tally = Tally(problems=list(now.problems))
        file = collection or apkg
        result = into(now, file) if file else connected(now)
        tally.record_sync(result, now.ledger)
        tell_pull(now, tally, result, sync_lines(now, result))
    end(tally.problems, None)
