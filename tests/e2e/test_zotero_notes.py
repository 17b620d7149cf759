"""Notes on papers in Zotero, on their way into Anki."""

from pathlib import Path
from typing import Any

import pytest

from samples.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)

ACRONYM = "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
MARK = Annotation("MARKAAA2", ACRONYM, "def")


def write(folder: Path, *htmls: str, marks: tuple[Annotation, ...] = ()) -> Path:
    """A data folder with one paper, its marks and notes."""
    notes = tuple(Note(f"NOTE000{n}", html) for n, html in enumerate(htmls))
    attachment = Attachment("ATTACH01", "Resistance.pdf", marks)
    work = Work("PAPER001", {"title": "Resistance"}, attachments=(attachment,), notes=notes)
    folder.mkdir(exist_ok=True)
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Zotero"


def told(forge: Any) -> dict[str, str]:
    """Why highlights became no card, by their keys."""
    lines = forge.ok("list", "--no-card", "--json").lines
    return {one["key"]: one["reason"] for one in lines}


def test_a_note_makes_the_cards_that_a_mark_of_its_words_makes(forge, folder, anki):
    write(folder, f"<h1>Doses</h1><p>{ACRONYM.replace('MIC', '<b>MIC</b>')}</p>")
    assert forge.json("run", folder)["notes"]["written"] == 1
    (card,) = forge.cards()
    assert card["highlight"] == "zotero:user/NOTE0000"
    anki.load(forge.folder / "ankiforge.apkg")
    note = anki.note(card["guid"])
    assert note["Front"] == "What does MIC stand for?"
    assert "zotero://select/library/items/NOTE0000" in note["Links"]
    assert "Resistance" in note["Citation"]


def test_a_note_that_is_added_to_keeps_its_card(forge, folder):
    write(folder, f"<p>{ACRONYM}</p>")
    forge.ok("run", folder)
    (before,) = forge.cards()
    write(folder, f"<p>{ACRONYM}</p><p>And more that I thought of.</p>")
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
