"""The client of an OpenAI-compatible server, which keeps every reply and stays within the budget.

`openai` sends, waits and retries; it is imported with the first request, because that takes half
a second and 49 MB. Below it our transport keeps each request within time and size: no redirect is
followed, no proxy is asked for this machine, no other headers are sent than ours. A request is
repeated after a fault of the server, but not after a time-out: the server may be at work on it,
and would begin, and be paid, again.

Servers differ in the fields that they know, and report errors in many shapes: with a status or
with 200, in JSON of several kinds, as text, or as a web page. What they mean becomes:

    ServiceError         ends the run: no key, no such model, no credit, no server
    TooLongError         the request exceeds the model's context: send less
    UnansweredError      no usable answer after all retries; other requests may succeed
    ItemError            the server rejects this request

A reply is stored for each thing it is about (a highlight, or a card that is compared), under the
hash of the question about that thing alone, before it is parsed. So nothing is paid for twice,
whichever things share a request and in whatever form the server was asked.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import httpx2
import openai
from msgspec.structs import replace

from ankiforge.config import LLM
from ankiforge.config.http import BoundedClient, TooLargeError, without_secret
from ankiforge.draft.prompt import ModelRequest
from ankiforge.draft.server import Budget, ServerSettings
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Json, Value, h16
from ankiforge.text import regex

if TYPE_CHECKING:
    import openai


# --- the request ----------------------------------------------------------------------

FORMAT = "response_format"
OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields of every request, unless the server refuses them or `extra_body` sets them."""


class RequestForm(Value):
    """The form of a request that a server accepts, as far as it is known."""

    rung: int = 0
    """How many response formats the server refused, from the strictest on."""
    dropped: frozenset[str] = frozenset()
    """The options that the server refuses."""

    def without(self, field: str) -> RequestForm:
        """Return the next form to try after a server refused a field of this one."""
        if field == FORMAT:
            return replace(self, rung=self.rung + 1)
        return replace(self, dropped=self.dropped | {field})

    def fields(self, schema: Mapping[str, Any]) -> Json:
        """Return the fields that a request of this form has beside model and messages."""
        fields = {}
        for name, value in OPTIONS.items():
            if name not in self.dropped:
                fields[name] = value
        # the response formats, the strictest first; {} is plain text
        json_schema = {"name": "reply", "strict": True, "schema": schema}
        formats: tuple[Json, ...] = (
            {"type": "json_schema", "json_schema": json_schema},
            {"type": "json_object"},
            {},
        )
        response_format = formats[self.rung]
        if response_format:
            fields[FORMAT] = response_format
        return fields


# --- the reply ------------------------------------------------------------------------


MOST_TOKENS = 10_000_000
"""The maximum credible number of tokens of a request or reply."""
# The keys of the JSON that is asked for: reasoning that has one is the answer.
_KEYS_OF_ANSWERS = ('"cards"', '"question"', '"answer"')
# A number in a reply may have a thousand digits.
_MOST_DIGITS = 18


class Completion(Value):
    """The parts of a `chat.completions` reply that we use."""

    content: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """Including reasoning."""
    is_thought_alone: bool = False
    """Whether it has reasoning and no answer."""

    @classmethod
    def parse(cls, raw: str) -> Completion | None:
        """Parse the body of a reply; None if it is not a chat completion. Never raises.

        One that has choices, or counts tokens, was paid for, so it is a completion, if an
        empty one.
        """
        reply = _as_dict(_decoded(raw))
        choices = reply.get("choices")

        # the tokens of the request and of the reply; some servers count reasoning only in the total
        usage = _as_dict(reply.get("usage"))
        tokens_in = _credible(usage.get("prompt_tokens"))
        tokens_out = _credible(usage.get("completion_tokens"))
        if tokens_in and tokens_out:
            total = _credible(usage.get("total_tokens"))
            tokens_out = max(tokens_out, total - tokens_in)
        if not ((isinstance(choices, list) and not reply.get("error")) or tokens_out):
            return None
        choice = _as_dict(choices[0]) if isinstance(choices, list) and choices else {}
        message = _as_dict(choice.get("message"))
        finish = choice.get("finish_reason")
        # some servers keep the reasoning apart, or take the answer for it
        thought = _as_text(message.get("reasoning_content"))
        thought = thought or _as_text(message.get("reasoning"))
        content = _as_text(message.get("content"))
        if (
            not content
            and finish == "stop"
            and any(name in thought for name in _KEYS_OF_ANSWERS)
        ):
            content = thought
        return cls(
            content=content,
            finish=str(finish or ""),
            refusal=_as_text(message.get("refusal")),
            model=_as_text(reply.get("model")),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            is_thought_alone=bool(thought) and not content,
        )


def _decoded(raw: str) -> Any:
    """Return the JSON of a reply; None if it is none.

    Half an emoji, a line break in a string and a number of a thousand digits are tolerated.
    """
    try:
        return json.loads(
            raw, strict=False, parse_int=lambda digits: int(digits[:_MOST_DIGITS])
        )
    except (ValueError, RecursionError):
        return None


def _credible(tokens: Any) -> int:
    """Return a number of tokens; 0 if the value is not credible."""
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        return 0
    return tokens if 0 < tokens <= MOST_TOKENS else 0


def _as_dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _as_text(content: Any) -> str:
    """Return a content, which some servers send as a list of parts, as valid Unicode."""
    if isinstance(content, list):
        texts = [_as_dict(part).get("text") for part in content]
        content = "".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str):
        return ""
    return content.encode("utf-8", "replace").decode("utf-8")


# === refusals =========================================================================


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


AGAIN = "run again: what was answered is kept"
PAGE = "a web page"
_MONEY = "the account is out of credit; add credit and run again, nothing is lost"
_NO_MONEY = regex(
    r"(?i)insufficient[_ ](?:quota|credits?|balance|funds)|credit balance is too low"
    r"|billing_hard_limit|billing_not_active|exceeded_current_quota"
)
_BAD_KEY = regex(
    r"(?i)api[_ ]key[_ ]invalid|api key (?:not valid|expired)"
    r"|(?:invalid|incorrect)[_ ]api[_ ]key|invalid_authentication"
)
_NO_MODEL = regex(
    r"(?i)model_not_found|not a valid model|invalid[_ ]model|no models? (?:is |are )?loaded"
    r"|model [^.]{0,80}(?:not found|does not exist|not loaded)|does not support chat"
)
_TOO_LONG = regex(
    r"(?i)context_length_exceeded|context (?:length|window|size)|maximum context"
    r"|too many tokens|prompt is too long|exceeds? the (?:available )?context"
    r"|input is too long|token count.{0,40}exceeds|maximum number of tokens"
    r"|request too large|string too long"
)
_MODERATED = regex(r"(?i)moderation|flagged|content.?policy|safety")
_FORMAT = regex(
    r"(?i)response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)
_LOADING = regex(r"(?i)\bload(?:ing|s)\b.{0,20}\bmodel\b")
_BEFORE_A_FIELD = (400, 404, 415, 422, 500, 501, 503)
"""The statuses with which servers refuse a field of a request."""


def refusal(
    settings: ServerSettings, status: int, body: str, location: str = ""
) -> ServiceError | ItemError:
    """Return the error for a status that stays after all retries.

    Args:
        settings: the server.
        status: the status of the answer, or the one in its body.
        body: of the answer.
        location: where the server redirects to.
    """
    message = f"{settings.host} answers {status}: {said(body) or 'no reason given'}"
    key = f"check the key in the environment variable {settings.key_name}"
    if not settings.key_name:
        key = (
            "no key was sent: write `key_env: NAME` under `llm:`, NAME being the environment"
            " variable that holds the key, then: ankiforge init --trust"
            f" {settings.workspace}"
        )
    address = location.removesuffix("/chat/completions")[:200]
    for statuses, says, error, hint in _REFUSALS:
        if status in statuses and says.search(body):
            about = {"key": key, "model": repr(settings.model), "address": address}
            return error(message, hint=hint.format_map(about))
    hint = "if it rejects every request, check llm.extra_body and llm.model"
    return ItemError(message, hint=hint)


_ANY = range(1000)
_ANYTHING = regex("")
_NO_SUCH = "does this server have the model {model}, and is base_url right?"
_FAILS = f"the server fails: see its log, or restart it; then {AGAIN}"
# The first that fits: statuses, what the body says, the error, and what to do.
_REFUSALS: tuple[
    tuple[Container[int], re.Pattern[str], type[ServiceError | ItemError], str], ...
] = (
    ((402,), _ANYTHING, ServiceError, _MONEY),
    (_ANY, _NO_MONEY, ServiceError, _MONEY),
    ((413,), _ANYTHING, TooLongError, ""),
    ((400, 422, 500), _TOO_LONG, TooLongError, ""),
    ((403,), _MODERATED, ItemError, ""),
    ((401, 403), _ANYTHING, ServiceError, "{key}"),
    ((400,), _BAD_KEY, ServiceError, "{key}"),
    ((404, 405, 410), _ANYTHING, ServiceError, _NO_SUCH),
    (range(500), _NO_MODEL, ServiceError, _NO_SUCH),
    (range(300, 400), _ANYTHING, ServiceError,
     "the server redirects to {address}: set llm.base_url to that"),
    ((429,), _ANYTHING, UnansweredError,
     f"wait for a while, or set llm.concurrency to 1; then {AGAIN}"),
    ((408, 409, *range(500, 1000)), _ANYTHING, UnansweredError, _FAILS),
)  # fmt: skip


def refused_field(
    settings: ServerSettings, status: int, body: str, sent: Json, *, is_first: bool
) -> str:
    """Return the field of a request that an error names and that can be left out; "" if none.

    `is_first`: the server has answered nothing yet, so it may break at the format.
    """
    if status not in _BEFORE_A_FIELD or _is_page(body):
        return ""
    ours = [name for name in sent if name not in settings.extra_body]
    for name in OPTIONS:
        if name in ours and re.search(rf"(?<!\w){name}(?!\w)", body):
            return name
    breaks_at_it = is_first and status in (500, 501)
    if FORMAT in ours and (breaks_at_it or _FORMAT.search(body)):
        return FORMAT
    return ""


def is_final(body: str) -> bool:
    """Return whether asking again is vain, whatever the status: no credit, a refused field."""
    if _is_page(body):
        return False
    patterns = (_NO_MONEY, _TOO_LONG, _FORMAT)
    return any(pattern.search(body) for pattern in patterns)


def is_loading_model(status: int, body: str) -> bool:
    """Return whether a server says that it loads its model."""
    return status == 503 and _LOADING.search(body) is not None


# --- the body of an error -------------------------------------------------------------

_SAID = re.compile(
    r'"(?:error|message|errors|msg|error_description|detail|title)"\s*:\s*\[?'
    r'"((?:[^"\\]|\\.){1,2000})"'
)
_STATUS = re.compile(r'"(?:code|status|error_code)"\s*:\s*"?([45]\d\d)\b')
# The number of characters of what a server says that are shown.
_SHOWN = 300


def said(body: str) -> str:
    """Return the message of an error on one line: OpenAI's, LM Studio's, FastAPI's, a web page."""
    if _is_page(body):
        return PAGE
    # the error of a provider may be forwarded as text
    found = _SAID.findall(body.replace('\\"', '"')) or _SAID.findall(body)
    words = (
        ": ".join(dict.fromkeys(found)).replace("\\n", " ").replace('\\"', '"') or body
    )
    return " ".join(words.split())[:_SHOWN]


def _is_page(body: str) -> bool:
    return body.lstrip()[:1] not in ("{", "[") and "<" in body[:200]


UNREADABLE = 200
"""The status of what is no answer of a model, though the server says that it is: a login page,
nothing, an error of an unknown kind. Asked again, the server would say the same."""


def disguised(raw: str) -> tuple[int, str] | None:
    """Return (status, body) of the error in an answer of status 200; None if it is none.

    OpenRouter sends errors with status 200 or inside a choice. Any other object is an answer, if an
    odd one.
    """
    completion = Completion.parse(raw)
    if completion and (completion.finish != "error" or completion.content):
        return None
    status = _STATUS.search(raw.replace('\\"', '"'))
    if status:
        return int(status[1]), raw
    if any(pattern.search(raw) for pattern in (_NO_MONEY, _BAD_KEY, _NO_MODEL)):
        return 400, raw
    reply = _as_dict(_decoded(raw))
    if reply and not reply.get("error"):
        return None
    return UNREADABLE, raw


# === wire =============================================================================

_PAUSE_S = 0.5
"""The time between two requests while the server loads its model."""
# What the environment adds is meant for OpenAI only.
_OURS = ("host", "content-type", "accept", "user-agent", "authorization")


class Wire(httpx2.BaseTransport):
    """The transport of `openai`. Thread-safe."""

    def __init__(self, settings: ServerSettings, notice: Callable[[str], None]) -> None:
        """Connect to nothing yet. `notice` receives, once, that the server loads its model."""
        self._settings = settings
        self._notice = notice
        # certificates take a while to load
        verify = not (settings.local and settings.base_url.startswith("http:"))
        self._tls = httpx2.create_ssl_context(verify=verify)
        # When the server has loaded its model for too long; None = it does not load it.
        self._loaded_until: float | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        # The threads whose request is pending.
        self._busy: set[int] = set()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make one attempt, and return the reply, or an error after which `openai` may ask again.

        Raises:
            openai.APITimeoutError: there is no answer in time.
            UnansweredError: the run was stopped.
        """
        with self._changed:
            if self._stopped.is_set():
                raise UnansweredError("stopped before it was sent")
            self._busy.add(threading.get_ident())
        try:
            answer = self._exchanged(request)
            # again while the server loads its model, for as long as a server may be silent
            while is_loading_model(answer.status_code, answer.text):
                if self._loaded_until is None:
                    self._loaded_until = time.monotonic() + self._settings.silence_s
                    host = self._settings.host
                    self._notice(f"{host} is loading its model; waiting for it")
                if time.monotonic() > self._loaded_until or self._stopped.wait(_PAUSE_S):
                    break
                answer = self._exchanged(request)
        except httpx2.HTTPError as error:
            self.leave()
            connected = not isinstance(error, httpx2.ConnectTimeout)
            if isinstance(error, httpx2.TimeoutException) and connected:
                raise openai.APITimeoutError(request) from error
            raise
        status = answer.status_code
        text = answer.text
        if answer.is_success:
            error_inside = disguised(text)
            if error_inside is None or error_inside[0] == UNREADABLE:
                return answer
            status, text = error_inside
        self.leave()
        if is_final(text):
            answer.headers["x-should-retry"] = "false"
        return httpx2.Response(status, headers=answer.headers, text=text)

    def _exchanged(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return the answer with its body and the headers that count."""
        settings = self._settings
        headers = {"accept-encoding": "identity"}
        for name, value in request.headers.items():
            if name not in _OURS and not LLM.owns(settings.base_url):
                continue
            if name != "authorization" or settings.key:
                headers.setdefault(name, value)
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content,
            extensions=request.extensions,
        )
        # a client of its own, which can be closed
        client = BoundedClient(
            verify=self._tls, trust_env=not settings.local, follow_redirects=False
        )
        try:
            with client:
                answer = client.fetched(sent, settings.reply_s)
        except TooLargeError as error:
            if not error.status:
                raise openai.APIConnectionError(request=request) from error
            if error.status >= 300:
                headers = {"x-should-retry": "false"}
                return httpx2.Response(error.status, headers=headers, text=str(error))
            # it counts as cut off: it is paid for, so it must not be asked for again
            reply = {"choices": [{"message": {}, "finish_reason": "length"}]}
            return httpx2.Response(200, text=json.dumps(reply))
        kept = {}
        for name in ("retry-after", "retry-after-ms", "location"):
            if name in answer.headers:
                kept[name] = without_secret(answer.headers[name], settings.key)
        text = without_secret(answer.content.decode("utf-8-sig", "replace"), settings.key)
        return httpx2.Response(answer.status_code, headers=kept, text=text)

    # --- pending requests -------------------------------------------------------------

    def leave(self) -> None:
        """Count this thread's request as finished."""
        with self._changed:
            self._busy.discard(threading.get_ident())
            self._changed.notify_all()

    def stop(self, patience: float) -> None:
        """Send nothing more, and wait at most `patience` seconds for pending requests."""
        with self._changed:
            self._stopped.set()
            self._changed.wait_for(lambda: not self._busy, patience)


# === replies ==========================================================================


class KeptReplies(Protocol):
    """A cache of raw replies by the hash of their request (the ledger has one). Thread-safe."""

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""

    def put(
        self,
        request: str,
        raw: str,
        *,
        model: str,
        prompt: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Store a reply durably, replacing an older one.

        Args:
            request: the hash of the request.
            raw: the reply.
            model: the model that was asked, as the settings call it.
            prompt: the fingerprint of the prompt.
            tokens: how many tokens went in and came out; (0, 0) if nothing was paid.
        """


# === client ===========================================================================

IN_A_ROW = 3
"""This many consecutive requests without an answer, after all retries, end the run; more if several
are pending, because an outage affects all of them."""
# Estimates, where a server does not count tokens.
_BYTES_PER_TOKEN = 4
_CHARACTERS_PER_TOKEN = 4


class ModelAnswer(Value):
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
        replies: KeptReplies,
        *,
        notice: Callable[[str], None] = lambda text: None,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Send nothing yet.

        `notice` receives what is about to leave the machine, and why a person waits;
        `offline` refuses other machines; `fresh` asks even if a
        reply is kept, because a person asks again.
        """
        self.settings = settings
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
        self._form = RequestForm()

    # --- replies that are kept --------------------------------------------------------

    def kept_as(self, question: ModelRequest) -> str:
        """Return the name under which the reply to a question about one thing is kept."""
        body = [
            self.settings.model,
            question.messages,
            question.schema,
            self.settings.extra_body,
        ]
        return h16(_canonical(body), "reply")

    def known(self, question: ModelRequest) -> ModelAnswer | None:
        """Return the reply that is kept about one thing; None if none is."""
        if self._fresh:
            return None
        name = self.kept_as(question)
        kept = self._replies.get(name)
        if kept is None:
            return None
        label, count, raw = json.loads(kept)
        return ModelAnswer(Completion.parse(raw) or Completion(), name, label, count)

    # --- questions --------------------------------------------------------------------

    def ask(self, question: ModelRequest, *, anew: bool = False) -> list[ModelAnswer]:
        """Return the reply, for each thing that the question is about.

        The reply about one thing may be one that is kept; `anew`: ask even then.

        Raises:
            ServiceError, ItemError: see the module.
            BudgetError: the rest of the budget may not suffice.
            ConfigError, UsageError: see `prepare`.
        """
        self._refuse_if_stopped()
        if not question.parts and not anew:
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
                    answers.append(
                        ModelAnswer(completion, name, label, count, cached=False)
                    )
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
        """
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

    def _refuse_if_stopped(self) -> None:
        """Refuse to go on in a run that has ended: its replies may be closed."""
        if self._stopped:
            raise self._end or UnansweredError("stopped before it was sent")

    # --- one request ------------------------------------------------------------------

    def _sent(self, question: ModelRequest) -> tuple[str, int]:
        """Return the raw reply, a chat completion in JSON, and the size of the request in bytes."""
        import openai

        client = self._connected()
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
            if disguised(answer.text):
                raise self._failure(
                    self._unreadable(answer.text),
                    is_gone=is_first and said(answer.text) == PAGE,
                )
            self._has_answered = True
            self._failed = 0
            return answer.text, len(_canonical(body).encode("utf-8", "replace"))

    def _unreadable(self, body: str) -> UnansweredError:
        """Return the error for an answer of status 200 that is none of a model."""
        words = said(body) or "nothing"
        message = f"{self.settings.host} does not answer as a model does: {words}"
        hint = f"is llm.base_url, {self.settings.base_url}, right? then {AGAIN}"
        return UnansweredError(message, hint=hint)

    def _no_answer(self, cause: object) -> ServiceError | ItemError:
        """Return the error for an answer that did not come, or not as a whole."""
        import httpx2

        from ankiforge.config.http import OverdueError

        settings = self.settings
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
        elif isinstance(cause, TooLargeError):
            words = str(cause)
            hint = f"is llm.base_url, {settings.base_url}, right? then {AGAIN}"
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
        if isinstance(error, TooLongError):
            return error
        if self._has_answered and not isinstance(error, UnansweredError | ServiceError):
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
        """Return the client of `openai`, made for the first request."""
        import httpx2
        import openai

        with self._lock:
            self._refuse_if_stopped()
            if self._openai is None:
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
