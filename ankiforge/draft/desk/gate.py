"""The gate before a server: how many may be inside at a time, and when nobody goes in.

Where the server says that there are too many requests, everybody waits, and half as many go in
afterwards; with each eight answers one more is let in again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WELL = 8
"""Answers in a row after which one more may be inside."""


class Gate:
    """Shared by all threads that ask one server."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._inside = 0
        self._well = 0
        self._not_before = 0.0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def inside(self) -> Iterator[bool]:
        """Wait for a place; False: the gate is closed for good, go home."""
        with self._changed:
            while not self._closed and (wait := self._wait()) != 0:
                self._changed.wait(wait)
            self._inside += 1
            closed = self._closed
        try:
            yield not closed
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def _wait(self) -> float | None:
        """0: go in; seconds until it is worth looking again; None: until somebody leaves."""
        left = self._not_before - time.monotonic()
        if left > 0:
            return left
        return 0.0 if self._inside < self._allowed else None

    def crowded(self, seconds: float) -> None:
        """Too many requests: nobody goes in for so long, then half as many."""
        now = time.monotonic()
        with self._changed:
            if now >= self._not_before:  # those who were inside together say it together
                self._allowed = max(self._allowed // 2, 1)
            self._well = 0
            self._not_before = max(self._not_before, now + seconds)

    def answered(self) -> None:
        """A request went well."""
        with self._changed:
            if self._allowed == self._most:
                return
            self._well += 1
            if self._well >= _WELL:
                self._well, self._allowed = 0, self._allowed + 1
                self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, for oneself alone; not if the gate is closed."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    @property
    def busy(self) -> int:
        """How many are inside."""
        return self._inside

    def close(self) -> None:
        """Nobody goes in any more; who waits is sent home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
