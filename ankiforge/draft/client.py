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
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import openai

from ankiforge.config import LLM_KEY
from ankiforge.config.http import (
    RequestTimeoutError,
    ResponseTooLargeError,
    redact_secret,
)
from ankiforge.draft.prompt import ModelRequest
from ankiforge.draft.server import Budget, ServerSettings, load_ssl_context, open_client
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Json, Pair, Strings, Value, hash16
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.config.caches import ReplyStore


# --- the request ----------------------------------------------------------------------

_TEMPERATURE = "temperature"
_FORMAT = "response_format"


def _build_optional_fields(schema: Json, refused: Strings) -> Json:
    """Build the optional fields of a request, without those that the server has refused.

    Each time the server refuses a response format, a less strict one is used, and finally none.
    """
    fields: Json = {}
    if _TEMPERATURE not in refused:
        fields[_TEMPERATURE] = 0
    json_schema = {"name": "reply", "strict": True, "schema": schema}
    formats = (
        {"type": "json_schema", "json_schema": json_schema},
        {"type": "json_object"},
    )
    refusal_count = refused.count(_FORMAT)
    if refusal_count < len(formats):
        fields[_FORMAT] = formats[refusal_count]
    return fields


# --- the reply ------------------------------------------------------------------------


_MAX_CHARACTERS_PER_TOKEN = 6
"""More characters per token than any tokenizer needs on average for text of any language."""
_MIN_WINDOW_TOKENS = 1_000
"""Fewer tokens than any context window has."""
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

    @property
    def is_error(self) -> bool:
        """Whether the reply has an error in place of an answer."""
        return self.finish_reason == "error" and not self.content

    @classmethod
    def parse(cls, raw: str) -> Completion | None:
        """Parse the body of a reply, or return None if it isn't a chat completion. Never raises.

        A body with choices or a token count is a completion even if it has no text, because
        it has to be paid for.
        """
        reply = _as_dict(_parse_json(raw))
        tokens_in, tokens_out = _parse_usage(reply)
        choices = reply.get("choices")
        is_answer = isinstance(choices, list) and not reply.get("error")
        if not (is_answer or tokens_out):
            return None
        choice = _get_first_choice(reply)
        message = _as_dict(choice.get("message"))
        finish_reason = str(choice.get("finish_reason") or "")
        content = _as_text(message.get("content"))
        reasoning = _parse_reasoning(message)
        if not content and finish_reason == "stop":
            content = _find_answer_in(reasoning)
        return cls(
            content=content,
            finish_reason=finish_reason,
            refusal=_as_text(message.get("refusal")),
            model=_as_text(reply.get("model")),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            has_only_reasoning=bool(reasoning) and not content,
        )


def _was_cut(tokens_in: int, character_count: int) -> bool:
    """Return whether a server has silently cut a request off, as Ollama does by default.

    Args:
        tokens_in: The number of tokens that the server has read, or 0 if unknown.
        character_count: The length of the request.
    """
    if tokens_in < _MIN_WINDOW_TOKENS:  # it isn't a true count
        return False
    return tokens_in * _MAX_CHARACTERS_PER_TOKEN < character_count


def _get_first_choice(reply: Json) -> Json:
    choices = reply.get("choices")
    if not isinstance(choices, list):
        return {}
    return _as_dict(next(iter(choices), None))


def _parse_usage(reply: Json) -> tuple[int, int]:
    """Return the number of tokens in the request and in the reply, each 0 if unknown."""
    usage = _as_dict(reply.get("usage"))
    tokens_in = _parse_token_count(usage.get("prompt_tokens"))
    tokens_out = _parse_token_count(usage.get("completion_tokens"))
    if tokens_in and tokens_out:
        # some servers count reasoning only in the total
        total = _parse_token_count(usage.get("total_tokens"))
        tokens_out = max(tokens_out, total - tokens_in)
    return tokens_in, tokens_out


def _parse_reasoning(message: Json) -> str:
    """Return the reasoning that some servers put into a field of its own."""
    for key in ("reasoning_content", "reasoning"):
        reasoning = _as_text(message.get(key))
        if reasoning:
            return reasoning
    return ""


def _find_answer_in(reasoning: str) -> str:
    """Return the reasoning if it contains the answer, as that of some servers does, or ""."""
    if any(key in reasoning for key in _ANSWER_KEYS):
        return reasoning
    return ""


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
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        return 0
    if not 0 < tokens <= MAX_CREDIBLE_TOKENS:
        return 0
    return tokens


def _as_dict(value: Any) -> Json:
    if not isinstance(value, dict):
        return {}
    return value


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
        settings: The server settings.
        status: The HTTP status of the reply, or the status given in its body.
        body: The body of the reply.
        location: The target URL of a redirect, or "".
    """
    reason = extract_error_message(body) or "no reason given"
    message = f"{settings.host} returned {status}: {reason}"
    placeholders = {
        "key": _make_key_hint(settings),
        "model": repr(settings.model),
        "address": location.removesuffix("/chat/completions")[:200],
    }
    for row in _STATUS_ERRORS:
        if status in row.statuses and row.pattern.search(body):
            return row.error(message, hint=row.hint.format_map(placeholders))
    hint = "if it rejects every request, check llm.extra_body and llm.model"
    return ItemError(message, hint=hint)


def _make_key_hint(settings: ServerSettings) -> str:
    if settings.key_name:
        return f"check the key in the environment variable {settings.key_name}"
    return (
        "no key was sent: write `key_env: NAME` under `llm:`, NAME being the environment"
        " variable that holds the key"
    )


class _StatusError(NamedTuple):
    statuses: Container[int]
    pattern: re.Pattern[str]
    """Matches the bodies to which this row applies."""
    error: type[ServiceError | ItemError]
    hint: str


_ANY_STATUS = range(1000)
_ANY_BODY = regex("")
_NOT_FOUND_HINT = "does this server have the model {model}, and is base_url right?"
_REDIRECT_HINT = "the server redirects to {address}: set llm.base_url to that"
_BUSY_HINT = f"wait for a while, or set llm.concurrency to 1; then {RERUN_HINT}"
_SERVER_ERROR_HINT = f"the server failed: see its log, or restart it; then {RERUN_HINT}"
_FAILURE_STATUSES = (408, 409, *range(500, 1000))
# The first row that matches is used.
_STATUS_ERRORS = (
    _StatusError((402,), _ANY_BODY, ServiceError, _CREDIT_HINT),
    _StatusError(_ANY_STATUS, _NO_CREDIT, ServiceError, _CREDIT_HINT),
    _StatusError((413,), _ANY_BODY, TooLongError, ""),
    _StatusError((400, 422, 500), _TOO_LONG, TooLongError, ""),
    _StatusError((403,), _MODERATED, ItemError, ""),
    _StatusError((401, 403), _ANY_BODY, ServiceError, "{key}"),
    _StatusError((400,), _BAD_KEY, ServiceError, "{key}"),
    _StatusError((404, 405, 410), _ANY_BODY, ServiceError, _NOT_FOUND_HINT),
    _StatusError(range(500), _NO_MODEL, ServiceError, _NOT_FOUND_HINT),
    _StatusError(range(300, 400), _ANY_BODY, ServiceError, _REDIRECT_HINT),
    _StatusError((429,), _ANY_BODY, NoReplyError, _BUSY_HINT),
    _StatusError(_FAILURE_STATUSES, _ANY_BODY, NoReplyError, _SERVER_ERROR_HINT),
)


def find_refused_field(
    settings: ServerSettings,
    status: int,
    body: str,
    request_body: Json,
    *,
    is_first: bool,
) -> str | None:
    """Return the name of the optional field that made the server reject a request, or None.

    Args:
        settings: The server settings.
        status: The HTTP status of the error.
        body: The body of the error.
        request_body: The fields that were sent.
        is_first: Whether the server has not answered any request so far. In that case, an
            internal error that names no field is blamed on the response format.
    """
    if status not in _FIELD_REFUSAL_STATUSES:
        return None
    if _is_web_page(body):
        return None
    our_fields = request_body.keys() - settings.extra_body.keys()
    if _TEMPERATURE in our_fields:
        if re.search(rf"\b{_TEMPERATURE}\b", body):
            return _TEMPERATURE
    if _FORMAT not in our_fields:
        return None
    if is_first and status in (500, 501):  # an unexplained error
        return _FORMAT
    if _FORMAT_ERROR.search(body):
        return _FORMAT
    return None


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
    messages = _MESSAGE.findall(body)
    # the error of a provider may be embedded as a string of JSON, whose quotes are escaped
    for inner_message in _MESSAGE.findall(body.replace('\\"', '"')):
        is_known = any(message.startswith(inner_message) for message in messages)
        if not is_known:
            messages.append(inner_message)
    if not messages:
        return _to_short_line(body)
    joined = ": ".join(dict.fromkeys(messages))
    unescaped = joined.replace("\\n", " ").replace('\\"', '"')
    return _to_short_line(unescaped)


def _to_short_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_MESSAGE_CHARS]


def _is_web_page(body: str) -> bool:
    if body.lstrip().startswith(("{", "[")):
        return False
    return "<" in body[:200]


UNREADABLE_STATUS = 200
"""The status we assign to a reply with HTTP status 200 that isn't a chat completion.

Examples are a login page, an empty body and an unknown error. A retry would return the same.
"""


def find_inner_error_status(raw: str) -> int | None:
    """Return the status of an error in the body of a reply with HTTP status 200, or None.

    Some servers, such as OpenRouter, send an error as the body or inside a choice. There is no
    error in a chat completion or any other JSON object. An error without a status has status 400
    if it is final, and otherwise `UNREADABLE_STATUS`.
    """
    completion = Completion.parse(raw)
    if completion is not None and not completion.is_error:
        return None
    status = _ERROR_STATUS.search(raw.replace('\\"', '"'))
    if status:
        return int(status[1])
    if any(pattern.search(raw) for pattern in (_NO_CREDIT, _BAD_KEY, _NO_MODEL)):
        return 400
    reply = _as_dict(_parse_json(raw))
    if not reply or reply.get("error"):
        return UNREADABLE_STATUS
    return None


# === transport ========================================================================

_LOADING_POLL_INTERVAL = 0.5
"""How many seconds to wait between attempts while the server loads its model."""
# Other headers come from the environment and are meant for OpenAI only.
_OUR_HEADERS = ("host", "content-type", "accept", "user-agent", "authorization")


def _is_retry_pointless(body: str) -> bool:
    """Return whether the body of an error says that a retry would fail as well.

    There is no credit, or the request or its format is refused.
    """
    if _is_web_page(body):
        return False
    patterns = (_NO_CREDIT, _TOO_LONG, _FORMAT_ERROR)
    return any(pattern.search(body) for pattern in patterns)


def _is_loading_model(response: httpx2.Response) -> bool:
    if response.status_code != 503:
        return False
    return _LOADING_MODEL.search(response.text) is not None


def _is_answer_overdue(error: httpx2.HTTPError) -> bool:
    """Return whether a server that was reached hasn't answered in time."""
    if isinstance(error, httpx2.ConnectTimeout):
        return False
    return isinstance(error, httpx2.TimeoutException)


def _find_true_status(response: httpx2.Response) -> int:
    """Return the status of a reply or, if a successful reply has an error in its body, of that."""
    if not response.is_success:
        return response.status_code
    inner_status = find_inner_error_status(response.text)
    # a retry would return the same unreadable reply, so `openai` must not see an error
    if inner_status is None or inner_status == UNREADABLE_STATUS:
        return response.status_code
    return inner_status


def _make_response_too_large(error: ResponseTooLargeError) -> httpx2.Response:
    """Make the response in place of a reply that is too large to be read."""
    if error.status >= 300:
        headers = {"x-should-retry": "false"}
        return httpx2.Response(error.status, headers=headers, text=str(error))
    # treat the reply as truncated, because it was paid for and must not be requested again
    truncated_reply = {"choices": [{"message": {}, "finish_reason": "length"}]}
    return httpx2.Response(200, text=json.dumps(truncated_reply))


class OpenAITransport(httpx2.BaseTransport):
    """The HTTP transport that `openai` uses to send requests. Thread-safe."""

    def __init__(self, settings: ServerSettings, notice: Callable[[str], None]) -> None:
        """Initialize the transport, which connects on the first request.

        Args:
            settings: The server settings.
            notice: Called with a message while the server is loading its model.
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
        """Send a request and return the server's reply. `openai` may retry it after an error.

        While the server is loading its model, the request is repeated until the timeout. The
        thread's request is pending from here until `finish_request`: after an error, or when the
        client has stored the reply.

        Raises:
            openai.APITimeoutError: The request timed out.
            NoReplyError: The run was stopped before the request was sent.
        """
        self._begin_request()
        try:
            response = self._send_until_loaded(request)
        except httpx2.HTTPError as error:
            self.finish_request()
            if _is_answer_overdue(error):
                raise openai.APITimeoutError(request) from error
            raise
        status = _find_true_status(response)
        if response.is_success and status == response.status_code:
            return response
        self.finish_request()
        if _is_retry_pointless(response.text):
            response.headers["x-should-retry"] = "false"
        return httpx2.Response(status, headers=response.headers, text=response.text)

    def _send_until_loaded(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and again while the server loads its model, up to the timeout."""
        response = self._send_once(request)
        while _is_loading_model(response):
            if self._loading_deadline is None:
                self._loading_deadline = time.monotonic() + self._settings.silence_timeout
                self._notice(
                    f"{self._settings.host} is loading its model; waiting for it"
                )
            if time.monotonic() > self._loading_deadline:
                break
            if self._stopped.wait(_LOADING_POLL_INTERVAL):
                break
            response = self._send_once(request)
        return response

    def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request once, with our own limits of time and size.

        Raises:
            openai.APIConnectionError: The reply is too large, and has no status.
        """
        settings = self._settings
        headers = {"accept-encoding": "identity"}
        for name, value in request.headers.items():
            if self._may_send_header(name):
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
            return _make_response_too_large(error)
        return self._remove_secrets(reply)

    def _remove_secrets(self, reply: httpx2.Response) -> httpx2.Response:
        """Return a reply with the headers that `openai` or we need, and without the key."""
        key = self._settings.key
        headers = {}
        for name in ("retry-after", "retry-after-ms", "location"):
            if name in reply.headers:
                headers[name] = redact_secret(reply.headers[name], key)
        text = redact_secret(reply.content.decode("utf-8-sig", "replace"), key)
        return httpx2.Response(reply.status_code, headers=headers, text=text)

    def _may_send_header(self, name: str) -> bool:
        """Return whether a header that `openai` adds to a request may be sent to the server."""
        if name == "authorization":
            return bool(self._settings.key)
        if name in _OUR_HEADERS:
            return True
        return LLM_KEY.can_be_sent_to(self._settings.base_url)

    # --- pending requests -------------------------------------------------------------

    def _begin_request(self) -> None:
        """Record that this thread's request is pending.

        Raises:
            NoReplyError: The run was stopped.
        """
        with self._condition:
            if self._stopped.is_set():
                raise NoReplyError("stopped before it was sent")
            self._pending_threads.add(threading.get_ident())

    def finish_request(self) -> None:
        """Record that this thread's request is no longer pending. May be called repeatedly."""
        with self._condition:
            self._pending_threads.discard(threading.get_ident())
            self._condition.notify_all()

    def stop(self, timeout: float) -> None:
        """Refuse new requests, and wait at most `timeout` seconds for the pending ones."""
        with self._condition:
            self._stopped.set()
            self._condition.wait_for(lambda: not self._pending_threads, timeout)


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
            settings: The server, the model and the limits.
            replies: The cache of replies.
            notice: Called with progress messages for the user, e.g. that the server is loading
                its model.
            offline: Whether to refuse to send anything to other computers.
            fresh: Whether to ignore replies that are already cached.
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

    def find_cached_reply(self, request: ModelRequest) -> ItemReply | None:
        """Return the cached reply to a request about a single item, or None if there is none."""
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
        self, request: ModelRequest, *, ignore_cache: bool = False
    ) -> list[ItemReply]:
        """Return one reply per item of a request.

        The reply about a single item comes from the cache if possible, unless `ignore_cache` is
        set.

        Raises:
            ServiceError: Further requests would fail as well, e.g. because of the key, the
                model or the credit.
            BudgetExceededError: The budget is used up.
            ItemError: Only this request failed.
            ConfigError, UsageError: See `check_can_send`.
        """
        self._raise_if_stopped()
        cached = None
        if not request.item_requests and not ignore_cache:
            cached = self.find_cached_reply(request)
        if cached is not None:
            self.budget.record_cached_reply()
            return [cached]
        self.check_can_send()

        with self.budget.request_slot():
            try:
                raw, request_bytes = self._send(request)
                return self._store_reply(request, raw, request_bytes)
            finally:
                if self._transport is not None:
                    self._transport.finish_request()

    def _store_reply(
        self, request: ModelRequest, raw: str, request_bytes: int
    ) -> list[ItemReply]:
        """Cache a reply once for each item, count its cost, and return the reply for each item."""
        completion = Completion.parse(raw) or Completion()
        # other servers may count only the tokens that they hadn't cached
        if self.settings.is_local:
            self._check_was_read_whole(request, completion)
        tokens_in = completion.tokens_in or request_bytes // _BYTES_PER_TOKEN
        estimated_tokens_out = len(completion.content) // _CHARACTERS_PER_TOKEN
        tokens_out = completion.tokens_out or estimated_tokens_out
        items = request.single_item_requests
        replies = []
        for label, item in enumerate(items, start=1):
            key = self.make_cache_key(item)
            # the first item gets the tokens of the whole request
            tokens = (0, 0)
            if label == 1:
                tokens = (tokens_in, tokens_out)
            self._replies.store_reply(
                key,
                json.dumps([label, len(items), raw]),
                model=self.settings.model,
                prompt_fingerprint=request.prompt_fingerprint,
                tokens=tokens,
            )
            replies.append(ItemReply(completion, key, label, len(items), is_cached=False))
        self.budget.record_reply(tokens_in, tokens_out, request.character_count)
        return replies

    def _check_was_read_whole(
        self, request: ModelRequest, completion: Completion
    ) -> None:
        """Raise an error if the server has silently cut off a request, and count its cost."""
        if not _was_cut(completion.tokens_in, request.character_count):
            return
        self.budget.record_reply(completion.tokens_in, completion.tokens_out)
        raise ServiceError(
            f"the model read only {completion.tokens_in:,} tokens of a request of"
            f" {request.character_count:,} characters, because its context window is smaller",
            hint="load the model with a larger one (Ollama: OLLAMA_CONTEXT_LENGTH=16384)",
        )

    def check_can_send(self) -> None:
        """Check that we may send requests to the server.

        Raises:
            UsageError: `--offline` is set, but the server is on another computer.
            ConfigError: The key is missing.
        """
        if self._offline and not self.settings.is_local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this computer, or --drafter rules",
            )
        self.settings.require_key()

    def stop(self, timeout: float = 0.0) -> None:
        """Stop sending requests, and wait up to `timeout` seconds for pending replies."""
        with self._lock:
            self._stopped = True
        if self._transport is not None:
            self._transport.stop(timeout)

    def _raise_if_stopped(self) -> None:
        """Raise an error if the client was stopped, because the cache may already be closed."""
        if self._stopped:
            raise self._fatal_error or NoReplyError("stopped before it was sent")

    # --- one request ------------------------------------------------------------------

    def _send(self, request: ModelRequest) -> tuple[str, int]:
        """Send a request and return the raw chat completion and the request size in bytes.

        If the server refuses an optional field, the request is resent without it.
        """
        client = self._get_openai_client()
        while True:
            refused_fields = self._refused_fields
            is_first = not self._has_answered
            body = self._build_body(request, refused_fields)
            try:
                # `openai` validates `messages` by their types, which takes milliseconds
                response = client.chat.completions.with_raw_response.create(
                    model=self.settings.model, messages=[], extra_body=body
                )
            except openai.APIConnectionError as error:
                raise self._make_connection_error(error.__cause__) from error
            except openai.APIStatusError as error:
                reply = error.response
                field = find_refused_field(
                    self.settings, error.status_code, reply.text, body, is_first=is_first
                )
                if field is None:
                    raise self._make_server_error(error, is_first=is_first) from error
                self._add_refused_field(field, refused_fields)
                continue
            if find_inner_error_status(response.text) is not None:
                raise self._make_unreadable_error(response.text, is_first=is_first)
            self._has_answered = True
            self._failure_count = 0
            return response.text, len(_to_canonical_json(body).encode("utf-8", "replace"))

    def _add_refused_field(self, field: str, fields_before: Strings) -> None:
        """Leave a field out of all requests from now on.

        `fields_before` were left out of the refused request. If they have changed, another
        thread has received the same error.
        """
        with self._lock:
            if self._refused_fields == fields_before:
                self._refused_fields = (*fields_before, field)

    def _build_body(self, request: ModelRequest, refused_fields: Strings) -> Json:
        return {
            "model": self.settings.model,
            "messages": list(request.messages),
            **_build_optional_fields(request.schema, refused_fields),
            **self.settings.extra_body,
        }

    # --- failed requests --------------------------------------------------------------

    def _make_server_error(
        self, error: openai.APIStatusError, *, is_first: bool
    ) -> ServiceError | ItemError:
        """Make the error for an error reply, and count it."""
        text = error.response.text
        location = error.response.headers.get("location", "")
        failure = make_status_error(self.settings, error.status_code, text, location)
        is_gone = False
        if is_first and isinstance(failure, NoReplyError):
            # a web page instead of any answer is not from a language model
            is_gone = extract_error_message(text) == WEB_PAGE
        return self._count_failure(failure, is_gone=is_gone)

    def _make_unreadable_error(
        self, text: str, *, is_first: bool
    ) -> ServiceError | ItemError:
        """Make the error for a reply that isn't a chat completion, and count it."""
        settings = self.settings
        description = extract_error_message(text) or "nothing"
        failure = NoReplyError(
            f"{settings.host} did not answer like a language model: {description}",
            hint=f"is llm.base_url, {settings.base_url}, right? then {RERUN_HINT}",
        )
        is_gone = is_first and description == WEB_PAGE
        return self._count_failure(failure, is_gone=is_gone)

    def _make_connection_error(self, cause: object) -> ServiceError | ItemError:
        """Make the error for a request without a complete reply, and count it."""
        is_gone = isinstance(
            cause, httpx2.ConnectError | httpx2.ProxyError | ssl.SSLError
        )
        description, hint = self._describe_connection_failure(cause, is_gone=is_gone)
        error = NoReplyError(f"{self.settings.host}: {description}", hint=hint)
        return self._count_failure(error, is_gone=is_gone)

    def _describe_connection_failure(self, cause: object, *, is_gone: bool) -> Pair:
        """Return what happened to a request without a complete reply, and what to do."""
        settings = self.settings
        if isinstance(cause, RequestTimeoutError):
            description = f"the reply took more than {settings.reply_s:g} s"
            return description, f"use a faster model, or {RERUN_HINT}"
        if isinstance(cause, httpx2.TimeoutException):
            return f"no answer within {settings.silence_timeout:g} s", RERUN_HINT
        if is_gone:
            hint = f"is the server running, and {settings.base_url} its URL?"
            return f"no connection: {cause}", hint
        if isinstance(cause, ResponseTooLargeError):
            hint = f"is llm.base_url, {settings.base_url}, right? then {RERUN_HINT}"
            return str(cause), hint
        return f"the answer broke off: {cause}", RERUN_HINT

    def _count_failure(
        self, error: ItemError | ServiceError, *, is_gone: bool
    ) -> ItemError | ServiceError:
        """Count a failed request, and return the error to raise.

        This is an error that ends the run if other requests would fail as well: the server is
        unreachable (`is_gone`), several consecutive requests got no reply, or the server has
        rejected several requests and never answered one.
        """
        if isinstance(error, TooLongError):
            return error
        is_rejection = not isinstance(error, NoReplyError | ServiceError)
        if is_rejection and self._has_answered:
            return error  # the server works, so only this request is at fault
        with self._lock:
            self._failure_count += 1
            if self._fatal_error is None:
                self._fatal_error = self._find_fatal_error(error, is_gone=is_gone)
        if self._fatal_error is None:
            return error
        self.stop()  # because every other thread would run into the same error
        return self._fatal_error

    def _find_fatal_error(
        self, error: ItemError | ServiceError, *, is_gone: bool
    ) -> ServiceError | None:
        """Return the error that ends the run because of a failed request, or None to go on."""
        if isinstance(error, ServiceError):
            return error
        concurrency = self.settings.max_concurrent_requests
        if is_gone or self._failure_count >= MAX_CONSECUTIVE_FAILURES + concurrency - 1:
            return ServiceError(error.message, hint=error.hint)
        return None

    def _get_openai_client(self) -> openai.OpenAI:
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
