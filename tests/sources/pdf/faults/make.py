"""Files that cannot be read stand beside one that can."""

from pathlib import Path

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

PAGE = Page(
    (paragraph("Massing helps tonight, spacing helps next year."),), (mark("next year"),)
)


def make(folder: Path) -> None:
    papers = folder / "papers"
    (papers / "old").mkdir(parents=True, exist_ok=True)
    (papers / "deep" / "er").mkdir(parents=True, exist_ok=True)
    (papers / "empty.pdf").write_bytes(b"")
    (papers / "login.pdf").write_text("<!DOCTYPE html><title>Please sign in</title>")
    write_pdf(papers / "old" / "left out.pdf", [PAGE])
    write_pdf(papers / "unmarked.pdf", [Page(PAGE.blocks)])
    write_pdf(papers / "deep" / "er" / "Größe.PDF", [PAGE])
