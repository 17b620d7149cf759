"""What the core costs: processor time, statements of SQL, and memory.

    python -m benchmarks.core [--notes N] [--rounds N] [--python PATH ...]

Each run is the whole command in a process of its own. Three made-up vaults of study notes have no
mark, a mark in one of ten notes, and three cards for four notes; a card costs what the first run
of the third takes longer than that of the first, shared by its cards; what each step of a run adds
to it comes from samples of the stack in another such run. The run of exports reads
plain highlights of a Kindle. Several interpreters, each with its own ankiforge, take turns round
by round: their ratios belong to one machine at one time. Every figure is the median of the
rounds. A statement counts once for each call that runs it, also if it takes 200 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.makers.clippings import write_clippings
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf

NOTES, ROUNDS = 2_000, 3
MARKED = {
    "no mark": 0.0,
    "one note in ten marked": 0.1,
    "three cards for four notes": 0.6,
}
"""The vaults: the share of notes with a mark; a quarter as many have a card written by hand."""
NO_MARK, MOST = "no mark", "three cards for four notes"
FACTS = Path(__file__).parent / "plain_facts" / "en.txt"
HIGHLIGHTS_OF_A_BOOK = 100
_WORDS = (
    "memory retention spacing recall neuron axon synapse protein enzyme entropy energy theorem"
    " proof lemma function integral matrix vector learning gradient model signal filter kernel"
)
WORDS = _WORDS.split()
LONG_AGO = 1_700_000_000
"""When the notes were written, in seconds since 1970: no clock's tick is still in doubt."""
PARSER = """
import sys
from pathlib import Path
from markdown_it import MarkdownIt

parse = MarkdownIt("commonmark").parse
for path in Path(sys.argv[1]).rglob("*.md"):
    parse(path.read_text("utf-8"))
"""


COUNTER = """
import atexit, sys
from ankiforge.cli import main

calls = []

def profile(frame, event, called):
    if event == "c_call" and called.__name__ in ("execute", "executemany"):
        calls.append(1)

sys.setprofile(profile)
atexit.register(lambda: print(len(calls)))
main(sys.argv[1:])
"""
STEPS = {
    "_read_file": "read",
    "ingest_sightings": "ingest",
    "ingest_scan_results": "ingest",
    "_draft_by_rules": "draft",
    "complete_and_check": "check",
    "_record_results": "record",
    "_accept_clean_drafts": "accept",
    "publish": "deliver",
    "read_anki_and_write_package": "deliver",
    "build_run_report": "report",
}
"""The function that does each step of a run. Calls of another step within it don't count."""
SAMPLER = """
import atexit, json, signal, sys
from collections import Counter

steps, samples = json.loads(sys.argv.pop(1)), Counter()

def sample(number, frame):
    while frame and frame.f_code.co_name not in steps:
        frame = frame.f_back
    samples[steps[frame.f_code.co_name] if frame else "the rest"] += 1

def finish():
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(json.dumps(samples))

signal.signal(signal.SIGPROF, sample)
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
atexit.register(finish)
from ankiforge.cli import main
main(sys.argv[1:])
"""
IMPORTER = """
import sys
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

opened, options = Collection(sys.argv[1]), ImportAnkiPackageOptions()
opened.import_anki_package(ImportAnkiPackageRequest(package_path=sys.argv[2], options=options))
opened.close()
"""


@dataclass(frozen=True)
class Cost:
    """One process and its children: CPU in seconds, the largest of them in MB, stdout."""

    cpu: float
    memory: float
    stdout: str


def run(command: list[str], desk: Path) -> Cost:
    """Run a command that must succeed, with `desk` as the user's home."""
    home = {name: str(desk / "home") for name in ("HOME", "ANKIFORGE_HOME", "ANKI_BASE")}
    environment = {**os.environ, **home, "ANKIFORGE_TRUST": str(desk)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    output, errors = desk / "stdout", desk / "stderr"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            command, env=environment, cwd=desk, stdout=stdout, stderr=stderr
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = errors.read_text()[-600:]
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{said}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read_text())


@dataclass(frozen=True)
class Inputs:
    """What is read: the vaults by name, a PDF, the clippings of a Kindle."""

    vaults: dict[str, Path]
    pdf: Path
    clippings: Path


class Program:
    """One installed ankiforge; `figures` holds every measurement by its name."""

    def __init__(self, python: str, inputs: Inputs, folder: Path) -> None:
        self.python = python
        self.inputs, self.folder = inputs, folder
        self.figures: dict[str, list[float]] = defaultdict(list)
        self.edits = 0

    def note(self, name: str, value: float) -> None:
        self.figures[name].append(value)

    def forge(self, desk: Path, *words: str) -> Cost:
        return run([self.python, "-m", "ankiforge", *words], desk)

    def workspace(self, settings: str = "") -> Path:
        """An empty workspace with these settings."""
        desk = self.folder / "desk"
        shutil.rmtree(desk, ignore_errors=True)
        desk.mkdir()
        (desk / "ankiforge.yaml").write_text(settings, "utf-8")
        return desk

    def workspace_of(self, vault: Path) -> Path:
        """An empty workspace over a vault."""
        return self.workspace(f"sources:\n- obsidian: {{name: notes, path: {vault}}}\n")

    def settle(self, desk: Path) -> None:
        """Run and import until Anki has every card, as a person does."""
        package, profile = desk / "ankiforge.apkg", desk / "home" / "User 1"
        profile.mkdir(parents=True)
        while package.exists():
            collection = str(profile / "collection.anki2")
            run([self.python, "-c", IMPORTER, collection, str(package)], desk)
            self.forge(desk, "run", "-q")
        self.forge(desk, "run", "-q")

    def edit(self, vault: Path) -> tuple[Path, bytes]:
        """Add a mark to one note; the note and what it said before."""
        self.edits += 1
        path = sorted(vault.rglob("*.md"))[self.edits]
        before = path.read_bytes()
        path.write_bytes(before + f"\nOne ==mark more== {self.edits}.\n".encode())
        os.utime(path, (LONG_AGO, LONG_AGO + self.edits))
        return path, before

    def round(self) -> None:
        """Take every measurement once."""
        self.later_runs(self.first_runs())
        self.exports()

    def first_runs(self) -> Path:
        """The first run of each vault beside its parse, and what a card costs.

        Returns the workspace of the last vault.
        """
        seconds: dict[str, float] = {}
        cards: dict[str, int] = {}
        for name, vault in self.inputs.vaults.items():
            parsed = run([self.python, "-c", PARSER, str(vault)], self.workspace())
            desk = self.workspace_of(vault)
            first = self.forge(desk, "--json", "run", "-C", str(desk))
            seconds[name] = first.cpu
            cards[name] = json.loads(first.stdout)["cards"]["drafted"]
            self.note(f"first run, {name}, CPU s", first.cpu)
            self.note(
                f"first run, {name}, against markdown-it-py", first.cpu / parsed.cpu
            )
        self.note("markdown-it-py parses the last, CPU s", parsed.cpu)
        self.note("cards of the last", cards[MOST])
        self.note("first run, peak memory MB", first.memory)
        notes = sum(1 for _ in vault.rglob("*.md"))
        a_card = (seconds[MOST] - seconds[NO_MARK]) / (cards[MOST] - cards[NO_MARK])
        self.note("a card, CPU ms", a_card * 1000)
        self.note("a card against the parse of a note", a_card * notes / parsed.cpu)
        self.steps(cards[MOST] - cards[NO_MARK])
        return desk

    def steps(self, cards: int) -> None:
        """What each step takes longer for the last vault than for the first, by card."""
        seconds: dict[str, dict[str, float]] = {}
        for name in (NO_MARK, MOST):
            desk = self.workspace_of(self.inputs.vaults[name])
            command = [self.python, "-c", SAMPLER, json.dumps(STEPS), "--json", "run"]
            sampled = run([*command, "-C", str(desk)], desk)
            samples = json.loads(sampled.stdout.rstrip().rpartition("\n")[2])
            total = sum(samples.values())
            seconds[name] = {
                step: sampled.cpu * count / total for step, count in samples.items()
            }
        for step in (*STEPS.values(), "the rest"):
            longer = seconds[MOST].get(step, 0.0) - seconds[NO_MARK].get(step, 0.0)
            self.note(f"a card, {step}, CPU ms", longer / cards * 1000)

    def later_runs(self, desk: Path) -> None:
        """An unchanged run, one after an edit, and a small PDF, beside `--help`."""
        self.settle(desk)
        unchanged = self.forge(desk, "run", "-q")
        path, before = self.edit(self.inputs.vaults[MOST])
        edited = self.forge(desk, "run", "-q")
        restore(path, before)
        self.note("unchanged run, CPU s", unchanged.cpu)
        self.note("run after one edited note, CPU s", edited.cpu)
        self.note("edited against unchanged, CPU", edited.cpu / unchanged.cpu)

        desk = self.workspace()
        about = self.forge(desk, "--help")
        extract = self.forge(desk, "run", "--dry-run", "-v", str(self.inputs.pdf))
        self.note("--help, CPU s", about.cpu)
        self.note("extract of a small PDF, CPU s", extract.cpu)
        self.note("extract against --help, CPU", extract.cpu / about.cpu)
        self.note("unchanged against --help, CPU", unchanged.cpu / about.cpu)

    def exports(self) -> None:
        """A first run of plain highlights, with proposals and without."""
        clippings = str(self.inputs.clippings)
        plain = self.forge(self.workspace("proposals: false\n"), "run", "-q", clippings)
        proposed = self.forge(self.workspace(), "run", "-q", clippings)
        self.note("first run of exports, CPU s", proposed.cpu)
        self.note("exports with proposals against without", proposed.cpu / plain.cpu)

    def statements(self) -> None:
        """Count the SQL of a first run; once is enough, it does not depend on the load."""
        desk = self.workspace_of(self.inputs.vaults[MOST])
        done = run([self.python, "-c", COUNTER, "--json", "run", "-C", str(desk)], desk)
        said, _, count = done.stdout.rstrip().rpartition("\n")
        cards = json.loads(said)["cards"]["drafted"]
        self.note("first run, SQL statements a new card", int(count) / cards)


def restore(path: Path, text: bytes) -> None:
    """Give every program the same vault."""
    path.write_bytes(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def make(vault: Path, notes: int, marked: float) -> None:
    """A vault of study notes, about 4 kB each, the same every time."""
    dice = random.Random(5)
    for number in range(notes):
        folder = vault / f"{number % 700:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"Note {number}.md").write_text(
            note(dice, number, notes, marked), "utf-8"
        )


def note(dice: random.Random, number: int, notes: int, marked: float) -> str:
    parts = [f"---\ntags: [t{number % 50}]\n---\n# Note {number}\n"]
    for _ in range(8):
        link = f"See [[Note {dice.randrange(notes)}]]."
        parts.append(" ".join([*(sentence(dice) for _ in range(5)), link]) + "\n")
    if dice.random() < marked:
        a, b, c = dice.choices(WORDS, k=3)
        parts.insert(3, f"The {a} of {b} {number} is =={c} {a}== in general.\n")
    if dice.random() < marked / 4:
        a, b = dice.choices(WORDS, k=2)
        parts.insert(
            5,
            f"What is the {a} number {number}?::It is the {b} {dice.randrange(99999)}\n",
        )
    return "\n".join(parts)


def sentence(dice: random.Random) -> str:
    return f"{' '.join(dice.choices(WORDS, k=12)).capitalize()} {dice.randrange(10**6)}."


def vault_of(folder: Path, name: str, notes: int) -> Path:
    vault = folder / name.replace(" ", "-")
    make(vault, notes, MARKED[name])
    (vault / ".obsidian").mkdir()
    for path in vault.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return vault


def small_pdf(folder: Path) -> Path:
    words = "Spacing improves the retention of facts over many weeks and months"
    text = paragraph(f"{words}. Massed practice does not, as has been shown many times.")
    page = Page((heading("The Spacing Effect", level=0), text), marks=(mark(words),))
    write_pdf(folder / "small.pdf", [page], title="The Spacing Effect")
    return folder / "small.pdf"


def clippings_of(folder: Path, highlights: int) -> Path:
    """The clippings of a Kindle: a fact as textbooks state it, and a sentence, in each."""
    dice = random.Random(5)
    facts = FACTS.read_text("utf-8").splitlines()
    marks = []
    for number in range(highlights):
        title = f"Book {number // HIGHLIGHTS_OF_A_BOOK} (Ada Reader)"
        marks.append((title, f"{facts[number % len(facts)]} {sentence(dice)}"))
    path = folder / "My Clippings.txt"
    write_clippings(path, marks)
    return path


def table(programs: list[Program]) -> None:
    """Print the medians, a column for each program."""
    names = list(dict.fromkeys(name for one in programs for name in one.figures))
    print(
        f"{'':64}"
        + "".join(f"{Path(one.python).absolute().parts[-4]:>14}" for one in programs)
    )
    for name in names:
        cells = [median(one.figures[name]) for one in programs if one.figures.get(name)]
        form: Callable[[float], str] = (
            (lambda x: f"{x:,.0f}") if cells[0] >= 100 else (lambda x: f"{x:.2f}")
        )
        print(f"{name:64}" + "".join(f"{form(cell):>14}" for cell in cells))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--notes", type=int, default=NOTES)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--python", nargs="+", default=[sys.executable], metavar="PATH")
    said = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vaults = {name: vault_of(folder, name, said.notes) for name in MARKED}
        inputs = Inputs(vaults, small_pdf(folder), clippings_of(folder, said.notes))
        programs = [Program(python, inputs, folder) for python in said.python]
        for program in programs:  # the first start compiles the modules
            program.forge(
                program.workspace(), "run", "--dry-run", "-v", "-q", str(inputs.pdf)
            )
        for _ in range(said.rounds):
            for program in programs:
                program.round()
        for program in programs:
            program.statements()
        print(
            f"{said.notes:,} notes, medians of {said.rounds}, load {os.getloadavg()[0]:.1f}"
        )
        table(programs)


if __name__ == "__main__":
    main()
