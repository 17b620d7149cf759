"""`ankiforge review` as a process: how it starts, what it tells, how it ends."""

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from ankiforge.ledger import db as connection

NOTE = "The ==cell== divides.\n\nWhat is it?::That\n\n==We should all sleep more.==\n"


class Visitor:
    """A browser's part: it comes by the address, and asks from then on by its cookie."""

    def __init__(self, address: str) -> None:
        self._origin = address.partition("/?")[0]
        self._ask = build_opener(HTTPCookieProcessor(CookieJar())).open
        with self._ask(address, timeout=10) as answer:
            assert answer.url == f"{self._origin}/"

    def item(self, view: str = "pending") -> Any:
        with self._ask(f"{self._origin}/api/item?view={view}", timeout=10) as answer:
            return json.load(answer)

    def decide(self, what: str, found: Any) -> Any:
        item = found["item"]
        body = {"what": what, "at": item["id"], "stamp": item["stamp"], "view": found["view"]}
        return self.say("decide", body)

    def say(self, path: str, body: Any) -> Any:
        headers = {"Origin": self._origin, "Content-Type": "application/json"}
        request = Request(f"{self._origin}/api/{path}", json.dumps(body).encode(), headers)
        with self._ask(request, timeout=30) as answer:
            return json.load(answer)

    def unsent(self) -> int:
        with self._ask(f"{self._origin}/api/views", timeout=10) as answer:
            return int(json.load(answer)["unsent"])


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def waiting(forge, vault) -> Path:
    """A vault with two cards that wait, and a passage without one."""
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return vault


@contextmanager
def reviewing(forge, *options: str) -> Iterator[tuple[Any, Visitor]]:
    """The process, and a visitor of its page."""
    process = forge.started("review", "--no-open", *options)
    try:
        yield process, Visitor(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate(timeout=10)


def ended(process: Any, by: int = signal.SIGINT) -> tuple[int, str]:
    """Exit code and talk of a process that is stopped."""
    process.send_signal(by)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    return process.returncode, err


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_however_it_is_ended_what_was_decided_is_kept(forge, waiting, name):
    with reviewing(forge) as (process, visitor):
        visitor.decide("accept", visitor.item())
        code, err = ended(process, getattr(signal, name))

    assert code == 130
    assert err.startswith("2 cards wait, 1 passage without a card; press Ctrl-C to end\n")
    assert "nothing is lost" in err
    assert sorted(card["verdict"] for card in forge.cards()) == ["accepted", "pending"]
    assert not (forge.home / ".ankiforge/ledger.db-wal").exists(), "the ledger was closed"


def test_a_terminal_that_is_closed_ends_it_too(forge, waiting):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ankiforge", "review", "--no-open"]
    environment = {**os.environ, **forge.environment}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=forge.folder, env=environment
    )
    os.close(theirs)
    said = b""
    while b"token=" not in said:
        said += os.read(ours, 1000)
    os.close(ours)
    process.send_signal(signal.SIGHUP)  # as the system does
    assert process.wait(timeout=20) == 130


def test_who_asked_to_outlive_the_terminal_does(forge, waiting):
    process = forge.started("review", "--no-open", before=("nohup",))
    visitor = Visitor(process.stdout.readline().strip())
    process.send_signal(signal.SIGHUP)
    assert visitor.item()["count"] == 2
    assert ended(process)[0] == 130


# --- sending to Anki ---------------------------------------------------------------------------


def test_from_a_mark_to_anki_by_two_commands_and_two_clicks(forge, waiting, serving, tmp_path):
    with serving(tmp_path / "anki") as server:
        (forge.home / "ankiforge.yaml").write_text(
            f"anki: {{collection: none, connect: '{server.address}'}}\n", encoding="utf-8"
        )
        forge.ok("init", "--trust", forge.home)
        with reviewing(forge, "-q") as (_, visitor):
            visitor.decide("accept", visitor.item())
            assert visitor.unsent() == 1
            assert visitor.say("send", {})["told"].startswith("in Anki: 1 new note")
            assert visitor.unsent() == 0
            assert visitor.say("send", {})["told"].startswith("Nothing to send: Anki has")
        with server.collection() as col:
            assert col.note_count() == 1


def test_without_anki_the_package_is_written_and_named(forge, waiting):
    with reviewing(forge, "-q") as (_, visitor):
        assert visitor.say("send", {})["told"].startswith("Nothing to send: no card is accepted")
        visitor.decide("accept", visitor.item())
        told = visitor.say("send", {})["told"]
        assert visitor.unsent() == 0
    assert told.startswith("1 note written to ")
    assert (forge.folder / "ankiforge.apkg").is_file()


# --- what it tells ----------------------------------------------------------------------------


def test_json_is_the_address_and_nothing_else(forge, waiting):
    process = forge.started("review", "--json", "-q")
    told = json.loads(process.stdout.readline())
    assert list(told) == ["address"]
    assert Visitor(told["address"]).item()["count"] == 2
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert out == ""
    assert err.startswith("ankiforge: stopped")


def test_a_reader_that_has_seen_enough_ends_nothing(forge, waiting):
    process = forge.started("review", "--no-open")
    process.stdout.close()
    assert "press Ctrl-C to end" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_the_browser_of_this_machine_gets_the_address(forge, waiting, tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    seen = tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    process = forge.started("review")
    address = process.stdout.readline().strip()
    while not seen.exists():
        assert process.poll() is None
        time.sleep(0.01)
    assert seen.read_text() == address
    assert Visitor(address).item()["count"] == 2
    assert "no browser" not in ended(process)[1]


def test_where_no_browser_can_be_opened_it_tells_the_way(forge, waiting, tmp_path, monkeypatch):
    lynx = tmp_path / "lynx"
    lynx.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    lynx.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(lynx))
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 51234 10.0.0.7 22")
    process = forge.started("review")
    port = process.stdout.readline().split(":")[2].partition("/")[0]
    code, err = ended(process)
    assert code == 130
    assert "no browser can be opened here" in err
    assert f"ssh -L {port}:127.0.0.1:{port} 10.0.0.7\n" in err
    assert not (tmp_path / "opened").exists()


def test_what_is_asked_for_alone_is_counted(forge, waiting):
    process = forge.started("review", "--no-open", "--query", "kind:basic")
    process.stdout.readline()
    assert ended(process)[1].startswith("1 card waits")


# --- no page without a ledger -----------------------------------------------------------------


def refused(forge, code: int, *words: str) -> None:
    """It ends at once, and says why; no page was ever there."""
    result = forge("review", "--no-open", code=code)
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_what_is_wrong_is_told_before_there_is_a_page(forge, waiting, monkeypatch):
    assert "no field" in forge("review", "--query", "foo:bar", code=2).stderr
    assert "hint:" in forge("review", "-C", forge.folder / "nowhere", code=2).stderr
    ledger = forge.home / ".ankiforge/ledger.db"
    with (
        closing(sqlite3.connect(ledger, isolation_level=None)) as other,
        monkeypatch.context() as now,
    ):
        now.setattr(connection, "BUSY_SECONDS", 0.1)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        refused(forge, 4, "locked by another program")
    ledger.write_bytes(b"no database" * 1000)
    refused(forge, 4, "is damaged", "hint:")


def test_a_copied_ledger_gets_no_page(forge):
    first = forge.folder / "first"
    (first / "notes").mkdir(parents=True)
    (first / "notes/a.md").write_text(NOTE, encoding="utf-8")
    (first / "ankiforge.yaml").write_text("sources:\n  - obsidian: {name: notes, path: notes}\n")
    forge.ok("run", "-C", first)
    shutil.copytree(first, forge.folder / "second")
    told = forge("review", "--no-open", "-C", forge.folder / "second", code=4).stderr
    assert "is a copy of" in told


# --- side by side -----------------------------------------------------------------------------


def test_two_pages_a_run_and_another_machine_go_together(forge, forge_in, waiting, tmp_path):
    with reviewing(forge) as (one, first), reviewing(forge) as (other, second):
        shown = second.item()
        assert first.decide("accept", first.item())["told"] == "accepted"
        assert "changed in the meantime" in second.decide("reject", shown)["refused"]

        (waiting / "b.md").write_text("What powers it?::A mitochondrion\n", encoding="utf-8")
        forge.ok("run", waiting, "--accept", "review")
        assert first.item()["count"] == 2

        guid = second.item()["item"]["id"]
        line = rejected_elsewhere(forge, forge_in(tmp_path / "other"), waiting, guid)
        with (forge.home / "journal.jsonl").open("ab") as file:
            file.write(line + b"no journal line\n")
        assert (first.item()["count"], second.item()["count"]) == (1, 1)
        told = ended(one)[1] + ended(other)[1]
        assert told.count("not a journal line") == 1


def rejected_elsewhere(here, there, vault: Path, guid: str) -> bytes:
    """What the journal of another machine says of it, which had ours until then."""
    there.home.mkdir()
    shutil.copy(here.home / "journal.jsonl", there.home)
    there.ok("run", vault, "--accept", "review")
    there.ok("reject", guid)
    return (there.home / "journal.jsonl").read_bytes().splitlines(keepends=True)[-1]
