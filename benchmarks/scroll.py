"""How soon the pages of a PDF are drawn on the review page after a scroll has stopped.

    python -m benchmarks.scroll [PDF ...] [--scrolls N] [--book PAGES]

Each PDF is opened in Chromium; without any, three made-up papers of 12 pages are. Half of the scrolls are ten turns of the wheel, the others a drag of the scroll
bar to another place. "drawn" are the seconds from the last scroll event until each page on screen
has its picture. Then a made-up book of `--book` pages (0 for none) is scrolled from end to end,
and its pictures, nodes and memory in the end are printed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.makers.pdf_writer import Page, heading, paragraph, write_pdf
from tests.web.conftest import CHROMIUM, QUIET

FORGE = [sys.executable, "-m", "ankiforge"]
SETTINGS = "anki: {collection: none}\n"
SENTENCE = "Whoever learns for an exam reads the same page again and again, and little of it stays."
FIGURE = "0.8 0.9 1 rg 120 90 180 120 re f 0 0 0.6 RG 3 w 120 90 m 300 210 l S"
WATCH = "document.querySelector('#paper').addEventListener('scroll', () => { window.scrolledAt = performance.now(); })"
# The seconds from the last scroll event until each page on screen has its picture and was painted.
WAIT = """async () => {
  const pane = document.querySelector('#paper').getBoundingClientRect();
  const isMissing = (sheet) => {
    const { top, bottom } = sheet.getBoundingClientRect();
    return top < pane.bottom && bottom > pane.top && !sheet.querySelector('img');
  };
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const sheets = [...document.querySelectorAll('.sheet-of-paper')];
  while (sheets.some(isMissing)) await frame();
  return (performance.now() - window.scrolledAt) / 1000;
}"""
JUMP = "(part) => { const pane = document.querySelector('#paper'); pane.scrollTop = part * (document.querySelector('.pages').offsetHeight - pane.clientHeight); }"
WHEEL_TURNS = 10
WHEEL_PIXELS = 100
PAUSE = 300
"""How long a person looks at a page before the next scroll, in milliseconds."""


def write_paper(path: Path, count: int, columns: int, drawing: str = "") -> None:
    """Write a made-up paper with pages full of text."""
    blocks = [paragraph(" ".join([SENTENCE] * 5)) for _ in range(6)]
    pages = [
        Page((heading(f"Part {number}"), *blocks), columns=columns, drawing=drawing)
        for number in range(1, count + 1)
    ]
    write_pdf(path, pages, title=path.stem)


@contextmanager
def open_document(browser: Any, desk: Path, name: str) -> Iterator[Any]:
    """Serve the page at a document, and open it in a window."""
    command = [*FORGE, "review", "--yes", "--no-open", "-q", name]
    server = subprocess.Popen(command, cwd=desk, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(server.stdout.readline().strip())
        page.wait_for_selector("body[data-view=shelf], body[data-view=sitting]")
        if page.locator("body[data-view=shelf]").count():
            page.locator(".documents b").first.click()
        page.wait_for_selector(".sheet-of-paper img")
        page.evaluate(WATCH)
        yield page
        page.close()
    finally:
        server.terminate()  # unlike SIGINT, not ignored in the background of a shell
        server.wait()


def turn_wheel(page: Any, distance: int) -> None:
    """Turn the wheel over the document in small steps, as fast as a person does."""
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(WHEEL_TURNS):
        page.mouse.wheel(0, distance)
        page.wait_for_timeout(16)


def measure(page: Any, scrolls: int, chance: random.Random) -> list[float]:
    """Return the seconds until the pages were drawn after each scroll."""
    seconds = []
    for number in range(scrolls):
        if number % 2:
            page.evaluate(JUMP, chance.random())
        else:
            turn_wheel(page, chance.choice((WHEEL_PIXELS, WHEEL_PIXELS, -WHEEL_PIXELS)))
        seconds.append(page.evaluate(WAIT))
        page.wait_for_timeout(PAUSE)
    return seconds


def print_seconds(name: str, seconds: list[float]) -> None:
    """Print the median, the 95th percentile and the maximum."""
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    middle = statistics.median(seconds)
    print(
        f"{name:24} drawn {middle:.2f} s  p95 {p95:.2f} s  longest {max(seconds):.2f} s"
    )


def measure_book(page: Any, pages: int) -> None:
    """Scroll through a book, and print what the browser keeps of it."""
    for number in range(pages):
        page.evaluate(JUMP, number / pages)
        page.evaluate(WAIT)
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    heap = client.send("Runtime.getHeapUsage")["usedSize"]
    pictures = page.locator(".leaf > img").count()
    nodes = page.evaluate("document.querySelectorAll('*').length")
    print(
        f"book of {pages} pages: {pictures} pictures, {nodes} nodes, heap {heap / 2**20:.0f} MiB"
    )


def main() -> None:
    """Measure the given papers or made-up ones, and a book."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("papers", nargs="*", type=Path)
    parser.add_argument("--scrolls", type=int, default=40, help="of all papers")
    parser.add_argument("--book", type=int, default=600)
    options = parser.parse_args()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        desk = Path(folder)
        (desk / "ankiforge.yaml").write_text(SETTINGS, "utf-8")
        for path in options.papers:
            shutil.copy(path, desk)
        names = [path.name for path in options.papers]
        if not names:
            names = ["text.pdf", "columns.pdf", "figures.pdf"]
            write_paper(desk / names[0], 12, 1)
            write_paper(desk / names[1], 12, 2)
            write_paper(desk / names[2], 12, 1, FIGURE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        every: list[float] = []
        for number, name in enumerate(names, 1):
            share = options.scrolls * number // len(names) - len(every)
            with open_document(browser, desk, name) as page:
                seconds = measure(page, share, chance)
            print_seconds(name[:24], seconds)
            every += seconds
        print_seconds(f"{len(every)} scrolls", every)
        if options.book:
            write_paper(desk / "book.pdf", options.book, 1)
            with open_document(browser, desk, "book.pdf") as page:
                measure_book(page, options.book)
        browser.close()


if __name__ == "__main__":
    main()
