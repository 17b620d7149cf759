"""What was drawn of a passage that has cards: each revises its own, or waits beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ankiforge.ledger.cards.choices import Choices
from ankiforge.ledger.cards.intents import Row, numbered_as_before
from ankiforge.ledger.cards.remembering import Remembering
from ankiforge.ledger.cards.slots import Slots
from ankiforge.ledger.cards.values import Cards, letter_of
from ankiforge.ledger.connection import to_json
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.deciding.revisions import stands
from ankiforge.ledger.events import Columns
from ankiforge.ledger.writing import SOURCE
from ankiforge.model import (
    AcceptedBy,
    Candidate,
    CandidateState,
    Card,
    Checked,
    Family,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    RunId,
    Severity,
    Standing,
    Verdict,
)


@dataclass(slots=True)
class Recorded:
    """What recording one batch came to."""

    drafted: int = 0
    merged: int = 0
    revised: int = 0
    flooded: int = 0
    guids: list[Guid] = field(default_factory=list)
    """The cards that are new."""
    labels: dict[str, Guid] = field(default_factory=dict)
    """Which card a draft of the batch became, if it leads there."""
    named: dict[str, Guid] = field(default_factory=dict)
    """To which card each draft of the batch belongs."""
    parted: list[HighlightKey] = field(default_factory=list)
    """Highlights that had been merged into a card which says something else now."""


Accept = Callable[[RunId, Guid, HighlightKey, Checked], bool]
"""Lets policy decide; False if the card waits as one of too many."""


class Reviser:
    """Brings cards up to what their passage says now."""

    def __init__(
        self,
        decisions: Decisions,
        cards: Cards,
        slots: Slots,
        remembering: Remembering,
        choices: Choices,
        accept: Accept,
    ) -> None:
        self._decisions = decisions
        self._cards = cards
        self._slots = slots
        self._remembering = remembering
        self._choices = choices
        self._accept = accept

    # --- a choice that nobody has made yet -------------------------------------------------------

    def redraw(self, card: Card, row: Row, recorded: Recorded, *, beside: bool = False) -> None:
        """What was drawn now takes the place of the candidates that waited; equal ones stay.

        `beside`: none gives way; what was drawn is one more to choose from.
        """
        if card.standing is not Standing.LIVE:
            self._choices.revive(card)
        there = self._remembering.numbers_in_anki(card.guid)
        row = [numbered_as_before(checked, card, there) for checked in row]
        waits = [one for one in card.candidates if one.state is not CandidateState.PASSED]
        if beside and all(_is_among(waits, checked) for checked in row):
            return
        states = {letter_of(one): CandidateState.PASSED for one in card.candidates}
        states |= {letter_of(one): CandidateState.OPEN for one in waits if beside}
        for checked in row:
            states[self._letter_of(card, checked)] = CandidateState.OPEN
        now = self._cards.get(card.guid).candidates
        waiting = [one for one in now if states[letter_of(one)] is CandidateState.OPEN]
        lead = next((one for one in waiting if not one.blocked), waiting[0]).draft
        changed = {
            letter_of(one): states[letter_of(one)].value
            for one in now
            if one.state is not states[letter_of(one)]
        }
        if lead.fields == card.fields and not changed and len(now) == len(card.candidates):
            return
        recorded.revised += 1
        self._slots.give(card.key, card.family, card.slot, lead)
        after: Columns = {"fields": to_json(lead.fields), "kind": lead.kind.value}
        after = after if lead.fields != card.fields else {}
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=changed, extra={"answer": lead.answer}
        )
        if lead.fields != card.fields:
            recorded.parted += self._decisions.part_others(card.guid)

    def open(self, card: Card, recorded: Recorded) -> None:
        """There is something else to choose from: a card that waited alone is not the one yet."""
        states = {letter_of(c): CandidateState.OPEN.value for c in (card.picked,) if c}
        if states:
            self._decisions.change(card.guid, "revise", {}, by=SOURCE, candidates=states)
        recorded.revised += 1

    def _letter_of(self, card: Card, checked: Checked) -> str:
        """The candidate of these very words, or a new one."""
        words = (checked.draft.kind, checked.draft.fields)
        for one in card.candidates:
            if (one.draft.kind, one.draft.fields) == words:
                self._cards.set_findings(card.guid, letter_of(one), checked.findings)
                return letter_of(one)
        return self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)

    # --- a card --------------------------------------------------------------------------------

    def _without_settled(self, guid: Guid, checked: Checked) -> Checked:
        """What a person said of a card and its twin holds for its revisions, too."""
        return replace(checked, findings=self._cards.pairs.settled(guid, checked.findings))

    def revise(self, run: RunId, card: Card, group: Row, recorded: Recorded) -> None:
        """The source changed: a new candidate, accepted as the old was, or waiting as a diff."""
        group = self._as_before(card, group)
        if same := _says_the_same(card, group):
            self._stays(card, same)
            return
        if _reworded_since(card, group):
            self._pass_over(card, card.picked)
            return
        recorded.revised += 1
        letters = [self._cards.add_candidate(card.guid, c, CandidateState.OPEN) for c in group]
        if len(group) == 1 and _inherits(card, group[0]):
            self._take(card, letters[0], group[0])
            recorded.parted += self._decisions.part_others(card.guid)
            if card.verdict is Verdict.PENDING:
                home = card.highlight.key
                recorded.flooded += not self._accept(run, card.guid, home, group[0])
        else:
            decided = card.verdict is Verdict.ACCEPTED or card.edited
            keep = card.picked if decided else None
            self._pass_over(card, keep)

    def offer(self, card: Card, row: Row, recorded: Recorded) -> None:
        """A person asks again about a card that is chosen: what was drawn waits beside it.

        Corrections that waited before stay; what is there already, or was reworded, is not offered.
        """
        there = [c for c in card.candidates if card.edited or c.state is not CandidateState.PASSED]
        new = [one for one in self._as_before(card, row) if not _is_among(there, one)]
        for checked in new:
            self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)
        recorded.revised += bool(new)

    def _as_before(self, card: Card, row: Row) -> Row:
        """With the cloze numbers of the card, and without what a person said is no twin of it."""
        there = self._remembering.numbers_in_anki(card.guid)
        row = [numbered_as_before(checked, card, there) for checked in row]
        return [self._without_settled(card.guid, checked) for checked in row]

    def _stays(self, card: Card, checked: Checked) -> None:
        """The card stands as it is; a revision that waited has nothing to say any more."""
        self._cards.set_findings(card.guid, letter_of(card.leading), checked.findings)
        self._pass_over(card, card.picked)
        self._cards.refresh(card.guid)

    def _pass_over(self, card: Card, keep: Candidate | None) -> None:
        """Earlier candidates are superseded by what was drawn now."""
        waiting = [c for c in card.candidates if c != keep and c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        if states:
            self._decisions.change(card.guid, "revise", {}, by=SOURCE, candidates=states)
        self._cards.refresh(card.guid)

    def _take(self, card: Card, letter: str, checked: Checked) -> None:
        after: Columns = {"fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value}
        waiting = [c for c in card.candidates if c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        states[letter] = CandidateState.PICKED.value
        self._slots.give(card.key, card.family, card.slot, checked.draft)
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=states,
            extra={"answer": checked.draft.answer},
        )  # fmt: skip
        self._cards.refresh(card.guid)

    def leave_behind(
        self, highlight: Highlight, existing: list[Card], kept: set[Guid], families: set[Family]
    ) -> list[HighlightKey]:
        """Live cards that nothing revises: retired if rewritten as another kind, else marked.

        One whose evidence still stands in the passage is left as it is.

        Returns whom the retired ones served as well.
        """
        parted = []
        for card in existing:
            if card.guid in kept or card.standing is not Standing.LIVE:
                continue
            if _from_source(card) and card.family not in families:
                after = {"standing": Standing.RETIRED.value, "standing_why": "rewritten"}
                self._decisions.change(card.guid, "retire", after, by=SOURCE)
                parted += self._decisions.part_others(card.guid)
            elif not stands(card, highlight.exact):
                self._mark_unsupported(card)
        return parted

    def _mark_unsupported(self, card: Card) -> None:
        said = "its highlight has changed, and nothing drawn from it now is this card"
        finding = Finding("source_changed", Severity.WARN, said)
        lead = card.leading
        if finding not in lead.findings:
            self._cards.set_findings(card.guid, letter_of(lead), (*lead.findings, finding))


def _from_source(card: Card) -> bool:
    """Whether the source had its words; what a person made here of a passage goes with no draft."""
    made_here = card.leading.draft.origin.drafter == "person"
    by_hand = card.highlight.kind is HighlightKind.CARD or not made_here
    return card.leading.draft.by_hand and by_hand


def _says_the_same(card: Card, group: Row) -> Checked | None:
    """What was drawn as the card says it: of several candidates the one that a person chose."""
    words = (card.picked.draft.kind, card.picked.draft.fields) if card.picked else None
    return next((c for c in group if (c.draft.kind, c.draft.fields) == words), None)


def _is_among(candidates: list[Candidate], checked: Checked) -> bool:
    """Whether one of these has the very words that were drawn now."""
    words = (checked.draft.kind, checked.draft.fields)
    return any((one.draft.kind, one.draft.fields) == words for one in candidates)


def _reworded_since(card: Card, group: Row) -> bool:
    """Whether a person has put other words in the place of just these."""
    passed = [c.draft.fields for c in card.candidates if c.state is CandidateState.PASSED]
    return card.edited and any(checked.draft.fields in passed for checked in group)


def _inherits(card: Card, checked: Checked) -> bool:
    """Whether a revision takes the card's place at once, without a person."""
    if card.edited:
        return False
    if card.verdict is Verdict.PENDING:
        return True
    by_machine = card.accepted_by in (AcceptedBy.POLICY, AcceptedBy.AUTHOR)
    return by_machine and all(finding.severity is Severity.INFO for finding in checked.findings)
