"""A server is asked for its models and nothing else; whatever it answers is borne."""

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ankiforge.reports.discover import Unreachable, models

Seen = list[tuple[str, str | None]]


@pytest.fixture
def server() -> Iterator[Callable[..., tuple[str, Seen]]]:
    """Start a server that gives one answer; returns its base URL and what it was asked."""
    running: list[ThreadingHTTPServer] = []

    def start(body: bytes, status: int = 200, **headers: str) -> tuple[str, Seen]:
        seen: Seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(httpd)
        Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{httpd.server_port}/v1", seen

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


@pytest.mark.parametrize(
    ("names", "key", "sent"),
    [(("b", "a"), "", None), ((), "secret", "Bearer secret")],
    ids=["in its order", "with a key"],
)
def test_the_models_of_a_server_are_listed(server, monkeypatch, names, key, sent):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # which is not told of this machine
    url, seen = server(json.dumps({"data": [{"id": name} for name in names]}).encode())

    assert models(url + "/", key) == names
    assert seen == [("/v1/models", sent)]


def test_a_key_does_not_follow_a_redirect(server):
    elsewhere, seen_there = server(b'{"data": [{"id": "x"}]}')
    url, _ = server(b"", 302, Location=elsewhere + "/models")

    with pytest.raises(Unreachable, match="answers 302"):
        models(url, "secret")

    assert seen_there == []


@pytest.mark.parametrize("key", ["a\nb", "ä☃"])
def test_a_key_that_no_header_can_hold_is_not_sent(server, key):
    url, seen = server(b'{"data": []}')

    with pytest.raises(Unreachable, match="was not contacted"):
        models(url, key)

    assert seen == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        *(
            (body, 200, "is not a language model server")
            for body in (b"", b"<html>", b"[]", b"{}", b'{"data": 5}', b'{"data": [5]}', b"\xff")
        ),
        (b"[" * 50_000, 200, "is not a language model server"),
        (b"no", 401, "answers 401 Unauthorized"),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_any_other_answer_is_no_list_of_models(server, body, status, says):
    url, _ = server(body, status)

    with pytest.raises(Unreachable, match=says):
        models(url)


@pytest.mark.parametrize("listens", [True, False])
def test_a_server_that_is_silent_or_closed_does_not_answer(listens):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if not listens:
            silent.close()

        with pytest.raises(Unreachable, match="does not answer"):
            models(f"http://127.0.0.1:{port}/v1", timeout=0.05)
