"""Threads that ask, and that a person who presses Ctrl-C need not wait for.

The standard library's pools are waited for when the program ends, however long a server takes
to answer. These threads end with the program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")


class Crew(Generic[Work, Result]):
    """So many threads that do one kind of work, in the order in which it was given."""

    def __init__(self, size: int, do: Callable[[Work], Result]) -> None:
        self._do = do
        self._given: SimpleQueue[tuple[Future[Result], Work] | None] = SimpleQueue()
        names = (f"draft-{number}" for number in range(size))
        self._threads = [Thread(target=self._toil, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def give(self, work: Work) -> Future[Result]:
        """Have this done by the next thread that is free."""
        future: Future[Result] = Future()
        self._given.put((future, work))
        return future

    def dismiss(self, patience: float | None = None) -> bool:
        """Begin nothing more, and wait for what is under way, at most so many seconds.

        Returns whether all came home.
        """
        self._take_back()
        for _ in self._threads:
            self._given.put(None)
        latest = None if patience is None else time.monotonic() + patience
        for thread in self._threads:
            thread.join(None if latest is None else max(latest - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def at_work(self) -> int:
        """How many threads have not come home."""
        return sum(thread.is_alive() for thread in self._threads)

    def _take_back(self) -> None:
        while True:
            try:
                given = self._given.get_nowait()
            except Empty:
                return
            if given is not None:
                given[0].cancel()

    def _toil(self) -> None:
        while (given := self._given.get()) is not None:
            future, work = given
            try:
                future.set_result(self._do(work))
            except BaseException as error:  # noqa: BLE001  (raised where the result is asked for)
                future.set_exception(error)
