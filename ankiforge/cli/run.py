"""`ankiforge run`: the main job."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import workspace_of
from ankiforge.cli.wish import Wish
from ankiforge.errors import UsageError
from ankiforge.standstill import Outcome, Standstill

EPILOG = """\b
Examples:
  ankiforge run paper.pdf notes/           highlights of these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       into the deck Notes
  ankiforge run                            these again, and all sources of the workspace
  ankiforge run old.pdf --once             without remembering it
  ankiforge run --dry-run --json           what would happen, as JSON; nothing is written
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--deck", default="", metavar="NAME", help="The deck for the new cards of this run.")
@click.option("-o", "--output", metavar="FILE.apkg", help="Write the package here.")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who drafts.")
@click.option(
    "--accept",
    type=click.Choice(["clean", "review"]),
    help="Accept clean cards, or let every card wait for a person.",
)
@click.option("--new", "new_only", is_flag=True, help="Only cards that no package held before.")
@click.option("--name", default="", help="The name of the source behind PATH.")
@click.option("--once", is_flag=True, help="Do not remember PATH as a source.")
@click.option(
    "--forget", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="Forget a remembered PATH; read nothing.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that is not ankiforge's.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
@common_options
def command(
    call: Call,
    paths: tuple[Path, ...],
    deck: str,
    output: str | None,
    drafter: str | None,
    accept: str | None,
    new_only: bool,
    name: str,
    once: bool,
    forget: tuple[Path, ...],
    force: bool,
    dry_run: bool,
) -> None:
    """Turn highlights into cards, and ready cards into a package for Anki.

    PATHs are PDFs, notes, texts, tiddlers, a Kindle's clippings, exports of Readwise or
    Hypothesis, folders of these, or a zotero.sqlite. They are remembered: without any, these and
    the sources of the workspace are read. What was drafted, decided or shipped before stays.
    """
    if forget:
        if paths:
            raise UsageError(
                "--forget reads nothing", hint=f"first: {call.program} run --forget PATH"
            )
        from ankiforge.cli.remembering import forget as forget_paths

        forget_paths(call, forget)
        return
    wish = Wish(
        call, paths, deck, output, drafter or "", accept or "", new_only, name, force, dry_run, once
    )
    carry_out(wish)


def carry_out(wish: Wish) -> None:
    """Do what is asked for; where nothing has changed, say what the last run left to be said."""
    workspace = workspace_of(wish.call)
    read = wish.paths or tuple(Path(item.path) for item in workspace.remembered)
    here = (wish.request, read, Path.home(), os.environ)
    still = None if wish.dry_run or wish.push else Standstill(workspace, *here)
    if still and (outcome := still.outcome()):
        _tell(wish.call, outcome)
        end(outcome.problems)
        return
    from ankiforge.cli.running import work  # all that a run needs takes a while to import

    work(wish, still)


def _tell(call: Call, outcome: Outcome) -> None:
    """What the last run left to be said."""
    for line in outcome.said:
        call.talk.say(line)
    if call.talk.as_json:
        call.talk.data(outcome.data)
        return
    tell_problems(call, outcome.problems)
    for line in () if call.talk.quiet else outcome.lines:
        call.talk.print(line)
