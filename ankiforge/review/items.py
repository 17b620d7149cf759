"""Load the items that wait for the user's decision, and carry out the decisions.

A decision names an item, and a draft if the item has several. It may include the item's `turn`, a
hash of the content that was displayed. If the item has changed since, the decision is refused, and
the error contains the current item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence, Set
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from ankiforge.check import describe_rule
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.ledger import (
    UNCARDED_STATUSES,
    HighlightOutcome,
    Ledger,
    cards,
    decide,
    item_lists,
    pending_items,
    questions,
)
from ankiforge.ledger.cards import load_card
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.events import USER
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.offers import iter_offers
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    CardKind,
    Fields,
    Guid,
    Highlight,
    Json,
    LocalCard,
    OfferedDraft,
    Origin,
    PendingDraft,
    Preview,
    Proposal,
    Question,
    QuestionKind,
    RemarkKind,
    Severity,
    ShownCard,
    Strings,
    Texts,
    Value,
    hash16,
    is_draft_id,
    is_highlight_key,
    is_question_id,
)
from ankiforge.pipeline import proposals
from ankiforge.pipeline.collection import apply_anki_edits, iter_rows_as_in_anki
from ankiforge.pipeline.decide import edit_card_or_draft, make_card, parse_new_fields
from ankiforge.pipeline.decks import apply_deck_and_tags
from ankiforge.pipeline.proposals import find_proposal
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.selection import (
    Selection,
    make_fields_from_sentence,
    make_fields_from_spans,
)
from ankiforge.text import regex

_CODE_SPAN = regex(r"`([^`]*)`")


class Item(Value):
    """An item to decide on: drafts for a fact, a card, an uncarded passage, or a question."""

    id: str
    drafts: tuple[PendingDraft, ...] = ()
    """The drafts to choose from, best first. If the item has a `card`, they are new versions of
    the card.
    """
    card: LocalCard | None = None
    outcome: HighlightOutcome | None = None
    """The passage if it has no card, with the reason."""
    question: Question | None = None
    proposal: Proposal | None = None
    """The card proposed for the passage. Proposals aren't stored, so it is generated again when the
    user decides.
    """

    @property
    def offered_drafts(self) -> tuple[OfferedDraft, ...]:
        """The proposal if there is one, otherwise the drafts to choose from."""
        return (self.proposal,) if self.proposal else self.drafts

    @property
    def content_hash(self) -> str:
        """A hash of everything the user sees of the item, used to detect stale decisions."""
        outcome = None if self.proposal else self.outcome
        content = (self.offered_drafts, self.card, outcome, self.question)
        return hash16(msgspec.json.encode(content).decode())

    @property
    def highlight(self) -> Highlight | None:
        """The highlight that the item belongs to, or None for a question."""
        if self.outcome:
            return self.outcome.highlight
        if self.drafts:
            return self.drafts[0].highlight
        return self.card.highlight if self.card else None

    def select_draft(self, number: int) -> PendingDraft:
        """Return the draft at index `number`, falling back to the best if out of range."""
        return self.drafts[number if 0 <= number < len(self.drafts) else 0]


def find_next_offer(ledger: Ledger, highlight: Highlight) -> Item | None:
    """Return the next offer of a new card from a passage, wrapped in an item, if any."""
    for offer in iter_offers(ledger, [highlight.key]):
        if offer[0].changed_card is None:
            return Item(offer[0].id, offer)
    return None


def list_facts(ledger: Ledger, highlight: Highlight) -> Sequence[Fact]:
    """Return the facts in a passage, both decided and still on offer."""
    passage = ledger.get_passage(highlight.key)
    return load_snapshot(ledger, passage).compute_facts()


def apply_edits(fields: Fields, edits: Texts) -> Fields:
    """Return the fields with the user's edits applied, without adding blank new fields."""
    current_fields = dict(fields)
    changed_fields = {
        name: text
        for name, text in edits.items()
        if name in current_fields or text.strip()
    }
    return tuple({**current_fields, **changed_fields}.items())


def expand_gaps(draft: OfferedDraft) -> list[OfferedDraft]:
    """Expand a draft into one candidate card per gap."""
    if not draft.gaps:
        return [draft]
    cards: list[OfferedDraft] = []
    for text in draft.gaps:
        fields = {**dict(draft.fields), "Text": text}
        cards.append(replace(draft, fields=tuple(fields.items())))
    return cards


def to_sentence(text: str) -> str:
    """Capitalize text, end it with a period, and turn code spans into quotations."""
    quoted = _CODE_SPAN.sub(r"“\1”", text.strip())
    capitalised = quoted[:1].upper() + quoted[1:]
    return (
        capitalised if quoted.endswith((".", "?", "!", "…", ":")) else f"{capitalised}."
    )


# --- decisions --------------------------------------------------------------------------

PASSAGE_CHOICE = -1
"""The value of `Decision.choice` for a card made from the passage itself instead of a draft."""


class Decision(Value, forbid_unknown_fields=True):
    """A decision on an item, as sent by the web page."""

    id: str
    turn: str
    """The `content_hash` of the item as displayed, or "" to skip the check for changes."""
    act: str
    sitting: int = 0
    """The number of the sitting in which the user decided, or 0 outside a sitting."""
    choice: int = 0
    """The number of the selected draft, counted from 0, or `PASSAGE_CHOICE`."""
    gap: int = 1
    """The number of the gap to blank out. Gaps are counted from 1, best first."""
    text: str = ""
    """The reason for a rejection, or the question of a new card."""
    fields: Texts = {}
    lines: Strings | None = None
    """The lines of a form that the user ticked, as draft ids. An entry may contain several ids,
    separated by spaces. None stands for all lines, including those added later.
    """
    later: bool = False
    """Whether the answer also applies to lines added to the form later."""
    mode: str = "cloze"
    spans: str = ""
    """The text selected in the passage, as positions such as `3-8,12-15`."""
    masks: str = ""
    """The figure's masks as edited by the user, or "" if unchanged."""
    cut: str = ""
    """The part of a proposal's sentence to keep on the card, such as `3-80`, or "" for all of it.
    """
    before: bool = False
    """Whether the card also shows the preceding sentence."""
    forced: bool = False
    """Whether the user overrules the checks that block the draft."""


class DecisionResult(Value):
    """The result of a decision: how to undo it, and which item comes next."""

    undo_id: str
    """The id of the action to undo, or "" if the decision can't be undone."""
    next_item: Item | None = None
    """The next fact of the same passage, to be shown at once."""
    postponed_item: Item | None = None
    """After a rejection, the next fact of the same passage, to be shown after all other items."""


class StaleItemError(RefusedError):
    """Raised if an item has changed since it was displayed or is no longer pending."""

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


def _make_selection(decision: Decision) -> Selection:
    return Selection(decision.spans, decision.cut, decision.before)


class Review:
    """Loads the items to decide on and carries out decisions."""

    def __init__(self, workspace: Workspace) -> None:
        """Initialize a review of the items in a workspace."""
        self._workspace = workspace
        self._ledger: Ledger = workspace.ledger

    def load_item(self, id: str) -> Item | None:
        """Return the item with this id, or None if it's no longer pending.

        The item for a draft contains all drafts of the same offer. A passage has an item if it
        has a proposal, or if it has neither drafts nor a card, even if it was skipped.
        """
        ledger = self._ledger
        if is_draft_id(id):
            offer = next(iter_offers(ledger, [id]), None)
            if offer is None:
                return None
            changed_guid = offer[0].changed_card
            if changed_guid is not None:
                card = cards.load_card(ledger, changed_guid)
                return Item(id, offer, apply_anki_edits(ledger, card))
            return Item(id, offer)
        if is_question_id(id):
            for question in questions.find_open_questions(ledger):
                if question.id == id:
                    return Item(id, question=question)
            return None
        if is_highlight_key(id):
            outcome = next(pending_items.iter_outcomes(ledger, id), None)
            return self._build_passage_item(id, outcome) if outcome else None
        line = next(
            iter_rows_as_in_anki(ledger, item_lists.load_items(ledger, [id])), None
        )
        return Item(id, card=line) if isinstance(line, LocalCard) else None

    def _build_passage_item(self, id: str, outcome: HighlightOutcome) -> Item | None:
        proposal_or_reason = find_proposal(self._ledger, outcome)
        if isinstance(proposal_or_reason, Proposal):
            return Item(id, outcome=outcome, proposal=proposal_or_reason)
        if outcome.status in (*UNCARDED_STATUSES, "left_out"):
            return Item(id, outcome=replace(outcome, reason=proposal_or_reason))
        return None

    def load_current_item(self, decision: Decision) -> Item:
        """Load the item that a decision is about, checking that it hasn't changed since.

        Raises:
            StaleItemError: the item has changed since it was displayed, or is no longer pending.
        """
        item = self.load_item(decision.id)
        if item is None and is_highlight_key(decision.id):
            if next(pending_items.iter_outcomes(self._ledger, decision.id), None) is None:
                raise StaleItemError(None, why="This passage is no longer in its source.")
        if item is None or decision.turn not in ("", item.content_hash):
            raise StaleItemError(item)
        return item

    def decide(self, decision: Decision) -> DecisionResult:
        """Carry out a decision.

        Raises:
            StaleItemError: the item has changed since it was displayed, or is no longer pending.
            ForgeError: the decision is refused; the message says why.
        """
        item = self.load_current_item(decision)
        undoable = True
        with self._ledger.action() as action:
            is_from_passage = decision.choice == PASSAGE_CHOICE
            if decision.act == "make" and (is_from_passage or not item.offered_drafts):
                self._make_from_selection(decision, item.highlight)
            elif item.question:
                self._answer_question(decision, item.question)
                undoable = item.question.kind is not QuestionKind.EMPTIED
            elif item.proposal:
                self._decide_on_proposal(decision, item.proposal)
            elif item.outcome:
                self._decide_on_passage(decision, item.outcome.highlight)
            elif decision.act == "restore":
                undo_decision(self._ledger, decision.id)
                undoable = False
            elif item.drafts:
                self._decide_on_offer(decision, item)
            else:
                self._decide_on_card_or_draft(decision.id, decision)

        next_fact = None
        if item.offered_drafts and not item.card:
            highlight = item.offered_drafts[0].highlight
            next_item = find_next_offer(self._ledger, highlight)
            next_item = next_item or self.load_item(highlight.key)
            next_fact = next_item if next_item and next_item.offered_drafts else None
        if decision.act == "reject":
            return DecisionResult(action if undoable else "", postponed_item=next_fact)
        return DecisionResult(action if undoable else "", next_fact)

    def _make_from_selection(
        self, decision: Decision, highlight: Highlight | None
    ) -> None:
        if highlight is None:
            raise RefusedError("This highlight cannot become a card here.")
        question = None if decision.mode == "cloze" else decision.text
        fields = make_fields_from_spans(highlight, decision.spans, question)
        self._make_card(decision, highlight, fields)

    def _decide_on_passage(self, decision: Decision, highlight: Highlight) -> None:
        match decision.act:
            case "none":
                self._ledger.reject(highlight.key)
            case "write":
                self._make_card(decision, highlight, parse_new_fields(decision.fields))
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _decide_on_proposal(self, decision: Decision, proposal: Proposal) -> None:
        ledger = self._ledger
        highlight = proposal.highlight
        match decision.act:
            case "accept":
                decks = self._workspace.decks
                proposals.accept_proposal(ledger, proposal, decks, gap=decision.gap)
            case "reject":
                decide.reject_proposal(ledger, proposal, decision.text)
            case "none" | "passage":
                ledger.reject(highlight.key, decision.text)
            case "write" | "instead":
                self._make_card(decision, highlight, parse_new_fields(decision.fields))
            case "edit":
                fields = apply_edits(proposal.fields, decision.fields)
                self._make_card(decision, highlight, parse_new_fields(dict(fields)))
            case "make":
                question = None if decision.mode == "cloze" else decision.text
                fields = make_fields_from_sentence(
                    proposal, _make_selection(decision), question
                )
                self._make_card(decision, highlight, fields)
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _decide_on_offer(self, decision: Decision, item: Item) -> None:
        ledger = self._ledger
        selected = item.select_draft(decision.choice)
        match decision.act:
            case "reject":
                ledger.reject(item.drafts[0].id, decision.text)
            case "passage":
                ledger.reject(selected.highlight.key, decision.text)
            case "write":  # in addition to the drafts
                self._make_card(
                    decision, selected.highlight, parse_new_fields(decision.fields)
                )
            case "instead":  # instead of the draft, unless that was decided on as well
                self._make_card(
                    decision, selected.highlight, parse_new_fields(decision.fields)
                )
                pending_drafts = item_lists.load_pending_drafts(
                    ledger, [selected.highlight.key]
                )
                if any(draft.id == selected.id for draft in pending_drafts):
                    ledger.reject(selected.id)
            case "make" if selected.gaps:
                question = None if decision.mode == "cloze" else decision.text
                fields = make_fields_from_sentence(
                    selected, _make_selection(decision), question
                )
                self._make_card(decision, selected.highlight, fields)
            case _:
                self._decide_on_card_or_draft(selected.id, decision)

    def _answer_question(self, decision: Decision, question: Question) -> None:
        ledger = self._ledger
        if decision.act != "accept":
            ledger.reject(question.id)
            return
        if question.kind is QuestionKind.FORM and decision.lines is not None:
            # a tick may represent several lines with the same front
            ticked = set(" ".join(decision.lines).split()).intersection(question.drafts)
            self._decide_on_lines(question, ticked, includes_later=decision.later)
            return
        ledger.accept(question.id)

    def _decide_on_lines(
        self, question: Question, ticked: Collection[str], *, includes_later: bool
    ) -> None:
        ledger = self._ledger
        unticked = [id for id in question.drafts if id not in ticked]
        if includes_later and ticked:
            questions.answer_question(ledger, question.id, yes=True, without=unticked)
        else:
            for id in unticked:
                ledger.reject(id)
        for draft in item_lists.load_pending_drafts(ledger, ticked):
            if not draft.is_blocked:
                ledger.accept(draft.id)

    def _decide_on_card_or_draft(self, id: str, decision: Decision) -> None:
        ledger = self._ledger
        match decision.act:
            case "accept" if decision.masks:
                decide.accept_draft(ledger, id, masks=decision.masks)
            case "masks":
                decide.set_masks(ledger, id, decision.masks)
            case "accept" | "another":
                ledger.accept(id, gap=decision.gap, another=decision.act == "another")
            case "force":
                ledger.accept(id, gap=decision.gap, forced=True)
            case "reject":
                ledger.reject(id, decision.text)
            case "edit":
                guid, _ = edit_card_or_draft(
                    ledger, id, decision.fields, forced=decision.forced
                )
                apply_deck_and_tags(ledger, guid, decision.fields, self._workspace.decks)
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _make_card(
        self, decision: Decision, highlight: Highlight, fields: Fields
    ) -> None:
        decks = self._workspace.decks
        guid, _ = make_card(
            self._ledger, highlight, fields, decks, forced=decision.forced
        )
        apply_deck_and_tags(self._ledger, guid, decision.fields, decks)

    def draft_alternatives(self, item: Item) -> Item:
        """Have the model draft other cards for a passage, and return an item with them.

        Raises:
            ForgeError: the model has no other card to offer, or can't be used.
        """
        highlight = item.outcome.highlight if item.outcome else item.drafts[0].highlight
        ids_before = {
            draft.id
            for draft in item_lists.load_pending_drafts(self._ledger, [highlight.key])
        }
        self._workspace.draft_alternatives(highlight.key)
        for draft in item_lists.load_pending_drafts(self._ledger, [highlight.key]):
            new_item = self.load_item(draft.id) if draft.id not in ids_before else None
            if new_item is not None:
                return new_item
        raise RefusedError("The model has no other card for this passage.")

    def preview(self, decision: Decision) -> ShownCard:
        """Build the card that the user's edits or selection would create, without storing it.

        Raises:
            StaleItemError: the item is no longer pending.
            UsageError: the fields don't make a valid card.
        """
        item = self.load_item(decision.id)
        if item is None:
            raise StaleItemError(None)
        if item.outcome and not item.proposal:
            fields = parse_new_fields(decision.fields)
            highlight = item.outcome.highlight
            kind = CardKind.from_fields(dict(fields))
            return Preview(
                highlight.key, kind, fields, Origin(USER), passages=(highlight,)
            )
        if item.offered_drafts:
            draft: OfferedDraft = item.proposal or item.select_draft(decision.choice)
            fields = apply_edits(draft.fields, decision.fields)
            if decision.spans:
                fields = make_fields_from_sentence(draft, _make_selection(decision), None)
            return replace(draft, fields=fields)
        if item.card is None:
            raise RefusedError("This cannot be edited.")
        fields = apply_edits(item.card.fields, decision.fields)
        return replace(item.card, fields=fields)


# --- many at once -----------------------------------------------------------------------


def select_clean_drafts(
    ledger: Ledger, ids: Sequence[str], query: str
) -> tuple[list[str], Counter[str]]:
    """Select drafts that can be accepted in bulk, without a decision on each.

    Args:
        ledger: where the pending drafts are stored.
        ids: the drafts that match the query; these may be only some drafts of an offer.
        query: the user's query. Warnings named in it are ignored.

    Returns:
        The ids of the selected drafts, at most one per offer, and the number of skipped
            drafts keyed by reason.
    """
    clean_ids: list[str] = []
    skipped_by_reason = Counter[str]()
    matching_ids = set(ids)
    query_terms = set(query.split())
    for offer in iter_offers(ledger, ids):
        first_draft, *other_drafts = [
            draft for draft in offer if draft.id in matching_ids
        ]
        reason = _find_skip_reason(first_draft, query_terms)
        if reason:
            skipped_by_reason[reason] += 1
        else:
            clean_ids.append(first_draft.id)
        if other_drafts:
            skipped_by_reason["another draft of the same fact"] += len(other_drafts)
    return clean_ids, skipped_by_reason


def _find_skip_reason(draft: PendingDraft, query_terms: Set[str]) -> str:
    """Return why a draft can't be accepted in bulk, or "" if it can."""
    for remark in draft.remarks:
        if remark.kind in (RemarkKind.FORM, RemarkKind.MOVED):
            return "held back by a question: ankiforge list --view questions"
        if remark.kind not in (RemarkKind.TAKEN_BACK, RemarkKind.SAME_SENTENCE):
            return remark.kind.value
    for finding in draft.findings:
        warning = f"finding:{finding.check}"
        if finding.severity is not Severity.INFO and warning not in query_terms:
            return describe_rule(finding.check)
    return ""


# --- the ending of ten, and of a list ---------------------------------------------------


def iter_changed_cards(ledger: Ledger, actions: Collection[str]) -> Iterator[LocalCard]:
    """Yield the live cards created or changed by the actions with these ids."""
    action_ids = set(actions)
    guids = dict.fromkeys(
        entry.guid
        for entry in ledger.list_history()
        if entry.id in action_ids and entry.guid
    )
    for guid in reversed(guids):
        with suppress(ForgeError):
            card = load_card(ledger, Guid(guid))
            if card.is_live:
                yield card
