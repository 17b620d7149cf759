"""The numbers and severities of the checks, as shipped or as `checks:` sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ankiforge.check.rule import Rule
from ankiforge.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person has set; whatever is not named here is as shipped."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    """The number of a rule, by its id."""
    severities: Mapping[str, Severity | None] = field(default_factory=dict)
    """The severity of a rule, by its id; None = it is off."""

    def of(self, rule: Rule) -> int:
        """The number of a rule that has one."""
        usual = rule.bound.usual if rule.bound else 0
        return self.numbers.get(rule.id, usual)

    def is_off(self, rule: Rule) -> bool:
        """Whether nobody wants to hear of it."""
        return self.severities.get(rule.id, rule.severity) is None

    def over(self, value: float, *rules: Rule) -> Rule | None:
        """The first of these rules, the gravest first, that a value breaks."""
        for rule in rules:
            broken = rule.bound is not None and rule.bound.broken_by(value, self.of(rule))
            if broken and not self.is_off(rule):
                return rule
        return None

    def counted(self, value: int, *rules: Rule) -> tuple[Finding, ...]:
        """The finding of the first of these rules that a number breaks, or none."""
        rule = self.over(value, *rules)
        return (rule.exceeded(value, self.of(rule)),) if rule else ()

    def weighed(self, finding: Finding) -> Finding | None:
        """The finding with the severity that was set for it; None if it is off."""
        if finding.check not in self.severities:
            return finding
        severity = self.severities[finding.check]
        return None if severity is None else replace(finding, severity=severity)


SHIPPED = Limits()
