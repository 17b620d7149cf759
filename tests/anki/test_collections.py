"""Which collection is looked at, and what one that is not ours, or is older, may tell."""

import shutil
from pathlib import Path
from typing import Any

import pytest

MANY = 20


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    words = "\n\n".join(f"word{n}:::meaning{n}" for n in range(MANY))
    (folder / "Words.md").write_text(f"# Words\n\n{words}\n", encoding="utf-8")
    return folder


def _guids(collection: Any) -> list[str]:
    return list(collection.col.db.list("select guid from notes order by guid"))


def _loaded(forge: Any, backend: Any, vault: Path, profile: Path) -> None:
    """A first run whose package a person imported, seen by the program."""
    forge.ok("run", vault)
    with backend.opened(profile) as anki:
        assert anki.load(forge.folder / "ankiforge.apkg") == {"new": MANY}
    forge.ok("run", vault)


def test_deletions_are_believed_and_a_copy_of_a_note_is_not_ours(forge, backend, vault):
    _loaded(forge, backend, vault, forge.profile)
    with backend.opened(forge.profile) as anki:
        ours = _guids(anki)
        note = anki.note(ours[-1])
        copy = anki.col.new_note(note.note_type())
        copy.fields = list(note.fields)
        anki.col.add_note(copy, 1)
        anki.col.remove_notes([anki.note(guid).id for guid in ours[:10]])
    data = forge.json("run", vault)["notes"]
    assert (data["missing"], data["tombstones"], data["written"]) == (0, 10, 0)
    assert copy.guid not in {card["guid"] for card in forge.cards()}
    assert len(forge.cards()) == MANY


def test_of_several_profiles_the_one_with_our_notes_is_looked_at(forge, backend, vault):
    first, other = (forge.profile.with_name(name) for name in ("A first", "Z other"))
    for folder in (first, other):
        folder.mkdir()
        with backend.opened(folder):
            pass
    _loaded(forge, backend, vault, forge.profile)
    assert {card["anki"] for card in forge.cards()} == {"seen"}
    assert forge.json("run", vault)["notes"]["missing"] == 0
    came = forge("pull", other / "collection.anki2", code=1)
    assert "not the collection that has your notes" in came.stderr
    assert "pull --bind" in came.stderr
    assert {card["anki"] for card in forge.cards()} == {"seen"}
    assert forge.ok("list", "--view", "questions").stdout == ""
    came = forge.ok("pull", other / "collection.anki2", "--bind")
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    assert (asked["question"], len(asked["guids"])) == ("absent", MANY)
    elsewhere = forge.folder / "collection.anki2"
    shutil.copy(forge.profile / "collection.anki2", elsewhere)
    forge.ok("pull", elsewhere, "--bind")
    assert str(elsewhere) in forge.ok("pull").stdout


def test_a_backup_without_the_notes_is_asked_about_once_and_deletes_nothing(
    forge, backend, vault, tmp_path
):
    forge.ok("run", vault)
    with backend.opened(forge.profile):
        pass
    backup = tmp_path / "backup.anki2"
    shutil.copy(forge.profile / "collection.anki2", backup)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run", vault)
    shutil.copy(backup, forge.profile / "collection.anki2")
    came = forge.json("run", vault)
    assert (came["notes"]["missing"], came["notes"]["written"]) == (MANY, 0)
    assert {card["verdict"] for card in forge.cards()} == {"accepted"}
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    forge.ok("reject", asked["id"])
    assert forge.json("run", vault)["notes"]["written"] == MANY


def test_a_collection_that_cannot_be_read_holds_changes_back(forge, backend, vault):
    _loaded(forge, backend, vault, forge.profile)
    whole = (forge.profile / "collection.anki2").read_bytes()
    (forge.profile / "collection.anki2").write_bytes(whole[:5000] + b"x" * 5000)
    note = vault / "Words.md"
    note.write_text(
        note.read_text().replace("meaning3\n", "the meaning3\n"), encoding="utf-8"
    )

    came = forge("run", vault, "--json", code=1)

    assert came.data["notes"]["written"] == 0
    assert came.data["problems"]
    (forge.profile / "collection.anki2").write_bytes(whole)
    assert forge.json("run", vault)["notes"]["updated"] == 1


@pytest.mark.parametrize("kind", ["whole", "new", "legacy", "without scheduling"])
def test_an_export_by_hand_tells_what_is_there_and_only_a_whole_one_what_is_not(
    forge, backend, vault, tmp_path, kind
):
    forge.ok("run", vault)
    profile = tmp_path / "elsewhere"
    profile.mkdir()
    export = tmp_path / ("export.colpkg" if kind == "whole" else "export.apkg")
    with backend.opened(profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        first, second, *_ = _guids(anki)
        anki.edit(first, Back="mine")
        anki.col.db.execute("update notes set mod = mod - 60 where guid = ?", first)
        anki.col.remove_notes([anki.note(second).id])
        if kind == "whole":
            anki.col.export_collection_package(
                str(export), include_media=False, legacy=False
            )
            anki.col.reopen()
        else:
            named = {
                "legacy": kind == "legacy",
                "scheduling": kind != "without scheduling",
            }
            backend.export(anki.col, export, **named)

    pulled = forge.json("pull", export)

    assert pulled["view"]["seen"] == MANY - 1
    assert pulled["notes"]["missing"] + pulled["notes"]["tombstones"] == (kind == "whole")
    states = [card["anki"] for card in forge.cards()]
    assert (states.count("seen"), states.count("written")) == (MANY - 1, kind != "whole")


def test_two_workspaces_with_notes_of_one_title_share_a_collection(
    forge, forge_in, backend, tmp_path
):
    made = forge, forge_in(tmp_path / "second")
    for one, words in zip(made, ("Katze:::cat", "Hund:::dog"), strict=True):
        vault = one.folder / f"vault-{words[:3]}"
        (vault / ".obsidian").mkdir(parents=True)
        (vault / "Index.md").write_text(f"{words}\n", encoding="utf-8")
        one.settings(
            f"sources:\n  - obsidian: {{name: notes, path: {vault.name}}}\n"
            f"anki: {{collection: '{forge.profile / 'collection.anki2'}'}}\n",
            trust=True,
        )
        with backend.opened(forge.profile) as anki:
            one.ok("run")
            assert anki.load(one.folder / "ankiforge.apkg") == {"new": 1}
    for one in made:
        one.ok("run")
        assert [(card["verdict"], card["anki"]) for card in one.cards()] == [
            ("accepted", "seen")
        ]
