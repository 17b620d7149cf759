"""Asks, remembers, counts: between the conversation and the server stands the till.

A reply that is remembered costs nothing, on whichever rung of the ladder it was got. A new one
is kept before anybody reads it. No request goes out that could overdraw the budget.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ankiforge.domain import h16
from ankiforge.draft import Replies
from ankiforge.draft.prompt import Prompt
from ankiforge.draft.reply import Completion, completion
from ankiforge.draft.requests import Body, Chunk, Message, Rung, body, canonical, request_hash
from ankiforge.draft.server import OptionRefusedError, Server, usable_key
from ankiforge.draft.settings import ServerSettings
from ankiforge.errors import ItemError, UsageError


class UnknownError(ItemError):
    """The reply is not remembered, and nothing is to be sent."""


class BudgetError(ItemError):
    """The request was not sent: it could cost more than is left."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used. `cost_usd` is None where the price is unknown."""

    requests: int = 0
    """Replies that came from the server."""
    cached: int = 0
    """Replies that were remembered."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and whether it is news."""

    completion: Completion
    request: str
    """The hash under which it is kept."""
    cached: bool = False


class Desk:
    """Where requests of one model and prompt are asked, by several threads."""

    def __init__(
        self,
        settings: ServerSettings,
        prompt: Prompt,
        replies: Replies,
        server: Server,
        *,
        offline: bool = False,
        fresh: bool = False,
        sending: bool = True,
    ) -> None:
        self.settings = settings
        self.prompt = prompt
        self.usage = Usage(cost_usd=settings.cost(0, 0))
        self._replies = replies
        self._server = server
        self._offline = offline
        self._fresh = fresh
        self._sending = sending
        self._lock = threading.Lock()
        self._reserved = 0.0
        self._unreadable = 0
        self._rung = self._remembered_rung()

    def reply(
        self, chunk: Chunk, further: tuple[Message, ...] = (), *, anew: bool = False
    ) -> Answer:
        """The reply to a request, remembered or new.

        Args:
            chunk: the highlights it is about.
            further: messages after the prompt's own.
            anew: ask although a reply is remembered.

        Raises:
            ServiceError, ItemError, ConfigError: as `Server.ask`.
            BudgetError: not enough is left.
            UnknownError: it is not remembered, and this desk sends nothing.
            UsageError: `--offline`, and the server is elsewhere.
        """
        known = None if anew or self._fresh else self.remembered(chunk, further)
        if known is not None:
            self._count(Usage(cached=1))
            return known
        return self._sent(chunk, further)

    def remembered(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Answer | None:
        """The reply that is known already."""
        return remembered(self._replies, chunk, self.settings, self.prompt, further)

    # --- sending ----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make sure that something may be sent at all.

        Raises:
            UsageError: `--offline`, and the server is elsewhere.
            ConfigError: the key is missing.
        """
        if self._offline and not self.settings.local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this machine, or --drafter rules",
            )
        usable_key(self.settings)

    def _sent(self, chunk: Chunk, further: tuple[Message, ...]) -> Answer:
        if not self._sending:
            raise UnknownError("no reply is remembered")
        self.prepare()
        while True:
            rung = self._rung
            request = body(chunk, self.settings, self.prompt, rung, further)
            try:
                with self._budgeted(request, len(chunk.highlights)):
                    return self._kept(request, self._server.ask(request))
            except OptionRefusedError:
                if rung is Rung.TEXT:
                    raise
                self._step_down(rung, remember=True)

    def _kept(self, request: Body, raw: str) -> Answer:
        """Remember the reply before it is read by anybody else."""
        found = completion(raw) or Completion()
        used, name = _used(found, request), request_hash(request)
        self._replies.put(
            name,
            raw,
            model=found.model or self.settings.model,
            prompt=self.prompt.fingerprint,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
        )
        cost = self.settings.cost(used.tokens_in, used.tokens_out)
        self._count(replace(used, requests=1, cost_usd=cost))
        return Answer(found, name)

    # --- the ladder -------------------------------------------------------------------------

    def readable(self, yes: bool) -> None:
        """Say of a new reply whether it could be read; two in a row that could not: a rung down.

        Some servers take a schema and do not keep to it.
        """
        with self._lock:
            self._unreadable = 0 if yes else self._unreadable + 1
            down = self._unreadable >= 2
        if down:
            self._unreadable = 0
            self._step_down(self._rung, remember=False)

    def _step_down(self, rung: Rung, *, remember: bool) -> None:
        with self._lock:
            if self._rung is rung and rung is not Rung.TEXT:
                self._rung = Rung(rung + 1)
            now = self._rung
        if remember:
            name = self._rung_name()
            self._replies.put(
                name, str(int(now)), model=self.settings.model, prompt="", tokens_in=0, tokens_out=0
            )

    def _remembered_rung(self) -> Rung:
        said = self._replies.get(self._rung_name())
        return Rung(int(said)) if said in {str(int(rung)) for rung in Rung} and said else Rung(0)

    def _rung_name(self) -> str:
        """Under this name, instead of a hash, the replies remember what a server takes."""
        return f"rung/{h16(self.settings.base_url, self.settings.model)}"

    # --- the till ---------------------------------------------------------------------------

    @contextmanager
    def _budgeted(self, request: Body, highlights: int) -> Iterator[None]:
        """Hold back what a request may cost until its real cost is known."""
        guess = self.settings.cost(*guessed_tokens(request, highlights)) or 0.0
        with self._lock:
            spent = self.usage.cost_usd or 0.0
            budget = self.settings.budget_usd
            if budget is not None and spent + self._reserved + guess > budget:
                raise BudgetError(
                    f"the budget of ${budget:g} is used up",
                    hint="raise llm.budget_usd and run again: only the rest is sent",
                )
            self._reserved += guess
        try:
            yield
        finally:
            with self._lock:
                self._reserved -= guess

    def _count(self, more: Usage) -> None:
        with self._lock:
            now = self.usage
            unknown = now.cost_usd is None or more.cost_usd is None
            self.usage = Usage(
                requests=now.requests + more.requests,
                cached=now.cached + more.cached,
                tokens_in=now.tokens_in + more.tokens_in,
                tokens_out=now.tokens_out + more.tokens_out,
                cost_usd=None if unknown else (now.cost_usd or 0.0) + (more.cost_usd or 0.0),
            )


def remembered(
    replies: Replies,
    chunk: Chunk,
    settings: ServerSettings,
    prompt: Prompt,
    further: tuple[Message, ...] = (),
) -> Answer | None:
    """The reply to a request that is known already, whichever rung it was asked on."""
    for rung in Rung:
        name = request_hash(body(chunk, settings, prompt, rung, further))
        raw = replies.get(name)
        if raw is not None and (found := completion(raw)) is not None:
            return Answer(found, name, cached=True)
    return None


def guessed_tokens(request: Body, highlights: int) -> tuple[int, int]:
    """Tokens (in, out) a request may take, rather too many: 3 characters each, 250 a highlight."""
    return len(canonical(request)) // 3, 250 * highlights


def _used(found: Completion, request: Body) -> Usage:
    """What a reply says it used; by its length where the server does not count."""
    if found.tokens_in or found.tokens_out:
        return Usage(tokens_in=found.tokens_in, tokens_out=found.tokens_out)
    letters = len(canonical(request))
    return Usage(tokens_in=letters // 4, tokens_out=len(found.content) // 4)
