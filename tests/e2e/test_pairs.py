"""Two cards that resemble one another: made one, or told apart, by a person."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.collection import open_view

ONE = "What enzyme unwinds DNA?::helicase\n"
OTHER = "Which enzyme is responsible for unwinding the DNA helix?::Helicase\n"
Write = Callable[..., Any]


@pytest.fixture
def write(forge: Any, tmp_path: Path) -> Write:
    """Write the notes of a vault, and run; what the run came to."""
    vault = tmp_path / "notes"
    (vault / ".obsidian").mkdir(parents=True)

    def write(**notes: str) -> Any:
        for name, text in notes.items():
            (vault / f"{name}.md").write_text(text, encoding="utf-8")
        return forge.json("run", vault)

    return write


def told(forge: Any) -> list[str]:
    """The twins that findings about living cards name."""
    live = (card for card in forge.cards() if card["standing"] == "live")
    return [f["twin"] for card in live for f in card["findings"] if f["twin"]]


def pair(forge: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two cards, the clean one first."""
    clean, doubtful = sorted(forge.cards(), key=lambda card: len(card["findings"]))
    return clean, doubtful


def test_the_older_card_stays_and_has_both_sources(forge, write):
    write(a=ONE, b=OTHER)
    clean, doubtful = pair(forge)

    said = forge.json("merge", doubtful["guid"], clean["guid"])

    assert (said["guid"], said["merged"]) == (clean["guid"], doubtful["guid"])
    run = write()
    [note] = notes_of(run)
    fields = "".join(note.fields)
    assert "unwinds DNA" in fields
    assert "responsible for unwinding" in fields
    assert "file=a" in fields
    assert "file=b" in fields
    assert run["cards"]["drafted"] == 0
    assert told(forge) == []


def notes_of(run: Any) -> list[Any]:
    with open_view(Path(run["packages"][0])) as view:
        return list(view.notes())


def test_only_two_living_cards_are_merged(forge, write):
    write(a=ONE, b=OTHER)
    clean, doubtful = pair(forge)
    forge("merge", clean["guid"], clean["guid"], code=2)
    forge("distinct", clean["guid"], code=2)
    forge("merge", clean["guid"], "nid:123", code=2)
    forge.ok("reject", doubtful["guid"])

    assert "restore" in forge("merge", clean["guid"], doubtful["guid"], code=1).stderr


def test_show_says_what_can_be_done(forge, write):
    write(a=ONE, b=OTHER)
    clean, doubtful = pair(forge)

    said = forge.ok("show", doubtful["guid"]).stdout

    assert "What enzyme unwinds DNA?" in said
    for command in ("merge", "distinct"):
        assert f"ankiforge {command} {doubtful['guid']} {clean['guid']}" in said


def test_a_long_list_of_one_pattern_is_told_apart(forge, write):
    words = [f"{a}{b}" for a in "bdfgklmnpr" for b in ("aro", "elu", "ina", "osk", "uvi")]
    lines = [f"What is the capital of {w.title()}land?::{w[::-1].title()}" for w in words]
    run = write(a="\n\n".join([*lines, lines[7].replace("What is", "Name")]) + "\n")

    assert run["cards"]["drafted"] == len(words) + 1
    [card] = [card for card in forge.cards() if card["findings"]]
    assert json.dumps(card["findings"]).count("duplicate") == 1
