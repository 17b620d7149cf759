"""What a check says, and the number from which it says it."""

from __future__ import annotations

from dataclasses import dataclass

from ankiforge.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class Bound:
    """The number of a rule, which `checks:` in `ankiforge.yaml` may set."""

    usual: int
    """As shipped."""
    least: int
    most: int
    """What it may be set to."""
    unit: str = ""
    """What is counted: words, %, characters …"""
    floor: bool = False
    """Whether it is the least that is wanted; else the most that is let pass."""

    def broken_by(self, value: float, limit: int) -> bool:
        """Whether a value lies on the wrong side of a limit."""
        return value < limit if self.floor else value > limit


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a card; `docs/checks.md` shows each at work."""

    id: str
    severity: Severity
    says: str
    bound: Bound | None = None
    """Its number, if it has one."""
    firm: bool = False
    """Whether it guards a promise: it may be made stricter, never milder."""

    def found(self, detail: str = "", *, twin: str = "") -> Finding:
        """The finding that this rule was broken, the detail behind its words."""
        return Finding(self.id, self.severity, f"{self.says} {detail}".rstrip(), twin)

    def exceeded(self, value: int, limit: int, detail: str = "") -> Finding:
        """The finding with the number that was counted and the one that was broken."""
        bound = self.bound or Bound(0, 0, 0)
        unit = "%" if bound.unit == "%" else f" {bound.unit}".rstrip()
        wanted = "at least" if bound.floor else "at most"
        told = f"{value}{unit}, {wanted} {limit}{unit if unit == '%' else ''}"
        return self.found(f"{told}; {detail}" if detail else told)
