"""`ankiforge adopt`: take over another tool's notes with their history."""

from __future__ import annotations

from pathlib import Path

import click

from ankiforge.cli.output import FILE, Call, command, end, session
from ankiforge.errors import UsageError


@command("""
  ankiforge adopt --from o2a               what would be taken over, then one question
  ankiforge adopt --yes ~/Vault            without the question
  ankiforge adopt --map "My type: Front=Word, Back=Meaning"
""")
@click.argument("path", required=False, type=FILE, metavar="[PATH]")
@click.option("--from", "tool", type=click.Choice(["o2a", "flashcards", "yanki", "ankiops", "sr"]), help="Take over from this tool only.")  # fmt: skip
@click.option("--map", "maps", multiple=True, metavar="TEXT", help="Name the fields of a note type.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
def adopt(
    call: Call, path: Path | None, tool: str | None, maps: tuple[str, ...], yes: bool
) -> None:
    """Take over the notes that another tool made in Anki, with their reviews.

    Corrections in the sources reach these notes from then on. Nothing is written into a source.
    """
    from ankiforge import app
    from ankiforge.adopt import match as adoption
    from ankiforge.cli.anki import look
    from ankiforge.cli.run import propose

    tally, out = app.Tally(), call.out
    with session(call, writes="drafting") as now:
        look(now, tally)
        seen = tally.look and tally.look.sight in ("same", "taken") and Path(tally.look.path)
        if not seen and tool != "sr":
            out.problems(tally.problems)
            raise UsageError("no collection of Anki was read", hint="name it as anki.collection")
        error = propose(now, tally, (path,) if path else (), drafter="rules", accept="review")
        found = adoption.find(now.ledger, seen or None, tool or "", maps)
        out.problems(tally.problems)
        if not out.as_json:
            for line in adoption.report(found, None if out.verbose else adoption.SHOWN):
                out.print(line)
        act = ""
        if found.taken and (
            yes or (out.interactive and click.confirm("Take these over?", err=True))
        ):
            act = now.ledger.take_over(found.taken)
            look(now, tally)
        if out.as_json:
            out.data({**adoption.as_json(found), "undo": act})
        elif act:
            how = "; import with “Import any learning progress” ticked" if found.scheduled else ""
            out.say(f"{len(found.taken):,} taken over{how}; to take it back: ankiforge undo {act}")
    end(tally.problems, error)
