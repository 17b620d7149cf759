"""What lists say of a card after it was deleted in Anki, and after a person kept their words."""

from typing import Any

import pytest

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\n"
NOTE = "Capital of {land}?::{city}\n"


def write(forge: Any, land: str, city: str) -> None:
    (forge.folder / "notes" / f"{land}.md").write_text(
        NOTE.format(land=land, city=city), encoding="utf-8"
    )


@pytest.fixture
def learned(forge: Any, backend: Any) -> Any:
    """Two cards in Anki."""
    forge.settings(SETTINGS)
    (forge.folder / "notes").mkdir()
    write(forge, "Peru", "Lima")
    write(forge, "Chile", "Santiago")
    forge.ok("run")
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
    return forge


def guid_of(forge: Any, land: str) -> str:
    [card] = [card for card in forge.cards() if land in card["fields"]["Front"]]
    guid: str = card["guid"]
    return guid


def test_recent_names_a_card_that_was_deleted_in_anki(learned, backend) -> None:
    with backend.opened(learned.profile) as anki:
        anki.col.remove_notes([anki.note(guid_of(learned, "Peru")).id])
    learned.ok("run")
    told = learned.ok("list", "--view", "recent").stdout
    assert "Capital of Peru? / Lima (deleted in Anki)" in told


def test_words_that_a_person_kept_are_not_listed_as_changed(learned, backend) -> None:
    with backend.opened(learned.profile) as anki:
        anki.edit(guid_of(learned, "Peru"), Back="Lima, on the coast")
    write(learned, "Peru", "Lima, since 1535")
    write(learned, "Chile", "Santiago, since 1541")
    learned.ok("run")
    [conflict] = [
        line
        for line in learned.ok("list", "--view", "changed", "--json").lines
        if line.get("question") == "conflict"
    ]
    learned.ok("reject", conflict["id"])
    told = learned.ok("list", "--view", "changed").stdout
    assert "since 1541" in told
    assert "since 1535" not in told


def test_list_and_search_tell_the_same_state_of_a_card(learned, backend) -> None:
    guid = guid_of(learned, "Peru")

    def state() -> str:
        listed = learned.ok("list", "--all", "Peru").stdout
        found = learned.ok("search", "Peru").stdout.split(f"    {guid[:10]}")[1]
        in_search = found.split(" Capital")[0].strip()
        is_card = in_search in ("accepted", "in Anki")
        [row] = listed.splitlines()[1:]
        assert (" ✓ " in row, " ✗ " in row) == (is_card, not is_card)
        assert (in_search in row) != is_card
        return in_search

    assert state() == "accepted"
    learned.ok("run")
    assert state() == "in Anki"
    with backend.opened(learned.profile) as anki:  # without a grave, as from a backup
        note = anki.note(guid).id
        anki.col.db.execute("delete from cards where nid = ?", note)
        anki.col.db.execute("delete from notes where id = ?", note)
    learned.ok("run")
    assert state() == "missing"
    learned.ok("reject", guid)
    assert state() == "rejected"
