"""Asks an OpenAI-compatible server which models it has; nothing else is sent."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from ankiforge.config import is_loopback

_MOST_PARTS, _PART = 512, 16 * 1024
"""An answer is read in this many parts at most: a list of models, not a stream."""


class Unreachable(Exception):
    """The server did not answer with a list of models; the text says why."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status
        """Of the answer, 0 if there was none."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not follow a server's word to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def models(base_url: str, key: str = "", timeout: float = 3.0) -> tuple[str, ...]:
    """The names of the models a server offers.

    Args:
        base_url: as in the settings, such as `http://127.0.0.1:11434/v1`.
        key: sent as a bearer token, if there is one.
        timeout: seconds for each step of the talk.

    Raises:
        Unreachable: no connection, a refusal, or an answer of another kind.
    """
    request = urllib.request.Request(f"{base_url.rstrip('/')}/models")
    if key and not (key.isascii() and key.isprintable()):
        raise Unreachable("was not asked: the key holds characters that no key has")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(base_url) else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    try:
        with opener.open(request, timeout=timeout) as response:
            parts = [response.read1(_PART) for _ in range(_MOST_PARTS)]
        answer = json.loads(b"".join(parts))
        return tuple(str(model["id"]) for model in answer["data"])
    except urllib.error.HTTPError as error:
        error.close()
        raise Unreachable(f"answers {error.code} {error.reason}", error.code) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unreachable(f"does not answer ({reason})") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise Unreachable("is no server of language models") from error
