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
        environ: `ANKI_BASE`, `XDG_DATA_HOME`, `XDG_CONFIG_HOME` and `APPDATA` override the default
            locations.
    """
    bases = (
        environ.get("ANKI_BASE"),
        environ.get("XDG_DATA_HOME") or home / ".local" / "share",
        home / ".var" / "app" / "net.ankiweb.Anki" / "data",  # Flatpak
        environ.get("XDG_CONFIG_HOME") or home / ".config",
        home / "Library" / "Application Support",  # macOS
        environ.get("APPDATA") or home / "AppData" / "Roaming",  # Windows
    )
    found: dict[Path, None] = {}
    for folder in (Path(base, name) for base in bases if base for name in ("", "Anki2")):
        with suppress(OSError, ValueError):
            paths = sorted(folder.glob(f"[!.]*/{COLLECTION}"))
            found |= {path.resolve(): None for path in paths if path.is_file()}
    return tuple(found)


LOG_SUFFIXES = ("-wal", "-journal")
"""How the names of the logs end that SQLite keeps beside a database."""
FileStates = tuple[tuple[int, int, int] | None, ...]
"""(size, modification time in ns, inode) of the main file and its logs. None if a file is absent.
"""


def signature(path: Path) -> str:
    """Return a short text that changes whenever the collection (or export) changes.

    Call this before opening the view it is stored for, so that a change in between is noticed.
    """
    try:
        parts = state_of(resolved(path))
    except OSError as error:
        return f"unreadable {error.errno}"
    return " ".join(".".join(map(str, part)) if part else "-" for part in parts)


def changed_at(path: Path) -> float:
    """Return when a collection or export was last written, in seconds since 1970."""
    return max((part[1] for part in state_of(resolved(path)) if part), default=0) / 1e9


def resolved(path: Path) -> Path:
    """Resolve symbolic links: SQLite keeps the log next to the target."""
    return Path(os.path.realpath(path))


def state_of(source: Path) -> FileStates:
    """Return the state of a collection and of its logs."""
    return tuple(_file_state(source.with_name(source.name + end)) for end in ("", *LOG_SUFFIXES))


def _file_state(path: Path) -> tuple[int, int, int] | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return found.st_size, found.st_mtime_ns, found.st_ino
    return None
