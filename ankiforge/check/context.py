"""What a check is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ankiforge.domain import Draft, Finding, Highlight, Severity

if TYPE_CHECKING:
    from ankiforge.check.duplicates import Twins


@dataclass(frozen=True, slots=True)
class Context:
    """What a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    twins: Twins
    """The cards there are already."""
    batch: Twins | None = None
    """The drafts of the same batch that came before it."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""Pure; yields what it finds, nothing if all is well, and never raises."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a card; `docs/checks.md` shows each at work."""

    id: str
    severity: Severity
    says: str

    def found(self, detail: str = "", *, twin: str = "") -> Finding:
        """The finding that this rule was broken, the detail behind its words."""
        return Finding(self.id, self.severity, f"{self.says} {detail}".rstrip(), twin)
