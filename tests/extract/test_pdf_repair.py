"""PDFs that PDFium refuses are mended in memory, with the keys of the whole file; others are
named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ankiforge.model import ExtractedDocument, Problem, Sighting
from ankiforge.text.keys import build_anchor_key
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.reading import highlights, opened

FACTS = (
    "Spacing improves the long-term retention of facts.",
    "The minimum inhibitory concentration is the lowest dose that prevents growth.",
)
READ_AFTER_REPAIR = "it is damaged; what could be read was read, and marks may be missing"


def whole(path: Path) -> bytes:
    pages = [Page((paragraph(fact),), (mark(fact, comment="why?"),)) for fact in FACTS]
    write_pdf(path, pages, title="On memory")
    return path.read_bytes()


def scan(folder: Path) -> list[Sighting]:
    return list(opened("pdf", folder, name="papers").scan())


def keys(found: list[Sighting]) -> list[str]:
    return [build_anchor_key(one, one.occurrence) for one in highlights(found)]


def said(found: list[Sighting]) -> list[str]:
    return [one.message for one in found if isinstance(one, Problem)]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "an HTTP header before it": lambda raw: b"HTTP/1.1 200 OK\r\n" + b"x" * 3000 + raw,
    "no trailer": lambda raw: raw.replace(b"trailer", b"traileX").replace(
        b"startxref", b""
    ),
    "cut behind its objects": lambda raw: raw[: raw.rindex(b"xref\n0 ")],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_read_with_the_same_keys(tmp_path, name):
    raw = whole(tmp_path / "paper.pdf")
    before = scan(tmp_path)
    assert len(keys(before)) == 2
    (tmp_path / "paper.pdf").write_bytes(DAMAGES[name](raw))
    after = scan(tmp_path)
    assert keys(after) == keys(before)
    assert [one.markdown for one in highlights(after)] == [
        one.markdown for one in highlights(before)
    ]
    assert said(before) == []
    assert said(after) in ([READ_AFTER_REPAIR], [])  # PDFium may manage by itself


def test_what_was_mended_is_told(tmp_path):
    raw = whole(tmp_path / "paper.pdf")
    (tmp_path / "paper.pdf").write_bytes(DAMAGES["an HTTP header before it"](raw))
    assert said(scan(tmp_path)) == [READ_AFTER_REPAIR]


@pytest.mark.parametrize(
    "raw",
    [
        b"%PDF-1.7\nnothing",
        b"%PDF-1.7\n" + b"1 0 obj\n<< /Type /Catalog >>\n" * 50,
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Count 3 >>\nendobj\n",
        b"%PDF-1.7\n" + b"[" * 20_000 + b"/Type /Catalog",
    ],
)
def test_what_cannot_be_mended_is_named(tmp_path, raw):
    (tmp_path / "broken.pdf").write_bytes(raw)
    whole(tmp_path / "paper.pdf")
    found = scan(tmp_path)
    problems = [one for one in found if isinstance(one, Problem)]
    assert {one.location for one in problems} == {"broken.pdf"}
    assert not problems[0].is_notice
    assert "damaged" in problems[0].message or "cannot be read" in problems[0].message
    assert [
        one.document.title for one in found if isinstance(one, ExtractedDocument)
    ] == ["On memory"]
