"""The lock of a workspace: two programs never draft, or publish, at the same time."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.errors import BusyError, UsageError

LOCK_SECONDS = 60.0
"""How long a command waits for another program."""
HOLDER_BYTES = 100
"""The length of a file with the number of a process."""


def lock(
    folder: WorkspaceFolder,
    activity: str,
    seconds: float | None = None,
) -> AbstractContextManager[object]:
    """Hold the lock of an activity; wait if another program holds it.

    Args:
        folder: the workspace.
        activity: "drafting", "publishing" or "watching".
        seconds: how long to wait; None = `LOCK_SECONDS`.

    Raises:
        BusyError: another program still holds it after that time.
        UsageError: the file of the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    path = folder.folder / f"{activity}.lock"
    path.is_there()  # refuses what is not a file
    if seconds is None:
        seconds = LOCK_SECONDS
    file_lock = FileLock(path.path, timeout=seconds, mode=0o600)
    try:
        acquired = file_lock.acquire()
    except Timeout as error:
        holder = ""
        with suppress(OSError, UnicodeDecodeError):
            process = path.read(HOLDER_BYTES).decode().strip()
            holder = f" (process {process})" if process.isdigit() else ""
        message = f"another ankiforge{holder} is {activity} here"
        raise BusyError(
            message, hint="wait for it, or stop it: nothing is lost"
        ) from error
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise UsageError(message, hint="allow writing there") from error
    # for the message to programs that wait; the lock is the system's
    with suppress(OSError), path.open(os.O_WRONLY | os.O_TRUNC) as file:
        file.write(str(os.getpid()).encode())
    return acquired
