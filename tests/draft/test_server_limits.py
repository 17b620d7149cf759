"""A server that never ends an answer is given up; one that repeats the key gets it printed
nowhere."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import compress

import pytest

from ankiforge.anki.connect import AnkiConnect
from ankiforge.draft.server import (
    MAX_STEPS,
    ServerReplyError,
    ServerSettings,
    list_models,
)
from ankiforge.errors import ServiceError
from ankiforge.extract.zotero.api import RequestTiming
from ankiforge.features.ask import embedder
from ankiforge.features.ask.embedder import ServerEmbedder
from ankiforge.model import Problem
from tests.limits import PATIENCE
from tests.reading import opened, settings_of

KEY = "sk-proj-Ab9_xY7/qq+Zz"
PAUSE = 0.02
LIMIT = 0.3
"""The seconds that an answer may take here."""


@contextmanager
def endless(first: bytes, piece: bytes, pause: float = PAUSE) -> Iterator[str]:
    """A server that answers any request with `first`, then with one piece after the other."""
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(first)
            while not ended.wait(pause):
                connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                accepted.append(connection)
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    accepted: list[socket.socket] = []
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.close()
    assert len(accepted) == 1  # nobody asks again


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n"
SLOW = {
    "silence": (b"", b""),
    "a head, then silence": (HEAD, b""),
    "a byte of a head now and then": (HEAD, b"x"),
    "a field of a head now and then": (HEAD, b"x-more: y\r\n"),
    "102 again and again": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "100 again and again": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a length that never comes": (HEAD + b"\r\n{}", b""),
    "a byte of a body now and then": (HEAD + b"\r\n", b" "),
}
"""What is begun, and what follows bit by bit: given up after a while."""
OPEN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = OPEN + b"transfer-encoding: chunked\r\n\r\n"
MEGABYTE = b" " * 1_000_000
PACKED = compress(bytes(99_000_000), level=1, wbits=31)
LARGE = {
    "a body without end": (OPEN + b"\r\n", MEGABYTE),
    "chunks without end": (CHUNKED, b"F4240\r\n%s\r\n" % MEGABYTE),
    "a body packed small": (OPEN + b"content-encoding: gzip\r\n\r\n", PACKED),
}
"""What has too many bytes: refused by their number, long before its time is up."""


def a_run(address: str, seconds: float, forge: Any) -> None:
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "a.md").write_text(
        "Power is ==the ability to get others to act==.\n"
    )
    forge.drafting(f"{address}/v1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServerSettings, "reply_s", seconds, raising=False)
        result = forge("run")
    assert result.exit_code in (1, 3), result
    raise ServiceError(result.stderr)


def vectors(address: str, seconds: float, forge: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "_QUESTION_TIMEOUT", seconds)
        server = ServerSettings(base_url=f"{address}/v1", model="e5")
        ServerEmbedder(server).embed_questions(["Who translates messenger RNA?"])


def models_of(address: str, seconds: float, forge: Any) -> None:
    list_models(f"{address}/v1", timeout=seconds / MAX_STEPS)


def anki(address: str, seconds: float, forge: Any) -> None:
    AnkiConnect(address, timeout=seconds).check_access()


def zotero(address: str, seconds: float, forge: Any) -> None:
    settings = settings_of("zotero", api="local", url=address)
    pace = RequestTiming(sleep=lambda _: None, request_timeout=seconds)
    source = opened("zotero", Path(), settings, name="z", limits={"timing": pace})
    [problem] = [found for found in source.scan() if isinstance(found, Problem)]
    raise ServiceError(problem.message)


CLIENTS = {
    "model": (a_run, "took more than"),
    "vectors": (vectors, "does not answer within"),
    "list of models": (models_of, "does not answer within"),
    "Anki": (anki, "did not finish"),
    "Zotero": (zotero, "Zotero does not answer"),
}


@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_that_never_ends_its_answer_is_given_up(client, fault, forge):
    ask, words = CLIENTS[client]
    refused = pytest.raises((ServiceError, ServerReplyError), match=words)
    with endless(*SLOW[fault]) as address, refused:
        ask(address, LIMIT, forge)


@pytest.mark.parametrize("fault", LARGE)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_whose_answer_is_too_large_is_refused(client, fault, forge):
    ask, _ = CLIENTS[client]
    words = r"more than [0-9,]{7,} bytes|cut off"
    refused = pytest.raises((ServiceError, ServerReplyError), match=words)
    with endless(*LARGE[fault], pause=0) as address, refused:
        ask(address, PATIENCE, forge)


# --- the key --------------------------------------------------------------------------------


ECHOES = {
    "as it is": KEY,
    "capitals": KEY.upper(),
    "in an address": quote(KEY, safe=""),
}


@pytest.mark.parametrize("case", ECHOES)
def test_a_key_that_a_server_repeats_is_not_printed(
    forge, server, fake, monkeypatch, case
):
    monkeypatch.setenv("OTHER_KEY", KEY)
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "a.md").write_text(
        "Power is ==the ability to get others to act==.\n"
    )
    body = b'{"error": {"message": "refused: %s"}}' % ECHOES[case].encode()
    server.otherwise = lambda _: fake.Reply(400, body)
    forge.drafting(server.base_url, key_env="OTHER_KEY")
    forge.ok("init", "--trust", forge.folder)
    result = forge("run", "-v")
    said = result.stdout + result.stderr
    assert "refused: " in said
    assert "***" in said
    for form in (KEY, KEY.upper(), ECHOES[case]):
        assert form not in said
    assert forge("doctor", "--json").stdout.count(KEY) == 0


def test_a_key_that_a_server_redirects_to_is_not_printed(
    forge, server, fake, monkeypatch
):
    monkeypatch.setenv("OTHER_KEY", KEY)
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "a.md").write_text(
        "Power is ==the ability to get others to act==.\n"
    )
    there = (("location", f"http://evil.example/?key={quote(KEY, safe='')}"),)
    server.otherwise = lambda _: fake.Reply(307, json.dumps({}).encode(), there)
    forge.drafting(server.base_url, key_env="OTHER_KEY")
    forge.ok("init", "--trust", forge.folder)
    result = forge("run", "-v")
    assert "http://evil.example/?key=***" in result.stderr
