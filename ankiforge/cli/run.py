"""`ankiforge run` and `extract`, and the steps that `draft` and `watch` share with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import (
    ACCEPT,
    DRAFTER,
    FILE,
    FORCE,
    OUTPUT,
    Call,
    command,
    end,
    progress_bar,
)
from ankiforge.cli.session import Session, session
from ankiforge.errors import ForgeError, ServiceError, UsageError

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.ledger import Replies
    from ankiforge.model import Highlight, Source
    from ankiforge.reports.summary import Tally
    from ankiforge.run import Job, Progress


@command("""
  ankiforge run paper.pdf notes/           cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       put the cards into the deck Notes
  ankiforge run                            read remembered paths and all sources again
  ankiforge run --dry-run --json           show what would happen, as JSON
""", shows="limit jobs")  # fmt: skip
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
@click.option("--deck", default="", metavar="NAME", help="Put new cards without a deck of their own into this deck.")  # fmt: skip
@OUTPUT
@DRAFTER
@ACCEPT
@FORCE
@click.option("--dry-run", is_flag=True, help="Show what would happen; write and send nothing.")
def run(call: Call, paths: tuple[Path, ...], **options: Any) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is a PDF, a note, a text file, a tiddler, Kindle clippings, a Readwise or hypothes.is
    export, a folder of these, or Zotero's data folder. Each PATH is remembered: without PATH,
    the remembered ones and the sources of the workspace are read.
    """
    run_sources(call, paths, **options)


def run_sources(
    call: Call,
    paths: tuple[Path, ...],
    *,
    deck: str,
    output: str | None,
    drafter: str | None,
    accept: str | None,
    force: bool,
    dry_run: bool,
) -> None:
    """Look at Anki, read, draft, accept, and write the package."""
    from ankiforge import app, deliver
    from ankiforge.anki.notes import deck_name
    from ankiforge.cli.anki import look, package_path, write_package
    from ankiforge.reports.summary import Tally

    tally, error = Tally(), None
    with session(call, writes="drafting", read_only=dry_run) as now:
        path = package_path(now, deck, output)
        if not dry_run:
            deliver.refuse_foreign(path, force=force)
        look(now, tally)
        selected, lost, remembered = app.select_sources(now.workspace, paths)
        if not selected and not lost:
            hint = f"{call.program} run PATH, or {call.program} init"
            raise UsageError("there is nothing to read", hint=hint)
        tally.problems += lost
        remember(now, remembered, dry_run=dry_run)
        sources = app.open_sources(
            now.workspace, now.ledger, selected, offline=call.offline, jobs=call.jobs
        )
        model, replies = model_for(now, drafter or "", accept=accept or "")
        # the notes of a remembered PATH that is not there may be at another one now
        there = [one for one in remembered if not paths or Path(one.path).exists()]
        in_use = app.names_in_use(now.workspace.config, there)
        job = app.make_job(
            now.workspace, sources, accept=accept or "", model=None if dry_run else model,
            deck=deck and deck_name(deck), limit=call.limit, in_use=in_use,
        )  # fmt: skip
        error = read_and_draft(now, job, tally, model, partly=bool(paths))
        if dry_run:
            plan = deliver.plan_cards(now.ledger, now.decks, now.pictures)
            tally.plan(plan, None)
        else:
            write_package(now, tally, path)
        if replies:
            replies.close()
        print_summary(now, tally)
    end(tally.problems, error)


def remember(now: Session, remembered: tuple[Any, ...], *, dry_run: bool) -> None:
    """Remember the PATHs of a run, and say where the list is."""
    from ankiforge.config.workspace import store_remembered

    known = now.workspace.remembered
    if dry_run or remembered == known:
        return
    store_remembered(now.workspace.folder, remembered)
    confirm_remembered(now)
    for item in remembered:
        if item not in known:
            names = ", ".join(item.names.values())
            file = now.workspace.folder / "sources.yaml"
            now.out.say(f"{item.path} is remembered as {names}; to forget it, edit {file}")


def confirm_remembered(now: Session) -> None:
    """Trust the PATHs that the person just named."""
    from ankiforge.config.trust import confirm, remembered_concerns
    from ankiforge.config.workspace import user_folders

    if not now.workspace.is_default:
        confirm(now.workspace, list(remembered_concerns(now.workspace)), user_folders())


def read_and_draft(
    now: Session, job: Job, tally: Tally, model: Model | None = None, *, partly: bool = False
) -> ForgeError | None:
    """Read, adopt what only Anki knows, draft and accept.

    If the run is `partly`, of PATHs, a model drafts only what lies there.
    If a service fails, the error is returned, so that cards that are ready can still be written.
    """
    from ankiforge import deliver
    from ankiforge.run import draft, ingest

    def steps() -> Iterable[Progress]:
        read = ingest(job, now.ledger)
        yield read
        if tally.look and tally.look.viewed.unknown:
            tally.problems += deliver.adopt(now.ledger, tally.look.viewed.unknown)
        within = read.report.documents if partly and read.report else None
        yield from draft(replace(job, within=within), now.ledger)

    return follow(now, tally, steps(), model, job.sources)


def follow(
    now: Session,
    tally: Tally,
    steps: Iterable[Progress],
    model: Model | None = None,
    sources: tuple[Source, ...] = (),
) -> ForgeError | None:
    """Run the steps and show the progress; return the error of a service that failed."""
    with progress_bar(now.out, model, sources=sources) as show:
        try:
            for step in steps:
                tally.add(step)
                show(step)
        except (ServiceError, UsageError) as error:
            return error
        finally:  # stop the model's threads before the ledger is closed
            if model is not None:
                tally.usage = model.usage
                model.leave()
    return None


def model_for(
    now: Session, drafter: str, *, fresh: bool = False, accept: str = "", spent: float = 0.0
) -> tuple[Model | None, Replies | None]:
    """Return the language model, if it is the drafter, and the file of its replies."""
    from ankiforge import app
    from ankiforge.config import DrafterName

    name = DrafterName(drafter) if drafter else now.workspace.config.drafter
    if name is DrafterName.RULES:
        return None, None
    replies = app.open_replies(now.workspace)
    model = app.language_model(
        now.workspace, replies, now.out.say,
        offline=now.call.offline, jobs=now.call.jobs, fresh=fresh, accept=accept,
        spent=spent,
    )  # fmt: skip
    return model, replies


def print_summary(now: Session, tally: Tally) -> None:
    """Print what a run came to, as JSON or as text."""
    from ankiforge.reports.summary import as_json, as_text

    if now.out.as_json:
        now.out.data(as_json(tally, now.ledger))
        return
    now.out.problems(tally.problems)
    if not now.out.quiet:
        for line in as_text(tally, now.ledger, now.call.program):
            now.out.print(line)


# --- extract --------------------------------------------------------------------------------


@command("""
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
""", shows="limit jobs", lines=True)  # fmt: skip
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def extract(call: Call, paths: tuple[Path, ...]) -> None:
    """Show the highlights of PATH, or of the workspace's sources; write nothing."""
    from ankiforge import app
    from ankiforge.cli.session import workspace_of
    from ankiforge.extract import scanned
    from ankiforge.ledger import Ledger
    from ankiforge.model import Extracted, Problem
    from ankiforge.reports.cards import highlight_json
    from ankiforge.run import keyed

    out, workspace = call.out, workspace_of(call)
    selected, problems, _ = app.select_sources(workspace, paths)
    if not selected and not problems:
        raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
    with Ledger(Path(":memory:"), Path(os.devnull), "reader", read_only=True) as ledger:
        sources = app.open_sources(
            workspace, ledger, selected, offline=call.offline, jobs=call.jobs
        )

    def read() -> Iterator[Highlight]:
        for source in sources:
            for found in scanned(source, None):
                if isinstance(found, Problem):
                    problems.append(found)
                elif isinstance(found, Extracted):
                    yield from keyed(found)

    highlights = read()
    found = 0
    for one in islice(highlights, call.limit):
        found += 1
        if out.as_json:
            out.data(highlight_json(one))
            continue
        page = f" p. {one.page_label}" if one.page_label else ""
        words = " ".join((one.exact or one.comment).split())
        note = f"  [{' '.join(one.comment.split())}]" if one.exact and one.comment else ""
        out.print(f"{one.document.title}{page} · {one.kind}: {words}{note}")
    for problem in problems if out.as_json else ():
        out.data({"problem": problem})
    out.problems(problems)
    if not found and call.limit != 0:
        out.say("no highlights found; what counts as one: docs/reading.md")
    end(problems)
