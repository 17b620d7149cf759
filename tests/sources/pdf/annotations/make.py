"""Figures, drawings, threads, replacements and hidden marks, with their dates."""

from pathlib import Path
from typing import Any

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from tests.makers.pdf_writer import Mark, Page, heading, mark, paragraph, write_pdf

CURVE = (
    "0.9 0.95 1 rg 100 300 300 180 re f 0 0 0 RG 1.5 w 120 320 m 120 460 l S 120 320 m 380 320 l S"
    " 0.8 0.1 0.1 RG 2 w 120 330 m 180 340 190 450 230 450 c 270 450 260 325 380 325 c S"
)
TEXT = (
    "The action potential rises when channels for sodium open, and falls when those for potassium "
    "do. The figure shows how far, and how fast. It is all or nothing, and travels at a speed of "
    "some twenty metres a second."
)


def edges(*values: float) -> ArrayObject:
    return ArrayObject([FloatObject(value) for value in values])


def area(kind: str, rect: tuple[float, ...], comment: str = "", **more: Any) -> Mark:
    entries = {"/Rect": edges(*rect)} | {f"/{key}": value for key, value in more.items()}
    return mark("The figure", kind=kind, comment=comment, more=entries)


def make(folder: Path) -> None:
    papers = folder / "papers"
    papers.mkdir(exist_ok=True)
    stroke = ArrayObject([edges(215, 440, 230, 465, 255, 455, 240, 435, 215, 440)])
    made = TextStringObject("D:20260228233000-05'00'")
    marks = (
        mark(
            "all or nothing", more={"/CreationDate": made}, replies=(("Bo", "Nearly."),)
        ),
        area("Square", (95, 295, 405, 485), "What does the figure show?"),
        area("Circle", (200, 430, 260, 470)),
        area("Ink", (210, 430, 260, 470), "? What is circled?", InkList=stroke),
        area("Polygon", (500, 100, 560, 160), "a frame around nothing at all"),
        area("Square", (900, 900, 950, 950), "? What is off the page?"),
        area("Stamp", (450, 700, 550, 730), "APPROVED"),
        mark("some twenty metres", kind="Caret", comment="up to 120 metres"),
        mark("some twenty metres", kind="StrikeOut", more={"/RT": NameObject("/Group")}),
        mark("potassium", kind="FreeText", comment="K+", date="D:2026"),
        mark("sodium", more={"/F": NumberObject(2)}),
    )
    write_pdf(
        papers / "spikes.pdf",
        [Page((heading("Results"), paragraph(TEXT)), marks, label="iv", drawing=CURVE)],
        title="How Far the Action Potential Rises",
    )
    tie(papers / "spikes.pdf")


def tie(path: Path) -> None:
    """The strike-out to its caret, a state to the first reply."""
    writer = PdfWriter(clone_from=path)
    found = {}
    for item in writer.pages[0]["/Annots"]:  # type: ignore[union-attr]
        found[item.get_object()["/Subtype"], item.get_object().get("/Contents", "")] = (
            item
        )
    found["/StrikeOut", ""].get_object()[NameObject("/IRT")] = found[
        "/Caret", "up to 120 metres"
    ]
    state = DictionaryObject(found["/Text", "Nearly."].get_object())
    state[NameObject("/StateModel")] = TextStringObject("Review")
    state[NameObject("/Contents")] = TextStringObject("Accepted set by Bo")
    writer.pages[0]["/Annots"].append(writer._add_object(state))  # type: ignore[attr-defined]
    writer.write(path)
