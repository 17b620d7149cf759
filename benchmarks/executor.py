"""From how many PDFs on two workers of a Dask cluster beat one process, and two processes here.

    python -m benchmarks.executor [--runs N] [PDFS ...]

A folder of made-up papers is read as a run reads it: by one process, by two processes of this
machine (`--jobs 2`), and by a `LocalCluster` of two workers, whose start is not counted: a
cluster runs already. Seconds are those of the clock, the least of the runs, which take turns.
With a core for each worker, less than half the time of one process cannot be had.

The last lines say what ten workers would do, each with a core, from the processor time that was
measured on the largest folder: a paper keeps a worker busy, and its text the process that asks
for it, which is one. The workers see the same files, so no file is sent.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from ankiforge.extract.base import SourceOpenParameters
from ankiforge.extract.pdf import PdfSettings, PdfSource
from ankiforge.model import ExtractedDocument, Problem
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf

SIZES = (1, 2, 5, 10, 20, 50, 100, 200)
RUNS = 3
WORKERS = 2
SIMULATED = (2, 4, 10)
PAGES = 12
SENTENCE = (
    "Paper {paper}, page {page}: the spacing effect improves retention of {facts} facts,"
    " and massed practice does not, as has been shown many times in many places."
)


def make(folder: Path, papers: int) -> None:
    """Write papers of twelve pages with two marks on each page."""
    folder.mkdir()
    for paper in range(papers):
        pages = []
        for number in range(PAGES):
            facts = 7 * paper + number
            words = SENTENCE.format(paper=paper, page=number, facts=facts)
            title = heading(f"Section {number}", level=0)
            text = [paragraph(words) for _ in range(8)]
            marks = (mark("the spacing effect"), mark(f"{facts} facts"))
            pages.append(Page((title, *text), marks))
        write_pdf(folder / f"{paper:04}.pdf", pages, title=f"Paper {paper}")


def seconds(folder: Path, *, jobs: int = 1, executor: str = "") -> float:
    """Read a folder, and return how long it took."""
    settings = PdfSettings(path=str(folder), include=("*.pdf",))
    source = replace(
        PdfSource.open(SourceOpenParameters("bench", folder, settings)),
        jobs=jobs,
        executor=executor,
    )
    start = time.perf_counter()
    documents = 0
    problems = []
    for sighting in source.scan():
        documents += isinstance(sighting, ExtractedDocument)
        problems += [str(sighting)] if isinstance(sighting, Problem) else []
    took = time.perf_counter() - start
    wanted = len(list(folder.iterdir()))
    if documents != wanted:
        raise SystemExit(
            "\n".join((f"{documents} of {wanted} papers were read", *problems))
        )
    return took


def processor_seconds(folder: Path, executor: str = "") -> tuple[float, float]:
    """Read a folder, and return the processor time of this process, and of its children."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = [resource.getrusage(each) for each in who]
    seconds(folder, executor=executor)
    spent = []
    for each, then in zip(who, before, strict=True):
        now = resource.getrusage(each)
        spent.append(now.ru_utime + now.ru_stime - then.ru_utime - then.ru_stime)
    own, children = spent
    return own, children


def simulate(folder: Path, papers: int, address: str) -> None:
    """Print what more workers would do, from what a paper costs here and on a worker."""
    own, reading = processor_seconds(folder)
    asking, _ = processor_seconds(folder, address)
    here = max(reading / WORKERS, own) / papers
    print(
        f"a paper: {1000 * reading / papers:.0f} ms of a worker, {1000 * own / papers:.0f} ms here;"
        f" of a cluster {1000 * asking / papers:.0f} ms here"
    )
    for workers in SIMULATED:
        there = max(reading / workers, asking) / papers
        print(
            f"{workers} workers, each with a core: {here / there:.1f} times two processes"
        )


def main() -> None:
    from distributed import LocalCluster

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="PDFS")
    asked.add_argument("--runs", type=int, default=RUNS)
    said = asked.parse_args()
    print(f"papers of {PAGES} pages; load {os.getloadavg()[0]:.1f}; seconds of the clock")
    print(f"{'PDFs':>5}{'1 process':>12}{'2 processes':>13}{'Dask, 2 workers':>17}")
    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None
        ) as cluster,
    ):
        address = cluster.scheduler_address
        for size in said.sizes:
            folder = Path(name) / str(size)
            make(folder, size)
            alone, side_by_side, on_cluster = [], [], []
            for _ in range(said.runs):
                alone.append(seconds(folder))
                side_by_side.append(seconds(folder, jobs=WORKERS))
                on_cluster.append(seconds(folder, executor=address))
            best = [min(times) for times in (alone, side_by_side, on_cluster)]
            print(
                f"{size:>5}{best[0]:>12.2f}{best[1]:>13.2f}{best[2]:>17.2f}", flush=True
            )
        simulate(folder, size, address)


if __name__ == "__main__":
    main()
