"""The client of an OpenAI-compatible server: it turns a request into a raw reply, or raises an error.

`openai` sends, retries and waits. Its transport is ours: it reads each answer whole, within limits
of time and size, tells a reply from everything else that servers send with status 200, and marks
what may be retried (`x-should-retry`, `retry-after-ms`). What ends in failure is one of:

    ServiceError         the run ends: no key, no such model, no money, nobody there
    FieldRefusedError    the server does not take a field of ours: ask again without it
    TooLongError         more than the model's context holds: send less
    BrokenError          the server failed with 500 each time
    UnansweredError      no usable answer after all retries; other requests may succeed
    ItemError            the server rejects this very request

`openai` is imported with the first request: it costs half a second and 49 MB.
"""

from __future__ import annotations

import email.utils
import html
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ankiforge.config import LLM, is_loopback, key_for, key_variable
from ankiforge.draft.budget import FREE, Price, known_models, known_price
from ankiforge.draft.prompt import Body
from ankiforge.draft.reply import completion
from ankiforge.errors import ConfigError, ItemError, ServiceError

FORMAT = "response_format"
CAPS = ("max_completion_tokens", "max_tokens")
"""The fields that limit the length of a reply; the first one that the server accepts is used."""
OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields that every request has, unless the server refuses them or `extra_body` sets them."""
LARGEST = 8_000_000
"""The largest reply that is read, in bytes."""
LONG_S = 600.0
LONGEST_WAIT_S = 120.0
"""The longest wait that a server may ask for; `openai` waits no longer either."""
IN_A_ROW = 3
"""This many requests in a row without an answer, after all retries, end the run; more if several
are under way, because one outage affects all of them."""
REJECTED = 10
"""This many requests rejected by a server that has answered none end the run."""

# --- settings -------------------------------------------------------------------------------

_OURS = ("model", "messages", "stream", "n")
"""Keys of a request that `extra_body` may not set."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server, a model, and the limits of their use: the `llm` section, ready for use.

    Raises:
        ConfigError: on a value that cannot be meant.
    """

    base_url: str
    """Ends before `/chat/completions`."""
    model: str
    key_env: str = ""
    """The environment variable that holds the key; "" = the default one, if this is its address."""
    budget_usd: float | None = None
    """What one run may spend; None = no limit."""
    price_usd: tuple[float, float] | None = None
    """Dollars per million tokens (in, out); None = from the tables."""
    prices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The person's own table, by model: dollars per million tokens in, out, in again."""
    candidates: int = 1
    """How many drafts of one fact a person may pick from; 1 = no choice."""
    candidates_before: int = 0
    """How many an older default asked for: such cached replies are used, too; 0 = as now."""
    tags: tuple[str, ...] = ()
    """What the model says of each card, as tags: out of `bloom`, `difficulty`."""
    concurrency: int = 0
    """Requests at a time; 0 = 4, on loopback 1."""
    per_request: int = 0
    """Highlights of one document in a request; 0 = 5, on loopback 1."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 0.0
    """Longest silence of the server; 0 = 120, on loopback 600: it may have no graphics card."""
    total_s: float = 0.0
    """Longest time for one whole reply, and for all tries after silences together; 0 = for the
    reply as `timeout_s`, if that is set, and else ten minutes."""
    retries: int = 3
    backoff_s: float = 0.5
    """Wait before the first retry; doubled for each further one, 8 s at most. Where there are
    too many requests, eight times as long each, 30 s at most."""
    workspace: str = "DIR"
    """The workspace as it is named in commands that a person may copy."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(
                f"llm.base_url: {self.base_url!r} is not an http address",
                hint="like http://127.0.0.1:11434/v1",
            )
        if parts.username or parts.password:
            raise ConfigError(
                f"llm.base_url: the address contains a password for {self.host}",
                hint="keys come from the environment: see llm.key_env",
            )
        if not self.model.strip():
            raise ConfigError(
                "llm.model: no model is named", hint="for example qwen3:8b or gpt-5-mini"
            )
        if taken := [key for key in _OURS if key in self.extra_body]:
            what = f"llm.extra_body: {taken[0]!r} is set by the program"
            raise ConfigError(what, hint="remove it")
        if self.budget_usd is not None and self.price is None:
            raise ConfigError(
                f"llm.budget_usd: the price of {self.model!r} at {self.host} is not known",
                hint="write it: `llm.price_usd: [in, out]`, or into prices.yaml; known are "
                + ", ".join(known_models()),
            )

    @property
    def host(self) -> str:
        """Return the host that receives the text, for display: `api.openai.com`, `127.0.0.1:11434`."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url

    @property
    def local(self) -> bool:
        """Return whether the server is on this machine."""
        return is_loopback(self.base_url)

    @property
    def key_name(self) -> str:
        """Return the environment variable whose key is sent; "" if none is."""
        return key_variable(LLM, self.base_url, self.key_env)

    @property
    def key(self) -> str:
        """Return the key out of the environment, "" if there is none."""
        return key_for(LLM, self.base_url, self.key_env)

    def checked_key(self) -> str:
        """Return the key; on loopback there need not be one, nor where no variable is named.

        Raises:
            ConfigError: it is missing, or cannot be sent in a header.
        """
        key, name = self.key, self.key_name
        if name and not key and not self.local:
            raise ConfigError(
                f"llm.key_env: the environment variable {name} is not set",
                hint=f"export {name}=… before the run",
            )
        if not key.isascii() or not key.isprintable():
            raise ConfigError(
                f"the key in {name} contains characters that are not allowed in a header"
            )
        return key or "none"

    @property
    def silence_s(self) -> float:
        """Return how many seconds the server may be silent."""
        return self.timeout_s or (600.0 if self.local else 120.0)

    @property
    def reply_s(self) -> float:
        """Return how long one whole reply may take."""
        return self.total_s or self.timeout_s or LONG_S

    @property
    def threads(self) -> int:
        """Return how many requests are under way at a time."""
        return self.concurrency or (1 if self.local else 4)

    @property
    def batch(self) -> int:
        """Return how many highlights share a request."""
        return self.per_request or (1 if self.local else 5)

    @property
    def price(self) -> Price | None:
        """Return the token prices, None if they are unknown.

        On loopback nothing, unless the model has a list price: then it is a proxy that answers.
        """
        if self.price_usd is not None:
            return Price(*self.price_usd)
        return known_price(self.model, self.prices) or (FREE if self.local else None)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what so many tokens cost in dollars, None if the price is unknown."""
        return None if self.price is None else self.price.cost(tokens_in, tokens_out)


# --- faults ---------------------------------------------------------------------------------


class FieldRefusedError(ItemError):
    """The server does not take a field of the request."""

    def __init__(self, words: str, name: str, takes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.field = name
        self.takes = takes
        """The types of `response_format` that it says it does take."""


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


class BrokenError(UnansweredError):
    """An error of the server after all retries; some say so of a request they cannot take."""


class PassingError(Exception):
    """An error that may be temporary.

    Attributes:
        status: 500 and 501 are errors within the server; 429, 503 and 529 mean too many requests.
        after: seconds the server asks us to wait; 0 if it does not say.
        retry: whether the same request may be sent again.
        absent: the address answers, but not as a model server; ends the run if it never did.
        gone: there is no connection; ends the run.
        hint: what to do, "" = the usual.
    """

    def __init__(
        self,
        words: str,
        *,
        status: int = 502,
        after: float = 0.0,
        retry: bool = True,
        absent: bool = False,
        gone: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(words)
        self.status = status
        self.after = after
        self.retry = retry
        self.absent = absent
        self.gone = gone
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Complaint:
    """The content of an error body."""

    words: str
    """In a line; "" if nothing that a person can read."""
    codes: str = ""
    """All codes, types, reasons and parameters in it, a blank between."""
    status: int = 0
    """The HTTP status that the body itself names; 0 if it names none."""
    after: float = 0.0
    """Seconds to wait that the body names."""


_CODES = ("code", "type", "status", "reason", "error_type", "error_code")
_WORDS = ("message", "msg", "error_description", "detail", "title")
_DEEPEST = 6


def complaint(text: str) -> Complaint:
    """Parse the body of an error, whatever its shape. Never raises.

    Servers say it as OpenAI's `{"error": {…}}`, a bare string (LM Studio), a list (Gemini),
    `detail` (Mistral and whatever FastAPI serves), or a web page (proxies, logins).
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Complaint(_page(text) if "<" in text[:200] else _line(text))
    pairs = [("error", found)] if isinstance(found, str) else list(_pairs(found))
    bare = [_line(value) for name, value in pairs if name == "error" and isinstance(value, str)]
    said = bare or dict.fromkeys(_line(value) for name, value in pairs if name in _WORDS and value)
    codes = [str(value) for name, value in pairs if name in _CODES and isinstance(value, str | int)]
    params = [str(value) for name, value in pairs if name in ("param", "loc") and value]
    return Complaint(
        words=": ".join(one for one in said if one)[:300],
        codes=" ".join([*codes, *params])[:2_000],
        status=next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), 0),
        after=_seconds(str(next((v for n, v in pairs if n == "retryDelay"), ""))),
    )


def _pairs(found: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield every scalar below, with its name; of a list of names the whole."""
    if depth > _DEEPEST:
        return
    if isinstance(found, dict):
        for name, value in list(found.items())[:50]:
            if name == "loc" and isinstance(value, list):
                yield "loc", ".".join(map(str, value))
            elif name == "raw" and isinstance(value, str) and value.lstrip().startswith("{"):
                try:  # the error of a provider that another server hands on as text
                    yield from _pairs(json.loads(value), depth + 1)
                except (ValueError, RecursionError):
                    yield "message", value
            elif isinstance(value, dict | list):
                yield from _pairs(value, depth + 1)
            else:
                yield name, value
    elif isinstance(found, list):
        for value in found[:20]:
            yield from [("message", value)] if isinstance(value, str) else _pairs(value, depth + 1)


def _line(said: object) -> str:
    return " ".join(str(said).split())[:300]


def _page(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", text[:5_000], re.DOTALL | re.IGNORECASE)
    return f"a web page: {_line(html.unescape(title[1]))[:80]}" if title else ""


def message_of(text: str) -> str:
    """Return the message of an error body, on one line."""
    return complaint(text).words or "no reason given"


MONEY = "the account is out of credit; run again when it is filled, nothing is lost"
_NO_MONEY = (
    r"insufficient[_ ](?:quota|credits?|balance|funds)|credit balance is too low"
    r"|billing_hard_limit|billing_not_active|exceeded_current_quota"
)
_BAD_KEY = (
    r"api[_ ]key[_ ]invalid|api key (?:not valid|expired)|(?:invalid|incorrect)[_ ]api[_ ]key"
    r"|invalid_authentication"
)
_NO_MODEL = (
    r"model_not_found|not a valid model|model [^.]{0,80}(?:not found|does not exist|not loaded)"
    r"|no models? (?:is |are )?loaded|invalid[_ ]model"
)
_TOO_LONG = (
    r"context_length_exceeded|context (?:length|window|size)|maximum context|too many tokens"
    r"|prompt is too long|exceeds? the (?:available )?context|input is too long"
    r"|token count.{0,40}exceeds|maximum number of tokens|request too large|string too long"
)
_FORMAT = (
    r"response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)
_KEY_HINT, _MODEL_HINT = "{key}", "is {model!r} a model of this server, and base_url right?"
_TABLE: tuple[tuple[Container[int], str, type[Exception], str], ...] = (
    # statuses, what the body says, what it means, what to do
    ((402,), "", ServiceError, MONEY),
    (range(600), _NO_MONEY, ServiceError, MONEY),
    ((400, 404, 415, 422, 500, 501, 503), "", FieldRefusedError, ""),
    ((413,), "", TooLongError, ""),
    ((400, 422, 500), _TOO_LONG, TooLongError, ""),
    ((403,), r"moderation|flagged|content.?policy|safety", ItemError, ""),
    ((401, 403), "", ServiceError, _KEY_HINT),
    ((400,), _BAD_KEY, ServiceError, _KEY_HINT),
    ((404, 405, 410), "", ServiceError, _MODEL_HINT),
    (range(500), _NO_MODEL, ServiceError, _MODEL_HINT),
    ((407,), "", ServiceError, "the proxy wants a name and password: see HTTPS_PROXY"),
    (
        range(300, 400),
        "",
        ServiceError,
        "the server sends us elsewhere{to}: write the final address as llm.base_url",
    ),
    ((408, 409, 423, 425, 429, *range(500, 600)), "", PassingError, ""),
    (range(1000), "", ItemError, ""),
)


def refusal(
    settings: ServerSettings, status: int, text: str, headers: Mapping[str, str], request: Body
) -> Exception:
    """Return the exception for an error status.

    Args:
        settings: the server that was asked.
        status: of the answer, or what its body says it is.
        text: the body.
        headers: `retry-after`, `location`.
        request: the body of the request.
    """
    said = complaint(text)
    reason = said.words or "no reason given"
    words, whole = f"{settings.host} answers {status}: {reason}", f"{said.words} {said.codes}"
    for statuses, like, kind, hint in _TABLE:
        if status not in statuses or not re.search(like, whole, re.IGNORECASE):
            continue
        if kind is FieldRefusedError:
            if name := _refused_field(settings, whole, request):
                return FieldRefusedError(words, name, _taken(said.words))
        elif kind is PassingError:
            after = retry_after(headers) or said.after
            return PassingError(f"{status}: {reason}", status=status, after=after)
        elif kind is ServiceError:
            where = headers.get("location", "").removesuffix("/chat/completions")[:200]
            to = f" ({where})" if where.startswith("http") else ""
            return ServiceError(
                words, hint=hint.format(key=_key_hint(settings), model=settings.model, to=to)
            )
        else:
            return kind(words)
    raise AssertionError(status)


def _key_hint(settings: ServerSettings) -> str:
    if settings.key_name:
        return f"check the key in the environment variable {settings.key_name}"
    return (
        f"no key was sent to {settings.host}: write `key_env: NAME` under `llm:` in"
        " ankiforge.yaml, NAME being the environment variable that holds this server's key, then:"
        f" ankiforge init --trust {settings.workspace}"
    )


def _refused_field(settings: ServerSettings, whole: str, request: Body) -> str:
    """Return the field to blame that may be left out, "" if none: of our own ones first."""
    ours = [name for name in (*OPTIONS, *CAPS) if name not in settings.extra_body]
    for name in ours:
        if name in request and re.search(rf"(?<![\w]){name}(?![\w])", whole):
            return name
    return FORMAT if FORMAT in request and re.search(_FORMAT, whole, re.IGNORECASE) else ""


def _taken(words: str) -> tuple[str, ...]:
    """Return the formats of `'response_format.type' must be 'json_schema' or 'text'`."""
    said = re.search(
        r"(?:must be|should be|supported|expected|one of|allowed|either|only)(.*)", words, re.I
    )
    found = re.findall(r"\b(json_schema|json_object|text)\b", said[1][:80]) if said else []
    return tuple(dict.fromkeys(found))


def disguised(settings: ServerSettings, raw: str, request: Body) -> Exception | None:
    """Return what is wrong with an answer of status 200; None if it is a reply.

    OpenRouter sends errors with status 200, or within a choice; others a login page.
    """
    text, within = raw, False
    if found := completion(raw):
        if found.finish != "error" or found.content:
            return None
        text, within = (
            json.dumps(json.loads(raw, strict=False)["choices"][0].get("error") or {}),
            True,
        )
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        if text.lstrip().startswith(("{", "[")):
            return PassingError(f"the answer is cut off: {text.strip()[:60]!r}")
        what = _page(raw) or repr(raw.strip()[:60])
        return PassingError(f"no chat completion but {what}", absent=True)
    said = complaint(text)
    if said.status and (within or (isinstance(parsed, dict | list) and "error" in text)):
        return refusal(settings, said.status, text, {}, request)
    if re.search(
        f"{_NO_MONEY}|{_BAD_KEY}|{_NO_MODEL}", f"{said.words} {said.codes}", re.IGNORECASE
    ):
        return refusal(settings, 400, text, {}, request)
    empty = isinstance(parsed, dict) and parsed.get("choices") == []
    reason = said.words or ("its list of choices is empty" if empty else "no reason given")
    return PassingError(f"no chat completion: {reason}", after=said.after)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that the server asks us to wait; 0 if it does not say."""
    if (exact := _seconds(headers.get("retry-after-ms", ""))) > 0:
        return exact / 1000
    said = headers.get("retry-after", "").strip()
    if seconds := _seconds(said):
        return seconds
    try:
        until = email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max(until - time.time(), 0.0)


def _seconds(said: str) -> float:
    """Return the seconds of `2`, `0.5`, `34s`; 0 for anything else."""
    number = said.strip().removesuffix("s")
    return float(number) if re.fullmatch(r"\d{1,9}(?:\.\d{0,9})?", number) else 0.0


# --- the client -----------------------------------------------------------------------------

_SECRET = 16
"""Characters of a key that is taken out of replies; a shorter one, such as `ollama`, is a word."""
CERTIFICATE = (
    "asking again does not mend it. Is base_url the name that the certificate is for, and the"
    " clock right? For a certificate of your own: export SSL_CERT_FILE=/path/to/its-ca.pem"
)


class Client:
    """An OpenAI-compatible server, asked by several threads."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._openai: Any = None
        self._transport: _Transport | None = None
        self._stopped = False
        self._answered = False
        self._unanswered = 0
        self._rejected = 0
        self._end: ServiceError | None = None
        """Why the run ended, if it did."""

    @contextmanager
    def ask(self, request: Body, *, once: bool = False) -> Iterator[str]:
        """Yield the raw reply, a chat completion in JSON; wait and retry as the server asks.

        The request counts as under way until the block ends, for the reply to be stored in it.

        Args:
            request: the body.
            once: without retries.

        Raises:
            ServiceError, ItemError: see above.
            ConfigError: the key is missing.
        """
        try:
            try:
                raw = self._sent(request, once)
            except ServiceError as error:
                self._end = self._end or error
                self.stop()  # or the other threads would hear the same, each for itself
                raise
            except ItemError as error:
                if self._end:
                    raise self._end from error
                self._count_rejection(error)
                raise
            yield raw
        finally:
            if self._transport is not None:
                self._transport.leave()

    @property
    def under_way(self) -> int:
        """Return how many requests were sent whose replies are not stored."""
        return len(self._transport.busy) if self._transport else 0

    def stop(self, patience: float | None = 0.0) -> None:
        """Send nothing more, and wait so many seconds for what is under way; None = as long as it takes."""
        with self._lock:
            self._stopped = True
        if self._transport is not None:
            self._transport.stop(patience)

    def _sent(self, request: Body, once: bool) -> str:
        import openai

        client = self._connected()
        if once:
            client = client.with_options(max_retries=0)
        try:
            # as `messages` they would be walked through by their types, for milliseconds each
            answer = client.chat.completions.with_raw_response.create(
                model=request["model"], messages=[], extra_body=request
            )
        except openai.APIStatusError as error:
            raise self._given_up(error.response.extensions["fault"]) from error
        self._answered, self._unanswered, self._rejected = True, 0, 0
        return without_key(self._settings, answer.text, _SECRET)

    def _connected(self) -> Any:
        import httpx2
        import openai

        with self._lock:
            if self._stopped:
                raise self._end or UnansweredError("stopped before it was sent")
            if self._openai is None:
                settings = self._settings
                wait = httpx2.Timeout(settings.silence_s, connect=min(10.0, settings.silence_s))
                self._transport = transport = _Transport(settings)
                self._openai = openai.OpenAI(
                    base_url=settings.base_url,
                    api_key=settings.checked_key(),
                    default_headers={"Accept-Encoding": "identity", **settings.headers},
                    max_retries=settings.retries,
                    timeout=wait,
                    http_client=httpx2.Client(transport=transport, follow_redirects=False),  # type: ignore[arg-type]
                )
            return self._openai

    def _given_up(self, fault: PassingError) -> ServiceError | UnansweredError:
        with self._lock:
            self._unanswered += 1
            often = self._unanswered >= IN_A_ROW + self._settings.threads - 1
        settings = self._settings
        words = f"{settings.host}: {without_key(settings, str(fault))}"
        if often or fault.gone or (fault.absent and not self._answered):
            hint = f"is the server running, and {settings.base_url} its address?"
            return ServiceError(words, hint=fault.hint or hint)
        kind = BrokenError if fault.status in (500, 501) else UnansweredError
        return kind(words, hint=fault.hint or "run again: what was answered is kept")

    def _count_rejection(self, error: ItemError) -> None:
        """End the run if a server has taken nothing so far, and rejects one after another."""
        if type(error) is not ItemError or self._answered:
            return
        with self._lock:
            self._rejected += 1
            if self._rejected < REJECTED:
                return
        hint = "it takes none of our requests: see llm.extra_body and llm.model"
        self._end = ServiceError(error.message, hint=hint)
        self.stop()
        raise self._end from error


def without_key(settings: ServerSettings, text: str, shortest: int = 4) -> str:
    """Return a server's words without the key, which some repeat."""
    key = settings.key
    return text.replace(key, "***") if len(key) >= shortest else text


class _Transport:
    """Below `openai`: send, read within limits, judge the answer, mark what may be retried."""

    def __init__(self, settings: ServerSettings) -> None:
        import httpx2

        parts = urlsplit(settings.base_url)
        proxies = {} if settings.local or proxy_bypass(parts.hostname or "") else getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        self._settings = settings
        self._http = httpx2.HTTPTransport(proxy=proxy)
        self._changed = threading.Condition()
        self._stopped = False
        self._not_before = 0.0
        self.busy: set[int] = set()
        """The threads whose request is on its way, or whose reply is not stored yet."""

    def handle_request(self, request: Any) -> Any:
        """Send one attempt of a request, and return its reply or a fault as a response."""
        import httpx2

        settings = self._settings
        attempt = int(request.headers.get("x-stainless-retry-count", "0"))
        self._enter()
        try:
            fault = self._answer(request)
        except httpx2.ConnectTimeout:
            fault = PassingError("no connection in time", gone=True)
        except httpx2.TimeoutException:
            silence = settings.silence_s
            # a silent server is busy, and asked again for a while
            again = (attempt + 2) * silence <= (settings.total_s or LONG_S)
            fault = PassingError(f"no answer within {silence:g} s", retry=again)
        except (httpx2.ConnectError, httpx2.ProxyError, ssl.SSLError) as error:
            if why := _distrusted(error):
                raise ServiceError(
                    f"{settings.host}: its certificate is not trusted: {why}", hint=CERTIFICATE
                ) from error
            fault = PassingError(f"no connection: {error}", gone=True)
        except httpx2.RequestError as error:
            fault = PassingError(f"the answer broke off: {error}")
        if isinstance(fault, str):
            return httpx2.Response(200, text=fault)
        if not isinstance(fault, PassingError):
            raise fault
        self.leave()
        crowded = fault.status in (429, 503, 529)
        factor, most = (8, 30.0) if crowded else (2, 8.0)
        wait = fault.after or min(settings.backoff_s * factor**attempt, most)
        if wait > LONGEST_WAIT_S:
            raise ServiceError(
                f"{settings.host} asks to wait {wait:,.0f} s: {fault}",
                hint="run again later; what was answered is kept",
            )
        if crowded:
            self._not_before = max(self._not_before, time.monotonic() + wait)
        marks = {
            "x-should-retry": "true" if fault.retry else "false",
            "retry-after-ms": f"{max(wait, 0.001) * 1000:.3f}",
        }
        return httpx2.Response(fault.status, headers=marks, extensions={"fault": fault})

    def _answer(self, request: Any) -> Any:
        """Return the text of a reply, or what is wrong with the answer."""
        settings, body = self._settings, json.loads(request.content)
        if not LLM.owns(settings.base_url):  # take out what is meant for OpenAI alone
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            names = {line.partition(":")[0].strip() for line in lines} - {""}
            for name in ("OpenAI-Organization", "OpenAI-Project", *names):
                request.headers.pop(name, None)
            key = settings.checked_key()
            request.headers.update({**settings.headers, "Authorization": f"Bearer {key}"})
        began, parts, size = time.monotonic(), [], 0
        answer = self._http.handle_request(request)
        try:
            for part in answer.iter_bytes():
                size += len(part)
                if size > LARGEST:
                    return ItemError(f"a reply of more than {LARGEST:,} bytes")
                if time.monotonic() - began > settings.reply_s:
                    words = f"the reply took more than {settings.reply_s:g} s"
                    hint = "run again, with more time: llm.total_s; what was answered is kept"
                    return PassingError(words, retry=False, hint=hint)  # it is paid for
                parts.append(part)
        finally:
            answer.close()
        text = b"".join(parts).decode("utf-8-sig", "replace")
        shown = without_key(settings, text)
        if answer.is_success:
            return disguised(settings, shown, body) or text
        return refusal(settings, answer.status_code, shown, answer.headers, body)

    def _enter(self) -> None:
        """Wait while the server has too many requests."""
        with self._changed:
            while not self._stopped and (left := self._not_before - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._stopped:
                raise UnansweredError("stopped before it was sent")
            self.busy.add(threading.get_ident())

    def leave(self) -> None:
        """Count this thread's request as done."""
        with self._changed:
            self.busy.discard(threading.get_ident())
            self._changed.notify_all()

    def stop(self, patience: float | None) -> None:
        """Send nothing more; wait for what is under way."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._changed.wait_for(lambda: not self.busy, patience):
                self._http.close()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()


def _distrusted(error: BaseException | None) -> str:
    """Return what is wrong with the server's certificate, if that is why there is no connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or str(error)
        error = error.__cause__ or error.__context__
    return ""
