"""Opening what a command works with: the workspace, a person's trust, the ledger, sources."""

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
from ankiforge.text.modelname import model_name

if TYPE_CHECKING:  # imported where they are used: a run that finds nothing new needs none of it
    from ankiforge import ledger
    from ankiforge.anki.merge import Conflict
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.crew import Crew
    from ankiforge.discovery import Wanted
    from ankiforge.pipeline import Job
    from ankiforge.review.service import Service


@dataclass(frozen=True)
class Session:
    """A workspace at work."""

    call: Call
    workspace: Workspace
    ledger: ledger.Ledger

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be taken in when the ledger was opened."""
        return self.ledger.problems

    @cached_property
    def crew(self) -> Crew:
        """Who helps to read: others of this machine, or of the cluster that was named."""
        from ankiforge import crew

        address = self.call.scheduler
        if not address:
            return crew.local(self.call.jobs)
        if self.call.offline and not is_loopback(address):
            raise UsageError(f"--offline: {address} is not on this machine")
        return crew.cluster(address)

    def close(self) -> None:
        """Send home who helped."""
        if "crew" in self.__dict__:
            self.crew.close()

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
        "troubles": now.ledger.troubles.of(card.guid) if seen else (),
        "instead_of": now.ledger.troubles.in_place_of(card.guid) if pending else (),
    }


def workspace_of(call: Call) -> Workspace:
    """The workspace a call means, trusted.

    Raises:
        UsageError: it is none, or needs a person's word first.
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

    `writes`: the pass lock to hold ("drafting", "publishing"); `forgetful`: work on a copy in
    memory, so that nothing is written; `patience`: seconds to wait for the lock, None = as usual.
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
    """Open the ledger for a look that may keep an index beside it, and decides nothing.

    Where nothing may be written, or no ledger is yet, it is looked at in memory.
    """
    from ankiforge import ledger

    workspace = workspace_of(call)
    keeps = workspace.ledger.is_file() and os.access(workspace.ledger, os.W_OK)
    keeps = keeps and os.access(workspace.ledger.parent, os.W_OK)
    opened = ledger.open_ledger if keeps else ledger.forgetful_ledger
    with opened(workspace.ledger, workspace.journal) as at_hand:
        workspace = replace(workspace, generation=at_hand.generation)
        yield Session(call, workspace, at_hand)


def wanted_of(
    now: Session, paths: tuple[Path, ...], name: str = ""
) -> tuple[list[Wanted], list[Problem]]:
    """The sources behind PATHs or the settings, and the PATHs that cannot be read."""
    from ankiforge.discovery import wanted_sources

    note_sources(now)
    found = list(wanted_sources(now.workspace, now.ledger, paths, name))
    problems = [one for one in found if isinstance(one, Problem)]
    return [one for one in found if not isinstance(one, Problem)], problems


def note_sources(now: Session) -> None:
    """Tell the ledger which sources the workspace reads now; no other is asked about any more."""
    from ankiforge.discovery import in_use

    now.ledger.roots.use(in_use(now.workspace, now.ledger))


def opened_of(
    now: Session, wanted: list[Wanted], say: Callable[[str], None]
) -> tuple[list[Wanted], tuple[Source, ...]]:
    """The sources under the names they keep, and opened; `say` tells of a name taken over."""
    from ankiforge.discovery import open_sources, with_names

    config, offline = now.workspace.config, now.call.offline
    wanted = with_names(config, wanted, now.ledger, say, offline=offline)
    return wanted, open_sources(config, wanted, now.ledger, offline=offline, crew=now.crew)


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
