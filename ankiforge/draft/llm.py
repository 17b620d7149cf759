"""The drafter that asks a language model through any OpenAI-compatible server.

The highlights of a document are sent in chunks, several requests at a time: see
`conversation`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from math import ceil
from typing import NamedTuple

from ankiforge.draft.client import Client, ModelAnswer
from ankiforge.draft.conversation import Conversation
from ankiforge.draft.prompt import (
    ModelRequest,
    Prompt,
    question,
    reason_no_kind_fits,
)
from ankiforge.draft.reply import Repair, all_failed
from ankiforge.draft.second_reading import MOST, CardToRead, request_for, verdicts_in
from ankiforge.draft.sendable import SendableTask
from ankiforge.draft.server import Usage
from ankiforge.errors import BugError, one_item
from ankiforge.model import Drafted, Highlight, Value
from ankiforge.text import cost_text, counted

PATIENCE_S = 0.3
"""How long a result waits for the results of earlier highlights."""
GRACE_S = 10.0
"""How long to wait for pending replies when a run ends early."""
# For estimates.
_BYTES_PER_TOKEN = 4
_TOKENS_OUT = 80
_TOKENS_OUT_AGAIN = 25


class Estimate(Value):
    """The size of the requests that drafting takes.

    Tokens are estimated: 4 bytes each, and 80 out for a highlight. Reasoning tokens, and cards that
    are asked about again, are not included.
    """

    highlights: int
    requests: int
    cached: int
    """Highlights whose replies are kept."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    local: bool = False
    """Whether the server is on this machine."""

    @property
    def said(self) -> str:
        """All of it in a line."""
        return self.told("highlight")

    def told(self, what: str) -> str:
        """Return the estimate in a line; `what` is the noun for its highlights."""
        cost = cost_text(self.cost_usd, local=self.local)
        if self.cost_usd is None:
            cost = "price unknown; set llm.price_usd"
        elif self.cost_usd:
            cost = f"about {cost}, without reasoning and second tries"
        return (
            f"{counted(self.highlights, what)}, {counted(self.requests, 'request')}"
            f" ({self.cached} already answered)"
            f", about {self.tokens_in:,} tokens in, {self.tokens_out:,} out;"
            f" cost: {cost}"
        )


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        client: Client,
        prompt: Prompt,
        *,
        repair: Repair | None = None,
        second: Prompt | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            client: the server and the replies that are kept; its notice receives "sending to
                HOST" before anything is sent.
            prompt: the prompt.
            repair: returns what blocks a draft; such a draft goes back to the model once.
            second: the prompt of the second reading; None = there is none.
        """
        self._client = client
        self._settings = client.settings
        self._prompt = prompt
        self._second = second
        self._conversation = Conversation(client, prompt, repair)
        self._has_announced = False

    @property
    def host(self) -> str:
        """Return the server's host for display."""
        return self._settings.host

    @property
    def name(self) -> str:
        """Return the name of the model."""
        return self._settings.model

    @property
    def usage(self) -> Usage:
        """Return the usage so far."""
        return self._client.budget.usage

    def draft(self, tasks: Iterator[SendableTask]) -> Iterator[list[Drafted]]:
        """Yield the results of each request.

        They are in the order of the highlights, so that equal replies give equal cards;
        but a slow reply delays the results after it by no more than `PATIENCE_S`.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        slots = threading.Semaphore(self._settings.threads)
        pending: list[_Pending] = []
        for task in tasks:
            # the highlights that are not sent; a reason by the settings, which may change, passes
            reason = reason_no_kind_fits(task.task)
            not_sent: list[Drafted] = []
            for highlight in task.task.highlights:
                if highlight.key in task.withheld:
                    not_sent.append(task.withheld[highlight.key])
                elif reason:
                    not_sent.append(Drafted(highlight, reason=reason, passing=True))
            if not_sent:
                yield not_sent

            chunks = self._chunks(task)
            if chunks.new:
                self._announce()
            for chunk in (*chunks.kept, *chunks.new):
                future = _in_thread(slots, self._conversation.draft, chunk)
                pending.append(future)
                while len(pending) > 2 * self._settings.threads:
                    yield _next(pending)
        while pending:
            yield _next(pending)

    def _announce(self) -> None:
        """Check that something may be sent, and say once where it goes."""
        self._client.prepare()
        if not self._has_announced:
            self._has_announced = True
            self._client.notice(f"sending to {self._settings.host}")

    @property
    def reads_again(self) -> bool:
        """Whether a person agreed that it reads its cards a second time."""
        return self._second is not None

    def read_again(self, cards: Sequence[CardToRead]) -> list[str | None]:
        """Return for each card the statement of its passage that contradicts it; "" if none does.

        None: the reply leaves it out. What was asked before is not asked again.

        Raises:
            ServiceError, ItemError: the server is not there, or answers nothing.
        """
        assert self._second is not None
        answers: dict[int, ModelAnswer] = {}
        for place, card in enumerate(cards):
            known = self._client.known(request_for([card], self._second))
            if known:
                answers[place] = known
        new = [place for place in range(len(cards)) if place not in answers]
        for start in range(0, len(new), MOST):
            self._announce()
            batch = new[start : start + MOST]
            request = request_for([cards[place] for place in batch], self._second)
            answers.update(zip(batch, self._client.ask(request), strict=True))
        verdicts = []
        for place in range(len(cards)):
            answer = answers[place]
            said = verdicts_in(answer.completion.content)
            verdicts.append(said.get(str(answer.label)))
        return verdicts

    def reply(self, question: ModelRequest) -> str:
        """Return the reply to one question, a kept one if it was asked before.

        Raises:
            ServiceError, ItemError: the server is not there, or answers nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        [answer] = self._client.ask(question)
        return answer.completion.content

    def leave(self) -> None:
        """Send nothing more; a pending reply, which may be paid for, is kept if it arrives soon."""
        self._client.stop(GRACE_S)

    def estimate(self, tasks: Iterable[SendableTask]) -> Estimate:
        """Return the size of the requests that these tasks take; send nothing."""
        cached = 0
        highlights = 0
        questions: list[ModelRequest] = []
        for task in tasks:
            chunks = self._chunks(task)
            cached += len(chunks.kept)
            for chunk in chunks.new:
                questions.append(question(chunk, self._prompt))
                highlights += len(chunk.highlights)
        return self.size_of(questions, highlights, cached)

    def size_of(
        self, questions: Sequence[ModelRequest], highlights: int, cached: int = 0
    ) -> Estimate:
        """Return the size of some requests; send nothing.

        Args:
            questions: the requests, but for those that are answered.
            highlights: how many passages get a card.
            cached: how many requests are answered already.
        """
        size = 0
        for each in questions:
            size += len(json.dumps([each.messages, each.schema]).encode())
        tokens_in = size // _BYTES_PER_TOKEN
        tokens_out = _TOKENS_OUT * highlights
        requests = len(questions)
        characters = sum(each.characters for each in questions)
        if self._second is not None:  # each passage again, with its card
            further = ceil(highlights / MOST)
            rules = further * len(self._second.system)
            tokens_in += (characters + rules) // _BYTES_PER_TOKEN
            tokens_out += _TOKENS_OUT_AGAIN * highlights
            requests += further
            characters *= 2
        return Estimate(
            highlights=highlights,
            requests=requests,
            cached=cached,
            characters=characters,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_usd=self._settings.cost(tokens_in, tokens_out),
            local=self._settings.local,
        )

    # --- chunks -----------------------------------------------------------------------

    def _chunks(self, task: SendableTask) -> _Chunks:
        """Return the parts of a task that are asked about together."""
        if reason_no_kind_fits(task.task):
            return _Chunks([], [])
        kept: list[SendableTask] = []
        new: list[SendableTask] = []
        rest: list[Highlight] = []
        for highlight in task.highlights:
            alone = task.only(highlight)
            asked = question(alone, self._prompt)
            if not asked.parts and self._client.known(asked) is not None:
                kept.append(alone)
            else:
                rest.append(highlight)
        size = self._settings.batch
        for start in range(0, len(rest), size):
            new.append(task.only(*rest[start : start + size]))
        return _Chunks(kept, new)


class _Chunks(NamedTuple):
    """Parts of a task."""

    kept: list[SendableTask]
    """Single highlights about which nothing is to be sent."""
    new: list[SendableTask]
    """The tasks that are asked about together."""


# --- several requests at a time -------------------------------------------------------

_Pending = Future[list[Drafted]]


def _next(pending: list[_Pending]) -> list[Drafted]:
    """Take the results of the first chunk; if it takes a while, of the first one that is done."""
    while True:
        wait(pending[:1], PATIENCE_S)
        for place, future in enumerate(pending):
            if future.done():
                del pending[place]
                return future.result()


def _in_thread(
    slots: threading.Semaphore,
    draft: Callable[[SendableTask], list[Drafted]],
    chunk: SendableTask,
) -> _Pending:
    """Draft a chunk in a thread that ends with the program, however long a server takes to answer.

    The interpreter waits for the pools of the standard library when it exits, so Ctrl-C
    would hang.
    """
    future: _Pending = Future()

    def work() -> None:
        try:
            with slots, one_item():
                future.set_result(draft(chunk))
        except BugError as error:
            future.set_result(all_failed(chunk, error))
        except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
            future.set_exception(error)

    threading.Thread(target=work, name="draft", daemon=True).start()
    return future
