"""Figures and drawings marked in PDFs on their way into Anki."""

import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import ArrayObject, FloatObject

from tests.makers.pdf_writer import Mark, Page, mark, paragraph, write_pdf

ASKED = "What does the figure show?"
FIGURE = (100.0, 300.0, 280.0, 390.0)
ARROW = "2 w 110 310 m 270 380 l S 1 0 0 rg 240 340 40 50 re f"
WRITE = "write its question as the comment: `? …`"
TEXT = (
    "The action potential rises when channels for sodium open, and falls when those for potassium"
    " do. The figure shows how far, and how fast, at a squid's giant axon in sea water."
)


def area(comment: str = "", kind: str = "Square", at: tuple[float, ...] = FIGURE) -> Mark:
    edges = ArrayObject([FloatObject(edge) for edge in at])
    return mark("The figure", kind=kind, comment=comment, more={"/Rect": edges})


def paper(folder: Path, *marks: Mark) -> Path:
    folder.mkdir()
    write_pdf(
        folder / "spikes.pdf",
        [Page((paragraph(TEXT),), marks, label="iv", drawing=ARROW)],
    )
    return folder


def media_in(package: Path) -> dict[str, bytes]:
    """The pictures of a package, by their names."""
    with zipfile.ZipFile(package) as archive:
        names = json.loads(archive.read("media"))
        return {name: archive.read(number) for number, name in names.items()}


def kept(forge: Any) -> list[Path]:
    return sorted(path for path in forge.home.rglob("pictures/**/*") if path.is_file())


@pytest.mark.parametrize("given", ["the folder", "the file"])
def test_a_square_around_a_figure_with_a_question_arrives_in_anki(
    forge, tmp_path, anki, given
):
    papers = paper(tmp_path / "papers", area(ASKED))
    came = forge.json("run", papers if given == "the folder" else papers / "spikes.pdf")
    assert came["problems"] == []
    [card] = forge.cards()
    assert card["highlight"].startswith("pdf:")
    assert (card["fields"]["Front"], card["findings"]) == (ASKED, [])

    assert anki.load(forge.folder / "ankiforge.apkg") == {"new": 1}
    [(name, picture)] = media_in(forge.folder / "ankiforge.apkg").items()
    assert picture.startswith(b"\x89PNG")
    assert name == f"af-{sha256(picture).hexdigest()[:16]}.png"
    note = anki.note(card["guid"])
    assert (note["Front"], note["Back"]) == (ASKED, f'<img src="{name}" alt="">')
    assert f'src="{name}"' in note.cards()[0].answer()
    assert Path(anki.col.media.dir(), name).read_bytes() == picture
    assert str(tmp_path) not in "".join(note.values())
    assert [path.read_bytes() for path in kept(forge)] == [picture]


def test_what_gives_no_card_says_what_to_do(forge, tmp_path):
    papers = paper(
        tmp_path / "papers",
        area(),
        area("Fig. 2", at=(100.0, 300.0, 200.0, 390.0)),
        area("", kind="Ink", at=(110.0, 310.0, 270.0, 380.0)),
        area("? What is off the page?", at=(900.0, 0.0, 999.0, 99.0)),
    )
    forge.settings("figures: false\n")
    forge.ok("run", papers)
    assert forge.cards() == []
    reasons = [
        one["reason"] for one in forge.ok("list", "--no-card", "--all", "--json").lines
    ]
    assert sorted(reasons) == [
        f"a drawing: {WRITE}",
        f"an image: {WRITE}",
        f"an image: {WRITE}",
        "it has no picture: its place on the page is empty, or cannot be drawn",
    ]
