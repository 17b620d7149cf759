"""The client of an OpenAI-compatible server, which keeps every reply and stays within the budget.

`openai` sends, waits and retries. A reply is stored for each thing it is about (a highlight, or a
card that is compared), under the hash of the question about that thing alone, before it is
parsed. So nothing is paid for twice, whichever things share a request and in whatever
form the server was asked. The errors are:

    ServiceError         ends the run: no key, no such model, no credit, no server
    TooLongError         the request exceeds the model's context: send less
    UnansweredError      no usable answer after all retries; other requests may succeed
    ItemError            the server rejects this request

`openai` is imported with the first request, because that takes half a second and 49 MB.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.draft.completion import Completion, Form
from ankiforge.draft.on_board import OnBoard, check_on_board
from ankiforge.draft.prompt import Question
from ankiforge.draft.refusals import (
    AGAIN,
    PAGE,
    TooLongError,
    UnansweredError,
    refusal,
    refused_field,
    said,
)
from ankiforge.draft.replies import Attempt, Replies, attempts_name, encode_attempts
from ankiforge.draft.server import Budget, ServerSettings
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Highlight, Value, h16

if TYPE_CHECKING:
    import openai

    from ankiforge.draft.wire import Wire

IN_A_ROW = 3
"""This many consecutive requests without an answer, after all retries, end the run; more if several
are pending, because an outage affects all of them."""
# Estimates, where a server does not count tokens.
_BYTES_PER_TOKEN = 4
_CHARACTERS_PER_TOKEN = 4


class Answer(Value):
    """A reply, as far as it is about one thing."""

    completion: Completion
    request: str
    """The hash under which it is kept."""
    label: int = 1
    """The label of the thing in the reply, from 1."""
    of: int = 1
    """The number of things that the reply is about."""
    cached: bool = True

    @property
    def cut_off(self) -> bool:
        """Whether the reply ended before the model was done."""
        return self.completion.finish == "length"


class Client:
    """Answers questions from the replies that are kept, else from the server. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        *,
        notice: Callable[[str], None] = lambda text: None,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Send nothing yet.

        `notice` receives what is about to leave the machine, and why a person waits, such as
        for a model that is loaded; `offline` refuses other machines; `fresh` asks even if a
        reply is kept, because a person asks again.
        """
        self.settings = settings
        self._on_board: OnBoard | None = None
        if settings.model_file:
            self._on_board = OnBoard(Path(settings.model_file), notice)
        self._is_checked = False
        self.budget = Budget(settings)
        self._replies = replies
        self._offline = offline
        self._fresh = fresh
        self.notice = notice
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._openai: openai.OpenAI | None = None
        # Why the run ended, if it did.
        self._end: ServiceError | None = None
        self._stopped = False
        self._has_answered = False
        # The number of consecutive requests without an answer.
        self._failed = 0
        # The form of requests that the server accepts, as far as it is known.
        self._form = Form()

    # --- replies that are kept --------------------------------------------------------

    def kept_as(self, question: Question) -> str:
        """Return the name under which the reply to a question about one thing is kept."""
        body = [
            self.settings.model,
            question.messages,
            question.schema,
            self.settings.extra_body,
        ]
        return h16(_canonical(body), "reply")

    def known(self, question: Question) -> Answer | None:
        """Return the reply that is kept about one thing; None if none is."""
        if self._fresh:
            return None
        name = self.kept_as(question)
        kept = self._replies.get(name)
        if kept is None:
            return None
        label, count, raw = json.loads(kept)
        completion = Completion.parse(raw)
        return None if completion is None else Answer(completion, name, label, count)

    def keep_attempts(self, highlight: Highlight, attempts: Sequence[Attempt]) -> None:
        """Keep the attempts about a highlight beside the replies."""
        name = attempts_name(highlight)
        encoded = encode_attempts(attempts)
        if self._replies.get(name) != encoded:
            self._replies.put(name, encoded, model=self.settings.model, prompt="")

    # --- questions --------------------------------------------------------------------

    def ask(self, question: Question, *, anew: bool = False) -> list[Answer]:
        """Return the reply, for each thing that the question is about.

        The reply about one thing may be one that is kept; `anew`: ask even then.

        Raises:
            ServiceError, ItemError: see the module.
            BudgetError: the rest of the budget may not suffice.
            ConfigError, UsageError: see `prepare`.
        """
        self._refuse_if_stopped()
        is_about_one = not question.parts
        if is_about_one and not anew:
            known = self.known(question)
            if known:
                self.budget.count_cached()
                return [known]
        self.prepare()

        # the reply to one request is kept for each thing, and its cost is counted
        with self.budget.turn():
            try:
                raw, size = self._sent(question)
                completion = Completion.parse(raw) or Completion()
                tokens_in = completion.tokens_in or size // _BYTES_PER_TOKEN
                characters_out = len(completion.content)
                tokens_out = completion.tokens_out
                tokens_out = tokens_out or characters_out // _CHARACTERS_PER_TOKEN
                count = len(question.each)
                tokens = (tokens_in, tokens_out)
                answers = []
                for label, part in enumerate(question.each, start=1):
                    name = self.kept_as(part)
                    self._replies.put(
                        name,
                        json.dumps([label, count, raw]),
                        model=self.settings.model,
                        prompt=question.prompt,
                        tokens=tokens,
                    )
                    tokens = (0, 0)  # the first one has those of the request
                    answers.append(Answer(completion, name, label, count, cached=False))
                self.budget.count_new(tokens_in, tokens_out, question.characters)
                return answers
            finally:
                if self._wire is not None:
                    self._wire.leave()

    def prepare(self) -> None:
        """Check that requests may be sent.

        Raises:
            UsageError: `--offline` is given, and the server is on another machine.
            ConfigError: the key is missing.
            UsageError, ServiceError: the built-in model cannot be started.
        """
        if self._on_board is not None and not self._is_checked:
            check_on_board(Path(self.settings.model_file))
            self._is_checked = True
        if self._offline and not self.settings.local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this machine, or --drafter rules",
            )
        self.settings.checked_key()

    def stop(self, patience: float = 0.0) -> None:
        """Send nothing more, and wait at most `patience` seconds for pending replies."""
        with self._lock:
            self._stopped = True
        if self._wire is not None:
            self._wire.stop(patience)
        if self._on_board is not None:
            self._on_board.end()

    def _refuse_if_stopped(self) -> None:
        """Refuse to go on in a run that has ended: its replies may be closed."""
        if self._stopped:
            raise self._end or UnansweredError("stopped before it was sent")

    # --- one request ------------------------------------------------------------------

    def _sent(self, question: Question) -> tuple[str, int]:
        """Return the raw reply, a chat completion in JSON, and the size of the request in bytes."""
        import openai

        try:
            client = self._connected()
        except ServiceError as error:
            raise self._failure(error) from error
        settings = self.settings
        while True:
            form = self._form
            is_first = not self._has_answered
            body = {
                "model": settings.model,
                "messages": list(question.messages),
                **form.fields(question.schema),
                **settings.extra_body,
            }
            try:
                # given as `messages`, they would be validated by their types, which takes
                # milliseconds
                answer = client.chat.completions.with_raw_response.create(
                    model=settings.model, messages=[], extra_body=body
                )
            except openai.APIStatusError as error:
                status = error.status_code
                text = error.response.text
                field = refused_field(settings, status, text, body, is_first=is_first)
                if field:
                    with self._lock:  # another thread may have got the same answer
                        if self._form == form:
                            self._form = form.without(field)
                    continue
                location = error.response.headers.get("location", "")
                fault = refusal(settings, status, text, location)
                is_fault = isinstance(fault, UnansweredError)
                is_no_model_server = is_first and is_fault and said(text) == PAGE
                raise self._failure(fault, is_gone=is_no_model_server) from error
            except openai.APIConnectionError as error:
                raise self._no_answer(error.__cause__) from error
            self._has_answered = True
            self._failed = 0
            return answer.text, len(_canonical(body).encode("utf-8", "replace"))

    def _no_answer(self, cause: object) -> ServiceError | ItemError:
        """Return the error for an answer that did not come, or not as a whole."""
        import httpx2

        from ankiforge.config.http import OverdueError

        settings = self.settings
        fault = self._on_board.fault() if self._on_board else None
        if fault is not None:
            return self._failure(fault)
        is_gone = isinstance(
            cause, (httpx2.ConnectError, httpx2.ProxyError, ssl.SSLError)
        )
        hint = AGAIN
        if isinstance(cause, OverdueError):
            words = f"the reply took more than {settings.reply_s:g} s"
            hint = f"use a faster model, or {AGAIN}"
        elif isinstance(cause, httpx2.TimeoutException):
            words = f"no answer within {settings.silence_s:g} s"
        elif is_gone:
            words = f"no connection: {cause}"
            hint = f"is the server running, and {settings.base_url} its address?"
        else:
            words = f"the answer broke off: {cause}"
        error = UnansweredError(f"{settings.host}: {words}", hint=hint)
        return self._failure(error, is_gone=is_gone)

    def _failure(
        self, error: ItemError | ServiceError, *, is_gone: bool = False
    ) -> ItemError | ServiceError:
        """Return the error of a request, or the one that ends the run.

        A run ends if other requests would get the same error: `is_gone`, the server is not there;
        several in a row were not answered, or every one was rejected.
        """
        settings = self.settings
        is_rejection = not isinstance(error, UnansweredError | ServiceError)
        if isinstance(error, TooLongError) or (is_rejection and self._has_answered):
            return error
        with self._lock:
            self._failed += 1
            is_often = self._failed >= IN_A_ROW + settings.threads - 1
            if self._end is None and isinstance(error, ServiceError):
                self._end = error
            elif self._end is None and (is_often or is_gone):
                self._end = ServiceError(error.message, hint=error.hint)
        if self._end is None:
            return error
        self.stop()  # else each of the other threads would get the same error
        return self._end

    def _connected(self) -> openai.OpenAI:
        """Return the client of `openai`; start the built-in model first, if the settings name one.

        The other threads wait for it.
        """
        import httpx2
        import openai

        from ankiforge.draft.wire import Wire

        started = self._on_board.start() if self._on_board else None
        with self._lock:
            self._refuse_if_stopped()
            if self._openai is None:
                if started:
                    address, key = started
                    self.settings = replace(self.settings, base_url=address, secret=key)
                settings = self.settings
                silence = settings.silence_s
                self._wire = Wire(settings, self.notice)
                self._openai = openai.OpenAI(
                    base_url=settings.base_url,
                    api_key=settings.checked_key() or "none",
                    max_retries=settings.retries,
                    timeout=httpx2.Timeout(silence, connect=min(10.0, silence)),
                    http_client=httpx2.Client(transport=self._wire),
                )
            return self._openai


def _canonical(value: object) -> str:
    """Return JSON with sorted keys and no blanks."""
    return json.dumps(
        value,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
