"""All figures in one run, each beside its peer: writes `figures.md` beside this file.

    python -m benchmarks.figures [--quick] [--only NAME ...] [--to FOLDER]

Each benchmark is a process of its own, one after another. What it prints goes to `figures.txt`
beside this file, and the list of the page is read from it, so that no figure is copied by
hand; what was measured by hand stands in `by_hand.md`. It ends within a quarter of an hour on
two cores: what has not begun by then, or takes longer, is not measured, and the page says so.
`--quick` takes some minutes with smaller sizes. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
BY_HAND = Path(__file__).with_name("by_hand.md")
"""Figures that no run can measure again: a model is needed, and readers who rate."""
PEERS = (
    "markdown-it-py",
    "pdfannots",
    "rapidfuzz",
    "md2anki",
    "markdown-anki-decks",
    "ankdown",
    "genanki",
)
SECONDS = 14.5 * 60
"""After which nothing is measured any more."""


@dataclass(frozen=True)
class Bench:
    """One benchmark, and what it is called with."""

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def run(self, quick: bool, until: float) -> str:
        """What it prints until a time of the clock; what went wrong is printed with it."""
        words = (sys.executable, "-m", f"benchmarks.{self.name}")
        words += self.quick if quick and self.quick else self.arguments
        print("$", " ".join(words[1:]), file=sys.stderr, flush=True)
        start = time.perf_counter()
        left = until - start
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=max(left, 0.1)
            )
        except subprocess.TimeoutExpired as error:
            printed = (
                error.stdout.decode()
                if isinstance(error.stdout, bytes)
                else error.stdout or ""
            )
            return (
                f"{printed.rstrip()}\n(ended after {max(left, 0):.0f} s: the time is up)"
            )
        took = time.perf_counter() - start
        ending = f"exit code {done.returncode}; " if done.returncode else ""
        failed = f"{done.stderr[-600:]}\n" if done.returncode else ""
        return f"{done.stdout.rstrip()}\n{failed}({ending}{took:.0f} s in all)"


BENCHES = (
    Bench("core", ("--notes", "2000"), ("--notes", "200", "--rounds", "1")),
    Bench("extract_pdf", (), ("--runs", "1")),
    Bench("lies"),
    Bench("spoiled"),
    Bench("first_minute"),
    Bench("duplicates", ("1000", "10000", "100000"), ("1000",)),
    Bench("scale", (), ("--notes", "250")),
    Bench("peers", (), ("--notes", "100", "--rounds", "1")),
    Bench("growth", (), ("400", "1600")),
    Bench("first_card", (), ("--notes", "125", "--times", "1")),
)

# --- the list -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A figure: where it stands in what a benchmark printed, and what it is to reach."""

    what: str
    bench: str
    pattern: str
    """Its first group is the figure, a second one what stands beside it; its last line is shown."""
    goal: str
    reached: Callable[[float], bool]

    def line(self, printed: str) -> str:
        """What, the figure, the goal, and whether it is missed."""
        found = re.search(self.pattern, printed, re.MULTILINE)
        if found is None:
            return f"- {self.what}: not measured; goal {self.goal}"
        groups = [group for group in found.groups() if group]
        missed = "" if self.reached(float(groups[0].replace(",", ""))) else ", **missed**"
        measured = " ".join(found[0].splitlines()[-1].split())
        return f"- {self.what}: {measured}; goal {self.goal}{missed}"


def at_most(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure <= goal


def at_least(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure >= goal


ROWS = (
    Row("first run of 2,000 notes without a mark against markdown-it-py", "core", r"^first run, no mark, against markdown-it-py +([\d.]+)", "at most 0.8", at_most(0.8)),
    Row("the same, one note in ten marked", "core", r"^first run, one note in ten marked, against markdown-it-py +([\d.]+)", "at most 1.7", at_most(1.7)),
    Row("the same, three cards for four notes", "core", r"^first run, three cards for four notes, against markdown-it-py +([\d.]+)", "at most 4.3", at_most(4.3)),
    Row("what a card adds to a first run", "core", r"^a card, CPU ms +([\d.]+)", "at most 1.7", at_most(1.7)),
    Row("the same against the parse of a note", "core", r"^a card against the parse of a note +([\d.]+)", "at most 4.7, which is 1.7 ms where a note takes 0.36", at_most(4.7)),
    Row("run after one edited note against an unchanged one", "core", r"^edited against unchanged, CPU +([\d.]+)", "at most 1.5", at_most(1.5)),
    Row("unchanged run against `--help`", "core", r"^unchanged against --help, CPU +([\d.]+)", "at most 4", at_most(4)),
    Row("SQL statements a new card", "core", r"^first run, SQL statements a new card +([\d.]+)", "at most 12", at_most(12)),
    Row("`extract` of a small PDF against `--help`", "core", r"^extract against --help, CPU +([\d.]+)", "at most 4", at_most(4)),
    Row("a run of exports with proposals against one without", "core", r"^exports with proposals against without +([\d.]+)", "at most 1.9", at_most(1.9)),
    Row("PDF marks read to the letter, generated, beside pdfannots", "extract_pdf", r"^all +(\d+)/444.*", "444 of 444", at_least(444)),
    Row("PDF marks read to the letter, other people's files, beside pdfannots", "extract_pdf", r"^real +(\d+)/.*", "60 of 60", at_least(60)),
    Row("processor time of pdfannots for 50 papers against ours", "extract_pdf", r"([\d.]+) times as fast.*", "4 times", at_least(4)),
    Row("first minute: cards in Anki, of one paper and one e-reader", "first_minute", r"^in Anki +([\d.]+)", "at least 10", at_least(10)),
    Row("first minute: commands for these", "first_minute", r"^commands +([\d.]+)", "at most 3", at_most(3)),
    Row("first minute: seconds of the machine", "first_minute", r"^seconds +([\d.]+)", "at most 60", at_most(60)),
    Row("first minute: keys from `review` to these", "first_minute", r"^keys +([\d.]+)", "at most 12", at_most(12)),
    Row("planted lies blocked, and seen: held out", "lies", r"(?<=held-out: )(?:.*\n)+?all lies +\d+ +([\d.]+)%.*", "75 %", at_least(75)),
    Row("honest cards of a strong model blocked, and warned about", "spoiled", r"^honest +\d+ +([\d.]+)%.*", "at most 2 %", at_most(2)),
    Row("duplicates among 100,000 cards", "duplicates", r"^ 100,000 cards: +([\d.]+) s, .*at most", "6 s, 300 MB", at_most(6)),
    Row("`accept --all` of 20,000 drafts", "scale", r"^accept --all, CPU s +([\d.]+)", "at most 6", at_most(6)),
    Row("first look at a collection of 20,000 notes", "scale", r"^first look, CPU s +([\d.]+)", "at most 10", at_most(10)),
    Row("a lost database of 20,000 marks rebuilt, against a first run", "scale", r"^rebuilt against a first run +([\d.]+)", "at most 1.3", at_most(1.3)),
    Row("questions in notes to a package, md2anki's time against ours", "peers", r"^md2anki +[\d.]+ +\d+ +\d+ +([\d.]+)", "at least 1", at_least(1)),
    Row("questions in notes to a package, markdown-anki-decks' time against ours", "peers", r"^markdown-anki-decks +[\d.]+ +\d+ +\d+ +([\d.]+)", "at least 1", at_least(1)),
    Row("the same against reading alone (`extract`)", "peers", r"^markdown-anki-decks against ours reading alone ([\d.]+)", "at least 1", at_least(1)),
    Row("slope of processor time by cards, of run, accept, look and search", "growth", r"^largest slope ([\d.]+).*", "at most 1.05", at_most(1.05)),
    Row("seconds to the first card on the page, of 5,000 that wait", "first_card", r"^first card +([\d.]+) s.*", "at most 0.5", at_most(0.5)),
)  # fmt: skip


def lines(printed: dict[str, str]) -> Iterator[str]:
    for row in ROWS:
        if row.bench in printed:
            yield row.line(printed[row.bench])


# --- the page -------------------------------------------------------------------------------


def machine() -> str:
    """What it ran on: figures of different machines are not to be compared."""
    cores, memory = (
        os.cpu_count(),
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        model = found[1]
    load, loop = os.getloadavg()[0], a_loop()
    return (
        f"{cores} cores ({model}), {memory / 2**30:.0f} GB, {platform.system()}"
        f" {platform.release()}; load when it began: {load:.1f}; a loop of five million sums takes"
        f" {loop:.2f} s here, a quarter of a second on a free core of 2024"
    )


def a_loop() -> float:
    """Seconds of processor time: how fast this machine is at the moment."""
    begin, total = time.process_time(), 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - begin


def versions() -> str:
    found = [
        f"ankiforge {version('ankiforge-cards')}",
        f"Python {platform.python_version()}",
    ]
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except ImportError:
            found.append(f"{name} missing")
    return ", ".join(found)


def page(printed: dict[str, str], where: str, quick: bool) -> str:
    text = [
        "# Figures",
        "",
        "Written by `make bench`"
        + (", the short way: sizes are smaller than the goals are for" if quick else "")
        + f", on {time.strftime('%Y-%m-%d')}. A ratio to another program in the same run says more than"
        " seconds. The full output is in `benchmarks/figures.txt`.",
        "",
        f"- Machine: {where}",
        f"- Versions: {versions()}",
        "",
        *lines(printed),
        "",
        BY_HAND.read_text("utf-8"),
    ]
    return "\n".join(text)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--only", nargs="*", default=[], metavar="NAME")
    asked.add_argument("--to", type=Path, default=HERE)
    said = asked.parse_args()
    where = machine()
    here = {path.stem for path in Path(__file__).parent.glob("*.py")}
    chosen = [one for one in BENCHES if one.name in (said.only or here)]
    until = time.perf_counter() + SECONDS
    printed = {one.name: one.run(said.quick, until) for one in chosen}
    (said.to / "figures.md").write_text(page(printed, where, said.quick), "utf-8")
    outputs = [f"# {name}\n\n{text.strip()}\n" for name, text in printed.items()]
    Path(__file__).with_name("figures.txt").write_text("\n".join(outputs), "utf-8")
    print(said.to / "figures.md")


if __name__ == "__main__":
    main()
