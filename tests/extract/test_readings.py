"""What is read of papers and notes."""

from pathlib import Path

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf


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
    lines = forge.ok("run", "--dry-run", "-v", paper(tmp_path), "--json").lines
    marks = [one for one in lines if "exact" in one]
    assert len(marks) == 6
    beside = " ".join(one["prefix"] + one["suffix"] for one in marks)
    assert "Journal" not in beside
    assert "Page" not in beside
    assert "Cells swell in it." in beside
