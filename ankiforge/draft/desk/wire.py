"""The wire to a server: the `openai` client, and limits on what comes back.

The client is imported when the first request is sent (it costs half a second and 49 MB). It
retries nothing itself, follows no redirect, asks no proxy for this machine. Its time limit is one
of silence; the limit of a whole reply, and that of its size, are kept here: also for error pages,
and for what is packed (a few bytes can hold gigabytes).
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from ankiforge.config.keys import LLM, key_for
from ankiforge.draft.desk.faults import PassingError
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.wording.requests import Body
from ankiforge.errors import ConfigError, ItemError

LARGEST = 8_000_000
"""Bytes of one reply."""
CONNECT_S = 10.0


class Wire:
    """A connection to one server; its threads share it."""

    def __init__(self, settings: ServerSettings) -> None:
        import openai

        self._settings = settings
        self.library = _library(openai)
        self._client = _client(settings, openai, self._limited())

    def send(self, request: Body) -> str:
        """The raw body of the answer.

        Raises:
            openai.OpenAIError, library.HTTPError, ValueError: as the client does.
            PassingError, ItemError: it takes too long, or is too large.
        """
        ask = self._client.chat.completions.with_streaming_response.create
        # as `messages` they would be walked through by their types, for milliseconds each
        with ask(model=request["model"], messages=[], extra_body=request) as response:
            return b"".join(response.iter_bytes()).decode("utf-8-sig", "replace")

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _limited(self) -> Any:
        """What the transport calls when the head of an answer is there."""
        settings = self._settings

        class Stream(self.library.SyncByteStream):  # type: ignore[name-defined, misc]
            def __init__(self, inner: Any, packed: bool) -> None:
                self._inner = inner
                self._packed = packed

            def __iter__(self) -> Iterator[bytes]:
                parts = in_time(self._inner, settings.total_s)
                return of_size(unpacked(parts) if self._packed else parts)

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


def in_time(parts: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """The parts, as long as they come within so many seconds in all."""
    latest = time.monotonic() + seconds
    for part in parts:
        yield part
        if time.monotonic() > latest:
            raise PassingError(f"the reply took more than {seconds:g} s")


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


def _client(settings: ServerSettings, openai: ModuleType, limit: Any) -> Any:
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
        timeout=wait,
        event_hooks={"request": [only_ours] if foreign else [], "response": [limit]},
    )
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
