"""Passages that another tool has put into the real Anki already: they carry its note's id."""

import json
from pathlib import Path
from typing import Any

import pytest


def added(anki: Any, front: str) -> int:
    """The id of a note that another tool adds."""
    note = anki.col.new_note(anki.col.models.by_name("Basic"))
    note["Front"], note["Back"] = front, "as it is there"
    anki.col.add_note(note, anki.col.decks.id("Default"))
    return int(note.id)


def vault(forge: Any, **notes: str) -> Path:
    folder = Path(forge.folder) / "vault"
    (folder / ".obsidian").mkdir(parents=True, exist_ok=True)
    for name, text in notes.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def workspace(forge: Any, collection: str = "auto", *dialects: str) -> None:
    source = {"name": "notes", "path": "vault", "cards": ["inline", "cloze", *dialects]}
    settings = {"sources": [{"obsidian": source}], "anki": {"collection": collection}}
    Path(forge.folder, "ankiforge.yaml").write_text(json.dumps(settings), encoding="utf-8")


def without(forge: Any) -> dict[str, str]:
    """Why there is no card, by the passage."""
    lines = forge.ok("list", "--no-card", "--json").lines
    return {line["exact"]: line["reason"] for line in lines}


WAITS = "another tool may have put it into Anki as note {}"


def findings(card: dict[str, Any]) -> list[str]:
    return [f["message"] for f in card["findings"] if f["check"] == "other_note"]


def test_what_stands_in_anki_gets_no_card_and_the_reason(forge, anki):
    one, two, three = (added(anki, word) for word in ("one", "two", "three"))
    vault(
        forge,
        own=f"first::one\n<!--ID: {one}-->\n\nsecond::two\n",
        block=f"START\nBasic\nWhat is third?\nBack: three\n<!--ID: {two}-->\nEND\n",
        tagged=f"What is fourth? #card\nFour.\n^{three}\n",
    )
    workspace(forge, "auto", "o2a", "flashcards")

    told = forge.json("run")

    assert [card["fields"]["Front"] for card in forge.cards()] == ["second"]
    assert sorted(without(forge).values()) == sorted(
        f"already in Anki by another tool (note {number})" for number in (one, two, three)
    )
    assert told["fates"]["no_card"] == 3
    assert told["cards"]["ready"] == 1


def test_what_was_not_seen_in_anki_waits_with_a_warning(forge, anki):
    there = added(anki, "one")
    vault(forge, own=f"first::one ^{there + 1}\n")
    workspace(forge)

    forge.ok("run")

    (card,) = forge.cards()
    assert card["verdict"] == "pending"
    assert findings(card) == [WAITS.format(there + 1)]


def test_without_a_look_at_anki_it_waits(forge, anki):
    vault(forge, own=f"first::one ^{added(anki, 'one')}\n")
    workspace(forge, "none")

    forge.ok("run")

    (card,) = forge.cards()
    assert card["verdict"] == "pending"
    assert len(findings(card)) == 1


def test_a_card_that_was_accepted_before_the_look_stays(forge, anki):
    number = added(anki, "one")
    folder = vault(forge, own=f"first::one ^{number}\n")
    workspace(forge, "none")
    forge.ok("run")
    forge.ok("accept", forge.cards()[0]["guid"])
    workspace(forge)

    forge.ok("run")
    vault(forge, own=f"first::one, or uno ^{number}\n")
    forge.ok("run")

    (card,) = forge.cards()
    assert card["verdict"] == "accepted"
    assert card["standing"] == "live"
    assert folder.is_dir()


def test_when_the_other_note_is_deleted_the_passage_wants_a_card(forge, anki):
    number = added(anki, "one")
    vault(forge, own=f"first::one ^{number}\n")
    workspace(forge)
    forge.ok("run")
    assert forge.cards() == []

    anki.col.remove_notes([number])
    forge.ok("run")

    (card,) = forge.cards()
    assert card["fields"]["Front"] == "first"


def test_a_mark_whose_block_is_a_note_of_another_tool_is_none_of_ours(forge, anki):
    number = added(anki, "one")
    vault(forge, own=f"The ==mitochondrion== makes most of the ATP. ^{number}\n")
    workspace(forge)

    forge.ok("run")

    assert forge.cards() == []
    assert list(without(forge).values()) == [f"already in Anki by another tool (note {number})"]


def test_when_the_id_is_taken_out_of_the_note_the_passage_wants_a_card(forge, anki):
    number = added(anki, "one")
    vault(forge, own=f"first::one\n<!--ID: {number}-->\n")
    workspace(forge)
    forge.ok("run")
    assert forge.cards() == []

    vault(forge, own="first::one\n")
    forge.ok("run")

    assert [card["fields"]["Front"] for card in forge.cards()] == ["first"]
    assert without(forge) == {}


@pytest.mark.parametrize("there", ["\n<!--ID: {}-->", " ^{}"])
def test_a_tool_that_comes_after_us_changes_nothing_of_our_card(forge, anki, there):
    vault(forge, own="first::one\n\nsecond::two\n")
    workspace(forge)
    forge.ok("run")
    before = {card["fields"]["Front"]: card["guid"] for card in forge.cards()}

    number = added(anki, "first")
    vault(forge, own=f"first::one{there.format(number)}\n\nsecond::two\n")
    forge.ok("run")

    after = forge.cards()
    assert {card["fields"]["Front"]: card["guid"] for card in after} == before
    assert {card["standing"] for card in after} == {"live"}
    assert without(forge) == {}
