"""Compute which drafts of a passage wait for the user, from what was made and what was decided.

`made` drafts are what the drafters said about the passage; no decision changes them. A draft waits
if the decisions, the current text and the cards of the passage leave it open. After an undo, a
decision elsewhere or a link between passages, `compute_waiting` is simply called again.

    draft of            waits unless
    hand-written text   skipped, rejected, passed over, or its card has this text (or takes it)
    a model or chat     its text is decided, or its sentence and answer are
    the rules' own      it would be new text of no card

If a live card's quote is gone and no waiting draft rewords the card, a draft asks about the card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.draft_completion import (
    find_most_similar_gap,
    find_proposed_card,
    has_decided_text,
    has_new_source_text,
    list_field_texts,
    move_gap_to_front,
    should_offer_draft,
)
from ankiforge.ledger.events import (
    Passage,
    Rejection,
    SentenceDecision,
    get_slot,
    normalize_answer,
)
from ankiforge.ledger.sentence_decisions import SentenceState
from ankiforge.ledger.snapshots import PassageSnapshot
from ankiforge.model import (
    DRAFT_PREFIX,
    Card,
    CardKind,
    Draft,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    SourceKind,
    StoredDraft,
    Strings,
    Value,
    hash16,
)
from ankiforge.text import occlusion
from ankiforge.text.decoding import find_garbled_word

MIN_DERIVED_SIMILARITY = 85
"""The minimum similarity, in per cent, at which a card takes new text from a PDF page without a
question to the user."""


class Waiting(Value):
    """The drafts of a passage that wait, and whether the rules must look at the passage again."""

    drafts: tuple[StoredDraft, ...] = ()
    needs_rules: bool = False
    """Whether an offered sentence has no draft, or a draft has a quote that no check has seen."""


class _Candidate(NamedTuple):
    """A draft that isn't hand-written, where its quote is in the current text."""

    made: StoredDraft
    """The draft as it was made."""
    draft: StoredDraft
    sentence: str
    """The sentence of the current text that the draft is about, or ""."""
    sentence_hash: str
    """The hash of the sentence. If there is no current text, it is that of the sentence for which
    the draft was made."""


def compute_waiting(snapshot: PassageSnapshot, device_id: str) -> Waiting:
    """Compute the waiting drafts of a passage from its `made` drafts and its decisions."""
    if snapshot.is_refused_line:
        return Waiting()
    snapshot = replace(snapshot, pending_drafts=())
    own_drafts = list(_iter_hand_written(snapshot, device_id))
    candidates = list(_iter_candidates(snapshot))
    offered = _find_offered_sentences(snapshot, own_drafts, candidates)
    generated_drafts = list(_iter_generated(snapshot, candidates, offered))

    drafts = [*own_drafts, *generated_drafts]
    reworded_guids = {draft.revised_guid for draft in drafts}
    drafted_hashes = _collect_sentence_hashes(drafts)
    for guid, quote in snapshot.find_outdated_cards().items():
        if guid not in reworded_guids:
            drafts.append(build_keeps_text_draft(snapshot, guid, quote))
    made_quotes = {(draft.id, draft.quote) for draft in snapshot.made}
    has_new_quote = any(
        (draft.id, draft.quote) not in made_quotes for draft in generated_drafts
    )
    return Waiting(
        tuple(group_into_offers(snapshot.passage.key, drafts)),
        needs_rules=has_new_quote or not offered.keys() <= drafted_hashes,
    )


def _collect_sentence_hashes(drafts: Iterable[StoredDraft]) -> set[str]:
    hashes: set[str] = set()
    for draft in drafts:
        hashes.update(draft.sentence_hashes)
    return hashes


def _find_offered_sentences(
    snapshot: PassageSnapshot,
    own_drafts: Iterable[StoredDraft],
    candidates: Iterable[_Candidate],
) -> dict[str, SentenceState]:
    """Find the undecided sentences that a draft may be about, keyed by their hashes."""
    drafted_hashes = _collect_sentence_hashes(own_drafts)
    for candidate in candidates:
        if _may_become_card(snapshot, candidate.draft):
            drafted_hashes.add(candidate.sentence_hash)
    return sentence_decisions.get_undecided_sentences(
        snapshot.compute_sentence_states(drafted_hashes)
    )


def _may_become_card(snapshot: PassageSnapshot, draft: Draft) -> bool:
    """Return whether a draft may become a new card, and not only new text of a card."""
    return not draft.is_proposed and not has_decided_text(snapshot.passage, draft)


def _iter_hand_written(
    snapshot: PassageSnapshot, device_id: str
) -> Iterator[StoredDraft]:
    """Yield the hand-written drafts that wait."""
    for made in snapshot.made:
        if not made.is_hand_written:
            continue
        if not should_offer_draft(snapshot.passage, made, device_id):
            continue
        revised_guid = None
        card = find_changed_card(snapshot, made, device_id)
        if card is not None:
            if not needs_confirmation(card, made, snapshot.highlight):
                continue  # the next run gives the card this text
            revised_guid = card.guid
        sentences = sentence_decisions.find_covered_sentences(snapshot.text, made.quote)
        yield replace(
            made,
            sentence_hashes=tuple(map(sentence_decisions.hash_sentence, sentences)),
            revised_guid=revised_guid,
            replaced_guid=find_replaced_card(snapshot, made),
        )


def _iter_candidates(snapshot: PassageSnapshot) -> Iterator[_Candidate]:
    """Yield the drafts that aren't hand-written, each with its sentence of the current text."""
    live_guids: set[str] = {card.guid for card in snapshot.passage.live_cards}
    live_guids.update(snapshot.related.live_cards)
    for made in snapshot.made:
        if made.is_hand_written:
            continue
        [made_for_hash] = made.sentence_hashes or [""]
        sentence = sentence_decisions.find_draft_sentence(made, snapshot.text)
        is_removed = made_for_hash != "" and made_for_hash not in snapshot.sentence_hashes
        if not snapshot.text or not is_removed:
            yield _Candidate(made, made, sentence, made_for_hash)
        elif sentence:
            # the quote is also in another sentence than the removed one
            sentence_hash = sentence_decisions.hash_sentence(sentence)
            yield _Candidate(made, made, sentence, sentence_hash)
        elif made.revised_guid not in live_guids:
            draft = snapshot.update_quote(made)
            sentence = sentence_decisions.find_draft_sentence(draft, snapshot.text)
            sentence_hash = sentence_decisions.hash_sentence(sentence)
            yield _Candidate(made, draft, sentence, sentence_hash)
        # otherwise, the user is asked about the card itself


def _iter_generated(
    snapshot: PassageSnapshot,
    candidates: Iterable[_Candidate],
    offered: Mapping[str, SentenceState],
) -> Iterator[StoredDraft]:
    """Yield the waiting drafts that aren't hand-written. Only one of them rewords a card."""
    outdated_cards = snapshot.find_outdated_cards()
    for candidate in candidates:
        state = _find_open_sentence(snapshot, candidate, offered)
        if state is None:
            continue
        outdated_guid = find_outdated_card(
            snapshot, outdated_cards, candidate.draft, candidate.sentence
        )
        guid = outdated_guid or find_revised_card(snapshot, state, candidate.draft)
        draft = _assign_card(snapshot, candidate, guid)
        if draft is None:
            continue
        if outdated_guid is not None and draft.revised_guid == outdated_guid:
            del outdated_cards[outdated_guid]
        sentence_hashes: Strings = ()
        if candidate.sentence_hash:
            sentence_hashes = (candidate.sentence_hash,)
        yield replace(
            draft,
            sentence_hashes=sentence_hashes,
            replaced_guid=None,
            similar_removed_sentence=state.similar_removed,
        )


def _find_open_sentence(
    snapshot: PassageSnapshot,
    candidate: _Candidate,
    offered: Mapping[str, SentenceState],
) -> SentenceState | None:
    """Return the state of a draft's sentence, or None if the draft has been decided on.

    A draft may also wait for a sentence that isn't `offered`, such as a second card of it.
    """
    if candidate.sentence_hash in offered:
        return offered[candidate.sentence_hash]
    since = candidate.made.after_event_number
    if is_decided(snapshot, candidate.draft, candidate.sentence_hash, since=since):
        return None
    return SentenceState(candidate.sentence)


def _assign_card(
    snapshot: PassageSnapshot, candidate: _Candidate, guid: Guid | None
) -> StoredDraft | None:
    """Return a draft as new text of a card or as a new card, or None if it can be neither.

    `guid` is the card that is about the draft's sentence, if any.
    """
    draft = candidate.draft
    if guid is not None and not draft.is_proposed:
        removed_sentence = snapshot.find_removed_sentence(candidate.made)
        if removed_sentence:
            # its short quote is also in this sentence, but it was made for the removed one
            if candidate.made.revised_guid:
                return None  # it was new text that the passage has no more
            draft = replace(draft, drafted_quote=removed_sentence)
            guid = None
    if guid is None:
        if not _may_become_card(snapshot, draft):
            return None
        return replace(draft, revised_guid=None)
    if draft.gaps:
        card_text = snapshot.find_card(guid).get_field("Text")
        draft = move_gap_to_front(draft, find_most_similar_gap(draft, card_text))
    return replace(draft, revised_guid=guid)


# --- offers -----------------------------------------------------------------------------


def group_into_offers(
    passage_key: str, drafts: Sequence[StoredDraft]
) -> list[StoredDraft]:
    """Set the `offer_id` of waiting drafts, which those that are decided on together share.

    Hand-written drafts, and drafts about no sentence, are offers of their own. Other drafts about
    a sentence are one offer if they change the same card, or have the same answer. They join the
    offer of a hand-written draft about their sentence.
    """
    own_drafts = [draft for draft in drafts if draft.is_hand_written]
    grouped_drafts = []
    for draft in drafts:
        changed_guid = (draft.revised_guid or "") + (draft.replaced_guid or "")
        offer_id = f"{passage_key} {_find_group(draft, own_drafts)} {changed_guid}"
        grouped_drafts.append(replace(draft, offer_id=offer_id))
    return grouped_drafts


def _find_group(draft: StoredDraft, own_drafts: Iterable[StoredDraft]) -> str:
    """Return the id of the draft that a draft is an alternative to, or its sentence and answer."""
    if draft.is_hand_written or not draft.sentence_hashes:
        return draft.id
    own_ids = [own.id for own in own_drafts if _is_alternative(draft, own)]
    if own_ids:
        return min(own_ids)
    sentence_hash = draft.sentence_hashes[0]
    if draft.revised_guid:
        return sentence_hash
    return f"{sentence_hash} {get_draft_answer(draft)}"


def _is_alternative(draft: StoredDraft, own_draft: StoredDraft) -> bool:
    """Return whether the user decides on a draft together with a hand-written draft."""
    if draft.key != own_draft.key:
        return False
    if draft.revised_guid != own_draft.revised_guid:
        return False
    if draft.replaced_guid != own_draft.replaced_guid:
        return False
    if draft.sentence_hashes[0] not in own_draft.sentence_hashes:
        return False
    if draft.revised_guid or draft.is_proposed:
        return True
    return get_draft_answer(draft) in ("", get_draft_answer(own_draft))


def get_draft_answer(draft: Draft) -> str:
    """Return the normalized answer of a draft, or "" for a proposal, whose answer is open."""
    return "" if draft.is_proposed else normalize_answer(draft.fields)


# --- drafts, cards and decisions --------------------------------------------------------


def find_changed_card(
    snapshot: PassageSnapshot, draft: Draft, device_id: str
) -> Card | None:
    """Return the live card whose source now has the text of a hand-written draft, or None."""
    card = snapshot.passage.find_card_by_number(draft)
    if card is None or not has_new_source_text(card, draft, device_id):
        return None
    return card


def find_replaced_card(snapshot: PassageSnapshot, draft: Draft) -> Guid | None:
    """Return the GUID of the card that a hand-written draft would replace, or None."""
    if not draft.is_hand_written:
        return None
    for card in snapshot.passage.live_cards:
        if card.user_text_number != draft.user_text_number:
            continue
        if card.note_type is not draft.note_type:
            return card.guid
    card_in_slot = snapshot.passage.find_card_by_number(draft)
    if card_in_slot is not None and card_in_slot.is_live:
        return None
    card_of_proposal = find_proposed_card(snapshot.passage)
    if card_of_proposal is None:
        return None
    return card_of_proposal.guid


def needs_confirmation(card: Card, draft: Draft, highlight: Highlight | None) -> bool:
    """Return whether the user must confirm a card's new text before it is applied.

    This is the case if `explain_confirmation` returns a reason, or if the text was read from a PDF
    page and differs too much from the old text (`MIN_DERIVED_SIMILARITY`).
    """
    if explain_confirmation(card, draft) is not None:
        return True
    if not is_from_pdf_page(draft, highlight):
        return False
    from rapidfuzz import fuzz

    similarity = fuzz.ratio(
        " ".join(list_field_texts(card)), " ".join(list_field_texts(draft))
    )
    return similarity < MIN_DERIVED_SIMILARITY


def explain_confirmation(card: Card, draft: Draft) -> str | None:
    """Return the reason to show when the user must confirm a card's new text, or None.

    Some texts must be confirmed even though this returns None; see `needs_confirmation`.
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
        return None if is_certain else "its figure has changed too much"
    if any(map(find_garbled_word, list_field_texts(card))):
        return None
    for text in list_field_texts(draft):
        damage = find_garbled_word(text)
        if damage:
            return f"the new words are damaged: “{damage}”"
    return None


def is_from_pdf_page(draft: Draft, highlight: Highlight | None) -> bool:
    """Return whether a draft's text was read from a PDF page."""
    if highlight is None or draft.kind is CardKind.OCCLUSION:
        return False
    if highlight.kind is HighlightKind.CARD:
        return False
    return highlight.source_kind is SourceKind.PDF


def build_keeps_text_draft(
    snapshot: PassageSnapshot, guid: Guid, quote: str
) -> StoredDraft:
    """Build the draft that asks whether a card still fits its passage.

    `quote` is the text that the card is about now.
    """
    card = snapshot.find_card(guid)
    sentence_hash = sentence_decisions.hash_sentence(quote)
    is_sentence = sentence_hash in snapshot.sentence_hashes
    return StoredDraft(
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
        id=f"{DRAFT_PREFIX}{hash16(snapshot.leading_key, guid, quote)}",
        offer_id="",
        sentence_hashes=(sentence_hash,) if is_sentence else (),
        revised_guid=guid,
        replaced_guid=None,
        similar_removed_sentence="",
        after_event_number=0,
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
        if card.drafted_text_hash == get_slot(draft):
            since = max(since, card.undone_number)
    if passage.is_closed and (since == 0 or _was_skipped(passage, since)):
        return True
    for decision in snapshot.all_decisions:
        if decision.event_number <= since:
            continue
        if resolves_draft(decision, draft, sentence_hash):
            return True
    return False


def _was_skipped(passage: Passage, since: int) -> bool:
    """Return whether the user skipped a passage after the event with a number."""
    return any(
        decision.rejection is Rejection.PASSAGE and decision.event_number > since
        for decision in passage.decisions
    )


def resolves_draft(decision: SentenceDecision, draft: Draft, sentence_hash: str) -> bool:
    """Return whether a decision resolves a draft that isn't hand-written.

    The decision may have been made in another passage. `sentence_hash` is the hash of the
    sentence that the draft is about.
    """
    if not decision.event_id or not decision.ends_drafting:
        return False
    if sentence_hash not in map(sentence_decisions.hash_sentence, decision.sentences):
        return False
    if draft.is_proposed:
        return True
    answer = normalize_answer(draft.fields)
    return answer != "" and answer == decision.answer


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


def find_outdated_card(
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
    draft_text = " ".join(list_field_texts(draft))
    for guid, text in outdated_cards.items():
        card = snapshot.find_card(guid)
        if text == sentence and card.note_type is draft.note_type:
            card_text = " ".join(list_field_texts(card))
            candidates.append((fuzz.ratio(card_text, draft_text), guid))
    if not candidates:
        return None
    _, most_similar_guid = max(candidates)
    return most_similar_guid


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
    if draft.note_type is not card.note_type:
        return None
    return card.guid
