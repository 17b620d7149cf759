"""Opening a PDF with PDFium: messages for failures, passwords, junk before it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError  # type: ignore[import-untyped]

from ankiforge.extract.files import READ_AGAIN
from ankiforge.extract.pdf.worker import REPAIR, Failed
from ankiforge.model import WENT_AWAY

FAULTS = (PdfiumError, ValueError, TypeError, LookupError, ArithmeticError, OSError)
"""What is raised for damaged and hostile files."""
LOCKED = Failed(
    "it is locked, and none of the known passwords opens it",
    "put its password into `passwords` of this source",
)
NO_PDF = Failed("it is not a PDF", "leave it out with `exclude`, or fetch it again")
EMPTY = Failed("the file is empty", "fetch it again")
TOO_BIG = Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)


def failure(error: BaseException) -> Failed:
    """Return the message for a file that cannot be read."""
    if isinstance(error, MemoryError):
        return TOO_BIG
    if isinstance(error, FileNotFoundError):
        return Failed(WENT_AWAY, READ_AGAIN)
    if isinstance(error, OSError):
        what = f"it cannot be read: {error.strerror or error}"
        return Failed(what, "check the file's permissions")
    if isinstance(error, PdfiumError):
        return Failed("it is damaged, or protected in an unknown way", REPAIR)
    return Failed(f"it is damaged: {type(error).__name__}", REPAIR)


HEAD = 65_536
"""Bytes of junk that may precede the PDF."""
PDFIUM_HEAD = 1024
"""Bytes of junk that PDFium accepts."""
TAIL = 2048
"""Bytes at the end that are searched for the end of a complete file."""


def open_file(path: Path, passwords: Iterable[str]) -> PdfDocument | Failed:
    """Open a file, or return why that failed; damage raises one of `FAULTS`. The caller closes it.

    PDFium repairs files whose cross-reference table is damaged or missing.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    start = head.find(b"%PDF-")
    if start < 0:
        return NO_PDF if head.strip(b"\x00 \r\n\t") else EMPTY
    content = path if start < PDFIUM_HEAD else path.read_bytes()[start:]
    for password in ("", *passwords):
        try:
            document = PdfDocument(content, password=password or None)
        except PdfiumError as error:
            if "password" not in str(error).lower():
                raise
            continue
        if not len(document):
            raise PdfiumError("no pages")
        return document
    return LOCKED


def is_cut(path: Path) -> bool:
    """Return whether the end of the file is missing."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        tail = file.read()
    return b"%%EOF" not in tail and b"startxref" not in tail
