"""What stands in for a clock in the tests: a busy machine must not fail one.

A test that waits for another process or thread waits for a condition, `PATIENCE` seconds at most. That work
grows no faster than its input is told by `steps`, and `no_hang` ends what would never end.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

PATIENCE = 120.0
"""Seconds after which what should have come is taken to hang. Far more than it takes under load."""
PROCESSOR_SECONDS = 120.0
"""The same for work in this process, of its own processor time: load does not count."""


@contextmanager
def no_hang() -> Iterator[None]:
    """End work that never ends, so that it fails its own test alone."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"not done after {PROCESSOR_SECONDS:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PROCESSOR_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def steps(work: Callable[[], object]) -> int:
    """Count the lines of Python that are run; the same for the same work, on any machine.

    A match of a regular expression is one step, however long it takes.
    """
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
