"""Does a watcher that is edited under, and killed, end where one whole run ends?

    python -m benchmarks.soak [EDITS [SEED [KILLS]]]

Notes are written, moved, renamed and deleted in every way programs save, at random, while a watcher runs
that is killed (SIGKILL) now and then; after each death a person rejects a card and rewords another. At
the end its cards are laid beside those of a workspace that saw the last state alone: every highlight has
its one card, none is double, nothing is left over, and what the person did still holds.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

EDITS = 200
KILLS = 2
BURST = 5
"""Edits between two moments at which one waits for the watcher."""
MANY = 1000
"""Passages from which on the vault grows no more: the watcher shall have time for every way of reading."""
PATIENCE = 300.0
OWN = "in my own words"


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
        full = sum(map(len, map(self.lines, self.notes()))) > MANY
        if full and what < 0.4:
            self.shorten(note, lines)
            return
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

    def shorten(self, note: Path, lines: list[str]) -> None:
        """A passage less; now and then the whole note."""
        if self.dice.random() < 0.1:
            note.unlink()
        else:
            self.save(note, lines[1:])

    def move(self, note: Path) -> None:
        deep = self.folder / f"folder {self.dice.randrange(3)}"
        away = self.folder / f"folder {self.count} moved"
        if deep.is_dir() and not away.exists() and self.dice.random() < 0.5:
            deep.rename(away)
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
    process = called(desk, *words, "--json", "-q", stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=PATIENCE)
    return [json.loads(line) for line in out.splitlines()]


class Person:
    """Who decides at the terminal between two watchers, and remembers it."""

    def __init__(self, desk: Path, dice: random.Random) -> None:
        self.desk, self.dice = desk, dice
        self.known: set[str] = set()
        self.rejected: set[str] = set()
        self.reworded: set[str] = set()
        self.passages: set[str] = set()
        """The numbers of the passages whose cards these are."""

    def decide(self) -> None:
        self.known |= {card["guid"] for card in told(self.desk, "list", "--all")}
        cards = [card for card in told(self.desk, "list") if card["guid"] not in self.reworded]
        if len(cards) > 1:
            off, other = self.dice.sample(cards, 2)
            told(self.desk, "reject", off["guid"])
            self.rejected.add(off["guid"])
            field = next(iter(other["fields"]))
            told(
                self.desk,
                "edit",
                other["guid"],
                "--field",
                field,
                f"{other['fields'][field]} {OWN}",
            )
            self.reworded.add(other["guid"])
            self.passages |= {number(off), number(other)}

    def undone(self) -> Iterator[str]:
        """What was known or decided and is not any more."""
        cards = {card["guid"]: card for card in told(self.desk, "list", "--all")}
        yield from (f"lost: {guid}" for guid in self.known - set(cards))
        for guid in self.rejected & set(cards):
            if cards[guid]["verdict"] != "rejected":
                yield f"not rejected any more: {guid}"
        for guid in self.reworded & set(cards):
            if not any(text.endswith(OWN) for text in cards[guid]["fields"].values()):
                yield f"not in my own words any more: {guid}"


def number(card: Any) -> str:
    """The number that its passage has, and no other: it stands in each of its fields."""
    return str(re.findall(r"\d+", json.dumps(card["fields"]))[0])


def here(desk: Path, without: Collection[str] = ()) -> Counter[str]:
    """The words of all live cards whose passage is there, with how often they are."""
    return Counter(
        json.dumps(card["fields"], sort_keys=True)
        for card in told(desk, "list")
        if number(card) not in without
        and "source_gone" not in [one["check"] for one in card["findings"]]
    )


def differences(desk: Path, fresh: Path, decided: Collection[str]) -> Iterator[str]:
    """Where the two workspaces differ in cards of passages of which a person decided nothing."""
    found, expected = here(desk, decided), here(fresh, decided)
    yield from (f"not there: {one}" for one in (expected - found))
    yield from (f"too much: {one}" for one in (found - expected))


def soak(folder: Path, edits: int, seed: int, kills: int) -> list[str]:
    """What is wrong at the end, in words; nothing if all is as it should be."""
    vault = Vault(folder / "vault", seed)
    desk = workspace(folder / "desk", folder / "vault")
    person = Person(desk, vault.dice)
    deaths = {edits * (at + 1) // (kills + 1) for at in range(kills)}
    process = called(desk, "watch", "-q")
    try:
        for count in range(edits):
            vault.edit()
            if count in deaths:
                time.sleep(vault.dice.random())
                process.kill()
                process.wait()
                person.decide()
                process = called(desk, "watch", "-q")
                print(f"{count} edits", file=sys.stderr, flush=True)
            elif not count % BURST:
                time.sleep(vault.dice.random() * 0.4)
        fresh = workspace(folder / "fresh", folder / "vault")
        told(fresh, "run")
        until = time.monotonic() + PATIENCE
        while any(differences(desk, fresh, person.passages)) and time.monotonic() < until:
            time.sleep(1)
    finally:
        process.terminate()
        process.wait()
    return [*differences(desk, fresh, person.passages), *person.undone()]


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        wrong = soak(Path(place), *(given + [EDITS, 1, KILLS][len(given) :]))
    print("\n".join(wrong) or f"all is as it should be ({time.perf_counter() - begun:.0f} s)")
    sys.exit(bool(wrong))
