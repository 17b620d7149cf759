"""One narrow door to a language model: a request goes in, the raw reply comes out, or a reason.

    ServiceError         the run ends: no key, no such model, no money, nobody there
    OptionRefusedError   the server does not take this `response_format`: a rung down
    TooLongError         more than the model's context holds: send less
    UnansweredError      this request failed after all retries; others may not
    ItemError            the server rejects this very request

Behind it stands the `openai` client, imported when the first request is sent (it costs half a
second and 49 MB). It retries nothing itself: waiting is shared by all threads here.
"""

from __future__ import annotations

import email.utils
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ankiforge.draft.reply import completion
from ankiforge.draft.requests import Body
from ankiforge.draft.settings import ServerSettings
from ankiforge.errors import ConfigError, ItemError, ServiceError

LARGEST = 8_000_000
"""Bytes of one reply."""
_SECRET = 16
"""Characters of a key that is taken out of replies; a shorter one, such as `ollama`, is a word."""
IN_A_ROW = 3
"""So many requests unanswered after all retries, one after another, end the run; more where
several are under way, for one bad moment strikes them all."""


class OptionRefusedError(ItemError):
    """The server does not take the `response_format` of the request."""


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


class _PassingError(Exception):
    """A fault that may pass: asked again after a while."""

    def __init__(self, words: str, after: float = 0.0, *, crowded: bool = False) -> None:
        super().__init__(words)
        self.after = after
        self.crowded = crowded
        """Too many requests: everybody waits."""


class _AbsentError(_PassingError):
    """Nobody there who speaks our language; ends the run if nobody ever was, or is any more."""

    def __init__(self, words: str, *, gone: bool = False) -> None:
        super().__init__(words)
        self.gone = gone
        """Not even a connection: no fault of one request."""


class Server:
    """An OpenAI-compatible server, asked by several threads."""

    def __init__(self, settings: ServerSettings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._lock = threading.Lock()
        self._client: Any = None
        self._not_before = 0.0
        self._answered = False
        self._unanswered = 0

    def ask(self, request: Body) -> str:
        """The raw reply, a chat completion in JSON; waits and retries as the server asks.

        Raises:
            ServiceError, ItemError: see above.
            ConfigError: the key is missing.
        """
        client = self._connected()
        fault = _PassingError("")
        for attempt in range(self._settings.retries + 1):
            self._wait_at_gate()
            try:
                raw = self._once(client, request)
            except _PassingError as error:
                fault = error
                if attempt < self._settings.retries:
                    self._pause(error, attempt)
            else:
                self._answered, self._unanswered = True, 0
                return raw
        raise self._given_up(fault)

    def close(self) -> None:
        """Drop the connections."""
        if self._client is not None:
            self._client.close()

    # --- one attempt ------------------------------------------------------------------------

    def _once(self, client: Any, request: Body) -> str:
        import openai

        try:
            raw = self._exchange(client, request)
        except openai.APIStatusError as error:
            response = error.response
            raise self._refusal(
                request, response.status_code, response.text, response.headers
            ) from error
        except openai.APITimeoutError as error:
            raise _PassingError(f"no answer within {self._settings.timeout_s:g} s") from error
        except openai.APIConnectionError as error:
            refused = type(error.__cause__).__name__ == "ConnectError"
            raise _AbsentError(
                f"no connection: {error.__cause__ or error}", gone=refused
            ) from error
        except (openai.OpenAIError, _wire_error(openai), ValueError) as error:
            raise _PassingError(f"the answer broke off: {error}") from error
        if completion(raw) is None:
            raise _no_completion(raw)
        return self._without_key(raw, shortest=_SECRET)

    def _exchange(self, client: Any, request: Body) -> str:
        further = {key: request[key] for key in request if key not in ("model", "messages")}
        with client.chat.completions.with_streaming_response.create(
            model=request["model"], messages=request["messages"], extra_body=further
        ) as response:
            return self._bounded(response.iter_bytes()).decode("utf-8", "replace")

    def _bounded(self, parts: Iterable[bytes]) -> bytes:
        """The whole reply, unless it drips too long or grows too large."""
        latest = time.monotonic() + self._settings.total_s
        read = bytearray()
        for part in parts:
            read += part
            if len(read) > LARGEST:
                raise ItemError(f"a reply of more than {LARGEST:,} bytes")
            if time.monotonic() > latest:
                raise _PassingError(f"the reply took more than {self._settings.total_s:g} s")
        return bytes(read)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self._settings)
            return self._client

    # --- waiting ----------------------------------------------------------------------------

    def _wait_at_gate(self) -> None:
        delay = self._not_before - time.monotonic()
        if (delay > 0 and self._stop.wait(delay)) or self._stop.is_set():
            raise UnansweredError("stopped before it was sent")

    def _pause(self, fault: _PassingError, attempt: int) -> None:
        """Wait as long as the server says, else twice as long each time."""
        if fault.after > self._settings.longest_wait_s:
            raise ServiceError(
                f"{self._settings.host} wants {fault.after:,.0f} s of rest: {fault}",
                hint="run again later; what was answered is kept",
            )
        factor, most = (8, 30.0) if fault.crowded else (2, 8.0)
        delay = fault.after or min(self._settings.backoff_s * factor**attempt, most)
        if fault.crowded:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + delay)
        else:
            self._stop.wait(delay)

    def _given_up(self, fault: _PassingError) -> ServiceError | UnansweredError:
        with self._lock:
            self._unanswered += 1
            often = self._unanswered >= IN_A_ROW + self._settings.threads - 1
        absent = isinstance(fault, _AbsentError) and (fault.gone or not self._answered)
        words = f"{self._settings.host}: {self._without_key(str(fault))}"
        if not (absent or often):
            return UnansweredError(words, hint="run again: what was answered is kept")
        return ServiceError(
            words, hint=f"is the server running, and {self._settings.base_url} its address?"
        )

    # --- refusals ---------------------------------------------------------------------------

    def _refusal(
        self, request: Body, status: int, text: str, headers: Mapping[str, str]
    ) -> Exception:
        """What an error status means for the request, and for the run."""
        says = self._without_key(message_of(text))
        words = f"{self._settings.host} answers {status}: {says}"
        if "response_format" in request and status in _OPTION and _NAMES_OPTION.search(text):
            return OptionRefusedError(words)
        if status in _LENGTH and _NAMES_LENGTH.search(text):
            return TooLongError(words)
        if hint := self._fatal(status, text):
            return ServiceError(words, hint=hint)
        if status in (408, 409, 429) or status >= 500:
            return _PassingError(f"{status}: {says}", _retry_after(headers), crowded=status == 429)
        return ItemError(words)

    def _fatal(self, status: int, text: str) -> str:
        """What to do about an answer that every further request would get, too; "" if none."""
        if status == 402 or "insufficient_quota" in text:
            return "the account is out of credit; run again when it is filled, nothing is lost"
        if status in (401, 403) and not (status == 403 and _NAMES_WORDS.search(text)):
            return f"check the key in the environment variable {self._settings.key_env}"
        if status == 404:
            return f"is {self._settings.model!r} a model of this server, and base_url right?"
        if 300 <= status < 400:
            return "the server sends us elsewhere: write the final address as llm.base_url"
        return ""

    def _without_key(self, text: str, shortest: int = 4) -> str:
        key = _key(self._settings)
        return text.replace(key, "***") if len(key) >= shortest else text


_OPTION = (400, 404, 415, 422, 500, 501)
_NAMES_OPTION = re.compile(r"response_format|json_schema|json_object|schema|grammar", re.IGNORECASE)
_NAMES_WORDS = re.compile(r"moderation|flagged", re.IGNORECASE)
"""A 403 that means the words of this request, not the key."""
_LENGTH = (400, 413, 422, 500)
_NAMES_LENGTH = re.compile(
    r"context_length_exceeded|context (?:length|window|size)|maximum context|too many tokens"
    r"|prompt is too long|exceeds? the (?:available )?context",
    re.IGNORECASE,
)


def message_of(text: str) -> str:
    """What an error body says, in a line; a page of HTML says nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = "" if "<" in text[:200] else text
    error = found.get("error", found) if isinstance(found, dict) else found
    words = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(words).split())[:300] or "no reason given"


def _no_completion(raw: str) -> _PassingError:
    """A 200 that is no chat completion: an error in disguise, or somebody else's page."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return _AbsentError(f"no chat completion but {raw.strip()[:60]!r}")
    return _PassingError(f"no chat completion: {message_of(raw)}")


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server asks us to wait; 0 if it does not say."""
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d*)?", said):
        return float(said)
    try:
        until = email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max(until - time.time(), 0.0)


# --- the client -----------------------------------------------------------------------------


def _client(settings: ServerSettings) -> Any:
    """A client that follows no redirect, and on loopback asks no proxy."""
    import openai

    transport = openai.DefaultHttpxClient(
        follow_redirects=False,
        trust_env=not settings.local,
        timeout=openai.Timeout(settings.timeout_s, connect=10.0),
    )
    client = openai.OpenAI(
        base_url=settings.base_url,
        api_key=usable_key(settings),
        default_headers=dict(settings.headers),
        max_retries=0,
        timeout=openai.Timeout(settings.timeout_s, connect=10.0),
        http_client=transport,
    )
    if settings.host != "api.openai.com":
        client.organization = client.project = None
    return client


def _wire_error(openai: Any) -> type[Exception]:
    """The root of the transport's errors; the library below `openai` has changed its name."""
    client = next(base for base in openai.DefaultHttpxClient.__mro__ if base.__name__ == "Client")
    library = sys.modules[client.__module__.partition(".")[0]]
    found: type[Exception] = library.HTTPError
    return found


def _key(settings: ServerSettings) -> str:
    return os.environ.get(settings.key_env, "").strip()


def usable_key(settings: ServerSettings) -> str:
    """The key out of the environment; on loopback there need not be one.

    Raises:
        ConfigError: it is missing, or no header can carry it.
    """
    key = _key(settings)
    if not key and not settings.local:
        raise ConfigError(
            f"llm.key_env: the environment variable {settings.key_env} is not set",
            hint=f"export {settings.key_env}=… before the run",
        )
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the key in {settings.key_env} holds signs no header can carry")
    return key or "none"
