"""The optional cluster that reads files: the setting `executor`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ankiforge.errors import ServiceError, UsageError

CONNECT_SECONDS = 10.0
"""Seconds to wait for a scheduler, and for its first worker."""


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the Dask cluster whose scheduler is at `address`, such as `tcp://host:8786`.

    Raises:
        UsageError: dask.distributed is not installed.
        ServiceError: no scheduler with a worker answers.
    """
    try:
        import distributed
    except ImportError as error:
        hint = "pip install 'ankiforge-cards[dask]'"
        raise UsageError("the setting executor needs dask.distributed", hint=hint) from error
    connect: Any = distributed.Client
    try:
        parts = urlsplit(address)  # a `Client` that cannot connect hangs and prints
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS).close()
        client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TypeError, ValueError) as error:
        hint = "start one: dask scheduler; and workers: dask worker ADDRESS"
        what = f"no Dask scheduler answers at {address} ({error})"
        raise ServiceError(what, hint=hint) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            hint = f"start one on each machine: dask worker {address}"
            what = f"the Dask scheduler at {address} has no workers"
            raise ServiceError(what, hint=hint) from error
        yield client.get_executor(pure=False)
