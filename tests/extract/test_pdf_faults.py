"""Broken, locked, slow and hostile files cost themselves and nothing else."""

import gc
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NullObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from ankiforge.extract.pdf import worker
from ankiforge.extract.pdf.messages import (
    REPAIR_HINT,
    Failure,
    ReadMarksReply,
    ReadPages,
)
from ankiforge.extract.pdf.worker import PdfWorkerPool, WorkerProcess
from ankiforge.model import ExtractedDocument, Problem, ScanEnd, Sighting
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.reading import opened


def scan(root: Path, seconds: float = 60.0) -> list[Sighting]:
    return list(opened("pdf", root, name="papers", limits={"timeout": seconds}).scan())


def words(found: list[Sighting]) -> list[str]:
    return [
        h.exact
        for one in found
        if isinstance(one, ExtractedDocument)
        for h in one.highlights
    ]


def only_problem(found: list[Sighting]) -> Problem:
    (problem,) = [one for one in found if isinstance(one, Problem)]
    assert "\n" not in problem.message + problem.hint
    return problem


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """`z.pdf` with one mark: it is read after whatever a test puts before it."""
    page = Page(
        (paragraph("The spacing effect improves retention."),), (mark("spacing effect"),)
    )
    write_pdf(tmp_path / "z.pdf", [page])
    return tmp_path


def truncated(good: Path) -> bytes:
    raw = (good / "z.pdf").read_bytes()
    return raw[: len(raw) * 2 // 3]


def written(writer: PdfWriter) -> bytes:
    writer.write(file := io.BytesIO())
    return file.getvalue()


BROKEN = {
    "empty": (b"", "the file is empty"),
    "zeros, as a cloud folder leaves them": (bytes(4096), "the file is empty"),
    "a web page": (b"<!DOCTYPE html><title>Sign in</title>", "it is not a PDF"),
    "a header alone": (b"%PDF-1.7\n", "it is damaged"),
    "a header and noise": (b"%PDF-1.7\n" + bytes(range(256)) * 40, "it is damaged"),
    "truncated": (truncated, ""),
}


@pytest.mark.parametrize(("raw", "what"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_sound_pdf_is_named_with_its_reason(good, raw, what):
    (good / "a.pdf").write_bytes(raw if isinstance(raw, bytes) else raw(good))
    found = scan(good)
    problem = only_problem(found)
    assert problem.location == "a.pdf"
    assert problem.message.startswith(what)
    assert problem.hint or not what
    assert words(found) == ["spacing effect"]
    assert found[-1] == ScanEnd(
        "papers", "pdf:papers", complete=True, directory=str(good)
    )


@pytest.mark.parametrize("method", ["RC4-128", "AES-128", "AES-256"])
def test_a_locked_file_is_a_problem(good, method):
    raw = (good / "z.pdf").read_bytes()
    (good / "z.pdf").write_bytes(b"HTTP/1.1 200 OK\r\n" * 20 + raw)
    assert words(scan(good)) == ["spacing effect"], "junk before the file does no harm"
    (good / "z.pdf").write_bytes(raw)
    for word in ("", "öffne dich"):
        writer = PdfWriter(clone_from=good / "z.pdf")
        writer.encrypt(word, owner_password="other", algorithm=method)
        (good / "z.pdf").write_bytes(written(writer))
        if word:
            assert "locked" in only_problem(scan(good)).message
        else:  # locked only against changes
            assert words(scan(good)) == ["spacing effect"]
            (good / "z.pdf").write_bytes(raw)


@pytest.mark.parametrize(
    ("timeout", "message", "hint"),
    [
        (60.0, "the PDF reader crashed on it, or it takes more memory than is allowed", REPAIR_HINT),
        (0.0, "reading it took longer than 0 s", "print it to a new PDF, or leave it out with `exclude`"),
    ],
)  # fmt: skip
def test_a_process_that_has_ended_says_why(timeout, message, hint):
    process = WorkerProcess(timeout)
    process.kill()
    assert process.send(ReadPages("a.pdf", 0, 1)) == Failure(message, hint)


def test_a_file_that_takes_too_much_is_given_up_and_the_next_is_read(good):
    write_contents(good, "a.pdf", endless())
    found = scan(good, seconds=10.0)
    assert only_problem(found).location == "a.pdf"
    assert words(found) == ["spacing effect"]


def test_a_file_that_swells_to_gigabytes_costs_only_itself(good):
    write_contents(
        good, "a.pdf", zlib.compress(zlib.compress(bytes(150_000_000), 1)), filters=2
    )
    found = scan(good)
    assert words(found)[-1] == "spacing effect"
    assert only_problem(found).location == "a.pdf"


@pytest.mark.slow
def test_many_papers_take_no_more_memory_than_one(tmp_path, monkeypatch):
    """What one process reads one after another does not add up until it is out of memory."""
    monkeypatch.setattr(worker, "MAX_PROCESS_BYTES", 32 * 2**20)
    facts = "The spacing effect improves the retention of facts in many places. "
    pages = [Page((paragraph(30 * facts),), (mark("spacing effect"),)) for _ in range(12)]
    for number in range(7):
        write_pdf(tmp_path / f"{number:02}.pdf", pages, title=f"Paper {number}")
    found = scan(tmp_path)
    assert [each for each in found if isinstance(each, Problem)] == []
    assert len([each for each in found if isinstance(each, ExtractedDocument)]) == 7


def test_a_thread_of_a_thousand_answers_is_read_whole(good):
    writer = PdfWriter(clone_from=good / "z.pdf")
    annotations = writer.pages[0]["/Annots"]
    for _ in range(1_000):
        answer = DictionaryObject({NameObject("/Subtype"): NameObject("/Text")})
        answer[NameObject("/Type")] = NameObject("/Annot")
        answer[NameObject("/Contents")] = TextStringObject("so")
        answer[NameObject("/IRT")] = annotations[-1]  # type: ignore[index]
        annotations.append(writer._add_object(answer))  # type: ignore[attr-defined]
    writer.write(good / "z.pdf")
    (found,) = [one for one in scan(good) if isinstance(one, ExtractedDocument)]
    (highlight,) = found.highlights
    assert highlight.comment.count("so") == 1_000


@pytest.mark.parametrize("media", [None, NullObject(), ArrayObject([NumberObject(0)])])
def test_a_page_without_a_size_loses_no_mark(good, media):
    writer = PdfWriter(clone_from=good / "z.pdf")
    del writer.pages[0][NameObject("/MediaBox")]
    if media is not None:
        writer.pages[0][NameObject("/MediaBox")] = media
    writer.write(good / "z.pdf")
    assert words(scan(good)) == ["spacing effect"]


def test_leaving_a_scan_early_ends_the_worker(good):
    """An unclosed pipe or an unawaited process would be a ResourceWarning, which is an error."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.exists() and children.read_text()
    sightings = iter(opened("pdf", good, name="papers").scan())
    next(sightings)
    del sightings
    gc.collect()
    assert (children.exists() and children.read_text()) == before


def test_a_path_is_that_of_the_folder_one_works_in_now(good, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (marked,) = good.glob("*.pdf")
    for folder, name in (
        (tmp_path / "elsewhere", f"../{marked.name}"),
        (good, marked.name),
    ):
        monkeypatch.chdir(folder)
        with PdfWorkerPool() as worker:
            assert isinstance(worker.read_marks(Path(name)), ReadMarksReply)


def test_the_room_is_entered_without_the_pdf_libraries():
    code = (
        "import sys, ankiforge.extract.pdf, ankiforge.extract.zotero;"
        "sys.exit(any(name in sys.modules for name in ('pypdf', 'pypdfium2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def write_contents(folder: Path, name: str, data: bytes, filters: int = 1) -> None:
    """A copy of `z.pdf` with other page contents, which are compressed already."""
    writer = PdfWriter(clone_from=folder / "z.pdf")
    stream = StreamObject()
    stream._data = data
    stream[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode")] * filters)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    writer.write(folder / name)


def endless() -> bytes:
    """Three million letters on one page."""
    line = b"BT /F4 1 Tf 1 0 0 1 50 %d Tm (" + b"x y " * 250 + b") Tj ET\n"
    return zlib.compress(b"".join(line % (2 * number) for number in range(3000)))


def test_a_damaged_page_costs_only_itself(good):
    writer = PdfWriter(clone_from=good / "z.pdf")
    writer.add_blank_page(100, 100)
    kids = writer.root_object["/Pages"].get_object()["/Kids"]
    kids[1] = NullObject()
    (good / "z.pdf").write_bytes(written(writer))
    found = scan(good)
    assert words(found) == ["spacing effect"]
    assert only_problem(found).message == "page 2 cannot be read"
