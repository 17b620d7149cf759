"""Open what a command works with: the trusted workspace, its ledger, and its sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.common import Call, for_terminal
from ankiforge.config import is_loopback
from ankiforge.config.trust import require_trust
from ankiforge.config.user import home_of, user_folders
from ankiforge.config.workspace import Workspace, resolve
from ankiforge.errors import UsageError
from ankiforge.model import Card, Problem, Source, Verdict
from ankiforge.text.identifiers import model_name

if TYPE_CHECKING:  # imported where they are used: a run that finds nothing new needs none of it
    from ankiforge import ledger
    from ankiforge.anki.merge import Conflict
    from ankiforge.app import SelectedSource
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.extract.workers import WorkerPool
    from ankiforge.pipeline import Job
    from ankiforge.review.service import Service


@dataclass(frozen=True)
class Session:
    """A workspace with its ledger open."""

    call: Call
    workspace: Workspace
    ledger: ledger.Ledger

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Journal lines that could not be read when the ledger was opened."""
        return self.ledger.problems

    @cached_property
    def pool(self) -> WorkerPool:
        """The workers that read files: those of `--scheduler`, else processes of this machine.

        Raises:
            UsageError: `--offline`, and the scheduler is on another machine.
        """
        from ankiforge.extract.workers import cluster_pool, local_pool

        address = self.call.scheduler
        if not address:
            return local_pool(self.call.jobs)
        if self.call.offline and not is_loopback(address):
            raise UsageError(f"--offline: {address} is not on this machine")
        return cluster_pool(address)

    def close(self) -> None:
        """Shut down the worker pool, if one was made."""
        if "pool" in self.__dict__:
            self.pool.shutdown()

    @cached_property
    def desk(self) -> Service:
        """Where decisions are made."""
        from ankiforge.review.service import Service

        return Service(self.workspace, self.ledger)

    @property
    def decks(self) -> tuple[DeckRule, ...]:
        """What the deck files say."""
        return self.desk.decks

    def tags(self, card: Card) -> tuple[str, ...]:
        """A card's tags, as a package has them."""
        return self.desk.tags(card)


def told(now: Session, card: Card, conflicts: tuple[Conflict, ...] = ()) -> dict[str, Any]:
    """A card as JSON, with how it fares in Anki, and why it needs work there."""
    from ankiforge.reports.cards import card_json, seen_json

    pending = card.verdict is Verdict.PENDING
    seen, reviews = now.ledger.views.seen(card.guid), now.ledger.views.reviews_of(card.guid)
    return {
        **card_json(card, now.tags(card), conflicts),
        "seen": seen_json(seen, reviews),
        "troubles": now.ledger.queries.problem_cards.troubles(card.guid) if seen else (),
        "instead_of": now.ledger.queries.problem_cards.replaced_by(card.guid) if pending else (),
    }


def workspace_of(call: Call) -> Workspace:
    """Return the workspace of a call, after asking whether to trust its settings if necessary.

    Raises:
        UsageError: the folder is no workspace, or its settings are not trusted.
    """
    workspace = resolve(call.workspace, Path.cwd())
    ask = (
        (lambda text: click.confirm(for_terminal(text), err=True))
        if call.talk.interactive
        else None
    )
    workspace = require_trust(workspace, ask, user_folders())
    workspace.close_to_others()
    return workspace


@contextmanager
def session(
    call: Call, *, writes: str = "", forgetful: bool = False, patience: float | None = None
) -> Iterator[Session]:
    """Open the ledger of a call's workspace.

    Args:
        call: the options of the command.
        writes: the lock to hold ("drafting" or "publishing"), "" = none.
        forgetful: work on a copy in memory, so that nothing is written.
        patience: seconds to wait for the lock, None = the default.
    """
    from ankiforge import ledger

    workspace = workspace_of(call)
    with ExitStack() as stack:
        if forgetful:
            opened = ledger.forgetful_ledger(workspace.ledger, workspace.journal)
        else:
            workspace.prepare()
            if writes:
                waits = () if patience is None else (patience,)
                stack.enter_context(ledger.lock(workspace.folder, writes, *waits))
            opened = stack.enter_context(ledger.open_ledger(workspace.ledger, workspace.journal))
            home, first = home_of(user_folders())
            opened.ownership.claim(home, workspace.ledger, first=first)
        workspace = replace(workspace, generation=stack.enter_context(opened).generation)
        yield stack.enter_context(closing(Session(call, workspace, opened)))


@contextmanager
def glance(call: Call) -> Iterator[Session]:
    """Open the ledger for a search, which writes only the index and no decision.

    A ledger that is missing or cannot be written is searched in memory.
    """
    from ankiforge import ledger

    workspace = workspace_of(call)
    keeps = workspace.ledger.is_file() and os.access(workspace.ledger, os.W_OK)
    keeps = keeps and os.access(workspace.ledger.parent, os.W_OK)
    opened = ledger.open_ledger if keeps else ledger.forgetful_ledger
    with opened(workspace.ledger, workspace.journal) as opened_ledger:
        workspace = replace(workspace, generation=opened_ledger.generation)
        yield Session(call, workspace, opened_ledger)


def wanted_of(
    now: Session, paths: tuple[Path, ...], name: str = ""
) -> tuple[list[SelectedSource], list[Problem]]:
    """Return the sources behind PATHs or of the settings, and the PATHs that cannot be read."""
    from ankiforge.app import select_sources

    note_sources(now)
    found = list(select_sources(now.workspace, now.ledger, paths, name))
    problems = [one for one in found if isinstance(one, Problem)]
    return [one for one in found if not isinstance(one, Problem)], problems


def note_sources(now: Session) -> None:
    """Store in the ledger which sources are in use: cards of all others are asked about no more."""
    from ankiforge.app import sources_in_use

    now.ledger.roots.use(sources_in_use(now.workspace, now.ledger))


def opened_of(
    now: Session, selected: list[SelectedSource], say: Callable[[str], None]
) -> tuple[list[SelectedSource], tuple[Source, ...]]:
    """Open sources under their final names; `say` is called with a line for each moved folder."""
    from ankiforge.app import name_sources, open_sources

    config, offline = now.workspace.config, now.call.offline
    selected = name_sources(config, selected, now.ledger, say, offline=offline)
    return selected, open_sources(config, selected, now.ledger, offline=offline, pool=now.pool)


def first_line(now: Session, job: Job, accept: str) -> str:
    """Names workspace and policy: the first line of a run."""
    workspace = now.workspace
    where = f"{workspace.root} (your own)" if workspace.is_default else str(workspace.root)
    return (
        f"workspace {where} · drafter {model_name(job.drafter_name)} · {_policy(now, job, accept)}"
    )


def _policy(now: Session, job: Job, accept: str) -> str:
    settings = now.workspace.config.accept
    written = accept or settings.rules.value
    drawn = written if job.drafter_name in ("rules", "rules:all") else accept or settings.llm.value
    if written == drawn:
        return "clean cards are accepted" if drawn == "clean" else "every card waits for you"
    who = ("your own hand", "the model")
    accepted, waits = who if written == "clean" else who[::-1]
    return f"clean cards of {accepted} are accepted, those of {waits} wait for you"
