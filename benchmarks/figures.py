"""Measure all figures, each compared with a peer in the same run, and write `figures.md`.

    python -m benchmarks.figures [--quick] [--only NAME ...] [--to FOLDER]

Each benchmark runs in a process of its own, one after another. Its output goes to a section of
`figures.txt`, and `figures.md` is made from these sections and from `by_hand.md`, so that no
figure is copied by hand. `--only` replaces the sections of the named benchmarks and keeps the
others. Without it, all of them run, within a quarter of an hour on two idle cores: a benchmark that
hasn't ended by then isn't measured, and the page says so. `--quick` takes some minutes with
smaller sizes.
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
"""The time limit of a run without `--only`."""


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
    Bench("extract_pdf", (), ("--runs", "1")),
    Bench("scale", (), ("--notes", "250")),
    Bench("growth", (), ("400", "1600")),
    Bench("core", ("--notes", "2000"), ("--notes", "200", "--rounds", "1")),
    Bench("peers", (), ("--notes", "100", "--rounds", "1")),
    Bench("first_card", (), ("--notes", "125", "--times", "1")),
    Bench("scroll", (), ("--scrolls", "6", "--book", "0")),
    Bench("duplicates", ("1000", "10000", "100000"), ("1000",)),
    Bench("first_minute"),
    Bench("lies"),
    Bench("spoiled"),
    Bench("year"),
)
"""The long ones first, so that nothing long begins when little time is left."""

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
    Row("the same, one note in ten marked", "core", r"^first run, one note in ten marked, against markdown-it-py +([\d.]+)", "at most 1.6", at_most(1.6)),
    Row("the same, three cards for four notes", "core", r"^first run, three cards for four notes, against markdown-it-py +([\d.]+)", "at most 4.3", at_most(4.3)),
    Row("what a card adds to a first run", "core", r"^a card, CPU ms +([\d.]+)", "at most 1.7", at_most(1.7)),
    Row("the same against the parse of a note", "core", r"^a card against the parse of a note +([\d.]+)", "at most 4.7, which is 1.7 ms where a note takes 0.36", at_most(4.7)),
    Row("run after one edited note against an unchanged one", "core", r"^edited against unchanged, CPU +([\d.]+)", "at most 1.5", at_most(1.5)),
    Row("unchanged run against `--help`", "core", r"^unchanged against --help, CPU +([\d.]+)", "at most 4", at_most(4)),
    Row("SQL statements a new card", "core", r"^first run, SQL statements a new card +([\d.]+)", "at most 12", at_most(12)),
    Row("`extract` of a small PDF against `--help`", "core", r"^extract against --help, CPU +([\d.]+)", "at most 3.5", at_most(3.5)),
    Row("a run of exports with proposals against one without", "core", r"^exports with proposals against without +([\d.]+)", "at most 1.9", at_most(1.9)),
    Row("PDF marks read to the letter, generated, beside pdfannots", "extract_pdf", r"^all +(\d+)/444.*", "444 of 444", at_least(444)),
    Row("PDF marks read to the letter, other people's files, beside pdfannots", "extract_pdf", r"^real +(\d+)/.*", "60 of 60", at_least(60)),
    Row("processor time of pdfannots for 20 papers against ours", "extract_pdf", r"([\d.]+) times as fast.*", "4 times", at_least(4)),
    Row("a year of notes on two computers with a real Anki: doubled, lost, made anew, or not the same on both", "year", r"^wrong +(\d+)", "0", at_most(0)),
    Row("the same: processor time of its runs", "year", r"^CPU s +([\d.]+)", "at most 60 s", at_most(60)),
    Row("first minute: cards in Anki, of one paper and one e-reader", "first_minute", r"^in Anki +([\d.]+)", "at least 10", at_least(10)),
    Row("first minute: commands for these", "first_minute", r"^commands +([\d.]+)", "at most 3", at_most(3)),
    Row("first minute: seconds of the machine", "first_minute", r"^seconds +([\d.]+)", "at most 60", at_most(60)),
    Row("first minute: keys from `review` to these", "first_minute", r"^keys +([\d.]+)", "at most 12", at_most(12)),
    Row("planted lies blocked, and seen: held out", "lies", r"(?<=held-out: )(?:.*\n)+?all lies +\d+ +([\d.]+)%.*", "75 %", at_least(75)),
    Row("honest cards of a strong model blocked, and warned about", "spoiled", r"^honest +\d+ +([\d.]+)%.*", "at most 2 %", at_most(2)),
    Row("duplicates among 100,000 cards", "duplicates", r"^ 100,000 cards: +([\d.]+) s, .*at most", "8 s, 300 MB", at_most(8)),
    Row("`accept --all` of 20,000 drafts", "scale", r"^accept --all, CPU s +([\d.]+)", "at most 8", at_most(8)),
    Row("first look at a collection of 20,000 notes", "scale", r"^first look, CPU s +([\d.]+)", "at most 10", at_most(10)),
    Row("a lost database of 20,000 marks rebuilt, against a first run", "scale", r"^rebuilt against a first run +([\d.]+)", "at most 1.3", at_most(1.3)),
    Row("questions in notes to a package, md2anki's time against ours", "peers", r"^md2anki +[\d.]+ +\d+ +\d+ +([\d.]+)", "at least 1", at_least(1)),
    Row("questions in notes to a package, markdown-anki-decks' time against ours", "peers", r"^markdown-anki-decks +[\d.]+ +\d+ +\d+ +([\d.]+)", "at least 0.4", at_least(0.4)),
    Row("the same against reading alone (`extract`)", "peers", r"^markdown-anki-decks against ours reading alone ([\d.]+)", "at least 1", at_least(1)),
    Row("slope of processor time by cards, of run, accept, look and search", "growth", r"^largest slope ([\d.]+).*", "at most 1.05", at_most(1.05)),
    Row("seconds to the first card on the page, of 5,000 that wait", "first_card", r"^first card +([\d.]+) s.*", "at most 0.5", at_most(0.5)),
    Row("seconds until the pages on screen are drawn after a scroll, 95th percentile", "scroll", r"^\d+ scrolls +drawn [\d.]+ s +p95 ([\d.]+) s.*", "at most 0.3", at_most(0.3)),
)  # fmt: skip


def lines(printed: dict[str, str]) -> Iterator[str]:
    for row in ROWS:
        if row.bench in printed:
            yield row.line(printed[row.bench])


# --- the page -------------------------------------------------------------------------------


def machine() -> str:
    """Describe the computer, because figures of different computers can't be compared."""
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
        f" {platform.release()}; load {load:.1f}; a loop of five million sums takes"
        f" {loop:.2f} s, a quarter of a second on a free core of 2024"
    )


def a_loop() -> float:
    """Measure how fast this computer is at the moment, in seconds of processor time."""
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


def page(printed: dict[str, str], quick: bool) -> str:
    text = [
        "# Figures",
        "",
        "Written by `make bench`"
        + (", the short way: sizes are smaller than the goals are for" if quick else "")
        + ". A ratio to another program in the same run says more than seconds. `benchmarks/figures.txt`"
        " has the full output, and when and on which computer each benchmark ran.",
        "",
        f"Versions: {versions()}",
        "",
        *lines(printed),
        "",
        BY_HAND.read_text("utf-8"),
    ]
    return "\n".join(text)


def read_sections(path: Path) -> dict[str, str]:
    """Return the latest output of each benchmark by its name."""
    if not path.exists():
        return {}
    sections = re.split(r"^# (\w+)\n", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(sections[::2], map(str.strip, sections[1::2]), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--to", type=Path, default=HERE)
    options = parser.parse_args()
    output = options.to / "figures.txt"
    printed = {} if options.quick else read_sections(output)
    if options.only:
        chosen = [bench for bench in BENCHES if bench.name in options.only]
    else:
        chosen = list(BENCHES)
    until = time.perf_counter() + (3600 if options.only else SECONDS)
    for bench in chosen:
        where = f"{time.strftime('%Y-%m-%d')}, {machine()}"
        printed[bench.name] = f"{where}\n\n{bench.run(options.quick, until)}"
    sections = [f"# {name}\n\n{text.strip()}\n" for name, text in printed.items()]
    output.write_text("\n".join(sections), "utf-8")
    (options.to / "figures.md").write_text(page(printed, options.quick), "utf-8")
    print(options.to / "figures.md")


if __name__ == "__main__":
    main()
