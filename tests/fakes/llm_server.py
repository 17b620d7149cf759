"""A real HTTP server on loopback that speaks `chat.completions`, and remembers what it was asked.

Enqueue what it shall say, run, then look at `asked`. With an empty queue it draws one good card
for every highlight of the request.
"""

import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.loopback import Handler, serving


@dataclass(frozen=True)
class Reply:
    """What goes over the wire; `cut` breaks the connection after so many bytes of the body.

    `length` is what the head says of the body, if that is a lie; `hang_s` comes before all;
    `drip_head`: the head drips as the body does.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    cut: int | None = None
    reset: bool = False
    drip_s: float = 0.0
    hang_s: float = 0.0
    length: int | None = None
    drip_head: bool = False


def completion(
    content: Any, finish: str = "stop", tokens: int = 10, **message: Any
) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {
            "prompt_tokens": tokens,
            "completion_tokens": tokens,
            "total_tokens": 2 * tokens,
        },
    }


def says(content: Any, finish: str = "stop", tokens: int = 10, **message: Any) -> Reply:
    return Reply(body=json.dumps(completion(content, finish, tokens, **message)).encode())


def cards(*items: dict[str, Any], finish: str = "stop", tokens: int = 10) -> Reply:
    return says(json.dumps({"cards": list(items)}), finish, tokens)


def error(status: int, message: str, code: str = "", **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, body, (("content-type", "application/json"), *named))


def page(
    status: int = 200, text: str = "<html><body>Please log in</body></html>"
) -> Reply:
    return Reply(status, text.encode(), (("content-type", "text/html"),))


def card(
    h: object, quote: str, front: str = "What is it?", back: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "h": h,
        "kind": "basic",
        "quote": quote,
        "front": front,
        "back": back or quote,
        **more,
    }


def marked(request: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, marked words) of every highlight in a request."""
    user = "\n".join(m["content"] for m in request["messages"] if m["role"] == "user")
    return re.findall(r'<highlight h="(\w+)">.*?<marked>(.*?)</marked>', user, re.DOTALL)


def obliging(request: dict[str, Any], tokens: int = 10) -> Reply:
    """One good card a highlight."""
    made = [
        card(h, text, f"What says passage {text[:12]}?") for h, text in marked(request)
    ]
    return cards(*made, tokens=tokens)


@dataclass
class LlmServer:
    queue: deque[Reply] = field(default_factory=deque)
    otherwise: Callable[[dict[str, Any]], Reply] = obliging
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at_a_time: int = 0
    most_at_a_time: int = 0
    gone: bool = False
    models: tuple[str, ...] = ("fake-1",)
    pages: Mapping[str, Any] = field(default_factory=dict)
    """What it answers in JSON to paths other than that of its models."""
    looked: int = 0
    """How often it was asked for its models."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    base_url: str = ""
    _serving: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        address = self._serving.enter_context(serving(handler))
        self.base_url = f"{address}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone: no connection is taken any more, and none that stands is answered."""
        self.gone = True
        self._serving.close()

    def take(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Reply:
        with self.lock:
            self.paths.append(path)
            self.headers.append(headers)
            self.asked.append(request)
            queued = self.queue.popleft() if self.queue else None
        return queued or self.otherwise(request)


class _Handler(Handler):
    fake: LlmServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.fake.lock:
            self.fake.looked += 1
        listed = [{"id": name, "object": "model"} for name in self.fake.models]
        pages = {"/v1/models": {"object": "list", "data": listed}, **self.fake.pages}
        body = json.dumps(pages.get(self.path, {})).encode()
        self._play(Reply(200 if self.path in pages else 404, body))

    def do_POST(self) -> None:
        if self.fake.gone:
            self._reset()
            return
        size = int(self.headers.get("content-length", 0))
        request = json.loads(self.rfile.read(size) or b"{}")
        with self.fake.lock:
            self.fake.at_a_time += 1
            self.fake.most_at_a_time = max(self.fake.most_at_a_time, self.fake.at_a_time)
        reply = self.fake.take(
            self.path, {k.lower(): v for k, v in self.headers.items()}, request
        )
        with self.fake.lock:
            self.fake.at_a_time -= 1
        self._play(reply)

    def _play(self, reply: Reply) -> None:
        time.sleep(reply.hang_s)
        if reply.reset:
            self._reset()
            return
        length = len(reply.body) if reply.length is None else reply.length
        head = [f"HTTP/1.1 {reply.status} Said", f"content-length: {length}"]
        head += [f"{name}: {value}" for name, value in reply.headers]
        start = "\r\n".join([*head, "", ""]).encode()
        if reply.drip_s:
            self._drip(start, reply)
            return
        self.wfile.write(
            start + reply.body[: reply.cut]
        )  # one write: two cost a delayed ACK
        self.close_connection = reply.cut is not None

    def _drip(self, start: bytes, reply: Reply) -> None:
        self.close_connection = True
        try:
            whole = start + reply.body
            first = 0 if reply.drip_head else len(start)
            self.wfile.write(whole[:first])
            for at in range(first, len(whole), 20):
                self.wfile.write(whole[at : at + 20])
                self.wfile.flush()
                time.sleep(reply.drip_s)
        except OSError:
            pass

    def _reset(self) -> None:
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.shutdown(socket.SHUT_RDWR)


class Memory:
    """Replies in a dictionary: what the ledger does, for tests of the drafter alone."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.calls: list[dict[str, Any]] = []

    def load_reply(self, request_hash: str) -> str | None:
        return self.kept.get(request_hash)

    def store_reply(
        self,
        request_hash: str,
        raw: str,
        *,
        model: str,
        prompt_fingerprint: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        self.kept[request_hash] = raw
        self.calls.append(
            {
                "model": model,
                "prompt": prompt_fingerprint,
                "in": tokens[0],
                "out": tokens[1],
            }
        )

    @property
    def replies(self) -> list[str]:
        return [raw for name, raw in self.kept.items() if "/" not in name]
