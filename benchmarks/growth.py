"""How the processor time of a workspace grows with its cards: draws `growth.svg` beside this file.

    python -m benchmarks.growth [CARDS ...] [--to FOLDER]

For each size a vault of made-up marks is read, all drafts are accepted, the package is built and
imported, Anki is looked at, and a question is asked of the passages; each is one command in a
process of its own. The slope is that between the two largest sizes: 1 = twice the cards take
twice the time, 2 = they take four times as long. Sizes up to 100,000 take most of an hour.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import pairwise
from math import log, log10
from pathlib import Path
from sys import executable

from benchmarks import scale

SIZES = (1_000, 4_000, 16_000)
STEPS = ("first run", "accept --all", "first look", "search")
QUESTION = "what holds the marked words of the note"
COLOURS = ("#1f6f8b", "#b3541e", "#4b7f52", "#7a4e9c")
WIDTH, HEIGHT, EDGE = 560, 320, 48


def measure(cards: int) -> dict[str, float]:
    """Return the processor seconds of each step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scale.make(folder / "vault", cards // scale.MARKS)
        program = scale.Program(executable, folder / "vault", folder / "desk", None)
        for step in ("first run", "accept --all", "build", "first look"):
            program.take(step)
        program.forge("search", "search", QUESTION)  # the first one makes the index
        program.forge("search", "search", QUESTION)
        return {step: program.costs[step].cpu for step in STEPS}


def slope(sizes: list[int], seconds: list[float]) -> float:
    (small, large), (before, after) = sizes[-2:], seconds[-2:]
    return log(after / before) / log(large / small)


def chart(sizes: list[int], measured: dict[str, list[float]]) -> str:
    """Return an SVG with a line for each step; both axes are logarithmic."""
    every = [each for seconds in measured.values() for each in seconds]
    low, high = log10(min(every)), log10(max(every))
    first, last = log10(sizes[0]), log10(sizes[-1])

    def place(size: int, seconds: float) -> tuple[float, float]:
        across = (log10(size) - first) / (last - first)
        up = (log10(seconds) - low) / (high - low)
        x = EDGE + across * (WIDTH - 4 * EDGE)
        return x, HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        "<title>Processor seconds by the number of cards; both axes are logarithmic</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for size in sizes:
        x, _ = place(size, min(every))
        parts.append(
            f'<text x="{x:.0f}" y="{HEIGHT - 16}" text-anchor="middle">{size:,}</text>'
        )
    for colour, (step, seconds) in zip(COLOURS, measured.items(), strict=True):
        points = [place(size, each) for size, each in zip(sizes, seconds, strict=True)]
        for (x, y), (x2, y2) in pairwise(points):
            parts.append(
                f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="2"/>'
            )
        x, y = points[-1]
        parts.append(
            f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{step}, {seconds[-1]:.1f} s</text>'
        )
    return "\n".join((*parts, "</svg>\n"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="CARDS")
    asked.add_argument("--to", type=Path, default=Path(__file__).parent)
    said = asked.parse_args()
    sizes = sorted(said.sizes)
    print(f"processor seconds; load {os.getloadavg()[0]:.1f}")
    print(f"{'cards':>10}" + "".join(f"{step:>14}" for step in STEPS))
    measured: dict[str, list[float]] = {step: [] for step in STEPS}
    for size in sizes:
        costs = measure(size)
        for step in STEPS:
            measured[step].append(costs[step])
        print(
            f"{size:>10,}" + "".join(f"{costs[step]:>14.2f}" for step in STEPS),
            flush=True,
        )
    slopes = {step: slope(sizes, seconds) for step, seconds in measured.items()}
    print(f"{'slope':>10}" + "".join(f"{slopes[step]:>14.2f}" for step in STEPS))
    print(
        f"largest slope {max(slopes.values()):.2f}: {max(slopes, key=lambda step: slopes[step])}"
    )
    (said.to / "growth.svg").write_text(chart(sizes, measured), "utf-8")


if __name__ == "__main__":
    main()
