"""A desk for each thread of the server: connections are not shared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from ankiforge.config.workspace import Workspace
from ankiforge.errors import LedgerError
from ankiforge.ledger import Ledger, open_ledger
from ankiforge.model import Problem
from ankiforge.review.service import Service

GRACE_SECONDS = 1.0
"""After which a thread that is still at work keeps its ledger: it is never closed under it."""

Tell = Callable[[Iterable[Problem]], None]


class Desks:
    """Opens a ledger for whoever asks first in a thread; `tell` hears of lines that are none."""

    def __init__(self, workspace: Workspace, tell: Tell) -> None:
        self._workspace = workspace
        self._tell = tell
        self._here = threading.local()
        self._opened: list[tuple[threading.Thread, Ledger]] = []

    def __call__(self) -> Service:
        """The desk of this thread, with what another machine has decided since."""
        desk: Service | None = getattr(self._here, "desk", None)
        if desk is None:
            desk = self._here.desk = self._new()
        with suppress(LedgerError):  # a run is writing: next time
            self._tell(desk.ledger.catch_up())
        return desk

    def _new(self) -> Service:
        place = self._workspace
        ledger = open_ledger(place.ledger, place.journal, any_thread=True)
        self._opened.append((threading.current_thread(), ledger))
        self._tell(ledger.problems)
        return Service(place, ledger)

    def close(self) -> None:
        """Close the ledgers of all threads that have ended, so that the file is whole."""
        for thread, ledger in self._opened:
            if thread is not threading.current_thread():
                thread.join(GRACE_SECONDS)
            if thread is threading.current_thread() or not thread.is_alive():
                ledger.close()
