"""Notes that others put into the real Anki: drafts that repeat them are told of, and wait."""

from pathlib import Path
from typing import Any

import pytest

from tests.anki.stories import Desk

PICTURE = f'<img src="data:image/png;base64,{"A" * 20_000}">'


def added(anki: Any, deck: str, kind: str = "Basic", **fields: str) -> Any:
    """A note that a person has from elsewhere."""
    note = anki.col.new_note(anki.col.models.by_name(kind))
    for name, text in fields.items():
        note[name.replace("_", " ")] = text
    anki.col.add_note(note, anki.col.decks.id(deck))
    return note


@pytest.fixture
def run(desk: Desk) -> Any:
    """Write a note of the vault, and run; the one card there is."""

    def run(text: str) -> dict[str, Any]:
        desk.write(text)
        desk.run()
        [card] = [one for one in desk.forge.cards() if one["verdict"] != "rejected"]
        return card

    return run


def warned(card: dict[str, Any]) -> list[str]:
    return [f["message"] for f in card["findings"] if f["check"] == "duplicate"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            "Basic",
            {"Front": "Which enzyme <b>unwinds</b> the DNA?", "Back": "<i>helicase</i>"},
        ),
        (
            "Basic",
            {"Front": "What enzyme unwinds DNA?", "Back": "helicase<br>[sound:a.mp3]"},
        ),
        ("Cloze", {"Text": "The enzyme that unwinds DNA is {{c1::helicase}}."}),
        (
            "Basic",
            {"Front": f"{PICTURE}What enzyme unwinds DNA?", "Back": f"helicase{PICTURE}"},
        ),
    ],
)
def test_a_draft_waits_if_a_note_of_another_deck_asks_the_same(anki, run, kind, fields):
    note = added(anki, "Biology::Genetics", kind, **fields)

    card = run("What enzyme unwinds DNA?::helicase\n")

    [said] = warned(card)
    assert said.startswith("resembles a note in Anki, deck Biology::Genetics: “")
    assert card["verdict"] == "waiting"
    assert [f["twin"] for f in card["findings"]] == [f"nid:{note.id}"]


def test_the_warning_goes_when_the_note_is_deleted_in_anki(anki, run):
    note = added(anki, "Biology", Front="What enzyme unwinds DNA?", Back="helicase")
    card = run("What enzyme unwinds DNA?::helicase\n")
    assert warned(card)
    anki.col.remove_notes([note.id])

    card = run("What enzyme unwinds DNA?::helicase\n")

    assert (warned(card), card["verdict"]) == ([], "accepted")


def test_the_words_of_others_stay_in_the_ledger(forge, anki, run):
    added(anki, "Diary", Front="What did I never tell anyone?", Back="a secret of mine")
    run("What enzyme unwinds DNA?::helicase\n")

    files = Path(forge.folder, "journal").glob("*.jsonl")
    journal = "".join(file.read_text(encoding="utf-8") for file in files)

    assert "secret" not in journal + forge.ok("list", "--all", "--json").stdout


def test_other_note_types_are_read_by_their_template(anki, run):
    models = anki.col.models
    kind = models.copy(models.by_name("Basic"))
    for name in ("Number", "Word", "Sound"):
        models.add_field(kind, models.new_field(name))
    kind["name"] = "Vocabulary"
    kind["tmpls"][0]["qfmt"] = "{{Sound}}<div>{{Word}}</div>"
    kind["tmpls"][0]["afmt"] = "{{FrontSide}}<hr id=answer>{{Back}}"
    models.update_dict(kind)
    added(
        anki,
        "German",
        "Vocabulary",
        Front="1",
        Word="der Hund",
        Sound="[sound:x]",
        Back="dog",
    )

    card = run("der Hund::dog\n")

    assert "deck German: “der Hund”" in warned(card)[0]
