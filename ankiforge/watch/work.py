"""What a front does for the watcher, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ankiforge.errors import ForgeError
from ankiforge.model import Problem
from ankiforge.watch.followed import Followed


@dataclass(frozen=True, slots=True)
class Came:
    """What a pass came to."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    drafted: int = 0
    revised: int = 0
    problems: tuple[Problem, ...] = ()
    missing: bool = False
    """Something was not found; it is to be looked for once more."""
    error: ForgeError | None = None
    """A service that was to draft, and could not."""
    left: int = 0
    """Highlights that wait for a draft."""
    doubt: str = ""
    """Why the notes alone were not enough; then nothing was done."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery came to."""

    packages: tuple[Path, ...] = ()
    written: int = 0
    added: int = 0
    updated: int = 0
    pushed: bool = False
    """They are in Anki."""
    waiting: bool = False
    """Some were left out: they may still be in the making."""
    problems: tuple[Problem, ...] = ()
    error: ForgeError | None = None
    """Anki, which could not be reached; the packages are written all the same."""


class Work(Protocol):
    """What is done, each with the locks and for no longer than it takes.

    Each may raise `ForgeError`: it is told, and tried again.
    """

    def sources(self) -> list[Followed]:
        """The sources, by the settings as they are now."""
        ...

    def settings(self) -> str:
        """Differs once the settings do."""
        ...

    def decided(self) -> str:
        """Differs once something was decided, here or by another program."""
        ...

    def whole(self, sources: Iterable[Followed]) -> Came:
        """Read all of these, draft."""
        ...

    def part(self, source: Followed, notes: Mapping[str, str]) -> Came:
        """Read these notes of a vault, draft; or say why that is not enough."""
        ...

    def draft(self) -> Came:
        """Draft some of what waits for a model."""
        ...

    def anki(self) -> bool:
        """Whether something listens where Anki does; cheap."""
        ...

    def deliver(self, stirred: Mapping[str, frozenset[str]]) -> Delivered:
        """Write, or push, what is ready but for the cards of these files, by source."""
        ...

    def calmed(self, stirred: Mapping[str, frozenset[str]]) -> bool:
        """Whether some cards may go that the last delivery left out; cheap."""
        ...


class Tell(Protocol):
    """Who is told of what happens."""

    def started(self, sources: Iterable[str]) -> None:
        """It listens."""
        ...

    def waiting(self, words: str) -> None:
        """What it does, or waits for, at this moment."""
        ...

    def passed(self, came: Came, notes: tuple[str, ...], seconds: float) -> None:
        """A pass over these notes, () = over everything."""
        ...

    def delivered(self, came: Delivered) -> None:
        """Something lies ready, or is in Anki."""
        ...

    def problem(self, problem: Problem) -> None:
        """Something that was not said before."""
        ...

    def mended(self, problem: Problem) -> None:
        """That is over."""
        ...
