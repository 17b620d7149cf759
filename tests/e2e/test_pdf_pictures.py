"""Figures and drawings marked in PDFs on their way into Anki."""

import json
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import ArrayObject, FloatObject

from samples.pdf_writer import Mark, Page, mark, paragraph, write_pdf
from tests.e2e.reader import Reader

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


class Papers:
    """A folder with one paper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "spikes.pdf"
        folder.mkdir()
        self.write(area(ASKED))

    def write(self, *marks: Mark, drawing: str = ARROW, text: str = TEXT) -> None:
        write_pdf(self.file, [Page((paragraph(text),), marks, label="iv", drawing=drawing)])


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path / "papers")


def media_in(package: Path) -> dict[str, bytes]:
    """The pictures of a package, by their names."""
    with zipfile.ZipFile(package) as archive:
        names = json.loads(archive.read("media"))
        return {name: archive.read(number) for number, name in names.items()}


def kept(forge: Any) -> list[Path]:
    return sorted(path for path in forge.home.rglob("pictures/**/*") if path.is_file())


@pytest.mark.parametrize("given", ["the folder", "the file"])
def test_a_square_around_a_figure_with_a_question_arrives_in_anki(forge, papers, anki, given):
    came = forge.json("run", papers.folder if given == "the folder" else papers.file)
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
    assert str(papers.folder.parent) not in "".join(note.values())
    assert [path.read_bytes() for path in kept(forge)] == [picture]


def test_what_gives_no_card_says_what_to_do(forge, papers):
    papers.write(
        area(),
        area("Fig. 2", at=(100.0, 300.0, 200.0, 390.0)),
        area("", kind="Ink", at=(110.0, 310.0, 270.0, 380.0)),
        area("? What is off the page?", at=(900.0, 0.0, 999.0, 99.0)),
    )
    forge.ok("run", papers.folder)
    assert forge.cards() == []
    reasons = [one["reason"] for one in forge.ok("list", "--no-card", "--json").lines]
    assert sorted(reasons) == [
        f"a drawing: {WRITE}",
        f"an image: {WRITE}",
        f"an image: {WRITE}",
        "it has no picture: its place on the page is empty, or cannot be drawn",
    ]


class Desk(Reader):
    """A reader with a folder of papers and Anki side by side."""

    def __init__(self, forge: Any, papers: Papers, anki: Any) -> None:
        super().__init__(forge, papers.folder, anki)
        self.papers = papers


@pytest.fixture
def desk(forge: Any, papers: Papers, backend: Any) -> Iterator[Desk]:
    with backend.opened(forge.profile) as anki:
        yield Desk(forge, papers, anki)


@pytest.mark.parametrize("left", ["the journal", "nothing"])
def test_a_lost_ledger_gives_no_second_card_of_a_figure(desk, left):
    desk.run()
    before = dict(desk.note.items())
    for lost in sorted(desk.forge.home.rglob("*"), reverse=True):
        if lost.name.startswith(("ledger.db", "cut")) or (
            lost.name == "journal.jsonl" and left == "nothing"
        ):
            for inner in lost.iterdir() if lost.is_dir() else ():
                inner.unlink()
            lost.rmdir() if lost.is_dir() else lost.unlink()

    assert desk.run() == {}
    assert dict(desk.note.items()) == before
    assert len(desk.forge.cards()) == 1
