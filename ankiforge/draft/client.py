"""Client for an OpenAI-compatible server that caches every reply and stays within the budget.

The `openai` package sends and retries requests. `OpenAITransport` limits the time and size of a
reply, follows no redirects, bypasses proxies on loopback, and sends only our own headers. A request
is retried after a server error, but not after a timeout, because the server may still be working on
the first attempt and would charge for both.

No item (a highlight, or a card to compare) is paid for twice. Each reply is cached before it is
parsed, once per item that it covers. The cache key is the hash of a request for that item alone.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from ankiforge.config import LLM_KEY
from ankiforge.config.http import ResponseTooLargeError, redact_secret
from ankiforge.draft.prompt import ModelRequest
from ankiforge.draft.server import Budget, ServerSettings, load_ssl_context, open_client
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Json, Strings, Value, hash16
from ankiforge.text import regex

if TYPE_CHECKING:
    import openai

    from ankiforge.config.caches import ReplyStore


# --- the request ----------------------------------------------------------------------

_TEMPERATURE = "temperature"
_FORMAT = "response_format"


def _build_optional_fields(schema: Json, refused: Strings) -> Json:
    """Build the optional fields of a request, leaving out those that the server has refused.

    Each time a response format is refused, the next less strict one is used, and finally none.
    """
    fields: Json = {} if _TEMPERATURE in refused else {_TEMPERATURE: 0}
    json_schema = {"name": "reply", "strict": True, "schema": schema}
    formats = (
        {"type": "json_schema", "json_schema": json_schema},
        {"type": "json_object"},
    )
    for response_format in formats[refused.count(_FORMAT) :][:1]:
        fields[_FORMAT] = response_format
    return fields


# --- the reply ------------------------------------------------------------------------


MAX_CREDIBLE_TOKENS = 10_000_000
"""A higher token count in a reply is ignored."""
# Keys of the JSON that we request. If they are in the reasoning, it contains the answer.
_ANSWER_KEYS = ('"cards"', '"question"', '"answer"')
# Digits after these are dropped, because a number in a reply may have a thousand digits.
_MAX_DIGITS = 18


class Completion(Value):
    """The parts of a chat completion that we use."""

    content: str = ""
    finish_reason: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """The number of tokens in the reply, including the model's reasoning."""
    has_only_reasoning: bool = False
    """Whether the reply contains reasoning but no answer."""

    @property
    def is_empty(self) -> bool:
        """Whether the reply has neither an answer nor reasoning."""
        return not (self.content.strip() or self.has_only_reasoning)

    @classmethod
    def parse(cls, raw: str) -> Completion | None:
        """Parse the body of a reply, or return None if it isn't a chat completion. Never raises.

        A body with choices or a token count is a completion even if it has no text, because
        it has to be paid for.
        """
        reply = _as_dict(_parse_json(raw))
        choices = reply.get("choices")

        # some servers count reasoning only in the total
        usage = _as_dict(reply.get("usage"))
        tokens_in = _parse_token_count(usage.get("prompt_tokens"))
        tokens_out = _parse_token_count(usage.get("completion_tokens"))
        if tokens_in and tokens_out:
            total = _parse_token_count(usage.get("total_tokens"))
            tokens_out = max(tokens_out, total - tokens_in)
        if not ((isinstance(choices, list) and not reply.get("error")) or tokens_out):
            return None
        choice = _as_dict(choices[0]) if isinstance(choices, list) and choices else {}
        message = _as_dict(choice.get("message"))
        finish = choice.get("finish_reason")
        # some servers return reasoning in its own field, or return the answer as reasoning
        reasoning = _as_text(message.get("reasoning_content"))
        reasoning = reasoning or _as_text(message.get("reasoning"))
        content = _as_text(message.get("content"))
        if (
            not content
            and finish == "stop"
            and any(key in reasoning for key in _ANSWER_KEYS)
        ):
            content = reasoning
        return cls(
            content=content,
            finish_reason=str(finish or ""),
            refusal=_as_text(message.get("refusal")),
            model=_as_text(reply.get("model")),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            has_only_reasoning=bool(reasoning) and not content,
        )


def _parse_json(raw: str) -> Any:
    """Parse the JSON of a reply, returning None if it's invalid.

    Unpaired surrogates, line breaks in strings, and very long numbers are accepted.
    """
    try:
        return json.loads(
            raw, strict=False, parse_int=lambda digits: int(digits[:_MAX_DIGITS])
        )
    except (ValueError, RecursionError):
        return None


def _parse_token_count(tokens: Any) -> int:
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        return 0
    return tokens if 0 < tokens <= MAX_CREDIBLE_TOKENS else 0


def _as_dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _as_text(content: Any) -> str:
    """Return a message's content as valid Unicode, joining it if it's a list of parts."""
    if isinstance(content, list):
        texts = [_as_dict(part).get("text") for part in content]
        content = "".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str):
        return ""
    return content.encode("utf-8", "replace").decode("utf-8")


# === errors ===========================================================================


class TooLongError(ItemError):
    """Raised if a request exceeds the model's context window."""


class NoReplyError(ItemError):
    """Raised if the server returned no usable reply, even after all retries."""


RERUN_HINT = "run again: what was answered is kept"
WEB_PAGE = "a web page"
_CREDIT_HINT = "the account is out of credit; add credit and run again, nothing is lost"
_NO_CREDIT = regex(
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
_FORMAT_ERROR = regex(
    r"(?i)response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)
_LOADING_MODEL = regex(r"(?i)\bload(?:ing|s)\b.{0,20}\bmodel\b")
_FIELD_REFUSAL_STATUSES = (400, 404, 415, 422, 500, 501, 503)
"""The HTTP statuses with which servers refuse a field of a request."""


def make_status_error(
    settings: ServerSettings, status: int, body: str, location: str = ""
) -> ServiceError | ItemError:
    """Build the error for an HTTP status that persists after all retries.

    Args:
        settings: the server settings.
        status: the HTTP status of the reply, or the status given in its body.
        body: the reply body.
        location: the target of a redirect, or "".
    """
    reason = extract_error_message(body) or "no reason given"
    message = f"{settings.host} returned {status}: {reason}"
    key_hint = f"check the key in the environment variable {settings.key_name}"
    if not settings.key_name:
        key_hint = (
            "no key was sent: write `key_env: NAME` under `llm:`, NAME being the environment"
            " variable that holds the key"
        )
    redirect_url = location.removesuffix("/chat/completions")[:200]
    for statuses, pattern, error_type, hint in _STATUS_ERRORS:
        if status in statuses and pattern.search(body):
            placeholders = {
                "key": key_hint,
                "model": repr(settings.model),
                "address": redirect_url,
            }
            return error_type(message, hint=hint.format_map(placeholders))
    hint = "if it rejects every request, check llm.extra_body and llm.model"
    return ItemError(message, hint=hint)


_ANY_STATUS = range(1000)
_ANY_BODY = regex("")
_NOT_FOUND_HINT = "does this server have the model {model}, and is base_url right?"
_SERVER_ERROR_HINT = f"the server failed: see its log, or restart it; then {RERUN_HINT}"
# Each row has the statuses and the pattern of the body to which it applies, the type of the error
# and its hint. The first row that matches is used.
_STATUS_ERRORS: tuple[
    tuple[Container[int], re.Pattern[str], type[ServiceError | ItemError], str], ...
] = (
    ((402,), _ANY_BODY, ServiceError, _CREDIT_HINT),
    (_ANY_STATUS, _NO_CREDIT, ServiceError, _CREDIT_HINT),
    ((413,), _ANY_BODY, TooLongError, ""),
    ((400, 422, 500), _TOO_LONG, TooLongError, ""),
    ((403,), _MODERATED, ItemError, ""),
    ((401, 403), _ANY_BODY, ServiceError, "{key}"),
    ((400,), _BAD_KEY, ServiceError, "{key}"),
    ((404, 405, 410), _ANY_BODY, ServiceError, _NOT_FOUND_HINT),
    (range(500), _NO_MODEL, ServiceError, _NOT_FOUND_HINT),
    (range(300, 400), _ANY_BODY, ServiceError,
     "the server redirects to {address}: set llm.base_url to that"),
    ((429,), _ANY_BODY, NoReplyError,
     f"wait for a while, or set llm.concurrency to 1; then {RERUN_HINT}"),
    ((408, 409, *range(500, 1000)), _ANY_BODY, NoReplyError, _SERVER_ERROR_HINT),
)  # fmt: skip


def find_refused_field(
    settings: ServerSettings,
    status: int,
    body: str,
    request_body: Json,
    *,
    is_first: bool,
) -> str:
    """Return the name of the optional request field that the server has rejected, or "".

    Args:
        settings: the server settings.
        status: the HTTP status of the error.
        body: the body of the error.
        request_body: the fields that were sent.
        is_first: whether the server hasn't answered any request so far. In that case, an
            internal error that names no field is blamed on the response format.
    """
    if status not in _FIELD_REFUSAL_STATUSES or _is_web_page(body):
        return ""
    our_fields = request_body.keys() - settings.extra_body.keys()
    if _TEMPERATURE in our_fields and re.search(rf"\b{_TEMPERATURE}\b", body):
        return _TEMPERATURE
    fails_on_format = is_first and status in (500, 501)
    if _FORMAT in our_fields and (fails_on_format or _FORMAT_ERROR.search(body)):
        return _FORMAT
    return ""


# --- the body of an error -------------------------------------------------------------

_MESSAGE = regex(
    r'"(?:error|message|errors|msg|error_description|detail|title)"\s*:\s*\[?'
    r'"((?:[^"\\]|\\.){1,2000})"'
)
_ERROR_STATUS = regex(r'"(?:code|status|error_code)"\s*:\s*"?([45]\d\d)\b')
_MAX_MESSAGE_CHARS = 300


def extract_error_message(body: str) -> str:
    """Extract the message from an error body, as a single line.

    Supports the formats of OpenAI, LM Studio and FastAPI. Returns `WEB_PAGE` for web pages.
    """
    if _is_web_page(body):
        return WEB_PAGE
    # the error of a provider may be embedded as a string of JSON
    messages = _MESSAGE.findall(body.replace('\\"', '"')) or _MESSAGE.findall(body)
    message = (
        ": ".join(dict.fromkeys(messages)).replace("\\n", " ").replace('\\"', '"') or body
    )
    return " ".join(message.split())[:_MAX_MESSAGE_CHARS]


def _is_web_page(body: str) -> bool:
    return body.lstrip()[:1] not in ("{", "[") and "<" in body[:200]


UNREADABLE_STATUS = 200
"""The status we assign to a reply with HTTP status 200 that isn't a chat completion.

Examples are a login page, an empty body and an unknown error. A retry would return the same.
"""


def find_error_in_success(raw: str) -> tuple[int, str] | None:
    """Return the status and body of an error that was sent with HTTP status 200, or None.

    Some servers, such as OpenRouter, send an error as the body or inside a choice. Any other
    JSON object isn't an error.
    """
    completion = Completion.parse(raw)
    if completion and (completion.finish_reason != "error" or completion.content):
        return None
    status = _ERROR_STATUS.search(raw.replace('\\"', '"'))
    if status:
        return int(status[1]), raw
    if any(pattern.search(raw) for pattern in (_NO_CREDIT, _BAD_KEY, _NO_MODEL)):
        return 400, raw
    reply = _as_dict(_parse_json(raw))
    if reply and not reply.get("error"):
        return None
    return UNREADABLE_STATUS, raw


# === transport ========================================================================

_LOADING_POLL_INTERVAL = 0.5
"""How many seconds to wait between attempts while the server loads its model."""
# Other headers come from the environment and are meant for OpenAI only.
_OUR_HEADERS = ("host", "content-type", "accept", "user-agent", "authorization")


class OpenAITransport(httpx2.BaseTransport):
    """The HTTP transport that `openai` uses to send requests. Thread-safe."""

    def __init__(self, settings: ServerSettings, notice: Callable[[str], None]) -> None:
        """Initialize the transport, which connects on the first request.

        Args:
            settings: the server settings.
            notice: called with a message while the server is loading its model.
        """
        self._settings = settings
        self._notice = notice
        self._ssl_context = load_ssl_context(settings.base_url)
        # When to stop waiting for the server to load its model, or None if it hasn't been loading.
        self._loading_deadline: float | None = None
        self._condition = threading.Condition()
        self._stopped = threading.Event()
        # The ids of the threads whose request is pending.
        self._pending_threads: set[int] = set()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request once and return the reply, or an error that `openai` may retry.

        While the server is loading its model, the request is repeated until the timeout.

        Raises:
            openai.APITimeoutError: the request timed out.
            NoReplyError: the run was stopped before the request was sent.
        """
        with self._condition:
            if self._stopped.is_set():
                raise NoReplyError("stopped before it was sent")
            self._pending_threads.add(threading.get_ident())
        try:
            response = self._send_once(request)
            # retry while the server loads its model, up to the timeout for a silent server
            while response.status_code == 503 and _LOADING_MODEL.search(response.text):
                if self._loading_deadline is None:
                    self._loading_deadline = (
                        time.monotonic() + self._settings.silence_timeout
                    )
                    host = self._settings.host
                    self._notice(f"{host} is loading its model; waiting for it")
                if time.monotonic() > self._loading_deadline or self._stopped.wait(
                    _LOADING_POLL_INTERVAL
                ):
                    break
                response = self._send_once(request)
        except httpx2.HTTPError as error:
            self.finish_request()
            connected = not isinstance(error, httpx2.ConnectTimeout)
            if isinstance(error, httpx2.TimeoutException) and connected:
                raise openai.APITimeoutError(request) from error
            raise
        status = response.status_code
        text = response.text
        if response.is_success:
            error_inside = find_error_in_success(text)
            if error_inside is None or error_inside[0] == UNREADABLE_STATUS:
                return response
            status, text = error_inside
        self.finish_request()
        # a retry is pointless without credit, or if the request or its format is refused
        patterns = (_NO_CREDIT, _TOO_LONG, _FORMAT_ERROR)
        if not _is_web_page(text) and any(pattern.search(text) for pattern in patterns):
            response.headers["x-should-retry"] = "false"
        return httpx2.Response(status, headers=response.headers, text=text)

    def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        settings = self._settings
        headers = {"accept-encoding": "identity"}
        for name, value in request.headers.items():
            if name not in _OUR_HEADERS and not LLM_KEY.can_be_sent_to(settings.base_url):
                continue
            if name != "authorization" or settings.key:
                headers.setdefault(name, value)
        bounded_request = httpx2.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content,
            extensions=request.extensions,
        )
        try:
            with open_client(settings.base_url, self._ssl_context) as client:
                reply = client.fetch(bounded_request, settings.reply_s)
        except ResponseTooLargeError as error:
            if not error.status:
                raise openai.APIConnectionError(request=request) from error
            if error.status >= 300:
                headers = {"x-should-retry": "false"}
                return httpx2.Response(error.status, headers=headers, text=str(error))
            # treat the reply as truncated, because it was paid for and must not be requested again
            truncated_reply = {"choices": [{"message": {}, "finish_reason": "length"}]}
            return httpx2.Response(200, text=json.dumps(truncated_reply))
        kept_headers = {}
        for name in ("retry-after", "retry-after-ms", "location"):
            if name in reply.headers:
                kept_headers[name] = redact_secret(reply.headers[name], settings.key)
        text = redact_secret(reply.content.decode("utf-8-sig", "replace"), settings.key)
        return httpx2.Response(reply.status_code, headers=kept_headers, text=text)

    # --- pending requests -------------------------------------------------------------

    def finish_request(self) -> None:
        """Mark this thread's request as finished, after any retries."""
        with self._condition:
            self._pending_threads.discard(threading.get_ident())
            self._condition.notify_all()

    def stop(self, patience: float) -> None:
        """Refuse new requests, and wait at most `patience` seconds for the pending ones."""
        with self._condition:
            self._stopped.set()
            self._condition.wait_for(lambda: not self._pending_threads, patience)


# === client ===========================================================================

MAX_CONSECUTIVE_FAILURES = 3
"""The run ends after this many consecutive requests have failed despite all retries.

With several concurrent requests, more failures are allowed, because one outage affects all of them.
"""
# Used to estimate the token counts if the server doesn't report them.
_BYTES_PER_TOKEN = 4
_CHARACTERS_PER_TOKEN = 4


class ItemReply(Value):
    """The part of a server's reply that is about one of the requested items."""

    completion: Completion
    cache_key: str
    """The key under which the reply is cached for this item."""
    label: int = 1
    """The number by which the reply refers to the item, counted from 1."""
    item_count: int = 1
    """How many items the whole reply covers."""
    is_cached: bool = True

    @property
    def is_truncated(self) -> bool:
        """Whether the server cut off the reply at its length limit."""
        return self.completion.finish_reason == "length"


class ModelClient:
    """Returns replies from the cache or, failing that, from the server. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: ReplyStore,
        *,
        notice: Callable[[str], None] = lambda text: None,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Initialize the client, which connects on the first request.

        Args:
            settings: the server, the model and the limits.
            replies: the cache of replies.
            notice: called with progress messages for the user, e.g. that the server is loading
                its model.
            offline: whether to refuse to send anything to other computers.
            fresh: whether to ignore cached replies.
        """
        self.settings = settings
        self.budget = Budget(settings)
        self._replies = replies
        self._offline = offline
        self._fresh = fresh
        self.notice = notice
        self._lock = threading.Lock()
        self._transport: OpenAITransport | None = None
        self._openai: openai.OpenAI | None = None
        # The error that ended the run, or None.
        self._fatal_error: ServiceError | None = None
        self._stopped = False
        self._has_answered = False
        # The number of consecutive failed requests.
        self._failure_count = 0
        # The optional request fields that the server has refused, one entry per refusal.
        self._refused_fields: Strings = ()

    # --- cached replies ---------------------------------------------------------------

    def make_cache_key(self, request: ModelRequest) -> str:
        """Return the cache key for the reply to a request about a single item."""
        body = [
            self.settings.model,
            request.messages,
            request.schema,
            self.settings.extra_body,
        ]
        return hash16(_to_canonical_json(body), "reply")

    def find_cached(self, request: ModelRequest) -> ItemReply | None:
        """Return the cached reply to a request about a single item, if any."""
        if self._fresh:
            return None
        key = self.make_cache_key(request)
        cached = self._replies.load_reply(key)
        if cached is None:
            return None
        label, count, raw = json.loads(cached)
        return ItemReply(Completion.parse(raw) or Completion(), key, label, count)

    # --- requests ---------------------------------------------------------------------

    def request_replies(
        self, request: ModelRequest, *, anew: bool = False
    ) -> list[ItemReply]:
        """Return one reply per item of a request.

        A request about a single item is answered from the cache if possible, unless `anew` is
        set.

        Raises:
            ServiceError: the key, the model, the credit or the server makes further requests
                pointless.
            BudgetExceededError: the budget is used up.
            ItemError: only this request failed.
            ConfigError, UsageError: see `check_can_send`.
        """
        self._raise_if_stopped()
        if not request.item_requests and not anew:
            cached = self.find_cached(request)
            if cached:
                self.budget.count_cached_reply()
                return [cached]
        self.check_can_send()

        # cache the reply once for each item, and count its cost
        with self.budget.request_slot():
            try:
                raw, request_bytes = self._send(request)
                completion = Completion.parse(raw) or Completion()
                tokens_in = completion.tokens_in or request_bytes // _BYTES_PER_TOKEN
                characters_out = len(completion.content)
                tokens_out = completion.tokens_out
                tokens_out = tokens_out or characters_out // _CHARACTERS_PER_TOKEN
                count = len(request.requests_by_item)
                tokens = (tokens_in, tokens_out)
                answers = []
                for label, part in enumerate(request.requests_by_item, start=1):
                    key = self.make_cache_key(part)
                    self._replies.store_reply(
                        key,
                        json.dumps([label, count, raw]),
                        model=self.settings.model,
                        prompt_fingerprint=request.prompt,
                        tokens=tokens,
                    )
                    tokens = (0, 0)  # the first item gets the tokens of the whole request
                    answers.append(
                        ItemReply(completion, key, label, count, is_cached=False)
                    )
                self.budget.count_reply(tokens_in, tokens_out, request.character_count)
                return answers
            finally:
                if self._transport is not None:
                    self._transport.finish_request()

    def check_can_send(self) -> None:
        """Check that we may send requests to the server.

        Raises:
            UsageError: `--offline` is set, but the server is on another computer.
            ConfigError: the key is missing.
        """
        if self._offline and not self.settings.is_local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this computer, or --drafter rules",
            )
        self.settings.require_key()

    def stop(self, patience: float = 0.0) -> None:
        """Stop sending requests, and wait up to `patience` seconds for pending replies."""
        with self._lock:
            self._stopped = True
        if self._transport is not None:
            self._transport.stop(patience)

    def _raise_if_stopped(self) -> None:
        """Raise an error if the client was stopped, because the cache may be closed by then."""
        if self._stopped:
            raise self._fatal_error or NoReplyError("stopped before it was sent")

    # --- one request ------------------------------------------------------------------

    def _send(self, request: ModelRequest) -> tuple[str, int]:
        """Send a request and return the raw chat completion and the request size in bytes.

        If the server refuses an optional field, the request is resent without it.
        """
        import openai

        client = self._get_openai_client()
        settings = self.settings
        while True:
            refused = self._refused_fields
            is_first = not self._has_answered
            body = {
                "model": settings.model,
                "messages": list(request.messages),
                **_build_optional_fields(request.schema, refused),
                **settings.extra_body,
            }
            try:
                # `openai` validates `messages` by their types, which takes milliseconds
                response = client.chat.completions.with_raw_response.create(
                    model=settings.model, messages=[], extra_body=body
                )
            except openai.APIStatusError as error:
                status = error.status_code
                text = error.response.text
                field = find_refused_field(
                    settings, status, text, body, is_first=is_first
                )
                if field:
                    with self._lock:  # another thread may have received the same error
                        if self._refused_fields == refused:
                            self._refused_fields = (*refused, field)
                    continue
                location = error.response.headers.get("location", "")
                failure = make_status_error(settings, status, text, location)
                is_gone = (
                    is_first
                    and isinstance(failure, NoReplyError)
                    and extract_error_message(text) == WEB_PAGE
                )
                raise self._count_failure(failure, is_gone=is_gone) from error
            except openai.APIConnectionError as error:
                raise self._make_connection_error(error.__cause__) from error
            if find_error_in_success(response.text):
                description = extract_error_message(response.text)
                failure = NoReplyError(
                    f"{settings.host} did not answer like a language model:"
                    f" {description or 'nothing'}",
                    hint=f"is llm.base_url, {settings.base_url}, right? then {RERUN_HINT}",
                )
                is_gone = is_first and description == WEB_PAGE
                raise self._count_failure(failure, is_gone=is_gone)
            self._has_answered = True
            self._failure_count = 0
            return response.text, len(_to_canonical_json(body).encode("utf-8", "replace"))

    def _make_connection_error(self, cause: object) -> ServiceError | ItemError:
        import httpx2

        from ankiforge.config.http import RequestTimeoutError

        settings = self.settings
        is_gone = isinstance(
            cause, (httpx2.ConnectError, httpx2.ProxyError, ssl.SSLError)
        )
        hint = RERUN_HINT
        if isinstance(cause, RequestTimeoutError):
            description = f"the reply took more than {settings.reply_s:g} s"
            hint = f"use a faster model, or {RERUN_HINT}"
        elif isinstance(cause, httpx2.TimeoutException):
            description = f"no answer within {settings.silence_timeout:g} s"
        elif is_gone:
            description = f"no connection: {cause}"
            hint = f"is the server running, and {settings.base_url} its URL?"
        elif isinstance(cause, ResponseTooLargeError):
            description = str(cause)
            hint = f"is llm.base_url, {settings.base_url}, right? then {RERUN_HINT}"
        else:
            description = f"the answer broke off: {cause}"
        error = NoReplyError(f"{settings.host}: {description}", hint=hint)
        return self._count_failure(error, is_gone=is_gone)

    def _count_failure(
        self, error: ItemError | ServiceError, *, is_gone: bool = False
    ) -> ItemError | ServiceError:
        """Count a failed request, and return the error to raise.

        The error ends the run if other requests would fail as well, because the server is
        unreachable (`is_gone`), several consecutive requests got no reply, or the server has
        rejected several requests without ever answering one.
        """
        settings = self.settings
        if isinstance(error, TooLongError):
            return error
        if self._has_answered and not isinstance(error, NoReplyError | ServiceError):
            return error
        with self._lock:
            self._failure_count += 1
            has_too_many_failures = (
                self._failure_count
                >= MAX_CONSECUTIVE_FAILURES + settings.max_concurrent_requests - 1
            )
            if self._fatal_error is None and isinstance(error, ServiceError):
                self._fatal_error = error
            elif self._fatal_error is None and (has_too_many_failures or is_gone):
                self._fatal_error = ServiceError(error.message, hint=error.hint)
        if self._fatal_error is None:
            return error
        self.stop()  # because every other thread would run into the same error
        return self._fatal_error

    def _get_openai_client(self) -> openai.OpenAI:
        import httpx2
        import openai

        with self._lock:
            self._raise_if_stopped()
            if self._openai is None:
                settings = self.settings
                timeout = settings.silence_timeout
                self._transport = OpenAITransport(settings, self.notice)
                self._openai = openai.OpenAI(
                    base_url=settings.base_url,
                    api_key=settings.require_key() or "none",
                    max_retries=settings.retries,
                    timeout=httpx2.Timeout(timeout, connect=min(10.0, timeout)),
                    http_client=httpx2.Client(transport=self._transport),
                )
            return self._openai


def _to_canonical_json(value: object) -> str:
    """Serialize to JSON with sorted keys and no spaces, so that equal values hash equally."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
