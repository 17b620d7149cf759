"""What a file says about the work in it: the metadata first, then how its first page is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from ankiforge.extract import pdf
from ankiforge.model import Document, Extracted
from samples.pdf_writer import Block, Page, heading, mark, paragraph, write_pdf

TEXT = "Spacing improves the retention of facts, and massing does not improve it at all. " * 4
TITLE = "The Spacing Effect and Its Limits"


def line(text: str) -> Block:
    return paragraph(text, align="centre")


def document(root: Path) -> Document:
    source = pdf.open_source("papers", root, pdf.Settings(path=str(root)))
    return next(got.document for got in source.scan() if isinstance(got, Extracted))


def paper(
    root: Path, *above: Block, stamp: str = "", title: str = "", text: str = TEXT, author: str = ""
) -> Document:
    """A paper with these blocks above its text, and a stamp up the margin."""
    page = Page((*above, paragraph(text)), (mark("retention"),))
    write_pdf(root / "a.pdf", [page], title=title, author=author)
    if stamp:
        writer = PdfWriter(clone_from=root / "a.pdf")
        sheet = writer.pages[0]
        stream = StreamObject()
        code = sheet["/Contents"].get_data()  # type: ignore[attr-defined]
        stamped = b"BT /F4 24 Tf 0 1 -1 0 32 200 Tm (%s) Tj ET\n" % stamp.encode()
        stream.set_data(stamped + code)
        sheet[NameObject("/Contents")] = writer._add_object(stream)
        writer.write(root / "a.pdf")
    return document(root)


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "Untitled 21",
        "Microsoft Word - Document1",
        "PDF",
        "paper final.docx",
        "pone.0037450 1..8",
        "C:\\Users\\ann\\paper final",
        "doi:10.1016/j.jml.2008.01.001",
        "PowerPoint Presentation",
        "Insert Title Here",
        "Layout 1",
        "LaTeX Template",
        "PII: S0749-596X(08)00001-1",
        "Scanned Document",
    ],
)
def test_what_programs_and_publishers_call_a_file_is_no_title(tmp_path: Path, junk: str) -> None:
    assert paper(tmp_path, heading(TITLE, 0), title=junk).title == TITLE


@pytest.mark.parametrize("title", ["Scan Statistics for Clusters", "Printing and Society"])
def test_a_title_that_only_resembles_such_names_is_one(tmp_path: Path, title: str) -> None:
    assert paper(tmp_path, heading(TITLE, 0), title=title).title == title


@pytest.mark.parametrize(
    "masthead",
    ["Journal of Memory and Language", "RESEARCH ARTICLE", "www.example.org", "Contents lists"],
)
def test_the_masthead_of_a_journal_is_no_title(tmp_path: Path, masthead: str) -> None:
    assert (
        paper(tmp_path, heading(masthead, 0), line("12 (2008)"), heading(TITLE, 0)).title == TITLE
    )


def test_the_stamp_in_the_margin_is_no_title_but_tells_number_and_year(tmp_path: Path) -> None:
    stamp = "arXiv:1706.03762v5 [cs.CL] 6 Dec 2017"
    found = paper(tmp_path, heading(TITLE, 0), stamp=stamp)
    assert found.title == TITLE
    assert found.issued == "2017"
    assert ("arxiv-hint", "1706.03762") in found.identifiers


def test_numbers_of_old_preprints_are_known(tmp_path: Path) -> None:
    found = paper(tmp_path, text="See arXiv:hep-th/9901001 for more. " + TEXT)
    assert ("arxiv-hint", "hep-th/9901001") in found.identifiers


@pytest.mark.parametrize(
    ("above", "names"),
    [
        (["Ann Reader^{1}, Bo van der Writer^{2} and C. D. Printer^{1,2}", "^{1}University of X"],
         ("Ann Reader", "Bo van der Writer", "C. D. Printer")),
        (["Ann O’Reader, Jean-Luc Writer", "Institute of Y", "Abstract"],
         ("Ann O’Reader", "Jean-Luc Writer")),
        (["by Ann Reader", "Department of Z"], ("Ann Reader",)),
        (["A Case Study", "University of X"], ()),
        (["Ann Reader Bo Writer Cy Printer", "University of X"], ()),
        (["Ann Reader", "University of X", "Bo Writer", "University of Y"], ()),
        (["Ann Reader"], ()),
    ],
)  # fmt: skip
def test_authors_are_read_below_the_title_of_a_paper_or_none_are(
    tmp_path: Path, above: list[str], names: tuple[str, ...]
) -> None:
    assert paper(tmp_path, heading(TITLE, 0), *map(line, above)).creators == names


def test_authors_of_the_metadata_come_first_unless_they_are_programs(tmp_path: Path) -> None:
    above = (heading(TITLE, 0), line("Ann Reader"), line("University of X"))
    assert paper(tmp_path, *above, author="Bo Writer").creators == ("Bo Writer",)
    assert paper(tmp_path, *above, author="Windows User").creators == ("Ann Reader",)


def test_a_doi_goes_on_in_the_next_line_and_half_of_one_is_none(tmp_path: Path) -> None:
    """Courier, 10.5 points: so many letters of filler that the line ends after `j.`"""
    text = f"{'x' * 40} 10.1016/j. jml.2008.01.001 and more. {TEXT}"
    page = Page((paragraph(text, family="Courier"),), (mark("retention"),), margin=140.0)
    write_pdf(tmp_path / "a.pdf", [page])
    assert ("doi-hint", "10.1016/j.jml.2008.01.001") in document(tmp_path).identifiers
