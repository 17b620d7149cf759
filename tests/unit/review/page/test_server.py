"""The server's own end: what was asked is answered, and nothing of it is left."""

import signal
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.request import urlopen

from ankiforge.review.page import server
from ankiforge.review.page.decisions import Models
from ankiforge.review.page.server import Services


def test_what_was_asked_before_ctrl_c_is_answered_and_no_thread_is_left(monkeypatch):
    answers: list[bytes] = []

    def slow(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
        time.sleep(0.3)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]

    def visit(address: str) -> None:
        with urlopen(address, timeout=10) as answer:
            answers.append(answer.read())

    visitors: list[threading.Thread] = []

    def started(address: str) -> None:
        visitors.append(threading.Thread(target=visit, args=(address,)))
        visitors[0].start()

    monkeypatch.setattr(server, "make_app", lambda *_, **__: slow)
    server.serve(Services(None, lambda problems: None), "", started, Models())
    visitors[0].join(timeout=10)
    assert answers == [b"done"]
    assert [one.name for one in threading.enumerate() if one.name.startswith("waitress")] == []
