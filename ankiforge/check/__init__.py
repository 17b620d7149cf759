"""Checks: pure functions that judge a draft against its source and report findings.

`check` runs them, and adjusts the severity of findings to who chose the words: block =
never accepted, warn = a person decides, info = counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ankiforge.check import duplicates, source, structure, wording
from ankiforge.check.duplicates import DuplicateIndex, terms_of
from ankiforge.check.reading import (
    RULES,
    Check,
    Context,
    Needs,
    Rule,
    authored,
    checks_in,
    chosen_by_reader,
    group,
    in_words,
    make_finding,
    marked,
    read,
    without,
    without_markup,
)
from ankiforge.check.structure import MAX_LENGTH, too_long
from ankiforge.check.wording import safe_context
from ankiforge.language.words import content
from ankiforge.model import (
    PHRASE,
    CardKind,
    Document,
    DocumentKey,
    Finding,
    Highlight,
    HighlightKind,
    Severity,
    Words,
)

__all__ = [
    "ALL",
    "MAX_LENGTH",
    "RULES",
    "Context",
    "DuplicateIndex",
    "Rule",
    "check",
    "check_alone",
    "check_made",
    "content",
    "group",
    "in_words",
    "make_finding",
    "marked",
    "read",
    "safe_context",
    "terms_of",
    "without",
    "without_markup",
]

_NAMES = tuple(module.__name__ for module in (structure, wording, source, duplicates))
"""The modules with checks, in the order in which their findings are reported."""
SOURCELESS = checks_in(_NAMES, Needs.CARD)
"""The checks that need only the card."""
_COMPARING = checks_in(_NAMES, Needs.COMPARISON)
SOURCED = (*checks_in(_NAMES, Needs.SOURCE), *_COMPARING)
"""The checks against the source. They do not apply to cards that a person wrote."""
ALL = (*SOURCELESS, *SOURCED, *checks_in(_NAMES, Needs.REST))
_WORDING = group("wording")
_BREAKING = frozenset(("empty_side", "malformed", "gap_is_all", "maths"))
"""The rules about what would break in Anki, or leaves nothing to ask."""
PLAIN = _BREAKING | {"control_character", "damaged_text"}
"""The rules that are told of cards of any origin: faults of form, which need no judgement.

How strangers word their cards is theirs: of such findings, two of five were true.
"""
_NOWHERE = Highlight(
    document=Document(DocumentKey(""), source="", title=""),
    namespace="",
    kind=HighlightKind.CARD,
    exact="",
    instructs=False,
)


def check(draft: Words, context: Context) -> tuple[Finding, ...]:
    """Return all findings about a draft, in the order of the checks. Never raises.

    If a person wrote the card, findings about the wording are only counted. If the
    reader chose the words, they are warnings at most.
    """
    if draft.kind is CardKind.OCCLUSION:
        return tuple(source.look(draft, context))
    left_out: tuple[Check, ...] = ()
    if authored(draft):
        left_out = SOURCED
    elif draft.proposed or draft.origin.drafter == PHRASE:
        # proposals and marked phrases mostly are their quote word for word
        if read(draft).whole == draft.quote.strip() and not any(
            source.quote(draft, context)
        ):
            left_out = _COMPARING
    return _adjusted(draft, context, tuple(each for each in ALL if each not in left_out))


def check_alone(draft: Words, highlight: Highlight) -> tuple[Finding, ...]:
    """Return the findings for which nothing but the card has to be seen. Never raises.

    They are a part of what `check` returns, in a third of the time: enough to compare gaps
    of one sentence.
    """
    return _adjusted(draft, Context(highlight, DuplicateIndex()), SOURCELESS)


def _adjusted(
    draft: Words, context: Context, checks: tuple[Check, ...]
) -> tuple[Finding, ...]:
    """Return the findings of some checks, adjusted to who chose the words."""
    by_author = authored(draft)
    by_reader = chosen_by_reader(draft, context.highlight)
    findings = []
    for finding in _run(draft, context, checks):
        is_wording = finding.check in _WORDING
        leans = finding.check == wording.LEANS_BACK
        if leans and wording.goes_on(draft, context.highlight):
            pass  # a person's own, too, would ask nothing in two years
        elif by_author and is_wording:
            finding = replace(finding, severity=Severity.INFO)
        elif (by_author and finding.check == "too_long") or (by_reader and is_wording):
            finding = _at_most_warned(finding)
        findings.append(finding)
    return tuple(dict.fromkeys(findings))


def check_made(card: Words, *, ours: bool = False) -> tuple[Finding, ...]:
    """Return all findings about a card as it is in Anki, without its source. Never raises.

    Only findings about what would break in Anki, or leaves nothing to ask, can block.

    Args:
        card: the card, of any origin.
        ours: whether it was made here; of others only the rules of `PLAIN` count.
    """
    findings = []
    for finding in _run(card, Context(_NOWHERE, DuplicateIndex()), SOURCELESS):
        if finding.check not in _BREAKING:
            finding = _at_most_warned(finding)
        if ours or finding.check in PLAIN:
            findings.append(finding)
    return tuple(dict.fromkeys(findings))


def _run(draft: Words, context: Context, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """Yield the findings; for oversized cards, only that finding."""
    oversize = tuple(too_long(draft, context))
    if oversize:
        yield from oversize
        return
    for run in checks:
        yield from run(draft, context)


def _at_most_warned(finding: Finding) -> Finding:
    if finding.severity is not Severity.BLOCK:
        return finding
    return replace(finding, severity=Severity.WARN)
