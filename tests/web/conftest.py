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
    "--disable-software-rasterizer",
    "--disable-gpu-compositing",
    "--disable-extensions",
    "--renderer-process-limit=1",
    # each window would draw the lists below its address bar: half the work of a test
    "--disable-features=PaintHolding,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
"""No test leaves this machine, and no window does more than show a page."""
MILLISECONDS = PATIENCE * 1000


@contextmanager
def served(forge: Any, *arguments: str) -> Iterator[str]:
    """The address of the page, while its process runs."""
    with forked(forge, "review", *arguments, "--no-open", "-q") as process:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium."""
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
    """`opened(forge, "questions")`: the page at a list, at its shelf, or at a sitting of the best document.

    It has a window of its own; errors of its scripts fail the test. `script` runs before them.
    """
    errors: list[str] = []
    with ExitStack() as stack:

        def review(forge: Any, list: str = "new", script: str = "") -> Any:
            address = stack.enter_context(served(forge))
            context = browser.new_context(
                viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
            )
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(MILLISECONDS)
            if script:
                page.add_init_script(script)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{address}#{list.replace('shelf', 'new')}")
            page.wait_for_selector("body:not([data-view=start])")
            settle(page)
            if list == "new" and page.locator(".documents li").count():
                page.locator(f"{OWN_ROW} .name").first.click()
                page.wait_for_selector(CARD)
                settle(page)
            return page

        yield review
    assert errors == []


def modules(name: str) -> str:
    """What gives a module of the page's joined script, in a script of a test."""
    return f"(await import('/static/page.js')).modules['{name}']"


def settle(page: Any) -> None:
    """Wait until the page takes the next key."""
    page.evaluate("new Promise(requestAnimationFrame)")  # by now it says that it is busy
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


CARD = "#margin > .card"
OWN_ROW = ".documents li:has(.cover.list)"
"""The row of a document. Rows of several have another cover."""
SHOWN = f"document.querySelector('{CARD}')?.dataset.title ?? ''"


def shown(page: Any) -> str:
    """The title of the card that is painted; "" at the end of a sitting."""
    found: str = page.evaluate(SHOWN)
    return found


def waiting(page: Any, list: str = "new") -> int:
    """How many items wait in a list."""
    state = "fetch('/api/state').then((reply) => reply.json())"
    left: int = page.evaluate(state)["left"][list]
    return left


NAMES = {
    "you": "Changed cards and questions",
    "failing": "Cards that fail",
    "words": "Words",
}


def by_name(page: Any, words: str) -> None:
    """Do what has these words in the menu."""
    page.locator("#menu > summary").click()
    page.locator("#menu-items button", has_text=words).first.click()


def turn_to(page: Any, list: str) -> None:
    """Go to a list as a person does, also on a phone: by its row of the shelf, or by the menu."""
    if list == "all":
        page.click("#menu > summary")
        menu = page.locator("#menu-items")
        menu.get_by_role("button", name="All cards", exact=True).click()
        page.wait_for_selector("body[data-view=list]")
        settle(page)
        return
    while not page.locator("body[data-view=shelf]").count():
        page.locator("#to-shelf").click()
        settle(page)
    row = page.locator(".documents li")
    row = row.filter(has_text=NAMES[list]) if list in NAMES else row
    if row.count():
        row.first.locator(".name").click()
        page.wait_for_selector(CARD)
        settle(page)


def sittings(page: Any, list: str) -> Iterator[int]:
    """Go to each sitting of a list, and yield how many cards it has; of what is new, each document."""
    if list != "new":
        turn_to(page, list)
        yield page.locator("#ticks li").count()
        return
    shelf = page.evaluate("fetch('/api/shelf').then((reply) => reply.json())")
    rows = [row["title"] for row in shelf["documents"] if not row.get("list")]
    for title in rows:
        page.locator("#to-shelf").click()
        page.wait_for_selector("body[data-view=shelf]")
        settle(page)
        page.locator(f'.documents li[data-title="{title}"]').click()
        page.wait_for_selector(CARD)
        settle(page)
        yield page.locator("#ticks li").count()


def over(page: Any) -> str:
    """What the ending says, once it has counted."""
    heading = page.locator(".ending h2")
    heading.filter(has_not_text="Done.").wait_for()
    settle(page)
    words: str = heading.inner_text()
    return words


def ready(page: Any) -> None:
    """Wait until the ending takes a key, 400 ms after it was painted."""
    page.locator("#buttons .filled").wait_for()
    page.wait_for_timeout(450)
