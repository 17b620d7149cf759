"""What a check is given, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ankiforge.check.duplicates import DuplicateIndex
from ankiforge.check.limits import SHIPPED, Limits
from ankiforge.check.lines import NO_NAMES, Names
from ankiforge.check.siblings import Siblings
from ankiforge.model import Draft, Finding, Highlight


def _no_fault(path: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Context:
    """What a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: DuplicateIndex
    """The cards there are already."""
    batch: DuplicateIndex | None = None
    """The drafts of the same batch that came before it."""
    limits: Limits = SHIPPED
    """The numbers and severities that hold here."""
    siblings: Siblings | None = None
    """All drafts of the same batch: one may give another away."""
    names: Names = NO_NAMES
    """What stands before `::` all over its source."""
    picture_fault: Callable[[str], str] = _no_fault
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""Pure; yields what it finds, nothing if all is well, and never raises."""
