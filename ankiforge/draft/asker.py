"""Get replies of one model from the cache, else from its server within the budget."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from ankiforge.draft import Replies
from ankiforge.draft.budget import Budget
from ankiforge.draft.cache import Answer, RequestForm, find, load_form, save_form
from ankiforge.draft.client import (
    CAPS,
    FORMAT,
    BrokenError,
    Client,
    FieldRefusedError,
    ServerSettings,
)
from ankiforge.draft.prompt import (
    Body,
    Format,
    Prompt,
    Wording,
    canonical,
    request_hash,
)
from ankiforge.draft.reply import Completion, completion
from ankiforge.errors import ItemError, UsageError

_IN_A_ROW = 2
"""After this many unreadable replies in a row the next format is used; as many readable ones confirm it."""


class Asker:
    """Answers requests to one model from the cache, else from the server. Thread-safe.

    No request is sent that could exceed the budget. Each new reply is stored before it is parsed.
    """

    def __init__(
        self,
        settings: ServerSettings,
        prompt: Wording,
        replies: Replies,
        *,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Send nothing yet."""
        self.settings = settings
        self.prompt = prompt
        self.replies = replies
        self.fresh = fresh
        self.client = Client(settings)
        self.budget = Budget(settings.price, settings.budget_usd, settings.candidates)
        self.form = load_form(settings, replies)
        """The current form of requests."""
        self._offline = offline
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        self._probed = False
        """Whether a failing server was already asked without a format."""
        self._answered = False
        """Whether the server has answered a request of this form in this run."""
        self._tentative = False
        """Whether this form was chosen after unreadable replies and is not confirmed yet."""
        self._row = 0
        """The number of consecutive readable (> 0) or unreadable (< 0) replies in this form."""

    def cached(self, question: Body) -> Iterator[Answer]:
        """Yield the cached replies, that to the current form first."""
        return find(self.replies, question, self.settings, self.form)

    def reply(self, question: Body, count: int, prompt: Prompt, *, anew: bool = False) -> Answer:
        """Return the reply to a question, cached or new.

        Args:
            question: the body of the request in the strictest form.
            count: the number of highlights or cards it is about.
            prompt: the prompt, whose fingerprint is stored with the reply.
            anew: ask even if a reply is cached.

        Raises:
            ServiceError, ItemError, ConfigError: as `Client.ask`.
            BudgetError: the rest of the budget may not suffice.
            UsageError: `--offline` is given, and the server is on another machine.
        """
        if not (anew or self.fresh) and (known := next(self.cached(question), None)):
            said = known.completion
            self.budget.count_cached(self.settings.price, said.tokens_in, said.tokens_out)
            return known
        return self.ask(question, count, prompt)

    def prepare(self) -> None:
        """Check that requests may be sent.

        Raises:
            UsageError: `--offline` is given, and the server is on another machine.
            ConfigError: the key is missing.
        """
        if self._offline and not self.settings.local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this machine, or --drafter rules",
            )
        self.settings.checked_key()

    def ask(self, question: Body, count: int, prompt: Prompt) -> Answer:
        """Ask the server in the strictest form that it accepts."""
        self.prepare()
        while True:
            form = self.form
            try:
                return self._paid(question, count, prompt, form)
            except FieldRefusedError as error:
                with self._lock:  # another thread may have got the same answer
                    now = self.form
                    if now.format is form.format and error.field not in now.dropped:
                        self._move(now.without(error))
                save_form(self.settings, self.replies, self.form)
            except BrokenError:
                # some servers fail on a format they do not know: try plain text once
                if form.format is Format.TEXT or FORMAT in self.settings.extra_body:
                    raise
                with self._probing:
                    if self.form.format is not form.format:
                        continue
                    if self._probed or self._answered:
                        raise
                    self._probed = True
                    plain = replace(form, format=Format.TEXT)
                    try:
                        answer = self._paid(question, count, prompt, plain, once=True)
                    except ItemError:
                        answer = None
                    if answer is None:
                        raise
                    self._move(plain)
                    save_form(self.settings, self.replies, plain)
                    return answer

    def _paid(
        self, question: Body, count: int, prompt: Prompt, form: RequestForm, *, once: bool = False
    ) -> Answer:
        """Send one request, store the reply, and count its cost."""
        settings = self.settings
        request = form.apply(question, settings)
        size = len(canonical(request).encode("utf-8", "replace"))
        own = [value for name in CAPS if isinstance(value := request.get(name), int) and value > 0]
        capped = any(name in settings.extra_body for name in CAPS)
        cap = next((name for name in CAPS if name not in form.dropped and not capped), "")
        limited = own[0] if own else 0
        with self.budget.reserve(settings.price, size // 3, count, limited) as limit:
            # the hash must not depend on the limit, which comes from the budget
            sent = {**request, cap: limit} if cap and limit else request
            with self.client.ask(sent, once=once) as raw:
                self._answered = True
                found = completion(raw) or Completion()
                tokens_in = found.tokens_in or size // 4
                tokens_out = found.tokens_out or len(found.content) // 4
                name = request_hash(request)
                self.replies.put(
                    name,
                    raw,
                    model=found.model or settings.model,
                    prompt=prompt.fingerprint,
                    tokens_in=tokens_in,
                    tokens_out=tokens_out,
                )
                again = found.tokens_again
                self.budget.count_new(settings.price, tokens_in, tokens_out, again, count)
                return Answer(found, name, cached=False, form=form)

    def read(self, answer: Answer, readable: bool) -> None:
        """Record whether a reply was readable: some servers accept a schema but do not follow it."""
        with self._lock:
            format_ = self.form.format
            if answer.cached or answer.form.format is not format_:
                return
            self._row = max(self._row, 0) + 1 if readable else min(self._row, 0) - 1
            if self._row <= -_IN_A_ROW and format_ is not Format.TEXT:
                self._move(replace(self.form, format=Format(format_ + 1)))
                self._tentative = True
            proved = self._tentative and self._row >= _IN_A_ROW
        if proved:
            self._tentative = False
            save_form(self.settings, self.replies, self.form)

    def _move(self, form: RequestForm) -> None:
        self.form, self._row, self._tentative, self._answered = form, 0, False, False
