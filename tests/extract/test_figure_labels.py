"""Which words in a framed figure are its labels, from the text layer of the page."""

import json
from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import ArrayObject, FloatObject

from ankiforge.model import ExtractedDocument
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.reading import opened

FRAME = (100.0, 300.0, 420.0, 500.0)
CASES = Path(__file__).parent / "figures.jsonl"


def drawn(text: str, x: float, y: float, turn: int = 0, size: float = 10) -> str:
    matrix = {
        0: "1 0 0 1",
        45: "0.70711 0.70711 -0.70711 0.70711",
        90: "0 1 -1 0",
    }[turn]
    return f"BT /F1 {size} Tf {matrix} {x} {y} Tm ({text}) Tj ET"


def figure(
    folder: Path, texts: list[list[Any]], drawing: str = "", **page: Any
) -> ExtractedDocument:
    """A page with a framed figure in which these texts stand: [words, x, y, turn, size]."""
    edges = ArrayObject([FloatObject(edge) for edge in FRAME])
    frame = mark("Legs", kind="Square", more={"/Rect": edges})
    code = " ".join([f"1 w {drawing}", *(drawn(*one) for one in texts)])
    write_pdf(
        folder / "a.pdf", [Page((paragraph("Legs"),), (frame,), drawing=code, **page)]
    )
    [found] = [
        one
        for one in opened("pdf", folder, name="papers").scan()
        if isinstance(one, ExtractedDocument)
    ]
    return found


def labels(
    folder: Path, texts: list[list[Any]], drawing: str = "", **page: Any
) -> list[str]:
    [highlight] = figure(folder, texts, drawing, **page).highlights
    return sorted(label.text for label in highlight.figure_labels)


@pytest.mark.parametrize(
    "case", [json.loads(line) for line in CASES.read_text("utf-8").splitlines()], ids=str
)
def test_the_labels_of_a_figure(case, tmp_path):
    found = labels(tmp_path, case["texts"], case.get("drawing", ""))
    assert found == sorted(case["labels"])


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_label_is_where_the_picture_shows_it(tmp_path, rotate):
    [highlight] = figure(
        tmp_path, [["Femur", 120, 480], ["Tibia", 360, 310]], rotate=rotate
    ).highlights
    places = {label.text: (label.left, label.top) for label in highlight.figure_labels}
    first = {0: (True, True), 90: (False, True), 180: (False, False), 270: (True, False)}[
        rotate
    ]
    at_left, at_top = first
    assert (places["Femur"][0] < 0.5, places["Femur"][1] < 0.5) == (at_left, at_top)
    assert (places["Tibia"][0] > 0.5, places["Tibia"][1] > 0.5) == (at_left, at_top)
    assert all(
        0 < label.width < 0.3 and 0 < label.height < 0.3
        for label in highlight.figure_labels
    )


def test_what_tells_a_figure_is_its_page_and_its_frame(tmp_path):
    one, other, same = (tmp_path / name for name in ("one", "other", "same"))
    for folder in (one, other, same):
        folder.mkdir()
    texts = [["Femur", 120, 480], ["Tibia", 360, 310]]
    first = figure(one, texts).highlights[0].figure_hash
    assert figure(same, texts).highlights[0].figure_hash == first
    assert figure(other, [*texts, ["Ulna", 200, 400]]).highlights[0].figure_hash != first
