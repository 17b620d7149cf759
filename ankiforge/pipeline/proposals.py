"""Suggest a card for a passage without a draft when the passage is shown to the user.

A suggested card is a `Proposal`, which is never stored. The web page, the terminal, `list` and
`accept KEY` all call `find_proposal`, so they show the same card. Agents don't see it, and
`accept --all` leaves it. The user's decision creates a card or rejects the sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import asdict, replace

from ankiforge.config.deckfiles import DeckRule, choose_deck
from ankiforge.draft import remove_comment_from_context
from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    HighlightOutcome,
    Ledger,
    PassageStatus,
    decide,
    pending_items,
    sentence_decisions,
)
from ankiforge.ledger.draft_completion import select_gap
from ankiforge.ledger.snapshots import PassageSnapshot
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    MIN_CERTAIN_CONFIDENCE,
    Draft,
    DraftingResult,
    Finding,
    Guid,
    Highlight,
    Proposal,
    Severity,
    Strings,
)

_PROPOSABLE_STATUSES = (
    PassageStatus.NO_CARD,
    PassageStatus.UNDRAFTED,
    PassageStatus.CARDED,
)
"""The statuses of passages that may get a proposal. A passage with a card may contain another
sentence that is worth a card.
"""
_DRAFT_REASONS = {
    PassageStatus.WAITING: "a draft of it waits",
    PassageStatus.BLOCKED: "a draft of it is blocked",
}
"""Why a passage with a draft gets no proposal, by the status of the passage."""
MAX_CONFIDENCE_WITHOUT_CARD = 0.7
"""The confidence in a sentence of which the checks hide the card. A chat may still ask about it."""
REJECTED = "you rejected its suggestion"
HAVE_CARDS = "its sentences have cards already"
DECIDED = "you have decided on its sentences already"


def find_proposal(ledger: Ledger, outcome: HighlightOutcome) -> Proposal | str:
    """Return the best proposal for a passage, or the reason why there is none.

    Sentences that the user has already decided on are skipped. Of the remaining proposals, the
    first whose findings don't hide it is returned.
    """
    from ankiforge import check
    from ankiforge.draft.propose import RejectionReason, propose_drafts

    highlight = outcome.highlight
    if outcome.status not in _PROPOSABLE_STATUSES or outcome.usefulness <= 0:
        return outcome.reason
    candidates = propose_drafts(highlight, find_blocking_messages_for_gap)
    if not candidates.drafts:
        # the recorded reason is wrong if the run expected that there would be a proposal
        expected = (RejectionReason.PROPOSED.value, RejectionReason.LESS_CERTAIN.value)
        if candidates.reason and outcome.reason in ("", *expected):
            return candidates.reason
        return outcome.reason
    snapshot = load_snapshot(ledger, ledger.get_passage(highlight.key))
    if snapshot.passage.is_closed:
        if outcome.status is PassageStatus.CARDED:
            return DECIDED
        return REJECTED
    reason_by_sentence = _explain_decided_sentences(snapshot)
    context = check.CheckContext(
        remove_comment_from_context(highlight), check.DuplicateIndex()
    )
    decision_reasons = set[str]()
    hiding_findings = list[Finding]()
    for draft in candidates.drafts:
        sentence = sentence_decisions.find_draft_sentence(draft, snapshot.text)
        sentence_hash = sentence_decisions.hash_sentence(sentence)
        if sentence and sentence_hash in reason_by_sentence:
            decision_reasons.add(reason_by_sentence[sentence_hash])
            continue
        checked_draft = replace(draft, findings=check.check_draft(draft, context))
        if not checked_draft.is_hidden:
            return Proposal(**asdict(checked_draft), passages=(highlight,))
        hiding_findings += checked_draft.findings
    return explain_no_proposal(decision_reasons, hiding_findings)


def _explain_decided_sentences(snapshot: PassageSnapshot) -> dict[str, str]:
    """Return why no card is proposed for each decided sentence, by the hash of the sentence."""
    reasons = dict.fromkeys(snapshot.get_decided_sentence_hashes(), HAVE_CARDS)
    rejected = snapshot.get_rejected_sentence_hashes()
    for name in rejected - snapshot.get_carded_sentence_hashes():
        if name in reasons:
            reasons[name] = REJECTED
    return reasons


def confirm_certain_sentences(scores: DraftingResult) -> DraftingResult:
    """Return the scores of a highlight in which each certain sentence has a card to show.

    A sentence is scored without making its card. If the checks hide the card, the sentence is no
    longer certain, so that what is counted as waiting can be shown.
    """
    from ankiforge import check
    from ankiforge.draft.propose import RejectionReason, propose_drafts

    if scores.usefulness < MIN_CERTAIN_CONFIDENCE:
        return scores
    highlight = scores.highlight
    context = check.CheckContext(
        remove_comment_from_context(highlight), check.DuplicateIndex()
    )
    shown_quotes = set[str]()
    for draft in propose_drafts(highlight, find_blocking_messages_for_gap).drafts:
        checked = replace(draft, findings=check.check_draft(draft, context))
        if draft.confidence >= MIN_CERTAIN_CONFIDENCE and not checked.is_hidden:
            shown_quotes.add(draft.quote)
    confirmed = []
    for quote, usefulness in scores.usefulness_by_sentence:
        if quote not in shown_quotes:
            usefulness = min(usefulness, MAX_CONFIDENCE_WITHOUT_CARD)
        confirmed.append((quote, usefulness))
    best = max(usefulness for _, usefulness in confirmed)
    reason = RejectionReason.LESS_CERTAIN
    if best >= MIN_CERTAIN_CONFIDENCE:
        reason = RejectionReason.PROPOSED
    return replace(
        scores,
        usefulness=best,
        usefulness_by_sentence=tuple(confirmed),
        reason=reason.value,
    )


def explain_no_proposal(decided_by: Collection[str], refused: Iterable[Finding]) -> str:
    """Explain why a passage has no proposal even though drafts were made from its sentences.

    If a check blocks one of the drafts, the message of that check is the reason, even if the user
    has decided on other sentences.

    Args:
        decided_by: The kinds of decisions that the user made: `HAVE_CARDS`, `REJECTED` or both.
        refused: The findings about the drafts of sentences without a decision.
    """
    for finding in refused:
        if finding.severity is Severity.BLOCK:
            return finding.message
    return DECIDED if len(decided_by) > 1 else next(iter(decided_by))


def load_proposal(ledger: Ledger, key: str) -> Proposal:
    """Load the proposal for the passage with this key.

    Raises:
        RefusedError: No proposal can be made; the message says why.
    """
    outcome = next(pending_items.iter_highlight_outcomes(ledger, key), None)
    if outcome is None:
        hint = "ankiforge list --no-card shows what is there"
        raise RefusedError(f"{key}: this passage is no longer in its source", hint=hint)
    proposal_or_reason = find_proposal(ledger, outcome)
    if isinstance(proposal_or_reason, Proposal):
        return proposal_or_reason
    if outcome.status in _DRAFT_REASONS:
        hint = "ankiforge list shows its id"
        raise RefusedError(f"{key}: {_DRAFT_REASONS[outcome.status]}", hint=hint)
    raise RefusedError(
        f"{key}: no card is suggested: {proposal_or_reason or DECIDED}",
        hint=f"ankiforge edit {key}",
    )


def accept_proposal(
    ledger: Ledger, proposal: Proposal, decks: tuple[DeckRule, ...], *, gap: int = 1
) -> Guid:
    """Create a card from a proposal. `gap` is the number of the gap to blank out; 1 is the best.

    Raises:
        RefusedError: No such gap exists, or a question about the passage is still open.
    """
    deck = choose_deck(decks, proposal.highlight)
    return decide.make_card_without_draft(
        ledger, replace(select_gap(proposal, gap), deck=deck)
    )


def find_blocking_messages_for_gap(draft: Draft, highlight: Highlight) -> Strings:
    """Return the messages of the checks that block a draft with one of its candidate gaps.

    Because this function runs for every gap, it skips the checks that compare the draft with its
    source.
    """
    from ankiforge.check import check_without_source

    findings = check_without_source(draft, highlight)
    blocking = [finding for finding in findings if finding.severity is Severity.BLOCK]
    return tuple(finding.message for finding in blocking)
