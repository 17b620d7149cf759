"""Compute passages, with their cards, readings and decisions, from the events about them.

`replay_events` depends only on the events, in whatever order they arrived, so devices with the
same events have the same cards. A decision by the user overrides one by the policy or the
source, even a later one. An event may name a card that doesn't exist yet, because the
`accept` event of the card may be in a journal file that isn't synchronized yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.ledger.events import (
    ACCEPTANCE_UNDONE_REASON,
    FOUND_KEY,
    MERGED_REASON,
    PROPOSAL_KEY,
    RETIRED_TAG_REASON,
    SOURCE,
    USER,
    Event,
    Passage,
    PassageReading,
    Rejection,
    RepairNote,
    SentenceDecision,
    StoredContent,
    content_from_stored,
    create_card,
    hash_fields_with_markup,
    hash_question_and_answer,
    normalize_answer,
    parse_slot_number,
    replace_content,
)
from ankiforge.ledger.sentence_decisions import (
    find_answer_sentence,
    select_sentences_to_decide,
    split_sentences,
)
from ankiforge.model import (
    AdoptedNote,
    Card,
    CardContent,
    CardKind,
    ConflictResolution,
    ExportedNote,
    FieldEdits,
    Fields,
    HighlightKind,
    Json,
    NoteHistory,
    Strings,
    TextChoice,
    Texts,
    UserNoteType,
    Verdict,
)
from ankiforge.model.hints import CardSchedule
from ankiforge.text.cloze import format_cloze_answers

# --- active events, and keys of one passage ---------------------------------------------


def sort_events(events: Iterable[Event]) -> list[tuple[Event, bool]]:
    """Sort events into the same order on every device, and find out which are undone.

    An undo is also an event and may itself be undone.

    Returns:
        Pairs of an event and whether it is active, which means that it hasn't been undone.
    """
    ordered = sorted(events, key=attrgetter("order"))
    undone_ids = set()
    for event in reversed(ordered):
        if event.kind == "undo" and event.id not in undone_ids:
            undone_ids.add(event.body["event"])
    # computing ids is slow, and in most passages nothing was undone
    return [(event, not undone_ids or event.id not in undone_ids) for event in ordered]


def group_linked_keys(links: Iterable[Event]) -> dict[str, Strings]:
    """Group the keys that belong to the same passage.

    Args:
        links: The `same` and `undo` events, and the `key` events of all keys that they name.

    Returns:
        For each key that is linked to another key, all keys of its passage, oldest first.
    """
    ages: dict[str, int] = {}
    linked_keys: dict[str, set[str]] = {}
    active_events = [event for event, is_active in sort_events(links) if is_active]
    for position, event in enumerate(active_events):
        if event.kind == "key":
            ages.setdefault(event.key, position)
        elif event.kind == "same":
            old_key = event.body["old"]
            keys = linked_keys.get(event.key, {event.key})
            old_keys = linked_keys.get(old_key, {old_key})
            merged_keys = keys | old_keys
            for key in merged_keys:
                linked_keys[key] = merged_keys

    def sort_key(key: str) -> tuple[int, str]:
        return ages.get(key, len(ages)), key

    sorted_keys = {}
    for key, keys in linked_keys.items():
        sorted_keys[key] = tuple(sorted(keys, key=sort_key))
    return sorted_keys


# --- replaying events -------------------------------------------------------------------


class _EventIndex(NamedTuple):
    """What events say about other events of the same passage."""

    facts: Mapping[str, Json]
    """The body of the `fact` event of each decision, by the id of the decision's event."""
    undo_reasons: Mapping[str, str]
    """Why an event was undone, by its id, if a reason was recorded."""
    undone_revisions: Sequence[Json]
    """The bodies of the undone `revise` events."""
    dropped_guids: frozenset[str]
    """The cards that a decision in ankiforge rejected or retired, even if it was undone."""


def _index_events(events: Iterable[tuple[Event, bool]]) -> _EventIndex:
    """Index the events of a passage. Each comes with whether it is active."""
    facts: dict[str, Json] = {}
    undo_reasons: dict[str, str] = {}
    undone_revisions: list[Json] = []
    dropped_guids: set[str] = set()
    for event, is_active in events:
        body = event.body
        match event.kind:
            case "fact":
                facts[body["of"]] = body
            case "undo" if "why" in body:
                undo_reasons[body["event"]] = body["why"]
            case "revise" if not is_active:
                undone_revisions.append(body)
            case "reject" | "retire" if not _is_retired_by_tag(event):
                dropped_guids.add(body.get("guid", ""))
    return _EventIndex(facts, undo_reasons, undone_revisions, frozenset(dropped_guids))


def replay_events(keys: Sequence[str], events: Iterable[Event]) -> Passage:
    """Compute a passage from all of its events.

    Args:
        keys: All keys of the passage, oldest first.
        events: All events whose key is one of `keys`, in any order.
    """
    passage = Passage(tuple(keys))
    ordered_events = sort_events(events)
    index = _index_events(ordered_events)
    for event, is_active in ordered_events:
        if _is_retired_by_tag(event) and event.body["guid"] in index.dropped_guids:
            continue  # a decision explains the tag
        if _is_change_by_source(event):
            # two devices may have recorded the same change; undoing either record counts
            is_active = event.body not in index.undone_revisions
        if is_active:
            _apply_event(passage, event, index)
        else:
            _apply_undone_event(passage, event, index)
    _drop_answered_questions(passage, ordered_events)
    if len(keys) > 1:
        _supersede_duplicates(passage)
    return passage


def _drop_answered_questions(
    passage: Passage, events: Iterable[tuple[Event, bool]]
) -> None:
    """Forget the questions about other keys that the user has answered since."""
    for event, is_active in events:
        if is_active and event.kind in ("same", "different"):
            for key, other_key in list(passage.possible_same_keys.items()):
                if other_key == event.body["old"]:
                    del passage.possible_same_keys[key]


def _supersede_duplicates(passage: Passage) -> None:
    """Mark cards as superseded if they duplicate a card of the passage's oldest key.

    A passage has several keys if passages that were read separately turned out to be the same. If
    all cards of the oldest key were merged into other cards, cards are compared with those of the
    next key. Cards that the user accepted are only superseded if a card of that key is live.
    """
    card_groups = _group_cards_by_key(passage)
    if not card_groups:
        return
    oldest_cards, *other_groups = card_groups
    is_oldest_live = any(card.is_live for card in oldest_cards)
    for card in chain.from_iterable(other_groups):
        if card.decided_by == USER and not is_oldest_live:
            continue
        if card.is_live and _is_duplicate(passage, card, oldest_cards):
            why = "the same passage has an older card"
            superseded = _set_verdict(card, Verdict.SUPERSEDED, card.decided_by, why)
            passage.cards[card.guid] = superseded


def _group_cards_by_key(passage: Passage) -> list[list[Card]]:
    """Return the cards of each key, oldest key first, without keys whose cards were all merged."""
    cards_by_key: dict[str, list[Card]] = defaultdict(list)
    for card in passage.cards.values():
        cards_by_key[card.key].append(card)
    groups = []
    for key in passage.keys:
        if not all(map(_was_merged, cards_by_key[key])):
            groups.append(cards_by_key[key])
    return groups


def _was_merged(card: Card) -> bool:
    return card.verdict_reason.startswith(MERGED_REASON)


def _is_duplicate(passage: Passage, card: Card, other_cards: Sequence[Card]) -> bool:
    """Return whether a card is a duplicate of one of `other_cards`.

    Two cards are duplicates if they are hand-written and have the same number, if they share a
    decided sentence, or if the decided sentences of either card are unknown.
    """
    sentences_by_guid: dict[str, set[str]] = defaultdict(set)
    for decision in passage.decisions:
        sentences_by_guid[decision.guid].update(decision.sentences)
    own_sentences = sentences_by_guid[card.guid]
    for other_card in other_cards:
        other_sentences = sentences_by_guid[other_card.guid]
        if not own_sentences or not other_sentences:
            return True
        if not own_sentences.isdisjoint(other_sentences):
            return True
        if card.is_hand_written and card.user_text_number == other_card.user_text_number:
            return True
    return False


# --- decisions on sentences -------------------------------------------------------------


def _add_decision(
    passage: Passage, event: Event, fact_body: Json | None, card: Card | None = None
) -> None:
    """Add the sentences of a decision to its passage.

    `fact_body` is the body of the `fact` event that follows the decision. It is None if the event
    isn't a decision, or if the journal lacks the `fact` event of the decision. `card` is the card
    that the event names, as it was before the event.
    """
    if fact_body is None:
        if event.kind in ("accept", "adopt", "reject"):
            _close_passage(passage, event)
        return
    decision = _build_decision(passage, event, fact_body, card)
    if decision.rejection is Rejection.QUESTION:
        _reject_question_of_earlier_decisions(passage, decision.guid)
    passage.decisions.append(decision)


def _close_passage(passage: Passage, event: Event) -> None:
    """Close a passage to new cards because the sentences of a decision on it are unknown.

    A card keeps the sentences of its quote, so that the user may still be asked about new text of
    the card. As they decide nothing else, they are added as a decision without an event id.
    """
    passage.is_closed = True
    if "draft" not in event.body:
        return
    content = _decode_stored_content(event)
    sentences = select_sentences_to_decide(
        split_sentences(content.quote), content.drafter
    )
    card_sentence = find_answer_sentence(sentences, _get_answer(content))
    passage.decisions.append(
        SentenceDecision("", sentences, event.body["guid"], card_sentence=card_sentence)
    )


def _reject_question_of_earlier_decisions(passage: Passage, guid: str) -> None:
    """Let earlier decisions on the question in a comment decide its sentence no more."""
    for position, earlier in enumerate(passage.decisions):
        if earlier.guid == guid:
            passage.decisions[position] = replace(
                earlier, is_about_user_text=True, rejection=Rejection.QUESTION
            )


def _build_decision(
    passage: Passage, event: Event, fact_body: Json, card: Card | None
) -> SentenceDecision:
    """Build the sentence decision of an event from the body of its `fact` event.

    `card` is the card that the event names, as it was before the event.
    """
    decision = msgspec.convert(fact_body, SentenceDecision)
    return replace(
        decision,
        rejection=_find_rejection(passage, event, card),
        answer=normalize_answer(_get_decided_fields(event, card)),
        event_number=event.number,
        device_id=event.device_id,
        is_about_user_text=_is_about_user_text(event),
        revises=event.kind == "revise",
        card_sentence=_find_card_sentence(event, decision.sentences),
    )


def _find_rejection(
    passage: Passage, event: Event, card: Card | None
) -> Rejection | None:
    """Find out what a decision rejected, or return None if it rejected nothing.

    The body of a `reject` event is written by `decision_plans.plan_reject`. `card` is the card that
    the event names, as it was before the event.
    """
    body = event.body
    if body.get(PROPOSAL_KEY):
        return Rejection.PROPOSAL
    if event.kind == "skip":
        return Rejection.PASSAGE
    if event.kind != "reject" or not body["content"]:
        return None
    if not body.get("guid"):
        return Rejection.CARD  # the new text of a card, which is kept
    is_hand_written = bool(body.get("slot"))
    if is_hand_written:
        # a question about a highlight is from its comment
        is_question = "Front" in body.get("fields", {})
        if is_question and not _is_card_in_source(passage):
            return Rejection.QUESTION
        return Rejection.CARD
    if card is None or card.verdict is Verdict.TAKEN_BACK:
        return Rejection.DRAFT
    return Rejection.CARD


def _is_card_in_source(passage: Passage) -> bool:
    """Return whether the passage itself is a card that the user wrote in the source."""
    return bool(passage.readings) and passage.readings[0].kind == HighlightKind.CARD


def _is_about_user_text(event: Event) -> bool:
    if event.body.get("slot"):
        return True
    return "draft" in event.body and bool(event.body["draft"].get("own"))


def _get_decided_fields(event: Event, card: Card | None) -> Texts:
    """Return the fields of the card or draft that a decision was about."""
    body = event.body
    if "draft" in body:
        fields: Texts = body["draft"]["fields"]
        return fields
    if event.kind == "adopt" and card is not None:
        return dict(card.fields)
    return dict(body.get("fields", {}))


def _find_card_sentence(event: Event, sentences: Strings) -> str:
    """Return the sentence that the decided card is about, or "" if there is none."""
    if len(sentences) < 2 or "draft" not in event.body:  # decoding the draft is slow
        return find_answer_sentence(sentences, "")
    return find_answer_sentence(sentences, _get_answer(_decode_stored_content(event)))


def _get_answer(stored_content: StoredContent) -> str:
    return stored_content.fields.get("Back") or format_cloze_answers(
        stored_content.fields.get("Text", "")
    )


def _is_retired_by_tag(event: Event) -> bool:
    """Return whether an event only records that a note in Anki has the tag of retired cards."""
    return event.kind == "retire" and event.body.get("why") == RETIRED_TAG_REASON


# --- the effects of events --------------------------------------------------------------


def _apply_undone_event(passage: Passage, event: Event, index: _EventIndex) -> None:
    """Apply what remains of an event that was undone."""
    match event.kind:
        case "revise" if _is_change_by_source(event):
            # the sentences of the change are decided, although the card keeps its text
            _update_card(passage, event, _pin_changed_fields)
            _add_decision(passage, event, index.facts.get(event.id))
        case "accept":
            why = index.undo_reasons.get(event.id, ACCEPTANCE_UNDONE_REASON)
            _apply_undone_accept(passage, event, why)
        case "repair" if _is_complete_repair(event):
            _apply_repair(passage, event, is_active=False)
        case "retire":
            _update_card(passage, event, _recreate_adopted_note)


def _apply_event(passage: Passage, event: Event, index: _EventIndex) -> None:
    """Apply an active event to its passage and to the card that it names."""
    card_before = passage.cards.get(event.body.get("guid", ""))
    _apply_to_passage(passage, event)
    handler = _CARD_HANDLERS.get(event.kind)
    if handler is not None:
        _update_card(passage, event, handler)
    _add_decision(passage, event, index.facts.get(event.id), card_before)


def _apply_to_passage(passage: Passage, event: Event) -> None:
    """Apply an active event to its passage, except for the changes of `_CARD_HANDLERS`.

    Events of the kinds `undo` and `same` are handled by `sort_events` and `group_linked_keys`.
    """
    body = event.body
    match event.kind:
        # identity
        case "key" | "text":
            text = msgspec.convert(body, PassageReading)
            reading = replace(text, event_number=event.number, device_id=event.device_id)
            passage.readings.insert(0, reading)
        case "ask":
            # ask the user whether this is the other passage
            passage.possible_same_keys[event.key] = body["old"]
        case "different":
            passage.different_keys.add(body["old"])

        # decisions
        case "skip":
            passage.is_skipped = True
            passage.is_closed = True
            passage.skip_reason = body.get("why")
        case "reject":
            # the event has no content for a proposal, because a hand-written card may have its text
            if body["content"]:
                passage.rejected_hashes.add(body["content"])
            number = parse_slot_number(body.get("slot", ""))
            if number is not None:
                passage.rejected_numbers.add(number)
        case "accept" | "adopt" if "draft" in body:
            _apply_accept(passage, event)
            _retire_replaced_card(passage, event)
        case "repair" if _is_complete_repair(event):
            _apply_repair(passage, event, is_active=True)


def _is_change_by_source(event: Event) -> bool:
    return event.kind == "revise" and event.author == SOURCE


def _is_complete_repair(event: Event) -> bool:
    """Return whether a `repair` event has the repaired note, and not only the card's GUID."""
    return {"guid", "draft", "note"} <= event.body.keys()


def _update_card(
    passage: Passage, event: Event, update: Callable[[Card, Event], Card]
) -> None:
    card = passage.cards.get(event.body.get("guid", ""))
    if card:
        passage.cards[card.guid] = update(card, event)


def _apply_adopt(card: Card, event: Event) -> Card:
    body = event.body
    schedule = tuple(CardSchedule(*values) for values in body.get("schedule", ()))
    history = replace(card.note, schedule=schedule)
    if body.get("note"):
        note_body = {**body["note"], "words": dict(card.fields)}
        adopted = msgspec.convert(note_body, AdoptedNote)
        history = replace(history, exports=_drop_field_hashes(card), adopted=adopted)
    return replace(card, note=history)


def _drop_field_hashes(card: Card) -> tuple[ExportedNote, ...]:
    """Return a card's exported notes without the hashes of their fields.

    The hashes are wrong as soon as the card takes over another tool's note, whose text differs.
    """
    return tuple(replace(shipped, field_hashes={}) for shipped in card.note.exports)


def _apply_revise(card: Card, event: Event) -> Card:
    """Give a card new text. Text from the source doesn't replace fields that the user edited."""
    stored_content = _decode_stored_content(event)
    edits = replace(card.edits, fields_typed_in_anki=())
    if event.author == USER:
        # the user has decided on the whole text, so earlier edits of single fields don't count
        edits = replace(edits, pinned=(), source_texts_offered={})
        card = replace(replace_content(card, stored_content), edits=edits)
    else:
        card = _apply_source_text(replace(card, edits=edits), stored_content)
    return _record_source_text(card, event.device_id, stored_content)


def _apply_edit(card: Card, event: Event) -> Card:
    """Set the fields that the user edited, and pin them so that the source can't change them.

    If the edit restores the text from before an undone decision, the text of the source is
    offered to the user again.
    """
    typed_fields: Texts = event.body["fields"]
    edits = card.edits
    resolved = dict(edits.resolved)
    for name, (their_hash, _) in event.body.get("over", {}).items():
        # our text replaces that in Anki, as if the user had answered a question about it
        resolved[name] = ConflictResolution(TextChoice.SOURCE, their_hash, "")
    offered_texts = _remove_fields(edits.source_texts_offered, typed_fields)
    edits = replace(
        edits,
        pinned=_merge_names(edits.pinned, typed_fields),
        source_texts_offered={**offered_texts, **event.body.get("offered", {})},
        resolved=resolved,
    )
    return replace(
        card,
        kind=CardKind(event.body.get("kind", card.kind)),
        fields=_drop_empty_fields({**dict(card.fields), **typed_fields}),
        edits=edits,
    )


def _apply_resolve(card: Card, event: Event) -> Card:
    """Record the user's answer which text a field should have.

    If the user chose the new text that the source offered for a pinned field, the field gets that
    text and is no longer pinned.
    """
    body = event.body
    name = body["field"]
    choice = TextChoice(body["choice"])
    offered_text = card.edits.source_texts_offered.get(name)
    resolution = ConflictResolution(choice, body["theirs"], body["ours"])
    edits = replace(
        card.edits,
        resolved={**card.edits.resolved, name: resolution},
        source_texts_offered=_remove_fields(card.edits.source_texts_offered, [name]),
    )
    if choice is TextChoice.SOURCE and offered_text is not None:
        fields = tuple({**dict(card.fields), name: offered_text}.items())
        pinned = tuple(other for other in edits.pinned if other != name)
        card = replace(card, fields=fields)
        edits = replace(edits, pinned=pinned)
    return replace(card, edits=edits)


def _apply_deck_and_tags(card: Card, event: Event) -> Card:
    """Move a card to another deck, and change its tags.

    A tag is never both added and removed: what the user adds is no longer removed, and vice versa.
    """
    if "deck" in event.body:
        card = replace(card, deck=event.body["deck"], has_user_deck=True)
    added_tags = event.body.get("added", ())
    removed_tags = event.body.get("removed", ())
    return replace(
        card,
        added_tags=(*_remove_tags(card.added_tags, removed_tags), *added_tags),
        removed_tags=(*_remove_tags(card.removed_tags, added_tags), *removed_tags),
    )


def _apply_reject_or_retire(card: Card, event: Event) -> Card:
    if event.author != USER and card.decided_by == USER:
        return card
    verdict = Verdict.REJECTED if event.kind == "reject" else Verdict.RETIRED
    return _set_verdict(card, verdict, event.author, event.body.get("why", ""))


def _apply_export(card: Card, event: Event) -> Card:
    """Record that a card's note was exported.

    The note type of the first export is kept for all later exports.
    """
    body = event.body
    shipped = ExportedNote(
        mod=body["mod"],
        tags=tuple(body.get("tags", ())),
        note_hash=body["digest"],
        field_hashes=body.get("hashes", {}),
    )
    history = card.note
    if not history.exports and "type" in body:
        history = replace(history, mapped=msgspec.convert(body["type"], UserNoteType))
    history = replace(
        history,
        exports=(*history.exports, shipped),
        exported_text_hash=hash_fields_with_markup(card.fields),
        exported_text_by_number={
            **history.exported_text_by_number,
            **body.get("numbers", {}),
        },
        repaired=False,
    )
    return replace(card, note=history)


def _apply_pictures(card: Card, event: Event) -> Card:
    pictures = {**card.note.pictures, **event.body["names"]}
    return replace(card, note=replace(card.note, pictures=pictures))


def _apply_found_in_anki(card: Card, event: Event) -> Card:
    seen_by = tuple(sorted({*card.note.seen_by, event.device_id}))
    return replace(card, note=replace(card.note, seen_by=seen_by))


def _apply_reexport(card: Card, event: Event) -> Card:
    """Record that a card's note isn't in Anki, so that the note is exported again."""
    card = replace(card, note=replace(card.note, seen_by=()))
    return _recreate_adopted_note(card, event)


def _apply_accept(passage: Passage, event: Event) -> None:
    """Create the card of an `accept` or `adopt` event, or accept its existing card again.

    The policy can't accept text that the user rejected: the card then counts as rejected. A card
    that was only found in Anki is ignored if the journal has the decision itself.
    """
    guid = event.body["guid"]
    stored_content = _decode_stored_content(event)
    is_by_user = event.author == USER
    card = passage.cards.get(guid)
    content = content_from_stored(stored_content, event.key)
    if card is None:
        card = _create_accepted_card(event, content)
        if not is_by_user and passage.is_rejected(content):
            card = _set_verdict(card, Verdict.REJECTED, USER)
    elif FOUND_KEY in event.body:
        return
    else:
        if is_by_user:
            card = replace(_set_verdict(card, Verdict.LIVE, USER), accepted_at=event.time)
        card = _apply_source_text(card, stored_content)
    passage.cards[guid] = _record_source_text(card, event.device_id, stored_content)
    if is_by_user:
        passage.rejected_hashes.discard(hash_question_and_answer(content.fields))


def _create_accepted_card(event: Event, content: CardContent) -> Card:
    body = event.body
    card = create_card(event, body["guid"], content, body.get("slot", ""))
    return replace(
        card,
        edits=FieldEdits(fields_typed_in_anki=tuple(body.get("typed", ()))),
        note=NoteHistory(is_recreated_from_anki=FOUND_KEY in body),
    )


def _retire_replaced_card(passage: Passage, event: Event) -> None:
    """Retire the card that an `accept` event replaces, which its key `instead` names, if any."""
    replaced_card = passage.cards.get(event.body.get("instead", ""))
    if replaced_card:
        why = "replaced by another card"
        passage.cards[replaced_card.guid] = _set_verdict(
            replaced_card, Verdict.RETIRED, event.author, why
        )


def _apply_repair(passage: Passage, event: Event, *, is_active: bool) -> None:
    """Apply a repair of another tool's note or, if it was undone, restore the note's old text.

    From then on, edits in Anki are detected by comparison with the repaired note. If the
    repair was undone, the notes that it added are retired.
    """
    body = event.body
    note = msgspec.convert(body["note"], AdoptedNote)
    stored_content = _decode_stored_content(event)
    card = passage.cards.get(body["guid"])
    if card is None:
        content = content_from_stored(stored_content, event.key)
        card = create_card(event, body["guid"], content, "0")
    fields = stored_content.fields if is_active else note.source_texts
    history = replace(card.note, exports=_drop_field_hashes(card), adopted=note)
    passage.cards[card.guid] = replace(
        _set_verdict(card, Verdict.LIVE, USER),
        fields=_drop_empty_fields(fields),
        deck=body.get("deck", ""),
        accepted_at=event.time,
        note=history,
    )
    for added_card in _list_cards_added_by_repair(passage, event):
        if is_active:
            added_card = _set_verdict(added_card, Verdict.LIVE, USER)
        else:
            why = "its repair was undone"
            added_card = _set_verdict(added_card, Verdict.RETIRED, USER, why)
        passage.cards[added_card.guid] = added_card


def _list_cards_added_by_repair(passage: Passage, event: Event) -> list[Card]:
    """Return the cards of the notes that a repair added.

    Cards that earlier events have already created or changed are returned as they are now.
    """
    body = event.body
    if "type" not in body:
        return []
    note_type = msgspec.convert(body["type"], UserNoteType)
    added_cards = []
    for note in msgspec.convert(body.get("new", ()), tuple[RepairNote, ...]):
        card = passage.cards.get(note.guid)
        if card is None:
            content = content_from_stored(note.draft, event.key)
            card = create_card(event, note.guid, content)
            card = replace(card, note=NoteHistory(mapped=note_type))
        added_cards.append(card)
    return added_cards


def _apply_undone_accept(passage: Passage, event: Event, why: str) -> None:
    """Add a card whose acceptance was undone, so that the policy doesn't accept it again.

    The draft of the card is pending again, unless `why` is `DRAFTING_UNDONE_REASON`. Only the user
    may decide on the draft.
    """
    card = passage.cards.get(event.body["guid"])
    if card is None or card.decided_by != USER:
        _apply_accept(passage, event)  # but the card that it would have replaced stays
        card = passage.cards[event.body["guid"]]
    elif card.verdict is not Verdict.TAKEN_BACK:
        return  # the user decided on the card again
    undone_card = replace(card, undone_number=event.number)
    passage.cards[card.guid] = _set_verdict(undone_card, Verdict.TAKEN_BACK, USER, why)


# --- changing cards ---------------------------------------------------------------------


def _decode_stored_content(event: Event) -> StoredContent:
    return msgspec.convert(event.body["draft"], StoredContent)


def _set_verdict(card: Card, verdict: Verdict, by: str, why: str = "") -> Card:
    return replace(card, verdict=verdict, decided_by=by, verdict_reason=why)


def _recreate_adopted_note(card: Card, event: Event) -> Card:
    adopted = card.note.adopted
    if adopted is None:
        return card
    return replace(
        card, note=replace(card.note, adopted=replace(adopted, is_wanted_back=True))
    )


def _pin_changed_fields(card: Card, event: Event) -> Card:
    """Pin the fields that a source had changed, after the user undid the change.

    A pinned field keeps its text when the source changes.
    """
    stored_content = _decode_stored_content(event)
    old_fields = dict(card.fields)
    changed_names = []
    for name in sorted({*old_fields, *stored_content.fields}):
        if old_fields.get(name, "") != stored_content.fields.get(name, ""):
            changed_names.append(name)
    edits = replace(card.edits, pinned=_merge_names(card.edits.pinned, changed_names))
    card = replace(card, edits=edits)
    return _record_source_text(card, event.device_id, stored_content)


def _apply_source_text(card: Card, stored_content: StoredContent) -> Card:
    """Give a card the new text of its source, except in pinned fields.

    The new text of a pinned field is stored in `source_texts_offered`, and the user is asked which
    of the two texts to keep.
    """
    edits = card.edits
    pinned_fields = {name: card.get_field(name) for name in edits.pinned}
    offered_fields = dict(edits.source_texts_offered)
    for name in edits.pinned:
        text = stored_content.fields.get(name, "")
        if not text or text == pinned_fields[name]:
            offered_fields.pop(name, None)
        elif text != edits.source_texts_applied.get(name, ""):
            offered_fields[name] = text
    fields = _drop_empty_fields({**stored_content.fields, **pinned_fields})
    edits = replace(edits, source_texts_offered=offered_fields)
    return replace(replace_content(card, stored_content), fields=fields, edits=edits)


def _record_source_text(
    card: Card, device_id: str, stored_content: StoredContent
) -> Card:
    texts = (
        *card.edits.source_text_hashes,
        (device_id, hash_fields_with_markup(stored_content.fields)),
    )
    return replace(
        card,
        edits=replace(
            card.edits,
            source_texts_applied=stored_content.fields,
            source_text_hashes=texts,
        ),
    )


def _remove_tags(tags: Iterable[str], tags_to_remove: Iterable[str]) -> Strings:
    folded = {tag.casefold() for tag in tags_to_remove}
    return tuple(tag for tag in tags if tag.casefold() not in folded)


def _merge_names(pinned: Strings, names: Iterable[str]) -> Strings:
    return tuple(dict.fromkeys((*pinned, *names)))


def _remove_fields(fields: Texts, names: Iterable[str]) -> Texts:
    names_to_remove = set(names)
    return {name: text for name, text in fields.items() if name not in names_to_remove}


def _drop_empty_fields(fields: Texts) -> Fields:
    return tuple((name, text) for name, text in fields.items() if text)


_CARD_HANDLERS: Mapping[str, Callable[[Card, Event], Card]] = {
    # text
    "adopt": _apply_adopt,
    "revise": _apply_revise,
    "edit": _apply_edit,
    "resolve": _apply_resolve,
    # deck and tags
    "placed": _apply_deck_and_tags,
    # verdict
    "reject": _apply_reject_or_retire,
    "retire": _apply_reject_or_retire,
    # note in Anki
    "repair": lambda card, event: replace(card, note=replace(card.note, repaired=True)),
    "shipped": _apply_export,
    "pictures": _apply_pictures,
    "seen": _apply_found_in_anki,
    "unseen": _apply_reexport,
}
"""For each kind of event that changes a card, the function that returns the changed card."""
