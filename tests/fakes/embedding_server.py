"""A real HTTP server on loopback that speaks `/v1/embeddings`, and can answer badly.

Vectors are counts of hashed words, so texts with the same words are near.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from tests.fakes.loopback import Handler, serving

SIZE = 64


def vector(text: str) -> list[float]:
    numbers = [0.01] * SIZE
    for word in text.lower().replace("?", "").replace(".", "").split():
        place = sha256(word.encode()).digest()[0]
        numbers[place % SIZE] += 1
    return numbers


class EmbeddingServer:
    """What it was sent, and how it answers."""

    def __init__(self) -> None:
        self.base_url = ""
        self.texts: list[str] = []
        self.change: Callable[[list[dict[str, Any]]], Any] = lambda data: data
        """Changes the list of vectors of an answer."""
        self.answer: Callable[[int], tuple[int, dict[str, str]]] = lambda number: (
            200,
            {},
        )
        """Returns status and headers by the number of the request."""
        self.requests = 0

    def sent(self) -> list[str]:
        """The passages that were sent since the last call."""
        passages = [text for text in self.texts if text.startswith("passage: ")]
        self.texts.clear()
        return [text.removeprefix("passage: ") for text in passages]


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """Serve until the end of the block."""
    state = EmbeddingServer()

    class Embeddings(Handler):
        def do_GET(self) -> None:
            self.reply(200, {"data": [{"id": "e5"}]}, {})

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            texts = json.loads(self.rfile.read(size))["input"]
            state.texts += texts
            state.requests += 1
            data = []
            for place, text in enumerate(texts):
                data.append({"index": place, "embedding": vector(text)})
            status, headers = state.answer(state.requests)
            self.reply(status, {"data": state.change(data)}, headers)

        def reply(self, status: int, data: Any, headers: dict[str, str]) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Embeddings) as address:
        state.base_url = f"{address}/v1"
        yield state


def longer(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*data[:-1], {**data[-1], "embedding": data[-1]["embedding"] + [1.0]}]


def with_number(number: Any) -> Callable[[list[dict[str, Any]]], Any]:
    def change(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wrong = [*data[-1]["embedding"][1:], number]
        return [*data[:-1], {**data[-1], "embedding": wrong}]

    return change


FAULTS: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "another length": longer,
    "NaN": with_number(math.nan),
    "infinite": with_number(math.inf),
    "huge": with_number(10**400),
    "text": with_number("1"),
    "zeros": lambda data: [{**each, "embedding": [0.0] * SIZE} for each in data],
    "fewer": lambda data: data[:-1],
    "more": lambda data: [*data, data[0]],
    "one twice": lambda data: [*data[:-1], data[0]] if len(data) > 1 else data[:0],
    "no place": lambda data: [{**each, "index": [each["index"]]} for each in data],
    "empty vectors": lambda data: [{**each, "embedding": []} for each in data],
    "no vectors": lambda data: [{"index": 0} for each in data],
    "no list": lambda data: {"vectors": data},
    "null": lambda data: None,
}
