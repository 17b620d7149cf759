"""The commands that read sources and draft cards: run, forget, draft."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli import output as cli
from ankiforge.cli import progress
from ankiforge.cli.commands import SuggestingGroup
from ankiforge.errors import ItemError, UsageError, wrap_write_errors
from ankiforge.hooks import collect_notices, load_features
from ankiforge.text import format_count, quote_path, to_one_line, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.ledger import Ledger
    from ankiforge.model import DraftingResult, Highlight, HighlightKey, Problem, Source
    from ankiforge.pipeline import unmarked_documents
    from ankiforge.pipeline.run_result import (
        ChatExport,
        ChatImport,
        CommandRunOptions,
        RunResult,
    )
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import ListedRows


MAX_PROBLEM_LINES = 3
"""The maximum number of lines about problems after a run. With `-v`, all problems are printed."""


@cli.command(
    examples="""
  ankiforge run paper.pdf notes/       cards from these, into ./ankiforge.apkg
  ankiforge run ~/Vault --deck Notes   put its new cards into the deck Notes
  ankiforge run ~/Vault --marks bold   **bold** words are marks there
  ankiforge run                        read all of it again
  ankiforge run --dry-run              show what would happen
  ankiforge run --dry-run -v a.pdf     show the highlights of a file
""",
)
@click.argument("paths", nargs=-1, type=cli.PATH_TYPE, metavar="[PATH]...")
@cli.add_run_options
@cli.flag_option(
    "--dry-run",
    help="Show what would happen; write and send nothing. With -v, list the highlights.",
)
@click.option(
    "--marks",
    type=click.Choice(["bold", "callout", "none"]),
    multiple=True,
    help="Read these as marks in the notes at PATH, too; none ends it.",
)
def run(
    call: cli.Call,
    paths: cli.Paths,
    yes: bool,
    dry_run: bool,
    **values: Any,
) -> None:
    """Turn highlights into cards, and accepted cards into a package for Anki.

    PATH is a PDF, an EPUB, a note, a text file, a notebook, highlights from KOReader, Kobo,
    calibre, Apple Books, Kindle, Readwise, hypothes.is or a table of cards, words that you looked
    up on a Kindle or in KOReader, a folder of these, or Zotero's data folder. It is remembered:
    without PATH, all that is remembered and the sources of the workspace are read.
    """
    from ankiforge.pipeline.run_result import CommandRunOptions

    if dry_run and call.verbose:
        _list_highlights(call, paths)
        return
    trusting_call = replace(call, trusts_workspace=yes)
    options = CommandRunOptions(limit=call.limit, **values)
    result = read_and_draft(trusting_call, paths, options, dry_run=dry_run)
    cli.exit_if_failed(result.problems, result.error)


def read_and_draft(
    call: cli.Call,
    paths: cli.Paths,
    options: CommandRunOptions,
    *,
    dry_run: bool = False,
    in_review: bool = False,
) -> RunResult:
    """Execute the `run` command, print the result, and return it.

    Args:
        call: the command's options.
        paths: the files and directories to read, or () for all known sources.
        options: the options for `Workspace.run`.
        dry_run: whether to avoid writing or sending anything.
        in_review: whether a review follows, in which case no next command is suggested.
    """
    with cli.open_workspace(call, writes="drafting", read_only=dry_run) as workspace:
        show_progress = partial(progress.progress_bar, call)
        is_agreed = call.trusts_workspace or in_review
        progress.confirm_after_first_drafts(call, workspace, yes=is_agreed)
        result = workspace.run(paths, options, show=show_progress)
        for feature in load_features():
            result.problems += feature.after_run(
                workspace, result.collection_path, show_progress
            )
        print_summary(call, workspace, result, in_review=in_review)
    return result


def print_summary(
    call: cli.Call,
    workspace: Workspace,
    result: RunResult,
    *,
    in_review: bool = False,
) -> None:
    """Print the result of a run, as JSON or as a short summary with problems and hints.

    Args:
        call: the command's options.
        workspace: the workspace of the run.
        result: the result of the run.
        in_review: whether a review follows, in which case no next command is suggested.
    """
    if call.quiet and not call.as_json:
        call.print_problems(result.problems, MAX_PROBLEM_LINES)
        return
    from msgspec.structs import asdict

    from ankiforge.reports import summary

    notices = collect_notices(workspace.ledger)
    if call.as_json:
        values = asdict(summary.build_run_report(result, workspace, notices))
        for notice in notices:
            values |= notice.data
        call.print_json(values)
        return
    text = summary.format_run(
        result, workspace, notices, verbose=call.verbose, in_review=in_review
    )
    for line in text.summary:
        call.print_result(line)
    problems = result.problems
    if result.report is not None:
        known = _replace_known_notices(workspace.ledger, problems)
        if not call.verbose:
            problems = [each for each in problems if each.summarize() not in known]
    call.print_problems(problems, MAX_PROBLEM_LINES)
    for line in filter(None, text.details):
        call.print_result(f"  {line}")
    for line in text.next_steps:
        call.print_result(line)


_NOTICES_SETTING = "notices"
"""The name of the ledger setting with the notices of the last run."""


def _replace_known_notices(ledger: Ledger, problems: Iterable[Problem]) -> set[str]:
    """Store the notices of a run, and return those of the run before, which aren't repeated.

    A source that is missing is reported by each run.
    """
    from ankiforge.pipeline.selection import MISSING_SOURCE_MESSAGE

    known = ledger.get_value(_NOTICES_SETTING, set[str]) or set()
    notices = set()
    for problem in problems:
        if problem.is_notice and problem.message != MISSING_SOURCE_MESSAGE:
            notices.add(problem.summarize())
    if notices != known:
        with ledger.transaction():
            ledger.set_value(_NOTICES_SETTING, sorted(notices))
    return known


# --- forget ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge forget paper.pdf        stop reading it
  ankiforge forget ~/Papers         a folder; a PATH in it that you gave stays
""")
@click.argument("path", type=cli.PATH_TYPE)
def forget(call: cli.Call, path: Path) -> None:
    """Stop reading a PATH that `run` remembered.

    Its drafts are removed; its cards stay. To undo it: ankiforge undo.
    """
    from ankiforge.text import format_truncated_list, shorten_path

    with cli.open_workspace(call) as workspace:
        forgotten, count = workspace.forget(path)
    if call.as_json:
        call.print_json({"forgotten": forgotten, "highlights": count})
        return
    names = format_truncated_list([shorten_path(path) for path in forgotten])
    highlights = format_count(count, "highlight")
    call.print_result(f"✓ forgotten: {names}, with {highlights}; its cards stay")
    call.print_result("  to undo it: ankiforge undo")


# --- the highlights of a dry run --------------------------------------------------------------


def _list_highlights(call: cli.Call, paths: cli.Paths) -> None:
    """Print the highlights at `paths`, or of all sources, without opening the ledger.

    Nothing is sent to what a workspace names that the user hasn't trusted.
    """
    from ankiforge.pipeline.selection import select_sources
    from ankiforge.pipeline.sources import open_source

    folder, offline = _find_folder_to_list(call, paths)
    selected, problems, *_ = select_sources(folder, paths)
    if not selected and not problems:
        hint = "ankiforge run --dry-run -v PATH"
        raise UsageError("there is nothing to read", hint=hint)
    jobs = call.jobs or os.cpu_count() or 1
    sources = [
        open_source(folder, source, offline=offline, jobs=jobs) for source in selected
    ]
    count = cli.print_items(call, _iter_highlight_rows(sources, problems))
    if call.as_json:
        for problem in problems:
            call.print_json({"problem": problem})
    call.print_problems(problems)
    if count == 0 and call.limit != 0:
        from ankiforge.reports.summary import NO_HIGHLIGHTS_HINT

        call.say("no highlights found")
        call.say(NO_HIGHLIGHTS_HINT)
    cli.exit_if_failed(problems)


def _find_folder_to_list(
    call: cli.Call, paths: cli.Paths
) -> tuple[WorkspaceDirectory, bool]:
    """Find the workspace, and return it with whether to read its sources offline.

    A workspace that the user hasn't trusted is read offline, and without the executor that it
    names.
    """
    from msgspec.structs import replace as struct_replace

    from ankiforge.config.trust import explain_distrust
    from ankiforge.config.workspace import find_user_directory

    folder = cli.find_workspace(call, needs_trust=not paths)
    if explain_distrust(folder, find_user_directory()) is None:
        return folder, call.offline
    config = struct_replace(folder.config, executor="")
    return struct_replace(folder, config=config), True


def _iter_highlight_rows(
    sources: Iterable[Source], problems: list[Problem]
) -> ListedRows:
    """Yield the highlights of sources, and add the problems of reading them to `problems`."""
    from ankiforge.extract.base import assign_initial_keys, scan_source
    from ankiforge.model import ExtractedDocument, Problem
    from ankiforge.reports.highlights import highlight_to_json

    for source in sources:
        for sighting in scan_source(source, None):
            if isinstance(sighting, Problem):
                problems.append(sighting)
            if isinstance(sighting, ExtractedDocument):
                for highlight in assign_initial_keys(sighting):
                    yield highlight_to_json(highlight), [_format_highlight(highlight)]


def _format_highlight(highlight: Highlight) -> str:
    """Return the line of a highlight: its document, its kind, its text and the comment."""
    from ankiforge.reports.highlights import format_title

    text = highlight.exact or highlight.comment
    line = f"{format_title(highlight)} · {highlight.kind}: {text}"
    if highlight.exact and highlight.comment:
        line += f"  [{highlight.comment}]"
    return to_one_line(line)


# --- draft ----------------------------------------------------------------------------------

FILE_TYPE = cli.FILE_TYPE
CARDS_OPTION = click.option(
    "--cards",
    type=click.IntRange(1, 100),
    metavar="N",
    default=10,
    show_default=True,
    help="How many passages to choose from a document, or from each text of joined notes.",
)


MAX_UNASKED_FILES = 5
"""The maximum number of files that `draft export` writes without asking."""


class DraftGroup(SuggestingGroup):
    """The `draft` command group, which also accepts a path in place of a subcommand."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up the subcommand, which is `choose` if the first argument is a path."""
        name = args[0]
        is_path = Path(name).suffix or os.sep in name or Path(name).exists()
        if name not in self.commands and is_path:
            return name, choose, args  # an error names what the user typed
        return super().resolve_command(ctx, args)


@cli.command("""
  ankiforge draft                            let your chat ask: copy, paste back
  ankiforge draft lecture.pdf --cards 10     it chooses ten passages
  ankiforge draft --drafter llm --estimate   what it would cost
  ankiforge draft --drafter llm --limit 20   draft cards for twenty highlights
  ankiforge draft --again af53ya --remark "ask for the year"
  ankiforge draft export ask.md      write a prompt to paste into any chatbot
  ankiforge draft import answer.md   read the chat's answer
""", cls=DraftGroup, invoke_without_command=True, subcommand_metavar="[PATH|COMMAND]")  # fmt: skip
@cli.text_option(
    "--again",
    metavar="QUERY",
    help="Draft these again: ids of cards, drafts or highlights, or a query.",
)
@cli.text_option("--remark", metavar="TEXT", help="With --again: what to do better.")
@cli.flag_option("--estimate", help="Show requests, tokens and cost; send nothing.")
@cli.DRAFTER_OPTION
@cli.ACCEPT_OPTION
def draft(
    call: cli.Call,
    again: str | None,
    remark: str | None,
    estimate: bool,
    drafter: str | None,
    accept: str | None,
) -> None:
    """Read the sources, and draft cards for highlights that have no card yet.

    Without a model, your chat writes the questions: a prompt with the best twenty highlights is
    copied, and the chat's answer is read when you paste it, or copy it. With --again, the old
    drafts stay beside the new ones.

    With a PATH, such as `ankiforge draft lecture.pdf`, a model or your chat chooses passages of a
    document in which nothing is marked, and makes a card of each.
    """
    if click.get_current_context().invoked_subcommand:
        return
    from ankiforge.pipeline.run_result import CommandRunOptions

    if remark and not again:
        hint = "ankiforge draft --again QUERY --remark TEXT"
        raise UsageError("--remark needs --again QUERY", hint=hint)
    if estimate:
        with cli.open_workspace(call, read_only=True) as workspace:
            find_highlight_keys(workspace, again)
            cost_estimate = workspace.estimate(drafter, limit=call.limit)
        call.print_value(cost_estimate, [cost_estimate.summary])
        return
    options = CommandRunOptions(drafter, accept, call.limit)
    with cli.open_workspace(call, writes="drafting") as workspace:
        result = _read_and_draft_highlights(call, workspace, options, again, remark)
        uses_model = drafter or again or workspace.folder.config.drafter == "llm"
        asks_chat = not (uses_model or call.as_json or result.error)
        if asks_chat and not result.drafted:
            call.print_problems(result.problems, MAX_PROBLEM_LINES)
        else:
            print_summary(call, workspace, result)
    if asks_chat:
        with cli.open_workspace(call) as workspace:
            _ask_chat_for_cards(call, workspace)
    cli.exit_if_failed(result.problems, result.error)


def _read_and_draft_highlights(
    call: cli.Call,
    workspace: Workspace,
    options: CommandRunOptions,
    again: str | None,
    remark: str | None,
) -> RunResult:
    """Draft cards for the highlights that `again` selects, or for those without a card.

    The sources are read first, so that nothing that was tagged private since the last run is sent
    to a model.
    """
    read_result = workspace.read_sources()
    call.print_problems(each for each in read_result.problems if not each.is_notice)
    progress.confirm_after_first_drafts(call, workspace)
    return workspace.draft(
        options,
        again=find_highlight_keys(workspace, again),
        remark=remark,
        show=partial(progress.progress_bar, call),
    )


# --- a document without highlights ----------------------------------------------------------


@cli.command("""
  ankiforge draft lecture.pdf              ten cards from a document without marks
  ankiforge draft lecture.pdf --estimate   what it would cost with a model
""", hidden=True)  # fmt: skip
@click.argument("path", type=cli.PATH_TYPE)
@CARDS_OPTION
@cli.flag_option("--estimate", help="Show requests, tokens and cost; send nothing.")
@cli.DRAFTER_OPTION
def choose(
    call: cli.Call, path: Path, cards: int, estimate: bool, drafter: str | None
) -> None:
    """Let a model or your chat choose passages of a document, and make a card of each.

    PATH is a PDF, a note, a text, a saved web page, an EPUB, captions of a video, or a folder of
    these. Nothing is written into it.
    """
    from ankiforge.pipeline import unmarked_documents

    with cli.open_workspace(call, writes="drafting") as workspace:
        requests, problems = unmarked_documents.prepare_requests(workspace, path, cards)
        for request in requests:
            call.say(request.summary)
        if estimate:
            cost = unmarked_documents.estimate_requests(workspace, requests, drafter)
            call.print_value(cost, [cost.summarize("passage")])
            return
        uses_model = (drafter or workspace.folder.config.drafter) == "llm"
        if uses_model and requests:
            result = _draft_documents(call, workspace, requests, drafter)
            result.problems[:0] = problems
            print_summary(call, workspace, result)
            cli.exit_if_failed(result.problems, result.error)
            return
        call.print_problems(problems, MAX_PROBLEM_LINES)
        if not requests:
            call.say(unmarked_documents.NOTHING_TO_CHOOSE)
        elif not call.can_paste:
            export_step = f"{_EXPORT_STEP} --from {quote_path(path)} --cards {cards}"
            model_step = "or choose a model: ankiforge model list"
            call.say(f"{export_step}   then: {_IMPORT_STEP}   {model_step}")
        elif _ask_chat_about_documents(call, workspace, requests):
            call.say("  next  ankiforge review")
        else:
            return  # the user has stopped
    cli.exit_if_failed(problems)


def _draft_documents(
    call: cli.Call,
    workspace: Workspace,
    requests: Sequence[unmarked_documents.DocumentRequest],
    drafter: str | None,
) -> RunResult:
    """Say what it will cost, and let the model choose passages and make a card of each."""
    from ankiforge.pipeline import unmarked_documents

    cost = unmarked_documents.estimate_requests(workspace, requests, drafter)
    call.say(cost.summarize("passage"))
    return unmarked_documents.draft_from_documents(
        workspace, requests, drafter, partial(progress.progress_bar, call)
    )


def _ask_chat_about_documents(
    call: cli.Call,
    workspace: Workspace,
    requests: Iterable[unmarked_documents.DocumentRequest],
) -> bool:
    """Let a chat choose passages of documents, one part after another.

    Returns whether the user has pasted an answer for each part.
    """
    from ankiforge.pipeline.unmarked_documents import build_chat_text

    for request in requests:
        while request.remaining_parts:
            text = build_chat_text(workspace, request, request.remaining_parts[0])
            if not _ask_chat(call, workspace, text, request=request):
                return False
    return True


def _ask_chat(
    call: cli.Call,
    workspace: Workspace,
    prompt: str,
    asked_keys: frozenset[HighlightKey] = frozenset(),
    request: unmarked_documents.DocumentRequest | None = None,
) -> ChatImport | None:
    """Copy a prompt for a chat to the clipboard, and record the cards in the pasted answer.

    If the prompt can't be copied, it is written to a file instead. If an answer contains no usable
    cards, the user can paste another one.

    Args:
        call: the command's options.
        workspace: where to record the cards.
        prompt: the text for the chat.
        asked_keys: the keys of the highlights in the prompt.
        request: the document to choose passages from, if any.

    Returns:
        The recorded cards, or None if no usable answer was pasted.
    """
    from ankiforge.cli import chat
    from ankiforge.pipeline.chats import record_chat_reply

    if chat.copy_text(prompt):
        call.print_result(chat.COPIED_MESSAGE)
    else:
        path = Path("ask.md")
        _write_prompt(path, prompt)
        call.print_result(chat.FILE_MESSAGE.format(path))
    save_step = f"or press Enter, save it, and: {_IMPORT_STEP}"
    call.print_result(f"paste the answer here; {save_step}")
    while answer := chat.read_pasted_text():
        try:
            result = record_chat_reply(workspace, answer, asked=asked_keys, about=request)
        except ItemError as error:
            raise _keep_answer(workspace, answer, error) from error
        call.print_result(result.summary)
        _print_missing_cards(call, result.drafted)
        for unused in result.unused[:MAX_SHOWN_MISSING]:
            call.say(f"  {unused.message}")
        if _has_new_cards(result):
            _ask_chat_to_check(call, workspace, answer)
            return result
    return None


def _keep_answer(workspace: Workspace, answer: str, error: ItemError) -> ItemError:
    """Write a pasted answer that wasn't recorded to a file, and return an error that names it."""
    from ankiforge.config.files import write_file

    file = workspace.folder.state_directory / "answer.md"
    with wrap_write_errors(file):
        write_file(file, answer.encode())
    again = f"to give it again: ankiforge draft import {quote_path(file)}"
    hint = f"{error.hint}; {again}" if error.hint else again
    return ItemError(error.message, hint=hint)


def _ask_chat_to_check(call: cli.Call, workspace: Workspace, answer: str) -> None:
    """Copy a second prompt, in which the chat checks the cards of its answer, if they need it."""
    from ankiforge.cli import chat
    from ankiforge.pipeline.chats import build_second_reading_text, record_chat_reply

    prompt = build_second_reading_text(workspace, answer)
    if not prompt or not chat.copy_text(prompt):
        return
    call.print_result(chat.SECOND_ROUND_MESSAGE)
    verdicts = chat.read_pasted_text()
    if verdicts:
        call.print_result(record_chat_reply(workspace, verdicts).summary)


def _ask_chat_for_cards(call: cli.Call, workspace: Workspace) -> None:
    from ankiforge.draft.chat import MAX_HIGHLIGHTS_PER_TEXT
    from ankiforge.pipeline.chats import export_chats
    from ankiforge.reports.next_step import NextStep, StepKind, format_next_step

    prompts = export_chats(workspace)
    if not call.can_paste:
        if prompts.texts:
            call.say(f"{_EXPORT_STEP}   then: {_IMPORT_STEP}")
        return
    call.print_result(prompts.summary)
    if not prompts.texts:
        return
    answer = _ask_chat(call, workspace, prompts.texts[0], asked_keys=prompts.keys[0])
    if answer is None:
        return
    has_drafts = any(result.drafts for result in answer.drafted)
    if has_drafts:
        call.say("  next  ankiforge review")
    next_count = min(prompts.omitted, MAX_HIGHLIGHTS_PER_TEXT)
    if next_count:
        step = NextStep(StepKind.CHAT, "draft", f"asks about the next {next_count}")
        call.say(format_next_step(step, first=not has_drafts))


def find_highlight_keys(
    workspace: Workspace, query: str | None
) -> frozenset[HighlightKey]:
    """Return the keys of the highlights that the value of `--again` selects.

    `query` has the ids of cards and drafts, the keys of highlights, or the words of a query. If it
    is None, no highlight is selected.

    Raises:
        UsageError: nothing matches.
    """
    from ankiforge.ledger import cards, item_lists
    from ankiforge.model import HighlightKey, is_highlight_key
    from ankiforge.pipeline import query as queries

    if query is None:
        return frozenset()
    ledger = workspace.ledger
    terms = query.split()
    if all(queries.looks_like_id(term) or queries.looks_like_key(term) for term in terms):
        ids_and_keys = [queries.resolve_id(ledger, term) for term in terms]
    else:
        ids_and_keys = queries.find_matching_ids(ledger, query)
    keys = set[HighlightKey]()
    for id_or_key in ids_and_keys:
        if is_highlight_key(id_or_key):
            keys.add(cards.load_highlight(ledger, id_or_key).key)
    for list_row in item_lists.load_items(ledger, ids_and_keys):
        keys.add(HighlightKey(list_row.highlight.key))
    if not keys:
        hint = "ankiforge list and list --no-card show ids"
        raise UsageError(f"nothing matches {query!r}", hint=hint)
    return frozenset(keys)


# --- a chat ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge draft export ask.md --limit 10
  ankiforge draft export ask.md --from lecture.pdf   of an unmarked document
  ankiforge draft export ask.md --from Outlive       of a book with highlights
""")  # fmt: skip
@click.argument("file", type=FILE_TYPE)
@click.argument("paths", nargs=-1, type=cli.PATH_TYPE, metavar="")
@click.option(
    "--from",
    "document",
    type=cli.PATH_TYPE,
    metavar="PATH|TITLE",
    help="Take a document: let the chat choose passages of PATH, in which nothing is marked, or"
    " ask about the highlights of one with this TITLE.",
)
@CARDS_OPTION
@cli.flag_option(
    "--yes", help=f"Do not ask, even for more than {MAX_UNASKED_FILES} files."
)
def export(
    call: cli.Call,
    file: Path,
    paths: cli.Paths,
    document: Path | None,
    cards: int,
    yes: bool,
) -> None:
    """Read the sources, and write a prompt to paste into any chatbot; with FILE `-`, print it.

    The prompt has the best 20 highlights without a card; with a higher --limit, further files
    have the rest.
    """
    from ankiforge.draft.chat import MAX_HIGHLIGHTS_PER_TEXT
    from ankiforge.pipeline import unmarked_documents
    from ankiforge.pipeline.chats import export_chats

    if paths:
        hint = f"ankiforge draft export {quote(str(file))} --from {quote(str(paths[0]))}"
        raise UsageError(f"{paths[0]}: a document is named with --from", hint=hint)
    limit = MAX_HIGHLIGHTS_PER_TEXT if call.limit is None else call.limit
    is_unmarked = False
    with cli.open_workspace(call, writes="drafting") as workspace:
        if document is None:
            prompts = export_chats(workspace, limit)
        elif document.exists():
            is_unmarked = True
            prompts = unmarked_documents.export_requests(workspace, document, cards)
        else:
            key = _find_document_key(workspace, document)
            prompts = export_chats(workspace, limit, key)
    call.print_problems(prompts.problems, MAX_PROBLEM_LINES)
    if is_unmarked or not prompts.texts:
        call.say(prompts.summary)
    if not prompts.texts:
        return
    if str(file) == "-":
        _print_prompt(call, prompts, is_unmarked=is_unmarked)
        return
    files = _write_prompts(call, file, prompts, yes=yes)
    names = ", ".join(map(str, files))
    asks, paste = "asks", "paste it into any chat"
    if len(files) > 1:
        asks, paste = "ask", "paste each into a separate chat"
    call.say(f"✓ {names} {asks} about {prompts.subject}")
    call.say(f"  {paste}, and save its answer as ANSWER.md")
    if prompts.omitted:
        left = format_count(prompts.omitted, "highlight")
        call.say(f"  {left} left for another text, after this answer")
    call.say(f"  next  {_IMPORT_STEP}")
    if is_unmarked:
        cli.exit_if_failed(prompts.problems)


def _print_prompt(call: cli.Call, prompts: ChatExport, *, is_unmarked: bool) -> None:
    """Print the only prompt.

    Raises:
        UsageError: there are several.
    """
    from ankiforge.draft.chat import MAX_HIGHLIGHTS_PER_TEXT

    if len(prompts.texts) > 1:
        message = f"these are {len(prompts.texts)} prompts, each for a separate chat"
        hint = "name a FILE"
        if not is_unmarked:
            hint += f", or --limit {MAX_HIGHLIGHTS_PER_TEXT}"
        raise UsageError(message, hint=hint)
    [text] = prompts.texts
    if call.as_json:
        count = sum(map(len, prompts.keys))
        call.print_json({"text": text, "highlights": count, "left": prompts.omitted})
    else:
        call.print_raw(text)


def _write_prompts(
    call: cli.Call, file: Path, prompts: ChatExport, *, yes: bool
) -> list[Path]:
    """Write a file for each chat: FILE, FILE-2 and so on, and return their paths.

    Raises:
        UsageError: there are many, and the user said no or can't be asked; or one exists.
    """
    file_count = len(prompts.texts)
    may_write = yes or file_count <= MAX_UNASKED_FILES
    if not call.confirm(f"Write {file_count:,} files?", yes=may_write):
        hint = "ankiforge draft PATH asks about one after another; --yes writes all"
        raise UsageError(f"{file_count:,} files were not written", hint=hint)
    files = []
    for number, text in enumerate(prompts.texts, 1):
        path = file if number == 1 else file.with_stem(f"{file.stem}-{number}")
        _write_prompt(path, text)
        files.append(path)
    return files


def _find_document_key(workspace: Workspace, title: Path) -> str:
    """Return the key of the document with highlights to ask about that a title names.

    Raises:
        UsageError: there is neither such a document nor such a file.
    """
    from ankiforge.extract.foreign_formats import SAVE_PAGE_HINT
    from ankiforge.ledger.cards import load_highlight
    from ankiforge.pipeline.selection import URL_MESSAGE, find_url
    from ankiforge.review.batches import find_document_to_ask_about

    url = find_url(title)
    if url is not None:
        raise UsageError(f"{url}: {URL_MESSAGE}", hint=SAVE_PAGE_HINT)
    ledger = workspace.ledger
    document = find_document_to_ask_about(ledger, str(title))
    if document is None:
        message = f"{title}: no file, and no document of this title has a highlight to ask about"
        raise UsageError(message, hint="ankiforge list --no-card shows the titles")
    return load_highlight(ledger, document.best_location.key).document.key


def _write_prompt(path: Path, prompt: str) -> None:
    """Write a prompt to a file. An existing file is overwritten only if it contains a prompt.

    Raises:
        UsageError: the file contains something else, or can't be written.
    """
    from ankiforge.text import contains_chat_prompt

    with wrap_write_errors(path):
        is_ours = path.is_file() and contains_chat_prompt(
            path.read_text("utf-8", "replace")
        )
        if path.exists() and not is_ours:
            raise UsageError(f"{path} already exists", hint="name another file")
        path.write_text(prompt, encoding="utf-8", newline="\n")


_EXPORT_STEP = "to ask a chat: ankiforge draft export ask.md"
_IMPORT_STEP = "ankiforge draft import ANSWER.md"
MAX_QUOTE_CHARS = 60
"""The length to which a highlight is truncated if the chat made no card for it, in characters."""
MAX_SHOWN_MISSING = 5
"""The maximum number of highlights to list among those for which the chat made no card."""


@cli.command("  ankiforge draft import answer.md")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE_TYPE)
@cli.ACCEPT_OPTION
def import_(call: cli.Call, files: cli.Paths, accept: str) -> None:
    """Read the cards in the chatbot's answer; FILE `-` is the standard input."""
    from ankiforge.pipeline.chats import record_chat_reply
    from ankiforge.pipeline.run_result import ChatReplyKind, RunResult

    # read all files first, so that nothing is recorded if one can't be read
    answers = {file: _read_answer(file) for file in files}
    result = RunResult()
    with cli.open_workspace(call, writes="drafting") as workspace:
        for file, answer in answers.items():
            reply = record_chat_reply(workspace, answer, accept)
            if reply.kind is ChatReplyKind.REPEATED:
                call.say(f"{file}: nothing new: it was imported before")
                if not call.verbose:
                    continue  # with -v, what it lacks is said again
            if reply.kind in (ChatReplyKind.PASSAGES, ChatReplyKind.VERDICTS):
                call.say(f"{file}: {reply.summary}")
            _print_missing_cards(call, reply.drafted)
            _add_reply(result, reply, file)
            if call.can_paste and _has_new_cards(reply):
                _ask_chat_to_check(call, workspace, answer)
        print_summary(call, workspace, result)
    cli.exit_if_failed(result.problems)


def _read_answer(file: Path) -> str:
    """Read the answer of a chat from a file, or from the standard input if it is `-`.

    Raises:
        UsageError: the file can't be read.
    """
    from ankiforge.text.decoding import detect_encoding

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode(detect_encoding(data), "replace")
    except OSError as error:
        hint = "name the files in which you saved the answers of the chat"
        message = f"{file}: cannot be read: {error.strerror}"
        raise UsageError(message, hint=hint) from error


def _add_reply(result: RunResult, reply: ChatImport, file: Path) -> None:
    """Add what a chat's answer came to, and what can't be used of it, to a result."""
    from msgspec.structs import replace

    from ankiforge.model import Problem
    from ankiforge.pipeline.run_result import ChatReplyKind

    for step in reply.steps:
        result.add_step(step)
    if reply.kind is ChatReplyKind.UNUSABLE and not reply.unused:
        result.problems.append(Problem(file.name, reply.summary))
    for unused in reply.unused:
        result.problems.append(replace(unused, location=file.name))


def _has_new_cards(reply: ChatImport) -> bool:
    """Return whether a chat's answer has cards of highlights, or passages with their cards."""
    from ankiforge.pipeline.run_result import ChatReplyKind

    return bool(reply.drafted) or reply.kind is ChatReplyKind.PASSAGES


def _print_missing_cards(call: cli.Call, drafted: Sequence[DraftingResult]) -> None:
    lines = []
    for result in drafted:
        if not result.drafts:
            quote = truncate(to_one_line(result.highlight.exact), MAX_QUOTE_CHARS)
            lines.append(f"  “{quote}”: {result.reason}")
    if not lines:
        return
    call.say(f"no card for {format_count(len(lines), 'highlight')} in this answer:")
    shown_lines = lines if call.verbose else lines[:MAX_SHOWN_MISSING]
    call.say("\n".join(shown_lines))
    if len(lines) > len(shown_lines):
        call.say(f"  and {len(lines) - len(shown_lines):,} more: -v names them")


draft.add_command(export)
draft.add_command(import_)
