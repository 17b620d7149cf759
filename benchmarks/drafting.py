"""The LLM stage beside a server that takes a fixed time for each answer and has N slots.

    python -m benchmarks.drafting [--latency S] [--rounds N] [--runs N]
                                 [--way WAY] [SLOTS ...]

No client can get more than N answers in that time; the goal is 95 % of it. Timed at the server,
from the first request to the last answer: `stage` is the drafter alone with many documents,
`program` the whole of `ankiforge run` with its ledger, checks and package, `one document` the
same with all passages in a single note. Medians of several runs; the server is a process of its
own on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

SLOTS = (1, 4, 16)
FACTS = ("aperture", "shutter", "sensor", "tripod", "filter", "flash", "meter", "grain")


# --- the server -----------------------------------------------------------------------------


def answer(body: bytes) -> bytes:
    """One good card for each highlight of a request."""
    messages = json.loads(body)["messages"]
    text = "\n".join(one["content"] for one in messages if one["role"] == "user")
    found = re.findall(r'<highlight h="(\w+)">.*?<marked>(.*?)</marked>', text, re.DOTALL)
    cards = [
        {"h": h, "kind": "basic", "quote": marked, "front": f"What does passage {marked.split()[1]}"
         " say of its subject?", "back": " ".join(marked.split()[2:6]), "text": "", "why_none": ""}
        for h, marked in found
    ]  # fmt: skip
    message = {"role": "assistant", "content": json.dumps({"cards": cards})}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 80, "total_tokens": 1080}
    made = json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": usage}).encode()
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(made)}\r\n\r\n".encode() + made


def serve(slots: int, latency: float) -> None:
    """Answer until stdin ends; each line there asks for the (first, last, count) so far."""
    places, times, lock = threading.Semaphore(slots), [], threading.Lock()

    def talk(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        file = connection.makefile("rb")
        while line := file.readline():
            size = 0
            while (line := file.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            body = file.read(size)
            began = time.monotonic()
            made = answer(body)
            with places:
                time.sleep(max(began + latency - time.monotonic(), 0.0))
                connection.sendall(made)
            with lock:
                times.append((began, time.monotonic()))

    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            threading.Thread(target=talk, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for _ in sys.stdin:
        with lock:
            said = (min(t[0] for t in times), max(t[1] for t in times), len(times))
            times.clear()
        print(*said, flush=True)


class Served:
    """The server in a process of its own."""

    def __init__(self, slots: int, latency: float) -> None:
        words = ["--serve", str(slots), "--latency", str(latency)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.drafting", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{self._said()}/v1"

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def rate(self) -> float:
        """Answers a second since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        first, last, count = map(float, self._said().split())
        return count / (last - first)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# --- the clients ----------------------------------------------------------------------------


def fact(number: int) -> str:
    return f"Passage {number} says that the {FACTS[number % 8]} of camera {number} is quite good."


def stage(url: str, slots: int, requests: int) -> None:
    """The drafter alone, with replies kept in a dictionary."""
    from ankiforge.config import shipped
    from ankiforge.draft.client import ServerSettings
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import load
    from ankiforge.model import Document, DocumentKey, Highlight, HighlightKey, HighlightKind, Task

    class Kept(dict):  # type: ignore[type-arg]
        def put(self, request: str, raw: str, **_: object) -> None:
            self[request] = raw

    def task(number: int) -> Task:
        paper = Document(DocumentKey(f"d{number}"), source="papers", title=f"Paper {number}")
        key = HighlightKey(f"k{number}")
        one = Highlight(paper, paper.key, HighlightKind.HIGHLIGHT, fact(number), key=key)
        return Task(paper, (one,))

    prompt = load("cards-small", [shipped("prompts")])
    model = Model(ServerSettings(url, "m", concurrency=slots), Kept(), prompt)
    done = sum(len(result.drafts) for result in model.draft(task(n) for n in range(requests)))
    assert done == requests, f"{done} of {requests}"


def program(url: str, slots: int, requests: int, *, notes: int = 0) -> None:
    """`ankiforge run` in a workspace of its own; as many notes as passages, unless told."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "notes").mkdir()
        count = notes or requests
        for note in range(count):
            marked = (f"=={fact(n)}==" for n in range(note, requests, count))
            (root / f"notes/{note}.md").write_text("\n\n".join(marked) + "\n")
        llm = json.dumps({"base_url": url, "model": "m", "concurrency": slots, "candidates": 1})
        (root / "ankiforge.yaml").write_text(
            "sources: [{obsidian: {name: n, path: notes}}]\ndrafter: llm\nanki: {collection: none}\n"
            f"llm: {llm}\n"
        )
        environ = {**os.environ, "ANKIFORGE_HOME": str(root / "home"), "HOME": str(root)}
        words = [sys.executable, "-m", "ankiforge", "-C", str(root), "run", "--json"]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["llm"]["requests"] == requests, done.stdout


def one_document(url: str, slots: int, requests: int) -> None:
    program(url, slots, requests, notes=1)


# --- the table ------------------------------------------------------------------------------

WAYS: dict[str, Callable[[str, int, int], None]] = {
    "stage": stage,
    "program": program,
    "one document": one_document,
}


def measured(way: str, slots: int, latency: float, rounds: int) -> float:
    """Answers a second of one run."""
    server = Served(slots, latency)
    try:
        WAYS[way](server.url, slots, rounds * slots)
        return server.rate()
    finally:
        server.stop()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("slots", nargs="*", type=int, default=SLOTS)
    words.add_argument("--latency", type=float, default=0.25, help="seconds an answer takes")
    words.add_argument("--rounds", type=int, default=16, help="answers a slot")
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--way", choices=list(WAYS), action="append", help="only this")
    words.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.serve:
        serve(given.serve, given.latency)
        return
    print(f"{given.latency:g} s an answer, {given.rounds} answers a slot, median of {given.runs}")
    print(f"{'':14}{'slots':>6}{'answers/s':>11}{'possible':>10}{'ratio':>8}")
    for way in given.way or WAYS:
        for slots in given.slots:
            rates = [measured(way, slots, given.latency, given.rounds) for _ in range(given.runs)]
            rate, possible = statistics.median(rates), slots / given.latency
            print(f"{way:14}{slots:6}{rate:11.2f}{possible:10.2f}{rate / possible:8.1%}")


if __name__ == "__main__":
    main()
