"""Questions from a chat on the page, in Chromium: keys and seconds from the text copied to Anki.

    python -m benchmarks.chat

Eighteen marks, an answer of seventeen questions, ten decided, a package for Anki; no mouse. The
time is the program's alone: whoever reads and decides needs theirs on top.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import sync_playwright

from tests.conftest import Forge
from tests.web.conftest import CHROMIUM, QUIET, served, settle
from tests.web.test_chat import KEYS, play, write_islands


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place))
        write_islands(forge)
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with served(forge) as address:
            page = browser.new_page()
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.goto(address)
            page.wait_for_selector(".item:not(.ahead), .end, .table")
            settle(page)
            begun = perf_counter()
            play(page)
            seconds = perf_counter() - begun
            print(f"{len(KEYS)} keys, {seconds:.1f} s of the program")


if __name__ == "__main__":
    main()
