"""`ankiforge extract`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from ankiforge import app
from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import opened_of, session, wanted_of
from ankiforge.cli.working import follow
from ankiforge.errors import UsageError
from ankiforge.model import Highlight
from ankiforge.pipeline import read
from ankiforge.reports.cards import highlight_json
from ankiforge.reports.summary import Tally

EPILOG = """\b
Examples:
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--name", default="", help="The name of the source behind PATH.")
@common_options
def command(call: Call, paths: tuple[Path, ...], name: str) -> None:
    """Show the highlights of PATHs, or of the workspace's sources; write nothing."""
    with session(call, forgetful=True) as now:
        wanted, lost = wanted_of(now, paths, name)
        if not wanted and not lost:
            raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
        _, sources = opened_of(now, wanted, call.talk.say)
        job = app.make_job(now.workspace, sources, None)
        run = now.ledger.start_run("extract")
        tally = Tally(problems=list(lost))
        error = follow(now, tally, read(job, now.ledger, run))
        found = 0
        for highlight in islice(now.ledger.highlights.seen_in(run), call.limit):
            found += 1
            if call.talk.as_json:
                call.talk.data(highlight_json(highlight))
            else:
                call.talk.print(_line(highlight))
        for problem in tally.problems if call.talk.as_json else ():
            call.talk.data({"problem": problem})
        tell_problems(now.call, tally.problems)
        if not found and call.limit != 0 and error is None:
            call.talk.say("no highlights there; what counts as one: docs/commands.md")
    end(tally.problems, error)


def _line(highlight: Highlight) -> str:
    page = f" p. {highlight.page_label}" if highlight.page_label else ""
    words = " ".join((highlight.exact or highlight.comment).split())
    note = (
        f"  [{' '.join(highlight.comment.split())}]"
        if highlight.exact and highlight.comment
        else ""
    )
    return f"{highlight.document.title}{page} · {highlight.kind}: {words}{note}"
