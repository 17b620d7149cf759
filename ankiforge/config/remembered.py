"""The sources that `ankiforge run PATH` remembers: a small file beside the ledger.

It holds each PATH as it was given, and the sources that were found behind it under the names their
keys were issued under. What `ankiforge.yaml` names stands beside it and comes first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ankiforge.errors import UsageError

FILE = "sources.json"


class Place(msgspec.Struct, frozen=True):
    """One source behind a PATH."""

    kind: str
    name: str
    """Part of its keys."""
    root: str
    only: tuple[str, ...] = ()
    """The files and folders below `root` that are read; () = all of it."""
    exclude: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Path, ...]:
        """What is read: files and folders."""
        return tuple(map(Path, self.only or (self.root,)))

    def covers(self, other: Place) -> bool:
        """Whether all that another place reads is read here, as the same kind."""
        return self.kind == other.kind and all(
            any(target == mine or mine in target.parents for mine in self.targets)
            for target in other.targets
        )


class Remembered(msgspec.Struct, frozen=True):
    """One PATH that plain `ankiforge run` reads."""

    path: str
    """Absolute, links resolved."""
    name: str = ""
    """As `--name` gave it."""
    places: tuple[Place, ...] = ()

    def covers(self, places: Iterable[Place]) -> bool:
        """Whether all of these places are read through this PATH."""
        return all(any(mine.covers(other) for mine in self.places) for other in places)


def load(folder: Path) -> tuple[Remembered, ...]:
    """Return what is remembered in a workspace's `.ankiforge/`; a damaged file counts as empty."""
    try:
        raw = (folder / FILE).read_bytes()
        if b"\\u0000" in raw:  # in no path
            return ()
        return msgspec.json.decode(raw, type=tuple[Remembered, ...])
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return ()


def store(folder: Path, items: Iterable[Remembered]) -> None:
    """Replace what is remembered, whole or not at all; only the owner can read the file.

    Raises:
        UsageError: the folder cannot be written.
    """
    content = msgspec.json.format(msgspec.json.encode(tuple(items)))
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content + b"\n")
            Path(name).replace(folder / FILE)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        what = f"{folder / FILE}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="read it without being remembered: --once") from error
