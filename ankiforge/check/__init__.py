"""Checks: each judges a draft against its source, pure, and says what it found.

A check is one function, `check(draft, context) -> Iterator[Finding]`, one place in a list,
one rule, and one row in `docs/checks.md` with an example that it catches and one that it lets
pass. block: never ready; warn: a person looks; info: counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ankiforge.check import (
    clozes,
    duplicates,
    filler,
    form,
    inline,
    language,
    siblings,
    structure,
    unfinished,
    wording,
)
from ankiforge.check import settings as _settings
from ankiforge.check.context import Check, Context
from ankiforge.check.duplicates import DuplicateIndex
from ankiforge.check.lexical.reading import authored, chosen_by_reader
from ankiforge.check.limits import Limits
from ankiforge.check.lines import Names
from ankiforge.check.rule import Bound, Rule
from ankiforge.check.siblings import Siblings
from ankiforge.check.source import aim, contraries, figures, grounding, inert, literal, relations
from ankiforge.config.yamlfile import Location
from ankiforge.model import (
    Document,
    DocumentKey,
    Draft,
    Finding,
    Highlight,
    HighlightKind,
    Severity,
)

__all__ = [
    "ALL",
    "GROUNDS",
    "RULES",
    "SOURCELESS",
    "Bound",
    "Check",
    "Context",
    "DuplicateIndex",
    "Limits",
    "Names",
    "Rule",
    "Siblings",
    "check",
    "limits_from",
    "lint",
]


def resembles(draft: Draft, context: Context) -> Iterator[Finding]:
    """Cards of other highlights that ask the same."""
    yield from context.known.near(draft, context.highlight.key)
    if context.batch is not None:
        yield from context.batch.near(draft, context.highlight.key)


def given_away(draft: Draft, context: Context) -> Iterator[Finding]:
    """No other card that was drawn with it shows its answer together with its question."""
    if context.siblings is not None and not authored(draft):
        yield from context.siblings.leaks(draft, context.limits.of(siblings.SIBLING_LEAK) / 100)


SOURCELESS: tuple[Check, ...] = (
    *structure.CHECKS,
    *clozes.CHECKS,
    *wording.CHECKS,
    *filler.CHECKS,
    *unfinished.CHECKS,
)
"""Those that need nothing but the card."""
ALL: tuple[Check, ...] = (
    *structure.CHECKS,
    *grounding.CHECKS,
    *figures.CHECKS,
    *literal.CHECKS,
    *inert.CHECKS,
    *relations.CHECKS,
    *contraries.CHECKS,
    *aim.CHECKS,
    *language.CHECKS,
    *clozes.CHECKS,
    *wording.CHECKS,
    *filler.CHECKS,
    *unfinished.CHECKS,
    *inline.CHECKS,
    *form.CHECKS,
    given_away,
    resembles,
)
RULES: tuple[Rule, ...] = (
    *structure.RULES,
    *grounding.RULES,
    *figures.RULES,
    *literal.RULES,
    *inert.RULES,
    *relations.RULES,
    *contraries.RULES,
    *aim.RULES,
    *language.RULES,
    *clozes.RULES,
    *wording.RULES,
    *filler.RULES,
    *unfinished.RULES,
    *inline.RULES,
    *form.RULES,
    *siblings.RULES,
    *duplicates.RULES,
)
"""Every rule a finding can name."""
GROUNDS = frozenset(
    rule.id
    for module in (grounding, figures, literal, relations, contraries, aim)
    for rule in module.RULES
    if rule.firm
)
"""The rules that doubt whether the source says what a card says."""


def limits_from(settings: Mapping[str, Any], where: Location) -> Limits:
    """The limits that `checks:` of `ankiforge.yaml` sets.

    Raises:
        ConfigError: with file, line, key, and what was expected.
    """
    return _settings.limits_from(settings, where, RULES)


def check(draft: Draft, context: Context) -> tuple[Finding, ...]:
    """All findings about a draft, in the order of the checks; never raises.

    A card its author wrote is judged as such: wording is only counted, what would break or
    leave nothing to ask blocks. Where the reader chose the words, wording only warns.
    """
    found = _weighed(_run(draft, context, ALL), context.limits)
    return tuple(_as_heard_by(draft, context, finding) for finding in found)


_NOWHERE = Highlight(Document(DocumentKey(""), "", ""), "", HighlightKind.CARD, "", instructs=False)
_BREAKS = frozenset(rule.id for rule in structure.RULES) - {
    structure.TOO_LONG.id,
    structure.BAD_TEMPLATE.id,
    structure.CONTROL_CHARACTER.id,
}


def lint(draft: Draft, limits: Limits) -> tuple[Finding, ...]:
    """All findings about a bare card of whatever origin, without its source; never raises.

    What would break in Anki, or leaves nothing to ask, blocks; all else warns at most.
    """
    context = Context(_NOWHERE, DuplicateIndex(), limits=limits)
    found = _weighed(_run(draft, context, SOURCELESS), limits)
    return tuple(_at_most_warned(finding) for finding in found)


def _at_most_warned(finding: Finding) -> Finding:
    if finding.severity is Severity.BLOCK and finding.check not in _BREAKS:
        return replace(finding, severity=Severity.WARN)
    return finding


def _run(draft: Draft, context: Context, checks: Iterable[Check]) -> Iterator[Finding]:
    """What is found; of a card of pages nothing but that."""
    oversize = tuple(structure.too_long(draft, context))
    yield from oversize or (finding for each in checks for finding in each(draft, context))


def _weighed(found: Iterable[Finding], limits: Limits) -> Iterator[Finding]:
    """The findings with the severities that were set for them."""
    return (heard for finding in found if (heard := limits.weighed(finding)))


_WORDING = frozenset(rule.id for rule in (*clozes.RULES, *wording.RULES, *filler.RULES))
_UNREAD = frozenset((structure.TOO_LONG.id,))
_ONLY_COUNTED = _WORDING | {structure.BAD_TEMPLATE.id, structure.CONTROL_CHARACTER.id}


def _as_heard_by(draft: Draft, context: Context, finding: Finding) -> Finding:
    """The finding with the weight it has for whoever chose these words."""
    if authored(draft) and finding.check in _ONLY_COUNTED:
        return replace(finding, severity=Severity.INFO)
    chosen = authored(draft) and finding.check in _UNREAD
    chosen = chosen or (finding.check in _WORDING and chosen_by_reader(draft, context.highlight))
    if chosen and finding.severity is Severity.BLOCK:
        return replace(finding, severity=Severity.WARN)
    return finding
