"""All figures in one run, each beside its peer, and how costs grow: writes `docs/figures.md`.

    python -m benchmarks.figures [--quick] [--only NAME ...] [--to FOLDER]

Each benchmark is a process of its own, one after another. What it prints goes to `figures.txt`
beside this file, and the list of the page is read from it, so that no figure is copied by hand. It takes the better
part of an hour on two cores, `--quick` some minutes with smaller sizes. The machine should have
nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import log10
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PEERS = ("genanki", "pdfannots", "rapidfuzz", "click", "anki")


@dataclass(frozen=True)
class Bench:
    """One benchmark, and what it is called with."""

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def run(self, quick: bool) -> str:
        """What it prints; what went wrong is printed with it."""
        words = (sys.executable, "-m", f"benchmarks.{self.name}")
        words += self.quick if quick and self.quick else self.arguments
        print("$", " ".join(words[1:]), file=sys.stderr, flush=True)
        start = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        took = time.perf_counter() - start
        ending = f"exit code {done.returncode}; " if done.returncode else ""
        failed = f"{done.stderr[-600:]}\n" if done.returncode not in (0, 1) else ""
        return f"{done.stdout.rstrip()}\n{failed}({ending}{took:.0f} s in all)"


BENCHES = (
    Bench("help"),
    Bench("extract_pdf"),
    Bench("vault", ("1000", "10000", "100000"), ("300", "1000")),
    Bench("build", ("1000", "10000", "100000"), ("1000",)),
    Bench("duplicates", ("1000", "10000", "100000"), ("1000",)),
    Bench("drafting", ("1", "4", "16"), ("4", "--rounds", "4", "--runs", "1")),
    Bench("view", ("10000",), ("1000",)),
    Bench("seen", ("1000", "10000", "100000"), ("1000",)),
    Bench("watch", (), ("300",)),
    Bench("review_page", ("10000",), ("300",)),
    Bench("stats", ("20000", "100000"), ("1000", "5000")),
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
    Row("`ankiforge --help` against `import click`", "help", r"ratio +([\d.]+)", "at most 1.5", at_most(1.5)),
    Row("PDF marks read to the letter, generated", "extract_pdf", r"^all +(\d+)/444.*", "440 of 444", at_least(440)),
    Row("PDF processor time against pdfannots", "extract_pdf", r"([\d.]+) times as fast.*", "2.5 times", at_least(2.5)),
    Row("first run, 10,000 notes", "vault", r"(?<=10,000 notes, )(?:.*\n) +first run +([\d.]+) s", "15 s", at_most(15)),
    Row("unchanged, 10,000 notes", "vault", r"(?<=10,000 notes, )(?:.*\n){2} +unchanged +([\d.]+) s", "0.5 s", at_most(0.5)),
    Row("build 100,000 notes against genanki", "build", r"^ 100,000  ankiforge  .*? s +([\d.]+) .*", "ratio 1", at_most(1)),
    Row("duplicates among 100,000 cards", "duplicates", r"^ 100,000 cards: +([\d.]+) s, .*at most", "10 s, 300 MB", at_most(10)),
    Row("model that answers in 0.25 s, 16 slots: the whole program", "drafting", r"^program +16.*?([\d.]+)%", "95 %", at_least(95)),
    Row("`seen` among 100,000 highlights, the slowest of nine questions", "seen", r"(?<=100,000 highlights)(?:.*\n)+?the slowest of these +([\d.]+) ms", "100 ms", at_most(100)),
    Row("from save to card, 10,000 notes", "watch", r"save to card +([\d.]+) s", "1 s", at_most(1)),
    Row("review page, 10,000 pending: next card", "review_page", r"^next card +median +([\d.]+) ms", "50 ms", at_most(50)),
)  # fmt: skip


def lines(printed: dict[str, str]) -> Iterator[str]:
    for row in ROWS:
        if row.bench in printed:
            yield row.line(printed[row.bench])


# --- growth ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """Seconds by the number of notes, read from what a benchmark printed."""

    name: str
    points: tuple[tuple[float, float], ...]


GROWTH = (
    ("build a package", "build", r"^ *([\d,]+)  ankiforge  .*? ([\d.]+) s"),
    ("genanki builds it", "build", r"^ *([\d,]+)  genanki +([\d.]+) s"),
    ("search duplicates", "duplicates", r"^ *([\d,]+) cards: +([\d.]+) s, .*at most"),
    ("first run of a vault", "vault", r"^([\d,]+) notes.*\n +first run +([\d.]+) s"),
    ("unchanged vault", "vault", r"^([\d,]+) notes.*\n.*\n +unchanged +([\d.]+) s"),
    ("index for `seen`", "seen", r"^([\d,]+) highlights; index made in ([\d.]+) s"),
)


def curves(printed: dict[str, str]) -> Iterator[Curve]:
    for name, bench, pattern in GROWTH:
        found = re.findall(pattern, printed.get(bench, ""), re.MULTILINE)
        points = sorted((float(size.replace(",", "")), float(took)) for size, took in found)
        if len(points) > 1:
            yield Curve(name, tuple(points))


WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT = 760, 420, 70, 40, 190
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's, which colour-blind eyes tell apart; each line has its own dash, too."""
DASHES = ("", "8 4", "2 3", "12 4 2 4", "5 5", "1 5")


def plot(drawn: Sequence[Curve]) -> str:
    """Both axes by powers of ten: a straight line at 45° grows as the number of notes does."""
    sizes = [size for curve in drawn for size, _ in curve.points]
    times = [max(took, 0.01) for curve in drawn for _, took in curve.points]
    across = (int(log10(min(sizes))), log10(max(sizes)))
    up = (int(log10(min(times))) - 1, log10(max(times)) + 0.1)

    def place(size: float, took: float) -> tuple[float, float]:
        x = (log10(size) - across[0]) / ((across[1] - across[0]) or 1)
        y = (log10(max(took, 0.01)) - up[0]) / ((up[1] - up[0]) or 1)
        return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - 2 * BOTTOM)

    parts = [*_axes(across, up, place)]
    ends: list[float] = []
    for curve, colour, dash in zip(drawn, COLOURS, DASHES, strict=False):
        spots = [place(*point) for point in curve.points]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in spots)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dash}"/>'
        )
        parts += [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{colour}"/>' for x, y in spots]
        x, y = spots[-1]
        while any(abs(y - other) < 16 for other in ends):
            y += 4
        ends.append(y)
        parts.append(f'<text x="{x + 10:.0f}" y="{y + 4:.0f}" fill="{colour}">{curve.name}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="sans-serif" font-size="13"><title>Seconds by number of notes</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>\n'
    ).replace("`", "")


def _axes(
    across: tuple[int, float],
    up: tuple[int, float],
    place: Callable[[float, float], tuple[float, float]],
) -> Iterator[str]:
    for power in range(across[0], int(across[1]) + 1):
        x, y = place(10.0**power, 10.0 ** up[0])
        yield f'<text x="{x:.0f}" y="{y + 20:.0f}" text-anchor="middle">{10**power:,}</text>'
        top = place(10.0**power, 10.0 ** up[1])[1]
        yield f'<path d="M{x:.0f} {y:.0f}V{top:.0f}" stroke="#ddd"/>'
    for power in range(up[0], int(up[1] // 1) + 1):
        x, y = place(10.0 ** across[0], 10.0**power)
        right = place(10.0 ** across[1], 10.0**power)[0]
        yield f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>'
        yield f'<path d="M{x:.0f} {y:.0f}H{right:.0f}" stroke="#ddd"/>'
    yield f'<text x="{LEFT}" y="{HEIGHT - 4}">notes, cards or highlights</text>'


# --- the page -------------------------------------------------------------------------------


def machine() -> str:
    """What it ran on: figures of different machines are not to be compared."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
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
    found = [f"ankiforge {version('ankiforge-cards')}", f"Python {platform.python_version()}"]
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except ImportError:
            found.append(f"{name} missing")
    return ", ".join(found)


def page(printed: dict[str, str], where: str, drawn: Sequence[Curve], quick: bool) -> str:
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
    ]
    if drawn:
        text += ["## How costs grow", "", "![Seconds by number of notes](figures-growth.svg)", ""]
    return "\n".join(text)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--only", nargs="*", default=[], metavar="NAME")
    asked.add_argument("--to", type=Path, default=DOCS)
    said = asked.parse_args()
    where = machine()
    here = {path.stem for path in Path(__file__).parent.glob("*.py")}
    chosen = [one for one in BENCHES if one.name in (said.only or here)]
    printed = {one.name: one.run(said.quick) for one in chosen}
    drawn = tuple(curves(printed))
    if drawn:
        (said.to / "figures-growth.svg").write_text(plot(drawn), "utf-8")
    (said.to / "figures.md").write_text(page(printed, where, drawn, said.quick), "utf-8")
    outputs = [f"# {name}\n\n{text.strip()}\n" for name, text in printed.items()]
    Path(__file__).with_name("figures.txt").write_text("\n".join(outputs), "utf-8")
    print(said.to / "figures.md")


if __name__ == "__main__":
    main()
