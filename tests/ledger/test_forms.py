"""One question for each form of hand-written cards in a source; the answer is kept, and can be undone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

NOTE = "".join(f"{name} :: {text}\n\n" for name, text in (
    ("Capital of France", "Paris"), ("Capital of Italy", "Rome"), ("Capital of Spain", "Madrid"),
))  # fmt: skip
LATER = "Capital of Greece :: Athens\n\nCapital of Norway :: Oslo\n"


@pytest.fixture
def note(forge: Any, vault: Path) -> Path:
    path = vault / "Capitals.md"
    path.write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    return path


def verdicts(forge: Any) -> dict[str, str]:
    return {
        next(iter(card["fields"].values())): card["verdict"] for card in forge.cards()
    }


def question(forge: Any) -> dict[str, Any]:
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    assert asked["question"] == "form"
    return dict(asked)


def test_lines_with_blanks_around_the_colons_are_one_question(forge, note) -> None:
    assert set(verdicts(forge).values()) == {"waiting"}
    asked = question(forge)
    assert len(asked["examples"]) == 3
    assert forge.json("status")["waiting"] == {"new": 0, "changed": 0, "questions": 1}
    assert f"ankiforge accept {asked['id']}" in forge.ok("show", asked["id"]).stdout
    forge.ok("accept", "--all")
    assert set(verdicts(forge).values()) == {"waiting"}, "only by its id"
    forge.ok("accept", asked["id"])
    assert set(verdicts(forge).values()) == {"accepted"}
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    assert verdicts(forge)["Capital of Norway"] == "accepted"


def test_no_is_kept_for_later_lines_until_it_is_undone(forge, note) -> None:
    forge.ok("reject", question(forge)["id"])
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    assert verdicts(forge) == {}
    reasons = {
        one["reason"] for one in forge.ok("list", "--no-card", "--all", "--json").lines
    }
    assert reasons == {"you said that such lines are no cards"}
    forge.ok("undo")
    forge.ok("run")
    assert len(question(forge)["examples"]) == 5


def test_yes_is_taken_back_as_a_whole(forge, note) -> None:
    forge.ok("accept", question(forge)["id"])
    told = forge.ok("undo").stderr
    assert "taken back: taken for cards: lines like `a :: b` in notes" in told
    forge.ok("run")
    assert "accepted" not in verdicts(forge).values()
    assert len(question(forge)["examples"]) == 3


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_the_answer_survives_a_lost_database(forge, note, answer: str) -> None:
    forge.ok(answer, question(forge)["id"])
    before = verdicts(forge)
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", note.parent)
    assert verdicts(forge) == before
    assert forge.ok("list", "--view", "questions", "--json").lines == []


def test_a_question_may_end_in_a_picture(forge: Any, vault: Path) -> None:
    (vault / "Nerves.md").write_text(
        "What does the arrow point at? ![[arrow.png]]::a node of Ranvier\n",
        encoding="utf-8",
    )
    (vault / "arrow.png").write_bytes(b"")
    forge.ok("run", vault)
    [card] = forge.cards()
    assert (card["verdict"], card["findings"]) == ("accepted", [])
