"""The drafter that asks a language model, by any OpenAI-compatible server.

Requests of several documents are under way at a time; results come in the order of the tasks.
Every reply is remembered before it is read, so whatever stops a run, the next one goes on and
pays for nothing twice.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ankiforge.draft import Replies
from ankiforge.draft.crew import Crew
from ankiforge.draft.desk.asking import Desk
from ankiforge.draft.desk.server import Server
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.desk.till import Usage
from ankiforge.draft.dialogue import Dialogue, Outcome, Repair, drafted, joined
from ankiforge.draft.wording.prompt import Wording
from ankiforge.draft.wording.requests import Chunk, barred, body, canonical, characters, chunks
from ankiforge.model import Drafted, Task

Notice = Callable[[str], None]
"""Told what is about to leave the machine."""
GRACE, PAID_GRACE = 3.0, 20.0
"""Seconds a reply under way is waited for when a person stops the run; one that is paid for."""
STORING = 10.0
"""Seconds that a reply which has come may take to be kept: long, for a busy disk."""
TURN_S = 0.001
"""Seconds that one thread works while another has something to do."""
_Pending = tuple[Task, list[Future[Outcome]]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What drafting would send. Tokens are guessed: 4 bytes each, 80 out a highlight.

    Where there are candidates to choose from, 60 each. The low cost takes 5 bytes a token and five
    eighths of what comes out; the high one 3 bytes and three times as much, and asks all of it
    twice, as where every card is blocked. No guess counts a model's thoughts.
    """

    highlights: int
    requests: int
    cached: int
    """Requests whose replies are remembered."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        prompt: Wording,
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
            prompt: the words, of all tasks or of each.
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
        self._server = Server(settings)
        self._fresh = fresh
        self._replies = replies
        self._desk = Desk(
            settings, prompt, replies, self._server, offline=offline, fresh=fresh, sending=sending
        )
        self._crew: Crew[Chunk, Outcome] | None = None
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
        with _quick_turns():
            yield from results if self._sending else _answered(results)

    def _worked(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        threads = self._settings.threads
        spare = 1 + threads // 4 if threads > 1 else 0  # some read and keep while others ask
        crew = Crew(threads + spare, self._dialogue.about)
        window: deque[_Pending] = deque()
        self._crew = crew
        try:
            for task in tasks:
                window.append((task, self._given(crew, task)))
                self._wait_for_room(window)
                while window and (self._long(window) or _done(window[0])):
                    yield _gathered(*window.popleft())
            while window:
                yield _gathered(*window.popleft())
        except (KeyboardInterrupt, GeneratorExit):
            self.leave()
            raise
        finally:  # what is under way is waited for: it is paid, and must be remembered
            self.stop()

    def leave(self) -> None:
        """Break off what is still at work; a reply under way is kept if it comes soon."""
        price = self._settings.price
        paid = price is None or price.into or price.out
        if self._crew and paid and (count := self._server.under_way):
            replies = "1 reply that is" if count == 1 else f"{count} replies that are"
            if self._notice:
                self._notice(
                    f"waiting at most {PAID_GRACE:g} s for {replies} paid for; Ctrl-C again leaves it"
                )
        self.stop(PAID_GRACE if paid else GRACE)

    def stop(self, patience: float | None = None) -> None:
        """Send nothing more, and keep what is under way, if it comes within so many seconds.

        None = whenever it comes. A second call does nothing.
        """
        crew, self._crew = self._crew, None
        if crew is None:
            return
        self._desk.close()
        home, latest = crew.dismiss(patience), time.monotonic() + STORING
        while not home and crew.at_work > self._server.under_way and time.monotonic() < latest:
            home = crew.dismiss(0.05)  # somebody has a reply in hand, and is about to keep it
        if home:
            self._server.close()

    def _given(self, crew: Crew[Chunk, Outcome], task: Task) -> list[Future[Outcome]]:
        known = _once_each(self._known)
        parts = list(chunks(task, self._settings.batch, known))
        self._announce([chunk for chunk in parts if not known(chunk)])
        return [crew.give(chunk) for chunk in parts]

    def _announce(self, new: list[Chunk]) -> None:
        if self._sending and new:
            self._desk.prepare()
        if self._notice and new:
            marked = sum(len(chunk.highlights) for chunk in new)
            letters = sum(characters(self._body(chunk)) for chunk in new)
            passages = "1 highlight" if marked == 1 else f"{marked:,} highlights"
            self._notice(f"{passages}, {letters:,} characters to {self._settings.host}")

    def _wait_for_room(self, window: deque[_Pending]) -> None:
        """So that work lies ready for every thread, and no more than that is read ahead.

        Whichever comes first makes room: one slow answer must not keep the others idle.
        """
        while not self._long(window):
            waiting = [one for _, futures in window for one in futures if not one.done()]
            if len(waiting) <= 2 * self._settings.threads:
                return
            wait(waiting, return_when=FIRST_COMPLETED)

    def _long(self, window: deque[_Pending]) -> bool:
        return len(window) > 16 * self._settings.threads

    def _known(self, chunk: Chunk) -> bool:
        if barred(chunk.task, self._desk.prompt):
            return True
        return self._dialogue.answered(chunk)

    def _body(self, chunk: Chunk) -> dict[str, object]:
        return body(chunk, self._settings, self._desk.prompt)

    # --- what it would cost -----------------------------------------------------------------

    def estimate(self, tasks: Iterable[Task]) -> Estimate:
        """What drafting these tasks would send; sends nothing."""
        known = _once_each(self._known)
        size, settings = self._settings.batch, self._settings
        parts = [chunk for task in tasks for chunk in chunks(task, size, known)]
        new = [chunk for chunk in parts if not known(chunk)]
        bodies = [self._body(chunk) for chunk in new]
        each = max(80, 60 * settings.candidates)
        sent = sum(len(canonical(request).encode("utf-8", "replace")) for request in bodies)
        highlights = sum(len(chunk.highlights) for chunk in new)
        return Estimate(
            highlights=highlights,
            requests=len(new),
            cached=len(parts) - len(new),
            characters=sum(characters(request) for request in bodies),
            tokens_in=sent // 4,
            tokens_out=each * highlights,
            cost_usd=settings.cost(sent // 4, each * highlights),
            cost_low_usd=settings.cost(sent // 5, each * highlights * 5 // 8),
            cost_high_usd=settings.cost(2 * sent // 3, 6 * each * highlights),
        )


@contextmanager
def _quick_turns() -> Iterator[None]:
    """A thread that has its answer is let in soon, however busy the others are with checks."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, TURN_S))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _once_each(known: Callable[[Chunk], bool]) -> Callable[[Chunk], bool]:
    """The same question, answered once for each chunk: it takes its time."""
    answers: dict[tuple[int, ...], bool] = {}
    kept: list[Chunk] = []  # an id is one's own only as long as it is in use

    def ask(chunk: Chunk) -> bool:
        name = tuple(map(id, (chunk.task, *chunk.highlights)))
        if name not in answers:
            kept.append(chunk)
            answers[name] = known(chunk)
        return answers[name]

    return ask


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
