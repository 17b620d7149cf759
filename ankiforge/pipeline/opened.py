"""An opened workspace: its folder, its ledger, its locks, its model, and the running Anki."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ankiforge.config import workspace as folders
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.lock import lock
from ankiforge.config.trust import require_trust
from ankiforge.config.workspace import WorkspaceFolder, user_folder
from ankiforge.errors import UsageError
from ankiforge.extract import registry
from ankiforge.model import Problem
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.draft.llm import Model
    from ankiforge.ledger import Ledger, Replies


NEWER_VERSION = "install the newest ankiforge here: it reads them then"
"""The remedy for lines of the journal of unknown kinds."""


def unknown_lines(number: int) -> str:
    """Return how many lines of the journal only a newer version of the program understands."""
    if number == 1:
        return "1 line is of a newer version of ankiforge, and has no effect here"
    return (
        f"{number:,} lines are of a newer version of ankiforge, and have no effect here"
    )


class Opened:
    """A workspace whose ledger is opened when it is needed first."""

    def __init__(
        self,
        folder: WorkspaceFolder | Path | str | None = None,
        *,
        read_only: bool = False,
        offline: bool = False,
        jobs: int = 0,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Find the workspace. Its ledger is opened when it is needed first.

        Args:
            folder: the folder with `ankiforge.yaml`; None for the one that a command would
                use here. A `WorkspaceFolder` has been found, and its settings confirmed, by
                the caller.
            read_only: write nothing; what would be written goes into a copy in memory.
            offline: contact no other machine.
            jobs: the number of concurrent requests and files; 0 = as in the settings, and
                as many files as cores.
            notice: called with what a person may want to know while a model works.

        Raises:
            UsageError: the folder is not a workspace, or a person has to confirm its
                settings first.
            ConfigError: the settings contain an error; with file, line and key.
        """
        if not isinstance(folder, WorkspaceFolder):
            named = Path(folder).expanduser() if folder is not None else None
            folder = folders.resolve(named, Path.cwd(), registry)
            require_trust(folder, None, user_folder())
            folder.close_to_others()
        self.folder = folder
        """Where the files of the workspace are, and its settings."""
        self.read_only = read_only
        self.offline = offline
        self.jobs = jobs
        self._notice = notice
        # The activities whose lock this object holds.
        self._held: set[str] = set()

    # --- opening and closing ----------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open the ledger.

        Raises:
            LedgerError: it cannot be used. Until the end of the block, what goes wrong
                with its database is a `LedgerError`, too.
        """
        from ankiforge.ledger import readable_errors

        with readable_errors(self.folder.ledger):
            self.ledger  # noqa: B018
        self._block = readable_errors(self.folder.ledger)
        self._block.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Close the ledger. After an error, a model may still write its replies: they stay open."""
        if error is None:
            self.close()
        elif "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger
        return self._block.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Close the ledger of a workspace that is used without a `with` statement."""
        if "replies" in vars(self):
            self.replies.close()
            del self.replies
        if "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger: highlights, decisions and cards."""
        return open_ledger(self.folder, read_only=self.read_only)

    @cached_property
    def replies(self) -> Replies:
        """The replies of models, which were paid for."""
        from ankiforge.ledger import REPLIES_FILE, Replies

        self.folder.prepare()
        return Replies(self.folder.folder / REPLIES_FILE)

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules of the deck files."""
        return load_decks(self.folder.root, self.folder.config.decks)

    @contextmanager
    def locked(self, activity: str, seconds: float | None = None) -> Iterator[None]:
        """Hold the lock of an activity ("drafting"), unless this object holds it already.

        Raises:
            BusyError: another program still holds it after `seconds`.
        """
        if self.read_only or activity in self._held:
            yield
            return
        self.folder.prepare()
        with lock(self.folder, activity, seconds):
            self._held.add(activity)
            try:
                yield
            finally:
                self._held.discard(activity)

    def journal_problems(self) -> Iterator[Problem]:
        """Yield the problems that were met when the journal was read."""
        state = self.ledger.journal_state
        where = str(self.folder.journal)
        if state.unreadable:
            skipped = "was skipped" if state.unreadable == 1 else "were skipped"
            message = (
                f"{counted(state.unreadable, 'line')} could not be read, and {skipped}"
            )
            yield Problem(
                where,
                message,
                "restore it from a backup, if you have one",
                notice=True,
            )
        if state.unknown:
            message = unknown_lines(state.unknown)
            yield Problem(where, message, NEWER_VERSION, notice=True)
        if state.missing:
            done = "the next run writes them again" if self.read_only else "written again"
            yield Problem(
                where,
                f"{counted(state.missing, 'line')} missing: {done}",
                notice=True,
            )

    def unread(self) -> Iterator[Problem]:
        """Yield a notice if no run has read the sources since the database was made.

        Until then it has what the journal has: cards, but no drafts and no titles.
        """
        from ankiforge.ledger.tables.cards import any_card

        if not self.ledger.meta("run") and any_card(self.ledger):
            yield Problem(
                str(self.folder.ledger),
                "it was made anew, and has your cards only",
                "ankiforge run adds what waits",
                notice=True,
            )

    def model(
        self,
        drafter: str = "",
        *,
        fresh: bool = False,
        spent: float = 0.0,
    ) -> Model | None:
        """Return the language model, if it is the drafter.

        Args:
            drafter: "rules" or "llm"; "" = as in the settings.
            fresh: ask again, even if the model has answered the same before.
            spent: the part of the budget that is already spent, in dollars.

        Raises:
            UsageError: a person has chosen none.
        """
        if (drafter or self.folder.config.drafter) == "rules":
            return None
        from ankiforge.draft.client import Client
        from ankiforge.pipeline.models import language_model, require_chosen, server_of

        require_chosen(self.folder)
        client = Client(
            server_of(self.folder, jobs=self.jobs, spent=spent),
            self.replies,
            notice=self._notice,
            offline=self.offline,
            fresh=fresh,
        )
        return language_model(self.folder, client)

    def running_anki(self) -> AnkiConnect:
        """Connect to a running Anki, through the add-on AnkiConnect.

        Raises:
            ServiceError: Anki does not answer, or must not be used.
            UsageError: Anki is on another machine, and the workspace is offline.
        """
        from ankiforge.anki.connect import AnkiConnect
        from ankiforge.config import ANKI, is_loopback, key_for, key_variable

        settings = self.folder.config.anki
        if self.offline and not is_loopback(settings.connect):
            message = f"--offline forbids a connection to Anki at {settings.connect}"
            raise UsageError(message, hint="run it without --offline")
        key = key_for(ANKI, settings.connect, settings.key_env)
        key_name = key_variable(ANKI, settings.connect, settings.key_env)
        anki = AnkiConnect(settings.connect, key, key_env=key_name)
        anki.check()
        return anki


def open_ledger(folder: WorkspaceFolder, *, read_only: bool = False) -> Ledger:
    """Open the ledger of a workspace and read the new lines of its journal.

    With `read_only`, nothing is written: what would be goes into a copy in memory.

    Raises:
        LedgerError: database or journal cannot be used.
        UsageError: a folder cannot be written.
    """
    from ankiforge.ledger import Ledger

    if not read_only:
        folder.prepare()
    machine = folder.machine(user_folder(), make=not read_only)
    return Ledger(folder.ledger, folder.journal, machine, read_only=read_only)
