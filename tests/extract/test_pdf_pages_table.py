"""Marks that go on over a page break, passages in tables, and pages that were read before: rows."""

import struct
from itertools import chain
from types import SimpleNamespace

import pytest

from ankiforge.extract import files
from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.marks import continues_on_next_page, locate_mark
from ankiforge.extract.pdf.messages import (
    DrawPageReply,
    Failure,
    MeasurePagesReply,
    PageHighlight,
    ReadMarksReply,
    ReadPagesReply,
    StoredQuote,
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


def test_what_was_read_is_kept_until_a_complete_run_does_without_it(papers):
    cache = Cache()
    with PdfWorkerPool(cache=cache) as pool:
        replies = [pool.read_marks(path) for path in papers]
        assert cache.stored == {}
        pool.save_cache(complete=True)
    assert all(isinstance(reply, ReadMarksReply) for reply in replies)
    assert len(cache.stored) == 3  # with the list of the others

    first, second = papers
    with PdfWorkerPool(cache=cache) as pool:
        assert [pool.read_marks(path) for path in papers] == replies
        assert not pool._processes
        pool.save_cache(complete=True)
    assert len(cache.stored) == 3
    # a run of a part drops nothing; a complete one does
    for complete, count in ((False, 3), (True, 2)):
        with PdfWorkerPool(cache=cache) as pool:
            assert pool.read_marks(first) == replies[0]
            pool.save_cache(complete=complete)
        assert len(cache.stored) == count
    with PdfWorkerPool(cache=cache) as pool:
        assert pool.read_marks(first, always_identify=True) == replies[0]
        assert pool._processes  # another request
    # a changed file, and a damaged entry, are read again
    first.write_bytes(second.read_bytes())
    with PdfWorkerPool(cache=cache) as pool:
        assert pool.read_marks(first) == replies[1]
        pool.save_cache(complete=False)
    cache.stored = {key: b"{" for key in cache.stored if key != "index"} | {
        "index": cache.stored["index"]
    }
    with PdfWorkerPool(cache=cache) as pool:
        assert pool.read_marks(first) == replies[1]


def test_a_failure_or_a_file_that_was_just_written_is_not_kept(papers, monkeypatch):
    cache = Cache()
    first, second = papers
    first.write_bytes(b"no PDF")
    with PdfWorkerPool(cache=cache) as pool:
        assert isinstance(pool.read_marks(first), Failure)
        monkeypatch.setattr(files.time, "time_ns", lambda: second.stat().st_mtime_ns)
        assert isinstance(pool.read_marks(second), ReadMarksReply)
        assert isinstance(pool.read_marks(second.with_name("gone.pdf")), Failure)
        pool.save_cache(complete=True)
    assert cache.stored == {}


def test_many_replies_are_saved_at_once(papers, tmp_path):
    cache = Cache()
    with PdfWorkerPool(cache=cache) as pool:
        for number in range(21):
            path = tmp_path / f"{number}.pdf"
            path.write_bytes(papers[0].read_bytes())
            pool.read_page_sizes(path)
            assert len(cache.stored) == (0 if number < 19 else 21)


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_pages_of_a_file_are_read_in_parts(papers, monkeypatch, jobs):
    path = papers[0]
    words = ["One cell.", "Two cells.", "Three cells.", "Four cells.", "Five cells."]
    write_pdf(path, [Page([paragraph(each)]) for each in words])
    monkeypatch.setattr("ankiforge.extract.pdf.worker.PAGES_PER_REQUEST", 2)
    with PdfWorkerPool(jobs=jobs) as pool:
        parts = list(pool.iter_pages(path))
        sizes = pool.read_page_sizes(path).pages
    assert all(isinstance(part, ReadPagesReply) for part in parts)
    assert [len(part.paragraphs) for part in parts] == [2, 2, 1]
    lines = [line for part in parts for lines in part.paragraphs for line, _, _ in lines]
    assert lines == words
    assert [label for part in parts for label in part.labels] == ["1", "2", "3", "4", "5"]
    assert [label for _, _, label in sizes] == ["1", "2", "3", "4", "5"]


def test_a_file_that_cannot_be_read_has_no_pages(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no PDF")
    with PdfWorkerPool() as pool:
        assert pool.read_page_sizes(path) == MeasurePagesReply()
        assert pool.draw_page(path, 0, (), 100).picture == b""
        contexts, failure = pool.find_contexts(path, ())
    assert (contexts, failure.what) == ([], "it is not a PDF")


# --- the picture of a page ----------------------------------------------------------------------------


def test_a_page_is_drawn_with_the_places_of_its_words_and_highlights(papers):
    box = (100.0, 200.0, 300.0, 400.0)
    highlights = [
        PageHighlight("divide"),
        PageHighlight("nowhere", box),
        PageHighlight("nowhere"),
    ]
    with PdfWorkerPool() as pool:
        [[width, height, _]] = pool.read_page_sizes(papers[0]).pages
        reply = pool.draw_page(papers[0], 0, highlights, 300)
        tall = pool.draw_page(papers[0], 0, (), 100_000)
        assert pool.draw_page(papers[0], 1, (), 300) == DrawPageReply()
        assert pool.draw_page(papers[0], -1, (), 300) == DrawPageReply()
    assert (reply.width, reply.height) == (300, round(300 * height / width))
    assert reply.picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert not reply.is_dark
    assert reply.picture[16:24] == struct.pack(">II", reply.width, reply.height)
    [line] = reply.lines
    assert [word for word, _ in line] == ["Cells", "of", "a", "divide."]
    lefts = [place[0] for _, place in line]
    assert lefts == sorted(lefts)
    [marked], framed, missing = reply.marks
    left, top, right, bottom = dict(line)["divide."]
    assert (marked[0], marked[1], marked[3]) == (left, top, bottom)
    assert left < marked[2] < right
    assert missing == ()
    expected = (100 / width, 1 - 400 / height, 300 / width, 1 - 200 / height)
    assert framed == (pytest.approx(expected, abs=0.01),)
    # a picture is never too large for a browser
    assert 8_000_000 < tall.width * tall.height <= 9_100_000


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

FIRST = "Cells divide. They grow when fed. Then they rest and"
SECOND = "sleep at night. Cells divide again."


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "a.pdf"
    twice = [paragraph("The cell is small."), paragraph("A cell divides here.")]
    pages = [Page([paragraph(FIRST)]), Page([paragraph(SECOND)]), Page(twice)]
    write_pdf(path, pages)
    return path


def find(path, quote: StoredQuote) -> PassageContext:
    with PdfWorkerPool() as pool:
        [context], failure = pool.find_contexts(path, [quote])
    assert failure is None
    return context


@pytest.mark.parametrize(
    ("number", "quote", "prefix", "sentence"),
    [
        (0, "They grow", "Cells divide. ", "They grow when fed."),
        (0, "they  GROW", "Cells divide. ", "They grow when fed."),
        (0, "Cells divide", "", "Cells divide."),
        (1, "Cells divide", "sleep at night. ", "Cells divide again."),
        (0, "They grow when fed.", "Cells divide. ", ""),  # it is the whole sentence
        # over the end of the page, but not from the next one on
        (0, "rest and sleep", "Cells divide. They grow when fed. Then they ", "Then they rest and sleep at night."),
        (0, "sleep at night", "", None),
        (1, "Cells divide again. The cell", "sleep at night. ", "Cells divide again. The cell is small."),
        (2, "here. Cells", "", None),
        # a page that isn't there
        (3, "Cells divide", "", None),
        (-1, "Cells divide", "", None),
        (1, "nowhere", "", None),
    ],
)  # fmt: skip
def test_the_context_of_a_quote(book, number, quote, prefix, sentence):
    context = find(book, StoredQuote(number, quote))
    if sentence is None:
        assert context == PassageContext()
    else:
        assert (context.prefix, context.sentence) == (prefix, sentence)


def test_all_that_is_found_of_a_quote(book):
    assert find(book, StoredQuote(0, "They grow")) == PassageContext(
        prefix="Cells divide. ",
        suffix=" when fed. Then they rest and",
        sentence="They grow when fed.",
        surrounding_text=FIRST,
    )


def test_of_two_places_the_box_says_which_is_meant(book):
    with PdfWorkerPool() as pool:
        [*_, (width, height, _)] = pool.read_page_sizes(book).pages
        lines = pool.draw_page(book, 2, (), 600).lines
    for line, sentence in zip(
        lines, ("The cell is small.", "A cell divides here."), strict=True
    ):
        left, top, right, bottom = dict(line)["cell"]
        box = (left * width, (1 - bottom) * height, right * width, (1 - top) * height)
        assert find(book, StoredQuote(2, "cell", box)).sentence == sentence
