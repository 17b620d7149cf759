"""Which text is the title of a PDF: that of its metadata, that on its first page, or none."""

import pytest

from ankiforge.extract.pdf import read_pdf_metadata
from tests.makers.pdf_layout import Block, heading, paragraph
from tests.makers.pdf_writer import Page, mark, write_pdf

ABSTRACT = (
    "We show that memories that are recalled after growing intervals are kept for longer. In two"
    " experiments with ninety students each, intervals of one, three and nine days were compared"
)
LONG_TITLE = (
    "Does the Spacing of Repetitions Help? A Randomised Trial of Growing Intervals in the Teaching of"
    " Anatomy"
)
BODY = (
    "Cells keep what they need, and the body of the text says it in many small words. "
    * 6
)
ONLY_BODY = (paragraph(BODY),)
LARGE = {"size": 17.0}


def titled(tmp_path, named, *blocks: Block) -> str:
    """The title of a PDF with this title in its metadata, and these blocks on its page."""
    path = tmp_path / "file.pdf"
    write_pdf(
        path, [Page([*blocks, *ONLY_BODY], [mark("many small words")])], title=named
    )
    return read_pdf_metadata(path).document.title


@pytest.mark.parametrize(
    ("named", "printed", "title"),
    [
        (ABSTRACT, (), ""),
        (ABSTRACT, (heading("The Spacing Effect and Its Limits"),), "The Spacing Effect and Its Limits"),
        (" ".join(["word"] * 41), (), ""),
        (LONG_TITLE, (), LONG_TITLE),
        ("Abstract Algebra: An Introduction", (), "Abstract Algebra: An Introduction"),
        ("Walden", (), ""),
        ("Walden", (heading("Walden; or, Life in the Woods"),), "Walden; or, Life in the Woods"),
        ("untitled", (), ""),
        ("Microsoft PowerPoint - lecture3.ppt", (), ""),
        ("PowerPoint Presentation", (heading("Kinetics of Growth"),), "Kinetics of Growth"),
        ("Slide 1", (), ""),
        ("Folie1", (), ""),
        ("Presentation2", (heading("Kinetics of Growth"),), "Kinetics of Growth"),
        ("No Slide Title", (), ""),
        ("Slide Rules and How They Work", (), "Slide Rules and How They Work"),
        ("paper2", (), ""),
        ("06-1234.dvi", (), ""),
        ("Thesis", (heading("On the Growth of Cells"),), "On the Growth of Cells"),
        ("", (paragraph(ABSTRACT.replace(". ", ", and "), **LARGE),), ""),
    ],
)  # fmt: skip
def test_a_title_is_short_and_says_what_the_work_is_called(
    tmp_path, named, printed, title
):
    assert titled(tmp_path, named, *printed) == title


def test_a_title_may_be_told_by_the_name_of_the_file_alone(tmp_path):
    path = tmp_path / "Smith - 2009 - The Growth of Cells.pdf"
    words = paragraph("The Growth of Cells begins where the growth of others ends.")
    write_pdf(path, [Page([words, *ONLY_BODY], [mark("many small words")])])
    assert read_pdf_metadata(path).document.title == "The Growth of Cells"
