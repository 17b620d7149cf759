"""`ankiforge eval`: how good the cards are; draws them for a fixed set, has them rated blind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.errors import ForgeError, UsageError

if TYPE_CHECKING:
    from ankiforge.cli.session import Session
    from ankiforge.draft.llm import Model
    from ankiforge.model import Drafted, HighlightKey, Problem, Task
    from ankiforge.pipeline import Progress
    from ankiforge.reports.eval import Evaluation, Passage

EPILOG = """\b
Examples:
  ankiforge eval                                     what the rules draw from the shipped set
  ankiforge eval --drafter llm -o sheet.html         a model's cards, and a sheet to rate them blind
  ankiforge eval --rated sheet.ratings.csv           what the ratings come to
  ankiforge eval --drafter llm --export ask.jsonl    the requests as a Batch file
  ankiforge eval --drafter llm --import out.jsonl -o sheet.csv
"""
FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with a set."""

    file: Path | None
    drafter: str | None
    prompt: str
    candidates: int | None
    output: Path | None
    seed: int
    blocked: bool
    force: bool
    export: Path | None
    answers: tuple[Path, ...]


@click.command(epilog=EPILOG)
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE.jsonl]")
@click.option("--drafter", type=click.Choice(["rules", "llm"]), help="Who draws.")
@click.option("--prompt", default="", metavar="NAME", help="Ask with this prompt.")
@click.option("--candidates", type=click.IntRange(1, 9), metavar="N", help="Of a choice; 1 = none.")
@click.option("-o", "--output", type=FILE, metavar="SHEET", help="Write a sheet: .html or .csv.")
@click.option("--seed", type=int, default=1, metavar="N", help="Of the random order of a sheet.")
@click.option("--blocked", is_flag=True, help="Have blocked cards rated, too.")
@click.option("--force", is_flag=True, help="Replace another sheet of that name.")
@click.option("--export", type=FILE, metavar="FILE", help="Write the requests: .jsonl or .md.")
@click.option(
    "--import", "answers", type=FILE, multiple=True, metavar="FILE", help="Draw from these answers."
)
@click.option("--rated", is_flag=True, help="FILEs are filled sheets: say what they come to.")
@click.option("--key", "keys", type=FILE, multiple=True, metavar="FILE", help="Key of a sheet.")
@common_options
def command(
    call: Call, files: tuple[Path, ...], rated: bool, keys: tuple[Path, ...], **wishes: Any
) -> None:
    """Measure the drafter: draw cards for a fixed set, check them, rate them blind, count.

    FILE.jsonl holds highlights as `extract --json` writes them; without it the set that comes
    with the program is taken. No card reaches the workspace.
    """
    if rated:
        _tell_rated(call, files, keys)
        return
    if keys or len(files) > 1:
        raise UsageError("--key and several FILEs are for --rated: ankiforge eval --rated SHEET…")
    wish = Wish(next(iter(files), None), **wishes)
    _check_names(wish)
    _evaluate(call, wish)


def _check_names(wish: Wish) -> None:
    if wish.output and wish.output.suffix.lower() not in (".html", ".htm", ".csv"):
        raise UsageError(f"{wish.output}: a sheet is .html or .csv", hint="-o sheet.html")
    for file in filter(None, (wish.export, *wish.answers)):
        if file.suffix not in (".jsonl", ".md"):
            raise UsageError(f"{file}: .jsonl is for a batch, .md for a chat")
    if len({file.suffix for file in wish.answers}) > 1:
        raise UsageError("--import: answers of a chat, or of a batch, not both")
    if wish.export and (wish.answers or wish.output):
        raise UsageError("--export only writes requests; --import and -o are for the next call")


# --- drawing --------------------------------------------------------------------------------


def _evaluate(call: Call, wish: Wish) -> None:
    from ankiforge.cli.session import session, workspace_of
    from ankiforge.config import DrafterName
    from ankiforge.reports.eval import read_set, shipped_set

    passages, problems = read_set(wish.file or shipped_set())
    passages = passages[: call.limit]
    name = wish.drafter or workspace_of(call).config.drafter.value
    asks = name == DrafterName.LLM.value
    if (wish.export or wish.answers) and not asks:
        raise UsageError("the rules ask nobody", hint="--drafter llm")
    with session(call, forgetful=not asks or bool(wish.export)) as opened:
        now = _set_for(opened, wish)
        tasks = list(_tasks(now, wish, passages))
        if wish.export:
            tell_problems(call, problems)
            _export(now, wish.export, tasks)
            end(problems)
            return
        evaluation, error = _drawn(now, wish, tasks, passages, asks)
        evaluation.problems = [*problems, *evaluation.problems]
        _tell(now, wish, evaluation)
    end(evaluation.problems, error)


def _set_for(now: Session, wish: Wish) -> Session:
    """The session with the settings of the workspace, but for what the call says."""
    import msgspec

    said = {"prompt": wish.prompt or None, "candidates": wish.candidates}
    changes = {name: value for name, value in said.items() if value is not None}
    config = now.workspace.config
    llm = msgspec.structs.replace(config.llm, **changes)
    workspace = replace(now.workspace, config=msgspec.structs.replace(config, llm=llm))
    return replace(now, workspace=workspace)


def _tasks(now: Session, wish: Wish, passages: list[Passage]) -> Iterator[Task]:
    """What is drafted, as the deck files of the workspace would have it; `--prompt` goes first."""
    from ankiforge.config.deckfiles import Action, deck_of
    from ankiforge.pending import briefed
    from ankiforge.reports.eval import tasks_of

    for task in tasks_of(passages):
        marked = tuple(
            replace(one, skip=f"skip: its colour ({one.colour})")
            if deck_of(now.decks, one.document, one).action is Action.SKIP
            else one
            for one in task.highlights
        )
        for part in briefed(replace(task, highlights=marked), now.decks):
            prompt = "" if wish.prompt else part.brief.prompt
            yield replace(part, brief=replace(part.brief, prompt=prompt))


def _drawn(
    now: Session, wish: Wish, tasks: list[Task], passages: list[Passage], asks: bool
) -> tuple[Evaluation, ForgeError | None]:
    """All cards, drawn and checked; what ended it early, if anything did."""
    from ankiforge import app
    from ankiforge.cli.working import follow, model_for
    from ankiforge.reports.eval import Evaluation
    from ankiforge.reports.summary import Tally

    model = model_for(now, "llm") if asks else None
    evaluation, tally = Evaluation(passages), Tally()
    results = _results(now, wish, model, tasks, tally.problems)
    limits = app.check_limits(now.workspace.config)
    error = follow(now, tally, map(_progress, evaluation.add(results, limits)), model)
    evaluation.close(model.usage if model else None)
    evaluation.problems = tally.problems
    return evaluation, error


def _progress(drafted: Drafted) -> Progress:
    from ankiforge.pipeline import Progress

    return Progress(drafted.task.document.title, len(drafted.drafts), problems=drafted.problems)


def _results(
    now: Session, wish: Wish, model: Model | None, tasks: list[Task], problems: list[Problem]
) -> Iterable[Drafted]:
    """What the drafter says; figures with a question are the rules' as always."""
    from ankiforge import app
    from ankiforge.pending import share

    every: frozenset[HighlightKey] = frozenset()
    rules = app.make_job(now.workspace, (), None).drafter
    by_hand = rules.draft(share(tasks, every, by_hand=True))
    rest = share(tasks, every, by_hand=False)
    if model is None:
        return chain(by_hand, rules.draft(rest))
    if not wish.answers:
        return chain(by_hand, model.draft(rest))
    return chain(by_hand, _answered(now, wish.answers, model, rest, problems))


# --- requests as files ----------------------------------------------------------------------


def _export(now: Session, file: Path, tasks: list[Task]) -> None:
    """What is not answered yet; what is too much for one file goes on in FILE-2."""
    texts, told = _for_chat(now, tasks) if file.suffix == ".md" else _for_batch(now, tasks)
    if not texts:
        now.call.talk.say("every reply is remembered: there is nothing to ask")
        return
    files = [file, *(file.with_stem(f"{file.stem}-{n}") for n in range(2, len(texts) + 1))]
    for path, text in zip(files, texts, strict=True):
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    now.call.talk.say(f"{told} written to {', '.join(map(str, files))}")
    now.call.talk.say(f"next: {now.call.program} eval --drafter llm --import ANSWER{file.suffix}")


def _for_chat(now: Session, tasks: list[Task]) -> tuple[list[str], str]:
    """(texts, what they hold)."""
    from ankiforge import app
    from ankiforge.draft import chat

    prompts = app.load_prompts(now.workspace, chat=True)
    return (
        chat.export_chats(tasks, prompts, *_asked_for(now)),
        f"{chat.asked_in(tasks, prompts)} highlights",
    )


def _asked_for(now: Session) -> tuple[int, tuple[str, ...]]:
    """(candidates, tags) that a chat is asked for."""
    from ankiforge import app

    return app.server_settings(now.workspace).candidates, now.workspace.config.llm.tags


def _for_batch(now: Session, tasks: list[Task]) -> tuple[list[str], str]:
    """(texts of lines, what they hold)."""
    from ankiforge import app
    from ankiforge.draft import exchange

    lines = exchange.export_jsonl(
        tasks,
        app.server_settings(now.workspace),
        app.load_prompts(now.workspace),
        now.ledger.replies,
        repair=app.repair_hints(app.check_limits(now.workspace.config)),
    )
    parts = list(exchange.parts(lines))
    texts = ["".join(f"{line}\n" for line in part) for part in parts]
    return texts, f"{sum(map(len, parts))} requests"


def _answered(
    now: Session,
    files: tuple[Path, ...],
    model: Model,
    tasks: Iterator[Task],
    problems: list[Problem],
) -> Iterable[Drafted]:
    """Draw from files of answers; nothing is sent."""
    from ankiforge import app
    from ankiforge.draft import chat, exchange

    texts = [_read(file) for file in files]
    if files[0].suffix == ".md":
        prompts = app.load_prompts(now.workspace, chat=True)
        return chat.import_chat("\n\n".join(texts), tasks, prompts, *_asked_for(now))
    replies = 0
    for file, text in zip(files, texts, strict=True):
        found = exchange.import_jsonl(text.split("\n"), now.ledger.replies, where=file.name)
        problems += found.problems
        replies += found.replies
    now.call.talk.say(f"{replies} replies are remembered")
    return model.from_memory().draft(tasks)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error


# --- telling --------------------------------------------------------------------------------


def _tell(now: Session, wish: Wish, evaluation: Evaluation) -> None:
    from ankiforge.reports.eval import as_json, as_text, make_sheet, write_sheet

    talk, came = now.call.talk, as_json(evaluation)
    written: list[Path] = []
    if wish.output:
        sheet = make_sheet(evaluation, wish.seed, blocked=wish.blocked)
        written = write_sheet(sheet, wish.output, force=wish.force)
        cards = sum(item.card is not None for item in sheet.items)
        alone = len(sheet.items) - cards
        talk.say(f"{cards} cards to rate, {alone} passages without one")
    if talk.as_json:
        talk.data({**came, "written": [str(path) for path in written]})
        return
    tell_problems(now.call, evaluation.problems)
    for line in as_text(came):
        talk.print(line)
    if wish.output:
        talk.say(f"\n{written[0]}: the sheet; {written[1]}: its key, for the count, not for raters")
        talk.say(f"next: {now.call.program} eval --rated {_rated_name(wish.output)}")


def _rated_name(output: Path) -> Path:
    return output if output.suffix == ".csv" else output.with_suffix(".ratings.csv")


def _tell_rated(call: Call, files: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    from ankiforge.reports.eval import figures, rated_text, read_key, read_rated

    if not files:
        raise UsageError("no sheet is named", hint="ankiforge eval --rated SHEET.csv")
    known = [read_key(key) for key in keys]
    sheets = [read_rated(file, known) for file in files]
    found = figures(sheets)
    problems = [problem for sheet in sheets for problem in sheet.problems]
    if call.talk.as_json:
        call.talk.data({**found, "problems": problems})
    else:
        tell_problems(call, problems)
        for line in rated_text(found):
            call.talk.print(line)
    end(problems)
