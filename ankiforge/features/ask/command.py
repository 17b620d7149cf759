"""The command `search`, and the choice of its model: `model use --for meaning`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, Unpack

import click

from ankiforge.cli.output import (
    Call,
    Words,
    command,
    flag,
    refuse_unknown_options,
    session,
    show_all,
    workspace_of,
)
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.cli.model import ModelOptions
    from ankiforge.config import Config
    from ankiforge.draft.server import ModelServer
    from ankiforge.model import Document, Json
    from ankiforge.pipeline.workspace import Workspace


_OFFERED = "model: meaning"
"""The hint that a server here compares meanings, which is given once."""


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
    from ankiforge.draft.server import look
    from ankiforge.features.ask import report
    from ankiforge.features.ask.embedder import MEANING
    from ankiforge.features.ask.work import PASSAGES, ask
    from ankiforge.ledger.tables.lines import FIELDS
    from ankiforge.text import shortened

    refuse_unknown_options(query)
    words = " ".join(query)
    term = next(iter(words.split()), "")
    field, colon, value = term.partition(":")
    if colon and value and field in FIELDS:
        message = f"{term} is a query of cards, and search looks in what you read"
        raise UsageError(message, hint=f"ankiforge list {shlex.join(query)}")
    limit = PASSAGES if call.limit is None else call.limit
    folder = workspace_of(call)
    # a model that is there is offered to a person who reads it; servers are looked for meanwhile
    servers = None
    is_shown = call.interactive and sys.stdout.isatty() and not call.quiet
    if is_shown and not (answer or reply) and may_offer(folder.config):
        servers = look(purpose=MEANING)
    # searching stores its index, if that is possible
    ledger_path = folder.ledger.path
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
                yield (
                    report.found_json(passage, sure=result.is_sure),
                    report.found_text(passage),
                )
            for work in result.works:
                entry = report.work_json(work, last_read)
                yield entry, report.work_text(work, entry, whole=call.verbose)

        for remark in result.remarks:
            call.say(remark)
        if not show_all(call, entries(), apart=True) and call.limit != 0:
            call.say(f"nothing you have read matches {shortened(' '.join(query), 100)!r}")
        offered = offer_model(servers) if servers else ""
        if offered:
            call.say(offered)


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
    from ankiforge.features.ask import report
    from ankiforge.features.ask.work import asked_for

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
    call.show(report.answer_json(asked, sentences), report.answer_text(asked, sentences))


# --- its model ----------------------------------------


def use_model(call: Call, *, yes: bool, **named: Unpack[ModelOptions]) -> None:
    """Compare meanings with a model from now on, if it makes a vector."""
    from msgspec.structs import replace

    from ankiforge.cli.model import agrees
    from ankiforge.cli.settings import write_settings
    from ankiforge.config import MeaningSettings
    from ankiforge.features.ask.embedder import MEANING, embedder_of
    from ankiforge.pipeline.models import choose

    choice = choose(**named, purpose=MEANING)
    llm = choice.llm
    given = {"key_env": llm.key_env, "model": llm.model, "base_url": llm.base_url}
    folder = workspace_of(call)
    config = replace(folder.config, meaning=MeaningSettings(**given))
    embedder = embedder_of(config, offline=call.offline)
    assert embedder is not None
    tell = call.say if yes else call.warn
    tell(
        f"{choice.title} would get what you read, and what you ask with ankiforge search:"
    )
    if choice.is_local:
        tell("  it stays on this machine, and costs nothing")
    else:
        tell("  each passage once; nothing under #no-llm")
    if not (yes or agrees(call, "Use it?", choice)):
        return
    embedder.questions(["Does it answer?"])
    written = write_settings(
        call, folder, {("meaning", key): given[key] for key in given}
    )
    told = {"model": llm.model, "base_url": llm.base_url, "settings": written}
    if call.as_json:
        call.data(told)
    elif written:
        call.print(f"written to {written}\nnext: ankiforge run")


def may_offer(config: Config) -> bool:
    """Return whether no model compares meanings, and none was ever offered."""
    from ankiforge.config.workspace import was_told

    return not (config.meaning.base_url or was_told(_OFFERED))


def offer_model(servers: Callable[[float], tuple[ModelServer, ...]]) -> str:
    """Return the line that offers a server here that compares meanings, once ever; "" if none.

    `servers` returns those on this machine that have answered after so many seconds.
    """
    from ankiforge.cli.progress import PATIENCE_S
    from ankiforge.config.workspace import first_time

    for server in servers(PATIENCE_S):
        first_time(_OFFERED)
        found = f"{server.program} runs here with {server.models[0]}."
        use = f"ankiforge model use {server.name} --for meaning"
        return f"{found} Find what you read in other words: {use}"
    return ""
