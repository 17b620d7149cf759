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
from pathlib import Path
from typing import Protocol

from ankiforge.errors import ForgeError

QUIET_SECONDS = 120.0
"""A note that was not saved for so long is finished for now."""
EVERYTHING_SECONDS = 600.0
"""How often sources are read that report no changes: Zotero's API, network folders."""
RETRY_SECONDS = 30.0
"""How long to wait after a pass that failed."""
STEP_MS = 500
"""How long to wait for file events before the clock is looked at."""


class Actions(Protocol):
    """What the front end does for the watcher. What fails with a `ForgeError` is tried again."""

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


def follow(actions: Actions, events: Events, *, clock: Callable[[], float] = time.time) -> None:
    """Follow the sources until the events end.

    Args:
        actions: what the front end does.
        events: the changes of files, see `file_events`.
        clock: returns the time in seconds.
    """
    saved: dict[str, float] = {}
    """When each file that is in progress was saved last, by its path."""
    full = retry = 0.0
    undelivered = False

    def in_progress(path: str) -> bool:
        """Return whether a path in a source is that of a file saved just now."""
        return any(name == path or name.endswith(f"/{path}") for name in saved)

    def works(action: Callable[[], bool | None]) -> bool:
        """Return whether an action worked. What it leaves to deliver, also if it failed, is noted."""
        nonlocal undelivered, retry
        try:
            undelivered |= bool(action())
        except ForgeError:
            retry, undelivered = clock() + RETRY_SECONDS, True
            return False
        return True

    for files in events(actions.folders()):
        now = clock()
        saved.update(dict.fromkeys((name.replace(os.sep, "/") for name in files), now))
        quiet = [name for name, at in saved.items() if now - at >= QUIET_SECONDS]
        for name in quiet:
            del saved[name]
        undelivered |= bool(quiet)
        due = now - full >= EVERYTHING_SECONDS
        if now < retry or not (files or quiet or due or retry):
            continue
        retry = 0.0
        if works(lambda: actions.read(in_progress)):
            full = now
        if undelivered:  # also if a model does not answer
            undelivered = not works(actions.deliver)


def file_events(is_ended: Callable[[], bool], *, poll: bool = False) -> Events:
    """Return a function that follows folders until `is_ended`, also those that come and go.

    With `poll`, it compares file times, where the file system sends no events.
    """

    def events(folders: Sequence[Path]) -> Iterator[set[str]]:
        nonlocal poll
        from watchfiles import watch

        roots = tuple(map(str, folders))

        def matters(_: object, path: str) -> bool:
            """Return whether a file can be part of a source: not hidden, and no package of ours."""
            root = next((one for one in roots if path.startswith(one)), "")
            return f"{os.sep}." not in path[len(root) :] and not path.endswith((".apkg", "~"))

        back = set()
        while not is_ended():
            there = _present(folders)
            if not there:
                back = set(roots)
                time.sleep(STEP_MS / 1000)
                yield set()
                continue
            try:
                # It follows the folders before it yields first, so the first pass misses nothing.
                for found in watch(
                    *there, watch_filter=matters, debounce=200, step=50, rust_timeout=STEP_MS,
                    yield_on_timeout=True, force_polling=poll,
                ):  # fmt: skip
                    if is_ended():
                        return
                    yield {path for _, path in found} | back
                    back = set()
                    if _present(folders) != there:
                        break
            except OSError:  # the limit of events is reached, or a folder went
                poll = poll or _present(folders) == there
            except RuntimeError:  # a file name is no text: the other files are followed
                pass
            back = set(roots)

    return events


def _present(folders: Sequence[Path]) -> dict[Path, int]:
    """Return the folders that exist now, with what tells one from another at the same path."""
    found = {}
    for folder in folders:
        try:
            found[folder] = folder.stat().st_ino
        except OSError:
            continue
    return found
