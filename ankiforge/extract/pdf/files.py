"""Which files of a folder are read."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(root: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """The files below a folder, or the file itself, sorted; no links, nothing with a dot before.

    Args:
        root: a folder or file.
        unreadable: is told of every folder that cannot be listed.
    """
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            plain = os.path.isfile(path) and not os.path.islink(path)  # noqa: PTH113, PTH114
            if plain and not name.startswith("."):
                yield path


def relative(path: Path, root: Path) -> str:
    """The path below root, `/` between its parts, NFC; of root itself its name."""
    inside = path != root and path.is_relative_to(root)
    below = path.relative_to(root).as_posix() if inside else path.name
    text = os.fsencode(below).decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text)
