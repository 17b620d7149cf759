"""Open the workspace, the ledger and the sources for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, Output, for_terminal

if TYPE_CHECKING:
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.config.workspace import Workspace
    from ankiforge.ledger import Ledger
    from ankiforge.model import Problem


@dataclass(frozen=True)
class Session:
    """A workspace with its open ledger."""

    call: Call
    workspace: Workspace
    ledger: Ledger

    @property
    def out(self) -> Output:
        """The output of the command."""
        return self.call.out

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules of the deck files."""
        from ankiforge.app import load_rules

        return load_rules(self.workspace)

    @property
    def pictures(self) -> Path:
        """The folder with pictures cut from pages."""
        from ankiforge.app import PICTURES

        return self.workspace.folder / PICTURES

    def journal_problems(self) -> Iterator[Problem]:
        """Yield what was wrong with the journal when it was read."""
        from ankiforge.model import Problem
        from ankiforge.text.display import counted

        unreadable, restored = self.ledger.journal_state
        where = str(self.workspace.journal)
        if unreadable:
            what = f"{counted(unreadable, 'line')} could not be read, and were skipped"
            yield Problem(
                where, what, "restore the file from a backup, if you have one", notice=True
            )
        if restored:
            what = f"{counted(restored, 'line')} that no file had any more were written again"
            yield Problem(where, what, notice=True)


def workspace_of(call: Call) -> Workspace:
    """Return the workspace of a call, asking the user to trust its settings if necessary.

    Raises:
        UsageError: the folder is not a workspace, or its settings are not trusted.
    """
    from ankiforge.config.trust import require_trust
    from ankiforge.config.workspace import resolve, user_folder

    def ask(text: str) -> bool:
        return click.confirm(for_terminal(text), err=True)

    workspace = resolve(call.workspace, Path.cwd())
    require_trust(workspace, ask if call.out.interactive else None, user_folder())
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
    from ankiforge import app
    from ankiforge.ledger import readable_errors

    workspace = workspace_of(call)
    with readable_errors(), ExitStack() as stack:
        if writes and not read_only:
            workspace.prepare()
            waits = () if patience is None else (patience,)
            stack.enter_context(app.lock(workspace, writes, *waits))
        ledger = stack.enter_context(app.open_ledger(workspace, read_only=read_only))
        now = Session(call, workspace, ledger)
        call.out.problems(now.journal_problems())
        yield now
