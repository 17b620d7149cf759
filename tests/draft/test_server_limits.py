"""A server that never ends an answer is given up; one that repeats the key gets it printed nowhere."""

import json
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from ankiforge.anki.connect import AnkiConnect
from ankiforge.draft.embedder import ServerEmbedder
from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ServiceError
from ankiforge.extract.zotero.api import Pace
from ankiforge.model import Problem
from tests.reading import opened, settings_of

KEY = "sk-proj-Ab9_xY7/qq+Zz"
PAUSE = 0.02
LIMIT = 0.3
"""The seconds that an answer may take here."""


@contextmanager
def endless(first: bytes, piece: bytes) -> Iterator[str]:
    """A server that answers any request with `first`, then with one piece after the other."""
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(first)
            while not ended.wait(PAUSE):
                connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.close()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n"
ENDLESS = {
    "a byte of a head now and then": (HEAD, b"x"),
    "a field of a head now and then": (HEAD, b"x-more: y\r\n"),
    "102 again and again": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "100 again and again": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a byte of a body now and then": (HEAD + b"\r\n", b" "),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_model_that_never_ends_its_answer_is_given_up(forge, monkeypatch, case):
    monkeypatch.setattr(ServerSettings, "reply_s", LIMIT, raising=False)
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "a.md").write_text(
        "Power is ==the ability to get others to act==.\n"
    )
    with endless(*ENDLESS[case]) as address:
        forge.drafting(f"{address}/v1")
        result = forge("run")
    assert result.exit_code in (1, 3), result
    assert f"took more than {LIMIT} s" in result.stderr


@pytest.mark.parametrize("case", ENDLESS)
def test_a_zotero_that_never_ends_its_answer_is_given_up(case):
    with endless(*ENDLESS[case]) as address:
        settings = settings_of("zotero", api="local", url=address)
        pace = Pace(sleep=lambda _: None, whole=LIMIT)
        found = list(
            opened("zotero", Path(), settings, name="z", limits={"pace": pace}).scan()
        )
    [problem] = [one for one in found if isinstance(one, Problem)]
    assert "no Zotero answers" in problem.what


@pytest.mark.parametrize("case", ENDLESS)
def test_an_anki_that_never_ends_its_answer_is_given_up(case):
    with (
        endless(*ENDLESS[case]) as address,
        pytest.raises(ServiceError, match="did not finish"),
    ):
        AnkiConnect(address, timeout=LIMIT).check()


def test_vectors_without_end_are_given_up():
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
    with endless(head, b" " * 1_000_000) as address:
        embedder = ServerEmbedder(ServerSettings(base_url=f"{address}/v1", model="e5"))
        with pytest.raises(ServiceError, match="more than 8,000,000 bytes"):
            embedder.questions(["Who translates messenger RNA?"])


# --- the key --------------------------------------------------------------------------------


ECHOES = {
    "as it is": KEY,
    "capitals": KEY.upper(),
    "in an address": quote(KEY, safe=""),
    "in base64": b64encode(KEY.encode()).decode(),
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
