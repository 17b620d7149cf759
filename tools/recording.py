"""A plugin of pytest that records which lines of the program each test runs: `make map`.

Every process records by itself, as `recording.ini` says, which `COVERAGE_PROCESS_START` names: the
workers of xdist say which test runs, a process that a test starts finds it in its environment.
Two kinds of processes need help:

- The process that reads PDFs is forked, lives longer than one test, and is killed. It asks a piece
  of memory which test runs now, and saves after each answer.
- Those of `tests/forked.py` come from a server of forks, which knows no test: here they are spawned.
"""

import mmap
import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import pytest
from coverage import Coverage

from tools.testmap import RAW

_test = mmap.mmap(-1, 4096)  # shared with the processes that are forked here


def pytest_sessionstart(session: pytest.Session) -> None:
    from ankiforge.extract.pdf import worker
    from tests import forked

    forked._CONTEXT = multiprocessing.get_context("spawn")
    answer = worker.answer

    def recorded(question: Any) -> Any:
        """Answer a question about a PDF in the name of the test that runs."""
        measured = Coverage.current()
        if measured is None:
            return answer(question)
        measured.switch_context(_test[:].rstrip(b"\0").decode())
        reply = answer(question)
        measured.save()
        return reply

    worker.answer = recorded


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    measured = Coverage.current()
    assert measured, "coverage was not started"
    _test[:] = item.nodeid.encode()[:4096].ljust(4096, b"\0")
    measured.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        measured.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how long a test took, in the process that hears of all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with (RAW / "seconds").open("a") as file:
            print(f"{report.duration:.4f}\t{report.nodeid!r}", file=file)
