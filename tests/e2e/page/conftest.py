"""The review page in a real browser; a test that needs a process of the page's own says so."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from waitress.server import create_server
from waitress.wasyncore import close_all

from ankiforge.config.workspace import resolve
from ankiforge.review.page.decisions import Models
from ankiforge.review.page.guard import Guard
from ankiforge.review.page.server import HOST, THREADS, Services, make_app

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No test leaves this machine; one name points here, as an attacker's may.
    "--host-resolver-rules=MAP rebound.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

PATIENCE = 60_000
"""Milliseconds that a test waits for what must come: a machine that is busy must not fail it."""
PATIENT = """{
  const usual = setTimeout;
  window.setTimeout = (work, after, ...more) => usual(work, after >= 3000 ? after * 15 : after, ...more);
}"""
"""A page waits only so long for a card to be drawn; in a test it waits as long as the test does."""


PAINTED = "new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(() => seen())))"
"""Chromium drops keys that are pressed before a page was painted for the first time."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, once for all tests of a worker."""
    playwright = pytest.importorskip("playwright.sync_api") if not _required() else None
    if playwright is None:
        import playwright.sync_api as playwright
    if not CHROMIUM and not _required():
        pytest.skip("no Chromium is installed")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


def _required() -> bool:
    return bool(os.environ.get("ANKIFORGE_REQUIRE_ALL"))


@contextmanager
def served(forge: Any, *options: str | Path) -> Iterator[str]:
    """The address of the page, while its process runs."""
    process = forge.started("review", "--no-open", "-q", *options)
    try:
        address = process.stdout.readline().strip()
        assert address, process.communicate(timeout=10)[1]
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def hosted(forge: Any) -> Iterator[str]:
    """The address of the page, served by threads of the test's own process: that starts at once."""
    desks, asking = Services(resolve(None, forge.folder), lambda problems: None), Models()
    listening = socket.create_server((HOST, 0))
    connections: dict[int, Any] = {}
    guard = Guard(listening.getsockname()[1])
    app = make_app(desks, guard, "", asking)
    server = create_server(app, map=connections, sockets=[listening], threads=THREADS, ident=None)
    thread = threading.Thread(target=server.run)
    thread.start()
    with closing(desks), closing(asking):
        try:
            yield guard.address
        finally:
            server.trigger.pull_trigger(lambda: close_all(connections))
            thread.join()
            server.task_dispatcher.shutdown()


Opening = Callable[..., Any]
"""`review(width=…, dark=…)`: the page of `forge`'s workspace, open, its first item shown.

`process=True`: served by a process of its own, as a person starts it.
"""


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """The windows of one person: each test has its own address, and so cookies and stores of its own."""
    made = browser.new_context()
    made.add_init_script(PATIENT)
    with closing(made):
        yield made


@pytest.fixture
def review(forge: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Opens the page; nothing it does may fail silently: errors of its script fail the test."""
    errors: list[str] = []
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        stack.callback(lambda: [page.close() for page in context.pages])

        def opened(
            width: int = 1280, height: int = 800, dark: bool = False, process: bool = False
        ) -> Any:
            address = stack.enter_context((served if process else hosted)(forge))
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.set_default_timeout(PATIENCE)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address)
            page.wait_for_selector("body[data-shown]")
            page.evaluate(PAINTED)
            return page

        yield opened
    assert errors == []


@pytest.fixture
def settled() -> Callable[[Any], None]:
    """Waits until the page shows what was asked for last, formulas included."""

    def wait(page: Any) -> None:
        page.wait_for_selector("body[data-shown]:not([aria-busy])")

    return wait
