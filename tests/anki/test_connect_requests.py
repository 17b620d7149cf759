"""What the client asks for, letter by letter, and what it says when something is wrong."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki import connect
from ankiforge.anki.connect import AnkiConnect
from ankiforge.errors import ServiceError
from tests.fakes.loopback import Handler, serving
from tests.limits import PATIENCE

SECRET = "squeamish-ossifrage"


@dataclass
class Other:
    """A server that answers every POST with the same words, or by a function of the request."""

    says: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    asked: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    def body(self, request: dict[str, Any]) -> bytes:
        says = self.says(request) if callable(self.says) else self.says
        return says if isinstance(says, bytes) else json.dumps(says).encode()


class _Handler(Handler):
    other: Other

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.other.asked.append(request)
        self.other.heads.append(
            {name.lower(): value for name, value in self.headers.items()}
        )
        body = self.other.body(request)
        self.send_response(self.other.status)
        for name, value in self.other.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def answering(says: Any, status: int = 200, *headers: tuple[str, str]) -> Iterator[Other]:
    other = Other(says, status, headers)
    handler = type("Handler", (_Handler,), {"other": other})
    with serving(handler) as other.address:
        yield other


def result(value: Any) -> dict[str, Any]:
    return {"result": value, "error": None}


def error(words: str) -> dict[str, Any]:
    return {"result": None, "error": words}


def told(call: Callable[[], object], kind: type[ServiceError] = ServiceError) -> str:
    """Message and hint of what is raised."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert caught.value.exit_code == 3
    return f"{caught.value.message} | {caught.value.hint}"


# --- what goes over the wire ------------------------------------------------------------------


def test_a_request_has_the_version_the_key_if_there_is_one_and_no_origin():
    for key in ("", SECRET):
        with answering(result("Ada")) as other:
            assert AnkiConnect(other.address, key).get_active_profile() == "Ada"
        asked = {"action": "getActiveProfile", "version": 6, "params": {}}
        assert other.asked == [asked | ({"key": key} if key else {})]
        assert "origin" not in other.heads[0]


def test_a_note_is_shown_by_its_id_and_one_of_another_profile_is_told():
    with answering(result([5])) as other:
        AnkiConnect(other.address).open_browser(17)
    assert other.asked == [
        {"action": "guiBrowse", "version": 6, "params": {"query": "nid:17"}}
    ]
    with answering(result([])) as other:
        words = told(lambda: AnkiConnect(other.address).open_browser(17))
    assert words == (
        "the profile that is open in Anki does not have this note"
        " | open the profile that has your cards"
    )


def test_proxies_are_not_asked(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with answering(result("A")) as other:
        assert AnkiConnect(other.address).get_active_profile() == "A"


# --- nobody there, or somebody else -----------------------------------------------------------


def test_a_closed_anki_is_told_and_the_add_on_is_named():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    words = told(AnkiConnect(f"http://127.0.0.1:{port}").get_active_profile)
    assert f"http://127.0.0.1:{port}" in words
    assert "2055492159" in words


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://h:x", "http://:1", "ftp://h", "h:1", "http://..", "http://127.0.0.1:1"],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_told(address):
    client = AnkiConnect(address)
    assert f"Anki does not answer at {address}: " in told(client.get_active_profile)
    assert client.get_api_version() == 0


def test_a_computer_that_takes_no_connection_is_told(monkeypatch):
    monkeypatch.setattr(connect, "_CONNECT_TIMEOUT", 0.1)
    with ExitStack() as stack:
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # those that wait fill its queue
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(door.getsockname())
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        client = AnkiConnect(address)
        assert f"Anki does not answer at {address}: " in told(client.get_active_profile)
        assert client.get_api_version() == 0


def test_no_redirect_is_followed():
    with answering(result(6)) as elsewhere:
        with answering(b"", 307, ("Location", elsewhere.address)) as other:
            words = told(AnkiConnect(other.address, SECRET).get_active_profile)
        assert elsewhere.asked == []
    assert "307" in words


NO_HTTP = b"SSH-2.0-OpenSSH_9.9\r\n"
BROKEN_OFF = b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"result":'


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (None, ("did not finish getActiveProfile within 0.2 s", "dialog")),
        (NO_HTTP, ("another program answers there",)),
        (b"", ("closed the connection during getActiveProfile",)),
        (BROKEN_OFF, ("closed the connection during getActiveProfile",)),
    ],
)
def test_what_does_not_answer_to_the_end_is_told(sent, words):
    done = threading.Event()

    def taken() -> None:
        taker, _ = door.accept()
        with taker:
            taker.recv(65536)
            done.wait() if sent is None else taker.sendall(sent)

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=taken, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        limit = 0.2 if sent is None else PATIENCE
        said = told(AnkiConnect(address, timeout=limit).get_active_profile)
        done.set()
        thread.join(PATIENCE)
    assert all(word in said for word in words), said


# --- answers, and the words for what is wrong -------------------------------------------------


def by_action(**answers: Any) -> Callable[[dict[str, Any]], Any]:
    """An add-on that knows these actions only."""

    def says(request: dict[str, Any]) -> Any:
        known = request["action"] in answers
        return (
            result(answers[request["action"]]) if known else error("unsupported action")
        )

    return says


LOUD = f"bad\n\x1b[31mrequest {SECRET} \u202e" + "x" * 5000
NO_KEY = error("valid api key must be provided")
STRANGER = "is not AnkiConnect", "anki.connect"


def profile(client: AnkiConnect) -> object:
    return client.get_active_profile()


def search(client: AnkiConnect) -> object:
    return client.unsuspend([1])


@pytest.mark.parametrize(
    ("status", "says", "key", "call", "words"),
    [
        (200, b"<html>It works!</html>", "", profile, STRANGER),
        (200, b"", "", profile, STRANGER),
        (200, b"[" * 200_000, "", profile, STRANGER),
        (200, {"version": 6}, "", profile, STRANGER),
        (404, b"not found", "", profile, STRANGER),
        (500, result(6), "", profile, STRANGER),
        (403, b"", "", profile, ("403", "webBindPort")),
        (200, NO_KEY, "", profile, ("requires its key", "MY_KEY")),
        (200, NO_KEY, SECRET, profile, ("rejects the key", "MY_KEY")),
        (200, error(LOUD), SECRET, search, ("Anki refuses findCards: bad [31mrequest *** x",)),
        (200, error("collection is not available"), "", search, ("no profile is open",)),
        (
            200, by_action(requestPermission={"permission": "denied"}), "",
            AnkiConnect.check_access, ("denied permission", "ignoreOriginList"),
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(status, says, key, call, words):
    with answering(says, status) as other:
        said = told(lambda: call(AnkiConnect(other.address, key, key_env="MY_KEY")))
    assert all(word in said for word in words), said
    assert SECRET not in said
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.check_access(),
        lambda client: client.get_active_profile(),
        lambda client: client.import_package(Path("a.apkg")),
        lambda client: client.unsuspend([1]),
    ],
)
@pytest.mark.parametrize("value", [None, False, ["5"], {"actions": 1}])
def test_an_answer_of_another_kind_is_an_error(call, value):
    with answering(result(value)) as other:
        told(lambda: call(AnkiConnect(other.address)))


# --- which decks are exported -----------------------------------------------------------------
