"""`ankiforge run`: the main job."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from ankiforge import assembly
from ankiforge.cli.choosing import matching
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session, wanted_of
from ankiforge.cli.working import (
    end,
    follow,
    job_for,
    look_first,
    model_for,
    refuse_foreign,
    target,
    tell,
    write_packages,
)
from ankiforge.domain import RunId
from ankiforge.errors import UsageError
from ankiforge.ledger.policy import FLOOD
from ankiforge.pipeline import propose
from ankiforge.reports.cards import one_line
from ankiforge.reports.decks import left_behind
from ankiforge.reports.summary import Summary, Tally, summarize

EPILOG = """\b
Examples:
  ankiforge run paper.pdf notes/           highlights of these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       into the deck Notes
  ankiforge run                            all sources of the workspace
  ankiforge run --dry-run --json           what would happen, as JSON; nothing is written
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--deck", default="", metavar="NAME", help="The deck for cards without one yet.")
@click.option("-o", "--output", metavar="FILE.apkg", help="Write the package here.")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who drafts.")
@click.option(
    "--accept",
    type=click.Choice(["clean", "review"]),
    help="Accept clean cards, or let every card wait for a person.",
)
@click.option("--new", "new_only", is_flag=True, help="Only cards that no package held before.")
@click.option("--name", default="", help="The name of the source behind PATH.")
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
    force: bool,
    dry_run: bool,
) -> None:
    """Turn highlights into cards, and ready cards into a package for Anki.

    PATHs are PDFs, Markdown notes, folders of these, or a zotero.sqlite; without any, the
    sources of the workspace are read. What was drafted, decided or shipped before stays.
    """
    with session(call, writes="" if dry_run else "drafting", forgetful=dry_run) as now:
        refuse_foreign(target(now, deck, output), force)
        wanted, lost = wanted_of(now, paths, name)
        if not wanted and not lost:
            raise _nothing_to_read(now)
        model = model_for(now, drafter or "")
        if model and dry_run:
            model = model.from_memory()  # what was paid for is shown, nothing is sent
        kept: list[str] = []
        tally = Tally(problems=list(lost))
        sources = assembly.open_sources(now.workspace.config, wanted, now.ledger, kept.append)
        job = job_for(now, sources, model, accept or "", deck)
        look_first(now, tally)
        for line in kept:
            call.talk.say(line)
        run = now.ledger.start_run("run")
        error = follow(now, tally, propose(job, now.ledger, run))
        if not dry_run:
            only = now.ledger.cards.of_documents(run) if paths else None
            write_packages(now, run, tally, job.decks, deck=deck, output=output, only=only,
                           new_only=new_only, force=force)  # fmt: skip
            now.ledger.finish_run(run)
            if not paths and now.ledger.has_changed("decks", repr(job.decks)):
                for line in left_behind(now.ledger, run, job.decks):
                    call.talk.say(line)
        summary = summarize(now.ledger, run, tally, model.usage if model else None)
        tell(now, summary, _next(now, summary, run, dry_run))
    end(tally, error)


def _nothing_to_read(now: Session) -> UsageError:
    hint = "ankiforge run PATH"
    other = ", or ankiforge init"
    if not now.workspace.is_default:
        other = f"; or name a folder under `sources:` in {now.workspace.settings}"
    return UsageError("there is nothing to read", hint=hint + other)


def _next(now: Session, summary: Summary, run: RunId, dry_run: bool) -> Iterator[str]:
    """Where the package lies, what to know, what to do next."""
    tally = summary.tally
    if dry_run:
        yield "\nthis was a dry run: nothing was written"
        return
    if tally.nothing_new and summary.funnel.seen:
        yield "\nnothing is new"
    for one in tally.published:
        yield f"\npackage: {one.path}"
        if not tally.nothing_new:
            yield "  import it: double-click it, or in Anki: File › Import, options as they are"
    if summary.tally.counts["flooded"]:
        yield from _flood(now, summary, run)
    if summary.funnel.seen and not tally.nothing_new:
        yield "\nnext:"
        told = [
            (f"{now.call.program} {command}", says) for command, says in _commands(now, summary)
        ]
        width = max(len(command) for command, _ in told)
        yield from (f"  {command:{width}}   {says}" for command, says in told)


_SETTLED = ("deleted in Anki", "rejected", "retired")
"""Why there is no card, where a person has said so."""


def _commands(now: Session, summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.cards["waiting"] or summary.cards["revisions"]:
        yield "list verdict:pending -v", "what waits for you; then accept, edit, reject"
    if summary.cards["blocked"]:
        yield "list finding:block -v", "why cards are blocked"
    if any(not reason.startswith(_SETTLED) for reason in summary.funnel.reasons):
        yield "draft export ask.md", "passages without a card, to paste into any chat"
        if summary.usage is None:
            yield "run --drafter llm", f"or let a model draft them{_model_here(now)}"
    yield "list", "what was made"


def _model_here(now: Session) -> str:
    """The model server that runs on this machine, if one does."""
    from ankiforge.reports.discover import Machine, model_servers

    found = next(iter(model_servers(Machine.this())), None)
    if found is not None:
        return f": {found.program} runs at {found.base_url}"
    return " (llm: in ankiforge.yaml; ankiforge init makes one)" if now.workspace.is_default else ""


SAMPLES = 5
"""Cards shown of a flood."""


def _flood(now: Session, summary: Summary, run: RunId) -> Iterator[str]:
    """So many cards at once are for a person to let through."""
    count = summary.tally.counts["flooded"]
    yield f"\n{FLOOD} cards were accepted by themselves; {count} more wait for you, such as:"
    waiting = matching(now, f"run:{run} verdict:pending")
    yield from (f"  {one_line(card)}" for card in islice(waiting, SAMPLES))
    yield f"accept them all: {now.call.program} accept --all --filter run:{run}"
