"""`ankiforge import`."""

from __future__ import annotations

from pathlib import Path

import click

from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import session
from ankiforge.reports.importing import import_file

EPILOG = """\b
Examples:
  ankiforge import all.jsonl            what ankiforge export all.jsonl wrote
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.jsonl")
@common_options
def command(call: Call, file: Path) -> None:
    """Take in what was decided elsewhere, or by a ledger that was lost.

    What you have decided here since stays. Cards that are not here yet take in what was decided
    about them when they are drawn.
    """
    with session(call, writes="drafting") as now:
        brought = import_file(now.ledger, file)
        problems = (*now.problems, *brought.problems)
        tell_problems(call, problems)
        for one in brought.kept:
            call.talk.say(f"kept: {one.subject}: {one.why}")
        if call.talk.as_json:
            call.talk.data(
                {
                    "decisions": brought.decisions,
                    "known": brought.known,
                    "kept": [{"subject": one.subject, "why": one.why} for one in brought.kept],
                    "problems": problems,
                }
            )
        else:
            call.talk.say(f"{brought.decisions} decisions taken in, {brought.known} lines known")
    end(problems)
