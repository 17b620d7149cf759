"""Does a watcher that is edited under, and killed, end where one whole run ends?

    python -m benchmarks.soak [EDITS [SEED]]

Notes are written, moved, renamed and deleted in every way programs save, at random, while a watcher runs
that is killed (SIGKILL) now and then. At the end its cards are laid beside those of a workspace that
saw the last state alone: every highlight has its one card, none is double, nothing is left over.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

EDITS = 200
KILLS = 2
BURST = 5
"""Edits between two moments at which one waits for the watcher."""
PATIENCE = 120.0


class Vault:
    """Notes, and what programs do to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice, self.count = folder, random.Random(seed), 0
        (folder / ".obsidian").mkdir(parents=True)
        for number in range(8):
            self.save(folder / f"Note {number}.md", [self.line() for _ in range(4)])

    def line(self) -> str:
        self.count += 1
        if self.dice.random() < 0.3:
            return f"What is the number {self.count} of all?::It is the answer {self.count}"
        return (
            f"The part that is called ==word {self.count}== holds the whole {self.count} together."
        )

    def notes(self) -> list[Path]:
        return sorted(self.folder.rglob("*.md"))

    def lines(self, note: Path) -> list[str]:
        return [line for line in note.read_text("utf-8").split("\n\n") if line]

    def save(self, note: Path, lines: list[str]) -> None:
        """In place, emptied first, or beside it and renamed."""
        text, how = "\n\n".join(lines), self.dice.randrange(3)
        if how == 0:
            note.write_text(text, "utf-8")
        elif how == 1:
            with note.open("w", encoding="utf-8") as file:
                file.flush()
                file.write(text)
        else:
            beside = note.with_name(f".{note.name}.tmp")
            beside.write_text(text, "utf-8")
            beside.replace(note)

    def edit(self) -> None:
        note = self.dice.choice(self.notes())
        lines, what = self.lines(note), self.dice.random()
        if what < 0.5 or not lines:
            lines.insert(self.dice.randint(0, len(lines)), self.line())
        elif what < 0.65:
            lines[0] = lines[0].replace("together", "tightly together", 1)
        elif what < 0.75:
            lines.pop(self.dice.randrange(len(lines)))
        elif what < 0.85:
            other = self.dice.choice(self.notes())
            moved = lines.pop()
            self.save(note, lines)
            note, lines = other, [*self.lines(other), moved]
        elif what < 0.95:
            self.move(note)
            return
        else:
            self.save(self.folder / f"Note {self.count}.md", [self.line() for _ in range(3)])
        self.save(note, lines)

    def move(self, note: Path) -> None:
        deep = self.folder / f"folder {self.dice.randrange(3)}"
        if deep.is_dir() and self.dice.random() < 0.5:
            deep.rename(self.folder / f"folder {self.count} moved")
        else:
            deep.mkdir(exist_ok=True)
            note.rename(deep / note.name)


def called(desk: Path, *words: str, **more: Any) -> subprocess.Popen[str]:
    own = ("HOME", "ANKIFORGE_HOME", "ANKI_BASE", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    home = {name: str(desk / "home") for name in own}
    command = [sys.executable, "-m", "ankiforge", "-C", str(desk), *words]
    environment = {**os.environ, **home, "ANKIFORGE_TRUST": str(desk)}
    return subprocess.Popen(command, env=environment, text=True, **more)


def workspace(desk: Path, vault: Path) -> Path:
    desk.mkdir()
    settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    (desk / "ankiforge.yaml").write_text(settings, "utf-8")
    return desk


def told(desk: Path, *words: str) -> list[Any]:
    process = called(desk, *words, "--json", stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=PATIENCE)
    return [json.loads(line) for line in out.splitlines()]


def here(desk: Path) -> Counter[str]:
    """The words of all live cards whose passage is there, with how often they are."""
    cards = (card for card in told(desk, "list") if card["standing"] == "live")
    gone = "source_gone"
    there = (card for card in cards if gone not in [one["check"] for one in card["findings"]])
    return Counter(json.dumps(card["fields"], sort_keys=True) for card in there)


def soak(folder: Path, edits: int, seed: int) -> list[str]:
    """What is wrong at the end, in words; nothing if all is as it should be."""
    vault = Vault(folder / "vault", seed)
    desk = workspace(folder / "desk", folder / "vault")
    kills = {edits * (at + 1) // (KILLS + 1) for at in range(KILLS)}
    process = called(desk, "watch", "-q")
    guids: set[str] = set()
    try:
        for number in range(edits):
            vault.edit()
            if number in kills:
                process.kill()
                process.wait()
                guids |= {card["guid"] for card in told(desk, "list", "--all")}
                process = called(desk, "watch", "-q")
            elif not number % BURST:
                time.sleep(vault.dice.random() * 0.4)
        expected = here_of_a_fresh_run(folder)
        until = time.monotonic() + PATIENCE
        while here(desk) != expected and time.monotonic() < until:
            time.sleep(1)
    finally:
        process.terminate()
        process.wait()
    return list(faults(here(desk), expected, guids, told(desk, "list", "--all")))


def here_of_a_fresh_run(folder: Path) -> Counter[str]:
    fresh = workspace(folder / "fresh", folder / "vault")
    told(fresh, "run")
    return here(fresh)


def faults(
    found: Counter[str], expected: Counter[str], guids: set[str], cards: list[Any]
) -> list[str]:
    wrong = [f"not there: {one}" for one in (expected - found)]
    wrong += [f"too much: {one}" for one in (found - expected)]
    wrong += [f"lost: {guid}" for guid in guids - {card["guid"] for card in cards}]
    return wrong


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        wrong = soak(Path(place), *(numbers + [EDITS, 1][len(numbers) :])[:2])
    print("\n".join(wrong) or f"all is as it should be ({time.perf_counter() - begun:.0f} s)")
    sys.exit(bool(wrong))
