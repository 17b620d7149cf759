"""Draft cards with a language model on any OpenAI-compatible server.

The highlights of a document are sent in chunks, several at a time. A highlight that the reply
doesn't cover is sent again alone, and a chunk that is too long is halved. A highlight whose
replies can't be read gets no card until the user asks again.
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from math import ceil
from typing import NamedTuple

import msgspec

from ankiforge.draft.client import ItemReply, ModelClient, TooLongError
from ankiforge.draft.privacy import SendableTask, mark_as_sendable
from ankiforge.draft.prompt import (
    ModelRequest,
    Prompt,
    build_request,
    explain_no_allowed_kind,
    find_reply_shape,
    make_message,
)
from ankiforge.draft.reply import make_result
from ankiforge.draft.reply_cards import ReplyCard, is_empty_card_list, parse_cards
from ankiforge.draft.second_reading import (
    MAX_CARDS_PER_REQUEST,
    CardToCheck,
    build_second_reading_request,
    parse_verdicts,
)
from ankiforge.draft.server import BUDGET_SETTING, BudgetExceededError, Usage
from ankiforge.errors import BugError, ForgeError, ItemError, wrap_unexpected_errors
from ankiforge.model import (
    DraftingResult,
    DraftingStatus,
    Highlight,
    Origin,
    Problem,
    Value,
)
from ankiforge.text import format_cost, format_count

MAX_ORDERING_DELAY = 0.3
"""How many seconds a result waits for the results of earlier highlights."""
SHUTDOWN_TIMEOUT = 10.0
"""How many seconds to wait for pending replies if a run ends early."""
# Assumptions for estimates.
_BYTES_PER_TOKEN = 4
_TOKENS_OUT_PER_HIGHLIGHT = 80
_TOKENS_OUT_PER_SECOND_READING = 25


class Estimate(Value):
    """The estimated number, size and cost of the requests for a drafting run.

    It assumes 4 bytes per token, and 80 reply tokens per highlight. Reasoning tokens and
    retries aren't included.
    """

    highlights: int
    requests: int
    cached: int
    """How many highlights have a cached reply."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    is_local: bool = msgspec.field(default=False, name="local")
    """Whether the server is on this computer."""

    @property
    def summary(self) -> str:
        """The estimate as a one-line message for the user."""
        return self.summarize("highlight")

    def summarize(self, noun: str) -> str:
        """Format the estimate as a one-line message.

        `noun` is the word for what is sent, in the singular, e.g. "highlight".
        """
        cost = format_cost(self.cost_usd, local=self.is_local)
        if self.cost_usd is None:
            cost = "price unknown; set llm.price_usd"
        elif self.cost_usd:
            cost = f"about {cost}, without reasoning and second tries"
        return (
            f"{format_count(self.highlights, noun)}, {format_count(self.requests, 'request')}"
            f" ({self.cached} already answered)"
            f", about {self.tokens_in:,} tokens in, {self.tokens_out:,} out;"
            f" cost: {cost}"
        )


class ModelDrafter:
    """Drafts cards using a language model."""

    def __init__(
        self,
        client: ModelClient,
        prompt: Prompt,
        *,
        second_reading_prompt: Prompt | None = None,
    ) -> None:
        """Initialize the drafter, which sends nothing until a method needs the model.

        Args:
            client: The client. Before anything is sent, its `notice` is called with "sending to
                HOST".
            prompt: The prompt for drafting.
            second_reading_prompt: The prompt for checking the cards in a second reading, or None
                to skip the second reading.
        """
        self._client = client
        self._settings = client.settings
        self._prompt = prompt
        self._second_prompt = second_reading_prompt
        self._has_announced = False

    @property
    def host(self) -> str:
        """The server's host name, as shown to the user."""
        return self._settings.host

    @property
    def name(self) -> str:
        """The name of the model."""
        return self._settings.model

    @property
    def usage(self) -> Usage:
        """The requests, tokens and cost of the run so far."""
        return self._client.budget.usage

    def draft(self, tasks: Iterator[SendableTask]) -> Iterator[list[DraftingResult]]:
        """Yield the results of each request, in the order of the highlights.

        The order makes runs reproducible, because the same replies give the same cards. A result
        is only yielded out of order if an earlier reply takes over `MAX_ORDERING_DELAY` seconds
        longer.

        Raises:
            ServiceError: The server can't be reached, or rejects all requests.
            ConfigError: The key is missing.
            UsageError: `--offline` is set, but the server is on another computer.
        """
        slots = threading.Semaphore(self._settings.max_concurrent_requests)
        pending: list[_PendingResults] = []
        for task in tasks:
            not_sent = _list_results_without_request(task)
            if not_sent:
                yield not_sent
            cached_tasks, new_tasks = self._split_into_chunks(task)
            if new_tasks:
                self._announce_host()
            for chunk in (*cached_tasks, *new_tasks):
                pending.append(_draft_in_thread(slots, self._draft_chunk, chunk))
                while len(pending) > 2 * self._settings.max_concurrent_requests:
                    yield _pop_next_results(pending)
        while pending:
            yield _pop_next_results(pending)

    def _announce_host(self) -> None:
        self._client.check_can_send()
        if not self._has_announced:
            self._has_announced = True
            self._client.notice(f"sending to {self._settings.host}")

    @property
    def has_second_reading(self) -> bool:
        """Whether drafted cards are checked against their passages in a second reading."""
        return self._second_prompt is not None

    def find_contradictions(self, cards: Sequence[CardToCheck]) -> list[str | None]:
        """Ask the model whether each card's passage contradicts the card.

        Cached replies are reused.

        Returns:
            For each card, the statement that contradicts it, or None if there is none or the
            reply doesn't cover the card.

        Raises:
            ServiceError, ItemError: The server can't be reached or doesn't answer.
        """
        assert self._second_prompt is not None
        replies: dict[int, ItemReply] = {}
        """The reply about each card, by the card's index."""
        uncached = []
        for index, card in enumerate(cards):
            # the reply about a card is cached under the request that asks about it alone
            request = build_second_reading_request({"1": card}, self._second_prompt)
            cached = self._client.find_cached_reply(request)
            if cached is None:
                uncached.append(index)
            else:
                replies[index] = cached
        for start in range(0, len(uncached), MAX_CARDS_PER_REQUEST):
            self._announce_host()
            batch = uncached[start : start + MAX_CARDS_PER_REQUEST]
            labelled = {str(n): cards[index] for n, index in enumerate(batch, start=1)}
            request = build_second_reading_request(labelled, self._second_prompt)
            replies.update(zip(batch, self._client.request_replies(request), strict=True))
        contradictions = []
        for index in range(len(cards)):
            reply = replies[index]
            verdicts = parse_verdicts(reply.completion.content)
            contradictions.append(verdicts.get(str(reply.label)))
        return contradictions

    def request_reply(self, request: ModelRequest) -> str:
        """Return the content of the reply to a request, from the cache if possible.

        Raises:
            ServiceError, ItemError: The server can't be reached or doesn't answer.
            ConfigError: The key is missing.
            UsageError: `--offline` is set, but the server is on another computer.
        """
        [reply] = self._client.request_replies(request)
        return reply.completion.content

    def stop(self) -> None:
        """Stop sending requests, and wait at most `SHUTDOWN_TIMEOUT` seconds for pending replies.

        Replies that arrive in this time are cached, because they have to be paid for anyway.
        """
        self._client.stop(SHUTDOWN_TIMEOUT)

    def estimate_tasks(self, tasks: Iterable[SendableTask]) -> Estimate:
        """Estimate the size and cost of drafting `tasks`, without sending anything."""
        cached = 0
        highlights = 0
        requests: list[ModelRequest] = []
        for task in tasks:
            cached_tasks, new_tasks = self._split_into_chunks(task)
            cached += len(cached_tasks)
            for chunk in new_tasks:
                requests.append(build_request(chunk, self._prompt))
                highlights += len(chunk.highlights)
        return self.estimate_requests(requests, highlights, cached)

    def estimate_requests(
        self, requests: Sequence[ModelRequest], highlights: int, cached: int = 0
    ) -> Estimate:
        """Estimate the size and cost of requests, without sending anything.

        Args:
            requests: The requests whose replies are not cached.
            highlights: The number of passages that get a card.
            cached: The number of highlights with a cached reply.
        """
        byte_count = 0
        for request in requests:
            byte_count += len(json.dumps([request.messages, request.schema]).encode())
        tokens_in = byte_count // _BYTES_PER_TOKEN
        tokens_out = _TOKENS_OUT_PER_HIGHLIGHT * highlights
        request_count = len(requests)
        characters = sum(request.character_count for request in requests)
        # in the second reading, each passage is sent again together with its card
        if self._second_prompt is not None:
            second_requests = ceil(highlights / MAX_CARDS_PER_REQUEST)
            rule_characters = second_requests * len(self._second_prompt.system)
            tokens_in += (characters + rule_characters) // _BYTES_PER_TOKEN
            tokens_out += _TOKENS_OUT_PER_SECOND_READING * highlights
            request_count += second_requests
            characters *= 2
        return Estimate(
            highlights=highlights,
            requests=request_count,
            cached=cached,
            characters=characters,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_usd=self._settings.compute_cost(tokens_in, tokens_out),
            is_local=self._settings.is_local,
        )

    # --- chunks -----------------------------------------------------------------------

    def _split_into_chunks(
        self, task: SendableTask
    ) -> tuple[list[SendableTask], list[SendableTask]]:
        """Split a task into tasks whose reply is cached, and chunks to send to the server.

        Each of the cached tasks has one highlight. Both lists are empty if the task allows no
        kind of card.
        """
        cached_tasks: list[SendableTask] = []
        new_tasks: list[SendableTask] = []
        if explain_no_allowed_kind(task.task):
            return cached_tasks, new_tasks
        uncached: list[Highlight] = []
        for highlight in task.highlights:
            single = task.select_highlights(highlight)
            request = build_request(single, self._prompt)
            if (
                not request.item_requests
                and self._client.find_cached_reply(request) is not None
            ):
                cached_tasks.append(single)
            else:
                uncached.append(highlight)
        size = self._settings.highlights_per_request
        for start in range(0, len(uncached), size):
            new_tasks.append(task.select_highlights(*uncached[start : start + size]))
        return cached_tasks, new_tasks

    def _draft_chunk(
        self, chunk: SendableTask, *, ignore_cache: bool = False
    ) -> list[DraftingResult]:
        """Request cards for a chunk, and return one result per highlight, in order.

        A chunk that is too long is halved. Highlights for which the reply has no readable card
        are requested one by one. `ignore_cache` skips the lookup of cached replies.

        Raises:
            ServiceError, UsageError: No further request can succeed.
        """
        request = build_request(chunk, self._prompt)
        try:
            replies = self._client.request_replies(request, ignore_cache=ignore_cache)
        except TooLongError as error:
            if len(chunk.highlights) < 2:
                return _make_failed_results(chunk, error)
            return self._draft_in_halves(chunk)
        except ItemError as error:
            return _make_failed_results(chunk, error)

        results = []
        for highlight, reply in zip(chunk.highlights, replies, strict=True):
            single = chunk.select_highlights(highlight)
            cards = []
            if _get_refusal_reason(reply) is None:
                cards = _parse_cards(reply)
            if cards:
                results.append(self._make_result(single, cards, reply))
            else:
                results.append(self._draft_again(single, reply))
        return results

    def _draft_in_halves(self, chunk: SendableTask) -> list[DraftingResult]:
        highlights = chunk.highlights
        middle = len(highlights) // 2
        results = []
        for half in (highlights[:middle], highlights[middle:]):
            results += self._draft_chunk(chunk.select_highlights(*half))
        return results

    def _draft_again(self, single: SendableTask, reply: ItemReply) -> DraftingResult:
        """Ask again about a highlight for which a reply has no readable card."""
        if reply.item_count > 1:
            [result] = self._draft_chunk(single, ignore_cache=True)
            return result
        try:
            return self._retry_unreadable(single, reply)
        except ItemError as error:
            [result] = _make_failed_results(single, error)
            return result

    def _retry_unreadable(self, single: SendableTask, reply: ItemReply) -> DraftingResult:
        """Ask again about a highlight whose reply couldn't be parsed, unless that can't help."""
        [highlight] = single.highlights
        content = reply.completion.content
        refusal = _get_refusal_reason(reply)
        if refusal is not None:
            return DraftingResult(
                highlight, status=DraftingStatus.NO_CARD, reason=refusal
            )
        if reply.is_truncated or reply.completion.is_empty:
            # the next reply would be cut off or empty, too
            return self._make_result_if_readable(single, reply)
        if is_empty_card_list(content):
            return DraftingResult(
                highlight, status=DraftingStatus.NO_CARD, reason=_EMPTY_CARD_LIST
            )
        assistant_text = single.mask_text(content[:2_000] or "(nothing)")
        request = build_request(single, self._prompt).append_messages(
            make_message("assistant", assistant_text),
            make_message("user", mark_as_sendable(_RETRY_INSTRUCTION)),
        )
        [second_reply] = self._client.request_replies(request)
        return self._make_result_if_readable(single, second_reply)

    def _make_result_if_readable(
        self, single: SendableTask, reply: ItemReply
    ) -> DraftingResult:
        """Make the result of a highlight's last reply, which may have no readable card."""
        cards = _parse_cards(reply)
        if cards:
            return self._make_result(single, cards, reply)
        [highlight] = single.highlights
        return _make_unreadable_result(highlight, reply)

    def _make_result(
        self, single: SendableTask, cards: list[ReplyCard], reply: ItemReply
    ) -> DraftingResult:
        origin = Origin("llm", self.name, self._prompt.fingerprint, reply.cache_key)
        [highlight] = single.highlights
        return make_result(highlight, cards, origin, find_reply_shape(single.task))


def _list_results_without_request(task: SendableTask) -> list[DraftingResult]:
    """List the results of the highlights that aren't sent.

    These are the withheld ones or, if the task allows no kind of card, all of them. The latter
    reason is temporary, because it depends on the settings.
    """
    missing_kind = explain_no_allowed_kind(task.task)
    results = []
    for highlight in task.task.highlights:
        if highlight.key in task.withheld:
            results.append(task.withheld[highlight.key])
        elif missing_kind:
            results.append(
                DraftingResult(
                    highlight,
                    status=DraftingStatus.NO_CARD,
                    reason=missing_kind,
                    should_retry=True,
                )
            )
    return results


_RETRY_INSTRUCTION = "That could not be read. Answer with the JSON only."
_EMPTY_CARD_LIST = "the model answered with an empty list of cards"
_RERUN_COMMAND = "ankiforge draft --again"


def _make_unreadable_result(highlight: Highlight, reply: ItemReply) -> DraftingResult:
    """Create the result for a highlight whose reply could not be parsed.

    The problem is reported only once. The request isn't repeated until the user asks for it,
    because the model would give a similar reply again.
    """
    fault = describe_unreadable_reply(reply)
    reason = (
        f"{fault.message}; ask again with: {_RERUN_COMMAND} {shlex.quote(highlight.key)}"
    )
    problem = None
    if not reply.is_cached:
        ids_hint = f"{_RERUN_COMMAND} ID   ids: ankiforge list   or --no-card"
        problem = Problem(
            highlight.document.title or highlight.document.key,
            f"not drafted: {fault.description}",
            f"{fault.remedy}; then {ids_hint}",
            is_reported_once=True,
        )
    return DraftingResult(
        highlight, status=DraftingStatus.NO_CARD, reason=reason, problem=problem
    )


class ReplyFault(NamedTuple):
    """Why a reply could not be parsed."""

    message: str
    description: str
    """The message, with the beginning of the reply."""
    remedy: str
    """What the user can do about it."""


def describe_unreadable_reply(reply: ItemReply) -> ReplyFault:
    """Describe why no card can be parsed from a reply, and what to do about it."""
    completion = reply.completion
    if reply.is_truncated:
        message = "the model's answer was cut off before its first card"
        remedy = (
            "raise max_completion_tokens in llm.extra_body, or turn the model's thinking"
            f" off; {_CONTEXT_REMEDY}"
        )
        return ReplyFault(message, message, remedy)
    message = "the model's answer could not be read"
    if completion.has_only_reasoning:
        remedy = "turn the model's thinking off, or try another model"
        return ReplyFault(message, f"{message}: it has reasoning only", remedy)
    content = " ".join(completion.content.split())[:80]
    if not content:
        message = "the model answered nothing"
        return ReplyFault(message, message, f"try another model; {_CONTEXT_REMEDY}")
    return ReplyFault(message, f"{message}: {content!r}", "try another model")


_CONTEXT_REMEDY = "or the context window is full: load the model with a larger one"


def _make_failed_results(task: SendableTask, error: ForgeError) -> list[DraftingResult]:
    """Build a failed result with the error's message for each highlight of a task."""
    title = task.task.document.title or task.task.document.key
    problem = Problem(title, f"not drafted: {error.message}", error.hint)
    if isinstance(error, BudgetExceededError):
        problem = Problem(BUDGET_SETTING, error.message, error.hint)
    return [
        DraftingResult(
            highlight, status=DraftingStatus.FAILED, reason=error.message, problem=problem
        )
        for highlight in task.highlights
    ]


def _parse_cards(reply: ItemReply) -> list[ReplyCard]:
    """Parse the cards in a reply that are about its item.

    If the reply was cut off, the item with the last label has no cards, because some of them may
    be missing. A reply about a single item keeps its cards.
    """
    label = str(reply.label)
    all_labels = tuple(str(number) for number in range(1, reply.item_count + 1))
    cards = parse_cards(reply.completion.content, all_labels)
    labels = list(dict.fromkeys(card.label for card in cards))
    if reply.is_truncated and len(labels) > 1 and labels[-1] == label:
        return []
    return [card for card in cards if card.label == label]


def _get_refusal_reason(reply: ItemReply) -> str | None:
    """Return why the model or the server gives no answer, or None if there is one."""
    if reply.completion.refusal:
        return f"the model refused: {' '.join(reply.completion.refusal.split())[:200]}"
    if reply.completion.finish_reason == "content_filter":
        return "the server's content filter refused it"
    return None


# --- concurrent requests --------------------------------------------------------------

_PendingResults = Future[list[DraftingResult]]


def _pop_next_results(pending: list[_PendingResults]) -> list[DraftingResult]:
    """Wait for the results of the first pending chunk, and remove the chunk from the list.

    If this takes over `MAX_ORDERING_DELAY` seconds, use the first chunk that is finished instead.
    """
    while True:
        wait(pending[:1], MAX_ORDERING_DELAY)
        for index, future in enumerate(pending):
            if future.done():
                del pending[index]
                return future.result()


def _draft_in_thread(
    slots: threading.Semaphore,
    draft: Callable[[SendableTask], list[DraftingResult]],
    chunk: SendableTask,
) -> _PendingResults:
    """Draft a chunk in a daemon thread, and return a future for its results.

    A standard thread pool would keep the program from exiting, even on Ctrl-C, until the
    server has answered.
    """
    future: _PendingResults = Future()

    def run() -> None:
        try:
            with slots, wrap_unexpected_errors():
                future.set_result(draft(chunk))
        except BugError as error:
            future.set_result(_make_failed_results(chunk, error))
        except BaseException as error:  # noqa: BLE001  (re-raised by `result()`)
            future.set_exception(error)

    threading.Thread(target=run, name="draft", daemon=True).start()
    return future
