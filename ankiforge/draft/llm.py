"""The drafter that asks a language model through any OpenAI-compatible server.

The highlights of a document are sent in chunks, several requests at a time: see
`conversation`. With `verify`, the model compares the cards with their passages in a
second look.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait

from ankiforge.draft.client import Client
from ankiforge.draft.conversation import Conversation
from ankiforge.draft.drafted import DraftedHighlight, DraftedHighlights, Repair, drafted
from ankiforge.draft.prompt import (
    CARDS,
    Prompt,
    Question,
    barred,
    look_question,
    question,
)
from ankiforge.draft.replies import Replies
from ankiforge.draft.reply import verdicts
from ankiforge.draft.sendable import SendableCard, SendableTask
from ankiforge.draft.server import ServerSettings, Usage
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.model import Drafted, Finding, Highlight, NoCard, Problem, Value
from ankiforge.text import counted

Notice = Callable[[str], None]
"""Receives a line about what is about to leave the machine."""
PATIENCE_S = 0.3
"""How long a result waits for the results of earlier highlights."""
GRACE_S = 10.0
"""How long to wait for pending replies when a run ends early."""
# For estimates.
_BYTES_PER_TOKEN = 4
_TOKENS_OUT = 80


class Estimate(Value):
    """What drafting would send. Tokens are estimated: 4 bytes each, and 80 out for a highlight.

    Reasoning tokens, and cards that are asked about again, are not included.
    """

    highlights: int
    requests: int
    cached: int
    """Highlights whose replies are kept."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        prompt: Prompt,
        *,
        repair: Repair | None = None,
        notice: Notice | None = None,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Nothing is sent yet.

        Args:
            settings: server, model, limits.
            replies: the replies that are kept.
            prompt: the prompt.
            repair: returns what blocks a draft; such a draft goes back to the model once.
            notice: receives "43 highlights, 9,812 characters to HOST" before a document
                is sent.
            offline: connect only to a server on this machine.
            fresh: ask even if replies are kept, because a person asks again.
        """
        self._settings = settings
        self._prompt = prompt
        self._notice = notice
        self._client = Client(settings, replies, offline=offline, fresh=fresh)
        self._conversation = Conversation(self._client, prompt, repair)

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._client.budget.usage

    def draft(self, tasks: Iterator[SendableTask]) -> Iterator[Drafted]:
        """Yield a result for each request.

        They are in the order of the highlights, so that equal replies give equal cards;
        but a slow reply delays the results after it by no more than `PATIENCE_S`.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        slots = threading.Semaphore(self._settings.threads)
        pending: list[_Pending] = []
        for task in tasks:
            kept, new = self._chunks(task)
            not_sent = _not_sent(task)
            if not_sent:
                yield not_sent
            self._announce_chunks(new)
            for chunk in (*kept, *new):
                future = _in_thread(slots, self._conversation.draft, chunk)
                pending.append((chunk, future))
                while len(pending) > 2 * self._settings.threads:
                    yield _next(pending)
        while pending:
            yield _next(pending)

    def leave(self) -> None:
        """Send nothing more; a pending reply, which may be paid for, is kept if it arrives soon."""
        self._client.stop(GRACE_S)

    def estimate(self, tasks: Iterable[SendableTask]) -> Estimate:
        """Return what drafting these tasks would send; send nothing."""
        cached = 0
        new: list[SendableTask] = []
        for task in tasks:
            kept, chunks = self._chunks(task)
            cached += len(kept)
            new += chunks
        questions = [question(chunk, self._prompt) for chunk in new]
        tokens_in = sum(map(_bytes_of, questions)) // _BYTES_PER_TOKEN
        highlights = sum(len(chunk.highlights) for chunk in new)
        tokens_out = _TOKENS_OUT * highlights
        return Estimate(
            highlights=highlights,
            requests=len(new),
            cached=cached,
            characters=sum(asked.characters for asked in questions),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_usd=self._settings.cost(tokens_in, tokens_out),
        )

    # --- chunks -----------------------------------------------------------------------

    def _chunks(self, task: SendableTask) -> tuple[list[SendableTask], list[SendableTask]]:
        """Return what is asked about together: whose replies are kept, and the rest."""
        if barred(task.task):
            return [], []
        kept: list[SendableTask] = []
        rest: list[Highlight] = []
        for highlight in task.highlights:
            alone = task.only(highlight)
            if self._client.known(question(alone, self._prompt)):
                kept.append(alone)
            else:
                rest.append(highlight)
        new: list[SendableTask] = []
        size = self._settings.batch
        for start in range(0, len(rest), size):
            new.append(task.only(*rest[start : start + size]))
        return kept, new

    def _announce_chunks(self, chunks: list[SendableTask]) -> None:
        """Tell what will be sent about a document, after checking that it may be sent."""
        if not chunks:
            return
        self._client.prepare()
        if self._notice:
            highlights = sum(len(chunk.highlights) for chunk in chunks)
            characters = sum(question(chunk, self._prompt).characters for chunk in chunks)
            self._tell(counted(highlights, "highlight"), characters)

    def _tell(self, what: str, characters: int) -> None:
        if self._notice:
            self._notice(f"{what}, {characters:,} characters to {self._settings.host}")

    # --- a second look ----------------------------------------------------------------

    def verify(
        self,
        cards: Sequence[SendableCard],
    ) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """Yield the ids of drafts with what the model finds, comparing them with their passages.

        Drafts whose verdict is missing or unreadable are left out, and not asked about
        again.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        kept = []
        new = []
        for card in cards:
            answer = self._client.known(look_question([("1", card)]))
            if answer:
                kept.append((card, answer))
            else:
                new.append(card)
        for card, answer in kept:
            self._client.budget.count_cached()
            findings = verdicts(answer.completion.content).get(str(answer.label))
            if findings:
                yield card.id, findings
        for start in range(0, len(new), CARDS):
            yield from self._compare(new[start : start + CARDS])

    def _compare(
        self,
        cards: Sequence[SendableCard],
    ) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """Ask about cards in one request, and yield what it finds of those that it answers."""
        labelled = [(str(number), card) for number, card in enumerate(cards, start=1)]
        asked = look_question(labelled)
        self._client.prepare()
        self._tell(f"{counted(len(cards), 'card')} to compare", asked.characters)
        try:
            [answer, *_] = self._client.ask(asked, anew=True)
        except ItemError:  # the next run tries it
            return
        read = verdicts(answer.completion.content)
        for label, card in labelled:
            if label in read:
                yield card.id, read[label]


def _bytes_of(asked: Question) -> int:
    """Return the size of a question as it is sent, in bytes."""
    return len(json.dumps([asked.messages, asked.schema]).encode())


def _not_sent(task: SendableTask) -> Drafted | None:
    """Return the result for the highlights of a task that are not sent; None if all are."""
    reason = barred(task.task)  # it is not recorded, because it depends on the settings
    not_sent: list[Highlight] = []
    results: DraftedHighlights = {}
    for highlight in task.task.highlights:
        key = highlight.key
        if key in task.withheld:
            not_sent.append(highlight)
        elif reason:
            not_sent.append(highlight)
            results[key] = DraftedHighlight(no_card=NoCard(key, reason, passing=True))
    return drafted(task.only(*not_sent), results) if not_sent else None


# --- several requests at a time -------------------------------------------------------

_Pending = tuple[SendableTask, Future[DraftedHighlights]]


def _next(pending: list[_Pending]) -> Drafted:
    """Take the result of the first chunk; if it takes a while, of the first one that is done."""
    while True:
        _, first = pending[0]
        wait([first], PATIENCE_S)
        for place, (chunk, future) in enumerate(pending):
            if future.done():
                del pending[place]
                return drafted(chunk, future.result())


def _in_thread(
    slots: threading.Semaphore,
    draft: Callable[[SendableTask], DraftedHighlights],
    chunk: SendableTask,
) -> Future[DraftedHighlights]:
    """Draft a chunk in a thread that ends with the program, however long a server takes to answer.

    The interpreter waits for the pools of the standard library when it exits, so Ctrl-C
    would hang.
    """
    future: Future[DraftedHighlights] = Future()

    def work() -> None:
        try:
            with slots, one_item():
                future.set_result(draft(chunk))
        except BugError as error:
            problem = Problem("", error.message, error.hint)
            failed = DraftedHighlight(problem=problem)
            future.set_result({highlight.key: failed for highlight in chunk.highlights})
        except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
            future.set_exception(error)

    threading.Thread(target=work, name="draft", daemon=True).start()
    return future
