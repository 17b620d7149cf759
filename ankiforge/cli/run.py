"""`ankiforge run` and `extract`, and the functions that `draft` and `watch` share with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    ACCEPT,
    DRAFTER,
    FILE,
    FORCE,
    NEW,
    OUTPUT,
    Call,
    command,
    end,
    progress_bar,
)
from ankiforge.cli.session import (
    Commands,
    Session,
    columns,
    commands_to_decide,
    commands_to_go_on,
    commands_to_rework,
    commands_without_card,
    note_sources,
    open_sources,
    select_sources,
    session,
)
from ankiforge.errors import ForgeError, ServiceError, UsageError
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge.app import SelectedSource
    from ankiforge.draft.llm import Model
    from ankiforge.model import RunId, Source
    from ankiforge.pipeline import Job, Progress
    from ankiforge.reports.summary import Summary, Tally

_FLOOD_SHOWN = 5
"""The number of cards of a flood that are shown."""


# --- run ------------------------------------------------------------------------------------


@command("""
  ankiforge run paper.pdf notes/           cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       put the cards into the deck Notes
  ankiforge run                            read remembered paths and all sources again
  ankiforge run --dry-run --json           show what would happen, as JSON
""", shows="limit jobs")  # fmt: skip
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
@click.option(
    "--deck",
    default="",
    metavar="NAME",
    help="Put new cards without a deck of their own into this deck.",
)
@OUTPUT
@DRAFTER
@ACCEPT
@NEW
@click.option(
    "--confirm-deletions", default=0, metavar="N",
    help="Confirm that the N notes or files that are gone were deleted on purpose.",
)  # fmt: skip
@FORCE
@click.option("--dry-run", is_flag=True, help="Show what would happen; write and send nothing.")
def run(
    call: Call,
    paths: tuple[Path, ...],
    *,
    deck: str,
    output: str | None,
    drafter: str | None,
    accept: str | None,
    new_only: bool,
    confirm_deletions: int,
    force: bool,
    dry_run: bool,
) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is a PDF, a note, a text file, a tiddler, Kindle clippings, a Readwise or hypothes.is
    export, a folder of these, or Zotero's data folder. Each PATH is remembered: without PATH,
    the remembered ones and the sources of the workspace are read. `status` names the file that
    lists them.
    """
    from ankiforge.cli.delivery import (
        deck_notices,
        package_path,
        refuse_foreign,
        sync_first,
        write_packages,
    )
    from ankiforge.pipeline import propose
    from ankiforge.reports.cards import left_behind
    from ankiforge.reports.summary import Tally, summarize

    out, accept = call.out, accept or ""
    with session(call, writes="" if dry_run else "drafting", read_only=dry_run) as now:
        refuse_foreign(package_path(now, deck, output), force)
        wanted, lost = select_sources(now, paths)
        if not wanted and not lost:
            raise _nothing_to_read(now)
        model = model_for(now, drafter or "", accept=accept)
        if model and dry_run:
            model = model.from_memory()  # use cached replies, and send nothing
        lines: list[str] = []
        tally = Tally(problems=list(lost), absent=bool(lost))
        wanted, sources = open_sources(now, wanted, lines.append)
        if paths and not dry_run:
            lines += _remember(now, paths, wanted)
        job = replace(job_for(now, sources, model, accept, deck), confirmed=confirm_deletions)
        sync_first(now, tally)
        for line in lines:
            out.say(line)
        run = now.ledger.start_run("run")
        error = follow(now, tally, propose(job, now.ledger, run), model, job, run)

        if not dry_run:
            only = now.ledger.cards.of_documents(run) if paths else None
            write_packages(now, run, tally, job.decks, deck=deck, output=output, only=only,
                           new_only=new_only, force=force)  # fmt: skip
            now.ledger.finish_run(run)
            if not paths and now.ledger.has_changed("decks", repr(job.decks)):
                for line in left_behind(now.ledger, run, job.decks):
                    out.say(line)
        if deck and not dry_run:
            tally.deck_notices += deck_notices(now, run, tally, deck)
        if out.quiet and not out.as_json:
            out.problems((*tally.problems, *tally.deck_notices))
        else:
            summary = summarize(now.ledger, run, tally, model.usage if model else None)
            stuck = error and summary.nothing_new  # the error is printed at the end
            after = () if stuck else _after(now, summary, run, job.drafter_name, dry_run=dry_run)
            print_summary(now, summary, after)
    end(tally.problems, error)


def _nothing_to_read(now: Session) -> UsageError:
    kinds = ("obsidian", "pdf", "zotero", "markdown", "tiddlywiki")
    roots = (root for kind in kinds for root in now.ledger.roots.known(kind).values())
    before = next((root for root in roots if root.exists()), None)
    path = quote(str(before)) if before else "PATH"  # after a lost ledger, the journal has it
    other = ", or ankiforge init"
    if not now.workspace.is_default:
        other = f"; or name a folder under `sources:` in {now.workspace.settings}"
    return UsageError("there is nothing to read", hint=f"{now.call.program} run {path}{other}")


def _after(
    now: Session, summary: Summary, run: RunId, drafter: str, *, dry_run: bool
) -> Iterator[str]:
    """Yield lines about the package, cards accepted or not, and the next commands."""
    from ankiforge.ledger.placing import FLOOD
    from ankiforge.reports.cards import one_line

    tally, cards, program = summary.tally, summary.cards, now.call.program
    if dry_run:
        yield "\nthis was a dry run: nothing was written"
        return
    if summary.nothing_new and summary.funnel.seen:
        yield "\nnothing is new"
    for one in tally.to_import:
        yield f"\npackage: {one.path}"
        if not summary.nothing_new:
            yield "  to import it, double-click it, or use File › Import in Anki; leave the options as they are"
    if not (tally.to_import or tally.aside or tally.incomplete):
        why, waiting = "there is no card yet", cards["waiting"] + cards["blocked"]
        # cards of a source that was not read now do not count as ready
        if cards["ready"] or (tally.plans and not waiting):
            lacks = " but what is missing there" if tally.anki["missing"] else ""
            why = f"Anki has every accepted card{lacks}" if tally.plans else "nothing is new"
        elif waiting:
            why = f"no card is accepted, {counted(waiting, 'card waits', 'cards wait')} for you"
        yield f"\nno package was written: {why}"
    if more := tally.counts["flooded"]:
        yield f"\n{FLOOD} cards were accepted automatically; {more} more wait for you, such as:"
        waiting_cards = now.review.matching(f"run:{run} verdict:pending")
        yield from (f"  {one_line(card)}" for card in islice(waiting_cards, _FLOOD_SHOWN))
        yield f"accept them all: {program} accept --all --filter run:{run}"

    def commands() -> Commands:
        yield from commands_to_decide(now, summary)
        yield from commands_to_go_on(now, summary, drafter)
        yield from commands_without_card(now, summary.funnel, model=summary.usage is not None)
        if any(cards.values()):
            yield "list", "see the cards"

    if summary.funnel.seen and not summary.nothing_new:
        yield "\nnext:"
        yield from columns(now, commands())
    else:
        yield from columns(now, commands_to_rework(now))


# --- remembered PATHs -----------------------------------------------------------------------


def _remember(now: Session, paths: tuple[Path, ...], wanted: list[SelectedSource]) -> list[str]:
    """Remember the PATHs of a run; return a line for each new one.

    `wanted` are the sources at these PATHs, with their final names.
    """
    from ankiforge.app import remember_paths
    from ankiforge.config.trust import confirm, remembered_concerns
    from ankiforge.config.workspace import store_remembered, user_folders

    workspace = now.workspace
    given = {os.path.realpath(path): path for path in paths}
    legible = tuple(path for path in paths if _is_text(os.path.realpath(path)))
    kept, new = remember_paths(workspace, now.ledger, legible, wanted)
    if tuple(kept) != workspace.remembered:
        store_remembered(workspace.folder, kept)
        if not workspace.is_default:
            confirm(workspace, list(remembered_concerns(workspace)), user_folders())
        note_sources(now)
    lines = []
    for item in new:
        path = str(given.get(item.path, item.path))
        *others, last = dict.fromkeys(f"`{place.name}`" for place in item.places)
        source = f"the sources {', '.join(others)} and {last}" if others else f"the source {last}"
        lines.append(
            f"{path} is remembered as {source}; to forget it, delete its line in"
            f" {workspace.remembered_file}"
        )
    return lines


def _is_text(path: str) -> bool:
    """Return whether a path can be written to a file: some old names are not valid Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- extract --------------------------------------------------------------------------------


@command("""
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
""", shows="limit jobs", lines=True)  # fmt: skip
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def extract(call: Call, paths: tuple[Path, ...]) -> None:
    """Show the highlights of PATH, or of the workspace's sources; write nothing."""
    from ankiforge.app import make_job
    from ankiforge.pipeline import ingest
    from ankiforge.reports.cards import highlight_json
    from ankiforge.reports.summary import Tally

    out = call.out
    with session(call, read_only=True) as now:
        wanted, lost = select_sources(now, paths)
        if not wanted and not lost:
            raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
        _, sources = open_sources(now, wanted, out.say)
        job = make_job(now.workspace, sources, None)
        run = now.ledger.start_run("extract")
        tally = Tally(problems=list(lost))
        error = follow(now, tally, ingest(job, now.ledger, run))
        found = 0
        for one in islice(now.ledger.highlights.seen_in(run), call.limit):
            found += 1
            if out.as_json:
                out.data(highlight_json(one))
                continue
            page = f" p. {one.page_label}" if one.page_label else ""
            words = " ".join((one.exact or one.comment).split())
            note = f"  [{' '.join(one.comment.split())}]" if one.exact and one.comment else ""
            out.print(f"{one.document.title}{page} · {one.kind}: {words}{note}")
        for problem in tally.problems if out.as_json else ():
            out.data({"problem": problem})
        out.problems(tally.problems)
        if not found and call.limit != 0 and error is None:
            out.say("no highlights found; what counts as one: docs/reading.md")
    end(tally.problems, error)


# --- the steps of a run ---------------------------------------------------------------------


def model_for(
    now: Session, drafter: str, *, fresh: bool = False, accept: str = "", spent: float = 0.0
) -> Model | None:
    """Return the language model if it is the drafter; None if the rules are.

    `accept` is the policy of `--accept`, and `spent` the part of the budget already spent in dollars.
    """
    from ankiforge.app import language_model
    from ankiforge.config import DrafterName

    name = DrafterName(drafter) if drafter else now.workspace.config.drafter
    if name is DrafterName.RULES:
        return None

    return language_model(
        now.workspace,
        now.ledger,
        now.out.say,
        offline=now.call.offline,
        jobs=now.call.jobs,
        fresh=fresh,
        accept=accept,
        spent=spent,
    )


def job_for(
    now: Session, sources: tuple[Source, ...], model: Model | None, accept: str = "",
    deck: str = "",
) -> Job:  # fmt: skip
    """Return the job, and print the first line of a run: workspace, drafter, policy."""
    from ankiforge import app
    from ankiforge.anki.notes import deck_name
    from ankiforge.text.identifiers import model_name

    deck = deck and deck_name(deck)
    limit = now.call.limit
    job = app.make_job(now.workspace, sources, model, accept=accept, deck=deck, limit=limit)
    workspace, settings = now.workspace, now.workspace.config.accept
    where = f"{workspace.root} (default)" if workspace.is_default else str(workspace.root)
    by_hand = accept or settings.rules.value
    drafted = by_hand
    if model:
        unread = (accept or settings.llm.value) == "clean" and job.probing
        drafted = "clean" if unread else "review"
    if by_hand == drafted:
        clean = by_hand == "clean"
        policy = "cards without findings are accepted" if clean else "every card waits for you"
    else:
        who = ("the rules", "the model")
        accepted, waits = who if by_hand == "clean" else who[::-1]
        policy = f"cards of {accepted} without findings are accepted, those of {waits} wait for you"
    now.out.say(f"workspace {where} · drafter {model_name(job.drafter_name)} · {policy}")
    if model:
        say_what_waits(now, accept)
    return job


def say_what_waits(now: Session, accept: str) -> None:
    """Print that a model's cards wait, if the policy would accept probed ones but there is no probe."""
    from ankiforge.app import wants_probe

    config = now.workspace.config
    if (accept or config.accept.llm.value) == "clean" and not wants_probe(config):
        now.out.say(
            "a model's cards wait for you, because `clean` accepts only probed answers; to probe"
            " them, set llm: {verify: probe}"
        )


def follow(
    now: Session,
    tally: Tally,
    steps: Iterable[Progress],
    model: Model | None = None,
    job: Job | None = None,
    scope: RunId | None = None,
) -> ForgeError | None:
    """Run the steps and show the progress.

    If a service fails or must not be used, the error is returned instead of raised, so that cards
    that are ready can still be written.

    Args:
        now: the session.
        tally: the totals to which the steps are added.
        steps: the steps of a run.
        model: the model that drafts, if any.
        job: the job, to count the highlights to draft.
        scope: the run whose highlights are drafted; None = all.
    """
    from ankiforge.pipeline import pending, share, unwritten

    tally.problems += [one for one in now.problems if one not in tally.problems]

    def total() -> int:
        """Count the highlights to draft, including cards written by hand."""
        if job is None:
            return 0
        written = share(pending(now.ledger, scope, job.drafter_name), job.only, by_hand=True)
        rest = unwritten(now.ledger, scope, job.drafter_name, job.limit, job.only)
        return sum(len(task.highlights) for task in (*written, *rest))

    with progress_bar(now.out, model, total, job.sources if job else ()) as show:
        try:
            for step in steps:
                tally.add(step)
                show(step)
        except (ServiceError, UsageError) as error:
            return error
        finally:  # stop the model's threads before the ledger is closed
            if model is not None:
                model.leave()
    return None


def print_summary(now: Session, summary: Summary, after: Iterable[str]) -> None:
    """Print the summary of a run as JSON, or as text followed by the lines of `after`."""
    from ankiforge.reports.summary import as_text

    if now.out.as_json:
        now.out.data(summary.as_json())
        return
    now.out.problems((*summary.tally.problems, *summary.tally.deck_notices))
    if not now.out.quiet:
        for line in (*as_text(summary, now.ledger, now.call.program), *after):
            now.out.print(line)
