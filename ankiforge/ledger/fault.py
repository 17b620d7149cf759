"""Kill this process at one of its commits. For tests only.

`ANKIFORGE_FAULT=before:N` in the environment sends SIGKILL just before the Nth commit of this process (the
lines of its journal are written by then), `after:N` just after it. Without the variable nothing happens.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from itertools import count

_commits = count(1)


@cache
def _fault() -> tuple[str, int]:
    """Read the variable at the first commit, not at import: tests fork processes that imported all."""
    moment, _, number = os.environ.get("ANKIFORGE_FAULT", "").partition(":")
    return moment, int(number or 0)


def before_commit() -> int:
    """Return the number of this commit, counted from 1; die here if the variable says so."""
    number = next(_commits)
    if _fault() == ("before", number):
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def after_commit(number: int) -> None:
    """Die here if the variable says so."""
    if _fault() == ("after", number):
        os.kill(os.getpid(), signal.SIGKILL)
