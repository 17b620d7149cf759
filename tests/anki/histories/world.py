"""A world to play a history in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .desks import Clock, Desk
from .memory import STEP_SECONDS
from .phone import Phone
from .program import Program
from .reader import Reader
from .source import Shelf

Step = tuple[str, int, int]
"""What happens, and two numbers by which it chooses."""


class World(Reader, Phone, Program):
    """Everything that happens, and what must hold."""

    @classmethod
    @contextmanager
    def made(
        cls, folder: Path, forges: Sequence[Any], backend: Any, serving: Any, clock: Clock
    ) -> Iterator[World]:
        """Two computers that see one Anki, which is open."""
        with ExitStack() as stack:
            anki = stack.enter_context(backend.opened(forges[0].profile))
            shelf = Shelf(folder / "vault", folder / "papers")
            world = cls(shelf, anki, clock, [Desk(forge) for forge in forges])
            world.folder, world.stack, world.opened = folder, stack, backend.opened
            world.serving, world.copies, world.given_up = serving, [], set()
            yield world

    def step(self, name: str, one: int, other: int) -> None:
        self.clock.ahead += STEP_SECONDS
        getattr(self, f"do_{name}")(one, other)
        self.check_anki()

    def play(self, steps: Sequence[Step]) -> None:
        """All steps; then what the first computer has arrives, and stays as it is."""
        for step in (("run", 0, 0), ("load", 0, 0), *steps, ("run", 0, 0), ("load", 0, 0)):
            self.step(*step)
        for step in (("build", 0, 0), ("load", 0, 0), ("run", 0, 0)):
            self.step(*step)
        self.check_arrived(self.desks[0])
        self.check_heard(self.desks[0])
        self.check_settled(self.desks[0])
