"""Kill this process at one of its commits. For tests only.

The environment variable `ANKIFORGE_FAULT=before:N` sends SIGKILL just before the Nth commit of this process
(when its journal lines are already written), and `after:N` just after it.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from itertools import count

_commits = count(1)


@cache
def _fault() -> tuple[str, int]:
    """Read the variable at the first commit, not at import, because tests fork the process."""
    moment, _, number = os.environ.get("ANKIFORGE_FAULT", "").partition(":")
    return moment, int(number or 0)


def before_commit() -> int:
    """Return the number of this commit, from 1; kill the process if the variable demands it."""
    number = next(_commits)
    if _fault() == ("before", number):
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def after_commit(number: int) -> None:
    """Kill the process if the variable demands it."""
    if _fault() == ("after", number):
        os.kill(os.getpid(), signal.SIGKILL)
