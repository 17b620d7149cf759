"""Which files of a folder are read."""

from __future__ import annotations

import os
import re
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


_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a relative path fits one of these patterns; case is ignored.

    `*` and `?` stay within a name, `**` spans folders; a pattern that ends in `/` is a folder with
    all it holds.
    """
    compiled = [
        re.compile("".join(map(_translated, _GLOB.findall(whole))), re.IGNORECASE | re.DOTALL)
        for whole in (f"{one}**" if one.endswith("/") else one for one in patterns)
    ]
    return lambda path: any(one.fullmatch(path) for one in compiled)


def _translated(token: str) -> str:
    return _MEANING.get(token, re.escape(token))
