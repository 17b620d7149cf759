"""Plan decisions: compute the event to record, the decided sentences and the chosen drafts.

A `plan_…` function takes a snapshot of the passage and returns a `PlannedDecision` for
`decision_recording.record_decision`. If no sentence is decided, as when only tags change, a
`build_…` function returns the event for `Store.record_event`. What happens to the other drafts of
the decided sentences is computed by `draft_changes`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import filterfalse
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.events import (
    PROPOSAL_KEY,
    USER,
    content_to_json,
    hash_question_and_answer,
    make_guid,
)
from ankiforge.ledger.gap_numbers import renumber_gaps
from ankiforge.ledger.snapshots import PassageSnapshot
from ankiforge.model import (
    AdoptedNote,
    Card,
    CardContent,
    CardKind,
    Guid,
    HighlightKey,
    Json,
    Pair,
    Proposal,
    StoredDraft,
    Strings,
    Texts,
    UserNoteType,
    Value,
    compute_guid,
    is_card_id,
)
from ankiforge.model.hints import Schedule


class NoteTakeover(Value):
    """A card or draft, and another tool's note or schedule that it takes over."""

    id: str
    """The id of a draft, or the GUID of an existing card."""
    note: AdoptedNote | None = None
    text: str = ""
    """The note's text as a Markdown cloze, from which the card gets its gap numbers, or ""."""
    deck: str = ""
    schedule: Schedule = ()
    """The schedule, as in `NoteHistory.schedule`."""


class NoteRepair(Value):
    """The new content of another tool's note, and the notes that a repair adds."""

    note: AdoptedNote
    """The note as seen before the repair, with the HTML of its new fields."""
    card: CardContent
    """The new content, as a card."""
    added_cards: tuple[CardContent, ...] = ()
    """The cards of the notes that the repair adds."""
    added_note_type: UserNoteType | None = None
    """The note type of the added notes, or None if there are none."""


class NewEvent(NamedTuple):
    """An event for `Store.record_event`, which adds its number, device and time."""

    kind: str
    key: str
    author: str
    body: Json


class PlannedDecision(Value):
    """A decision on a passage, ready to be recorded."""

    snapshot: PassageSnapshot
    """The passage before the decision."""
    event: NewEvent
    """The event of the decision."""
    fact_body: Json
    """The body of the `fact` event that follows the decision. The key `of` is added when the
    decision is recorded, because its value is the id of the decision's event."""
    decided_sentences: Strings
    """The decided sentences. Drafts about them in other passages are updated, too."""


# --- decisions by the user or the policy ------------------------------------------------


def plan_accept(
    snapshot: PassageSnapshot,
    content: CardContent,
    by: str = USER,
    *,
    forced: bool = False,
) -> PlannedDecision:
    """Plan to accept a draft or the user's own text as a new card.

    `by` is `USER` or `POLICY`. `forced` records that the user accepted the draft although a check
    blocks it.
    """
    key = snapshot.passage.key
    body: Json = {"guid": make_guid(key, content), "draft": content_to_json(content)}
    if content.deck:
        body["deck"] = content.deck
    if forced:
        body["forced"] = True
    if isinstance(content, StoredDraft) and content.replaced_guid:
        body["instead"] = content.replaced_guid
    event = NewEvent("accept", key, by, body)
    sentences = sentence_decisions.find_sentences_to_decide(content, snapshot.text)
    return plan_decision(snapshot, event, sentences, _get_draft_id(content))


def plan_revision(
    snapshot: PassageSnapshot, draft: StoredDraft, card: Card, key: str
) -> PlannedDecision:
    """Plan to accept a draft as the new text of an existing card.

    A hand-written draft replaces all fields of the card. Any other draft only replaces the fields
    that it has. A draft with `keeps_text` only changes the quote.

    Args:
        snapshot: The passage of the draft.
        draft: The draft with the new text.
        card: The card to change.
        key: A key of the card's passage, which may be a different passage than the draft's.
    """
    sentences = sentence_decisions.find_sentences_to_decide(draft, snapshot.text)
    if draft.keeps_text:
        sentences = find_sentences_of_change(draft)
        draft = replace(draft, kind=card.kind, fields=card.fields)
    elif not draft.is_hand_written:
        fields = {**dict(card.fields), **dict(draft.fields)}
        draft = replace(draft, fields=tuple(fields.items()))
    event = build_revise_event(key, card.guid, draft, USER)
    return plan_decision(snapshot, event, sentences, draft.id)


def find_sentences_of_change(draft: StoredDraft) -> Strings:
    """Return the sentence that a draft with `keeps_text` is about.

    Returns () if the draft is about the whole passage.
    """
    if not draft.sentence_hashes:
        return ()
    return (draft.quote,)


def plan_retirement(
    snapshot: PassageSnapshot,
    draft: StoredDraft,
    card: Card,
    key: str,
    why: str | None = None,
) -> PlannedDecision:
    """Plan to reject a card that no longer fits its passage.

    Args:
        snapshot: The passage.
        draft: The draft that asks about the card.
        card: The card to reject.
        key: A key of the card's passage.
        why: The user's reason, if any.
    """
    planned = plan_reject(snapshot, card, why)
    sentences = (*planned.decided_sentences, *find_sentences_of_change(draft))
    event = planned.event._replace(key=key)
    return plan_decision(snapshot, event, sentences, draft.id)


def plan_reject(
    snapshot: PassageSnapshot,
    item: StoredDraft | Card | Proposal,
    why: str | None = None,
) -> PlannedDecision:
    """Plan to reject a card, draft or proposal.

    Rejecting a draft also rejects its sentence, but a card that the draft would have revised is
    kept. After a proposal was rejected, no more proposals are made for its sentence, but a model
    may still draft a card for it. `why` is the user's reason, if any.
    """
    if isinstance(item, Card):
        sentences = find_card_sentences(snapshot, item.guid, item)
    else:
        sentences = sentence_decisions.find_sentences_to_decide(item, snapshot.text)
    body = _build_reject_body(snapshot.passage.key, item)
    if why is not None:
        body["why"] = why
    event = NewEvent("reject", snapshot.passage.key, USER, body)
    return plan_decision(snapshot, event, sentences, _get_draft_id(item))


def _build_reject_body(key: str, item: StoredDraft | Card | Proposal) -> Json:
    """Build the body of a `reject` event, which `event_replay` reads in `_find_rejection`.

    What isn't rejected is "" in the body:

    - `guid`, the card that is rejected: "" for new text of a card, which is kept, and for a
      proposal, because its card may have been accepted and undone
    - `content`, the text that is rejected: "" for a proposal, because a hand-written draft may have
      the same text
    - `slot`, the number of hand-written text: also "" if there is no `guid`
    """
    body: Json = {"guid": "", "content": "", "slot": ""}
    body["fields"] = {name: text for name, text in item.fields if text}
    if isinstance(item, Proposal):
        body[PROPOSAL_KEY] = True
    if not isinstance(item, Card) and item.is_proposed:
        return body

    body["content"] = hash_question_and_answer(item.fields)
    if isinstance(item, Card):
        body["guid"] = item.guid
        body["slot"] = item.stored_text_number
    elif isinstance(item, StoredDraft) and not item.revised_guid:
        body["guid"] = make_guid(key, item)
        body["slot"] = item.stored_text_number
    return body


def _get_draft_id(content: CardContent) -> str | None:
    """Return the id of a draft, or None for a card, proposal or text of the user."""
    return content.id if isinstance(content, StoredDraft) else None


def plan_skip(snapshot: PassageSnapshot, why: str | None = None) -> PlannedDecision:
    """Plan to skip a passage, so that no new cards are offered for it.

    Its existing cards stay and can still be revised.
    """
    body: Json = {}
    if why is not None:
        body["why"] = why
    event = NewEvent("skip", snapshot.passage.key, USER, body)
    sentences_with_card: set[str] = set()
    for state in snapshot.compute_sentence_states():
        if state.revised_guid:
            sentences_with_card.add(state.sentence)
    sentences = filterfalse(sentences_with_card.__contains__, snapshot.sentences)
    return plan_decision(snapshot, event, tuple(sentences))


def plan_takeover(
    snapshot: PassageSnapshot, item: StoredDraft | Card, takeover: NoteTakeover
) -> PlannedDecision:
    """Plan to take over a note or schedule from another tool.

    A card keeps its text. A draft becomes a card.
    """
    if isinstance(item, Card):
        schedule = [card.to_json() for card in takeover.schedule]
        body: Json = {"guid": item.guid, "schedule": schedule}
        event = NewEvent("adopt", snapshot.passage.key, USER, body)
        sentences = find_card_sentences(snapshot, item.guid, item)
        return plan_decision(snapshot, event, sentences)
    return _plan_takeover_by_draft(snapshot, item, takeover)


def _plan_takeover_by_draft(
    snapshot: PassageSnapshot, draft: StoredDraft, takeover: NoteTakeover
) -> PlannedDecision:
    """Plan to accept a draft as a card that takes over a note or schedule.

    If the text of the note is known, the gaps of the draft get the numbers that they have in it.
    """
    key = snapshot.passage.key
    if takeover.text:
        text = renumber_gaps(takeover.text, draft.get_field("Text"))
        fields = {**dict(draft.fields), "Text": text}
        draft = replace(draft, fields=tuple(fields.items()))
    body: Json = {"guid": make_guid(key, draft), "draft": content_to_json(draft)}
    if takeover.deck:
        body["deck"] = takeover.deck
    if takeover.note:
        body["note"] = msgspec.to_builtins(takeover.note)
    if takeover.schedule:
        body["schedule"] = [card.to_json() for card in takeover.schedule]
    event = NewEvent("adopt", key, USER, body)
    sentences = sentence_decisions.find_covered_sentences(snapshot.text, draft.quote)
    return plan_decision(snapshot, event, sentences, draft.id)


# --- events that decide no sentence -----------------------------------------------------


def build_revise_event(key: str, guid: Guid, content: CardContent, by: str) -> NewEvent:
    """Build the event that gives a card new text. `key` is any key of the card's passage."""
    return NewEvent("revise", key, by, {"guid": guid, "draft": content_to_json(content)})


def build_edit_event(
    key: str, guid: str, content: CardContent, fields: Texts, over: Mapping[str, Pair]
) -> NewEvent | None:
    """Build the event for a user's edit of a card, or return None if the edit changes nothing.

    Args:
        key: The key of the card's passage.
        guid: The GUID of the card.
        content: The current text of the card.
        fields: The new Markdown, keyed by field name.
        over: The fields whose text in Anki is overwritten; see `decide.edit_item`.
    """
    changed_fields = {}
    for name, text in fields.items():
        if name in over or text != content.get_field(name):
            changed_fields[name] = text
    if not changed_fields:
        return None
    body: Json = {"guid": guid, "fields": changed_fields}
    if over:
        body["over"] = over
    if content.kind is not CardKind.CLOZE and "Reverse" in fields:
        body["kind"] = "two-way" if fields["Reverse"] else "basic"
    return NewEvent("edit", key, USER, body)


def build_deck_and_tags_event(
    key: str, guid: str, deck: str, added: Sequence[str], removed: Sequence[str]
) -> NewEvent:
    """Build the event that changes a card's tags and, if `deck` isn't "", its deck."""
    values = {"deck": deck, "added": added, "removed": removed}
    body = {name: value for name, value in values.items() if value}
    return NewEvent("placed", key, USER, {"guid": guid, **body})


def build_different_passages_event(key: str, other_key: str) -> NewEvent:
    """Build the event that records the user's answer that two passages are not the same."""
    return NewEvent("different", key, USER, {"old": other_key})


def build_repair_event(
    key: str, repair_name: str, note_id: int, guid: str, change: NoteRepair | None
) -> NewEvent:
    """Build the event that records a user's repair of a note in Anki.

    Args:
        key: The key of our card's passage. For another tool's note, a key made from its GUID.
        repair_name: The name of the repair.
        note_id: The id of the note in Anki.
        guid: The GUID of our card, or of another tool's note in Anki.
        change: The new content of another tool's note, or None to leave it unchanged.
    """
    body: Json = {"name": repair_name, "nid": note_id}
    if is_card_id(guid):
        body["guid"] = guid
    elif change is not None:
        body["guid"] = compute_guid(HighlightKey(key), change.card.note_type, "0")
        body["draft"] = content_to_json(change.card)
        body["note"] = msgspec.to_builtins(change.note)
        body["deck"] = change.card.deck
        if change.added_cards:
            body["new"] = [
                {"guid": make_guid(key, card), "draft": content_to_json(card)}
                for card in change.added_cards
            ]
            body["type"] = msgspec.to_builtins(change.added_note_type)
    return NewEvent("repair", key, USER, body)


# --- the sentences that a decision decides ----------------------------------------------


def plan_decision(
    snapshot: PassageSnapshot,
    event: NewEvent,
    sentences: Strings,
    draft_id: str | None = None,
) -> PlannedDecision:
    """Build a planned decision from its event and the sentences that it decides.

    `event` names the card that is created, changed or rejected. `draft_id` is the draft that
    the user decided on, if any. The `fact` event gets the decided sentences, and the hashes of
    all sentences in the passage.
    """
    fact_body: Json = {
        "sentences": sentences,
        "passage": list(map(sentence_decisions.hash_sentence, snapshot.sentences)),
    }
    if event.body.get("guid"):
        fact_body["guid"] = event.body["guid"]
    # the other drafts of an offer may have become redundant
    if draft_id is not None and len(snapshot.pending_drafts) > 1:
        decided_hashes = _hash_decided_sentences(snapshot, sentences)
        passed_drafts = find_passed_over_drafts(snapshot, draft_id, decided_hashes)
        if passed_drafts:
            fact_body["passed"] = [
                hash_question_and_answer(draft.fields) for draft in passed_drafts
            ]
    return PlannedDecision(snapshot, event, fact_body, sentences)


def _hash_decided_sentences(snapshot: PassageSnapshot, sentences: Strings) -> set[str]:
    """Return the hashes of the decided sentences, and of those that are decided now."""
    decided_hashes = set(map(sentence_decisions.hash_sentence, sentences))
    for state in snapshot.compute_sentence_states():
        if state.is_decided:
            decided_hashes.add(sentence_decisions.hash_sentence(state.sentence))
    return decided_hashes


def find_card_sentences(
    snapshot: PassageSnapshot, guid: str, content: CardContent
) -> Strings:
    """Find the sentences that a decision on a card applies to.

    These are the sentences of the decision that gave the card its text. If there is no such
    decision, they are the sentences that the card's quote overlaps or, if the quote is no longer in
    the passage, its own sentences. A proposal is only about the last of them.
    """
    last_decisions = sentence_decisions.find_last_decision_by_card(
        snapshot.passage.decisions
    )
    if guid in last_decisions:
        return last_decisions[guid].sentences
    sentences = sentence_decisions.find_covered_sentences(snapshot.text, content.quote)
    if not sentences:
        sentences = sentence_decisions.split_sentences(content.quote)
    return sentence_decisions.select_sentences_to_decide(
        sentences, content.origin.drafter
    )


def find_passed_over_drafts(
    snapshot: PassageSnapshot, draft_id: str, decided_hashes: Collection[str]
) -> list[StoredDraft]:
    """Find the hand-written drafts that are redundant because the user chose another draft.

    These belong to the same offer as the chosen draft, and all of their sentences are decided. If
    the chosen draft is itself hand-written, it makes no other one redundant.

    Args:
        snapshot: The passage.
        draft_id: The draft that the user decided on.
        decided_hashes: The hashes of all decided sentences, including those of this decision.
    """
    chosen_offer: str | None = None
    for draft in snapshot.pending_drafts:
        if draft.id == draft_id and not draft.is_hand_written:
            chosen_offer = draft.offer_id
    passed_over = []
    for draft in snapshot.pending_drafts:
        if not draft.is_hand_written or draft.offer_id != chosen_offer:
            continue
        if all(hash in decided_hashes for hash in draft.sentence_hashes):
            passed_over.append(draft)
    return passed_over
