"""`ankiforge watch` as a process: real events, real signals, and what it tells."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ankiforge.cli.review import end_by_signal
from ankiforge.watch import FileEvents, Watcher

CELLS = "The ==mitochondrion== makes ATP.\n\nWhat is osmosis?::Movement of water\n"
LENS = "\nThe ==aperture== decides how much light enters.\n"
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _note(vault: Path) -> None:
    (vault / "Cells.md").write_text(CELLS, "utf-8")


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


def test_what_is_written_is_a_card_a_moment_later_and_ctrl_c_ends_it(forge, desk, vault):
    before = {path: path.read_bytes() for path in vault.rglob("*.md")}
    with watching(forge) as process:
        assert process.event("started")["sources"] == ["obsidian notes"]
        assert process.event("pass")["cards"]["drafted"] == 2
        (vault / "deep").mkdir()
        (vault / "deep" / "Lens.md").write_text(LENS, "utf-8")
        found = process.event("pass", read="notes")
        assert (found["notes"], found["cards"]["drafted"]) == (["deep/Lens.md"], 1)
        code, out = process.ended(signal.SIGINT)
    assert code == 130
    assert json.loads(out.splitlines()[-1])["event"] == "stopped"
    assert len(forge.cards()) == 3
    assert {path: path.read_bytes() for path in before} == before
    assert not (desk / ".ankiforge/ledger.db-wal").exists(), "the ledger was closed"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_being_ended_is_as_ctrl_c(forge, desk, name):
    with watching(forge) as process:
        process.event("started")
        assert process.ended(getattr(signal, name))[0] == 130


def test_a_signal_counts_although_its_interrupt_was_lost():
    before = signal.getsignal(signal.SIGTERM)
    with end_by_signal() as ended:
        assert not ended.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert ended.is_set()
        with pytest.raises(KeyboardInterrupt):  # the watcher looks at it before it does more
            Watcher(None, None, None, time.time).run(ended.is_set)  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_name_that_cannot_be_told_leaves_the_others_heard(tmp_path):
    hints = FileEvents()
    hints.follow([tmp_path])
    try:
        for name in (b"caf\xe9.md", b"plain.md"):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x", "utf-8")
            assert hints.wait(PATIENCE / 6), name
            while hints.wait(1.0):
                """Until it is quiet."""
        assert hints.silent == ""
    finally:
        hints.close()


def test_polling_sees_what_events_would_tell(forge, desk, vault):
    with watching(forge, "--poll") as process:
        process.event("pass")
        (vault / "Lens.md").write_text(LENS, "utf-8")
        assert process.event("pass", read="notes")["cards"]["drafted"] == 1


def test_killed_at_any_moment_it_goes_on_where_it_was(forge, desk, vault):
    for number, last in enumerate(("started", "pass")):
        (vault / f"Note {number}.md").write_text(LENS.replace("light", f"light {number}"), "utf-8")
        with watching(forge) as process:
            process.event(last)
            process.popen.kill()
    with watching(forge) as process:
        process.event("pass")
        process.ended(signal.SIGINT)
    cards = forge.cards()
    assert len(cards) == len({card["guid"] for card in cards}) == 4


def test_one_watcher_is_enough_and_a_run_beside_it_just_works(forge, desk):
    with watching(forge) as process:
        process.event("pass")
        second = forge("watch", code=1)
        assert f"(process {process.popen.pid}) already watches this workspace" in second.stderr
        assert forge.json("run")["highlights"]["seen"] == 2


def test_without_a_source_there_is_nothing_to_watch(forge):
    assert "nothing to watch" in forge("watch", code=2).stderr


def test_on_a_terminal_a_line_tells_where_it_is(forge, desk):
    ours, theirs = pty.openpty()
    popen = forge.started("watch", terminal=theirs)
    os.close(theirs)
    said = b""
    until = time.monotonic() + PATIENCE
    while b"so far" not in said and time.monotonic() < until:
        said += os.read(ours, 1000)
    popen.send_signal(signal.SIGINT)
    assert popen.wait(timeout=PATIENCE) == 130
    os.close(ours)
    assert b"watching obsidian notes; press Ctrl-C to end" in said
    assert b"all sources: highlights: 2 new; 2 cards drafted" in said
