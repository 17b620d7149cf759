"""Check drafts against their source, and report findings.

Each check is a pure function. `check_draft` runs all checks, and reduces the severity of
findings about wording that the user chose. A *block* finding prevents the draft from being
accepted, a *warn* finding requires the user's decision, and an *info* finding is only
counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ankiforge.check import duplicates, meaning, numbers, source, structure, wording
from ankiforge.check.duplicates import DuplicateIndex, compute_search_terms
from ankiforge.check.rules_and_text import (
    RULES,
    Check,
    CheckContext,
    Rule,
    are_gaps_highlighted,
    describe_rule,
    is_chosen_by_reader,
    is_user_written,
    make_finding,
    parse_draft,
)
from ankiforge.check.structure import MAX_CARD_CHARS, check_size
from ankiforge.check.wording import remove_revealing_context
from ankiforge.model import (
    PHRASE_DRAFTER,
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Finding,
    Highlight,
    HighlightKind,
    NoteType,
    Severity,
)

__all__ = [
    "ALL_CHECKS",
    "MAX_CARD_CHARS",
    "RULES",
    "CheckContext",
    "DuplicateIndex",
    "Rule",
    "are_gaps_highlighted",
    "check_anki_card",
    "check_draft",
    "check_without_source",
    "compute_search_terms",
    "describe_rule",
    "make_finding",
    "parse_draft",
    "remove_revealing_context",
]

CARD_CHECKS = (
    Check(structure.check_empty_sides, NoteType.BASIC),
    Check(structure.check_visible_text, NoteType.CLOZE),
    Check(structure.check_cloze_syntax),
    Check(structure.check_formula_syntax),
    Check(structure.check_other_syntax),
    Check(structure.check_control_characters),
    Check(structure.check_gap_edges, NoteType.CLOZE),
    Check(structure.check_encoding),
    Check(wording.check_opening, NoteType.CLOZE),
    Check(wording.check_gap_content, NoteType.CLOZE),
    Check(wording.check_gap_identifiers, NoteType.CLOZE),
    Check(wording.check_gap_length, NoteType.CLOZE),
    Check(wording.check_visible_words, NoteType.CLOZE),
    Check(wording.check_gap_leaks, NoteType.CLOZE),
    Check(wording.check_cloze_length, NoteType.CLOZE),
    Check(wording.check_gap_count, NoteType.CLOZE),
    Check(wording.check_gap_set, NoteType.CLOZE),
    Check(wording.check_yes_or_no, NoteType.BASIC),
    Check(wording.check_question_patterns, NoteType.BASIC),
    Check(wording.check_question_subject, NoteType.BASIC),
    Check(wording.check_question_context, NoteType.BASIC),
    Check(wording.check_answer_in_question, NoteType.BASIC),
    Check(wording.check_answer_set, NoteType.BASIC),
    Check(wording.check_answer_length, NoteType.BASIC),
    Check(wording.check_question_length, NoteType.BASIC),
    Check(wording.check_external_references),
    Check(wording.check_placeholders),
    Check(wording.check_truncation),
)
"""The checks that look only at the card. `ankiforge repair` runs them on all cards in Anki."""
_COMPARISON_CHECKS = (
    Check(source.check_answers),
    Check(numbers.check_numbers),
    Check(meaning.check_meaning),
    Check(source.check_formulas_code_and_names),
    Check(source.check_language),
)
"""The checks that compare the passage with a card that may paraphrase it.

Skipped for literal quotations, which can't change the meaning or add numbers.
"""
SOURCE_CHECKS = (
    Check(source.check_quote),
    Check(source.check_fact_is_highlighted),
    Check(source.check_links),
    Check(source.check_active_markup),
    Check(source.check_chatbot_phrases),
    *_COMPARISON_CHECKS,
)
"""The checks that compare a card with its source. Skipped for cards that the user wrote."""
ALL_CHECKS = (
    *CARD_CHECKS,
    *SOURCE_CHECKS,
    Check(source.check_highlight_suitability),
    Check(source.check_pictures),
    Check(duplicates.check_duplicates),
)
"""All checks, in the order in which their findings are reported."""
_TOO_LONG = "too_long"
_WORDING_RULES = frozenset(rule.id for rule in RULES if rule.group == "wording")
_BREAKING_RULES = frozenset(("empty_side", "malformed", "gap_is_all", "maths"))
"""Rules about faults that break a card in Anki or leave nothing to ask."""
FORM_RULES = _BREAKING_RULES | {"control_character", "damaged_text"}
"""Rules about faults of form, which are reported for any card in Anki.

Wording rules aren't applied to cards that ankiforge didn't create, because only two in five of
those findings were right.
"""
_EMPTY_HIGHLIGHT = Highlight(
    document=Document(DocumentKey(""), source="", title=""),
    namespace="",
    kind=HighlightKind.CARD,
    exact="",
    comment_is_instruction=False,
)


def check_draft(draft: CardContent, context: CheckContext) -> tuple[Finding, ...]:
    """Run all checks on a draft and return their findings in order. Never raises.

    Findings about wording are reduced to *info* if the user wrote the card, and to *warn* if the
    user only chose what the card asks.
    """
    if draft.kind is CardKind.OCCLUSION:
        return tuple(source.check_figure_labels(draft, context))
    skipped_checks: tuple[Check, ...] = ()
    if is_user_written(draft):
        skipped_checks = SOURCE_CHECKS
    elif _is_literal_quotation(draft, context):
        skipped_checks = _COMPARISON_CHECKS
    checks = [check for check in ALL_CHECKS if check not in skipped_checks]
    return _run_and_adjust(draft, context, checks)


def _is_literal_quotation(draft: CardContent, context: CheckContext) -> bool:
    """Return whether the text of a draft by the rules is a quote from the source, word for word."""
    if not draft.is_proposed and draft.origin.drafter != PHRASE_DRAFTER:
        return False
    if parse_draft(draft).full_text != draft.quote.strip():
        return False
    return not any(source.check_quote(draft, context))


def check_without_source(draft: CardContent, highlight: Highlight) -> tuple[Finding, ...]:
    """Run the checks of a draft that don't need its source. Never raises.

    This is three times as fast as `check_draft`, and enough to rule out unsuitable gaps.
    """
    return _run_and_adjust(draft, CheckContext(highlight, DuplicateIndex()), CARD_CHECKS)


def _run_and_adjust(
    draft: CardContent, context: CheckContext, checks: Sequence[Check]
) -> tuple[Finding, ...]:
    findings: dict[Finding, None] = {}
    for finding in _run_checks(draft, context, checks):
        findings[_adjust_severity(finding, draft, context.highlight)] = None
    return tuple(findings)


def _adjust_severity(
    finding: Finding, draft: CardContent, highlight: Highlight
) -> Finding:
    """Reduce the severity of a finding about words that the user chose.

    In a card that the user wrote, a fault of wording is *info*, and its length at most *warn*. If
    the user chose what the card asks, a fault of wording is at most *warn*.
    """
    if finding.check == wording.DEPENDS_ON_CONTEXT:
        if wording.continues_conversation(draft, highlight):
            return finding  # even the user won't understand the card in two years
    is_about_wording = finding.check in _WORDING_RULES
    if is_user_written(draft):
        if is_about_wording:
            return replace(finding, severity=Severity.INFO)
        if finding.check == _TOO_LONG:
            return _cap_at_warning(finding)
        return finding
    if is_about_wording and is_chosen_by_reader(draft, highlight):
        return _cap_at_warning(finding)
    return finding


def check_anki_card(card: CardContent, *, is_ours: bool = False) -> tuple[Finding, ...]:
    """Run the checks on a card that is already in Anki, and return its findings. Never raises.

    Only faults that break the card in Anki, or leave nothing to ask, are reported as *block*.
    Set `is_ours` if ankiforge created the card. For any other card, only the findings of
    `FORM_RULES` are returned.
    """
    context = CheckContext(_EMPTY_HIGHLIGHT, DuplicateIndex())
    findings = []
    for finding in _run_checks(card, context, CARD_CHECKS):
        if finding.check not in _BREAKING_RULES:
            finding = _cap_at_warning(finding)
        if is_ours or finding.check in FORM_RULES:
            findings.append(finding)
    return tuple(dict.fromkeys(findings))


def _run_checks(
    draft: CardContent, context: CheckContext, checks: Sequence[Check]
) -> Iterator[Finding]:
    """Run the checks. If the card is too large, report only its size."""
    oversize_findings = tuple(check_size(draft, context))
    if oversize_findings:
        yield from oversize_findings
        return
    for check in checks:
        if check.note_type in (None, draft.kind.note_type):
            yield from check.find_faults(draft, context)


def _cap_at_warning(finding: Finding) -> Finding:
    if finding.severity is not Severity.BLOCK:
        return finding
    return replace(finding, severity=Severity.WARN)
