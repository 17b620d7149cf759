"""Cards written by hand become a package: this program beside others that do the same.

    python -m benchmarks.peers [--notes N] [--rounds N]

Each reads the same questions, one a note, in the form that it knows, and writes a package; Anki
imports it into an empty collection and counts. The whole notes have
further text and a marked sentence, of which this program makes a card, too, if no check warns. Seconds are processor time of
whole processes, which take turns. `genanki` alone, which is given the fields, is the floor.

The programs, if installed: md2anki and markdown-anki-decks (a heading is a question), ankdown (`%`
before the answer). markdown-anki-decks writes a package a note, so its questions stand in one; its
command line does not start beside a click of today, and its function for it is called. Two more rows
read such a note with this program: once to the package, once as `extract`, which reads and
prints, and knows nothing of the last time, of Anki or of other cards, as markdown-anki-decks does.
Not measured: mdanki (no longer on npm), inka (writes into a collection by Anki's desktop program),
markdown2anki (asks for its settings, and needs a Pygments older than ours).
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from statistics import median

from benchmarks.core import WORDS, run

NOTES, ROUNDS = 1_000, 3
COUNT = """
import sys
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

opened, options = Collection(sys.argv[1]), ImportAnkiPackageOptions()
opened.import_anki_package(ImportAnkiPackageRequest(package_path=sys.argv[2], options=options))
fields = [opened.get_note(id).fields for id in opened.find_notes("")]
print(len(fields), sum("marked-number" in each[0] for each in fields))
opened.close()
"""
FLOOR = """
import sys
import genanki

fields = [{"name": "Front"}, {"name": "Back"}]
sides = [{"name": "Card", "qfmt": "{{Front}}", "afmt": "{{Back}}"}]
model, deck = genanki.Model(1, "Basic", fields=fields, templates=sides), genanki.Deck(2, "Floor")
for number in range(int(sys.argv[1])):
    deck.add_note(genanki.Note(model=model, fields=[f"What is {number}?", f"It is {number}."]))
genanki.Package(deck).write_to_file(sys.argv[2])
"""
DECKS = """
import sys
from pathlib import Path
from markdown_anki_decks.cli import convertMarkdown

convertMarkdown(*map(Path, sys.argv[1:]), False, "", False, False, False)
"""
ANKDOWN = "from ankdown.ankdown import main; main()"


@dataclass(frozen=True)
class Study:
    """What a note says."""

    question: str
    answer: str
    words: str
    mark: str


def studies(notes: int) -> list[Study]:
    dice = random.Random(7)
    made = []
    for number in range(notes):
        a, b, c = dice.choices(WORDS, k=3)
        words = " ".join(dice.choices(WORDS, k=60)).capitalize()
        mark = f"The {a} holds =={c} marked-number {number}== of the {b} in general."
        question = f"What is the {a} of {b}, number {number}?"
        made.append(Study(question, f"It is the {c} {number}.", f"{words}.", mark))
    return made


@dataclass(frozen=True)
class Tool:
    """A program: what its notes look like, and what it is called with."""

    name: str
    form: str
    words: Callable[[Path, Path], list[str]]
    """Of the folder with its notes, and of the package."""
    module: str = ""
    """Without it, the program is not here."""
    whole: bool = False
    """Whether the notes have further text and a mark, which the others would read as answers."""
    together: bool = False
    """Whether all questions stand in one note, named as the package."""
    packs: bool = True
    """Whether it writes a package."""


def ours(notes: Path, package: Path) -> list[str]:
    program = f"{sys.executable} -m ankiforge"
    commands = (
        f"{program} run {quote(str(notes))} -q",
        f"{program} accept --all -q",  # a run accepts some hundred at most by itself
        f"{program} build -q -o {quote(str(package))}",
    )
    return ["sh", "-c", " && ".join(commands)]


def ours_reading(notes: Path, _package: Path) -> list[str]:
    return [sys.executable, "-m", "ankiforge", "run", "--dry-run", "-v", str(notes)]


def of_md2anki(notes: Path, package: Path) -> list[str]:
    files = map(str, sorted(notes.glob("*.md")))
    return [sys.executable, "-m", "md2anki", "-o-anki", str(package), *files]


def of_decks(notes: Path, package: Path) -> list[str]:
    return [sys.executable, "-c", DECKS, str(notes), str(package.parent)]


def of_ankdown(notes: Path, package: Path) -> list[str]:
    return [sys.executable, "-c", ANKDOWN, "-r", str(notes), "-p", str(package)]


def of_genanki(notes: Path, package: Path) -> list[str]:
    return [sys.executable, "-c", FLOOR, str(len(list(notes.iterdir()))), str(package)]


READING = "ankiforge, one note read"
DECKS_NAME = "markdown-anki-decks"
INLINE = "# A note\n\n{question}::{answer}"
TOOLS = (
    Tool("ankiforge, questions alone", INLINE, ours),
    Tool("ankiforge, whole notes", INLINE, ours, whole=True),
    Tool("ankiforge, one note", "{question}::{answer}", ours, together=True),
    Tool(READING, "{question}::{answer}", ours_reading, together=True, packs=False),
    Tool("md2anki", "# A deck\n\n## {question}\n\n{answer}", of_md2anki, "md2anki"),
    Tool(DECKS_NAME, "## {question}\n\n{answer}", of_decks, "markdown_anki_decks", together=True),
    Tool("ankdown", "{question}\n\n%\n\n{answer}", of_ankdown, "ankdown"),
    Tool("genanki alone", "{question}", of_genanki, "genanki"),
)  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--notes", type=int, default=NOTES)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    said = asked.parse_args()
    made = studies(said.notes)
    here = [tool for tool in TOOLS if not tool.module or find_spec(tool.module)]
    seconds: dict[str, list[float]] = defaultdict(list)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tool in here:
            notes = folder / tool.name
            form = tool.form + ("\n\n{words}\n\n{mark}" if tool.whole else "")
            notes.mkdir()
            texts = [form.format(**vars(each)) for each in made]
            if tool.together:
                texts = ["\n\n".join(texts)]
            for number, text in enumerate(texts):
                (notes / ("out.md" if tool.together else f"n{number}.md")).write_text(
                    f"{text}\n", "utf-8"
                )
        for _ in range(said.rounds):
            for tool in here:
                desk, package = folder / "desk", folder / "out.apkg"
                shutil.rmtree(desk, ignore_errors=True)
                package.unlink(missing_ok=True)
                desk.mkdir()
                cost = run(tool.words(folder / tool.name, package), desk)
                seconds[tool.name].append(cost.cpu)
                if not tool.packs:
                    found[tool.name] = f"{len(cost.stdout.splitlines())} 0"
                elif tool.name not in found:
                    command = [sys.executable, "-c", COUNT, str(desk / "c.anki2")]
                    found[tool.name] = run([*command, str(package)], desk).stdout
    print(f"{said.notes:,} notes with a question each, medians of {said.rounds}")
    print(f"{'':28}{'CPU s':>8}{'questions':>11}{'marks':>7}{'against ours':>14}")
    first = median(seconds[TOOLS[0].name])
    for tool in here:
        cost, (cards, marks) = median(seconds[tool.name]), found[tool.name].split()
        questions = int(cards) - int(marks)
        print(f"{tool.name:28}{cost:>8.2f}{questions:>11}{marks:>7}{cost / first:>14.2f}")
    for tool in TOOLS:
        if tool not in here:
            print(f"{tool.name:28} is not installed")
    if seconds[DECKS_NAME]:
        read = median(seconds[DECKS_NAME]) / median(seconds[READING])
        print(f"{DECKS_NAME} against ours reading alone {read:.2f}")


if __name__ == "__main__":
    main()
