"""Files for their owner alone: 0600, in folders of 0700, whatever the umask.

Nothing fails for want of it: where rights cannot be changed (FAT, another owner, Windows) they stay
as they are. Links are not followed, so nothing outside is touched.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600


def make_folder(path: Path) -> None:
    """Make a folder (and its parents, with the usual rights) unless it is there."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=_FOLDER, exist_ok=True)
    close(path)


def make_file(path: Path) -> None:
    """Make an empty file unless there is one; the caller meets whatever keeps it from that."""
    with suppress(OSError):
        os.close(opener(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def opener(path: str, flags: int) -> int:
    """For `open(…, opener=…)`: a file that is made is private."""
    return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), _FILE)


def close(path: Path) -> bool:
    """Take from everybody else what they may do with a file or folder of ours.

    Returns:
        Whether it was open to somebody.
    """
    if os.name == "nt":
        return False
    with suppress(OSError):
        found = path.lstat()
        usual = _FOLDER if stat.S_ISDIR(found.st_mode) else _FILE
        if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
            return False
        if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(found.st_mode) & usual)
            return True
    return False


def close_below(folder: Path) -> None:
    """The same for a folder and what lies in it; of a folder that was private only the top."""
    if not folder.is_symlink():
        _close_below(folder, all_of_it=close(folder))


def _close_below(folder: Path, *, all_of_it: bool) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            was_open = close(path)
            if (was_open or all_of_it) and path.is_dir() and not path.is_symlink():
                _close_below(path, all_of_it=True)
