"""Split, joined, drawn longer, marked twice: the card goes with its evidence and stays itself."""

from pathlib import Path

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ACRONYM = "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
TERM = "The polymerase chain reaction (PCR) copies a piece of DNA many times over."
MORE = "Persister cells survive for reasons of their own, and nobody knows them all."
WHOLE = f"{ACRONYM} {TERM}"


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    return folder / "Resistance.pdf"


@pytest.fixture
def read(forge, paper: Path):
    """Read a paper in which these passages are marked; its live cards by what they ask."""

    def read(*marks: str, text: str = f"{WHOLE} {MORE}", comments: dict[str, str] | None = None):
        said = comments or {}
        drawn = tuple(mark(words, comment=said.get(words, "")) for words in marks)
        write_pdf(paper, [Page((paragraph(text),), drawn)], title="How Bacteria Resist")
        forge.ok("run", paper.parent)
        return live(forge)

    return read


def live(forge) -> dict[str, dict]:
    cards = [card for card in forge.cards() if card["verdict"] == "accepted"]
    asked = {card["fields"].get("Front") or card["fields"]["Text"]: card for card in cards}
    assert len(asked) == len(cards), "two live cards that ask the same"
    return asked


def test_a_joined_highlight_sends_the_same_package_but_for_where_it_leads(forge, read, anki):
    before = read(ACRONYM, TERM)
    anki.load(forge.folder / "ankiforge.apkg")
    read(WHOLE)
    counts = anki.load(forge.folder / "ankiforge.apkg")
    assert counts.get("new", 0) == 0
    assert {anki.note(card["guid"]).guid for card in before.values()} == {
        card["guid"] for card in before.values()
    }


# --- works ----------------------------------------------------------------------------------


def library(folder: Path, *marks: Annotation, doi: str = "10.5555/resist", title="Resist") -> Path:
    """A Zotero with one paper."""
    folder.mkdir(exist_ok=True)
    attachment = Attachment("ATTACH01", "other.pdf", marks)
    write_zotero(
        folder / "zotero.sqlite",
        [Library((Work("PAPER001", {"title": title, "DOI": doi}, attachments=(attachment,)),))],
    )
    return folder / "zotero.sqlite"


def test_a_mark_in_the_library_and_in_the_pdf_of_the_same_work_is_one_card(forge, paper, tmp_path):
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM), title="How Bacteria Resist")
    text = paragraph(f"https://doi.org/10.5555/resist {WHOLE}")
    write_pdf(paper, [Page((text,), (mark(TERM),))], title="How Bacteria Resist")
    forge.ok("run", paper, zotero)
    [card] = forge.cards()
    assert len(card["also"]) == 1


def test_pdfs_that_share_half_of_their_pages_are_one_paper(forge, tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    pages = [" ".join(f"{WHOLE} This is page {n}{i}." for i in "abcd") for n in "xyz"]

    def write(name: str, texts: list[str]) -> None:
        made = [Page((paragraph(text),), (mark(ACRONYM),) if n == 0 else ())
                for n, text in enumerate(texts)]  # fmt: skip
        write_pdf(folder / name, made, title=name)

    write("first.pdf", pages[:2])
    forge.ok("run", folder)
    [before] = forge.cards()
    write("second.pdf", [pages[0], pages[2]])
    forge.ok("run", folder)
    documents = documents_of(forge)
    assert len(documents) == 1
    assert before["guid"] in {card["guid"] for card in forge.cards()}


def documents_of(forge) -> set[str]:
    """The tags of documents on all cards there are."""
    return {
        tag for card in forge.cards() for tag in card["tags"] if tag.startswith("ankiforge::doc::")
    }
