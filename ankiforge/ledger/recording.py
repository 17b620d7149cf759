"""Recording what became of a task: slots given, cards made, revised or merged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ankiforge.domain import (
    AcceptedBy,
    Batch,
    Candidate,
    CandidateState,
    Card,
    Checked,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    NoCard,
    RunId,
    Severity,
    Standing,
    Verdict,
    guid_for,
)
from ankiforge.errors import ForgeError
from ankiforge.ledger.cards import Cards, letter_of
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.decisions import Change, Decisions
from ankiforge.ledger.intents import intents, numbered_as_before, numbered_as_journalled
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.policy import Policy
from ankiforge.ledger.remembering import Remembering
from ankiforge.ledger.revisions import match_groups, stands
from ankiforge.ledger.slots import Slots
from ankiforge.ledger.writing import POLICY, SOURCE, Writer


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
    """Which card a draft of the batch became."""
    parted: list[HighlightKey] = field(default_factory=list)
    """Highlights that had been merged into a card which says something else now."""


@dataclass(slots=True)
class _Became:
    """What became of one highlight of a batch."""

    drafter: str
    none: NoCard
    drafts: list[Checked] = field(default_factory=list)
    failed: str = ""


def _by_highlight(batch: Batch) -> dict[HighlightKey, _Became]:
    """What became of each highlight of the task; what a result says of others is left out."""
    keys = [highlight.key for highlight in batch.task.highlights]
    became = {key: _Became(batch.drafter, NoCard(key, "")) for key in keys}
    for checked in batch.checked:
        if checked.draft.highlight in became:
            became[checked.draft.highlight].drafts.append(checked)
    for none in batch.no_cards:
        if none.highlight in became:
            became[none.highlight].none = none
    for key, why in batch.failed:
        if key in became:
            became[key].failed = why
    return became


class Recorder:
    """Turns batches into cards."""

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        decisions: Decisions,
        cards: Cards,
        policy: Policy,
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._remembering = Remembering(connection, decisions, cards)
        self._slots = Slots(connection, writer, decisions)
        self._policy = policy

    # --- recording --------------------------------------------------------------------------

    def record(self, run: RunId, batch: Batch) -> Recorded:
        """Store what became of a task, in one transaction.

        A highlight whose content changed since it was drafted is left for the next run.
        """
        recorded = Recorded()
        sorted_out = _by_highlight(batch)
        with self._writer.unit():
            for highlight in batch.task.highlights:
                if self._unchanged(highlight):
                    self._record_highlight(run, highlight, sorted_out[highlight.key], recorded)
        return recorded

    def leave_rejected(self, highlight: Highlight) -> bool:
        """Note that a person wants no card of a highlight; whether that is so.

        Of a ledger that was lost: nobody is to be asked, or paid, for it again.
        """
        if not self._remembering.all_rejected(highlight.key):
            return False
        with self._writer.unit():
            self._db.execute(
                "UPDATE highlight SET failed = '', drafted = ?, no_card = 'rejected' WHERE key = ?",
                (content_of(highlight), highlight.key),
            )
        return True

    def _unchanged(self, highlight: Highlight) -> bool:
        row = self._db.execute("SELECT content FROM highlight WHERE key = ?", (highlight.key,))
        found = row.fetchone()
        return found is not None and found["content"] == content_of(highlight)

    def _record_highlight(
        self, run: RunId, highlight: Highlight, became: _Became, recorded: Recorded
    ) -> None:
        key = highlight.key
        drafts = [_with_twins(checked, recorded) for checked in became.drafts]
        if became.failed and not drafts:
            self._db.execute("UPDATE highlight SET failed = ? WHERE key = ?", (became.failed, key))
            return
        if became.none.passing:
            self._db.execute(
                "UPDATE highlight SET failed = '', no_card = ? WHERE key = ?",
                (became.none.reason, key),
            )
            return
        self._place(run, highlight, self._with_doubt(key, drafts), recorded)
        why = became.none.reason or "nothing was drafted"
        self._db.execute(
            "UPDATE highlight SET failed = '', asked = '', drafted = ?, drafter = ?, no_card = ?"
            " WHERE key = ?",
            (content_of(highlight), became.drafter, why, key),
        )

    def _with_doubt(self, key: HighlightKey, drafts: list[Checked]) -> list[Checked]:
        """Where it is not certain that this is the same highlight, a person looks."""
        row = self._db.execute("SELECT asked FROM highlight WHERE key = ?", (key,)).fetchone()
        if not row["asked"]:
            return drafts
        doubt = Finding("same_highlight", Severity.WARN, row["asked"])
        return [replace(c, findings=(*c.findings, doubt), accept=False) for c in drafts]

    def _place(
        self, run: RunId, highlight: Highlight, drafts: list[Checked], recorded: Recorded
    ) -> None:
        """Give each intent its card: the one it revises, or a new one."""
        self._cards.unlink(highlight.key)
        existing = [
            card
            for card in self._cards.of_highlight(highlight.key)
            if card.highlight.key == highlight.key
        ]
        groups = intents(drafts, existing)
        drawn = [[c.draft for c in group] for group in groups]
        matched = match_groups(existing, drawn, highlight.exact)
        families = Counter(group[0].draft.kind.family for group in groups)
        for group, card in zip(groups, matched, strict=True):
            only = families[group[0].draft.kind.family] == 1
            if card is None and not self._merged(highlight.key, group[0], recorded):
                self._create(run, highlight, group, recorded, only)
            elif card and card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED:
                self._revise(run, card, group, recorded)
                recorded.labels[group[0].label] = card.guid
        if groups:
            kept = [card for card in matched if card]
            recorded.parted += self._leave_behind(highlight, existing, kept, groups)

    # --- new cards --------------------------------------------------------------------------

    def _create(
        self,
        run: RunId,
        highlight: Highlight,
        group: list[Checked],
        recorded: Recorded,
        only: bool,
    ) -> None:
        """`only`: there is no other intent of its family."""
        first = group[0]
        family = first.draft.kind.family
        key, slot = self._slots.slot_for(highlight.key, family, first.draft, only)
        guid = guid_for(key, family, slot)
        self._refuse_equal(guid)
        history = self._decisions.of(guid)
        group = numbered_as_journalled(history, group)
        first = group[0]
        self._db.execute(
            "INSERT INTO card (guid, key, family, slot, kind, fields, tags, deck, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                guid,
                key,
                family,
                slot,
                first.draft.kind,
                to_json(first.draft.fields),
                to_json(first.draft.tags),
                self._policy.deck_for(highlight, guid) or first.deck,
                run,
            ),
        )
        self._cards.link(guid, highlight.key, "origin")
        alone = CandidateState.PICKED if len(group) == 1 else CandidateState.OPEN
        for checked in group:
            self._cards.add_candidate(guid, checked, alone)
        if self._slots.home_of(guid, key) != highlight.key:
            extra = {"from": key, "to": highlight.key, "family": family, "slot": slot}
            self._decisions.change(guid, "move", {}, by=SOURCE, extra=extra)
        recorded.drafted += 1
        recorded.guids.append(guid)
        recorded.labels[first.label] = guid
        self._remembering.take_up(guid, first, history)
        if len(group) == 1 and not history:
            recorded.flooded += not self._accept(run, guid, highlight.key, first)

    def _accept(self, run: RunId, guid: Guid, home: HighlightKey, checked: Checked) -> bool:
        """Let policy decide, unless a person decided anything about a card that lives here."""
        here = self._cards.of_highlight(home)
        keys = {card.key for card in here if card.highlight.key == home} - {home}
        if any(self._decisions.person_decided(key) for key in keys):
            return True
        return self._policy.accept(run, guid, home, checked)

    def _refuse_equal(self, guid: Guid) -> None:
        if self._db.execute("SELECT 1 FROM card WHERE guid = ?", (guid,)).fetchone():
            raise ForgeError(
                f"two cards would have the id {guid}; nothing was written",
                hint="this is a fault of ankiforge: please report it",
            )

    def _merged(self, key: HighlightKey, checked: Checked, recorded: Recorded) -> bool:
        """Whether an exact repeat went to the card there is, which now has two highlights.

        Not if that card is no card any more, nor where a person took such a merge back.
        """
        if self._remembering.merged_before(key, checked.draft):
            return True
        twin = checked.repeats and recorded.labels.get(checked.repeats, checked.repeats)
        if not twin or not self._cards.stands(twin) or self._decisions.kept_apart(twin, key):
            return False
        self._cards.link(twin, key, "also")
        body = {"key": key, "answer": checked.draft.answer}
        action = self._writer.new_action()
        self._writer.decide("merge", twin, body, by=POLICY, action=action)
        recorded.merged += 1
        return True

    # --- revisions --------------------------------------------------------------------------

    def _revise(self, run: RunId, card: Card, group: list[Checked], recorded: Recorded) -> None:
        """The source changed: a new candidate, accepted as the old was, or waiting as a diff."""
        there = self._remembering.numbers_in_anki(card.guid)
        group = [numbered_as_before(checked, card, there) for checked in group]
        if _says_the_same(card, group):
            self._stays(card, group[0])
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
            keep = card.picked if card.verdict is Verdict.ACCEPTED else None
            self._pass_over(card, keep)

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
        after: Change = {"fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value}
        waiting = [c for c in card.candidates if c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        states[letter] = CandidateState.PICKED.value
        self._slots.give(card.key, card.family, card.slot, checked.draft)
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=states,
            extra={"answer": checked.draft.answer},
        )  # fmt: skip
        self._cards.refresh(card.guid)

    def _leave_behind(
        self,
        highlight: Highlight,
        existing: list[Card],
        matched: list[Card],
        groups: list[list[Checked]],
    ) -> list[HighlightKey]:
        """Live cards that nothing revises: retired if rewritten as another kind, else marked.

        One whose evidence still stands in the passage is left as it is.

        Returns whom the retired ones served as well.
        """
        parted = []
        families = {checked.draft.kind.family for group in groups for checked in group}
        kept = {card.guid for card in matched}
        for card in existing:
            if card.guid in kept or card.standing is not Standing.LIVE:
                continue
            if card.leading.draft.by_hand and card.family not in families:
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


def _with_twins(checked: Checked, recorded: Recorded) -> Checked:
    """Findings that name a draft of this batch name the card it became."""
    named = tuple(
        replace(finding, twin=recorded.labels.get(finding.twin, finding.twin))
        for finding in checked.findings
    )
    return replace(checked, findings=named)


def _says_the_same(card: Card, group: list[Checked]) -> bool:
    current = card.picked.draft if card.picked else None
    new = group[0].draft
    same_words = current is not None and current.fields == new.fields and current.kind is new.kind
    return len(group) == 1 and same_words


def _reworded_since(card: Card, group: list[Checked]) -> bool:
    """Whether a person has put other words in the place of just these."""
    passed = [c.draft.fields for c in card.candidates if c.state is CandidateState.PASSED]
    return card.edited and len(group) == 1 and group[0].draft.fields in passed


def _inherits(card: Card, checked: Checked) -> bool:
    """Whether a revision takes the card's place at once, without a person."""
    if card.edited:
        return False
    if card.verdict is Verdict.PENDING:
        return True
    by_machine = card.accepted_by in (AcceptedBy.POLICY, AcceptedBy.AUTHOR)
    return by_machine and all(finding.severity is Severity.INFO for finding in checked.findings)
