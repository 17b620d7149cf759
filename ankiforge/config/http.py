"""Limit the time and size of every request to a service, and remove secrets from messages.

All clients (models, embeddings, AnkiConnect, Zotero) are `BoundedClient`s. Each request has a
timeout for the whole exchange, and a maximum size of the response. `httpx2` has neither: its
timeouts only apply to single steps, such as waiting for the next bytes, so a server could send a
byte now and then forever, or send a body that unpacks to gigabytes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import closing
from functools import lru_cache, partial
from typing import TypeVar
from urllib.parse import quote

import httpx2

_T = TypeVar("_T")


class RequestTimeoutError(httpx2.TimeoutException):
    """Raised if sending a request and reading its response takes too long."""


def run_with_timeout(
    seconds: float, request: Callable[[], _T], close: Callable[[], None]
) -> _T:
    """Call `request` in a thread and return its result, unless it takes too long.

    Args:
        seconds: The timeout.
        request: The function to call. After a timeout, its thread is abandoned.
        close: A function that is called after a timeout. It closes the client, which ends the
            request.

    Raises:
        RequestTimeoutError: The request timed out.
    """
    result: Future[_T] = Future()

    def run() -> None:
        try:
            result.set_result(request())
        except BaseException as error:  # noqa: BLE001  (re-raised where the result is fetched)
            result.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    wait([result], seconds)
    if not result.done():
        close()
        raise RequestTimeoutError(f"the request took more than {seconds:g} s")
    return result.result()


MAX_RESPONSE_BYTES = 8_000_000
"""The default maximum size of a response, in bytes."""
# Headers that don't apply to a decoded response body.
_TRANSFER_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class ResponseTooLargeError(httpx2.HTTPError):
    """Raised if a response exceeds the size limit."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status code of the response."""


class BoundedClient(httpx2.Client):
    """An HTTP client that limits how long each exchange takes and how large its response is.

    Send only one request at a time, because a timeout closes the client.
    """

    def fetch(
        self, request: httpx2.Request, seconds: float, max_bytes: int = MAX_RESPONSE_BYTES
    ) -> httpx2.Response:
        """Send a request and read the whole response.

        Args:
            request: The request.
            seconds: The timeout for the whole exchange, after which the client is closed.
            max_bytes: The maximum size of the decoded response.

        Raises:
            RequestTimeoutError: The exchange timed out.
            ResponseTooLargeError: The response is too large.
        """
        exchange = partial(self._exchange, request, max_bytes)
        # not `self.close`, which does nothing in `ZoteroHttpClient`
        return run_with_timeout(seconds, exchange, super().close)

    def _exchange(self, request: httpx2.Request, max_bytes: int) -> httpx2.Response:
        """Send a request, and return a response that holds the whole decoded body."""
        with closing(self.send(request, stream=True)) as streamed:
            body = bytearray()
            for chunk in streamed.iter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    message = f"an answer of more than {max_bytes:,} bytes"
                    raise ResponseTooLargeError(message, streamed.status_code)
        headers = httpx2.Headers(streamed.headers)
        for name in _TRANSFER_HEADERS:
            headers.pop(name, None)
        reason_phrase = streamed.reason_phrase.encode("ascii", "replace")
        return httpx2.Response(
            streamed.status_code,
            headers=headers,
            content=bytes(body),
            request=streamed.request,
            extensions={"reason_phrase": reason_phrase},
        )


# --- secrets --------------------------------------------------------------------------

MIN_SECRET_CHARS = 9
"""The minimum length of a secret. Shorter keys are ordinary words such as `ollama`."""


def redact_secret(text: str, secret: str) -> str:
    """Replace a secret and its URL-encoded forms with `***`, ignoring case.

    Secrets shorter than `MIN_SECRET_CHARS` aren't replaced.
    """
    if len(secret) < MIN_SECRET_CHARS:
        return text
    return _compile_secret(secret).sub("***", text)


@lru_cache(maxsize=8)
def _compile_secret(secret: str) -> re.Pattern[str]:
    forms = [secret, quote(secret), quote(secret, safe="")]
    return re.compile("|".join(map(re.escape, forms)), re.I)
