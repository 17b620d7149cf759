"""Watch the sources, and run after a change as soon as no file has changed for 20 seconds.

    a file changes ─▶ 20 seconds in which no file changes ─▶ run: read, draft, deliver

Because of this delay, a note is never read while the user is still editing it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

QUIET_PERIOD = 20.0
"""The number of seconds without changes before changed files are read."""
FULL_READ_INTERVAL = 600.0
"""The interval, in seconds, at which all sources are read even without changed files, because
Zotero's API and network directories report no changes.
"""
RETRY_DELAY = 30.0
"""The number of seconds to wait after a failed run."""
EVENT_TIMEOUT_MS = 500
"""The number of milliseconds to wait for file events before checking the clock."""


def run_after_changes(
    run: Callable[[bool], bool],
    changes: Iterable[bool],
    *,
    clock: Callable[[], float] = time.time,
) -> None:
    """Call `run` after each file change and at regular intervals, until `changes` is exhausted.

    Args:
        run: Performs a run and returns whether it succeeded. Its argument is whether a file
            has changed since the last successful run.
        changes: Yields, at least every few seconds, whether a file has changed since the
            previous item.
        clock: Returns the current time in seconds.
    """
    due = 0.0
    has_changed = True  # files may have changed before watching began
    for is_change in changes:
        now = clock()
        if is_change:
            has_changed, due = True, now + QUIET_PERIOD if due else 0.0
        if now < due:
            continue
        is_successful = run(has_changed)
        has_changed = has_changed and not is_successful
        due = clock() + (FULL_READ_INTERVAL if is_successful else RETRY_DELAY)


def iter_file_changes(
    directories: Sequence[Path], should_stop: Callable[[], bool]
) -> Iterator[bool]:
    """Watch directories, and yield regularly whether a file has changed since the previous item.

    Directories may be removed and recreated in the meantime. In WSL, or if the user sets
    WATCHFILES_FORCE_POLLING, modification times are polled.

    Args:
        directories: The directories to watch.
        should_stop: Returns whether to stop watching.
    """
    from watchfiles import watch

    roots = tuple(map(str, directories))

    def is_relevant(_: object, path: str) -> bool:
        """Return whether a file may belong to a source.

        Hidden files, Anki packages and editor backups are ignored.
        """
        below_root = path
        for root in roots:
            if path.startswith(root):
                below_root = path[len(root) :]
                break
        return f"{os.sep}." not in below_root and not path.endswith((".apkg", "~"))

    poll: bool | None = None  # watchfiles decides
    was_interrupted = False  # after an interruption, any file may have changed
    while not should_stop():
        present_directories = _find_existing_directories(directories)
        if not present_directories:
            was_interrupted = True
            time.sleep(EVENT_TIMEOUT_MS / 1000)
            yield False
            continue
        try:
            # watch() starts watching before it first yields, so the first run misses nothing
            for changes in watch(
                *present_directories,
                watch_filter=is_relevant,
                debounce=200,
                step=50,
                rust_timeout=EVENT_TIMEOUT_MS,
                yield_on_timeout=True,
                force_polling=poll,
            ):
                if should_stop():
                    return
                yield was_interrupted or bool(changes)
                was_interrupted = False
                if _find_existing_directories(directories) != present_directories:
                    break
        except OSError:  # the limit of events is reached, or a directory was removed
            if _find_existing_directories(directories) == present_directories:
                poll = True
        except (
            RuntimeError
        ):  # a file name isn't valid text, so continue with the other files
            pass
        was_interrupted = True


def _find_existing_directories(directories: Sequence[Path]) -> dict[Path, int]:
    """Return the inode of each existing directory, by which a replaced directory is noticed."""
    inodes = {}
    for directory in directories:
        with suppress(OSError):
            inodes[directory] = directory.stat().st_ino
    return inodes
