"""What proposals cost: a first run over exports of highlights with them, and without.

    python tools/proposals/speed.py FOLDER [--rounds N]

FOLDER has a Kindle's `My Clippings.txt`, a Readwise `readwise-data.csv`, or both; none is here,
because they quote books under copyright. Made-up marks would not do: as many of them are
alike, the comparison with other cards would take most of the time. Each run is the whole
command in a process and folder of its own; the runs take turns. Figures are processor
seconds, the median of the rounds.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

SOURCES = {"kindle": "My Clippings.txt", "readwise": "readwise-data.csv"}


def seconds(exports, *, proposals):
    """Return the processor seconds of a first run, and the first line that it prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [
            "anki: {collection: none}",
            f"proposals: {str(proposals).lower()}",
            "sources:",
        ]
        for kind, file in SOURCES.items():
            if (exports / file).exists():
                shutil.copy(exports / file, folder / file)
                lines.append(f'  - {kind}: {{name: {kind}, path: "{file}"}}')
        (folder / "ankiforge.yaml").write_text("\n".join(lines), "utf-8")
        environment = {**os.environ, "ANKIFORGE_HOME": str(folder / "home")}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "ankiforge", "run"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout.partition("\n")[0]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    without = []
    with_proposals = []
    for _ in range(given.rounds):
        without.append(seconds(given.folder, proposals=False)[0])
        spent, summary = seconds(given.folder, proposals=True)
        with_proposals.append(spent)
    ratio = median(with_proposals) / median(without)
    print(summary)
    print(f"processor seconds, medians of {given.rounds}")
    print(f"without proposals {median(without):.2f}")
    print(f"with proposals    {median(with_proposals):.2f}, {ratio:.2f} times as much")


if __name__ == "__main__":
    main()
