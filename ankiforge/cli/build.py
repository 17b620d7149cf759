"""`ankiforge build`."""

from __future__ import annotations

import click

from ankiforge.cli.anki import why_none
from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import session
from ankiforge.cli.working import refuse_foreign, sync_first, target, write_packages
from ankiforge.reports.summary import Tally, counted, notes_json, told_of_anki

EPILOG = """\b
Examples:
  ankiforge build                          ./ankiforge.apkg with all accepted cards
  ankiforge build --deck Biology -o b.apkg
"""


@click.command(epilog=EPILOG)
@click.option("--deck", default="", metavar="NAME", help="Only this deck and its subdecks.")
@click.option("-o", "--output", metavar="FILE.apkg", help="Write the package here.")
@click.option("--new", "new_only", is_flag=True, help="Only cards that no package held before.")
@click.option("--full", is_flag=True, help="Everything accepted, whatever Anki has.")
@click.option("--force", is_flag=True, help="Replace a file that is not ankiforge's.")
@common_options
def command(
    call: Call, deck: str, output: str | None, new_only: bool, full: bool, force: bool
) -> None:
    """Write the package (or packages) of all accepted cards.

    Anki is looked at first, if it can be: what stands there as it should is left out. Else the
    package holds every accepted card, at the same revision number as long as its words are the
    same, so that importing it again changes nothing.
    """
    with session(call) as now:
        refuse_foreign(target(now, deck, output), force)
        tally = Tally(problems=list(now.problems))
        sync_first(now, tally)
        run = now.ledger.start_run("build")
        write_packages(now, run, tally, now.decks, deck=deck, below=deck, output=output,
                       new_only=new_only and not full, full=full, force=force)  # fmt: skip
        now.ledger.finish_run(run)
        if call.talk.as_json:
            packages = [str(one.path) for one in tally.published]
            call.talk.data({"notes": notes_json(tally), "packages": packages,
                            "problems": tally.problems})  # fmt: skip
        else:
            tell_problems(now.call, tally.problems)
            for one in tally.published:
                told = f"{counted(one.notes, 'note')} ({one.added} new, {one.updated} updated)"
                call.talk.print(f"{one.path}: {told}")
            for line in told_of_anki(tally):
                call.talk.print(line)
        blocked = now.ledger.queries.card_counts()["blocked"]
        if blocked:
            told = f"{counted(blocked, 'card')} blocked by a check"
            call.talk.say(f"{told}: {call.program} list finding:block -v")
        if not tally.published:
            call.talk.say(f"no package: {why_none(now, new_only=new_only, deck=deck)}")
    end(tally.problems, None)
