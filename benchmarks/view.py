"""How long one look at a large collection takes: all notes of ours, their cards, their reviews.

    python -m benchmarks.view [NOTES ...]

The collection is a package of ours, imported by the real Anki; every second card was reviewed
twice. Each size is looked at in a process of its own; told are medians, seconds of processor
time.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from ankiforge.anki.collection import open_view
from benchmarks.build import ours

SIZES = (1_000, 10_000, 100_000)
RUNS = 3
REVIEWED = """
insert into revlog select id + {at}, id, -1, 3, 10, 4, 2500, 6000, 1 from cards where id % 2 = 0
"""


def make(folder: Path, size: int) -> None:
    """A collection with so many notes."""
    from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

    ours(folder / "bench.apkg", size)
    with closing(Collection(str(folder / "collection.anki2"))) as collection:
        options = ImportAnkiPackageOptions()
        request = ImportAnkiPackageRequest(package_path=str(folder / "bench.apkg"), options=options)
        collection.import_anki_package(request)
        for at in (2**38, 2**39):
            collection.db.execute(REVIEWED.format(at=at))


def measure(path: Path) -> tuple[float, float, int, int]:
    """(seconds, megabytes at most, notes, reviews)."""
    start = time.process_time()
    with open_view(path) as view:
        notes = sum(1 for _ in view.notes())
        reviews = sum(1 for _ in view.reviews())
        view.graves()
    took = time.process_time() - start
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, notes, reviews


def aside(*arguments: str) -> str:
    """What this program says in a process of its own: a large parent would count as its memory."""
    command = [sys.executable, "-m", "benchmarks.view", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def print_size(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        aside("--make", folder, str(size))
        path = Path(folder) / "collection.anki2"
        runs = [json.loads(aside("--one", str(path))) for _ in range(RUNS)]
        disk = path.stat().st_size / 1e6
    took, memory, notes, reviews = (statistics.median(column) for column in zip(*runs, strict=True))
    print(
        f"{notes:>8,} notes, {reviews:>8,} reviews, {disk:6.1f} MB: {took:6.2f} s, {memory:4.0f} MB"
    )


def main(sizes: tuple[int, ...]) -> None:
    for size in sizes:
        print_size(size)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--make", folder, size]:
            make(Path(folder), int(size))
        case ["--one", path]:
            print(json.dumps(measure(Path(path))))
        case sizes:
            main(tuple(map(int, sizes)) or SIZES)
