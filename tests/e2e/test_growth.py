"""The work of the ledger grows with the number of cards, not with its square."""

import shutil
import sqlite3
from collections.abc import Iterator

import pytest

from tests.conftest import Forge

NAMES = ("small", "large")
SIZES = (6, 24)
"""Notes of 20 marks in each vault."""
COMMANDS = (
    ("first", ("run",)), ("unchanged", ("run",)), ("edited", ("run",)), ("renamed", ("run",)),
    ("list", ("list", "--json")), ("status", ("status", "--json")), ("lost ledger", ("run",)),
    ("accepted", ("accept", "--all")), ("written", ("run",)), ("lost again", ("run",)),
    ("rejected", ("reject", "--all")), ("taken out", ("run",)),
)  # fmt: skip


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The instructions that SQLite executed so far, in hundreds."""
    count = [0]
    connect = sqlite3.connect

    def one_more() -> None:
        count[0] += 1

    def counted(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_progress_handler(one_more, 100)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counted)
    return count


def _work(forge: Forge, notes: int, steps: list[int]) -> dict[str, int]:
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    for note in range(notes):
        lines = (
            f"Sample {note}x{at} of the survey was kept for =={note * 37 + at * 911} days== in vessel {at}."
            for at in range(20)
        )
        (vault / f"Survey {note}.md").write_text("\n\n".join(lines) + "\n")
    forge.settings("sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n")
    found: dict[str, int] = {}
    for name, command in COMMANDS:
        if name == "edited":
            for note in range(0, notes, 2):
                path = vault / f"Survey {note}.md"
                path.write_text(path.read_text().replace("of the survey", "of that survey", 3))
        elif name == "renamed":
            for note in range(0, notes, 2):
                (vault / f"Survey {note}.md").rename(vault / f"Field survey {note}.md")
        elif name.startswith("lost"):
            shutil.rmtree(forge.folder / ".ankiforge")
        before = steps[0]
        forge.ok(*command)
        found[name] = steps[0] - before
    return found


def test_four_times_the_cards_are_at_most_six_times_the_work(tmp_path, steps):
    small, large = (
        _work(Forge(tmp_path / name), notes, steps)
        for name, notes in zip(NAMES, SIZES, strict=True)
    )

    ratios = {name: round(large[name] / small[name], 1) for name in small}
    assert all(ratio <= 6 for ratio in ratios.values()), (ratios, small, large)
