"""What is read of papers and notes."""

from pathlib import Path

from samples.pdf_writer import Page, mark, paragraph, write_pdf


def vault(folder: Path, text: str) -> Path:
    (folder / "v").mkdir()
    (folder / "v" / "a.md").write_text(text, encoding="utf-8")
    return folder / "v"


def paper(folder: Path) -> Path:
    """Three pages, each with a running head and foot and a mark at its edge."""
    words = (
        ("Osmosis moves water through membranes.", "Cells swell in it."),
        ("Diffusion needs no energy at all.", "Gradients drive it."),
        ("Active transport spends energy.", "Pumps do the work."),
    )
    pages = []
    for number, (first, last) in enumerate(words, start=1):
        edges = (paragraph("Journal of Cells 12"), paragraph(f"Page {number} of 3"))
        blocks = (edges[0], paragraph(first), paragraph(last), edges[1])
        pages.append(Page(blocks, (mark(first), mark(last))))
    (folder / "p").mkdir(exist_ok=True)
    write_pdf(folder / "p" / "a.pdf", pages)
    return folder / "p" / "a.pdf"


def test_running_heads_and_feet_are_no_context(forge, tmp_path):
    lines = forge.ok("extract", paper(tmp_path), "--json").lines
    marks = [one for one in lines if "exact" in one]
    assert len(marks) == 6
    beside = " ".join(one["prefix"] + one["suffix"] for one in marks)
    assert "Journal" not in beside
    assert "Page" not in beside
    assert "Cells swell in it." in beside


def test_items_of_a_list_in_one_mark_are_joined_by_semicolons(forge, tmp_path):
    page = Page(
        (paragraph("Before it. List: • first item of it • second item • third item"),),
        (mark("first item of it • second item • third item"),),
    )
    (tmp_path / "p").mkdir()
    write_pdf(tmp_path / "p" / "a.pdf", [page])
    found = [one for one in forge.ok("extract", tmp_path / "p", "--json").lines if "exact" in one]
    assert [one["exact"] for one in found] == ["first item of it; second item; third item"]


def test_context_begins_and_ends_with_whole_words(forge, tmp_path):
    before, after = "abcdefghi " * 12, "jklmnopqr " * 12
    folder = vault(tmp_path, f"{before.strip()}.\n\nA ==cell== is alive.\n\n{after}\n")
    [line] = [one for one in forge.ok("extract", folder, "--json").lines if "exact" in one]
    assert set(line["prefix"].split()) <= {"abcdefghi", "abcdefghi."}
    assert set(line["suffix"].split()) == {"jklmnopqr"}
