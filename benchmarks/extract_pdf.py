"""The bar table: how much of what people marked in PDFs is read letter by letter, and how fast.

    python -m benchmarks.extract_pdf [--real FOLDER] [--font FAMILY] [--seed N] [--runs N]

It makes PDFs whose marks are known (`marked_pdfs`), reads them and the real ones of FOLDER
(or of `pdf/` in the folder that `ANKIFORGE_FIXTURES` names), and
reads them with pdfannots in a process of its own. Beside each real `name.pdf` lies
`name.json` with the text of its marks: `{"annots": [{"page": 0, "text": …, "provenance":
…}]}`; `upstream-test` are those that another program tests for.
Exit code 1: a bar was not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from benchmarks import marked_pdfs
from benchmarks.looks import BENCH, MORE

ROOT = Path(__file__).parents[1]
FOREIGN = os.environ.get("ANKIFORGE_FIXTURES")
REAL = Path(FOREIGN) / "pdf" if FOREIGN else None
OURS, PEER = "benchmarks.read_ours", "benchmarks.read_pdfannots"
FRESH = 40
"""The seed of a set that nobody looked at, in another font."""
FRESH_FONT = "DejaVu Sans Condensed"
COUNT = 20
PAPERS = f"{COUNT} papers of 14 pages"
"""As many as outweigh the start of both programs."""
HARDEST = "two_column_scrambled"
QUOTES = str.maketrans("‘’“”", "''\"\"")

Pair = tuple[str, str]
"""The text that is wanted, and what was read."""
Rows = dict[str, list[Pair]]
"""By variant."""


class Reading(NamedTuple):
    """What a reader made of a folder."""

    texts: Mapping[str, list[str]] = {}
    problems: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    """Of all processors, user and system, whatever it started included."""
    peak: float = 0.0
    """Megabytes."""


def read(module: str, folder: Path) -> Reading | str:
    """Let a reader read a folder; why it cannot, where it cannot."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    after = os.times()
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it died"])[-1]
    said: dict[str, Any] = json.loads(done.stdout)
    spent = after.children_user - before.children_user
    spent += after.children_system - before.children_system
    problems = tuple((where, what) for where, what in said["problems"])
    return Reading(said["texts"], problems, spent, said.get("peak", 0.0))


# --- letters --------------------------------------------------------------------------------


def plain(text: str) -> str:
    """NFKC, straight quotes, blanks collapsed: what is compared."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split())


def wanted(folder: Path, provenance: str = "") -> dict[str, list[str]]:
    """The texts of the marks of every file that has some."""
    texts = {}
    for path in sorted(folder.glob("*.json")):
        entries = json.loads(path.read_text("utf-8"))["annots"]
        found = [
            plain(entry["text"])
            for entry in entries
            if entry.get("text") and provenance in entry.get("provenance", "")
        ]
        if found:
            texts[path.with_suffix(".pdf").name] = found
    return texts


def paired(texts: list[str], found: list[str]) -> Iterator[Pair]:
    """Every wanted text with the most similar of those found, each of these used once."""
    left = [plain(one) for one in found]
    for first, second in pairwise(texts):  # marks over the end of a page are read as one
        for whole in (first + second, f"{first} {second}"):
            if whole in left and whole not in texts:
                left.remove(whole)
                left += [first, second]
    for text in sorted(texts, key=lambda one: one not in left):
        best = max(left, key=lambda one: fuzz.ratio(text, one), default="")
        if best in left:
            left.remove(best)
        yield (text, best)


def rows(texts: Mapping[str, list[str]], reading: Reading | str) -> Rows:
    """The pairs by variant: the name of the file up to its last `-`."""
    found: Mapping[str, list[str]] = {} if isinstance(reading, str) else reading.texts
    made: Rows = defaultdict(list)
    for name, some in texts.items():
        made[variant(name)] += paired(some, found.get(name, []))
    return made


def variant(name: str) -> str:
    return name.removesuffix(".pdf").rpartition("-")[0]


def exact(pairs: Iterable[Pair]) -> int:
    return sum(text == got for text, got in pairs)


def told(pairs: list[Pair]) -> str:
    alike = sum(fuzz.ratio(text, got) for text, got in pairs) / 100 / max(len(pairs), 1)
    return f"{exact(pairs):5}/{len(pairs):<4} {alike:.4f}"


def all_of(made: Rows) -> list[Pair]:
    return [pair for pairs in made.values() for pair in pairs]


class Table:
    """What is printed, and whether all bars were reached."""

    def __init__(self) -> None:
        self.missed = 0
        self.misses: list[tuple[str, Pair]] = []

    def head(self, title: str, peer: Reading | str) -> None:
        theirs = f"pdfannots: {peer}" if isinstance(peer, str) else "pdfannots"
        print(f"\n{title:30} {'ours':>10} {'alike':>7}   {theirs}")

    def row(self, name: str, ours: list[Pair], theirs: list[Pair], bar: str = "") -> None:
        print(f"{name:30} {told(ours)}   {told(theirs)}  {bar}".rstrip())
        self.misses += [(name, pair) for pair in ours if pair[0] != pair[1]]

    def bar(self, what: str, reached: bool, wants: str) -> None:
        self.missed += not reached
        print(f"{'ok  ' if reached else 'MISS'}  {what}  (bar: {wants})")


# --- the parts of the table -----------------------------------------------------------------


def generated(table: Table, title: str, folder: Path, *, bars: bool) -> None:
    """One set of generated files, a row for each variant."""
    texts, peer = wanted(folder), read(PEER, folder)
    mine, theirs = rows(texts, read(OURS, folder)), rows(texts, peer)
    table.head(title, peer)
    for name, pairs in sorted(mine.items()):
        table.row(name, pairs, theirs[name])
    total = all_of(mine)
    print(f"{'all':30} {told(total)}   {told(all_of(theirs))}")
    if bars:
        least = -(-99 * len(total) // 100)
        table.bar(
            f"{exact(total)} of {len(total)} exact", exact(total) >= least, f"{least}"
        )
        lost = {name: len(pairs) - exact(pairs) for name, pairs in mine.items()}
        worst = max(lost, key=lambda name: lost[name] - (name == HARDEST))
        well = all(count <= 1 + (name == HARDEST) for name, count in lost.items())
        table.bar(f"most misses of a variant: {lost[worst]} ({worst})", well, "1")


def real(table: Table, folder: Path | None) -> None:
    """The files of other people."""
    if folder is None:
        print("\nno real files: neither --real nor ANKIFORGE_FIXTURES names a folder")
        return
    if not folder.is_dir():
        print(f"\nno real files: {folder} is not there")
        return
    mine, peer = read(OURS, folder), read(PEER, folder)
    table.head(str(folder.name), peer)
    for name, provenance, share in (
        ("upstream-test", "upstream-test", 1.0),
        ("real", "", 0.97),
    ):
        texts = wanted(folder, provenance)
        pairs = all_of(rows(texts, mine))
        table.row(name, pairs, all_of(rows(texts, peer)))
        right = exact(pairs)
        table.bar(f"{right} of {len(pairs)}", right >= share * len(pairs), f"{share:.0%}")


def costs(table: Table, folders: Mapping[str, tuple[Path, int]]) -> None:
    """The processor time of both over the same files, in so many turns."""
    peak = 0.0
    print(
        f"\n{'processor time, s':30} {'ours':>7} {'pdfannots':>10} {'ratio':>6}  median of"
    )
    for name, (folder, runs) in folders.items():
        spent: dict[str, list[float]] = {OURS: [], PEER: []}
        for module in [OURS, PEER] * runs:
            reading = read(module, folder)
            if isinstance(reading, str):
                print(f"no times: {module} {reading}")
                return
            spent[module].append(reading.seconds)
            peak = max(peak, reading.peak)
        ours, theirs = (median(spent[module]) for module in (OURS, PEER))
        print(f"{name:30} {ours:7.2f} {theirs:10.2f} {theirs / ours:6.2f}  {runs}")
        if name == PAPERS:
            ratio = theirs / ours
            table.bar(f"{ratio:.2f} times as fast on {name}", ratio >= 4, "4")
    table.bar(f"memory of the worker: {peak:.0f} MB", peak < 200, "under 200")


def main() -> None:
    asked = argparse.ArgumentParser(description="The bar table of the PDF source.")
    asked.add_argument("--real", type=Path, default=REAL)
    asked.add_argument("--font", default=marked_pdfs.FAMILY)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument(
        "--runs", type=int, default=3, help="turns; of papers one is enough"
    )
    said = asked.parse_args()
    table = Table()
    with TemporaryDirectory() as made:
        folder = Path(made)
        marked_pdfs.write_all(folder / "bench", BENCH, said.font, said.seed)
        marked_pdfs.write_all(folder / "fresh", BENCH, FRESH_FONT, said.seed + FRESH)
        marked_pdfs.write_all(folder / "more", MORE, said.font, said.seed)
        generated(table, f"generated, {said.font}", folder / "bench", bars=True)
        generated(table, f"fresh, {FRESH_FONT}", folder / "fresh", bars=True)
        generated(table, "more", folder / "more", bars=False)
        real(table, said.real)
        marked_pdfs.write_papers(folder / "papers", said.font, said.seed, COUNT)
        timed = {"generated pages": (folder / "bench", said.runs)}
        if said.real and said.real.is_dir():
            timed["real files"] = (said.real, said.runs)
        timed[PAPERS] = (folder / "papers", 1)
        costs(table, timed)
    for name, (text, got) in table.misses:
        print(f"\n{name}\n  - {text}\n  + {got}")
    sys.exit(1 if table.missed else 0)


if __name__ == "__main__":
    main()
