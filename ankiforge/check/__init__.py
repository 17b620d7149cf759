"""Checks: each judges a draft against its source, pure, and says what it found.

A check is one function, `check(draft, context) -> Iterator[Finding]`, one place in a list,
one rule, and one row in `docs/checks.md` with an example that it catches and one that it lets
pass. block: never ready; warn: a person looks; info: counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ankiforge.check import clozes, duplicates, form, grounding, structure, wording
from ankiforge.check.context import Check, Context
from ankiforge.check.duplicates import Twins
from ankiforge.check.reading import authored, chosen_by_reader
from ankiforge.check.rule import Rule
from ankiforge.domain import Draft, Finding, Severity

__all__ = ["ALL", "RULES", "Check", "Context", "Rule", "Twins", "check"]


def resembles(draft: Draft, context: Context) -> Iterator[Finding]:
    """Cards of other highlights that ask the same."""
    yield from context.twins.near(draft, context.highlight.key)
    if context.batch is not None:
        yield from context.batch.near(draft, context.highlight.key)


ALL: tuple[Check, ...] = (
    *structure.CHECKS,
    *grounding.CHECKS,
    *clozes.CHECKS,
    *wording.CHECKS,
    *form.CHECKS,
    resembles,
)
RULES: tuple[Rule, ...] = (
    *structure.RULES,
    *grounding.RULES,
    *clozes.RULES,
    *wording.RULES,
    *form.RULES,
    *duplicates.RULES,
)
"""Every rule a finding can name."""


def check(draft: Draft, context: Context) -> tuple[Finding, ...]:
    """All findings about a draft, in the order of the checks; never raises.

    A card its author wrote is judged as such: wording is only counted, what would break or
    leave nothing to ask blocks. Where the reader chose the words, wording only warns.
    """
    oversize = tuple(structure.too_long(draft, context))
    found = oversize or tuple(finding for each in ALL for finding in each(draft, context))
    return tuple(_as_heard_by(draft, context, finding) for finding in found)


_WORDING = frozenset(rule.id for rule in (*clozes.RULES, *wording.RULES))
_UNREAD = frozenset((structure.TOO_LONG.id,))
_ONLY_COUNTED = _WORDING | {structure.BAD_TEMPLATE.id, structure.CONTROL_CHARACTER.id}


def _as_heard_by(draft: Draft, context: Context, finding: Finding) -> Finding:
    """The finding with the weight it has for whoever chose these words."""
    if authored(draft) and finding.check in _ONLY_COUNTED:
        return replace(finding, severity=Severity.INFO)
    chosen = authored(draft) and finding.check in _UNREAD
    chosen = chosen or (finding.check in _WORDING and chosen_by_reader(draft, context))
    if chosen and finding.severity is Severity.BLOCK:
        return replace(finding, severity=Severity.WARN)
    return finding
