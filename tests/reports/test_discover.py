"""Vaults, Zotero, Anki and model servers are found where these programs keep them."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ankiforge.draft import server as model_server
from ankiforge.draft.server import (
    ModelServer,
    ServerReplyError,
    discover_servers,
    list_models,
)
from ankiforge.reports import doctor
from ankiforge.reports.doctor import (
    Environment,
    find_anki_collections,
    find_vaults,
    find_zotero_folders,
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

    assert find_vaults(Environment(tmp_path, environ)) == (deep,)


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

    assert find_vaults(Environment(tmp_path)) == ()


def test_folders_with_obsidian_settings_near_at_hand_are_vaults_each_once(tmp_path):
    home, near = tmp_path / "home", tmp_path / "near"
    found = [vault(home / "Notes"), vault(home / "Documents/Study"), vault(near / "Work")]
    (home / "link").symlink_to(home / "Notes")

    assert find_vaults(Environment(home), near) == tuple(found)


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

    assert find_zotero_folders(Environment(tmp_path)) == (data,)


@pytest.mark.parametrize(
    "text", ["no section", "[a]\n[a]\nPath=x\n", "\0", "[Profile0]\nPath=p"]
)
def test_a_broken_profile_of_zotero_is_passed_over(tmp_path, text):
    write(tmp_path / ".zotero/zotero/profiles.ini", text)
    write(
        tmp_path / ".zotero/zotero/p/prefs.js",
        'user_pref("extensions.zotero.dataDir", "\\q");',
    )

    assert find_zotero_folders(Environment(tmp_path)) == ()


@pytest.mark.parametrize(
    "place",
    [".local/share/Anki2", "Library/Application Support/Anki2", "AppData/Roaming/Anki2"],
)
def test_each_profile_of_anki_has_a_collection(tmp_path, place):
    base = tmp_path / place
    found = [write(base / name / "collection.anki2") for name in ("Ada", "User 1")]
    write(base / "addons21/meta.json")

    assert find_anki_collections(Environment(tmp_path)) == tuple(found)


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

    assert list_models(url + "/", key) == names
    assert seen == [("/v1/models", sent)]


def test_a_key_does_not_follow_a_redirect(server):
    elsewhere, seen_there = server(b'{"data": [{"id": "x"}]}')
    url, _ = server(b"", 302, Location=elsewhere + "/models")

    with pytest.raises(ServerReplyError, match="returned 302"):
        list_models(url, "secret")

    assert seen_there == []


@pytest.mark.parametrize("key", ["a\nb", "ä☃"])
def test_a_key_that_no_header_can_hold_is_not_sent(server, key):
    url, seen = server(b'{"data": []}')

    with pytest.raises(ServerReplyError, match="was not contacted"):
        list_models(url, key)

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
        (b"no", 401, "returned 401 Unauthorized"),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_any_other_answer_is_no_list_of_models(server, body, status, says):
    url, _ = server(body, status)

    with pytest.raises(ServerReplyError, match=says):
        list_models(url)


def listing(*names: str) -> bytes:
    return json.dumps({"data": [{"id": name} for name in names]}).encode()


def test_servers_are_found_where_these_programs_say_that_they_listen(
    tmp_path, server, monkeypatch
):
    monkeypatch.setattr(model_server, "LOCAL_STEP_TIMEOUT", PATIENCE)
    ollama, seen = server(listing("nomic-embed-text", "qwen3:8b", "gpt-oss:20b"))
    studio, _ = server(listing("text-embedding-nomic-embed-text-v1.5", "gemma-3-4b"))
    port = urlsplit(studio).port
    write(tmp_path / ".lmstudio/.internal/http-server-config.json", f'{{"port": {port}}}')

    found = discover_servers({"OLLAMA_HOST": urlsplit(ollama).netloc}, tmp_path)(PATIENCE)

    assert found[:2] == (
        ModelServer("ollama", "Ollama", ollama, ("gpt-oss:20b", "qwen3:8b")),
        ModelServer("lmstudio", "LM Studio", studio, ("gemma-3-4b",)),
    )
    assert seen == [("/v1/models", None), ("/api/tags", None)]


@pytest.mark.parametrize("body", [listing("nomic-embed-text"), b"[]", b"<html>"])
def test_a_server_without_a_model_that_writes_is_not_offered(tmp_path, server, body):
    url, _ = server(body)
    found = discover_servers({"OLLAMA_HOST": url.removesuffix("/v1")}, tmp_path)(PATIENCE)
    assert "ollama" not in {each.name for each in found}


@pytest.mark.parametrize("host", ["192.0.2.1", "ollama.example:11434", "::::", "a:b:c"])
def test_only_this_machine_is_looked_at(tmp_path, host):
    found = discover_servers({"OLLAMA_HOST": host}, tmp_path)(PATIENCE)
    assert "ollama" not in {each.name for each in found}


def test_a_silent_server_and_a_closed_port_are_not_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ServerReplyError, match="does not answer"):
            list_models(f"http://127.0.0.1:{port}/v1", timeout=0.05)
        answered = discover_servers({"OLLAMA_HOST": f"127.0.0.1:{port}"}, tmp_path)
        assert "ollama" not in {each.name for each in answered(0.0)}


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ("media/KOBOeReader/.kobo/KoboReader.sqlite", ["kobo media/KOBOeReader"]),
        ("media/me/Kobo/.kobo/KoboReader.sqlite", ["kobo media/me/Kobo"]),
        ("media/Kindle/koreader/settings", ["koreader media/Kindle"]),
        ("media/Kobo/.adds/koreader/settings", ["koreader media/Kobo"]),
        ("media/.hidden/koreader/settings", []),
        ("media/Kindle/system/vocabulary/vocab.db", ["words media/Kindle"]),
        (
            "media/Kobo/.adds/koreader/settings/vocabulary_builder.sqlite3",
            ["koreader media/Kobo", "words media/Kobo"],
        ),
        (
            "home/.config/koreader/docsettings/a",
            ["koreader home/.config/koreader/docsettings"],
        ),
        ("home/Calibre Library/metadata.db", ["calibre home/Calibre Library"]),
        ("home/Calibre Library/a.epub", []),
        (
            "home/Library/Containers/com.apple.iBooksX/Data/Documents/AEAnnotation/a",
            ["apple-books home/Library/Containers/com.apple.iBooksX/Data/Documents"],
        ),
    ],
)
def test_e_readers_and_programs_for_books_are_found(tmp_path, monkeypatch, there, found):
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).touch()
    monkeypatch.setattr(doctor, "MOUNT_FOLDERS", (str(tmp_path / "media"),))
    sources = doctor.find_book_sources(Environment(tmp_path / "home"))
    named = [f"{kind} {path.relative_to(tmp_path).as_posix()}" for kind, path in sources]
    assert named == found
