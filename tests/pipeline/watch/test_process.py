"""`ankiforge watch` as a process: real events, real signals, and what it tells."""

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ankiforge.pipeline.watch import iter_file_changes
from tests.limits import PATIENCE

LENS = "\nThe {{c1::aperture}} decides how much light enters.\n"


class Process:
    """A watcher, and the events it writes."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen

    def event(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The next event of this name that says so."""
        assert self.popen.stdout is not None
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            ready, _, _ = select.select([self.popen.stdout], [], [], 1.0)
            line = self.popen.stdout.readline() if ready else ""
            found = json.loads(line) if line else {}
            if found.get("event") == name and wanted.items() <= found.items():
                return found
            assert line or self.popen.poll() is None, self.popen.stderr.read()
        raise AssertionError(name)

    def ended(self, by: int) -> tuple[int, str]:
        self.popen.send_signal(by)
        out, err = self.popen.communicate(timeout=PATIENCE)
        assert "Traceback" not in err
        return self.popen.returncode, out


@contextmanager
def watching(forge, *options: str) -> Iterator[Process]:
    popen = forge.started("watch", "--json", *options)
    try:
        yield Process(popen)
    finally:
        popen.kill()
        popen.communicate(timeout=PATIENCE)


def test_it_reads_at_once_and_ctrl_c_ends_it(forge, desk, vault):
    before = {path: path.read_bytes() for path in vault.rglob("*.md")}
    with watching(forge) as process:
        assert process.event("started")["sources"] == [str(vault)]
        assert process.event("pass")["cards"]["drafted"] == 2
        code, out = process.ended(signal.SIGINT)
    assert code == 130
    stopped = json.loads(out.splitlines()[-1])
    assert stopped["event"] == "stopped"
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}\+00:00", stopped["at"])
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_being_ended_is_as_ctrl_c(forge, desk, name):
    with watching(forge) as process:
        process.event("started")
        assert process.ended(getattr(signal, name))[0] == 130


# --- the changes of files -------------------------------------------------------------------


def heard(changes: Iterator[bool]) -> bool:
    """Whether a change is told in time."""
    until = time.monotonic() + PATIENCE
    return any(time.monotonic() > until or change for change in changes)


@pytest.fixture
def changes(vault) -> Iterator[Callable[..., Iterator[bool]]]:
    """Follows the vault, from now on."""
    ended: list[bool] = []

    def begun() -> Iterator[bool]:
        found = iter_file_changes([vault], lambda: bool(ended))
        next(found)
        return found

    yield begun
    ended.append(True)


def test_a_note_that_is_written_is_heard_and_nothing_hidden(vault, changes):
    found = changes()
    (vault / ".obsidian" / "workspace.json").write_text("{}", "utf-8")
    assert not any(next(found) for _ in range(3))
    (vault / "deep").mkdir()
    (vault / "deep" / "Lens.md").write_text(LENS, "utf-8")
    assert heard(found)


@pytest.mark.parametrize("poll", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_a_folder_that_comes_back_is_a_change_and_heard_again(
    vault, changes, poll, monkeypatch
):
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", poll)
    found = changes()
    vault.rename(away := vault.with_name("away"))
    while next(found):
        pass
    away.rename(vault)
    assert heard(found)
    while next(found):
        pass
    (vault / "Lens.md").write_text(LENS, "utf-8")
    assert heard(found)


def test_a_name_that_is_no_text_leaves_the_others_heard(vault, changes):
    found = changes()
    name = os.fsencode(vault) + b"/caf\xe9.md"
    Path(os.fsdecode(name)).write_text(LENS, "utf-8")
    assert heard(found)
    while next(found):
        pass
    (vault / "Plain.md").write_text(LENS.replace("light", "dust"), "utf-8")
    assert heard(found)


# --- several programs -----------------------------------------------------------------------


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_where_it_was(forge, desk, vault):
    for number, last in enumerate(("started", "pass")):
        (vault / f"Note {number}.md").write_text(
            LENS.replace("light", f"light {number}"), "utf-8"
        )
        with watching(forge) as process:
            process.event(last)
            process.popen.kill()
    with watching(forge) as process:
        process.event("started")
        time.sleep(1.0)
        process.ended(signal.SIGINT)
    forge.ok("run")
    cards = forge.cards()
    assert len(cards) == len({card["guid"] for card in cards}) == 4


def test_one_watcher_is_enough_and_a_run_beside_it_just_works(forge, desk):
    with watching(forge) as process:
        process.event("delivered")
        second = forge("watch", code=4)
        assert f"(process {process.popen.pid}) is watching" in second.stderr
        assert forge.json("run")["highlights"]["seen"] == 2
