"""Vaults, Zotero, Anki and model servers are found where these programs keep them."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ankiforge.reports.discover import (
    Machine,
    Server,
    anki_collections,
    dialects,
    model_servers,
    vaults,
    zotero_folders,
)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def vault(path: Path) -> Path:
    (path / ".obsidian").mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    "place",
    [
        ".config/obsidian",
        "Library/Application Support/obsidian",
        "AppData/Roaming/obsidian",
        ".var/app/md.obsidian.Obsidian/config/obsidian",
    ],
)
def test_the_vaults_of_obsidians_own_list_are_found_on_every_platform(tmp_path, place):
    deep = vault(tmp_path / "a/b/c/Deep Vault")
    listed = {"1": {"path": str(deep), "ts": 1}, "2": {"path": str(tmp_path / "gone")}}
    write(tmp_path / place / "obsidian.json", json.dumps({"vaults": listed}))

    assert vaults(Machine(tmp_path)) == (deep,)


def test_xdg_and_appdata_name_other_places(tmp_path):
    one, two = vault(tmp_path / "a/b/one"), vault(tmp_path / "a/b/two")
    for folder, path in (("xdg", one), ("roaming", two)):
        listed = json.dumps({"vaults": {"1": {"path": str(path)}}})
        write(tmp_path / folder / "obsidian/obsidian.json", listed)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "APPDATA": str(tmp_path / "roaming")}

    assert vaults(Machine(tmp_path, environ)) == (one, two)


def test_folders_with_obsidian_settings_near_at_hand_are_vaults_each_once(tmp_path):
    home, near = tmp_path / "home", tmp_path / "near"
    found = [vault(home / "Notes"), vault(home / "Documents/Study"), vault(near / "Work")]
    (home / "link").symlink_to(home / "Notes")

    assert vaults(Machine(home), near) == tuple(found)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '{"vaults": 5}', '{"vaults": {"1": 5, "2": {"path": 5}}}', "[" * 99999],
)
def test_a_broken_list_of_vaults_is_passed_over(tmp_path, text):
    write(tmp_path / ".config/obsidian/obsidian.json", text)

    assert vaults(Machine(tmp_path)) == ()


def test_a_path_that_no_text_file_can_hold_is_passed_over(tmp_path):
    vault(tmp_path / os.fsdecode(b"a\xff"))
    vault(tmp_path / "a\x07b")
    listed = {"1": {"path": "/a\0b"}}
    write(tmp_path / ".config/obsidian/obsidian.json", json.dumps({"vaults": listed}))

    assert vaults(Machine(tmp_path)) == ()


def test_blanks_of_every_script_may_stand_in_the_name_of_a_vault(tmp_path):
    found = [vault(tmp_path / name) for name in ("A\u00a0B", "私の\u3000ノート")]

    assert vaults(Machine(tmp_path)) == tuple(found)


def test_zoteros_data_folder_is_the_usual_one(tmp_path):
    write(tmp_path / "Zotero/zotero.sqlite")

    assert zotero_folders(Machine(tmp_path)) == (tmp_path / "Zotero",)


@pytest.mark.parametrize(
    "place",
    [".zotero/zotero", "Library/Application Support/Zotero", "AppData/Roaming/Zotero/Zotero"],
)
def test_a_profile_of_zotero_may_name_another_data_folder(tmp_path, place):
    data = write(tmp_path / "Köln/zotero data/zotero.sqlite").parent
    home = tmp_path / place
    write(home / "profiles.ini", "[General]\nX=1\n[Profile0]\nIsRelative=1\nPath=Profiles/a.b\n")
    setting = f'user_pref("extensions.zotero.dataDir", {json.dumps(str(data))});'
    write(home / "Profiles/a.b/prefs.js", f'user_pref("a", 1);\n{setting}\n')

    assert zotero_folders(Machine(tmp_path)) == (data,)


@pytest.mark.parametrize("text", ["no section", "[a]\n[a]\nPath=x\n", "\0", "[Profile0]\nPath=p"])
def test_a_broken_profile_of_zotero_is_passed_over(tmp_path, text):
    write(tmp_path / ".zotero/zotero/profiles.ini", text)
    write(tmp_path / ".zotero/zotero/p/prefs.js", 'user_pref("extensions.zotero.dataDir", "\\q");')

    assert zotero_folders(Machine(tmp_path)) == ()


@pytest.mark.parametrize(
    "place", [".local/share/Anki2", "Library/Application Support/Anki2", "AppData/Roaming/Anki2"]
)
def test_each_profile_of_anki_has_a_collection(tmp_path, place):
    base = tmp_path / place
    found = [write(base / name / "collection.anki2") for name in ("Ada", "User 1")]
    write(base / "addons21/meta.json")

    assert anki_collections(Machine(tmp_path)) == tuple(found)


def test_anki_base_names_another_place(tmp_path):
    found = write(tmp_path / "elsewhere/User 1/collection.anki2")

    assert anki_collections(Machine(tmp_path, {"ANKI_BASE": str(tmp_path / "elsewhere")})) == (
        found,
    )


def test_an_empty_machine_has_nothing(tmp_path):
    machine = Machine(tmp_path / "gone", servers=())

    assert (vaults(machine), zotero_folders(machine), anki_collections(machine)) == ((), (), ())
    assert model_servers(machine) == ()


def test_a_home_that_is_no_folder_has_nothing(tmp_path):
    assert vaults(Machine(write(tmp_path / "home"))) == ()


# --- servers --------------------------------------------------------------------------------


@pytest.fixture
def ollama() -> Iterator[int]:
    """A server with one model; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v1/models" else 404)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "qwen3:8b"}]}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield httpd.server_port
        httpd.shutdown()


def test_the_model_servers_that_answer_are_found(tmp_path, ollama):
    machine = Machine(tmp_path, servers=(("closed", 1), ("Ollama", ollama)))

    assert model_servers(machine) == (
        Server("Ollama", f"http://127.0.0.1:{ollama}/v1", ("qwen3:8b",)),
    )


# --- the tools a vault was written for --------------------------------------------------------


def test_the_plugins_of_a_vault_tell_its_dialects(tmp_path):
    folder = vault(tmp_path / "v")
    assert dialects(folder) == []
    for plugin in ("flashcards-obsidian", "dataview", "obsidian-spaced-repetition"):
        write(folder / ".obsidian/plugins" / plugin / "manifest.json", "{}")
    assert dialects(folder) == ["osr", "flashcards"]
