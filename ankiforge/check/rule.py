"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass

from ankiforge.domain import Finding, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a card; `docs/checks.md` shows each at work."""

    id: str
    severity: Severity
    says: str

    def found(self, detail: str = "", *, twin: str = "") -> Finding:
        """The finding that this rule was broken, the detail behind its words."""
        return Finding(self.id, self.severity, f"{self.says} {detail}".rstrip(), twin)
