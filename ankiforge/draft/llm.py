"""The drafter that asks a language model, by any OpenAI-compatible server.

Requests of several documents are under way at a time; results come in the order of the tasks.
Every reply is remembered before it is read, so whatever stops a run, the next one goes on and
pays for nothing twice.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace

from ankiforge.domain import Drafted, Task
from ankiforge.draft import Replies
from ankiforge.draft.asking import Desk, Usage
from ankiforge.draft.crew import Crew
from ankiforge.draft.dialogue import Dialogue, Outcome, Repair, drafted, joined
from ankiforge.draft.prompt import Prompt
from ankiforge.draft.requests import Chunk, body, canonical, characters, chunks
from ankiforge.draft.server import Server
from ankiforge.draft.settings import ServerSettings

Notice = Callable[[str], None]
"""Told what is about to leave the machine."""
GRACE = 1.5
"""Seconds a reply under way is waited for when a person stops the run."""
_Pending = tuple[Task, list[Future[Outcome]]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What drafting would send. Tokens are guessed: 4 characters each, 80 out a highlight."""

    highlights: int
    requests: int
    cached: int
    """Requests whose replies are remembered."""
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
        sending: bool = True,
    ) -> None:
        """Nothing is sent yet.

        Args:
            settings: server, model, limits.
            replies: where replies are remembered.
            prompt: the words.
            repair: says what blocks a draft; such a draft goes back to the model once.
            notice: told "43 highlights, 9,812 characters to HOST" before a document is sent.
            offline: no server but one on this machine.
            fresh: ask although replies are remembered (a person asks again).
            sending: False = results hold only what remembered replies answer.
        """
        self._settings = settings
        self._repair = repair
        self._notice = notice if sending else None
        self._sending = sending
        self._stop = threading.Event()
        self._server = Server(settings, self._stop)
        self._fresh = fresh
        self._replies = replies
        self._desk = Desk(
            settings, prompt, replies, self._server, offline=offline, fresh=fresh, sending=sending
        )
        self._dialogue = Dialogue(self._desk, repair)

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return self._desk.usage

    def from_memory(self) -> Model:
        """The same model, answering from remembered replies alone: sends nothing.

        Its results leave out highlights, and tasks, whose replies are not known.
        """
        return Model(
            self._settings, self._replies, self._desk.prompt, repair=self._repair, sending=False
        )

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one result per task, in order; for one run only.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        results = self._worked(tasks)
        yield from results if self._sending else _answered(results)

    def _worked(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        crew = Crew(self._settings.threads, self._dialogue.about)
        window: deque[_Pending] = deque()
        patience = None  # what is under way is waited for: it is paid, and must be remembered
        try:
            for task in tasks:
                window.append((task, self._given(crew, task)))
                while window and (self._full(window) or _done(window[0])):
                    yield _gathered(*window.popleft())
            while window:
                yield _gathered(*window.popleft())
        except (KeyboardInterrupt, GeneratorExit):
            patience = GRACE
            raise
        finally:
            self._stop.set()
            if crew.dismiss(patience):
                self._server.close()

    def _given(self, crew: Crew[Chunk, Outcome], task: Task) -> list[Future[Outcome]]:
        parts = list(chunks(task, self._settings.batch, self._known))
        self._announce(parts)
        return [crew.give(chunk) for chunk in parts]

    def _announce(self, parts: list[Chunk]) -> None:
        new = [chunk for chunk in parts if not self._known(chunk)]
        if self._sending and new:
            self._desk.prepare()
        if self._notice and new:
            marked = sum(len(chunk.highlights) for chunk in new)
            letters = sum(characters(self._body(chunk)) for chunk in new)
            passages = "1 highlight" if marked == 1 else f"{marked:,} highlights"
            self._notice(f"{passages}, {letters:,} characters to {self._settings.host}")

    def _full(self, window: deque[_Pending]) -> bool:
        waiting = sum(not future.done() for _, futures in window for future in futures)
        return waiting > 2 * self._settings.threads or len(window) > 16 * self._settings.threads

    def _known(self, chunk: Chunk) -> bool:
        return not self._fresh and self._desk.remembered(chunk) is not None

    def _body(self, chunk: Chunk) -> dict[str, object]:
        return body(chunk, self._settings, self._desk.prompt)

    # --- what it would cost -----------------------------------------------------------------

    def estimate(self, tasks: Iterable[Task]) -> Estimate:
        """What drafting these tasks would send; sends nothing."""
        size = self._settings.batch
        parts = [chunk for task in tasks for chunk in chunks(task, size, self._known)]
        new = [chunk for chunk in parts if not self._known(chunk)]
        bodies = [self._body(chunk) for chunk in new]
        tokens_in = sum(len(canonical(request)) for request in bodies) // 4
        highlights = sum(len(chunk.highlights) for chunk in new)
        return Estimate(
            highlights=highlights,
            requests=len(new),
            cached=len(parts) - len(new),
            characters=sum(characters(request) for request in bodies),
            tokens_in=tokens_in,
            tokens_out=80 * highlights,
            cost_usd=self._settings.cost(tokens_in, 80 * highlights),
        )


def _done(pending: _Pending) -> bool:
    return all(future.done() for future in pending[1])


def _gathered(task: Task, futures: list[Future[Outcome]]) -> Drafted:
    outcome = joined(future.result() for future in futures)
    return drafted(task, outcome)


def _answered(results: Iterable[Drafted]) -> Iterator[Drafted]:
    """The results without what failed; none where nothing is left."""
    for result in results:
        failed = dict(result.failed)
        kept = tuple(one for one in result.task.highlights if one.key not in failed)
        if kept:
            task = replace(result.task, highlights=kept)
            yield replace(result, task=task, failed=(), problems=())
