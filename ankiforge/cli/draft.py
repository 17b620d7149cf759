"""`ankiforge draft`: draft without reading sources; export requests for a chat, and import answers."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import ACCEPT, DRAFTER, Call, Session, command, end, session
from ankiforge.cli.run import follow, model_for, print_summary
from ankiforge.errors import UsageError
from ankiforge.text import counted, dollars

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.model import HighlightKey, Source
    from ankiforge.run import Job

FILE = click.Path(path_type=Path, dir_okay=False)
PASSAGES = 30
"""The default number of highlights in one export for a chat."""


@command("""
  ankiforge draft --drafter llm --estimate    what it would cost
  ankiforge draft --drafter llm --limit 20    draft cards for twenty highlights
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft export ask.md               write a prompt to paste into any chatbot
  ankiforge draft import answer.md            read the chat's answer
""", cls=click.Group, invoke_without_command=True)  # fmt: skip
@click.option("--again", metavar="QUERY", help="Draft these again: ids of cards or drafts, keys, or a query.")  # fmt: skip
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
@click.option("--estimate", is_flag=True, help="Show requests, tokens and cost; send nothing.")
@DRAFTER
@ACCEPT
def draft(
    call: Call,
    again: str | None,
    remark: str,
    estimate: bool,
    drafter: str | None,
    accept: str | None,
) -> None:
    """Draft cards for highlights that have been read and have no card yet.

    With --again, the new drafts wait beside what is there.
    """
    from msgspec.structs import replace

    from ankiforge import app
    from ankiforge import run as steps

    if click.get_current_context().invoked_subcommand:
        return
    if remark and again is None:
        raise UsageError("--remark needs --again QUERY", hint="draft --again QUERY --remark TEXT")
    tally = app.Tally()
    with session(call, writes="" if estimate else "drafting", read_only=estimate) as now:
        only = named(now, again)
        model, replies = model_for(now, drafter or "", fresh=again is not None)
        sources: tuple[Source, ...] = ()
        if estimate:  # what no run has read yet counts, too
            selected = app.select_sources(now.workspace, ())[0]
            sources = app.open_sources(now.workspace, now.ledger, selected, offline=call.offline)
        if remark and model is None:
            hint = "--drafter llm, or write the card yourself: ankiforge edit"
            raise UsageError("the rules cannot follow a remark", hint=hint)
        job = app.make_job(
            now.workspace, sources, accept=accept or "", model=model, limit=call.limit, only=only,
            remark=remark.strip(),
        )  # fmt: skip
        if estimate:
            for _ in steps.propose(replace(job, model=None, only=frozenset()), now.ledger):
                pass
            _estimate(now, job, model)
            return
        error = follow(now, tally, steps.draft(job, now.ledger), model)
        if replies:
            replies.close()
        print_summary(now, tally)
    end(tally.problems, error)


def named(now: Session, query: str | None) -> frozenset[HighlightKey]:
    """Return the highlights that `--again` names by keys, ids or a query.

    Raises:
        UsageError: it names none.
    """
    from ankiforge.model import HighlightKey
    from ankiforge.review.query import parse
    from ankiforge.review.select import find, is_id, is_key

    if query is None:
        return frozenset()
    words = query.split()
    if words and all(map(is_key, words)):
        return frozenset(now.ledger.highlight(word).key for word in words)
    by_id = words and all(map(is_id, words))
    ids = (
        [find(now.ledger, word) for word in words] if by_id else now.ledger.find(parse(query).terms)
    )
    found = frozenset(HighlightKey(line.highlight.key) for line in now.ledger.lines(ids))
    if not found:
        raise UsageError(f"nothing matches {query!r}", hint="ankiforge list shows ids and keys")
    return found


def _estimate(now: Session, job: Job, model: Model | None) -> None:
    """Print what the next run would send to the model."""
    from msgspec import to_builtins

    from ankiforge.run import for_model

    if model is None:
        raise UsageError("the offline rules cost nothing", hint="--drafter llm --estimate")
    found = model.estimate(for_model(job, now.ledger))
    if now.out.as_json:
        now.out.data(to_builtins(found))
        return
    cost = "nothing"
    if found.cost_usd is None:
        cost = "price unknown; set llm.price_usd"
    elif found.cost_high_usd:
        low, high = dollars(found.cost_low_usd or 0.0), dollars(found.cost_high_usd)
        cost = f"about {dollars(found.cost_usd)} ({low} to {high}, without reasoning tokens)"
    now.out.print(
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} already answered)"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out; cost: {cost}"
    )


# --- a chat ---------------------------------------------------------------------------------


@command("\n  ankiforge draft export ask.md --limit 10")
@click.argument("file", type=FILE)
def export(call: Call, file: Path) -> None:
    """Write a prompt for highlights without a card to FILE, to paste into any chatbot.

    What does not fit continues in FILE-2. With `verify: true`, FILE-verify asks the chat to compare
    the cards that it drafted before.
    """
    from ankiforge import app
    from ankiforge.draft import chat
    from ankiforge.run import for_model, to_compare

    with session(call, read_only=True) as now:
        prompts = app.load_prompts(now.workspace, chat=True)
        job = app.make_job(now.workspace, ())
        most = PASSAGES if call.limit is None else call.limit
        every = chat.asked_in(for_model(job, now.ledger), prompts)
        tasks = list(for_model(job, now.ledger, most))
        replies = app.open_replies(now.workspace)
        texts = chat.export_chats(tasks, prompts, rejected=chat.sent_back(tasks, replies))
        replies.close()
        count = chat.asked_in(tasks, prompts)
        looks = chat.export_looks(to_compare(now.ledger)) if job.verify else []
    out = call.out
    if not texts and not looks:
        out.say("nothing to ask: every highlight has a card, or may not be sent to a model")
        return
    names = ["", *(f"-{n}" for n in range(2, len(texts) + 1))][: len(texts)]
    names += ["-verify", *(f"-verify-{n}" for n in range(2, len(looks) + 1))][: len(looks)]
    files = [file.with_stem(f"{file.stem}{name}") for name in names]
    for path, text in zip(files, [*texts, *looks], strict=True):
        try:
            # only a former export is replaced
            signs = ("<highlight h=", "<card id=")
            if path.exists() and not any(
                one in path.read_text("utf-8", "replace") for one in signs
            ):
                raise UsageError(f"{path} is there already", hint="name another file")
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    out.say(f"{counted(count, 'highlight')} written to {', '.join(map(str, files))}")
    each = "each text into a chat of its own" if len(files) > 1 else "the text into any chatbot"
    out.say(f"paste {each}; save its answer as ANSWER.md")
    out.say(f"next: {call.program} draft import ANSWER.md")
    if left := every - count:
        again = f"{call.program} draft export {quote(str(file))}"
        out.say(f"{counted(left, 'passage')} left: import the answer first, then: {again}")


@command("\n  ankiforge draft import answer.md")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)
@ACCEPT
def import_(call: Call, files: tuple[Path, ...], accept: str | None) -> None:
    """Read the answers from a chat: cards, and comparisons of cards."""
    from ankiforge import app
    from ankiforge.draft import chat
    from ankiforge.run import for_model, record, record_looks, to_compare

    texts = {}
    for file in files:  # check all files first
        try:
            texts[file] = file.read_bytes().decode("utf-8-sig", "replace")
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}") from fault
    tally, repair = app.Tally(), app.repair_hints()
    with session(call, writes="drafting") as now:
        prompts = app.load_prompts(now.workspace, chat=True)
        job = app.make_job(now.workspace, (), accept=accept or "")
        replies = app.open_replies(now.workspace)
        for file, text in texts.items():
            tasks, request = list(for_model(job, now.ledger)), chat.chat_request(text)
            drafted = chat.import_chat(text, tasks, prompts, repair, replies)
            looks = list(chat.looks_in(text, to_compare(now.ledger)))
            if drafted or looks:
                prompt = prompts.usual.fingerprint
                replies.put(
                    request, text, model=chat.CHAT, prompt=prompt, tokens_in=0, tokens_out=0
                )
                follow(now, tally, record(job, now.ledger, drafted))
                tally.add(record_looks(job, now.ledger, looks))
            elif replies.get(request) is not None:
                call.out.say(f"{file}: nothing new: it was imported before")
                continue
            tally.problems += chat.unused(text, tasks, file.name)
            if back := sum(len(one.failed) for one in drafted):
                call.out.say(
                    f"a check blocks the cards of {counted(back, 'highlight')}: the next export"
                    " sends them back with the reasons"
                )
        replies.close()
        print_summary(now, tally)
    end(tally.problems)


draft.add_command(export)
draft.add_command(import_)
