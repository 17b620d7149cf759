"""Ask a model about a few highlights from one document, repeatedly if necessary.

A highlight that the reply doesn't cover is sent again on its own, and a chunk that is too long is
halved. A highlight whose replies can't be read gets no card until the user asks again.
"""

from __future__ import annotations

import shlex

from ankiforge.draft.client import ItemReply, ModelClient, TooLongError
from ankiforge.draft.privacy import SendableTask, mark_as_sendable
from ankiforge.draft.prompt import Prompt, build_request, find_reply_shape, make_message
from ankiforge.draft.reply import (
    ReplyCard,
    build_drafts,
    is_empty_card_list,
    make_failed_results,
    make_undrafted_problem,
    make_undrafted_result,
    parse_cards,
)
from ankiforge.errors import ItemError
from ankiforge.model import DraftingResult, Highlight, Origin

UNREADABLE_REPLY = "the model's answer could not be read"
TRUNCATED_REPLY = "the model's answer was cut off before its first card"
EMPTY_REPLY = "the model answered nothing"
EMPTY_CARD_LIST = "the model answered with an empty list of cards"
RERUN_COMMAND = "ankiforge draft --again"


class Conversation:
    """Asks a model about chunks of highlights, sending one request per chunk. Thread-safe."""

    def __init__(self, client: ModelClient, prompt: Prompt) -> None:
        """Initialize the conversation. Nothing is sent until `draft_chunk` is called."""
        self._client = client
        self._prompt = prompt

    def draft_chunk(self, chunk: SendableTask) -> list[DraftingResult]:
        """Draft cards for a chunk and return one result per highlight, in order.

        Raises:
            ServiceError, UsageError: the run can't continue.
        """
        by_key = {result.highlight.key: result for result in self._request_results(chunk)}
        return [by_key[highlight.key] for highlight in chunk.highlights]

    def _request_results(
        self, chunk: SendableTask, *, anew: bool = False
    ) -> list[DraftingResult]:
        """Ask about all highlights at once, then individually about any that the reply misses.

        If `anew` is set, cached replies are ignored.
        """
        highlights = chunk.highlights
        try:
            answers = self._client.request_replies(
                build_request(chunk, self._prompt), anew=anew
            )
        except TooLongError as error:
            if len(highlights) < 2:
                return make_failed_results(chunk, error)
            middle = len(highlights) // 2
            first_half = self._request_results(
                chunk.select_highlights(*highlights[:middle])
            )
            return first_half + self._request_results(
                chunk.select_highlights(*highlights[middle:])
            )
        except ItemError as error:
            return make_failed_results(chunk, error)
        results: list[DraftingResult] = []
        unreadable = []
        for highlight, answer in zip(highlights, answers, strict=True):
            cards = [] if _get_refusal_reason(answer) else _parse_cards(answer)
            single = chunk.select_highlights(highlight)
            if cards:
                results.append(self._make_result(single, cards, answer))
            else:
                unreadable.append((single, answer))
        for single, answer in unreadable:
            if answer.item_count > 1:
                results += self._request_results(single, anew=True)
                continue
            try:
                results.append(self._retry_unreadable(single, answer))
            except ItemError as error:
                results += make_failed_results(single, error)
        return results

    def _retry_unreadable(
        self, single: SendableTask, answer: ItemReply
    ) -> DraftingResult:
        """Ask again about a highlight whose reply was unreadable, unless that's pointless."""
        [highlight] = single.highlights
        refusal = _get_refusal_reason(answer)
        if refusal:
            return DraftingResult(highlight, reason=refusal)
        if not (answer.is_truncated or _is_empty_reply(answer)):
            if is_empty_card_list(answer.completion.content):
                return DraftingResult(highlight, reason=EMPTY_CARD_LIST)
            assistant_text = single.mask_text(
                answer.completion.content[:2_000] or "(nothing)"
            )
            instruction = mark_as_sendable(
                "That could not be read. Answer with the JSON only."
            )
            exchange = (
                make_message("assistant", assistant_text),
                make_message("user", instruction),
            )
            request = build_request(single, self._prompt)
            [answer] = self._client.request_replies(request.append_messages(*exchange))
        cards = _parse_cards(answer)
        if cards:
            return self._make_result(single, cards, answer)
        return _make_unreadable_result(highlight, answer)

    def _make_result(
        self,
        single: SendableTask,
        cards: list[ReplyCard],
        answer: ItemReply,
    ) -> DraftingResult:
        [highlight] = single.highlights
        origin = Origin(
            drafter="llm",
            model=self._client.settings.model,
            prompt=self._prompt.fingerprint,
            request=answer.cache_key,
        )
        shape = find_reply_shape(single.task)
        drafts = build_drafts(cards, highlight, origin, shape)
        if drafts:
            return DraftingResult(highlight, drafts)
        return make_undrafted_result(highlight, cards, shape)


def _make_unreadable_result(highlight: Highlight, answer: ItemReply) -> DraftingResult:
    """Create the result for a highlight whose reply could not be parsed.

    The problem is reported only once, and the model is only asked again if the user
    requests it.
    """
    description = _describe_unreadable(answer)
    message = description.partition(":")[0]
    hint = "try another model"
    if answer.is_truncated:
        hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
    elif answer.completion.has_only_reasoning:
        hint = "turn the model's thinking off, or try another model"
    if answer.is_truncated or _is_empty_reply(answer):
        hint += "; or the context window is full: load the model with a larger one"
    reason = f"{message}; ask again with: {RERUN_COMMAND} {shlex.quote(highlight.key)}"
    problem = None
    if not answer.is_cached:
        hint = f"{hint}; then {RERUN_COMMAND} ID, ids: ankiforge list --view new, or --no-card"
        problem = make_undrafted_problem(highlight.document, description, hint, once=True)
    return DraftingResult(highlight, reason=reason, problem=problem)


def _describe_unreadable(answer: ItemReply) -> str:
    if answer.is_truncated:
        return TRUNCATED_REPLY
    content = " ".join(answer.completion.content.split())[:80]
    if content:
        return f"{UNREADABLE_REPLY}: {content!r}"
    if answer.completion.has_only_reasoning:
        return f"{UNREADABLE_REPLY}: it has reasoning only"
    return EMPTY_REPLY


def _is_empty_reply(answer: ItemReply) -> bool:
    completion = answer.completion
    return not (completion.content.strip() or completion.has_only_reasoning)


def _parse_cards(answer: ItemReply) -> list[ReplyCard]:
    """Parse a reply and return the cards for the item with its label.

    If the reply is truncated, the cards for the last label may be incomplete, so they're
    dropped unless they're the only ones.
    """
    label = str(answer.label)
    all_labels = tuple(str(number) for number in range(1, answer.item_count + 1))
    cards = parse_cards(answer.completion.content, all_labels)
    labels = list(dict.fromkeys(item.label for item in cards))
    if answer.is_truncated and len(labels) > 1 and labels[-1] == label:
        return []
    return [item for item in cards if item.label == label]


def _get_refusal_reason(answer: ItemReply) -> str:
    if answer.completion.refusal:
        return f"the model refused: {' '.join(answer.completion.refusal.split())[:200]}"
    if answer.completion.finish_reason == "content_filter":
        return "the server's content filter refused it"
    return ""
