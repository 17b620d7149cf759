"""How well the labels of figures are found: 300 drawn figures whose labels are known.

    python -m benchmarks.figure_labels [--count 300] [--seed 0] [--missed]
    python -m benchmarks.figure_labels --papers FOLDER [--missed]

A label counts as found if its words are the same (folded) and its box has an IoU of 0.5 or
more with the drawn one. The time is that of the processor for one figure, with its page
open; of cutting its picture nothing is counted.

`real_figures.jsonl` has 40 figures of 35 real papers, which are not here: paper (repository on
GitHub and path), page, frame in points, and how many labels one reader counted: in the
figure, found with their words, and masks in all. The frames were chosen before the rules
were changed for other figures; three faults that the count showed were mended after it.

`fresh_figures.jsonl` has 20 figures of 20 other papers in the same form, with the words of the
labels (`truth`), which were written down before the program read one of them. It counts what
was found then; four faults that it showed were mended after it. With `--papers`, a folder in
which the papers have the paths that the file gives, the figures are read again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles

import pypdfium2 as pdfium

from ankiforge.extract.pdf.figure_labels import DetectedLabel
from ankiforge.extract.pdf.figure_text import find_figure_labels
from ankiforge.text.normalize import normalize_for_lookup
from benchmarks.drawn_figures import Box, Made, Truth, write_all

FOUND = 0.5
GOOD = 0.8


@dataclass
class Score:
    """What was found of the labels of some figures."""

    drawn: int = 0
    read: int = 0
    overlaps: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Return a line of the table."""
        hits = len(self.overlaps)
        good = sum(overlap >= GOOD for overlap in self.overlaps)
        return (
            f"| {name} | {self.drawn} | {hits / self.drawn:.1%} | {hits / self.read:.1%}"
            f" | {mean(self.overlaps):.2f} | {good / hits:.1%} |"
        )


def overlap(one: Box, other: Box) -> float:
    """Return the IoU of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def compared(
    truth: list[Truth], read: list[DetectedLabel]
) -> tuple[list[float], list[str], list[str]]:
    """Return the IoU of each label that was found, what was missed, and what is no label."""
    left = list(read)
    overlaps = []
    missed = []
    for label in truth:
        alike = [
            each
            for each in left
            if normalize_for_lookup(each.text) == normalize_for_lookup(label.text)
        ]
        best = max(alike, key=lambda each: overlap(each.box, label.box), default=None)
        if best is None or overlap(best.box, label.box) < FOUND:
            missed.append(label.text)
        else:
            left.remove(best)
            overlaps.append(overlap(best.box, label.box))
    return overlaps, missed, [each.text for each in left]


def read_figure(folder: Path, made: Made) -> tuple[list[DetectedLabel], float]:
    """Return the labels that are read of a figure, and the seconds of the processor."""
    document = pdfium.PdfDocument(folder / f"{made.name}.pdf")
    page = document[0]
    began = time.process_time()
    labels = list(find_figure_labels(page, made.frame))
    seconds = time.process_time() - began
    document.close()
    return labels, seconds


FRESH = Path(__file__).with_name("fresh_figures.jsonl")


def read_again(papers: Path, missed: bool) -> None:
    """Compare the labels of real figures with the words that were written down."""
    labels = found = read = 0
    times = []
    for line in FRESH.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        document = pdfium.PdfDocument(papers / row["paper"])
        page = document[row["page"] - 1]
        began = time.process_time()
        texts = [label.text for label in find_figure_labels(page, tuple(row["frame"]))]
        times.append(time.process_time() - began)
        document.close()
        expected = Counter(_letters_of(text) for text in row["truth"])
        seen = Counter(_letters_of(text) for text in texts)
        labels += len(row["truth"])
        found += (expected & seen).total()
        read += len(texts)
        if missed and expected != seen:
            gone = list((expected - seen).elements())
            others = list((seen - expected).elements())
            print(f"{row['paper']}: missed {gone}, no labels {others}")
    print(f"{found} of {labels} labels found ({found / labels:.1%})")
    print(f"{found} of {read} read are labels ({found / read:.1%})")
    print(f"{1000 * mean(times):.0f} ms a figure (processor)")


def _letters_of(text: str) -> str:
    """Return the folded text without blanks, of which a formula may have any number."""
    return normalize_for_lookup(text).replace(" ", "")


def main() -> None:
    """Draw, read and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--missed", action="store_true", help="name what was missed")
    parser.add_argument("--papers", type=Path, help="read real figures in this folder")
    options = parser.parse_args()
    if options.papers:
        read_again(options.papers, options.missed)
        return
    scores: dict[str, Score] = defaultdict(Score)
    times = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for made in write_all(folder, options.count, options.seed):
            read, seconds = read_figure(folder, made)
            times.append(seconds)
            overlaps, missed, others = compared(made.labels, read)
            for group in (made.kind, f"in {made.language}", "all"):
                score = scores[group]
                score.drawn += len(made.labels)
                score.read += len(read)
                score.overlaps += overlaps
            if options.missed and (missed or others):
                print(f"{made.name}: missed {missed}, no labels {others}")
    print("| figures | labels | found | of those read | IoU | IoU ≥ 0.8 |")
    print("|---|---|---|---|---|---|")
    for group in sorted(scores, key=lambda group: (group == "all", group)):
        print(scores[group].row(group))
    *_, slow = quantiles(times, n=20)
    milliseconds = f"{1000 * mean(times):.0f} ms a figure, 95 % in {1000 * slow:.0f} ms"
    print(f"\n{milliseconds} (processor)")


if __name__ == "__main__":
    main()
