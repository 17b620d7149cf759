"""Complete the drafts of a passage before they are checked and recorded.

`complete_drafts` adds the drafts that no drafter creates: drafts by a model whose acceptance
was undone, and new wordings for cards whose sentence changed. It numbers hand-written drafts
like their cards, so that cloze numbers and picture paths stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.events import (
    DRAFTING_UNDONE_REASON,
    Passage,
    differs_from_source_text,
    get_slot,
    hash_sides,
    is_possibly_outdated,
    is_quote_in_highlight,
)
from ankiforge.ledger.gap_numbers import renumber_gaps
from ankiforge.ledger.snapshots import HighlightSnapshot
from ankiforge.model import (
    AGENT_DRAFTER,
    DRAFT_PREFIX,
    PROPOSAL_DRAFTER,
    Card,
    CardContent,
    CardKind,
    Draft,
    Highlight,
    Origin,
    Texts,
    Verdict,
    hash16,
)
from ankiforge.text import format_count, occlusion
from ankiforge.text.cloze import (
    escape_markdown,
    find_image_paths,
    format_cloze,
    format_cloze_answers,
)
from ankiforge.text.located import find_whole_words

D = TypeVar("D", bound=Draft)

MakeProposals = Callable[[Highlight], Iterable[Draft]]
"""A function that creates proposals for a highlight."""


def complete_drafts(
    snapshot: HighlightSnapshot,
    new_drafts: Sequence[Draft],
    *,
    again: bool = False,
    proposals: MakeProposals | None = None,
) -> list[Draft]:
    """Add missing drafts to a passage, and number hand-written drafts like their cards.

    Args:
        snapshot: the passage.
        new_drafts: the drafts from a drafter.
        again: whether to add a model's drafts whose acceptance was undone, and its pending
            drafts whose passage has changed, so that they are checked again.
        proposals: creates proposals to replace cards whose answer is missing in their
            sentence. If None, no reworded cards are added.
    """
    drafts = [*new_drafts]
    if again:
        drafts += [draft for _, draft in iter_undone_drafts(snapshot)]
        drafts += iter_outdated_drafts(snapshot)
    if proposals is not None:
        drafts += iter_reworded_cards(snapshot, drafts, proposals)

    # number hand-written drafts, so that each finds its card
    numbers = count()
    numbered_drafts = [
        replace(each, user_text_number=next(numbers) if each.is_user_text else None)
        for each in drafts
    ]
    return [match_card_numbers(snapshot.passage, draft) for draft in numbered_drafts]


def compute_draft_id(draft: Draft) -> str:
    """Compute the id of a draft as a hash of its highlight, text and gaps.

    The id is the same on every device.
    """
    parts = (
        draft.note_type.value,
        get_slot(draft),
        hash_sides(draft.fields),
        *draft.gaps[1:],
    )
    return f"{DRAFT_PREFIX}{hash16(draft.key, *parts)}"


# --- drafts without a drafter -----------------------------------------------------------


def card_to_draft(content: CardContent, highlight: Highlight) -> Draft:
    """Convert the text of a card to a draft for a highlight that contains the card's quote."""
    return Draft(
        highlight.key,
        content.kind,
        content.fields,
        content.origin,
        content.quote,
        content.tags,
        answer=content.get_field("Back")
        or format_cloze_answers(content.get_field("Text")),
        start=max(highlight.exact.find(content.quote), 0),
    )


def iter_undone_drafts(snapshot: HighlightSnapshot) -> Iterator[tuple[Card, Draft]]:
    """Yield the model's drafts whose acceptance was undone and that aren't pending.

    Drafts whose drafting was undone as well are skipped. The text is taken from the journal, so
    it is available even if the database was lost.

    Yields:
        Pairs of the card whose acceptance was undone, and the draft for it.
    """
    pending_ids = {draft.id for draft in snapshot.pending_drafts}
    for card in snapshot.passage.cards.values():
        if card.verdict is not Verdict.TAKEN_BACK or card.is_hand_written:
            continue
        if card.origin.drafter not in ("llm", AGENT_DRAFTER):
            continue
        if card.verdict_reason == DRAFTING_UNDONE_REASON:
            continue
        draft = card_to_draft(card, snapshot.highlight)
        if not is_quote_in_highlight(card.quote, snapshot.highlight):
            draft = snapshot.follow_passage(draft)
        if compute_draft_id(draft) not in pending_ids:
            yield card, draft


def iter_outdated_drafts(snapshot: HighlightSnapshot) -> Iterator[Draft]:
    """Yield the model's pending drafts of new cards whose passage has changed since.

    Each draft quotes the current text of the passage; see `PassageSnapshot.follow_passage`. A
    draft whose quote was never in the passage is skipped.
    """
    for draft in snapshot.pending_drafts:
        if draft.key != snapshot.highlight.key or draft.target_guid:
            continue
        is_quoted = is_quote_in_highlight(draft.quote, snapshot.highlight)
        is_of_model = draft.origin.drafter in ("llm", AGENT_DRAFTER)
        is_outdated = is_of_model and draft.sentence_hashes and not is_quoted
        if draft.drafted_quote or is_outdated:
            yield snapshot.follow_passage(draft.to_draft())


def iter_reworded_cards(
    snapshot: HighlightSnapshot, other_drafts: Iterable[Draft], proposals: MakeProposals
) -> Iterator[Draft]:
    """Yield drafts with new wordings for cards whose sentence has changed.

    Such a draft is offered as the new text of its card. A card is skipped if `other_drafts`
    has a draft for the sentence with the same note type. If the card's answer no longer
    occurs in the sentence, the results of `proposals` are yielded instead. Questions can't be
    reworded; see `draft_changes.resolve_drafts`.
    """
    if not (snapshot.passage.live_cards or snapshot.related.live_cards):
        return
    drafted_families = {
        (sentence_decisions.find_draft_sentence(draft, snapshot.text), draft.note_type)
        for draft in other_drafts
    }
    for state in snapshot.compute_sentence_states():
        if not state.revised_guid:
            continue
        card = snapshot.find_card(state.revised_guid)
        if (state.sentence, card.note_type) in drafted_families:
            continue
        if card.kind is not CardKind.CLOZE:
            continue
        fields = reword_fields(state.sentence, card)
        if not fields:
            for draft in proposals(snapshot.highlight):
                sentence = sentence_decisions.find_draft_sentence(draft, snapshot.text)
                if (sentence, draft.note_type) == (state.sentence, card.note_type):
                    yield draft
            continue
        reworded_card = replace(
            card,
            fields=tuple(fields.items()),
            quote=state.sentence,
            origin=Origin(PROPOSAL_DRAFTER),
            tags=(),
        )
        yield card_to_draft(reworded_card, snapshot.highlight)


def reword_fields(sentence: str, card: CardContent) -> Texts:
    """Adapt the fields of a cloze card to the new text of its sentence.

    The first occurrence of the card's answer as whole words is blanked out. Returns {} if the
    sentence has none, or consists only of the answer.
    """
    answer = format_cloze_answers(card.get_field("Text"))
    span = find_whole_words(answer, sentence) if answer else None
    if span is None or span == (0, len(sentence)):
        return {}
    start, end = span
    before, answer, after = sentence[:start], sentence[start:end], sentence[end:]
    cloze = format_cloze(1, escape_markdown(answer))
    text = f"{escape_markdown(before)}{cloze}{escape_markdown(after)}"
    return {**dict(card.fields), "Text": text}


# --- drafts and their cards -------------------------------------------------------------


def match_card_numbers(passage: Passage, draft: Draft) -> Draft:
    """Return a hand-written draft with the cloze numbers and picture paths of its card.

    Anki identifies the cards of a cloze note by number, so a gap keeps its number, and a
    number that was ever exported isn't reused for another gap. A draft without an existing
    card is returned unchanged.
    """
    card = passage.find_card_in_slot(draft)
    if card is None:
        return draft
    fields = dict(draft.fields)
    if draft.kind is CardKind.OCCLUSION:
        old_masks = occlusion.get_masks(card.fields)
        new_masks = occlusion.get_masks(draft.fields)
        renumbered = occlusion.update_masks(
            old_masks, new_masks, card.note.exported_text_by_number
        )
        fields[occlusion.OCCLUSION_FIELD] = occlusion.format_masks(renumbered.masks)
        return replace(draft, fields=tuple(fields.items()))

    # the path of a missing picture lacks its directory, so use the path on the card
    card_texts = (*card.edits.source_texts_applied.values(), *list_field_texts(card))
    card_paths = find_image_paths("\n".join(card_texts))
    for name, text in draft.fields:
        for path in find_image_paths(text):
            full_paths = [
                card_path for card_path in card_paths if card_path.endswith(f"/{path}")
            ]
            if len(full_paths) == 1:
                fields[name] = fields[name].replace(f"]({path})", f"]({full_paths[0]})")
    if draft.kind is CardKind.CLOZE:
        clozes = [
            format_cloze(int(number), text)
            for number, text in card.note.exported_text_by_number.items()
        ]
        fields["Text"] = renumber_gaps(
            old=card.get_field("Text"),
            new=fields["Text"],
            used=tuple(map(int, card.note.exported_text_by_number)),
            earlier=[" ".join(clozes)],
        )
    return replace(draft, fields=tuple(fields.items()))


def list_field_texts(content: CardContent) -> list[str]:
    """Return the texts of the nonempty fields of a draft or card."""
    return [text for _, text in content.fields if text]


def repeats_live_card(passage: Passage, draft: Draft) -> bool:
    """Return whether a live card already has a hand-written draft's number and text.

    This happens after the database is lost. Such a draft is ignored, whatever the checks
    report.
    """
    card = passage.find_card_in_slot(draft)
    if card is None or not card.is_live or passage.is_rejected(draft):
        return False
    return hash_sides(card.fields) == hash_sides(
        draft.fields
    ) and not differs_from_source_text(card, draft)


def should_offer(passage: Passage, draft: Draft, device_id: str) -> bool:
    """Return whether to offer a hand-written draft to the user.

    A draft is offered if it was never decided on, if the acceptance of its card was undone,
    or if it has text that its live card never had. `device_id` is the id of this device.
    """
    if passage.is_skipped or passage.is_passed_over(draft) or passage.is_rejected(draft):
        return False
    card = passage.find_card_in_slot(draft)
    if card is None:
        card_of_proposal = find_proposed_card(passage)
        return card_of_proposal is None or hash_sides(
            card_of_proposal.fields
        ) != hash_sides(draft.fields)
    # offer a draft again if the acceptance of its card was undone
    if card.verdict is Verdict.TAKEN_BACK:
        return True
    return has_new_source_text(card, draft, device_id)


def has_new_source_text(card: Card, draft: Draft, device_id: str) -> bool:
    """Return whether the draft has newer source text than its live card; see `should_offer`."""
    return (
        card.is_live
        and differs_from_source_text(card, draft)
        and not is_possibly_outdated(card, device_id, draft)
    )


def has_decided_text(passage: Passage, draft: Draft) -> bool:
    """Return whether a draft's text was rejected, or is or was the text of a card.

    Cards whose acceptance was undone don't count.
    """
    draft_content = hash_sides(draft.fields)
    if draft_content in passage.rejected_hashes:
        return True
    for card in passage.cards.values():
        if card.verdict is Verdict.TAKEN_BACK:
            continue
        if draft_content in (hash_sides(card.fields), card.drafted_text_hash):
            return True
    return False


def find_proposed_card(passage: Passage) -> Card | None:
    """Return a live card that was accepted from a proposal of this passage, or None."""
    for card in passage.live_cards:
        if card.is_proposed:
            return card
    return None


# --- gaps of proposals ------------------------------------------------------------------


def select_gap(draft: D, number: int) -> D:
    """Return a copy of a proposal that asks only for the gap with this number, counting from 1.

    A draft without alternatives (`Draft.gaps`) is returned unchanged if `number` is 1.

    Raises:
        RefusedError: no gap has this number.
    """
    if number == 1 and not draft.gaps:
        return draft
    if not 1 <= number <= len(draft.gaps):
        if draft.gaps:
            message = f"this proposal has only {format_count(len(draft.gaps), 'gap')}"
        else:
            message = f"gap {number}: only proposals have several gaps to choose from"
        raise RefusedError(message, hint="ankiforge show ID")
    text = draft.gaps[number - 1]
    fields = tuple(
        (name, text if name == "Text" else field_text)
        for name, field_text in draft.fields
    )
    return replace(draft, fields=fields, answer=format_cloze_answers(text), gaps=())


def put_gap_first(draft: D, number: int) -> D:
    """Return a copy of a proposal with gap `number`, counting from 1, moved to the front."""
    first = draft.gaps[number - 1]
    others = [gap for gap in draft.gaps if gap != first]
    return replace(select_gap(draft, number), gaps=(first, *others))


def find_nearest_gap(draft: Draft, text: str) -> int:
    """Return the number of the gap whose cloze text is most similar to `text`.

    Gaps are numbered from 1, which is also the result for a draft without several gaps.
    """
    from rapidfuzz import fuzz

    scores = [fuzz.ratio(gap, text) for gap in draft.gaps]
    return scores.index(max(scores)) + 1 if scores else 1
