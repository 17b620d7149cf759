"""The locks of a workspace, which keep two programs from drafting or publishing at once."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.errors import BusyError, UsageError

LOCK_TIMEOUT = 60.0
"""How long, in seconds, a command waits for another program to release a lock."""
MAX_LOCK_FILE_BYTES = 100
"""The maximum size of a lock file, which contains only a process id."""


def acquire_lock(
    folder: WorkspaceDirectory,
    activity: str,
    seconds: float | None = None,
) -> AbstractContextManager[object]:
    """Acquire the lock for an activity in a workspace, waiting if another process holds it.

    Args:
        folder: the workspace.
        activity: "drafting", "publishing" or "watching".
        seconds: how long to wait, or None for `LOCK_TIMEOUT`.

    Returns:
        A context manager that releases the lock.

    Raises:
        BusyError: another process still holds the lock.
        UsageError: the lock file isn't writable.
    """
    from filelock import FileLock, Timeout

    path = folder.state_directory / f"{activity}.lock"
    if seconds is None:
        seconds = LOCK_TIMEOUT
    file_lock = FileLock(path, timeout=seconds, mode=0o600)
    try:
        acquired = file_lock.acquire()
    except Timeout as error:
        holder = ""
        with suppress(OSError, UnicodeDecodeError):
            process = path.read_text().strip()
            holder = f" (process {process})" if process.isdigit() else ""
        message = f"another ankiforge{holder} is {activity} here"
        raise BusyError(
            message, hint="wait for it, or stop it: nothing is lost"
        ) from error
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise UsageError(message, hint="allow writing there") from error
    # the process id is only for the message above, because the operating system holds the lock
    with suppress(OSError):
        path.write_text(str(os.getpid()))
    return acquired
