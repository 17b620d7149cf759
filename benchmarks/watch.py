"""How long it takes from the saving of a note to its card, in a large vault; and what idling costs.

    python -m benchmarks.watch [NOTES]

The watcher is a process of its own. Goals for 10,000 notes: under a second from save to card, of which
0.3 are waited for the note to be left alone; next to nothing while nothing happens.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.vault import make

NOTES = 10_000
EDITS = 10
IDLE = 60.0


def started(desk: Path) -> subprocess.Popen[str]:
    home = {name: str(desk / "home") for name in ("HOME", "ANKIFORGE_HOME", "ANKI_BASE")}
    environment = {**os.environ, **home, "ANKIFORGE_TRUST": str(desk)}
    command = [sys.executable, "-m", "ankiforge", "-C", str(desk), "watch", "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdout is not None
    found = (json.loads(line) for line in process.stdout)
    return next(one for one in found if one["event"] == name)


def used(process: subprocess.Popen[str]) -> float:
    """Seconds of processor time so far (Linux)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def edited(process: subprocess.Popen[str], vault: Path, number: int) -> tuple[float, float]:
    """(seconds from the save to the card, of them those of the pass)."""
    path = vault / f"{number % 700:03}" / f"Note {number}.md"
    with path.open("a", encoding="utf-8") as note:
        note.write(f"\nWhat the watcher {number} saw is a ==mark {number}== of its own.\n")
    saved = time.perf_counter()
    found = event(process, "pass")
    assert found["read"] == "notes"
    assert found["cards"]["drafted"] == 1
    return time.perf_counter() - saved, found["seconds"]


def measure(folder: Path, notes: int) -> None:
    vault, desk = folder / "vault", folder / "desk"
    make(vault, notes)
    (vault / ".obsidian").mkdir()
    desk.mkdir()
    settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    (desk / "ankiforge.yaml").write_text(settings, "utf-8")
    process = started(desk)
    try:
        event(process, "started")
        print(f"{notes:,} notes: first pass {event(process, 'pass')['seconds']:.2f} s", flush=True)
        time.sleep(10)
        figures = []
        for number in range(EDITS):
            figures.append(edited(process, vault, number))
            time.sleep(1)
        whole, inside = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"  from save to card  {whole:.2f} s (the pass itself {inside:.2f} s)")
        before = used(process)
        time.sleep(IDLE)
        print(f"  idle               {(used(process) - before) / IDLE:.2%} of one core")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), int(sys.argv[1]) if sys.argv[1:] else NOTES)
