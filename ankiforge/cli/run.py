"""`ankiforge run` and `extract`, and the steps that `draft` and `watch` share with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
    Session,
    command,
    end,
    progress_bar,
    session,
)
from ankiforge.errors import ForgeError, ServiceError, UsageError

if TYPE_CHECKING:
    from ankiforge.app import Tally
    from ankiforge.draft.llm import Model
    from ankiforge.ledger import Replies
    from ankiforge.model import Highlight, Source
    from ankiforge.run import Progress

PROBLEMS = 3
"""The number of lines about problems after a run; `-v` prints all."""


@command("""
  ankiforge run paper.pdf notes/           cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       new cards go into the deck Notes
  ankiforge run                            read all of it again
  ankiforge run --dry-run                  show what would happen
""")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
@click.option("--deck", default="", metavar="NAME", help="Put new cards into this deck.")
@OUTPUT
@DRAFTER
@ACCEPT
@FORCE
@click.option("--dry-run", is_flag=True, help="Show what would happen; write and send nothing.")
def run(
    call: Call,
    paths: tuple[Path, ...],
    deck: str,
    output: str | None,
    drafter: str | None,
    accept: str | None,
    force: bool,
    dry_run: bool,
) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is a PDF, a note, a text file, an export of Kindle, Readwise or hypothes.is, a tiddler, a
    folder of these, or Zotero's data folder. It is remembered: without PATH, the remembered ones
    and the sources of the workspace are read.
    """
    from ankiforge import app, deliver
    from ankiforge.cli.anki import look, package_path

    tally = app.Tally()
    with session(call, writes="drafting", read_only=dry_run) as now:
        path = package_path(now, deck, output)
        if not dry_run:
            deliver.refuse_foreign(path, force=force)
        look(now, tally)
        error = propose(
            now, tally, paths, drafter=drafter or "", accept=accept or "", dry_run=dry_run,
            deck=deck and _deck_name(deck),
        )  # fmt: skip
        if dry_run:
            tally.plan(deliver.plan_cards(now.ledger, now.decks, now.pictures), None)
        else:
            app.publish(now.workspace, now.ledger, tally, path)
        print_summary(now, tally)
    end(tally.problems, error)


def _deck_name(name: str) -> str:
    from ankiforge.anki.notes import deck_name

    return deck_name(name)


def _remember(now: Session, tally: Tally, remembered: tuple[Any, ...]) -> None:
    """Remember the PATHs of a run, and trust them: the person just named them."""
    from ankiforge.config.workspace import (
        confirm,
        remembered_concerns,
        store_remembered,
        user_folder,
    )

    known = now.workspace.remembered
    store_remembered(now.workspace.folder, remembered)
    if not now.workspace.is_default:
        confirm(now.workspace, list(remembered_concerns(now.workspace)), user_folder())
    tally.remembered = [item.path for item in remembered if item not in known]


def propose(
    now: Session,
    tally: Tally,
    paths: tuple[Path, ...] = (),
    *,
    drafter: str = "",
    accept: str = "",
    dry_run: bool = False,
    spent: float = 0.0,
    **options: Any,
) -> ForgeError | None:
    """Read the sources, adopt what only Anki knows, draft and accept; `options` are fields of `Job`.

    If a service fails, the error is returned, so that cards that are ready can still be written.

    Raises:
        UsageError: there is nothing to read.
    """
    from msgspec.structs import replace

    from ankiforge import app, deliver
    from ankiforge.run import draft, ingest

    call = now.call
    selected, lost, remembered = app.select_sources(now.workspace, paths)
    if not selected and not lost:
        hint = f"{call.program} run PATH, or {call.program} init"
        raise UsageError("there is nothing to read", hint=hint)
    tally.problems += lost
    if not dry_run and remembered != now.workspace.remembered:
        _remember(now, tally, remembered)
    sources = app.open_sources(
        now.workspace, now.ledger, selected, offline=call.offline, jobs=call.jobs
    )
    model, replies = model_for(now, drafter, spent=spent)
    # the notes of a remembered PATH that is not there may be at another one now
    there = [one for one in remembered if not paths or Path(one.path).exists()]
    job = app.make_job(
        now.workspace, sources, accept=accept, model=None if dry_run else model, limit=call.limit,
        in_use=app.names_in_use(now.workspace.config, there), **options,
    )  # fmt: skip

    def steps() -> Iterable[Progress]:
        read = ingest(job, now.ledger)
        yield read
        if tally.look and tally.look.viewed.unknown:
            tally.problems += deliver.adopt(now.ledger, tally.look.viewed.unknown)
        # of PATHs, a model drafts only what lies there
        within = read.report.documents if paths and read.report else None
        yield from draft(replace(job, within=within), now.ledger)

    error = follow(now, tally, steps(), model, sources)
    if replies:
        replies.close()
    return error


def follow(
    now: Session,
    tally: Tally,
    steps: Iterable[Progress],
    model: Model | None = None,
    sources: tuple[Source, ...] = (),
) -> ForgeError | None:
    """Run the steps and show the progress; return the error of a service that failed."""
    with progress_bar(now.out, sources) as show:
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
    now: Session, drafter: str, *, fresh: bool = False, spent: float = 0.0
) -> tuple[Model | None, Replies | None]:
    """Return the language model, if it is the drafter, and the file of its replies."""
    from ankiforge import app

    if (drafter or now.workspace.config.drafter) == "rules":
        return None, None
    replies = app.open_replies(now.workspace)
    model = app.language_model(
        now.workspace, replies, now.out.say, offline=now.call.offline, jobs=now.call.jobs,
        fresh=fresh, spent=spent,
    )  # fmt: skip
    return model, replies


def print_summary(now: Session, tally: Tally) -> None:
    """Print what a run came to, as JSON or in a few lines."""
    out = now.out
    if out.as_json:
        from ankiforge.reports.summary import as_json

        out.data(as_json(tally, now.ledger))
        return
    told = out.problems(tally.problems, None if out.verbose else PROBLEMS)
    if out.quiet:
        return
    from ankiforge.reports.summary import MOST_LINES, as_text

    room = None if out.verbose else MOST_LINES - told
    for line in as_text(tally, now.ledger, now.workspace, now.call.program, room):
        out.print(line)


# --- extract --------------------------------------------------------------------------------


@command("""
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
""")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def extract(call: Call, paths: tuple[Path, ...]) -> None:
    """Show the highlights of PATH, or of the workspace's sources; write nothing."""
    from ankiforge import app
    from ankiforge.cli.output import workspace_of
    from ankiforge.extract import keyed, scanned
    from ankiforge.model import Extracted, Problem
    from ankiforge.reports.cards import highlight_json, titled
    from ankiforge.text import on_one_line

    out, workspace = call.out, workspace_of(call)
    selected, problems, _ = app.select_sources(workspace, paths)
    if not selected and not problems:
        raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
    jobs = call.jobs or os.cpu_count() or 1
    sources = [
        app.open_source(workspace.config, one.entry, one.only, offline=call.offline, jobs=jobs)
        for one in selected
    ]

    def read() -> Iterator[Highlight]:
        for source in sources:
            for found in scanned(source, None):
                if isinstance(found, Problem):
                    problems.append(found)
                elif isinstance(found, Extracted):
                    yield from keyed(found)

    found = 0
    for one in islice(read(), call.limit):
        found += 1
        if out.as_json:
            out.data(highlight_json(one))
            continue
        note = f"  [{one.comment}]" if one.exact and one.comment else ""
        out.print(on_one_line(f"{titled(one)} · {one.kind}: {one.exact or one.comment}{note}"))
    for problem in problems if out.as_json else ():
        out.data({"problem": problem})
    out.problems(problems)
    if not found and call.limit != 0:
        out.say("no highlights found; what counts as one: docs/reading.md")
    end(problems)
