"""How long the document beside the card takes: a paper of 40 pages with 120 marks, in Chromium.

    python -m benchmarks.document

Prints the time from opening the page to its first drawn page of the PDF, from a key that
decides to the next mark in sight.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from playwright.sync_api import sync_playwright

from tests.conftest import Forge
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.web.conftest import CHROMIUM, QUIET, served, settle

PAGES = 40
DECISIONS = 20
FILLING = "Most of them need a metal ion, and nobody would want to remember the rest."
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


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place))
        (forge.folder / "papers").mkdir(parents=True)
        write_paper(forge.folder / "papers" / "Enzymes.pdf")
        sources = "sources:\n  - pdf: {name: papers, path: papers}\n"
        forge.settings(f"{sources}anki: {{collection: none}}\n", proposals=True)
        forge.ok("run")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with served(forge) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            begun = perf_counter()
            page.goto(address)
            page.locator("#document .over.now").first.wait_for()
            print(f"first page of the PDF: {perf_counter() - begun:.2f} s")
            times = []
            while len(times) < DECISIONS:
                settle(page)
                key = page.locator("#document .over.now").first.get_attribute("data-key")
                taken = page.evaluate(NEXT, key)
                if taken is None:
                    settle(page)
                    page.keyboard.press("j")
                else:
                    times.append(taken)
            print(
                f"from mark to mark: {median(times):.0f} ms, at most {max(times):.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main()
