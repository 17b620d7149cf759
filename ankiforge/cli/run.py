"""The commands that read and draft: run, extract, draft; and their steps, which `watch` shares."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import (
    ACCEPT,
    DRAFTER,
    FILE,
    FORCE,
    OUTPUT,
    Call,
    Paths,
    Session,
    Shown,
    command,
    end,
    flag,
    progress_bar,
    session,
    show_all,
)
from ankiforge.errors import ForgeError, ServiceError, UsageError
from ankiforge.text import counted, dollars

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.model import HighlightKey, Source
    from ankiforge.pipeline.run import Job, Progress
    from ankiforge.pipeline.workspace import RunResult


PROBLEMS = 3
"""The number of lines about problems after a run; `-v` prints all."""


class _RunCommand(click.Command):
    """A command whose help says what a PATH may be, as the sources say it."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description. Only then the sources are loaded."""
        from ankiforge.extract.registry import paths_in_words

        self.help = (self.help or "").replace("{paths}", paths_in_words())
        super().format_help_text(ctx, formatter)


@command(
    cls=_RunCommand,
    examples="""
  ankiforge run paper.pdf notes/           cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       new cards go into the deck Notes
  ankiforge run                            read all of it again
  ankiforge run --dry-run                  show what would happen
""",
)
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
@click.option("--deck", default="", metavar="NAME", help="Put new cards into this deck.")
@OUTPUT
@DRAFTER
@ACCEPT
@FORCE
@flag("--dry-run", help="Show what would happen; write and send nothing.")
def run(
    call: Call,
    paths: Paths,
    deck: str,
    output: str,
    drafter: str,
    accept: str,
    force: bool,
    dry_run: bool,
) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is {paths}. It is remembered: without PATH, the remembered ones and the sources of the
    workspace are read.
    """
    from ankiforge.cli.anki import package_path, read_anki
    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app

    if deck:
        from ankiforge.anki.notes import deck_name

        deck = deck_name(deck)
    tally = app.RunResult()
    with session(call, writes="drafting", read_only=dry_run) as now:
        path = package_path(now, deck, output)
        if not dry_run:
            deliver.refuse_foreign(path, now.ledger, force=force)
        read_anki(now, tally)
        error = propose(
            now, tally, paths, drafter=drafter, accept=accept, dry_run=dry_run, deck=deck
        )
        if dry_run:
            tally.plan(deliver.plan_cards(now.ledger, now.decks, now.pictures), None)
        else:
            app.publish(now.workspace, now.ledger, tally, path)
        print_summary(now, tally)
    end(tally.problems, error)


def _remember(now: Session, tally: RunResult, remembered: tuple[Any, ...]) -> None:
    """Remember the PATHs of a run, and trust them: the person just named them."""
    from ankiforge.config import workspace as places

    known = now.workspace.remembered
    places.store_remembered(now.workspace.folder, remembered)
    places.confirm(now.workspace, places.remembered_concerns(now.workspace), places.user_folder())
    tally.remembered = [item.path for item in remembered if item not in known]


def propose(
    now: Session,
    tally: RunResult,
    paths: Paths = (),
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

    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.run import draft, ingest
    from ankiforge.pipeline.sources import names_in_use, open_sources, select_sources

    call = now.call
    selected, lost, remembered = select_sources(now.workspace, paths)
    if not selected and not lost:
        hint = "ankiforge run PATH, or ankiforge init"
        raise UsageError("there is nothing to read", hint=hint)
    tally.problems += lost
    if not dry_run and remembered != now.workspace.remembered:
        _remember(now, tally, remembered)
    sources = open_sources(
        now.workspace, now.ledger, selected, offline=call.offline, jobs=call.jobs
    )
    model = model_for(now, drafter, spent=spent)
    # the notes of a remembered PATH that is not there may be at another one now
    there = [one for one in remembered if not paths or Path(one.path).exists()]
    job = app.make_job(
        now.workspace, sources, accept=accept, model=None if dry_run else model, limit=call.limit,
        in_use=names_in_use(now.workspace.config, there), **options,
    )  # fmt: skip

    def steps() -> Iterable[Progress]:
        read = ingest(job, now.ledger)
        yield read
        if tally.scan and tally.scan.viewed.unknown:
            tally.problems += deliver.adopt(now.ledger, tally.scan.viewed.unknown)
        # of PATHs, a model drafts only what lies there
        within = read.report.documents if paths and read.report else None
        yield from draft(replace(job, within=within), now.ledger)

    return follow(now, tally, steps(), model, sources)


def follow(
    now: Session,
    tally: RunResult,
    steps: Iterable[Progress],
    model: Model | None = None,
    sources: tuple[Source, ...] = (),
) -> ForgeError | None:
    """Run the steps and show the progress; return the error of a service that failed."""
    with progress_bar(now.call, sources) as show:
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
) -> Model | None:
    """Return the language model, if it is the drafter."""
    from ankiforge.pipeline.models import language_model

    if (drafter or now.workspace.config.drafter) == "rules":
        return None
    return language_model(
        now.workspace, now.replies, now.call.say, offline=now.call.offline, jobs=now.call.jobs,
        fresh=fresh, spent=spent,
    )  # fmt: skip


def print_summary(now: Session, tally: RunResult) -> None:
    """Print what a run came to, as JSON or in a few lines."""
    from ankiforge.reports.summary import MOST_LINES, as_json, as_text

    call = now.call
    if call.as_json:
        call.data(as_json(tally, now.ledger))
        return
    told = call.problems(tally.problems, None if call.verbose else PROBLEMS)
    if not call.quiet:
        room = None if call.verbose else MOST_LINES - told
        for line in as_text(tally, now.ledger, now.workspace, room):
            call.print(line)


# --- extract --------------------------------------------------------------------------------


@command("""
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
""")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def extract(call: Call, paths: Paths) -> None:
    """Show the highlights of PATH, or of the workspace's sources; write nothing."""
    from ankiforge.cli.output import workspace_of
    from ankiforge.extract.scan import keyed, scanned
    from ankiforge.model import Extracted, Problem
    from ankiforge.pipeline.sources import open_source, select_sources
    from ankiforge.reports.cards import highlight_json, titled
    from ankiforge.text import on_one_line

    workspace = workspace_of(call)
    selected, problems, _ = select_sources(workspace, paths)
    if not selected and not problems:
        raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
    jobs = call.jobs or os.cpu_count() or 1
    sources = [
        open_source(workspace, one.entry, one.only, offline=call.offline, jobs=jobs)
        for one in selected
    ]

    def shown() -> Shown:
        for source in sources:
            for found in scanned(source, None):
                if isinstance(found, Problem):
                    problems.append(found)
                for one in keyed(found) if isinstance(found, Extracted) else ():
                    note = f"  [{one.comment}]" if one.exact and one.comment else ""
                    words = f"{titled(one)} · {one.kind}: {one.exact or one.comment}{note}"
                    yield highlight_json(one), [on_one_line(words)]

    found = show_all(call, shown())
    for problem in problems if call.as_json else ():
        call.data({"problem": problem})
    call.problems(problems)
    if not found and call.limit != 0:
        call.say("no highlights found; what counts as one: docs/reading.md")
    end(problems)


# --- draft ----------------------------------------------------------------------------------

ONE_FILE = click.Path(path_type=Path, dir_okay=False)
PASSAGES = 30
"""The default number of highlights in one export for a chat."""


@command("""
  ankiforge draft --drafter llm --estimate    what it would cost
  ankiforge draft --drafter llm --limit 20    draft cards for twenty highlights
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft export ask.md               write a prompt to paste into any chatbot
  ankiforge draft import answer.md            read the chat's answer
""", cls=click.Group, invoke_without_command=True)  # fmt: skip
@click.option("--again", metavar="QUERY", default="", help="Draft these again: ids of cards or drafts, keys, or a query.")  # fmt: skip
@click.option("--remark", metavar="TEXT", default="", help="With --again: what to do better.")
@flag("--estimate", help="Show requests, tokens and cost; send nothing.")
@DRAFTER
@ACCEPT
def draft(call: Call, again: str, remark: str, estimate: bool, drafter: str, accept: str) -> None:
    """Draft cards for highlights that have been read and have no card yet.

    With --again, the new drafts wait beside what is there.
    """
    from msgspec.structs import replace

    from ankiforge.pipeline import run as steps
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.sources import open_sources, select_sources

    if click.get_current_context().invoked_subcommand:
        return
    if remark and not again:
        raise UsageError("--remark needs --again QUERY", hint="draft --again QUERY --remark TEXT")
    tally = app.RunResult()
    with session(call, writes="" if estimate else "drafting", read_only=estimate) as now:
        only = named(now, again)
        model = model_for(now, drafter, fresh=bool(again))
        sources: tuple[Source, ...] = ()
        if estimate:  # what no run has read yet counts, too
            selected = select_sources(now.workspace, ())[0]
            sources = open_sources(now.workspace, now.ledger, selected, offline=call.offline)
        if remark and model is None:
            hint = "--drafter llm, or write the card yourself: ankiforge edit"
            raise UsageError("the rules cannot follow a remark", hint=hint)
        job = app.make_job(
            now.workspace, sources, accept=accept, model=model, limit=call.limit, only=only,
            remark=remark.strip(),
        )  # fmt: skip
        if estimate:
            for _ in steps.propose(replace(job, model=None, only=frozenset()), now.ledger):
                pass
            _estimate(now, job, model)
            return
        error = follow(now, tally, steps.draft(job, now.ledger), model)
        print_summary(now, tally)
    end(tally.problems, error)


def named(now: Session, query: str) -> frozenset[HighlightKey]:
    """Return the highlights that `--again` names by keys, ids or a query.

    Raises:
        UsageError: it names none.
    """
    from ankiforge.model import HighlightKey
    from ankiforge.pipeline.query import find, is_id, is_key, parse

    if not query:
        return frozenset()
    words = query.split()
    if words and all(map(is_key, words)):
        return frozenset(now.ledger.highlight(word).key for word in words)
    by_id = words and all(map(is_id, words))
    ids = [find(now.ledger, word) for word in words] if by_id else now.ledger.find(parse(query))
    found = frozenset(HighlightKey(line.highlight.key) for line in now.ledger.lines(ids))
    if not found:
        raise UsageError(f"nothing matches {query!r}", hint="ankiforge list shows ids and keys")
    return found


def _estimate(now: Session, job: Job, model: Model | None) -> None:
    """Print what the next run would send to the model."""
    from ankiforge.pipeline.run import for_model

    if model is None:
        raise UsageError("the offline rules cost nothing", hint="--drafter llm --estimate")
    found = model.estimate(for_model(job, now.ledger))
    cost = "nothing"
    if found.cost_usd is None:
        cost = "price unknown; set llm.price_usd"
    elif found.cost_usd:
        cost = f"about {dollars(found.cost_usd)}, without reasoning and second tries"
    text = (
        f"{found.highlights} highlights, {found.requests} requests ({found.cached} already answered)"
        f", about {found.tokens_in:,} tokens in, {found.tokens_out:,} out; cost: {cost}"
    )
    now.call.show(found, [text])


# --- a chat ---------------------------------------------------------------------------------


@command("\n  ankiforge draft export ask.md --limit 10")
@click.argument("file", type=ONE_FILE)
def export(call: Call, file: Path) -> None:
    """Write a prompt for highlights without a card to FILE, to paste into any chatbot.

    What does not fit continues in FILE-2. With `llm: {verify: true}`, FILE-verify asks the chat to compare
    the cards that it drafted before.
    """
    from ankiforge.draft import chat
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.models import load_prompt
    from ankiforge.pipeline.run import for_model, to_compare

    with session(call, read_only=True) as now:
        prompt = load_prompt(now.workspace, chat=True)
        job = app.make_job(now.workspace, ())
        most = PASSAGES if call.limit is None else call.limit
        every = chat.asked_in(for_model(job, now.ledger))
        tasks = list(for_model(job, now.ledger, most))
        texts = chat.export_chats(tasks, prompt, rejected=chat.sent_back(tasks, now.replies))
        count = chat.asked_in(tasks)
        looks = chat.export_looks(to_compare(now.ledger)) if job.verify else []
    if not texts and not looks:
        call.say("nothing to ask: every highlight has a card, or may not be sent to a model")
        return
    files = {}
    for stem, some in ((file.stem, texts), (f"{file.stem}-verify", looks)):
        for number, text in enumerate(some, 1):
            files[file.with_stem(f"{stem}-{number}" if number > 1 else stem)] = text
    for path, text in files.items():
        try:
            before = path.read_text("utf-8", "replace") if path.exists() else "<card id="
            if "<highlight h=" not in before and "<card id=" not in before:  # no former export
                raise UsageError(f"{path} is there already", hint="name another file")
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    call.say(f"{counted(count, 'highlight')} written to {', '.join(map(str, files))}")
    each = "each text into a chat of its own" if len(files) > 1 else "the text into any chatbot"
    call.say(f"paste {each}; save its answer as ANSWER.md")
    call.say("next: ankiforge draft import ANSWER.md")
    if left := every - count:
        again = f"ankiforge draft export {quote(str(file))}"
        call.say(f"{counted(left, 'passage')} left: import the answer first, then: {again}")


@command("\n  ankiforge draft import answer.md")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=ONE_FILE)
@ACCEPT
def import_(call: Call, files: Paths, accept: str) -> None:
    """Read the answers from a chat: cards, and comparisons of cards."""
    from ankiforge.draft import chat
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.models import load_prompt, repair_hints
    from ankiforge.pipeline.run import for_model, record, record_looks, to_compare

    texts = {}
    for file in files:  # check all files first
        try:
            texts[file] = file.read_bytes().decode("utf-8-sig", "replace")
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}") from fault
    tally, repair = app.RunResult(), repair_hints()
    with session(call, writes="drafting") as now:
        prompt = load_prompt(now.workspace, chat=True)
        job = app.make_job(now.workspace, (), accept=accept)
        replies = now.replies
        for file, text in texts.items():
            tasks, request = list(for_model(job, now.ledger)), chat.chat_request(text)
            drafted = chat.import_chat(text, tasks, prompt, repair, replies)
            looks = list(chat.looks_in(text, to_compare(now.ledger)))
            if drafted or looks:
                replies.put(
                    request, text, model=chat.CHAT, prompt=prompt.fingerprint, tokens_in=0,
                    tokens_out=0,
                )  # fmt: skip
                follow(now, tally, record(job, now.ledger, drafted))
                tally.add(record_looks(job, now.ledger, looks))
            elif replies.get(request) is not None:
                call.say(f"{file}: nothing new: it was imported before")
                continue
            tally.problems += chat.unused(text, tasks, file.name)
            if back := sum(len(one.failed) for one in drafted):
                blocked = counted(back, "highlight")
                call.say(f"a check blocks the cards of {blocked}: the next export sends them back")
        print_summary(now, tally)
    end(tally.problems)


draft.add_command(export)
draft.add_command(import_)
