"""Whether a file is as it was: by its stamp, as version control does it.

A stamp that is too fresh proves nothing: a file written twice within one tick of the clock of
its file system has one stamp for two texts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

import ankiforge
from ankiforge.model import h16

Stamp = tuple[int, int, int, int]
"""Modified (ns), changed (ns; a program may set the first back, not this), size, inode."""

TICK_NS = 100_000_000
"""No clock of a file system that has fractions of a second is coarser."""
COARSE_NS = 2_000_000_000
"""FAT counts in steps of two seconds."""
DAY_NS = 86_400_000_000_000
AHEAD = 60.0
"""Seconds by which the clock of another machine may be ahead."""


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def proves(stamp: Stamp, now_ns: int | None = None) -> bool:
    """Whether any later change will show: the stamp lies a tick before now.

    Or so far ahead that no clock of a file system gave it: the next change gives another.
    """
    now = time.time_ns() if now_ns is None else now_ns
    return all(
        at + (TICK_NS if at % 1_000_000_000 else COARSE_NS) < now or at > now + DAY_NS
        for at in stamp[:2]
    )


def changed_at(stamp: Stamp, now: float) -> float:
    """When it was last written to, or put in its place, as a time of the wall clock.

    A time to come is no time: a clock that was wrong gave it. 0 if both are.
    """
    return max((at / 1e9 for at in stamp[:2] if at / 1e9 <= now + AHEAD), default=0.0)


@dataclass(frozen=True, slots=True)
class Look:
    """The files of a source whose notes may be read one by one, as they are now; cheap to have."""

    notes: Mapping[str, tuple[str, Stamp]]
    """Where each is, and how it is, by their paths below the root (`/`, NFC)."""
    rest: str
    """Differs once anything else does that a scan may show."""
    complete: bool
    """Nothing was out of reach."""


@cache
def program() -> str:
    """Changes with any change of this program or of the libraries beside it."""
    libraries = Path(msgspec.__file__).parents[1].stat().st_mtime_ns
    return h16(repr(sorted(_modules(str(Path(ankiforge.__file__).parent)))), str(libraries))


def _modules(folder: str) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry.path, stamp_of(entry.stat())
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _modules(entry.path)
