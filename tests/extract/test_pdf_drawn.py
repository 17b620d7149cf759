"""Marks that are drawn into a page: they are told, and no highlight."""

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    StreamObject,
)

from tests.makers.pdf_writer import Mark, Page, paragraph, write_pdf

WORDS = "Peat forms where dead moss cannot rot because water keeps the air out of it."
LINE = "72 698 200 12 re f"


def with_drawing(folder, drawing):
    write_pdf(folder / "a.pdf", [Page([paragraph(WORDS)], drawing=drawing)])


def flattened(folder):
    """A PDF whose mark became a form over the page, in transparent green."""
    write_pdf(folder / "a.pdf", [Page([paragraph(WORDS)], [Mark("dead moss")])])
    writer = PdfWriter(clone_from=folder / "a.pdf")
    page = writer.pages[0]
    left, bottom, right, top = map(float, page["/Annots"][0].get_object()["/Rect"])  # type: ignore[index]
    width, height = right - left, top - bottom
    form = StreamObject()
    form[NameObject("/Type")] = NameObject("/XObject")
    form[NameObject("/Subtype")] = NameObject("/Form")
    corners = (0, 0, width, height)
    form[NameObject("/BBox")] = ArrayObject([FloatObject(edge) for edge in corners])
    form.set_data(f"0.6 1 0.6 rg 0 0 {width} {height} re f".encode())
    multiply = DictionaryObject({NameObject("/BM"): NameObject("/Multiply")})
    resources = page["/Resources"]
    resources[NameObject("/XObject")] = DictionaryObject(  # type: ignore[index]
        {NameObject("/Mark"): writer._add_object(form)}
    )
    resources[NameObject("/ExtGState")] = DictionaryObject(  # type: ignore[index]
        {NameObject("/Over"): multiply}
    )
    content = page.get_contents()
    assert content is not None
    drawn = f"\nq /Over gs 1 0 0 1 {left} {bottom} cm /Mark Do Q".encode()
    content.set_data(content.get_data() + drawn)
    page[NameObject("/Contents")] = writer._add_object(content)
    del page["/Annots"]
    writer.write(folder / "a.pdf")
    assert "/Annots" not in PdfReader(folder / "a.pdf").pages[0]


def left_out(forge):
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    return [(line["path"], line["kind"], line["place"]) for line in lines]


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    return folder


def test_a_mark_that_is_drawn_into_a_page_is_named_with_its_page(forge, papers):
    with_drawing(papers, f"q 1 1 0 rg {LINE} Q")
    said = forge.ok("run", papers).stdout
    assert "no highlights found in 1 PDF" in said
    assert "1 × mark drawn into a page" in said
    [(path, kind, place)] = left_out(forge)
    assert (path, kind) == ("a.pdf", "mark drawn into a page")
    assert "page 1" in place


def test_a_mark_that_a_program_flattened_is_named(forge, papers):
    flattened(papers)
    assert "1 × mark drawn into a page" in forge.ok("run", papers).stdout


@pytest.mark.parametrize(
    "drawing",
    [
        "",
        f"q 0.9 0.9 0.9 rg {LINE} Q",  # a shade of gray
        "q 1 1 0 rg 72 100 200 12 re f Q",  # yellow without text
        "q 1 1 0 rg 72 600 400 120 re f Q",  # a box around a paragraph
        f"q 1 1 0 RG {LINE.replace(' f', ' S')} Q",  # a frame
    ],
)
def test_other_boxes_are_no_marks(forge, papers, drawing):
    with_drawing(papers, drawing)
    said = forge.ok("run", papers).stdout
    assert "no marks are drawn into their pages" in said
    assert left_out(forge) == []


def test_what_was_read_is_counted_by_kind(forge, papers):
    for number in range(10):
        write_pdf(papers / f"{number}.pdf", [Page([paragraph(WORDS)])])
    for number in range(12):
        (papers / f"{number}.md").write_text("Nothing is marked here.\n")
    assert "no highlights found in 12 notes and 10 PDFs" in forge.ok("run", papers).stdout
    files = forge.json("run", papers)["files"]
    assert files == {".pdf": 10, ".md": 12}


def test_a_run_says_nothing_of_the_marks_in_pdfs_that_cannot_be_read(forge, papers):
    (papers / "a.pdf").write_bytes(b"%PDF-1.4 broken")
    (papers / "b.pdf").write_bytes(b"no PDF")
    said = forge("run", papers, code=1).stdout
    assert "no highlights found; 2 PDFs failed" in said
    assert "annotations" not in said
    note = papers.parent / "notes" / "Cells.md"
    note.parent.mkdir()
    note.write_text("What energy do cells spend?::chemical energy\n", encoding="utf-8")
    assert "→ " in forge.ok("run", note.parent).stdout
    assert "→ " not in forge("run", papers, code=1).stdout  # of the package of before
    write_pdf(papers / "c.pdf", [Page([paragraph(WORDS)])])
    for _ in range(2):
        said = forge("run", papers, code=1).stdout
        assert "no highlights found in 1 PDF; 2 PDFs failed" in said
        assert "the PDFs that were read have no annotations" in said
    run = forge("run", papers, "--json", code=1).data
    assert (run["files"], run["unread_files"]) == ({".pdf": 1}, {".pdf": 2})
