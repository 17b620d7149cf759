"""Cards that say the same: merged, told apart again, and never swallowed."""

from __future__ import annotations

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
