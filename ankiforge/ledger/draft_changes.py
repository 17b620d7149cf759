"""What to record after the drafts of a passage were made and checked.

Text that the user wrote in the source is given to its card at once (`card_updates`), unless the
user must confirm it. All other drafts are stored as made; `waiting` computes which of them wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from msgspec.structs import asdict, replace

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.decision_plans import (
    PlannedDecision,
    build_revise_event,
    plan_decision,
)
from ankiforge.ledger.draft_completion import compute_draft_id
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.snapshots import DraftingState, HighlightSnapshot
from ankiforge.ledger.waiting import (
    Waiting,
    compute_waiting,
    explain_confirmation,
    find_changed_card,
    needs_confirmation,
)
from ankiforge.model import (
    Draft,
    DraftingResult,
    DraftingStatus,
    Highlight,
    StoredDraft,
    Strings,
    TextChange,
    Value,
)

COPY_REASON_PREFIX = "same words as in "
"""The start of the reason why a copy of a passage has no card, followed by the title of the
document that contains the primary copy."""


class DraftingMode(Value):
    """How drafts were created, which determines the pending drafts that they replace."""

    device_id: str
    """The id of this device."""
    is_model: bool = False
    """Whether a model created the drafts. They don't replace drafts by the rules."""
    keeps_pending: bool = False
    """Whether all pending drafts are kept, because the user requested additional ones."""
    after_event_number: int = 0
    """The `StoredDraft.after_event_number` of the new drafts."""

    @property
    def is_rules(self) -> bool:
        """Whether the drafting rules created the drafts, for a new or changed passage."""
        return not (self.is_model or self.keeps_pending)


class DraftingChanges(Value):
    """Everything to record after a highlight was drafted."""

    snapshot: HighlightSnapshot
    """The passage with the drafts made so far, the new ones included."""
    card_updates: tuple[PlannedDecision, ...] = ()
    """The changes that give cards the new text of their source. If there are any, they must be
    recorded first, and there are no other changes."""
    made: tuple[StoredDraft, ...] = ()
    """The new drafts, in order."""
    dropped_ids: Strings = ()
    """The drafts that they replace."""
    waiting: Waiting = Waiting()
    drafting: DraftingState | None = None
    """What drafting the highlight has found now, or None if it has found nothing new."""
    drafted_hash: str = ""
    """The hash of the drafted content, or "" to draft the highlight again in the next run."""
    usefulness_by_sentence: Mapping[str, float] | None = None
    """The probability that the user would keep a card made from a sentence, by the hash of the
    sentence. None if the sentences weren't rated."""
    held_changes: tuple[TextChange, ...] = ()
    """The new text of cards that the user must confirm first, each with the reason."""

    @property
    def new_waiting(self) -> list[StoredDraft]:
        """The new drafts that wait."""
        ids = {draft.id for draft in self.made}
        return [draft for draft in self.waiting.drafts if draft.id in ids]

    @property
    def can_be_undone(self) -> bool:
        """Whether the drafting of a model or chat has changed anything that its undo reverts."""
        if self.new_waiting or self.dropped_ids:
            return True
        return self.drafting not in (None, self.snapshot.drafting)


def compute_draft_changes(
    snapshot: HighlightSnapshot,
    drafted: DraftingResult,
    mode: DraftingMode,
    *,
    has_updated_cards: bool = False,
) -> DraftingChanges:
    """Compute the changes to record after the drafts of a passage were checked.

    If `has_updated_cards` is False and hand-written text has changed in the source, the result has
    only the updates of its cards, which are recorded first.
    """
    if snapshot.primary_copy_title is not None:
        # the drafts of the primary copy stand for those of a copy
        drafted = DraftingResult(
            drafted.highlight,
            status=DraftingStatus.NO_CARD,
            reason=f"{COPY_REASON_PREFIX}{snapshot.primary_copy_title}",
        )
    is_declined = _is_declined(snapshot, drafted, mode)
    visible_drafts = [*drafted.visible_drafts]
    if is_declined:
        visible_drafts = list(filter(_may_follow_refusal, visible_drafts))
    card_updates, held_changes = _follow_source(snapshot, visible_drafts, mode)
    if card_updates and not has_updated_cards:
        return DraftingChanges(snapshot, card_updates=tuple(card_updates))
    changes = _add_drafts(snapshot, visible_drafts, mode)
    changes = replace(changes, held_changes=tuple(held_changes))
    if not _changes_highlight(snapshot, changes, mode):
        return changes
    drafted_hash = snapshot.content_hash
    if drafted.status is DraftingStatus.FAILED:
        drafted_hash = ""
    drafting = _update_drafting_state(
        drafted, drafted_hash, snapshot, mode, is_declined=is_declined
    )
    changes = replace(changes, drafting=drafting, drafted_hash=drafted_hash)
    if mode.is_rules:
        return replace(changes, usefulness_by_sentence=_rate_sentences(drafted))
    return changes


def _changes_highlight(
    snapshot: HighlightSnapshot, changes: DraftingChanges, mode: DraftingMode
) -> bool:
    """Return whether the result of a drafting is recorded for the highlight.

    If the user requested additional drafts and there are none, it isn't, unless it is the first
    result of a model.
    """
    if not mode.keeps_pending or changes.new_waiting:
        return True
    return mode.is_model and not snapshot.has_model_result


def _add_drafts(
    snapshot: HighlightSnapshot, drafts: list[Draft], mode: DraftingMode
) -> DraftingChanges:
    """Compute which drafts are made and dropped, and which then wait."""
    made = list(_iter_made(snapshot, drafts, mode))
    dropped_ids, kept_drafts = _divide_earlier_drafts(snapshot, made, mode)
    snapshot = replace(snapshot, made=(*made, *kept_drafts))
    waiting = compute_waiting(snapshot, mode.device_id)
    # store with each draft the card that it revises, if it waits and revises any
    guid_by_id = {draft.id: draft.revised_guid for draft in waiting.drafts}
    made = [replace(draft, revised_guid=guid_by_id.get(draft.id)) for draft in made]
    return DraftingChanges(
        snapshot, made=tuple(made), dropped_ids=dropped_ids, waiting=waiting
    )


def _is_declined(
    snapshot: HighlightSnapshot, drafted: DraftingResult, mode: DraftingMode
) -> bool:
    """Return whether a model, now or before, found the highlight not worth a card."""
    if mode.is_rules:
        return snapshot.is_declined
    return drafted.is_declined and not mode.keeps_pending


def _may_follow_refusal(draft: Draft) -> bool:
    """Return whether a draft is offered although a model found its highlight not worth a card."""
    return draft.is_user_text or not draft.is_proposed


def _divide_earlier_drafts(
    snapshot: HighlightSnapshot, made: Iterable[StoredDraft], mode: DraftingMode
) -> tuple[Strings, list[StoredDraft]]:
    """Return the ids of the earlier drafts that new ones replace, and the other earlier drafts.

    A draft that was made again is in neither, unless it is replaced.
    """
    made_ids = {draft.id for draft in made}
    dropped_ids = []
    kept_drafts = []
    for draft in snapshot.made:
        if should_replace_draft(draft, snapshot.highlight, mode):
            dropped_ids.append(draft.id)
        elif draft.id not in made_ids:
            kept_drafts.append(draft)
    return tuple(dropped_ids), kept_drafts


def _follow_source(
    snapshot: HighlightSnapshot, drafts: list[Draft], mode: DraftingMode
) -> tuple[list[PlannedDecision], list[TextChange]]:
    """Return the updates of cards to the new text of their source, and those that are held."""
    updates = []
    held = []
    for draft in drafts:
        card = find_changed_card(snapshot, draft, mode.device_id)
        if card is None or not draft.is_user_text:
            continue
        hold_reason = explain_confirmation(card, draft)
        if hold_reason is not None:
            after = tuple((name, text) for name, text in draft.fields if text)
            held.append(TextChange(card.guid, card.fields, after, hold_reason))
        elif not needs_confirmation(card, draft, snapshot.highlight):
            event = build_revise_event(snapshot.highlight.key, card.guid, draft, SOURCE)
            sentences = sentence_decisions.find_covered_sentences(
                snapshot.text, draft.quote
            )
            updates.append(plan_decision(snapshot, event, sentences))
    return updates, held


def _iter_made(
    snapshot: HighlightSnapshot, drafts: list[Draft], mode: DraftingMode
) -> Iterator[StoredDraft]:
    """Yield new drafts as `made` stores them.

    Additional drafts that the user requested leave out those that already wait. A draft that was
    made before keeps the event number of its first request. Hand-written drafts and all others
    have positions of their own, which also count the drafts that are left out.
    """
    earlier_event_numbers = {
        draft.id: draft.after_event_number for draft in snapshot.made
    }
    ids_to_skip: set[str] = set()
    if mode.keeps_pending:
        ids_to_skip.update(draft.id for draft in snapshot.pending_drafts)
    next_own_position, next_other_position = count(), count()
    for draft in drafts:
        id = compute_draft_id(draft)
        if draft.is_hand_written:
            position = next(next_own_position)
        else:
            position = next(next_other_position)
        if id in ids_to_skip:
            continue
        sentence = sentence_decisions.find_draft_sentence(draft, snapshot.text)
        sentence_hashes: Strings = ()
        if sentence:
            sentence_hashes = (sentence_decisions.hash_sentence(sentence),)
        yield StoredDraft(
            **asdict(draft),
            id=id,
            offer_id="",
            sentence_hashes=sentence_hashes,
            revised_guid=None,
            replaced_guid=None,
            similar_removed_sentence="",
            after_event_number=mode.after_event_number
            or earlier_event_numbers.get(id, 0),
            position=position,
        )


def _update_drafting_state(
    drafted: DraftingResult,
    drafted_hash: str,
    snapshot: HighlightSnapshot,
    mode: DraftingMode,
    *,
    is_declined: bool,
) -> DraftingState:
    """Return what drafting a highlight has found, with the result of one more drafting.

    If a model declined the highlight, 1 is subtracted from the usefulness that the rules found. It
    is negative then, which means that nothing is proposed (`DraftingResult.usefulness`).
    """
    before = snapshot.drafting
    usefulness = before.usefulness
    if mode.is_rules:
        usefulness = drafted.usefulness
    if is_declined and usefulness > 0:
        usefulness -= 1.0
    state = replace(
        before,
        status=drafted.status,
        reason=drafted.reason or "",
        usefulness=usefulness,
    )
    if not mode.is_model:
        if is_declined:  # the model's reason is kept
            return replace(state, status=DraftingStatus.NO_CARD, reason=before.reason)
        return state
    state = replace(state, modelled_hash=drafted_hash)
    if mode.keeps_pending:
        return state
    if is_declined:
        return replace(state, declined_hash=snapshot.content_hash)
    return replace(state, declined_hash="")


def _rate_sentences(drafted: DraftingResult) -> dict[str, float]:
    """Return how useful a card of each sentence would be, by the hash of the sentence."""
    usefulness_by_hash: dict[str, float] = {}
    text = sentence_decisions.get_sentence_text(drafted.highlight)
    for quote, usefulness in drafted.usefulness_by_sentence:
        sentences = sentence_decisions.find_covered_sentences(text, quote)
        if not sentences:
            continue
        # a quote ends with the rated sentence, which follows those it depends on
        sentence_hash = sentence_decisions.hash_sentence(sentences[-1])
        best = usefulness_by_hash.get(sentence_hash, usefulness)
        usefulness_by_hash[sentence_hash] = max(best, usefulness)
    return usefulness_by_hash


def should_replace_draft(
    draft: StoredDraft, highlight: Highlight, mode: DraftingMode
) -> bool:
    """Return whether a draft that was made earlier is replaced by new drafts of a highlight.

    Rules and models only replace their own drafts, and no draft is replaced if the user requested
    additional ones. If the pending draft is for a different highlight of the same passage, it is
    only replaced if it is a proposal and the rules created the new drafts.
    """
    if mode.keeps_pending:
        return False
    if draft.key != highlight.key:
        return draft.is_proposed and not mode.is_model
    is_of_rules = draft.is_proposed or draft.origin.drafter.startswith("rules")
    return is_of_rules != mode.is_model
