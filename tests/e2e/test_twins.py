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


def test_a_copy_of_a_card_in_another_note_makes_no_second_one(forge, write):
    write(a=f"{FRANCE}Paris\n", b=f"{FRANCE}Paris\n")
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    lines = forge.ok("list", "--no-card", "--json").lines
    assert ["same words" in one["reason"] for one in lines] == [True]


def test_the_lists_of_what_waits_are_empty_where_nothing_waits(forge, write):
    write(a=f"{FRANCE}Paris\n", b="What powers the cell?::The mitochondrion\n")
    forge.ok("reject", "--all", "--filter", "powers")
    for view in ("new", "changed", "questions", "unknown"):
        assert forge.ok("list", "--view", view, "--json").lines == []
    newest, *_ = forge.ok("list", "--view", "recent", "--json").lines
    assert (newest["what"], newest["by"]) == ("reject", "person")
    assert "--no-card" in forge("list", "--view", "new", "--no-card", code=2).stderr
