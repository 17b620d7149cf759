"""Making cards by hand of a passage, or saying that none is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.events import MADE, Columns
from ankiforge.making import drawn, standing_on
from ankiforge.model import (
    AcceptedBy,
    CandidateState,
    Card,
    Checked,
    Draft,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Severity,
    Standing,
    Verdict,
    sides_of,
)
from ankiforge.review import Judge
from ankiforge.text.fold import same


def set_aside(ledger: Ledger, keys: Sequence[HighlightKey], reason: str = "") -> None:
    """No card is wanted of these passages; one undo takes it back.

    Raises:
        UsageError: one is no passage that was read; nothing is done.
        RefusedError: one has a card; nothing is done.
    """
    for key in keys:
        if ledger.highlights.get(key) is None:
            what = f"{key!r} is no passage that was read"
            raise UsageError(what, hint="ankiforge list --no-card shows their keys")
        if there := standing_on(ledger, key):
            raise RefusedError(f"{key} has a card", hint=f"ankiforge reject {there[0].guid}")
    ledger.reading.aside.skip(keys, reason)


_TAKEN_BACK = "taken back"


def make(ledger: Ledger, highlight: Highlight, fields: Fields, deck: str, judge: Judge) -> Guid:
    """A card of a person's own words, accepted; one undo takes it back, no drafter rewrites it.

    Beside all that the passage has already.

    Raises:
        RefusedError: a card of the passage says just that, or a check forbids these words.
    """
    draft = drawn(highlight, fields)
    if there := _saying(ledger, draft):
        raise RefusedError(f"{there} says just that already", hint=f"ankiforge show {there}")
    had = _had(ledger, draft)
    if had and had.verdict is Verdict.REJECTED:
        hint = f"ankiforge restore {had.guid}"
        raise RefusedError(f"{highlight.key} had such a card, which was rejected", hint=hint)
    findings = judge(draft, highlight)
    if forbidden := [found.message for found in findings if found.severity is Severity.BLOCK]:
        raise RefusedError(f"not made: {'; '.join(forbidden)}", hint="mend the words")
    checked = Checked(draft, findings, deck=deck)
    if guid := _stored(ledger, highlight, had, checked):
        return guid
    raise RefusedError(f"{highlight.key} was changed meanwhile", hint="look at it again")


def _saying(ledger: Ledger, draft: Draft) -> str:
    """The guid of a card of the passage with these very words on its sides, "" if there is none."""
    sides = sides_of(draft.fields)
    return next(
        (one.guid for one in standing_on(ledger, draft.highlight) if sides_of(one.fields) == sides),
        "",
    )


def _stored(
    ledger: Ledger, highlight: Highlight, had: Card | None, checked: Checked
) -> Guid | None:
    run = ledger.start_run("edit")
    with ledger.unit():
        if had:
            guid: Guid | None = _drawn_again(ledger, had, checked)
        else:
            guid = ledger.placer.make(run, highlight, checked)
        if guid:
            _decide(ledger, guid, checked.draft.fields)
    ledger.finish_run(run)
    return guid


def _drawn_again(ledger: Ledger, had: Card, checked: Checked) -> Guid:
    """The card that was taken back goes on, with these words: the same answer, the same note."""
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
    stands: Columns = {
        "verdict": Verdict.ACCEPTED.value, "standing": Standing.LIVE.value, "standing_why": "",
        "accepted_by": AcceptedBy.PERSON.value, "edited": 1, "fields": to_json(fields),
        "kind": draft.kind.value,
    }  # fmt: skip
    made = {"fields": fields, "quote": draft.quote}
    passed = {
        letter_of(one): CandidateState.PASSED.value
        for one in card.candidates
        if one != card.leading
    }
    ledger.decisions.change(
        guid, "edit", stands, candidates=passed, extra={"answer": draft.answer, MADE: made}
    )
    ledger.policy.settle_deck(guid)
