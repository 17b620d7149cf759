"""A copy of a collection that Anki may have open at this moment.

Anki writes to a log beside the file (`-wal`) and holds locks that SQLite in another process
would break or be stopped by, so the live file is never opened, only copied: the log first, then
the main file, and again if either changed meanwhile.
"""

from __future__ import annotations

import shutil
import stat
import time
from pathlib import Path

from ankiforge.errors import ItemError

_BESIDE = ("-wal", "-journal")
"""What SQLite writes beside its main file."""
_ATTEMPTS = 10
_PAUSE = 0.25
"""Seconds between two attempts."""
_TICK = 0.02
"""Seconds: two changes closer together may show the same time of change."""

_State = tuple[tuple[int, int, int] | None, ...]
"""(size, time of change in ns, inode) of the main file and those beside it; None: not there."""


def signature(path: Path) -> str:
    """A few letters that differ once the collection (or export) has changed. Cheap.

    Take it before the view it stands for: then a change in between is not overlooked.
    """
    try:
        parts = _state(_real(path))
    except OSError as error:
        return f"unreadable {error.errno}"
    return " ".join(".".join(map(str, part)) if part else "-" for part in parts)


def changed_at(path: Path) -> float:
    """When a collection or export was last written to, seconds since 1970."""
    return max((part[1] for part in _state(_real(path)) if part), default=0) / 1e9


def copy_collection(path: Path, folder: Path) -> Path:
    """Copy a collection, and what SQLite keeps beside it, into an empty folder.

    Raises:
        ItemError: it changed during each attempt.
        OSError: it cannot be read, or there is no room.
    """
    source = _real(path)
    target = folder / "collection.anki2"
    for _ in range(_ATTEMPTS):
        if _copied_whole(source, target):
            return target
        time.sleep(_PAUSE)
    raise ItemError(
        f"{path}: changes all the time while it is copied",
        hint="wait until Anki has finished what it is doing, or close it",
    )


def _copied_whole(source: Path, target: Path) -> bool:
    before = _state(source)
    if _just_changed(before):
        return False
    for beside in (*_BESIDE, ""):  # the main file last
        copy = target.with_name(target.name + beside)
        copy.unlink(missing_ok=True)
        try:
            shutil.copyfile(source.with_name(source.name + beside), copy)
        except FileNotFoundError:
            if not beside:
                raise
    return _state(source) == before


def _just_changed(state: _State) -> bool:
    now = time.time()
    return any(0 <= now - part[1] / 1e9 < _TICK for part in state if part)


def _real(path: Path) -> Path:
    """Where a link leads: there lies what stands beside."""
    try:
        return path.resolve()
    except RuntimeError:  # a link to itself, up to Python 3.12
        return path


def _state(source: Path) -> _State:
    return tuple(_stat(source.with_name(source.name + beside)) for beside in ("", *_BESIDE))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None
