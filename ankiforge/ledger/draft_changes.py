"""Compute which drafts of a passage are pending, after a decision or a new drafting.

A draft is *resolved* once there is nothing left to decide about it, because of a decision on
its passage or, in any passage, on its sentence. A resolved draft is archived under the event
that resolves it, so that undoing the event makes it pending again. Any decision on a sentence
resolves the sentence's offline drafts. A draft by a model is only resolved by a decision on the
same answer, because a sentence may have several cards.

`compute_draft_changes` takes a snapshot of the passage and its checked drafts, and returns
the changes to record. New text from the source is applied to a card without asking only if the
text is hand-written and no check blocks it. These updates of cards are recorded first, and all
other changes are recomputed from the resulting state of the passage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.decision_plans import (
    PlannedDecision,
    build_revise_event,
    plan_decision,
)
from ankiforge.ledger.draft_completion import (
    compute_draft_id,
    find_most_similar_gap,
    find_proposed_card,
    has_decided_text,
    has_new_source_text,
    list_field_texts,
    move_gap_to_front,
    should_offer_draft,
)
from ankiforge.ledger.events import (
    SOURCE,
    SentenceDecision,
    get_slot,
    normalize_answer,
)
from ankiforge.ledger.sentence_decisions import SentenceState
from ankiforge.ledger.snapshots import HighlightSnapshot, PassageSnapshot
from ankiforge.model import (
    DRAFT_PREFIX,
    Card,
    CardKind,
    Draft,
    DraftingResult,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Pair,
    SourceKind,
    StoredDraft,
    Strings,
    TextChange,
    Value,
    hash16,
)
from ankiforge.text import occlusion
from ankiforge.text.decoding import find_garbled_word

COPY_REASON_PREFIX = "same words as in "
"""The start of the reason why a copy of a passage has no card, followed by the title of the
document that contains the primary copy."""
MIN_DERIVED_SIMILARITY = 85
"""The minimum similarity, in per cent, at which a card takes new text from a PDF page without a
question to the user."""


class NewPendingDraft(Value):
    """A draft that is about to become pending, with the additional fields of `StoredDraft`."""

    draft: Draft
    id: str
    position: int
    """The position of the draft among the new drafts of its highlight."""
    sentence_hashes: Strings
    """The hashes of the sentences that the draft is about."""
    revised_guid: Guid | None
    replaced_guid: Guid | None
    similar_removed_sentence: str = ""
    after_event_number: int = 0


class PendingDraftChanges(Value):
    """Changes to the pending drafts of a passage. Written by `pending_drafts.apply_changes`."""

    added: tuple[NewPendingDraft, ...] = ()
    """The drafts that become pending."""
    deleted_ids: Strings = ()
    """The ids of the drafts that are deleted because their source changed."""
    archived: tuple[Pair, ...] = ()
    """The drafts to archive, as (id of the draft, id of the event that resolves it)."""
    updated: tuple[StoredDraft, ...] = ()
    """The drafts that stay pending but are now about another sentence, or compared with another
    card or decided sentence (`sentence_hashes`, `revised_guid` and `similar_removed_sentence`)."""
    keys_to_redraft: Strings = ()
    """The keys of the passage, if a sentence that should be offered has no draft, so that the
    drafting rules are rerun. Otherwise ()."""

    def archive_deleted(self, event_id: str) -> PendingDraftChanges:
        """Return changes that archive the drafts under an event's id instead of deleting them."""
        deleted = ((id, event_id) for id in self.deleted_ids)
        return replace(self, deleted_ids=(), archived=(*self.archived, *deleted))


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


class DraftingOutcome(Value):
    """The result of drafting a highlight, as stored in the row of the highlight."""

    key: str
    drafted_content_hash: str
    """The hash of the drafted content, or "" to redraft the highlight in the next run."""
    reason: str = ""
    """Why there is no card, or ""."""
    status: str = ""
    """The status of a highlight without drafts, such as no_card or failed."""
    usefulness: float = 0.0
    """The probability that the user would keep a card made from the best sentence."""
    usefulness_by_sentence: Mapping[str, float] | None = None
    """The probability that the user would keep a card made from a sentence, by the hash of the
    sentence. None if the sentences weren't rated."""
    declined_hash: str = ""
    """The hash of the content that a model found not worth a card, or ""."""


class DraftingChanges(Value):
    """Everything to record after a highlight was drafted."""

    snapshot: HighlightSnapshot
    """The passage with the drafts that stay pending."""
    card_updates: tuple[PlannedDecision, ...] = ()
    """The changes that give cards the new text of their source. If there are any, they must be
    recorded first, and there are no other changes."""
    drafts: PendingDraftChanges = PendingDraftChanges()
    hand_written_draft_ids: Strings = ()
    """The ids of all hand-written drafts of the highlight, pending or not."""
    outcome: DraftingOutcome | None = None
    held_changes: tuple[TextChange, ...] = ()
    """The new text of cards that the user must confirm first, each with the reason."""

    def exclude_pending_drafts(self) -> DraftingChanges:
        """Return the changes without the new drafts that are already pending.

        Otherwise, undoing the drafting would also delete the drafts that were pending before it.
        """
        pending_ids = {draft.id for draft in self.snapshot.pending_drafts}
        added = tuple(draft for draft in self.drafts.added if draft.id not in pending_ids)
        return replace(self, drafts=replace(self.drafts, added=added))


def compute_draft_changes(
    snapshot: HighlightSnapshot,
    drafted: DraftingResult,
    mode: DraftingMode,
    *,
    has_updated_cards: bool = False,
) -> DraftingChanges:
    """Compute the changes to record after the drafts of a passage were checked.

    If hand-written text has changed in the source, its card is updated at once, unless the user
    must confirm the new text (`needs_confirmation`). Any other draft becomes pending unless the
    user has already decided on its text, or on its sentence with the same answer.

    Args:
        snapshot: The passage.
        drafted: The drafts as completed by `draft_completion.complete_drafts`, with the
            findings of the checks.
        mode: How the drafts were created, which determines the pending drafts that they replace.
        has_updated_cards: Whether updates of cards have already been recorded. If they haven't
            and there are any, the result contains only these updates.
    """
    # drop the drafts of an exact copy
    if snapshot.primary_copy_title:
        drafted = DraftingResult(
            drafted.highlight, reason=f"{COPY_REASON_PREFIX}{snapshot.primary_copy_title}"
        )

    # find out whether a model found the passage not worth a card
    is_declined = drafted.is_declined and not mode.keeps_pending
    if mode.is_rules:
        is_declined = snapshot.is_declined

    # divide the new and the pending drafts
    hand_written = []
    others = []
    for draft in drafted.visible_drafts:
        if draft.is_user_text:
            hand_written.append(draft)
        elif not (is_declined and draft.is_proposed):
            others.append(
                (draft, sentence_decisions.find_draft_sentence(draft, snapshot.text))
            )
    kept_drafts = []
    replaced_ids = []
    for stored in snapshot.pending_drafts:
        if should_replace_draft(stored, snapshot.highlight, mode):
            replaced_ids.append(stored.id)
        else:
            kept_drafts.append(stored)
    snapshot = replace(snapshot, pending_drafts=tuple(kept_drafts))

    # if cards take the new text of their source, return only these changes
    card_updates = []
    held_changes = []
    for draft in hand_written:
        card = _find_changed_card(snapshot, draft, mode)
        if card is None:
            continue
        why = explain_confirmation(card, draft)
        if why:
            after = tuple((name, text) for name, text in draft.fields if text)
            held_changes.append(TextChange(card.guid, card.fields, after, why))
        elif not needs_confirmation(card, draft, snapshot.highlight):
            event = build_revise_event(snapshot.highlight.key, card.guid, draft, SOURCE)
            sentences = sentence_decisions.find_covered_sentences(
                snapshot.text, draft.quote
            )
            card_updates.append(plan_decision(snapshot, event, sentences))
    if card_updates and not has_updated_cards:
        return DraftingChanges(snapshot, card_updates=tuple(card_updates))

    # find the drafts that become pending, and those that are no longer pending
    new_hand_written = list(_iter_new_hand_written_drafts(snapshot, hand_written, mode))
    drafted_hashes = [
        sentence_hash
        for each in new_hand_written
        for sentence_hash in each.sentence_hashes
    ]
    for draft, sentence in others:
        if not draft.is_proposed:
            drafted_hashes.append(sentence_decisions.hash_sentence(sentence))
    sentence_states = snapshot.compute_sentence_states(drafted=drafted_hashes)
    new_others = list(_iter_new_generated_drafts(snapshot, others, sentence_states, mode))
    new_drafts = (*new_hand_written, *new_others)
    change = compute_pending_draft_changes(
        snapshot,
        mode.device_id,
        sentence_states=sentence_states,
        reworded_guids={draft.revised_guid for draft in new_drafts if draft.revised_guid},
    )
    # further drafts that the user requested change the highlight only if there are any, or if the
    # first model to be asked found none
    is_unchanged = mode.keeps_pending and not new_drafts
    outcome = None
    if not is_unchanged or (mode.is_model and not snapshot.has_model_result):
        outcome = _build_outcome(drafted, snapshot, mode, is_declined=is_declined)
    return DraftingChanges(
        snapshot,
        drafts=replace(
            change,
            added=(*new_drafts, *change.added),
            deleted_ids=(*replaced_ids, *change.deleted_ids),
            keys_to_redraft=(),
        ),
        hand_written_draft_ids=tuple(map(compute_draft_id, hand_written)),
        outcome=outcome,
        held_changes=tuple(held_changes),
    )


def _build_outcome(
    drafted: DraftingResult,
    snapshot: HighlightSnapshot,
    mode: DraftingMode,
    *,
    is_declined: bool,
) -> DraftingOutcome:
    reason, status = drafted.reason.removeprefix("skip: "), drafted.status
    if is_declined and not mode.is_model:  # keep the model's reason
        reason, status = snapshot.reason, "no_card"
    usefulness = drafted.usefulness if mode.is_rules else snapshot.usefulness
    if is_declined and usefulness > 0:  # at most 0 means that nothing is proposed
        usefulness -= 1.0

    # rate each sentence; a quote ends with the rated one, which follows those it depends on
    usefulness_by_hash: dict[str, float] = {}
    text = sentence_decisions.get_sentence_text(drafted.highlight)
    for quote, quote_usefulness in drafted.usefulness_by_sentence:
        for sentence in sentence_decisions.find_covered_sentences(text, quote)[-1:]:
            sentence_hash = sentence_decisions.hash_sentence(sentence)
            best = usefulness_by_hash.get(sentence_hash, quote_usefulness)
            usefulness_by_hash[sentence_hash] = max(best, quote_usefulness)
    return DraftingOutcome(
        key=snapshot.highlight.key,
        # if drafting failed, draft the highlight again in the next run
        drafted_content_hash="" if drafted.service_failed else snapshot.content_hash,
        reason=reason,
        status=status,
        usefulness=usefulness,
        usefulness_by_sentence=usefulness_by_hash if mode.is_rules else None,
        declined_hash=snapshot.content_hash if is_declined else "",
    )


# --- new and pending drafts -------------------------------------------------------------


def should_replace_draft(
    draft: StoredDraft, highlight: Highlight, mode: DraftingMode
) -> bool:
    """Return whether a pending draft is replaced by new drafts of a highlight.

    Rules and models only replace their own drafts, and no draft is replaced if the user requested
    additional ones. If the pending draft is for a different highlight of the same passage, it is
    only replaced if it is a proposal and the rules created the new drafts.
    """
    if mode.keeps_pending or draft.keeps_text:  # see `compute_pending_draft_changes`
        return False
    if draft.key != highlight.key:
        return draft.is_proposed and not mode.is_model
    is_of_rules = draft.is_proposed or draft.origin.drafter.startswith("rules")
    return is_of_rules != mode.is_model


# --- drafts that become pending ---------------------------------------------------------


def _iter_new_hand_written_drafts(
    snapshot: HighlightSnapshot, hand_written_drafts: Iterable[Draft], mode: DraftingMode
) -> Iterator[NewPendingDraft]:
    """Yield the hand-written drafts to offer.

    These are new cards, and new text of existing cards that the user must confirm.
    """
    position = 0
    for draft in hand_written_drafts:
        if not should_offer_draft(snapshot.passage, draft, mode.device_id):
            continue
        sentences = sentence_decisions.find_covered_sentences(snapshot.text, draft.quote)
        about = tuple(
            sentence_decisions.hash_sentence(sentence) for sentence in sentences
        )
        card = _find_changed_card(snapshot, draft, mode)
        held_guid = None
        if card and needs_confirmation(card, draft, snapshot.highlight):
            held_guid = card.guid
        yield NewPendingDraft(
            draft,
            compute_draft_id(draft),
            position,
            about,
            revised_guid=held_guid,
            replaced_guid=_find_replaced_card(snapshot, draft),
        )
        position += 1


def _iter_new_generated_drafts(
    snapshot: HighlightSnapshot,
    others: Sequence[tuple[Draft, str]],
    sentence_states: Sequence[SentenceState],
    mode: DraftingMode,
) -> Iterator[NewPendingDraft]:
    """Yield the drafts to offer that aren't hand-written.

    A draft is offered unless the user has already decided on its text. Unless the user requested
    the draft, it is also left out if they have decided on its sentence (see `is_decided`).
    `others` are pairs of a draft and its sentence.
    """
    undecided_states = sentence_decisions.get_undecided_sentences(sentence_states)
    # find the sentences with a draft of the same note type as their card, which it may revise; the
    # drafts of such a sentence with another note type are left out
    revising_sentences = set()
    for draft, sentence in others:
        state = undecided_states.get(sentence_decisions.hash_sentence(sentence))
        if state and find_revised_card(snapshot, state, draft):
            revising_sentences.add(sentence)
    outdated_cards = snapshot.find_outdated_cards()
    for position, (draft, sentence) in enumerate(others):
        sentence_hash = sentence_decisions.hash_sentence(sentence) if sentence else ""
        state = undecided_states.get(sentence_hash)
        outdated_guid = _find_outdated_card(snapshot, outdated_cards, draft, sentence)
        is_new = state is not None or outdated_guid is not None or mode.keeps_pending
        if not is_new and is_decided(snapshot, draft, sentence_hash):
            continue
        state = state or SentenceState(sentence)
        if outdated_guid:
            del outdated_cards[outdated_guid]
        revised_guid = outdated_guid or find_revised_card(snapshot, state, draft)
        is_alternative = state.revised_guid and not (revised_guid or draft.drafted_quote)
        if is_alternative and sentence in revising_sentences:
            continue
        # a proposal, or text that was decided on, is only stored if it would revise a card
        if not revised_guid and (
            draft.is_proposed or has_decided_text(snapshot.passage, draft)
        ):
            continue
        if revised_guid and draft.gaps:
            # put the gap most similar to the card first
            nearest = find_most_similar_gap(
                draft, snapshot.find_card(revised_guid).get_field("Text")
            )
            draft = move_gap_to_front(draft, nearest)
        about = (sentence_hash,) if sentence_hash else ()
        yield NewPendingDraft(
            draft,
            compute_draft_id(draft),
            position,
            about,
            revised_guid=revised_guid,
            replaced_guid=None,
            similar_removed_sentence=state.similar_removed,
            after_event_number=mode.after_event_number,
        )


def _find_replaced_card(snapshot: HighlightSnapshot, draft: Draft) -> Guid | None:
    if not draft.is_hand_written:
        return None
    for card in snapshot.passage.live_cards:
        if (
            card.user_text_number == draft.user_text_number
            and card.note_type is not draft.note_type
        ):
            return card.guid
    card_in_slot = snapshot.passage.find_card_by_number(draft)
    card_of_proposal = find_proposed_card(snapshot.passage)
    if card_of_proposal is not None and (
        card_in_slot is None or not card_in_slot.is_live
    ):
        return card_of_proposal.guid
    return None


# --- drafts and cards -------------------------------------------------------------------


def _find_changed_card(
    snapshot: PassageSnapshot, draft: Draft, mode: DraftingMode
) -> Card | None:
    card = snapshot.passage.find_card_by_number(draft)
    return card if card and has_new_source_text(card, draft, mode.device_id) else None


def needs_confirmation(card: Card, draft: Draft, highlight: Highlight) -> bool:
    """Return whether the user must confirm a card's new text before it is applied.

    This is the case if `explain_confirmation` returns a reason, or if the text was read from a PDF
    page and differs too much from the old text (`MIN_DERIVED_SIMILARITY`).
    """
    if explain_confirmation(card, draft):
        return True
    if not is_from_pdf_page(draft, highlight):
        return False
    from rapidfuzz import fuzz

    similarity = fuzz.ratio(
        " ".join(list_field_texts(card)), " ".join(list_field_texts(draft))
    )
    return similarity < MIN_DERIVED_SIMILARITY


def explain_confirmation(card: Card, draft: Draft) -> str:
    """Return the reason to show when the user must confirm a card's new text, or "".

    Some texts must be confirmed even though this returns ""; see `needs_confirmation`.
    """
    if draft.is_blocked:
        return "a check blocks the new words"
    if draft.kind is CardKind.OCCLUSION:
        old_masks, new_masks = (
            occlusion.get_masks(card.fields),
            occlusion.get_masks(draft.fields),
        )
        is_certain = occlusion.update_masks(
            old_masks, new_masks, card.note.exported_text_by_number
        ).is_certain
        return "" if is_certain else "its figure has changed too much"
    if any(map(find_garbled_word, list_field_texts(card))):
        return ""
    damage = next(filter(None, map(find_garbled_word, list_field_texts(draft))), "")
    return f"the new words are damaged: “{damage}”" if damage else ""


def is_from_pdf_page(draft: Draft, highlight: Highlight) -> bool:
    """Return whether a draft's text was read from a PDF page."""
    if draft.kind is CardKind.OCCLUSION or highlight.kind is HighlightKind.CARD:
        return False
    return highlight.source_kind is SourceKind.PDF


# --- resolved drafts --------------------------------------------------------------------


def compute_pending_draft_changes(
    snapshot: PassageSnapshot,
    device_id: str,
    *,
    event_id: str = "",
    sentence_states: Sequence[SentenceState] | None = None,
    reworded_guids: Collection[str] = (),
) -> PendingDraftChanges:
    """Compute how the decisions and the current text of a passage affect its pending drafts.

    Resolved drafts are archived, and the other drafts are updated to the current text. Drafts
    that ask whether an outdated card still fits its passage are added or deleted.

    Args:
        snapshot: The passage with its decisions.
        device_id: The id of this device.
        event_id: The id of the last decision, to which all resolved drafts are attributed. If
            "", each draft is attributed to the decision that resolves it.
        sentence_states: The states of the passage's sentences. Computed if None.
        reworded_guids: The GUIDs of the cards for which a new draft has new text.
    """
    if sentence_states is None:
        sentence_states = snapshot.compute_sentence_states()
    undecided_states = sentence_decisions.get_undecided_sentences(sentence_states)
    outdated_cards = snapshot.find_outdated_cards()
    resolved = []
    deleted_ids = []
    updated = []
    kept = []
    has_new_quote = False
    for draft in snapshot.pending_drafts:
        if draft.keeps_text:
            continue
        if is_resolved(snapshot, draft, undecided_states, device_id):
            resolving_id = event_id or find_resolving_event(snapshot, draft)
            resolved.append((draft.id, resolving_id))
            continue
        updated_draft: StoredDraft | None = draft
        if snapshot.text and draft.sentence_hashes and not draft.is_hand_written:
            updated_draft = _update_draft(
                snapshot, draft, undecided_states, outdated_cards
            )
        if updated_draft is None:
            deleted_ids.append(draft.id)
            continue
        kept.append(updated_draft)
        if updated_draft != draft:
            updated.append(updated_draft)
            has_new_quote |= updated_draft.quote != draft.quote

    drafted_hashes = {each for draft in kept for each in draft.sentence_hashes}

    # without a draft with new text, the user is asked whether the card still fits its passage
    reworded = {*reworded_guids, *(draft.revised_guid for draft in kept)}
    guids_to_ask_about: dict[Pair, Guid] = {}
    for guid, quote in outdated_cards.items():
        if guid not in reworded:
            id = f"{DRAFT_PREFIX}{hash16(snapshot.leading_key, guid, quote)}"
            guids_to_ask_about[id, quote] = guid
    for draft in snapshot.pending_drafts:
        if draft.keeps_text and not guids_to_ask_about.pop((draft.id, draft.quote), None):
            deleted_ids.append(draft.id)
    return PendingDraftChanges(
        added=tuple(
            _build_keeps_text_draft(snapshot, id, guid, quote)
            for (id, quote), guid in guids_to_ask_about.items()
        ),
        deleted_ids=tuple(deleted_ids),
        archived=tuple(resolved),
        updated=tuple(updated),
        # the rules also recheck the drafts that now have another quote
        keys_to_redraft=snapshot.passage.keys
        if has_new_quote or not drafted_hashes.issuperset(undecided_states)
        else (),
    )


def _update_draft(
    snapshot: PassageSnapshot,
    draft: StoredDraft,
    undecided_states: Mapping[str, SentenceState],
    outdated_cards: Mapping[Guid, str],
) -> StoredDraft | None:
    """Update a pending draft to the current text and decisions of its passage.

    Its sentence, its quote and the card that it would revise may change. Returns None if the draft
    would revise a live card but was made for a sentence that has been removed. The user is then
    asked about the card itself.
    """
    updated_draft = draft
    [sentence_hash] = draft.sentence_hashes
    if sentence_hash not in snapshot.sentence_hashes:
        sentence = sentence_decisions.find_draft_sentence(draft, snapshot.text)
        if not sentence:
            live_guids = {card.guid for card in snapshot.passage.live_cards}
            if draft.revised_guid in live_guids | snapshot.related.live_cards.keys():
                return None
            updated_draft = snapshot.update_quote(draft)
            sentence = sentence_decisions.find_draft_sentence(
                updated_draft, snapshot.text
            )
        sentence_hash = sentence_decisions.hash_sentence(sentence)
    state = undecided_states.get(sentence_hash, SentenceState(""))
    revised_guid = draft.revised_guid
    if revised_guid not in outdated_cards:
        revised_guid = find_revised_card(snapshot, state, updated_draft)
    if revised_guid and not draft.is_proposed:
        # a short quote may also occur in the new sentence, for which the draft wasn't made
        removed_sentence = snapshot.find_removed_sentence(draft)
        if removed_sentence and draft.revised_guid:
            return None
        if removed_sentence:
            updated_draft = replace(updated_draft, drafted_quote=removed_sentence)
            revised_guid = None
    return replace(
        updated_draft,
        sentence_hashes=(sentence_hash,),
        revised_guid=revised_guid,
        similar_removed_sentence=state.similar_removed,
    )


def _build_keeps_text_draft(
    snapshot: PassageSnapshot, id: str, guid: Guid, quote: str
) -> NewPendingDraft:
    """Build the draft that asks whether a card still fits its passage.

    `quote` is the text that the card is about now.
    """
    card = snapshot.find_card(guid)
    draft = Draft(
        HighlightKey(snapshot.leading_key),
        card.kind,
        card.fields,
        card.origin,
        quote,
        card.tags,
        deck=card.deck,
        answer="",
        start=0,
        keeps_text=True,
    )
    sentence_hash = sentence_decisions.hash_sentence(quote)
    about = (sentence_hash,) if sentence_hash in snapshot.sentence_hashes else ()
    return NewPendingDraft(draft, id, 0, about, revised_guid=guid, replaced_guid=None)


def is_resolved(
    snapshot: PassageSnapshot,
    draft: StoredDraft,
    undecided_states: Mapping[str, SentenceState],
    device_id: str,
) -> bool:
    """Return whether there is nothing left to decide about a pending draft.

    `undecided_states` are the undecided sentences of the passage, keyed by hash.
    """
    passage = snapshot.passage
    if draft.is_hand_written:
        return passage.is_skipped or not should_offer_draft(passage, draft, device_id)
    [sentence_hash] = draft.sentence_hashes or [""]
    if draft.is_proposed and snapshot.text:  # stored only as new text of a card
        state = undecided_states.get(sentence_hash)
        return state is None or find_revised_card(snapshot, state, draft) is None
    if not draft.revised_guid and has_decided_text(passage, draft):
        return True
    is_offered = sentence_hash in undecided_states
    return not is_offered and is_decided(
        snapshot, draft, sentence_hash, since=draft.after_event_number
    )


def is_decided(
    snapshot: PassageSnapshot, draft: Draft, sentence_hash: str, since: int = 0
) -> bool:
    """Return whether a draft has been decided on, or its passage is closed to new cards.

    If the draft was accepted and the acceptance was undone, only decisions after that acceptance
    count.

    Args:
        snapshot: The passage with its decisions.
        draft: A draft that isn't hand-written.
        sentence_hash: The hash of the sentence that the draft is about, or "" if unknown.
        since: The number of an event. Only decisions after this event count.
    """
    passage = snapshot.passage
    for card in passage.cards.values():
        if card.undone_number > since and card.drafted_text_hash == get_slot(draft):
            since = card.undone_number
    was_closed = passage.is_closed
    if since:
        was_closed = passage.is_closed and any(
            decision.is_rejection and not decision.guid and not decision.answer
            for decision in passage.decisions
            if decision.event_number > since
        )
    return was_closed or any(
        resolves_draft(decision, draft, sentence_hash)
        for decision in snapshot.all_decisions
        if decision.event_number > since
    )


def resolves_draft(decision: SentenceDecision, draft: Draft, sentence_hash: str) -> bool:
    """Return whether a decision resolves a draft that isn't hand-written.

    The decision may have been made in another passage. `sentence_hash` is the hash of the
    sentence that the draft is about.
    """
    if not decision.event_id or decision.is_only_proposal_rejected:
        return False
    if sentence_hash not in map(sentence_decisions.hash_sentence, decision.sentences):
        return False
    return draft.is_proposed or decision.answer == normalize_answer(draft.fields) != ""


def find_resolving_event(snapshot: PassageSnapshot, draft: StoredDraft) -> str:
    """Return the event id of the last decision that resolves a draft.

    If no decision is about the draft's sentence and answer, return the last decision on the
    passage, or "" if there is none.
    """
    last_id = ""
    for decision in reversed(snapshot.all_decisions):
        if draft.sentence_hashes and resolves_draft(
            decision, draft, draft.sentence_hashes[0]
        ):
            return decision.event_id
        last_id = last_id or decision.event_id
    return last_id


def _find_outdated_card(
    snapshot: PassageSnapshot,
    outdated_cards: Mapping[Guid, str],
    draft: Draft,
    sentence: str,
) -> Guid | None:
    """Return the GUID of the outdated card that a draft would reword, or None.

    If several outdated cards are about the draft's `sentence`, the card with the most similar
    text is returned. The result is None for a draft that was made before the passage changed
    (`Draft.drafted_quote`).
    """
    from rapidfuzz import fuzz

    if draft.drafted_quote:
        return None

    candidates = []
    for guid, text in outdated_cards.items():
        card = snapshot.find_card(guid)
        if text == sentence and card.note_type is draft.note_type:
            texts = (" ".join(list_field_texts(each)) for each in (card, draft))
            candidates.append((fuzz.ratio(*texts), guid))
    return max(candidates)[1] if candidates else None


def find_revised_card(
    snapshot: PassageSnapshot, state: SentenceState, draft: Draft
) -> Guid | None:
    """Return the GUID of the card that a draft about a sentence would revise, or None.

    A draft becomes a new card instead if it has a different note type than the card, or if it was
    made before the sentence changed (`Draft.drafted_quote`).
    """
    if not state.revised_guid or draft.drafted_quote:
        return None
    card = snapshot.find_card(state.revised_guid)
    return card.guid if draft.note_type is card.note_type else None
