"""What holds for every request to a service: limits of time and size, and no secret told.

All clients (models, vectors, AnkiConnect, Zotero) are a `BoundedClient`. The time limits
of `httpx2` hold for each step, such as waiting for the next bytes, and it counts no bytes. A
server that sends a byte now and then, `100 Continue` without end, or a body that is unpacked to
gigabytes, never exceeds them. So the whole request has one limit of time, counted from its start,
one of the bytes before the answer, and one of the answer's size.

A key is removed from what is told of a failed request.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import closing
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2

_T = TypeVar("_T")


class OverdueError(httpx2.TimeoutException):
    """A request took longer than it may as a whole."""


def within(seconds: float, request: Callable[[], _T], close: Callable[[], None]) -> _T:
    """Return the result of a request, unless it takes too long.

    Args:
        seconds: the time limit.
        request: is called in a thread of its own, which is left behind if it takes too long.
        close: closes the client then, which ends the request with its next step.

    Raises:
        OverdueError: it took too long.
    """
    result: Future[_T] = Future()

    def work() -> None:
        try:
            result.set_result(request())
        except BaseException as error:  # noqa: BLE001  (raised where the result is fetched)
            result.set_exception(error)

    threading.Thread(target=work, name="request", daemon=True).start()
    wait([result], seconds)
    if not result.done():
        close()
        raise OverdueError(f"the request took more than {seconds:g} s")
    return result.result()


LARGEST = 8_000_000
"""The maximum size of an answer, in bytes, unless a client expects larger ones."""
_LARGEST_HEAD = 256_000
"""How many bytes may come before the body of an answer: the head, and every `100 Continue`."""
# What says how the bytes of an answer came, which are unpacked when they are read.
_OF_THE_WAY = ("content-encoding", "content-length", "transfer-encoding")


class TooLargeError(httpx2.HTTPError):
    """An answer has more bytes than are read."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status
        """The status of the answer; 0 if not even its head has ended."""


class BoundedClient(httpx2.Client):
    """A client whose answers are bounded, for one request at a time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # How many bytes came since the request was sent; None = the head of the answer has ended.
        self._before_the_body: int | None = None

    def fetched(
        self,
        request: httpx2.Request,
        seconds: float,
        largest: int = LARGEST,
    ) -> httpx2.Response:
        """Return the answer to a request, read as a whole.

        Args:
            request: the request.
            seconds: the time limit, after which the client is closed.
            largest: the maximum size of the answer, in bytes.

        Raises:
            OverdueError: it took too long.
            TooLargeError: the answer has more bytes, or does not begin.
        """
        request.extensions = {**request.extensions, "trace": self._follow}

        def exchange() -> httpx2.Response:
            self._before_the_body = 0
            with closing(self.send(request, stream=True)) as answer:
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > largest:
                        words = f"an answer of more than {largest:,} bytes"
                        raise TooLargeError(words, answer.status_code)
            headers = httpx2.Headers(answer.headers)
            for name in _OF_THE_WAY:
                headers.pop(name, None)
            phrase = {"reason_phrase": answer.reason_phrase.encode("ascii", "replace")}
            return httpx2.Response(
                answer.status_code,
                headers=headers,
                content=bytes(body),
                request=answer.request,
                extensions=phrase,
            )

        return within(seconds, exchange, super().close)

    def _follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow the steps of a request, which `httpx2` tells to the extension `trace`."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            stream.read = self._counted(stream.read)
        if event.endswith("receive_response_headers.complete"):
            self._before_the_body = None

    def _counted(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        """Return a function that reads from a connection, but not without end before a body."""

        def counted(max_bytes: int, timeout: float | None = None) -> bytes:
            data = read(max_bytes, timeout)
            if self._before_the_body is not None:
                self._before_the_body += len(data)
                # the last piece may have the end of the head, and the body behind it
                if self._before_the_body - len(data) > _LARGEST_HEAD:
                    words = f"more than {_LARGEST_HEAD:,} bytes, and no answer"
                    raise TooLargeError(words, 0)
            return data

        return counted


# --- secrets --------------------------------------------------------------------------

SHORTEST = 9
"""The length from which a secret is removed: shorter ones are words, such as `ollama`."""


def without_secret(text: str, secret: str) -> str:
    """Return a text in which `***` stands for a secret, in capitals, too.

    It is found as it is, as it stands in an address, and in base64, alone or within other words.
    """
    if len(secret) < SHORTEST:
        return text
    return _pattern(secret).sub("***", text)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern of all forms of a secret: plain words, which are found in linear time."""
    forms = [secret, quote(secret), quote(secret, safe="")]
    # in base64, at each of three places in a text
    data = secret.encode()
    for before in range(3):
        text = b64encode(bytes(before) + data).decode().rstrip("=")
        # its first and last characters also hold what stands beside the secret
        whole = text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        forms += (whole, whole.replace("+", "-").replace("/", "_"))
    return re.compile("|".join(map(re.escape, forms)), re.I)
