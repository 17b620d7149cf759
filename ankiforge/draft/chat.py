"""Export drafting requests as texts to paste into a chat, and parse the chat's reply.

A highlight has the same label in every text, so that a late reply can still be matched to its
highlights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.draft.privacy import SendableTask, SendableText, mark_as_sendable
from ankiforge.draft.prompt import (
    Prompt,
    ReplyShape,
    build_card_request,
    escape_tags,
    explain_no_allowed_kind,
    find_reply_shape,
    format_highlight,
    format_item_count,
    join_texts,
)
from ankiforge.draft.reply import FindFaults, list_evidence_texts, make_result
from ankiforge.draft.reply_cards import DeclinedCard, ReplyCard
from ankiforge.draft.reply_checks import (
    abbreviate_in_quotes,
    format_card_title,
    make_pasted_reply_key,
    parse_reply,
    select_valid_cards,
)
from ankiforge.model import (
    CHAT_MODEL,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKey,
    Origin,
    Problem,
    Value,
    hash16,
)
from ankiforge.text import format_count
from ankiforge.text.located import (
    DocumentLetters,
    find_quote,
    find_whole_words,
    split_quote_letters,
)

MAX_HIGHLIGHTS_PER_TEXT = 20
"""The maximum number of highlights in one text, because chats truncate long answers."""


# --- export ---------------------------------------------------------------------------


class ChatText(Value):
    """A text to paste into a new chat, and the highlights that it asks about."""

    text: str
    highlight_keys: tuple[HighlightKey, ...]
    """The keys of the highlights that the text asks about."""


def export_chat_texts(tasks: Iterable[SendableTask], prompt: Prompt) -> list[ChatText]:
    """Build texts to paste into a chat, each with at most `MAX_HIGHLIGHTS_PER_TEXT` passages."""
    # group the highlights by the shape of the reply, because a text asks for only one shape
    by_shape = defaultdict[ReplyShape, list[_FormattedHighlight]](list)
    for sendable in tasks:
        if explain_no_allowed_kind(sendable.task):
            continue
        shape = find_reply_shape(sendable.task)
        by_shape[shape] += _format_highlights(sendable)
    chats = []
    for shape, asked_highlights in by_shape.items():
        for start in range(0, len(asked_highlights), MAX_HIGHLIGHTS_PER_TEXT):
            batch = asked_highlights[start : start + MAX_HIGHLIGHTS_PER_TEXT]
            chats.append(_build_chat_text(batch, shape, prompt))
    return chats


def _format_highlights(sendable: SendableTask) -> Iterator[_FormattedHighlight]:
    requested_kind = sendable.task.instructions.requested_kind
    title = sendable.title
    for key, sendable_passage in sendable.passages.items():
        passage = format_highlight(make_label(key), sendable_passage, requested_kind)
        yield _FormattedHighlight(title, key, passage)


def _build_chat_text(
    batch: Sequence[_FormattedHighlight], shape: ReplyShape, prompt: Prompt
) -> ChatText:
    """Build one text. If the passages are from several documents, each is under its title."""
    passages_by_title = []
    for title, group in groupby(batch, key=attrgetter("title")):
        passages_by_title.append((title, join_texts(entry.passage for entry in group)))
    if len(passages_by_title) == 1:
        [(single_title, highlights)] = passages_by_title
        shown_title = escape_tags(single_title)
    else:
        sections = []
        for title, passages in passages_by_title:
            section = f"Document: {escape_tags(title)}\n\n{passages}"
            sections.append(SendableText(section))
        highlights = join_texts(sections)
        shown_title = mark_as_sendable("several, named with their passages")
    values = {"title": shown_title, "highlights": highlights}
    request = build_card_request(prompt, shape, values)
    instruction = f"answer for {format_item_count(len(batch), 'highlight')}"
    keys = tuple(entry.key for entry in batch)
    return ChatText(request.to_chat_text(instruction), keys)


class _FormattedHighlight(NamedTuple):
    title: SendableText
    key: HighlightKey
    passage: SendableText


def count_exportable_highlights(tasks: Iterable[SendableTask]) -> int:
    """Count the highlights that `export_chat_texts` would ask about."""
    count = 0
    for sendable in tasks:
        if not explain_no_allowed_kind(sendable.task):
            count += len(sendable.passages)
    return count


def make_label(key: str) -> str:
    """Compute the label of 8 hex digits by which a chat refers to a highlight or card."""
    return hash16(key)[:8]


# --- import ---------------------------------------------------------------------------


class ParsedChatReply(Value):
    """The results from a chat's reply, one per highlight that it covers, and any problems."""

    results: tuple[DraftingResult, ...]
    problems: tuple[Problem, ...]


def parse_chat_reply(
    text: str,
    tasks: Sequence[SendableTask],
    prompt: Prompt,
    find_faults: FindFaults = lambda draft, highlight: (),
    answered: Iterable[Highlight] = (),
) -> ParsedChatReply:
    """Parse a chat's reply into a result for each pending highlight that it covers.

    A card becomes a problem if its quote isn't in any highlight, or if `find_faults` returns
    findings for it. Its highlight then stays pending and is part of the next text for the chat.
    A card about an answered highlight is a problem, too, even if a pending highlight overlaps.

    Args:
        text: The reply.
        tasks: The highlights that are still pending.
        prompt: The prompt of the text that was pasted into the chat.
        find_faults: Returns the findings that block a card.
        answered: The highlights for which cards were imported before.
    """
    owners = _list_possible_owners(tasks, answered)
    pending_texts = [each.highlight.exact for each in owners if not each.is_answered]
    reply = parse_reply(text, pending_texts)
    cards_by_key, problems = _assign_cards(reply.cards, owners)
    problems += reply.problems

    origin = Origin("llm", CHAT_MODEL, prompt.fingerprint, make_pasted_reply_key(text))
    results = []
    for sendable in tasks:
        shape = find_reply_shape(sendable.task)
        for highlight in sendable.highlights:
            cards, card_problems = select_valid_cards(
                cards_by_key[highlight.key][:_MAX_CARDS_PER_HIGHLIGHT],
                highlight,
                shape,
                find_faults,
            )
            for problem in card_problems:  # the user may paste it into the chat
                message = sendable.mask_text(problem.message)
                problems.append(replace(problem, message=message))
            if cards:
                results.append(_make_chat_result(highlight, cards, origin, sendable.task))
    # put cards that were imported before at the end, because only the first problems are shown
    problems.sort(key=lambda problem: problem.hint == NOT_ASKED_HINT)
    return ParsedChatReply(tuple(results), tuple(problems))


def _list_possible_owners(
    tasks: Iterable[SendableTask], answered: Iterable[Highlight]
) -> list[_PossibleOwner]:
    """List the highlights that a card may be about, the pending ones first."""
    owners = []
    for sendable in tasks:
        for highlight in sendable.highlights:
            owners.append(_PossibleOwner(highlight, make_label(highlight.key)))
    for highlight in answered:
        label = make_label(highlight.key)
        owners.append(_PossibleOwner(highlight, label, is_answered=True))
    return owners


def _make_chat_result(
    highlight: Highlight, cards: Sequence[ReplyCard], origin: Origin, task: DraftingTask
) -> DraftingResult:
    """Make the result from a chat's cards, which are dropped if the task allows no kind of card."""
    missing_kind = explain_no_allowed_kind(task)
    if missing_kind:
        return DraftingResult(
            highlight,
            status=DraftingStatus.NO_CARD,
            reason=missing_kind,
            should_retry=True,
        )
    return make_result(highlight, cards, origin, find_reply_shape(task))


def _assign_cards(
    cards: Iterable[ReplyCard], owners: Sequence[_PossibleOwner]
) -> tuple[defaultdict[HighlightKey, list[ReplyCard]], list[Problem]]:
    """Assign each card to the highlight that it is about.

    Returns the cards of each highlight, and a problem for each card that belongs to none of
    them. If cards were assigned to a different highlight than their label says, a notice lists
    those cards.
    """
    owner_by_label = {owner.label: owner for owner in owners}
    cards_by_key = defaultdict[HighlightKey, list[ReplyCard]](list)
    problems = []
    moved = []
    for card in cards:
        labelled = None
        if card.label is not None:
            labelled = owner_by_label.get(card.label)
        owner = _find_owner(card, labelled, owners)
        if owner is None or owner.is_answered:
            problems.append(_make_unmatched_problem(card, labelled))
            continue
        cards_by_key[owner.highlight.key].append(card)
        if labelled is not None and labelled != owner:
            mark = abbreviate_in_quotes(owner.highlight.exact)
            moved.append(f"{format_card_title(card)} for {mark}")
    if moved:
        problems.append(_make_moved_notice(moved))
    return cards_by_key, problems


def _make_moved_notice(moved: list[str]) -> Problem:
    count = format_count(len(moved), "card")
    note = f"{count} assigned to the passage quoted, not to the passage named"
    return Problem("", f"{note}: {'; '.join(moved[:_MAX_MOVED_SHOWN])}", is_notice=True)


class _PossibleOwner(NamedTuple):
    """A highlight that a card in the reply may be about."""

    highlight: Highlight
    label: str
    is_answered: bool = False
    """Whether a card for the highlight was imported before, so that it isn't pending any more."""

    @property
    def has_reliable_length(self) -> bool:
        """Whether the highlighted text is too long to be in a quote by coincidence."""
        return len(self.highlight.exact) >= _MIN_RELIABLE_LETTERS

    def overlaps(self, quote: str) -> bool:
        """Return whether the highlighted text contains `quote` or is contained in it."""
        mark = self.highlight.exact
        if find_quote(quote, mark):
            return True
        return find_whole_words(mark, quote) is not None

    def contains(self, quote: str) -> bool:
        """Return whether `quote` occurs in the highlighted text or its context."""
        texts = list_evidence_texts(self.highlight)
        return any(find_quote(quote, text) for text in texts)


def _find_owner(
    card: ReplyCard,
    labelled: _PossibleOwner | None,
    owners: Iterable[_PossibleOwner],
) -> _PossibleOwner | None:
    """Return the highlight that a card is about, or None if it can't be determined.

    This is the highlight with the card's label, unless the card quotes a different highlight,
    because labels may be missing, swapped, or from an older text.
    """
    if isinstance(card, DeclinedCard):  # a reason for no card quotes nothing
        return labelled
    letter_count = sum(map(len, split_quote_letters(card.quote)))
    if labelled is not None:
        if letter_count == 0 or labelled.overlaps(card.quote):
            return labelled
    labelled_has_quote = labelled is not None and labelled.contains(card.quote)

    # the label seems wrong, so look for the only highlight with the quote
    quoted = []
    if letter_count >= _MIN_RELIABLE_LETTERS:
        quoted = [owner for owner in owners if owner.overlaps(card.quote)]
    if labelled_has_quote:
        # a highlight as short as "on" occurs in many quotes, also in those near the label
        quoted = [owner for owner in quoted if owner.has_reliable_length]
    if len(quoted) == 1:
        return quoted[0]
    if labelled_has_quote:
        return labelled
    return None


# The maximum number of cards that are listed as moved to the highlight that they quote.
_MAX_MOVED_SHOWN = 3
_MAX_CARDS_PER_HIGHLIGHT = 20
NOT_ASKED_HINT = "it was imported before, or nobody asked for it"
_NO_QUOTE_HINT = "ask the chat for the JSON only, with h and quote of each card"
# A quote of at least this many letters is more reliable than the label.
_MIN_RELIABLE_LETTERS = 12


def _make_unmatched_problem(card: ReplyCard, labelled: _PossibleOwner | None) -> Problem:
    """Explain why a card is about none of the highlights that still need a card."""
    title = format_card_title(card)
    quote = ""
    if not isinstance(card, DeclinedCard):
        quote = card.quote
        if labelled is not None and not labelled.is_answered:
            reason = _explain_missing_quote(quote, labelled.highlight)
            return Problem("", f"{title}: {reason}")
    features = []
    if card.label is not None:
        features.append(f"its label {card.label!r}")
    if quote:
        features.append(f"its quote {abbreviate_in_quotes(quote)}")
    if not features:
        message = f"{title}: it has neither a label nor a quote"
        return Problem("", message, _NO_QUOTE_HINT)
    reason = f"no highlight that still needs a card has {' or '.join(features)}"
    return Problem("", f"{title}: {reason}", NOT_ASKED_HINT)


def _explain_missing_quote(quote: str, highlight: Highlight) -> str:
    """Explain why a quote isn't in the highlight with the label of its card."""
    mark = abbreviate_in_quotes(highlight.exact)
    longest_text = max(list_evidence_texts(highlight), key=len)
    return DocumentLetters([longest_text]).explain_missing_quote(quote, mark)
