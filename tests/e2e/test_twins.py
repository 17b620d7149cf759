"""Cards that say the same: merged, told apart again, and never swallowed."""

from __future__ import annotations

import shutil
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


def backs(forge) -> list[str]:
    return sorted(card["fields"]["Back"] for card in forge.cards())


FRANCE = "What is the capital of France?::"


def test_a_card_revised_into_the_words_of_a_new_one_takes_it_in(forge, write) -> None:
    write(a=f"{FRANCE}Lyon\n")
    run = write(a=f"{FRANCE}Paris\n\n{FRANCE}Paris\n")
    assert (run["cards"]["revised"], run["cards"]["merged"]) == (1, 1)
    assert run["fates"]["carded"] == run["highlights"]["seen"] == 2
    assert backs(forge) == ["Paris"]


def test_a_card_that_no_longer_says_so_swallows_no_other(forge, write) -> None:
    write(a=f"{FRANCE}Lyon\n")
    run = write(a=f"{FRANCE}Paris\n", b=f"{FRANCE}Lyon\n")
    assert run["cards"]["merged"] == 0
    assert backs(forge) == ["Lyon", "Paris"]


def test_within_one_note_too(forge, write) -> None:
    write(a=f"# One\n\n{FRANCE}Lyon\n")
    write(a=f"# One\n\n{FRANCE}Paris\n\n# Two\n\n{FRANCE}Lyon\n")
    assert backs(forge) == ["Lyon", "Paris"]


def test_a_merge_taken_back_stays_taken_back(forge, write) -> None:
    write(a=f"{FRANCE}Paris\n", b=f"{FRANCE}Paris\n")
    [card] = forge.cards()
    trace = forge.json("trace", card["guid"])
    [merge] = [decided for decided in trace["decisions"] if decided["what"] == "merge"]
    forge.ok("undo", merge["id"])
    run = write()
    assert run["cards"]["merged"] == 0
    assert backs(forge) == ["Paris", "Paris"]
    assert len({card["guid"] for card in forge.cards()}) == 2


def test_a_merge_into_a_rejected_card_does_not_happen(forge, write) -> None:
    write(a=f"{FRANCE}Paris\n")
    forge.ok("reject", forge.cards()[0]["guid"])
    run = write(b=f"{FRANCE}Paris\n")
    assert run["cards"]["merged"] == 0
    assert len(forge.cards()) == 2


def test_two_wordings_in_one_note_are_told_of(forge, write) -> None:
    write(
        a="What enzyme unwinds DNA?::helicase\n\n"
        "Which enzyme is responsible for unwinding DNA?::Helicase\n"
    )
    first, second = forge.cards()
    found = [finding for card in (first, second) for finding in card["findings"]]
    [duplicate] = [finding for finding in found if finding["check"] == "duplicate"]
    assert duplicate["twin"] in (first["guid"], second["guid"])


def standings(forge) -> list[tuple[str, str]]:
    return sorted(
        (card["fields"]["Back"], card["standing"])
        for card in forge.cards()
        if card["verdict"] != "rejected"
    )


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_a_card_revised_away_from_its_twin_leaves_that_a_card_of_its_own(
    forge, write, first: str, second: str
) -> None:
    write(**{first: f"{FRANCE}Lyon\n"})
    write(**{second: f"{FRANCE}Lyon\n"})
    run = write(**{first: f"{FRANCE}Paris\n"})
    assert run["fates"]["carded"] == run["notes"]["written"] == 2
    assert backs(forge) == ["Lyon", "Paris"]


@pytest.mark.parametrize("new", ["a", "c"])
def test_words_that_moved_on_to_another_note_keep_a_card(forge, write, new: str) -> None:
    write(b=f"{FRANCE}Lyon\n")
    write(**{"b": f"{FRANCE}Paris\n", new: f"{FRANCE}Lyon\n"})
    assert backs(forge) == ["Lyon", "Paris"]


def test_a_correction_that_is_accepted_leaves_the_twin_a_card_of_its_own(forge, write) -> None:
    write(a=f"{FRANCE}Lyon\n", b=f"{FRANCE}Lyon\n")
    [card] = forge.cards()
    forge.ok("edit", card["guid"], "--field", "Back", "Lyon, once")
    write(a=f"{FRANCE}Paris\n")
    forge.ok("accept", card["guid"])
    write()
    assert backs(forge) == ["Lyon", "Paris"]


def test_a_card_of_two_passages_is_retired_with_the_last_of_them(forge, write) -> None:
    skip = "---\ncards: false\n---\n"
    words = f"{FRANCE}Paris\n"
    write(a=words, b=words)
    [card] = forge.cards()
    for a, b, standing in (
        (skip, "", "live"),
        (skip, skip, "retired"),
        (skip, "", "live"),
        ("", skip, "live"),
        (skip, skip, "retired"),
        ("", "", "live"),
    ):
        write(a=a + words, b=b + words)
        [now] = forge.cards()
        assert (now["guid"], now["standing"]) == (card["guid"], standing)


def test_a_copy_that_was_reworded_holds_the_card_no_longer(forge, write) -> None:
    write(a=f"{FRANCE}Paris\n", b=f"{FRANCE}Paris\n")
    write(b=f"{FRANCE}Lyon\n")
    write(a=f"---\ncards: false\n---\n{FRANCE}Paris\n")
    assert standings(forge) == [("Lyon", "live"), ("Paris", "retired")]


def test_a_lost_ledger_merges_into_the_same_card_again(forge, write) -> None:
    write(b=f"{FRANCE}Paris\n")
    write(a=f"{FRANCE}Paris\n")
    [before] = forge.cards()
    shutil.rmtree(forge.home / ".ankiforge")
    write()
    assert [card["guid"] for card in forge.cards()] == [before["guid"]]


def test_twins_reworded_alike_stay_one_card(forge, write) -> None:
    write(b=f"{FRANCE}Lyon\n")
    write(a=f"{FRANCE}Lyon\n")
    write(a=f"{FRANCE}Paris\n", b=f"{FRANCE}Paris\n")
    assert backs(forge) == ["Paris"]


def test_who_asks_for_duplicates_sees_both_sides_and_the_commands(forge, write) -> None:
    write(a=f"{FRANCE}Paris\n", b="Which city is the capital of France?::Paris\n")
    one, other = (card["guid"] for card in forge.cards())
    [found] = {one["check"] for card in forge.cards() for one in card["findings"] if one["twin"]}
    for asked in ([f"finding:{found}"], ["--view", "twins"]):
        lines = forge.ok("list", *asked).stdout
        assert {one[:10], other[:10]} <= set(lines.split())
        assert "ankiforge merge " in lines
    assert forge.ok("list", "--view", "twins", "capital", "-Paris").stdout == ""


def test_the_views_of_the_page_are_listed_on_the_terminal(forge, write) -> None:
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
