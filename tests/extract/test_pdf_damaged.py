"""Damaged PDFs: PDFium mends some of them, with the keys of the whole file; the others are named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ankiforge.extract.pdf.answers import DAMAGED
from ankiforge.model import Extracted, Problem, Sighting
from ankiforge.text.passages import anchor_key
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.reading import highlights, opened

FACTS = (
    "Spacing improves the long-term retention of facts.",
    "The minimum inhibitory concentration is the lowest dose that prevents growth.",
)


def whole(path: Path) -> bytes:
    pages = [Page((paragraph(fact),), (mark(fact, comment="why?"),)) for fact in FACTS]
    write_pdf(path, pages, title="On memory")
    return path.read_bytes()


def scan(folder: Path) -> list[Sighting]:
    return list(opened("pdf", folder, name="papers").scan())


def keys(found: list[Sighting]) -> list[str]:
    return [anchor_key(one, one.nth) for one in highlights(found)]


def problems(found: list[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


MENDED: dict[str, Callable[[bytes], bytes]] = {
    "1,000 bytes before it": lambda raw: b"x" * 1000 + raw,
    "no table of its objects": lambda raw: raw.replace(b"startxref", b"startxxxx"),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_pdfium_mends_is_read_with_the_same_keys(tmp_path, name):
    raw = whole(tmp_path / "paper.pdf")
    before = keys(scan(tmp_path))
    assert len(before) == 2
    (tmp_path / "paper.pdf").write_bytes(MENDED[name](raw))
    after = scan(tmp_path)
    assert (keys(after), problems(after)) == (before, [])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 3000 + b"%PDF-1.7", "it is not a PDF"),
        (b"%PDF-1.7\nnothing", DAMAGED.what),
        (b"%PDF-1.7\n" + b"1 0 obj\n<< /Type /Catalog >>\n" * 50, DAMAGED.what),
        (
            b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Count 3 >>\nendobj\n",
            DAMAGED.what,
        ),
        (b"%PDF-1.7\n" + b"[" * 20_000 + b"/Type /Catalog", DAMAGED.what),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, raw, said):
    (tmp_path / "broken.pdf").write_bytes(raw)
    whole(tmp_path / "paper.pdf")
    found = scan(tmp_path)
    [problem] = problems(found)
    assert (problem.where, problem.what, problem.notice) == ("broken.pdf", said, False)
    assert "save a copy" in problem.hint or "download it again" in problem.hint
    titles = [one.document.title for one in found if isinstance(one, Extracted)]
    assert titles == ["On memory"]
