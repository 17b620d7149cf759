"""One question to AnkiConnect and its answer, as JSON over HTTP; or words that say what is wrong.

No proxy, no redirect, no `Origin` (only web pages have one), nothing asked twice. What the other
side says is cut short, made fit to print, and freed of the key before anybody sees it.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from ankiforge.errors import ServiceError

API_VERSION = 6
LARGEST = 64_000_000
"""Bytes of one answer: the ids of four million cards."""
_TO_CONNECT = 3.0
_PART = 1 << 16
_LONGEST_WORDS = 300
_FORBIDDEN = 403
_OK = 200
_ADD_ON = "its add-on AnkiConnect (Tools › Add-ons › Get Add-ons…, code 2055492159)"
_CONFIG = "Tools › Add-ons › AnkiConnect › Config"


class AbsentError(ServiceError):
    """Nobody answers: Anki is closed, or lacks the add-on."""


class UnsupportedError(ServiceError):
    """The add-on does not know this action."""


class Connection:
    """The way to AnkiConnect; a new connection for every question."""

    def __init__(self, address: str, key: str, key_env: str) -> None:
        self._address = address
        self._key = key
        self._key_env = key_env

    def ask(self, action: str, params: Mapping[str, Any], seconds: float, *, hint: str = "") -> Any:
        """The result of one action, which may take so many seconds.

        Args:
            action: by AnkiConnect's name for it.
            params: what it is given.
            seconds: after which it is given up.
            hint: what to do if Anki refuses for a reason of its own.

        Raises:
            ServiceError: there is no result; AbsentError and UnsupportedError are told apart.
        """
        status, raw = self._exchange(self._request(action, params), action, seconds)
        if status == _FORBIDDEN:
            raise self._blocked()
        if status != _OK:
            raise self._stranger(f"HTTP {status}")
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._stranger("not JSON") from error
        return self._result(action, answer, hint)

    def ask_all(
        self, asked: Sequence[tuple[str, Mapping[str, Any]]], seconds: float
    ) -> tuple[Any, ...]:
        """The results of several actions, done one after another in one request."""
        actions = [self._request(action, params) for action, params in asked]
        answers = self.ask("multi", {"actions": actions}, seconds)
        if not isinstance(answers, list) or len(answers) != len(asked):
            raise self._stranger("an answer of another shape")
        pairs = zip(asked, answers, strict=True)
        return tuple(self._result(action, answer, "") for (action, _), answer in pairs)

    def _request(self, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """A request; one inside `multi` needs the version and the key as well."""
        request = {"action": action, "version": API_VERSION, "params": dict(params)}
        return {**request, "key": self._key} if self._key else request

    # --- over the wire ------------------------------------------------------------------------

    def _exchange(
        self, request: Mapping[str, Any], action: str, seconds: float
    ) -> tuple[int, bytes]:
        with closing(self._connected()) as link:
            try:
                return self._talk(link, json.dumps(request).encode("ascii"), seconds)
            except TimeoutError as error:
                raise ServiceError(
                    f"Anki at {self._address} did not finish {action} in {seconds:g} s",
                    hint="it is busy or shows a dialog: look at its window, then try again",
                ) from error
            except (ConnectionError, http.client.IncompleteRead) as error:
                raise ServiceError(
                    f"Anki at {self._address} broke off during {action}",
                    hint="was it closed? open it and try again",
                ) from error
            except (OSError, http.client.HTTPException) as error:
                raise self._stranger("not HTTP") from error

    def _connected(self) -> http.client.HTTPConnection:
        try:
            parts = urlsplit(self._address)
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            link = kind(parts.hostname or ".", parts.port, timeout=_TO_CONNECT)
            link.connect()
        except (OSError, ValueError, http.client.InvalidURL) as error:
            raise AbsentError(
                f"no Anki answers at {self._address} ({self._plain(error)})",
                hint=f"open Anki; it needs {_ADD_ON}",
            ) from error
        return link

    def _talk(
        self, link: http.client.HTTPConnection, body: bytes, seconds: float
    ) -> tuple[int, bytes]:
        until = time.monotonic() + seconds
        socket = link.sock
        socket.settimeout(seconds)
        head = {"Content-Type": "application/json", "Connection": "close"}
        link.request("POST", urlsplit(self._address).path or "/", body, head)
        with link.getresponse() as response:
            parts, size = [], 0
            while part := response.read1(_PART):
                parts.append(part)
                size += len(part)
                if size > LARGEST:
                    raise self._stranger("an endless answer")
                socket.settimeout(_left(until))
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        return response.status, b"".join(parts)

    # --- what the answer says -----------------------------------------------------------------

    def _result(self, action: str, answer: Any, hint: str) -> Any:
        if not isinstance(answer, dict) or not {"result", "error"} <= answer.keys():
            raise self._stranger("an answer of another shape")
        if answer["error"] is not None:
            raise self._refusal(action, self._plain(answer["error"]), hint)
        return answer["result"]

    def _refusal(self, action: str, words: str, hint: str) -> ServiceError:
        lower = words.lower()
        if "unsupported action" in lower:
            return UnsupportedError(
                f"AnkiConnect at {self._address} is too old: it does not know {action}",
                hint="in Anki: Tools › Add-ons › Check for Updates",
            )
        if "valid api key" in lower:
            return self._locked()
        if "not available" in lower:
            return ServiceError(
                f"no profile is open in Anki at {self._address}",
                hint="open your profile in Anki's window, close what dialogs it shows, try again",
            )
        return ServiceError(f"Anki refuses {action}: {words}", hint=hint)

    def _locked(self) -> ServiceError:
        if self._key:
            return ServiceError(
                f"the key in {self._key_env} is not that of AnkiConnect at {self._address}",
                hint=f"give it the apiKey of {_CONFIG}, or none where apiKey is null",
            )
        hint = f"put the apiKey of {_CONFIG} into the environment variable {self._key_env}"
        if not self._key_env:
            hint = (
                f"put the apiKey of {_CONFIG} into an environment variable NAME, write"
                " `key_env: NAME` under `anki:` in ankiforge.yaml, then: ankiforge init --trust DIR"
            )
        return ServiceError(f"AnkiConnect at {self._address} asks for its key", hint=hint)

    def _blocked(self) -> ServiceError:
        return ServiceError(
            f"{self._address} forbids the access (HTTP {_FORBIDDEN})",
            hint="AnkiConnect shuts out web pages only: does a proxy or another program answer"
            f" there? see webBindPort and webCorsOriginList in {_CONFIG}",
        )

    def _stranger(self, what: str) -> ServiceError:
        return ServiceError(
            f"what answers at {self._address} is not AnkiConnect ({what})",
            hint=f"set anki.connect in ankiforge.yaml to the address of AnkiConnect; its port is"
            f" webBindPort in {_CONFIG}",
        )

    def _plain(self, words: object) -> str:
        """What others said, as one short line without the key."""
        text = str(words).replace(self._key, "…") if self._key else str(words)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line[:_LONGEST_WORDS]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
