"""`ankiforge draft`: drafting apart from reading; requests and answers as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ankiforge import app
from ankiforge.cli.output import Call, command, end
from ankiforge.cli.run import follow, job_for, model_for, print_summary, repair_hints
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
from ankiforge.errors import ForgeError, UsageError
from ankiforge.model import Card, Drafted, Drafter, Guid, HighlightKey, RunId, Task
from ankiforge.pipeline import (
    DraftRecorder,
    Job,
    Progress,
    draft_again,
    draft_pending,
    ingest,
    replacement_tasks,
    unrepaired,
    unwritten,
)
from ankiforge.reports.summary import Summary, Tally, summarize
from ankiforge.reports.text import dollars
from ankiforge.review.history import remarks_for, replaceable
from ankiforge.review.select import is_key

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

FILE = click.Path(path_type=Path, dir_okay=False)
PASSAGES = 30
"""Highlights in one export for a chat, unless `--limit` says otherwise."""


@command("""
  ankiforge draft --drafter llm --estimate    requests, tokens, cost; nothing is sent
  ankiforge draft --drafter llm --limit 20    draft twenty highlights
  ankiforge draft --again drafter:llm         draft these anew
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft --again vault:notes/5b9c0f1d2e3a4b67    one without a card, by its key
  ankiforge draft --again af53yatsl3 --instead    another card, for one that keeps failing
  ankiforge draft export ask.md               one text to paste into any chat
  ankiforge draft import answer.md            the chat's answer
""", shows="limit jobs scheduler", cls=click.Group, invoke_without_command=True)  # fmt: skip
@click.option(
    "--again", metavar="QUERY", help="Draft the highlights of these cards, or of these keys, anew."
)
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
@click.option("--instead", is_flag=True, help="With --again: another card in place of each.")
@click.option("--estimate", is_flag=True, help="Say what it would take; send nothing.")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who drafts.")
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
def draft(
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
    subcommand = click.get_current_context().invoked_subcommand
    if subcommand:
        if again is not None or instead or remark:
            what = f"of `draft {subcommand}` options stand behind its name"
            raise UsageError(what, hint="draft export FILE --again QUERY --instead")
        return
    if remark and again is None:
        raise UsageError("--remark says what to do better", hint="with it: --again QUERY")
    if instead and again is None:
        raise UsageError("--instead draws another card for some", hint="with it: --again QUERY")
    with session(call, writes="" if estimate else "drafting", read_only=estimate) as now:
        note_sources(now)
        keys = _keys_in(now, again)
        cards = _cards_of(now, again, keys)
        if instead:
            cards, keys = replaceable(cards), frozenset()
        only = keys | {card.highlight.key for card in cards}
        beside = (instead or bool(remark.strip())) and not estimate  # the old cards stand
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
                f"--drafter llm; by a chat: {program} draft export ask.md --again QUERY --instead;"
                f" or reword it: {program} edit ID, or make others of it: {program} review"
            )
            what = "no model drafts here, and the offline rules would draw the same"
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
    """Yield what to do next; drafting writes no package."""
    counts = summary.tally.counts
    if not (counts["drafted"] or counts["revised"]):
        return

    def commands() -> Commands:
        yield from commands_to_decide(now, summary)
        yield from commands_to_go_on(now, summary, drafter)
        if summary.cards["ready"]:
            yield "build", "a package with the ready ones"
        yield "list", "what was made"

    yield "\nnext:"
    yield from columns(now, commands())


def _keys_in(now: Session, query: str | None) -> frozenset[HighlightKey]:
    """Return the highlights that `--again` names by their keys; none if it is a query.

    Raises:
        UsageError: one is not known, or not there.
    """
    words = (query or "").split()
    if not words or not all(map(is_key, words)):
        return frozenset()
    keys = frozenset(map(HighlightKey, words))
    there = {one.key for task in now.ledger.queries.to_redraft(keys) for one in task.highlights}
    if lost := sorted(keys - there):
        hint = "ankiforge list --no-card shows the keys"
        raise UsageError(f"there is no highlight {lost[0]}", hint=hint)
    return keys


def _cards_of(now: Session, query: str | None, keys: frozenset[HighlightKey]) -> tuple[Card, ...]:
    """Return the cards of these highlights, else those that a query matches."""
    if query is None:
        return ()
    if keys:
        return tuple(one for key in sorted(keys) for one in now.ledger.cards.of_highlight(key))
    return tuple(now.review.matching(query))


def _estimate(now: Session, model: Model | None, only: frozenset[HighlightKey]) -> None:
    """Print what the next run would send; its sources are read, and nothing of it is kept."""
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
        now.out.data(msgspec.to_builtins(found))
        return
    cost = "nothing"
    if found.cost_usd is None:
        cost = "price unknown; llm.price_usd or prices.yaml may name it"
    elif found.cost_high_usd:
        low, high = dollars(found.cost_low_usd or 0.0), dollars(found.cost_high_usd)
        cost = f"about {dollars(found.cost_usd)} ({low} to {high}, a model's thoughts not counted)"
    now.out.print(
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} are remembered)"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out: {cost}"
    )


# --- requests as files; `eval` uses them, too -----------------------------------------------


def is_chat(file: Path) -> bool:
    """Whether a file is for a chat, or of one: .md; else it is for a batch: .jsonl.

    Raises:
        UsageError: it has another ending.
    """
    if file.suffix not in (".md", ".jsonl"):
        raise UsageError(f"{file}: .md is for a chat, .jsonl for a batch")
    return file.suffix == ".md"


def chat_settings(now: Session) -> tuple[int, tuple[str, ...]]:
    """Return how many candidates and which tags a chat is asked for."""
    config = now.workspace.config
    return config.llm.candidates or app.candidate_count(config), config.llm.tags


def chat_texts(now: Session, tasks: list[Task]) -> tuple[list[str], int]:
    """Return the texts to paste into a chat, and how many highlights they ask about."""
    from ankiforge.draft import chat

    prompts = app.load_prompts(now.workspace, chat=True)
    return chat.export_chats(tasks, prompts, *chat_settings(now)), chat.asked_in(tasks, prompts)


def batch_lines(now: Session, tasks: Iterable[Task], blocked: Iterable[Any] = ()) -> Iterator[str]:
    """Return requests as lines of a batch; `blocked`: drafts to be repaired."""
    from ankiforge.draft import batch

    return batch.export_jsonl(
        tasks, app.server_settings(now.workspace), app.load_prompts(now.workspace),
        now.ledger.replies, repair=repair_hints(now), blocked=blocked,
    )  # fmt: skip


def batch_texts(lines: Iterable[str]) -> tuple[list[str], int]:
    """Return lines as the texts of files, and how many requests they hold."""
    from ankiforge.draft import batch

    files = list(batch.parts(lines))
    return ["".join(f"{line}\n" for line in part) for part in files], sum(map(len, files))


def write_files(file: Path, texts: list[str]) -> list[Path]:
    """Write texts to FILE, FILE-2 and so on."""
    files = [file, *(file.with_stem(f"{file.stem}-{n}") for n in range(2, len(texts) + 1))]
    for path, text in zip(files, texts, strict=True):
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return files


# --- draft export ---------------------------------------------------------------------------


@command("\n  ankiforge draft export requests.jsonl", shows="limit")
@click.argument("file", type=FILE)
@click.option("--again", metavar="QUERY", help="With --instead: for these cards.")
@click.option("--instead", is_flag=True, help="With --again: another card in place of each.")
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
def export(call: Call, file: Path, again: str | None, instead: bool, remark: str) -> None:
    """Write what is pending as requests.

    FILE.md is one text to paste into any chat; FILE.jsonl is for OpenAI's Batch API and for
    `vllm run-batch`. What is too much for one file goes on in FILE-2. With --again --instead it
    is another card that is asked for, for each that a query means, as in draft.
    """
    from ankiforge.draft import chat

    to_chat = is_chat(file)
    if instead is (again is None) or (remark and not instead):
        raise UsageError("--again, --instead and --remark go together", hint="draft export --help")
    left = 0
    lines: Iterable[str] = ()
    with session(call, read_only=to_chat or again is None) as now:
        note_sources(now)
        if again is not None:
            tasks, why = _replacements(now, again, remark)
            lines = _replacement_lines(now, tasks)
        elif to_chat:
            why = _why_nothing(now)
            prompts = app.load_prompts(now.workspace, chat=True)
            every = unwritten(now.ledger, None, chat.CHAT, decks=now.decks, once=True)
            left = chat.asked_in(every, prompts)
            tasks = _pending(now, chat.CHAT, PASSAGES if call.limit is None else call.limit)
            left -= chat.asked_in(tasks, prompts)
        else:
            why, model = _why_nothing(now), app.server_settings(now.workspace).model
            tasks = _pending(now, model, call.limit)
            lines = batch_lines(now, tasks, unrepaired(now.ledger, model, now.decks))
        texts, count = chat_texts(now, tasks) if to_chat else batch_texts(lines)
    out, noun = call.out, "highlight" if to_chat else "request"
    if not texts:
        out.say(why)
        return
    files = write_files(file, texts)
    many = f"{count} {noun}" if count == 1 else f"{count} {noun}s"
    out.say(f"{many} written to {', '.join(map(str, files))}")
    if to_chat:
        each = "each text into a chat of its own" if len(files) > 1 else "the text into any chat"
        out.say(f"paste {each}, and its answer into a file")
    out.say(f"next: {call.program} draft import ANSWER{file.suffix}")
    if left:
        remain = "1 passage remains" if left == 1 else f"{left:,} passages remain"
        out.say(
            f"{remain}: once the answer is imported, {call.program} draft export {quote(str(file))}"
            " asks the next; --limit N asks more at once"
        )


def _pending(now: Session, drafter: str, limit: int | None) -> list[Task]:
    """Return what is to be asked, each highlight once."""
    return list(unwritten(now.ledger, None, drafter, limit, decks=now.decks, once=True))


def _why_nothing(now: Session) -> str:
    """Return why there is nothing to ask."""
    if now.call.limit == 0:
        return "nothing is asked: --limit 0"
    if next(iter(now.ledger.highlights.all()), None):
        return "nothing is pending"
    has_sources = now.workspace.config.sources or now.workspace.remembered
    return (
        f"nothing was read here yet: {now.call.program} run{'' if has_sources else ' PATH'} reads"
    )


def _replacements(now: Session, query: str, remark: str) -> tuple[list[Task], str]:
    """Return what to ask for other cards in place of those a query means, and why if nothing."""
    from ankiforge.draft import private, withheld

    cards = replaceable(now.review.matching(query))
    if not cards:
        return [], f"no accepted card matches {query!r}"
    remarks = remarks_for(now.ledger, cards, remark)
    tasks = list(replacement_tasks(now.ledger, remarks, now.decks, now.call.limit))
    barred = {private(one) or withheld(one) for task in tasks for one in task.highlights}
    if "" in barred:
        return tasks, f"it was answered before: {now.call.program} draft --again QUERY --instead"
    why = "; ".join(sorted(barred)) or "its passage is not there now"
    return [], f"nothing can be asked: {why}"


def _replacement_lines(now: Session, tasks: list[Task]) -> Iterator[str]:
    """Yield lines of a batch; which card each is about is stored, for no answer says so."""
    from ankiforge.draft import batch
    from ankiforge.ledger.requests import ReplacementRequest

    for task in tasks:
        lines = list(batch_lines(now, [task]))
        guid = Guid(task.instead)
        requests = map(batch.request_in, lines)
        now.ledger.replacements.add(
            ReplacementRequest(request, guid, task.remark) for request in requests
        )
        yield from lines


# --- draft import ---------------------------------------------------------------------------


@command("\n  ankiforge draft import answer.md", shows="limit jobs")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)
@click.option("--accept", type=click.Choice(["clean", "review"]), help="As in run.")
def import_(call: Call, files: tuple[Path, ...], accept: str | None) -> None:
    """Read answers: a chat's (.md), or the result and error files of a batch (.jsonl)."""
    of_chat = {is_chat(file) for file in files}
    if len(of_chat) > 1:
        raise UsageError("answers of a chat (.md) and of a batch (.jsonl) are read apart")
    for file in files:  # before anything is done
        try:
            file.open("rb").close()
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}") from fault
    tally = Tally()
    with session(call, writes="drafting") as now:
        run = now.ledger.start_run("draft import")
        read_answers = _import_chat if True in of_chat else _import_batch
        error = read_answers(now, files, accept or "", run, tally)
        now.ledger.finish_run(run)
        summary = summarize(now.ledger, None, tally)
        print_summary(now, summary, _after(now, summary, ""))
    end(tally.problems, error)


draft.add_command(export)
draft.add_command(import_)


def _import_chat(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Record the cards of a chat's answers, each of which is cached as it came."""
    from ankiforge.draft import chat, withheld

    job = app.make_job(now.workspace, (), None, accept=accept)
    recorder = DraftRecorder(replace(job, drafter_name=chat.CHAT), now.ledger, run)
    prompts = app.load_prompts(now.workspace, chat=True)
    error: ForgeError | None = None
    for file in files:
        text = _text_of(file)
        tasks = list(unwritten(now.ledger, None, chat.CHAT, decks=now.decks, late=True))
        drafted = []
        for answer in chat.import_chat(text, tasks, prompts, *chat_settings(now)):
            # what the answer does not speak of stays pending
            spoken = {one.highlight for one in answer.drafts}
            spoken |= {one.highlight for one in answer.no_cards}
            asked = answer.task.highlights
            if kept := tuple(one for one in asked if one.key in spoken and not withheld(one)):
                task = replace(answer.task, highlights=kept)
                drafted.append(replace(answer, task=task, failed=(), problems=()))
        labels = chat.labels_in(text)
        guids = now.ledger.replacements.replaceable() if labels else ()
        remarks = [(guid, "") for guid in guids if chat.label_for(guid) in labels]
        request = chat.chat_request(text)
        if drafted or remarks:
            now.ledger.replies.put(
                request, text, model=chat.CHAT, prompt=prompts.usual.fingerprint,
                tokens_in=0, tokens_out=0,
            )  # fmt: skip
            error = follow(now, tally, recorder.record(drafted, chat.CHAT)) or error
            replaced = _replaced(now, run, remarks, _ChatAnswer(text, now), chat.CHAT)
            error = follow(now, tally, replaced) or error
        elif now.ledger.replies.get(request) is not None:
            now.out.say(f"{file}: nothing new: it was imported before")
        else:
            tally.problems.append(chat.unread(text, file.name))
    return error


def _import_batch(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Cache the replies of a batch, and draft from them; nothing is sent."""
    from ankiforge.draft import batch

    def lines_of(file: Path) -> Iterator[str]:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            yield from lines

    replies = now.ledger.replies
    found = batch.import_files([(file.name, lines_of(file)) for file in files], replies)
    tally.problems += found.problems
    known = f", {found.known} were known" if found.known else ""
    none = not found.replies and not found.problems
    now.out.say("nothing new" if none else f"{found.replies} replies are remembered{known}")
    model = model_for(now, "llm")
    job = job_for(now, (), model, accept)
    cached = model.from_memory() if model else None
    job_cached = replace(job, drafter=cached or job.drafter)
    steps = draft_pending(job_cached, now.ledger, run, only_read=False)
    error = follow(now, tally, steps, cached, job_cached)
    repaired = batch.repaired(
        unrepaired(now.ledger, job.drafter_name, job.decks),
        app.server_settings(now.workspace),
        app.load_prompts(now.workspace),
        replies,
        repair_hints(now),
    )
    error = (
        follow(now, tally, DraftRecorder(job, now.ledger, run).record(repaired, job.drafter_name))
        or error
    )
    if cached is None:
        return error
    return follow(now, tally, _answered(now, run, cached, job), cached, job) or error


def _answered(now: Session, run: RunId, cached: Drafter, job: Job) -> Iterator[Progress]:
    """Record cards in place of others, of the batch requests that are answered by now."""
    from ankiforge.draft.batch import is_answered

    replacements, replies = now.ledger.replacements, now.ledger.replies
    here = [one for one in replacements.open() if is_answered(replies.get(one.request))]
    stand = set(replacements.replaceable())
    remarks = list(dict.fromkeys((one.guid, one.remark) for one in here if one.guid in stand))
    yield from _replaced(now, run, remarks, cached, job.drafter_name)
    replacements.remove(here)


def _replaced(
    now: Session, run: RunId, remarks: list[tuple[Guid, str]], drafter: Drafter, name: str
) -> Iterator[Progress]:
    """Record what a drafter has in place of these cards."""
    if not remarks:
        return iter(())
    keys = frozenset(now.ledger.cards.get(guid).highlight.key for guid, _ in remarks)
    job = app.make_job(now.workspace, (), None)
    job = replace(job, drafter_name=name, only=keys, instead=tuple(remarks), limit=None)
    return draft_again(job, now.ledger, run, (drafter,))


@dataclass(frozen=True, slots=True)
class _ChatAnswer:
    """A drafter that drafts what a chat's answer says."""

    text: str
    now: Session

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        from ankiforge.draft import chat

        prompts = app.load_prompts(self.now.workspace, chat=True)
        return chat.import_chat(self.text, tasks, prompts, *chat_settings(self.now))


def _text_of(file: Path) -> str:
    data = file.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: cannot be read: {error}", hint="save it as UTF-8") from error
