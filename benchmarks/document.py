"""How long the document beside the card takes: a paper of 40 pages with 120 marks, in Chromium.

    python -m benchmarks.document [--times N]

Prints the time from opening the page to the first page of the PDF with its marks, that from a
key that decides to the next mark in sight, the memory of the server and of the process that
reads PDFs after all pages were looked at, and how long a loop of five million sums takes:
.25 s on the reference machine. Each time the server starts anew; the browser has been open for a while.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from playwright.sync_api import sync_playwright

from tests.conftest import Forge
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.web.conftest import CHROMIUM, QUIET, served, settle

PAGES = 40
DECISIONS = 20
SUMS = 5_000_000
REST = 3_000
"""Milliseconds in which a browser has ended what it does by itself."""
FILLING = "Most of them need a metal ion, and nobody would want to remember the rest."
FIRST = """() => new Promise((done) => {
  const look = () => {
    const mark = document.querySelector("#document .over.now");
    if (mark?.parentElement.querySelector("img").complete) requestAnimationFrame(done);
    else requestAnimationFrame(look);
  };
  look();
})"""
NEXT = """(before) => new Promise((done) => {
  const start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true }));
  const look = () => {
    const now = document.querySelector("#document .over.now");
    if (document.querySelector(".end")) done(null); // ten are decided
    else if (now && now.dataset.key !== before) done(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""
PAGED = """async () => {
  for (const sheet of document.querySelectorAll(".sheet-of-paper")) {
    sheet.scrollIntoView();
    while (!sheet.querySelector("img")?.complete) await new Promise(requestAnimationFrame);
  }
}"""


def write_paper(path: Path) -> None:
    """Write the paper: three marks on each page."""
    pages = []
    for number in range(PAGES):
        facts = [
            f"Enzyme {number}-{place} was discovered in {1850 + number} by Smith in Geneva."
            for place in range(3)
        ]
        texts = [paragraph(f"{FILLING} {fact} {FILLING}") for fact in facts]
        blocks = (heading(f"Part {number}"), *texts)
        pages.append(Page(blocks, tuple(mark(fact) for fact in facts)))
    write_pdf(path, pages, title="Enzymes")


def memory_of(folder: Path) -> list[int]:
    """Return the MiB that each process of ours in a folder has taken at most, on Linux."""
    peaks = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = process.joinpath("cwd").resolve() == folder.resolve()
            status = process.joinpath("status").read_text()
        except OSError:  # it has ended, or is another user's
            continue
        if is_ours:
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            peaks.append(int(peak.split()[1]) // 1024)
    return peaks


def measure(page: Any, forge: Any, firsts: list[float], nexts: list[float]) -> None:
    """Open the page once, and decide."""
    with served(forge) as address:
        page.goto("about:blank")
        page.wait_for_timeout(REST)
        begun = perf_counter()
        page.goto(address, wait_until="commit")
        page.evaluate(FIRST)
        firsts.append(perf_counter() - begun)
        for _ in range(DECISIONS):
            settle(page)
            key = page.locator("#document .over.now").first.get_attribute("data-key")
            taken = page.evaluate(NEXT, key)
            if taken is None:
                settle(page)
                page.keyboard.press("j")
            else:
                nexts.append(taken)
        page.evaluate(PAGED)
        print(f"memory in MiB: {memory_of(forge.folder)}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    firsts: list[float] = []
    nexts: list[float] = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place))
        (forge.folder / "papers").mkdir(parents=True)
        write_paper(forge.folder / "papers" / "Enzymes.pdf")
        sources = "sources:\n  - pdf: {name: papers, path: papers}\n"
        forge.settings(f"{sources}anki: {{collection: none}}\n", proposals=True)
        forge.ok("run")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for _ in range(times):
            measure(page, forge, firsts, nexts)
        browser.close()
    begun = perf_counter()
    total = 0
    for number in range(SUMS):
        total += number
    print(f"a loop of five million sums: {perf_counter() - begun:.2f} s")
    shown = ", ".join(f"{first:.2f}" for first in firsts)
    print(f"first page of the PDF: {shown} s")
    print(f"from mark to mark: {median(nexts):.0f} ms, at most {max(nexts):.0f} ms")


if __name__ == "__main__":
    main()
