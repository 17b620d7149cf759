"""Reply to requests about a PDF: its annotations, its text, the context of quotes, pictures.

A worker process calls `process_pdf_request` for each request.
"""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pypdfium2 as pdfium  # type: ignore[import-untyped]

from ankiforge.extract.files import (
    MISSING_FILE_HINT,
    Stamp,
    open_regular_file,
    read_stamp,
)
from ankiforge.extract.pdf.annotations import read_annotations
from ankiforge.extract.pdf.marks import read_marks
from ankiforge.extract.pdf.messages import (
    REPAIR_HINT,
    CutAreas,
    CutAreasReply,
    DrawPage,
    Failure,
    FindContexts,
    FindContextsReply,
    MeasurePages,
    ReadMarks,
    ReadMarksReply,
    ReadPages,
    Reply,
    Request,
)
from ankiforge.extract.pdf.open_pdf import FilePages, OpenPdf
from ankiforge.extract.pdf.page_text import PDF_ERRORS
from ankiforge.extract.pdf.quotes import find_quote_context
from ankiforge.model import VANISHED
from ankiforge.text import format_count

# --- problems with a file -------------------------------------------------------------

_LOCKED = Failure(
    "it is locked with a password",
    "open it in a PDF reader and save a copy without a password",
)
_NOT_A_PDF = Failure(
    "it is not a PDF", "download it again, or leave it out with `exclude`"
)
EMPTY_FILE = Failure("the file is empty", "download it again")
DAMAGED_FILE = Failure("it is damaged, or protected in an unknown way", REPAIR_HINT)
HIDDEN_MARKS_HINT = (
    "PDF programs hide deleted marks; make them visible there to include them"
)
_OUT_OF_MEMORY = Failure(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)
TRUNCATED_NOTICE = (
    "its end is missing; marks may be missing too",
    "download it again, or open it in a PDF reader and save a copy",
)
HEADER_SEARCH_BYTES = 65_536
"""The number of bytes at the start of a file in which to look for `%PDF-`. PDFium accepts up to
1,024 bytes of junk before this header, and pypdf accepts more.
"""
_TAIL_BYTES = 2048
"""The number of bytes at the end of a file in which to look for a PDF's end marker."""


class _UnreadablePdfError(Exception):
    """Raised when a PDF can't be opened."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


# --- one request ------------------------------------------------------------------------


def process_pdf_request(request: Request) -> Reply:
    """Return the reply to a request about a PDF, or a `Failure` if the file can't be read.

    Never raises an exception because of a file's content.
    """
    path = Path(request.path)
    try:
        if isinstance(request, ReadPages):
            pdf = _open_for_pages(path, read_stamp(path))
            return pdf.read_pages(request.first, request.number)
        opened = _open_file(path)
        with closing(opened.document):
            return _reply_about(opened, path.stem, request)
    except _UnreadablePdfError as error:
        return error.failure
    except MemoryError:
        return _OUT_OF_MEMORY
    except FileNotFoundError:
        return Failure(VANISHED, MISSING_FILE_HINT)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        return Failure(message, "check the file's permissions")
    except PDF_ERRORS:
        return DAMAGED_FILE


def _reply_about(
    opened: _OpenedFile,
    name: str,
    request: ReadMarks | FindContexts | CutAreas | DrawPage | MeasurePages,
) -> Reply:
    match request:
        case ReadMarks():
            return _read_marks(opened, name, request)
        case FindContexts():
            with closing(OpenPdf(FilePages(opened.document), name)) as pdf:
                contexts = [find_quote_context(pdf, quote) for quote in request.quotes]
                return FindContextsReply(tuple(contexts))
        case _:
            return _render(opened.document, request)


def _render(
    document: pdfium.PdfDocument, request: CutAreas | DrawPage | MeasurePages
) -> Reply:
    # imported on demand, because most files are only read
    from ankiforge.extract.pdf import rendering

    match request:
        case CutAreas():
            pictures = [rendering.cut_out_area(document, area) for area in request.areas]
            return CutAreasReply(tuple(pictures))
        case DrawPage():
            return rendering.draw_page(document, request)
        case MeasurePages():
            return rendering.read_page_sizes(document)


def _read_marks(opened: _OpenedFile, name: str, request: ReadMarks) -> ReadMarksReply:
    pages = FilePages(opened.document)
    annotations = read_annotations(pages.iter_pages())
    notices = []
    if annotations.hidden_count:
        message = f"{format_count(annotations.hidden_count, 'hidden mark')} left out"
        notices.append((message, HIDDEN_MARKS_HINT))
    if opened.is_truncated:
        notices.append(TRUNCATED_NOTICE)
    reply = ReadMarksReply(
        notices=tuple(notices),
        is_whole=not opened.is_truncated,
        left_out=annotations.left_out,
    )
    if request.named or annotations.marks or pages.damaged:
        with closing(OpenPdf(pages, name)) as pdf:
            return read_marks(pdf, annotations.marks, reply)
    return reply


# --- opening a file ---------------------------------------------------------------------


class _OpenedFile(NamedTuple):
    """A PDF that PDFium opened. The caller must close the document."""

    document: pdfium.PdfDocument
    is_truncated: bool
    """Whether the end of the file is missing."""


@lru_cache(maxsize=1)
def _open_for_pages(path: Path, stamp: Stamp | None) -> OpenPdf:
    """Open the file whose pages are being read.

    It stays open until another file is read or its stamp changes, because opening it takes as long
    as reading a sixth of its pages. `stamp` only tells apart the versions of a file in the cache.

    Raises:
        _UnreadablePdfError: The file can't be opened.
    """
    return OpenPdf(FilePages(_open_file(path).document), path.stem)


def _open_file(path: Path) -> _OpenedFile:
    """Open a PDF. PDFium itself repairs a damaged or missing cross-reference table.

    Raises:
        _UnreadablePdfError: The file can't be opened.
    """
    with open(path, "rb", opener=open_regular_file) as file:
        head = file.read(HEADER_SEARCH_BYTES)
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        tail = file.read()
    if not head.strip(b"\x00 \r\n\t"):
        raise _UnreadablePdfError(EMPTY_FILE)
    if b"%PDF-" not in head:
        raise _UnreadablePdfError(_NOT_A_PDF)
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        is_locked = "password" in str(error).lower()
        raise _UnreadablePdfError(_LOCKED if is_locked else DAMAGED_FILE) from error
    if not len(document):
        document.close()
        raise _UnreadablePdfError(DAMAGED_FILE)
    has_end = b"%%EOF" in tail or b"startxref" in tail
    return _OpenedFile(document, is_truncated=not has_end)
