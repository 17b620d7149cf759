"""PDFs and Zotero through the same door, and one passage reached by several ways."""

from pathlib import Path

import pytest
from pypdf.generic import TextStringObject

from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ACRONYM = (
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
)
TERM = "The transfer of genes by contact (TGC) spreads a plasmid."
MIC, TGC = "What does MIC stand for?", "What does TGC stand for?"
PLAIN = "Persister cells survive for reasons of their own."


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A PDF with three marks: two of them are cards by the rules, one has a question."""
    path = tmp_path / "papers" / "Resistance.pdf"
    path.parent.mkdir()
    write_paper(path)
    return path


def write_paper(path: Path, **zotero_keys: str) -> None:
    more = {
        name: {"/Zotero:Key": TextStringObject(key)} for name, key in zotero_keys.items()
    }
    blocks = (
        heading("How Bacteria Resist", level=0),
        *map(paragraph, (ACRONYM, TERM, PLAIN)),
    )
    marks = (
        mark(ACRONYM, comment=MIC, more=more.get("acronym", {})),
        mark(TERM, comment=TGC, more=more.get("term", {})),
        mark(PLAIN, comment="? What do persister cells do?"),
    )
    write_pdf(path, [Page(blocks, marks)], title="How Bacteria Resist")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A Zotero data folder with the paper of which two marks are known there."""
    folder = tmp_path / "Zotero"
    folder.mkdir()
    marks = (
        Annotation("MARKAAA2", ACRONYM, MIC),
        Annotation("MARKBBB3", TERM, TGC, top=200),
    )
    work = Work(
        "PAPER001",
        {
            "title": "How Bacteria Resist",
            "DOI": "10.5555/resist",
            "date": "2021-00-00 2021",
        },
        creators=(("author", "Ada", "Byron"),),
        tags=("microbes",),
        attachments=(Attachment("ATTACH01", "Resistance.pdf", marks),),
    )
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return folder


def test_marks_of_a_pdf_arrive_in_anki(forge, paper, anki):
    came = forge.json("run", paper)

    counts = came["state"]["highlights"]
    assert counts["with_card"] + counts["waiting"] == 3
    forge.ok("accept", "--all", "--filter", "verdict:waiting")
    forge.ok("build")
    assert anki.load(forge.folder / "ankiforge.apkg") == {"new": 3}
    fronts = {card["fields"].get("Front") for card in forge.cards()}
    assert {"What does MIC stand for?", "What do persister cells do?"} <= fronts


def test_annotations_of_zotero_arrive_in_anki_with_their_paper(forge, library, anki):
    forge.ok("run", library / "zotero.sqlite")
    anki.load(forge.folder / "ankiforge.apkg")

    [card] = [card for card in forge.cards() if "MIC" in card["fields"].get("Front", "")]
    note = anki.note(card["guid"])
    assert "Byron" in note["Citation"]
    assert "zotero://" in note["Links"]
    assert "microbes" in note.tags
    assert card["highlight"] == "zotero:user/MARKAAA2"


def test_marks_of_zotero_whose_pdf_is_there_make_the_cards_that_marks_in_it_make(
    forge_in, tmp_path
):
    marks = (
        "genes by contact",
        "The minimum inhibitory concentration (MIC)",
        "a plasmid",
    )
    blocks = (
        heading("How Bacteria Resist", level=0),
        *map(paragraph, (ACRONYM, TERM, PLAIN)),
    )
    file = tmp_path / "Zotero" / "storage" / "ATTACH01" / "Resistance.pdf"
    file.parent.mkdir(parents=True)
    hidden = tuple(mark(text, comment="c:") for text in marks)
    write_pdf(file, [Page(blocks, hidden)], title="How Bacteria Resist")
    write_annotations(tmp_path / "Zotero", *marks)
    by_pdf, by_zotero = forge_in(tmp_path / "one"), forge_in(tmp_path / "two")
    by_pdf.ok("run", file)
    by_zotero.ok("run", tmp_path / "Zotero" / "zotero.sqlite")

    assert drawn(by_zotero) == drawn(by_pdf)
    assert len(drawn(by_zotero)) == 3
    file.unlink()
    without = forge_in(tmp_path / "three")
    without.ok("run", tmp_path / "Zotero" / "zotero.sqlite")
    assert drawn(without) == [], (
        "the words are hidden in their sentence, which only the PDF has"
    )


def write_annotations(folder: Path, *texts: str) -> None:
    marks = tuple(
        Annotation(f"MARKAAA{n}", text, "c:", top=100 * n)
        for n, text in enumerate(texts, start=2)
    )
    attachment = Attachment("ATTACH01", "Resistance.pdf", marks)
    write_zotero(
        folder / "zotero.sqlite",
        [Library((Work("PAPER001", {"title": "Resist"}, attachments=(attachment,)),))],
    )


def drawn(forge) -> list[tuple[dict[str, str], str]]:
    cards = forge.cards()
    return sorted(((card["fields"], card["verdict"]) for card in cards), key=str)


def test_a_pdf_that_appears_later_lends_its_words_and_draws_nothing_anew(
    forge, library, paper
):
    forge.ok("run", library / "zotero.sqlite")
    before = forge.cards()
    package = (forge.folder / "ankiforge.apkg").read_bytes()
    assert [one["prefix"] for one in read_from(forge, library)] == ["", ""]
    file = library / "storage" / "ATTACH01" / "Resistance.pdf"
    file.parent.mkdir(parents=True)
    paper.rename(file)
    came = forge.json("run", library / "zotero.sqlite")

    assert all(one["prefix"] for one in read_from(forge, library))
    assert came["highlights"] == {
        "seen": 2,
        "new": 0,
        "changed": 0,
        "gone": 0,
        "unchanged": 2,
    }
    assert forge.cards() == before
    assert (forge.folder / "ankiforge.apkg").read_bytes() == package


def read_from(forge, library: Path) -> list[dict[str, str]]:
    return forge.ok("run", "--dry-run", "-v", library / "zotero.sqlite", "--json").lines


def test_a_folder_whose_pdfs_are_gone_was_read_whole_and_holds_nothing(
    forge, paper, no_waiting
):
    forge("run", paper.parent.parent / "nothing", code=2)
    forge.ok("run", paper.parent)
    paper.unlink()
    forge.ok("run", paper.parent)
    [question] = forge.ok("list", "--view", "questions", "--json").lines
    assert forge.json("run", paper.parent)["highlights"]["gone"] == 0
    forge.ok("accept", question["id"])
    gone = [forge.json("run", paper.parent)["highlights"]["gone"] for _ in range(2)]

    assert sum(gone) == 3
    other = paper.parent.with_name("never read")
    other.mkdir()
    assert "nothing here that can be read" in forge("run", other, code=2).stderr


def test_the_same_sentence_in_a_pdf_and_in_zotero_makes_one_card(forge, paper, library):
    forge.ok("run", paper, library)

    [card] = [c for c in forge.cards() if "MIC" in c["fields"].get("Front", "")]
    assert card["highlight"] == "zotero:user/MARKAAA2", "the one with the citation"


@pytest.mark.parametrize("order", [("paper", "library"), ("library", "paper")])
def test_a_mark_that_zotero_wrote_into_the_pdf_is_zoteros(
    forge, paper, library, order, request
):
    write_paper(paper, acronym="MARKAAA2", term="MARKBBB3")
    came = forge.json("run", *(request.getfixturevalue(name) for name in order))

    assert came["highlights"]["seen"] == 3
    assert len(forge.cards()) == 3
    assert sum(card["highlight"].startswith("zotero:") for card in forge.cards()) == 2
