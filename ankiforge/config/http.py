"""A time limit for a whole HTTP request, counted from its start.

The time limits of `httpx2` hold for each step, such as waiting for the next bytes. A
server that sends a byte now and then, or `102 Processing` without end, never exceeds
them.

    bound(client)                    once, after the client was made
    with within(Limit(30.0)):        connecting, sending and reading take 30 seconds at most
        client.get(address)

What exceeds the limit raises the `httpx2.TimeoutException` of the step; `Limit.is_over`
distinguishes it from a server that is silent.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpcore2
import httpx2

_current = threading.local()
_PIECE = 1 << 16
"""Bytes that are sent at a time, so that the limit is looked at between them."""


class Limit:
    """When a request has to be done."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._end = monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return monotonic() >= self._end

    def left(self, seconds: float | None) -> float:
        """Return how long a step may take, in seconds; not above 0 if the time is over.

        Args:
            seconds: the limit of the step itself; None if it has none.
        """
        seconds_left = self._end - monotonic()
        if seconds is None:
            return seconds_left
        return min(seconds_left, seconds)


@contextmanager
def within(limit: Limit) -> Iterator[None]:
    """Limit the requests that this thread makes inside, all together."""
    _current.limit = limit
    try:
        yield
    finally:
        _current.limit = None


def bound(client: httpx2.Client) -> None:
    """Make a client obey `within`."""
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx2.HTTPTransport):
            bound_transport(transport)


def bound_transport(transport: httpx2.HTTPTransport) -> None:
    """Make a transport obey `within`. `httpx2` itself has no argument for it; `httpcore2` has."""
    pool = transport._pool
    pool._network_backend = _Backend(pool._network_backend)


def _left(seconds: float | None, error: type[Exception]) -> float | None:
    """Return the time that a step may take, or raise its error if there is none left."""
    limit = getattr(_current, "limit", None)
    if limit is None:
        return seconds
    seconds_left: float = limit.left(seconds)
    if seconds_left <= 0:
        raise error("the time for the whole request is over")
    return seconds_left


class _Backend(httpcore2.NetworkBackend):
    """Connects, and bounds what it has connected."""

    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect within what is left of the time limit."""
        seconds_left = _left(timeout, httpcore2.ConnectTimeout)
        stream = self._inner.connect_tcp(
            host, port, seconds_left, local_address, socket_options
        )
        return _Stream(stream)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    """A connection. Each step gets what is left of the time for the request."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            piece = buffer[start : start + _PIECE]
            self._inner.write(piece, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Start TLS within what is left of the time limit."""
        seconds_left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds_left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
