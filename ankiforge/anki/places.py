"""Where Anki keeps the collections of its profiles, on Linux, macOS and Windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

COLLECTION = "collection.anki2"
_MOST_ENTRIES = 2000
"""That are looked into: a base that is no folder of Anki's may hold very many."""


def collections(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The collection of every profile, links resolved, each once; () if Anki was never here.

    Args:
        home: of the person.
        environ: `ANKI_BASE`, `XDG_DATA_HOME` and `APPDATA` name other places.
    """
    folders = [Path(base, name) for base in _bases(home, environ) for name in ("", "Anki2")]
    found = (path for folder in folders for path in _in_profiles(folder))
    return tuple(dict.fromkeys(path.resolve() for path in found))


def _bases(home: Path, environ: Mapping[str, str]) -> Iterator[str | Path]:
    if base := environ.get("ANKI_BASE"):
        yield base
    yield environ.get("XDG_DATA_HOME") or home / ".local" / "share"
    yield home / ".var" / "app" / "net.ankiweb.Anki" / "data"  # flatpak
    yield environ.get("XDG_CONFIG_HOME") or home / ".config"
    yield home / "Library" / "Application Support"  # macOS
    yield environ.get("APPDATA") or home / "AppData" / "Roaming"  # Windows


def _in_profiles(base: Path) -> Iterator[Path]:
    """The collections right below the folders of `base`; what cannot be read is passed over."""
    try:
        entries = sorted(base.iterdir())
    except (OSError, ValueError):
        return
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    paths = (entry / COLLECTION for entry in shown[:_MOST_ENTRIES])
    yield from (path for path in paths if _is_file(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
