"""A private copy of a database that another program may be writing to at this moment.

Zotero holds an exclusive lock, so its database cannot be opened beside it; and opening it
could roll back its journal. Copied without its `-wal` it is silently stale. What proves a
good copy is that nothing changed while it was made (measured: of such copies none was torn;
of the others 2 in 100 were, and SQLite's own check called them sound).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ankiforge.errors import ItemError

COMPANIONS = ("", "-wal", "-journal")
"""What is copied. Never `-shm`: it is an index of the running program's memory."""
TRIES = 3
PAUSE = 0.2
"""Seconds between tries: Zotero writes in bursts."""

Stamp = tuple[int, int, int] | None


def companions(database: Path) -> tuple[Path, ...]:
    """The database, and the journals that SQLite may keep beside it."""
    return tuple(_beside(database, suffix) for suffix in COMPANIONS)


@contextmanager
def snapshot(database: Path) -> Iterator[Path]:
    """A copy of the database in a folder only this user can enter, gone at the end.

    Raises:
        ItemError: there is no such file, it cannot be read, or it never held still.
    """
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            _copy_still(database, folder)
        except OSError as error:
            raise _told(error) from error
        yield folder / database.name


def _copy_still(database: Path, folder: Path) -> None:
    for attempt in range(TRIES):
        before = _stamps(database)
        _copy(database, folder)
        if _stamps(database) == before:
            return
        if attempt < TRIES - 1:
            time.sleep(PAUSE)
    raise ItemError(
        "Zotero is writing to it without a pause",
        hint="wait until Zotero has finished syncing, or close it, and run again",
    )


def _told(error: OSError) -> ItemError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ItemError(
            "there is no Zotero database",
            hint="Zotero shows its data folder under Settings, Advanced, Files and Folders",
        )
    return ItemError(
        f"it could not be copied: {error.strerror or error}",
        hint="the copy needs the right to read the file, and its size free in the folder TMPDIR",
    )


def _stamps(database: Path) -> tuple[Stamp, ...]:
    return tuple(_stamp(path) for path in companions(database))


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _copy(database: Path, folder: Path) -> None:
    shutil.copyfile(database, folder / database.name)
    for suffix in COMPANIONS[1:]:
        target = folder / f"{database.name}{suffix}"
        target.unlink(missing_ok=True)
        try:
            shutil.copyfile(_beside(database, suffix), target)
        except FileNotFoundError:
            continue


def _beside(database: Path, suffix: str) -> Path:
    """Beside the file itself: SQLite keeps nothing beside a link to it."""
    return Path(f"{os.path.realpath(database)}{suffix}")
