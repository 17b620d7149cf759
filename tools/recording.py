"""A plugin of pytest that records which lines of the program each test runs: `make map`.

Every process records by itself, as `recording.ini` says, which `COVERAGE_PROCESS_START` names: the
workers of xdist say which test runs, a process that a test starts finds it in its environment.
Two kinds of processes need help:

- The process that reads PDFs lives longer than one test, and is killed. It asks a file that both
  have in memory which test runs now, and saves after each answer. It is a copy of this process or,
  beside threads, a new one, which runs `serve` of this module.
- Those of `tests/forked.py` come from a server of forks, which knows no test: here they are spawned.

A test takes the processor time of its process and of all below it: a busy machine does not change it.
"""

import mmap
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from coverage import Coverage

from ankiforge.extract.pdf import worker
from tools.testmap import RAW

LONGEST = 4096
"""Bytes of the name of a test."""
WAITED = 0.05
"""Seconds that a test waits, for a process that may still live: to look for all takes time, too."""
NAMED = "ANKIFORGE_TEST"
"""The variable with the path of the file that names the test."""
_read_answer = worker.process_request


def _running() -> mmap.mmap:
    """Return the name of the test that runs, as the process of pytest and its readers see it."""
    with Path(os.environ[NAMED]).open("r+b") as file:
        return mmap.mmap(file.fileno(), LONGEST)


def _recorded(running: mmap.mmap) -> Any:
    """Return the function that answers questions about PDFs in the name of the test that runs."""

    def answer(question: Any) -> Any:
        measured = Coverage.current()
        if measured is None:
            return _read_answer(question)
        measured.switch_context(running[:].rstrip(b"\0").decode())
        reply = _read_answer(question)
        measured.save()
        return reply

    return answer


def serve(questions: int, replies: int, seconds: float) -> None:
    """Answer questions about PDFs in a new process, as `worker.serve` does."""
    worker.process_request = _recorded(_running())
    worker.serve(questions, replies, seconds)


def _own() -> float:
    """Return the processor time of this process, and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _below() -> float:
    """Return the processor time of all processes that live below this one; 0 where `/proc` is not."""
    used, parents = dict[int, int](), dict[int, int]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = stat.read_text(errors="replace").rpartition(") ")[2].split()
            number = int(stat.parent.name)
            parents[number] = int(fields[1])
            used[number] = sum(map(int, fields[11:15]))
    ticks = 0
    for number in used:
        above = parents[number]
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            ticks += used[number]
    return ticks / os.sysconf("SC_CLK_TCK")


class _Recording:
    """What the process of pytest does at each test."""

    def __init__(self) -> None:
        path = RAW / f"test-{os.getpid()}"
        path.write_bytes(bytes(LONGEST))
        os.environ[NAMED] = str(path)
        self._running = _running()
        self._below = 0.0
        worker.process_request = _recorded(self._running)
        worker.__name__ = __name__  # where a new process finds `serve`

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        measured = Coverage.current()
        assert measured, "coverage was not started"
        self._running[:] = item.nodeid.encode()[:LONGEST].ljust(LONGEST, b"\0")
        measured.switch_context(item.nodeid)
        begun, used = monotonic(), _own()
        try:
            return (yield)
        finally:
            measured.switch_context("")
            taken = _own() - used
            if abs(monotonic() - begun - taken) > WAITED:
                before, self._below = self._below, _below()
                taken = max(0, taken + self._below - before)
            with (RAW / "seconds").open("a") as file:
                print(f"{taken:.4f}\t{item.nodeid!r}", file=file)


def pytest_sessionstart(session: pytest.Session) -> None:
    from tests import forked

    forked._CONTEXT = multiprocessing.get_context("spawn")
    session.config.pluginmanager.register(_Recording())
