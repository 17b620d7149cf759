"""Open a workspace, and provide its ledger, locks and model, and a connection to a running Anki.

`Workspace` in `workspace.py` extends this class with the work of the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ankiforge.config import workspace as folders
from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.lock import acquire_lock
from ankiforge.config.trust import require_trust
from ankiforge.config.workspace import WorkspaceDirectory, find_user_directory
from ankiforge.errors import UsageError
from ankiforge.extract import registry
from ankiforge.model import Problem
from ankiforge.text import format_count

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.config.caches import Replies
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.ledger import Ledger
    from ankiforge.pipeline.run_result import ShouldGoOn


NEWER_VERSION_HINT = "install the newest ankiforge here: it reads them then"
"""The hint for journal lines of a kind that this version doesn't know."""


def format_unknown_lines(number: int) -> str:
    """Format a message about journal lines written by a newer version of ankiforge."""
    if number == 1:
        return "1 line is of a newer version of ankiforge, and has no effect here"
    return (
        f"{number:,} lines are of a newer version of ankiforge, and have no effect here"
    )


class OpenWorkspace:
    """A workspace that opens its ledger and other resources on first use."""

    def __init__(
        self,
        folder: WorkspaceDirectory | Path | str | None = None,
        *,
        read_only: bool = False,
        offline: bool = False,
        jobs: int = 0,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Find the workspace and read its settings.

        Args:
            folder: the directory with `ankiforge.yaml`, or None for the workspace that a command
                would use in the current directory. When passing a `WorkspaceDirectory`, the
                caller must have checked that the user confirmed its settings.
            read_only: don't write anything. Changes go to an in-memory copy.
            offline: refuse to contact other devices.
            jobs: the number of concurrent requests and of files read at once. With 0, requests
                follow the settings, and one file per core is read.
            notice: called with messages for the user while a model is working.

        Raises:
            UsageError: if the directory isn't a workspace, or the user must confirm its settings
                first.
            ConfigError: if the settings contain an error. The message names the file, line and
                key.
        """
        if not isinstance(folder, WorkspaceDirectory):
            path = Path(folder).expanduser() if folder is not None else None
            folder = folders.find_workspace(path, Path.cwd(), registry)
            require_trust(folder, None, find_user_directory())
            folder.make_private()
        self.folder = folder
        self.read_only = read_only
        self.offline = offline
        self.jobs = jobs
        self.should_go_on: ShouldGoOn | None = None
        self._notice = notice
        # The activities whose locks this object holds.
        self._held_locks: set[str] = set()

    # --- opening and closing ----------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open the ledger. Database errors in the block are re-raised as `LedgerError`.

        Raises:
            LedgerError: if the ledger can't be used.
        """
        from ankiforge.ledger import wrap_database_errors

        with wrap_database_errors(self.folder.ledger):
            self.ledger  # noqa: B018
        self._error_context = wrap_database_errors(self.folder.ledger)
        self._error_context.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Close the ledger.

        After an error, the stored replies stay open because a model's threads may still be
        writing to them.
        """
        if error is None:
            self.close()
        elif "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger
        return self._error_context.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Close the ledger and the stored replies. Not needed when using `with`."""
        if "replies" in vars(self):
            self.replies.close()
            del self.replies
        if "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger with all highlights, decisions and cards."""
        return open_ledger(self.folder, read_only=self.read_only)

    @cached_property
    def replies(self) -> Replies:
        """Stored model replies, reused because requesting them again would cost money."""
        from ankiforge.config.caches import REPLIES_FILE, Replies

        self.folder.prepare()
        return Replies(self.folder.state_directory / REPLIES_FILE)

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules in the deck files, by which cards get their decks and tags."""
        return self.folder.load_decks()

    @contextmanager
    def hold_lock(self, activity: str, seconds: float | None = None) -> Iterator[None]:
        """Hold the lock for an activity, e.g. "drafting". Reentrant.

        Args:
            activity: the name of the activity.
            seconds: how long to wait if another program holds the lock, or None for the default.

        Raises:
            BusyError: if another program still holds the lock after that time.
        """
        if self.read_only or activity in self._held_locks:
            yield
            return
        self.folder.prepare()
        with acquire_lock(self.folder, activity, seconds):
            self._held_locks.add(activity)
            try:
                yield
            finally:
                self._held_locks.discard(activity)

    def iter_journal_problems(self) -> Iterator[Problem]:
        """Yield any problems with the journal, e.g. unreadable or missing lines."""
        state = self.ledger.journal_state
        where = str(self.folder.journal)
        if state.unreadable:
            skipped = "was skipped" if state.unreadable == 1 else "were skipped"
            message = f"{format_count(state.unreadable, 'line')} could not be read, and {skipped}"
            yield Problem(
                where,
                message,
                "restore it from a backup, if you have one",
                notice=True,
            )
        if state.unknown:
            message = format_unknown_lines(state.unknown)
            yield Problem(where, message, NEWER_VERSION_HINT, notice=True)
        if state.missing:
            remedy = (
                "the next run writes them again" if self.read_only else "written again"
            )
            yield Problem(
                where,
                f"{format_count(state.missing, 'line')} missing: {remedy}",
                notice=True,
            )

    def iter_unread_notices(self) -> Iterator[Problem]:
        """Yield a notice if the sources haven't been read since the database was created.

        Until then, the database only has what's in the journal: cards, but no drafts or titles.
        """
        from ankiforge.ledger.tables.cards import has_cards

        if not self.ledger.get_meta("run") and has_cards(self.ledger):
            yield Problem(
                str(self.folder.ledger),
                "it was rebuilt, and contains only your cards",
                "ankiforge run adds what waits",
                notice=True,
            )

    def build_model(
        self,
        drafter: str = "",
        *,
        fresh: bool = False,
        spent: float = 0.0,
    ) -> ModelDrafter | None:
        """Build the language model drafter, or return None if the rules draft the cards.

        Args:
            drafter: "rules" or "llm", or "" to use the settings.
            fresh: send requests even if replies are stored.
            spent: how much of the budget has already been spent, in dollars.

        Raises:
            UsageError: if the user hasn't chosen a model.
        """
        if (drafter or self.folder.config.drafter) == "rules":
            return None
        from ankiforge.draft.client import ModelClient
        from ankiforge.pipeline.models import (
            load_server_settings,
            make_model_drafter,
            require_model,
        )

        require_model(self.folder)
        client = ModelClient(
            load_server_settings(self.folder, jobs=self.jobs, spent=spent),
            self.replies,
            notice=self._notice,
            offline=self.offline,
            fresh=fresh,
        )
        return make_model_drafter(self.folder, client)

    def connect_to_anki(self) -> AnkiConnect:
        """Connect to a running Anki through the AnkiConnect add-on.

        Raises:
            ServiceError: if Anki doesn't answer or denies access.
            UsageError: if Anki is on another device and the workspace is offline.
        """
        from ankiforge.anki.connect import AnkiConnect
        from ankiforge.config import ANKI_KEY, find_key, find_key_variable, is_loopback

        settings = self.folder.config.anki
        if self.offline and not is_loopback(settings.connect):
            message = f"--offline forbids a connection to Anki at {settings.connect}"
            raise UsageError(message, hint="run it without --offline")
        key = find_key(ANKI_KEY, settings.connect, settings.key_env)
        key_name = find_key_variable(ANKI_KEY, settings.connect, settings.key_env)
        anki = AnkiConnect(settings.connect, key, key_env=key_name)
        anki.check_access()
        return anki


def open_ledger(folder: WorkspaceDirectory, *, read_only: bool = False) -> Ledger:
    """Open a workspace's ledger and read new lines from its journal.

    With `read_only`, nothing is written, and changes go to an in-memory copy.

    Raises:
        LedgerError: if the database or journal can't be used.
        UsageError: if a directory isn't writable.
    """
    from ankiforge.ledger import Ledger

    if not read_only:
        folder.prepare()
    device_id = folder.get_device_id(find_user_directory(), make=not read_only)
    return Ledger(folder.ledger, folder.journal, device_id, read_only=read_only)
