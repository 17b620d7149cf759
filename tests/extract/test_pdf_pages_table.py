"""Marks that go on over a page break, passages in tables, and pages that were read before: rows."""

from itertools import chain
from types import SimpleNamespace

import pytest

from ankiforge.extract import files
from ankiforge.extract.pdf.marks import continues_on_next_page, locate_mark
from ankiforge.extract.pdf.messages import (
    MeasurePagesReply,
)
from ankiforge.extract.pdf.open_pdf import PdfPage
from ankiforge.extract.pdf.worker import PdfWorkerPool
from tests.extract.test_chars_table import page
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

# --- page breaks ---------------------------------------------------------------------------------


def read_page(number: int, *lines: str) -> SimpleNamespace:
    layout = page(*lines)
    return PdfPage(number, layout, (0, len(layout.text)))


def locate(read: PdfPage, words: str, **style: str):
    """Return the mark of some words on a page."""
    start = read.text.index(words)
    chars = [
        char
        for char in read.layout.chars
        if start <= char.text_offset < start + len(words)
    ]
    corners = [
        (char.left, char.top, char.right, char.top, char.left, char.bottom, char.right, char.bottom)
        for char in chars
    ]  # fmt: skip
    annotation = SimpleNamespace(
        is_text_mark=True, quad_points=tuple(chain.from_iterable(corners)), box=None, top_left=(0, 0),
        **{"kind": "highlight", "colour": "", "author": "", **style},
    )  # fmt: skip
    return locate_mark(read, annotation)


@pytest.mark.parametrize(
    ("above", "first", "below", "second", "continues"),
    [
        (["Cells divide and"], "divide and", ["they grow."], "they", True),
        # the sentence has ended, or another one begins
        *((["Cells divide" + end], "divide" + end, ["they grow."], "they", False)
          for end in (".", "?", ":", ";", '."', ".)")),
        (["Cells divide and"], "divide and", ["They grow."], "They", False),
        (["Cells divide and"], "divide and", ["12 grow."], "12", False),
        # a word is broken
        (["The anti-"], "anti-", ["German pact"], "German", True),
        (["The anti-"], "anti-", ["Head", "German pact"], "German", False),
        (["The anti-", "Foot"], "anti-", ["German pact"], "German", False),
        # up to a line of other text lies between them
        (["Cells divide and", "a foot"], "divide and", ["A head", "they grow."], "they", True),
        (["Cells divide and"], "divide and", ["x" * 149, "they grow."], "they", True),
        (["Cells divide and"], "divide and", ["x" * 151, "they grow."], "they", False),
        (["Cells divide and", "x" * 151], "divide and", ["they grow."], "they", False),
        (["Cells divide and", "• one", "• two"], "divide and", ["they grow."], "they", False),
        (["Cells divide and"], "divide and", ["• one", "• two", "they grow."], "they", False),
    ],
)  # fmt: skip
def test_a_mark_goes_on_over_the_end_of_a_page(above, first, below, second, continues):
    page_above, page_below = read_page(3, *above), read_page(4, *below)
    marks = locate(page_above, first), locate(page_below, second)
    found = continues_on_next_page(*marks)
    assert found is continues


@pytest.mark.parametrize(
    ("number", "style"),
    [(5, {}), (3, {}), (4, {"colour": "red"}), (4, {"author": "Bob"}), (4, {"kind": "strike"})],
)  # fmt: skip
def test_marks_of_other_pages_or_of_another_kind_are_two(number, style):
    above, below = read_page(3, "Cells divide and"), read_page(number, "they grow.")
    marks = locate(above, "divide and"), locate(below, "they", **style)
    assert not continues_on_next_page(*marks)


def test_marks_without_words_are_two():
    above, below = read_page(3, "Cells divide and"), read_page(4, "they grow.")
    marked, empty = locate(above, "divide and"), locate(below, "")
    assert not continues_on_next_page(marked, empty)
    empty, marked = locate(above, ""), locate(below, "they")
    assert not continues_on_next_page(empty, marked)


# --- tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "crosses"),
    [
        (["Owl   12 kg   5"], True),
        (["Owl  12 kg  5"], False),  # gaps of a letter's height
        (["Owl   12 kg"], False),  # a single gap may be a tab
        (["Owl   12 kg", "Rat   10 kg"], True),
        (["the   cells   divide"], False),  # a justified line: all gaps are alike
        (["the cells divide"], False),
    ],
)
def test_a_passage_over_several_cells(lines, crosses):
    text = page(*lines)
    assert text.crosses_table(0, len(text.text)) is crosses


@pytest.mark.parametrize(
    ("passage", "crosses"), [("12 kg   5", False), ("Owl   12 kg   5", True), ("12", False)]
)  # fmt: skip
def test_only_the_cells_of_the_passage_count(passage, crosses):
    text = page("Owl   12 kg   5")
    words = " ".join(passage.split())
    start = text.text.index(words)
    assert text.crosses_table(start, start + len(words)) is crosses


# --- what was read before ---------------------------------------------------------------------------


class Cache:
    """A cache in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def update(self, contents, dropped=()) -> None:
        self.stored |= contents
        for name in dropped:
            del self.stored[name]


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """Two PDFs that were written ten seconds ago."""
    now = files.time.time_ns() + 10_000_000_000
    monkeypatch.setattr(files.time, "time_ns", lambda: now)
    paths = [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for path in paths:
        words = f"Cells of {path.stem} divide."
        write_pdf(path, [Page([paragraph(words)], [mark("divide")])])
    return paths


def test_many_replies_are_saved_at_once(papers, tmp_path):
    cache = Cache()
    with PdfWorkerPool(cache=cache) as pool:
        for number in range(21):
            path = tmp_path / f"{number}.pdf"
            path.write_bytes(papers[0].read_bytes())
            pool.read_page_sizes(path)
            assert len(cache.stored) == (0 if number < 19 else 21)


def test_a_file_that_cannot_be_read_has_no_pages(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no PDF")
    with PdfWorkerPool() as pool:
        assert pool.read_page_sizes(path) == MeasurePagesReply()
        assert pool.draw_page(path, 0, (), 100).picture == b""
        contexts, failure = pool.find_contexts(path, ())
    assert (contexts, failure.what) == ([], "it is not a PDF")


# --- the picture of a page ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawing", "is_dark", "colour"),
    [("0 0 0 rg 0 0 700 900 re f", True, 0), ("1 0 0 rg 0 0 90 90 re f", False, 2)],
)
def test_a_dark_page_and_a_page_without_colours_are_known(
    tmp_path, drawing, is_dark, colour
):
    path = tmp_path / "a.pdf"
    write_pdf(path, [Page([paragraph("Cells")], drawing=drawing)])
    with PdfWorkerPool() as pool:
        reply = pool.draw_page(path, 0, (), 200)
    assert reply.is_dark is is_dark
    assert reply.picture[25] == colour


# --- quotes -----------------------------------------------------------------------------------------------
