"""Marks say what stands under them, under keys that stay; any file is read, or not with a
reason."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, FloatObject, NameObject

from ankiforge.extract.cleaning import clean_text, to_one_line
from ankiforge.extract.pdf.annotations import parse_date
from ankiforge.extract.pdf.messages import Area, Failure, ReadMarksReply
from ankiforge.extract.pdf.worker import PdfWorkerPool
from ankiforge.model import ExtractedDocument, Highlight
from ankiforge.text.keys import build_anchor_key
from tests.examples import examples
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.reading import opened

WORDS = "spacing a of Quay gypsy retention x1 étude curve. why? (so)".split()


class Marked(NamedTuple):
    """A page of text, and [first, end) of the words of each mark, in the order of the file."""

    words: tuple[str, ...]
    marks: tuple[tuple[int, int], ...]
    columns: int
    rotate: int
    family: str

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def said(self, first: int, end: int) -> str:
        return " ".join(self.words[first:end])

    def write(self, path: Path) -> None:
        marks = [mark(self.said(*span)) for span in self.marks]
        block = paragraph(self.text, family=self.family)
        write_pdf(path, [Page((block,), marks, columns=self.columns, rotate=self.rotate)])


@st.composite
def marked_pages(draw: st.DrawFn) -> Marked:
    """Every word has its number, so that none stands twice on the page."""
    some = draw(st.lists(st.sampled_from(WORDS), min_size=12, max_size=90))
    words = tuple(f"{number}{word}" for number, word in enumerate(some))
    starts = draw(
        st.lists(st.integers(0, len(words) - 1), min_size=1, max_size=8, unique=True)
    )
    ends = [min(len(words), start + draw(st.integers(1, 30))) for start in starts]
    return Marked(
        words,
        tuple(zip(starts, ends, strict=True)),
        draw(st.sampled_from([1, 2])),
        draw(st.sampled_from([0, 90, 180, 270])),
        draw(st.sampled_from(["Courier", "Times", "Helvetica"])),
    )


@pytest.fixture(scope="module")
def worker() -> Iterator[PdfWorkerPool]:
    with PdfWorkerPool() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def good(folder: Path) -> Path:
    page = Page(
        (paragraph("Spacing improves the reten\u00adtion of facts."),), (mark("facts"),)
    )
    write_pdf(folder / "good.pdf", [page], outline=True)
    return folder / "good.pdf"


def read(worker: PdfWorkerPool, path: Path) -> tuple[Highlight, ...]:
    reply = worker.read_marks(path)
    assert isinstance(reply, ReadMarksReply)
    return reply.marks


@given(page=marked_pages())
@examples(20)
def test_marks_say_what_stands_there_in_reading_order(worker, folder, page):
    page.write(folder / "a.pdf")
    found = read(worker, folder / "a.pdf")
    assert [one.exact for one in found] == [
        page.said(*span) for span in sorted(page.marks)
    ]
    for one in found:
        assert one.prefix + one.exact + one.suffix in page.text
        assert one.exact in (one.sentence or one.exact)


edges = st.floats(-50, 850, allow_nan=False)


@given(
    page=marked_pages(),
    quads=st.lists(st.lists(edges, min_size=8, max_size=8), max_size=4),
)
@examples(15)
def test_whatever_a_mark_covers_its_words_are_parts_of_words_of_the_page(
    worker, folder, page, quads
):
    page._replace(rotate=0).write(folder / "c.pdf")
    writer = PdfWriter(clone_from=folder / "c.pdf")
    entry = writer.pages[0]["/Annots"][0].get_object()  # type: ignore[index]
    entry[NameObject("/QuadPoints")] = ArrayObject(
        FloatObject(x) for one in quads for x in one
    )
    writer.write(folder / "c.pdf")
    bare = page.text.replace(" ", "")
    for one in read(worker, folder / "c.pdf"):
        assert all(word in bare for word in one.exact.split())


def keys(root: Path) -> list[str]:
    source = opened("pdf", root, name="papers")
    marks = [
        one
        for got in source.scan()
        if isinstance(got, ExtractedDocument)
        for one in got.highlights
    ]
    return list(map(key, marks))


def key(one: Highlight) -> str:
    return f"{one.namespace}/{build_anchor_key(one, one.occurrence)}"


@given(page=marked_pages(), twice=st.booleans())
@examples(5)
def test_keys_are_unique_and_stay_when_the_file_is_read_again_or_saved_anew(
    tmp_path_factory, page, twice
):
    """The same words marked twice are two marks."""
    root = tmp_path_factory.mktemp("keys")
    page._replace(marks=page.marks * (1 + twice)).write(root / "a.pdf")
    first = keys(root)
    assert len(set(first)) == len(first) == len(page.marks) * (1 + twice)
    assert keys(root) == first
    PdfWriter(clone_from=PdfReader(root / "a.pdf")).write(root / "a.pdf")
    assert keys(root) == first


# --- broken files ----------------------------------------------------------------------------

changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8)),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@given(
    changes=changes,
    page=st.integers(-3, 3),
    box=st.tuples(*[st.floats(allow_nan=False)] * 4),
)
@examples(20)
def test_a_file_with_any_bytes_overwritten_gives_marks_and_pictures_or_a_reason(
    worker, folder, good, changes, page, box
):
    raw = bytearray(good.read_bytes())
    for place, noise in changes:
        at = int(place * len(raw))
        raw[at : at + len(noise)] = noise
    (folder / "changed.pdf").write_bytes(raw)
    reply = worker.read_marks(folder / "changed.pdf")
    assert isinstance(reply, ReadMarksReply) or (
        isinstance(reply, Failure) and reply.what and reply.hint
    )
    areas = {1: Area(page, box), 2: Area(0, (50.0, 600.0, 500.0, 750.0))}
    pictures, _ = worker.cut_pictures(folder / "changed.pdf", areas)
    assert len(pictures) == 2
    data = [one.data for one in pictures.values()]
    assert all(not each or each.startswith(b"\x89PNG") for each in data)


dates = st.one_of(
    st.text(max_size=24),
    st.from_regex(r"D:[0-9]{1,15}([Z+-][0-9]{0,2}'?[0-9]{0,2}'?)?", fullmatch=True),
)


@given(date=dates)
def test_any_date_is_a_moment(date):
    assert isinstance(parse_date(date), datetime)


@given(
    text=st.text(st.characters()) | st.text(st.characters(categories=["Cs", "Cc", "Ll"]))
)
def test_clean_text_can_be_stored_and_stays_as_it_is(text):
    once = clean_text(text)
    assert once.encode("utf-8").decode("utf-8") == once
    assert not [
        one for one in once if unicodedata.category(one) in ("Cc", "Cs") and one != "\n"
    ]
    assert to_one_line(to_one_line(text)) == to_one_line(text)
