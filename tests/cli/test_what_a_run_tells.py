"""What a run tells of what it asks, of what was answered before, and after .ankiforge was lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest


def front(card: dict[str, Any]) -> str:
    return next(iter(card["fields"].values()))


@pytest.fixture
def note(forge: Any, vault: Path, no_waiting: None) -> Path:
    """A note with two cards, of which the second has gone from it."""
    path = vault / "n.md"
    path.write_text("What is a?::eins\n\nWhat is b?::two\n")
    forge.ok("run", vault)
    path.write_text("What is a?::eins\n")
    for _ in range(2):
        forge.ok("run")
    return path


def test_what_was_gone_before_the_database_was_lost_is_not_told_again(forge, note, vault):
    shutil.rmtree(forge.home / ".ankiforge")
    told = [forge.ok("run", vault).stdout for _ in range(3)]
    assert [each.splitlines()[0] for each in told] == ["✓ 1 highlight, nothing new"] * 3
    line = ": ankiforge list finding:source_gone\n"
    assert [line in each for each in told] == [False, True, False]
    [lost] = forge.ok("list", "finding:source_gone", "--json").lines
    assert front(lost) == "What is b?"


def test_a_run_counts_its_question_and_no_makes_a_card_at_once(forge, note):
    note.write_text("What is a?::eins\n\nWhat is new?::deck\n")
    assert "1 question" in forge.ok("run").stdout
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    assert forge.ok("reject", asked["id"]).stderr.startswith(
        "✓ 1 answered: two cards; to undo it: ankiforge undo"
    )
    fronts = ["What is a?", "What is b?", "What is new?"]
    assert sorted(map(front, forge.cards())) == fronts
    forge.ok("undo")
    assert forge.json("status")["waiting"]["questions"] == 1


FACT = (
    "==The enzyme number{} is a protein that cuts the chain of lipid{} in the liver.==\n"
)


def test_notes_that_may_be_deleted_are_no_proposals_and_an_answer_says_what_follows(
    forge, vault
):
    paths = [vault / f"{number}.md" for number in range(12)]
    for number, path in enumerate(paths):
        path.write_text(FACT.format(number, number))
    forge.ok("run", vault)
    assert forge.json("status")["waiting"]["new"] == 12
    for path in paths[:8]:
        path.unlink()
    told = forge.ok("run").stdout
    assert told.startswith("✓ 4 highlights, nothing new\n")
    assert "1 question" in told
    assert forge.json("status")["waiting"]["new"] == 4
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    effects = "nothing happened", "they were deleted: later runs count them"
    for command, effect in zip(("reject", "accept"), effects, strict=True):
        answered = forge.ok(command, asked["id"]).stderr
        assert answered.startswith(f"✓ 1 answered: {effect}")
        forge.ok("run") if command == "reject" else None
    assert "✓ 4 highlights (8 not found)" in forge.ok("run").stdout
    paths[0].write_text(FACT.format(0, 0))
    forge.ok("run")
    assert forge.json("status")["waiting"]["new"] == 5
