"""Open the workspace, the ledger and the sources for a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import Call, Output, for_terminal
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge import ledger
    from ankiforge.anki.merge import Conflict
    from ankiforge.app import SelectedSource
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.config.workspace import Workspace
    from ankiforge.ledger.queries import Funnel
    from ankiforge.model import Card, Problem, Source
    from ankiforge.reports.summary import Summary
    from ankiforge.review.service import Service


MOST_READERS = 4
"""The most files read at a time without `--jobs`: each needs a process with memory."""


@dataclass(frozen=True)
class Session:
    """A workspace with its open ledger."""

    call: Call
    workspace: Workspace
    ledger: ledger.Ledger

    @property
    def out(self) -> Output:
        """The output of the command."""
        return self.call.out

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Journal lines that were unreadable or missing when the ledger was opened."""
        return self.ledger.problems

    @cached_property
    def review(self) -> Service:
        """The service for querying cards, their tags, and checking a person's edits."""
        from ankiforge.review.service import Service

        return Service(self.workspace, self.ledger)

    @property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules of the deck files."""
        return self.review.decks

    def conflicts(self, card: Card) -> tuple[Conflict, ...]:
        """Return the fields of a card that were changed both in the source and in Anki."""
        from ankiforge.model import AnkiState
        from ankiforge.sync import conflicts_of

        held = card.anki is AnkiState.HELD
        return conflicts_of(self.ledger, card, self.decks) if held else ()

    def card_data(self, card: Card) -> dict[str, Any]:
        """Return a card as JSON, with its reviews and problems in Anki."""
        from ankiforge.model import Verdict
        from ankiforge.reports.cards import card_json, note_json

        pending, problems = card.verdict is Verdict.PENDING, self.ledger.queries.problem_cards
        seen = self.ledger.views.seen(card.guid)
        return {
            **card_json(card, self.review.tags(card), self.conflicts(card)),
            "seen": note_json(seen, self.ledger.views.reviews_of(card.guid)),
            "troubles": problems.troubles(card.guid) if seen else (),
            "instead_of": problems.replaced_by(card.guid) if pending else (),
            "replaced_by": problems.waiting_for(card.guid),
        }


def workspace_of(call: Call) -> Workspace:
    """Return the workspace of a call, asking the user to trust its settings if necessary.

    Raises:
        UsageError: the folder is not a workspace, or its settings are not trusted.
    """
    from ankiforge.config.trust import require_trust
    from ankiforge.config.workspace import resolve, user_folders

    def ask(text: str) -> bool:
        return click.confirm(for_terminal(text), err=True)

    workspace = resolve(call.workspace, Path.cwd())
    workspace = require_trust(workspace, ask if call.out.interactive else None, user_folders())
    workspace.close_to_others()
    return workspace


@contextmanager
def session(
    call: Call, *, writes: str = "", read_only: bool = False, patience: float | None = None
) -> Iterator[Session]:
    """Open the ledger of a call's workspace.

    Args:
        call: the options of the command.
        writes: the lock to hold ("drafting" or "publishing"); "" = none.
        read_only: work on a copy in memory, so that nothing is written.
        patience: how long to wait for the lock in seconds; None = the default.
    """
    from ankiforge import ledger
    from ankiforge.config.workspace import home_of, user_folders

    workspace = workspace_of(call)
    with ledger.readable_errors(), ExitStack() as stack:
        if read_only:
            opened = ledger.ledger_in_memory(workspace.ledger, workspace.journal)
        else:
            workspace.prepare()
            if writes:
                waits = () if patience is None else (patience,)
                stack.enter_context(ledger.lock(workspace.folder, writes, *waits))
            opened = stack.enter_context(ledger.open_ledger(workspace.ledger, workspace.journal))
            call.out.problems(one for one in opened.problems if one.notice)
            home, first = home_of(user_folders())
            opened.ownership.claim(home, workspace.ledger, first=first)
        stack.enter_context(opened)
        yield Session(call, workspace, opened)


@contextmanager
def glance(call: Call) -> Iterator[Session]:
    """Open the ledger for a search, which writes only the index and no decision.

    A ledger that is missing or cannot be written is searched in memory.
    """
    from ankiforge import ledger

    workspace = workspace_of(call)
    keeps = workspace.ledger.is_file() and os.access(workspace.ledger, os.W_OK)
    keeps = keeps and os.access(workspace.ledger.parent, os.W_OK)
    opened = ledger.open_ledger if keeps else ledger.ledger_in_memory
    with ledger.readable_errors(), opened(workspace.ledger, workspace.journal) as opened_ledger:
        yield Session(call, workspace, opened_ledger)


# --- sources --------------------------------------------------------------------------------


def select_sources(
    now: Session, paths: tuple[Path, ...]
) -> tuple[list[SelectedSource], list[Problem]]:
    """Return the sources at PATHs or in the settings, and problems for PATHs that cannot be read."""
    from ankiforge import app
    from ankiforge.model import Problem

    note_sources(now)
    found = list(app.select_sources(now.workspace, now.ledger, paths))
    problems = [one for one in found if isinstance(one, Problem)]
    return [one for one in found if not isinstance(one, Problem)], problems


def note_sources(now: Session) -> None:
    """Store in the ledger which sources are in use; cards of others are no longer offered for review."""
    from ankiforge.app import sources_in_use

    now.ledger.roots.use(sources_in_use(now.workspace, now.ledger))


def open_sources(
    now: Session, selected: list[SelectedSource], say: Callable[[str], None]
) -> tuple[list[SelectedSource], tuple[Source, ...]]:
    """Open sources under their final names; `say` is called with a line for each moved folder."""
    from ankiforge import app

    config, offline = now.workspace.config, now.call.offline
    selected = app.name_sources(now.workspace, selected, now.ledger, say)
    jobs = now.call.jobs or min(MOST_READERS, os.cpu_count() or 1)
    return selected, app.open_sources(config, selected, now.ledger, offline=offline, jobs=jobs)


# --- suggested commands ---------------------------------------------------------------------

Commands = Iterator[tuple[str, str]]
"""(command, effect)."""

_DECIDED = ("deleted in Anki", "rejected", "retired", "skip")
"""Prefixes of the reasons for "no card" that a person decided."""


def columns(now: Session, commands: Commands) -> Iterator[str]:
    """Yield a line for each command with its effect in a second column, without duplicates."""
    texts: dict[str, str] = {}
    for command, says in commands:
        texts.setdefault(f"{now.call.program} {command}", says)
    width = max(map(len, texts), default=0)
    return (f"  {command:{width}}   {says}" for command, says in texts.items())


def commands_without_card(now: Session, funnel: Funnel, *, model: bool) -> Commands:
    """Yield commands that make cards for highlights without one: by a chat, a model, or a person."""
    from ankiforge.model import Fate

    undecided = (
        one
        for one in funnel.without
        if one.fate is Fate.NO_CARD and not one.reason.startswith(_DECIDED)
    )
    first = next(undecided, None)
    if first is None:
        return
    yield "draft export ask.md", "let any chatbot draft the rest: writes a prompt to paste"
    if not model:
        from ankiforge.reports.discover import Machine, model_servers

        server = next(iter(model_servers(Machine.this())), None)
        where = " (first: ankiforge init)"
        where = where if now.workspace.is_default else ""
        where = f": {server.program} runs at {server.base_url}" if server else where
        yield "run --drafter llm", f"let a model draft the rest{where}"
    yield "review", "make cards yourself, in the browser"
    yield f"edit {first.key}", "make a card in the terminal"


def commands_to_decide(now: Session, summary: Summary) -> Commands:
    """Yield commands that show the cards which wait for a person."""
    if summary.cards["waiting"] or summary.cards["revisions"]:
        yield "review", "decide on the waiting cards, in the browser"
        yield "list verdict:pending -v", "or in the terminal: accept, pick, edit, reject"
    if summary.cards["blocked"]:
        yield "list finding:block -v", "see why cards are blocked"
    yield from commands_to_rework(now)


def commands_to_rework(now: Session) -> Commands:
    """Yield the command that shows the cards which keep failing in Anki, with their number."""
    if failing := len(now.ledger.queries.problem_cards.all()):
        many = counted(failing, "card needs", "cards need")
        yield (
            "list --view work",
            f"{many} work: forgotten too often, or you commented on it in Anki",
        )


def commands_to_go_on(now: Session, summary: Summary, drafter: str) -> Commands:
    """Yield the command that drafts the highlights still pending for a model."""
    from ankiforge.config import DrafterName
    from ankiforge.pipeline import unwritten

    if summary.usage is None or next(unwritten(now.ledger, None, drafter), None) is None:
        return
    by_model = now.workspace.config.drafter is DrafterName.LLM
    yield f"draft{'' if by_model else ' --drafter llm'}", "continue with the model"
