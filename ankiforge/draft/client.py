"""The client of an OpenAI-compatible server: returns the raw reply to a request, or raises an error.

`openai` sends, waits and retries, on our own transport, which reads each answer within limits of
time and size, recognises errors that servers send with status 200, and marks what may be retried
(`x-should-retry`, `retry-after-ms`). The errors are:

    ServiceError         ends the run: no key, no such model, no credit, no server
    FieldRefusedError    the server does not accept a field: ask again without it
    TooLongError         the request exceeds the model's context: send less
    BrokenError          the server failed with status 500 each time
    UnansweredError      no usable answer after all retries; other requests may succeed
    ItemError            the server rejects this request

`openai` is imported with the first request, because that takes half a second and 49 MB.
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
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ankiforge.config import LLM
from ankiforge.draft.prompt import Body, completion
from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ItemError, ServiceError

FORMAT = "response_format"
CAPS = ("max_completion_tokens", "max_tokens")
"""The fields that limit the length of a reply; the first one that the server accepts is used."""
OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields of every request, unless the server refuses them or `extra_body` sets them."""
LARGEST = 8_000_000
"""The maximum size of a reply, in bytes."""
LONGEST_WAIT_S = 120.0
"""The longest wait that a server may ask for, which is also the limit of `openai`."""
IN_A_ROW = 3
"""This many consecutive requests without an answer, after all retries, end the run; more if several
are pending, because an outage affects all of them."""
REJECTED = 10
"""If a server rejects this many requests and has answered none, the run ends."""

# --- errors ---------------------------------------------------------------------------------


class FieldRefusedError(ItemError):
    """The server does not accept a field of the request."""

    def __init__(self, words: str, name: str, takes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.field = name
        self.takes = takes
        """The types of `response_format` that the server says it accepts."""


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


class BrokenError(UnansweredError):
    """Status 500 after all retries, which some servers send for requests they do not support."""


@dataclass(eq=False)
class PassingError(Exception):
    """An error that may be temporary."""

    words: str
    status: int = 502
    """500 and 501 are internal errors; 429, 503 and 529 mean too many requests."""
    after: float = 0.0
    """How many seconds the server asks us to wait; 0 if it does not say."""
    retry: bool = True
    """Whether the same request may be sent again."""
    absent: bool = False
    """Whether it is no model server, which ends the run unless it has answered before."""
    gone: bool = False
    """Whether there is no connection, which ends the run."""
    hint: str = ""
    """What to do; "" = the default."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Complaint:
    """The content of an error body."""

    words: str
    """The message on one line; "" if there is none."""
    codes: str = ""
    """All codes, types, reasons and parameters, separated by blanks."""
    status: int = 0
    """The HTTP status in the body; 0 if there is none."""
    after: float = 0.0
    """The seconds to wait according to the body."""


_CODES = ("code", "type", "status", "reason", "error_type", "error_code")
_WORDS = ("message", "msg", "error_description", "detail", "title")
_DEEPEST = 6


def complaint(text: str) -> Complaint:
    """Parse the body of an error of any shape. Never raises.

    Known shapes are OpenAI's `{"error": {…}}`, a string (LM Studio), a list (Gemini), `detail`
    (Mistral and everything based on FastAPI), and web pages (proxies, logins).
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
    """Yield all nested scalars with their names, and `loc` as one text."""
    if depth > _DEEPEST:
        return
    if isinstance(found, dict):
        for name, value in list(found.items())[:50]:
            if name == "loc" and isinstance(value, list):
                yield "loc", ".".join(map(str, value))
            elif name == "raw" and isinstance(value, str) and value.lstrip().startswith("{"):
                try:  # the error of a provider, forwarded as text
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


MONEY = "the account is out of credit; add credit and run again, nothing is lost"
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
_KEY_HINT = "{key}"
_MODEL_HINT = "does this server have the model {model!r}, and is base_url right?"
_TABLE: tuple[tuple[Container[int], str, type[Exception], str], ...] = (
    # statuses, pattern of the body, error, hint
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
    ((407,), "", ServiceError, "the proxy needs a name and password: see HTTPS_PROXY"),
    (
        range(300, 400),
        "",
        ServiceError,
        "the server redirects{to}: set llm.base_url to the final address",
    ),
    ((408, 409, 423, 425, 429, *range(500, 600)), "", PassingError, ""),
    (range(1000), "", ItemError, ""),
)


def refusal(
    settings: ServerSettings, status: int, text: str, headers: Mapping[str, str], request: Body
) -> Exception:
    """Return the exception for an error status.

    Args:
        settings: the server.
        status: the status of the answer, or the one in its body.
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
    """Return the refused field that may be omitted; "" if there is none."""
    ours = [name for name in (*OPTIONS, *CAPS) if name not in settings.extra_body]
    for name in ours:
        if name in request and re.search(rf"(?<![\w]){name}(?![\w])", whole):
            return name
    return FORMAT if FORMAT in request and re.search(_FORMAT, whole, re.IGNORECASE) else ""


def _taken(words: str) -> tuple[str, ...]:
    """Return the formats in a message such as `must be 'json_schema' or 'text'`."""
    said = re.search(
        r"(?:must be|should be|supported|expected|one of|allowed|either|only)(.*)", words, re.I
    )
    found = re.findall(r"\b(json_schema|json_object|text)\b", said[1][:80]) if said else []
    return tuple(dict.fromkeys(found))


def disguised(settings: ServerSettings, raw: str, request: Body) -> Exception | None:
    """Return the error in an answer of status 200; None if it is a reply.

    OpenRouter sends errors with status 200 or inside a choice, and others send login pages.
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
    """Return how many seconds the server asks us to wait; 0 if it does not say."""
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
    """Return the seconds in `2`, `0.5` or `34s`; 0 for other texts."""
    number = said.strip().removesuffix("s")
    return float(number) if re.fullmatch(r"\d{1,9}(?:\.\d{0,9})?", number) else 0.0


# --- the client -----------------------------------------------------------------------------

_SECRET = 16
"""The minimum length of keys that are removed from replies; shorter ones may be words, as `ollama` is."""
CERTIFICATE = (
    "asking again does not help. Is base_url the name that the certificate is for, and the"
    " clock right? For a certificate of your own: export SSL_CERT_FILE=/path/to/its-ca.pem"
)


class Client:
    """An OpenAI-compatible server. Thread-safe."""

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

        The request counts as pending until the block ends, in which the reply is to be stored.

        Args:
            request: the body.
            once: do not retry.

        Raises:
            ServiceError, ItemError: see the module.
            ConfigError: the key is missing.
        """
        try:
            try:
                raw = self._sent(request, once)
            except ServiceError as error:
                self._end = self._end or error
                self.stop()  # else each of the other threads would get the same error
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
        """Return the number of pending requests: sent, and their replies not stored yet."""
        return len(self._transport.busy) if self._transport else 0

    def stop(self, patience: float | None = 0.0) -> None:
        """Send nothing more, and wait at most `patience` seconds for pending replies; None = without limit."""
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
            # given as `messages`, they would be validated by their types, which takes milliseconds
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
                    default_headers={"Accept-Encoding": "identity"},
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
        """End the run if the server rejects every request."""
        if type(error) is not ItemError or self._answered:
            return
        with self._lock:
            self._rejected += 1
            if self._rejected < REJECTED:
                return
        hint = "it accepts no request: check llm.extra_body and llm.model"
        self._end = ServiceError(error.message, hint=hint)
        self.stop()
        raise self._end from error


def without_key(settings: ServerSettings, text: str, shortest: int = 4) -> str:
    """Return a server's text without the key, which some servers repeat."""
    key = settings.key
    return text.replace(key, "***") if len(key) >= shortest else text


class _Transport:
    """The transport of `openai`: reads answers within limits, and marks what may be retried."""

    def __init__(self, settings: ServerSettings) -> None:
        import httpx2

        parts = urlsplit(settings.base_url)
        proxies = {} if settings.local or proxy_bypass(parts.hostname or "") else getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        self._settings = settings
        tls = parts.scheme == "https" or proxy is not None  # certificates take 25 ms to load
        self._http = httpx2.HTTPTransport(verify=tls, proxy=proxy)
        self._changed = threading.Condition()
        self._stopped = False
        self._not_before = 0.0
        self.busy: set[int] = set()
        """The threads whose request is pending."""

    def handle_request(self, request: Any) -> Any:
        """Make one attempt at a request, and return the reply or a fault as a response."""
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
            # a silent server may be busy, so it is asked again for a while
            again = (attempt + 2) * silence <= settings.reply_s
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
        """Return the text of a reply, or the error in the answer."""
        settings, body = self._settings, json.loads(request.content)
        if not LLM.owns(settings.base_url):  # remove what is meant for OpenAI only
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            names = {line.partition(":")[0].strip() for line in lines} - {""}
            for name in ("OpenAI-Organization", "OpenAI-Project", *names):
                request.headers.pop(name, None)
            key = settings.checked_key()
            request.headers["Authorization"] = f"Bearer {key}"
        began, parts, size = time.monotonic(), [], 0
        answer = self._http.handle_request(request)
        try:
            for part in answer.iter_bytes():
                size += len(part)
                if size > LARGEST:
                    return ItemError(f"a reply of more than {LARGEST:,} bytes")
                if time.monotonic() - began > settings.reply_s:
                    words = f"the reply took more than {settings.reply_s:g} s"
                    hint = "run again, with a faster model; what was answered is kept"
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
        """Wait while the server has too many requests, then count this thread's request as pending."""
        with self._changed:
            while not self._stopped and (left := self._not_before - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._stopped:
                raise UnansweredError("stopped before it was sent")
            self.busy.add(threading.get_ident())

    def leave(self) -> None:
        """Count this thread's request as finished."""
        with self._changed:
            self.busy.discard(threading.get_ident())
            self._changed.notify_all()

    def stop(self, patience: float | None) -> None:
        """Send nothing more, and wait for pending requests."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._changed.wait_for(lambda: not self.busy, patience):
                self._http.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _distrusted(error: BaseException | None) -> str:
    """Return the fault of the server's certificate; "" if that is not the cause of an error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or str(error)
        error = error.__cause__ or error.__context__
    return ""
