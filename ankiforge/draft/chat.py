"""Export drafting requests as texts to paste into a chat, and parse the chat's answers.

Each highlight has a label that never changes, so that even a late answer can be matched to it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ankiforge.draft.privacy import SendableTask, SendableText, mark_as_sendable
from ankiforge.draft.prompt import (
    NO_TEXT,
    Prompt,
    ReplyShape,
    compute_max_card_count,
    escape_markers,
    explain_missing_kind,
    find_reply_shape,
    format_passage,
    join_texts,
    make_message,
    make_rule_values,
)
from ankiforge.draft.reply import (
    FindFaults,
    ReplyCard,
    build_drafts,
    find_quote,
    is_truncated,
    list_evidence_texts,
    make_undrafted_result,
    parse_all_cards,
    split_quote_letters,
    to_one_line,
)
from ankiforge.model import (
    DraftingResult,
    Highlight,
    HighlightKey,
    Origin,
    Problem,
    Strings,
    Value,
    hash16,
)
from ankiforge.text import format_count, regex
from ankiforge.text.normalize import find_whole_words

CHAT_MODEL = "chat"
"""Recorded in place of the name of the chat's model, which is unknown."""
MAX_HIGHLIGHTS_PER_TEXT = 20
"""The maximum number of highlights in one text, because chats truncate long answers."""


# --- export ---------------------------------------------------------------------------


class ChatText(Value):
    """A text for the user to paste into a new chat."""

    text: str
    highlight_keys: tuple[HighlightKey, ...]
    """The keys of the highlights that the text asks about."""


def export_chat_texts(tasks: Iterable[SendableTask], prompt: Prompt) -> list[ChatText]:
    """Build texts to paste into a chat, each with up to `MAX_HIGHLIGHTS_PER_TEXT` passages."""
    # group the highlights by the shape of the reply, because a text asks for only one shape
    by_shape = defaultdict[ReplyShape, list[_FormattedHighlight]](list)
    for sendable in tasks:
        if explain_missing_kind(sendable.task):
            continue
        shape = find_reply_shape(sendable.task)
        wants = sendable.task.brief.wants
        title = sendable.title
        for key, sendable_passage in sendable.passages.items():
            formatted_passage = format_passage(make_label(key), sendable_passage, wants)
            by_shape[shape].append(_FormattedHighlight(title, key, formatted_passage))

    chats = []
    for shape, asked_highlights in by_shape.items():
        for start in range(0, len(asked_highlights), MAX_HIGHLIGHTS_PER_TEXT):
            batch = asked_highlights[start : start + MAX_HIGHLIGHTS_PER_TEXT]
            by_title = []
            for title, group in groupby(batch, key=attrgetter("title")):
                by_title.append((title, join_texts(entry.passage for entry in group)))
            if len(by_title) == 1:
                [(single_title, highlights)] = by_title
                title = escape_markers(single_title)
            else:
                sections = []
                for entry, passages in by_title:
                    section = f"Document: {escape_markers(entry)}\n\n{passages}"
                    sections.append(SendableText(section))
                highlights = join_texts(sections)
                title = mark_as_sendable("several, named with their passages")
            values = {
                **make_rule_values(shape),
                "title": title,
                "remark": NO_TEXT,
                "highlights": highlights,
            }
            count = f"all {len(batch)} highlights"
            if len(batch) == 1:
                count = "the highlight"
            closing_request = mark_as_sendable(
                f"Now answer for {count}, with the JSON only, in one code block."
            )
            messages = (
                *prompt.render_messages(values),
                make_message("user", closing_request),
            )
            contents = [entry["content"] for entry in messages]
            text = "\n\n".join(contents) + "\n"
            chats.append(ChatText(text, tuple(entry.key for entry in batch)))
    return chats


class _FormattedHighlight(NamedTuple):
    title: SendableText
    key: HighlightKey
    passage: SendableText


def count_exportable_highlights(tasks: Iterable[SendableTask]) -> int:
    """Count the highlights that `export_chat_texts` would ask about."""
    count = 0
    for sendable in tasks:
        if not explain_missing_kind(sendable.task):
            count += len(sendable.passages)
    return count


def make_label(key: str) -> str:
    """Derive a highlight's label, consisting of 8 hex digits, from its key."""
    return hash16(key)[:8]


# --- citation marks of chats ------------------------------------------------------------

# Matches a mark such as `:contentReference[oaicite:0]{index=0}`, `【4†source】`, or
# `citeturn0search2` with its delimiters.
_CITATION_MARK = regex(
    r"\s?(?::contentReference\[[^\]\n]{0,60}\](?:\{[^}\n]{0,60}\})?|【[^】\n]{1,60}†[^】\n]{0,80}】"
    r"|[\ue200-\ue206]?(?:file)?cite[\ue200-\ue206]?(?:turn\d{1,3}[a-z]{1,20}\d{1,3}[\ue200-\ue206]?){1,20})"
)
# Matches numbers in brackets, as in `green light [1]` and `light[1][3].`
_NUMBER_MARK = regex(
    r"(?m)(?<=[\w.!?%)”])[ \t]?((?:\[\d{1,2}\]){1,9})(?=[ \t]*(?:[.,;:!?)\"”|]|$))"
)


def _strip_citation_marks(text: str, tasks: Iterable[SendableTask]) -> str:
    """Remove the markers that a chat uses to cite its sources.

    Bracketed numbers are kept if they also occur in a highlight.
    """
    text = _CITATION_MARK.sub("", text)
    if not _NUMBER_MARK.search(text):
        return text
    all_marks = " ".join(
        highlight.exact for task in tasks for highlight in task.highlights
    )

    def keep_if_marked(mark: re.Match[str]) -> str:
        return mark[0] if mark[1] in all_marks else ""

    return _NUMBER_MARK.sub(keep_if_marked, text)


# --- import ---------------------------------------------------------------------------


class ChatAnswer(Value):
    """The results parsed from a chat's answer, and any problems with it."""

    results: tuple[DraftingResult, ...]
    problems: tuple[Problem, ...]


_CHAT_TEXT_SIGNS = ("<highlight h=", "<text h=")
"""Strings that occur in every text for a chat, but never in an answer."""


def is_chat_text(text: str) -> bool:
    """Return whether a text is one we exported for a chat, rather than the chat's answer."""
    return any(sign in text for sign in _CHAT_TEXT_SIGNS)


def explain_unusable_answer(text: str) -> str:
    """Explain why a pasted text contains no usable cards, and what to do about it."""
    if not text.strip():
        return "nothing was pasted: copy the whole answer of the chat"
    if is_chat_text(text):
        return "this is the text for the chat, not its answer: paste it there first"
    usable, unusable = parse_all_cards(text)
    if not usable and is_truncated(text):
        return (
            "it ends in the middle of its first card: copy the whole answer of the chat"
        )
    if usable:
        return "no card in it is about these highlights: ask the chat again, in a new one"
    if unusable:
        return "its cards lack a question or an answer: ask the chat for the JSON only"
    return (
        "it contains no card as JSON: ask the chat for the JSON only, and copy all of it"
    )


def make_cache_key(text: str) -> str:
    """Return the key that an answer is cached under."""
    return f"chat/{hash16(text)}"


def parse_answer(
    text: str,
    tasks: Sequence[SendableTask],
    prompt: Prompt,
    find_faults: FindFaults = lambda draft, highlight: (),
) -> ChatAnswer:
    """Parse a chat's answer into results for the pending highlights it covers.

    If a card's quote isn't in any highlight, or if `find_faults` finds faults in the card,
    it becomes a problem. The highlight then stays pending, and is included in the next
    text.

    Args:
        text: the answer.
        tasks: the pending highlights.
        prompt: the prompt that the text for the chat was built from.
        find_faults: a function that returns the findings that block a card.
    """
    items, unusable = parse_all_cards(_strip_citation_marks(text, tasks))
    pending = []
    for sendable in tasks:
        for highlight in sendable.highlights:
            pending.append(_PendingHighlight(highlight, make_label(highlight.key)))
    by_label = {entry.label: entry for entry in pending}

    # find the highlight that each card is about
    items_by_key = defaultdict[HighlightKey, list[ReplyCard]](list)
    unused = []
    moved = []
    for item in items:
        labelled = by_label.get(item.label)
        owner = labelled if item.kind is None else _find_owner(item, labelled, pending)
        if owner:
            items_by_key[owner.highlight.key].append(item)
            if labelled and labelled is not owner:
                moved.append(
                    f"{_format_card_title(item)} for {_abbreviate_in_quotes(owner.highlight.exact)}"
                )
        else:
            unused.append(_make_unmatched_problem(item, labelled))
    if moved:
        cards = format_count(len(moved), "card")
        note = f"{cards} assigned to the passage quoted, not to the passage named"
        unused.append(
            Problem("", f"{note}: {'; '.join(moved[:_MAX_MOVED_SHOWN])}", notice=True)
        )
    for card in unusable:
        hint = "ask for a question and an answer"
        unused.append(Problem("", f"no card can be made from {card[:80]}", hint))
    if is_truncated(text):
        remedy = "ask the chat for that card and the rest again, each whole"
        unused.append(Problem("", f"the answer ends in the middle of a card: {remedy}"))
    if not (items or unusable):
        hint = "paste the whole answer, or ask the chat for the JSON only"
        unused.append(Problem("", "it contains no readable card", hint))

    origin = Origin("llm", CHAT_MODEL, prompt.fingerprint, make_cache_key(text))
    results = []
    for sendable in tasks:
        for highlight in sendable.highlights:
            highlight_items = items_by_key.get(highlight.key, [])[
                :_MAX_CARDS_PER_HIGHLIGHT
            ]
            result, problems = _make_result(
                highlight_items, highlight, sendable, origin, find_faults
            )
            unused += problems
            if result is not None:
                results.append(result)
    # put cards that were imported before at the end, because only the first problems are shown
    unused.sort(key=lambda problem: problem.hint == _NOT_ASKED_HINT)
    return ChatAnswer(tuple(results), tuple(unused))


def _make_result(
    items: Sequence[ReplyCard],
    highlight: Highlight,
    sendable: SendableTask,
    origin: Origin,
    find_faults: FindFaults,
) -> tuple[DraftingResult | None, list[Problem]]:
    shape = find_reply_shape(sendable.task)
    passage_shown = _abbreviate_in_quotes(highlight.exact)
    problems = []
    sound = []
    for item in items:
        faults: Strings = ()
        for draft in build_drafts([item], highlight, origin, shape):
            faults = find_faults(draft, highlight)
        if faults:
            problem = (
                f"{_format_card_title(item)} for {passage_shown}: {'; '.join(faults)}"
            )
            problems.append(Problem("", problem))
        else:
            sound.append(item)
    if not sound:
        return None, problems
    drafts = build_drafts(sound, highlight, origin, shape)
    if not drafts:
        reason = explain_missing_kind(sendable.task)
        if reason:
            return DraftingResult(highlight, reason=reason, is_temporary=True), problems
        return make_undrafted_result(highlight, sound, shape), problems
    distinct = {(item.front, item.back, item.text) for item in sound}
    if len(distinct) > len(drafts) == compute_max_card_count(highlight.exact):
        more = format_count(len(distinct) - len(drafts), "more card")
        problem = f"{more} for {passage_shown}: it has {len(drafts)}"
        problems.append(Problem("", problem, notice=True))
    return DraftingResult(highlight, drafts), problems


class _PendingHighlight(NamedTuple):
    highlight: Highlight
    label: str

    def overlaps(self, quote: str) -> bool:
        """Return whether the highlighted text contains `quote`, or vice versa."""
        mark = self.highlight.exact
        return bool(find_quote(quote, mark) or find_whole_words(mark, quote))

    def contains(self, quote: str) -> bool:
        """Return whether `quote` occurs in the highlighted text or its context."""
        return any(
            find_quote(quote, text) for text in list_evidence_texts(self.highlight)
        )


def _find_owner(
    item: ReplyCard,
    labelled: _PendingHighlight | None,
    pending: Iterable[_PendingHighlight],
) -> _PendingHighlight | None:
    """Return the highlight that a card is about, if any.

    The card's label is trusted unless the quote comes from another highlight, because
    labels may be missing, swapped, or left over from an older prompt.
    """
    letters = sum(map(len, split_quote_letters(item.quote)))
    if labelled and (not letters or labelled.overlaps(item.quote)):
        return labelled
    is_near_label = labelled is not None and labelled.contains(item.quote)
    if letters >= _MIN_RELIABLE_LETTERS:
        owners = []
        for candidate in pending:
            # a highlighted "on" is in many quotes
            is_long = len(candidate.highlight.exact) >= _MIN_RELIABLE_LETTERS
            if (is_long or not is_near_label) and candidate.overlaps(item.quote):
                owners.append(candidate)
        if len(owners) == 1:
            return owners[0]
    return labelled if is_near_label else None


# The maximum number of cards that are listed as moved to the highlight that they quote.
_MAX_MOVED_SHOWN = 3
_MAX_CARDS_PER_HIGHLIGHT = 20
_NOT_ASKED_HINT = "it was imported before, or nobody asked for it"
_NO_QUOTE_HINT = "ask the chat for the JSON only, with h and quote of each card"
# A quote of at least this many letters is more reliable than the label.
_MIN_RELIABLE_LETTERS = 12


def _make_unmatched_problem(
    item: ReplyCard, labelled: _PendingHighlight | None
) -> Problem:
    quote = _abbreviate_in_quotes(item.quote)
    if labelled:
        mark = _abbreviate_in_quotes(labelled.highlight.exact)
        return Problem(
            "", f"{_format_card_title(item)}: {mark} does not contain its quote {quote}"
        )
    missing = []
    if item.label:
        missing.append(f"its label {item.label!r}")
    if item.kind and item.quote:
        missing.append(f"its quote {quote}")
    if not missing:
        return Problem(
            "",
            f"{_format_card_title(item)}: it has neither a label nor a quote",
            _NO_QUOTE_HINT,
        )
    features = " or ".join(missing)
    reason = f"no highlight that still needs a card has {features}"
    return Problem("", f"{_format_card_title(item)}: {reason}", _NOT_ASKED_HINT)


def _format_card_title(item: ReplyCard) -> str:
    return _abbreviate_in_quotes(item.front or item.text or item.why_none)


def _abbreviate_in_quotes(words: str) -> str:
    return f"“{to_one_line(words, 60)}”"
