"""What holds for every request to a service: a limit of time, and no secret in what is told of it.

The time limits of `httpx2` hold for each step, such as waiting for the next bytes. A
server that sends a byte now and then, or `102 Processing` without end, never exceeds
them. So the whole request has one, counted from its start.

A key is removed from what is told of a failed request, even where its characters are escaped.

Tested by `tests/anki/test_connect_requests.py` and `tests/text/test_word_table.py`.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import lru_cache
from typing import TypeVar

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


# --- secrets --------------------------------------------------------------------------

SHORTEST = 9
"""The length from which a secret is removed: shorter ones are words, such as `ollama`."""


def without_secret(text: str, secret: str) -> str:
    """Return a text in which `***` stands for a secret, in capitals, too.

    Any of its characters may be escaped as in JSON, HTML or an address, also twice, and
    the whole of it may be in base64, alone or within other words, or in hexadecimal digits.
    """
    if len(secret) < SHORTEST:
        return text
    return _pattern(secret).sub("***", text)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern for a secret, each character as it is or escaped, or encoded as a whole."""
    characters = []
    for character in secret:
        code = ord(character)
        forms = (
            rf"\\*{re.escape(character)}",
            rf"\\+u{code:04x}",
            rf"%(?:25)*{code:02x}",
            rf"&(?:amp;)*#(?:0*{code}|x0*{code:x});?",
        )
        characters.append(f"(?:{'|'.join(forms)})")
    # in hexadecimal digits, and in base64 at each of three places in a text
    data = secret.encode()
    encoded = [data.hex()]
    for before in range(3):
        text = b64encode(bytes(before) + data).decode().rstrip("=")
        # its first and last characters also hold what stands beside the secret
        whole = text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        encoded += (whole, whole.replace("+", "-").replace("/", "_"))
    return re.compile("|".join(("".join(characters), *map(re.escape, encoded))), re.I)
