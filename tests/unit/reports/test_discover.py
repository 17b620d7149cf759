"""Vaults, Zotero, Anki and model servers are found where these programs keep them."""

import json
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ankiforge.reports.discover import (
    Machine,
    Server,
    anki_collections,
    count_forms,
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
        "snap/obsidian/current/.config/obsidian",
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


# --- what a vault would give ----------------------------------------------------------------

NOTE = """\
A ==marked phrase== here, a **bold word** there, and <mark>another</mark> one.

A **second bold** sentence.

capital of France::Paris

The {{mitochondrion}} is the powerhouse of the cell.
"""


def test_what_each_switch_of_a_vault_would_give_is_counted(tmp_path):
    write(vault(tmp_path / "v") / "note.md", NOTE)

    counted = count_forms(tmp_path / "v")

    assert counted is not None
    assert counted.complete
    assert counted.marks == {"==": 1, "mark": 1, "bold": 2, "callout": 0}
    assert counted.cards == {"inline": 1, "block": 0, "cloze": 1, "glossary": 0, "term": 0}


def test_counting_stops_when_time_is_up_and_says_so(tmp_path):
    write(vault(tmp_path / "v") / "note.md", NOTE)
    ticks = iter(range(0, 10_000, 100))

    counted = count_forms(tmp_path / "v", seconds=5, clock=lambda: next(ticks))

    assert counted is not None
    assert not counted.complete


def test_counting_a_vault_of_the_field_ends_in_time(tmp_path):
    fixture = Path(__file__).parents[4] / "shared/fixtures/obsidian/vault-kepano"
    if not fixture.is_dir():
        assert not os.environ.get("ANKIFORGE_REQUIRE_ALL"), "the fixtures are missing"
        pytest.skip("no shared fixtures")
    began = time.process_time()

    counted = count_forms(fixture)

    assert counted is not None
    assert counted.complete
    assert time.process_time() - began < 6


# --- the tools a vault was written for --------------------------------------------------------

SIGNED = {
    "osr": "#flashcards\n\na::b <!--SR:!2026-01-01,3,250-->\n\nThe ==c== of d\n",
    "o2a": "START\nBasic\nfront\nBack: back\n<!--ID: 1566052191670-->\nEND\n\nQ: e\nA: f\n",
    "flashcards": "What? #card\nThat.\n^1619873212345\n",
}
GIVES = {"osr": 2, "o2a": 2, "flashcards": 1}


@pytest.mark.parametrize("dialect", SIGNED)
def test_the_dialect_of_a_vault_is_known_by_its_marks_and_counted(tmp_path, dialect):
    write(vault(tmp_path / "v") / "deep" / "note.md", SIGNED[dialect])

    counted = count_forms(tmp_path / "v")

    assert counted is not None
    assert list(counted.dialects) == [dialect]
    assert counted.cards[dialect] == GIVES[dialect]


def test_without_such_marks_there_is_no_dialect(tmp_path):
    plain = "a::b\n\nq\n?\na\n\n**bold** and ==marked== {x}\n\n---\n\n- [ ] x >> y #cards\n"
    write(vault(tmp_path / "v") / "note.md", plain + NOTE)

    counted = count_forms(tmp_path / "v")

    assert counted is not None
    assert counted.dialects == []
    assert set(counted.cards) == {"inline", "block", "cloze", "glossary", "term"}


def test_what_the_plugin_was_told_counts(tmp_path):
    folder = vault(tmp_path / "v")
    write(
        folder / "note.md",
        "#flashcards\n\na&&b\n\nThe {{c}} of ==d== <!--SR:!2026-01-01,3,250-->\n",
    )
    told = {"singleLineCardSeparator": "&&", "clozePatterns": ["{{[123;;]answer[;;hint]}}", "x"]}
    kept = {"settings": {**told, "flashcardTags": ["#flashcards"], "burySiblingCards": True}}
    path = folder / ".obsidian" / "plugins" / "obsidian-spaced-repetition" / "data.json"
    write(path, json.dumps(kept))

    counted = count_forms(folder)

    assert counted is not None
    assert counted.cards["osr"] == 2


def test_what_flashcards_obsidian_was_told_counts(tmp_path):
    folder = vault(tmp_path / "v")
    write(folder / "note.md", "What? #learn\nThat.\n^1619873212345\n\na=>b\n^1619873212346\n")
    told = {"flashcardsTag": "learn", "inlineSeparator": "=>", "deck": "Default"}
    path = folder / ".obsidian" / "plugins" / "flashcards-obsidian" / "data.json"
    write(path, json.dumps(told))

    counted = count_forms(folder)

    assert counted is not None
    assert counted.cards["flashcards"] == 2
