"""Follow the sources: read what changed at once, deliver once a note has been left alone.

    a file changes ─▶ pass (read, draft; notes in progress wait) ─▶ 2 quiet minutes ─▶ pass, deliver

A pass is the same as in `run`. A note in progress is read at each save, so its drafts can be looked
at; nothing of it is accepted, sent to a model, or written into the journal, before its writer has
paused. Other notes are delivered meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ankiforge.errors import BusyError, ForgeError

QUIET_SECONDS = 120.0
"""A note that was not saved for this long is finished for now."""
EVERYTHING_SECONDS = 600.0
"""How often sources are read that report no changes: Zotero's API, network folders."""
RETRY_SECONDS = 30.0
"""How long to wait after a pass that failed."""
BUSY_SECONDS = 10.0
"""How long a pass waits for another program that drafts here; then it is tried again at once."""
STEP_MS = 500
"""How long to wait for file events before the clock is looked at."""


class Actions(Protocol):
    """The callbacks of the front end. One that fails with a `ForgeError` is tried again."""

    def folders(self) -> list[Path]:
        """Return the folders to follow."""
        ...

    def read(self, in_progress: Callable[[str], bool]) -> bool:
        """Read and draft. Return whether there is something to deliver."""
        ...

    def deliver(self) -> None:
        """Write the package, or push."""
        ...


Events = Callable[[Sequence[Path]], Iterator[set[str]]]
"""Yields the paths of the files that changed in folders, or an empty set after a pause."""


def follow(
    actions: Actions,
    events: Events,
    *,
    clock: Callable[[], float] = time.time,
) -> None:
    """Follow the sources until the events end.

    Args:
        actions: what the front end does.
        events: the changes of files, see `file_events`.
        clock: returns the time in seconds.
    """
    watcher = _Watcher(actions, clock)
    for changed_files in events(actions.folders()):
        watcher.step(changed_files)


class _Watcher:
    """The times of changes, and the decisions left to deliver."""

    def __init__(self, actions: Actions, clock: Callable[[], float]) -> None:
        self._actions = actions
        self._clock = clock
        # When each file that is in progress was saved last, by its path.
        self._saved: dict[str, float] = {}
        self._last_pass = 0.0
        # After a failure, when to try again; 0 = nothing failed.
        self._retry_at = 0.0
        self._undelivered = False

    def step(self, changed_files: set[str]) -> None:
        """Read the changed documents, and deliver those left alone for long enough."""
        now = self._clock()
        for name in changed_files:
            self._saved[name.replace(os.sep, "/")] = now
        saved = self._saved.items()
        quiet = [name for name, at in saved if now - at >= QUIET_SECONDS]
        for name in quiet:
            del self._saved[name]
        self._undelivered |= bool(quiet)
        if now < self._retry_at:
            return
        due = self._retry_at or now - self._last_pass >= EVERYTHING_SECONDS
        if not (changed_files or quiet or due):
            return
        self._retry_at = 0.0
        if self._works(lambda: self._actions.read(self._in_progress)):
            self._last_pass = now
        if self._undelivered:  # even if a model does not answer
            self._undelivered = not self._works(self._actions.deliver)

    def _in_progress(self, path: str) -> bool:
        """Return whether the file at a path in a source was saved just now."""
        end = f"/{path}"
        return any(name == path or name.endswith(end) for name in self._saved)

    def _works(self, action: Callable[[], bool | None]) -> bool:
        """Return whether an action worked.

        What it leaves to deliver, even if it failed, is noted.
        """
        try:
            self._undelivered |= bool(action())
        except ForgeError as error:
            is_busy = isinstance(error, BusyError)
            self._retry_at = self._clock() + (0.0 if is_busy else RETRY_SECONDS)
            self._undelivered = True
            return False
        return True


def file_events(is_ended: Callable[[], bool], *, poll: bool = False) -> Events:
    """Return a function that follows folders until `is_ended`, also those that come and go.

    With `poll`, it compares file times, where the file system sends no events.
    """

    def events(folders: Sequence[Path]) -> Iterator[set[str]]:
        """Yield the paths that changed in these folders; an empty set after each pause."""
        nonlocal poll
        from watchfiles import watch

        roots = tuple(map(str, folders))

        def matters(_: object, path: str) -> bool:
            """Return whether a file can be part of a source: not hidden, and no package of ours."""
            below_root = path
            for root in roots:
                if path.startswith(root):
                    below_root = path[len(root) :]
                    break
            return f"{os.sep}." not in below_root and not path.endswith((".apkg", "~"))

        # Folders that came back: everything in them may have changed.
        returned_roots: set[str] = set()
        while not is_ended():
            present_folders = _present(folders)
            if not present_folders:
                returned_roots = set(roots)
                time.sleep(STEP_MS / 1000)
                yield set()
                continue
            try:
                # It follows the folders before it yields first, so the first pass misses nothing.
                for changes in watch(
                    *present_folders,
                    watch_filter=matters,
                    debounce=200,
                    step=50,
                    rust_timeout=STEP_MS,
                    yield_on_timeout=True,
                    force_polling=poll,
                ):
                    if is_ended():
                        return
                    yield {path for _, path in changes} | returned_roots
                    returned_roots = set()
                    if _present(folders) != present_folders:
                        break
            except OSError:  # the limit of events is reached, or a folder went
                poll = poll or _present(folders) == present_folders
            except RuntimeError:  # a file name is not text: the other files are followed
                pass
            returned_roots = set(roots)

    return events


def _present(folders: Sequence[Path]) -> dict[Path, int]:
    """Return the folders that exist now, each with its inode: that of another folder differs."""
    present = {}
    for folder in folders:
        with suppress(OSError):
            present[folder] = folder.stat().st_ino
    return present
