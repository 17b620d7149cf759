"""`ankiforge run`: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from ankiforge.cli.common import Call, common_options
from ankiforge.cli.wish import Wish
from ankiforge.errors import UsageError

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
    from ankiforge.cli.running import work  # all that a run needs takes a while to import

    work(wish)
