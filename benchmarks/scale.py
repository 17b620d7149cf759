"""What a large workspace costs: 20,000 drafts accepted, and 20,000 notes looked at in Anki.

    python -m benchmarks.scale [--notes N] [--python PATH ...] [--profiles FOLDER]

A made-up vault has four marks a note. Each step is one command in a process of its own: the
first run, `accept --all`, `undo` of all that, which is then restored, `build`, the first
`pull` after Anki imported the package, and the run that builds a lost database again from its
journal. Several interpreters, each with its own ankiforge, take turns step by step. Seconds are
processor time. With `--profiles`, each step writes what cProfile saw, which costs time itself.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.core import IMPORTER, LONG_AGO, Cost, run
from benchmarks.duplicates import SYLLABLES

NOTES = 5_000
MARKS = 4
SETTINGS = """
sources:
- obsidian: {{name: notes, path: {vault}}}
anki: {{collection: {collection}}}
accept: {{rules: review}}
"""
EMPTY = """
import sys
from anki.collection import Collection

Collection(sys.argv[1]).close()
"""


class Program:
    """One installed ankiforge with a workspace of its own."""

    def __init__(
        self, python: str, vault: Path, desk: Path, profiles: Path | None
    ) -> None:
        self.python = python
        self.desk = desk
        self.profiles = profiles
        self.collection = desk / "collection.anki2"
        self.costs: dict[str, Cost] = {}
        desk.mkdir()
        settings = SETTINGS.format(vault=vault, collection=self.collection)
        (desk / "ankiforge.yaml").write_text(settings, "utf-8")
        os.environ["ANKIFORGE_TRUST"] = str(desk)
        run([python, "-c", EMPTY, str(self.collection)], desk)

    def forge(self, step: str, *words: str) -> None:
        """Run a command, and keep what it cost under the name of the step."""
        command = [self.python]
        if self.profiles is not None:
            profile = self.profiles / f"{step.replace(' ', '-')}.prof"
            command += ["-m", "cProfile", "-o", str(profile)]
        command += ["-m", "ankiforge", *words, "-q"]
        self.costs[step] = run(command, self.desk)

    def import_package(self) -> None:
        """Let Anki import the package."""
        package = self.desk / "ankiforge.apkg"
        run([self.python, "-c", IMPORTER, str(self.collection), str(package)], self.desk)

    def lose_database(self) -> None:
        """Delete the database; the journal beside it stays."""
        for path in (self.desk / ".ankiforge").glob("ledger.db*"):
            path.unlink()

    def take(self, step: str) -> None:
        """Do one of `STEPS`."""
        match step:
            case "first run":
                self.forge(step, "run")
            case "accept --all":
                self.forge(step, "accept", "--all")
            case "undo":
                # what was decided is known to be of this machine by the name of the folder
                kept = self.desk.with_name(f"{self.desk.name}-kept")
                shutil.copytree(self.desk, kept)
                self.forge(step, "undo")
                shutil.rmtree(self.desk)
                kept.rename(self.desk)
            case "build":
                self.forge(step, "build")
                self.import_package()
            case "first look":
                self.forge(step, "pull")
            case "database rebuilt":
                self.lose_database()
                self.forge(step, "run")


STEPS = (
    "first run",
    "accept --all",
    "undo",
    "build",
    "first look",
    "database rebuilt",
)


def make(vault: Path, notes: int) -> None:
    """Write a vault of made-up words, the same every time."""
    dice = random.Random(1)
    words = [f"{a}{b}{c}" for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES[:19]]
    vault.mkdir()
    (vault / ".obsidian").mkdir()
    for number in range(notes):
        paragraphs = [f"# Note {number}\n"]
        for _ in range(MARKS):
            a, b, c, d, e, f, g = dice.choices(words, k=7)
            paragraphs.append(f"The {a} {b} holds =={c} {d}== of the {e} in {f} {g}.\n")
            paragraphs.append(f"{' '.join(dice.choices(words, k=20))}.\n")
        path = vault / f"n{number}.md"
        path.write_text("\n".join(paragraphs), "utf-8")
        os.utime(path, (LONG_AGO, LONG_AGO))


def table(programs: list[Program]) -> None:
    """Print what each step cost, with a column for each program."""
    columns = [Path(program.python).absolute().parts[-4] for program in programs]
    print(f"{'':34}" + "".join(f"{column:>14}" for column in columns))
    for step in STEPS:
        costs = [program.costs[step] for program in programs]
        seconds = "".join(f"{cost.cpu:14.2f}" for cost in costs)
        memory = "".join(f"{cost.memory:14.0f}" for cost in costs)
        print(f"{step + ', CPU s':34}{seconds}")
        print(f"{step + ', MB':34}{memory}")
    ratios = []
    for program in programs:
        costs_of = program.costs
        ratios.append(costs_of["database rebuilt"].cpu / costs_of["first run"].cpu)
    print(f"{'rebuilt against a first run':34}" + "".join(f"{r:14.2f}" for r in ratios))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--notes", type=int, default=NOTES, help=f"with {MARKS} marks each"
    )
    asked.add_argument("--python", nargs="+", default=[sys.executable], metavar="PATH")
    asked.add_argument("--profiles", type=Path, metavar="FOLDER")
    said = asked.parse_args()
    if said.profiles:
        said.profiles = said.profiles.absolute()
        said.profiles.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault = folder / "vault"
        make(vault, said.notes)
        programs = []
        for number, python in enumerate(said.python):
            desk = folder / f"desk{number}"
            programs.append(Program(python, vault, desk, said.profiles))
        for step in STEPS:
            for program in programs:
                program.take(step)
        marks = said.notes * MARKS
        print(f"{marks:,} marks, load {os.getloadavg()[0]:.1f}")
        table(programs)


if __name__ == "__main__":
    main()
