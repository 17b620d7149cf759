"""`ankiforge draft`: drafting apart from reading; requests as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from ankiforge import assembly
from ankiforge.cli.choosing import matching
from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import Session, opened_of, session, wanted_of
from ankiforge.cli.working import follow, job_for, model_for, tell
from ankiforge.domain import Drafted, HighlightKey, Task
from ankiforge.errors import UsageError
from ankiforge.pending import unwritten
from ankiforge.pipeline import Checking, forge, read
from ankiforge.reports.summary import Tally, summarize

EPILOG = """\b
Examples:
  ankiforge draft --drafter llm --estimate    requests, tokens, cost; nothing is sent
  ankiforge draft --drafter llm --limit 20    draft twenty highlights
  ankiforge draft --again drafter:llm         draft these anew
  ankiforge draft export ask.md               one text to paste into any chat
  ankiforge draft import answer.md            the chat's answer
"""


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.option("--again", metavar="QUERY", help="Draft the highlights of these cards anew.")
@click.option("--estimate", is_flag=True, help="Say what it would take; send nothing.")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who drafts.")
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
@common_options
def command(
    call: Call,
    again: str | None,
    estimate: bool,
    drafter: str | None,
    accept: str | None,
) -> None:
    """Draft what is pending: highlights that were read, and have no draft yet."""
    context = click.get_current_context()
    if context.invoked_subcommand:
        return
    with session(call, writes="" if estimate else "drafting", forgetful=estimate) as now:
        only = frozenset[HighlightKey]() if again is None else _again(now, again)
        if again is not None and not only:
            call.talk.say(f"no card matches {again!r}")
            tell(now, summarize(now.ledger, None, Tally()), ())
            return
        model = model_for(now, drafter or "", fresh=again is not None)
        if estimate:
            _estimate(now, model, only)
            return
        job = replace(job_for(now, (), model, accept or ""), only=only)
        tally = Tally()
        run = now.ledger.start_run("draft")
        error = follow(now, tally, forge(job, now.ledger, run, only_read=False))
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally, model.usage if model else None)
        tell(now, summary, _next(now, tally))
    end(tally.problems, error)


def _next(now: Session, tally: Tally) -> Iterator[str]:
    """Drafting writes no package."""
    if tally.counts["drafted"] or tally.counts["revised"]:
        yield f"\nnext: {now.call.program} build   a package with the ready ones"


def _again(now: Session, query: str) -> frozenset[HighlightKey]:
    """The highlights of the cards a query matches, made pending."""
    keys = frozenset(card.highlight.key for card in matching(now, query))
    now.ledger.highlights.draft_again(keys)
    return keys


def _estimate(now: Session, model: Any, only: frozenset[HighlightKey]) -> None:
    """Say what the next run would send; its sources are read, and nothing of it is kept."""
    if model is None:
        raise UsageError("the offline rules cost nothing", hint="--drafter llm --estimate")
    wanted, _ = wanted_of(now, ())
    _, sources = opened_of(now, wanted, now.call.talk.say)
    job, tally = job_for(now, sources, model), Tally()
    error = follow(now, tally, read(job, now.ledger, now.ledger.start_run("estimate")))
    if error is not None:
        raise error
    tell_problems(now.call, tally.problems)
    tasks = unwritten(now.ledger, None, job.drafter_name, job.limit, only)
    found = model.estimate(tasks)
    if now.call.talk.as_json:
        now.call.talk.data(msgspec.to_builtins(found))
        return
    cost = "unknown price" if found.cost_usd is None else f"${found.cost_usd:.2f}"
    now.call.talk.print(
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} are remembered)"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out: {cost}"
    )


# --- requests as files ----------------------------------------------------------------------


@command.command("export", epilog="\b\nExample:\n  ankiforge draft export requests.jsonl")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@common_options
def export(call: Call, file: Path) -> None:
    """Write what is pending as requests.

    FILE.md is one text to paste into any chat; FILE.jsonl is for OpenAI's Batch API and for
    `vllm run-batch`.
    """
    from ankiforge.draft import exchange

    chat = _is_chat(file)
    with session(call, forgetful=True) as now:
        tasks = _pending(now, exchange.CHAT if chat else now.workspace.config.llm.model, call.limit)
        if chat:
            text = exchange.export_chat(tasks, assembly.prompt_of(now.workspace))
            count = _counted(exchange.asked_in(tasks), "highlight")
        else:
            settings = assembly.llm_settings(now.workspace)
            prompt = assembly.prompt_of(now.workspace, small=settings.local)
            lines = list(exchange.export_jsonl(tasks, settings, prompt, now.ledger.replies))
            text = "".join(f"{line}\n" for line in lines)
            count = _counted(len(lines), "request")
    if not text:
        call.talk.say("nothing is pending")
        return
    _write(file, text)
    call.talk.say(f"{count} written to {file}")
    call.talk.say(f"next: {call.program} draft import ANSWER{file.suffix}")


@command.command("import", epilog="\b\nExample:\n  ankiforge draft import answer.md")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
@common_options
def import_(call: Call, file: Path, accept: str | None) -> None:
    """Read answers: a chat's (.md), or the result file of a batch (.jsonl)."""
    from ankiforge.draft import exchange

    chat, text = _is_chat(file), _read(file)
    tally = Tally()
    with session(call, writes="drafting") as now:
        run = now.ledger.start_run("draft import")
        if chat:
            job = replace(assembly.job_of(now.workspace, (), None, accept=accept or ""),
                          drafter_name=exchange.CHAT)  # fmt: skip
            tasks = _pending(now, exchange.CHAT, 0)
            answers = exchange.import_chat(text, tasks, assembly.prompt_of(now.workspace))
            drafted = [one for answer in answers if (one := _answered(answer))]
            if not drafted:
                tally.problems.append(exchange.unread(text, file.name))
            error = follow(now, tally, Checking(job, now.ledger, run).take(drafted, exchange.CHAT))
        else:
            found = exchange.import_jsonl(text.split("\n"), now.ledger.replies, where=file.name)
            tally.problems += found.problems
            call.talk.say(f"{found.replies} replies are remembered")
            model = model_for(now, "llm")
            job = job_for(now, (), model, accept or "")
            steps = forge(_remembered_only(job), now.ledger, run, only_read=False)
            error = follow(now, tally, steps)
        now.ledger.finish_run(run)
        tell(now, summarize(now.ledger, None, tally), _next(now, tally))
    end(tally.problems, error)


def _remembered_only(job: Any) -> Any:
    """A job whose model answers from memory alone: importing sends nothing."""
    return replace(job, drafter=job.drafter.from_memory())


def _answered(drafted: Drafted) -> Drafted | None:
    """Only what a chat's answer speaks of; the rest stays pending."""
    from ankiforge.draft.requests import withheld

    spoken = {draft.highlight for draft in drafted.drafts} | {n.highlight for n in drafted.no_cards}
    kept = tuple(h for h in drafted.task.highlights if h.key in spoken and not withheld(h))
    task = replace(drafted.task, highlights=kept)
    return replace(drafted, task=task, failed=(), problems=()) if kept else None


def _pending(now: Session, drafter: str, limit: int) -> list[Task]:
    return list(unwritten(now.ledger, None, drafter, limit))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _is_chat(file: Path) -> bool:
    if file.suffix not in (".md", ".jsonl"):
        raise UsageError(f"{file}: .md is for a chat, .jsonl for a batch")
    return file.suffix == ".md"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
