"""Where Anki keeps its collections, and whether one has changed. Nothing is opened here."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

COLLECTION = "collection.anki2"


def collections(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the path of every profile's collection, symbolic links resolved, without duplicates.

    Args:
        home: the user's home folder.
        environ: `ANKI_BASE`, `XDG_DATA_HOME`, `XDG_CONFIG_HOME` and `APPDATA` override
            the default locations.
    """
    bases = (
        environ.get("ANKI_BASE"),
        environ.get("XDG_DATA_HOME") or home / ".local" / "share",
        home / ".var" / "app" / "net.ankiweb.Anki" / "data",  # Flatpak
        environ.get("XDG_CONFIG_HOME") or home / ".config",
        home / "Library" / "Application Support",  # macOS
        environ.get("APPDATA") or home / "AppData" / "Roaming",  # Windows
    )
    profiles: dict[Path, None] = {}
    for base in bases:
        if not base:
            continue
        for folder in (Path(base), Path(base, "Anki2")):
            with suppress(OSError, ValueError):
                for path in sorted(folder.glob(f"[!.]*/{COLLECTION}")):
                    if path.is_file():
                        profiles[path.resolve()] = None
    return tuple(profiles)


LOG_SUFFIXES = ("-wal", "-journal")
"""The ends of the names of the logs that SQLite keeps beside a database."""
FileStates = tuple[tuple[int, int, int] | None, ...]
"""(size, modification time in ns, inode) of the main file and its logs; None for an absent file."""


def signature(path: Path) -> str:
    """Return a short text that changes whenever the collection (or export) changes.

    Call this before opening the view it is stored for, so that a change in between is
    noticed.
    """
    try:
        states = state_of(resolved(path))
    except OSError as error:
        return f"unreadable {error.errno}"
    shown = []
    for state in states:
        shown.append(".".join(map(str, state)) if state else "-")
    return " ".join(shown)


def changed_at(path: Path) -> float:
    """Return when a collection or export was last written, in seconds since 1970."""
    states = filter(None, state_of(resolved(path)))
    nanoseconds = max((modified for _, modified, _ in states), default=0)
    return nanoseconds / 1e9


def resolved(path: Path) -> Path:
    """Resolve symbolic links: SQLite keeps the log next to the target."""
    return Path(os.path.realpath(path))


def state_of(source: Path) -> FileStates:
    """Return the state of a collection and of its logs."""
    states: list[tuple[int, int, int] | None] = []
    for suffix in ("", *LOG_SUFFIXES):
        state = None
        with suppress(FileNotFoundError, NotADirectoryError):
            status = source.with_name(source.name + suffix).stat()
            if stat.S_ISREG(status.st_mode):
                state = status.st_size, status.st_mtime_ns, status.st_ino
        states.append(state)
    return tuple(states)
