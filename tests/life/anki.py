"""Anki in a history: the real one, or a shelf of notes that only imports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.golden.anki import Anki, opened
from tests.golden.histories import notes_in

RETIRED = "ankiforge::retired"


@dataclass
class Shelf:
    """Stands in for Anki where it is not installed: notes as the last import left them."""

    collection: None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def load(self, package: Path, ahead: float) -> None:
        if package.exists():
            self.notes |= notes_in(package)

    def state(self) -> dict[str, Any]:
        return self.notes


@dataclass
class Real:
    """A collection of the real Anki, opened for each thing that happens there."""

    collection: Path
    ahead: float = 0.0

    def __post_init__(self) -> None:
        with opened(self.collection):
            pass

    @contextmanager
    def at_work(self, ahead: float) -> Iterator[Anki]:
        self.ahead = ahead
        with opened(self.collection, ahead) as anki:
            yield anki

    def load(self, package: Path, ahead: float) -> None:
        with self.at_work(ahead) as anki:
            anki.load(package)

    def state(self) -> dict[str, Any]:
        with opened(self.collection, self.ahead) as anki:
            return anki.state()


def is_retired(note: dict[str, Any]) -> bool:
    return RETIRED in note["tags"]


def reviews(note: dict[str, Any]) -> int:
    return sum(card[2] for card in note["cards"])


def is_suspended(note: dict[str, Any]) -> bool:
    return any(card[3] for card in note["cards"])
