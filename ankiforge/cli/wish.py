"""What a call of `ankiforge run` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ankiforge.cli.common import Call


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of one call."""

    call: Call
    paths: tuple[Path, ...]
    deck: str
    output: str | None
    drafter: str
    accept: str
    new_only: bool
    name: str
    force: bool
    dry_run: bool
    once: bool = False
    """The PATHs are not remembered."""
    push: bool = False
    """Into a running Anki, not only into a package."""
