"""Notes on papers in Zotero, on their way into Anki."""

from pathlib import Path
from typing import Any

import pytest

from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)

DOSE = (
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
)
MARK = Annotation(
    "MARKAAA2", "The lowest dose prevents growth.", "Which dose prevents growth?"
)


def write(folder: Path, *htmls: str, marks: tuple[Annotation, ...] = ()) -> Path:
    """A data folder with one paper, its marks and notes."""
    notes = tuple(Note(f"NOTE000{n}", html) for n, html in enumerate(htmls))
    attachment = Attachment("ATTACH01", "Resistance.pdf", marks)
    work = Work(
        "PAPER001", {"title": "Resistance"}, attachments=(attachment,), notes=notes
    )
    folder.mkdir(exist_ok=True)
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Zotero"


def told(forge: Any) -> dict[str, str]:
    """Why highlights became no card, by their keys."""
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    return {one["key"]: one["reason"] for one in lines if one["key"]}


def made(forge: Any, folder: Path) -> dict[str, Any]:
    """The card that a person makes of a note."""
    write(folder, f"<h1>Doses</h1><p>{DOSE}</p>")
    forge.ok("run", folder)
    card = ("--field", "Front", "Which dose is the lowest?", "--field", "Back", "the MIC")
    found: dict[str, Any] = forge.json("edit", "zotero:user/NOTE0000", *card)
    return found


def test_a_card_of_a_note_names_the_paper_and_opens_the_note(forge, folder, anki):
    card = made(forge, folder)
    assert card["highlight"] == "zotero:user/NOTE0000"
    forge.ok("build")
    anki.load(forge.folder / "ankiforge.apkg")
    note = anki.note(card["guid"])
    assert note["Front"] == "Which dose is the lowest?"
    assert "zotero://select/library/items/NOTE0000" in note["Links"]
    assert "Resistance" in note["Citation"]


def test_a_note_that_is_added_to_keeps_its_card(forge, folder):
    before = made(forge, folder)
    write(folder, f"<p>{DOSE}</p><p>And more that I thought of.</p>")
    forge.ok("run", folder)
    (after,) = forge.cards()
    assert (after["guid"], after["verdict"]) == (before["guid"], "accepted")


def test_a_note_of_quoted_marks_makes_no_second_card(forge, folder):
    note = f"<h1>Annotations<br>(1/2/2026)</h1>{quoted(MARK)}"
    write(folder, note, f"{note}<p>Why?</p>", marks=(MARK,))
    came = forge.json("run", folder)
    assert came["highlights"]["seen"] == 2
    (card,) = forge.cards()
    assert card["highlight"] == "zotero:user/MARKAAA2"
    assert set(told(forge)) == {"zotero:user/NOTE0001"}
