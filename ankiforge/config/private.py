"""Restrict files to their owner: mode 0600, folders 0700, regardless of the umask.

If the mode cannot be changed (FAT, another owner, Windows), it is left alone without an error.
Symbolic links are not followed, so nothing outside the folder is changed.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600


def make_folder(path: Path) -> None:
    """Create a private folder unless it exists. Missing parents get the default mode."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=_FOLDER, exist_ok=True)
    restrict(path)


def make_file(path: Path) -> None:
    """Create an empty private file unless it exists. Errors are left to the caller's own open."""
    with suppress(OSError):
        os.close(opener(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def opener(path: str, flags: int) -> int:
    """Create new files as private. Use as `open(…, opener=…)`."""
    return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), _FILE)


def restrict(path: Path) -> None:
    """Remove the permissions of group and others from a file or folder of this user."""
    if os.name == "nt" or path.is_symlink():
        return
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077 and path.stat().st_uid == os.geteuid():
            path.chmod(mode & _FOLDER)
