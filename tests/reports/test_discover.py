"""Vaults, Zotero, Anki and model servers are found where these programs keep them."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ankiforge.reports import doctor
from ankiforge.reports.doctor import (
    Machine,
    Server,
    Unreachable,
    anki_collections,
    model_servers,
    models,
    vaults,
    zotero_folders,
)
from tests.fakes.loopback import Handler, serving
from tests.limits import PATIENCE


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def vault(path: Path) -> Path:
    (path / ".obsidian").mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("place", "variable"),
    [
        (".config/obsidian", ""),
        ("Library/Application Support/obsidian", ""),
        ("AppData/Roaming/obsidian", ""),
        (".var/app/md.obsidian.Obsidian/config/obsidian", ""),
        ("elsewhere/obsidian", "XDG_CONFIG_HOME"),
        ("elsewhere/obsidian", "APPDATA"),
    ],
)
def test_the_vaults_of_obsidians_own_list_are_found_on_every_platform(
    tmp_path, place, variable
):
    deep = vault(tmp_path / "a/b/c/Deep Vault")
    listed = {"1": {"path": str(deep), "ts": 1}, "2": {"path": str(tmp_path / "gone")}}
    write(tmp_path / place / "obsidian.json", json.dumps({"vaults": listed}))
    environ = {variable: str(tmp_path / "elsewhere")} if variable else {}

    assert vaults(Machine(tmp_path, environ)) == (deep,)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"vaults": 5}', '{"vaults": {"1": 5, "2": {"path": 5}}}', "[" * 99999,
     '{"vaults": {"1": {"path": "/a\\u0000b"}}}'],
)  # fmt: skip
def test_a_broken_list_and_a_path_that_no_text_file_can_hold_are_passed_over(
    tmp_path, text
):
    for name in (os.fsdecode(b"a\xff"), "a\x07b"):
        vault(tmp_path / name)
    write(tmp_path / ".config/obsidian/obsidian.json", text)

    assert vaults(Machine(tmp_path)) == ()


def test_folders_with_obsidian_settings_near_at_hand_are_vaults_each_once(tmp_path):
    home, near = tmp_path / "home", tmp_path / "near"
    found = [vault(home / "Notes"), vault(home / "Documents/Study"), vault(near / "Work")]
    (home / "link").symlink_to(home / "Notes")

    assert vaults(Machine(home), near) == tuple(found)


@pytest.mark.parametrize(
    "place",
    [
        ".zotero/zotero",
        "Library/Application Support/Zotero",
        "AppData/Roaming/Zotero/Zotero",
    ],
)
def test_a_profile_of_zotero_may_name_another_data_folder(tmp_path, place):
    data = write(tmp_path / "Köln/zotero data/zotero.sqlite").parent
    home = tmp_path / place
    write(
        home / "profiles.ini",
        "[General]\nX=1\n[Profile0]\nIsRelative=1\nPath=Profiles/a.b\n",
    )
    setting = f'user_pref("extensions.zotero.dataDir", {json.dumps(str(data))});'
    write(home / "Profiles/a.b/prefs.js", f'user_pref("a", 1);\n{setting}\n')

    assert zotero_folders(Machine(tmp_path)) == (data,)


@pytest.mark.parametrize(
    "text", ["no section", "[a]\n[a]\nPath=x\n", "\0", "[Profile0]\nPath=p"]
)
def test_a_broken_profile_of_zotero_is_passed_over(tmp_path, text):
    write(tmp_path / ".zotero/zotero/profiles.ini", text)
    write(
        tmp_path / ".zotero/zotero/p/prefs.js",
        'user_pref("extensions.zotero.dataDir", "\\q");',
    )

    assert zotero_folders(Machine(tmp_path)) == ()


@pytest.mark.parametrize(
    "place",
    [".local/share/Anki2", "Library/Application Support/Anki2", "AppData/Roaming/Anki2"],
)
def test_each_profile_of_anki_has_a_collection(tmp_path, place):
    base = tmp_path / place
    found = [write(base / name / "collection.anki2") for name in ("Ada", "User 1")]
    write(base / "addons21/meta.json")

    assert anki_collections(Machine(tmp_path)) == tuple(found)


# --- servers: asked for their models and nothing else ------------------------------------------

Seen = list[tuple[str, str | None]]


@pytest.fixture
def server() -> Iterator[Callable[..., tuple[str, Seen]]]:
    """Start a server that gives one answer; returns its base URL and what it was asked."""
    running = ExitStack()

    def start(body: bytes, status: int = 200, **headers: str) -> tuple[str, Seen]:
        seen: Seen = []

        class Answering(Handler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        address = running.enter_context(serving(Answering))
        return f"{address}/v1", seen

    with running:
        yield start


@pytest.mark.parametrize(
    ("names", "key", "sent"),
    [(("b", "a"), "", None), ((), "secret", "Bearer secret")],
    ids=["in its order", "with a key"],
)
def test_the_models_of_a_server_are_listed(server, monkeypatch, names, key, sent):
    monkeypatch.setenv(
        "http_proxy", "http://127.0.0.1:1"
    )  # which is not told of this machine
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
            for body in (
                b"",
                b"<html>",
                b"[]",
                b"{}",
                b'{"data": 5}',
                b'{"data": [5]}',
                b"\xff",
            )
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


def test_a_server_that_answers_is_found_and_one_that_is_silent_or_closed_is_not(
    tmp_path, server, monkeypatch
):
    monkeypatch.setattr(doctor, "LOCAL_SECONDS", PATIENCE)
    url, _ = server(b'{"data": [{"id": "qwen3:8b"}]}')
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unreachable, match="does not answer"):
            models(f"http://127.0.0.1:{port}/v1", timeout=0.05)
    machine = Machine(
        tmp_path, servers=(("closed", port), ("Ollama", int(url.split(":")[2][:-3])))
    )

    assert model_servers(machine) == (Server("Ollama", url, ("qwen3:8b",)),)
    assert (zotero_folders(machine), anki_collections(machine)) == ((), ())
