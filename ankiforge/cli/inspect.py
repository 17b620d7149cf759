"""The commands that show and report: status, list, show, doctor, export."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ankiforge.cli.output import (
    FILE,
    Call,
    Words,
    choice_option,
    command,
    exit_with,
    flag,
    refuse_existing,
    refuse_unknown_options,
    session,
    show_all,
    show_in_pager,
    workspace_of,
)
from ankiforge.errors import ItemError, UsageError, writing
from ankiforge.hooks import noticed

if TYPE_CHECKING:
    from ankiforge.model import Document, Json
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.reports.listing import Listing

VIEWS = ("new", "changed", "questions", "recent", "unknown")
"""The lists of things that wait or are to be known."""

# --- status ---------------------------------------------------------------------------------


@command("""
  ankiforge status           the counts and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: Call) -> None:
    """Show the counts and the next command."""
    from ankiforge.reports.summary import status_of, status_text

    with session(call, read_only=True) as workspace:
        ledger = workspace.ledger
        state = status_of(workspace.folder, ledger, noticed(ledger))
    call.show(state, status_text(state, workspace.folder))


# --- list, show -----------------------------------------------------------------------------


# -finding:* is a word of the query, not an option
@command("""
  ankiforge list                        drafts that wait ○, and cards ✓
  ankiforge list -v                     the same in full, with their ids
  ankiforge list --view questions       questions that only you can answer
  ankiforge list --no-card              highlights without a card, or with an open sentence, and why
  ankiforge list deck:Biology "cell membrane" --json
Fields of a query: deck document source tag colour kind verdict anki drafter key added finding
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag(
    "--all",
    "everything",
    help="Add rejected and retired cards; with --no-card, skipped highlights.",
)
@flag(
    "--no-card",
    help="List highlights without a card, or with a further sentence to ask, and why.",
)
@choice_option("--view", of=VIEWS, help="Show only this list.")
def list_(
    call: Call,
    query: Words,
    everything: bool,
    no_card: bool,
    view: str,
) -> None:
    """List drafts and cards. Words match text and title; `field:value` matches that field."""
    refuse_unknown_options(query)
    if view and no_card:
        raise UsageError("--view and --no-card are two lists: use one of them")
    with session(call, read_only=True) as workspace:
        listing = _listing(call, workspace)
        if no_card:
            shown = listing.without_card(query, everything=everything)
            others = ["ankiforge list --no-card --all", "ankiforge list"]
        else:
            shown = listing.listed(query, view, everything=everything)
            others = ["ankiforge list --all", "ankiforge list --no-card"]
        if show_in_pager(call, shown, apart=call.verbose):
            if sys.stdout.isatty() and not (no_card or call.verbose or call.as_json):
                call.say("○ waits   ✓ accepted")
        elif call.limit != 0:
            # the first of the others has everything
            call.say(f"nothing here; see also: {', '.join(others[everything:])}")


def _listing(call: Call, workspace: Workspace) -> Listing:
    from ankiforge.reports.listing import Listing

    return Listing(
        workspace.ledger,
        workspace.decks,
        as_json=call.as_json,
        verbose=call.verbose,
    )


@command("""
  ankiforge show afpl5zre
  ankiforge show afpl5zre -v                with its history
  ankiforge show deck:Biology membrane      all cards that a query matches
""")
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: Call, words: Words) -> None:
    """Show cards, drafts and questions in full, with the commands that decide on them."""
    with session(call, read_only=True) as workspace:
        show_all(call, _listing(call, workspace).named(words), apart=True)


# --- search ---------------------------------------------------------------------------------


# -x is a word of the query, not an option
@command("""
  ankiforge search "why do we forget?"    a question, or words
  ankiforge search 10.1037/h0061626       a DOI, arXiv id, ISBN, PMID or @citekey
  ankiforge search https://arxiv.org/abs/1706.03762v5
  ankiforge search ~/Downloads/paper.pdf  a PDF, by its identifiers or title
  ankiforge search --answer "why do we forget?"  sentences, each over its quote
  ankiforge search "Attention is al you need"  a title, even misspelt
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@flag(
    "--answer",
    help="Answer in sentences over quotes: the model of the settings, or your chat.",
)
@click.option(
    "--reply", type=click.File(encoding="utf-8"), metavar="FILE",
    help="The answer of your chat, checked; - reads standard input.",
)  # fmt: skip
@click.argument("query", nargs=-1, required=True, metavar="QUERY|FILE.pdf")
def search(call: Call, query: Words, answer: bool, reply: TextIO | None) -> None:
    """Answer a question from your reading, or find a work, and how well you remember it."""
    from ankiforge.ledger.tables.lines import FIELDS
    from ankiforge.pipeline.ask import PASSAGES, ask
    from ankiforge.reports.cards import found_json, found_text, work_json, work_text
    from ankiforge.text import shortened

    refuse_unknown_options(query)
    words = " ".join(query)
    term = next(iter(words.split()), "")
    field, colon, value = term.partition(":")
    if colon and value and field in FIELDS:
        message = f"{term} is a query of cards, and search looks in what you read"
        raise UsageError(message, hint=f"ankiforge list {shlex.join(query)}")
    limit = PASSAGES if call.limit is None else call.limit
    # searching stores its index, if that is possible
    ledger_path = workspace_of(call).ledger.path
    written = (ledger_path, ledger_path.parent)
    read_only = not all(os.access(path, os.W_OK) for path in written)
    with session(call, read_only=read_only) as workspace:
        if answer or reply:
            _answer(call, workspace, words, reply)
            return

        last_read = workspace.ledger.meta("looked")
        document = _document_of(Path(words).expanduser())
        result = ask(workspace, "" if document else words, limit, document=document)

        def entries() -> Iterator[tuple[Json, Iterator[str]]]:
            for passage in result.passages:
                yield found_json(passage, sure=result.is_sure), found_text(passage)
            for work in result.works:
                entry = work_json(work, last_read)
                yield entry, work_text(work, entry, whole=call.verbose)

        for remark in result.remarks:
            call.say(remark)
        if not show_all(call, entries(), apart=True) and call.limit != 0:
            call.say(f"nothing you have read matches {shortened(' '.join(query), 100)!r}")


def _document_of(path: Path) -> Document | None:
    """Return the work that a PDF is; None for other words of a query.

    Raises:
        ItemError: the PDF cannot be read.
    """
    if path.suffix.casefold() != ".pdf" or not path.is_file():
        return None
    from ankiforge.extract.pdf import identify
    from ankiforge.model import Problem

    identified = identify(path)
    if isinstance(identified, Problem):
        message = f"{identified.where}: {identified.what}"
        raise ItemError(message, hint=identified.hint)
    return identified.document


def _answer(
    call: Call, workspace: Workspace, question: str, reply: TextIO | None
) -> None:
    """Print the sentences of an answer that stand, or the text to paste into a chat."""
    from ankiforge.pipeline.ask import asked_for
    from ankiforge.reports.cards import answer_json, answer_text

    asked = asked_for(workspace, question)
    if not asked.found:
        call.show({"answer": []}, ["nothing you have read answers this"])
        return
    sentences = asked.replied(workspace, reply.read() if reply else None)
    if sentences is None:
        call.show({"ask": asked.for_chat}, [asked.for_chat])
        call.say(
            "\npaste this into your chat; then give it the answer, with the same words:"
        )
        call.say('ankiforge search --reply FILE "…"')
        return
    call.show(answer_json(asked, sentences), answer_text(asked, sentences))


# --- doctor ---------------------------------------------------------------------------------


@command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor --json           one line per check

Exit code: that of a failing part (2 settings, 3 a service, 4 the ledger), else 1 for warnings,
0 if all is well.
""")  # fmt: skip
def doctor(call: Call) -> None:
    """Check settings, sources, ledger, model and Anki, and advise."""
    from ankiforge.config.workspace import resolve
    from ankiforge.extract import registry
    from ankiforge.reports.doctor import Machine, as_text, examine, exit_code

    find_workspace = partial(resolve, call.folder, Path.cwd(), registry, os.environ)
    checks = []
    for check in examine(find_workspace, Machine.this(), offline=call.offline):
        checks.append(check)
        if call.as_json:
            call.data(check)
    if not call.as_json:
        call.show(checks, as_text(checks))
    exit_with(exit_code(checks))


# --- export ---------------------------------------------------------------------------------


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("path", type=FILE, metavar="FILE")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag("--force", help="Replace an existing file.")
def export(call: Call, path: Path, query: Words, force: bool) -> None:
    """Write highlights and cards to FILE.jsonl, or cards to FILE.csv."""
    from ankiforge.ledger import lists, overview
    from ankiforge.model import CardHere
    from ankiforge.pipeline.collection import lines_as_in_anki
    from ankiforge.pipeline.query import joined, parse
    from ankiforge.reports.cards import as_csv, as_lines, line_json
    from ankiforge.text import counted

    refuse_unknown_options(query)
    path = path.expanduser().absolute()
    form = path.suffix.casefold().lstrip(".")
    if form not in ("jsonl", "csv"):
        raise UsageError(f"{path}: unknown format", hint="name a FILE.jsonl or FILE.csv")
    if not path.parent.is_dir():
        hint = "make it, or name another one"
        raise UsageError(f"there is no folder {path.parent}", hint=hint)
    refuse_existing(path, force=force)
    query_text = joined(query)
    terms = parse(query_text)
    with session(call, read_only=True) as workspace:
        ledger = workspace.ledger
        decks = workspace.decks
        ids = lists.find(ledger, terms, everything=True)
        lines = list(lines_as_in_anki(ledger, lists.lines(ledger, ids)))
        keys = {line.highlight.key for line in lines}
        highlights = []
        for outcome in overview.fates(ledger):
            if not terms or outcome.highlight.key in keys:
                highlights.append(outcome.highlight)
        text: Iterable[str]
        if form == "csv":
            text = [as_csv(lines, decks)]
        else:
            line_as_json = partial(line_json, ledger, decks=decks)
            text = as_lines(highlights, lines, query_text, line_as_json)
        hint = "free space there, or allow writing"
        with (
            writing(path, hint=hint, kind=ItemError),
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            file.writelines(text)

    if call.as_json:
        call.data({"path": str(path), "highlights": len(highlights), "cards": len(lines)})
        return
    card_count = sum(isinstance(line, CardHere) for line in lines)
    draft_count = len(lines) - card_count
    written = [counted(card_count, "card"), counted(draft_count, "draft")]
    if form == "jsonl":  # a table has no rows for highlights
        written.insert(0, counted(len(highlights), "highlight"))
    call.say(f"{path}: {', '.join(written)}")
