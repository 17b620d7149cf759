"""Load the items that wait for the user's decision, and carry out the decisions.

A decision (`review.decisions`) names an item, and a draft if the item has several. It may include
the `content_hash` of the item as it was displayed. If the item has changed since, the
decision is refused, and the error contains the current item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import suppress
from functools import partial

import msgspec
from msgspec.structs import replace

from ankiforge.check import describe_rule
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.ledger import (
    UNCARDED_STATUSES,
    HighlightOutcome,
    Ledger,
    PassageStatus,
    cards,
    decide,
    item_lists,
    pending_items,
    questions,
)
from ankiforge.ledger.cards import load_card
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.events import USER
from ankiforge.ledger.sentence_decisions import SentenceState
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    CardKind,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Json,
    LocalCard,
    OfferedDraft,
    Origin,
    PendingDraft,
    Preview,
    Proposal,
    RemarkKind,
    Severity,
    ShownCard,
    Texts,
    UserQuestion,
    UserQuestionKind,
    Value,
    hash16,
    is_draft_id,
    is_highlight_key,
    is_question_id,
)
from ankiforge.pipeline import proposals
from ankiforge.pipeline.collection import apply_anki_edits, apply_anki_edits_to_rows
from ankiforge.pipeline.decide import parse_new_fields
from ankiforge.pipeline.proposals import find_proposal
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.decisions import (
    PASSAGE_CHOICE,
    Accept,
    Decision,
    DecisionOutcome,
    Edit,
    MakeFromSelection,
    Redraft,
    Reject,
    Restore,
    SetMasks,
    ShowInAnki,
    WriteCard,
)
from ankiforge.review.selection import (
    make_fields_from_sentence,
    make_fields_from_spans,
)


class Item(Value):
    """Something to decide on: a group of alternative drafts, a card, a passage or a question."""

    id: str
    drafts: tuple[PendingDraft, ...] = ()
    """The drafts to choose from, best first. If the item has a `card`, they are new versions of
    the card.
    """
    card: LocalCard | None = None
    """The card that the drafts would change, or whose texts a conflict is about."""
    outcome: HighlightOutcome | None = None
    """If the item is a passage without a card, the passage and the reason it has none."""
    question: UserQuestion | None = None
    proposal: Proposal | None = None
    """The card proposed for the passage. Proposals aren't stored, so the proposal is regenerated
    when the user decides.
    """

    @property
    def offered_drafts(self) -> tuple[OfferedDraft, ...]:
        """The proposal if there is one, otherwise the drafts to choose from."""
        return (self.proposal,) if self.proposal else self.drafts

    @property
    def content_hash(self) -> str:
        """A hash of everything that the user sees, by which an outdated decision is detected."""
        outcome = self.outcome
        if self.proposal:
            outcome = None  # the reason for having no card isn't shown then
        content = (self.offered_drafts, self.card, outcome, self.question)
        return hash16(msgspec.json.encode(content).decode())

    @property
    def highlight(self) -> Highlight | None:
        """The highlight that the item belongs to, or None for a question."""
        if self.outcome:
            return self.outcome.highlight
        if self.drafts:
            return self.drafts[0].highlight
        if self.card:
            return self.card.highlight
        return None

    @property
    def guid(self) -> str:
        """The GUID of the item's only card, or "" if the item has no card or several."""
        if self.card:
            return self.card.guid
        if self.question and len(self.question.guids) == 1:
            return self.question.guids[0]
        return ""

    def select_offered_draft(self, number: int) -> OfferedDraft | None:
        """Return the offered draft with this index, or the best draft if there is no such index.

        Returns None if the item offers no drafts.
        """
        drafts = self.offered_drafts
        if not drafts:
            return None
        if 0 <= number < len(drafts):
            return drafts[number]
        return drafts[0]

    def get_decided_id(self, number: int) -> str:
        """Return the id that a decision names: that of the selected draft, or of the item."""
        draft = self.select_offered_draft(number)
        if isinstance(draft, PendingDraft):
            return draft.id
        return self.id


def find_next_item_of_passage(
    ledger: Ledger, highlight: Highlight, skipped_draft_id: str = ""
) -> Item | None:
    """Return the next group of drafts for a new card from a passage as an item, or None.

    Args:
        ledger: The ledger with the pending drafts.
        highlight: The passage.
        skipped_draft_id: The ID of a draft whose group is skipped, or "".
    """
    for offer in iter_draft_groups(ledger, [highlight.key]):
        ids = {draft.id for draft in offer}
        if offer[0].target_guid is None and skipped_draft_id not in ids:
            return Item(offer[0].id, offer)
    return None


def list_sentence_states(ledger: Ledger, highlight: Highlight) -> Sequence[SentenceState]:
    """Return the state of each sentence of a passage that is offered or was decided on."""
    passage = ledger.get_passage(highlight.key)
    return load_snapshot(ledger, passage).compute_sentence_states()


def apply_field_edits(fields: Fields, edits: Texts) -> Fields:
    """Return the fields with the user's edits applied. A new field is left out if it is blank."""
    edited = dict(fields)
    for name, text in edits.items():
        if name in edited or text.strip():
            edited[name] = text
    return tuple(edited.items())


def expand_alternative_gaps(draft: OfferedDraft) -> list[OfferedDraft]:
    """Return a copy of a draft for each of its alternative gaps, or just the draft itself."""
    if not draft.gaps:
        return [draft]
    return [
        replace(draft, fields=apply_field_edits(draft.fields, {"Text": text}))
        for text in draft.gaps
    ]


# --- decisions --------------------------------------------------------------------------


_IMPOSSIBLE = "This cannot be done here."


class StaleItemError(RefusedError):
    """Raised if an item has changed since it was displayed or isn't pending any more."""

    def __init__(
        self, item: Item | None, face: Json | None = None, why: str = ""
    ) -> None:
        self.item = item
        self.face = face
        """The current content of the item, in the form that the web page shows."""
        self.sitting: Json | None = None
        """The current state of the decision's sitting."""
        message = why or "This is no longer waiting."
        if item or face:
            message = "This has changed meanwhile. Look again."
        super().__init__(message)


class Review:
    """Loads the items to decide on and carries out decisions."""

    def __init__(self, workspace: Workspace) -> None:
        """Initialize a review of the items in a workspace."""
        self._workspace = workspace
        self._ledger: Ledger = workspace.ledger

    def load_item(self, id: str) -> Item | None:
        """Return the item with this id, or None if it isn't pending any more.

        The id may be that of a draft: the item then contains all drafts of the same group. It may
        be the key of a passage that has a proposal, or that has neither drafts nor a card, even if
        the passage was skipped. Or it may be the GUID of a card, even of a retired one.
        """
        if is_draft_id(id):
            return self._load_offer(id)
        if is_question_id(id):
            return self._load_question(id)
        if is_highlight_key(id):
            return self._load_passage(id)
        return self._load_card(id)

    def _load_offer(self, id: str) -> Item | None:
        offer = next(iter_draft_groups(self._ledger, [id]), None)
        if offer is None:
            return None
        target_guid = offer[0].target_guid
        if target_guid is None:
            return Item(id, offer)
        card = cards.load_card(self._ledger, target_guid)
        return Item(id, offer, apply_anki_edits(self._ledger, card))

    def _load_question(self, id: str) -> Item | None:
        for question in questions.find_open_questions(self._ledger):
            if question.id == id:
                return self._make_question_item(question)
        return None

    def _load_passage(self, key: str) -> Item | None:
        outcome = self._load_outcome(key)
        if outcome is None:
            return None
        proposal_or_reason = find_proposal(self._ledger, outcome)
        if isinstance(proposal_or_reason, Proposal):
            return Item(key, outcome=outcome, proposal=proposal_or_reason)
        if outcome.status in (*UNCARDED_STATUSES, PassageStatus.LEFT_OUT):
            return Item(key, outcome=replace(outcome, reason=proposal_or_reason))
        return None

    def _load_outcome(self, key: str) -> HighlightOutcome | None:
        """Load a passage that is still in a source, or return None."""
        return next(pending_items.iter_highlight_outcomes(self._ledger, key), None)

    def _load_card(self, guid: str) -> Item | None:
        rows = item_lists.load_items(self._ledger, [guid])
        row = next(apply_anki_edits_to_rows(self._ledger, rows), None)
        return Item(guid, card=row) if isinstance(row, LocalCard) else None

    def _make_question_item(self, question: UserQuestion) -> Item:
        if question.kind is not UserQuestionKind.CONFLICT:
            return Item(question.id, question=question)
        card = cards.load_card(self._ledger, question.guids[0])
        card = apply_anki_edits(self._ledger, card)
        return Item(question.id, card=card, question=question)

    def decide(self, decision: Decision) -> DecisionOutcome:
        """Carry out a decision.

        Raises:
            StaleItemError: The item has changed since it was displayed, or is not pending
                any more.
            ForgeError: The decision is refused; the message says why.
        """
        item = self._load_current_item(decision)
        if isinstance(decision, Redraft) and item.highlight:
            return self._redraft(item.highlight.key)
        if isinstance(decision, ShowInAnki):
            self._workspace.show_in_anki(item.guid)
            message = "Anki shows this card."
            return DecisionOutcome(message=message, next_id=item.id, is_pending=True)
        with self._ledger.action() as action:
            self._carry_out(decision, item)
        take_back: Callable[[], object] | None = None
        if _can_be_undone(decision, item):
            take_back = partial(undo_decision, self._ledger, action)
        next_id = self._find_next_id(item)
        if isinstance(decision, Reject):
            return DecisionOutcome(take_back, action, postponed_id=next_id)
        return DecisionOutcome(take_back, action, next_id=next_id)

    def _load_current_item(self, decision: Decision) -> Item:
        """Return the item of a decision.

        Raises:
            StaleItemError: The item isn't what the user decided on any more.
        """
        item = self.load_item(decision.id)
        if item is None:
            if is_highlight_key(decision.id) and self._load_outcome(decision.id) is None:
                raise StaleItemError(None, why="This passage is no longer in its source.")
            raise StaleItemError(None)
        if decision.content_hash and decision.content_hash != item.content_hash:
            raise StaleItemError(item)
        return item

    def _redraft(self, key: HighlightKey) -> DecisionOutcome:
        """Have the model draft alternatives for a passage, and make the first one the next item.

        Raises:
            RefusedError: The model has no other draft.
        """
        drafts_before = item_lists.load_pending_drafts(self._ledger, [key])
        ids_before = {draft.id for draft in drafts_before}
        self._workspace.draft_alternatives(key)
        for draft in item_lists.load_pending_drafts(self._ledger, [key]):
            if draft.id not in ids_before and self.load_item(draft.id):
                message = "The model has drafted others."
                return DecisionOutcome(message=message, next_id=draft.id, is_pending=True)
        raise RefusedError("The model has no other card for this passage.")

    def _find_next_id(self, item: Item) -> str | None:
        """Return the id of the next draft or proposal of the same passage, or None."""
        if item.card or not item.offered_drafts:
            return None
        highlight = item.offered_drafts[0].highlight
        next_item = find_next_item_of_passage(self._ledger, highlight)
        if next_item is None:
            next_item = self.load_item(highlight.key)
        if next_item is None or not next_item.offered_drafts:
            return None
        return next_item.id

    def _carry_out(self, decision: Decision, item: Item) -> None:
        """Carry out a decision that is recorded in the ledger.

        Raises:
            RefusedError: The decision can't be made on this item.
        """
        match decision:
            case Accept():
                self._accept(decision, item)
            case Reject():
                self._reject(decision, item)
            case Edit():
                self._edit(decision, item)
            case WriteCard() if item.highlight:
                self._write_card(decision, item, item.highlight)
            case MakeFromSelection() if item.highlight:
                self._make_from_selection(decision, item, item.highlight)
            case SetMasks() if item.card:
                decide.set_masks(self._ledger, item.card.guid, decision.masks)
            case Restore() if item.card:
                undo_decision(self._ledger, item.get_decided_id(decision.choice))
            case _:
                raise RefusedError(_IMPOSSIBLE)

    def _accept(self, decision: Accept, item: Item) -> None:
        draft = item.select_offered_draft(decision.choice)
        id = item.get_decided_id(decision.choice)
        if item.proposal is not None:
            gap, decks = decision.gap, self._workspace.decks
            proposals.accept_proposal(self._ledger, item.proposal, decks, gap=gap)
        elif draft is not None and decision.masks:
            decide.accept_draft(self._ledger, id, masks=decision.masks)
        elif draft is not None or item.question is not None:
            self._ledger.accept(
                id, gap=decision.gap, forced=decision.forced, another=decision.another
            )
        else:
            raise RefusedError(_IMPOSSIBLE)

    def _reject(self, decision: Reject, item: Item) -> None:
        if decision.passage and item.highlight is not None:
            self._ledger.reject(item.highlight.key)
        elif item.proposal is not None:
            decide.reject_proposal(self._ledger, item.proposal)
        elif item.drafts:
            self._ledger.reject(item.drafts[0].id)
        else:
            self._ledger.reject(item.id)

    def _edit(self, decision: Edit, item: Item) -> None:
        workspace, forced = self._workspace, decision.forced
        if item.proposal is not None:
            fields = {**dict(item.proposal.fields), **decision.fields}
            workspace.edit(item.proposal.highlight.key, fields, force=forced)
        elif item.card is not None and item.question is not None:
            self._ledger.reject(item.id)  # the user's text replaces both others
            workspace.edit(item.card.guid, decision.fields, force=forced)
        elif item.card is not None or item.drafts:
            id = item.get_decided_id(decision.choice)
            workspace.edit(id, decision.fields, force=forced)
        else:
            raise RefusedError(_IMPOSSIBLE)

    def _write_card(self, decision: WriteCard, item: Item, highlight: Highlight) -> None:
        """Make a card with fields that the user has written, perhaps in place of a draft."""
        self._workspace.edit(highlight.key, decision.fields, force=decision.forced)
        id = item.get_decided_id(decision.choice)
        if decision.replaces and self._is_pending_draft(id, highlight.key):
            self._ledger.reject(id)

    def _make_from_selection(
        self, decision: MakeFromSelection, item: Item, highlight: Highlight
    ) -> None:
        """Make a card of text that the user selected, in a proposal's sentence or the passage."""
        draft = item.select_offered_draft(decision.choice)
        if draft is None or decision.choice == PASSAGE_CHOICE:
            fields = make_fields_from_spans(highlight, decision.spans, decision.question)
        else:
            fields = make_fields_from_sentence(draft, decision)
        self._workspace.edit(highlight.key, dict(fields), force=decision.forced)

    def _is_pending_draft(self, id: str, key: HighlightKey) -> bool:
        drafts = item_lists.load_pending_drafts(self._ledger, [key])
        return any(draft.id == id for draft in drafts)

    def build_preview(self, decision: Decision) -> ShownCard:
        """Build the card that the user's edits or selection would create. Nothing is stored.

        Raises:
            StaleItemError: The item is not pending any more.
            UsageError: The fields do not make a valid card.
        """
        item = self.load_item(decision.id)
        if item is None:
            raise StaleItemError(None)
        draft = item.select_offered_draft(decision.choice)
        match decision:
            case MakeFromSelection() if draft:
                selected = replace(decision, question=None)
                return replace(draft, fields=make_fields_from_sentence(draft, selected))
            case WriteCard(fields=typed) if item.outcome and not item.proposal:
                fields, highlight = parse_new_fields(typed), item.outcome.highlight
                kind, origin = CardKind.from_fields(dict(fields)), Origin(USER)
                return Preview(highlight.key, kind, fields, origin, passages=(highlight,))
            case Edit(fields=typed) | WriteCard(fields=typed):
                card: ShownCard | None = draft or item.card
                if card:
                    return replace(card, fields=apply_field_edits(card.fields, typed))
        raise RefusedError("This cannot be edited.")


def _can_be_undone(decision: Decision, item: Item) -> bool:
    """Return whether a decision can be undone: neither a restored card nor an emptied source."""
    if isinstance(decision, Restore):
        return False
    question = item.question
    return question is None or question.kind is not UserQuestionKind.EMPTIED


# --- bulk decisions ---------------------------------------------------------------------


def select_clean_drafts(
    ledger: Ledger, ids: Sequence[str], query: str
) -> tuple[list[str], Counter[str]]:
    """Select the drafts that can be accepted in bulk, i.e. without a review of each draft.

    Args:
        ledger: The ledger with the pending drafts.
        ids: The ids of the drafts that match the query, possibly only some drafts of a group.
        query: The user's query. A warning named in the query does not prevent acceptance.

    Returns:
        The ids of the selected drafts, at most one per group, and the number of skipped drafts
        by reason.
    """
    clean_ids: list[str] = []
    skipped_by_reason = Counter[str]()
    matching_ids = set(ids)
    query_terms = set(query.split())
    for offer in iter_draft_groups(ledger, ids):
        first_draft, *others = [draft for draft in offer if draft.id in matching_ids]
        reason = _find_skip_reason(first_draft, query_terms)
        if reason:
            skipped_by_reason[reason] += 1
        else:
            clean_ids.append(first_draft.id)
        if others:
            skipped_by_reason["another draft of the same fact"] += len(others)
    return clean_ids, skipped_by_reason


def _find_skip_reason(draft: PendingDraft, query_terms: Set[str]) -> str:
    """Return the reason why a draft can't be accepted in bulk, or "" if it can."""
    for remark in draft.remarks:
        if remark.kind in (RemarkKind.FORM, RemarkKind.MOVED):
            return "a question comes first: ankiforge list --view questions"
        if remark.kind not in (RemarkKind.TAKEN_BACK, RemarkKind.SAME_SENTENCE):
            return remark.kind.value
    for finding in draft.findings:
        warning = f"finding:{finding.check}"
        if finding.severity is not Severity.INFO and warning not in query_terms:
            return describe_rule(finding.check)
    return ""


# --- the summary of a sitting -----------------------------------------------------------


def iter_changed_cards(
    ledger: Ledger, action_ids: Collection[str]
) -> Iterator[LocalCard]:
    """Yield the live cards that the given actions created or changed, with edits in Anki applied.

    The cards are sorted by their latest change, oldest first.
    """
    guids: dict[str, None] = {}
    for entry in ledger.list_history():
        if entry.guid and entry.id in action_ids:
            guids[entry.guid] = None
    for guid in reversed(guids):
        with suppress(ForgeError):
            card = load_card(ledger, Guid(guid))
            if card.is_live:
                yield apply_anki_edits(ledger, card)
