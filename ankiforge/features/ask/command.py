"""The command `search`, and `model use --for meaning`, which sets the embedding model."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ankiforge.cli.output import (
    Call,
    Words,
    command,
    find_workspace,
    flag_option,
    open_workspace,
    print_items,
)
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.config import Config
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.draft.server import ModelServer
    from ankiforge.features.ask.work import SearchResult
    from ankiforge.model import Document, Json, Strings
    from ankiforge.pipeline.models import SelectedModel
    from ankiforge.pipeline.workspace import Workspace


_OFFER_HINT = "model: meaning"
"""The name under which the suggestion of a local embedding server is recorded as shown."""
_SERVER_TIMEOUT = 0.05
"""How many seconds to wait after a search for servers that haven't answered yet."""


# a word such as -x belongs to the query and is not an option
@command("""
  ankiforge search "why do we forget?"   a question, or words
  ankiforge search 10.1037/h0061626      a DOI, arXiv id, ISBN, PMID or @citekey
  ankiforge search https://arxiv.org/abs/1706.03762v5
  ankiforge search ~/Downloads/paper.pdf  a PDF, by its identifiers or title
  ankiforge search --answer "why do we forget?"  sentences, each over its quote
  ankiforge search "Attention is al you need"  a title, even misspelt
""")
@flag_option(
    "--answer",
    help="Answer in sentences over quotes: the model of the settings, or your chat.",
)
@click.option(
    "--reply", type=click.File(encoding="utf-8"), metavar="FILE",
    help="Check the answer of your chat in FILE; - reads standard input.",
)  # fmt: skip
@click.argument("query", nargs=-1, required=True, metavar="QUERY|FILE.pdf")
def search(call: Call, query: Words, answer: bool, reply: TextIO | None) -> None:
    """Answer a question from your reading, or find a work."""
    from ankiforge.features.ask.work import DEFAULT_PASSAGES

    _refuse_query_of_cards(query)
    words = " ".join(query)
    folder = find_workspace(call)
    is_read_only = not _is_writable(folder)
    if answer or reply:
        with open_workspace(call, read_only=is_read_only) as workspace:
            _print_answer(call, workspace, words, reply)
        return
    servers = _start_model_discovery(call, folder.config)
    limit = call.limit
    if limit is None:
        limit = DEFAULT_PASSAGES
    with open_workspace(call, read_only=is_read_only) as workspace:
        _print_results(call, workspace, words, limit)
    if servers is not None:
        suggestion = suggest_local_model(servers)
        if suggestion is not None:
            call.say(suggestion)


def _is_writable(folder: WorkspaceDirectory) -> bool:
    """Return whether the search index can be stored in the workspace."""
    path = folder.ledger_path
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _print_results(call: Call, workspace: Workspace, words: str, limit: int) -> None:
    """Print the works and passages that match a query, or the work that a PDF file is."""
    from ankiforge.features.ask.work import search_library
    from ankiforge.text import truncate

    document = _identify_pdf(Path(words).expanduser())
    query = words
    if document is not None:
        query = ""
    result = search_library(workspace, query, limit, document=document)
    for remark in result.remarks:
        call.say(remark)
    entries = _iter_entries(result, in_full=call.verbose)
    printed_count = print_items(call, entries, blank_lines=True)
    if not printed_count and limit != 0:
        nothing = f"nothing you have read matches {truncate(words, 100)!r}"
        call.say(f"{nothing}; unmarked text is not searched")


def _start_model_discovery(
    call: Call, config: Config
) -> Callable[[float], tuple[ModelServer, ...]] | None:
    """Start looking for local embedding models, so that one can be suggested after the search.

    Returns None if no model should be suggested. Otherwise, returns a function that takes a timeout
    in seconds and returns the servers found.
    """
    from ankiforge.draft.server import discover_servers
    from ankiforge.features.ask.embedder import MEANING

    if call.quiet or not call.is_interactive or not sys.stdout.isatty():
        return None
    if not should_suggest_model(config):
        return None
    return discover_servers(purpose=MEANING)


def _refuse_query_of_cards(query: Words) -> None:
    from ankiforge.ledger.item_lists import QUERY_FIELDS

    first_term, *_ = [*" ".join(query).split(), ""]
    field, _, value = first_term.partition(":")
    if value and field in QUERY_FIELDS:
        message = f"{first_term} is a query of cards, and search looks in what you read"
        raise UsageError(message, hint=f"ankiforge list {shlex.join(query)}")


def _iter_entries(
    result: SearchResult, *, in_full: bool
) -> Iterator[tuple[Json, Iterator[str]]]:
    """Yield (JSON, lines) for each passage, then for each work."""
    from ankiforge.features.ask import report

    for passage in result.passages:
        yield (
            report.hit_to_json(passage, is_confident=result.is_confident),
            report.format_hit(passage),
        )
    for work in result.works:
        yield report.work_to_json(work), report.format_work(work, in_full=in_full)


def _identify_pdf(path: Path) -> Document | None:
    """Return the metadata of the PDF at `path`, or None if `path` isn't a PDF.

    Raises:
        ItemError: the PDF can't be read.
    """
    if path.suffix.casefold() != ".pdf" or not path.is_file():
        return None
    from ankiforge.extract.pdf import read_pdf_metadata
    from ankiforge.model import Problem

    identified = read_pdf_metadata(path)
    if isinstance(identified, Problem):
        message = f"{identified.location}: {identified.message}"
        raise ItemError(message, hint=identified.hint)
    return identified.document


def _print_answer(
    call: Call, workspace: Workspace, question: str, reply: TextIO | None
) -> None:
    from ankiforge.features.ask import report
    from ankiforge.features.ask.answering import prepare_question
    from ankiforge.pipeline.ask import get_answer, load_current_privacy_filter

    privacy = load_current_privacy_filter(workspace)
    prepared = prepare_question(workspace, privacy, question)
    if not prepared.passages:
        call.print_value({"answer": []}, ["nothing you have read answers this"])
        return
    chat_reply = None
    if reply is not None:
        chat_reply = reply.read()
    sentences = get_answer(workspace, prepared, chat_reply)
    if sentences is None:
        call.print_value({"ask": prepared.chat_text}, [prepared.chat_text])
        call.say(
            "\npaste this into your chat; then give it the answer, with the same words:"
        )
        call.say('ankiforge search --reply FILE "…"')
        return
    call.print_value(
        report.answer_to_json(prepared, sentences),
        report.format_answer(prepared, sentences),
    )


# --- the embedding model ------------------------------


def use_model(call: Call, *, yes: bool, **named: Any) -> None:
    """Store an embedding model in the settings, after a successful test request.

    Args:
        call: the options of the command.
        yes: whether to skip asking for consent.
        named: the options that name the model.
    """
    from msgspec.structs import replace

    from ankiforge.cli.model import ask_consent, write_settings
    from ankiforge.config import MeaningSettings
    from ankiforge.features.ask.embedder import MEANING, make_embedder
    from ankiforge.pipeline.models import resolve_model

    choice = resolve_model(**named, purpose=MEANING)
    llm = choice.llm
    meaning = MeaningSettings(base_url=llm.base_url, model=llm.model, key_env=llm.key_env)
    folder = find_workspace(call)
    config = replace(folder.config, meaning=meaning)
    embedder = make_embedder(config, offline=call.offline)
    assert embedder is not None
    _print_what_is_sent(call, choice, is_request=not yes)
    if not yes and not ask_consent(call, "Use it?", choice):
        return
    embedder.embed_questions(["Does it answer?"])  # raises an error if it doesn't
    # within a section, the last value of the file comes first
    values: dict[Strings, object] = {
        ("meaning", "key_env"): meaning.key_env,
        ("meaning", "model"): meaning.model,
        ("meaning", "base_url"): meaning.base_url,
    }
    settings_path = write_settings(call, folder, values)
    data = {"model": llm.model, "base_url": llm.base_url, "settings": settings_path}
    if call.as_json:
        call.print_json(data)
    elif settings_path:
        call.print_result(f"written to {settings_path}\n  next  ankiforge run")


def _print_what_is_sent(call: Call, choice: SelectedModel, *, is_request: bool) -> None:
    """Print what a model would get. If the user is asked for consent, print it even if quiet."""
    print_line = call.warn if is_request else call.say
    print_line(
        f"{choice.display_name} would get what you read, and what you ask with ankiforge search:"
    )
    if choice.is_local:
        print_line("  it stays on this computer, and costs nothing")
    else:
        print_line("  each passage once; nothing under #no-llm")


def should_suggest_model(config: Config) -> bool:
    """Return whether to suggest an embedding model.

    A model is suggested only once, and only if the settings don't name one.
    """
    from ankiforge.config.workspace import was_hint_shown

    return not (config.meaning.base_url or was_hint_shown(_OFFER_HINT))


def suggest_local_model(
    find_servers: Callable[[float], tuple[ModelServer, ...]],
) -> str | None:
    """Return a line that suggests an embedding server on this computer, or None without one.

    The suggestion is recorded, so that it isn't repeated. `find_servers` takes a timeout in
    seconds and returns the local servers.
    """
    from ankiforge.config.workspace import record_hint_shown

    for server in find_servers(_SERVER_TIMEOUT):
        record_hint_shown(_OFFER_HINT)
        message = f"{server.program} runs here with {server.models[0]}."
        use = f"ankiforge model use {server.name} --for meaning"
        return f"{message} Find what you read in other words: {use}"
    return None
