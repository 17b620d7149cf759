"""Cards that say the same: merged, told apart again, and never swallowed."""

from pathlib import Path

import pytest


@pytest.fixture
def write(forge, tmp_path: Path):
    """Write the notes of a vault, and run; what the run came to."""
    vault = tmp_path / "notes"
    (vault / ".obsidian").mkdir(parents=True)

    def write(**notes: str):
        for name, text in notes.items():
            (vault / f"{name}.md").write_text(text, encoding="utf-8")
        return forge.json("run", vault)

    return write


FRANCE = "What is the capital of France?::"


def test_two_wordings_in_one_note_are_told_of(forge, write):
    write(
        a="What enzyme unwinds DNA?::helicase\n\n"
        "Which enzyme is responsible for unwinding DNA?::Helicase\n"
    )
    first, second = forge.cards()
    found = [finding for card in (first, second) for finding in card["findings"]]
    [duplicate] = [finding for finding in found if finding["check"] == "duplicate"]
    assert duplicate["twin"] in (first["guid"], second["guid"])


def test_who_asks_for_duplicates_sees_both_sides_and_the_commands(forge, write):
    write(a=f"{FRANCE}Paris\n", b="Which city is the capital of France?::Paris\n")
    one, other = (card["guid"] for card in forge.cards())
    [found] = {one["check"] for card in forge.cards() for one in card["findings"] if one["twin"]}
    for asked in ([f"finding:{found}"], ["--view", "twins"]):
        lines = forge.ok("list", *asked).stdout
        assert {one[:10], other[:10]} <= set(lines.split())
        assert "ankiforge merge " in lines
    assert forge.ok("list", "--view", "twins", "capital", "-Paris").stdout == ""


def test_the_views_of_the_page_are_listed_on_the_terminal(forge, write):
    write(a=f"{FRANCE}Paris\n", b="What powers the cell?::The mitochondrion\n")
    forge.ok("reject", "--all", "--filter", "powers")
    listed = {
        view: [card["fields"]["Back"] for card in forge.ok("list", "--view", view, "--json").lines]
        for view in ("pending", "recent", "run", "missing", "conflicts")
    }
    assert listed["recent"] == ["The mitochondrion"]
    assert listed["run"][0] == "Paris"
    assert listed["pending"] == listed["missing"] == listed["conflicts"] == []
    assert "--no-card" in forge("list", "--view", "run", "--no-card", code=2).stderr
