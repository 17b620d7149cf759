"""What a run says of PDFs without annotations: marks that were printed into a page are none."""

import pytest

from tests.makers.pdf_writer import Page, paragraph, write_pdf

WORDS = "Peat forms where dead moss cannot rot because water keeps the air out of it."


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    return folder


def test_a_mark_that_was_printed_into_a_page_is_none_and_the_run_says_so(forge, papers):
    drawing = "q 1 1 0 rg 72 698 200 12 re f Q"
    write_pdf(papers / "a.pdf", [Page([paragraph(WORDS)], drawing=drawing)])
    said = forge.ok("run", papers).stdout
    assert "no highlights found in 1 PDF" in said
    assert "no PDF that was read has a highlight or comment" in said
    assert "save or export the file" in forge.ok("run", papers / "a.pdf").stderr


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
    told = forge("run", papers, code=1)
    said = told.stdout
    assert "no highlights found" in said
    assert "a.pdf" in told.stderr
    assert "b.pdf" in told.stderr
    assert "annotations" not in said
    note = papers.parent / "notes" / "Cells.md"
    note.parent.mkdir()
    note.write_text("What energy do cells spend?::chemical energy\n", encoding="utf-8")
    assert "→ " in forge.ok("run", note.parent).stdout
    assert "→ " not in forge("run", papers, code=1).stdout  # of the package of before
    write_pdf(papers / "c.pdf", [Page([paragraph(WORDS)])])
    for _ in range(2):
        said = forge("run", papers, code=1).stdout
        assert "no highlights found in 1 PDF" in said
        assert "no PDF that was read has a highlight or comment" in said
    run = forge("run", papers, "--json", code=1).data
    assert (run["files"], run["unread_files"]) == ({".pdf": 1}, {".pdf": 2})
