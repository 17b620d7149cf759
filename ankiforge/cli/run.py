"""The commands that read and draft: run, extract, draft."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Unpack

import click

from ankiforge.cli import progress
from ankiforge.cli.output import (
    ACCEPT,
    DRAFTER,
    FILE,
    FORCE,
    NEW_DECK,
    OUTPUT,
    YES,
    Call,
    CommandGroup,
    Paths,
    Shown,
    command,
    end,
    end_run,
    flag,
    once,
    session,
    show_all,
    text_option,
    workspace_of,
)
from ankiforge.cli.settings import with_second_reading
from ankiforge.errors import UsageError, writing
from ankiforge.hooks import features, noticed
from ankiforge.text import counted, on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ankiforge.model import Drafted, HighlightKey
    from ankiforge.pipeline import choosing
    from ankiforge.pipeline.result import RunResult, Taken
    from ankiforge.pipeline.workspace import DraftOptions, RunOptions, Workspace


PROBLEMS = 3
"""The number of lines about problems after a run; `-v` prints all."""


@command(
    examples="""
  ankiforge run paper.pdf notes/           cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes       new cards go into the deck Notes
  ankiforge run ~/Vault --marks bold       **bold** words are marks there, from now on
  ankiforge run                            read all of it again
  ankiforge run --dry-run                  show what would happen
""",
)
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
@NEW_DECK
@OUTPUT
@DRAFTER
@ACCEPT
@FORCE
@YES
@flag("--dry-run", help="Show what would happen; write and send nothing.")
@click.option(
    "--marks",
    type=click.Choice(["bold", "callout"]),
    multiple=True,
    help="Read these as marks in the notes at PATH, too.",
)
@flag("--plugins", help="Read vaults by the flash-card plug-ins that are on now.")
def run(
    call: Call,
    paths: Paths,
    yes: bool,
    dry_run: bool,
    **options: Unpack[RunOptions],
) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is a PDF, an EPUB, a note, a text file, a notebook, highlights from KOReader, Kobo,
    calibre, Apple Books, Kindle, Readwise, hypothes.is or a table of cards, a folder of these, or
    Zotero's data folder. It is remembered: without PATH, all that is remembered and the sources
    of the workspace are read.
    """
    trusting = replace(call, trusts=yes, goes_on=bool(paths))
    end_run(read_and_draft(trusting, paths, dry_run=dry_run, **options))


def read_and_draft(
    call: Call,
    paths: Paths,
    *,
    dry_run: bool = False,
    in_review: bool = False,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Run, and print the result.

    Args:
        call: the options of the command.
        paths: files and folders to read; () for all known ones.
        dry_run: write and send nothing.
        in_review: what waits is shown next, so the next command is not named.
        options: further arguments of `Workspace.run`.
    """
    # a model that is there is offered to a person who reads it; servers are looked for meanwhile
    servers = None
    unread = call.quiet or dry_run or in_review
    if call.interactive and sys.stdout.isatty() and not unread:
        from ankiforge.draft.server import look

        servers = look()
    folder = None if dry_run else with_second_reading(call, workspace_of(call))
    with session(call, writes="drafting", read_only=dry_run, folder=folder) as workspace:
        show = partial(progress.progress_bar, call)
        result = workspace.run(
            paths, limit=call.limit, unmarked=in_review, show=show, **options
        )
        for feature in features():
            feature.after_run(workspace, result, show)
        line = progress.offer(workspace, servers) if servers else ""
        print_summary(call, workspace, result, in_review=in_review, offer=line)
    return result


def print_summary(
    call: Call,
    workspace: Workspace,
    result: RunResult,
    *,
    in_review: bool = False,
    offer: str = "",
) -> None:
    """Print the result of a run, as JSON, or as a block to glance at with its problems below.

    Args:
        call: the options of the command.
        workspace: where it ran.
        result: its result.
        in_review: name no next command.
        offer: a line about a model that could draft; "" for none.
    """
    if call.quiet and not call.as_json:
        call.problems(result.problems, None if call.verbose else PROBLEMS)
        return
    from ankiforge.reports.summary import RunText, as_json, why_every_card

    if call.as_json:
        call.data(as_json(result, workspace, noticed(workspace.ledger)))
        return
    every_card = once(workspace, why_every_card(result, workspace.ledger))
    text = RunText(result, workspace, noticed(workspace.ledger), verbose=call.verbose)
    for line in text.block(names_next=not in_review):
        call.print(line)
    call.problems(result.problems, None if call.verbose else PROBLEMS)
    for line in filter(None, text.told((every_card, offer))):
        call.print(line)


# --- forget ---------------------------------------------------------------------------------


@command("""
  ankiforge forget paper.pdf        read it no longer
  ankiforge forget ~/Papers         the same for a folder, and for every PATH in it
""")
@click.argument("path", type=FILE)
def forget(call: Call, path: Path) -> None:
    """Stop reading a PATH that `run` remembered.

    Its drafts go; its cards stay. To read it again: ankiforge run PATH.
    """
    from ankiforge.text import first_of

    with session(call) as workspace:
        forgotten, count = workspace.forget(path)
    if call.as_json:
        call.data({"forgotten": forgotten, "highlights": count})
        return
    call.print(f"forgotten: {first_of(forgotten)}, with {counted(count, 'highlight')}")
    call.print(f"its cards stay; to read it again: ankiforge run {quote(str(path))}")


# --- extract --------------------------------------------------------------------------------


@command("""
  ankiforge extract paper.pdf
  ankiforge extract ~/Vault --json | jq .exact
""")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]...")
def extract(call: Call, paths: Paths) -> None:
    """Show the highlights of PATH, or of the workspace's sources; write nothing."""
    from ankiforge.extract.base import keyed, scanned
    from ankiforge.model import Extracted, Problem
    from ankiforge.pipeline.sources import open_source, select_sources
    from ankiforge.reports.cards import highlight_json, titled

    folder = workspace_of(call)
    selected, problems, *_ = select_sources(folder, paths)
    if not selected and not problems:
        raise UsageError("there is nothing to read", hint="ankiforge extract PATH")
    jobs = call.jobs or os.cpu_count() or 1
    sources = []
    for source in selected:
        opened = open_source(folder, source, offline=call.offline, jobs=jobs)
        sources.append(opened)

    def shown() -> Shown:
        for source in sources:
            for sighting in scanned(source, None):
                if isinstance(sighting, Problem):
                    problems.append(sighting)
                if not isinstance(sighting, Extracted):
                    continue
                for highlight in keyed(sighting):
                    words = highlight.exact or highlight.comment
                    line = f"{titled(highlight)} · {highlight.kind}: {words}"
                    if highlight.exact and highlight.comment:
                        line += f"  [{highlight.comment}]"
                    yield highlight_json(highlight), [on_one_line(line)]

    count = show_all(call, shown())
    if call.as_json:
        for problem in problems:
            call.data({"problem": problem})
    call.problems(problems)
    if not count and call.limit != 0:
        from ankiforge.reports.summary import NO_HIGHLIGHTS

        call.say("no highlights found")
        call.say(NO_HIGHLIGHTS)
    end(problems)


# --- draft ----------------------------------------------------------------------------------

ONE_FILE = click.Path(path_type=Path, dir_okay=False)
CARDS = click.option(
    "--cards",
    type=click.IntRange(1, 100),
    metavar="N",
    default=10,
    show_default=True,
    help="How many passages to choose of a document.",
)


class DraftGroup(CommandGroup):
    """`draft`, which takes a path where a command would stand."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or that about a document if a path is named."""
        name = args[0]
        is_path = Path(name).suffix or os.sep in name or Path(name).exists()
        if name not in self.commands and is_path:
            return choose.name, choose, args
        return super().resolve_command(ctx, args)


@command("""
  ankiforge draft                             let your chat ask: copy, paste back
  ankiforge draft lecture.pdf --cards 10      let it choose ten passages of a document
  ankiforge draft --drafter llm --estimate    what it would cost
  ankiforge draft --drafter llm --limit 20    draft cards for twenty highlights
  ankiforge draft --again af53yatsl3 --remark "ask for the year"
  ankiforge draft export ask.md               write a prompt to paste into any chatbot
  ankiforge draft import answer.md            read the chat's answer
""", cls=DraftGroup, invoke_without_command=True, subcommand_metavar="[PATH|COMMAND]")  # fmt: skip
@text_option(
    "--again",
    metavar="QUERY",
    help="Draft these again: ids of cards or drafts, keys, or a query.",
)
@text_option("--remark", metavar="TEXT", help="With --again: what to do better.")
@flag("--estimate", help="Show requests, tokens and cost; send nothing.")
@DRAFTER
@ACCEPT
def draft(
    call: Call,
    again: str,
    remark: str,
    estimate: bool,
    **options: Unpack[DraftOptions],
) -> None:
    """Read the sources, and draft cards for highlights that have no card yet.

    Without a model, your chat writes the questions: the text with the best twenty is copied,
    and its answer taken when you paste it, or copy it. With --again, the new drafts wait beside
    the old ones.

    With a PATH, such as `ankiforge draft lecture.pdf`, model or chat choose passages of a document
    in which nothing is marked, and make a card of each.
    """
    if click.get_current_context().invoked_subcommand:
        return
    if remark and not again:
        raise UsageError(
            "--remark needs --again QUERY",
            hint="ankiforge draft --again QUERY --remark TEXT",
        )
    if estimate:
        with session(call, read_only=True) as workspace:
            highlights_named(workspace, again)
            estimated = workspace.estimate(options["drafter"], limit=call.limit)
        call.show(estimated, [estimated.said])
        return
    folder = with_second_reading(call, workspace_of(call))
    with session(call, writes="drafting", folder=folder) as workspace:
        # a model is sent nothing that was tagged since the last run
        read = workspace.read()
        call.problems(problem for problem in read.problems if not problem.notice)
        result = workspace.draft(
            again=highlights_named(workspace, again),
            remark=remark.strip(),
            limit=call.limit,
            show=partial(progress.progress_bar, call),
            **options,
        )
        drafter = options["drafter"] or workspace.folder.config.drafter
        given = drafter == "llm" or again or options["drafter"]
        chat_follows = not (given or call.as_json or result.error)
        if chat_follows and not result.drafted:
            call.problems(result.problems, None if call.verbose else PROBLEMS)
        else:
            print_summary(call, workspace, result)
    if chat_follows:
        with session(call) as workspace:
            _ask_chat(call, workspace)
    end_run(result)


# --- a document that nobody marked ----------------------------------------------------------


@command("""
  ankiforge draft lecture.pdf                 ten cards from a document without marks
  ankiforge draft lecture.pdf --estimate      what it would cost with a model
""", hidden=True)  # fmt: skip
@click.argument("path", type=FILE)
@CARDS
@flag("--estimate", help="Show requests, tokens and cost; send nothing.")
@DRAFTER
def choose(call: Call, path: Path, cards: int, estimate: bool, drafter: str) -> None:
    """Let a model or your chat choose passages of a document, and make a card of each.

    PATH is a PDF, a note, a text, a saved web page, an EPUB, or a folder of these. Nothing is
    written into it.
    """
    from ankiforge.pipeline import choosing

    if long := choosing.long_read(path):
        call.say(long)
    with session(call, writes="drafting") as workspace:
        every, problems = choosing.askings(workspace, path, cards)
        for asking in every:
            call.say(asking.said)
        by_model = estimate or (drafter or workspace.folder.config.drafter) == "llm"
        if estimate:
            estimated = choosing.estimate(workspace, every, drafter)
            call.show(estimated, [estimated.told("passage")])
            return
        if by_model and every:
            call.say(choosing.estimate(workspace, every, drafter).told("passage"))
            result = choosing.draft(
                workspace, every, drafter, partial(progress.progress_bar, call)
            )
            result.problems[:0] = problems
            print_summary(call, workspace, result)
            end_run(result)
            return
        call.problems(problems)
        if not every:
            call.say(choosing.NOTHING_LEFT)
        elif call.interactive and not call.quiet and not call.as_json:
            for asking in every:
                while asking.left:
                    text = choosing.text(workspace, asking, asking.left[0])
                    if not _converse(call, workspace, text, about=asking):
                        return
            call.say("next: ankiforge review")
        else:
            by_file = f"{_BY_FILE} --from {quote(str(path))}"
            call.say(f"{by_file}, then: {_IMPORT}; or by a model: ankiforge model")
    end(problems)


def _copy(call: Call, text: str) -> None:
    """Copy a text for a chat, or write it into a file; say what to do with it."""
    from ankiforge.cli.chat import copy

    copied = copy(text)
    if not copied:
        path = Path("ask.md")
        _write_text(path, text)
        copied = f"written to {path}: paste it into any chat, and copy its whole answer"
    call.print(copied)
    call.print(f"paste the answer here; or press Enter, save it, and: {_IMPORT}")


def _read_again(call: Call, workspace: Workspace, answer: str) -> None:
    """Copy the text by which a chat reads its cards a second time, and take its verdicts."""
    from ankiforge.cli.chat import COPIED, SECOND, copy, pasted
    from ankiforge.pipeline.chats import second_text, take

    second = second_text(workspace, answer)
    copied = copy(second) if second else ""
    if copied:
        was = "was copied and" if copied == COPIED else "was sent to your terminal; it"
        call.print(f"a second text {was} {SECOND}")
        again = pasted()
        call.print(take(workspace, again).said if again else "")


def _converse(
    call: Call,
    workspace: Workspace,
    text: str,
    asked: frozenset[HighlightKey] = frozenset(),
    about: choosing.Asking | None = None,
) -> Taken | None:
    """Copy a text for a chat, and take its answer; None if the person gives none."""
    from ankiforge.cli.chat import pasted
    from ankiforge.pipeline.chats import take

    _copy(call, text)
    while answer := pasted():
        taken = take(workspace, answer, asked=asked, about=about)
        call.print(taken.said)
        _say_what_got_none(call, taken.drafted)
        if taken.drafted or taken.chosen:
            for unused in taken.unused[:NONE_SHOWN]:
                call.say(f"  {unused.what}")
            _read_again(call, workspace, answer)
            return taken
    return None


def _ask_chat(call: Call, workspace: Workspace) -> None:
    """Copy the text for a chat and take its answer; without a terminal, say how files do it."""
    from ankiforge.draft.chat import MOST
    from ankiforge.pipeline.chats import ask

    asked = ask(workspace)
    if not (call.interactive and not call.quiet):
        if asked.texts:
            call.say(f"{_BY_FILE}, then: {_IMPORT}")
        return
    call.print(asked.said)
    if not asked.texts:
        return
    taken = _converse(call, workspace, asked.texts[0], asked=asked.keys[0])
    if taken:
        steps = []
        if any(result.drafts for result in taken.drafted):
            steps.append("ankiforge review")
        if left := min(asked.left, MOST):
            steps.append(f"ankiforge draft asks about the next {left}")
        if steps:
            call.say(f"next: {'; '.join(steps)}")


def highlights_named(workspace: Workspace, query: str) -> frozenset[HighlightKey]:
    """Return the highlights that `--again` names by keys, ids or a query.

    Raises:
        UsageError: it names none.
    """
    from ankiforge.ledger import cards, lists
    from ankiforge.model import HighlightKey
    from ankiforge.pipeline.query import find, is_id, is_key, matching

    if not query:
        return frozenset()
    ledger = workspace.ledger
    words = query.split()
    if words and all(map(is_key, words)):
        return frozenset(cards.highlight_of(ledger, word).key for word in words)
    if words and all(map(is_id, words)):
        ids = [find(ledger, word) for word in words]
    else:
        ids = matching(ledger, query)
    keys = frozenset(
        HighlightKey(line.highlight.key) for line in lists.lines(ledger, ids)
    )
    if not keys:
        raise UsageError(
            f"nothing matches {query!r}",
            hint="ankiforge list -v shows ids and keys",
        )
    return keys


# --- a chat ---------------------------------------------------------------------------------


@command("""
  ankiforge draft export ask.md --limit 10
  ankiforge draft export ask.md --from lecture.pdf   choose passages of a document
""")  # fmt: skip
@click.argument("file", type=ONE_FILE)
@click.option(
    "--from",
    "document",
    type=FILE,
    metavar="PATH",
    help="Let the chat choose passages of a document without marks.",
)
@CARDS
def export(call: Call, file: Path, document: Path | None, cards: int) -> None:
    """Read the sources, and write a prompt to paste into any chatbot; with FILE `-`, print it.

    It has the best 20 highlights without a card; with a higher --limit, the rest goes into
    further files.
    """
    from ankiforge.draft.chat import MOST
    from ankiforge.pipeline import choosing
    from ankiforge.pipeline.chats import ask

    if document and (long := choosing.long_read(document)):
        call.say(long)
    with session(call, writes="drafting") as workspace:
        if document:
            asked = choosing.ask(workspace, document, cards)
        else:
            asked = ask(workspace, MOST if call.limit is None else call.limit)
    call.problems(asked.problems)
    if document or not asked.texts:
        call.say(asked.said)
    if not asked.texts:
        return
    if str(file) == "-":
        if len(asked.texts) > 1:
            message = f"these are {len(asked.texts)} prompts, each for a chat of its own"
            hint = "name a FILE" if document else f"name a FILE, or --limit {MOST}"
            raise UsageError(message, hint=hint)
        if call.as_json:
            highlights = sum(map(len, asked.keys))
            call.data(
                {"text": asked.texts[0], "highlights": highlights, "left": asked.left}
            )
        else:
            call.write(asked.texts[0])
        return
    # one file for each chat: FILE, FILE-2, and so on
    files = []
    for number, text in enumerate(asked.texts, 1):
        path = file if number == 1 else file.with_stem(f"{file.stem}-{number}")
        _write_text(path, text)
        files.append(path)
    call.say(f"{asked.what} written to {', '.join(map(str, files))}")
    if len(files) > 1:
        call.say("paste each text into a separate chat; save its answer as ANSWER.md")
    else:
        call.say("paste the text into any chatbot; save its answer as ANSWER.md")
    call.say("next: ankiforge draft import ANSWER.md")
    if asked.left:
        passages = counted(asked.left, "passage")
        again = f"ankiforge draft export {quote(str(file))}"
        call.say(f"{passages} left: import the answer first, then: {again}")
    if document:
        end(asked.problems)


def _write_text(path: Path, text: str) -> None:
    """Write a text for a chat. Of files that are there, only an older text is replaced."""
    from ankiforge.draft.chat import is_text_for_chat

    with writing(path):
        if path.exists() and not (
            path.is_file() and is_text_for_chat(path.read_text("utf-8", "replace"))
        ):
            raise UsageError(f"{path} already exists", hint="name another file")
        path.write_text(text, encoding="utf-8", newline="\n")


_BY_FILE = "by file: ankiforge draft export ask.md"
_IMPORT = "ankiforge draft import ANSWER.md"
WORDS_SHOWN = 60
"""The number of characters by which a highlight without a card is named."""
NONE_SHOWN = 5
"""The number of highlights without a card that an import names."""


@command("  ankiforge draft import answer.md")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=ONE_FILE)
@ACCEPT
def import_(call: Call, files: Paths, accept: str) -> None:
    """Read the cards in the chatbot's answer; FILE `-` is the standard input."""
    from msgspec.structs import replace

    from ankiforge.pipeline.chats import take
    from ankiforge.pipeline.result import RunResult
    from ankiforge.text.decoding import encoding_of

    # read all files first: if one cannot be read, nothing is recorded
    answers = {}
    for file in files:
        try:
            data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            answers[file] = data.decode(encoding_of(data), "replace")
        except OSError as error:
            hint = "name the files in which you saved the answers of the chat"
            message = f"{file}: cannot be read: {error.strerror}"
            raise UsageError(message, hint=hint) from error

    result = RunResult()
    with session(call, writes="drafting") as workspace:
        for file, text in answers.items():
            taken = take(workspace, text, accept)
            if taken.is_known and not taken.drafted:
                call.say(f"{file}: nothing new: it was imported before")
                continue
            if taken.is_second or taken.chosen:
                call.say(f"{file}: {taken.said}")
            for step in taken.steps:
                result.add_step(step)

            _say_what_got_none(call, taken.drafted)
            if taken.drafted and taken.unanswered:
                asked = counted(taken.asked, "highlight")
                call.say(
                    f"{file}: {taken.unanswered:,} of {asked} not answered;"
                    " the next text asks about them again"
                )
            for unused in taken.unused:
                result.problems.append(replace(unused, where=file.name))
        print_summary(call, workspace, result)
    end(result.problems)


def _say_what_got_none(call: Call, drafted: Sequence[Drafted]) -> None:
    """Print the highlights of which the chat makes no card, with its reasons."""
    lines = []
    for result in drafted:
        if not result.drafts:
            marked = shortened(on_one_line(result.highlight.exact), WORDS_SHOWN)
            lines.append(f"  “{marked}”: {result.reason}")
    if not lines:
        return
    answered = counted(len(drafted), "highlight")
    call.say(f"no card for {len(lines):,} of {answered} in this answer:")
    shown = lines if call.verbose else lines[:NONE_SHOWN]
    for line in shown:
        call.say(line)
    if len(lines) > len(shown):
        call.say(f"  and {len(lines) - len(shown):,} more: -v names them")


draft.add_command(export)
draft.add_command(import_)
