"""Whatever a file holds, reading it gives marks or a reason."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.extract.pdf.annotations import moment
from ankiforge.extract.pdf.text import clean, one_line
from ankiforge.extract.pdf.worker import Area, Failed, PdfWorker, Read
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from tests.examples import examples


@pytest.fixture(scope="module")
def worker() -> Iterator[PdfWorker]:
    with PdfWorker() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pdf")
    page = Page((paragraph("Spacing improves the reten\u00adtion of facts."),), (mark("facts"),))
    write_pdf(made / "good.pdf", [page], outline=True)
    return made


changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8)), min_size=1, max_size=6
)


@given(changes=changes, page=st.integers(-3, 3), box=st.tuples(*[st.floats(allow_nan=False)] * 4))
@examples(60)
def test_a_file_with_any_bytes_overwritten_gives_marks_and_pictures_or_a_reason(
    worker, folder, changes, page, box
):
    raw = bytearray((folder / "good.pdf").read_bytes())
    for place, noise in changes:
        at = int(place * len(raw))
        raw[at : at + len(noise)] = noise
    (folder / "changed.pdf").write_bytes(raw)
    reply = worker.read(folder / "changed.pdf")
    assert isinstance(reply, Read) or (isinstance(reply, Failed) and reply.what and reply.hint)
    areas = (Area(page, box, strokes=(box, box[:3])), Area(0, (50.0, 600.0, 500.0, 750.0)))
    pictures, _ = worker.cut(folder / "changed.pdf", areas)
    assert len(pictures) == 2
    assert all(not one or one.startswith(b"\x89PNG") for one in pictures)


@given(tail=st.binary(max_size=400))
@examples(40)
def test_any_bytes_after_a_header_give_a_reason_or_nothing(worker, folder, tail):
    (folder / "noise.pdf").write_bytes(b"%PDF-1.7\n" + tail)
    reply = worker.read(folder / "noise.pdf")
    assert isinstance(reply, Failed) or not reply.marks


dates = st.one_of(
    st.text(max_size=24),
    st.from_regex(r"D:[0-9]{1,15}([Z+-][0-9]{0,2}'?[0-9]{0,2}'?)?", fullmatch=True),
)


@given(date=dates)
def test_any_date_is_a_moment(date):
    assert isinstance(moment(date), datetime)


@given(text=st.text(st.characters()) | st.text(st.characters(categories=["Cs", "Cc", "Ll"])))
def test_clean_text_can_be_stored_and_stays_as_it_is(text):
    once = clean(text)
    assert once.encode("utf-8").decode("utf-8") == once
    assert not [one for one in once if unicodedata.category(one) in ("Cc", "Cs") and one != "\n"]
    assert one_line(one_line(text)) == one_line(text)
