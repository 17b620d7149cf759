"""Who opens a package that was written, and what a person is told where nobody does."""

import sys
from pathlib import Path

import pytest

from ankiforge.pipeline.deliver import open_package

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is Linux's")


@pytest.mark.parametrize(
    ("program", "screen", "remote", "opened"),
    [
        ('printf %s "$1" > "$0.got"', ":1", "", True),
        ("exit 3", ":1", "", False),
        ("", ":1", "", False),
        ('printf %s "$1" > "$0.got"', "", "", False),
        ('printf %s "$1" > "$0.got"', ":1", "1.2.3.4 5", False),
    ],
    ids=["taken", "refused", "no program", "no screen", "over SSH"],
)
def test_a_package_is_opened_where_somebody_sees_it(
    tmp_path: Path, monkeypatch, program, screen, remote, opened
):
    opener = tmp_path / "bin/xdg-open"
    opener.parent.mkdir()
    if program:
        opener.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(opener.parent))
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    monkeypatch.setenv("SSH_CONNECTION", remote)
    monkeypatch.delenv("SSH_TTY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert open_package(Path("a b.apkg")) is opened
    got = opener.with_name("xdg-open.got")
    assert got.exists() is opened
    assert not opened or got.read_text("utf-8") == str(tmp_path / "a b.apkg")
