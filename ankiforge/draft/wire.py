"""The transport below the library `openai`: requests that stay within time and size.

It reads answers within limits, and raises what must not be asked again.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from ankiforge.config import LLM
from ankiforge.draft.completion import TOO_LARGE
from ankiforge.draft.refusals import (
    AGAIN,
    UnansweredError,
    disguised,
    is_loading_model,
    refusal,
)
from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ItemError
from ankiforge.text.secrets import without_secret

LARGEST = 8_000_000
"""The maximum size of a reply, in bytes."""
# Seconds between two requests while the server loads its model.
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# The headers that any server gets.
_OURS = re.compile(r"host|content-.*|accept|user-agent|authorization|x-stainless.*")


class Wire:
    """The transport of `openai`. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """Connect to nothing yet. `notice` receives, once, that the server loads its model."""
        import httpx2

        from ankiforge.config.http import bound_transport

        parts = urlsplit(settings.base_url)
        proxy = None if settings.local else _proxy_for(parts)
        self._settings = settings
        self._notice = notice
        # When the server said first that it loads its model; None = it did not.
        self._loads_since: float | None = None
        # certificates take 25 ms to load
        tls = parts.scheme == "https" or proxy is not None
        self._http = httpx2.HTTPTransport(verify=tls, proxy=proxy)
        bound_transport(self._http)
        self._changed = threading.Condition()
        self._stopped = False
        self.busy: set[int] = set()
        """The threads whose request is pending."""

    def handle_request(self, request: Any) -> Any:
        """Make one attempt, and return the reply, or an error after which `openai` may ask again.

        Raises:
            UnansweredError: there is no answer, and waiting for another one is vain.
            ItemError, ServiceError: see `refusals`.
        """
        import httpx2

        self._enter()
        sent = json.loads(request.content)
        self._set_headers(request.headers)
        answer, text = self._loaded(request)
        status = answer.status_code
        if answer.is_success:
            error = disguised(text)
            if error is None:
                return httpx2.Response(200, text=text)
            status, text = error
        shown = without_secret(text, self._settings.key)  # which some servers repeat
        fault = refusal(self._settings, status, shown, answer.headers, sent)
        if fault:
            raise fault
        self.leave()
        headers = {"x-should-retry": "true"}
        for name in ("retry-after", "retry-after-ms"):
            if name in answer.headers:
                headers[name] = answer.headers[name]
        return httpx2.Response(status, headers=headers, text=shown)

    # --- one attempt ------------------------------------------------------------------

    def _set_headers(self, headers: Any) -> None:
        """Leave out of the headers what this server must not get."""
        settings = self._settings
        for name in list(headers):
            # what the environment adds is meant for OpenAI only
            if not (_OURS.fullmatch(name) or LLM.owns(settings.base_url)):
                del headers[name]
        headers["accept-encoding"] = "identity"
        if not settings.key:
            del headers["authorization"]

    def _loaded(self, request: Any) -> tuple[Any, str]:
        """Send a request, again while the server loads its model, and return the answer.

        That may take as long as a server may be silent.
        """
        pause = _SHORTEST_PAUSE
        while True:
            answer, text = self._exchanged(request)
            is_loading = answer.status_code == 503 and is_loading_model(text)
            if not is_loading or self._is_too_late():
                return answer, text
            with self._changed:
                if self._changed.wait_for(lambda: self._stopped, pause):
                    return answer, text
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _is_too_late(self) -> bool:
        """Return whether the server has loaded its model for too long; say once that it does."""
        now = time.monotonic()
        with self._changed:
            is_first = self._loads_since is None
            since = now if self._loads_since is None else self._loads_since
            self._loads_since = since
        if is_first and self._notice:
            self._notice(f"{self._settings.host} is loading its model; waiting for it")
        return now - since > self._settings.silence_s

    def _exchanged(self, request: Any) -> tuple[Any, str]:
        """Send a request, and return the answer with its body."""
        import httpx2

        from ankiforge.config.http import Limit, within

        limit = Limit(self._settings.reply_s)
        try:
            with within(limit):
                answer = self._http.handle_request(request)
                return answer, self._body(answer)
        except httpx2.TimeoutException as error:
            is_busy = isinstance(error, httpx2.ReadTimeout) and self._settings.local
            if limit.is_over or is_busy:
                self._give_up(is_over=limit.is_over)
            self.leave()
            raise
        except (httpx2.RequestError, ssl.SSLError):
            self.leave()
            raise

    def _give_up(self, *, is_over: bool) -> NoReturn:
        """Ask no more: the time is over, or the server is busy and would begin again."""
        settings = self._settings
        if is_over:
            words = f"{settings.host}: the reply took more than {settings.reply_s:g} s"
            raise UnansweredError(words, hint=f"use a faster model, or {AGAIN}") from None
        words = f"{settings.host}: no answer within {settings.silence_s:g} s"
        raise UnansweredError(words, hint=AGAIN) from None

    def _body(self, answer: Any) -> str:
        """Return the body of an answer, unless it is too large."""
        parts = []
        size = 0
        try:
            for part in answer.iter_bytes():
                size += len(part)
                if size > LARGEST:
                    return self._instead_of_body(answer)
                parts.append(part)
        finally:
            answer.close()
        return b"".join(parts).decode("utf-8-sig", "replace")

    def _instead_of_body(self, answer: Any) -> str:
        """Return a reply that says that it was too large.

        It is paid for, so it must not be asked for again.
        """
        if not answer.is_success:
            host = self._settings.host
            raise ItemError(f"{host}: an error of more than {LARGEST:,} bytes")
        return json.dumps({"choices": [{"message": {}, "finish_reason": TOO_LARGE}]})

    # --- pending requests -------------------------------------------------------------

    def _enter(self) -> None:
        """Count this thread's request as pending."""
        with self._changed:
            if self._stopped:
                raise UnansweredError("stopped before it was sent")
            self.busy.add(threading.get_ident())

    def leave(self) -> None:
        """Count this thread's request as finished."""
        with self._changed:
            self.busy.discard(threading.get_ident())
            self._changed.notify_all()

    def stop(self, patience: float) -> None:
        """Send nothing more, and wait at most `patience` seconds for pending requests."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._changed.wait_for(lambda: not self.busy, patience):
                self._http.close()


def _proxy_for(address: SplitResult) -> str | None:
    """Return the address of the proxy that the environment names for a server; None if none."""
    if proxy_bypass(address.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        return f"http://{proxy}"
    return proxy
