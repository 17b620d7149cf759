"""Asks, remembers, counts: between the conversation and the server stands the till.

A reply that is remembered costs nothing, on whichever rung of the ladder it was got. A new one
is kept before anybody reads it. No request goes out that could overdraw the budget.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

from ankiforge.draft import Replies
from ankiforge.draft.desk.faults import FORMAT, BrokenError, FieldRefusedError
from ankiforge.draft.desk.ladder import (
    CAPS,
    FIRST,
    OPTIONS,
    Form,
    Ladder,
    names,
    remembered_form,
    shaped,
)
from ankiforge.draft.desk.server import Server
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.desk.till import Till, Usage
from ankiforge.draft.desk.wire import usable_key
from ankiforge.draft.wording.prompt import Wording
from ankiforge.draft.wording.reply import Completion, completion
from ankiforge.draft.wording.requests import (
    Body,
    Chunk,
    Message,
    Rung,
    body,
    canonical,
    request_hash,
)
from ankiforge.errors import ItemError, UsageError


class UnknownError(ItemError):
    """The reply is not remembered, and nothing is to be sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and whether it is news."""

    completion: Completion
    request: str
    """The hash under which it is kept."""
    cached: bool = False
    form: Form = FIRST
    """How a new one was asked for."""


class Desk:
    """Where requests of one model and prompt are asked, by several threads."""

    def __init__(
        self,
        settings: ServerSettings,
        prompt: Wording,
        replies: Replies,
        server: Server,
        *,
        offline: bool = False,
        fresh: bool = False,
        sending: bool = True,
    ) -> None:
        self.settings = settings
        self.prompt = prompt
        self._replies = replies
        self._server = server
        self._offline = offline
        self._fresh = fresh
        self._sending = sending
        self._till = Till(settings)
        self._ladder = Ladder(settings, replies)
        self._trying = threading.Lock()
        self._tried = False
        """Whether a server that broke was asked without a format."""
        self._free = tuple(name for name in OPTIONS if name not in settings.extra_body)

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return self._till.usage

    def close(self) -> None:
        """Nothing more is asked; whoever waits for his turn goes home."""
        self._till.close()
        self._server.stop()

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
            self._till.saved(known.completion.tokens_in, known.completion.tokens_out)
            return known
        return self._sent(chunk, further)

    def remembered(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Answer | None:
        """The reply that is known already."""
        return remembered(
            self._replies, chunk, self.settings, self.prompt, further, self._ladder.form
        )

    def kept(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Iterator[Answer]:
        """All replies that are remembered, of each form in which it was asked."""
        question = body(chunk, self.settings, self.prompt, further=further)
        for name in names(question, self.settings, self._ladder.form):
            found = completion(self._replies.get(name) or "")
            if found is not None:
                yield Answer(found, name, cached=True)

    def before(self) -> Desk | None:
        """The same desk with as many candidates as were asked for before a default was changed."""
        candidates = self.settings.candidates_before
        if candidates in (0, self.settings.candidates):
            return None
        other = copy(self)
        other.settings = replace(self.settings, candidates=candidates, candidates_before=0)
        return other

    def answered(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> bool:
        """Whether a remembered reply may be used, rather than a new one asked for."""
        return not self._fresh and self.remembered(chunk, further) is not None

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
        question = body(chunk, self.settings, self.prompt, further=further)
        words = self.prompt.of(chunk.task).fingerprint
        while True:
            form = self._ladder.form
            try:
                return self._paid(question, form, len(chunk.highlights), words)
            except FieldRefusedError as error:
                self._ladder.refused(form, error)
            except BrokenError as error:
                answer = self._plainly(question, form, len(chunk.highlights), words, error)
                if answer is not None:
                    return answer

    def _plainly(
        self, question: Body, form: Form, highlights: int, prompt: str, error: BrokenError
    ) -> Answer | None:
        """What the server says to the same request without a format, which may have broken it.

        Asked once a run, by one thread; None: the form has changed since, all others ask anew.

        Raises:
            BrokenError: it was not the format.
        """
        if form.rung is Rung.TEXT or FORMAT in self.settings.extra_body:
            raise error
        with self._trying:
            if self._ladder.form.rung is not form.rung:
                return None
            if self._tried or self._ladder.answered:
                raise error
            self._tried = True
            plain = replace(form, rung=Rung.TEXT)
            try:
                answer = self._paid(question, plain, highlights, prompt, once=True)
            except ItemError:
                raise error from None
            self._ladder.take(plain)
            return answer

    def _paid(
        self, question: Body, form: Form, highlights: int, prompt: str, *, once: bool = False
    ) -> Answer:
        """One request, kept before anybody reads it, and accounted for."""
        request = shaped(question, form, self.settings)
        cap = self._cap(form)
        given = next(filter(None, (_whole(request.get(name)) for name in CAPS)), None)
        guess = guessed_tokens(request) if self.settings.budget_usd is not None else 0
        with self._till.held(guess, highlights, given) as limit:
            sent = {**request, cap: limit} if cap and limit else request
            raw = self._server.ask(sent, (*self._free, cap), once=once)
            self._ladder.answered = True
            return self._kept(request, raw, form, highlights, prompt)

    def _cap(self, form: Form) -> str:
        """The name of the field that limits a reply; "" if the person set it, or none is taken.

        It is the purse's, not the question's: the name of a request does not depend on it.
        """
        if any(name in self.settings.extra_body for name in CAPS):
            return ""
        return next((name for name in CAPS if name not in form.dropped), "")

    def _kept(self, request: Body, raw: str, form: Form, highlights: int, prompt: str) -> Answer:
        """Remember the reply before it is read by anybody else."""
        found = completion(raw) or Completion()
        tokens_in, tokens_out = _used(found, request)
        name = request_hash(request)
        self._replies.put(
            name,
            raw,
            model=found.model or self.settings.model,
            prompt=prompt,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )
        self._till.paid(tokens_in, tokens_out, found.tokens_again, highlights)
        return Answer(found, name, form=form)

    def readable(self, answer: Answer, yes: bool) -> None:
        """Say of a reply whether it could be read; the ladder learns from new ones."""
        if not answer.cached:
            self._ladder.read(answer.form, yes)

    def outdated(self, answer: Answer) -> bool:
        """Whether the server has come to be asked on another rung since this new reply."""
        return not answer.cached and answer.form.rung < self._ladder.form.rung


def remembered(
    replies: Replies,
    chunk: Chunk,
    settings: ServerSettings,
    prompt: Wording,
    further: tuple[Message, ...] = (),
    form: Form | None = None,
) -> Answer | None:
    """The reply to a request that is known already, in whichever form it was asked.

    `form`: the likeliest, looked for first.
    """
    question = body(chunk, settings, prompt, further=further)
    for name in names(question, settings, form or remembered_form(settings, replies)):
        raw = replies.get(name)
        if raw is not None and (found := completion(raw)) is not None:
            return Answer(found, name, cached=True)
    return None


def guessed_tokens(request: Body) -> int:
    """Tokens a request may take, rather too many: one for three bytes."""
    return len(canonical(request).encode("utf-8", "replace")) // 3


def _used(found: Completion, request: Body) -> tuple[int, int]:
    """Tokens in and out, as the reply says; by its length where the server tells no number."""
    return (
        found.tokens_in or len(canonical(request)) // 4,
        found.tokens_out or len(found.content) // 4,
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
