"""What holds for every request to a service: limits of time and size, and no secret told.

The time limits of `httpx2` hold for each step, such as waiting for the next bytes. A
server that sends a byte now and then, or `102 Processing` without end, never exceeds
them. So the whole request has one, counted from its start.

A key is removed from what is told of a failed request.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import lru_cache
from typing import TypeVar
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
"""The maximum size of an answer, in bytes."""
# What says how the bytes of an answer came, which are unpacked when they are read.
_OF_THE_WAY = ("content-encoding", "content-length", "transfer-encoding")


class TooLargeError(httpx2.HTTPError):
    """An answer has more bytes than are read."""

    def __init__(self, status: int) -> None:
        super().__init__(f"an answer of more than {LARGEST:,} bytes")
        self.status = status


def fetched(
    client: httpx2.Client, request: httpx2.Request, seconds: float
) -> httpx2.Response:
    """Return the answer to a request, read as a whole.

    Args:
        client: sends it; it is closed if the request takes too long.
        request: the request.
        seconds: the time limit.

    Raises:
        OverdueError: it took too long.
        TooLargeError: the answer has more than `LARGEST` bytes.
    """

    def exchange() -> httpx2.Response:
        answer = client.send(request, stream=True)
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if len(body) > LARGEST:
                raise TooLargeError(answer.status_code)
        headers = httpx2.Headers(answer.headers)
        for name in _OF_THE_WAY:
            headers.pop(name, None)
        phrase = {"reason_phrase": answer.reason_phrase.encode("ascii", "replace")}
        return httpx2.Response(
            answer.status_code, headers=headers, content=bytes(body), extensions=phrase
        )

    return within(seconds, exchange, client.close)


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
