"""Completion in the shells themselves, set up by the lines that the docs give."""

import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = dict(
    re.findall(
        r"^- (bash|zsh|fish): `(.+?)` in `~",
        (ROOT / "docs/guides/install.md").read_text(),
        re.M,
    )
)
"""{shell: the line for its start file}, as documented."""
CASES = [
    ("ankiforge rev", "review"),
    ("ankiforge run --dry", "--dry-run"),
    ("ankiforge run --dr", "--dry-run"),
    ("ankiforge list --view ques", "questions"),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home without start files, and this program first in the PATH."""
    command = tmp_path / "bin" / "ankiforge"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ankiforge "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def test_the_docs_name_a_line_for_each_shell():
    assert set(LINES) == {"bash", "zsh", "fish"}


@pytest.mark.parametrize(("typed", "wanted"), CASES)
def test_bash_completes(typed, wanted, environment):
    words = typed.split()
    script = (
        f"{LINES['bash']}\n"
        f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}\n"
        f"_ankiforge_completion ankiforge; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )

    offered = shell("bash", script, environment)

    assert wanted in offered.split()


def test_fish_completes(environment):
    typed, wanted = CASES[-1]
    offered = shell("fish", f"{LINES['fish']}; complete -C '{typed}'", environment)

    assert wanted in offered.split()


def test_zsh_completes(environment):
    """At a terminal of its own: zsh completes nothing in a script."""
    zsh = needed_shell("zsh")
    ours, theirs = pty.openpty()
    setup = f"autoload -Uz compinit; compinit -u -D; {LINES['zsh']}; PS1='READY>'"
    with subprocess.Popen(
        [zsh, "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        os.write(ours, f"{setup}\n".encode())
        until(ours, "READY>")
        typed, wanted = CASES[-1]
        os.write(ours, f"{typed}\t".encode())
        until(ours, wanted.removeprefix(typed.split()[-1]))
        process.kill()
    os.close(ours)


def shell(name: str, script: str, environment: dict[str, str]) -> str:
    """Return what a shell prints of a script."""
    command = [needed_shell(name), "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def until(terminal: int, wanted: str) -> None:
    """Read a terminal until it shows `wanted`."""
    shown = ""
    end = time.monotonic() + 60
    while wanted not in shown:
        assert time.monotonic() < end, shown
        shown += os.read(terminal, 4096).decode(errors="replace")


def needed_shell(name: str) -> str:
    """Return the path of a shell; skip the test where it is not installed."""
    path = shutil.which(name)
    if path is None and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip(f"{name} is not installed")
    assert path is not None, f"{name} is not installed"
    return path
