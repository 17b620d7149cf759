"""What one note says, as it is kept and sent, and which files its pictures are."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ankiforge.extract._folder import PICTURE
from ankiforge.model import Extracted, Problem


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one note yields."""

    problems: tuple[Problem, ...] = ()
    extracted: Extracted | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    """(what it calls a picture, which file that was): another file by that name may come."""


NOTHING = Said()


def picture(target: str, note: str, others: Mapping[str, str]) -> str:
    """The path below the vault of the picture that a note calls `target`, or "".

    `others` are the vault's files that are no notes, as in `Files`.
    """
    if not PICTURE.match(target):
        return ""
    beside = f"{note.rpartition('/')[0]}/{target}".lstrip("/")
    for name in (beside, target.lstrip("/"), target.rpartition("/")[2]):
        if found := others.get(_normal(name)):
            return found
    return target


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts).casefold()
