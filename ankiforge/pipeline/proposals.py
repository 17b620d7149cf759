"""Proposals: the card of a plain passage, made when somebody looks at it, and never stored.

The page, the terminal, `list --no-card` and `accept KEY` all get it from `proposal_of`, so it is
the same everywhere. What waits, what agents see and `accept --all` know nothing of it. A decision
on it makes a card, or rejects its sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import asdict, replace

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.draft import without_comment
from ankiforge.errors import RefusedError
from ankiforge.ledger import HighlightOutcome, Ledger, decide, facts, overview
from ankiforge.ledger.drafts import with_gap
from ankiforge.ledger.tables.here import passage_here
from ankiforge.model import Draft, Finding, Guid, Highlight, Proposal, Severity, Strings

_PROPOSED = ("no_card", "undrafted", "carded")
"""The fates of passages of which something may be proposed; of one with a card, a further fact."""
_DRAFTED = {"waiting": "a draft of it waits", "blocked": "a draft of it is blocked"}
"""Why a passage that has a draft gets no proposal, by its fate."""
REJECTED = "you rejected its proposal"
HAVE_CARDS = "its sentences have cards already"
DECIDED = "its sentences are decided"


def proposal_of(ledger: Ledger, outcome: HighlightOutcome) -> Proposal | str:
    """Return the proposal of a passage, with up to four gaps; or why there is none.

    It is the surest of those whose sentence nobody decided on.
    """
    from ankiforge import check
    from ankiforge.draft.propose import Reason, proposals

    highlight = outcome.highlight
    if outcome.fate not in _PROPOSED or outcome.worth <= 0:
        return outcome.reason
    made = proposals(highlight, faults_of_gap)
    if not made.drafts:
        # as the run counts it, unless it took the passage for one with a proposal
        if outcome.reason in ("", Reason.PROPOSED.value):
            return made.reason
        return outcome.reason
    here = passage_here(ledger, ledger.passage(highlight.key))
    if here.passage.closed:
        return DECIDED if outcome.fate == "carded" else REJECTED
    decided = here.names_of_decided(of_proposals=True)
    context = check.Context(without_comment(highlight), check.DuplicateIndex())
    with_card = here.names_with_card()
    rejected = here.names_of_rejected()
    decided_by = set[str]()
    refused = list[Finding]()
    for draft in made.drafts:
        sentence = facts.fact_of(draft, here.text)
        name = facts.name_of(sentence)
        if sentence and name in decided:
            is_rejected = name in rejected and name not in with_card
            decided_by.add(REJECTED if is_rejected else HAVE_CARDS)
            continue
        findings = check.check(draft, context)
        proposal = Proposal(
            **asdict(replace(draft, findings=findings)), passages=(highlight,)
        )
        if not proposal.unfit:
            return proposal
        refused += findings
    return why_none(decided_by, refused)


def why_none(decided_by: Collection[str], refused: Iterable[Finding]) -> str:
    """Return why a passage of which drafts can be made has no proposal.

    Args:
        decided_by: what decided its sentences: `HAVE_CARDS`, `REJECTED`, or both.
        refused: the findings about drafts of its other sentences.
    """
    for finding in refused:
        if finding.severity is Severity.BLOCK:
            return finding.message
    return DECIDED if len(decided_by) > 1 else next(iter(decided_by))


def proposal_at(ledger: Ledger, key: str) -> Proposal:
    """Return the proposal of the passage with a key.

    Raises:
        RefusedError: there is none, with the reason.
    """
    outcome = next(overview.fates(ledger, key), None)
    if outcome is None:
        hint = "ankiforge list --no-card shows what is there"
        raise RefusedError(f"{key}: this passage is not in its source now", hint=hint)
    found = proposal_of(ledger, outcome)
    if isinstance(found, Proposal):
        return found
    if outcome.fate in _DRAFTED:
        hint = "ankiforge list shows its id"
        raise RefusedError(f"{key}: {_DRAFTED[outcome.fate]}", hint=hint)
    raise RefusedError(
        f"{key}: no proposal: {found or DECIDED}", hint=f"ankiforge edit {key}"
    )


def accept(
    ledger: Ledger, proposal: Proposal, decks: tuple[DeckRule, ...], *, gap: int = 1
) -> Guid:
    """Make the card of a proposal, with one of its gaps, from 1, the best one.

    Raises:
        RefusedError: it has no such gap, or its passage is in doubt.
    """
    deck = deck_of(decks, proposal.highlight).deck
    return decide.make(ledger, replace(with_gap(proposal, gap), deck=deck))


def faults_of_gap(draft: Draft, highlight: Highlight) -> Strings:
    """Return the findings that block a draft with one of several gaps of a sentence, as text."""
    from ankiforge.check import check_alone

    blocking = []
    for finding in check_alone(draft, highlight):
        if finding.severity is Severity.BLOCK:
            blocking.append(finding.message)
    return tuple(blocking)
