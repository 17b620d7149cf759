"""Checks: pure functions that judge a draft against its source and report findings.

`check` runs them, and adjusts the severity of findings to who chose the words: block = never accepted,
warn = a person decides, info = counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ankiforge.check import card, source
from ankiforge.check.card import MAX_LENGTH
from ankiforge.check.duplicates import DuplicateIndex, terms_of
from ankiforge.check.leak import safe_context
from ankiforge.check.reading import (
    RULES,
    Check,
    Context,
    Rule,
    authored,
    chosen_by_reader,
    group,
    make_finding,
    read,
    without,
    without_markup,
)
from ankiforge.check.words import content
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
    "MAX_LENGTH",
    "RULES",
    "Context",
    "DuplicateIndex",
    "Rule",
    "check",
    "content",
    "group",
    "lint",
    "make_finding",
    "read",
    "safe_context",
    "terms_of",
    "without",
    "without_markup",
]


def resembles(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards of other highlights that ask the same thing."""
    for index in filter(None, (context.known, context.batch)):
        yield from index.near(draft, context.highlight.key)


SOURCELESS: tuple[Check, ...] = (
    card.structure,
    card.damaged_text,
    card.clozes,
    card.questions,
    card.pointing,
    card.unfinished,
)
"""The checks that need only the card."""
SOURCED: tuple[Check, ...] = (
    source.quote,
    source.answer,
    source.beside,
    source.numbers,
    source.meaning,
    source.literal,
    source.injected,
    source.other_language,
)
"""The checks against the source. They do not apply to cards that a person wrote."""
ALL: tuple[Check, ...] = (*SOURCELESS, *SOURCED, card.form, resembles)
_WORDING = group("wording")
_NOWHERE = Highlight(Document(DocumentKey(""), "", ""), "", HighlightKind.CARD, "", instructs=False)


def check(draft: Draft, context: Context) -> tuple[Finding, ...]:
    """Return all findings about a draft, in the order of the checks. Never raises.

    If a person wrote the card, findings about the wording are only counted. If the reader chose the
    words, they are warnings at most.
    """
    by_author = authored(draft)
    chosen = chosen_by_reader(draft, context.highlight)
    findings = []
    checks = [one for one in ALL if not (by_author and one in SOURCED)]
    for finding in _run(draft, context, checks):
        if by_author and finding.check in _WORDING:
            finding = replace(finding, severity=Severity.INFO)
        elif (by_author and finding.check == "too_long") or (chosen and finding.check in _WORDING):
            finding = _at_most_warned(finding)
        findings.append(finding)
    return tuple(findings)


def lint(draft: Draft) -> tuple[Finding, ...]:
    """Return all findings about a card of any origin, without its source. Never raises.

    Only findings about what would break in Anki, or leaves nothing to ask, can block.
    """
    context = Context(_NOWHERE, DuplicateIndex())
    return tuple(
        finding
        if finding.check in ("empty_side", "malformed", "gap_is_all", "maths")
        else _at_most_warned(finding)
        for finding in _run(draft, context, SOURCELESS)
    )


def _run(draft: Draft, context: Context, checks: Iterable[Check]) -> Iterator[Finding]:
    """Yield the findings; for oversized cards, only that finding."""
    oversize = tuple(card.too_long(draft, context))
    yield from oversize or (one for each in checks for one in each(draft, context))


def _at_most_warned(finding: Finding) -> Finding:
    is_block = finding.severity is Severity.BLOCK
    return replace(finding, severity=Severity.WARN) if is_block else finding
