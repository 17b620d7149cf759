"""How long `ankiforge run` takes on a large vault: first, unchanged, and with one note edited.

    python -m benchmarks.vault [NOTES ...]

Each run is a process of its own, the whole command. Beside it: walking over the same files with
their stamps in Python, the least that finding a change can take. Goals for 10,000 notes of 40 MB:
at most 15 s for the first run, at most 0.5 s for an unchanged vault.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (1_000, 10_000)
RUNS = 5
HUGE = 100_000
"""Notes from which on once must do."""
MARKED = 0.6
"""The share of notes with a mark; a quarter of it have a card written by hand."""
_WORDS = (
    "memory retention spacing recall neuron axon synapse protein enzyme entropy energy theorem"
    " proof lemma function integral matrix vector learning gradient model signal filter kernel"
)
WORDS = _WORDS.split()


def make(vault: Path, notes: int) -> None:
    """A vault of study notes, about 4 kB each, the same every time."""
    dice = random.Random(5)
    for number in range(notes):
        folder = vault / f"{number % 700:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"Note {number}.md").write_text(note(dice, number, notes), "utf-8")


def note(dice: random.Random, number: int, notes: int) -> str:
    parts = [f"---\ntags: [t{number % 50}]\n---\n# Note {number}\n"]
    for _ in range(8):
        link = f"See [[Note {dice.randrange(notes)}]]."
        parts.append(" ".join([*(sentence(dice) for _ in range(5)), link]) + "\n")
    if dice.random() < MARKED:
        a, b, c = dice.choices(WORDS, k=3)
        parts.insert(3, f"The {a} of {b} {number} is =={c} {a}== in general.\n")
    if dice.random() < MARKED / 4:
        a, b = dice.choices(WORDS, k=2)
        parts.insert(
            5, f"What is the {a} number {number}?::It is the {b} {dice.randrange(99999)}\n"
        )
    return "\n".join(parts)


def sentence(dice: random.Random) -> str:
    return f"{' '.join(dice.choices(WORDS, k=12)).capitalize()} {dice.randrange(10**6)}."


def walk(vault: Path) -> float:
    start = time.perf_counter()
    for folder, _, names in os.walk(vault):
        for name in names:
            os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118
    return time.perf_counter() - start


def run(desk: Path) -> tuple[float, float]:
    """(seconds by the clock, seconds of processor time) of one run."""
    home = {name: str(desk / "home") for name in ("HOME", "ANKIFORGE_HOME", "ANKI_BASE")}
    environment = {**os.environ, **home, "ANKIFORGE_TRUST": str(desk)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "ankiforge", "-C", str(desk), "run", "-q"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def told(name: str, figures: list[tuple[float, float]]) -> str:
    clock, used = (statistics.median(column) for column in zip(*figures, strict=True))
    return f"{name:24} {clock:8.2f} s by the clock {used:8.2f} s of processor time"


def edited(vault: Path, desk: Path, number: int) -> tuple[float, float]:
    path = vault / f"{number % 700:03}" / f"Note {number}.md"
    path.write_text(path.read_text("utf-8") + f"\nOne ==mark more== {number}.\n", "utf-8")
    time.sleep(1)
    return run(desk)


def measure(folder: Path, notes: int) -> None:
    vault, desk = folder / "vault", folder / "desk"
    make(vault, notes)
    desk.mkdir()
    settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    (desk / "ankiforge.yaml").write_text(settings, "utf-8")
    time.sleep(1)
    size, runs = (
        sum(path.stat().st_size for path in vault.rglob("*.md")),
        1 if notes >= HUGE else RUNS,
    )
    print(f"{notes:,} notes, {size / 1e6:.0f} MB")
    print(told("  first run", [run(desk)]))
    print(told("  unchanged", [run(desk) for _ in range(runs)]))
    print(told("  one note edited", [edited(vault, desk, number) for number in range(runs)]))
    least = statistics.median(walk(vault) for _ in range(RUNS))
    print(f"{'  walk over the files':24} {least:8.2f} s by the clock")


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or map(str, SIZES)):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), size)
