"""Pictures of the review page, for `docs/`.

    python -m tests.e2e.page.pictures docs

Everything is made anew each time, in a folder that is thrown away: look at them before you commit.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from ankiforge.extract import files
from tests.anki import backend
from tests.conftest import Forge
from tests.e2e.page.conftest import CHROMIUM, QUIET, served
from tests.e2e.page.full import full
from tests.fakes import llm_server

WIDE, PHONE = (1280, 800), (390, 844)
STILL = "*, *::before, *::after { animation: none !important; caret-color: transparent !important }"
SHOWN = "body[data-shown]:not([aria-busy])"


def main(folder: Path) -> int:
    """Take them all; how many went wrong."""
    files.QUIET_SECONDS = files.EMPTY_SECONDS = 0.0
    os.environ.pop("ANKIFORGE_TRUST", None)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place))
        with full(forge, backend, llm_server), served(forge) as address:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_context(bypass_csp=True).new_page()  # an address works once
            page.goto(address)
            page.add_style_tag(content=STILL)
            page.wait_for_selector(SHOWN)
            for look in (("light", WIDE), ("dark", WIDE), ("light", PHONE)):
                take(page, folder, *look)
            browser.close()
    return 0


SHOWN_IN_DOCS = ("pending", "passages", "revisions", "conflicts", "twins", "work")
"""The lists of which `docs/review.md` has pictures."""


def take(page: Any, folder: Path, scheme: str, size: tuple[int, int]) -> None:
    """Every list of the guide as most see it; the first one also in the dark and on a phone."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    usual = scheme == "light" and size == WIDE
    suffix = "" if usual else "-dark" if scheme == "dark" else "-phone"
    for name in SHOWN_IN_DOCS if usual else SHOWN_IN_DOCS[:1]:
        page.evaluate("(name) => { location.hash = ''; location.hash = name }", name)
        page.wait_for_selector(f'[data-view="{name}"][aria-current]', state="attached")
        page.wait_for_selector(SHOWN)
        page.wait_for_function("[...document.images].every((one) => one.complete)")
        if name == "pending":
            open_up(page, page_too=size == WIDE)
        if name == "passages":
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
        page.screenshot(path=folder / f"review-{name}{suffix}.png")


def open_up(page: Any, *, page_too: bool) -> None:
    """The three candidates of one fact, their answers, and the page of the paper."""
    while page.locator('#cards[data-count="3"]').count() == 0:
        page.keyboard.press("j")
        page.wait_for_timeout(200)
        page.wait_for_selector(SHOWN)
    if page_too:
        if page.locator("[data-sheet]:not([open])").count():
            page.click("#source summary >> text=The page")
        page.wait_for_selector("#source details img")
        page.wait_for_function("[...document.images].every((one) => one.complete)")
    page.evaluate("document.activeElement?.blur()")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")))
