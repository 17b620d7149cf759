"""The page at work: a server on loopback, on a port of its own, until it is stopped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import close_all

from ankiforge.review.page.app import LARGEST, make_app
from ankiforge.review.page.decisions.asking import Asking
from ankiforge.review.page.desks import Desks
from ankiforge.review.page.guard import Guard

HOST = "127.0.0.1"
THREADS = 4
IDLE_SECONDS = 30
"""After which a connection that asks nothing, or stops in the middle, is closed."""


def serve(desks: Desks, query: str, started: Callable[[str], None], asking: Asking) -> None:
    """Serve the page until Ctrl-C; what was asked by then is answered.

    Args:
        desks: gives the desk of the thread that asks; closed at the end.
        query: which cards it is about; "" = all.
        started: told of the address once it answers.
        asking: the models that may be asked; a reply under way at the end is kept.
    """
    listening = socket.create_server((HOST, 0))
    guard = Guard(listening.getsockname()[1])
    app = make_app(desks, guard, query, asking)
    connections: dict[int, Any] = {}
    server = create_server(
        app,
        map=connections,
        sockets=[listening],
        threads=THREADS,
        channel_timeout=IDLE_SECONDS,
        max_request_body_size=LARGEST,
        ident=None,
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a browser asks much at once
    with closing(desks), closing(asking):
        try:
            started(guard.address)
            server.run()
        finally:
            close_all(connections)
