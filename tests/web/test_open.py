"""How the page is opened, and that nobody else on this machine can keep it from answering."""

import signal
import socket
import stat
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ankiforge.cli.serve import _find_browser

# A browser that keeps what it was called with.
RECORDER = """
import os, sys
open({kept!r} + ".part", "w").write("\\n".join(sys.argv[1:]))
os.rename({kept!r} + ".part", {kept!r})
"""


@pytest.fixture
def called(forge, tmp_path, monkeypatch):
    """`called()`: the page's process, its address, and what the browser was called with."""
    kept = tmp_path / "called"
    script = tmp_path / "browser.py"
    script.write_text(RECORDER.format(kept=str(kept)))
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")
    forge.settings("sources: []\nanki: {collection: none}\n")
    process = forge.started("review", "-q")
    try:
        address = process.stdout.readline().strip()
        while not kept.exists():
            time.sleep(0.05)
            assert process.poll() is None
        yield process, address, kept.read_text()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_the_token_is_on_no_command_line_and_its_file_leads_a_browser_to_the_page(
    called, browser
):
    process, address, words = called
    token = urlsplit(address).query.removeprefix("token=")
    assert len(token) > 20
    assert token not in words
    file = Path(urlsplit(words).path)
    assert token in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            assert token.encode() not in (folder / "cmdline").read_bytes()
    context = browser.new_context()
    page = context.new_page()
    page.goto(words)
    page.wait_for_url(f"{address.partition('?')[0]}**")
    page.wait_for_selector("body[data-view=shelf]")
    assert "token" not in page.url
    context.close()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert not file.parent.exists()


def test_without_a_screen_the_address_is_named_with_the_way_there(forge, monkeypatch):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 5000 192.0.2.2 22")
    forge.settings("sources: []\nanki: {collection: none}\n")
    process = forge.started("review")
    port = urlsplit(process.stdout.readline().strip()).port
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert "no browser was found" in told
    assert f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}" in told


@pytest.mark.parametrize(
    ("browser", "screen", "found"),
    [
        ("firefox", "", True),  # the person names it
        ("", ":1", True),
        ("", "", False),
        ("lynx", ":1", False),  # it would occupy the terminal, and run no scripts
        ("w3m", ":1", False),
    ],
)
def test_a_browser_that_shows_the_page_is_used(
    tmp_path, monkeypatch, browser, screen, found
):
    for name in ("firefox", "lynx", "w3m"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BROWSER", browser)
    monkeypatch.setenv("DISPLAY", screen)
    for name in ("WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    assert (_find_browser() is not None) is found


def test_ctrl_c_says_that_the_page_is_closed_and_nothing_failed(forge):
    process = forge.started("review", "--no-open")
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert told.endswith("\nthe page is closed; every decision is stored\n")
    assert process.returncode == 130
