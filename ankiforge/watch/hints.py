"""Hints that something has stirred in a folder: from the file system's events, or by polling.

A hint says nothing but that one should look. What is hidden (`.obsidian`, `.git`) gives none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

GATHERED_MS = 200
"""Events of so long are one hint."""
STEP_MS = 50
"""A pause of so long ends a hint."""
READY_MS = 200
"""After so long at the latest it is known that it listens."""
POLL_MS = 2_000
PAUSE = 0.5
"""Seconds until one listens again, when something came that cannot be told."""
ENDING = 5.0
"""Seconds to wait for a thread that was told to end."""


class Hints(Protocol):
    """Where hints come from."""

    def follow(self, roots: Iterable[Path]) -> None:
        """From now on these folders, and no others."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a hint, at most so long; whether one came since the last time."""
        ...

    @property
    def deaf(self) -> str:
        """Why there are no events, "" if there are."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class FileHints:
    """Hints by `watchfiles`, in a thread of their own."""

    def __init__(self, *, poll: bool = False) -> None:
        """`poll`: look for changed stamps again and again, where the system tells of none."""
        self._poll = poll
        self._stirred = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._deaf = ""

    @property
    def deaf(self) -> str:
        """Why there are no events, "" if there are."""
        return self._deaf

    def follow(self, roots: Iterable[Path]) -> None:
        """From now on these folders, and no others."""
        self.close()
        folders = tuple(roots)
        self._deaf = ""
        if folders:
            self._end = threading.Event()
            ready = threading.Event()
            self._thread = threading.Thread(
                target=self._listen, args=(folders, self._end, ready), daemon=True
            )
            self._thread.start()
            ready.wait(ENDING)  # what changes from now on gives a hint

    def wait(self, seconds: float) -> bool:
        """Wait for a hint, at most so long; whether one came since the last time."""
        came = self._stirred.wait(max(seconds, 0.0))
        self._stirred.clear()
        return came

    def close(self) -> None:
        """End it."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(ENDING)
            self._thread = None

    def _listen(
        self, folders: tuple[Path, ...], end: threading.Event, ready: threading.Event
    ) -> None:
        heard = True
        while heard and not end.is_set():
            heard = self._heard(folders, end, ready)
            self._stirred.set()  # what came meanwhile was not heard
            end.wait(PAUSE)

    def _heard(
        self, folders: tuple[Path, ...], end: threading.Event, ready: threading.Event
    ) -> bool:
        """Listen until something comes that cannot be told, or the end; whether one may go on.

        Such as a name that is no UTF-8.
        """
        from watchfiles import watch

        began = False
        try:
            for found in watch(
                *folders, watch_filter=lambda _, path: matters(path, folders),
                debounce=GATHERED_MS, step=STEP_MS, stop_event=end, rust_timeout=READY_MS,
                yield_on_timeout=True, raise_interrupt=False, force_polling=self._poll or None,
                poll_delay_ms=POLL_MS, ignore_permission_denied=True,
            ):  # fmt: skip
                ready.set()  # there is something, or there was nothing for a while
                if found or not began:
                    self._stirred.set()
                began = True
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no events then
            if not began:
                self._deaf = str(error) or type(error).__name__
        finally:
            ready.set()
        return began


def matters(path: str, folders: Iterable[Path]) -> bool:
    """Whether a path may be that of something that is read: nothing with a dot before."""
    for folder in folders:
        if path == str(folder):
            return True
        if path.startswith((f"{folder}/", f"{folder}\\")):
            below = path[len(str(folder)) + 1 :].replace("\\", "/")
            return not any(part.startswith(".") for part in below.split("/")[:-1]) and _named(below)
    return True


def _named(below: str) -> bool:
    """A hidden file is none; but that of a note that iCloud took away is told of."""
    name = below.rpartition("/")[2]
    return not name.startswith(".") or name.endswith(".icloud")
