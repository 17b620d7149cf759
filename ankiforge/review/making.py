"""Making a card by hand, of a passage that has none."""

from __future__ import annotations

from ankiforge.domain import (
    AcceptedBy,
    Batch,
    CandidateState,
    Card,
    Checked,
    Draft,
    Fields,
    Guid,
    Highlight,
    Severity,
    Standing,
    Task,
    Verdict,
)
from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.decisions import Change
from ankiforge.making import MADE, PERSON, drawn, standing_on
from ankiforge.review import Judge
from ankiforge.text.fold import same

_LABEL = "made"
_TAKEN_BACK = "taken back"


def make(ledger: Ledger, highlight: Highlight, fields: Fields, deck: str, judge: Judge) -> Guid:
    """A card of a person's own words, accepted; one undo takes it back, no drafter rewrites it.

    Raises:
        RefusedError: the passage has a card, or a check forbids these words.
    """
    if there := standing_on(ledger, highlight.key):
        raise RefusedError(f"{highlight.key} has a card", hint=f"ankiforge edit {there}")
    draft = drawn(highlight, fields)
    had = _had(ledger, draft)
    if had and had.verdict is Verdict.REJECTED:
        hint = f"ankiforge restore {had.guid}"
        raise RefusedError(f"{highlight.key} had such a card, which was rejected", hint=hint)
    findings = judge(draft, highlight)
    if forbidden := [found.message for found in findings if found.severity is Severity.BLOCK]:
        raise RefusedError(f"not made: {'; '.join(forbidden)}", hint="mend the words")
    task = Task(highlight.document, (highlight,))
    checked = Checked(draft, findings, label=_LABEL, deck=deck)
    guid = _drawn_again(ledger, had, checked) if had else _recorded(ledger, task, checked)
    if guid is None:
        raise RefusedError(f"{highlight.key} was changed meanwhile", hint="look at it again")
    _decide(ledger, guid, fields)
    return guid


def _recorded(ledger: Ledger, task: Task, checked: Checked) -> Guid | None:
    run = ledger.start_run("edit")
    recorded = ledger.recorder.record(run, Batch(task, PERSON, (checked,)))
    ledger.finish_run(run)
    return recorded.labels.get(_LABEL)


def _drawn_again(ledger: Ledger, had: Card, checked: Checked) -> Guid:
    """The card that was taken back goes on, with these words: the same answer, the same note."""
    with ledger.unit():
        for one in had.candidates:
            ledger.cards.set_state(had.guid, letter_of(one), CandidateState.PASSED)
        ledger.cards.add_candidate(had.guid, checked, CandidateState.PICKED)
    return had.guid


def _had(ledger: Ledger, draft: Draft) -> Card | None:
    """A card of the passage with this answer, which a person rejected or took back."""
    for card in ledger.cards.of_highlight(draft.highlight):
        gone = card.verdict is Verdict.REJECTED or card.standing_why == _TAKEN_BACK
        mine = card.highlight.key == draft.highlight and card.family is draft.kind.family
        if gone and mine and same(card.leading.draft.answer, draft.answer):
            return card
    return None


def _decide(ledger: Ledger, guid: Guid, fields: Fields) -> None:
    """It stands by this decision alone: taken back, there is no card again."""
    card = ledger.cards.get(guid)
    draft = card.leading.draft
    gone: Change = {
        "verdict": Verdict.PENDING.value, "standing": Standing.RETIRED.value,
        "standing_why": _TAKEN_BACK, "accepted_by": "", "edited": 0,
    }  # fmt: skip
    stands: Change = {
        "verdict": Verdict.ACCEPTED.value, "standing": Standing.LIVE.value, "standing_why": "",
        "accepted_by": AcceptedBy.PERSON.value, "edited": 1, "fields": to_json(fields),
        "kind": draft.kind.value,
    }  # fmt: skip
    made = {"fields": fields, "quote": draft.quote}
    with ledger.unit():
        ledger.decisions.put(guid, gone, {})
        ledger.decisions.change(guid, "edit", stands, extra={"answer": draft.answer, MADE: made})
        ledger.policy.settle_deck(guid)
