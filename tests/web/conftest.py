"""The review page as a person has it: a process that serves, and the system's Chromium."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.forked import forked
from tests.limits import PATIENCE

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
"""No test leaves this machine."""
MILLISECONDS = PATIENCE * 1000


@contextmanager
def served(forge: Any) -> Iterator[str]:
    """The address of the page, while its process runs."""
    with forked(forge, "review", "--no-open", "-q") as process:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, once for all tests of a worker."""
    if not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.importorskip("playwright.sync_api")
        if not CHROMIUM:
            pytest.skip("no Chromium is installed")
    import playwright.sync_api as playwright

    playwright.expect.set_options(timeout=MILLISECONDS)
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


Opening = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opening]:
    """`opened(forge, list="new")`: the page in a window of its own; errors of its script fail the test."""
    errors: list[str] = []
    with ExitStack() as stack:

        def review(forge: Any, list: str = "new") -> Any:
            address = stack.enter_context(served(forge))
            context = browser.new_context(
                viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
            )
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(MILLISECONDS)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{address}#{list}")
            page.wait_for_selector(".item:not(.ahead), .end, .table")
            settle(page)
            return page

        yield review
    assert errors == []


def settle(page: Any) -> None:
    """Wait until the page takes the next key."""
    rest(page)
    page.wait_for_selector("body[aria-busy=true]", state="detached")
    rest(page)


def rest(page: Any) -> None:
    """Let the page do what a key before has begun, by its own clock.

    It takes no key so soon after a card was painted: that one was meant for the card before.
    """
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 250)))"
    )


def until(page: Any, condition: str) -> None:
    """Wait until an expression is true. Playwright's own way needs `eval`, which the page forbids."""
    end = time.monotonic() + MILLISECONDS / 1000
    while not page.evaluate(condition):
        is_late = time.monotonic() > end
        assert not is_late, f"{condition}\n{page.locator('body').inner_text()}"
        page.wait_for_timeout(50)


SHOWN = "document.querySelector('#stage > .item:not(.ahead)')?.dataset.title ?? ''"


def shown(page: Any) -> str:
    """The title of the item that is painted; "" at the end of a round."""
    found: str = page.evaluate(SHOWN)
    return found


def waiting(page: Any) -> int:
    """How many items wait in the list that is shown."""
    left = page.locator("#lists a[aria-current] .left")
    words = (left.text_content() or "") if left.count() else ""
    return int("".join(filter(str.isdigit, words)) or 0)


def turn_to(page: Any, list: str) -> None:
    """Go to a list as a person does, also on a phone."""
    if page.locator("#menu").is_visible():
        page.click("#menu")
    page.click(f"#lists a[href='#{list}']")
    page.wait_for_selector(f"#lists a[href='#{list}'][aria-current]", state="attached")
    page.wait_for_selector(".item:not(.ahead), .end, .table")
    settle(page)
