"""A server is asked for its models and nothing else; whatever it answers is borne."""

from __future__ import annotations

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


def listing(*names: str) -> bytes:
    return json.dumps({"data": [{"id": name} for name in names]}).encode()


def test_the_models_of_a_server_are_listed_in_its_order(server) -> None:
    url, seen = server(listing("b", "a"))

    assert models(url + "/") == ("b", "a")
    assert seen == [("/v1/models", None)]


def test_a_key_is_sent_as_a_bearer_token(server) -> None:
    url, seen = server(listing())

    assert models(url, "secret") == ()
    assert seen == [("/v1/models", "Bearer secret")]


def test_a_key_does_not_follow_a_redirect(server) -> None:
    elsewhere, seen_there = server(listing("x"))
    url, _ = server(b"", 302, Location=elsewhere + "/models")

    with pytest.raises(Unreachable, match="answers 302"):
        models(url, "secret")

    assert seen_there == []


@pytest.mark.parametrize("key", ["a\nb", "ä☃"])
def test_a_key_that_no_header_can_hold_is_not_sent(server, key) -> None:
    url, seen = server(listing("m"))

    with pytest.raises(Unreachable, match="was not asked"):
        models(url, key)

    assert seen == []


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"data": 5}', b'{"data": [5]}', b"\xff", b"[" * 50_000],
)
def test_an_answer_of_another_kind_is_no_model_server(server, body) -> None:
    url, _ = server(body)

    with pytest.raises(Unreachable, match="is no server of language models"):
        models(url)


def test_an_endless_answer_is_cut(server) -> None:
    url, _ = server(b'{"data": [' + b" " * 9_000_000 + b"]}")

    with pytest.raises(Unreachable):
        models(url)


def test_a_refusal_says_its_code(server) -> None:
    url, _ = server(b"no", 401)

    with pytest.raises(Unreachable, match="answers 401 Unauthorized"):
        models(url)


def test_a_closed_port_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(Unreachable, match="does not answer"):
        models(f"http://127.0.0.1:{port}/v1")


def test_a_silent_server_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"

        with pytest.raises(Unreachable, match="does not answer"):
            models(url, timeout=0.05)


def test_a_proxy_is_not_told_of_this_machine(server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, _ = server(listing("m"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert models(url) == ("m",)
