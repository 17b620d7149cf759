"""Which figures of a PDF get a picture, and what is said of the others: rows without a PDF."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.extract.pdf import cut_out_pictures
from ankiforge.extract.pdf.messages import Area, CutOut, Failure, ReadMarksReply
from ankiforge.model import (
    Document,
    DocumentKey,
    FigureLabel,
    Highlight,
    HighlightKind,
    Picture,
    hash16,
)

DOCUMENT = Document(DocumentKey("pdf:1234"), "p", "Hearts")
TEXT = Highlight(DOCUMENT, "", HighlightKind.HIGHLIGHT, "A heart.", block_id="0")
FIGURE = Highlight(DOCUMENT, "", HighlightKind.IMAGE, "", block_id="2")
BOX = (10.04, 20.0, 30.0, 40.06)
NAME = f"cut/{hash16('cut', '1234', '2', '100', '200', '300', '401', HighlightKind.IMAGE)}.png"
LABELS = (FigureLabel("Aorta", left=0.1, top=0.2, width=0.3, height=0.1),)
FAILURE = Failure("it took too long", "print it")
FAILED = (
    "its figures and drawings cannot all be cut out: it took too long",
    "its text was read; to get the pictures, print those pages to a new PDF",
)


def cut(cut_outs: dict[int, CutOut], failure: Failure | None = None, count: int = 1):
    asked = []

    def cut_pictures(path, areas):
        asked.append((path, areas))
        return cut_outs, failure

    reply = ReadMarksReply(
        DOCUMENT,
        (TEXT, *[FIGURE] * count),
        tuple((n, BOX) for n in range(1, count + 1)),
        problems=(("a", "b"),),
        notices=(("c", "d"),),
    )
    worker = SimpleNamespace(cut_pictures=cut_pictures)
    completed, pictures = cut_out_pictures(worker, Path("a.pdf"), reply)
    areas = {n: Area(2, BOX) for n in range(1, count + 1)}
    assert asked == [(Path("a.pdf"), areas)]
    return reply, completed, pictures


def test_a_figure_is_named_by_its_place_and_has_its_labels():
    reply, completed, pictures = cut({1: CutOut(b"png", "hash", LABELS)})
    figure = replace(
        FIGURE, markdown=(f"![]({NAME})",), figure_hash="hash", figure_labels=LABELS
    )
    assert completed == replace(reply, marks=(TEXT, figure))
    assert pictures == (Picture(NAME, b"png"),)


@pytest.mark.parametrize(
    ("failure", "markdown", "problems"),
    [
        (None, (), (("a", "b"),)),
        (FAILURE, (f"![]({NAME})",), (("a", "b"), FAILED)),  # it may have been cut out before
    ],
)  # fmt: skip
def test_a_figure_that_cannot_be_cut_out(failure, markdown, problems):
    reply, completed, pictures = cut({1: CutOut(b"")}, failure)
    figure = replace(FIGURE, markdown=markdown)
    assert completed == replace(reply, marks=(TEXT, figure), problems=problems)
    assert pictures == ()


def test_figures_that_are_too_many_are_told():
    _, completed, pictures = cut({1: CutOut(b"png")}, count=3)
    assert len(pictures) == 1
    assert completed.notices == (
        ("c", "d"),
        (
            "only the first 200 figures and drawings were cut out, 2 were not",
            "remove those you do not need",
        ),
    )
