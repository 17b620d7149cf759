"""What a source makes of the replies about a PDF: rows without a PDF."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.extract.file_source import File
from ankiforge.extract.pdf import PdfSource, read_pdf_metadata
from ankiforge.extract.pdf.messages import (
    Failure,
    ReadMarksReply,
    ReadPagesReply,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Paragraph,
    Problem,
    SkippedText,
    UnmarkedDocument,
)
from tests.reading import opened

WORK = Document(DocumentKey("pdf:1"), "", "Hearts", identifiers=(("doi", "10.1/2"),))
COMPLETE = replace(
    WORK,
    source="p",
    path="d/On hearts.pdf",
    identifiers=(("doi", "10.1/2"), ("file", "On hearts.pdf")),
)
MARK = Highlight(WORK, "", HighlightKind.HIGHLIGHT, "A heart pumps.", block_id="0")
SKIPPED = (SkippedText("Stamp", "page 1", "it is a drawing"),)
NO_MARKS = Problem(
    "d/On hearts.pdf",
    "no annotations in this file",
    "printing to PDF turns marks into part of the page: save or export the file with its annotations instead",
    is_notice=True,
)


def source(tmp_path, *me: str) -> PdfSource:
    return opened("pdf", tmp_path, name="p", me=me)


def extract(tmp_path, reply, *me: str, named: bool = False):
    file = File("d/On hearts.pdf", str(tmp_path / "x.pdf"), is_named_by_user=named)
    reader = SimpleNamespace(read_marks=lambda path: reply)
    return list(source(tmp_path, *me).extract_file(file, reader, str))


def complete(mark: Highlight, occurrence: int = 1, *, is_mine: bool = True) -> Highlight:
    return replace(
        mark,
        document=COMPLETE,
        namespace="pdf:1",
        occurrence=occurrence,
        comment_is_instruction=is_mine,
    )


def test_the_highlights_of_a_pdf_belong_to_its_work(tmp_path):
    pages = (("hash", 9),)
    other_page = replace(MARK, block_id="1")
    reply = ReadMarksReply(
        WORK, (MARK, MARK, other_page), pages=pages, is_whole=False, left_out=SKIPPED
    )
    [found] = extract(tmp_path, reply)
    assert found == ExtractedDocument(
        COMPLETE,
        (complete(MARK), complete(MARK, 2), complete(other_page)),
        "pdf:p",
        pages,
        is_fully_read=False,
        skipped_texts=SKIPPED,
    )


@pytest.mark.parametrize(
    ("author", "me", "is_mine"),
    [("Ada", (), True), ("Ada", ("Ada",), True), ("Bob", ("Ada", "Eve"), False), ("", ("Ada",), True)],
)  # fmt: skip
def test_only_my_own_comments_are_instructions(tmp_path, author, me, is_mine):
    mark = replace(MARK, author=author)
    [found] = extract(tmp_path, ReadMarksReply(WORK, (mark,)), *me)
    assert found.highlights == (complete(mark, is_mine=is_mine),)


PROBLEM = Problem("d/On hearts.pdf", "a", "b")


@pytest.mark.parametrize(
    ("reply", "named", "expected"),
    [
        (ReadMarksReply(WORK), False, []),
        (ReadMarksReply(WORK), True, [NO_MARKS]),
        (ReadMarksReply(WORK, problems=(("a", "b"),)), True, [PROBLEM]),
        (ReadMarksReply(WORK, notices=(("a", "b"),)), True, [replace(PROBLEM, is_notice=True)]),
        (ReadMarksReply(WORK, left_out=SKIPPED), False,
         [UnmarkedDocument("pdf:p", "d/On hearts.pdf", "", skipped_texts=SKIPPED)]),
        (Failure("a", "b"), True, [PROBLEM]),
    ],
)  # fmt: skip
def test_what_is_said_of_a_pdf_without_marks(tmp_path, reply, named, expected):
    assert extract(tmp_path, reply, named=named) == expected


def test_a_work_without_a_title_is_called_like_its_file(tmp_path):
    untitled = replace(WORK, title="")
    mark = replace(MARK, document=untitled)
    [found] = extract(tmp_path, ReadMarksReply(untitled, (mark,)))
    assert found.document.title == "On hearts"


def test_the_whole_text_of_a_pdf(tmp_path):
    replies = (
        ReadPagesReply(
            WORK,
            (("h1", 1), ("h2", 2)),
            ("i",),
            (
                (
                    ("Hearts", "Hearts", None),
                    ("", "", None),
                    ("They pump.", "Hearts", "odd"),
                ),
            ),
        ),
        ReadPagesReply(
            WORK, (("h1", 1), ("h2", 2)), ("ii",), ((("They rest.", "", None),),)
        ),
    )
    file = File("d/On hearts.pdf", str(tmp_path / "x.pdf"), is_named_by_user=True)
    reader = SimpleNamespace(iter_pages=lambda path: iter(replies))
    assert source(tmp_path).read_whole_text(file, reader) == DocumentText(
        COMPLETE,
        ("Hearts\n\nThey pump.", "They rest."),
        (
            Paragraph(0, 0, 6, "Hearts", block_id="0"),
            Paragraph(0, 8, 18, "Hearts", block_id="0", skip_reason="odd"),
            Paragraph(1, 0, 10, block_id="1"),
        ),
        "pdf:1",
        ("i", "ii"),
        (("h1", 1), ("h2", 2)),
    )


def test_a_file_that_is_no_pdf_has_no_metadata(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no PDF")
    problem = read_pdf_metadata(path)
    assert isinstance(problem, Problem)
    assert (problem.location, problem.message) == (str(path), "it is not a PDF")
