"""The command `eval`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, command, end
from ankiforge.errors import UsageError

if TYPE_CHECKING:
    from ankiforge.cli.session import Session
    from ankiforge.draft.llm import Model
    from ankiforge.model import Drafted, Problem, Task

    from .sheet import Evaluation, Passage

FILE = click.Path(path_type=Path, dir_okay=False)


@command("""
  ankiforge eval                                     what the offline rules make of the shipped set
  ankiforge eval --drafter llm -o sheet.html         a model's cards, on a sheet to rate them blind
  ankiforge eval --rated sheet.ratings.csv           count the ratings
  ankiforge eval --drafter llm --export ask.jsonl    write the requests as a batch file
  ankiforge eval --drafter llm --import out.jsonl -o sheet.csv
""", shows="limit jobs")  # fmt: skip
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE.jsonl]")
@click.option(
    "--drafter",
    type=click.Choice(["rules", "llm"]),
    help="Draft with the offline rules, or with a language model.",
)
@click.option("--prompt", default="", metavar="NAME", help="Use this prompt.")
@click.option(
    "--candidates", type=click.IntRange(1, 9), metavar="N", help="Draft N candidates for each fact."
)
@click.option(
    "-o", "--output", type=FILE, metavar="SHEET", help="Write a sheet to rate: .html or .csv."
)
@click.option(
    "--seed", type=int, default=1, metavar="N", help="Seed the random order of the sheet."
)
@click.option("--blocked", is_flag=True, help="Have blocked cards rated as well.")
@click.option("--force", is_flag=True, help="Replace another sheet of that name.")
@click.option(
    "--export", type=FILE, metavar="FILE", help="Write the requests to FILE: .jsonl or .md."
)
@click.option(
    "--import",
    "answers",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Read the answers from FILE.",
)
@click.option("--rated", is_flag=True, help="Count the ratings in filled-in sheets.")
@click.option(
    "--key", "keys", type=FILE, multiple=True, metavar="FILE", help="Use this key file for a sheet."
)
def eval_(
    call: Call,
    files: tuple[Path, ...],
    drafter: str | None,
    prompt: str,
    candidates: int | None,
    output: Path | None,
    seed: int,
    blocked: bool,
    force: bool,
    export: Path | None,
    answers: tuple[Path, ...],
    rated: bool,
    keys: tuple[Path, ...],
) -> None:
    """Measure the quality of drafted cards: draft for a fixed set, rate blind, count.

    FILE.jsonl holds highlights as `extract --json` writes them; without it, the set that comes
    with the program is used. No card reaches the workspace.
    """
    if rated:
        _print_ratings(call, files, keys)
        return
    if keys or len(files) > 1:
        raise UsageError("--key and several FILEs are for --rated: ankiforge eval --rated SHEET…")
    if output and output.suffix.lower() not in (".html", ".htm", ".csv"):
        raise UsageError(f"{output}: a sheet is .html or .csv", hint="-o sheet.html")
    for file in filter(None, (export, *answers)):
        if file.suffix not in (".jsonl", ".md"):
            raise UsageError(f"{file}: .jsonl is for a batch, .md for a chat")
    if len({file.suffix for file in answers}) > 1:
        raise UsageError("--import: answers from a chat, or from a batch, not both")
    if export and (answers or output):
        raise UsageError("--export only writes requests; --import and -o are for the next call")

    from ankiforge import app
    from ankiforge.cli.run import follow, model_for
    from ankiforge.cli.session import session, workspace_of
    from ankiforge.pipeline import Progress
    from ankiforge.reports.summary import Tally

    from .sheet import SHIPPED, Evaluation, read_set

    passages, problems = read_set(next(iter(files), None) or SHIPPED)
    passages = passages[: call.limit]
    by_model = (drafter or workspace_of(call).config.drafter.value) == "llm"
    if (export or answers) and not by_model:
        raise UsageError("the rules ask nobody", hint="--drafter llm")
    with session(call, read_only=not by_model or bool(export)) as opened:
        now = _with_settings(opened, prompt, candidates)
        tasks = list(_tasks(now, passages, any_prompt=bool(prompt)))
        if export:
            call.out.problems(problems)
            _export(now, export, tasks)
            end(problems)
            return
        model = model_for(now, "llm") if by_model else None
        evaluation, tally = Evaluation(passages), Tally()
        results = _drafted(now, model, tasks, answers, tally.problems)
        limits = app.check_limits(now.workspace.config)
        steps = (
            Progress(one.task.document.title, len(one.drafts), problems=one.problems)
            for one in evaluation.add(results, limits)
        )
        error = follow(now, tally, steps, model)
        evaluation.close(model.usage if model else None)
        evaluation.problems = [*problems, *tally.problems]
        _print_evaluation(now, evaluation, output, seed, blocked=blocked, force=force)
    end(evaluation.problems, error)


def _with_settings(now: Session, prompt: str, candidates: int | None) -> Session:
    """Return the session with the prompt and the candidates that the call names."""
    import msgspec

    named = {"prompt": prompt or None, "candidates": candidates}
    changes = {name: value for name, value in named.items() if value is not None}
    config = now.workspace.config
    llm = msgspec.structs.replace(config.llm, **changes)
    workspace = replace(now.workspace, config=msgspec.structs.replace(config, llm=llm))
    return replace(now, workspace=workspace)


def _tasks(now: Session, passages: list[Passage], *, any_prompt: bool) -> Iterator[Task]:
    """Yield what is drafted, by the deck files of the workspace.

    `any_prompt`: the call names a prompt, which goes before those of the deck files.
    """
    from ankiforge.config.deckfiles import Action, deck_of
    from ankiforge.pipeline import briefed

    from .sheet import tasks_of

    for task in tasks_of(passages):
        highlights = tuple(
            replace(one, skip=f"skip: its colour ({one.colour})")
            if deck_of(now.decks, one.document, one).action is Action.SKIP
            else one
            for one in task.highlights
        )
        for part in briefed(replace(task, highlights=highlights), now.decks):
            brief = replace(part.brief, prompt="") if any_prompt else part.brief
            yield replace(part, brief=brief)


def _drafted(
    now: Session,
    model: Model | None,
    tasks: list[Task],
    answers: tuple[Path, ...],
    problems: list[Problem],
) -> Iterable[Drafted]:
    """Return the drafts of the rules or a model; cards written by hand are always the rules'."""
    from ankiforge import app
    from ankiforge.cli.requests import chat_settings
    from ankiforge.draft import batch, chat
    from ankiforge.pipeline import share

    rules = app.make_job(now.workspace, (), None).drafter
    by_hand = rules.draft(share(tasks, frozenset(), by_hand=True))
    rest = share(tasks, frozenset(), by_hand=False)
    if model is None:
        return chain(by_hand, rules.draft(rest))
    if not answers:
        return chain(by_hand, model.draft(rest))
    texts = []
    for file in answers:
        try:
            texts.append(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: cannot be read: {error}") from error
    if answers[0].suffix == ".md":
        prompts = app.load_prompts(now.workspace, chat=True)
        answer = "\n\n".join(texts)
        return chain(by_hand, chat.import_chat(answer, rest, prompts, *chat_settings(now)))
    replies = 0
    for file, text in zip(answers, texts, strict=True):
        found = batch.import_files([(file.name, text.split("\n"))], now.ledger.replies)
        problems += found.problems
        replies += found.replies
    now.out.say(f"{replies} replies are remembered")
    return chain(by_hand, model.from_memory().draft(rest))


def _export(now: Session, file: Path, tasks: list[Task]) -> None:
    """Write the requests that are not answered yet."""
    from ankiforge.cli.requests import batch_lines, batch_texts, chat_texts, is_chat, write_files

    to_chat = is_chat(file)
    texts, count = chat_texts(now, tasks) if to_chat else batch_texts(batch_lines(now, tasks))
    if not texts:
        now.out.say("every reply is remembered: there is nothing to ask")
        return
    files = write_files(file, texts)
    noun = "highlights" if to_chat else "requests"
    now.out.say(f"{count} {noun} written to {', '.join(map(str, files))}")
    now.out.say(f"next: {now.call.program} eval --drafter llm --import ANSWER{file.suffix}")


def _print_evaluation(
    now: Session,
    evaluation: Evaluation,
    output: Path | None,
    seed: int,
    *,
    blocked: bool,
    force: bool,
) -> None:
    from .sheet import as_json, as_text, make_sheet, write_sheet

    out, figures = now.out, as_json(evaluation)
    written: list[Path] = []
    if output:
        sheet = make_sheet(evaluation, seed, blocked=blocked)
        written = write_sheet(sheet, output, force=force)
        cards = sum(item.card is not None for item in sheet.items)
        alone = len(sheet.items) - cards
        out.say(f"{cards} cards to rate, {alone} passages without one")
    if out.as_json:
        out.data({**figures, "written": [str(path) for path in written]})
        return
    out.problems(evaluation.problems)
    for line in as_text(figures):
        out.print(line)
    if output:
        out.say(f"\n{written[0]}: the sheet; {written[1]}: its key, for the count, not for raters")
        ratings = output if output.suffix == ".csv" else output.with_suffix(".ratings.csv")
        out.say(f"next: {now.call.program} eval --rated {ratings}")


def _print_ratings(call: Call, files: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    from .ratings import as_text, figures, read_key, read_rated

    if not files:
        raise UsageError("no sheet is named", hint="ankiforge eval --rated SHEET.csv")
    known = [read_key(key) for key in keys]
    sheets = [read_rated(file, known) for file in files]
    found = figures(sheets)
    problems = [problem for sheet in sheets for problem in sheet.problems]
    if call.out.as_json:
        call.out.data({**found, "problems": problems})
    else:
        call.out.problems(problems)
        for line in as_text(found):
            call.out.print(line)
    end(problems)
