"""The dialects of plugins: only of those that are switched on, and never a change before the answer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ankiforge.extract import files

PLUGINS = {
    "osr": "obsidian-spaced-repetition",
    "flashcards": "flashcards-obsidian",
}
NOTE = """\
The ==mitochondrion== makes the energy of a cell.

{Insulin} lowers the sugar in the blood.

What does glucagon raise?::The sugar in the blood.
"""


def switch(vault: Path, *names: str) -> None:
    """Let Obsidian list these plugins as switched on, and leave the folders of all."""
    folder = vault / ".obsidian"
    for plugin in PLUGINS.values():
        (folder / "plugins" / plugin).mkdir(parents=True, exist_ok=True)
    listed = [PLUGINS[name] for name in names]
    (folder / "community-plugins.json").write_text(json.dumps(listed), encoding="utf-8")


@pytest.fixture
def note(vault: Path) -> Path:
    path = vault / "Cells.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


def words(forge: Any) -> dict[str, str]:
    """The words of each card and its verdict."""
    return {
        next(iter(card["fields"].values())): card["verdict"] for card in forge.cards()
    }


def questions(forge: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = forge.ok("list", "--view", "questions", "--json").lines
    return lines


def test_the_folder_of_a_plugin_that_is_switched_off_says_nothing(
    forge, vault, note
) -> None:
    forge.ok("run", vault)
    before = words(forge)
    switch(vault)
    forge.ok("run")
    assert (words(forge), questions(forge)) == (before, [])
    assert not any("Insulin" in one for one in before)


def test_a_plugin_counts_at_once_where_nobody_has_cards_yet(forge, vault, note) -> None:
    switch(vault, "flashcards")
    forge.ok("run", vault)
    assert "{{c1::Insulin}} lowers the sugar in the blood." in words(forge)
    assert questions(forge) == []


@pytest.mark.usefixtures("takes_marks")
def test_a_plugin_that_is_switched_on_later_is_one_question(forge, vault, note) -> None:
    forge.ok("run", vault)
    before = words(forge)
    switch(vault, "flashcards")

    told = forge.ok("run").stdout
    assert words(forge) == before
    assert "1 waiting" in told
    [asked] = questions(forge)
    assert asked["question"] == "dialect"
    assert asked["text"] == (
        "flashcards-obsidian is switched on in notes: read its cards?"
        " 3 passages would change: 1 new, 2 other."
    )
    assert forge.json("run")["questions"] == 1
    assert forge.json("status")["waiting"]["questions"] == 1
    assert f"ankiforge accept {asked['id']}" in forge.ok("show", asked["id"]).stdout
    forge.ok("accept", "--all")
    assert "{{c1::Insulin}} lowers the sugar in the blood." not in words(forge)

    forge.ok("accept", asked["id"])
    forge.ok("run")
    assert "{{c1::Insulin}} lowers the sugar in the blood." in words(forge)
    assert questions(forge) == []

    said = forge.ok("undo").stderr
    assert "taken back: the cards of flashcards-obsidian read: in vault:notes" in said
    forge.ok("run")
    assert [one["id"] for one in questions(forge)] == [asked["id"]]
    assert not any("Insulin" in card["fields"].get("Text", "") for card in forge.cards() if card["verdict"] == "waiting")  # fmt: skip


def test_the_question_counts_what_the_notes_say_now(
    forge, vault, note, monkeypatch
) -> None:
    monkeypatch.setattr(files, "TICK_NS", 0)  # what a test writes, it writes once
    forge.ok("run", vault)
    switch(vault, "flashcards")
    other_note = vault / "Hormones.md"

    def counts() -> str:
        forge.ok("run")
        [asked] = questions(forge)
        return str(asked["text"]).rpartition("? ")[2]

    assert counts() == "3 passages would change: 1 new, 2 other."
    other_note.write_text("{Ghrelin} makes hungry.\n", encoding="utf-8")
    assert counts() == "4 passages would change: 2 new, 2 other."
    note.write_text(NOTE + "\n{Leptin} does not.\n", encoding="utf-8")
    assert counts() == "5 passages would change: 3 new, 2 other."
    other_note.rename(vault / "Moved.md")
    assert counts() == "5 passages would change: 3 new, 2 other."
    note.unlink()
    assert counts() == "1 passage would change: 1 new."
    note.write_text(NOTE + "\nWhat makes hungry?;;Ghrelin.\n", encoding="utf-8")
    assert counts() == "4 passages would change: 2 new, 2 other."

    # with other settings of the plugin every note is counted again
    settings = vault / ".obsidian" / "plugins" / PLUGINS["flashcards"] / "data.json"
    settings.write_text('{"inlineSeparator": ";;"}', encoding="utf-8")
    assert counts() == "5 passages would change: 3 new, 2 other."


def test_no_stands_until_other_plugins_are_switched_on(forge, vault, note) -> None:
    forge.ok("run", vault)
    before = words(forge)
    switch(vault, "flashcards")
    forge.ok("run")
    [asked] = questions(forge)
    forge.ok("reject", asked["id"])
    note.write_text(NOTE + "\n{Ghrelin} makes hungry.\n", encoding="utf-8")
    forge.ok("run")
    assert (words(forge), questions(forge)) == (before, [])

    switch(vault, "osr", "flashcards")
    note.write_text("#flashcards\n\n" + NOTE, encoding="utf-8")
    forge.ok("run")
    [other] = questions(forge)
    assert (
        "obsidian-spaced-repetition and flashcards-obsidian are switched on"
        in other["text"]
    )
    assert words(forge) == before


def test_a_plugin_that_is_switched_off_later_is_one_question(forge, vault, note) -> None:
    switch(vault, "flashcards")
    forge.ok("run", vault)
    before = words(forge)
    switch(vault)
    forge.ok("run")
    assert words(forge) == before
    [asked] = questions(forge)
    assert asked["text"] == (
        "flashcards-obsidian is switched off in notes: read its cards no longer?"
        " 3 passages would change: 2 other, 1 gone."
    )
    forge.ok("accept", asked["id"])
    told = forge.ok("run").stdout
    assert "1 no longer selected by the settings" in told
    assert questions(forge) == []


@pytest.mark.parametrize(("answer", "is_read"), [("accept", True), ("reject", False)])
def test_a_plugin_that_is_off_and_left_its_ids_is_asked_about_once(
    forge, vault, answer, is_read
) -> None:
    (vault / "Cells.md").write_text(
        "{Insulin} lowers the sugar.\n^1619873212345\n\nA ==cell== divides.\n"
    )
    switch(vault)
    forge.ok("run", vault)
    [asked] = questions(forge)
    assert asked["text"] == (
        "flashcards-obsidian is not on, but left notes in notes: read its cards?"
        " 2 passages would change: 1 new, 1 other."
    )
    forge.ok(answer, asked["id"])
    for _ in range(2):
        forge.ok("run")
        assert questions(forge) == []
    assert ("{{c1::Insulin}} lowers the sugar." in words(forge)) is is_read

    # the answer stands when it is switched on
    switch(vault, "flashcards")
    forge.ok("run")
    assert questions(forge) == []


def test_the_answer_survives_a_lost_database(forge, vault, note) -> None:
    forge.ok("run", vault)
    switch(vault, "flashcards")
    forge.ok("run")
    forge.ok("accept", questions(forge)[0]["id"])
    forge.ok("run")
    before = words(forge)
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    assert (words(forge), questions(forge)) == (before, [])


def test_a_second_computer_reads_the_vault_as_the_first_one_does(
    forge, forge_in, vault, note, tmp_path
) -> None:
    forge.settings(
        f"sources:\n  - obsidian: {{name: notes, path: {vault}}}\n", trust=True
    )
    switch(vault, "flashcards")
    forge.ok("run")
    before = words(forge)
    other = forge_in(tmp_path / "other")
    copy = other.folder / "vault"
    shutil.copytree(vault, copy)
    switch(copy)  # the plugins are not synchronised
    other.settings("sources:\n  - obsidian: {name: notes, path: vault}\n")
    shutil.copytree(forge.folder / "journal", other.folder / "journal")
    other.ok("run")
    assert words(other) == before
    assert "switched off" in questions(other)[0]["text"]


def test_a_list_of_plugins_that_cannot_be_read_changes_nothing(
    forge, vault, note
) -> None:
    switch(vault, "flashcards")
    forge.ok("run", vault)
    before = words(forge)
    for broken in ("{", "{}", "[" * 3000, '["obsidian-to-anki-plugin", 1]'):
        (vault / ".obsidian" / "community-plugins.json").write_text(
            broken, encoding="utf-8"
        )
        told = forge("run", code=1)
        assert (
            "the list of plugins cannot be read, so cards are read as before"
            in told.stderr
        )
        assert (words(forge), questions(forge)) == (before, [])


def test_what_would_change_nothing_is_no_question(forge, vault) -> None:
    (vault / "Plain.md").write_text(
        "What does glucagon raise?::The sugar.\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    switch(vault, "osr")
    forge.ok("run")
    assert questions(forge) == []


def test_dialects_that_the_settings_name_count_at_once(forge, vault, note) -> None:
    told = "sources:\n  - obsidian: {{name: notes, path: {}, cards: [{}]}}\n"
    forge.settings(told.format(vault, "inline"), trust=True)
    forge.ok("run")
    forge.settings(told.format(vault, "flashcards, inline"), trust=True)
    forge.ok("run")
    assert "{{c1::Insulin}} lowers the sugar in the blood." in words(forge)
    assert questions(forge) == []
