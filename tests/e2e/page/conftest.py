"""The review page in a real browser, served by a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

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


Opening = Callable[..., Any]
"""`review(*options, width=…, dark=…)`: the page of `forge`'s workspace, open, its first item shown."""


@pytest.fixture
def review(forge: Any, browser: Any) -> Iterator[Opening]:
    """Opens the page; nothing it does may fail silently: errors of its script fail the test."""
    errors: list[str] = []
    with ExitStack() as stack:

        def opened(*options: str | Path, width: int = 1280, height: int = 800, dark: bool = False):
            address = stack.enter_context(served(forge, *options))
            scheme = "dark" if dark else "light"
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            stack.enter_context(closing(context))
            context.add_init_script(PATIENT)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address)
            page.wait_for_selector("body[data-shown]")
            return page

        yield opened
    assert errors == []


@pytest.fixture
def settled() -> Callable[[Any], None]:
    """Waits until the page shows what was asked for last, formulas included."""

    def wait(page: Any) -> None:
        page.wait_for_selector("body[data-shown]:not([aria-busy])")

    return wait
