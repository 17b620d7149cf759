"""The dialects of plugins: only of those that were ever switched on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

PLUGINS = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "obsidian-to-anki-plugin",
}
NOTE = """\
The ==mitochondrion== makes the energy of a cell.

STARTI [Basic] What does insulin lower? Back: The sugar. ENDI

What does glucagon raise?::The sugar in the blood.
"""
INSULIN = "What does insulin lower?"


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


def test_the_folder_of_a_plugin_that_is_switched_off_says_nothing(
    forge, vault, note
) -> None:
    forge.ok("run", vault)
    before = words(forge)
    switch(vault)
    forge.ok("run")
    assert words(forge) == before
    assert INSULIN not in before


def test_a_plugin_counts_at_once_where_nobody_has_cards_yet(forge, vault, note) -> None:
    switch(vault, "o2a")
    forge.ok("run", vault)
    assert INSULIN in words(forge)


@pytest.mark.usefixtures("takes_marks")
def test_a_plugin_that_is_switched_on_later_is_followed(forge, vault, note) -> None:
    forge.ok("run", vault)
    before = words(forge)
    switch(vault, "o2a")
    forge.ok("run")
    after = words(forge)
    assert after == {**before, INSULIN: after[INSULIN]}
    forge.ok("run")
    assert words(forge) == after


@pytest.mark.usefixtures("takes_marks")
def test_cards_of_a_plugin_that_is_switched_off_later_stay(forge, vault, note) -> None:
    switch(vault, "o2a")
    forge.ok("run", vault)
    before = words(forge)
    for on in ((), ("osr",), ()):
        switch(vault, *on)
        forge.ok("run")
        assert words(forge) == before


def test_it_survives_a_lost_database(forge, vault, note) -> None:
    forge.ok("run", vault)
    switch(vault, "o2a")
    forge.ok("run")
    before = words(forge)
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    assert words(forge) == before


def test_a_second_computer_reads_the_vault_as_the_first_one_does(
    forge, forge_in, vault, note, tmp_path
) -> None:
    forge.settings(
        f"sources:\n  - obsidian: {{name: notes, path: {vault}}}\n", trust=True
    )
    switch(vault, "o2a")
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


def test_a_list_of_plugins_that_cannot_be_read_changes_nothing(
    forge, vault, note
) -> None:
    switch(vault, "o2a")
    forge.ok("run", vault)
    before = words(forge)
    for broken in ("{", "{}", "[" * 3000, '["obsidian-spaced-repetition", 1]'):
        (vault / ".obsidian" / "community-plugins.json").write_text(
            broken, encoding="utf-8"
        )
        told = forge("run", code=1)
        assert (
            "the list of plugins cannot be read, so cards are read as before"
            in told.stderr
        )
        assert words(forge) == before


def test_dialects_that_the_settings_name_count_at_once(forge, vault, note) -> None:
    told = "sources:\n  - obsidian: {{name: notes, path: {}, cards: [{}]}}\n"
    forge.settings(told.format(vault, "inline"), trust=True)
    forge.ok("run")
    forge.settings(told.format(vault, "o2a, inline"), trust=True)
    forge.ok("run")
    assert INSULIN in words(forge)
