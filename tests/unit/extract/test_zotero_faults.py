"""Zotero's API where it is slow without end, or wrong about itself: no run hangs, nothing is lost."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pytest

from ankiforge.extract import zotero
from ankiforge.extract.zotero.sync import collections_of, items_of
from ankiforge.model import Sighting
from samples.zotero_writer import Annotation, Attachment, Library, Work
from tests.fakes import zotero_server as fake
from tests.reading import problems, scans, texts

ADA = 123456


def paper(*marks: Annotation) -> Work:
    file = Attachment("ATTACH01", "paper.pdf", marks)
    return Work("PAPER001", {"title": "Paper"}, attachments=(file,))


OWN = Library((paper(Annotation("MARK0001", "mine")),))
SHARED = [
    Library((paper(Annotation("MARK0001", f"ours {n}", author=ADA)),), group=n) for n in (5, 6)
]


def read(
    url: str, pace: Any = None, memory: Any = None, api: str = "web", **more: Any
) -> list[Sighting]:
    settings = zotero.Settings(api=api, url=url, key_env="ZOTERO_API_KEY", **more)
    kept, pace = memory or fake.Kept(), pace or fake.Clock().pace
    return list(zotero.open_source("zotero", Path(), settings, memory=kept, pace=pace).scan())


# --- without end ----------------------------------------------------------------------------


@dataclass
class Trickle:
    """A server whose every answer begins with `first`, and goes on with `then` for ever."""

    first: bytes
    then: bytes
    asked: int = 0
    socket_: socket.socket = field(default_factory=socket.socket)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket_.getsockname()[1]}"

    def __enter__(self) -> Self:
        self.socket_.bind(("127.0.0.1", 0))
        self.socket_.listen()
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        socket.create_connection(self.socket_.getsockname()).close()  # wakes who waits for one
        for thread in self.threads:
            thread.join()
        self.socket_.close()

    def _begin(self, what: Callable[[], None]) -> None:
        thread = threading.Thread(target=what, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            connection, _ = self.socket_.accept()
            self._begin(lambda connection=connection: self._answer(connection))  # type: ignore[misc]

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            if self.over.is_set() or not connection.recv(65536):
                return
            self.asked += 1
            try:
                connection.sendall(self.first)
                while not self.over.wait(0.01):
                    connection.sendall(self.then)
            except OSError:
                return


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nZotero-API-Version: 3\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (HEAD + b"Content-Length: 99999\r\n\r\n[", b" "),
        (HEAD + b"X: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\0", b"n"),
    ],
    ids=["in the body", "in the head", "before the head", "packed"],
)
@pytest.mark.parametrize("api", ["web", "local"])
def test_an_answer_without_end_is_given_up(api, first, then):
    clock = fake.Clock()
    with Trickle(first, then) as server:
        found = read(server.url, replace(clock.pace, slowest=0.3), api=api)
        asked = server.asked
    [problem] = problems(found)
    assert "not done after 0.3 s" in problem.what
    assert not any(scans(found).values())
    assert asked == 2


@pytest.mark.parametrize("rest", ["50", "9", "60"])
def test_a_run_rests_for_three_minutes_and_no_more(serve, rest):
    server, clock = serve(OWN, *SHARED), fake.Clock()
    server.faults.extend([fake.beside(Backoff=rest)] * 99)
    found = read(server.url, clock.pace)
    assert sum(clock.slept) <= 180
    assert (rest == "9") == (texts(found) == ["mine", "ours 5", "ours 6"])
    told = [problem.what for problem in problems(found)]
    assert all(f"asks to wait {rest} s" in one for one in told)
    assert all(scans(found).values()) == (rest == "9")


def test_whoever_was_waited_for_long_enough_is_asked_no_more(serve):
    server, clock = serve(OWN, *SHARED), fake.Clock()
    refused = fake.status(429, Retry_After="60")
    server.faults.extend([fake.FINE, fake.FINE, refused, refused, refused, fake.status(500)])
    server.faults.extend([fake.status(500)] * 99)
    found = read(server.url, clock.pace)
    assert clock.slept == [60.0, 60.0, 60.0]
    assert len(server.asked) == 8  # whose key, which groups; one library four times, two once
    assert scans(found) == {"zotero:user": False, "zotero:group.5": False, "zotero:group.6": False}


def test_a_list_of_a_thousand_million_items_is_not_read(serve):
    server = serve(OWN)
    rows = [{"key": f"COLL{n:04}", "data": {"name": "x"}} for n in range(100)]
    version = str(server.shelves[f"users/{ADA}"].version)
    page = fake.status(
        200,
        json.dumps(rows),
        Content_Type="application/json",
        Total_Results="1000000000",
        Last_Modified_Version=version,
    )
    server.faults.extend([fake.FINE] * 5 + [page] * 99)
    [problem] = problems(read(server.url))
    assert "1,000,000,000 items" in problem.what
    assert len(server.asked) == 6


def test_a_number_of_thousands_of_digits_is_none(serve):
    server = serve(OWN)
    server.faults.extend([fake.FINE] * 2 + [fake.beside(Total_Results="9" * 5000)])
    assert texts(read(server.url)) == ["mine"]


# --- wrong about itself ---------------------------------------------------------------------


def test_an_empty_list_the_first_time_is_no_empty_library_for_ever(serve):
    server, memory = serve(OWN), fake.Kept()
    version = str(server.shelves[f"users/{ADA}"].version)
    nothing = fake.status(
        200, "{}", Content_Type="application/json", Last_Modified_Version=version, Total_Results="0"
    )
    server.faults.extend([fake.FINE, fake.FINE, nothing])
    assert texts(read(server.url, memory=memory)) == []
    assert texts(read(server.url, memory=memory)) == ["mine"]


@pytest.mark.parametrize("code", [403, 500, 503])
@pytest.mark.parametrize("api", ["web", "local"])
def test_without_the_list_of_groups_ones_own_library_is_read(serve, api, code):
    server = serve(OWN, *SHARED, flavour="local10" if api == "local" else "web")
    before = [fake.FINE] if api == "web" else []
    server.faults.extend(before + [fake.status(code, "no")] * (4 if code >= 500 else 1))
    found = read(server.url, api=api)
    assert texts(found) == ["mine"]
    assert scans(found) == {"zotero:user": True}
    [problem] = problems(found)
    assert problem.where.endswith(": shared libraries")
    assert f"answers {code}" in problem.what
    assert not problem.notice


def test_without_the_list_of_groups_no_number_is_taken_for_a_user(serve):
    server = serve(OWN, *SHARED)
    server.faults.extend([fake.FINE, fake.status(403, "no")])
    found = read(server.url, library=5)
    assert not any("/users/5/" in one for one in server.asked)
    assert texts(found) == []
    assert not any(scans(found).values())


NULLS = {
    "key": "MARK0001",
    "meta": {"createdByUser": None, "parsedDate": None},
    "data": {
        "itemType": "annotation",
        "parentItem": None,
        "deleted": None,
        "dateAdded": None,
        "tags": [{"tag": "one", "type": None}, {"tag": "two"}, {"tag": None}, None],
        "creators": None,
        "collections": None,
        "annotationText": None,
        "annotationComment": "said",
    },
}


def test_a_field_without_a_value_is_none():
    [item] = items_of([NULLS])
    assert (item.parent, item.trashed, item.added, item.by) == ("", False, "", None)
    assert item.tags == ("one", "two")
    assert item.fields == {"annotationComment": "said"}
    [bare] = items_of([{"key": "A", "meta": None, "data": {"itemType": "book", "tags": None}}])
    assert bare.tags == ()
    folders = collections_of([{"key": "C", "data": {"name": None, "parentCollection": None}}])
    assert folders["C"].parent == ""
