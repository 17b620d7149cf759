"""Trying: what fails is told once, tried again later and later, and told of when it is over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from ankiforge.errors import BusyError, ForgeError
from ankiforge.model import Problem
from ankiforge.watch.work import Tell

Found = TypeVar("Found")

PAUSES = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds until what failed is tried again, the first time, the second, and so on."""
HELD = 1.0
"""The same while another program has the ledger."""
LONG = 60.0
"""Seconds after which that is told of."""


class Trying:
    """What was tried, and how often in vain; what was said of it."""

    def __init__(self, tell: Tell, clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._told: dict[tuple[str, str], Problem] = {}
        self._failures: dict[str, int] = {}
        self._since: dict[str, float] = {}
        """What another program keeps from being done, and since when."""
        self.held = ""
        """What is waited for, "" if nothing is."""

    def attempt(self, what: str, work: Callable[[], Found]) -> Found | None:
        """What comes of it; None if it failed, which is told, and is to be tried again."""
        try:
            found = work()
        except BusyError as error:
            self._wait_for(what, error)
            return None
        except ForgeError as error:
            self._failed(what, error.message, error.hint)
            return None
        except OSError as error:
            self._failed(what, str(error), "is there room on the disk, and may you write there?")
            return None
        self.over(what)
        self._let_go(what)
        self.say(f"{what} failed", [])
        return found

    def _failed(self, what: str, message: str, hint: str) -> None:
        self._let_go(what)
        self.say(f"{what} failed", [Problem(what, message, hint)])

    def _wait_for(self, what: str, error: BusyError) -> None:
        """Another program is at it: no failure, unless it takes very long."""
        now = self._clock()
        self.held = f"waiting: {error.message}"
        if now - self._since.setdefault(what, now) >= LONG:
            self.say(f"{what} failed", [Problem(what, error.message, error.hint)])

    def _let_go(self, what: str) -> None:
        self._since.pop(what, None)
        self.held = self.held if self._since else ""

    # --- when it is tried again -------------------------------------------------------------

    def pause(self, what: str) -> float:
        """Seconds to wait after a failure."""
        if what in self._since:
            return HELD
        count = self._failures.get(what, 0)
        self._failures[what] = count + 1
        return PAUSES[min(count, len(PAUSES) - 1)]

    def over(self, what: str) -> None:
        """It has not failed, or the failures before do not count."""
        self._failures.pop(what, None)

    def begin_anew(self) -> None:
        """Nothing that failed before counts."""
        self._failures.clear()

    # --- what is said -----------------------------------------------------------------------

    def say(
        self, about: str, problems: Iterable[Problem], places: Collection[str] | None = None
    ) -> None:
        """All there is to be said about something now: what is new, and what is over.

        `places`: what was said of others stands; None = of all.
        """
        now = {(about, f"{one.where}: {one.what}"): one for one in problems}
        for key, problem in list(self._told.items()):
            asked = places is None or problem.where in places
            if key[0] == about and key not in now and asked:
                del self._told[key]
                if not problem.once:
                    self._tell.mended(problem)
        for key, one in now.items():
            if key not in self._told:
                self._told[key] = one
                self._tell.problem(one)
