"""One narrow door to a language model: a request goes in, the raw reply comes out, or a reason.

What the reasons are, and what each means for the run, stands in `faults`; how much may come back,
and how slowly, in `wire`; how many ask at a time in `gate`. Here a request is asked until it is
answered: waiting is ours, and shared by all threads.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ankiforge.draft.desk.faults import (
    FORMAT,
    AbsentError,
    BrokenError,
    PassingError,
    SilentError,
    SlowError,
    UnansweredError,
    disguised,
    refusal,
)
from ankiforge.draft.desk.gate import Gate
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.desk.wire import Wire, key_of
from ankiforge.draft.wording.reply import completion
from ankiforge.draft.wording.requests import Body
from ankiforge.errors import ForgeError, ItemError, ServiceError

_SECRET = 16
"""Characters of a key that is taken out of replies; a shorter one, such as `ollama`, is a word."""
IN_A_ROW = 3
"""So many requests unanswered after all retries, one after another, end the run; more where
several are under way, for one bad moment strikes them all."""
REJECTED = 10
"""So many requests rejected by a server that has answered none end the run."""


class Server:
    """An OpenAI-compatible server, asked by several threads."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._gate = Gate(settings.threads)
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._answered = False
        self._unanswered = 0
        self._rejected = 0
        self._end: ServiceError | None = None
        """Why nothing more is sent."""

    def ask(self, request: Body, free: tuple[str, ...] = (), *, once: bool = False) -> str:
        """The raw reply, a chat completion in JSON; waits and retries as the server asks.

        Args:
            request: the body.
            free: its fields that may be left out if the server does not take them.
            once: without retries.

        Raises:
            ServiceError, ItemError: see `faults`.
            ConfigError: the key is missing.
        """
        try:
            return self._asked(request, free, 0 if once else self._settings.retries)
        except ServiceError as error:
            self._end = self._end or error
            self._gate.close()  # or the other threads would hear the same, each for itself
            raise
        except ItemError as error:
            self._count_rejection(error)
            raise

    def _asked(self, request: Body, free: tuple[str, ...], retries: int) -> str:
        wire = self._connected()
        fault, began = PassingError(""), time.monotonic()
        fields = tuple(name for name in (*free, FORMAT) if name in request)
        for attempt in range(retries + 1):
            with self._gate.inside() as may_ask:
                if not may_ask:
                    raise self._end or UnansweredError("stopped before it was sent")
                sent = self._sent(wire, request, fields)
            try:
                return self._read(sent, fields)
            except PassingError as error:
                fault = error
            if attempt == retries or self._too_late(fault, began):
                break
            self._pause(fault, attempt)
        raise self._given_up(fault)

    def _too_late(self, fault: PassingError, began: float) -> bool:
        """A silent server is busy, and asked again for a while; a reply that drips is no more."""
        spent = time.monotonic() - began + self._settings.silence_s
        silent = isinstance(fault, SilentError)
        return isinstance(fault, SlowError) or (silent and spent > self._settings.tries_s)

    @property
    def under_way(self) -> int:
        """Requests that were sent and are not answered."""
        return self._gate.busy

    def stop(self) -> None:
        """Send nothing more; whoever waits goes home."""
        self._gate.close()

    def close(self) -> None:
        """Drop the connections."""
        if self._wire is not None:
            self._wire.close()

    # --- one attempt ------------------------------------------------------------------------

    def _sent(self, wire: Wire, request: Body, fields: tuple[str, ...]) -> str | Exception:
        """What comes back; all else is done outside of the gate, others may ask meanwhile."""
        try:
            with self._understood(wire, fields):
                return wire.send(request)
        except (PassingError, ForgeError) as error:
            return error

    def _read(self, raw: str | Exception, fields: tuple[str, ...]) -> str:
        """The reply, if it is one."""
        if isinstance(raw, Exception):
            raise raw
        found = completion(raw)
        if found is None or (found.finish == "error" and not found.content):
            part = _inner_error(raw) if found else ""
            raise disguised(self._settings, self._without_key(raw), fields, part=part)
        self._well()
        return self._without_key(raw, shortest=_SECRET)

    @contextmanager
    def _understood(self, wire: Wire, fields: tuple[str, ...]) -> Iterator[None]:
        """Turn what the client raises into what it means."""
        import openai

        settings = self._settings
        try:
            yield
        except openai.APIStatusError as error:
            said = error.response
            text = self._without_key(said.text)
            raise refusal(settings, said.status_code, text, said.headers, fields) from error
        except (openai.APITimeoutError, wire.library.TimeoutException) as error:
            if type(error.__cause__).__name__ == "ConnectTimeout":
                raise AbsentError("no connection in time", gone=True) from error
            raise SilentError(f"no answer within {settings.silence_s:g} s") from error
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, SlowError):
                raise error.__cause__ from error
            if why := _distrust(error):
                raise ServiceError(
                    f"{settings.host}: its certificate is not trusted: {why}", hint=CERTIFICATE
                ) from error
            refused = type(error.__cause__).__name__ == "ConnectError"
            raise AbsentError(f"no connection: {error.__cause__ or error}", gone=refused) from error
        except (openai.OpenAIError, wire.library.HTTPError, ValueError) as error:
            raise PassingError(f"the answer broke off: {error}") from error

    def _connected(self) -> Wire:
        with self._lock:
            if self._wire is None:
                self._wire = Wire(self._settings)
            return self._wire

    def _well(self) -> None:
        self._answered, self._unanswered, self._rejected = True, 0, 0
        self._gate.answered()

    # --- waiting ----------------------------------------------------------------------------

    def _pause(self, fault: PassingError, attempt: int) -> None:
        """Wait as long as the server says, else twice as long each time."""
        settings = self._settings
        if fault.after > settings.longest_wait_s:
            raise ServiceError(
                f"{settings.host} wants {fault.after:,.0f} s of rest: {fault}",
                hint="run again later; what was answered is kept",
            )
        factor, most = (8, 30.0) if fault.crowded else (2, 8.0)
        delay = fault.after or min(settings.backoff_s * factor**attempt, most)
        if fault.crowded:
            self._gate.crowded(delay)
        else:
            self._gate.pause(delay)

    def _given_up(self, fault: PassingError) -> ServiceError | UnansweredError:
        with self._lock:
            self._unanswered += 1
            often = self._unanswered >= IN_A_ROW + self._settings.threads - 1
        absent = isinstance(fault, AbsentError) and (fault.gone or not self._answered)
        words = f"{self._settings.host}: {self._without_key(str(fault))}"
        if isinstance(fault, SlowError):
            hint = "run again, with more time: llm.total_s; what was answered is kept"
            return ServiceError(words, hint=hint) if often else UnansweredError(words, hint=hint)
        if not (absent or often):
            kind = BrokenError if fault.broken else UnansweredError
            return kind(words, hint="run again: what was answered is kept")
        return ServiceError(
            words, hint=f"is the server running, and {self._settings.base_url} its address?"
        )

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
        self._gate.close()
        raise self._end from error

    def _without_key(self, text: str, shortest: int = 4) -> str:
        key = key_of(self._settings)
        return text.replace(key, "***") if len(key) >= shortest else text


CERTIFICATE = (
    "asking again does not mend it. Is base_url the name that the certificate is for, and the"
    " clock right? For a certificate of your own: export SSL_CERT_FILE=/path/to/its-ca.pem"
)


def _distrust(error: BaseException | None) -> str:
    """What is wrong with the server's certificate, if that is why there is no connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or str(error)
        error = error.__cause__ or error.__context__
    return ""


def _inner_error(raw: str) -> str:
    """The error that a choice holds, as JSON; `{}` if none."""
    found: Any = json.loads(raw)
    return json.dumps(found["choices"][0].get("error") or {})
