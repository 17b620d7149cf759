"""A time limit for a whole HTTP request, counted from its start.

The time limits of `httpx2` hold for each step, such as waiting for the next bytes. A
server that sends a byte now and then, or `102 Processing` without end, never exceeds
them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

import httpx2

_T = TypeVar("_T")


class OverdueError(httpx2.TimeoutException):
    """A request took longer than it may as a whole."""


def within(seconds: float, request: Callable[[], _T], close: Callable[[], None]) -> _T:
    """Return the result of a request, unless it takes too long.

    Args:
        seconds: the time limit.
        request: is called in a thread of its own, which is left behind if it takes too long.
        close: closes the client then, which ends the request with its next step.

    Raises:
        OverdueError: it took too long.
    """
    result: Future[_T] = Future()

    def work() -> None:
        try:
            result.set_result(request())
        except BaseException as error:  # noqa: BLE001  (raised where the result is fetched)
            result.set_exception(error)

    threading.Thread(target=work, name="request", daemon=True).start()
    wait([result], seconds)
    if not result.done():
        close()
        raise OverdueError(f"the request took more than {seconds:g} s")
    return result.result()
