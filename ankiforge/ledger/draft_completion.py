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
    hash_question_and_answer,
    is_possibly_older_than_card,
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
    StoredDraft,
    Texts,
    Verdict,
    hash16,
)
from ankiforge.text import format_count, occlusion, regex
from ankiforge.text.cloze import (
    escape_markdown,
    find_clozes,
    find_image_paths,
    format_cloze,
    format_cloze_answers,
    to_plain_text,
)
from ankiforge.text.located import find_whole_words

D = TypeVar("D", bound=Draft)

MakeProposals = Callable[[Highlight], Iterable[Draft]]
"""A function that creates proposals for a highlight."""


def complete_drafts(
    snapshot: HighlightSnapshot,
    new_drafts: Sequence[Draft],
    *,
    with_earlier_drafts: bool = False,
    make_proposals: MakeProposals | None = None,
) -> list[Draft]:
    """Add the missing drafts of a passage, and number hand-written drafts like their cards.

    Args:
        snapshot: The passage.
        new_drafts: The drafts from a drafter.
        with_earlier_drafts: Whether to add a model's drafts whose acceptance was undone, and its
            pending drafts whose passage has changed, so that they are checked again.
        make_proposals: Creates proposals that replace cards whose answer is missing in their
            sentence. If None, no reworded cards are added.
    """
    drafts = [*new_drafts]
    if with_earlier_drafts:
        for _, undone_draft in iter_undone_drafts(snapshot):
            drafts.append(undone_draft)
        drafts += iter_outdated_drafts(snapshot)
    if make_proposals is not None:
        drafts += iter_reworded_cards(snapshot, drafts, make_proposals)

    # number hand-written drafts, so that each finds its card
    numbers = count()
    completed = []
    for draft in drafts:
        number = None
        if draft.is_user_text:
            number = next(numbers)
        numbered = replace(draft, user_text_number=number)
        completed.append(match_card_numbers(snapshot.passage, numbered))
    return completed


def compute_draft_id(draft: Draft) -> str:
    """Compute the id of a draft: a hash of its highlight, text and gaps.

    The id is the same on every device.
    """
    parts = (
        draft.note_type.value,
        get_slot(draft),
        hash_question_and_answer(draft.fields),
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
    """Yield a model's drafts that aren't pending although their acceptance was undone.

    Drafts whose drafting was undone as well are skipped. The text is taken from the journal, so
    it is available even if the database was lost.

    Yields:
        Pairs of the card whose acceptance was undone, and the draft of that card.
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
            draft = snapshot.update_quote(draft)
        if compute_draft_id(draft) not in pending_ids:
            yield card, draft


def iter_outdated_drafts(snapshot: HighlightSnapshot) -> Iterator[Draft]:
    """Yield a model's pending drafts of new cards whose passage has changed in the meantime.

    Their quote is updated to the current text of the passage (`PassageSnapshot.update_quote`).
    Drafts whose quote was never in the passage are skipped.
    """
    for draft in snapshot.pending_drafts:
        if draft.key != snapshot.highlight.key or draft.target_guid:
            continue
        if draft.drafted_quote or _has_lost_quote(draft, snapshot.highlight):
            yield snapshot.update_quote(draft.to_draft())


def _has_lost_quote(draft: StoredDraft, highlight: Highlight) -> bool:
    """Return whether a model's draft quotes a sentence that is no longer in its highlight."""
    if draft.origin.drafter not in ("llm", AGENT_DRAFTER):
        return False
    if not draft.sentence_hashes:
        return False  # its quote never was in the highlight
    return not is_quote_in_highlight(draft.quote, highlight)


def iter_reworded_cards(
    snapshot: HighlightSnapshot,
    other_drafts: Iterable[Draft],
    make_proposals: MakeProposals,
) -> Iterator[Draft]:
    """Yield drafts with new text for the cloze cards whose sentence has changed.

    If the card's answer no longer occurs in the sentence, the sentence's proposals from
    `make_proposals` are yielded instead. A card is skipped if `other_drafts` has a draft with the
    same note type for the sentence. Questions can't be reworded; see
    `waiting.compute_waiting`.
    """
    if not (snapshot.passage.live_cards or snapshot.related.live_cards):
        return
    drafted_note_types = {
        (sentence_decisions.find_draft_sentence(draft, snapshot.text), draft.note_type)
        for draft in other_drafts
    }
    for state in snapshot.compute_sentence_states():
        if not state.revised_guid:
            continue
        card = snapshot.find_card(state.revised_guid)
        if (state.sentence, card.note_type) in drafted_note_types:
            continue
        if card.kind is not CardKind.CLOZE:
            continue
        fields = reword_fields(state.sentence, card)
        if not fields:
            for draft in make_proposals(snapshot.highlight):
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
    """Rewrite the fields of a cloze card for the new text of its sentence.

    The first occurrence of the card's answer as whole words becomes the gap. Returns {} if the
    sentence doesn't contain the answer, or contains nothing else.
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
    """Give a hand-written draft the cloze numbers and picture paths of its existing card.

    Anki identifies the cards of a cloze note by number. A gap therefore keeps its number, and a
    number that was ever exported isn't reused for another gap. A draft without an existing card
    is returned unchanged.
    """
    card = passage.find_card_by_number(draft)
    if card is None:
        return draft
    if draft.kind is CardKind.OCCLUSION:
        return _match_mask_numbers(card, draft)
    draft = _complete_image_paths(card, draft)
    if draft.kind is CardKind.CLOZE:
        return _match_gap_numbers(card, draft)
    return draft


def _match_mask_numbers(card: Card, draft: Draft) -> Draft:
    """Give the masks of a figure the numbers that they have on its card."""
    renumbered = occlusion.update_masks(
        occlusion.get_masks(card.fields),
        occlusion.get_masks(draft.fields),
        card.note.exported_text_by_number,
    )
    masks = occlusion.format_masks(renumbered.masks)
    fields = {**dict(draft.fields), occlusion.OCCLUSION_FIELD: masks}
    return replace(draft, fields=tuple(fields.items()))


def _complete_image_paths(card: Card, draft: Draft) -> Draft:
    """Add the directories of pictures that the card names, but not the draft.

    A source that doesn't find `cell.png` can't tell its directory. If the card has only one
    picture with that name, such as `media/cell.png`, the draft gets the card's path.
    """
    card_texts = (*card.edits.source_texts_applied.values(), *list_field_texts(card))
    card_paths = find_image_paths("\n".join(card_texts))
    fields = dict(draft.fields)
    for name, text in draft.fields:
        for path in find_image_paths(text):
            full_paths = [
                card_path for card_path in card_paths if card_path.endswith(f"/{path}")
            ]
            if len(full_paths) == 1:
                fields[name] = fields[name].replace(f"]({path})", f"]({full_paths[0]})")
    return replace(draft, fields=tuple(fields.items()))


def _match_gap_numbers(card: Card, draft: Draft) -> Draft:
    """Give the gaps of a cloze draft the numbers that their answers have or had on its card."""
    exported_clozes = []
    for number, answer in card.note.exported_text_by_number.items():
        exported_clozes.append(format_cloze(int(number), answer))
    fields = dict(draft.fields)
    fields["Text"] = renumber_gaps(
        old=card.get_field("Text"),
        new=fields["Text"],
        used=tuple(map(int, card.note.exported_text_by_number)),
        earlier=[" ".join(exported_clozes)],
    )
    return replace(draft, fields=tuple(fields.items()))


def list_field_texts(content: CardContent) -> list[str]:
    """Return the texts of all nonempty fields of a draft or card."""
    return [text for _, text in content.fields if text]


def repeats_live_card(passage: Passage, draft: Draft) -> bool:
    """Return whether a live card already has the number and text of a hand-written draft.

    This happens after the database was lost. Such a draft is ignored, whatever the checks report.
    """
    card = passage.find_card_by_number(draft)
    if card is None or not card.is_live or passage.is_rejected(draft):
        return False
    if differs_from_source_text(card, draft):
        return False
    return hash_question_and_answer(card.fields) == hash_question_and_answer(draft.fields)


def should_offer_draft(passage: Passage, draft: Draft, device_id: str) -> bool:
    """Return whether to offer a hand-written draft to the user.

    A draft is offered if the user has never decided on it, if the acceptance of its card was
    undone, or if it has newer source text than its live card. `device_id` is the id of this
    device.
    """
    if passage.is_skipped or passage.is_passed_over(draft) or passage.is_rejected(draft):
        return False
    card = passage.find_card_by_number(draft)
    if card is None:
        # the user may have written down in the source what was accepted as a proposal
        card_of_proposal = find_proposed_card(passage)
        if card_of_proposal is None:
            return True
        proposed_text = hash_question_and_answer(card_of_proposal.fields)
        return proposed_text != hash_question_and_answer(draft.fields)
    # offer a draft again if the acceptance of its card was undone
    if card.verdict is Verdict.TAKEN_BACK:
        return True
    return has_new_source_text(card, draft, device_id)


def has_new_source_text(card: Card, draft: Draft, device_id: str) -> bool:
    """Return whether a hand-written draft has newer source text than its card, which is live."""
    if not card.is_live or not differs_from_source_text(card, draft):
        return False
    if _differs_only_in_masks(card, draft):
        return False  # the user drew or removed masks when accepting the draft
    is_cloze = card.kind is CardKind.CLOZE and draft.kind is CardKind.CLOZE
    if is_cloze and _differs_only_in_bold_gaps(card, draft):
        return False  # only the setting `marks` has changed
    return not is_possibly_older_than_card(card, device_id, draft)


def _differs_only_in_masks(card: Card, draft: Draft) -> bool:
    """Return whether a draft of a card's unchanged figure has other masks, but no other text."""
    if draft.kind is not CardKind.OCCLUSION:
        return False
    figure = occlusion.get_masks(draft.fields).figure
    if not figure or occlusion.get_masks(card.fields).figure != figure:
        return False
    field = occlusion.OCCLUSION_FIELD
    return {**dict(draft.fields), field: ""} == {**dict(card.fields), field: ""}


# Words between two pairs of asterisks or underscores.
_BOLD = regex(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")


def _differs_only_in_bold_gaps(card: Card, draft: Draft) -> bool:
    """Return whether each gap that only the card or the draft has is bold in the other one.

    The user hasn't marked anything then: whether bold words are blanked out is a setting.
    """
    old_text, new_text = card.get_field("Text"), draft.get_field("Text")
    if to_plain_text(old_text) != to_plain_text(new_text):
        return False
    old_gaps, new_gaps = _list_gaps(old_text), _list_gaps(new_text)
    if old_gaps == new_gaps:
        return False
    if not new_gaps - old_gaps <= _find_bold_words(old_text):
        return False
    return old_gaps - new_gaps <= _find_bold_words(new_text)


def _list_gaps(markdown: str) -> set[str]:
    return {to_plain_text(gap.answer) for gap in find_clozes(markdown)}


def _find_bold_words(markdown: str) -> set[str]:
    return {to_plain_text(bold[2]) for bold in _BOLD.finditer(markdown)}


def has_decided_text(passage: Passage, draft: Draft) -> bool:
    """Return whether the user has rejected a draft's text or accepted it as a card.

    The current text of a card and the text with which it was drafted are compared. Cards whose
    acceptance was undone don't count.
    """
    draft_content = hash_question_and_answer(draft.fields)
    if draft_content in passage.rejected_hashes:
        return True
    for card in passage.cards.values():
        if card.verdict is Verdict.TAKEN_BACK:
            continue
        if draft_content in (
            hash_question_and_answer(card.fields),
            card.drafted_text_hash,
        ):
            return True
    return False


def find_proposed_card(passage: Passage) -> Card | None:
    """Return a live card of the passage that was accepted from a proposal, or None."""
    for card in passage.live_cards:
        if card.is_proposed:
            return card
    return None


# --- gaps of proposals ------------------------------------------------------------------


def select_gap(draft: D, gap_number: int) -> D:
    """Return a copy of a proposal that asks for only one of its gaps, counting from 1.

    A draft without a choice of gaps (`Draft.gaps`) is returned unchanged if `gap_number` is 1.

    Raises:
        RefusedError: There is no gap with this number.
    """
    hint = "ankiforge list -v ID"
    if not draft.gaps:
        if gap_number == 1:
            return draft
        message = f"gap {gap_number}: only suggestions have several gaps to choose from"
        raise RefusedError(message, hint=hint)
    if not 1 <= gap_number <= len(draft.gaps):
        message = f"this card has only {format_count(len(draft.gaps), 'gap')}"
        raise RefusedError(message, hint=hint)
    text = draft.gaps[gap_number - 1]
    fields = {**dict(draft.fields), "Text": text}
    answer = format_cloze_answers(text)
    return replace(draft, fields=tuple(fields.items()), answer=answer, gaps=())


def move_gap_to_front(draft: D, gap_number: int) -> D:
    """Return a copy of a proposal in which a gap comes first. Gaps are numbered from 1."""
    first = draft.gaps[gap_number - 1]
    others = [gap for gap in draft.gaps if gap != first]
    return replace(select_gap(draft, gap_number), gaps=(first, *others))


def find_most_similar_gap(draft: Draft, text: str) -> int:
    """Return the number of the gap whose cloze text is most similar to `text`.

    Gaps are numbered from 1. The result is also 1 for a draft without a choice of gaps.
    """
    from rapidfuzz import fuzz

    scores = [fuzz.ratio(gap, text) for gap in draft.gaps]
    return scores.index(max(scores)) + 1 if scores else 1
