"""How long the review page takes to paint its first card while thousands of drafts wait.

    python -m benchmarks.first_card [--notes N] [--times N]

A made-up vault has four marks a note, so 1,250 notes give 5,000 drafts. Each time the server
and the browser's page start anew. "started" are the seconds until the server gives its
address, "first card" those from the call of the address until Chromium painted the shelf, and from
Enter there until it painted a card, "next card" those from a key until the next card is painted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.core import run
from benchmarks.scale import make
from tests.web.conftest import CARD, CHROMIUM, QUIET, SHOWN

SETTINGS = """
sources:
- obsidian: {{name: notes, path: {vault}}}
anki: {{collection: none}}
accept: {{rules: review}}
"""
FORGE = [sys.executable, "-m", "ankiforge"]
SHELF = ".documents li"
NEXT = f"title => ({SHOWN}) !== title"
ATTENTION_SECONDS = 0.4
"""The page takes no key sooner after it painted a card."""


def measure(browser: Any, desk: Path) -> dict[str, float]:
    """Return the seconds of each step of one start of the page."""
    start = time.perf_counter()
    server = subprocess.Popen(
        [*FORGE, "review", "--yes", "--no-open", "-q"],
        cwd=desk,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        started = time.perf_counter()
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        called = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_selector(SHELF)
        shelved = time.perf_counter()
        time.sleep(ATTENTION_SECONDS)
        opened = time.perf_counter()
        page.keyboard.press("Enter")
        page.wait_for_selector(CARD)
        painted = time.perf_counter()
        title = page.evaluate(SHOWN)
        time.sleep(ATTENTION_SECONDS)
        pressed = time.perf_counter()
        page.keyboard.press("j")
        page.wait_for_function(
            NEXT, arg=title
        )  # looks at each frame; an error after 30 s
        turned = time.perf_counter()
        page.close()
    finally:  # a server that goes on keeps whoever reads our output waiting
        server.terminate()  # unlike SIGINT, not ignored in the background of a shell
        server.wait()
    return {
        "started": started - start,
        "first card": shelved - called + painted - opened,
        "next card": turned - pressed,
    }


def main() -> None:
    """Make the vault and its drafts, and print the median of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=1_250)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        vault = Path(folder) / "vault"
        desk = Path(folder) / "desk"
        desk.mkdir()
        make(vault, options.notes)
        settings = SETTINGS.format(vault=vault)
        (desk / "ankiforge.yaml").write_text(settings, "utf-8")
        run([*FORGE, "run", "--yes"], desk)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        results = [measure(browser, desk) for _ in range(options.times)]
        browser.close()
    for step in results[0]:
        seconds = [result[step] for result in results]
        middle = statistics.median(seconds)
        print(f"{step:12} {middle:.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    main()
