"""What the core costs: processor time, syncs to disk, memory, and bytes a card.

    python -m benchmarks.core [--notes N] [--large N] [--annotations N ...] [--rounds N] [--python PATH ...]

Each run is the whole command in a process of its own, over the vault of `benchmarks.vault`, and over a
Zotero library of made-up papers: alone, then with its PDFs as files and notes that quote it. Several
interpreters, each with its own ankiforge, take turns round by round: their ratios belong to one machine at
one time. Every figure is the median of the rounds. `--large 0` leaves out the large vault,
`--annotations 0` the library; syncs are counted with strace, where it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.vault import WORDS, make
from samples.pdf_writer import Page, heading, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

NOTES, LARGE, ROUNDS = 2_000, 10_000, 3
ANNOTATIONS = (2_000, 10_000)
PAPERS = 200
PER_PAGE = 10
"""Marks on a page of a made-up paper."""
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


@dataclass(frozen=True)
class Cost:
    """One process and its children: wall and CPU in seconds, the largest of them in MB, stdout."""

    wall: float
    cpu: float
    memory: float
    stdout: str


def run(command: list[str], desk: Path) -> Cost:
    """Run a command that must succeed, with `desk` as the user's home."""
    home = {name: str(desk / "home") for name in ("HOME", "ANKIFORGE_HOME", "ANKI_BASE")}
    environment = {**os.environ, **home, "ANKIFORGE_TRUST": str(desk)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    output, errors = desk / "stdout", desk / "stderr"
    start = time.perf_counter()
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(command, env=environment, cwd=desk, stdout=stdout, stderr=stderr)
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = errors.read_text()[-600:]
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{said}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read_text())


class Program:
    """One installed ankiforge; `figures` holds every measurement by its name."""

    def __init__(self, python: str, vaults: dict[int, Path], pdf: Path, folder: Path) -> None:
        self.python = python
        self.vaults, self.pdf, self.folder = vaults, pdf, folder
        self.figures: dict[str, list[float]] = defaultdict(list)
        self.edits = 0

    def note(self, name: str, value: float) -> None:
        self.figures[name].append(value)

    def forge(self, desk: Path, *words: str, before: tuple[str, ...] = ()) -> Cost:
        return run([*before, self.python, "-m", "ankiforge", *words], desk)

    def workspace(self, vault: Path) -> Path:
        """An empty workspace over a vault."""
        desk = self.folder / "desk"
        shutil.rmtree(desk, ignore_errors=True)
        desk.mkdir()
        settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\n"
        (desk / "ankiforge.yaml").write_text(f"{settings}anki: {{collection: none}}\n", "utf-8")
        return desk

    def edit(self, vault: Path) -> tuple[Path, bytes]:
        """Add a mark to one note; the note and what it said before."""
        self.edits += 1
        path = sorted(vault.rglob("*.md"))[self.edits]
        before = path.read_bytes()
        path.write_bytes(before + f"\nOne ==mark more== {self.edits}.\n".encode())
        os.utime(path, (LONG_AGO, LONG_AGO + self.edits))
        return path, before

    def round(self, notes: int, large: int) -> None:
        """Take every measurement once."""
        vault = self.vaults[notes]
        parsed = run([self.python, "-c", PARSER, str(vault)], self.workspace(vault))
        desk = self.workspace(vault)
        first = self.forge(desk, "--json", "run", "-C", str(desk))
        cards = json.loads(first.stdout)["cards"]["drafted"]
        self.note("markdown-it-py parses the vault, CPU s", parsed.cpu)
        self.note("first run, CPU s", first.cpu)
        self.note("first run, CPU against markdown-it-py", first.cpu / parsed.cpu)
        self.note("first run, peak memory MB", first.memory)
        self.sizes(desk, cards)
        self.forge(desk, "run", "-q")
        unchanged = self.forge(desk, "run", "-q")
        path, before = self.edit(vault)
        edited = self.forge(desk, "run", "-q")
        restore(path, before)
        self.note("unchanged run, CPU s", unchanged.cpu)
        self.note("run after one edited note, CPU s", edited.cpu)
        self.note("edited against unchanged, CPU", edited.cpu / unchanged.cpu)

        desk = self.workspace(vault)
        about = self.forge(desk, "--help")
        extract = self.forge(desk, "extract", str(self.pdf))
        self.note("--help, CPU s", about.cpu)
        self.note("extract of a small PDF, CPU s", extract.cpu)
        self.note("extract against --help, CPU", extract.cpu / about.cpu)

        if large:
            self.large(self.vaults[large], large)

    def sizes(self, desk: Path, cards: int) -> None:
        """Bytes on disk after a first run."""

        def size(path: Path) -> int:
            return path.stat().st_size if path.exists() else 0

        hidden = desk / ".ankiforge"
        journal = size(desk / "journal.jsonl")
        ledger = sum(size(hidden / name) for name in ("ledger.db", "ledger.db-wal"))
        everything = sum(path.stat().st_size for path in hidden.rglob("*") if path.is_file())
        self.note("cards of the first run", cards)
        self.note("ledger and journal, bytes a card", (ledger + journal) / cards)
        self.note("journal alone, bytes a card", journal / cards)
        self.note("all of .ankiforge and the journal, bytes a card", (everything + journal) / cards)

    def large(self, vault: Path, notes: int) -> None:
        """Time the first, an unchanged and an edited run of the large vault."""
        desk = self.workspace(vault)
        first = self.forge(desk, "run", "-q")
        self.forge(desk, "run", "-q")
        unchanged = self.forge(desk, "run", "-q")
        path, before = self.edit(vault)
        edited = self.forge(desk, "run", "-q")
        restore(path, before)
        self.note(f"{notes:,} notes, first run, s", first.wall)
        self.note(f"{notes:,} notes, first run, peak memory MB", first.memory)
        self.note(f"{notes:,} notes, unchanged run, s", unchanged.wall)
        self.note(f"{notes:,} notes, run after one edited note, s", edited.wall)

    def zotero(self, folder: Path, count: int) -> None:
        """Time a first, an unchanged and an edited run of a library, and of all that shows its papers."""
        both = {
            "annotations": "",
            "annotations, also in PDFs and notes": (
                f"- pdf: {{name: papers, path: {folder / 'storage'}}}\n"
                f"- obsidian: {{name: notes, path: {folder / 'notes'}}}\n"
            ),
        }
        for name, more in both.items():
            desk = self.workspace(folder)
            settings = f"sources:\n- zotero: {{name: zotero, path: {folder}}}\n{more}"
            (desk / "ankiforge.yaml").write_text(f"{settings}anki: {{collection: none}}\n", "utf-8")
            runs = [self.forge(desk, "run", "-q") for _ in range(3)]
            write_library(folder, count, edited=PAPERS // 2)
            edited = self.forge(desk, "run", "-q")
            write_library(folder, count)
            self.note(f"{count:,} {name}, first run, s", runs[0].wall)
            self.note(f"{count:,} {name}, first run, peak memory MB", runs[0].memory)
            self.note(f"{count:,} {name}, unchanged run, s", runs[2].wall)
            self.note(f"{count:,} {name}, run after an edit of one in each paper, s", edited.wall)

    def syncs(self, notes: int) -> None:
        """Count the syncs of a first run; once is enough, they do not depend on the load."""
        desk = self.workspace(self.vaults[notes])
        log = desk / "syncs"
        tracer = ("strace", "-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range")
        self.forge(desk, "run", "-q", before=(*tracer, "-o", str(log)))
        count = sum(
            int(found[1])
            for line in log.read_text().splitlines()
            if (found := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync", line))
        )
        self.note("first run, syncs to disk", count)
        self.note("first run, documents a sync", notes / count if count else 0.0)


def restore(path: Path, text: bytes) -> None:
    """Give every program the same vault."""
    path.write_bytes(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def vault_of(folder: Path, notes: int) -> Path:
    vault = folder / f"vault-{notes}"
    make(vault, notes)
    (vault / ".obsidian").mkdir()
    for path in vault.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return vault


def annotation(paper: int, number: int, *, edited: bool = False) -> tuple[str, str]:
    """Return a made-up marked sentence and the question of its comment."""
    dice = random.Random(f"{paper} {number}")
    first, second, third = dice.sample(WORDS, 3)
    year = dice.randrange(1_000, 2_000) + edited
    words = f"The {first} of {second} {paper}-{number} was shown to need {third} since {year}."
    return words, f"? What does the {first} of {second} {paper}-{number} need"


def write_library(folder: Path, annotations: int, *, edited: int = 0) -> None:
    """Write the database of a library; the first mark of so many papers is edited."""
    works = []
    for paper in range(PAPERS):
        marks = []
        for number in range(annotations // PAPERS):
            words, comment = annotation(paper, number, edited=number == 0 and paper < edited)
            page = number // PER_PAGE
            marks.append(
                Annotation(f"M{paper:03}{number:04}", words, comment, page=page, top=number)
            )
        attached = Attachment(f"ATTCH{paper:03}", f"Paper {paper}.pdf", tuple(marks))
        fields = {"title": f"On the topic {paper}", "DOI": f"10.5555/{paper}"}
        works.append(Work(f"PAPER{paper:03}", fields, attachments=(attached,)))
    write_zotero(folder / "zotero.sqlite", [Library(tuple(works))])


def library_of(folder: Path, annotations: int) -> Path:
    """A library with the PDFs of its papers, and a note about each that quotes its first page."""
    library = folder / f"library-{annotations}"
    (library / "notes" / ".obsidian").mkdir(parents=True)
    for paper in range(PAPERS):
        storage = library / "storage" / f"ATTCH{paper:03}"
        storage.mkdir(parents=True)
        said = [annotation(paper, number) for number in range(annotations // PAPERS)]
        pages = [
            Page(
                tuple(paragraph(words) for words, _ in said[at : at + PER_PAGE]),
                tuple(mark(words, comment=asked) for words, asked in said[at : at + PER_PAGE]),
            )
            for at in range(0, len(said), PER_PAGE)
        ]
        write_pdf(storage / f"Paper {paper}.pdf", pages, title=f"On the topic {paper}")
        link = f"zotero://open-pdf/library/items/ATTCH{paper:03}?page=1&annotation=M{paper:03}"
        quotes = [
            f"> {words}\n> ([Doe, 2020]({link}{number:04}))\n"
            for number, (words, _) in enumerate(said[:PER_PAGE])
        ]
        (library / "notes" / f"Paper {paper}.md").write_text("\n".join(quotes), "utf-8")
    write_library(library, annotations)
    for path in library.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return library


def small_pdf(folder: Path) -> Path:
    words = "Spacing improves the retention of facts over many weeks and months"
    text = paragraph(f"{words}. Massed practice does not, as has been shown many times.")
    page = Page((heading("The Spacing Effect", level=0), text), marks=(mark(words),))
    write_pdf(folder / "small.pdf", [page], title="The Spacing Effect")
    return folder / "small.pdf"


def table(programs: list[Program]) -> None:
    """Print the medians, a column for each program."""
    names = list(dict.fromkeys(name for one in programs for name in one.figures))
    print(f"{'':56}" + "".join(f"{column(one.python):>14}" for one in programs))
    for name in names:
        cells = [median(one.figures[name]) for one in programs if one.figures.get(name)]
        form: Callable[[float], str] = (
            (lambda x: f"{x:,.0f}") if cells[0] >= 100 else (lambda x: f"{x:.2f}")
        )
        print(f"{name:56}" + "".join(f"{form(cell):>14}" for cell in cells))


def column(python: str) -> str:
    """The folder that an interpreter's environment lies in."""
    parts = Path(python).absolute().parts
    return parts[-4] if len(parts) > 4 and parts[-3] == ".venv" else parts[-1]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--notes", type=int, default=NOTES)
    asked.add_argument("--large", type=int, default=LARGE)
    asked.add_argument("--annotations", type=int, nargs="*", default=ANNOTATIONS)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--python", nargs="+", default=[sys.executable], metavar="PATH")
    said = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {said.notes, said.large} - {0}
        vaults = {size: vault_of(folder, size) for size in sizes}
        libraries = {count: library_of(folder, count) for count in said.annotations if count}
        pdf = small_pdf(folder)
        programs = [Program(python, vaults, pdf, folder) for python in said.python]
        for program in programs:  # the first start compiles the modules
            program.forge(program.workspace(vaults[said.notes]), "extract", "-q", str(pdf))
        for _ in range(said.rounds):
            for program in programs:
                program.round(said.notes, said.large)
                for count, library in libraries.items():
                    program.zotero(library, count)
        if shutil.which("strace"):
            for program in programs:
                program.syncs(said.notes)
        print(f"{said.notes:,} notes, medians of {said.rounds}, load {os.getloadavg()[0]:.1f}")
        table(programs)


if __name__ == "__main__":
    main()
