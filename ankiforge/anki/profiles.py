"""Find Anki's collections, and detect changes to them without opening the files."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

COLLECTION = "collection.anki2"


def find_collections(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Find the collections of all Anki profiles, with symbolic links resolved.

    Args:
        home: The user's home directory.
        environ: The environment variables. `ANKI_BASE`, `XDG_DATA_HOME`, `XDG_CONFIG_HOME`
            and `APPDATA` override the default locations.
    """
    data_dirs = (
        environ.get("ANKI_BASE"),
        environ.get("XDG_DATA_HOME") or home / ".local" / "share",
        home / ".var" / "app" / "net.ankiweb.Anki" / "data",  # Flatpak
        environ.get("XDG_CONFIG_HOME") or home / ".config",
        home / "Library" / "Application Support",  # macOS
        environ.get("APPDATA") or home / "AppData" / "Roaming",  # Windows
    )
    paths: dict[Path, None] = {}
    for data_dir in data_dirs:
        if not data_dir:
            continue
        for profiles_dir in (Path(data_dir), Path(data_dir, "Anki2")):
            with suppress(OSError, ValueError):
                for path in sorted(profiles_dir.glob(f"[!.]*/{COLLECTION}")):
                    if path.is_file():
                        paths[path.resolve()] = None
    return tuple(paths)


LOG_SUFFIXES = ("-wal", "-journal")
"""The suffixes of the log files that SQLite keeps next to a database."""
Fingerprint = tuple[tuple[int, int, int] | None, ...]
"""The size, modification time (in ns) and inode of a collection and of each of its logs, or None
for a file that doesn't exist. Equal fingerprints mean that the collection hasn't changed."""


def compute_fingerprint_text(path: Path) -> str:
    """Return the fingerprint of a collection or export as text that can be stored.

    Call this before reading the file. Otherwise, a change between the two would go unnoticed.
    """
    try:
        states = compute_fingerprint(resolve_symlinks(path))
    except OSError as error:
        return f"unreadable {error.errno}"
    return " ".join(".".join(map(str, state)) if state else "-" for state in states)


def get_modification_time(path: Path) -> float:
    """Return the time at which a collection or export was last modified, as a Unix timestamp."""
    states = filter(None, compute_fingerprint(resolve_symlinks(path)))
    newest_ns = max((modified_ns for _, modified_ns, _ in states), default=0)
    return newest_ns / 1e9


def resolve_symlinks(path: Path) -> Path:
    """Resolve all symbolic links in a path, because SQLite keeps its logs next to the real file."""
    return Path(os.path.realpath(path))


def compute_fingerprint(collection: Path) -> Fingerprint:
    """Return the size, modification time and inode of a collection and of each of its logs."""
    states: list[tuple[int, int, int] | None] = []
    for suffix in ("", *LOG_SUFFIXES):
        state = None
        with suppress(FileNotFoundError, NotADirectoryError):
            file_stat = collection.with_name(collection.name + suffix).stat()
            if stat.S_ISREG(file_stat.st_mode):
                state = file_stat.st_size, file_stat.st_mtime_ns, file_stat.st_ino
        states.append(state)
    return tuple(states)
