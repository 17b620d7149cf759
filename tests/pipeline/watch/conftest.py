"""A watcher in this process: its clock and its events are the test's, its files are real."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.pipeline import watch as watching

CELLS = "The {{c1::mitochondrion}} makes ATP for the cell.\n\nWhat is osmosis?::Movement of water\n"


class Life:
    """What happens to the sources, step by step, and what the watcher tells."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.told: list[dict[str, Any]] = []
        self.said = ""
        """What the program printed on stderr."""

    def clock(self) -> float:
        return time.time() + self.ahead

    def later(self, seconds: float) -> Iterator[set[Path]]:
        """Let time pass, in steps as of the watcher."""
        until = self.ahead + seconds
        while self.ahead < until:
            self.ahead = min(until, self.ahead + 5.0)
            yield set()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["event"] == event]


@pytest.fixture
def desk(forge, vault: Path) -> Path:
    """A workspace with a vault."""
    (vault / "Cells.md").write_text(CELLS, "utf-8")
    forge.settings(
        f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n",
        trust=True,
    )
    return forge.folder


@pytest.fixture
def settings(forge, desk: Path) -> Callable[[str], None]:
    """Writes settings with more lines, or another Anki."""
    text = (desk / "ankiforge.yaml").read_text("utf-8")

    def write(more: str = "", connect: str = "", collection: str = "none") -> None:
        anki = (
            f"{{collection: '{collection}', connect: '{connect}'}}"
            if connect
            else "{collection: none}"
        )
        forge.settings(text.replace("{collection: none}", anki) + more, trust=True)

    return write


@pytest.fixture
def watch(forge, desk: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Life]:
    """Watches as long as `happens(life)` lasts: it yields the paths that changed, or nothing."""

    def run(
        happens: Callable[[Life], Iterator[set[Path]]],
        *options: str,
        as_json: bool = True,
    ) -> Life:
        life, follow = Life(), watching.run_after_changes

        def scripted(run: Any, changes: object) -> None:
            watcher = run.__self__
            tell = watcher.print_event

            def told(event: str, said: str = "", **values: Any) -> None:
                life.told.append({"event": event, **values})
                tell(event, said, **values)

            watcher.print_event = told
            follow(run, map(bool, happens(life)), clock=life.clock)

        with monkeypatch.context() as patch:
            patch.setattr(watching, "run_after_changes", scripted)
            form = ["--json"] if as_json else []
            life.said = forge("watch", *form, *options, code=130).stderr
        return life

    return run
