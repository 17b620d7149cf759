"""The wire to a server: the `openai` client, and limits on what comes back.

The client is imported when the first request is sent (it costs half a second and 49 MB). It
retries nothing itself, follows no redirect, asks no proxy for this machine. Its time limit is one
of silence; the limit of a whole reply, its head included, and that of its size, are kept here: also
for error pages, and for what is packed (a few bytes can hold gigabytes).
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from ankiforge.config import LLM, key_for
from ankiforge.draft.desk.faults import PassingError, SlowError
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.wording.requests import Body
from ankiforge.errors import ConfigError, ItemError

LARGEST = 8_000_000
"""Bytes of one reply."""
CONNECT_S = 10.0
_GRACE_S = 1.0
"""A reply that began in time may end so many seconds later."""


class Wire:
    """A connection to one server; its threads share it."""

    def __init__(self, settings: ServerSettings) -> None:
        import openai

        self._settings = settings
        self._time = _Time()
        self.library = _library(openai)
        self._client = _client(settings, openai, self._limited(), self._time)

    def send(self, request: Body) -> str:
        """The raw body of the answer.

        Raises:
            openai.OpenAIError, library.HTTPError, ValueError: as the client does.
            PassingError, ItemError: it takes too long, or is too large.
        """
        self._time.begin(self._settings.reply_s)
        ask = self._client.chat.completions.with_streaming_response.create
        # as `messages` they would be walked through by their types, for milliseconds each
        with ask(model=request["model"], messages=[], extra_body=request) as response:
            return b"".join(response.iter_bytes()).decode("utf-8-sig", "replace")

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _limited(self) -> Any:
        """What the transport calls when the head of an answer is there."""

        class Stream(self.library.SyncByteStream):  # type: ignore[name-defined, misc]
            def __init__(self, inner: Any, packed: bool) -> None:
                self._inner = inner
                self._packed = packed

            def __iter__(self) -> Iterator[bytes]:
                return of_size(unpacked(self._inner) if self._packed else self._inner)

            def close(self) -> None:
                self._inner.close()

        def limit(response: Any) -> None:
            packing = response.headers.get("content-encoding", "").strip().casefold()
            packed = packing in ("gzip", "x-gzip", "deflate")
            if packed:
                del response.headers["content-encoding"]
            response.stream = Stream(response.stream, packed)

        return limit


# --- limits ---------------------------------------------------------------------------------


class _Time(threading.local):
    """How long the reply that this thread waits for may take."""

    def __init__(self) -> None:
        self.begin(float("inf"))

    def begin(self, seconds: float) -> None:
        """A request is sent now."""
        self._seconds = seconds
        self._latest = time.monotonic() + seconds + min(seconds / 5, _GRACE_S)

    def check(self) -> None:
        """Something has come.

        Raises:
            SlowError: too late.
        """
        if time.monotonic() > self._latest:
            raise SlowError(f"the reply took more than {self._seconds:g} s")


class _Timed:
    """A network stream, or what makes them, whose every reading is checked for time."""

    def __init__(self, inner: Any, time: _Time) -> None:
        self._inner = inner
        self._time = time

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def connect_tcp(self, *args: Any, **named: Any) -> _Timed:
        return _Timed(self._inner.connect_tcp(*args, **named), self._time)

    def start_tls(self, *args: Any, **named: Any) -> _Timed:
        return _Timed(self._inner.start_tls(*args, **named), self._time)

    def read(self, *args: Any, **named: Any) -> bytes:
        """The next bytes."""
        part: bytes = self._inner.read(*args, **named)
        self._time.check()
        return part


def of_size(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts, as long as they are not too much in all."""
    read = 0
    for part in parts:
        read += len(part)
        if read > LARGEST:
            raise ItemError(f"a reply of more than {LARGEST:,} bytes")
        yield part


def unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip or deflate has packed, never much more at a time than came in."""
    unpack = zlib.decompressobj(wbits=47)
    try:
        for part in parts:
            while part:
                yield unpack.decompress(part, 1 << 16)
                part = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise PassingError(f"the answer cannot be unpacked: {error}") from error


# --- the client -----------------------------------------------------------------------------


def _client(settings: ServerSettings, openai: ModuleType, limit: Any, time: _Time) -> Any:
    wait = openai.Timeout(settings.silence_s, connect=min(CONNECT_S, settings.silence_s))
    key = usable_key(settings)

    def only_ours(request: Any) -> None:
        """Take out what the client read from OPENAI_CUSTOM_HEADERS: it is meant for OpenAI."""
        lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        for name in {line.partition(":")[0].strip() for line in lines} - {""}:
            request.headers.pop(name, None)
        request.headers.update({**settings.headers, "Authorization": f"Bearer {key}"})

    foreign = not LLM.owns(settings.base_url)
    many = openai.DefaultHttpxClient(
        follow_redirects=False,
        trust_env=not settings.local,
        verify=_verify(settings),
        timeout=wait,
        event_hooks={"request": [only_ours] if foreign else [], "response": [limit]},
    )
    for transport in (many._transport, *many._mounts.values()):
        if pool := getattr(transport, "_pool", None):  # nobody else counts the time of a head
            pool._network_backend = _Timed(pool._network_backend, time)
    client = openai.OpenAI(
        base_url=settings.base_url,
        api_key=key,
        default_headers={"Accept-Encoding": "identity", **settings.headers},
        max_retries=0,
        timeout=wait,
        http_client=many,
    )
    if foreign:
        client.organization = client.project = None
    return client


def _verify(settings: ServerSettings) -> ssl.SSLContext | bool:
    """The certificates of `SSL_CERT_FILE` hold for this machine, too, whose proxies do not."""
    file = os.environ.get("SSL_CERT_FILE")
    return ssl.create_default_context(cafile=file) if settings.local and file else True


def _library(openai: ModuleType) -> ModuleType:
    """The transport below `openai`; it has changed its name."""
    client = next(base for base in openai.DefaultHttpxClient.__mro__ if base.__name__ == "Client")
    return sys.modules[client.__module__.partition(".")[0]]


def key_of(settings: ServerSettings) -> str:
    """The key out of the environment, "" if there is none."""
    return key_for(LLM, settings.base_url, settings.key_env)


def usable_key(settings: ServerSettings) -> str:
    """The key; on loopback there need not be one, nor where no variable is named.

    Raises:
        ConfigError: it is missing, or no header can carry it.
    """
    key, name = key_of(settings), settings.key_name
    if name and not key and not settings.local:
        raise ConfigError(
            f"llm.key_env: the environment variable {name} is not set",
            hint=f"export {name}=… before the run",
        )
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the key in {name} holds signs no header can carry")
    return key or "none"
