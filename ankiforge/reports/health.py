"""What doctor finds: one `Check` for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ankiforge.config.workspace import UserFolders
from ankiforge.errors import ForgeError
from ankiforge.reports.discover import Machine


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """Works, but somebody should act."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    says: str
    do: str = ""
    exit_code: int = 0
    """The code this part would end a run with; 0 where it is ok."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside the workspace that matters; tests bring their own."""

    folders: UserFolders
    machine: Machine
    environ: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    """Ask no host but this machine."""
    draw: bool = False
    """Draw a card with the model though it is elsewhere, and may cost something."""


def failed(name: str, error: ForgeError) -> Check:
    """A part that raises its error."""
    return Check(name, State.FAIL, error.message, error.hint, error.exit_code)
