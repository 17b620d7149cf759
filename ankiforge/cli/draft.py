"""`ankiforge draft`: draft without reading sources; export requests and import answers as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import ACCEPT, DRAFTER, Call, command, end
from ankiforge.cli.run import follow, job_for, model_for, print_summary
from ankiforge.cli.session import (
    Commands,
    Session,
    columns,
    commands_to_decide,
    commands_to_go_on,
    note_sources,
    open_sources,
    select_sources,
    session,
)
from ankiforge.errors import UsageError
from ankiforge.text.display import counted, dollars

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.model import Card, HighlightKey
    from ankiforge.reports.summary import Summary

FILE = click.Path(path_type=Path, dir_okay=False)
PASSAGES = 30
"""The default number of highlights in one export for a chat."""


@command("""
  ankiforge draft --drafter llm --estimate    show requests, tokens and cost; send nothing
  ankiforge draft --drafter llm --limit 20    draft cards for twenty highlights
  ankiforge draft --again drafter:llm         draft the model's cards again
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft --again vault:notes/5b9c0f1d2e3a4b67    a highlight without a card, by its key
  ankiforge draft --again af53yatsl3 --instead    replace a card that keeps failing
  ankiforge draft export ask.md               write a prompt to paste into any chatbot
  ankiforge draft import answer.md            read the chat's answer
""", shows="limit jobs", cls=click.Group, invoke_without_command=True)  # fmt: skip
@click.option(
    "--again", metavar="QUERY", help="Redraft cards for matching highlights, given by card or key."
)
@click.option("--remark", metavar="TEXT", default="", help="With --again: say what to do better.")
@click.option("--instead", is_flag=True, help="With --again: draft a replacement for each card.")
@click.option("--estimate", is_flag=True, help="Show requests, tokens and cost; send nothing.")
@DRAFTER
@ACCEPT
def draft(
    call: Call,
    again: str | None,
    remark: str,
    instead: bool,
    estimate: bool,
    drafter: str | None,
    accept: str | None,
) -> None:
    """Draft cards for highlights that have been read and have no card yet.

    With --again --instead, another card is drafted in place of each card that the query matches. The
    old card stays until you accept the new one.
    """
    from ankiforge.pipeline import draft_again, draft_pending
    from ankiforge.reports.summary import Tally, summarize
    from ankiforge.review.history import remarks_for, replaceable

    subcommand = click.get_current_context().invoked_subcommand
    if subcommand:
        if again is not None or instead or remark:
            what = f"of `draft {subcommand}` options go after its name"
            raise UsageError(what, hint="draft export FILE --again QUERY --instead")
        return
    if remark and again is None:
        raise UsageError("--remark needs --again QUERY", hint="draft --again QUERY --remark TEXT")
    if instead and again is None:
        raise UsageError("--instead needs --again QUERY", hint="draft --again QUERY --instead")
    with session(call, writes="" if estimate else "drafting", read_only=estimate) as now:
        note_sources(now)
        keys = _keys_in(now, again)
        cards = _cards_of(now, again, keys)
        if instead:
            cards, keys = replaceable(cards), frozenset()
        only = keys | {card.highlight.key for card in cards}
        beside = (instead or bool(remark.strip())) and not estimate  # keep the old cards
        if not beside and call.limit != 0:
            now.ledger.highlights.draft_again(only)
        if again is not None and not only:
            call.out.say(f"no {'accepted ' if instead else ''}card matches {again!r}")
            print_summary(now, summarize(now.ledger, None, Tally()), ())
            return
        model = model_for(now, drafter or "", fresh=again is not None, accept=accept or "")
        if estimate:
            _estimate(now, model, only)
            return
        if instead and model is None:
            program = call.program
            hint = (
                f"--drafter llm; with a chatbot: {program} draft export ask.md --again QUERY --instead;"
                f" or reword it: {program} edit ID, or make others of it: {program} review"
            )
            what = "no model is set, and the offline rules would draft the same card"
            raise UsageError(what, hint=hint)
        job = job_for(now, (), model, accept or "")
        remarks = remarks_for(now.ledger, cards, remark) if instead else ()
        job = replace(job, only=only, remark=remark.strip(), instead=remarks)
        tally = Tally()
        run = now.ledger.start_run("draft")
        if beside:
            drafters = (model.from_memory(), model) if model else (job.drafter,)
            steps = draft_again(job, now.ledger, run, drafters)
        else:
            steps = draft_pending(job, now.ledger, run, only_read=False)
        error = follow(now, tally, steps, model, job)
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally, model.usage if model else None)
        print_summary(now, summary, _after(now, summary, job.drafter_name))
    end(tally.problems, error)


def _after(now: Session, summary: Summary, drafter: str) -> Iterator[str]:
    """Yield the commands to run next; drafting writes no package."""
    counts = summary.tally.counts
    if not (counts["drafted"] or counts["revised"]):
        return

    def commands() -> Commands:
        yield from commands_to_decide(now, summary)
        yield from commands_to_go_on(now, summary, drafter)
        if summary.cards["ready"]:
            yield "build", "a package with the ready ones"
        yield "list", "see the cards"

    yield "\nnext:"
    yield from columns(now, commands())


def _keys_in(now: Session, query: str | None) -> frozenset[HighlightKey]:
    """Return the highlights whose keys `--again` gives; none if it is a query.

    Raises:
        UsageError: a highlight is unknown or no longer in its source.
    """
    from ankiforge.model import HighlightKey
    from ankiforge.review.select import is_key

    words = (query or "").split()
    if not words or not all(map(is_key, words)):
        return frozenset()
    keys = frozenset(map(HighlightKey, words))
    present = {one.key for task in now.ledger.queries.to_redraft(keys) for one in task.highlights}
    if lost := sorted(keys - present):
        hint = "ankiforge list --no-card shows the keys"
        raise UsageError(f"there is no highlight {lost[0]}", hint=hint)
    return keys


def _cards_of(now: Session, query: str | None, keys: frozenset[HighlightKey]) -> tuple[Card, ...]:
    """Return the cards of the highlights in `keys`, or if there are none, those that a query matches."""
    if query is None:
        return ()
    if keys:
        return tuple(one for key in sorted(keys) for one in now.ledger.cards.of_highlight(key))
    return tuple(now.review.matching(query))


def _estimate(now: Session, model: Model | None, only: frozenset[HighlightKey]) -> None:
    """Print what the next run would send to the model; sources are read, but nothing is stored."""
    from msgspec import to_builtins

    from ankiforge.pipeline import ingest, unwritten
    from ankiforge.reports.summary import Tally

    if model is None:
        raise UsageError("the offline rules cost nothing", hint="--drafter llm --estimate")
    wanted, _ = select_sources(now, ())
    _, sources = open_sources(now, wanted, now.out.say)
    job, tally = job_for(now, sources, model), Tally()
    error = follow(now, tally, ingest(job, now.ledger, now.ledger.start_run("estimate")))
    if error is not None:
        raise error
    now.out.problems(tally.problems)
    found = model.estimate(
        unwritten(now.ledger, None, job.drafter_name, job.limit, only, job.decks)
    )
    if now.out.as_json:
        now.out.data(to_builtins(found))
        return
    probes = f", {found.probes} of them to probe answers" if found.probes else ""
    cost = "nothing"
    if found.cost_usd is None:
        cost = "price unknown; set llm.price_usd"
    elif found.cost_high_usd:
        low, high = dollars(found.cost_low_usd or 0.0), dollars(found.cost_high_usd)
        cost = f"about {dollars(found.cost_usd)} ({low} to {high}, without reasoning tokens)"
    now.out.print(
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} already answered{probes})"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out; cost: {cost}"
    )


# --- draft export ---------------------------------------------------------------------------


@command("\n  ankiforge draft export ask.md --limit 10", shows="limit")
@click.argument("file", type=FILE)
@click.option(
    "--again", metavar="QUERY", help="With --instead: ask for replacements for these cards."
)
@click.option("--instead", is_flag=True, help="With --again: draft a replacement for each card.")
@click.option("--remark", metavar="TEXT", default="", help="With --again: say what to do better.")
def export(call: Call, file: Path, again: str | None, instead: bool, remark: str) -> None:
    """Write a prompt for highlights without a card to FILE, to paste into any chatbot.

    What does not fit continues in FILE-2. With `llm: {verify: probe}`, FILE-probe asks about the
    cards from earlier answers. With --again --instead, FILE asks for replacements for the cards
    that the query matches.
    """
    from ankiforge import app
    from ankiforge.cli import requests
    from ankiforge.draft import chat
    from ankiforge.pipeline import unwritten

    if instead is (again is None) or (remark and not instead):
        raise UsageError("--again, --instead and --remark go together", hint="draft export --help")
    left = 0
    with session(call, read_only=True) as now:
        note_sources(now)
        if again is not None:
            tasks, why = requests.replacements(now, again, remark)
        else:
            why = requests.why_nothing(now)
            prompts = app.load_prompts(now.workspace, chat=True)
            every = unwritten(now.ledger, None, chat.CHAT, decks=now.decks, once=True)
            left = chat.asked_in(every, prompts)
            tasks = requests.pending_tasks(
                now, chat.CHAT, PASSAGES if call.limit is None else call.limit
            )
            left -= chat.asked_in(tasks, prompts)
        texts, count = requests.chat_texts(now, tasks)
        probes, probed = ([], 0) if instead else requests.probe_texts(now)
    out = call.out
    if not (texts or probes):
        out.say(why)
        return
    files = requests.write_files(file, texts) if texts else []
    if texts:
        out.say(f"{counted(count, 'highlight')} written to {', '.join(map(str, files))}")
    if probes:
        more = requests.write_files(file.with_stem(f"{file.stem}-probe"), probes)
        out.say(
            f"{counted(probed, 'question')} to probe answers written to {', '.join(map(str, more))}"
        )
        files += more
    each = "each text into a chat of its own" if len(files) > 1 else "the text into any chatbot"
    out.say(f"paste {each}; save its answer as ANSWER.md")
    out.say(f"next: {call.program} draft import ANSWER.md")
    if left:
        remain = counted(left, "passage remains", "passages remain")
        out.say(
            f"{remain}. Import the answer first, then: {call.program} draft export {quote(str(file))}"
            " (--limit N asks for more at once)"
        )


# --- draft import ---------------------------------------------------------------------------


@command("\n  ankiforge draft import answer.md", shows="limit jobs")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)
@ACCEPT
def import_(call: Call, files: tuple[Path, ...], accept: str | None) -> None:
    """Read the answers from a chat."""
    from ankiforge.cli import requests
    from ankiforge.reports.summary import Tally, summarize

    for file in files:  # check all files first
        try:
            file.open("rb").close()
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}") from fault
    tally = Tally()
    with session(call, writes="drafting") as now:
        run = now.ledger.start_run("draft import")
        error = requests.import_chat(now, files, accept or "", run, tally)
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally)
        print_summary(now, summary, _after(now, summary, ""))
    end(tally.problems, error)


draft.add_command(export)
draft.add_command(import_)
