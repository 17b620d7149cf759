"""Read and write the program's own files, which are limited in size and private to the user.

The files of a workspace may only be opened once the user trusts the workspace (see `trust`).
Errors from the operating system are raised as `OSError`, so that callers can explain them to the
user.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ankiforge.errors import OwnFileError

MAX_TEXT_FILE_BYTES = 1 << 18
"""The maximum size of the settings file, of a deck file and of a prompt."""
SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The suffixes of all files that SQLite may create for a database."""

_LOCK_POLL_SECONDS = 0.05

# Of these, Windows only has `O_BINARY`, without which it would convert line endings.
_SAFE_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_NEW_FILE_FLAGS = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def open_regular(
    path: Path, flags: int = os.O_RDONLY, *, max_bytes: int | None = None
) -> IO[bytes]:
    """Open a regular file. Reject anything else, such as a pipe that may never end.

    Args:
        path: The path of the file.
        flags: Flags for `os.open`, which may allow writing. With `O_CREAT`, a missing file is
            created with mode 0600.
        max_bytes: The maximum size in bytes, or None for no limit, e.g. if the file is read in
            chunks.

    Raises:
        OwnFileError: The file is not a regular file, or is larger than `max_bytes`.
        OSError: The file cannot be opened.
    """
    try:
        handle = os.open(path, flags | _SAFE_FLAGS, 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe without a reader, or a socket
            raise _make_not_a_file_error(path) from error
        raise
    try:
        _check_status(path, os.fstat(handle), max_bytes)
        may_write = flags & (os.O_WRONLY | os.O_RDWR) != 0
        return os.fdopen(handle, "rb+" if may_write else "rb")
    except BaseException:
        # after Ctrl-C, a file object may have taken over the handle and closed it
        with suppress(OSError):
            os.close(handle)
        raise


def _check_status(path: Path, status: os.stat_result, max_bytes: int | None) -> None:
    """Check that an open file is a regular one of at most `max_bytes`, if given.

    Raises:
        OwnFileError: It isn't.
    """
    if not stat.S_ISREG(status.st_mode):
        raise _make_not_a_file_error(path)
    if max_bytes is not None and status.st_size > max_bytes:
        size = f"{max_bytes >> 10:,} KiB"
        if max_bytes >= 1 << 20:
            size = f"{max_bytes >> 20:,} MiB"
        message = f"{path}: is larger than {size}"
        raise OwnFileError(message, hint="shorten it, or move it away")


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a whole regular file of at most `max_bytes`.

    Raises:
        OwnFileError: The file is not a regular file, or is larger than `max_bytes`.
        OSError: The file cannot be read.
    """
    with open_regular(path, max_bytes=max_bytes) as file:
        return file.read(max_bytes)


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Create a file, or replace it atomically.

    Symbolic links are followed. The file gets the permissions `mode` and is private by default.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, _NEW_FILE_FLAGS | _SAFE_FLAGS, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    part.replace(path)


def lock_file(path: Path, seconds: float) -> IO[bytes] | None:
    """Lock a file, creating it if necessary. Closing the returned file object releases the lock.

    The operating system also releases the lock when the process ends.

    Args:
        path: The path of the file.
        seconds: How long to wait if another process holds the lock.

    Returns:
        The open file, or None if another process still holds the lock.

    Raises:
        OwnFileError: The path is not a regular file.
        OSError: The file cannot be opened for writing, or its file system has no locks.
    """
    file = open_regular(path, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + seconds
    try:
        while not _try_lock(file.fileno()):
            if time.monotonic() >= deadline:
                file.close()
                return None
            time.sleep(_LOCK_POLL_SECONDS)
    except BaseException:
        file.close()
        raise
    return file


def _try_lock(handle: int) -> bool:
    """Try to lock an open file without waiting, and return whether this succeeded."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
    else:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def make_directory(path: Path, mode: int = 0o700) -> None:
    """Create a directory and any missing parents, unless it exists.

    A new directory gets the permissions `mode` and is private by default.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=mode, exist_ok=True)


def make_private(path: Path) -> None:
    """Remove group and other permissions from a file or directory.

    Does nothing if the mode can't be changed (e.g. on FAT or Windows, or if the user isn't the
    owner), or if `path` is a symbolic link, whose target may be somebody else's.
    """
    with suppress(OSError):
        status = path.lstat()
        if (
            os.name != "nt"
            and not stat.S_ISLNK(status.st_mode)
            and status.st_mode & 0o077
        ):
            path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def make_database(path: Path) -> None:
    """Create an empty, private database file, unless it exists.

    SQLite would create the file with permissions for other users to read it. Errors are
    ignored, because SQLite reports them when it opens the file.
    """
    with suppress(OSError):
        os.close(os.open(path, _NEW_FILE_FLAGS, 0o600))


def remove_database(path: Path) -> None:
    """Delete a database, together with the journals that SQLite keeps next to it."""
    for ending in SQLITE_SUFFIXES:
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


def _make_not_a_file_error(path: Path) -> OwnFileError:
    return OwnFileError(f"{path}: is not a file", hint="move it away")
