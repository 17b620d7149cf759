"""A watcher in this process: its clock and its hints are the test's, its files are real."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge import watch as watching
from ankiforge.cli.output import Call, Output
from ankiforge.cli.passes import Passes
from ankiforge.cli.session import workspace_of
from ankiforge.extract import files
from ankiforge.watch import Watcher


class Watched:
    """A watcher, and all it has told."""

    def __init__(self, folder: Path, *, push: bool = False) -> None:
        self.ahead = 0.0
        self.stirred = False
        self.silent = ""
        self.told: list[tuple[str, Any]] = []
        self.says: list[str] = []
        call = Call(folder, Output())
        workspace = workspace_of(call)
        self.passes = Passes(call, workspace, self.heard, self.clock, push=push)
        self.watcher = Watcher(self.passes, self, self, self.clock)

    def clock(self) -> float:
        return time.time() + self.ahead

    def beside(self) -> object:
        """What happens after each pass."""

    # --- what a test does -------------------------------------------------------------------

    def turn(self, *, hint: bool = True) -> list[tuple[str, Any]]:
        """What is told after a hint (or without one), until nothing is due for a second."""
        self.stirred = hint
        return self.later(1.0)

    def later(self, seconds: float) -> list[tuple[str, Any]]:
        """What is told until so many seconds were waited; what it does itself takes no time."""
        before, until = len(self.told), self.ahead + seconds
        while self.ahead < until:
            self.watcher.turn()
            self.watcher.rest()
        return self.told[before:]

    def of(self, event: str) -> list[Any]:
        return [what for name, what in self.told if name == event]

    # --- hints ------------------------------------------------------------------------------

    def follow(self, roots) -> None:
        self.roots = sorted(roots)

    def wait(self, seconds: float) -> bool:
        if not self.stirred:
            self.ahead += max(seconds, 0.01)
        came, self.stirred = self.stirred, False
        return came

    def close(self) -> None:
        """Nothing is open."""

    # --- who is told ------------------------------------------------------------------------

    def started(self, sources) -> None:
        self.told.append(("started", list(sources)))

    def heard(self, words) -> None:
        self.told.append(("heard", words))

    def status(self, words) -> None:
        """A line that moves."""
        self.says.append(words)

    def passed(self, came, notes, seconds) -> None:
        self.told.append(("pass", (came, notes)))
        self.beside()

    def delivered(self, came) -> None:
        self.told.append(("delivered", came))

    def problem(self, problem) -> None:
        self.told.append(("problem", problem))

    def solved(self, problem) -> None:
        self.told.append(("mended", problem))


@pytest.fixture
def desk(forge, vault: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a vault, in an environment of its own; what is written is quiet at once."""
    settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(files, "TICK_NS", 0)
    monkeypatch.setattr(watching, "QUIET", 0.0)
    monkeypatch.setattr(watching, "EMPTY", 0.0)
    monkeypatch.setattr(watching, "REST", 0.0)
    return forge.folder


@pytest.fixture
def settings(desk: Path) -> Callable[..., Path]:
    """Writes the settings anew: with a further source, an Anki, a model, or more lines."""
    file = desk / "ankiforge.yaml"
    first = file.read_text("utf-8")

    def write(more: str = "", source: str = "", connect: str = "", llm: str = "") -> Path:
        text = first.replace("anki:", f"- {source}\nanki:") if source else first
        if connect:
            text = text.replace("{collection: none}", f"{{collection: none, connect: '{connect}'}}")
        drafter = f"drafter: llm\nllm: {{model: m, {llm}}}\n" if llm else ""
        file.write_text(text + drafter + more, "utf-8")
        return file

    return write


@pytest.fixture
def watch(desk: Path) -> Callable[..., Watched]:
    """Makes a watcher of the workspace, its first pass done."""

    def make(*, push: bool = False) -> Watched:
        watched = Watched(desk, push=push)
        watched.turn()
        return watched

    return make
