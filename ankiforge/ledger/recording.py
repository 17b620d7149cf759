"""Recording what became of a task: slots given, cards made, revised or merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ankiforge.domain import (
    Batch,
    CandidateState,
    Card,
    Checked,
    Family,
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
from ankiforge.ledger.cards import Cards
from ankiforge.ledger.choices import Choices, is_decided
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.highlights import Highlights
from ankiforge.ledger.intents import Row, foremost, intents, numbered_as_journalled
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.policy import Policy
from ankiforge.ledger.remembering import Remembering
from ankiforge.ledger.revising import Recorded, Reviser
from ankiforge.ledger.slots import Slots
from ankiforge.ledger.writing import POLICY, SOURCE, Writer
from ankiforge.text.fold import canonical


@dataclass(frozen=True, slots=True)
class _Placing:
    """What is being recorded of one highlight."""

    run: RunId
    highlight: Highlight
    recorded: Recorded
    families: Counter[Family]
    """How many intents are drawn of each note type."""

    def names(self, row: Row, guid: Guid) -> None:
        """Remember which card the drafts of a row belong to."""
        self.recorded.named.update({checked.label: guid for checked in row})
        self.recorded.labels.setdefault(foremost(row).label, guid)


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
        choices: Choices,
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._highlights = Highlights(connection, writer)
        self._remembering = Remembering(connection, decisions, cards)
        self._slots = Slots(connection, writer, decisions)
        self._policy = policy
        self._choices = choices
        self._reviser = Reviser(
            decisions, cards, self._slots, self._remembering, choices, self._accept
        )

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
        """Give each intent its card, or its choice: the one it revises, or a new one."""
        self._cards.unlink(highlight.key)
        existing = [
            card
            for card in self._cards.of_highlight(highlight.key)
            if card.highlight.key == highlight.key
        ]
        self._join_again(highlight, existing)
        wanted, kept = self._choices.wanted(highlight.key, drafts, existing)
        groups = intents(wanted)
        families = Counter(row[0].draft.kind.family for rows in groups for row in rows)
        placing = _Placing(run, highlight, recorded, families)
        matched = self._choices.matched(existing, groups, highlight.exact, kept)
        stay = {guid for guids in kept.values() for guid in guids}
        decided = {card.guid for card in existing if is_decided(card)}
        for rows, cards in zip(groups, matched, strict=True):
            chosen = decided & kept.get(rows[0][0].draft.intent, set())
            if not chosen or any(cards):  # else it was chosen already, of the other note type
                self._place_choice(placing, rows, cards)
            stay |= {card.guid for card in cards if card}
        if groups:
            left = self._reviser.leave_behind(highlight, existing, stay, set(families))
            recorded.parted += left

    def _join_again(self, highlight: Highlight, existing: list[Card]) -> None:
        """What a person merged stays merged while the passage has its evidence."""
        pairs, exact = self._cards.pairs, canonical(highlight.exact)
        for card in existing:
            there = canonical(card.leading.draft.quote) in exact
            gone = there and card.standing is Standing.SUPERSEDED
            if gone and highlight.key in pairs.joined(card.standing_why):
                pairs.link(Guid(card.standing_why), highlight.key)

    def _place_choice(self, placing: _Placing, rows: list[Row], cards: list[Card | None]) -> None:
        found = [(row, card) for row, card in zip(rows, cards, strict=True) if card]
        if not found:
            if not self._merged(placing.highlight.key, rows, placing.recorded):
                self._new_choice(placing, rows)
        elif any(card.verdict is Verdict.REJECTED or is_decided(card) for _, card in found):
            self._revise_decided(placing, rows, found)
        else:
            self._redraw(placing, rows, cards)

    def _revise_decided(
        self, placing: _Placing, rows: list[Row], found: list[tuple[Row, Card]]
    ) -> None:
        """A person (or policy) has chosen: candidates of the other note type are none any more."""
        live = [(row, card) for row, card in found if card.standing is Standing.LIVE]
        for row, card in live:
            if card.verdict is not Verdict.REJECTED:
                left = [c for other in rows if other is not row for c in other if len(live) == 1]
                told = [_with_left_out(checked, left) for checked in row]
                self._reviser.revise(placing.run, card, told, placing.recorded)
                placing.names(row, card.guid)

    def _redraw(self, placing: _Placing, rows: list[Row], cards: list[Card | None]) -> None:
        """Nobody has chosen yet: what was drawn now is what there is to choose from."""
        there = [card for card in cards if card]
        alone = sum(map(len, rows)) == 1
        new = self._slots.next_of(placing.highlight.key)
        guids = []
        for row, card in zip(rows, cards, strict=True):
            if card is None:
                guids.append(self._create(placing, row, new=new, alone=False))
            elif alone and card.standing is Standing.LIVE:
                self._reviser.revise(placing.run, card, row, placing.recorded)
            else:
                self._reviser.redraw(card, row, placing.recorded)
            guids += [card.guid] if card else []
            placing.names(row, guids[-1])
        choice = next((card.choice for card in there if card.choice), "")
        self._choices.tie(guids, choice)
        self._choices.leave(guids, [card.choice for card in there])

    # --- new cards --------------------------------------------------------------------------

    def _new_choice(self, placing: _Placing, rows: list[Row]) -> None:
        alone = sum(map(len, rows)) == 1
        new = self._slots.next_of(placing.highlight.key) if len(rows) > 1 else 0
        guids = [self._create(placing, row, new=new, alone=alone) for row in rows]
        placing.recorded.drafted += 1
        self._choices.tie(guids)
        for row, guid in zip(rows, guids, strict=True):
            placing.names(row, guid)

    def _create(self, placing: _Placing, row: Row, *, new: int, alone: bool) -> Guid:
        """The card of a row; `new` is the slot it shares, `alone` that it is all of its choice."""
        family = row[0].draft.kind.family
        drafts = [foremost(row).draft, *(checked.draft for checked in row)]
        only = placing.families[family] == 1
        key, slot = self._slots.slot_for(placing.highlight.key, family, drafts, only, new)
        return self._put(placing, row, key, slot, alone)

    def _put(self, placing: _Placing, row: Row, key: HighlightKey, slot: int, alone: bool) -> Guid:
        """The card of a slot, and whatever was decided about it before."""
        highlight, recorded, run = placing.highlight, placing.recorded, placing.run
        family = row[0].draft.kind.family
        guid = guid_for(key, family, slot)
        self._refuse_equal(guid)
        history = self._decisions.of(guid)
        row = numbered_as_journalled(history, row)
        first = foremost(row)
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
        for checked in row:
            state = CandidateState.PICKED if alone else CandidateState.OPEN
            self._cards.add_candidate(guid, checked, state)
        if self._slots.home_of(guid, key) != highlight.key:
            extra = {"from": key, "to": highlight.key, "family": family, "slot": slot}
            self._decisions.change(guid, "move", {}, by=SOURCE, extra=extra)
        recorded.guids.append(guid)
        self._remembering.take_up(guid, history)
        if alone and not history:
            recorded.flooded += not self._accept(run, guid, highlight.key, first)
        return guid

    def bring_back(self, run: RunId, deck: Callable[[Highlight], str]) -> Recorded:
        """Cards that a person chose or wrote, and that nothing drawn for a new ledger is.

        `deck` tells where those of a highlight go, if nothing else does.
        """
        recorded = Recorded()
        with self._writer.unit():
            for one in self._remembering.forgotten():
                highlight = self._highlights.get(one.home)
                if highlight is not None:
                    placing = _Placing(run, highlight, recorded, Counter())
                    row = [Checked(one.draft, deck=deck(highlight))]
                    self._choices.rejoin(self._put(placing, row, one.key, one.slot, alone=True))
                    recorded.drafted += 1
        return recorded

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

    def _merged(self, key: HighlightKey, rows: list[Row], recorded: Recorded) -> bool:
        """Whether an exact repeat went to the card there is, which now has two highlights.

        Not if that card is no card any more, nor where a person took such a merge back.
        """
        checked = foremost(rows[0])
        if self._remembering.merged_before(key, checked.draft):
            return True
        answers = [one.draft.answer for one in (checked, *(c for row in rows for c in row))]
        joined = (self._cards.pairs.joined_to(key, answer) for answer in answers)
        if stays := next(filter(None, joined), None):
            self._cards.pairs.link(stays, key)
            return self._remembering.gave_way(key, answers, stays)
        twin = checked.repeats and recorded.labels.get(checked.repeats, checked.repeats)
        if not twin or not self._cards.stands(twin) or self._decisions.kept_apart(twin, key):
            return False
        self._cards.link(twin, key, "also")
        body = {"key": key, "answer": checked.draft.answer}
        action = self._writer.new_action()
        self._writer.decide("merge", twin, body, by=POLICY, action=action)
        recorded.merged += 1
        return True


def _with_left_out(checked: Checked, left: list[Checked]) -> Checked:
    """With a word on candidates of the other note type: the card is chosen already."""
    if not left:
        return checked
    kinds = ", ".join(one.draft.kind.value for one in left)
    finding = Finding("choice", Severity.INFO, f"left out as the choice was made: {kinds}")
    return replace(checked, findings=(*checked.findings, finding))


def _with_twins(checked: Checked, recorded: Recorded) -> Checked:
    """Findings that name a draft of this batch name the card it became."""
    named = tuple(
        replace(finding, twin=recorded.named.get(finding.twin, finding.twin))
        for finding in checked.findings
    )
    return replace(checked, findings=named)
