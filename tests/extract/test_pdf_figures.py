"""Figures and drawings of a PDF: the right part of the page, upright, with a name that stays."""

import io
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    RectangleObject,
    StreamObject,
)

from ankiforge.extract.pdf.messages import Area, Failure
from ankiforge.extract.pdf.worker import PdfWorkerPool
from ankiforge.model import ExtractedDocument, HighlightKind, Problem, Sighting
from ankiforge.text.keys import build_anchor_key
from tests.makers.pdf_writer import Mark, Page, mark, paragraph, write_pdf
from tests.reading import opened

FIGURE = (100.0, 300.0, 280.0, 390.0)
"""Where the figure of a test stands: two squares, red on the left and blue on the right."""
DRAWN = "1 0 0 rg 100 300 90 90 re f 0 0 1 rg 190 300 90 90 re f"
RED, BLUE, WHITE, GREEN = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 255, 0)


class Image:
    """A decoded picture."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"\x89PNG")
        self._image = PIL.Image.open(io.BytesIO(data)).convert("RGB")
        self.width, self.height = self._image.size

    def at(self, across: float, down: float) -> Any:
        """The colour at a place told in parts of the whole, 0 to 1."""
        return self._image.getpixel(
            (int(across * (self.width - 1)), int(down * (self.height - 1)))
        )

    @property
    def colours(self) -> set[Any]:
        return {colour for _, colour in self._image.getcolors(2**24) or ()}


def scan(root: Path, seconds: float = 60.0) -> list[Sighting]:
    return list(opened("pdf", root, name="papers", limits={"timeout": seconds}).scan())


def extracted(root: Path) -> ExtractedDocument:
    (found,) = [one for one in scan(root) if isinstance(one, ExtractedDocument)]
    return found


def pictures(root: Path) -> list[Image]:
    """The picture of each mark that has one, in reading order."""
    found = extracted(root)
    data = {picture.name: picture.data for picture in found.pictures}
    shown = [
        one.markdown[0].removeprefix("![](").removesuffix(")")
        for one in found.highlights
        if one.markdown
    ]
    assert sorted(set(shown)) == sorted(data)
    return [Image(data[name]) for name in shown]


def rectangle(*edges: float) -> ArrayObject:
    return ArrayObject([FloatObject(edge) for edge in edges])


def around(*edges: float, kind: str = "Square", comment: str = "", **more: Any) -> Mark:
    """An area mark; its words only say which page of the writer's it is on."""
    entries = {"/Rect": rectangle(*edges)} | {
        f"/{key}": value for key, value in more.items()
    }
    return mark("Text", kind=kind, comment=comment, colour="#00ff00", more=entries)


def write(path: Path, *marks: Mark, drawing: str = DRAWN, **page: Any) -> Path:
    write_pdf(path, [Page((paragraph("Text"),), marks, drawing=drawing, **page)])
    return path


def changed(path: Path, change: Any) -> None:
    """The first page of a file, changed by hand."""
    writer = PdfWriter(clone_from=path)
    change(writer.pages[0], writer)
    writer.write(path)


# --- what is on it --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Square", "Circle", "Polygon"])
def test_an_area_mark_is_an_image_of_what_is_printed_there(tmp_path, kind):
    beside = [
        around(200, 320, 240, 350, kind="Highlight"),
        around(250, 320, 270, 340, kind="Text", comment="a remark"),
    ]
    write(
        tmp_path / "a.pdf", around(*FIGURE, kind=kind, comment="? What is it?"), *beside
    )
    (found,) = [
        one for one in extracted(tmp_path).highlights if one.kind is HighlightKind.IMAGE
    ]
    assert (found.exact, found.comment) == ("", "? What is it?")
    (image,) = pictures(tmp_path)
    assert (image.width, image.height) == (500, 250)
    assert (image.at(0.25, 0.5), image.at(0.75, 0.5)) == (RED, BLUE)
    assert all(green == 0 for _, green, _ in image.colours), "frames and colours of marks"


GRID = "100 300 180 1 re f 100 345 180 1 re f 100 389 180 1 re f"


@pytest.mark.parametrize(
    ("drawing", "words", "gap", "caption", "frame"),
    [
        # as far below the first paragraph as the frame begins
        (DRAWN, "Figure 2: Red and blue squares.", 300, "Figure 2", ""),
        (DRAWN, "Table 1. Doses by age.", 300, "Table 1", "table-"),
        (GRID, "Table 1. Doses by age.", 300, "Table 1", "table-"),
        (GRID, "Doses by age.", 300, "", "table-"),
        ("", "Table 1. Doses by age.", 300, "Table 1", "text-"),
        # too far above the frame
        (DRAWN, "Figure 2: Red and blue squares.", 0, "", ""),
    ],
)
def test_a_frame_is_named_by_the_caption_that_is_nearest(
    tmp_path, drawing, words, gap, caption, frame
):
    blocks = (paragraph("Text"), paragraph(words, before=gap))
    page = Page(blocks, (around(*FIGURE),), drawing=drawing)
    write_pdf(tmp_path / "a.pdf", [page])
    (found,) = extracted(tmp_path).highlights
    assert found.markdown[0].startswith(f"![{caption}](")
    assert found.figure_hash.startswith(frame)


def test_what_was_drawn_by_hand_is_on_its_picture_and_on_that_of_its_figure(tmp_path):
    strokes = ArrayObject([rectangle(300, 340, 380, 340)])
    write(tmp_path / "a.pdf", around(300, 338, 380, 342, kind="Ink", InkList=strokes))
    (found,) = extracted(tmp_path).highlights
    assert found.kind is HighlightKind.INK
    (image,) = pictures(tmp_path)
    assert image.at(0.5, 0.5) == GREEN
    assert image.at(0.5, 0.0) == WHITE
    within = ArrayObject([rectangle(110, 345, 270, 345)])
    ink = around(110, 343, 270, 347, kind="Ink", InkList=within)
    write(tmp_path / "a.pdf", around(*FIGURE), ink)
    assert GREEN in pictures(tmp_path)[0].colours
    assert scan(tmp_path) == scan(tmp_path), "to the byte"


def looks(page: Any, code: bytes, *, image: StreamObject | None = None) -> None:
    """Give the first annotation of a page an appearance."""
    form = StreamObject()
    form.set_data(code)
    left, bottom, right, top = (float(edge) for edge in page["/Annots"][0]["/Rect"])
    form[NameObject("/Subtype")] = NameObject("/Form")
    form[NameObject("/BBox")] = rectangle(0, 0, right - left, top - bottom)
    writer = page.indirect_reference.pdf
    if image is not None:
        named = DictionaryObject({NameObject("/Im0"): writer._add_object(image)})
        form[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): named})
    normal = DictionaryObject({NameObject("/N"): writer._add_object(form)})
    page["/Annots"][0].get_object()[NameObject("/AP")] = normal


@pytest.mark.parametrize("kind", ["Redact", "Sound", "FileAttachment", "Line", "Stamp"])
def test_words_written_to_what_is_no_passage_are_a_remark(tmp_path, kind):
    path = write(
        tmp_path / "a.pdf", around(*FIGURE, kind=kind, comment="Ask her about this")
    )
    if kind == "Stamp":  # of words alone
        changed(path, lambda page, _: looks(page, b"0 1 0 rg 0 0 90 45 re f"))
    (found,) = extracted(tmp_path).highlights
    assert (found.kind, found.comment) == (HighlightKind.NOTE, "Ask her about this")
    assert (found.markdown, extracted(tmp_path).pictures) == ((), ())


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Redact", "it is a redaction, not a mark"),
        ("Line", "it is a drawing or an attached file, without text"),
        ("Text", "an empty comment without marked text"),
    ],
)
def test_an_annotation_without_words_is_listed_with_its_reason(
    forge, tmp_path, kind, why
):
    write(tmp_path / "a.pdf", around(*FIGURE, kind=kind, comment=""))
    forge.ok("run", tmp_path / "a.pdf")
    [entry] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert entry["reason"] == why


# --- upright, as it is read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "left_top", "size"),
    [(0, (RED, BLUE), (500, 250)), (90, (RED, BLUE), (250, 500)),
     (180, (BLUE, RED), (500, 250)), (270, (BLUE, RED), (250, 500))],
)  # fmt: skip
def test_the_picture_is_turned_like_its_page(tmp_path, turn, left_top, size):
    write(tmp_path / "a.pdf", around(*FIGURE), rotate=turn)
    (image,) = pictures(tmp_path)
    assert (image.width, image.height) == size
    first, last = (
        ((0.25, 0.5), (0.75, 0.5)) if turn % 180 == 0 else ((0.5, 0.25), (0.5, 0.75))
    )
    assert (image.at(*first), image.at(*last)) == left_top


@pytest.mark.parametrize(
    ("moved", "crop", "width", "colours"),
    [(0, (190, 200, 600, 700), 250, (BLUE, BLUE)), (500, None, 500, (RED, BLUE))],
)
def test_what_the_crop_box_shows_is_cut_wherever_the_page_begins(
    tmp_path, moved, crop, width, colours
):
    left, bottom, right, top = FIGURE
    path = write(
        tmp_path / "a.pdf",
        around(left - moved, bottom + moved, right - moved, top + moved),
        drawing=f"1 0 0 1 {-moved} {moved} cm {DRAWN}",
        media=(-moved, moved, 612 - moved, 792 + moved),
    )
    if crop:
        changed(path, lambda page, _: setattr(page, "cropbox", RectangleObject(crop)))
    (image,) = pictures(tmp_path)
    assert (image.width, image.height) == (width, 250)
    assert (image.at(0.02, 0.5), image.at(0.98, 0.5)) == colours


@pytest.mark.parametrize("edges", [(0, 0, 612, 792), (-1e9, -1e9, 1e9, 1e9)])
def test_a_picture_shows_the_page_at_most_and_is_never_longer_than_1600_dots(
    tmp_path, edges
):
    write(tmp_path / "a.pdf", around(*edges))
    (image,) = pictures(tmp_path)
    assert 1590 <= image.height <= 1600
    assert abs(image.width / image.height - 612 / 792) < 0.01
    assert {RED, BLUE, WHITE} <= image.colours


# --- names ----------------------------------------------------------------------------------


def test_a_picture_is_named_by_page_kind_place_and_document_not_by_what_is_on_it(
    tmp_path,
):
    strokes = ArrayObject([rectangle(100, 340, 280, 340)])
    same = [around(*FIGURE), around(108, 308, 272, 382, kind="Ink", InkList=strokes)]
    other = around(FIGURE[0], FIGURE[1], FIGURE[2], FIGURE[3] + 0.1)
    found = []
    for text, drawing in (
        ("Text", DRAWN),
        ("Text", DRAWN.replace("1 0 0 rg", "0 0 0 rg")),
        ("Other", DRAWN),
    ):
        words = (paragraph(f"Text {text} " * 40),)
        pages = [
            Page(words, (*same, other), drawing=drawing),
            Page(words, (around(*FIGURE),), drawing=drawing),
        ]
        write_pdf(tmp_path / "a.pdf", pages)
        found.append({one.name: one.data for one in extracted(tmp_path).pictures})
    first, repainted, elsewhere = found
    assert len(first) == 4
    assert first.keys() == repainted.keys()
    assert first != repainted
    assert not first.keys() & elsewhere.keys()


def test_two_marks_at_one_place_share_a_picture_and_keep_their_keys(tmp_path):
    """The same anchors that tests/keys/keys.md tells of marks without words."""
    write(tmp_path / "a.pdf", around(*FIGURE), around(*FIGURE, comment="What is it?"))
    found = extracted(tmp_path)
    assert len(found.pictures) == 1
    assert len({one.markdown for one in found.highlights}) == 1
    bare, asked = found.highlights
    assert bare.anchor_text.endswith("x100x300x280x390")
    assert asked.anchor_text == "What is it?"
    assert build_anchor_key(bare, 1) != build_anchor_key(asked, 1)


# --- what goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edges", [(700, 300, 800, 400), (100, 300, 100, 300), (100, 300, 280, 300.5),
              (1e30, 0, 2e30, 1e30)],
)  # fmt: skip
def test_an_area_that_is_not_on_its_page_has_no_picture_and_is_no_problem(
    tmp_path, edges
):
    write(tmp_path / "a.pdf", around(*edges), mark("Text"))
    found = scan(tmp_path)
    (document,) = [one for one in found if isinstance(one, ExtractedDocument)]
    assert (document.pictures, [one.markdown for one in document.highlights]) == (
        (),
        [(), ()],
    )
    assert [one for one in found if isinstance(one, Problem)] == []


def test_a_page_that_cannot_be_drawn_in_time_costs_its_pictures_but_no_mark(
    tmp_path, monkeypatch
):
    write(tmp_path / "a.pdf", around(*FIGURE, comment="? What?"), mark("Text"))
    write(tmp_path / "z.pdf", around(*FIGURE))
    get_reply = PdfWorkerPool.get_reply

    def slow(worker: PdfWorkerPool, question: Any) -> Any:
        late = type(question).__name__ == "CutAreas" and question.path.endswith("a.pdf")
        return (
            Failure("reading it took longer than 60 s", "")
            if late
            else get_reply(worker, question)
        )

    monkeypatch.setattr(PdfWorkerPool, "get_reply", slow)
    found = scan(tmp_path)
    first, second = [one for one in found if isinstance(one, ExtractedDocument)]
    text, figure = sorted(first.highlights, key=lambda one: one.kind)
    assert (text.kind, text.exact, text.markdown) == ("highlight", "Text", ())
    assert figure.markdown[0].startswith("![](cut/")  # it may have been cut before
    assert (len(first.pictures), len(second.pictures)) == (0, 1)
    (problem,) = [one for one in found if isinstance(one, Problem)]
    assert problem.location == "a.pdf"
    assert problem.message.startswith("its figures and drawings cannot all be cut out: ")


def test_more_figures_than_are_cut_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr("ankiforge.extract.pdf.worker.MAX_PICTURES", 2)
    many = [around(100, 300, 200 + more, 390) for more in range(5)]
    write(tmp_path / "a.pdf", *many)
    found = scan(tmp_path)
    (document,) = [one for one in found if isinstance(one, ExtractedDocument)]
    assert (len(document.highlights), len(document.pictures)) == (5, 2)
    (problem,) = [one for one in found if isinstance(one, Problem)]
    assert "3 were not" in problem.message


# --- for programs that keep their marks elsewhere -------------------------------------------


def test_others_have_areas_cut(tmp_path):
    path = write(tmp_path / "a.pdf")
    with PdfWorkerPool() as worker:
        areas = {1: Area(0, FIGURE), 2: Area(0, (700, 0, 800, 100)), 3: Area(7, FIGURE)}
        pictures, _ = worker.cut_pictures(path, areas)
        plain, nowhere, gone = pictures.values()
        assert (nowhere.data, gone.data) == (b"", b"")
        assert Image(plain.data).at(0.25, 0.5) == RED
        made, failed = worker.cut_pictures(tmp_path / "none.pdf", {"a": Area(0, FIGURE)})
        assert [(mark, part.data) for mark, part in made.items()] == [("a", b"")]
        assert failed is not None
        assert worker.cut_pictures(path, dict[int, Area]()) == ({}, None)
