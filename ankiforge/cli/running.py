"""The work of `ankiforge run`, when there is some."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from shlex import quote

from ankiforge.cli.common import end
from ankiforge.cli.remembering import remember
from ankiforge.cli.session import Session, opened_of, session, wanted_of
from ankiforge.cli.ways import laid_out, to_decide, to_go_on, to_work_on, ways_out
from ankiforge.cli.wish import Wish
from ankiforge.cli.working import (
    deck_notices,
    follow,
    job_for,
    model_for,
    refuse_foreign,
    sync_first,
    target,
    tell,
    write_packages,
)
from ankiforge.errors import ForgeError, UsageError
from ankiforge.ledger.placing import FLOOD
from ankiforge.model import Problem, RunId
from ankiforge.pipeline import Job, propose
from ankiforge.reports.cards import one_line
from ankiforge.reports.decks import left_behind
from ankiforge.reports.summary import Summary, Tally, summarize, told_of_push


def work(wish: Wish) -> None:
    """Read, draft, check, write."""
    call, dry_run = wish.call, wish.dry_run
    with session(call, writes="" if dry_run else "drafting", forgetful=dry_run) as now:
        refuse_foreign(target(now, wish.deck, wish.output), wish.force)
        wanted, lost = wanted_of(now, wish.paths, wish.name)
        if not wanted and not lost:
            raise _nothing_to_read(now)
        model = model_for(now, wish.drafter, accept=wish.accept)
        if model and dry_run:
            model = model.from_memory()  # what was paid for is shown, nothing is sent
        kept: list[str] = []
        tally = Tally(problems=list(lost), absent=bool(lost))
        wanted, sources = opened_of(now, wanted, kept.append)
        if wish.paths and not (wish.once or dry_run):
            kept += remember(now, wish.paths, wish.name, wanted)
        job = job_for(now, sources, model, wish.accept, wish.deck)
        sync_first(now, tally)
        for line in kept:
            call.talk.say(line)
        run = now.ledger.start_run("run")
        error = follow(now, tally, propose(job, now.ledger, run), model, job, run)
        if not dry_run:
            error = _bring_out(now, wish, job, run, tally, error)
            tally.deck_notices += deck_notices(now, run, tally, wish.deck) if wish.deck else ()
        summary = summarize(now.ledger, run, tally, model.usage if model else None)
        stuck = error and summary.nothing_new  # which is told at the end
        drafter = job.drafter_name
        tell(now, summary, () if stuck else _next(now, summary, run, drafter, dry_run=dry_run))
    end(tally.problems, error)


def _bring_out(
    now: Session, wish: Wish, job: Job, run: RunId, tally: Tally, error: ForgeError | None
) -> ForgeError | None:
    """Into a package, or into a running Anki; what stops the call in the end, if anything does."""
    if not wish.push:
        _write(now, wish, job, run, tally)
        return error
    from ankiforge.cli.push import Push

    push = Push(now, wish.deck, target(now, wish.deck, None), wish.force, tally=tally)
    absent = push.bring()
    if absent and not push.written:
        _write(now, wish, job, run, tally)
    now.ledger.finish_run(run)
    if absent and (error or now.call.talk.as_json):  # else it is said at the end
        tally.problems.append(Problem("Anki", absent.message, absent.hint))
    return error or absent


def _write(now: Session, wish: Wish, job: Job, run: RunId, tally: Tally) -> None:
    only = now.ledger.cards.of_documents(run) if wish.paths else None
    write_packages(now, run, tally, job.decks, deck=wish.deck, output=wish.output, only=only,
                   new_only=wish.new_only, force=wish.force)  # fmt: skip
    now.ledger.finish_run(run)
    if not wish.paths and now.ledger.has_changed("decks", repr(job.decks)):
        for line in left_behind(now.ledger, run, job.decks):
            now.call.talk.say(line)


# --- what a run says ------------------------------------------------------------------------


def _nothing_to_read(now: Session) -> UsageError:
    kinds = ("obsidian", "pdf", "zotero", "markdown", "tiddlywiki")
    roots = (root for kind in kinds for root in now.ledger.roots.known(kind).values())
    before = next((root for root in roots if root.exists()), None)
    path = quote(str(before)) if before else "PATH"  # a lost ledger: its journal still knows
    hint = f"{now.call.program} run {path}"
    other = ", or ankiforge init"
    if not now.workspace.is_default:
        other = f"; or name a folder under `sources:` in {now.workspace.settings}"
    return UsageError("there is nothing to read", hint=hint + other)


def _next(
    now: Session, summary: Summary, run: RunId, drafter: str, *, dry_run: bool = False
) -> Iterator[str]:
    """Where the package lies, what to know, what to do next."""
    tally = summary.tally
    if dry_run:
        yield "\nthis was a dry run: nothing was written"
        return
    if summary.nothing_new and summary.funnel.seen:
        yield "\nnothing is new"
    if tally.pushed and (tally.pushed.added or tally.pushed.updated):
        yield f"\n{told_of_push(tally.pushed)}"
    for one in tally.to_import:
        yield f"\npackage: {one.path}"
        if not summary.nothing_new:
            yield "  import it: double-click it, or in Anki: File › Import, options as they are"
    if why := _no_package(summary):
        yield f"\nno package was written: {why}"
    if summary.tally.counts["flooded"]:
        yield from _flood(now, summary, run)
    if summary.funnel.seen and not summary.nothing_new:
        yield "\nnext:"
        yield from laid_out(now, _commands(now, summary, drafter))
    else:
        yield from laid_out(now, to_work_on(now))


def _commands(now: Session, summary: Summary, drafter: str) -> Iterator[tuple[str, str]]:
    yield from to_decide(now, summary)
    yield from to_go_on(now, summary, drafter)
    yield from ways_out(now, summary.funnel, model=summary.usage is not None)
    yield "list", "what was made"


def _no_package(summary: Summary) -> str:
    """Why a run leaves no package; "" if it does, or if that is told otherwise."""
    tally, cards = summary.tally, summary.cards
    if tally.to_import or tally.pushed or tally.aside or tally.incomplete:
        return ""
    if cards["ready"]:
        return "Anki has all that is ready" if tally.plans else "nothing is new"
    if waiting := cards["waiting"] + cards["blocked"]:
        waits = "1 card waits" if waiting == 1 else f"{waiting:,} cards wait"
        return f"no card is ready, {waits} for you"
    return "there is no card yet"


SAMPLES = 5
"""Cards shown of a flood."""


def _flood(now: Session, summary: Summary, run: RunId) -> Iterator[str]:
    """So many cards at once are for a person to let through."""
    count = summary.tally.counts["flooded"]
    yield f"\n{FLOOD} cards were accepted by themselves; {count} more wait for you, such as:"
    waiting = now.desk.matching(f"run:{run} verdict:pending")
    yield from (f"  {one_line(card)}" for card in islice(waiting, SAMPLES))
    yield f"accept them all: {now.call.program} accept --all --filter run:{run}"
