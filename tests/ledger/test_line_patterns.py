"""One question for each form of hand-written cards in a source; the answer is kept, and can be undone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ankiforge.ledger import cards

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


def test_lines_with_blanks_around_the_colons_are_one_question(
    forge, note, monkeypatch
) -> None:
    assert set(verdicts(forge).values()) == {"waiting"}
    asked = question(forge)
    assert len(asked["examples"]) == 3
    waiting = forge.json("status")["waiting"]
    assert (waiting["new"], waiting["changed"], waiting["questions"]) == (0, 0, 1)
    assert (
        f"ankiforge accept {asked['id'][:6]} "
        in forge.ok("list", "-v", asked["id"]).stdout
    )
    forge.ok("accept", "--all")
    assert set(verdicts(forge).values()) == {"waiting"}, "only by its id"
    forge.ok("accept", asked["id"])
    assert set(verdicts(forge).values()) == {"accepted"}
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    assert verdicts(forge)["Capital of Norway"] == "accepted"
    # the answer is listed with what ends it, however many decisions are later
    monkeypatch.setattr(cards, "MAX_RECENT", 1)
    recent = forge.ok("list", "--view", "recent").stdout
    [ending] = [line for line in recent.splitlines() if "lines like `a :: b`" in line]
    forge.ok("undo", ending.split(": ")[0].split()[-1])
    left = {front for front, verdict in verdicts(forge).items() if verdict == "accepted"}
    assert left == {"Capital of Greece", "Capital of Norway"}


def test_a_run_counts_the_question_that_holds_back_new_highlights(forge, note) -> None:
    note.write_text(f"{NOTE}Capital of Greece :: Athens\n\nWhat is Oslo?::A city\n")
    said = forge.ok("run").stdout
    assert "(2 new)" in said
    assert "  1 question waiting\n" in said


def test_two_lines_that_are_left_of_a_form_wait_each_alone(forge, note) -> None:
    [rome] = forge.ok("list", "Rome", "--json").lines
    forge.ok("reject", rome["id"])
    parts = {"new": 2, "changed": 0, "questions": 0, "more": 0}
    assert forge.json("status")["waiting"] == {"total": 2, **parts}


def test_no_is_kept_for_later_lines_until_it_is_undone(forge, note) -> None:
    forge.ok("reject", question(forge)["id"])
    note.write_text(NOTE + LATER, encoding="utf-8")
    assert "  5 skipped: " in forge.ok("run").stdout
    assert verdicts(forge) == {}
    reasons = {
        one["reason"] for one in forge.ok("list", "--no-card", "--all", "--json").lines
    }
    assert reasons == {"you said that such lines are not cards"}
    forge.ok("undo")
    forge.ok("run")
    assert len(question(forge)["examples"]) == 5


def test_a_question_is_open_again_as_soon_as_no_is_undone(forge, note) -> None:
    asked = question(forge)
    forge.ok("reject", asked["id"])
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    forge.ok("undo")
    assert question(forge) == asked
    assert forge.ok("list", "--no-card", "--all", "--json").lines == []
    forge.ok("accept", asked["id"])
    assert set(verdicts(forge).values()) == {"accepted"}


def test_yes_is_taken_back_as_a_whole(forge, note) -> None:
    forge.ok("accept", question(forge)["id"])
    told = forge.ok("undo").stderr
    undone = "✓ undone: made into cards, 3 accepted\n  lines like `a :: b` in notes\n"
    assert told.startswith(undone)
    forge.ok("run")
    assert "accepted" not in verdicts(forge).values()
    assert len(question(forge)["examples"]) == 3


def fields(vault: Path, numbers: range, folder: str = "Books") -> None:
    (vault / folder).mkdir(exist_ok=True)
    for number in numbers:
        text = (
            f"rating::{number}\n\nstatus::reading {number}\n\n"
            f"When did World War {number} end?::1918\n\n"
            f"Capital of France {number}::Paris\n\nmitosis {number} of five::division\n"
        )
        (vault / folder / f"{number}.md").write_text(text, encoding="utf-8")


def first_verdicts(forge: Any) -> list[tuple[str, str]]:
    return [(card["fields"]["Front"], card["verdict"]) for card in forge.cards()]


@pytest.mark.parametrize(("plugins", "notes"), [([], 3), (["dataview"], 2)])
def test_a_key_that_recurs_is_a_field_and_listed_with_the_reason(
    forge, vault, plugins, notes
) -> None:
    (vault / ".obsidian").mkdir(exist_ok=True)
    listed = vault / ".obsidian" / "community-plugins.json"
    listed.write_text(json.dumps(plugins), encoding="utf-8")
    fields(vault, range(notes))
    forge.ok("run", vault)
    assert {"rating", "status"}.isdisjoint(verdicts(forge))
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    left = forge.ok("list", "--no-card", "--all", "--json").lines
    reasons = {each["reason"] for each in left if each["exact"].startswith("rating")}
    assert reasons == {"several notes have a line that begins so: a field, not a card"}


def test_a_key_in_fewer_notes_and_one_that_a_plugin_reads_is_a_card(forge, vault) -> None:
    (vault / ".obsidian").mkdir(exist_ok=True)
    plugins = vault / ".obsidian" / "community-plugins.json"
    plugins.write_text('["obsidian-spaced-repetition"]', encoding="utf-8")
    fields(vault, range(2))
    for name in "abc":
        text = f"#flashcards\n\nterm::meaning {name}\n"
        (vault / f"{name}.md").write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    accepted = {
        front for front, verdict in first_verdicts(forge) if verdict == "accepted"
    }
    assert {"rating", "status", "term"} <= accepted


def test_a_line_that_has_a_card_stays_one_when_its_key_recurs(forge, vault) -> None:
    fields(vault, range(1))
    forge.ok("run", vault)
    fields(vault, range(1, 4))
    forge.ok("run")
    accepted = [card for card in forge.cards() if card["verdict"] == "accepted"]
    ratings = [card for card in accepted if card["fields"]["Front"] == "rating"]
    assert [card["fields"]["Back"] for card in ratings] == ["0"]
    (vault / "Books" / "0.md").write_text("rating::5\n", encoding="utf-8")
    forge.ok("run")
    backs = {
        card["fields"]["Back"]
        for card in forge.cards()
        if card["fields"]["Front"] == "rating"
    }
    assert "5" in backs, "its edits follow"


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
    (vault / "arrow.png").write_bytes(b"\x89PNG an arrow")
    forge.ok("run", vault)
    [card] = forge.cards()
    assert (card["verdict"], card["findings"]) == ("accepted", [])


def test_a_question_about_many_lines_is_one_decision(forge, vault) -> None:
    (vault / "Capitals.md").write_text(NOTE, encoding="utf-8")
    assert "  1 question waiting\n" in forge.ok("run", vault).stdout
    told = forge.ok("accept", question(forge)["id"]).stderr
    assert told.startswith("✓ 1 answered: these are cards, and later ones; to undo it")


@pytest.mark.parametrize(("answer", "verdict"), [("accept", "accepted"), ("reject", "")])
def test_an_answer_on_one_computer_counts_on_the_other(
    forge, forge_in, note, tmp_path, answer, verdict
):
    other = forge_in(tmp_path / "other")
    (note.parent / "Later.md").write_text(LATER, encoding="utf-8")
    other.ok("run", note.parent)
    assert len(question(other)["examples"]) == 5

    def share(computer: Any, with_computer: Any) -> None:
        journal = with_computer.home / "journal"
        shutil.copytree(computer.home / "journal", journal, dirs_exist_ok=True)
        with_computer.ok("run", note.parent)

    forge.ok(answer, question(forge)["id"])
    share(forge, other)
    assert other.ok("list", "--view", "questions", "--json").lines == []
    assert set(verdicts(other).values()) == {verdict} - {""}
    assert len(verdicts(other)) == (5 if verdict else 0), "lines that only it has, too"

    forge.ok("undo")
    share(forge, other)
    assert len(question(other)["examples"]) == (3 if verdict else 5)
