"""`ankiforge draft`: drafting apart from reading; requests as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import click
import msgspec

from ankiforge import app
from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.instead import from_batch, from_chat, lines_for, named_in, tasks_for
from ankiforge.cli.session import Session, note_sources, opened_of, session, wanted_of
from ankiforge.cli.ways import laid_out, to_decide, to_go_on
from ankiforge.cli.working import follow, job_for, model_for, tell
from ankiforge.errors import ForgeError, UsageError
from ankiforge.model import Card, Drafted, HighlightKey, RunId, Task
from ankiforge.pending import unmended, unwritten
from ankiforge.pipeline import Checking, forge, read, redraw
from ankiforge.reports.summary import Summary, Tally, dollars, summarize
from ankiforge.review.history import remarks_for, replaceable
from ankiforge.review.select import is_key

EPILOG = """\b
Examples:
  ankiforge draft --drafter llm --estimate    requests, tokens, cost; nothing is sent
  ankiforge draft --drafter llm --limit 20    draft twenty highlights
  ankiforge draft --again drafter:llm         draft these anew
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft --again vault:notes/5b9c0f1d2e3a4b67    one without a card, by its key
  ankiforge draft --again af53yatsl3 --instead    another card, for one that keeps failing
  ankiforge draft export ask.md               one text to paste into any chat
  ankiforge draft import answer.md            the chat's answer
"""


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.option(
    "--again", metavar="QUERY", help="Draft the highlights of these cards, or of these keys, anew."
)
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
@click.option("--instead", is_flag=True, help="With --again: another card in place of each.")
@click.option("--estimate", is_flag=True, help="Say what it would take; send nothing.")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who drafts.")
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
@common_options
def command(
    call: Call,
    again: str | None,
    remark: str,
    instead: bool,
    estimate: bool,
    drafter: str | None,
    accept: str | None,
) -> None:
    """Draft what is pending: highlights that were read, and have no draft yet.

    With --again --instead another card is drawn for each that a query means, with what Anki told
    of it; the old one stands until you accept the new.
    """
    context = click.get_current_context()
    if context.invoked_subcommand:
        if again is not None or instead or remark:
            what = f"of `draft {context.invoked_subcommand}` options stand behind its name"
            raise UsageError(what, hint="draft export FILE --again QUERY --instead")
        return
    if remark and again is None:
        raise UsageError("--remark says what to do better", hint="with it: --again QUERY")
    if instead and again is None:
        raise UsageError("--instead draws another card for some", hint="with it: --again QUERY")
    with session(call, writes="" if estimate else "drafting", forgetful=estimate) as now:
        note_sources(now)
        beside = (instead or bool(remark.strip())) and not estimate
        keys = _keys_in(now, again)
        cards = _meant(now, again, instead, keys)
        only = frozenset(card.highlight.key for card in cards) | (keys if not instead else set())
        if not beside and call.limit != 0:
            now.ledger.highlights.draft_again(only)
        if again is not None and not only:
            call.talk.say(f"no {'accepted ' if instead else ''}card matches {again!r}")
            tell(now, summarize(now.ledger, None, Tally()), ())
            return
        model = model_for(now, drafter or "", fresh=again is not None, accept=accept or "")
        if estimate:
            _estimate(now, model, only)
            return
        if instead and model is None:
            raise _without_model(now)
        asked = remarks_for(now.ledger, cards, remark) if instead else ()
        job = job_for(now, (), model, accept or "")
        job = replace(job, only=only, remark=remark.strip(), instead=asked)
        tally = Tally()
        run = now.ledger.start_run("draft")
        if beside:
            drafters = (model.from_memory(), model) if model else (job.drafter,)
            steps = redraw(job, now.ledger, run, drafters)
        else:
            steps = forge(job, now.ledger, run, only_read=False)
        error = follow(now, tally, steps, model, job)
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally, model.usage if model else None)
        tell(now, summary, _next(now, summary, job.drafter_name))
    end(tally.problems, error)


def _next(now: Session, summary: Summary, drafter: str) -> Iterator[str]:
    """What to do next; drafting writes no package."""
    counts = summary.tally.counts
    if counts["drafted"] or counts["revised"]:
        yield "\nnext:"
        yield from laid_out(now, _commands(now, summary, drafter))


def _commands(now: Session, summary: Summary, drafter: str) -> Iterator[tuple[str, str]]:
    yield from to_decide(now, summary)
    yield from to_go_on(now, summary, drafter)
    if summary.cards["ready"]:
        yield "build", "a package with the ready ones"
    yield "list", "what was made"


def _without_model(now: Session) -> UsageError:
    what = "no model drafts here, and the offline rules would draw the same"
    program = now.call.program
    hint = (
        f"--drafter llm; by a chat: {program} draft export ask.md --again QUERY --instead; or reword"
        f" it: {program} edit ID, or make others of it: {program} review"
    )
    return UsageError(what, hint=hint)


def _keys_in(now: Session, query: str | None) -> frozenset[HighlightKey]:
    """The highlights that `--again` names by their keys; none if it is a query.

    Raises:
        UsageError: one is not known, or not there.
    """
    words = (query or "").split()
    if not words or not all(map(is_key, words)):
        return frozenset()
    keys = frozenset(map(HighlightKey, words))
    there = {one.key for task in now.ledger.queries.to_redraft(keys) for one in task.highlights}
    if lost := sorted(keys - there):
        raise UsageError(
            f"there is no highlight {lost[0]}", hint="ankiforge list --no-card shows the keys"
        )
    return keys


def _meant(
    now: Session, query: str | None, instead: bool, keys: frozenset[HighlightKey]
) -> tuple[Card, ...]:
    """The cards of these highlights, or that a query matches.

    `instead`: those that another may take the place of.
    """
    if query is None:
        return ()
    if keys:
        found = iter([card for key in sorted(keys) for card in now.ledger.cards.of_highlight(key)])
    else:
        found = now.desk.matching(query)
    return replaceable(found) if instead else tuple(found)


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
    tasks = unwritten(now.ledger, None, job.drafter_name, job.limit, only, job.decks)
    found = model.estimate(tasks)
    if now.call.talk.as_json:
        now.call.talk.data(msgspec.to_builtins(found))
        return
    now.call.talk.print(
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} are remembered)"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out: {_cost(found)}"
    )


def _cost(found: Any) -> str:
    """A guess, and how far from it the truth may be."""
    if found.cost_usd is None:
        return "price unknown; llm.price_usd or prices.yaml may name it"
    if not found.cost_high_usd:
        return "nothing"
    low, high = dollars(found.cost_low_usd), dollars(found.cost_high_usd)
    return f"about {dollars(found.cost_usd)} ({low} to {high}, a model's thoughts not counted)"


# --- requests as files ----------------------------------------------------------------------


@command.command("export", epilog="\b\nExample:\n  ankiforge draft export requests.jsonl")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--again", metavar="QUERY", help="With --instead: for these cards.")
@click.option("--instead", is_flag=True, help="With --again: another card in place of each.")
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
@common_options
def export(call: Call, file: Path, again: str | None, instead: bool, remark: str) -> None:
    """Write what is pending as requests.

    FILE.md is one text to paste into any chat; FILE.jsonl is for OpenAI's Batch API and for
    `vllm run-batch`. What is too much for one file goes on in FILE-2. With --again --instead it
    is another card that is asked for, for each that a query means, as in draft.
    """
    chat = _is_chat(file)
    if instead is (again is None) or (remark and not instead):
        raise UsageError("--again, --instead and --remark go together", hint="draft export --help")
    left = 0
    with session(call, forgetful=chat or again is None) as now:
        note_sources(now)
        tasks, why = None, _nothing(now)
        if again is not None:
            tasks, why = tasks_for(now, again, remark)
        elif chat:
            tasks, left = _first(now)
        texts, count = _for_chat(now, tasks or []) if chat else _for_batch(now, tasks)
    if not texts:
        call.talk.say(why)
        return
    files = [file, *(file.with_stem(f"{file.stem}-{n}") for n in range(2, len(texts) + 1))]
    for path, text in zip(files, texts, strict=True):
        _write(path, text)
    call.talk.say(f"{count} written to {', '.join(map(str, files))}")
    if chat:
        each = "each text into a chat of its own" if len(files) > 1 else "the text into any chat"
        call.talk.say(f"paste {each}, and its answer into a file")
    call.talk.say(f"next: {call.program} draft import ANSWER{file.suffix}")
    if left:
        remain = "1 passage remains" if left == 1 else f"{left:,} passages remain"
        call.talk.say(
            f"{remain}: once the answer is imported, {call.program} draft export {quote(str(file))}"
            " asks the next; --limit N asks more at once"
        )


AT_ONCE = 30
"""Passages of one export for a chat, unless `--limit` says otherwise."""


def _first(now: Session) -> tuple[list[Task], int]:
    """The passages to ask a chat about first, and how many are left after them."""
    from ankiforge.draft import chat

    prompts = app.load_prompts(now.workspace, chat=True)
    whole = unwritten(now.ledger, None, chat.CHAT, decks=now.decks, once=True)
    every = chat.asked_in(whole, prompts)
    tasks = _pending(now, chat.CHAT, AT_ONCE if now.call.limit is None else now.call.limit)
    return tasks, every - chat.asked_in(tasks, prompts)


def _nothing(now: Session) -> str:
    """Why there is nothing to ask."""
    if now.call.limit == 0:
        return "nothing is asked: --limit 0"
    if next(iter(now.ledger.highlights.all()), None):
        return "nothing is pending"
    program = now.call.program
    has_sources = now.workspace.config.sources or now.workspace.remembered
    return f"nothing was read here yet: {program} run{'' if has_sources else ' PATH'} reads"


def _for_chat(now: Session, tasks: list[Task]) -> tuple[list[str], str]:
    """(texts, what they hold) of these tasks."""
    from ankiforge.draft import chat

    prompts = app.load_prompts(now.workspace, chat=True)
    texts = chat.export_chats(tasks, prompts, *_asked_for(now))
    return texts, _counted(chat.asked_in(tasks, prompts), "highlight")


def _asked_for(now: Session) -> tuple[int, tuple[str, ...]]:
    """(candidates, tags) that a chat is asked for."""
    config = now.workspace.config
    return config.llm.candidates or app.candidate_count(config), config.llm.tags


def _for_batch(now: Session, tasks: list[Task] | None) -> tuple[list[str], str]:
    """(texts of lines, what they hold): of these tasks, or of what is pending."""
    from ankiforge.draft import exchange

    lines = _requests(now) if tasks is None else lines_for(now, tasks)
    files = list(exchange.parts(lines))
    texts = ["".join(f"{line}\n" for line in part) for part in files]
    return texts, _counted(sum(map(len, files)), "request")


def _requests(now: Session) -> Iterator[str]:
    from ankiforge.draft import exchange

    settings = app.server_settings(now.workspace)
    return exchange.export_jsonl(
        _pending(now, settings.model, now.call.limit),
        settings,
        app.load_prompts(now.workspace),
        now.ledger.replies,
        repair=app.repair_hints(app.check_limits(now.workspace.config)),
        blocked=unmended(now.ledger, settings.model, now.decks),
    )


@command.command("import", epilog="\b\nExample:\n  ankiforge draft import answer.md")
@click.argument(
    "files", metavar="FILE…", nargs=-1, required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)  # fmt: skip
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
@common_options
def import_(call: Call, files: tuple[Path, ...], accept: str | None) -> None:
    """Read answers: a chat's (.md), or the result and error files of a batch (.jsonl)."""
    chats = {_is_chat(file) for file in files}
    if len(chats) > 1:
        raise UsageError("answers of a chat (.md) and of a batch (.jsonl) are read apart")
    for file in files:
        _readable(file)
    tally = Tally()
    with session(call, writes="drafting") as now:
        run = now.ledger.start_run("draft import")
        take = _from_chat if chats == {True} else _from_batch
        error = take(now, files, accept or "", run, tally)
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally)
        tell(now, summary, _next(now, summary, ""))
    end(tally.problems, error)


def _from_chat(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Record the cards of a chat's answers, each kept as it came."""
    from ankiforge.draft import chat

    job = app.make_job(now.workspace, (), None, accept=accept)
    checking = Checking(replace(job, drafter_name=chat.CHAT), now.ledger, run)
    prompts, asked = app.load_prompts(now.workspace, chat=True), _asked_for(now)
    error: ForgeError | None = None
    for file in files:
        text = _read(file)
        tasks = list(unwritten(now.ledger, None, chat.CHAT, decks=now.decks, late=True))
        answers = chat.import_chat(text, tasks, prompts, *asked)
        drafted = [one for answer in answers if (one := _answered(answer))]
        named = named_in(now, text)
        if drafted or named:
            _keep(now, text, prompts.usual.fingerprint)
            error = follow(now, tally, checking.take(drafted, chat.CHAT)) or error
            error = follow(now, tally, from_chat(now, run, text, named)) or error
        elif now.ledger.replies.get(chat.chat_request(text)) is not None:
            now.call.talk.say(f"{file}: nothing new: it was imported before")
        else:
            tally.problems.append(chat.unread(text, file.name))
    return error


def _keep(now: Session, text: str, prompt: str) -> None:
    """Remember an answer as it came: `trace` shows it."""
    from ankiforge.draft import chat

    now.ledger.replies.put(
        chat.chat_request(text), text, model=chat.CHAT, prompt=prompt, tokens_in=0, tokens_out=0
    )


def _from_batch(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Remember the replies of a batch, and draft from them."""
    from ankiforge.draft import exchange

    named = [(file.name, _lines(file)) for file in files]
    found = exchange.import_files(named, now.ledger.replies)
    tally.problems += found.problems
    known = f", {found.known} were known" if found.known else ""
    none = not found.replies and not found.problems
    now.call.talk.say("nothing new" if none else f"{found.replies} replies are remembered{known}")
    model = model_for(now, "llm")
    job = job_for(now, (), model, accept)
    memory = model.from_memory() if model else None  # importing sends nothing
    known_only = replace(job, drafter=memory or job.drafter)
    steps = forge(known_only, now.ledger, run, only_read=False)
    error = follow(now, tally, steps, memory, known_only)
    mended = exchange.mended(
        unmended(now.ledger, job.drafter_name, job.decks),
        app.server_settings(now.workspace),
        app.load_prompts(now.workspace),
        now.ledger.replies,
        app.repair_hints(app.check_limits(now.workspace.config)),
    )
    repaired = Checking(job, now.ledger, run).take(mended, job.drafter_name)
    error = follow(now, tally, repaired) or error
    others = from_batch(now, run, memory, job.drafter_name) if memory else iter(())
    return follow(now, tally, others, memory, job) or error


def _answered(drafted: Drafted) -> Drafted | None:
    """Only what a chat's answer speaks of; the rest stays pending."""
    from ankiforge.draft.wording.requests import withheld

    spoken = {draft.highlight for draft in drafted.drafts} | {n.highlight for n in drafted.no_cards}
    kept = tuple(h for h in drafted.task.highlights if h.key in spoken and not withheld(h))
    task = replace(drafted.task, highlights=kept)
    return replace(drafted, task=task, failed=(), problems=()) if kept else None


def _pending(now: Session, drafter: str, limit: int | None) -> list[Task]:
    """What is to be asked, each passage once."""
    return list(unwritten(now.ledger, None, drafter, limit, decks=now.decks, once=True))


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


def _readable(file: Path) -> None:
    """Whether a file can be opened at all, before anything is done.

    Raises:
        UsageError: with exit code 2.
    """
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error


def _read(file: Path) -> str:
    data = file.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: cannot be read: {error}", hint="save it as UTF-8") from error


def _lines(file: Path) -> Iterator[str]:
    """The lines of a file as large as may be; a bad byte costs its own line at most."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        yield from lines
