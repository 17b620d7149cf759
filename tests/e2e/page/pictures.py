"""Pictures of the review page, for `docs/`.

    python -m tests.e2e.page.pictures docs

They are made anew each time, in a folder that is thrown away: look at them before you commit.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from ankiforge.extract import files
from tests.anki import backend
from tests.conftest import Forge
from tests.e2e.page.conftest import CHROMIUM, QUIET, served, turn_to
from tests.e2e.page.world import world
from tests.fakes import llm_server

WIDE, PHONE = (1280, 720), (390, 780)
# (name, list, words of the item's title, colours, size)
PICTURES = (
    ("new", "new", "bacteria resist", "light", WIDE),
    ("new-dark", "new", "bacteria resist", "dark", WIDE),
    ("new-phone", "new", "bacteria resist", "light", PHONE),
    ("changed", "changed", "myelin", "light", WIDE),
    ("questions", "questions", "written as", "light", WIDE),
    ("none", "none", "Natural selection", "light", WIDE),
)


def main(folder: Path) -> None:
    """Take them all."""
    files.QUIET_SECONDS = files.EMPTY_SECONDS = 0.0
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place))
        with world(forge, backend, llm_server), served(forge) as address:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(reduced_motion="reduce")  # an address works once
            page.goto(address)
            page.wait_for_selector(".item")
            for name, list, words, scheme, (width, height) in PICTURES:
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                turn_to(page, list)
                find(page, words)
                page.screenshot(path=folder / f"review-{name}.png")
            browser.close()


def find(page: Any, words: str) -> None:
    """Turn to the item with these words in its title; choose two words if it is a passage."""
    title = "document.querySelector('#stage > .item:not(.ahead)').item.title"
    for _ in range(10):
        if words in page.evaluate(title):
            break
        page.keyboard.press("j")
        page.wait_for_timeout(300)
    for word in ("daily", "hourly"):
        if (found := page.locator(f".item:not(.ahead) .word:text-is('{word}')")).count():
            found.click()
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
