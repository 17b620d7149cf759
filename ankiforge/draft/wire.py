"""The transport below the library `openai`: each request stays within time and size.

Beside that, no redirect is followed, no proxy is asked for this machine, and no other headers
are sent than ours. `openai` repeats a request after a fault of the server, but not after a
time-out: the server may be at work on it, and would begin, and be paid, again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import httpx2
import openai

from ankiforge.config import LLM
from ankiforge.config.http import within
from ankiforge.draft.refusals import (
    UnansweredError,
    disguised,
    is_final,
    is_loading_model,
)
from ankiforge.draft.server import ServerSettings
from ankiforge.text.secrets import without_secret

LARGEST = 8_000_000
"""The maximum size of a reply, in bytes."""
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
        is_plain = settings.local and settings.base_url.startswith("http:")
        self._tls = httpx2.create_ssl_context(verify=not is_plain)
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
                is_late = time.monotonic() > self._loaded_until
                if is_late or self._stopped.wait(_PAUSE_S):
                    break
                answer = self._exchanged(request)
        except httpx2.HTTPError as error:
            self.leave()
            is_connected = not isinstance(error, httpx2.ConnectTimeout)
            if isinstance(error, httpx2.TimeoutException) and is_connected:
                raise openai.APITimeoutError(request) from error
            raise
        status = answer.status_code
        text = answer.text
        if answer.is_success:
            error_inside = disguised(text)
            if error_inside is None:
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
            is_ours = name in _OURS or LLM.owns(settings.base_url)
            if is_ours and (name != "authorization" or settings.key):
                headers.setdefault(name, value)
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content,
            extensions=request.extensions,
        )
        # a client of its own, which can be closed
        client = httpx2.Client(
            verify=self._tls, trust_env=not settings.local, follow_redirects=False
        )

        def exchange() -> httpx2.Response:
            answer = client.send(sent, stream=True)
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST and answer.is_success:
                    # a reply counts as cut off: it is paid for, so it must not be asked for again
                    reply = {"choices": [{"message": {}, "finish_reason": "length"}]}
                    return httpx2.Response(200, text=json.dumps(reply))
                if len(body) > LARGEST:
                    return httpx2.Response(
                        answer.status_code,
                        headers={"x-should-retry": "false"},
                        text=f"an error of more than {LARGEST:,} bytes",
                    )
            kept = {}
            for name in ("retry-after", "retry-after-ms", "location"):
                if name in answer.headers:
                    kept[name] = without_secret(answer.headers[name], settings.key)
            text = without_secret(body.decode("utf-8-sig", "replace"), settings.key)
            return httpx2.Response(answer.status_code, headers=kept, text=text)

        with client:
            return within(settings.reply_s, exchange, client.close)

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
