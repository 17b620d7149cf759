"""How soon `ankiforge --help` answers, beside the time Python needs to import click.

    python -m benchmarks.help

Both are started anew each time, by turns; the goal is a ratio of at most 1.5.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
OURS = [sys.executable, "-m", "ankiforge", "--help"]
PEER = [sys.executable, "-c", "import click"]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    seconds(OURS), seconds(PEER)  # the first start fills the caches
    pairs = [(seconds(OURS), seconds(PEER)) for _ in range(RUNS)]
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"ankiforge --help   {ours * 1000:6.1f} ms  (median of {RUNS})")
    print(f"import click       {peer * 1000:6.1f} ms")
    print(f"ratio              {ours / peer:6.2f}     (goal: at most 1.5)")


if __name__ == "__main__":
    main()
